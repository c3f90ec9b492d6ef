//! What stands behind a listener.

use std::net::SocketAddr;

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

/// A wire protocol: how its connections' bytes are cut, and what their frames do.
///
/// The server calls these one at a time, from the loop's own thread. None of them may block. What
/// they ask of [`Effects`] takes hold at the end of the turn. One value serves all connections of
/// its listeners: what belongs to one connection goes into the state `S`, under its [`ConnId`].
///
/// [`JsonRpc`](super::JsonRpc) is the one that comes with this module.
pub trait Service<S> {
    /// The framing for a new connection.
    fn framing(&self, state: &S, accepted: &Accepted) -> Box<dyn Framing>;

    /// A connection was accepted. (Its opening handshake, if the framing or TLS has one, is still to
    /// come; what is sent now waits for the latter, not for the former.)
    fn opened(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId) {
        let _ = (state, fx, conn);
    }

    /// A whole frame arrived.
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
