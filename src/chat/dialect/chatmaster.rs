//! `chatmaster`: packages back to back, as text or as zlib streams,
//! `{"type","data":{"command","parameters"}}`.
//!
//! The protocol of seed 003, with private messages added (`to`). Rooms are called channels on its
//! wire. A connection is sent text until its first compressed package, and zlib streams from then
//! on; [`Compression`] may settle that beforehand.

use std::borrow::Cow;
use std::collections::HashMap;

use super::fields::{Fields, fields};
use super::form::Form;
use super::house::{self, House, now, session_of};
use super::{CHATMASTER, CHATMASTER_ZLIB, Fx};
use crate::chat::{Body, Error, Event, EventKind, Join, RoomRef, SessionId, Timestamp};
use crate::rpc::framing::{Compression, Fault, Framing, Packages, Switch, zlib};
use crate::rpc::{Accepted, ConnId, End, Service, json};

/// What the dialect is set to.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChatMasterSettings {
    /// Whether compressed packages are taken, and what is sent before the first came.
    pub compression: Compression,
}

/// Logins that a connection may be refused; with the last of them it closes.
const REFUSALS_MAX: u8 = 3;

/// What the dialect keeps in the house.
#[derive(Default)]
pub(super) struct Own {
    /// How many logins each connection that has not logged in was refused, if any.
    refused_logins: HashMap<ConnId, u8>,
}

/// The service to listen with.
pub fn service() -> impl Service<House> {
    ChatMaster
}

struct ChatMaster;

impl Service<House> for ChatMaster {
    fn framing(&self, house: &House, _: &Accepted) -> Box<dyn Framing> {
        let json = house.settings.json;
        let compression = house.settings.chatmaster.compression;
        Box::new(Packages::new(json.frame_bytes, json.depth, compression))
    }

    fn opened(&self, house: &mut House, fx: &mut Fx, conn: ConnId) {
        fx.set_form(
            conn,
            match house.settings.chatmaster.compression {
                Compression::Always => CHATMASTER_ZLIB,
                Compression::Auto | Compression::Off => CHATMASTER,
            },
        );
        house.open(fx, conn);
        house::send(fx, conn, |out| {
            out.extend_from_slice(br#"{"type":"request","data":{"request":"login"}}"#);
        });
    }

    fn frame(&self, house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) {
        if let Err(refusal) = serve(house, fx, conn, frame) {
            send_error(fx, conn, &refusal);
        }
    }

    fn switched(&self, house: &mut House, fx: &mut Fx, conn: ConnId, switch: Switch) {
        if switch == Switch::Compressed {
            fx.set_form(conn, CHATMASTER_ZLIB);
            house.change_form(fx, conn);
        }
    }

    fn fault(&self, _: &mut House, fx: &mut Fx, conn: ConnId, fault: Fault) {
        let text = match fault {
            Fault::TooLong => "Package is too long.",
            _ => INVALID_JSON,
        };
        send_error(fx, conn, &Refusal::new(UNKNOWN, text));
    }

    fn closed(&self, house: &mut House, fx: &mut Fx, conn: ConnId, _: &End) {
        house.own.chatmaster.refused_logins.remove(&conn);
        house.close(fx, conn);
    }

    fn stopping(&self, house: &mut House, fx: &mut Fx) {
        house.farewell(fx, &[CHATMASTER, CHATMASTER_ZLIB]);
    }
}

// ---- errors ------------------------------------------------------------------------------------

/// The `error_type` of what is no known command and no message.
const UNKNOWN: &str = "unknown";

const INVALID_JSON: &str = "Invalid JSON";

/// Why something was not done.
struct Refusal {
    /// The command, `"message"` or [`UNKNOWN`].
    error_type: &'static str,
    text: Cow<'static, str>,
}

impl Refusal {
    fn new(error_type: &'static str, text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { error_type, text: text.into() }
    }
}

fn send_error(fx: &mut Fx, conn: ConnId, refusal: &Refusal) {
    house::send(fx, conn, |out| {
        out.extend_from_slice(b"{\"type\":\"error\",\"data\":{\"error_type\":");
        json::string(refusal.error_type, out);
        out.extend_from_slice(b",\"message\":");
        json::string(&refusal.text, out);
        out.extend_from_slice(b"}}");
    });
}

/// What a client is told when the chat refuses.
fn text_of(error: Error) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        Error::NameRequired => "Username is required.",
        Error::NameTooLong => "Username is too long.",
        Error::NameTaken | Error::NameReserved | Error::NameRegistered | Error::AlreadyOnline => {
            "Username is already taken."
        }
        Error::RoomNameRequired => "Channel name is required.",
        Error::RoomNameTooLong => "Channel name is too long.",
        Error::RoomExists => "Channel already exists.",
        Error::TooManyRooms => "Too many rooms",
        Error::TextRequired => "Message is required.",
        Error::TextTooLong => "Message is too long.",
        Error::NotInRoom => NOT_LOGGED_IN,
        Error::NotCreator => "Only the channel's creator can do that.",
        Error::NoSuchMember(name) => {
            return Cow::Owned(format!("User {name} is not in this channel."));
        }
        other => {
            log::error!("chatmaster: no words for: {other}");
            "Internal error."
        }
    })
}

