//! One peer: its link, its framing, what it sent and is owed, and how it ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::framing::{Farewell, Fault, Framing};
use super::group::Memberships;
use super::limits::Limits;
use super::link::Link;
use super::outbox::{Backlog, TurnList};

/// Names a connection for as long as it lives; afterwards it misses harmlessly.
///
/// A slot of the connection table plus a serial number that no other connection of this server had.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    pub(super) slot: u32,
    pub(super) serial: u32,
}

impl ConnId {
    /// The id as a number, for keeping it where this type is not known.
    pub fn to_bits(self) -> u64 {
        u64::from(self.serial) << 32 | u64::from(self.slot)
    }

    /// The id that [`to_bits`](ConnId::to_bits) gave.
    pub fn from_bits(bits: u64) -> ConnId {
        ConnId { slot: bits as u32, serial: (bits >> 32) as u32 }
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.serial)
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum End {
    /// The peer ended its input. Answers still under way are sent before the connection closes.
    Input,
    /// The framing closed it in good order: the peer said goodbye, or got the one answer that it
    /// came for.
    Closed,
    /// The service closed it.
    Service,
    /// The peer broke a rule of the framing.
    Fault(Fault),
    /// The link failed, most often a reset by the peer.
    Link(io::Error),
    /// The peer read too slowly; bytes of unsent output when it was given up.
    Slow(usize),
    /// Nothing came from the peer within the time set by `Limits::silence`, between two probes, or
    /// within a datagram peer's patience.
    Silent,
    /// The opening handshake was not over within the time set by `Limits::handshake`.
    Handshake,
    /// A frame was not finished within the time set by `Limits::frame`.
    Unfinished,
    /// The server stops.
    Stop,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Input => f.write_str("end of input"),
            End::Closed => f.write_str("closed in good order"),
            End::Service => f.write_str("closed by the service"),
            End::Fault(fault) => write!(f, "framing fault: {fault:?}"),
            End::Link(error) => write!(f, "{error}"),
            End::Slow(bytes) => write!(f, "reads too slowly, {bytes} bytes unsent"),
            End::Silent => f.write_str("nothing heard for too long"),
            End::Handshake => f.write_str("the opening handshake took too long"),
            End::Unfinished => f.write_str("a frame was not finished for too long"),
            End::Stop => f.write_str("the server stops"),
        }
    }
}

impl End {
    /// What the framing is to say about it to the peer, if anything.
    pub(super) fn farewell(&self) -> Option<Farewell> {
        match self {
            End::Input | End::Closed | End::Link(_) | End::Handshake => None,
            End::Service => Some(Farewell::Service),
            End::Fault(fault) => Some(Farewell::Fault(*fault)),
            End::Slow(_) => Some(Farewell::Slow),
            End::Silent => Some(Farewell::Silent),
            End::Unfinished => Some(Farewell::Unfinished),
            End::Stop => Some(Farewell::Stop),
        }
    }
}

/// How far a connection's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Reading, dispatching, writing.
    Open,
    /// Input has ended; deferred answers and the outbox are still to go, then it closes.
    HalfClosed,
    /// Nothing more is accepted for sending; what is queued is flushed, then sending is shut down.
    Draining,
    /// Sending is shut down; input is discarded until the peer ends it too or time is up.
    /// (Closing with unread input would reset the connection and lose the last bytes sent.)
    Lingering,
    /// The link is finished; the slot is freed at the end of the turn.
    Gone,
}

