//! One connection of any kind as a stream of texts. Headers, ends and compression are taken off
//! here, and a byte that should not be there fails the test.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::io::{self, Read, Write};
use std::net::UdpSocket;

use crate::accounts_peer::framed;
use crate::frames::masked;

/// A message inflates to less than this.
const INFLATED_BYTES_MAX: usize = 256 * 1024;

/// What ends each block that was flushed, and is left out of a WebSocket message.
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// How texts are cut out of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// JSON values, nothing between them.
    Values,
    /// Values, each with one line feed behind it.
    Lines,
    /// A length of four bytes in front.
    Lengths,
    /// WebSocket text messages.
    Messages,
    /// The same, compressed where the server sees fit, and always by the client.
    DeflatedMessages,
    /// Zlib streams.
    Streams,
    /// A datagram each.
    Datagrams,
}

/// What carries the bytes.
pub(crate) trait Carrier: Read + Write + Send {}

impl<T: Read + Write + Send> Carrier for T {}

/// A socket that is connected to one address.
pub(crate) struct Datagrams(pub(crate) UdpSocket);

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buffer)
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        if datagram.is_empty() { Ok(0) } else { self.0.send(datagram) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection.
pub(crate) struct Wire {
    carrier: Box<dyn Carrier>,
    pub(crate) framing: Framing,
    /// What was read, and how much of it is used up.
    got: Vec<u8>,
    used: usize,
}

impl Wire {
    pub(crate) fn new(carrier: impl Carrier + 'static, framing: Framing) -> Wire {
        Wire { carrier: Box::new(carrier), framing, got: Vec::new(), used: 0 }
    }

    /// Sends several texts in one write, if they are no datagrams.
    #[track_caller]
    pub(crate) fn send_all<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        let mut bytes = Vec::new();
        for text in texts {
            if self.framing == Framing::Datagrams {
                self.carrier.write_all(text.as_bytes()).expect("sent");
            } else {
                self.framing.put(text, &mut bytes);
            }
        }
        self.carrier.write_all(&bytes).expect("sent");
        self.carrier.flush().expect("sent");
    }

    /// The next text.
    #[track_caller]
    pub(crate) fn take(&mut self) -> String {
        loop {
            self.skip_pings();
            if let Some((text, len)) = self.framing.cut(&self.got[self.used..]) {
                self.used += len;
                return String::from_utf8(text).expect("UTF-8");
            }
            self.got.drain(..self.used);
            self.used = 0;
            let mut more = [0; 16 * 1024];
            let count = match self.carrier.read(&mut more) {
                Ok(0) => panic!("the end, after {:?}", String::from_utf8_lossy(&self.got)),
                Ok(count) => count,
                Err(error) => panic!("{error}, after {:?}", String::from_utf8_lossy(&self.got)),
            };
            self.got.extend_from_slice(&more[..count]);
        }
    }

    /// Over WebSocket the server may ping at any time. What it hears from a client that talks is
    /// answer enough.
    fn skip_pings(&mut self) {
        if matches!(self.framing, Framing::Messages | Framing::DeflatedMessages) {
            while self.got[self.used..].starts_with(&[0x89, 0]) {
                self.used += 2;
            }
        }
    }
}

impl Framing {
    fn put(self, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        match self {
            Framing::Values | Framing::Datagrams => out.extend_from_slice(bytes),
            Framing::Lines => out.extend([bytes, b"\n"].concat()),
            Framing::Lengths => out.extend(framed(bytes)),
            Framing::Messages => out.extend(masked(0x81, bytes)),
            Framing::DeflatedMessages => {
                let mut block = deflated(bytes, false, FlushCompress::Sync);
                assert!(block.ends_with(&FLUSHED), "{block:?}");
                block.truncate(block.len() - FLUSHED.len());
                out.extend(masked(0xc1, &block));
            }
            Framing::Streams => out.extend(deflated(bytes, true, FlushCompress::Finish)),
        }
    }

    /// The first text and how many bytes it took, if it is all there.
    #[track_caller]
    fn cut(self, bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
        match self {
            Framing::Values => value_len(bytes).map(|len| (bytes[..len].to_vec(), len)),
            Framing::Lines => {
                let len = bytes.iter().position(|byte| *byte == b'\n')?;
                Some((bytes[..len].to_vec(), len + 1))
            }
            Framing::Lengths => {
                let len = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
                Some((bytes.get(4..4 + len)?.to_vec(), 4 + len))
            }
            Framing::Messages => {
                let (first, content, len) = message(bytes)?;
                assert_eq!(first, 0x81, "{}", String::from_utf8_lossy(content));
                Some((content.to_vec(), len))
            }
            Framing::DeflatedMessages => {
                // Any message may be compressed, and none has to be (RFC 7692, 6).
                let (first, content, len) = message(bytes)?;
                if first == 0x81 {
                    return Some((content.to_vec(), len));
                }
                assert_eq!(first, 0xc1, "{}", String::from_utf8_lossy(content));
                let (text, _, _) = inflated(&[content, &FLUSHED].concat(), false);
                Some((text, len))
            }
            // One was read, and no more.
            Framing::Datagrams => (!bytes.is_empty()).then(|| (bytes.to_vec(), bytes.len())),
            Framing::Streams => {
                let (text, len, ended) = inflated(bytes, true);
                ended.then_some((text, len))
            }
        }
    }
}

/// The length of the JSON object that begins here, if it ends here too.
#[track_caller]
fn value_len(bytes: &[u8]) -> Option<usize> {
    assert_eq!(*bytes.first()?, b'{', "{}", String::from_utf8_lossy(bytes));
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index + 1);
        }
    }
    None
}

/// The first byte of a WebSocket frame, its content, and the length of the whole.
fn message(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (len, head) = match *bytes.get(1)? {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        len => (usize::from(len), 2),
    };
    Some((bytes[0], bytes.get(head..head + len)?, head + len))
}

fn deflated(bytes: &[u8], zlib: bool, flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(INFLATED_BYTES_MAX);
    let status = Compress::new(Compression::default(), zlib).compress_vec(bytes, &mut out, flush);
    assert_ne!(status.expect("compressed"), Status::BufError);
    out
}

/// What the bytes inflate to, how many of them were used, and whether the stream ended there.
#[track_caller]
fn inflated(bytes: &[u8], zlib: bool) -> (Vec<u8>, usize, bool) {
    let mut out = Vec::with_capacity(INFLATED_BYTES_MAX);
    let mut stream = Decompress::new(zlib);
    let status = stream.decompress_vec(bytes, &mut out, FlushDecompress::Sync).expect("a stream");
    assert!(out.len() < INFLATED_BYTES_MAX);
    (out, stream.total_in() as usize, status == Status::StreamEnd)
}
