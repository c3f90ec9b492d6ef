//! The bounds of the transport.

use std::time::Duration;

/// Bounds that hold for every connection of a server.
///
/// The output bounds are judged after a turn's write, on what the kernel did not take: its own
/// socket buffers come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, datagram peers among them; one more is closed as soon as it is accepted.
    pub connections: usize,
    /// Bytes of unsent output over which a connection's input waits.
    pub outbox_low_bytes: usize,
    /// Bytes of unsent output that a connection may owe for no longer than [`Self::outbox_soft`].
    pub outbox_soft_bytes: usize,
    /// How long a connection may be over [`Self::outbox_soft_bytes`].
    pub outbox_soft: Duration,
    /// Bytes of unsent output at which a connection is closed at once. A single longer answer, or
    /// what is sent to one connection in one go, is excused and counts under the soft limit.
    pub outbox_hard_bytes: usize,
    /// A connection from which nothing at all came for this long after connecting is closed.
    /// `None`: never. (A datagram peer has its [`patience`](super::Admission::patience) instead.)
    pub silence: Option<Duration>,
    /// How long an opening handshake may take: that of TLS, and that of a framing which has one.
    pub handshake: Duration,
    /// How long a frame may be under way once part of it is here, so that no peer makes the server keep
    /// half of one for ever. It is looked at once in that time, so it may become twice as long.
    pub frame: Duration,
    /// How long a closing connection's output may take.
    pub flush: Duration,
    /// How long input is discarded after the last output, so that closing does not reset the
    /// connection and lose it.
    pub linger: Duration,
    /// Bytes of the longest datagram that is sent to a peer; a longer frame is dropped.
    pub datagram_bytes: usize,
    /// Datagrams a second that are taken from one peer, and as many at once after a second of rest;
    /// those over it are dropped unseen.
    pub datagrams_per_s: u32,
    /// New datagram peers a second, of all listeners together, and as many at once after a second of
    /// rest; one over it is not answered.
    pub new_peers_per_s: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            outbox_low_bytes: 64 * 1024,
            outbox_soft_bytes: 256 * 1024,
            outbox_soft: Duration::from_secs(10),
            outbox_hard_bytes: 1024 * 1024,
            silence: Some(Duration::from_secs(60)),
            handshake: Duration::from_secs(10),
            frame: Duration::from_secs(60),
            flush: Duration::from_secs(5),
            linger: Duration::from_secs(2),
            datagram_bytes: 8 * 1024,
            datagrams_per_s: 1000,
            new_peers_per_s: 200,
        }
    }
}
