//! The `chatmaster` door: packages `{"type","data"}`, without ids; log in by a name, talk, move
//! from channel to channel.
//!
//! The protocol of `docs/protocols.md`, "chatmaster". Cutting and compressing packages is the
//! link's. A room is a channel on this wire.
//!
//! # Which answer is whose
//!
//! Hardly anything is answered here. A command is known to be done by what everybody hears of it, a
//! message by nothing at all, and an error names the kind of request that it is for, not which one.
//! But the server serves what it is sent in order and answers a command that it does not know with
//! an error of a type of its own. So behind every request goes such a command, [`FENCE`]: what comes
//! before its refusal belongs to the request before it, and if there was no error among that, the
//! request was done. A message costs about 80 bytes more each way for it, a line of text about, and
//! whoever says something learns whether it was said.

mod messages;

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::turns::Turns;
use super::wire::{NO_SENSE, REQUEST_BYTES_MAX, Text, ignore, read, refused, same_name, written};
use super::{Outgoing, Tag, Talk};
use crate::client::call::{Answer, Call, Joined, Room, Said};
use crate::client::error::CallError;
use crate::client::event::{Event, Happening, Message};
use crate::client::url::Door;
use messages::{Data, Incoming, happening};

const DOOR: &str = "chatmaster";

/// A command that no server knows.
const FENCE: &str = "fence";

/// The type of the error that it is answered with.
const UNKNOWN: &str = "unknown";

/// How one speaks through the `chatmaster` door.
///
/// - There are no accounts: one logs in by a name, which happens when one first joins, and is in the
///   default channel then. If the channel that one wanted cannot be entered, one stays there.
/// - Leaving a channel leads to the default one, and that one cannot be left.
/// - Nobody tells who is in a channel, nor what was said in it.
/// - Where so many are in a channel that nobody is told who comes, one's own name and the channel's
///   are taken to be spelled as they were asked for.
#[derive(Debug, Default)]
pub(super) struct ChatMaster {
    /// The server has asked to log in.
    is_asked: bool,
    turns: Turns<Asked>,
    /// One has logged in or taken a name so as to join, and has not joined yet.
    is_named: bool,
    /// One's name, when one is logged in.
    name: Option<String>,
    /// Where one is.
    channel: String,
    /// Where one comes to by logging in, and by leaving another channel.
    default_channel: String,
}

/// A request under way, and the fence behind it.
#[derive(Debug)]
struct Asked {
    /// The command, or `message`: what an error says that it is for.
    kind: &'static str,
    /// Taken when the call is answered; until the fence is reached the request stands here.
    tag: Option<Tag>,
    step: Step,
    /// The server has said that one has come into a channel.
    is_there: bool,
}

/// What is asked.
#[derive(Debug)]
enum Step {
    /// Logging in under this name, to join a channel.
    LogIn {
        name: String,
        to: Option<String>,
    },
    /// Taking a name before joining.
    RenameToJoin {
        to: Option<String>,
    },
    Join {
        to: String,
    },
    Leave,
    Rename,
    Say,
    Channels,
    SetPrivate,
    Ping,
}

// ---- requests ----------------------------------------------------------------------------------

#[derive(Serialize)]
struct Package<D> {
    r#type: &'static str,
    data: D,
}

#[derive(Serialize)]
struct Command<'a> {
    command: &'static str,
    parameters: Parameters<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Parameters<'a> {
    None {},
    Name { username: &'a str },
    Channel { channel: &'a str },
}

#[derive(Serialize)]
struct Speech<'a> {
    message: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
}

impl Talk for ChatMaster {
    fn is_ready(&self) -> bool {
        self.is_asked
    }

    fn call(&mut self, tag: Tag, call: &Call, out: &mut Outgoing) {
        match self.turns.add(tag, call) {
            Ok(()) => self.go_on(out),
            Err(error) => out.answer(tag, Err(error)),
        }
    }

    fn message(&mut self, message: &[u8], now: SystemTime, out: &mut Outgoing) {
        let Some(incoming) = read::<Incoming<'_>>(DOOR, message) else { return };
        let data = incoming.data.unwrap_or_default();
        let is_known = match incoming.kind.as_ref().map(|Text(kind)| &**kind) {
            Some("request") => self.requested(&data),
            Some("session") => self.decided(data, out),
            Some("message") => self.heard(data, now, out),
            Some("notification") => self.notified(data, now, out),
            Some("error") => self.failed(data, out),
            _ => false,
        };
        if !is_known {
            ignore(DOOR, message);
        }
        self.go_on(out);
    }
}

