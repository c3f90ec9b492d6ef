//! What an `ndjson` server says, as text and as events.

use std::time::SystemTime;

use serde::Deserialize;

use crate::client::event::{Event, Happening, Message};
use crate::client::time::parse_rfc3339;

/// Whatever the server sends.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: Option<u64>,
    pub(super) room: Option<String>,
    pub(super) user: Option<String>,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) private: bool,
    #[serde(default)]
    pub(super) too_long: bool,
    pub(super) seq: Option<u64>,
    pub(super) timestamp: Option<String>,
    pub(super) epoch: Option<String>,
    pub(super) token: Option<String>,
    #[serde(default)]
    pub(super) truncated: bool,
    pub(super) rooms: Option<Vec<String>>,
    pub(super) users: Option<Vec<String>>,
    pub(super) messages: Option<Vec<Incoming>>,
}

/// The event that a message tells of, or a record of it.
pub(super) fn happened(incoming: Incoming, now: SystemTime) -> Event {
    let text = incoming.text.unwrap_or_default();
    let what = if incoming.kind == "system" {
        // What bears no place in the count is no member's doing.
        match incoming.seq.and_then(|_| notice(&text)) {
            Some(what) => what,
            None => return Event::Notice { text },
        }
    } else if incoming.too_long {
        Happening::TooLong { name: incoming.user.unwrap_or_default() }
    } else {
        let from = incoming.user.unwrap_or_default();
        Happening::Message(Message { from, text, private: incoming.private, own: false })
    };
    Event::Room {
        room: incoming.room.unwrap_or_default(),
        seq: incoming.seq,
        at: incoming.timestamp.as_deref().and_then(parse_rfc3339).unwrap_or(now),
        what,
    }
}

/// What a notice of a room says.
fn notice(text: &str) -> Option<Happening> {
    if let Some(name) = text.strip_suffix(" joined") {
        return Some(Happening::Joined { name: name.into() });
    }
    if let Some(name) = text.strip_suffix(" left") {
        return Some(Happening::Left { name: name.into() });
    }
    let (old, new) = text.split_once(" is now ")?;
    Some(Happening::Renamed { old: old.into(), new: new.into() })
}

/// A name about as the server cleans it, for when it does not say how it spells it.
pub(super) fn cleaned(name: &str) -> String {
    let words: Vec<String> = name
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !c.is_control()).collect())
        .collect();
    words.join(" ")
}