/// What the transport knows of one peer.
pub(super) struct Connection {
    pub(super) link: Link,
    /// The bounds it was accepted under.
    pub(super) limits: Rc<Limits>,
    pub(super) serial: u32,
    /// Index of its service.
    pub(super) service: u16,
    /// Which of its service's forms it is sent: a number of the service's choosing.
    pub(super) form: u8,
    pub(super) stage: Stage,
    /// The read side may hold bytes: an edge was seen and not read to its end.
    pub(super) readable: bool,
    /// The peer has ended its side; the end is still to be read.
    pub(super) hung_up: bool,
    /// The end of input was read.
    pub(super) input_ended: bool,
    /// The inbox may hold whole frames: decoding stopped before it ran dry.
    pub(super) undecoded: bool,
    /// Something was received, ever.
    pub(super) heard: bool,
    /// A probe was sent and nothing has come since.
    pub(super) probed: bool,
    /// What the framing is still to say before sending is shut down.
    pub(super) farewell: Option<Farewell>,
    /// The kernel's send buffer was full; the next writable edge lifts this.
    pub(super) blocked: bool,
    /// More than the low mark is unsent: not read meanwhile.
    pub(super) paused: bool,
    /// A deadline for the soft limit is set.
    pub(super) soft_armed: bool,
    /// A deadline is set for the frame that is under way.
    pub(super) part_armed: bool,
    /// A frame was finished since that deadline was set.
    pub(super) framed: bool,
    /// A deadline is set for a peer that has ended its input and takes nothing of what it owes reading.
    pub(super) deaf_armed: bool,
    /// In the list of those to serve.
    pub(super) queued: bool,
    /// In the list of those to write to.
    pub(super) dirty: bool,
    /// The service was told of the end.
    pub(super) told: bool,
    /// The turn in which the last [`Fault::Unframed`] was told.
    pub(super) unframed_turn: u32,
    /// Open tickets.
    pub(super) tickets: u32,
    /// Open tickets that keep the input waiting.
    pub(super) holds: u32,
    /// None while it is lent for decoding, and for a datagram peer: a datagram is a frame.
    pub(super) framing: Option<Box<dyn Framing>>,
    pub(super) inbox: Vec<u8>,
    pub(super) turn: TurnList,
    /// Bytes of direct answers this turn.
    pub(super) answered_bytes: u32,
    pub(super) backlog: Option<Box<Backlog>>,
    pub(super) groups: Memberships,
    pub(super) peer: SocketAddr,
    /// A word of the application's.
    pub(super) session: u64,
    pub(super) end: Option<Box<End>>,
}

impl Connection {
    pub(super) fn new(
        link: Link,
        serial: u32,
        service: u16,
        peer: SocketAddr,
        framing: Option<Box<dyn Framing>>,
        limits: Rc<Limits>,
    ) -> Connection {
        Connection {
            link,
            limits,
            serial,
            service,
            form: 0,
            stage: Stage::Open,
            readable: false,
            hung_up: false,
            input_ended: false,
            undecoded: false,
            heard: false,
            probed: false,
            farewell: None,
            blocked: false,
            paused: false,
            soft_armed: false,
            part_armed: false,
            framed: false,
            deaf_armed: false,
            queued: false,
            dirty: false,
            told: false,
            unframed_turn: 0,
            tickets: 0,
            holds: 0,
            framing,
            inbox: Vec::new(),
            turn: TurnList::EMPTY,
            answered_bytes: 0,
            backlog: None,
            groups: Memberships::default(),
            peer,
            session: 0,
            end: None,
        }
    }

    /// Whether its input is to be read and decoded now.
    pub(super) fn takes_input(&self) -> bool {
        self.stage == Stage::Open && self.holds == 0 && !self.paused
    }

    /// Whether there may be input to work on.
    pub(super) fn may_have_input(&self) -> bool {
        self.readable || self.undecoded || self.input_ended
    }

    /// Whether part of a frame is here, and the rest is still to come.
    pub(super) fn awaits_rest(&self) -> bool {
        let is_under_way = |framing: &dyn Framing| {
            framing.is_open() && (!self.inbox.is_empty() || framing.holds_part())
        };
        !self.undecoded && self.framing.as_deref().is_some_and(is_under_way)
    }

    /// Whether output for it is still accepted.
    pub(super) fn takes_output(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::HalfClosed)
    }

    /// Whether all that was queued for it has been given to the kernel.
    #[inline]
    pub(super) fn is_flushed(&self) -> bool {
        self.turn.is_empty() && self.backlog.is_none() && !self.link.holds_output()
    }

    /// Whether the opening handshakes, of TLS and of the framing, are over.
    pub(super) fn is_established(&self) -> bool {
        self.link.is_established() && self.framing.as_ref().is_none_or(|framing| framing.is_open())
    }
}