impl ChatMaster {
    /// Asks for all that may be asked now.
    fn go_on(&mut self, out: &mut Outgoing) {
        if !self.is_asked {
            return;
        }
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
            Call::Leave => self.command(tag, "leave", Step::Leave, Parameters::None {}, out),
            Call::Say { text } => self.say(tag, &text, None, out),
            Call::Whisper { to, text } => self.say(tag, &text, Some(&to), out),
            Call::Rename { name } => {
                let parameters = Parameters::Name { username: &name };
                self.command(tag, "rename", Step::Rename, parameters, out)
            }
            Call::Rooms => self.command(tag, "channels", Step::Channels, Parameters::None {}, out),
            Call::SetPrivate { private } => {
                let kind = if private { "private" } else { "public" };
                self.command(tag, kind, Step::SetPrivate, Parameters::None {}, out)
            }
            Call::Typing => {
                out.answer(tag, Ok(Answer::Done));
                Ok(())
            }
            // The fence is all that is needed.
            Call::Ping => self.ask(tag, FENCE, Step::Ping, None, out),
            Call::Users => Err(not_offered("list of users")),
            Call::History { .. } => Err(not_offered("history")),
            Call::Register { .. } | Call::LogIn { .. } | Call::LogOut => {
                Err(not_offered("accounts"))
            }
        }
    }

    fn start_join(
        &mut self,
        tag: Tag,
        to: Option<String>,
        name: Option<String>,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        match (name, &self.name) {
            (None, None) => Err(refused("A name is needed to join")),
            (Some(name), None) => {
                let username = name.clone();
                let parameters = Parameters::Name { username: &username };
                self.command(tag, "login", Step::LogIn { name, to }, parameters, out)
            }
            (Some(name), Some(own)) if name != *own => {
                let parameters = Parameters::Name { username: &name };
                self.command(tag, "rename", Step::RenameToJoin { to }, parameters, out)
            }
            (_, Some(_)) => self.go(tag, to, out),
        }
    }

    /// Goes to a channel, now that one is logged in and has the right name.
    fn go(&mut self, tag: Tag, to: Option<String>, out: &mut Outgoing) -> Result<(), CallError> {
        match to.filter(|to| !same_name(to, &self.channel)) {
            Some(to) => {
                let channel = to.clone();
                let parameters = Parameters::Channel { channel: &channel };
                self.command(tag, "join", Step::Join { to }, parameters, out)
            }
            None => {
                out.answer(tag, Ok(self.joined()));
                Ok(())
            }
        }
    }

    fn say(
        &mut self,
        tag: Tag,
        message: &str,
        to: Option<&str>,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        let username = self.name.as_deref().unwrap_or_default();
        let data = Speech { message, username, to };
        let package = written(&Package { r#type: "message", data }, REQUEST_BYTES_MAX)?;
        self.ask(tag, "message", Step::Say, Some(package), out)
    }

    fn command(
        &mut self,
        tag: Tag,
        command: &'static str,
        step: Step,
        parameters: Parameters<'_>,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        let package = command_package(command, parameters)?;
        self.ask(tag, command, step, Some(package), out)
    }

    /// Sends a request, if there is one, and a fence behind it.
    fn ask(
        &mut self,
        tag: Tag,
        kind: &'static str,
        step: Step,
        package: Option<Vec<u8>>,
        out: &mut Outgoing,
    ) -> Result<(), CallError> {
        let fence = command_package(FENCE, Parameters::None {})?;
        out.messages.extend(package);
        out.messages.push(fence);
        self.turns.asked.push_back(Asked { kind, tag: Some(tag), step, is_there: false });
        Ok(())
    }

    fn joined(&self) -> Answer {
        let (room, name) = (self.channel.clone(), self.name.clone().unwrap_or_default());
        Answer::Joined(Joined { room, name, ..Joined::default() })
    }
}

fn command_package(
    command: &'static str,
    parameters: Parameters<'_>,
) -> Result<Vec<u8>, CallError> {
    let data = Command { command, parameters };
    written(&Package { r#type: "command", data }, REQUEST_BYTES_MAX)
}

fn not_offered(call: &'static str) -> CallError {
    CallError::NotOffered { door: Door::ChatMaster, call }
}

// ---- messages ----------------------------------------------------------------------------------

impl ChatMaster {
    fn requested(&mut self, data: &Data<'_>) -> bool {
        let is_login = data.request.as_ref().is_some_and(|Text(request)| request == "login");
        self.is_asked |= is_login;
        is_login
    }

    /// A login was taken or refused.
    fn decided(&mut self, data: Data<'_>, out: &mut Outgoing) -> bool {
        let Some(Asked { tag, step: Step::LogIn { name, .. }, .. }) = self.turns.asked.front_mut()
        else {
            return false;
        };
        if data.status == Some(1) {
            self.name = Some(name.clone());
            let default = data.channels.and_then(|channels| channels.into_iter().next());
            self.default_channel = default.unwrap_or_else(|| "general".to_owned());
            self.channel.clone_from(&self.default_channel);
        } else if let Some(tag) = tag.take() {
            // Not only at the fence: the third refusal is the connection's end.
            let reason = data.reason.map_or_else(|| "refused".to_owned(), Text::owned);
            out.answer(tag, Err(refused(reason)));
        }
        true
    }

    fn heard(&mut self, data: Data<'_>, now: SystemTime, out: &mut Outgoing) -> bool {
        let (Some(from), Some(text)) = (data.username, data.message) else { return false };
        if self.name.is_none() {
            return false;
        }
        let (from, text, private) = (from.owned(), text.owned(), data.private.unwrap_or(false));
        let message = Message { from, text, private, own: false };
        out.happened(&self.channel, now, Happening::Message(message));
        true
    }

    fn notified(&mut self, data: Data<'_>, now: SystemTime, out: &mut Outgoing) -> bool {
        match data.event_type.as_ref().map(|Text(kind)| &**kind) {
            Some("channel_list") => return self.listed(data, out),
            Some("server_shutdown") => {
                let text = data.message.map_or_else(|| "The server ends".to_owned(), Text::owned);
                out.event(Event::Notice { text });
                return true;
            }
            _ if self.name.is_none() => return false,
            _ => {}
        }
        let Some((channel, what)) = happening(data) else { return false };
        match &what {
            Happening::Joined { name } if self.is_own_arrival(name) => self.arrived(name, channel),
            Happening::Renamed { old, new } if self.name.as_ref() == Some(old) => {
                self.name = Some(new.clone());
            }
            _ => {
                let room = channel.as_deref().unwrap_or(&self.channel);
                out.happened(room, now, what);
            }
        }
        true
    }

    /// Whether it is oneself who came: nobody else has one's name. The first to come after one has
    /// logged in is oneself as well, but the name may have been trimmed.
    fn is_own_arrival(&self, name: &str) -> bool {
        match self.turns.asked.front() {
            Some(Asked { step: Step::LogIn { name: wanted, .. }, is_there: false, .. }) => {
                letters(wanted).eq(letters(name))
            }
            _ => self.name.as_deref() == Some(name),
        }
    }

    fn arrived(&mut self, name: &str, channel: Option<String>) {
        self.name = Some(name.to_owned());
        if let Some(channel) = channel {
            self.channel = channel;
        }
        if let Some(asked) = self.turns.asked.front_mut() {
            asked.is_there = true;
        }
    }

    fn listed(&mut self, data: Data<'_>, out: &mut Outgoing) -> bool {
        let Some(Asked { tag, step, .. }) = self.turns.asked.front_mut() else { return false };
        let answer = match (step, data.channels) {
            (Step::SetPrivate, _) => Ok(Answer::Done),
            (Step::Channels, Some(channels)) => {
                let room = |name| Room { name, ..Room::default() };
                Ok(Answer::Rooms(channels.into_iter().map(room).collect()))
            }
            (Step::Channels, None) => Err(refused(NO_SENSE)),
            _ => return false,
        };
        if let Some(tag) = tag.take() {
            out.answer(tag, answer);
        }
        true
    }

    fn failed(&mut self, data: Data<'_>, out: &mut Outgoing) -> bool {
        let kind = data.error_type.map(Text::owned).unwrap_or_default();
        if kind == UNKNOWN {
            let Some(asked) = self.turns.asked.pop_front() else { return false };
            self.passed(asked, out);
            return true;
        }
        let Some(asked) = self.turns.asked.front_mut().filter(|asked| asked.kind == kind) else {
            return false;
        };
        let is_join = matches!(asked.step, Step::Join { .. });
        if let Some(tag) = asked.tag.take() {
            if is_join {
                self.stands(out);
            }
            let words = data.message.map_or_else(|| "refused".to_owned(), Text::owned);
            out.answer(tag, Err(refused(words)));
        }
        true
    }

    /// Says where one is and under which name, if a join is refused of which that much was done.
    fn stands(&mut self, out: &mut Outgoing) {
        if std::mem::take(&mut self.is_named) {
            let (room, name) = (Some(self.channel.clone()), self.name.clone());
            out.heard.push(super::Heard::Stands { room, name });
        }
    }

    /// The fence behind a request is reached: what was not refused is done.
    fn passed(&mut self, asked: Asked, out: &mut Outgoing) {
        let Asked { tag: Some(tag), step, is_there, .. } = asked else { return };
        let answer = match step {
            Step::LogIn { .. } if self.name.is_none() => Err(refused(NO_SENSE)),
            Step::LogIn { to, .. } | Step::RenameToJoin { to } => {
                self.is_named = true;
                if let Err(error) = self.go(tag, to, out) {
                    self.stands(out);
                    out.answer(tag, Err(error));
                }
                return;
            }
            Step::Join { to } => {
                self.is_named = false;
                if !is_there {
                    self.channel = to;
                }
                Ok(self.joined())
            }
            Step::Rename => Ok(Answer::Renamed(self.name.clone().unwrap_or_default())),
            Step::Leave => {
                if !is_there {
                    self.channel.clone_from(&self.default_channel);
                }
                Ok(self.joined())
            }
            Step::SetPrivate => Ok(Answer::Done),
            Step::Channels => Err(refused(NO_SENSE)),
            Step::Say => Ok(Answer::Said(Said::default())),
            Step::Ping => Ok(Answer::Pong(Duration::ZERO)),
        };
        out.answer(tag, answer);
    }
}

/// What of a name no trimming changes.
fn letters(name: &str) -> impl Iterator<Item = char> + '_ {
    name.chars().filter(|c| c.is_alphanumeric())
}
