//! `parlance.v1`: the subprotocol with everything that happens, and answers that bear ids.
//!
//! Documented in `docs/parlance-v1.md`. A request is `{"action","body","id"}`; an answer bears
//! `status`, the action and the id; what happens comes as `{"event",…}`. How events look is told
//! beside the other forms.

use std::borrow::Cow;
use std::time::Duration;

use super::super::Fx;
use super::super::fields::{Fields, fields, integer};
use super::super::house::{House, now, send, session_of};
use super::forms::{
    V1_FORMS, write_flag, write_key, write_number, write_text, write_timestamp, write_typing,
    write_v1,
};
use super::{Fail, PROTOCOL_V1, account, with_body, words};
use crate::chat::{Error, RoomKey, RoomView, SessionId};
use crate::rpc::ConnId;
use crate::rpc::json::{self, Malformed};

/// Events at most that one answer of `history` has.
const HISTORY_EVENTS_MAX: usize = 200;

/// How often one member is shown to be typing, at most. What comes sooner is not shown.
const TYPING_EVERY: Duration = Duration::from_secs(2);

/// Says to a new client who it is, where it may go, and what it has to keep to.
pub(super) fn greet(house: &House, fx: &mut Fx, conn: ConnId, name: &str) {
    let (limits, frame_bytes) = (house.chat.settings(), house.settings.json.frame_bytes);
    let accounts = account::is_to_be_had(house, fx, conn);
    send(fx, conn, |out| {
        out.extend_from_slice(b"{\"status\":\"connected\"");
        write_text("client_id", name, out);
        write_text("message", "Welcome!", out);
        write_text("protocol", PROTOCOL_V1, out);
        write_text("name", name, out);
        write_flag("accounts", accounts, out);
        if let Some(room) = house.chat.room(house.chat.default_room()) {
            write_text("default_room", room.name, out);
            write_text("default_room_id", room.id, out);
        }
        write_key("limits", out);
        out.extend_from_slice(b"{\"frame_bytes\":");
        json::unsigned(frame_bytes as u64, out);
        write_number("text_chars", limits.text_chars_max as u64, out);
        write_number("json_bytes", limits.body_bytes_max as u64, out);
        write_number("name_chars", limits.name_chars_max as u64, out);
        write_number("history_events", HISTORY_EVENTS_MAX as u64, out);
        write_number("presence_members", limits.presence_members_max as u64, out);
        write_number("typing_ms", TYPING_EVERY.as_millis() as u64, out);
        out.extend_from_slice(b"}}");
    });
}

// ---- requests ----------------------------------------------------------------------------------

/// One request, and whose it is.
pub(super) struct Request<'a> {
    pub(super) conn: ConnId,
    pub(super) action: &'static str,
    /// The id, as it stands.
    pub(super) id: Option<&'a str>,
    /// The body, as it stands; `None` for `null` too.
    pub(super) body: Option<&'a str>,
}

/// Why a request is refused: what the client is told.
pub(super) struct Refusal(pub(super) Cow<'static, str>);

impl Refusal {
    const JSON: Refusal = Refusal(Cow::Borrowed("Invalid JSON"));
    const ACTION: Refusal = Refusal(Cow::Borrowed("Invalid action"));
    const ID: Refusal = Refusal(Cow::Borrowed("Invalid id"));
    /// A field of another type than it should have.
    const BODY: Refusal = Refusal(Cow::Borrowed("Invalid body"));
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal(words(error))
    }
}

impl From<Malformed> for Refusal {
    fn from(Malformed: Malformed) -> Refusal {
        Refusal::JSON
    }
}

impl From<Fail> for Refusal {
    fn from(fail: Fail) -> Refusal {
        match fail {
            Fail::Json => Refusal::JSON,
            Fail::Chat(error) => error.into(),
        }
    }
}

