//! What talks share of messages: reading what a server may have got wrong, writing requests, and
//! saying what came of them. What the messages mean is the talks' own.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Heard, Outgoing, Tag};
use crate::client::call::Answer;
use crate::client::error::CallError;
use crate::client::event::{Event, Happening};
use crate::client::url::Door;

/// Bytes of a request at most: with more, every door of a server with the default limits ends the
/// connection.
pub(super) const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a message at most that stand in a line of the log.
const LOGGED_BYTES_MAX: usize = 200;

/// What is told of an answer that lacks what was asked for.
pub(super) const NO_SENSE: &str = "The server's answer makes no sense";

pub(super) const TOO_LONG: &str = "This is too long for one request";

/// Why a link is of no use on which something else is said than this door says at first.
pub(super) const OTHER_DOOR: &str = "what answers there is another door";

// ---- reading -----------------------------------------------------------------------------------

/// A text, lent from the message where it holds no escape.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Text<'_> {
    pub(super) fn owned(self) -> String {
        self.0.into_owned()
    }
}

/// Reads a field that counts as absent when it has another type than it should have: what else is
/// in the message may do without it.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let value = <&'de RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(value.get()).ok())
}

/// What is in a message, unless it makes no sense at all.
pub(super) fn read<'a, T: Deserialize<'a>>(door: &str, message: &'a [u8]) -> Option<T> {
    let read = serde_json::from_slice(message);
    if let Err(error) = &read {
        // What kind of error it is and where: its words may hold as much of the message as they like.
        let (kind, column) = (error.classify(), error.column());
        log::debug!("{door}: {kind:?} at {column}: {}", excerpt(message));
    }
    read.ok()
}

/// What is in a message of a door that says nothing but JSON objects: anything else breaks the link,
/// but for a datagram, which anybody may have sent. What has a wrong type is ignored.
pub(super) fn read_object<'a, T: Deserialize<'a>>(
    door: Door,
    message: &'a [u8],
    out: &mut Outgoing,
) -> Option<T> {
    let is_object = message.trim_ascii_start().first() == Some(&b'{');
    match serde_json::from_slice(message) {
        Ok(read) if is_object => return Some(read),
        Err(error) if is_object && error.is_data() => ignore(door, message),
        _ if door == Door::Udp => ignore(door, message),
        _ => out.broken = Some("what came is no JSON object".into()),
    }
    None
}

/// Notes a message that nothing is made of.
pub(super) fn ignore(door: impl Display, message: &[u8]) {
    log::debug!("{door}: nothing to make of {}", excerpt(message));
}

/// The begin of a message, escaped for the log.
fn excerpt(message: &[u8]) -> String {
    let begin = message.get(..LOGGED_BYTES_MAX).unwrap_or(message);
    format!("{:?}, {} bytes", String::from_utf8_lossy(begin), message.len())
}

/// A value that may be anything, as a text: a string as what it says, everything else as JSON.
pub(super) fn shown(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

/// Whether two spellings surely mean the same name. A server knows of more that do.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    one == other || one.to_lowercase() == other.to_lowercase()
}

// ---- writing -----------------------------------------------------------------------------------

/// A request in JSON.
///
/// # Errors
/// [`CallError::Refused`] if it is longer than `bytes_max`.
pub(super) fn written(request: &impl Serialize, bytes_max: usize) -> Result<Vec<u8>, CallError> {
    let json = serde_json::to_vec(request).ok();
    let json = json.filter(|json| json.len() <= bytes_max);
    json.ok_or_else(|| refused(TOO_LONG))
}

pub(super) fn refused(words: impl Into<String>) -> CallError {
    CallError::Refused(words.into())
}

impl Outgoing {
    pub(super) fn answer(&mut self, tag: Tag, answer: Result<Answer, CallError>) {
        self.heard.push(Heard::Answer(tag, answer));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.heard.push(Heard::Event(event));
    }

    /// Something happened in a room whose events have no numbers.
    pub(super) fn happened(&mut self, room: &str, at: SystemTime, what: Happening) {
        self.event(Event::Room { room: room.to_owned(), seq: None, at, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Message<'a> {
        #[serde(borrow, deserialize_with = "lenient")]
        text: Option<Text<'a>>,
        #[serde(deserialize_with = "lenient")]
        number: Option<u64>,
    }

    fn message(json: &str) -> Option<Message<'_>> {
        read("test", json.as_bytes())
    }

    #[test]
    fn a_field_of_the_wrong_type_counts_as_absent() {
        let expected = |text: Option<&'static str>, number| {
            Some(Message { text: text.map(|text| Text(text.into())), number })
        };
        assert_eq!(message(r#"{"text":"a","number":7,"more":[]}"#), expected(Some("a"), Some(7)));
        assert_eq!(message(r#"{"text":{"a":[1]},"number":7}"#), expected(None, Some(7)));
        assert_eq!(message(r#"{"text":"a\u00e9","number":-7}"#), expected(Some("aé"), None));
        assert_eq!(message(r#"{"text":"\ud800","number":null}"#), expected(None, None));
        for wrong in ["", "[1", "7", "{", r#"{"text":"a","text":"b"}"#] {
            assert_eq!(message(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_is_lent_where_it_can_be() {
        let text = |json| message(json).and_then(|message| message.text).map(|text| text.0);
        assert!(matches!(text(r#"{"text":"plain"}"#), Some(Cow::Borrowed("plain"))));
        assert!(matches!(text(r#"{"text":"\n"}"#), Some(Cow::Owned(_))));
    }

    #[test]
    fn what_is_logged_is_escaped_and_short() {
        assert_eq!(excerpt(b"\x1b[2J\xff\n"), r#""\u{1b}[2J�\n", 6 bytes"#);
        assert!(excerpt(&[b'x'; 100_000]).len() < 300);
    }

    #[test]
    fn any_value_is_a_text() {
        for (json, text) in [
            (r#""say \"hi\"""#, "say \"hi\""),
            (r#"{ "a": [1e400] }"#, r#"{ "a": [1e400] }"#),
            ("17", "17"),
            ("null", "null"),
            (r#""\ud800""#, r#""\ud800""#),
        ] {
            let value: Box<RawValue> = serde_json::from_str(json).expect("JSON");
            assert_eq!(shown(&value), text);
        }
    }

    #[test]
    fn a_request_has_its_bound() {
        assert_eq!(written(&"ab", 4), Ok(b"\"ab\"".to_vec()));
        assert_eq!(written(&"abc", 4), Err(refused(TOO_LONG)));
    }
}