const NOT_LOGGED_IN: &str = "Not logged in.";

// ---- packages ----------------------------------------------------------------------------------

/// One package under way: who sent it, and what it holds.
struct Request<'a> {
    house: &'a mut House,
    fx: &'a mut Fx,
    conn: ConnId,
    /// The parameters of a command, the data of a message: JSON, if there are any.
    values: Option<&'a str>,
}

/// What became of it.
type Outcome = Result<(), Cow<'static, str>>;

/// A command's name, and what it does.
type Command = (&'static str, fn(&mut Request<'_>) -> Outcome);

const COMMANDS: [Command; 7] = [
    ("login", login),
    ("rename", rename),
    ("join", join),
    ("leave", leave),
    ("private", |request| set_private(request, true)),
    ("public", |request| set_private(request, false)),
    ("channels", channels),
];

fn serve(house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) -> Result<(), Refusal> {
    let unknown = |text| Refusal::new(UNKNOWN, text);
    let depth = house.settings.json.depth;
    let [kind, data] = parts(frame, depth, ["type", "data"]).map_err(unknown)?;
    let mut request = Request { house, fx, conn, values: data };
    match text(kind).as_deref() {
        Some("message") => message(&mut request).map_err(|text| Refusal::new("message", text)),
        Some("command") => {
            let [name, parameters] = request.take(["command", "parameters"]).map_err(unknown)?;
            let name = text(name).unwrap_or_default();
            let command = COMMANDS.iter().find(|(known, _)| *known == name);
            let (name, run) = command.ok_or_else(|| unknown(Cow::Borrowed("Unknown command")))?;
            request.values = parameters;
            run(&mut request).map_err(|text| Refusal::new(name, text))
        }
        _ => Err(unknown(Cow::Borrowed("Unknown command"))),
    }
}

/// The values of `keys`, none of them where `json` is no object.
fn parts<'a, const N: usize>(
    json: &'a [u8],
    depth_max: u16,
    keys: [&str; N],
) -> Result<[Option<&'a str>; N], Cow<'static, str>> {
    match fields(json, depth_max, keys) {
        Ok(Fields::Object(values)) => Ok(values),
        Ok(Fields::Other) => Ok([None; N]),
        Err(_) => Err(Cow::Borrowed(INVALID_JSON)),
    }
}

/// A text; nothing if it is absent or something else.
fn text(value: Option<&str>) -> Option<Cow<'_, str>> {
    value.and_then(json::unescape)
}

