//! `parlance.v1` over WebSocket: requests `{"action","body","id"}`, answers that bear the id,
//! events.
//!
//! The protocol of `docs/parlance-v1.md`. HTTP, frames and pings are the link's, and so is offering
//! the subprotocol; a server that greets without it is one this talk does not understand.

mod messages;

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::own_names::OwnNames;
use super::turns::Turns;
use super::wire::{NO_SENSE, REQUEST_BYTES_MAX, Text, ignore, read, refused, shown, written};
use super::{Outgoing, Tag, Talk};
use crate::client::call::{Answer, Call, History, Joined, Room, Said};
use crate::client::event::{Event, Happening, Message};
use messages::{Incoming, Listed};

const DOOR: &str = "websocket";

/// The subprotocol that the link has offered.
const PROTOCOL: &str = "parlance.v1";

/// What the server says when there is no such room, and when there is one that is to be made.
const NOT_FOUND: &str = "Room not found";
const EXISTS: &str = "Room already exists";

/// How one speaks `parlance.v1`.
///
/// A ping asks for the room one is in: that costs the server next to nothing, tells nobody, and is
/// answered outside a room too, with a refusal.
#[derive(Debug)]
pub(super) struct WebSocket {
    /// What the server said first.
    greeting: Option<Greeting>,
    turns: Turns<Asked>,
    last_id: u64,
    name: String,
    room: Option<String>,
    names: OwnNames,
    /// One has taken a name so as to join under it, and has not joined yet.
    is_named: bool,
    /// What time it was when the last call was made.
    now: SystemTime,
    /// When the others were last told that one is typing.
    typed_at: Option<SystemTime>,
}

impl Default for WebSocket {
    fn default() -> WebSocket {
        WebSocket {
            greeting: None,
            turns: Turns::default(),
            last_id: 0,
            name: String::new(),
            room: None,
            names: OwnNames::default(),
            is_named: false,
            now: SystemTime::UNIX_EPOCH,
            typed_at: None,
        }
    }
}

#[derive(Debug)]
struct Greeting {
    default_room: String,
    request_bytes_max: usize,
    typing_every: Duration,
}

/// A request under way.
#[derive(Debug)]
struct Asked {
    id: u64,
    tag: Tag,
    step: Step,
}

/// What its answer is for.
#[derive(Debug)]
enum Step {
    /// Taking a name before joining.
    Name {
        room: String,
    },
    Join {
        room: String,
        attempt: Attempt,
    },
    Leave,
    Say,
    Whisper,
    Rename,
    Users,
    Rooms,
    History,
    SetPrivate,
    LogIn,
    LogOut,
    Typing,
    Ping,
}

/// How a room is looked for: as the one of this name; making it; by its name again, since somebody
/// may have made it meanwhile; and by its id, which no room can be named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Name,
    Create,
    NameAgain,
    Id,
}

impl Attempt {
    /// What to try next when the server refuses in these words.
    fn after(self, words: &str) -> Option<Attempt> {
        match (self, words) {
            (Attempt::Name, NOT_FOUND) => Some(Attempt::Create),
            (Attempt::Create, EXISTS) => Some(Attempt::NameAgain),
            (Attempt::NameAgain, NOT_FOUND) => Some(Attempt::Id),
            _ => None,
        }
    }
}

// ---- requests ----------------------------------------------------------------------------------

