//! The flat envelope of seed 004, `{"type", …}`: what its two protocols, one over lines and one over
//! datagrams, have in common.
//!
//! A request is taken apart, done and answered here, and events are written. Nothing here knows
//! how requests come and where answers go.

mod list;
mod request;

use super::Fx;
use super::house::{House, now, session_of};
use crate::chat::{
    Body, Error, Event, EventKind, Join, Recorded, RoomKey, RoomRef, SessionId, Timestamp,
};
use crate::rpc::{ConnId, json};

pub(super) use request::{Method, Refusal, Request};

// ---- doing them --------------------------------------------------------------------------------

impl Method<'_> {
    /// Does it. What is left is to send the answer, and to have the house deliver what happened:
    /// in which order is the protocol's own.
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
        Ok(match (self, room) {
            (Method::Unknown | Method::Answer, _) => return Err(Refusal::UNKNOWN_TYPE),
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
        })
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

    /// Appends the answer, of at most `bytes_max` bytes where it is a list: that is cut then.
    pub(super) fn write(
        &self,
        house: &House,
        id: Option<&str>,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) {
        let end = out.len().saturating_add(bytes_max);
        match *self {
            Answer::Done => begin_ack(id, None, None, out),
            Answer::Said { seq } => begin_ack(id, None, Some(seq), out),
            Answer::Joined { room, seq } => begin_ack(id, Some(epoch(house, room)), Some(seq), out),
            Answer::Rooms(viewer) => {
                begin("rooms", id, out);
                member("rooms", out);
                let rooms = house.chat.rooms(Some(viewer));
                list::write(rooms, end, out, |room, out| json::string(room.name, out));
            }
            Answer::Users(room) => {
                begin("users", id, out);
                member("room", out);
                json::string(name_of(house, room), out);
                member("users", out);
                let members = house.chat.members(room);
                list::write(members, end, out, |(_, name), out| json::string(name, out));
            }
            Answer::History { room, after, limit } => {
                begin("history", id, out);
                write_history(house, room, (after, limit), end, out);
            }
        }
        out.push(b'}');
    }
}

/// Appends an acknowledgement but for its closing brace.
pub(super) fn begin_ack(
    id: Option<&str>,
    epoch: Option<&str>,
    seq: Option<u64>,
    out: &mut Vec<u8>,
) {
    begin("ack", id, out);
    if let Some(epoch) = epoch {
        member("epoch", out);
        json::string(epoch, out);
    }
    if let Some(seq) = seq {
        member("seq", out);
        json::unsigned(seq, out);
    }
}

/// Appends the members of an answer to `history`, so many of its events that the answer ends at
/// `end` at the latest. An event that would not fit even alone stands there without its text, so
/// that whoever pages through gets past it.
fn write_history(
    house: &House,
    room: RoomKey,
    (after, limit): (u64, u64),
    end: usize,
    out: &mut Vec<u8>,
) {
    let Some(history) = house.chat.history(room, after, limit as usize) else { return };
    let name = name_of(house, room);
    member("room", out);
    json::string(name, out);
    member("epoch", out);
    json::string(history.epoch, out);
    member("messages", out);
    let closing = if history.truncated { list::CUT_END } else { list::WHOLE_END };
    let events_end = end.saturating_sub(closing.len());
    out.push(b'[');
    let start = out.len();
    for Recorded { seq, at, kind } in history.records {
        let before = out.len();
        if before > start {
            out.push(b',');
        }
        let event = out.len();
        write_event(name, kind, seq, at, out);
        if out.len() - event > events_end.saturating_sub(start) {
            out.truncate(event);
            write_too_long(name, kind, seq, at, out);
        }
        if out.len() > events_end {
            out.truncate(before);
            break;
        }
    }
    // But for the brace.
    out.extend_from_slice(&closing[..closing.len() - 1]);
}

/// The epoch of a room.
pub(super) fn epoch(house: &House, room: RoomKey) -> &str {
    house.chat.room(room).map_or("", |view| view.epoch)
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

/// Appends, in place of a record that is too long, the same without its text.
fn write_too_long(room: &str, kind: &EventKind, seq: u64, at: Timestamp, out: &mut Vec<u8>) {
    let user = match kind {
        EventKind::Message { from, .. } => Some(from),
        _ => None,
    };
    begin(if user.is_some() { "message" } else { "system" }, None, out);
    member("room", out);
    json::string(room, out);
    if let Some(user) = user {
        member("user", out);
        json::string(user, out);
    }
    member("too_long", out);
    out.extend_from_slice(b"true");
    end(Some(seq), at, out);
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

/// Appends an event.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    write_event(&event.room_name, &event.kind, event.seq, event.at, out);
}

/// Who comes or is renamed is told so too, as all members are; who speaks knows what it said.
pub(super) fn echoes(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Joined { .. } | EventKind::Renamed { .. })
}

/// Appends the notice, in a room of this name, that the server is shutting down. It takes no `seq`.
pub(super) fn farewell(room: &str, at: Timestamp, out: &mut Vec<u8>) {
    begin("system", None, out);
    member("room", out);
    json::string(room, out);
    member("text", out);
    json::string("Server is shutting down", out);
    end(None, at, out);
}
