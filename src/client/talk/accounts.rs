//! The `accounts` door: `{"type","data"}`, without ids; log in, choose a room, talk.
//!
//! The protocol of `docs/protocols.md`, "accounts". TLS and lengths are the link's. Answers come in
//! the order of the requests and bear their type, so an answer is that of the request that was asked
//! first, or of none. The door tells of nothing but messages: not of who comes and goes.

mod messages;
mod public;

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::turns::Turns;
use super::wire::{NO_SENSE, REQUEST_BYTES_MAX, Text, ignore, read, refused, same_name, written};
use super::{Outgoing, Tag, Talk};
use crate::client::call::{Answer, Call, Joined, Room, Said};
use crate::client::error::CallError;
use crate::client::event::{Event, Happening, Message};
use crate::client::url::Door;
use messages::{Content, Incoming};
use public::may_be_public;

const DOOR: &str = "accounts";

/// What the state between rooms is called where rooms are listed. No room is called so here.
const LOBBY: &str = "lobby";

/// Whom a message is for that is for everybody. No user is called so.
const PUBLIC: &str = "public";

/// What the server says when there is no such room, and when there is one that is to be made.
const NOT_FOUND: &str = "Room does not exist";
const EXISTS: &str = "Room already exists";

/// What the server says to who asks for something of a room and is in none.
const NOT_IN_ROOM: &str = "Enter a chatroom first";

/// How one speaks through the `accounts` door.
///
/// - A user bears the name of the account: joining under another is refused here.
/// - One's own message comes back to its author; that is the answer, and no event. Only what one
///   says to oneself is both.
/// - In a room the server lists that room alone, so that is all that [`Call::Rooms`] gives there.
/// - A ping is a type that no server knows: the refusal is cheap, and certain in every state.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    turns: Turns<Asked>,
    /// The account's name as it was registered, when one is logged in.
    name: Option<String>,
    room: Option<String>,
}

/// A request under way.
#[derive(Debug)]
struct Asked {
    /// Its type, and its answer's.
    kind: &'static str,
    tag: Tag,
    step: Step,
}

/// What its answer is for.
#[derive(Debug)]
enum Step {
    /// Registering or logging in under this name.
    LogIn {
        name: String,
    },
    LogOut,
    /// Leaving the room before logging out.
    ExitToLogOut,
    Leave,
    /// Looking which room is the default one, to join that.
    FindDefault,
    /// Leaving the room before entering another.
    ExitToJoin {
        to: String,
        from: String,
    },
    Enter(Entering),
    Create(Entering),
    /// Going back to where one was, since joining was refused in these words.
    Return {
        words: String,
    },
    Users,
    Rooms,
    Say,
    Whisper,
    Ping,
}

/// A room on the way in.
#[derive(Debug)]
struct Entering {
    to: String,
    /// The room one was in.
    from: Option<String>,
    /// It was found not to exist, and was to be made.
    again: bool,
}

// ---- requests ----------------------------------------------------------------------------------

