//! `jsonrpc`: JSON-RPC 2.0, with an id in every request.
//!
//! This door has no way to move and none to rename: who does either leaves first and joins again,
//! and the others hear that. It tells neither `seq` nor time.

use std::collections::HashMap;
use std::time::SystemTime;

use serde::Deserialize;

use super::wire::{OTHER_DOOR, REQUEST_BYTES_MAX, TOO_LONG, ignore, read_object};
use super::{Heard, Outgoing, Tag, Talk};
use crate::client::call::{Answer, Call, Joined, Said};
use crate::client::error::CallError;
use crate::client::event::{Event, Happening, Message};
use crate::client::url::Door;
use crate::rpc::json;

/// Where one goes who names no room.
const DEFAULT_ROOM: &str = "general";

/// Requests without an answer that are kept in mind at most.
const ASKED_MAX: usize = 1024;

/// The talk of one connection.
#[derive(Debug, Default)]
pub(super) struct JsonRpc {
    ready: bool,
    last_id: u64,
    asked: HashMap<u64, Asked>,
    /// Where one is, and under which name.
    place: Option<Place>,
}

/// A room, `None` for the default one, and the name that one bears in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    room: Option<String>,
    name: String,
}

impl Place {
    fn room(&self) -> &str {
        self.room.as_deref().unwrap_or(DEFAULT_ROOM)
    }
}

/// What a request was about.
#[derive(Debug)]
enum Asked {
    /// To show which door this is.
    Greeting,
    /// To leave the one, so that the other can be joined.
    Move {
        tag: Tag,
        to: Place,
        rename: bool,
    },
    /// To join; if that fails, to go back where one was.
    Join {
        tag: Tag,
        to: Place,
        from: Option<Place>,
        rename: bool,
    },
    /// To go back, since this is why one cannot go on.
    Back {
        tag: Tag,
        to: Place,
        refused: CallError,
    },
    Leave(Tag),
    Say(Tag),
    Users(Tag),
    Ping(Tag),
}

/// Whatever the server sends: the answer to a request, or a notification.
#[derive(Debug, Deserialize)]
struct Incoming {
    id: Option<u64>,
    result: Option<Success>,
    error: Option<Failure>,
    method: Option<String>,
    params: Option<Notification>,
}

impl Incoming {
    fn is_of_this_door(&self) -> bool {
        self.result.is_some() || self.error.is_some() || self.method.is_some()
    }
}

#[derive(Debug, Default, Deserialize)]
struct Success {
    message: Option<String>,
    users: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Notification {
    message: String,
    username: String,
}

/// The code of an error that the chat, and not the protocol, tells of does not matter here: a
/// refusal is a refusal.
type Verdict = Result<Success, CallError>;

// ---- requests ----------------------------------------------------------------------------------

impl JsonRpc {
    fn ask(&mut self, method: &str, params: &[(&str, &str)], asked: Asked, out: &mut Outgoing) {
        if self.asked.len() >= ASKED_MAX {
            out.broken = Some("the server answers nothing".into());
            return;
        }
        self.last_id += 1;
        let mut request = Vec::new();
        request.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":");
        json::string(method, &mut request);
        request.extend_from_slice(b",\"params\":{");
        for (at, (key, value)) in params.iter().enumerate() {
            if at > 0 {
                request.push(b',');
            }
            json::string(key, &mut request);
            request.push(b':');
            json::string(value, &mut request);
        }
        request.extend_from_slice(b"},\"id\":");
        json::unsigned(self.last_id, &mut request);
        request.push(b'}');
        if request.len() > REQUEST_BYTES_MAX {
            // As the server would say, if it did not end the connection.
            return self.answer(asked, Err(CallError::Refused(TOO_LONG.to_owned())), out);
        }
        out.messages.push(request);
        self.asked.insert(self.last_id, asked);
    }

    /// Asks for what every server answers, joined or not.
    fn ask_users(&mut self, asked: Asked, out: &mut Outgoing) {
        self.ask("get_users", &[("format", "simple")], asked, out);
    }