type Action = fn(&mut House, &mut Fx, &Request<'_>) -> Result<(), Refusal>;

/// What can be asked for, the most frequent first.
static ACTIONS: [(&str, Action); 14] = [
    ("message", message),
    ("typing", typing),
    ("private", private),
    ("history", history),
    ("users", users),
    ("rooms", rooms),
    ("join", join),
    ("create", create),
    ("leave", leave),
    ("name", name),
    ("room", room),
    ("login", account::login),
    ("register", account::register),
    ("logout", account::logout),
];

/// Serves one request.
pub(super) fn serve(house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) {
    let parts = match fields(frame, house.settings.json.depth, ["action", "body", "id"]) {
        Ok(Fields::Object(parts)) => parts,
        Ok(Fields::Other) => return refuse(fx, conn, (None, None), &Refusal::ACTION),
        Err(Malformed) => return refuse(fx, conn, (None, None), &Refusal::JSON),
    };
    let [action, body, id] = parts;
    let action = action.and_then(json::unescape);
    let known = ACTIONS.iter().find(|(known, _)| Some(*known) == action.as_deref());
    let name = known.map(|(name, _)| *name);
    if id.is_some_and(|id| !id.starts_with('"') && integer(id).is_none()) {
        return refuse(fx, conn, (name, None), &Refusal::ID);
    }
    let Some((action, act)) = known else {
        return refuse(fx, conn, (None, id), &Refusal::ACTION);
    };
    let body = body.filter(|body| *body != "null");
    if let Err(refusal) = act(house, fx, &Request { conn, action, id, body }) {
        refuse(fx, conn, (name, id), &refusal);
    }
}

pub(super) fn refuse(
    fx: &mut Fx,
    conn: ConnId,
    (action, id): (Option<&str>, Option<&str>),
    Refusal(message): &Refusal,
) {
    send(fx, conn, |out| {
        out.extend_from_slice(b"{\"status\":\"error\"");
        if let Some(action) = action {
            write_text("action", action, out);
        }
        write_id(id, out);
        write_text("message", message, out);
        out.push(b'}');
    });
}

/// Answers a request with success and what `content` appends: fields, each behind a comma.
pub(super) fn answer(fx: &mut Fx, request: &Request<'_>, content: impl FnOnce(&mut Vec<u8>)) {
    send(fx, request.conn, |out| {
        out.extend_from_slice(b"{\"status\":\"success\"");
        write_text("action", request.action, out);
        write_id(request.id, out);
        content(out);
        out.push(b'}');
    });
}

/// `,"id":7`: the id as it stood in the request.
fn write_id(id: Option<&str>, out: &mut Vec<u8>) {
    if let Some(id) = id {
        write_key("id", out);
        out.extend_from_slice(id.as_bytes());
    }
}

// ---- bodies ------------------------------------------------------------------------------------

/// The values of `keys` in a request's body, which is an object or absent.
pub(super) fn parts<'a, const N: usize>(
    house: &House,
    request: &Request<'a>,
    keys: [&str; N],
) -> Result<[Option<&'a str>; N], Refusal> {
    let Some(body) = request.body else { return Ok([None; N]) };
    match fields(body.as_bytes(), house.settings.json.depth, keys)? {
        Fields::Object(parts) => Ok(parts),
        Fields::Other => Err(Refusal::BODY),
    }
}

/// A text; empty where there is none.
pub(super) fn text(value: Option<&str>) -> Result<Cow<'_, str>, Refusal> {
    match value {
        None => Ok(Cow::Borrowed("")),
        Some(value) => json::unescape(value).ok_or(Refusal::BODY),
    }
}

fn number(value: Option<&str>) -> Result<Option<u64>, Refusal> {
    value.map(|value| value.parse().map_err(|_| Refusal::BODY)).transpose()
}

fn flag(value: Option<&str>) -> Result<Option<bool>, Refusal> {
    value.map(|value| value.parse().map_err(|_| Refusal::BODY)).transpose()
}

// ---- talking -----------------------------------------------------------------------------------

fn message(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let seq = super::say(house, fx, request.conn, request.body)?;
    let at = now(fx);
    answer(fx, request, |out| {
        write_number("seq", seq, out);
        write_timestamp(at, out);
    });
    Ok(())
}

fn private(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let [to, body] = parts(house, request, ["to", "body"])?;
    let to = text(to)?;
    let session = session_of(fx, request.conn).ok_or(Error::SessionClosed)?;
    let (at, chat, events) = (now(fx), &mut house.chat, &mut house.events);
    with_body(body, |body| chat.whisper(session, &to, body, at, events))?;
    house.deliver(fx);
    answer(fx, request, |out| write_timestamp(at, out));
    Ok(())
}

/// Shows the others who speak `parlance.v1` that somebody types. It leaves no trace, and is not
/// shown more often than [`TYPING_EVERY`], nor where nobody is shown to come and go.
fn typing(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let (session, room) = place(house, fx, request)?;
    let (conn, at) = (request.conn, fx.now());
    let crowd = house.chat.settings().presence_members_max;
    let view = house.chat.room(room).filter(|view| crowd == 0 || view.members <= crowd);
    let last = house.own.websocket.typing.get(&conn);
    let due = last.is_none_or(|last| at.saturating_duration_since(*last) >= TYPING_EVERY);
    if let (Some(view), Some(name), true) = (view, house.chat.name_of(session), due) {
        house.tell_forms(fx, (room, conn), &V1_FORMS, |out| write_typing(view.name, name, out));
        house.own.websocket.typing.insert(conn, at);
    }
    if request.id.is_some() {
        answer(fx, request, |_| {});
    }
    Ok(())
}

// ---- coming and going ----------------------------------------------------------------------------

fn join(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let joined = super::join(house, fx, request.conn, request.body)?;
    answer_entered(house, fx, request, joined.room)
}

