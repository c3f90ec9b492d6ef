//! The JSON-RPC envelope: where a request keeps its method, its parameters and its id.
//!
//! Nothing is built of what the network sent: the parts are borrowed from the frame as they stand.

use serde::Deserializer;
use serde::de::{self, Deserialize, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

use super::json;

/// One request, as far as its envelope goes.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    /// It bears `"jsonrpc":"2.0"`.
    pub(super) v2: bool,
    /// Its method, if that is a string.
    pub(super) method: Option<Cow<'a, str>>,
    pub(super) params: Option<&'a str>,
    pub(super) id: Option<&'a str>,
}

impl Envelope<'_> {
    /// Whether the id is one that JSON-RPC 2.0 knows: a string, a number, null, or none.
    pub(super) fn has_valid_id(&self) -> bool {
        !self.id.is_some_and(|id| id.starts_with(['{', '[', 't', 'f']))
    }
}

/// An element of a batch: what stands in it that is no object has no envelope.
pub(super) type Element<'a> = Option<Envelope<'a>>;

/// A frame, taken apart.
#[derive(Debug)]
pub(super) enum Parsed<'a> {
    Request(Envelope<'a>),
    Batch(Batch<'a>),
    /// JSON, but neither an object nor an array.
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    /// The first elements, as many as a batch may have.
    pub(super) elements: Vec<Element<'a>>,
    /// There were more.
    pub(super) too_long: bool,
    /// Some element bears `"jsonrpc":"2.0"`.
    pub(super) v2: bool,
}

/// The frame is not JSON that may be trusted: bad syntax, bad UTF-8, a lone surrogate escape, or a
/// key given twice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes a frame apart; a batch keeps at most `batch_items_max` elements.
pub(super) fn parse(frame: &[u8], batch_items_max: usize) -> Result<Parsed<'_>, Malformed> {
    let text = json::text(frame).ok_or(Malformed)?;
    let first = text.bytes().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') => Ok(Parsed::Request(request(text)?)),
        Some(b'[') => {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            let visitor = BatchVisitor { items_max: batch_items_max };
            let batch = deserializer.deserialize_seq(visitor).map_err(|_| Malformed)?;
            deserializer.end().map_err(|_| Malformed)?;
            Ok(Parsed::Batch(batch))
        }
        _ => match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Ok(Parsed::Other),
            Err(_) => Err(Malformed),
        },
    }
}

fn request(text: &str) -> Result<Envelope<'_>, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed)
}

enum Key {
    JsonRpc,
    Method,
    Params,
    Id,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "jsonrpc" => Key::JsonRpc,
                    "method" => Key::Method,
                    "params" => Key::Params,
                    "id" => Key::Id,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Envelope<'a>, D::Error> {
        struct EnvelopeVisitor;
        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a request object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
                let (mut jsonrpc, mut method, mut params, mut id) = (None, None, None, None);
                while let Some(key) = map.next_key()? {
                    let (field, name) = match key {
                        Key::JsonRpc => (&mut jsonrpc, "jsonrpc"),
                        Key::Method => (&mut method, "method"),
                        Key::Params => (&mut params, "params"),
                        Key::Id => (&mut id, "id"),
                        Key::Other => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    if field.is_some() {
                        return Err(de::Error::duplicate_field(name));
                    }
                    *field = Some(map.next_value::<&RawValue>()?.get());
                }
                Ok(Envelope {
                    v2: jsonrpc.and_then(string).is_some_and(|version| version == "2.0"),
                    method: method.and_then(string),
                    params,
                    id,
                })
            }
        }
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

/// The text of a JSON string; `None` of any other value.
fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

struct BatchVisitor {
    items_max: usize,
}

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = Batch<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Batch<'de>, A::Error> {
        let mut batch = Batch::default();
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            let element = if raw.get().starts_with('{') {
                Some(request(raw.get()).map_err(|Malformed| de::Error::custom("malformed"))?)
            } else {
                None
            };
            batch.v2 |= element.as_ref().is_some_and(|envelope| envelope.v2);
            if batch.elements.len() < self.items_max {
                batch.elements.push(element);
            } else {
                batch.too_long = true;
            }
        }
        Ok(batch)
    }
}

/// For the fuzzer: takes `frame` apart, and holds the result to what the parser says of it.
#[cfg(feature = "fuzzing")]
pub fn fuzz(frame: &[u8]) {
    let parsed = parse(frame, 100);
    let is_json = serde_json::from_slice::<IgnoredAny>(frame).is_ok();
    let has_text = json::text(frame).is_some();
    match &parsed {
        Ok(_) => assert!(is_json && has_text),
        // What is JSON and yet refused has a key twice.
        Err(Malformed) => {
            assert!(!is_json || !has_text || frame.iter().filter(|&&b| b == b':').count() > 1);
        }
    }
    if let Ok(Parsed::Batch(batch)) = parsed {
        assert!(batch.elements.len() <= 100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Envelope<'_> {
        match parse(text.as_bytes(), 3).unwrap() {
            Parsed::Request(envelope) => envelope,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_are_borrowed_as_they_stand() {
        let e = one(r#" {"id": 1.50 ,"method":"m","params": [ 1, 2 ] ,"x":{"id":2}}"#);
        assert!(matches!(e.method, Some(Cow::Borrowed("m"))));
        assert_eq!((e.params, e.id, e.v2), (Some("[ 1, 2 ]"), Some("1.50"), false));
        let e = one(r#"{"\u006dethod":"a\nb","jsonrpc":"2.0"}"#);
        assert_eq!((e.method.as_deref(), e.v2, e.id), (Some("a\nb"), true, None));
    }

    #[test]
    fn wrong_types_are_seen() {
        assert!(one(r#"{"method":1}"#).method.is_none());
        assert!(!one(r#"{"jsonrpc":2.0,"method":"m"}"#).v2);
        assert!(!one(r#"{"id":{}}"#).has_valid_id());
        assert!(!one(r#"{"id":true}"#).has_valid_id());
        assert!(one(r#"{"id":null}"#).has_valid_id());
        assert!(one(r#"{"id":-1}"#).has_valid_id());
        assert!(one("{}").has_valid_id());
    }

    #[test]
    fn a_key_given_twice_bad_text_and_bad_syntax_are_malformed() {
        for text in [
            r#"{"method":"a","method":"b"}"#,
            r#"{"id":1,"params":{},"\u0069d":1}"#,
            r#"{"method":"\ud800"}"#,
            r#"{"x":"\ud800"}"#,
            r#"{"method"}"#,
            r#"{"method":"a",}"#,
            r#"{]"#,
            r#"[{"id":1,"id":2}]"#,
            r#"[1,]"#,
            "\"tab\there\"",
        ] {
            assert_eq!(parse(text.as_bytes(), 3).err(), Some(Malformed), "{text}");
        }
        assert!(parse(b"{\"method\":\"\xff\"}", 3).is_err());
    }

    #[test]
    fn a_batch_keeps_no_more_than_it_may_but_sees_all() {
        let Parsed::Batch(batch) = parse(br#"[{"method":"a"},1,[],{"jsonrpc":"2.0"}]"#, 3).unwrap()
        else {
            panic!()
        };
        assert_eq!((batch.elements.len(), batch.too_long, batch.v2), (3, true, true));
        assert!(batch.elements[0].is_some() && batch.elements[1].is_none());
        assert!(matches!(parse(b"17", 3), Ok(Parsed::Other)));
    }
}
