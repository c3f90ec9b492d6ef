//! The full-screen client as a machine: keys and events in, screens out, compared as text.

mod login;
mod mentions;
mod mouse;
mod picture;
mod scenes;
mod server;
mod walks;

use std::time::{Duration, SystemTime};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::app::{App, Now, Setup, Tag};
use super::line::Clock;
use super::look::Look;
use super::view;
use crate::client::{Answer, Call, CallError, Door, Event, Happening, Joined, Message};

/// An app on a screen that is not there, before a server that the test plays.
struct Stage {
    app: App,
    /// Seconds since the start, which is on 31 January 2026 at 12:34 UTC.
    seconds: u64,
    calls: Vec<(Tag, Call)>,
}

impl Stage {
    /// Started, without a name.
    fn nameless(door: Door, width: u16, height: u16) -> Stage {
        Stage::new(door, None, width, height)
    }

    fn new(door: Door, name: Option<&str>, width: u16, height: u16) -> Stage {
        let setup = Setup {
            door,
            server: "127.0.0.1:8765".into(),
            name: name.map(str::to_owned),
            room: None,
            suggestion: "ann".into(),
            look: Look::plain(),
            clock: Clock(TimeZone::UTC),
        };
        let mut stage = Stage { app: App::new(setup), seconds: 0, calls: Vec::new() };
        stage.app.resize(width, height);
        let now = stage.now();
        stage.app.start(now);
        stage
    }

    /// In `general`, with Bob and Zoë.
    fn joined(width: u16, height: u16) -> Stage {
        let mut stage = Stage::new(Door::WebSocket, Some("ann"), width, height);
        let join = stage.called();
        assert_eq!(join, Call::Join { room: None, name: Some("ann".into()) });
        stage.answer(Answer::Joined(Joined {
            room: "general".into(),
            name: "ann".into(),
            users: Some(["bob", "Zoë", "ann"].map(str::to_owned).into()),
            private: Some(false),
            seq: Some(1),
            epoch: Some("k3x9".into()),
        }));
        assert_eq!(stage.called(), Call::Rooms);
        stage.answer(Answer::Rooms(vec![room("general"), room("tech talk")]));
        stage
    }

    fn now(&self) -> Now {
        let since = Duration::from_secs(self.seconds);
        Now { at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_862_840) + since, since }
    }

    /// The next call, which has to be answered next.
    #[track_caller]
    fn called(&mut self) -> Call {
        self.calls.extend(self.app.take_calls());
        self.calls.first().expect("a call").1.clone()
    }

    #[track_caller]
    fn calls_nothing(&mut self) {
        self.calls.extend(self.app.take_calls());
        assert_eq!(self.calls, []);
    }

    #[track_caller]
    fn answer_with(&mut self, result: Result<Answer, CallError>) {
        self.called();
        let (tag, _) = self.calls.remove(0);
        let now = self.now();
        self.app.answer(tag, result, now);
    }

    #[track_caller]
    fn answer(&mut self, answer: Answer) {
        self.answer_with(Ok(answer));
    }

    #[track_caller]
    fn refuse(&mut self, words: &str) {
        self.answer_with(Err(CallError::Refused(words.into())));
    }

    fn hear(&mut self, event: Event) {
        let now = self.now();
        self.app.event(event, now);
    }

    fn happens(&mut self, what: Happening) {
        let at = self.now().at;
        self.hear(Event::Room { room: "general".into(), seq: None, at, what });
    }

    fn says(&mut self, from: &str, text: &str) {
        let message = Message { from: from.into(), text: text.into(), ..Message::default() };
        self.happens(Happening::Message(message));
    }

    fn press(&mut self, key: impl Into<KeyEvent>) {
        let now = self.now();
        self.app.key(key.into(), now);
    }

    fn ctrl(&mut self, c: char) {
        self.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
    }

    /// Types, without the typing being told.
    fn write(&mut self, text: &str) {
        for c in text.chars() {
            self.press(KeyCode::Char(c));
        }
        self.calls.extend(self.app.take_calls());
        self.calls.retain(|(_, call)| *call != Call::Typing);
    }

    fn send(&mut self, text: &str) {
        self.write(text);
        self.press(KeyCode::Enter);
    }

    fn wait(&mut self, seconds: u64) {
        self.seconds += seconds;
        let now = self.now();
        self.app.tick(now);
    }

    /// What is to be seen, without blanks at the ends of rows, and where the cursor is.
    fn screen(&mut self) -> String {
        let (width, height) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        self.app.lay_out();
        let now = self.now();
        terminal.draw(|frame| view::draw(&self.app, now, frame)).expect("a drawing");
        let buffer = terminal.backend().buffer();
        let mut text = String::new();
        for y in 0..height {
            let mut row = String::new();
            let mut covered = 0;
            for x in 0..width {
                if covered > 0 {
                    covered -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                covered = super::clean::width(symbol).saturating_sub(1);
                row.push_str(symbol);
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    #[track_caller]
    fn shows(&mut self, expected: &str) {
        let expected = expected.trim_start_matches('\n');
        let screen = self.screen();
        assert!(screen == expected, "expected:\n{expected}\nshown:\n{screen}");
    }

    #[track_caller]
    fn has(&mut self, part: &str) {
        let screen = self.screen();
        assert!(screen.contains(part), "{part:?} is not on the screen:\n{screen}");
    }

    #[track_caller]
    fn has_not(&mut self, part: &str) {
        let screen = self.screen();
        assert!(!screen.contains(part), "{part:?} is on the screen:\n{screen}");
    }
}

fn room(name: &str) -> crate::client::Room {
    crate::client::Room { name: name.into(), ..Default::default() }
}