    fn ask_to_join(&mut self, to: &Place, asked: Asked, out: &mut Outgoing) {
        let name = ("username", to.name.as_str());
        match &to.room {
            Some(room) => self.ask("join_chat", &[name, ("room", room)], asked, out),
            None => self.ask("join_chat", &[name], asked, out),
        }
    }

    /// Goes to a place, from another one if need be.
    fn go(&mut self, tag: Tag, to: Place, rename: bool, out: &mut Outgoing) {
        match &self.place {
            None => {
                let asked = Asked::Join { tag, to: to.clone(), from: None, rename };
                self.ask_to_join(&to, asked, out);
            }
            Some(here) if *here == to => {
                let answer = arrived(here, None, rename);
                out.heard.push(Heard::Answer(tag, Ok(answer)));
            }
            Some(_) => self.ask("leave_chat", &[], Asked::Move { tag, to, rename }, out),
        }
    }
}

impl Talk for JsonRpc {
    /// A request whose answer shows that this door is the one that was meant, and from which on the
    /// connection is told of events in the form of 2.0.
    fn opened(&mut self, out: &mut Outgoing) {
        self.ask_users(Asked::Greeting, out);
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    fn call(&mut self, tag: Tag, call: &Call, out: &mut Outgoing) {
        let not_offered =
            |call| Heard::Answer(tag, Err(CallError::NotOffered { door: Door::JsonRpc, call }));
        let refused = |words: &str| Heard::Answer(tag, Err(CallError::Refused(words.into())));
        match call {
            Call::Join { room, name } => {
                let here = self.place.as_ref();
                let room = room.clone().or_else(|| here.and_then(|here| here.room.clone()));
                let name = name.clone().or_else(|| here.map(|here| here.name.clone()));
                match name {
                    Some(name) => self.go(tag, Place { room, name }, false, out),
                    None => out.heard.push(refused("Username is required")),
                }
            }
            Call::Rename { name } => match &self.place {
                Some(here) => {
                    let to = Place { name: name.clone(), ..here.clone() };
                    self.go(tag, to, true, out);
                }
                None => out.heard.push(refused("Not in chat")),
            },
            Call::Leave => self.ask("leave_chat", &[], Asked::Leave(tag), out),
            Call::Say { text } => {
                self.ask("send_message", &[("message", text)], Asked::Say(tag), out);
            }
            Call::Whisper { to, text } => {
                let params = [("to", to.as_str()), ("message", text)];
                self.ask("send_private", &params, Asked::Say(tag), out);
            }
            Call::Users => self.ask_users(Asked::Users(tag), out),
            Call::Ping => self.ask_users(Asked::Ping(tag), out),
            Call::Typing => out.heard.push(Heard::Answer(tag, Ok(Answer::Done))),
            Call::Rooms => out.heard.push(not_offered("list of rooms")),
            Call::History { .. } => out.heard.push(not_offered("history")),
            Call::SetPrivate { .. } => out.heard.push(not_offered("private rooms")),
            Call::Register { .. } | Call::LogIn { .. } | Call::LogOut => {
                out.heard.push(not_offered("accounts"));
            }
        }
    }

    fn message(&mut self, message: &[u8], now: SystemTime, out: &mut Outgoing) {
        let incoming = read_object::<Incoming>(Door::JsonRpc, message, out);
        let Some(incoming) = incoming.filter(|incoming| self.ready || incoming.is_of_this_door())
        else {
            if !self.ready {
                // A server of this door would have made sense.
                out.broken.get_or_insert_with(|| OTHER_DOOR.into());
            }
            return;
        };
        if let Some(method) = incoming.method {
            return self.notification(&method, incoming.params.unwrap_or_default(), now, out);
        }
        let verdict = match (incoming.result, incoming.error) {
            (Some(success), _) => Ok(success),
            (None, Some(failure)) => Err(CallError::Refused(failure.message)),
            (None, None) => return log::warn!("jsonrpc: a message that says nothing"),
        };
        match (incoming.id.and_then(|id| self.asked.remove(&id)), verdict) {
            (Some(asked), verdict) => self.answer(asked, verdict, out),
            (None, Err(CallError::Refused(text))) => {
                out.heard.push(Heard::Event(Event::Notice { text }));
            }
            (None, _) => log::warn!("jsonrpc: an answer to nothing"),
        }
    }
}

// ---- answers -----------------------------------------------------------------------------------

impl JsonRpc {
    fn answer(&mut self, asked: Asked, verdict: Verdict, out: &mut Outgoing) {
        let (tag, result) = match asked {
            Asked::Greeting => {
                self.ready = true;
                return;
            }
            Asked::Move { tag, to, rename } => {
                // Whoever is in no room need not leave one.
                let from = self.place.take().filter(|_| verdict.is_ok());
                let asked = Asked::Join { tag, to: to.clone(), from, rename };
                return self.ask_to_join(&to, asked, out);
            }
            Asked::Join { tag, to, from, rename } => match (verdict, from) {
                (Ok(success), _) => (tag, Ok(self.arrive(to, success, rename))),
                (Err(refused), Some(from)) => {
                    let asked = Asked::Back { tag, to: from.clone(), refused };
                    return self.ask_to_join(&from, asked, out);
                }
                (Err(refused), None) => (tag, Err(refused)),
            },
            Asked::Back { tag, to, refused } => {
                if let Ok(success) = verdict {
                    self.arrive(to, success, false);
                }
                let room = self.place.as_ref().map(|here| here.room().to_owned());
                let name = self.place.as_ref().map(|here| here.name.clone());
                out.heard.push(Heard::Stands { room, name });
                (tag, Err(refused))
            }
            Asked::Leave(tag) => {
                if verdict.is_ok() {
                    self.place = None;
                }
                (tag, verdict.map(|_| Answer::Done))
            }
            Asked::Say(tag) => (tag, verdict.map(|_| Answer::Said(Said::default()))),
            Asked::Users(tag) => {
                (tag, verdict.map(|done| Answer::Users(done.users.unwrap_or_default())))
            }
            Asked::Ping(tag) => (tag, Ok(Answer::Pong(Default::default()))),
        };
        out.heard.push(Heard::Answer(tag, result));
    }

