//! Messages as frames in a stream: every TCP door but WebSocket.

use std::fmt;
use std::io::{ErrorKind, Read, Write};

use super::{
    Broken, JSON_DEPTH_MAX, MESSAGE_BYTES_MAX, OUTBOX_BYTES_MAX, READ_BYTES, READS_MAX, Stream,
    TURN_BYTES_MAX,
};
use crate::client::url::{Door, Url};
use crate::rpc::framing::{
    Compression, Decoded, Fault, Framing, JsonStream, LengthPrefix, Lines, Packages, length_prefix,
    zlib,
};

/// Makes a frame of what a buffer holds from here on.
type Frame = fn(&mut Vec<u8>, usize);

/// A stream that carries frames.
pub(in crate::client) struct Framed {
    stream: Stream,
    framing: Box<dyn Framing + Send>,
    frame: Frame,
    /// What is read into, kept so that it is cleared only once.
    scratch: Box<[u8]>,
    /// What has come and is not told of yet: one frame at most, and what one read gives.
    inbox: Vec<u8>,
    /// Whether there are whole frames in it, since one turn had enough of them.
    has_frames: bool,
    outbox: Vec<u8>,
    /// What of the outbox is sent already.
    sent: usize,
}

impl fmt::Debug for Framed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framed").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Framed {
    /// Frames as the door of this URL has them.
    pub(in crate::client) fn new(stream: Stream, url: &Url) -> Framed {
        let (framing, frame): (Box<dyn Framing + Send>, Frame) = match url.door {
            Door::Accounts => {
                (Box::new(LengthPrefix::new(MESSAGE_BYTES_MAX)), length_prefix::frame)
            }
            Door::ChatMaster => {
                let packages =
                    Packages::new(MESSAGE_BYTES_MAX, JSON_DEPTH_MAX, Compression::Always);
                (Box::new(packages), if url.zlib { zlib::frame } else { |_, _| {} })
            }
            Door::JsonRpc => {
                (Box::new(JsonStream::new(MESSAGE_BYTES_MAX, JSON_DEPTH_MAX)), |_, _| {})
            }
            Door::Ndjson | Door::WebSocket | Door::Udp => {
                (Box::new(Lines::new(MESSAGE_BYTES_MAX)), |out, _| out.push(b'\n'))
            }
        };
        Framed {
            stream,
            framing,
            frame,
            scratch: vec![0; READ_BYTES].into(),
            inbox: Vec::new(),
            has_frames: false,
            outbox: Vec::new(),
            sent: 0,
        }
    }

    pub(super) fn send(&mut self, message: Vec<u8>) -> Result<(), Broken> {
        if self.sent > READ_BYTES {
            self.outbox.drain(..self.sent);
            self.sent = 0;
        }
        let start = self.outbox.len();
        self.outbox.extend_from_slice(&message);
        (self.frame)(&mut self.outbox, start);
        if self.outbox.len() - self.sent > OUTBOX_BYTES_MAX {
            return Err(Broken::Nonsense("the server takes nothing".into()));
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<bool, Broken> {
        while self.sent < self.outbox.len() {
            match self.stream.write(&self.outbox[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.outbox.clear();
        self.outbox.shrink_to(READ_BYTES);
        self.sent = 0;
        match self.stream.flush() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn read(&mut self, hear: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        let mut share = TURN_BYTES_MAX;
        if self.has_frames {
            self.decode(&mut share, hear)?;
        }
        for _ in 0..READS_MAX {
            if self.has_frames {
                return Ok(true);
            }
            match self.stream.read(&mut self.scratch) {
                Ok(0) => return Err(Broken::Closed(String::new())),
                Ok(count) => {
                    self.inbox.extend_from_slice(self.scratch.get(..count).unwrap_or_default());
                    self.decode(&mut share, hear)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.inbox.is_empty() {
                        self.inbox = Vec::new();
                    }
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Tells of every whole frame that has come, until the turn's share of bytes is used up: a few of
    /// them, compressed, may be a thousand times as many.
    fn decode(&mut self, share: &mut usize, hear: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        let mut at = 0;
        self.has_frames = false;
        let verdict = loop {
            if *share == 0 {
                self.has_frames = true;
                break Ok(());
            }
            match self.framing.decode(&mut self.inbox[at..]) {
                Decoded::Frame { frame, used } | Decoded::Binary { frame, used } => {
                    hear(frame);
                    *share = share.saturating_sub(frame.len());
                    at += used;
                }
                Decoded::Skip { used } | Decoded::Switch { used, .. } => at += used,
                Decoded::Incomplete => break Ok(()),
                Decoded::Reply { .. } => break Err(Fault::Protocol),
                Decoded::Fault { fault, .. } => break Err(fault),
            }
        };
        self.inbox.drain(..at);
        verdict.map_err(|fault| {
            let why = match fault {
                Fault::TooLong | Fault::BadLength => "a message is longer than any may be",
                Fault::Corrupt => "what came cannot be inflated",
                _ => "what came is no message of this door",
            };
            Broken::Nonsense(why.into())
        })
    }

    pub(super) fn close(&mut self) {
        self.stream.shut_down_sending();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    #[test]
    fn what_is_inflated_at_one_time_is_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let tcp = std::net::TcpStream::connect(address).expect("connected");
        tcp.set_nonblocking(true).expect("set");
        let same = tcp.try_clone().expect("a descriptor");
        let url = "chatmaster+zlib://h".parse().expect("a URL");
        let mut link = Framed::new(Stream::new(mio::net::TcpStream::from_std(tcp), None), &url);
        let (mut server, _) = listener.accept().expect("accepted");
        let mut package = format!("[\"{}\"]", "x".repeat(500_000)).into_bytes();
        zlib::frame(&mut package, 0);
        const PACKAGES: usize = 50;
        let packages = package.repeat(PACKAGES);
        server.write_all(&packages).expect("sent");
        // All of it is there before any of it is read.
        let mut there = vec![0; packages.len()];
        let until = Instant::now() + Duration::from_secs(20);
        while !same.peek(&mut there).is_ok_and(|count| count == packages.len()) {
            assert!(Instant::now() < until, "it does not come");
        }
        let (mut count, mut turns) = (0, 0);
        while count < PACKAGES {
            let mut bytes = 0;
            let more = link.read(&mut |message| {
                bytes += message.len();
                count += 1;
            });
            assert!(more.is_ok() && bytes <= 2 * MESSAGE_BYTES_MAX, "{bytes}");
            turns += usize::from(bytes > 0);
            // Of what is there nobody is told again.
            assert!(count >= PACKAGES || bytes == 0 || more.is_ok_and(|more| more));
        }
        assert!(turns > PACKAGES / 4, "{turns}");
    }
}