impl<'a> Request<'a> {
    /// The values of `keys` among those that came.
    fn take<const N: usize>(
        &self,
        keys: [&str; N],
    ) -> Result<[Option<&'a str>; N], Cow<'static, str>> {
        let depth = self.house.settings.json.depth;
        self.values.map_or(Ok([None; N]), |values| parts(values.as_bytes(), depth, keys))
    }

    /// The text of `key` among the values that came; empty if it is absent or no text.
    fn text(&self, key: &str) -> Result<Cow<'a, str>, Cow<'static, str>> {
        let [value] = self.take([key])?;
        Ok(text(value).unwrap_or_default())
    }

    /// The sender's session.
    fn member(&self) -> Result<SessionId, Cow<'static, str>> {
        let session = session_of(self.fx, self.conn);
        let member = session.filter(|session| self.house.chat.room_of(*session).is_some());
        member.ok_or(Cow::Borrowed(NOT_LOGGED_IN))
    }
}

fn login(request: &mut Request<'_>) -> Outcome {
    if request.member().is_ok() {
        return Err(Cow::Borrowed("Already logged in."));
    }
    let name = request.text("username")?;
    let join = Join { name: Some(&name), room: RoomRef::Default, create: false };
    let Request { house, fx, conn, .. } = request;
    match house.join(fx, *conn, join) {
        Ok(_) => {
            house.own.chatmaster.refused_logins.remove(conn);
            let session = session_of(fx, *conn);
            house::send(fx, *conn, |out| {
                out.extend_from_slice(
                    b"{\"type\":\"session\",\"data\":{\"status\":1,\"channels\":",
                );
                write_channels(house, session, out);
                out.extend_from_slice(b"}}");
            });
            house.deliver(fx);
        }
        Err(error) => refuse_login(house, fx, *conn, &text_of(error)),
    }
    Ok(())
}

/// Refuses a login; the last one that may be tried is the connection's end.
fn refuse_login(house: &mut House, fx: &mut Fx, conn: ConnId, reason: &str) {
    house::send(fx, conn, |out| {
        out.extend_from_slice(b"{\"type\":\"session\",\"data\":{\"status\":0,\"reason\":");
        json::string(reason, out);
        out.extend_from_slice(b"}}");
    });
    let refusals = house.own.chatmaster.refused_logins.entry(conn).or_default();
    *refusals += 1;
    if *refusals >= REFUSALS_MAX {
        fx.close(conn);
    }
}

fn rename(request: &mut Request<'_>) -> Outcome {
    let session = request.member()?;
    let name = request.text("username")?;
    let Request { house, fx, .. } = request;
    house.chat.rename(session, &name, now(fx), &mut house.events).map_err(text_of)?;
    house.deliver(fx);
    Ok(())
}

fn join(request: &mut Request<'_>) -> Outcome {
    request.member()?;
    let channel = request.text("channel")?;
    enter(request, Join { name: None, room: RoomRef::NameOrId(&channel), create: true })
}

fn leave(request: &mut Request<'_>) -> Outcome {
    let session = request.member()?;
    let chat = &request.house.chat;
    let general = chat.default_room();
    if chat.is_member(session, general) {
        let name = chat.room(general).map_or("general", |general| general.name);
        return Err(Cow::Owned(format!("You are in the {name} channel.")));
    }
    enter(request, Join { name: None, room: RoomRef::Default, create: false })
}

fn enter(request: &mut Request<'_>, join: Join<'_>) -> Outcome {
    let Request { house, fx, conn, .. } = request;
    house.join(fx, *conn, join).map_err(text_of)?;
    house.deliver(fx);
    Ok(())
}

fn set_private(request: &mut Request<'_>, private: bool) -> Outcome {
    let session = request.member()?;
    let Request { house, fx, .. } = request;
    let done = house.chat.set_private(session, private, now(fx), &mut house.events);
    done.map_err(|error| match (error, private) {
        (Error::DefaultRoom, true) => Cow::Borrowed("Channel cannot be set to private."),
        (Error::DefaultRoom, false) => Cow::Borrowed("Channel cannot be set to public."),
        (error, _) => text_of(error),
    })?;
    house.deliver(fx);
    channels(request)
}