#[derive(Serialize)]
struct Request<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Body<'a>>,
    id: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Text(&'a str),
    Room { room: &'a str },
    RoomId { room_id: &'a str },
    Private { private: bool },
    Whisper { to: &'a str, body: &'a str },
    Page { after: u64, limit: u32 },
    Account { name: &'a str, password: &'a str },
}

impl Talk for WebSocket {
    fn is_ready(&self) -> bool {
        self.greeting.is_some()
    }

    fn clock(&mut self, now: SystemTime) {
        self.now = now;
    }

    fn call(&mut self, tag: Tag, call: &Call, out: &mut Outgoing) {
        match self.turns.add(tag, call) {
            Ok(()) => self.go_on(out),
            Err(error) => out.answer(tag, Err(error)),
        }
    }

    fn message(&mut self, message: &[u8], now: SystemTime, out: &mut Outgoing) {
        let Some(incoming) = read::<Incoming<'_>>(DOOR, message) else { return };
        let is_known = match (&incoming.status, &incoming.event) {
            (Some(Text(status)), _) if status == "connected" => self.greeted(incoming, out),
            (Some(Text(status)), _) if status == "success" => self.succeeded(incoming, now, out),
            (Some(Text(status)), _) if status == "error" => self.failed(incoming, out),
            (None, Some(_)) => self.happened(incoming, now, out),
            _ => false,
        };
        if !is_known {
            ignore(DOOR, message);
        }
        self.go_on(out);
    }
}

impl WebSocket {
    /// Asks for all that may be asked now.
    fn go_on(&mut self, out: &mut Outgoing) {
        if !self.is_ready() {
            return;
        }
        while let Some((tag, call)) = self.turns.next() {
            self.start(tag, call, out);
        }
    }

    fn start(&mut self, tag: Tag, call: Call, out: &mut Outgoing) {
        use Body::{Account, Page, Private, Text};
        match call {
            Call::Join { room, name } => self.start_join(tag, room, name, out),
            Call::Leave => self.ask(tag, Step::Leave, "leave", None, out),
            Call::Say { text } => self.ask(tag, Step::Say, "message", Some(Text(&text)), out),
            Call::Whisper { to, text } => {
                let body = Body::Whisper { to: &to, body: &text };
                self.ask(tag, Step::Whisper, "private", Some(body), out);
            }
            Call::Rename { name } => self.ask(tag, Step::Rename, "name", Some(Text(&name)), out),
            Call::Users => self.ask(tag, Step::Users, "users", None, out),
            Call::Rooms => self.ask(tag, Step::Rooms, "rooms", None, out),
            Call::History { after, limit } => {
                self.ask(tag, Step::History, "history", Some(Page { after, limit }), out);
            }
            Call::SetPrivate { private } => {
                self.ask(tag, Step::SetPrivate, "room", Some(Private { private }), out);
            }
            Call::Register { name, password } => {
                let body = Account { name: &name, password: &password };
                self.ask(tag, Step::LogIn, "register", Some(body), out);
            }
            Call::LogIn { name, password } => {
                let body = Account { name: &name, password: &password };
                self.ask(tag, Step::LogIn, "login", Some(body), out);
            }
            Call::LogOut => self.ask(tag, Step::LogOut, "logout", None, out),
            Call::Typing if !self.shows_typing() => out.answer(tag, Ok(Answer::Done)),
            Call::Typing => self.ask(tag, Step::Typing, "typing", None, out),
            Call::Ping => self.ask(tag, Step::Ping, "room", None, out),
        }
    }

    /// Whether it is time to say again that one is typing.
    fn shows_typing(&mut self) -> bool {
        let every = self.greeting.as_ref().map_or(Duration::ZERO, |greeting| greeting.typing_every);
        // A clock that was set back must not silence anybody.
        let passed = |at| self.now.duration_since(at).unwrap_or(every);
        let is_due = self.typed_at.is_none_or(|at| passed(at) >= every);
        if is_due {
            self.typed_at = Some(self.now);
        }
        is_due
    }

    fn start_join(
        &mut self,
        tag: Tag,
        room: Option<String>,
        name: Option<String>,
        out: &mut Outgoing,
    ) {
        let default = || self.greeting.as_ref().map(|greeting| greeting.default_room.clone());
        let room = room.or_else(|| self.room.clone()).or_else(default).unwrap_or_default();
        match name {
            Some(name) => {
                self.ask(tag, Step::Name { room }, "name", Some(Body::Text(&name)), out);
            }
            None => self.ask_join(tag, room, Attempt::Name, out),
        }
    }

    fn ask_join(&mut self, tag: Tag, room: String, attempt: Attempt, out: &mut Outgoing) {
        let wanted = room.clone();
        let (action, body) = match attempt {
            Attempt::Name | Attempt::NameAgain => ("join", Body::Room { room: &wanted }),
            Attempt::Create => ("create", Body::Text(&wanted)),
            Attempt::Id => ("join", Body::RoomId { room_id: &wanted }),
        };
        self.ask(tag, Step::Join { room, attempt }, action, Some(body), out);
    }

    fn ask(
        &mut self,
        tag: Tag,
        step: Step,
        action: &'static str,
        body: Option<Body<'_>>,
        out: &mut Outgoing,
    ) {
        let bytes_max = self.greeting.as_ref().map_or(REQUEST_BYTES_MAX, |g| g.request_bytes_max);
        let id = self.last_id + 1;
        match written(&Request { action, body, id }, bytes_max) {
            Ok(request) => {
                self.last_id = id;
                self.turns.asked.push_back(Asked { id, tag, step });
                out.messages.push(request);
            }
            Err(error) => out.answer(tag, Err(error)),
        }
    }
}

// ---- messages ----------------------------------------------------------------------------------

impl WebSocket {
    /// The server says who it is.
    fn greeted(&mut self, incoming: Incoming<'_>, out: &mut Outgoing) -> bool {
        if self.is_ready() {
            return false;
        }
        if incoming.protocol.is_none_or(|Text(protocol)| protocol != PROTOCOL) {
            out.broken = Some(format!("the server does not speak {PROTOCOL}"));
            return true;
        }
        let limits = incoming.limits.unwrap_or_default();
        self.name = incoming.name.map(Text::owned).unwrap_or_default();
        self.greeting = Some(Greeting {
            default_room: incoming.default_room.map_or_else(|| "general".to_owned(), Text::owned),
            request_bytes_max: limits.frame_bytes.unwrap_or(REQUEST_BYTES_MAX),
            typing_every: Duration::from_millis(limits.typing_ms.unwrap_or(2000)),
        });
        true
    }

    /// The request that an answer belongs to.
    fn answered(&mut self, id: Option<u64>) -> Option<Asked> {
        let asked = &mut self.turns.asked;
        let place = asked.iter().position(|asked| Some(asked.id) == id)?;
        asked.remove(place)
    }

    fn failed(&mut self, incoming: Incoming<'_>, out: &mut Outgoing) -> bool {
        let Some(Asked { tag, step, .. }) = self.answered(incoming.id) else { return false };
        let words = incoming.message.map_or_else(|| "refused".to_owned(), Text::owned);
        match step {
            Step::Join { room, attempt } => match attempt.after(&words) {
                Some(attempt) => self.ask_join(tag, room, attempt, out),
                None => {
                    if std::mem::take(&mut self.is_named) {
                        let (room, name) = (self.room.clone(), Some(self.name.clone()));
                        out.heard.push(super::Heard::Stands { room, name });
                    }
                    out.answer(tag, Err(refused(words)));
                }
            },
            Step::Ping => out.answer(tag, Ok(Answer::Pong(Duration::ZERO))),
            Step::Typing => {
                self.typed_at = None;
                out.answer(tag, Err(refused(words)));
            }
            _ => out.answer(tag, Err(refused(words))),
        }
        true
    }

    fn succeeded(&mut self, incoming: Incoming<'_>, now: SystemTime, out: &mut Outgoing) -> bool {
        let Some(Asked { tag, step, .. }) = self.answered(incoming.id) else { return false };
        let answer = match step {
            Step::Name { room } => {
                self.is_named = true;
                self.take_name(&incoming, now, out);
                self.ask_join(tag, room, Attempt::Name, out);
                return true;
            }
            Step::Join { room, .. } => {
                self.is_named = false;
                Ok(Answer::Joined(self.joined(incoming, room)))
            }
            Step::Leave => {
                self.room = None;
                Ok(Answer::Done)
            }
            Step::Say => Ok(Answer::Said(Said { seq: incoming.seq, at: incoming.time() })),
            Step::Whisper => Ok(Answer::Said(Said { seq: None, at: incoming.time() })),
            Step::Rename => {
                self.take_name(&incoming, now, out);
                Ok(Answer::Renamed(self.name.clone()))
            }
            Step::Users => incoming.users.map(Answer::Users).ok_or_else(|| refused(NO_SENSE)),
            Step::Rooms => rooms(incoming).ok_or_else(|| refused(NO_SENSE)),
            Step::History => self.history(incoming, now).ok_or_else(|| refused(NO_SENSE)),
            Step::SetPrivate | Step::Typing => Ok(Answer::Done),
            Step::LogIn => {
                self.take_name(&incoming, now, out);
                Ok(Answer::LoggedIn(self.name.clone()))
            }
            Step::LogOut => {
                self.room = None;
                self.take_name(&incoming, now, out);
                Ok(Answer::Done)
            }
            Step::Ping => Ok(Answer::Pong(Duration::ZERO)),
        };
        out.answer(tag, answer);
        true
    }

    /// One is called otherwise now: in a room, from a `seq` on.
    fn take_name(&mut self, incoming: &Incoming<'_>, now: SystemTime, out: &mut Outgoing) {
        let Some(Text(name)) = &incoming.name else { return };
        if self.name == **name {
            return;
        }
        let old = std::mem::replace(&mut self.name, name.to_string());
        if let (Some(room), Some(seq)) = (&self.room, incoming.seq) {
            // The others are told of it, and it has a place in the count.
            let (room, seq, new) = (room.clone(), Some(seq), self.name.clone());
            out.event(Event::Room { room, seq, at: now, what: Happening::Renamed { old, new } });
        }
        self.names.take(incoming.seq.unwrap_or(0), &self.name);
    }

    fn joined(&mut self, incoming: Incoming<'_>, wanted: String) -> Joined {
        let room = incoming.room.map_or(wanted, Text::owned);
        // Who asks again for the room it is in has stayed in it.
        if self.room.as_ref() != Some(&room) {
            self.names.come(&self.name);
        }
        self.room = Some(room.clone());
        Joined {
            room,
            name: self.name.clone(),
            users: incoming.users,
            private: incoming.private,
            seq: incoming.seq,
            epoch: incoming.epoch.map(Text::owned),
        }
    }

    fn history(&self, incoming: Incoming<'_>, now: SystemTime) -> Option<Answer> {
        let mut events = Vec::new();
        for event in incoming.events? {
            let event = read::<Incoming<'_>>(DOOR, event.get().as_bytes());
            events.extend(event.and_then(|event| self.kept(event, now)));
        }
        let epoch = incoming.epoch.map(Text::owned).unwrap_or_default();
        let truncated = incoming.truncated.unwrap_or(false);
        Some(Answer::History(History { events, truncated, epoch }))
    }

    /// An event of a history. There, what was said is one's own if it was said under the name that
    /// one bore then.
    fn kept(&self, incoming: Incoming<'_>, now: SystemTime) -> Option<Event> {
        let mut event = self.in_room(incoming, now)?;
        if let Event::Room { seq: Some(seq), what: Happening::Message(message), .. } = &mut event {
            message.own = self.names.is_own(&message.from, *seq);
        }
        Some(event)
    }

    fn happened(&mut self, incoming: Incoming<'_>, now: SystemTime, out: &mut Outgoing) -> bool {
        let event = match incoming.event.as_ref().map(|Text(event)| &**event) {
            Some("typing") => incoming.name.map(|name| Event::Typing { name: name.owned() }),
            Some("room_opened") => {
                incoming.room.map(|room| Event::RoomOpened { room: room.owned() })
            }
            Some("room_closed") => {
                incoming.room.map(|room| Event::RoomClosed { room: room.owned() })
            }
            Some("logged_out") => {
                self.room = None;
                self.take_name(&incoming, now, out);
                Some(Event::LoggedOut { name: incoming.name.map(Text::owned) })
            }
            _ => self.in_room(incoming, now),
        };
        let is_known = event.is_some();
        out.heard.extend(event.map(super::Heard::Event));
        is_known
    }

    /// An event of a room.
    fn in_room(&self, incoming: Incoming<'_>, now: SystemTime) -> Option<Event> {
        let (seq, at) = (incoming.seq, incoming.time().unwrap_or(now));
        let name = incoming.name.map(Text::owned);
        let what = match &*incoming.event?.0 {
            "joined" => Happening::Joined { name: name? },
            "left" => Happening::Left { name: name? },
            "renamed" => Happening::Renamed { old: incoming.old?.owned(), new: name? },
            "room_changed" => Happening::Changed { private: incoming.private? },
            kind @ ("message" | "private") => Happening::Message(Message {
                from: incoming.from?.owned(),
                text: shown(incoming.body?),
                private: kind == "private",
                own: false,
            }),
            _ => return None,
        };
        let room = incoming.room.map(Text::owned).or_else(|| self.room.clone())?;
        Some(Event::Room { room, seq, at, what })
    }
}

fn rooms(incoming: Incoming<'_>) -> Option<Answer> {
    let listed = |listed: Listed<'_>| {
        let private = listed.private.unwrap_or(false);
        Some(Room { name: listed.room?.owned(), members: listed.count, private })
    };
    Some(Answer::Rooms(incoming.rooms?.into_iter().filter_map(listed).collect()))
}
