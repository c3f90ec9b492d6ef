//! What stands behind a listener.

use std::net::SocketAddr;
use std::time::Duration;

use super::connection::{ConnId, End};
use super::effects::Effects;
use super::framing::{Fault, Framing, Switch};

/// What is known of a connection when it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The peer's address.
    pub peer: SocketAddr,
    /// The address that the peer connected to.
    pub local: SocketAddr,
    /// Whether it is encrypted.
    pub secure: bool,
}

impl Accepted {
    /// For trying out a framing without a server.
    pub fn new(peer: SocketAddr, local: SocketAddr, secure: bool) -> Accepted {
        Accepted { peer, local, secure }
    }
}

/// How a stranger whose datagram is welcome becomes a connection: see [`Service::stranger`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Whether the sender's address is known to be its own. If not, it is sent at most three times
    /// the bytes that came from it, until [`Effects::confirm`]; and such peers are a quarter of all
    /// connections at most.
    pub confirmed: bool,
    /// The connection ends when nothing came from it for so long. [`Effects::set_patience`] changes it.
    pub patience: Duration,
}

/// A wire protocol: how its connections' bytes are cut, and what their frames do.
///
/// The server calls these one at a time, from the loop's own thread. None of them may block. What
/// they ask of [`Effects`] takes hold at the end of the turn. One value serves all connections of
/// its listeners: what belongs to one connection goes into the state `S`, under its [`ConnId`].
///
/// [`JsonRpc`](super::JsonRpc) is the one that comes with this module.
pub trait Service<S> {
    /// The framing for a new connection. Not asked for a datagram peer, whose datagrams are frames.
    fn framing(&self, state: &S, accepted: &Accepted) -> Box<dyn Framing>;

    /// A connection was accepted. (Its opening handshake, if the framing or TLS has one, is still to
    /// come; what is sent now waits for the latter, not for the former.)
    fn opened(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId) {
        let _ = (state, fx, conn);
    }

    /// A datagram came from `from`, which is no connection, at a listener that
    /// [`Effects::listen_datagrams`] opened.
    ///
    /// `None` admits nobody: what is in `reply` then goes back as one datagram, as it is, unless it
    /// is longer than the one that came (the sender's address may be somebody else's). With `Some`
    /// the sender becomes a connection: [`opened`](Self::opened) is called, then
    /// [`frame`](Self::frame) with this same datagram, and `reply` is not sent. Not so while there
    /// are too many connections or new peers ([`Limits`](super::Limits)): so nothing that needs a
    /// connection to undo it should be done here.
    ///
    /// A reply must not be such that this method, shown it, would reply to that: else two servers can
    /// be set to talking to each other without end. (Replies of a listener are bounded besides.)
    fn stranger(
        &self,
        state: &mut S,
        fx: &mut Effects<S>,
        from: SocketAddr,
        datagram: &[u8],
        reply: &mut Vec<u8>,
    ) -> Option<Admission> {
        let _ = (state, fx, from, datagram, reply);
        None
    }

    /// A whole frame arrived; from a datagram peer a datagram, however long.
    fn frame(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, frame: &[u8]);

    /// A whole frame arrived that the framing marks as something else than text. Framings that
    /// know no such mark never do so.
    fn binary(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, frame: &[u8]) {
        self.frame(state, fx, conn, frame);
    }

    /// The stream goes on in another way: an opening handshake has ended, or the peer has begun to
    /// compress.
    fn switched(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, switch: Switch) {
        let _ = (state, fx, conn, switch);
    }

    /// The peer broke a rule of the framing. If the fault is fatal, the connection closes when this
    /// returns: what is sent here is the last the peer gets.
    fn fault(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, fault: Fault);

    /// A connection ended, for whatever reason; told once. It is in no group any more. After
    /// [`End::Input`] answers can still be sent to it.
    fn closed(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, end: &End) {
        let _ = (state, fx, conn, end);
    }

    /// The server is about to stop: the last chance to say so to its connections. Told once, before
    /// any of them is closed.
    fn stopping(&self, state: &mut S, fx: &mut Effects<S>) {
        let _ = (state, fx);
    }
}