    /// Takes note of where one is now. The server's words tell the name.
    fn arrive(&mut self, to: Place, success: Success, rename: bool) -> Answer {
        let words = success.message.unwrap_or_default();
        let name = words.strip_prefix("Joined chat as ").map_or(to.name, str::to_owned);
        let here = self.place.insert(Place { room: to.room, name });
        arrived(here, success.users, rename)
    }
}

/// The answer of who is there now.
fn arrived(here: &Place, users: Option<Vec<String>>, rename: bool) -> Answer {
    match rename {
        true => Answer::Renamed(here.name.clone()),
        false => Answer::Joined(Joined {
            room: here.room().to_owned(),
            name: here.name.clone(),
            users,
            ..Joined::default()
        }),
    }
}

// ---- events ------------------------------------------------------------------------------------

impl JsonRpc {
    fn notification(
        &self,
        method: &str,
        params: Notification,
        now: SystemTime,
        out: &mut Outgoing,
    ) {
        let Notification { message: text, username: from } = params;
        let what = match method {
            "chat" | "private" => {
                let private = method == "private";
                Happening::Message(Message { from, text, private, own: false })
            }
            "system" => match notice(&text) {
                Some(what) => what,
                None => return out.heard.push(Heard::Event(Event::Notice { text })),
            },
            _ => return ignore(Door::JsonRpc, method.as_bytes()),
        };
        let room = self.place.as_ref().map_or(DEFAULT_ROOM, Place::room).to_owned();
        out.heard.push(Heard::Event(Event::Room { room, seq: None, at: now, what }));
    }
}

/// What a notice of a room says.
fn notice(text: &str) -> Option<Happening> {
    if let Some(name) = text.strip_suffix(" has joined the chat!") {
        return Some(Happening::Joined { name: name.into() });
    }
    if let Some(name) = text.strip_suffix(" has left the chat!") {
        return Some(Happening::Left { name: name.into() });
    }
    let (old, new) = text.split_once(" is now known as ")?;
    Some(Happening::Renamed { old: old.into(), new: new.into() })
}
