//! `ndjson`: one JSON object a line, `{"type", …}` flat.
//!
//! The protocol of seed 004 over TCP, with ids, private messages, lists and history. Of all that,
//! only [`service`] and its form know of lines and streams: a request is taken apart, done and
//! answered without them.

use std::borrow::Cow;

use super::fields::{Fields, fields, integer};
use super::form::{self, Form};
use super::house::{House, now, send, session_of};
use super::{Fx, NDJSON};
use crate::chat::{
    Body, Error, Event, EventKind, Join, Recorded, RoomKey, RoomRef, SessionId, Timestamp,
};
use crate::rpc::framing::{Fault, Framing, Lines};
use crate::rpc::{Accepted, ConnId, End, Service, json};

/// Events in an answer to `history` at most, and where no limit is given.
const HISTORY_EVENTS_MAX: u64 = 200;

// ---- requests ----------------------------------------------------------------------------------

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// The digits of its id, if it bears one.
    pub(super) id: Option<&'a str>,
    /// What it asks for.
    pub(super) method: Method<'a>,
}

/// What a request asks for. A field that ought to be a text and is something else counts as an
/// empty one, which no name and no text may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Method<'a> {
    /// Come into a room, move to another one, take another name.
    Join { room: Option<Cow<'a, str>>, user: Option<Cow<'a, str>> },
    /// Say something to the room, or to one member.
    Message { room: Option<Cow<'a, str>>, to: Option<Cow<'a, str>>, text: Cow<'a, str> },
    /// Leave the room.
    Leave,
    /// List the rooms.
    Rooms,
    /// List the room's members.
    Users,
    /// List the room's events after this `seq`, at most so many.
    History { after: u64, limit: u64 },
    /// Show that one is there.
    Ping,
    /// Something that does not exist.
    Unknown,
}

impl<'a> Request<'a> {
    /// Takes a request apart.
    ///
    /// # Errors
    /// What to tell who sent something else. The answer to it bears no id.
    pub(super) fn parse(frame: &'a [u8], depth_max: u16) -> Result<Request<'a>, Refusal> {
        const KEYS: [&str; 8] = ["type", "id", "room", "user", "text", "to", "after", "limit"];
        let Ok(Fields::Object(values)) = fields(frame, depth_max, KEYS) else {
            return Err(Refusal::INVALID_JSON);
        };
        let [kind, id, room, user, text, to, after, limit] = values;
        let id = id.map(|id| integer(id).ok_or(Refusal::INVALID_ID)).transpose()?;
        let method = match kind.and_then(json::unescape).as_deref() {
            Some("message") => {
                let text = as_text(text).unwrap_or_default();
                Method::Message { room: as_text(room), to: as_text(to), text }
            }
            Some("join") => Method::Join { room: as_text(room), user: as_text(user) },
            Some("leave") => Method::Leave,
            Some("rooms") => Method::Rooms,
            Some("users") => Method::Users,
            Some("history") => Method::History {
                after: as_count(after).unwrap_or(0),
                limit: as_count(limit).unwrap_or(u64::MAX).min(HISTORY_EVENTS_MAX),
            },
            Some("ping") => Method::Ping,
            _ => Method::Unknown,
        };
        Ok(Request { id, method })
    }
}

fn as_text(value: Option<&str>) -> Option<Cow<'_, str>> {
    value.map(|value| json::unescape(value).unwrap_or_default())
}

/// A count; any other value is as good as none.
fn as_count(value: Option<&str>) -> Option<u64> {
    value?.parse().ok()
}

/// Why a request is not done, in the words that the client is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(Cow<'static, str>);

impl Refusal {
    pub(super) const INVALID_JSON: Refusal = Refusal::fixed("Invalid JSON");
    pub(super) const INVALID_ID: Refusal = Refusal::fixed("Invalid id");
    pub(super) const UNKNOWN_TYPE: Refusal = Refusal::fixed("Unknown type");
    pub(super) const NOT_IN_THAT_ROOM: Refusal = Refusal::fixed("Not in that room");
    pub(super) const LINE_TOO_LONG: Refusal = Refusal::fixed("Line too long");

    const fn fixed(text: &'static str) -> Refusal {
        Refusal(Cow::Borrowed(text))
    }

