//! `jsonrpc`: JSON values back to back, `{"method","params"}`, and JSON-RPC 2.0 beside it.
//!
//! The protocol of seed 000, with the extensions `room`, `id` and `send_private`. The envelope and
//! its two forms are [`JsonRpc`]'s; here are the methods and how events look.

use serde::Deserialize;
use std::io::Write;

use super::form::{self, Form};
use super::house::{House, now, session_of};
use super::text::Text;
use super::{FORMS, Fx};
use crate::chat::{Body, Error, Event, EventKind, Join, Name, RoomKey, RoomRef};
use crate::rpc::{CLASSIC, Call, CallError, JsonRpc, Outcome, VERSION_2, json};

/// The description that `rpc.discover` answers with.
const OPENRPC: &str = include_str!("openrpc.json");

/// The name that notices come from.
const SYSTEM: &str = "SYSTEM";

/// What the dialect is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonRpcSettings {
    /// Whether a taken name gets the port appended, or is refused at once.
    pub suffix_duplicate_names: bool,
    /// Whether `get_users` shows addresses.
    pub show_addresses: bool,
}

impl Default for JsonRpcSettings {
    fn default() -> JsonRpcSettings {
        JsonRpcSettings { suffix_duplicate_names: true, show_addresses: true }
    }
}

/// What the dialect keeps in the house.
#[derive(Default)]
pub(super) struct Own {
    /// The last answer to `get_users`, full and simple, for as long as it is true. Clients poll the
    /// users, of a large room too, far more often than these change.
    user_lists: [UserList; 2],
}

/// The service to listen with.
pub fn service() -> JsonRpc<House> {
    let mut document = Vec::new();
    json::compact(OPENRPC, &mut document);
    JsonRpc::new()
        .method("join_chat", join_chat)
        .method("send_message", send_message)
        .method("get_users", get_users)
        .method("leave_chat", leave_chat)
        .method("send_private", send_private)
        .document(String::from_utf8_lossy(&document))
        .limits(|house: &House| house.settings.json)
        .on_opened(House::open)
        .on_version_2(House::change_form)
        .on_closed(House::close)
        .on_stopping(|house, fx| house.farewell(fx, &[CLASSIC, VERSION_2]))
}

// ---- methods -----------------------------------------------------------------------------------

#[derive(Deserialize)]
struct JoinChat<'a> {
    #[serde(default, borrow)]
    username: Text<'a>,
    #[serde(default)]
    room: Text<'a>,
}

fn join_chat(house: &mut House, call: &mut Call<'_, House>) -> Outcome {
    let params: JoinChat<'_> = call.params()?;
    if room_of(house, call).is_some() {
        return Err(CallError::application("Already joined"));
    }
    let name = params.username.as_deref().unwrap_or_default();
    let room = params.room.as_deref().map_or(RoomRef::Default, RoomRef::NameOrId);
    let room = enter(house, call, name, room).map_err(refusal)?;
    let Some(name) = own_name(house, call) else { return Err(CallError::INTERNAL) };

    let outcome = call.answer_with(|_, out| {
        out.extend_from_slice(b"{\"status\":\"success\",\"message\":");
        json::string(&format!("Joined chat as {name}"), out);
        out.extend_from_slice(b",\"users\":");
        write_names(house, room, out);
        out.push(b'}');
    });
    let version_2 = call.fx.form(call.conn()) == VERSION_2;
    call.send_after(|out| {
        let welcome = format!("Welcome to the chat, {name}!");
        let form = FORMS[usize::from(version_2)];
        form.write(out, |out| write_event(version_2, "system", &welcome, SYSTEM, out));
    });
    house.deliver(call.fx);
    outcome
}

/// Joins, with the port appended to the name where that helps.
fn enter(
    house: &mut House,
    call: &mut Call<'_, House>,
    name: &str,
    room: RoomRef<'_>,
) -> Result<RoomKey, Error> {
    let conn = call.conn();
    let join = Join { name: Some(name), room, create: true };
    let joined = match house.join(call.fx, conn, join) {
        Err(Error::NameTaken) if house.settings.jsonrpc.suffix_duplicate_names => {
            let port = call.fx.peer_addr(conn).map_or(0, |address| address.port());
            let chars_max = house.chat.settings().name_chars_max;
            let clean = Name::new(name, chars_max).map_err(|_| Error::NameTaken)?;
            let suffixed = format!("{}_{port}", clean.as_str());
            let again = Join { name: Some(&suffixed), ..join };
            house.join(call.fx, conn, again).map_err(|error| match error {
                Error::NameTooLong => Error::NameTaken,
                other => other,
            })
        }
        other => other,
    };
    joined.map(|joined| joined.room)
}

