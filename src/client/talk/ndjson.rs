//! `ndjson` and `udp`: `{"type", …}` flat, with an id in every request.
//!
//! The two have one set of requests and answers; what datagrams lose is the link's to make good.
//!
//! What one does oneself is told to all members, oneself too. That notice comes right before the
//! answer to the join that caused it and bears the same `seq`: so it is known, and tells how the
//! server spells the name.

mod messages;

use std::collections::HashMap;
use std::time::SystemTime;

use super::own_names::OwnNames;
use super::wire::{OTHER_DOOR, REQUEST_BYTES_MAX, TOO_LONG, ignore, read_object, same_name};
use super::{Heard, Outgoing, Tag, Talk};
use crate::client::call::{Answer, Call, History, Joined, Room, Said};
use crate::client::error::CallError;
use crate::client::event::{Event, Happening};
use crate::client::url::Door;
use crate::rpc::json;
use messages::{Incoming, cleaned, happened};

/// Where one goes first who names no room: only in a room one is told which the default one is.
const DEFAULT_ROOM: &str = "general";

/// Makes a datagram longer than an error.
const PADDING: &str = "....................................";

/// Bytes of a datagram at most: what a server with the default limits takes.
const DATAGRAM_BYTES_MAX: usize = 8 * 1024;

/// Requests without an answer that are kept in mind at most.
const ASKED_MAX: usize = 1024;

/// The talk of one connection.
#[derive(Debug)]
pub(super) struct Ndjson {
    door: Door,
    ready: bool,
    next_id: u64,
    asked: HashMap<u64, (Tag, Asked)>,
    /// The request that is to show which door this is.
    greeting: Option<u64>,
    /// The join that is under way.
    joining: Option<u64>,
    /// Where one is, while one looks whether that is the default room; and the request that this
    /// waits for.
    landed: Option<(u64, Joined)>,
    /// The last notice, while a join is under way, that may be one's own.
    held: Option<(Event, u64)>,
    /// Where one is, and under which name.
    room: Option<String>,
    name: Option<String>,
    names: OwnNames,
    /// What shows the server that its datagrams arrive.
    token: Option<String>,
}

/// What a request was about.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Join {
        room: Option<String>,
        name: Option<String>,
        /// The room is a guess.
        is_guess: bool,
    },
    /// Which room is the default one.
    FindDefault,
    Rename {
        name: String,
    },
    Leave,
    Say,
    Whisper,
    Users,
    Rooms,
    History,
    Ping,
}

impl Ndjson {
    pub(super) fn over_tcp() -> Ndjson {
        Ndjson::new(Door::Ndjson, 1)
    }

    /// The server remembers the ids of an address, which may be the same as before a lost link: so
    /// they begin anywhere.
    pub(super) fn over_udp() -> Ndjson {
        let anywhere = getrandom::u32().unwrap_or(0);
        Ndjson::new(Door::Udp, (u64::from(anywhere) << 16) + 1)
    }

    fn new(door: Door, first_id: u64) -> Ndjson {
        Ndjson {
            door,
            ready: false,
            next_id: first_id,
            asked: HashMap::new(),
            greeting: None,
            joining: None,
            landed: None,
            held: None,
            room: None,
            name: None,
            names: OwnNames::default(),
            token: None,
        }
    }
}

// ---- requests ----------------------------------------------------------------------------------

/// What is still to be written of a request.
struct Request(Vec<u8>);

impl Request {
    fn text(mut self, key: &str, value: Option<&str>) -> Request {
        if let Some(value) = value {
            self.key(key);
            json::string(value, &mut self.0);
        }
        self
    }

    fn number(mut self, key: &str, value: u64) -> Request {
        self.key(key);
        json::unsigned(value, &mut self.0);
        self
    }

