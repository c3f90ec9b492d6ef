//! The full-screen client as a pure machine: keys, events and answers go in, calls and a view come
//! out.
//!
//! No socket, no clock, no terminal: time is handed in, the screen draws what `view`
//! makes of the state, and whoever owns this sends the calls. What events and answers do is in
//! `hearing.rs`, what typed commands do in `orders.rs`.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::client::{Call, Door, Room};

use super::commands::{TEXT_CHARS_MAX, parse};
use super::completion::{Completion, Known};
use super::input::{HELD_CHARS_MAX, Input};
use super::line::{Body, Clock, Line};
use super::log::Log;
use super::login::{Outcome, Question};
use super::look::Look;
use super::view;

/// A moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// By the clock on the wall.
    pub(super) at: SystemTime,
    /// Since the start, never going back.
    pub(super) since: Duration,
}

/// What the client was started with.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    /// The door.
    pub(super) door: Door,
    /// `HOST:PORT`, for the status line.
    pub(super) server: String,
    /// The name to bear, if one was given.
    pub(super) name: Option<String>,
    /// The room to join, if one was given.
    pub(super) room: Option<String>,
    /// The name to suggest otherwise.
    pub(super) suggestion: String,
    /// How things look.
    pub(super) look: Look,
    /// Local time.
    pub(super) clock: Clock,
}

/// Names a call until it is answered.
pub(super) type Tag = u64;

/// What a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Coming in, or moving.
    Join,
    /// Leaving the room.
    Leave,
    /// Making the room private, or public.
    SetPrivate(bool),
    /// Logging in, or making an account.
    LogIn,
    /// Logging out.
    LogOut,
    /// A message: the line that shows it.
    Said(u64),
    /// Something that somebody typed, whose answer is told.
    Asked,
    /// Older lines of the room, for above those that stand, which begin with this `seq`.
    Older(u64),
    /// So many lines of the room, to be shown at the end.
    Recall(u32),
    /// To keep the lists right; the answer is not told.
    Upkeep,
}

/// How things stand with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// It is there.
    Up,
    /// It is lost.
    Lost {
        /// Since the start: when it is tried again.
        retry: Duration,
    },
}

/// Why it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Somebody wants it so.
    Quit,
    /// The client has given up, for this reason.
    Lost(String),
}

/// How often the round trip is measured.
const PING_EVERY: Duration = Duration::from_secs(10);

/// How often lists are asked for that a door does not tell the changes of.
const LISTS_EVERY: Duration = Duration::from_secs(60);

/// How often others are told that one is typing.
const TYPING_EVERY: Duration = Duration::from_secs(3);

/// Rows of the log that a notch of the wheel is worth.
const WHEEL_ROWS: usize = 3;

/// At most so many names are remembered of who spoke last.
const SPEAKERS_MAX: usize = 50;

/// The state.
#[derive(Debug)]
pub(super) struct App {
    pub(super) setup: Setup,
    pub(super) log: Log,
    pub(super) input: Input,
    pub(super) completion: Completion,
    pub(super) question: Option<Question>,
    pub(super) link: Link,
    pub(super) me: String,
    pub(super) room: Option<String>,
    pub(super) is_private: bool,
    pub(super) members: Vec<String>,
    pub(super) rooms: Vec<Room>,
    /// Who spoke last first.
    pub(super) speakers: Vec<String>,
    /// Who is typing, and until when that is shown.
    pub(super) typing: Vec<(String, Duration)>,
    pub(super) round_trip: Option<Duration>,
    /// Shown or hidden, if somebody said so.
    pub(super) side: Option<bool>,
    pub(super) size: (u16, u16),
    pub(super) is_over: Option<End>,
    /// The room's last `seq`.
    pub(super) last_seq: u64,
    /// A room is to be entered as soon as there is a name.
    pub(super) wants_room: bool,
    /// The smallest `seq` of the room that is shown; `None`: there is nothing older to be had.
    pub(super) oldest: Option<u64>,
    pub(super) waiting: HashMap<Tag, Purpose>,
    calls: Vec<(Tag, Call)>,
    next_tag: Tag,
    next_ping: Duration,
    next_lists: Duration,
    next_typing: Duration,
    is_dirty: bool,
    pub(super) wants_redraw: bool,
    /// Wheel and buttons come here, and not to the terminal's own selection.
    pub(super) has_mouse: bool,
    /// The terminal does not know of that yet.
    pub(super) wants_mouse_told: bool,
    pub(super) wants_bell: bool,
    /// It has rung since somebody looked last.
    has_rung: bool,
}