    /// Appends `{"type":"error","id":42,"text":"…"}`.
    pub(super) fn write(&self, id: Option<&str>, out: &mut Vec<u8>) {
        begin("error", id, out);
        out.extend_from_slice(b",\"text\":");
        json::string(&self.0, out);
        out.push(b'}');
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::fixed(match error {
            Error::NotInRoom => "Join first",
            Error::RoomNameRequired => "Room is required",
            Error::NameRequired => "User is required",
            Error::NameTooLong | Error::RoomNameTooLong => "Name too long",
            Error::NameTaken | Error::NameReserved | Error::NameRegistered => "Name already taken",
            Error::TooManyRooms => "Too many rooms",
            Error::TextRequired => "Text is required",
            Error::TextTooLong => "Text too long",
            Error::NoSuchMember(name) => {
                return Refusal(format!("User {name} is not in this room").into());
            }
            other => {
                log::error!("ndjson: no words for: {other}");
                "Internal error"
            }
        })
    }
}

// ---- doing them --------------------------------------------------------------------------------

impl Method<'_> {
    /// Does it, and tells everyone concerned. Only the answer is left to be sent.
    ///
    /// # Errors
    /// Why not. Nothing has changed then.
    pub(super) fn perform(
        &self,
        house: &mut House,
        fx: &mut Fx,
        conn: ConnId,
    ) -> Result<Answer, Refusal> {
        let session = session_of(fx, conn).ok_or(Error::SessionClosed)?;
        let room = house.chat.room_of(session);
        let answer = match (self, room) {
            (Method::Unknown, _) => return Err(Refusal::UNKNOWN_TYPE),
            (Method::Join { room: wanted, user }, _) => {
                join(house, fx, conn, room, wanted.as_deref(), user.as_deref())?
            }
            (_, None) => return Err(Error::NotInRoom.into()),
            (Method::Message { room: named, to, text }, Some(room)) => {
                if named.as_deref().is_some_and(|name| !is_called(house, room, name)) {
                    return Err(Refusal::NOT_IN_THAT_ROOM);
                }
                say(house, fx, session, to.as_deref(), text)?
            }
            (Method::Leave, Some(_)) => {
                house.leave(fx, conn)?;
                house.chat.forget_name(session);
                Answer::Done
            }
            (Method::Rooms, Some(_)) => Answer::Rooms(session),
            (Method::Users, Some(room)) => Answer::Users(room),
            (&Method::History { after, limit }, Some(room)) => {
                Answer::History { room, after, limit }
            }
            (Method::Ping, Some(_)) => Answer::Done,
        };
        house.deliver(fx);
        Ok(answer)
    }
}

/// Whoever is in a room may leave out the room, and keep the name by leaving out that.
fn join(
    house: &mut House,
    fx: &mut Fx,
    conn: ConnId,
    current: Option<RoomKey>,
    room: Option<&str>,
    user: Option<&str>,
) -> Result<Answer, Refusal> {
    let room = match (room, current) {
        (Some(room), _) => {
            // The room's faults are told before the user's.
            house.chat.check_room_name(room)?;
            RoomRef::NameOrId(room)
        }
        (None, Some(current)) => RoomRef::Key(current),
        (None, None) => return Err(Error::RoomNameRequired.into()),
    };
    let joined = house.join(fx, conn, Join { name: user, room, create: true })?;
    Ok(Answer::Joined { room: joined.room, seq: joined.seq })
}

fn say(
    house: &mut House,
    fx: &Fx,
    session: SessionId,
    to: Option<&str>,
    text: &str,
) -> Result<Answer, Refusal> {
    let (at, events, text) = (now(fx), &mut house.events, Body::Text(text));
    Ok(match to {
        None => Answer::Said { seq: house.chat.say(session, text, at, events)? },
        Some(to) => {
            house.chat.whisper(session, to, text, at, events)?;
            Answer::Done
        }
    })
}

/// Whether `name` means this room.
fn is_called(house: &House, room: RoomKey, name: &str) -> bool {
    // Most say it as it is shown, and so need no search.
    house.chat.room(room).is_some_and(|view| view.name == name)
        || house.chat.find_room(RoomRef::NameOrId(name)) == Ok(room)
}

/// What a request that was done is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// That it was done.
    Done,
    /// Where in the room's count the message stands.
    Said { seq: u64 },
    /// Where the count of the room stands.
    Joined { room: RoomKey, seq: u64 },
    /// The rooms that this session may see.
    Rooms(SessionId),
    /// The members of a room.
    Users(RoomKey),
    /// Events of a room.
    History { room: RoomKey, after: u64, limit: u64 },
}

impl Answer {
    /// Whether it is an acknowledgement, which only a request with an id gets.
    pub(super) fn is_ack(&self) -> bool {
        matches!(self, Answer::Done | Answer::Said { .. } | Answer::Joined { .. })
    }

