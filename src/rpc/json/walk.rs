//! Walking through JSON text: the fields of an object, the items of an array, borrowed as they
//! stand.
//!
//! This is what envelopes are taken apart with. One pass checks the whole text by RFC 8259 and
//! hands out the top level's values as text; nothing is built, and what nobody asks for is only
//! checked. Numbers stay the digits they are, and a key that stands twice is seen twice, so that
//! the envelope can refuse it.

use std::borrow::Cow;
use std::ops::Range;

use super::{escaped_unit, special};
use crate::rpc::framing::scan;

/// How deep values may nest where nobody says otherwise.
const DEPTH_MAX: u16 = 128;

/// The text is not JSON: bad syntax, a lone surrogate escape, something behind the value, or more
/// levels than are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not valid JSON")
    }
}

impl std::error::Error for Malformed {}

/// Hands each field of the object that `text` is to `field`: its key, unescaped, and its value as
/// it stands. 128 levels are followed; see [`object_within`].
///
/// # Errors
/// [`Malformed`] when `text` is not one valid JSON object, or when `field` says so. What stands
/// before the fault has been handed out by then.
///
/// ```
/// use parlance::rpc::json;
///
/// let mut fields = Vec::new();
/// json::object(r#"{"id": 1.50, "tags": ["a", {"b":2}]}"#, |key, value| {
///     fields.push((key, value));
///     Ok(())
/// })?;
/// assert_eq!(fields, [("id".into(), "1.50"), ("tags".into(), r#"["a", {"b":2}]"#)]);
/// # Ok::<(), json::Malformed>(())
/// ```
pub fn object<'a>(
    text: &'a str,
    field: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    object_within(text, DEPTH_MAX, field)
}

/// Like [`object`], with `depth_max` levels at most; the object itself is level 1.
///
/// # Errors
/// As [`object`].
pub fn object_within<'a>(
    text: &'a str,
    depth_max: u16,
    mut field: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut walk = Walk::new(text, depth_max);
    walk.white_space();
    walk.take(b'{')?;
    walk.object(1, |key, escaped, value| {
        let key = if escaped {
            unescape(&text[key]).ok_or(Malformed)?
        } else {
            Cow::Borrowed(&text[key.start + 1..key.end - 1])
        };
        field(key, &text[value])
    })?;
    walk.end()
}

/// Hands each item of the array that `text` is to `item`, as it stands.
///
/// # Errors
/// [`Malformed`] when `text` is not one valid JSON array, or when `item` says so.
pub fn array<'a>(
    text: &'a str,
    mut item: impl FnMut(&'a str) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut walk = Walk::new(text, DEPTH_MAX);
    walk.white_space();
    walk.take(b'[')?;
    walk.array(1, |value| item(&text[value]))?;
    walk.end()
}

/// Whether `text` is one valid JSON value.
///
/// # Errors
/// [`Malformed`] when it is not.
pub fn check(text: &str) -> Result<(), Malformed> {
    check_within(text, DEPTH_MAX)
}

/// Like [`check`], with `depth_max` levels at most; an outermost object or array is level 1.
///
/// # Errors
/// As [`check`].
pub fn check_within(text: &str, depth_max: u16) -> Result<(), Malformed> {
    let mut walk = Walk::new(text, depth_max);
    walk.white_space();
    walk.value(1)?;
    walk.end()
}