impl App {
    /// Connected, and in no room.
    pub(super) fn new(setup: Setup) -> App {
        App {
            log: Log::new(setup.look),
            setup,
            input: Input::default(),
            completion: Completion::default(),
            question: None,
            link: Link::Up,
            me: String::new(),
            room: None,
            is_private: false,
            members: Vec::new(),
            rooms: Vec::new(),
            speakers: Vec::new(),
            typing: Vec::new(),
            round_trip: None,
            side: None,
            size: (80, 24),
            is_over: None,
            last_seq: 0,
            wants_room: true,
            oldest: None,
            waiting: HashMap::new(),
            calls: Vec::new(),
            next_tag: 0,
            next_ping: Duration::ZERO,
            next_lists: LISTS_EVERY,
            next_typing: Duration::ZERO,
            is_dirty: true,
            wants_redraw: false,
            has_mouse: false,
            wants_mouse_told: false,
            wants_bell: false,
            has_rung: false,
        }
    }

    /// Goes in, or asks who wants to.
    pub(super) fn start(&mut self, now: Now) {
        let text = "Tab completes, /help tells of the commands and keys, Ctrl-C quits.";
        self.tell(text.to_owned(), now);
        self.begin(now);
    }

    /// From having no name, no account and no room.
    pub(super) fn begin(&mut self, now: Now) {
        self.wants_room = true;
        if self.setup.door == Door::Accounts {
            let text = "This door wants an account. Log in, or make one: /register NAME";
            self.tell(text.to_owned(), now);
            self.ask_account(false);
        } else if let Some(name) = self.setup.name.clone() {
            self.join(self.setup.room.clone(), Some(name));
        } else {
            self.ask_name();
        }
    }

    /// The calls that are to be made.
    pub(super) fn take_calls(&mut self) -> Vec<(Tag, Call)> {
        std::mem::take(&mut self.calls)
    }

