//! The JSON-RPC envelope: where a request keeps its method, its parameters and its id.
//!
//! Nothing is built of what the network sent: the parts are borrowed from the frame as they stand.

use std::borrow::Cow;

use super::json::{self, Malformed};

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

/// Takes a frame apart; a batch keeps at most `batch_items_max` elements.
///
/// # Errors
/// [`Malformed`] also for bad UTF-8 and for an envelope key that is given twice.
pub(super) fn parse(frame: &[u8], batch_items_max: usize) -> Result<Parsed<'_>, Malformed> {
    let text = std::str::from_utf8(frame).map_err(|_| Malformed)?;
    match text.bytes().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Ok(Parsed::Request(request(text)?)),
        Some(b'[') => Ok(Parsed::Batch(batch(text, batch_items_max)?)),
        _ => json::check(text).map(|()| Parsed::Other),
    }
}

fn request(text: &str) -> Result<Envelope<'_>, Malformed> {
    let (mut jsonrpc, mut method, mut params, mut id) = (None, None, None, None);
    json::object(text, |key, value| {
        // By bytes: that compiles to comparisons, not to calls.
        let field = match key.as_bytes() {
            b"jsonrpc" => &mut jsonrpc,
            b"method" => &mut method,
            b"params" => &mut params,
            b"id" => &mut id,
            _ => return Ok(()),
        };
        match field.replace(value) {
            None => Ok(()),
            Some(_) => Err(Malformed),
        }
    })?;
    Ok(Envelope {
        v2: jsonrpc.and_then(json::unescape).is_some_and(|version| version == "2.0"),
        method: method.and_then(json::unescape),
        params,
        id,
    })
}

fn batch(text: &str, items_max: usize) -> Result<Batch<'_>, Malformed> {
    let mut batch = Batch::default();
    json::array(text, |item| {
        let element = if item.starts_with('{') { Some(request(item)?) } else { None };
        batch.v2 |= element.as_ref().is_some_and(|envelope| envelope.v2);
        if batch.elements.len() < items_max {
            batch.elements.push(element);
        } else {
            batch.too_long = true;
        }
        Ok(())
    })?;
    Ok(batch)
}

/// For the fuzzer: takes `frame` apart, and holds the result to the check of the whole.
#[cfg(feature = "fuzzing")]
pub fn fuzz(frame: &[u8]) {
    let parsed = parse(frame, 100);
    let text = std::str::from_utf8(frame).ok();
    let is_valid = text.is_some_and(|text| json::check(text).is_ok());
    // What is valid and yet refused has a key twice.
    let colons = frame.iter().filter(|byte| **byte == b':').count();
    assert!(parsed.is_ok() == is_valid || (is_valid && colons > 1));
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
