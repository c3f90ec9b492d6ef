//! Frames of RFC 6455, section 5: taking their headers apart, unmasking them, making them.

/// A ping without content.
pub(super) const PING: &[u8] = &[0x89, 0];

/// The bit that marks a message's last frame.
const FIN: u8 = 0x80;

/// The kinds of frames (RFC 6455, 11.8).
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;

/// Makes `out[start..]` the content of one text message: a single unmasked frame, whose header is
/// put in front. That the content is UTF-8 is for the caller to mind.
///
/// # Panics
///
/// If `start` is greater than the length of `out`.
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

/// Puts the header of a final frame in front of `out[start..]`.
pub(super) fn put_header(out: &mut Vec<u8>, start: usize, kind: u8) {
    let len = out.len() - start;
    let mut header = [FIN | kind, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let header = match len {
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
