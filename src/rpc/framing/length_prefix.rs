//! Frames with their length in front: four bytes, big-endian, then so many bytes of content.
//!
//! This does not look into the content. What a length claims reserves nothing: a frame grows in
//! the connection's inbox as its bytes arrive.

use super::{Decoded, Fault, Framing};

/// Bytes of a header: the length of the content, big-endian.
const HEADER_BYTES: usize = 4;

/// Cuts a stream into frames of a length that is told first.
///
/// - A length of 0 or over the limit is [`Fault::BadLength`], as soon as its four bytes are there.
///   (The length that an HTTP request would spell is over 1 GiB.)
///
/// The fault consumes nothing and is repeated if one asks again.
///
/// ```
/// use parlance::rpc::framing::{Decoded, Framing, LengthPrefix};
///
/// let mut framing = LengthPrefix::new(64 * 1024);
/// let mut input = *b"\0\0\0\x02{}\0\0\0\x02{";
/// assert_eq!(framing.decode(&mut input), Decoded::Frame { frame: b"{}", used: 6 });
/// assert_eq!(framing.decode(&mut input[6..]), Decoded::Incomplete);
/// ```
#[derive(Debug, Clone)]
pub struct LengthPrefix {
    frame_bytes_max: u32,
}

impl LengthPrefix {
    /// A framing for one connection. A frame has at most `frame_bytes_max` bytes of content (above
    /// 4 GiB the limit is 4 GiB).
    pub fn new(frame_bytes_max: usize) -> Self {
        LengthPrefix { frame_bytes_max: u32::try_from(frame_bytes_max).unwrap_or(u32::MAX) }
    }
}

impl Framing for LengthPrefix {
    fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a> {
        let Some((header, content)) = input.split_first_chunk::<HEADER_BYTES>() else {
            return Decoded::Incomplete;
        };
        let length = u32::from_be_bytes(*header);
        if length == 0 || length > self.frame_bytes_max {
            return Decoded::Fault { fault: Fault::BadLength, used: 0 };
        }
        let length = length as usize;
        match content.get(..length) {
            Some(frame) => Decoded::Frame { frame, used: HEADER_BYTES + length },
            None => Decoded::Incomplete,
        }
    }
}

/// Makes one frame of what `out` holds from `start` on, by putting a header in front. Content that
/// no header can tell the length of (4 GiB and more) is dropped.
///
/// ```
/// let mut out = b"before{}".to_vec();
/// parlance::rpc::framing::length_prefix::frame(&mut out, 6);
/// assert_eq!(out, b"before\0\0\0\x02{}");
/// ```
pub fn frame(out: &mut Vec<u8>, start: usize) {
    let Ok(length) = u32::try_from(out.len() - start) else {
        return out.truncate(start);
    };
    let end = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    out.copy_within(start..end, start + HEADER_BYTES);
    out[start..start + HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// The content of each frame in `bytes`, which [`frame`] made; ends early where something else stands.
pub(in crate::rpc) fn contents(bytes: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (header, content) = rest.split_first_chunk::<HEADER_BYTES>()?;
        let (frame, behind) = content.split_at_checked(u32::from_be_bytes(*header) as usize)?;
        rest = behind;
        Some(frame)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_pays_little_for_its_framing() {
        assert!(size_of::<LengthPrefix>() <= 4);
    }

    #[test]
    fn a_frame_may_have_the_longest_length_and_not_a_byte_more() {
        let mut framing = LengthPrefix::new(3);
        let whole = Decoded::Frame { frame: b"abc", used: 7 };
        assert_eq!(framing.decode(&mut b"\0\0\0\x03abcd".to_owned()), whole);
        let fault = Decoded::Fault { fault: Fault::BadLength, used: 0 };
        for mut header in [*b"\0\0\0\x04", *b"\0\0\0\0", [0xff; 4], *b"GET ", *b"\x80\0\0\x01"] {
            for _ in 0..2 {
                assert_eq!(framing.decode(&mut header), fault);
            }
            assert_eq!(framing.decode(&mut header[..3]), Decoded::Incomplete);
        }
    }

    #[test]
    fn no_limit_is_over_what_a_header_can_tell() {
        let mut framing = LengthPrefix::new(usize::MAX);
        assert_eq!(framing.decode(&mut [0xff; 9]), Decoded::Incomplete);
        assert_eq!(framing.end(&[0xff; 9]), None);
    }

    #[test]
    fn content_gets_its_header_in_front() {
        for content in [&b""[..], b"x", b"{\"type\":\"list\"}", &[7; 300]] {
            let mut out = b"before".to_vec();
            out.extend_from_slice(content);
            frame(&mut out, 6);
            let length = (content.len() as u32).to_be_bytes();
            assert_eq!(out, [b"before", &length[..], content].concat());
        }
    }

    #[test]
    fn what_was_framed_comes_apart_again_and_nothing_else_does() {
        let mut out = Vec::new();
        for content in [&b"one"[..], b"", b"three"] {
            let start = out.len();
            out.extend_from_slice(content);
            frame(&mut out, start);
        }
        let all: [&[u8]; 3] = [b"one", b"", b"three"];
        assert_eq!(contents(&out).collect::<Vec<_>>(), all);
        for cut in 0..out.len() {
            let whole = if cut < 7 { 0 } else { 1 + usize::from(cut >= 11) };
            assert_eq!(contents(&out[..cut]).collect::<Vec<_>>(), all[..whole], "cut at {cut}");
        }
        out.extend_from_slice(b"{\"type\":\"ack\"}");
        assert_eq!(contents(&out).collect::<Vec<_>>(), all);
    }
}
