//! Messages of permessage-deflate (RFC 7692, 7.2), without context takeover on either side: so what
//! inflates and deflates belongs to the thread, not to a connection, and compressed messages can be
//! shared like plain ones.
//!
//! What was agreed on in the handshake is in `offers`.

use std::cell::{Cell, RefCell};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::frame::{self, Rule};

/// What ends a compressed message and is left out on the wire (RFC 7692, 7.2.1): an empty block.
const LEFT_OUT: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The same, with an empty last block behind it. Only a message that ended where a block ends is
/// over with that.
const LEFT_OUT_AND_LAST: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];

/// Blocks that are marked as last in one message (RFC 7692, 7.2.3.4). Behind each of them inflating
/// begins anew, and that costs.
const LAST_BLOCKS_MAX: usize = 16;

/// A buffer that is kept for the next message has at most this capacity.
const SPARE_BYTES_MAX: usize = 256 * 1024;

/// Room that is made for the first of what a message inflates to.
const CHUNK_BYTES: usize = 4 * 1024;

thread_local! {
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), false));
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer, perhaps one that was given back.
fn spare() -> Vec<u8> {
    SPARE.take()
}

/// Keeps a buffer for the next message.
pub(super) fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() <= SPARE_BYTES_MAX {
        buffer.clear();
        SPARE.set(buffer);
    }
}

/// Inflates a message's joined content, which may become as long as `bytes_max`.
pub(super) fn inflate(content: &[u8], bytes_max: usize) -> Result<Vec<u8>, Rule> {
    let mut out = spare();
    let outcome = INFLATER.with_borrow_mut(|inflater| {
        inflater.reset(false);
        inflate_to(&mut out, inflater, content, bytes_max)
    });
    match outcome {
        Ok(()) => Ok(out),
        Err(rule) => {
            give_back(out);
            Err(rule)
        }
    }
}

fn inflate_to(
    out: &mut Vec<u8>,
    inflater: &mut Decompress,
    content: &[u8],
    bytes_max: usize,
) -> Result<(), Rule> {
    let mut rest = content;
    for _ in 0..LAST_BLOCKS_MAX {
        let (ended, used) = inflate_part(out, inflater, rest, bytes_max)?;
        rest = rest.get(used..).unwrap_or_default();
        if !ended {
            let (ended, used) = inflate_part(out, inflater, &LEFT_OUT_AND_LAST, bytes_max)?;
            let is_whole = ended && used == LEFT_OUT_AND_LAST.len();
            return if is_whole { Ok(()) } else { Err(Rule::Deflate) };
        }
        if rest.is_empty() {
            return Ok(());
        }
        inflater.reset(false);
    }
    Err(Rule::Deflate)
}

/// Inflates until `part` is used up, and all that it gives is out, or a last block ends in it. Says
/// whether that happened, and how much of it is used.
fn inflate_part(
    out: &mut Vec<u8>,
    inflater: &mut Decompress,
    part: &[u8],
    bytes_max: usize,
) -> Result<(bool, usize), Rule> {
    let mut rest = part;
    // A full buffer does not tell whether more is to come.
    while !rest.is_empty() || out.len() == out.capacity() {
        make_room(out, bytes_max);
        let (before_in, before_out) = (inflater.total_in(), out.len());
        let status = inflater.decompress_vec(rest, out, FlushDecompress::Sync);
        if out.len() > bytes_max {
            return Err(Rule::Long);
        }
        // Lossless: it is at most the length of `rest`.
        let used = (inflater.total_in() - before_in) as usize;
        let is_stuck = used == 0 && out.len() == before_out;
        rest = rest.get(used..).unwrap_or_default();
        match status {
            Ok(Status::StreamEnd) => return Ok((true, part.len() - rest.len())),
            Ok(_) if !is_stuck => {}
            Ok(_) if rest.is_empty() => break,
            Ok(_) | Err(_) => return Err(Rule::Deflate),
        }
    }
    Ok((false, part.len() - rest.len()))
}

/// Makes room in a full buffer: for as much as it holds, but for no more than one byte over the
/// limit, which tells that it was passed.
fn make_room(out: &mut Vec<u8>, bytes_max: usize) {
    if out.len() == out.capacity() {
        let more = out.len().max(CHUNK_BYTES);
        out.reserve_exact(more.min((bytes_max - out.len()).saturating_add(1)));
    }
}

/// Makes `out[start..]` the content of one text message, compressed, unless that would be longer:
/// then it is the frame that [`frame_text`](super::frame_text) makes. Only for peers that agreed
/// ([`Switch::WebSocket`](crate::rpc::framing::Switch::WebSocket)).
///
/// # Panics
///
/// If `start` is greater than the length of `out`.
pub fn frame_text_deflated(out: &mut Vec<u8>, start: usize) {
    put_deflated(out, start, frame::TEXT);
}

/// Makes `out[start..]` the content of one binary message, compressed, unless that would be longer:
/// then it is the frame that [`frame_binary`](super::frame_binary) makes. Only for peers that agreed
/// ([`Switch::WebSocket`](crate::rpc::framing::Switch::WebSocket)).
///
/// # Panics
///
/// If `start` is greater than the length of `out`.
pub fn frame_binary_deflated(out: &mut Vec<u8>, start: usize) {
    put_deflated(out, start, frame::BINARY);
}

fn put_deflated(out: &mut Vec<u8>, start: usize, kind: u8) {
    let mut deflated = spare();
    if deflate(&out[start..], &mut deflated) {
        out.truncate(start);
        out.extend_from_slice(&deflated);
        frame::put_header(out, start, kind | frame::RSV1);
    } else {
        frame::put_header(out, start, kind);
    }
    give_back(deflated);
}

/// Deflates a message into an empty buffer; says whether it became shorter.
fn deflate(content: &[u8], out: &mut Vec<u8>) -> bool {
    DEFLATER.with_borrow_mut(|deflater| {
        deflater.reset();
        // What takes more than this is not shorter.
        out.reserve(content.len() + LEFT_OUT.len());
        let status = deflater.compress_vec(content, out, FlushCompress::Sync);
        // Room is left, so all of it is out (zlib's manual, `deflate`).
        if status.is_err() || out.len() == out.capacity() || !out.ends_with(&LEFT_OUT) {
            return false;
        }
        out.truncate(out.len() - LEFT_OUT.len());
        out.len() < content.len()
    })
}