fn channels(request: &mut Request<'_>) -> Outcome {
    let session = request.member()?;
    let Request { house, fx, conn, .. } = request;
    house::send(fx, *conn, |out| {
        out.extend_from_slice(
            b"{\"type\":\"notification\",\"data\":{\"event_type\":\"channel_list\",\"channels\":",
        );
        write_channels(house, Some(session), out);
        out.extend_from_slice(b"}}");
    });
    Ok(())
}

/// Says something to the channel, or to one of its members. A `to` that is no text names nobody:
/// what was meant for one is not told to all.
fn message(request: &mut Request<'_>) -> Outcome {
    let session = request.member()?;
    let [body, to] = request.take(["message", "to"])?;
    let body = text(body).unwrap_or_default();
    let Request { house, fx, .. } = request;
    let (at, body) = (now(fx), Body::Text(&body));
    let said = match to {
        None => house.chat.say(session, body, at, &mut house.events).map(drop),
        Some(_) => {
            let to = text(to).unwrap_or_default();
            house.chat.whisper(session, &to, body, at, &mut house.events)
        }
    };
    said.map_err(text_of)?;
    house.deliver(fx);
    Ok(())
}

/// `["general","Google"]`: those that are listed for this session.
fn write_channels(house: &House, session: Option<SessionId>, out: &mut Vec<u8>) {
    json::list(house.chat.rooms(session), out, |room, out| json::string(room.name, out));
}

// ---- forms -------------------------------------------------------------------------------------

/// Text, with nothing between the packages.
pub(super) static FORM: Form = Form { echoes, farewell, ..Form::new(encode) };

/// Zlib streams.
pub(super) static ZLIB_FORM: Form =
    Form { frame: zlib::frame, echoes, farewell, ..Form::new(encode) };

/// Who comes, goes or changes its name is told like the others; who speaks is not.
fn echoes(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Joined { .. } | EventKind::Left { .. } | EventKind::Renamed { .. })
}

fn encode(event: &Event, out: &mut Vec<u8>) {
    let channel = &*event.room_name;
    match &event.kind {
        EventKind::Message { from, body } => write_message(body.as_str(), from, false, out),
        EventKind::Whisper(whisper) => {
            write_message(whisper.body.as_str(), &whisper.from, true, out);
        }
        EventKind::Joined { name } => {
            notification("user_joined", &[("username", name), ("channel", channel)], out);
        }
        EventKind::Left { name } => {
            notification("user_left", &[("username", name), ("channel", channel)], out);
        }
        EventKind::Renamed { old, new } => {
            notification("user_rename", &[("old_username", old), ("new_username", new)], out);
        }
        EventKind::RoomOpened { .. }
        | EventKind::RoomChanged { .. }
        | EventKind::RoomClosed { .. } => {}
    }
}

fn farewell(_: &str, _: Timestamp, out: &mut Vec<u8>) {
    notification("server_shutdown", &[("message", "Server is shutting down")], out);
}

/// `{"type":"notification","data":{"event_type":"user_joined","username":"…",…}}`
fn notification(event_type: &str, values: &[(&str, &str)], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"notification\",\"data\":{\"event_type\":\"");
    out.extend_from_slice(event_type.as_bytes());
    out.push(b'"');
    for (key, value) in values {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        json::string(value, out);
    }
    out.extend_from_slice(b"}}");
}

/// `{"type":"message","data":{"message":"…","username":"…"}}`
fn write_message(message: &str, username: &str, private: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"message\",\"data\":{\"message\":");
    json::string(message, out);
    out.extend_from_slice(b",\"username\":");
    json::string(username, out);
    out.extend_from_slice(if private { b",\"private\":true}}" } else { b"}}" });
}
