//! A WebSocket client that makes each frame by itself, the forbidden ones too, and looks at each
//! that it gets. It knows the bytes of RFC 6455, section 5, and no rule about them.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use std::net::SocketAddr;

use crate::peer::Peer;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = FIN | 0x1;
pub(crate) const BINARY: u8 = FIN | 0x2;
pub(crate) const CLOSE: u8 = FIN | 0x8;
pub(crate) const PING: u8 = FIN | 0x9;
pub(crate) const PONG: u8 = FIN | 0xa;

/// Any mask but zero, which would hide a server that does not unmask.
const MASK: [u8; 4] = [0x9d, 0x02, 0xe4, 0x5b];

/// A frame: its first byte and its content.
pub(crate) type Frame = (u8, Vec<u8>);

/// One WebSocket connection, as its client sees it.
pub(crate) struct FramePeer {
    pub(crate) peer: Peer,
}

impl FramePeer {
    /// Upgrades; `fields` are further header fields of the request, each with its end. Gives the
    /// head of the answer besides.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr, fields: &str) -> (FramePeer, String) {
        let mut peer = Peer::connect(address);
        peer.send(format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\
             \r\n"
        ));
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(head.len() < 4096, "no end of the head");
            head.extend(peer.take(1));
        }
        let head = String::from_utf8(head).expect("UTF-8");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (FramePeer { peer }, head)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, first: u8, content: impl AsRef<[u8]>) {
        self.peer.send(masked(first, content.as_ref()));
    }

    /// The first two bytes of the next frame, but for pings, which may come at any time. (None that
    /// a test asks for is empty.)
    #[track_caller]
    fn head(&mut self) -> Vec<u8> {
        loop {
            let head = self.peer.take(2);
            if head != [PING, 0] {
                return head;
            }
            self.peer.slip_in(masked(PONG, b""));
        }
    }

    /// The next frame.
    #[track_caller]
    pub(crate) fn take(&mut self) -> Frame {
        let head = self.head();
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.peer.take(2).try_into().expect("two"))),
            127 => u64::from_be_bytes(self.peer.take(8).try_into().expect("eight")),
            length => u64::from(length),
        };
        assert!(length < 1 << 25, "a masked frame, or too long a one");
        (head[0], self.peer.take(length as usize))
    }

    /// Expects one frame, with the shortest header it can have.
    #[track_caller]
    pub(crate) fn expect(&mut self, first: u8, content: impl AsRef<[u8]>) {
        let content = content.as_ref();
        let mut header = vec![first];
        put_length(content.len(), 0, &mut header);
        let head = self.head();
        assert_eq!(head, header[..2], "the head of another frame");
        self.peer.expect(&header[2..]);
        self.peer.expect(content);
    }

    /// Closes, and expects the answer to that and nothing before it.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        self.send(CLOSE, 1000_u16.to_be_bytes());
        self.expect(CLOSE, 1000_u16.to_be_bytes());
        self.peer.expect_close();
    }

    /// Expects to be failed with this code, and the end of the stream.
    #[track_caller]
    pub(crate) fn expect_failure(mut self, code: u16) {
        let (first, content) = self.take();
        let got = content.first_chunk().map(|code| u16::from_be_bytes(*code));
        assert_eq!((first, got), (CLOSE, Some(code)), "{}", String::from_utf8_lossy(&content));
        self.peer.expect_close();
    }
}

/// A frame as a client sends it, masked.
pub(crate) fn masked(first: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(content.len() + 14);
    frame.push(first);
    put_length(content.len(), 0x80, &mut frame);
    frame.extend_from_slice(&MASK);
    frame.extend(content.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Appends a length, with the bit that says whether a mask follows.
pub(crate) fn put_length(length: usize, mask: u8, out: &mut Vec<u8>) {
    match length {
        0..=125 => out.push(mask | length as u8),
        126..=0xffff => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The frames of one message, cut into pieces of at most so many bytes. `first` is the first byte
/// that it would have in one.
pub(crate) fn fragments(first: u8, content: &[u8], piece_bytes: usize) -> Vec<u8> {
    let last = content.len().div_ceil(piece_bytes).max(1) - 1;
    let mut pieces = content.chunks(piece_bytes);
    (0..=last).fold(Vec::new(), |mut frames, number| {
        let kind = if number == 0 { first & !FIN } else { CONTINUATION };
        let fin = if number == last { FIN } else { 0 };
        frames.extend(masked(fin | kind, pieces.next().unwrap_or_default()));
        frames
    })
}

/// A message's content in compressed form (RFC 7692, 7.2.1).
pub(crate) fn deflated(content: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(Compression::fast(), false);
    let mut out = Vec::with_capacity(content.len() + content.len() / 8 + 64);
    stream.compress_vec(content, &mut out, FlushCompress::Sync).expect("deflated");
    assert_eq!(stream.total_in(), content.len() as u64);
    assert!(out.ends_with(b"\0\0\xff\xff"));
    out.truncate(out.len() - 4);
    out
}

/// The reverse, of a content of so many bytes.
pub(crate) fn inflated(content: &[u8], bytes: usize) -> Vec<u8> {
    let mut stream = Decompress::new(false);
    let mut out = Vec::with_capacity(bytes + 1);
    let whole = [content, b"\0\0\xff\xff"].concat();
    stream.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("inflated");
    assert_eq!(stream.total_in(), whole.len() as u64, "more than {bytes} bytes");
    out
}