#[derive(Serialize)]
struct Request<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Account { username: &'a str, password: &'a str },
    Room { room: &'a str },
    Message { from: &'a str, to: &'a str, text: &'a str },
}

impl Talk for Accounts {
    fn call(&mut self, tag: Tag, call: &Call, out: &mut Outgoing) {
        match self.turns.add(tag, call) {
            Ok(()) => self.go_on(out),
            Err(error) => out.answer(tag, Err(error)),
        }
    }

    fn message(&mut self, message: &[u8], now: SystemTime, out: &mut Outgoing) {
        let Some(incoming) = read::<Incoming<'_>>(DOOR, message) else { return };
        if !self.take(incoming, now, out) {
            ignore(DOOR, message);
        }
        self.go_on(out);
    }
}

impl Accounts {
    /// Asks for all that may be asked now.
    fn go_on(&mut self, out: &mut Outgoing) {
        while let Some((tag, call)) = self.turns.next() {
            if let Err(error) = self.start(tag, call, out) {
                out.answer(tag, Err(error));
            }
        }
    }

    /// # Errors
    /// What the call is answered at once.
    fn start(&mut self, tag: Tag, call: Call, out: &mut Outgoing) -> Result<(), CallError> {
        match call {
            Call::Join { room, name } => self.start_join(tag, room, name, out),
            Call::Leave => self.ask(tag, "exit", Step::Leave, None, out),
            Call::Say { text } => self.say(tag, Step::Say, PUBLIC, &text, out),
            Call::Whisper { to, .. } if may_be_public(&to) => {
                // It would be told to all.
                Err(refused(format!("User {to} is not in this room")))
            }
            Call::Whisper { to, text } => self.say(tag, Step::Whisper, &to, &text, out),
            Call::Users if self.room.is_none() => Err(refused(NOT_IN_ROOM)),
            Call::Users => self.ask(tag, "list", Step::Users, None, out),
            Call::Rooms => self.ask(tag, "list", Step::Rooms, None, out),
            Call::Register { name, password } => self.log_in(tag, "register", name, &password, out),
            Call::LogIn { name, password } => self.log_in(tag, "login", name, &password, out),
            Call::LogOut if self.room.is_some() => {
                self.ask(tag, "exit", Step::ExitToLogOut, None, out)
            }
            Call::LogOut => self.ask(tag, "logout", Step::LogOut, None, out),
            Call::Typing => {
                out.answer(tag, Ok(Answer::Done));
                Ok(())
            }
            Call::Ping => self.ask(tag, "ping", Step::Ping, None, out),
            Call::Rename { .. } => Err(not_offered("renaming")),
            Call::History { .. } => Err(not_offered("history")),
            Call::SetPrivate { .. } => Err(not_offered("private rooms")),
        }
    }

    fn log_in(
        &mut self,
        tag: Tag,
        kind: &'static str,
        name: String,
        password: &str,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        let wanted = name.clone();
        let data = Data::Account { username: &wanted, password };
        self.ask(tag, kind, Step::LogIn { name }, Some(data), out)
    }

    fn say(
        &mut self,
        tag: Tag,
        step: Step,
        to: &str,
        text: &str,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        let from = self.name.clone().unwrap_or_default();
        self.ask(tag, "msg", step, Some(Data::Message { from: &from, to, text }), out)
    }

    fn start_join(
        &mut self,
        tag: Tag,
        room: Option<String>,
        name: Option<String>,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        self.check_name(name.as_deref())?;
        match (room, self.room.clone()) {
            (None, None) => self.ask(tag, "list", Step::FindDefault, None, out),
            (Some(to), None) => self.enter(tag, Entering { to, from: None, again: false }, out),
            (Some(to), Some(from)) if !same_name(&to, &from) => {
                self.ask(tag, "exit", Step::ExitToJoin { to, from }, None, out)
            }
            // There is no way to ask for what one is in already, and no need to.
            (_, Some(room)) => {
                out.answer(tag, Ok(self.joined(room)));
                Ok(())
            }
        }
    }

    /// Whether one can join under this name.
    fn check_name(&self, name: Option<&str>) -> Result<(), CallError> {
        match (name, &self.name) {
            (None, _) => Ok(()),
            (Some(name), Some(own)) if same_name(name, own) => Ok(()),
            (Some(_), Some(own)) => {
                Err(refused(format!("Here one is called as one's account is: {own}")))
            }
            (Some(_), None) => Err(refused("Log in or register first: here users have accounts")),
        }
    }

    fn enter(&mut self, tag: Tag, entering: Entering, out: &mut Outgoing) -> Result<(), CallError> {
        let room = entering.to.clone();
        self.ask(tag, "enter", Step::Enter(entering), Some(Data::Room { room: &room }), out)
    }

    fn ask(
        &mut self,
        tag: Tag,
        kind: &'static str,
        step: Step,
        data: Option<Data<'_>>,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        out.messages.push(written(&Request { r#type: kind, data }, REQUEST_BYTES_MAX)?);
        self.turns.asked.push_back(Asked { kind, tag, step });
        Ok(())
    }
}

fn not_offered(call: &'static str) -> CallError {
    CallError::NotOffered { door: Door::Accounts, call }
}

// ---- messages ----------------------------------------------------------------------------------

impl Accounts {
    /// `false`: it makes no sense.
    fn take(&mut self, incoming: Incoming<'_>, now: SystemTime, out: &mut Outgoing) -> bool {
        let kind = incoming.kind.as_ref().map_or("", |Text(kind)| kind);
        let is_ok = match incoming.status.as_ref().map(|Text(status)| &**status) {
            Some("ok") => true,
            Some("error") => false,
            _ => return false,
        };
        if kind == "msg" && is_ok {
            return self.heard(incoming.content(), now, out);
        }
        // An error of no type is of what could not be read, in its place like any other.
        let is_own = |asked: &Asked| asked.kind == kind || (kind == "error" && !is_ok);
        let Some(Asked { tag, step, .. }) = self.turns.asked.pop_front_if(|asked| is_own(asked))
        else {
            return kind == "logout" && is_ok && self.logged_out(out);
        };
        let done = if is_ok {
            self.succeeded(tag, step, &incoming, out)
        } else {
            let words = incoming.message.map_or_else(|| "refused".to_owned(), Text::owned);
            self.failed(tag, step, words, out)
        };
        if let Some(answer) = done.transpose() {
            out.answer(tag, answer);
        }
        true
    }

    /// Something was said: by somebody else, which is an event; or by oneself, which is the answer.
    fn heard(&mut self, content: Content<'_>, now: SystemTime, out: &mut Outgoing) -> bool {
        let (Some(from), Some(to), Some(text)) = (content.from, content.to, content.text) else {
            return false;
        };
        let is_own = |name: &Text<'_>| self.name.as_deref() == Some(&*name.0);
        let (is_from_me, is_to_me) = (is_own(&from), is_own(&to));
        if is_from_me {
            let Some(asked) = self.turns.asked.pop_front_if(|asked| asked.kind == "msg") else {
                return false;
            };
            out.answer(asked.tag, Ok(Answer::Said(Said::default())));
        }
        if is_from_me && !is_to_me {
            return true;
        }
        let Some(room) = &self.room else { return is_from_me };
        let (private, from, text) = (to.0 != PUBLIC, from.owned(), text.owned());
        let message = Message { from, text, private, own: false };
        out.happened(room, now, Happening::Message(message));
        true
    }

    /// One's account was removed.
    fn logged_out(&mut self, out: &mut Outgoing) -> bool {
        (self.name, self.room) = (None, None);
        out.event(Event::LoggedOut { name: None });
        true
    }

    /// What a call is answered, or nothing while it goes on.
    fn succeeded(
        &mut self,
        tag: Tag,
        step: Step,
        incoming: &Incoming<'_>,
        out: &mut Outgoing,
    ) -> Result<Option<Answer>, CallError> {
        let content = incoming.content();
        let answer = match step {
            Step::LogIn { name } => {
                let name = content.username.map_or(name, Text::owned);
                self.name = Some(name.clone());
                self.room = content.chatroom.map(Text::owned).filter(|room| room != LOBBY);
                Answer::LoggedIn(name)
            }
            Step::LogOut => {
                (self.name, self.room) = (None, None);
                Answer::Done
            }
            Step::ExitToLogOut => {
                self.room = None;
                self.ask(tag, "logout", Step::LogOut, None, out)?;
                return Ok(None);
            }
            Step::Leave => {
                self.room = None;
                Answer::Done
            }
            Step::FindDefault => {
                let default = incoming.rooms().and_then(|rooms| rooms.into_iter().next());
                let (to, _) = default.ok_or_else(|| refused(NO_SENSE))?;
                self.enter(tag, Entering { to, from: None, again: false }, out)?;
                return Ok(None);
            }
            Step::ExitToJoin { to, from } => {
                self.room = None;
                self.enter(tag, Entering { to, from: Some(from), again: false }, out)?;
                return Ok(None);
            }
            Step::Create(entering) => {
                self.enter(tag, Entering { again: true, ..entering }, out)?;
                return Ok(None);
            }
            Step::Enter(entering) => {
                let room = content.room.map_or(entering.to, Text::owned);
                self.room = Some(room.clone());
                self.joined(room)
            }
            Step::Return { words } => {
                self.room = content.room.map(Text::owned);
                self.stands(out);
                return Err(refused(words));
            }
            Step::Users => Answer::Users(self.users(incoming).ok_or_else(|| refused(NO_SENSE))?),
            Step::Rooms => {
                let rooms = incoming.rooms().ok_or_else(|| refused(NO_SENSE))?;
                Answer::Rooms(rooms.into_iter().map(counted).collect())
            }
            Step::Say | Step::Whisper => Answer::Said(Said::default()),
            Step::Ping => Answer::Pong(Duration::ZERO),
        };
        Ok(Some(answer))
    }

    fn failed(
        &mut self,
        tag: Tag,
        step: Step,
        words: String,
        out: &mut Outgoing,
    ) -> Result<Option<Answer>, CallError> {
        match step {
            Step::Ping => return Ok(Some(Answer::Pong(Duration::ZERO))),
            Step::Enter(entering) if words == NOT_FOUND && !entering.again => {
                let room = entering.to.clone();
                let data = Data::Room { room: &room };
                self.ask(tag, "create", Step::Create(entering), Some(data), out)?;
            }
            // Somebody else has just made it.
            Step::Create(entering) if words == EXISTS => {
                self.enter(tag, Entering { again: true, ..entering }, out)?;
            }
            Step::Enter(Entering { from: Some(room), .. })
            | Step::Create(Entering { from: Some(room), .. })
                if self.name.is_some() =>
            {
                let data = Data::Room { room: &room };
                self.ask(tag, "enter", Step::Return { words }, Some(data), out)?;
            }
            Step::Return { words: first } => {
                self.stands(out);
                return Err(refused(format!("{first} (and no way back: {words})")));
            }
            _ => return Err(refused(words)),
        }
        Ok(None)
    }

    /// Says where one is, since not all of a call was done.
    fn stands(&self, out: &mut Outgoing) {
        out.heard.push(super::Heard::Stands { room: self.room.clone(), name: self.name.clone() });
    }

    fn joined(&self, room: String) -> Answer {
        let name = self.name.clone().unwrap_or_default();
        Answer::Joined(Joined { room, name, ..Joined::default() })
    }

    /// The members of the room one is in.
    fn users(&self, incoming: &Incoming<'_>) -> Option<Vec<String>> {
        let mut rooms = incoming.rooms()?.into_iter();
        rooms.find(|(room, _)| Some(room) == self.room.as_ref()).map(|(_, users)| users)
    }
}

fn counted((name, users): (String, Vec<String>)) -> Room {
    Room { name, members: Some(users.len() as u64), private: false }
}
