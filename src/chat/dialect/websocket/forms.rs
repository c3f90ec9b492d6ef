//! How events look over WebSocket: in the classic protocol and in `parlance.v1`, each plain and
//! compressed.

use super::super::WEBSOCKET;
use super::super::form::Form;
use super::account;
use crate::chat::{Content, Event, EventKind, Timestamp};
use crate::rpc::framing::websocket::{frame_text, frame_text_deflated};
use crate::rpc::json;

pub(in super::super) static CLASSIC_FORM: Form =
    Form { frame: frame_text, ..Form::new(encode_classic) };

pub(in super::super) static CLASSIC_DEFLATED_FORM: Form =
    Form { frame: frame_text_deflated, ..Form::new(encode_classic) };

pub(in super::super) static V1_FORM: Form = Form {
    frame: frame_text,
    follows_rooms: true,
    expelled: account::expelled,
    ..Form::new(encode_v1)
};

pub(in super::super) static V1_DEFLATED_FORM: Form = Form {
    frame: frame_text_deflated,
    follows_rooms: true,
    expelled: account::expelled,
    ..Form::new(encode_v1)
};

/// The numbers of the forms of `parlance.v1`.
pub(super) const V1_FORMS: [u8; 2] = [number(true, false), number(true, true)];

/// The form of a connection, as the table of all forms numbers it.
pub(super) const fn number(v1: bool, deflate: bool) -> u8 {
    WEBSOCKET + 2 * v1 as u8 + deflate as u8
}

// ---- classic -----------------------------------------------------------------------------------

/// `{"from":"3f9a1c0e","body":…,"timestamp":"…"}`, a private one with `"private":true`; nothing of
/// what is no message.
fn encode_classic(event: &Event, out: &mut Vec<u8>) {
    let (from, body, private) = match &event.kind {
        EventKind::Message { from, body } => (from, body, false),
        EventKind::Whisper(whisper) => (&whisper.from, &whisper.body, true),
        _ => return,
    };
    out.extend_from_slice(b"{\"from\":");
    json::string(from, out);
    write_content(body, out);
    if private {
        out.extend_from_slice(b",\"private\":true");
    }
    write_end(event.at, out);
}

// ---- parlance.v1 -------------------------------------------------------------------------------

fn encode_v1(event: &Event, out: &mut Vec<u8>) {
    write_v1(&event.kind, &event.room_name, (event.seq, event.at), out);
}

/// An event as `parlance.v1` shows it, also in a history.
pub(super) fn write_v1(
    kind: &EventKind,
    room: &str,
    (seq, at): (u64, Timestamp),
    out: &mut Vec<u8>,
) {
    let begin = |event: &str, out: &mut Vec<u8>| write_begin(event, room, seq, out);
    match kind {
        EventKind::Message { from, body } => {
            begin("message", out);
            write_text("from", from, out);
            write_content(body, out);
        }
        EventKind::Whisper(whisper) => {
            begin("private", out);
            write_text("from", &whisper.from, out);
            write_text("to", &whisper.to, out);
            write_content(&whisper.body, out);
        }
        EventKind::Joined { name } => {
            begin("joined", out);
            write_text("name", name, out);
        }
        EventKind::Left { name } => {
            begin("left", out);
            write_text("name", name, out);
        }
        EventKind::Renamed { old, new } => {
            begin("renamed", out);
            write_text("old", old, out);
            write_text("name", new, out);
        }
        EventKind::RoomChanged { private } => {
            begin("room_changed", out);
            write_flag("private", *private, out);
        }
        EventKind::RoomOpened { id } => {
            begin("room_opened", out);
            write_text("room_id", id, out);
        }
        EventKind::RoomClosed { id } => {
            begin("room_closed", out);
            write_text("room_id", id, out);
        }
    }
    write_end(at, out);
}

/// `{"event":"typing","room":"general","name":"Alice"}`
pub(super) fn write_typing(room: &str, name: &str, out: &mut Vec<u8>) {
    write_begin("typing", room, 0, out);
    write_text("name", name, out);
    out.push(b'}');
}

/// `{"event":"joined","room":"general","seq":7`, without `seq` where there is none.
fn write_begin(event: &str, room: &str, seq: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":\"");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\"");
    write_text("room", room, out);
    if seq > 0 {
        write_number("seq", seq, out);
    }
}

// ---- parts -------------------------------------------------------------------------------------

/// `,"key":` for a key that needs no escape.
pub(super) fn write_key(key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// `,"key":"text"`
pub(super) fn write_text(key: &str, text: &str, out: &mut Vec<u8>) {
    write_key(key, out);
    json::string(text, out);
}

/// `,"key":17`
pub(super) fn write_number(key: &str, number: u64, out: &mut Vec<u8>) {
    write_key(key, out);
    json::unsigned(number, out);
}

/// `,"key":true`
pub(super) fn write_flag(key: &str, flag: bool, out: &mut Vec<u8>) {
    write_key(key, out);
    out.extend_from_slice(if flag { b"true" } else { b"false" });
}

/// `,"timestamp":"…"`
pub(super) fn write_timestamp(at: Timestamp, out: &mut Vec<u8>) {
    write_key("timestamp", out);
    out.push(b'"');
    at.write_rfc3339(out);
    out.push(b'"');
}

/// `,"body":…`: a text as a string, JSON as it stands.
fn write_content(body: &Content, out: &mut Vec<u8>) {
    write_key("body", out);
    match body {
        Content::Text(text) => json::string(text, out),
        Content::Json(json) => out.extend_from_slice(json.as_bytes()),
    }
}

/// `,"timestamp":"…"}`
fn write_end(at: Timestamp, out: &mut Vec<u8>) {
    write_timestamp(at, out);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::super::super::FORMS;
    use super::*;

    #[test]
    fn the_table_has_the_forms_where_they_are_numbered() {
        let at = |v1, deflate| FORMS[usize::from(number(v1, deflate))];
        assert!(std::ptr::eq(at(false, false), &CLASSIC_FORM));
        assert!(std::ptr::eq(at(false, true), &CLASSIC_DEFLATED_FORM));
        assert!(std::ptr::eq(at(true, false), &V1_FORM));
        assert!(std::ptr::eq(at(true, true), &V1_DEFLATED_FORM));
    }

    #[test]
    fn who_is_sent_a_compressed_form_is_told_it_by_name() {
        assert!(V1_FORMS.iter().all(|form| FORMS[usize::from(*form)].follows_rooms));
        assert!(!CLASSIC_FORM.follows_rooms && !CLASSIC_DEFLATED_FORM.follows_rooms);
    }
}
