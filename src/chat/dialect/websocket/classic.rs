//! The classic protocol: four actions, and messages.
//!
//! Its clients are shown who said what, and nothing else: no presence, no list of rooms.

use std::borrow::Cow;

use super::super::Fx;
use super::super::fields::{Fields, fields};
use super::super::house::{House, send};
use super::Fail;
use crate::chat::{Error, RoomKey};
use crate::rpc::ConnId;
use crate::rpc::json;

/// Says to a new client who it is.
pub(super) fn greet(fx: &mut Fx, conn: ConnId, name: &str) {
    send(fx, conn, |out| {
        out.extend_from_slice(b"{\"status\":\"connected\",\"client_id\":");
        json::string(name, out);
        out.extend_from_slice(b",\"message\":\"Welcome!\"}");
    });
}

/// Serves one request.
pub(super) fn serve(house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) {
    let refused = |fx: &mut Fx, message: &str| {
        send(fx, conn, |out| {
            out.extend_from_slice(b"{\"status\":\"error\",\"message\":");
            json::string(message, out);
            out.push(b'}');
        });
    };
    let (action, body) = match fields(frame, house.settings.json.depth, ["action", "body"]) {
        Ok(Fields::Object([action, body])) => (action.and_then(json::unescape), body),
        Ok(Fields::Other) => (None, None),
        Err(json::Malformed) => return refused(fx, "Invalid JSON"),
    };
    let done = match action.as_deref() {
        Some("message") => message(house, fx, conn, body),
        Some("join") => join(house, fx, conn, body),
        Some("create") => create(house, fx, conn, body),
        Some("leave") => leave(house, fx, conn),
        _ => return refused(fx, "Invalid action"),
    };
    match done {
        Ok(()) => {}
        Err(Fail::Json) => refused(fx, "Invalid JSON"),
        Err(Fail::Chat(error)) => refused(fx, &super::words(error)),
    }
}

fn message(house: &mut House, fx: &mut Fx, conn: ConnId, body: Option<&str>) -> Result<(), Fail> {
    super::say(house, fx, conn, body)?;
    send(fx, conn, |out| {
        out.extend_from_slice(b"{\"status\":\"success\",\"message\":\"Message sent\"}");
    });
    Ok(())
}

fn join(house: &mut House, fx: &mut Fx, conn: ConnId, body: Option<&str>) -> Result<(), Fail> {
    let joined = super::join(house, fx, conn, body)?;
    let (id, name) = of_room(house, joined.room)?;
    send(fx, conn, |out| {
        write_success(&format!("Joined room '{name}'"), out);
        out.extend_from_slice(b",\"room_id\":");
        json::string(&id, out);
        out.push(b'}');
    });
    Ok(())
}

fn create(house: &mut House, fx: &mut Fx, conn: ConnId, body: Option<&str>) -> Result<(), Fail> {
    let name = body.and_then(json::unescape).unwrap_or(Cow::Borrowed(""));
    let joined = super::create(house, fx, conn, (&name, false))?;
    let (id, name) = of_room(house, joined.room)?;
    send(fx, conn, |out| {
        out.extend_from_slice(b"{\"status\":\"success\",\"room_id\":");
        json::string(&id, out);
        out.extend_from_slice(b",\"message\":");
        json::string(&format!("Room '{name}' created"), out);
        out.push(b'}');
    });
    Ok(())
}

fn leave(house: &mut House, fx: &mut Fx, conn: ConnId) -> Result<(), Fail> {
    let name = super::leave(house, fx, conn)?;
    send(fx, conn, |out| {
        write_success(&format!("Left room '{name}'"), out);
        out.push(b'}');
    });
    Ok(())
}

/// A room's id and name.
fn of_room(house: &House, room: RoomKey) -> Result<(String, String), Error> {
    let room = house.chat.room(room).ok_or(Error::RoomNotFound)?;
    Ok((room.id.to_owned(), room.name.to_owned()))
}

/// `{"status":"success","message":"…"`, without an end.
fn write_success(message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"status\":\"success\",\"message\":");
    json::string(message, out);
}
