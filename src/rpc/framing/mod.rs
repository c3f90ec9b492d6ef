//! Framings: how a byte stream is cut into frames.
//!
//! A framing is a small state machine, one per connection. It is shown all the bytes that are not
//! yet consumed and says what stands at their start. It never keeps input of its own: what is
//! incomplete stays with the connection's inbox and is shown again, at the same place, together
//! with what came after it. So a framing remembers how far it has looked and never looks twice.
//! (What it inflates or joins from fragments is its own, and bounded.)

mod http_guard;
mod json_stream;
pub mod length_prefix;
mod lines;
pub(in crate::rpc) mod scan;
#[cfg(feature = "websocket")]
pub mod websocket;
#[cfg(feature = "zlib")]
pub mod zlib;

pub use http_guard::{FirstLine, HttpGuard};
pub use json_stream::JsonStream;
pub use length_prefix::LengthPrefix;
pub use lines::Lines;
#[cfg(feature = "websocket")]
pub use websocket::{WebSocket, WebSocketOptions};
#[cfg(feature = "zlib")]
pub use zlib::{Compression, Packages};

use std::time::Duration;

/// Cuts one connection's byte stream into frames.
pub trait Framing {
    /// Says what stands at the start of `input`.
    ///
    /// `input` holds every byte that has arrived and was not consumed. After
    /// [`Decoded::Incomplete`] the same bytes are shown again, unchanged, with more behind them;
    /// after anything else `input` starts `used` bytes further on. `input` is lent for writing so
    /// that a framing can unmask or join in place.
    ///
    /// Work is bounded by the bytes shown, whatever a length field claims.
    fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a>;

    /// Says what is wrong with the bytes that are left, incomplete, when the input has ended.
    /// `None` where a frame merely broke off: its sender has gone and awaits nothing.
    fn end(&mut self, rest: &[u8]) -> Option<Fault> {
        let _ = rest;
        None
    }

    /// Whether it carries frames: false while an opening handshake is under way, which
    /// [`Limits::handshake`](super::Limits::handshake) bounds. It ends with [`Decoded::Switch`].
    fn is_open(&self) -> bool {
        true
    }

    /// Whether it holds part of a frame of which the inbox may hold nothing. (How long that may be so,
    /// [`Limits::frame`](super::Limits::frame) says.)
    fn holds_part(&self) -> bool {
        false
    }

    /// How the peer is probed, if this framing has a way to. Asked when frames begin to be carried.
    fn keepalive(&self) -> Option<Keepalive> {
        None
    }

    /// Appends what the framing says to its peer before the connection is closed from this side.
    fn farewell(&mut self, why: Farewell, out: &mut Vec<u8>) {
        let _ = (why, out);
    }

    /// How long the peer may take to answer the farewell; `None`: as long as
    /// [`Limits::linger`](super::Limits::linger) says.
    fn linger(&self) -> Option<Duration> {
        None
    }
}

/// A probe that a living peer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// How often it is sent. A peer from which nothing came between two probes is given up.
    pub every: Duration,
    /// The bytes to send.
    pub probe: &'static [u8],
}

/// Why a connection is closed from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The peer broke a rule of the framing.
    Fault(Fault),
    /// The service wants it closed.
    Service,
    /// Nothing came from the peer for too long.
    Silent,
    /// The peer did not finish a frame.
    Unfinished,
    /// The peer reads too slowly. Nothing of a frame has been sent in part when this is asked.
    Slow,
    /// The server stops.
    Stop,
}

/// What stands at the start of the bytes a framing was shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole frame. The next one starts `used` bytes on.
    Frame {
        /// The frame's content, without what delimits it.
        frame: &'a [u8],
        /// Bytes of input that are done with.
        used: usize,
    },
    /// A whole frame that the framing marks as something else than text.
    Binary {
        /// The frame's content, without what delimits it.
        frame: &'a [u8],
        /// Bytes of input that are done with.
        used: usize,
    },
    /// Something that the framing answers by itself.
    Reply {
        /// What to send back; perhaps nothing.
        reply: &'a [u8],
        /// Bytes of input that are done with; at least one unless the connection closes.
        used: usize,
        /// Whether that was all: the connection closes when the reply is out.
        closes: bool,
    },
    /// The stream goes on in another way: an opening handshake has ended, or the peer has begun to
    /// compress.
    Switch {
        /// The way.
        switch: Switch,
        /// What to send back before anything else; perhaps nothing.
        reply: &'a [u8],
        /// Bytes of input that are done with; perhaps none, but then not twice.
        used: usize,
    },
    /// Bytes that mean nothing (white space, an empty line): `used` of them are done with.
    Skip {
        /// Bytes of input that are done with; at least one.
        used: usize,
    },
    /// The bytes at hand (perhaps none) end before a frame does.
    Incomplete,
    /// The bytes break a rule of the framing.
    Fault {
        /// The rule.
        fault: Fault,
        /// Bytes of input that are done with; at least one unless the fault is fatal.
        used: usize,
    },
}

/// How a stream goes on: see [`Decoded::Switch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Switch {
    /// An HTTP connection has become a WebSocket (RFC 6455, 4.2).
    WebSocket {
        /// Which of the subprotocols on offer was agreed on: its index in the framing's list.
        protocol: Option<usize>,
        /// Whether messages to the peer may be compressed (RFC 7692).
        deflate: bool,
    },
    /// The peer has sent its first compressed package.
    Compressed,
}

/// A rule of a framing that the peer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes cannot begin a frame. They were skipped to a place where one may begin. Told to
    /// the service at most once a turn for one connection.
    Unframed,
    /// A frame that is nested deeper than allowed. It was skipped whole.
    TooDeep,
    /// A frame longer than allowed. The rest of the stream cannot be trusted.
    TooLong,
    /// An HTTP request where none belongs: a web page must not drive this service.
    Http,
    /// A length field that no frame can have.
    BadLength,
    /// Compressed bytes that cannot be inflated.
    Corrupt,
    /// Bytes that are not UTF-8 where the framing demands it.
    NotUtf8,
    /// A binary frame where only text is taken.
    Binary,
    /// Another rule of the framing.
    Protocol,
}

impl Fault {
    /// Whether the stream can no longer be trusted, so that the connection has to close.
    pub fn is_fatal(self) -> bool {
        match self {
            Fault::Unframed | Fault::TooDeep => false,
            Fault::TooLong
            | Fault::Http
            | Fault::BadLength
            | Fault::Corrupt
            | Fault::NotUtf8
            | Fault::Binary
            | Fault::Protocol => true,
        }
    }
}
