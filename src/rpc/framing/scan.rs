//! Looks for single bytes, eight at a time, without `unsafe` and without a dependency.
//!
//! A word of eight bytes is compared at once: the result has the high bit of a byte set where that
//! byte matched. Such a mark may be wrong above the first one (a borrow runs into it), never
//! below, so only the lowest is ever used. Words are read little-endian: lowest means first.
//!
//! Nothing here knows what the bytes mean; see the framings and [`json`](crate::rpc::json).

/// The bytes of a word's low bits, one in each byte.
const ONES: u64 = u64::MAX / 255;

/// The high bit of each byte.
const HIGHS: u64 = ONES << 7;

/// Marks the bytes of `word` that equal `byte`.
#[inline(always)]
pub(in crate::rpc) fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

/// Marks the bytes of `word` that are less than `limit`, which is at most 128.
#[inline(always)]
pub(in crate::rpc) fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

/// Where the first byte at `from` or later is that `marks` (for a word) and `is` (for a byte of
/// the last few, which fill no word) agree to look for.
#[inline(always)]
pub(in crate::rpc) fn find_by(
    bytes: &[u8],
    from: usize,
    marks: impl Fn(u64) -> u64,
    is: impl Fn(u8) -> bool,
) -> Option<usize> {
    let mut at = from;
    let mut rest = bytes.get(from..)?;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let found = marks(u64::from_le_bytes(*chunk));
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += chunk.len();
        rest = after;
    }
    rest.iter().position(|&byte| is(byte)).map(|more| at + more)
}

/// Where the first newline at `from` or later is.
pub(in crate::rpc) fn newline(bytes: &[u8], from: usize) -> Option<usize> {
    find_by(bytes, from, |word| equal(word, b'\n'), |byte| byte == b'\n')
}

/// Where the first `"` or `\` at `from` or later is: inside a JSON string, the next byte that
/// matters.
#[inline(always)]
pub(in crate::rpc) fn quote_or_backslash(bytes: &[u8], from: usize) -> Option<usize> {
    find_by(
        bytes,
        from,
        |word| equal(word, b'"') | equal(word, b'\\'),
        |byte| matches!(byte, b'"' | b'\\'),
    )
}

/// Where the JSON string that `from` stands in ends: just behind its closing quote. `Err` when
/// `bytes` end first, with the place to go on from once there are more.
#[inline(always)]
pub(in crate::rpc) fn string_end(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    loop {
        let Some(found) = quote_or_backslash(bytes, at) else {
            return Err(bytes.len().max(from));
        };
        if bytes[found] == b'"' {
            return Ok(found + 1);
        }
        // A backslash takes the next byte with it. While that one is missing, stay before the
        // backslash: it costs one more look and saves remembering it.
        if found + 1 == bytes.len() {
            return Err(found);
        }
        at = found + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_is_found_at_every_place_and_after_every_byte() {
        for before in 0..=u8::MAX {
            for place in 0..20 {
                let mut bytes = [before; 24];
                bytes[place] = b'\n';
                let first = if before == b'\n' { 0 } else { place };
                assert_eq!(newline(&bytes, 0), Some(first), "{before} {place}");
                assert_eq!(newline(&bytes[..place], 0), (first < place).then_some(first));
            }
        }
    }

    #[test]
    fn below_marks_the_first_lesser_byte() {
        for limit in [1, 0x20, 0x80] {
            for byte in 0..=u8::MAX {
                let word = u64::from_le_bytes([0xff, 0x80, byte, 0, byte, 0x20, 0x1f, 0]);
                let first = if byte < limit { 2 } else { 3 };
                assert_eq!(below(word, limit).trailing_zeros() / 8, first, "{byte} {limit}");
            }
        }
    }

    #[test]
    fn a_string_ends_at_the_first_quote_that_no_backslash_takes() {
        assert_eq!(string_end(br#"abc" ""#, 0), Ok(4));
        assert_eq!(string_end(br#"abcdefgh\"ijklmnop\\" ""#, 0), Ok(21));
        assert_eq!(string_end(br#"abc\"#, 0), Err(3));
        assert_eq!(string_end(br#"abc\""#, 3), Err(5));
        assert_eq!(string_end(b"", 0), Err(0));
        assert_eq!(string_end(b"abc", 7), Err(7));
    }
}
