//! Framings: how a byte stream is cut into frames.
//!
//! A framing is a small state machine, one per connection. It is shown all the bytes that are not
//! yet consumed and says what stands at their start. It never keeps input of its own: what is
//! incomplete stays with the connection's inbox and is shown again, at the same place, together
//! with what came after it. So a framing remembers how far it has looked and never looks twice.

mod http_guard;
mod json_stream;
mod lines;
pub(in crate::rpc) mod scan;

pub use http_guard::{FirstLine, HttpGuard};
pub use json_stream::JsonStream;
pub use lines::Lines;

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
}

impl Fault {
    /// Whether the stream can no longer be trusted, so that the connection has to close.
    pub fn is_fatal(self) -> bool {
        match self {
            Fault::Unframed | Fault::TooDeep => false,
            Fault::TooLong | Fault::Http => true,
        }
    }
}
