//! JSON text, handled as text: what an envelope needs beside a parser.
//!
//! An envelope is taken apart with [`object`] and [`array()`], which check the whole of it and lend
//! its parts as they stand; what a method makes of its parameters is `serde_json`'s. A value that
//! crosses as its own bytes goes through [`compact`], and [`string`], [`unsigned`], [`signed`] and
//! [`list`] write the kinds of value that events are mostly made of.

mod walk;

pub use walk::{Malformed, array, check, check_within, object, object_within, unescape};

use super::framing::scan;

/// The UTF-16 unit of the escape, `\u` and four digits, that `json` begins with.
fn escaped_unit(json: &[u8]) -> Option<u16> {
    let (digits, _) = json.strip_prefix(br"\u")?.split_first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

/// Appends `json` without the white space between its tokens, and everything else byte for byte:
/// numbers, escapes and duplicate keys stay as they are.
///
/// `json` is to be valid; of other text, nothing is promised but that it gets no longer.
///
/// ```
/// let mut out = Vec::new();
/// parlance::rpc::json::compact(r#"{ "a b" : [1.0, 2] }"#, &mut out);
/// assert_eq!(out, br#"{"a b":[1.0,2]}"#);
/// ```
pub fn compact(json: &str, out: &mut Vec<u8>) {
    let json = json.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => match scan::string_end(json, at) {
                Ok(end) => at = end,
                Err(_) => break,
            },
            b' ' | b'\t' | b'\r' | b'\n' => {
                out.extend_from_slice(&json[copied..at - 1]);
                copied = at;
            }
            _ => {}
        }
    }
    out.extend_from_slice(&json[copied..]);
}

/// Appends `text` as a JSON string, in quotes. Only `"`, `\` and U+0000 to U+001F are escaped, the
/// way `serde_json` does it.
///
/// ```
/// let mut out = Vec::new();
/// parlance::rpc::json::string("tab\tand \"quote\" \u{1b}", &mut out);
/// assert_eq!(out, br#""tab\tand \"quote\" \u001b""#);
/// ```
pub fn string(text: &str, out: &mut Vec<u8>) {
    let text = text.as_bytes();
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut copied = 0;
    while let Some(at) = special(text, copied) {
        out.extend_from_slice(&text[copied..at]);
        escape(text[at], out);
        copied = at + 1;
    }
    out.extend_from_slice(&text[copied..]);
    out.push(b'"');
}

/// Where the first byte that a JSON string must escape is, at `from` or later.
fn special(text: &[u8], from: usize) -> Option<usize> {
    scan::find_by(
        text,
        from,
        |word| scan::equal(word, b'"') | scan::equal(word, b'\\') | scan::below(word, 0x20),
        |byte| matches!(byte, b'"' | b'\\' | ..0x20),
    )
}

/// Appends the escape of a byte that [`special`] found.
fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            let escape = [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)];
            return out.extend_from_slice(&escape);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends `n` in decimal digits.
///
/// ```
/// let mut out = b"seq ".to_vec();
/// parlance::rpc::json::unsigned(1024, &mut out);
/// assert_eq!(out, b"seq 1024");
/// ```
pub fn unsigned(n: u64, out: &mut Vec<u8>) {
    // `u64::MAX` has 20 digits.
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = n;
    loop {
        at -= 1;
        digits[at] += (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `n` in decimal digits, with a minus where it is negative.
pub fn signed(n: i64, out: &mut Vec<u8>) {
    if n < 0 {
        out.push(b'-');
    }
    unsigned(n.unsigned_abs(), out);
}

/// Appends an array: for each of `items` what `write` appends, with commas between.
///
/// ```
/// use parlance::rpc::json;
///
/// let mut out = Vec::new();
/// json::list(["Bob", "Alice"], &mut out, json::string);
/// assert_eq!(out, br#"["Bob","Alice"]"#);
/// ```
pub fn list<T>(
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(b'[');
    let mut first = true;
    // Not with `for`: most of these iterators are chains, which go through their parts faster so.
    items.into_iter().for_each(|item| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write(item, out);
    });
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogate_escapes_come_in_pairs() {
        for whole in [r"\ud800\udc00", r"\uDBFF\uDFFF", r"\\ud800", r"\ud7ff\ue000", r"\\\\udc00"] {
            assert!(check(&format!("[\"{whole}\"]")).is_ok(), "{whole}");
        }
        for half in [
            r"\ud800",
            r"\udc00",
            r"\udc00\ud800",
            r"\ud800\ud800\udc00",
            r"\ud800x\udc00",
            r"\ud800\\udc00",
            r"\\\ud800",
        ] {
            assert_eq!(check(&format!("[\"{half}\"]")), Err(Malformed), "{half}");
        }
    }

    #[test]
    fn text_that_is_no_json_breaks_nothing() {
        for odd in [r"\", r"\u", r"\uD8", r"\ud800", r"\ud800\", r"\ud800\u", "\\u00\u{e9}", r"\ux"]
        {
            for open in ["", "\"", " \""] {
                let json = format!("{open}{odd}");
                assert_eq!(check(&json), Err(Malformed));
                let mut out = Vec::new();
                compact(&json, &mut out);
                assert!(out.len() <= json.len());
            }
        }
    }

    #[test]
    fn white_space_in_strings_stays() {
        let mut out = b"x".to_vec();
        compact(" { \"a \\\" b\" :\t[ 1.50 , -0 ] ,\r\n\"\": \" \" } ", &mut out);
        assert_eq!(out, br#"x{"a \" b":[1.50,-0],"":" "}"#);
    }

    #[test]
    fn every_byte_is_escaped_like_serde_json_does_it() {
        for place in [0, 3, 8, 11] {
            for c in (0..=0x2ff).filter_map(char::from_u32) {
                let mut text = "x".repeat(place);
                text.push(c);
                text.push_str("y\u{7f}\u{2028}😀");
                let mut out = Vec::new();
                string(&text, &mut out);
                assert_eq!(out, serde_json::to_vec(&text).unwrap());
            }
        }
    }

    #[test]
    fn numbers_have_their_digits() {
        for n in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            unsigned(n, &mut out);
            assert_eq!(out, n.to_string().as_bytes());
        }
        for n in [0, -1, 17, -32_700, i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            signed(n, &mut out);
            assert_eq!(out, n.to_string().as_bytes());
        }
    }
}