/// The text of a JSON string, given as it stands, without a copy where it holds no escape. `None`
/// of any other value.
///
/// ```
/// use parlance::rpc::json::unescape;
///
/// assert_eq!(unescape(r#""a\nb""#).as_deref(), Some("a\nb"));
/// assert_eq!(unescape("17"), None);
/// ```
pub fn unescape(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if scan::quote_or_backslash(inner.as_bytes(), 0).is_some() {
        serde_json::from_str(value).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A place in a text, up to which it is valid.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    depth_max: u32,
}

impl<'a> Walk<'a> {
    fn new(text: &'a str, depth_max: u16) -> Walk<'a> {
        Walk { bytes: text.as_bytes(), at: 0, depth_max: depth_max.into() }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn takes(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.takes(byte) { Ok(()) } else { Err(Malformed) }
    }

    /// Nothing but white space is left.
    fn end(&mut self) -> Result<(), Malformed> {
        self.white_space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Malformed) }
    }

    /// Behind an item: whether the list ends in `close` here, or goes on behind a comma.
    #[inline]
    fn ends_list(&mut self, close: u8) -> Result<bool, Malformed> {
        self.white_space();
        if self.takes(b',') {
            return Ok(false);
        }
        self.take(close).map(|()| true)
    }

    /// Any value, which would be at `depth` if it nests.
    fn value(&mut self, depth: u32) -> Result<(), Malformed> {
        let first = self.peek().ok_or(Malformed)?;
        self.at += 1;
        match first {
            b'"' => self.string().map(|_| ()),
            b'{' => self.object(depth, |_, _, _| Ok(())),
            b'[' => self.array(depth, |_| Ok(())),
            b't' => self.literal(b"rue"),
            b'f' => self.literal(b"alse"),
            b'n' => self.literal(b"ull"),
            b'-' | b'0'..=b'9' => self.number(first),
            _ => Err(Malformed),
        }
    }

    /// The rest of an object at `depth`, behind its brace. Tells `field` where each key stands, with
    /// its quotes, whether it holds an escape, and where its value stands.
    #[inline]
    fn object(
        &mut self,
        depth: u32,
        mut field: impl FnMut(Range<usize>, bool, Range<usize>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if depth > self.depth_max {
            return Err(Malformed);
        }
        self.white_space();
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            let start = self.at;
            self.take(b'"')?;
            let escaped = self.string()?;
            let key = start..self.at;
            self.white_space();
            self.take(b':')?;
            self.white_space();
            let start = self.at;
            self.value(depth + 1)?;
            field(key, escaped, start..self.at)?;
            if self.ends_list(b'}')? {
                return Ok(());
            }
            self.white_space();
        }
    }

    /// The rest of an array at `depth`, behind its bracket. Tells `item` where each item stands.
    #[inline]
    fn array(
        &mut self,
        depth: u32,
        mut item: impl FnMut(Range<usize>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if depth > self.depth_max {
            return Err(Malformed);
        }
        self.white_space();
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            let start = self.at;
            self.value(depth + 1)?;
            item(start..self.at)?;
            if self.ends_list(b']')? {
                return Ok(());
            }
            self.white_space();
        }
    }

    fn literal(&mut self, rest: &[u8]) -> Result<(), Malformed> {
        if self.bytes[self.at..].starts_with(rest) {
            self.at += rest.len();
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// The rest of a number (RFC 8259, 6).
    fn number(&mut self, first: u8) -> Result<(), Malformed> {
        match first {
            b'0' => {}
            b'-' if self.takes(b'0') => {}
            b'-' => self.digits()?,
            _ => self.more_digits(),
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.more_digits();
        if self.at > start { Ok(()) } else { Err(Malformed) }
    }

    fn more_digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    /// The rest of a string, behind its opening quote; gives whether it holds an escape.
    #[inline]
    fn string(&mut self) -> Result<bool, Malformed> {
        let mut escaped = false;
        loop {
            let found = special(self.bytes, self.at).ok_or(Malformed)?;
            self.at = found + 1;
            match self.bytes[found] {
                b'"' => return Ok(escaped),
                b'\\' => {
                    escaped = true;
                    self.escape(found)?;
                }
                // A control character.
                _ => return Err(Malformed),
            }
        }
    }

    /// The escape whose backslash is at `start` (RFC 8259, 7); half a surrogate pair is none.
    fn escape(&mut self, start: usize) -> Result<(), Malformed> {
        let length = match self.bytes.get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => match escaped_unit(&self.bytes[start..]).ok_or(Malformed)? {
                0xd800..0xdc00 => match escaped_unit(&self.bytes[start + 6..]) {
                    Some(0xdc00..0xe000) => 12,
                    _ => return Err(Malformed),
                },
                0xdc00..0xe000 => return Err(Malformed),
                _ => 6,
            },
            _ => return Err(Malformed),
        };
        self.at = start + length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_json_is_valid_and_nothing_else_is() {
        for text in [
            "{}",
            "[]",
            " [ ] ",
            "0",
            "-0",
            "-0.5e+7",
            "1E9",
            "120.0",
            "true",
            "false",
            "null",
            "\"\"",
            r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            r#"{"a":[1,{"b":[]},"c"],"a":null}"#,
            "[1 , 2\n,3]\t",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{,}",
            "01",
            "-",
            "-a",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "0x1",
            "nul",
            "truE",
            "tru",
            "\"",
            "\"\\\"",
            r#""\x""#,
            r#""\u12""#,
            r#""\u12g4""#,
            "\"\u{1}\"",
            "\"tab\t\"",
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            "[] []",
            "{}x",
            "[}",
            "{]",
        ] {
            assert_eq!(check(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn nesting_ends_at_its_limit() {
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(check(&nested(128)).is_ok());
        assert!(check(&nested(129)).is_err());
        assert!(array(&nested(128), |_| Ok(())).is_ok());
        assert!(array(&nested(129), |_| Ok(())).is_err());
    }

    #[test]
    fn fields_and_items_are_handed_out_as_they_stand() {
        let mut seen = Vec::new();
        let walked = object(r#" { "a\u0062" : [ 1 ] ,"c":"\n" } "#, |key, value| {
            seen.push(format!("{key}={value}"));
            Ok(())
        });
        assert_eq!((walked, seen.join(";")), (Ok(()), r#"ab=[ 1 ];c="\n""#.to_owned()));
        let mut seen = Vec::new();
        let walked = array("[1, {\"a\" :2},[]]", |item| {
            seen.push(item);
            Ok(())
        });
        assert_eq!((walked, seen), (Ok(()), vec!["1", "{\"a\" :2}", "[]"]));
        assert_eq!(object("{\"a\":1}", |_, _| Err(Malformed)), Err(Malformed));
        assert_eq!(object("[]", |_, _| Ok(())), Err(Malformed));
        assert_eq!(array("{}", |_| Ok(())), Err(Malformed));
    }
}