    /// Appends the answer.
    pub(super) fn write(&self, house: &House, id: Option<&str>, out: &mut Vec<u8>) {
        match *self {
            Answer::Done => begin("ack", id, out),
            Answer::Said { seq } => {
                begin("ack", id, out);
                member("seq", out);
                json::unsigned(seq, out);
            }
            Answer::Joined { room, seq } => {
                begin("ack", id, out);
                member("epoch", out);
                json::string(house.chat.room(room).map_or("", |view| view.epoch), out);
                member("seq", out);
                json::unsigned(seq, out);
            }
            Answer::Rooms(viewer) => {
                begin("rooms", id, out);
                member("rooms", out);
                let rooms = house.chat.rooms(Some(viewer));
                array(rooms, |room, out| json::string(room.name, out), out);
            }
            Answer::Users(room) => {
                begin("users", id, out);
                member("room", out);
                json::string(name_of(house, room), out);
                member("users", out);
                let members = house.chat.members(room);
                array(members, |(_, name), out| json::string(name, out), out);
            }
            Answer::History { room, after, limit } => {
                begin("history", id, out);
                write_history(house, room, after, limit, out);
            }
        }
        out.push(b'}');
    }
}

fn write_history(house: &House, room: RoomKey, after: u64, limit: u64, out: &mut Vec<u8>) {
    let Some(history) = house.chat.history(room, after, limit as usize) else { return };
    let name = name_of(house, room);
    member("room", out);
    json::string(name, out);
    member("epoch", out);
    json::string(history.epoch, out);
    member("messages", out);
    array(
        history.records,
        |Recorded { seq, at, kind }, out| write_event(name, kind, seq, at, out),
        out,
    );
    if history.truncated {
        member("truncated", out);
        out.extend_from_slice(b"true");
    }
}

fn name_of(house: &House, room: RoomKey) -> &str {
    house.chat.room(room).map_or("", |view| view.name)
}

// ---- how it looks ------------------------------------------------------------------------------

/// Appends an event, or a record of it, as it looks in a room of this name.
fn write_event(room: &str, kind: &EventKind, seq: u64, at: Timestamp, out: &mut Vec<u8>) {
    let (user, text, private) = match kind {
        EventKind::Message { from, body } => (from, body, false),
        EventKind::Whisper(whisper) => (&whisper.from, &whisper.body, true),
        EventKind::Joined { name } => return notice(room, &[name, " joined"], seq, at, out),
        EventKind::Left { name } => return notice(room, &[name, " left"], seq, at, out),
        EventKind::Renamed { old, new } => {
            return notice(room, &[old, " is now ", new], seq, at, out);
        }
        EventKind::RoomOpened { .. }
        | EventKind::RoomChanged { .. }
        | EventKind::RoomClosed { .. } => return,
    };
    begin("message", None, out);
    member("room", out);
    json::string(room, out);
    member("user", out);
    json::string(user, out);
    member("text", out);
    json::string(text.as_str(), out);
    if private {
        member("private", out);
        out.extend_from_slice(b"true");
        end(None, at, out);
    } else {
        end(Some(seq), at, out);
    }
}

fn notice(room: &str, parts: &[&str], seq: u64, at: Timestamp, out: &mut Vec<u8>) {
    begin("system", None, out);
    member("room", out);
    json::string(room, out);
    member("text", out);
    json::string(&parts.concat(), out);
    end(Some(seq), at, out);
}

/// Appends `{"type":"…"`, and the id where there is one.
fn begin(kind: &str, id: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.push(b'"');
    if let Some(id) = id {
        member("id", out);
        out.extend_from_slice(id.as_bytes());
    }
}

/// Appends `,"key":`.
#[inline]
fn member(key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends what events end in.
fn end(seq: Option<u64>, at: Timestamp, out: &mut Vec<u8>) {
    if let Some(seq) = seq {
        member("seq", out);
        json::unsigned(seq, out);
    }
    out.extend_from_slice(b",\"timestamp\":\"");
    at.write_rfc3339(out);
    out.extend_from_slice(b"\"}");
}

/// Appends `[…,…]`.
fn array<T>(
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(T, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// Appends an event.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    write_event(&event.room_name, &event.kind, event.seq, event.at, out);
}

/// Who comes or is renamed is told so too, as all members are; who speaks knows what it said.
pub(super) fn echoes(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Joined { .. } | EventKind::Renamed { .. })
}

/// Appends the notice that the server is shutting down. It is no room's, so it takes no `seq`.
pub(super) fn farewell(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"system\",\"text\":\"Server is shutting down\"}");
}

// ---- over TCP ----------------------------------------------------------------------------------

/// A line each.
pub(super) static FORM: Form =
    Form { encode, frame: form::line, echoes, farewell, expelled: form::nobody };

/// The service to listen with.
pub fn service() -> impl Service<House> {
    Ndjson
}

struct Ndjson;