    /// Whether the screen is to be drawn again.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    pub(super) fn touch(&mut self) {
        self.is_dirty = true;
    }

    pub(super) fn call(&mut self, call: Call, purpose: Purpose) -> Tag {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.waiting.insert(tag, purpose);
        self.calls.push((tag, call));
        tag
    }

    pub(super) fn join(&mut self, room: Option<String>, name: Option<String>) {
        self.call(Call::Join { room, name }, Purpose::Join);
    }

    pub(super) fn write(&mut self, body: Body, now: Now, counts: bool) -> u64 {
        let line = self.line(now.at, body);
        self.touch();
        self.log.push(line, counts)
    }

    pub(super) fn line(&self, at: SystemTime, body: Body) -> Line {
        let (day, time) = self.setup.clock.local(at);
        Line { id: 0, day, time, body }
    }

    pub(super) fn tell(&mut self, text: String, now: Now) {
        self.write(Body::Told(text), now, false);
    }

    pub(super) fn complain(&mut self, text: String, now: Now) {
        self.write(Body::Trouble(text), now, false);
    }

    /// The terminal has another size.
    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        self.touch();
    }

    /// Somebody looks at the terminal, or at something else.
    pub(super) fn focus(&mut self, focused: bool) {
        self.log.focus(focused);
        self.has_rung &= !focused;
        // Whoever looks again need not be called.
        self.wants_bell &= !focused;
        self.touch();
    }

    /// Calls whoever looks at something else: once, for they may be away for long.
    pub(super) fn ring(&mut self) {
        if !self.log.is_focused() && !self.has_rung {
            self.has_rung = true;
            self.wants_bell = true;
        }
    }

    /// Fits the log into what the rest leaves of the screen; before drawing and scrolling.
    pub(super) fn lay_out(&mut self) {
        if let Some(layout) = view::layout(self) {
            self.log.resize(layout.log.width.into(), layout.log.height.into());
        }
    }

    /// What was pasted.
    pub(super) fn paste(&mut self, text: &str, now: Now) {
        self.touch();
        self.completion.reset();
        if let Some(Question::Password(secret)) = &mut self.question {
            secret.paste(text);
        } else if let Err(chars) = self.input.insert(text) {
            self.complain(
                format!("too long to be pasted: {chars}/{HELD_CHARS_MAX} characters"),
                now,
            );
        } else {
            self.typed(now);
        }
    }

    /// A key was pressed.
    pub(super) fn key(&mut self, key: KeyEvent, now: Now) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.touch();
        if self.scroll_key(key) {
            return;
        }
        if let Some(Question::Password(secret)) = &mut self.question {
            match secret.key(key) {
                Outcome::Typing => {}
                outcome => self.password_typed(outcome, now),
            }
            return;
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        if !matches!(key.code, KeyCode::Tab | KeyCode::BackTab) {
            self.completion.reset();
        }
        match key.code {
            KeyCode::Char('c') if ctrl && !self.input.text().is_empty() => self.input.set(""),
            // As with Esc: only a question without which one cannot go on is a reason to quit.
            KeyCode::Char('c') if ctrl && self.question.is_some() && !self.me.is_empty() => {
                self.dismiss(now);
            }
            KeyCode::Char('c') if ctrl => self.is_over = Some(End::Quit),
            KeyCode::Char('d') if ctrl && self.input.text().is_empty() => {
                self.is_over = Some(End::Quit);
            }
            KeyCode::Char('l') if ctrl => self.wants_redraw = true,
            KeyCode::Esc => self.dismiss(now),
            KeyCode::Tab => self.complete(false),
            KeyCode::BackTab => self.complete(true),
            KeyCode::Enter if key.modifiers.is_empty() => self.enter(now),
            _ => {
                let before = self.input.text().len();
                if self.input.key(key) && self.input.text().len() > before {
                    self.typed(now);
                }
            }
        }
    }

    fn scroll_key(&mut self, key: KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let scrolls = match key.code {
            KeyCode::PageUp | KeyCode::PageDown | KeyCode::F(2) => true,
            KeyCode::Home | KeyCode::End => ctrl,
            _ => false,
        };
        // A layout takes its time where thousands of characters are typed, and is not for each of them.
        if !scrolls {
            return false;
        }
        self.lay_out();
        match key.code {
            KeyCode::PageUp => self.log.scroll_up(self.log.page()),
            KeyCode::PageDown => self.log.scroll_down(self.log.page()),
            KeyCode::Home => self.log.scroll_home(),
            KeyCode::End => self.log.scroll_end(),
            _ => {
                let is_shown = view::layout(self).is_some_and(|layout| layout.side.is_some());
                self.side = Some(!is_shown);
            }
        }
        if matches!(key.code, KeyCode::PageUp | KeyCode::Home) && self.log.is_at_beginning() {
            self.load_older();
        }
        true
    }

    /// The wheel was turned by one notch. The lists do not scroll: it is the log that does, wherever
    /// the mouse is.
    pub(super) fn wheel(&mut self, up: bool) {
        self.touch();
        self.lay_out();
        if !up {
            return self.log.scroll_down(WHEEL_ROWS);
        }
        self.log.scroll_up(WHEEL_ROWS);
        if self.log.is_at_beginning() {
            self.load_older();
        }
    }

    fn complete(&mut self, backwards: bool) {
        let mut names = self.speakers.clone();
        let others = self.members.iter().filter(|name| !self.speakers.contains(name));
        names.extend(others.cloned());
        names.retain(|name| *name != self.me && self.members.contains(name));
        let rooms: Vec<_> = self.rooms.iter().map(|room| room.name.clone()).collect();
        let known = Known { names: &names, rooms: &rooms };
        self.completion.tab(&mut self.input, &known, backwards);
    }

    fn enter(&mut self, now: Now) {
        if self.question.is_some() && !self.input.text().starts_with('/') {
            return self.answer_question();
        }
        match parse(self.input.text()) {
            Ok(None) => self.log.scroll_end(),
            Ok(Some(entry)) => self.obey(entry, now),
            Err(complaint) => self.complain(complaint.to_string(), now),
        }
    }

    /// Somebody writes something that is to be said.
    fn typed(&mut self, now: Now) {
        let is_said = !self.input.text().starts_with('/') && self.question.is_none();
        let is_due = now.since >= self.next_typing;
        if is_said && is_due && self.room.is_some() && self.link == Link::Up {
            self.next_typing = now.since + TYPING_EVERY;
            self.call(Call::Typing, Purpose::Upkeep);
        }
    }

    /// Who spoke is completed first.
    pub(super) fn spoke(&mut self, name: &str) {
        self.speakers.retain(|known| known != name);
        self.speakers.insert(0, name.to_owned());
        self.speakers.truncate(SPEAKERS_MAX);
        self.typing.retain(|(known, _)| known != name);
    }

    /// Time goes by.
    pub(super) fn tick(&mut self, now: Now) {
        let before = self.typing.len();
        self.typing.retain(|(_, until)| *until > now.since);
        if self.typing.len() != before || matches!(self.link, Link::Lost { .. }) {
            self.touch();
        }
        if self.link != Link::Up {
            return;
        }
        if now.since >= self.next_ping {
            self.next_ping = now.since + PING_EVERY;
            self.call(Call::Ping, Purpose::Upkeep);
        }
        if now.since >= self.next_lists {
            self.next_lists = now.since + LISTS_EVERY;
            if self.room.is_some() {
                self.ask_lists();
            }
        }
    }

    pub(super) fn ask_lists(&mut self) {
        self.call(Call::Users, Purpose::Upkeep);
        self.call(Call::Rooms, Purpose::Upkeep);
    }

    /// When [`tick`](App::tick) has something to do next, since the start.
    pub(super) fn deadline(&self, now: Now) -> Duration {
        let second = now.since + Duration::from_secs(1);
        let typing = self.typing.iter().map(|(_, until)| *until).min();
        let next = match self.link {
            Link::Up => self.next_ping.min(self.next_lists),
            Link::Lost { .. } => second,
        };
        typing.map_or(next, |typing| typing.min(next))
    }

    /// How many characters the message has, where that is worth telling, and whether too many.
    pub(super) fn counter(&self) -> Option<(String, bool)> {
        if self.question.is_some() {
            return None;
        }
        let chars = self.input.text().chars().count();
        let is_near = chars * 5 > TEXT_CHARS_MAX * 4;
        is_near.then(|| (format!("{chars}/{TEXT_CHARS_MAX}"), chars > TEXT_CHARS_MAX))
    }
}
