//! Messages as frames in a stream: every TCP door but WebSocket.

use std::fmt;
use std::io::{ErrorKind, Read, Write};

use super::{
    Broken, JSON_DEPTH_MAX, MESSAGE_BYTES_MAX, OUTBOX_BYTES_MAX, READ_BYTES, READS_MAX, Stream,
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
    /// What has come and is no whole frame yet: one frame at most, and what one read gives.
    inbox: Vec<u8>,
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
        Framed { stream, framing, frame, inbox: Vec::new(), outbox: Vec::new(), sent: 0 }
    }

    pub(super) fn send(&mut self, message: Vec<u8>) -> Result<(), Broken> {
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
        for _ in 0..READS_MAX {
            let kept = self.inbox.len();
            self.inbox.resize(kept + READ_BYTES, 0);
            let read = self.stream.read(&mut self.inbox[kept..]);
            self.inbox.truncate(kept + read.as_ref().map_or(0, |count| *count));
            match read {
                Ok(0) => return Err(Broken::Closed(String::new())),
                Ok(_) => self.decode(hear)?,
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

    /// Tells of every whole frame that has come.
    fn decode(&mut self, hear: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        let mut at = 0;
        let verdict = loop {
            match self.framing.decode(&mut self.inbox[at..]) {
                Decoded::Frame { frame, used } | Decoded::Binary { frame, used } => {
                    hear(frame);
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