#[derive(Deserialize)]
struct SendMessage<'a> {
    #[serde(default, borrow)]
    message: Text<'a>,
}

fn send_message(house: &mut House, call: &mut Call<'_, House>) -> Outcome {
    let params: SendMessage<'_> = call.params()?;
    let session = session_of(call.fx, call.conn()).ok_or(CallError::INTERNAL)?;
    let text = params.message.as_deref().unwrap_or_default();
    let at = now(call.fx);
    house.chat.say(session, Body::Text(text), at, &mut house.events).map_err(refusal)?;
    house.deliver(call.fx);
    sent(call)
}

#[derive(Deserialize)]
struct SendPrivate<'a> {
    #[serde(default, borrow)]
    to: Text<'a>,
    #[serde(default)]
    message: Text<'a>,
}

fn send_private(house: &mut House, call: &mut Call<'_, House>) -> Outcome {
    let params: SendPrivate<'_> = call.params()?;
    let session = session_of(call.fx, call.conn()).ok_or(CallError::INTERNAL)?;
    let to = params.to.as_deref().unwrap_or_default();
    let text = params.message.as_deref().unwrap_or_default();
    let at = now(call.fx);
    let events = &mut house.events;
    house.chat.whisper(session, to, Body::Text(text), at, events).map_err(refusal)?;
    house.deliver(call.fx);
    sent(call)
}

fn sent(call: &mut Call<'_, House>) -> Outcome {
    call.answer_with(|_, out| {
        out.extend_from_slice(
            b"{\"status\":\"success\",\"message\":\"Message sent successfully\"}",
        );
    })
}

#[derive(Deserialize)]
struct GetUsers<'a> {
    #[serde(default, borrow)]
    format: Text<'a>,
}

#[derive(Default)]
struct UserList {
    /// The room, and its roster then.
    of: Option<(RoomKey, u64)>,
    answer: Vec<u8>,
}

fn get_users(house: &mut House, call: &mut Call<'_, House>) -> Outcome {
    let params: GetUsers<'_> = call.params()?;
    let room = room_of(house, call).unwrap_or(house.chat.default_room());
    let view = house.chat.room(room).ok_or(CallError::INTERNAL)?;
    let (of, count) = (Some((room, view.roster)), view.members);
    let simple =
        params.format.as_deref() == Some("simple") || !house.settings.jsonrpc.show_addresses;
    if house.own.jsonrpc.user_lists[usize::from(simple)].of != of {
        let mut answer =
            std::mem::take(&mut house.own.jsonrpc.user_lists[usize::from(simple)].answer);
        answer.clear();
        write_user_list(house, call.fx, room, (count, simple), &mut answer);
        house.own.jsonrpc.user_lists[usize::from(simple)] = UserList { of, answer };
    }
    let answer = &house.own.jsonrpc.user_lists[usize::from(simple)].answer;
    call.answer_with(|_, out| out.extend_from_slice(answer))
}

fn write_user_list(
    house: &House,
    fx: &Fx,
    room: RoomKey,
    (count, simple): (usize, bool),
    out: &mut Vec<u8>,
) {
    if simple {
        out.extend_from_slice(b"{\"status\":\"success\",\"users\":");
        write_names(house, room, out);
    } else {
        out.extend_from_slice(
            b"{\"status\":\"success\",\"message\":\"Users retrieved successfully\",\"users\":",
        );
        write_users(house, fx, room, out);
    }
    out.extend_from_slice(b",\"count\":");
    json::unsigned(count as u64, out);
    out.push(b'}');
}

#[derive(Deserialize)]
struct LeaveChat {}

fn leave_chat(house: &mut House, call: &mut Call<'_, House>) -> Outcome {
    let LeaveChat {} = call.params()?;
    let conn = call.conn();
    house.leave(call.fx, conn).map_err(refusal)?;
    if let Some(session) = session_of(call.fx, conn) {
        house.chat.forget_name(session);
    }
    house.deliver(call.fx);
    call.answer_with(|_, out| {
        out.extend_from_slice(b"{\"status\":\"success\",\"message\":\"Left chat successfully\"}");
    })
}

