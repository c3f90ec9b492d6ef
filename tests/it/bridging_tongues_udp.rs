//! The same of `udp`, which is `ndjson` with an id in every request.

use std::cell::Cell;

use crate::bridging_tongues::{Asked, Body, Event, Room, Tongue, What, asked, quoted};
use crate::bridging_tongues_tcp::Ndjson;

/// Bytes of a datagram at most. What is longer is not sent.
pub(crate) const DATAGRAM_BYTES: usize = 8192;

/// `udp`. Every request has another id, or it would be taken for one that comes again.
#[derive(Default)]
pub(crate) struct Udp {
    last_id: Cell<u64>,
}

impl Udp {
    fn next_id(&self) -> u64 {
        self.last_id.set(self.last_id.get() + 1);
        self.last_id.get()
    }

    /// A join, and its ack where the room's count stands at `seq` then.
    fn joins(&self, which: &str, name: &str, seq: u64) -> Asked {
        let (id, which, name) = (self.next_id(), quoted(which), quoted(name));
        asked(
            format!(r#"{{"type":"join","id":{id},"room":{which},"user":{name}}}"#),
            [format!(r#"{{"type":"ack","id":{id},"epoch":"…","seq":{seq},"token":"…"}}"#)],
        )
    }
}

fn ack(id: u64) -> [String; 1] {
    [format!(r#"{{"type":"ack","id":{id}}}"#)]
}

impl Tongue for Udp {
    fn join(&self, me: &str, room: &Room, by_id: bool) -> Asked {
        self.joins(if by_id { &room.id } else { &room.name }, me, room.seq)
    }

    fn leave(&self, _: &str, _: &Room) -> Asked {
        let id = self.next_id();
        asked(format!(r#"{{"type":"leave","id":{id}}}"#), ack(id))
    }

    fn say(&self, _: &str, room: &Room, body: &Body, seq: u64) -> Asked {
        let (id, name, given) = (self.next_id(), quoted(&room.name), &body.given);
        asked(
            format!(r#"{{"type":"message","id":{id},"room":{name},"text":{given}}}"#),
            [format!(r#"{{"type":"ack","id":{id},"seq":{seq}}}"#)],
        )
    }

    fn whisper(&self, _: &str, _: &Room, to: &str, body: &Body) -> Option<Asked> {
        let (id, given, to) = (self.next_id(), &body.given, quoted(to));
        Some(asked(format!(r#"{{"type":"message","id":{id},"text":{given},"to":{to}}}"#), ack(id)))
    }

    fn rename(&self, room: &Room, new: &str, seq: u64) -> Option<Asked> {
        Some(self.joins(&room.name, new, seq))
    }

    /// Long enough for a stranger's to be answered.
    fn probe(&self, in_room: bool) -> Asked {
        let answer = if in_room {
            r#"{"type":"ack","id":5}"#
        } else {
            r#"{"type":"error","id":5,"text":"Join first"}"#
        };
        let request = r#"{"type":"ping","id":5,"why":"to see what comes next"}"#;
        asked(request.to_owned(), [answer.to_owned()])
    }

    fn shows(&self, event: &Event) -> Option<String> {
        let shown = Ndjson.shows(event)?;
        let with_time = shown.len() - "…".len() + "2026-01-31T12:34:56.789Z".len();
        (with_time <= DATAGRAM_BYTES).then_some(shown)
    }

    fn echoes(&self, what: &What) -> bool {
        Ndjson.echoes(what)
    }

    fn is_answered_first(&self) -> bool {
        true
    }
}
