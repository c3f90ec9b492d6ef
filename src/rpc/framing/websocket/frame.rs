//! Frames of RFC 6455, section 5: taking their headers apart, unmasking them, making them.
//!
//! A header is judged byte by byte, in the order in which its bytes come, so that a rule is known to
//! be broken as early as can be and it is the same rule however the bytes are cut. What a message
//! is, joined from its frames, is not known here.

use crate::rpc::framing::Fault;

/// A ping without content.
pub(super) const PING_EMPTY: &[u8] = &[FIN | PING, 0];

/// The bit that marks a message's last frame.
const FIN: u8 = 0x80;
/// The bits that only extensions use. The first marks a compressed message (RFC 7692, 6).
const RSV: u8 = 0x70;
pub(super) const RSV1: u8 = 0x40;
/// The bit of the length that says that a mask is there.
const MASKED: u8 = 0x80;

/// The kinds of frames (RFC 6455, 11.8).
pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xa;

/// The longest content of a control frame, in bytes (RFC 6455, 5.5).
const CONTROL_BYTES_MAX: u8 = 125;

/// A rule that a peer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// RFC 6455, 5.2: RSV1, RSV2, RSV3.
    Reserved,
    /// RFC 6455, 5.2: opcode.
    Opcode,
    /// RFC 6455, 5.4: a continuation of nothing.
    NothingToContinue,
    /// RFC 6455, 5.4: a message inside another.
    Unfinished,
    /// RFC 6455, 5.5: a control frame in fragments.
    ControlFragmented,
    /// RFC 6455, 5.5: a control frame over 125 bytes.
    ControlLong,
    /// RFC 6455, 5.1: a frame without a mask.
    Unmasked,
    /// RFC 6455, 5.2: a length in more bytes than it needs, or with the highest bit set.
    Length,
    /// RFC 6455, 5.5.1: a close frame of one byte.
    CloseBody,
    /// RFC 6455, 7.4: a code that may not be sent.
    CloseCode,
    /// RFC 6455, 8.1.
    Utf8,
    /// A message over the limit.
    Long,
    /// A binary message where none is taken.
    Binary,
    /// RFC 7692, 7.2.2: what cannot be inflated.
    #[cfg(feature = "zlib")]
    Deflate,
}

impl Rule {
    /// What the transport calls it.
    pub(super) fn fault(self) -> Fault {
        match self {
            Rule::Utf8 => Fault::NotUtf8,
            Rule::Long => Fault::TooLong,
            Rule::Binary => Fault::Binary,
            #[cfg(feature = "zlib")]
            Rule::Deflate => Fault::Corrupt,
            _ => Fault::Protocol,
        }
    }

    /// What the peer is told: at most 123 bytes (RFC 6455, 5.5).
    pub(super) fn reason(self) -> &'static str {
        match self {
            Rule::Reserved => "reserved bit set",
            Rule::Opcode => "unknown opcode",
            Rule::NothingToContinue => "no message to continue",
            Rule::Unfinished => "message not finished",
            Rule::ControlFragmented => "control frame fragmented",
            Rule::ControlLong => "control frame too long",
            Rule::Unmasked => "frame not masked",
            Rule::Length => "bad length encoding",
            Rule::CloseBody => "close frame of one byte",
            Rule::CloseCode => "bad close code",
            Rule::Utf8 => "invalid UTF-8",
            Rule::Long => "message too long",
            Rule::Binary => "binary messages are not taken",
            #[cfg(feature = "zlib")]
            Rule::Deflate => "bad compressed data",
        }
    }
}

/// What the next frame is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The longest message, in bytes.
    pub(super) message_bytes_max: usize,
    /// Whether binary messages are taken.
    pub(super) binary: bool,
    /// Whether messages may be compressed.
    pub(super) deflate: bool,
    /// The message that is to be continued.
    pub(super) unfinished: Option<Unfinished>,
}

/// A message of which some frames have come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unfinished {
    /// Bytes of its content that have come.
    pub(super) bytes: usize,
    /// Whether it is compressed.
    pub(super) deflated: bool,
}

impl Expected {
    /// Judges a header's first byte.
    fn judge(&self, first: u8) -> Result<(), Rule> {
        let kind = first & 0x0f;
        let may_be_deflated = self.deflate && matches!(kind, TEXT | BINARY);
        if first & RSV & !(if may_be_deflated { RSV1 } else { 0 }) != 0 {
            return Err(Rule::Reserved);
        }
        match (kind, self.unfinished) {
            (CONTINUATION, None) => Err(Rule::NothingToContinue),
            (TEXT | BINARY, Some(_)) => Err(Rule::Unfinished),
            (BINARY, None) if !self.binary => Err(Rule::Binary),
            (CLOSE | PING | PONG, _) if first & FIN == 0 => Err(Rule::ControlFragmented),
            (CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG, _) => Ok(()),
            _ => Err(Rule::Opcode),
        }
    }

    /// The longest content that a data frame may have, in bytes.
    fn data_bytes_max(&self, deflated: bool) -> usize {
        let Unfinished { bytes, deflated } =
            self.unfinished.unwrap_or(Unfinished { bytes: 0, deflated });
        let mut bytes_max = self.message_bytes_max;
        if deflated {
            // Compressing makes some messages longer: at worst each byte takes nine bits.
            bytes_max = bytes_max.saturating_add(bytes_max / 8).saturating_add(64);
        }
        bytes_max.saturating_sub(bytes)
    }
}

