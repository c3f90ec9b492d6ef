//! Requests: taking them apart, and why one is not done. Nothing here knows how they came.

use std::borrow::Cow;

use super::super::fields::{Fields, fields, integer};
use super::begin;
use crate::chat::Error;
use crate::rpc::json;

/// Events in an answer to `history` at most, and where no limit is given.
const HISTORY_EVENTS_MAX: u64 = 200;

/// The keys that are read.
const KEYS: [&str; 8] = ["type", "id", "room", "user", "text", "to", "after", "limit"];

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Request<'a> {
    /// The digits of its id, if it bears one.
    pub(in super::super) id: Option<&'a str>,
    /// What it asks for.
    pub(in super::super) method: Method<'a>,
}

/// What a request asks for. A field that ought to be a text and is something else counts as an
/// empty one, which no name and no text may be.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Method<'a> {
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
    /// An answer, which is for the server to give: as good as something that does not exist.
    Answer,
    /// Something that does not exist.
    Unknown,
}

impl<'a> Request<'a> {
    /// Takes a request apart.
    ///
    /// # Errors
    /// What to tell who sent something else. The answer to it bears no id.
    pub(in super::super) fn parse(frame: &'a [u8], depth_max: u16) -> Result<Request<'a>, Refusal> {
        match fields(frame, depth_max, KEYS) {
            Ok(Fields::Object(values)) => Request::of(values),
            _ => Err(Refusal::INVALID_JSON),
        }
    }

    /// The same, and the `token` that stands beside it, as JSON, whatever becomes of the request. What
    /// bears a list that was asked for is told from what asks for one, though they have the same type.
    pub(in super::super) fn parse_with_token(
        frame: &'a [u8],
        depth_max: u16,
    ) -> (Result<Request<'a>, Refusal>, Option<&'a str>) {
        let [kind, id, room, user, text, to, after, limit] = KEYS;
        let keys =
            [kind, id, room, user, text, to, after, limit, "token", "rooms", "users", "messages"];
        let Ok(Fields::Object([values @ .., token, rooms, users, messages])) =
            fields(frame, depth_max, keys)
        else {
            return (Err(Refusal::INVALID_JSON), None);
        };
        let mut request = Request::of(values);
        if let Ok(Request { method, .. }) = &mut request {
            let list = match method {
                Method::Rooms => rooms,
                Method::Users => users,
                Method::History { .. } => messages,
                _ => None,
            };
            if list.is_some() {
                *method = Method::Answer;
            }
        }
        (request, token)
    }

    /// `values` are those of [`KEYS`].
    fn of(values: [Option<&'a str>; 8]) -> Result<Request<'a>, Refusal> {
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
            Some("error") => Method::Answer,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Refusal(Cow<'static, str>);

impl Refusal {
    pub(in super::super) const INVALID_JSON: Refusal = Refusal::fixed("Invalid JSON");
    pub(in super::super) const INVALID_ID: Refusal = Refusal::fixed("Invalid id");
    pub(in super::super) const UNKNOWN_TYPE: Refusal = Refusal::fixed("Unknown type");
    pub(in super::super) const JOIN_FIRST: Refusal = Refusal::fixed("Join first");
    pub(in super::super) const NOT_IN_THAT_ROOM: Refusal = Refusal::fixed("Not in that room");
    pub(in super::super) const LINE_TOO_LONG: Refusal = Refusal::fixed("Line too long");

    const fn fixed(text: &'static str) -> Refusal {
        Refusal(Cow::Borrowed(text))
    }

    /// How many bytes of a text it holds that is only its own.
    pub(in super::super) fn own_bytes(&self) -> usize {
        match &self.0 {
            Cow::Borrowed(_) => 0,
            Cow::Owned(text) => text.capacity(),
        }
    }

    /// Appends `{"type":"error","id":42,"text":"…"}`.
    pub(in super::super) fn write(&self, id: Option<&str>, out: &mut Vec<u8>) {
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
                // It may be remembered: no longer than it is.
                let text = ["User ", &*name, " is not in this room"].concat();
                return Refusal(text.into());
            }
            other => {
                log::error!("no words for: {other}");
                "Internal error"
            }
        })
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
            ("error", Method::Answer),
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

    #[test]
    fn a_token_is_read_only_where_it_is_asked_for() {
        let with_token = |text: &'static str| Request::parse_with_token(text.as_bytes(), 64);
        let ping = |id| Ok(Request { id, method: Method::Ping });
        let token = Some("\"t\"");
        let text = r#"{"token":"t","type":"ping","id":7}"#;
        assert_eq!(with_token(text), (ping(Some("7")), token));
        assert_eq!(parse(text), ping(Some("7")));
        assert_eq!(with_token(r#"{"type":"ping"}"#), (ping(None), None));
        let text = r#"{"type":"ping","id":"7","token":"t"}"#;
        assert_eq!(with_token(text), (Err(Refusal::INVALID_ID), token));
        for twice in [r#"{"type":"ping","token":"t","token":"t"}"#, "[]", "{"] {
            assert_eq!(with_token(twice), (Err(Refusal::INVALID_JSON), None), "{twice}");
        }
        assert_eq!(parse(r#"{"type":"ping","token":"t","token":"t"}"#), ping(None));
    }

    #[test]
    fn a_list_is_an_answer_only_with_its_own_key_and_over_datagrams() {
        fn method(text: &str) -> Result<Method<'_>, Refusal> {
            Request::parse_with_token(text.as_bytes(), 64).0.map(|request| request.method)
        }
        for (kind, key) in [("rooms", "rooms"), ("users", "users"), ("history", "messages")] {
            let answer = format!(r#"{{"type":"{kind}","id":1,"room":"den","{key}":[]}}"#);
            assert_eq!(method(&answer), Ok(Method::Answer));
            assert_ne!(parse(&answer).unwrap().method, Method::Answer);
            for other in ["rooms", "users", "messages"].iter().filter(|other| **other != key) {
                let question = format!(r#"{{"type":"{kind}","id":1,"{other}":[]}}"#);
                assert_ne!(method(&question), Ok(Method::Answer));
            }
        }
        assert_eq!(method(r#"{"type":"ping","users":[]}"#), Ok(Method::Ping));
    }
}