fn room_of(house: &House, call: &Call<'_, House>) -> Option<RoomKey> {
    house.chat.room_of(session_of(call.fx, call.conn())?)
}

fn own_name(house: &House, call: &Call<'_, House>) -> Option<String> {
    house.chat.name_of(session_of(call.fx, call.conn())?).map(str::to_owned)
}

/// `["Bob","Alice"]`, in joining order.
fn write_names(house: &House, room: RoomKey, out: &mut Vec<u8>) {
    json::list(house.chat.members(room), out, |(_, name), out| json::string(name, out));
}

/// `[{"username":"Bob","address":"127.0.0.1:12345"}]`, in joining order.
fn write_users(house: &House, fx: &Fx, room: RoomKey, out: &mut Vec<u8>) {
    json::list(house.chat.members(room), out, |(session, name), out| {
        out.extend_from_slice(b"{\"username\":");
        json::string(name, out);
        out.extend_from_slice(b",\"address\":\"");
        if let Some(address) = house.address_of(fx, session) {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{address}");
        }
        out.extend_from_slice(b"\"}");
    });
}

/// What a client is told when the chat refuses.
fn refusal(error: Error) -> CallError {
    CallError::application(match error {
        Error::NameRequired => "Username is required",
        Error::NameTooLong => "Username too long",
        Error::NameTaken | Error::NameReserved | Error::NameRegistered => "Username already taken",
        Error::RoomNameRequired => "Room name is required",
        Error::RoomNameTooLong => "Room name too long",
        Error::TooManyRooms => "Too many rooms",
        Error::NotInRoom => "Not in chat",
        Error::TextRequired => "Message is required",
        Error::TextTooLong => "Message too long",
        Error::NoSuchMember(name) => {
            return CallError::application(format!("User {name} is not in this room"));
        }
        other => {
            log::error!("jsonrpc: no words for: {other}");
            return CallError::INTERNAL;
        }
    })
}

// ---- forms -------------------------------------------------------------------------------------

/// Bare objects with nothing between them.
pub(super) static CLASSIC_FORM: Form = Form {
    farewell: |_, _, out| farewell(false, out),
    ..Form::new(|event, out| encode(false, event, out))
};

/// JSON-RPC 2.0 notifications, a line each.
pub(super) static VERSION_2_FORM: Form = Form {
    frame: form::line,
    farewell: |_, _, out| farewell(true, out),
    ..Form::new(|event, out| encode(true, event, out))
};

// The table of forms has these two where `JsonRpc` numbers them.
const _: () = assert!(CLASSIC == 0 && VERSION_2 == 1);

fn encode(version_2: bool, event: &Event, out: &mut Vec<u8>) {
    match &event.kind {
        EventKind::Message { from, body } => {
            write_event(version_2, "chat", body.as_str(), from, out);
        }
        EventKind::Whisper(whisper) => {
            write_event(version_2, "private", whisper.body.as_str(), &whisper.from, out);
        }
        EventKind::Joined { name } => notice(version_2, &[name, " has joined the chat!"], out),
        EventKind::Left { name } => notice(version_2, &[name, " has left the chat!"], out),
        EventKind::Renamed { old, new } => notice(version_2, &[old, " is now known as ", new], out),
        EventKind::RoomOpened { .. }
        | EventKind::RoomChanged { .. }
        | EventKind::RoomClosed { .. } => {}
    }
}

fn notice(version_2: bool, parts: &[&str], out: &mut Vec<u8>) {
    write_event(version_2, "system", &parts.concat(), SYSTEM, out);
}

fn farewell(version_2: bool, out: &mut Vec<u8>) {
    notice(version_2, &["Server is shutting down"], out);
}

/// `{"type":"chat","message":"…","username":"…"}`, or the notification that says the same.
fn write_event(version_2: bool, kind: &str, message: &str, username: &str, out: &mut Vec<u8>) {
    if version_2 {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"params\":{\"message\":");
    } else {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"message\":");
    }
    json::string(message, out);
    out.extend_from_slice(b",\"username\":");
    json::string(username, out);
    out.extend_from_slice(if version_2 { b"}}" } else { b"}" });
}