/// What stands before a frame's content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: u8,
    /// Whether the message ends with this frame.
    pub(super) fin: bool,
    /// Whether RSV1 says that the message is compressed.
    pub(super) deflated: bool,
    /// Bytes of this header.
    pub(super) header_bytes: usize,
    /// Bytes of content behind it.
    pub(super) content_bytes: usize,
    pub(super) mask: [u8; 4],
}

impl Header {
    /// Whether it stands before a frame that is no part of a message.
    pub(super) fn is_control(&self) -> bool {
        self.kind >= CLOSE
    }

    /// Reads the header at the start of `input`; `None` while it is incomplete.
    pub(super) fn read(input: &[u8], expected: &Expected) -> Result<Option<Header>, Rule> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        expected.judge(first)?;
        let kind = first & 0x0f;
        let is_control = kind >= CLOSE;
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        if second & MASKED == 0 {
            return Err(Rule::Unmasked);
        }
        let short = second & !MASKED;
        if is_control && short > CONTROL_BYTES_MAX {
            return Err(Rule::ControlLong);
        }
        let (length, rest) = match short {
            126 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let length = u64::from(u16::from_be_bytes(*bytes));
                (if length < 126 { None } else { Some(length) }, rest)
            }
            127 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let length = u64::from_be_bytes(*bytes);
                (if length >> 16 == 0 || length >> 63 == 1 { None } else { Some(length) }, rest)
            }
            _ => (Some(u64::from(short)), rest),
        };
        let length = length.ok_or(Rule::Length)?;
        let deflated = first & RSV1 != 0;
        let content_bytes = usize::try_from(length).map_err(|_| Rule::Long)?;
        if !is_control && content_bytes > expected.data_bytes_max(deflated) {
            return Err(Rule::Long);
        }
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some(Header {
            kind,
            fin: first & FIN != 0,
            deflated,
            header_bytes: input.len() - rest.len(),
            content_bytes,
            mask: *mask,
        }))
    }
}

/// Takes the mask off a frame's content (RFC 6455, 5.3), or puts it on.
pub(super) fn unmask(content: &mut [u8], mask: [u8; 4]) {
    let word = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let (words, rest) = content.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Makes a control frame, its content unmasked, the answer to itself, with the first
/// `content_bytes` of that content: built in place, in front of it.
pub(super) fn answer(frame: &mut [u8], header: Header, kind: u8, content_bytes: usize) -> &[u8] {
    // The answer's header has two bytes; that of the frame has the mask besides.
    let start = header.header_bytes.saturating_sub(2);
    let answer = frame.get_mut(start..header.header_bytes + content_bytes).unwrap_or_default();
    if let [first, second, ..] = answer {
        // Lossless: a control frame has at most 125 bytes of content.
        (*first, *second) = (FIN | kind, content_bytes as u8);
    }
    answer
}

/// What a peer's close frame with this content asks to be answered: bytes of the content, which
/// are its code, if it has one (RFC 6455, 5.5.1 and 7.4).
pub(super) fn judge_close(content: &[u8]) -> Result<usize, Rule> {
    let Some((code, reason)) = content.split_first_chunk() else {
        return if content.is_empty() { Ok(0) } else { Err(Rule::CloseBody) };
    };
    // What the registry names as of 2026 and may stand on the wire, and what is free for libraries
    // and applications.
    match u16::from_be_bytes(*code) {
        1000..=1003 | 1007..=1014 | 3000..=4999 => {}
        _ => return Err(Rule::CloseCode),
    }
    std::str::from_utf8(reason).map_err(|_| Rule::Utf8)?;
    Ok(2)
}

/// Appends a close frame. The reason has at most 123 bytes.
pub(super) fn put_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let start = out.len();
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
    put_header(out, start, CLOSE);
}

/// Makes `out[start..]` the content of one text message: a single unmasked frame, whose header is
/// put in front. That the content is UTF-8 is for the caller to mind.
///
/// # Panics
///
/// If `start` is greater than the length of `out`.
///
/// ```
/// use parlance::rpc::framing::websocket::frame_text;
///
/// let mut out = b"behind this: hi".to_vec();
/// frame_text(&mut out, 13);
/// assert_eq!(out, b"behind this: \x81\x02hi");
/// ```
pub fn frame_text(out: &mut Vec<u8>, start: usize) {
    put_header(out, start, TEXT);
}

/// Makes `out[start..]` the content of one binary message: a single unmasked frame, whose header is
/// put in front.
///
/// # Panics
///
/// If `start` is greater than the length of `out`.
pub fn frame_binary(out: &mut Vec<u8>, start: usize) {
    put_header(out, start, BINARY);
}

/// Puts the header of a final frame in front of `out[start..]`. `first` is its kind, with `RSV1`
/// where the content is compressed.
pub(super) fn put_header(out: &mut Vec<u8>, start: usize, first: u8) {
    let len = out.len() - start;
    let mut header = [FIN | first, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let header = match len {
        // Lossless, all three.
        0..=125 => {
            header[1] = len as u8;
            &header[..2]
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            &header[..4]
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
            &header[..]
        }
    };
    out.extend_from_slice(header);
    out.copy_within(start..start + len, start + header.len());
    out[start..start + header.len()].copy_from_slice(header);
}