    fn key(&mut self, key: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

impl Ndjson {
    /// A request of this kind; gives its id.
    fn begin(&mut self, kind: &str) -> (u64, Request) {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request(format!("{{\"type\":\"{kind}\"").into_bytes());
        let request = request.number("id", id).text("token", self.token.as_deref());
        // A stranger's datagram is answered only with one that is no longer.
        let is_stranger = self.door == Door::Udp && self.token.is_none();
        (id, request.text("padding", is_stranger.then_some(PADDING)))
    }

    fn ask(
        &mut self,
        kind: &str,
        (tag, asked): (Tag, Asked),
        out: &mut Outgoing,
        write: impl FnOnce(Request) -> Request,
    ) -> u64 {
        let (id, request) = self.begin(kind);
        let mut request = write(request);
        request.0.push(b'}');
        let bytes_max = match self.door {
            Door::Udp => DATAGRAM_BYTES_MAX,
            _ => REQUEST_BYTES_MAX,
        };
        if request.0.len() > bytes_max {
            let refused = CallError::Refused(TOO_LONG.to_owned());
            out.heard.push(Heard::Answer(tag, Err(refused)));
        } else if self.asked.len() < ASKED_MAX {
            out.messages.push(request.0);
            self.asked.insert(id, (tag, asked));
        } else {
            out.heard.push(Heard::Answer(tag, Err(CallError::Busy)));
        }
        id
    }

    fn join(&mut self, tag: Tag, room: Option<String>, name: Option<String>, out: &mut Outgoing) {
        let is_guess = room.is_none() && self.room.is_none();
        let room = room.or_else(|| is_guess.then(|| DEFAULT_ROOM.to_owned()));
        self.ask_to_join(tag, room, name, is_guess, out);
    }

    fn ask_to_join(
        &mut self,
        tag: Tag,
        room: Option<String>,
        name: Option<String>,
        is_guess: bool,
        out: &mut Outgoing,
    ) -> u64 {
        let asked = Asked::Join { room: room.clone(), name: name.clone(), is_guess };
        let id = self.ask("join", (tag, asked), out, |request| {
            request.text("room", room.as_deref()).text("user", name.as_deref())
        });
        self.joining = self.asked.contains_key(&id).then_some(id);
        id
    }
}

impl Talk for Ndjson {
    /// A ping, whose answer shows that this door is the one that was meant. (Before a join it is an
    /// error, and as good.)
    fn opened(&mut self, out: &mut Outgoing) {
        let (id, mut request) = self.begin("ping");
        request.0.push(b'}');
        out.messages.push(request.0);
        self.greeting = Some(id);
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    fn call(&mut self, tag: Tag, call: &Call, out: &mut Outgoing) {
        let not_offered =
            |call| Heard::Answer(tag, Err(CallError::NotOffered { door: self.door, call }));
        match call {
            Call::Join { room, name } => self.join(tag, room.clone(), name.clone(), out),
            Call::Rename { name } => {
                let asked = Asked::Rename { name: name.clone() };
                let id =
                    self.ask("join", (tag, asked), out, |request| request.text("user", Some(name)));
                self.joining = self.asked.contains_key(&id).then_some(id);
            }
            Call::Leave => drop(self.ask("leave", (tag, Asked::Leave), out, |request| request)),
            Call::Say { text } => {
                self.ask("message", (tag, Asked::Say), out, |request| {
                    request.text("text", Some(text))
                });
            }
            Call::Whisper { to, text } => {
                self.ask("message", (tag, Asked::Whisper), out, |request| {
                    request.text("to", Some(to)).text("text", Some(text))
                });
            }
            Call::Users => drop(self.ask("users", (tag, Asked::Users), out, |request| request)),
            Call::Rooms => drop(self.ask("rooms", (tag, Asked::Rooms), out, |request| request)),
            Call::History { after, limit } => {
                self.ask("history", (tag, Asked::History), out, |request| {
                    request.number("after", *after).number("limit", (*limit).into())
                });
            }
            Call::Ping => drop(self.ask("ping", (tag, Asked::Ping), out, |request| request)),
            Call::Typing => out.heard.push(Heard::Answer(tag, Ok(Answer::Done))),
            Call::SetPrivate { .. } => out.heard.push(not_offered("private rooms")),
            Call::Register { .. } | Call::LogIn { .. } | Call::LogOut => {
                out.heard.push(not_offered("accounts"));
            }
        }
    }

    fn message(&mut self, message: &[u8], now: SystemTime, out: &mut Outgoing) {
        // Before it has answered, a server of this door says nothing else.
        let is_strange = !self.ready && self.door == Door::Ndjson;
        let Some(incoming) = read_object::<Incoming>(self.door, message, out) else {
            if is_strange {
                out.broken.get_or_insert_with(|| OTHER_DOOR.into());
            }
            return;
        };
        match incoming.kind.as_str() {
            "system" | "message" => self.event(incoming, now, out),
            "ack" | "error" | "rooms" | "users" | "history" => self.answer(incoming, now, out),
            _ if is_strange => out.broken = Some(OTHER_DOOR.into()),
            _ => ignore(self.door, message),
        }
    }
}

// ---- answers -----------------------------------------------------------------------------------

impl Ndjson {
    fn answer(&mut self, incoming: Incoming, now: SystemTime, out: &mut Outgoing) {
        let is_error = incoming.kind == "error";
        if incoming.id.is_some() && incoming.id == self.greeting {
            self.greeting = None;
            self.ready = true;
            return;
        }
        let Some(id) = incoming.id else {
            let text = incoming.text.unwrap_or_default();
            return out.heard.push(Heard::Event(Event::Notice { text }));
        };
        let Some((tag, asked)) = self.asked.remove(&id) else {
            return log::warn!("{}: an answer to nothing, id {id}", self.door);
        };
        let joined = self.joining == Some(id);
        if joined {
            self.joining = None;
        }
        if !is_error && matches!(asked, Asked::Join { is_guess: true, .. }) {
            let Answer::Joined(joined) = self.done(asked, incoming, now) else { return };
            self.release(out);
            let id = self.ask("rooms", (tag, Asked::FindDefault), out, |request| request);
            self.landed = Some((id, joined));
            return;
        }
        let landed = self.landed.take_if(|(of, _)| *of == id).map(|(_, landed)| landed);
        if let (Asked::FindDefault, Some(landed)) = (&asked, &landed) {
            return self.go_to_default(tag, landed.clone(), incoming.rooms, out);
        }
        let result = match (is_error, asked) {
            // Whoever refuses is there.
            (true, Asked::Ping) if self.door == Door::Ndjson => {
                Ok(Answer::Pong(Default::default()))
            }
            (true, Asked::Join { .. }) if landed.is_some() => {
                Ok(Answer::Joined(landed.unwrap_or_default()))
            }
            (true, _) => Err(CallError::Refused(incoming.text.unwrap_or_default())),
            (false, asked) => Ok(self.done(asked, incoming, now)),
        };
        if joined {
            self.release(out);
        }
        out.heard.push(Heard::Answer(tag, result));
    }

    /// The default room is the first of the list. If that is not where one has landed, one goes there.
    fn go_to_default(
        &mut self,
        tag: Tag,
        landed: Joined,
        rooms: Option<Vec<String>>,
        out: &mut Outgoing,
    ) {
        match rooms.and_then(|rooms| rooms.into_iter().next()) {
            Some(default) if default != landed.room => {
                let id = self.ask_to_join(tag, Some(default), None, false, out);
                // Should that be refused.
                self.landed = Some((id, landed));
            }
            _ => out.heard.push(Heard::Answer(tag, Ok(Answer::Joined(landed)))),
        }
    }

    fn done(&mut self, asked: Asked, incoming: Incoming, now: SystemTime) -> Answer {
        match asked {
            Asked::Join { room, name, .. } => Answer::Joined(self.joined(room, name, incoming)),
            Asked::Rename { name } => {
                let joined = self.joined(None, Some(name), incoming);
                Answer::Renamed(joined.name)
            }
            Asked::Leave => {
                self.room = None;
                Answer::Done
            }
            Asked::Say => Answer::Said(Said { seq: incoming.seq, at: None }),
            Asked::Whisper => Answer::Said(Said::default()),
            Asked::Users => Answer::Users(incoming.users.unwrap_or_default()),
            Asked::Rooms | Asked::FindDefault => {
                let rooms = incoming.rooms.unwrap_or_default().into_iter();
                Answer::Rooms(rooms.map(|name| Room { name, ..Room::default() }).collect())
            }
            Asked::History => Answer::History(self.history(incoming, now)),
            Asked::Ping => Answer::Pong(Default::default()),
        }
    }

    /// Takes note of where one is now, and under which name.
    fn joined(&mut self, room: Option<String>, name: Option<String>, incoming: Incoming) -> Joined {
        let before = (self.room.take(), self.name.take());
        let (room, name) = match self.own_notice(incoming.seq, &before) {
            Some((room, name)) => (Some(room), Some(name)),
            None => (room.as_deref().map(cleaned), name.as_deref().map(cleaned)),
        };
        // Who asks for the room it is in has stayed there, however it spells it.
        let stays = |room: &String| before.0.as_ref().is_some_and(|was| same_name(was, room));
        let room = room.filter(|room| !stays(room));
        let is_elsewhere = room.is_some();
        let is_renamed = name.is_some() && name != before.1;
        (self.room, self.name) = (room.or(before.0), name.or(before.1));
        match &self.name {
            Some(name) if is_elsewhere => self.names.come(name),
            Some(name) if is_renamed => self.names.take(incoming.seq.unwrap_or(0), name),
            _ => {}
        }
        self.token = incoming.token.or(self.token.take());
        Joined {
            room: self.room.clone().unwrap_or_default(),
            name: self.name.clone().unwrap_or_default(),
            users: None,
            private: None,
            seq: incoming.seq,
            epoch: incoming.epoch,
        }
    }

    /// The room and the name that one's own notice tells, if it is the one that is held.
    fn own_notice(
        &mut self,
        seq: Option<u64>,
        (was_in, was_called): &(Option<String>, Option<String>),
    ) -> Option<(String, String)> {
        let (event, of) = self.held.take()?;
        if let Event::Room { room, what, .. } = &event
            && seq == Some(of)
        {
            match what {
                Happening::Joined { name } if was_in.as_ref() != Some(room) => {
                    return Some((room.clone(), name.clone()));
                }
                Happening::Renamed { old, new } if was_called.as_ref() == Some(old) => {
                    let own = (room.clone(), new.clone());
                    // It is told of, so that its place in the count is known.
                    self.held = Some((event, of));
                    return Some(own);
                }
                _ => {}
            }
        }
        self.held = Some((event, of));
        None
    }

    fn history(&self, incoming: Incoming, now: SystemTime) -> History {
        let messages = incoming.messages.unwrap_or_default().into_iter();
        let events = messages.map(|message| {
            let mut event = happened(message, now);
            if let Event::Room { seq: Some(seq), what: Happening::Message(message), .. } =
                &mut event
            {
                message.own = self.names.is_own(&message.from, *seq);
            }
            event
        });
        History {
            events: events.filter(|event| matches!(event, Event::Room { .. })).collect(),
            truncated: incoming.truncated,
            epoch: incoming.epoch.unwrap_or_default(),
        }
    }
}

// ---- events ------------------------------------------------------------------------------------

impl Ndjson {
    fn event(&mut self, incoming: Incoming, now: SystemTime, out: &mut Outgoing) {
        self.release(out);
        let event = happened(incoming, now);
        if let (Event::Room { seq: Some(seq), .. }, Some((_, landed))) = (&event, &mut self.landed)
            && self.door == Door::Ndjson
        {
            // It is told before the answer, and is not to be fetched again after it.
            landed.seq = landed.seq.max(Some(*seq));
        }
        match &event {
            Event::Room {
                what: Happening::Joined { .. } | Happening::Renamed { .. },
                seq: Some(seq),
                ..
            } if self.joining.is_some() => self.held = Some((event.clone(), *seq)),
            _ => out.heard.push(Heard::Event(event)),
        }
    }

    /// Tells of what was held: it is another one's.
    fn release(&mut self, out: &mut Outgoing) {
        out.heard.extend(self.held.take().map(|(event, _)| Heard::Event(event)));
    }
}