impl Service<House> for Ndjson {
    fn framing(&self, house: &House, _: &Accepted) -> Box<dyn Framing> {
        Box::new(Lines::new(house.settings.json.frame_bytes))
    }

    fn opened(&self, house: &mut House, fx: &mut Fx, conn: ConnId) {
        fx.set_form(conn, NDJSON);
        house.open(fx, conn);
    }

    fn frame(&self, house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) {
        let request = match Request::parse(frame, house.settings.json.depth) {
            Ok(request) => request,
            Err(refusal) => return send(fx, conn, |out| refusal.write(None, out)),
        };
        match request.method.perform(house, fx, conn) {
            Ok(answer) if answer.is_ack() && request.id.is_none() => {}
            Ok(answer) => send(fx, conn, |out| answer.write(house, request.id, out)),
            Err(refusal) => send(fx, conn, |out| refusal.write(request.id, out)),
        }
    }

    fn fault(&self, _: &mut House, fx: &mut Fx, conn: ConnId, fault: Fault) {
        let refusal = match fault {
            Fault::TooLong => Refusal::LINE_TOO_LONG,
            _ => Refusal::INVALID_JSON,
        };
        send(fx, conn, |out| refusal.write(None, out));
    }

    fn closed(&self, house: &mut House, fx: &mut Fx, conn: ConnId, _: &End) {
        house.close(fx, conn);
    }

    fn stopping(&self, house: &mut House, fx: &mut Fx) {
        house.farewell(fx, &[NDJSON]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request<'_>, Refusal> {
        Request::parse(line.as_bytes(), 64)
    }

    fn method(line: &str) -> Method<'_> {
        parse(line).unwrap().method
    }

    #[test]
    fn requests_are_taken_apart_without_a_copy() {
        let request =
            parse(r#" {"text":"hi","type":"message","id":-7,"x":[1],"to":"ann"} "#).unwrap();
        assert_eq!(request.id, Some("-7"));
        let Method::Message { room: None, to: Some(to), text } = request.method else { panic!() };
        assert!(matches!((to, text), (Cow::Borrowed("ann"), Cow::Borrowed("hi"))));
        let join = Method::Join { room: Some("a\nb".into()), user: None };
        assert_eq!(method(r#"{"type":"join","room":"a\nb"}"#), join);
        for (kind, expected) in [
            ("leave", Method::Leave),
            ("rooms", Method::Rooms),
            ("users", Method::Users),
            ("ping", Method::Ping),
            (r"p\u0069ng", Method::Ping),
            ("Ping", Method::Unknown),
            ("", Method::Unknown),
        ] {
            assert_eq!(method(&format!(r#"{{"type":"{kind}"}}"#)), expected, "{kind}");
        }
    }

    #[test]
    fn what_ought_to_be_a_text_and_is_none_is_an_empty_one() {
        for value in ["null", "1", "true", "[]", "{}"] {
            let line =
                format!(r#"{{"type":"message","room":{value},"to":{value},"text":{value}}}"#);
            let (room, to) = (Some("".into()), Some("".into()));
            assert_eq!(method(&line), Method::Message { room, to, text: "".into() });
        }
    }

    #[test]
    fn counts_have_defaults_and_a_limit() {
        for (fields, after, limit) in [
            ("", 0, 200),
            (r#","after":7,"limit":3"#, 7, 3),
            (r#","after":0,"limit":0"#, 0, 0),
            (r#","after":18446744073709551615,"limit":201"#, u64::MAX, 200),
            (r#","after":18446744073709551616,"limit":18446744073709551616"#, 0, 200),
            (r#","after":-1,"limit":-1"#, 0, 200),
            (r#","after":1.0,"limit":1e1"#, 0, 200),
            (r#","after":"7","limit":null"#, 0, 200),
        ] {
            let line = format!(r#"{{"type":"history"{fields}}}"#);
            assert_eq!(method(&line), Method::History { after, limit }, "{fields}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for line in ["", "{", "[]", "17", "null", "\"ping\"", r#"{"type":"ping","type":"ping"}"#] {
            assert_eq!(parse(line), Err(Refusal::INVALID_JSON), "{line}");
        }
        assert_eq!(Request::parse(br#"{"x":[]}"#, 1), Err(Refusal::INVALID_JSON));
        for id in ["null", "\"1\"", "1.0", "1e2", "true", "[]", "18446744073709551616"] {
            let line = format!(r#"{{"type":"nope","id":{id}}}"#);
            assert_eq!(parse(&line), Err(Refusal::INVALID_ID), "{id}");
        }
        assert_eq!(parse("{}").unwrap(), Request { id: None, method: Method::Unknown });
    }
}
