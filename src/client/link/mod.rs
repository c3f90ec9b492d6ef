//! A door's link: whole messages over bytes. What they mean is the talk's.

mod datagrams;
mod framed;
mod stream;
mod websocket;

use std::fmt;
use std::io;
use std::time::Instant;

pub(super) use datagrams::Datagrams;
pub(super) use framed::Framed;
pub(super) use stream::Stream;
pub(super) use websocket::{Opening, WebSocket};

/// A message from the server has at most so many bytes, whatever the door.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Nesting that a message from the server may have.
const JSON_DEPTH_MAX: u16 = 64;

/// Bytes that are read at one time.
const READ_BYTES: usize = 64 * 1024;

/// Reads in one turn at most, so that whoever calls gets a turn too.
const READS_MAX: usize = 16;

/// Bytes of messages that are told of in one turn at most, and one message more.
const TURN_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// What is owed to the server at most; a server that takes nothing is of no use.
const OUTBOX_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An open way to a server.
#[derive(Debug)]
pub(super) enum Link {
    /// Frames over a stream.
    Framed(Framed),
    /// WebSocket messages.
    WebSocket(Box<WebSocket>),
    /// Datagrams.
    Datagrams(Box<Datagrams>),
}

/// Why a link is of no use.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server has closed it, in these words if it said any.
    Closed(String),
    /// The socket failed.
    Io(io::Error),
    /// What came is not what this door says.
    Nonsense(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Closed(words) if words.is_empty() => f.write_str("the connection was closed"),
            Broken::Closed(words) => {
                write!(f, "the connection was closed: {}", words.escape_debug())
            }
            Broken::Io(error) => error.fmt(f),
            Broken::Nonsense(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Io(error)
    }
}

impl Link {
    /// Puts a message behind those that are still to be sent.
    pub(super) fn send(&mut self, message: Vec<u8>, now: Instant) -> Result<(), Broken> {
        match self {
            Link::Framed(link) => link.send(message),
            Link::WebSocket(link) => link.send(message),
            Link::Datagrams(link) => link.send(message, now),
        }
    }

    /// Sends as much as the socket takes, and again what is due to be. Says whether that was all.
    pub(super) fn flush(&mut self, now: Instant) -> Result<bool, Broken> {
        match self {
            Link::Framed(link) => link.flush(),
            Link::WebSocket(link) => link.flush(),
            Link::Datagrams(link) => link.flush(now),
        }
    }

    /// Reads what there is, and tells of each whole message. Says whether there may be more at once.
    pub(super) fn read(&mut self, hear: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        match self {
            Link::Framed(link) => link.read(hear),
            Link::WebSocket(link) => link.read(hear),
            Link::Datagrams(link) => link.read(hear),
        }
    }

    /// Says goodbye; what was sent before still arrives. Then one reads until the link is broken.
    pub(super) fn close(&mut self) {
        match self {
            Link::Framed(link) => link.close(),
            Link::WebSocket(link) => link.close(),
            Link::Datagrams(link) => link.close(),
        }
    }

    /// Whether something was sent as often as may be, and not answered.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self, Link::Datagrams(link) if link.is_given_up())
    }

    /// When there is something to send again.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        match self {
            Link::Framed(_) | Link::WebSocket(_) => None,
            Link::Datagrams(link) => link.wake_at(),
        }
    }
}
