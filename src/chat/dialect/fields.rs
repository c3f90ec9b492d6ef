//! Taking an object apart that holds a request: the part of the envelopes that is alike.

use crate::rpc::json::{self, Malformed};

/// The values of `keys` in the object that `frame` is, as they stand, each `None` where it is
/// absent. All `None`s: see [`Fields::Other`]. Keys that are not asked for are only checked.
///
/// # Errors
/// [`Malformed`] for what is not UTF-8, not JSON, nested deeper than `depth_max`, or bears one of
/// `keys` twice.
pub(super) fn fields<'a, const N: usize>(
    frame: &'a [u8],
    depth_max: u16,
    keys: [&str; N],
) -> Result<Fields<'a, N>, Malformed> {
    let text = std::str::from_utf8(frame).map_err(|_| Malformed)?;
    let mut values = [None; N];
    if !text.trim_ascii_start().starts_with('{') {
        return json::check_within(text, depth_max).map(|()| Fields::Other);
    }
    json::object_within(text, depth_max, |key, value| {
        match keys.iter().position(|known| *known == key) {
            Some(index) if values[index].replace(value).is_some() => Err(Malformed),
            _ => Ok(()),
        }
    })?;
    Ok(Fields::Object(values))
}

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields<'a, const N: usize> {
    /// An object, with these values.
    Object([Option<&'a str>; N]),
    /// JSON, but no object.
    Other,
}

/// The digits of an integer that is written without fraction and exponent and fits 64 bits, signed
/// or not; `None` for any other value.
pub(super) fn integer(value: &str) -> Option<&str> {
    let fits = value.parse::<i64>().is_ok() || value.parse::<u64>().is_ok();
    // Rust's own notation allows a plus sign, JSON does not; the value is valid JSON already.
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_gives_what_is_asked_for_and_checks_the_rest() {
        let frame = br#" {"b":[1,{"a":2}],"x":"\u00e9","a":"t"} "#;
        let expected = [Some("\"t\""), Some("[1,{\"a\":2}]"), None];
        assert_eq!(fields(frame, 3, ["a", "b", "c"]), Ok(Fields::Object(expected)));
        assert_eq!(fields(frame, 2, ["a"]), Err(Malformed), "too deep");
        assert_eq!(fields(br#"{"a":1,"a":2}"#, 9, ["a"]), Err(Malformed), "given twice");
        assert!(fields(br#"{"a":1,"a":2}"#, 9, ["b"]).is_ok(), "given twice, not asked for");
        assert_eq!(fields(br#"{"x":"\ud800"}"#, 9, ["a"]), Err(Malformed), "a lone surrogate");
        assert_eq!(fields(b"{\"x\":\"\xff\"}", 9, ["a"]), Err(Malformed), "not UTF-8");
        assert_eq!(fields(b"[1]", 1, ["a"]), Ok(Fields::Other));
        assert_eq!(fields(b"[[1]]", 1, ["a"]), Err(Malformed), "too deep");
        assert_eq!(fields(b"17", 1, ["a"]), Ok(Fields::Other));
        assert_eq!(fields(b"", 1, ["a"]), Err(Malformed));
    }

    #[test]
    fn integers_are_those_of_64_bits() {
        for text in ["0", "-0", "42", "-9223372036854775808", "18446744073709551615"] {
            assert_eq!(integer(text), Some(text));
        }
        for text in ["1.0", "1e3", "18446744073709551616", "-9223372036854775809", "\"1\"", "null"]
        {
            assert_eq!(integer(text), None, "{text}");
        }
    }
}