/// `"body":"Game Night"`, or `"body":{"name":"Game Night","private":true}`.
fn create(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let [name, private] = match request.body {
        Some(body) if body.starts_with('"') => [Some(body), None],
        _ => parts(house, request, ["name", "private"])?,
    };
    let (name, private) = (text(name)?, flag(private)?.unwrap_or(false));
    let joined = super::create(house, fx, request.conn, (&name, private))?;
    answer_entered(house, fx, request, joined.room)
}

/// All that a client needs to show a room and to follow it from here on, in one answer.
fn answer_entered(
    house: &House,
    fx: &mut Fx,
    request: &Request<'_>,
    room: RoomKey,
) -> Result<(), Refusal> {
    let view = house.chat.room(room).ok_or(Error::RoomNotFound)?;
    answer(fx, request, |out| {
        write_room(&view, out);
        write_users(house, room, out);
    });
    Ok(())
}

fn leave(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let name = super::leave(house, fx, request.conn)?;
    answer(fx, request, |out| write_text("room", &name, out));
    Ok(())
}

/// `"body":"Alice"`
fn name(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let wanted = text(request.body)?;
    let session = session_of(fx, request.conn).ok_or(Error::SessionClosed)?;
    house.chat.rename(session, &wanted, now(fx), &mut house.events)?;
    house.deliver(fx);
    answer_named(house, fx, request, session);
    Ok(())
}

/// What a session is called now and, in a room, the `seq` of that.
pub(super) fn answer_named(house: &House, fx: &mut Fx, request: &Request<'_>, session: SessionId) {
    let room = house.chat.room_of(session).and_then(|room| house.chat.room(room));
    answer(fx, request, |out| {
        write_text("name", house.chat.name_of(session).unwrap_or_default(), out);
        if let Some(room) = room {
            write_number("seq", room.seq, out);
        }
    });
}

// ---- rooms -------------------------------------------------------------------------------------

/// Tells of the room and, with `"body":{"private":true}`, makes it private or public first.
fn room(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let [private] = parts(house, request, ["private"])?;
    let private = flag(private)?;
    let (session, room) = place(house, fx, request)?;
    if let Some(private) = private {
        house.chat.set_private(session, private, now(fx), &mut house.events)?;
        house.deliver(fx);
    }
    let view = house.chat.room(room).ok_or(Error::NotInRoom)?;
    answer(fx, request, |out| write_room(&view, out));
    Ok(())
}

fn rooms(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let viewer = session_of(fx, request.conn);
    answer(fx, request, |out| {
        write_key("rooms", out);
        json::list(house.chat.rooms(viewer), out, |room, out| {
            out.extend_from_slice(b"{\"room_id\":");
            json::string(room.id, out);
            write_text("room", room.name, out);
            write_flag("private", room.private, out);
            write_number("count", room.members as u64, out);
            out.push(b'}');
        });
    });
    Ok(())
}

fn users(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let (_, room) = place(house, fx, request)?;
    let view = house.chat.room(room).ok_or(Error::NotInRoom)?;
    answer(fx, request, |out| {
        write_text("room", view.name, out);
        write_number("seq", view.seq, out);
        write_users(house, room, out);
    });
    Ok(())
}

/// `"body":{"after":17,"limit":50}`, both optional.
fn history(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let [after, limit] = parts(house, request, ["after", "limit"])?;
    let (after, limit) = (number(after)?.unwrap_or(0), number(limit)?);
    let limit = limit.map_or(HISTORY_EVENTS_MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX).min(HISTORY_EVENTS_MAX)
    });
    let (_, room) = place(house, fx, request)?;
    let view = house.chat.room(room).ok_or(Error::NotInRoom)?;
    let history = house.chat.history(room, after, limit).ok_or(Error::NotInRoom)?;
    answer(fx, request, |out| {
        write_text("room", view.name, out);
        write_text("epoch", history.epoch, out);
        write_number("seq", view.seq, out);
        write_flag("truncated", history.truncated, out);
        write_key("events", out);
        json::list(history.records, out, |record, out| {
            write_v1(record.kind, view.name, (record.seq, record.at), out);
        });
    });
    Ok(())
}

/// The session of a request, and the room it is in.
fn place(house: &House, fx: &Fx, request: &Request<'_>) -> Result<(SessionId, RoomKey), Error> {
    let session = session_of(fx, request.conn).ok_or(Error::SessionClosed)?;
    Ok((session, house.chat.room_of(session).ok_or(Error::NotInRoom)?))
}

/// What there is to know of a room, but who is in it.
fn write_room(room: &RoomView<'_>, out: &mut Vec<u8>) {
    write_text("room_id", room.id, out);
    write_text("room", room.name, out);
    write_flag("private", room.private, out);
    write_text("epoch", room.epoch, out);
    write_number("seq", room.seq, out);
}

/// `,"users":["Bob","Alice"]`, in joining order.
fn write_users(house: &House, room: RoomKey, out: &mut Vec<u8>) {
    write_key("users", out);
    json::list(house.chat.members(room), out, |(_, name), out| json::string(name, out));
}
