//! Datagrams: receive, tell apart by sender, admit, dispatch, each socket up to its share of the turn.
//!
//! A datagram of a peer is a frame, whole. One that finds its peer not taking input (a deferred
//! answer is awaited, too many came this second, it is being closed) is dropped: who wants an answer
//! sends again. What is sent to peers is elsewhere (`datagram.rs`).

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::connection::{ConnId, Connection};
use super::datagram::{Bucket, DatagramLink};
use super::dispatch::Share;
use super::effects::{Effects, ServiceId};
use super::link::{Link, uninterrupted};
use super::listener::{BACK_OFF, is_passing};
use super::server::Server;
use super::service::Admission;

/// Datagrams that are taken from one socket in one turn.
const DATAGRAMS_SHARE: usize = 256;

/// Replies to strangers a second from one socket. They are no longer than what they reply to, but
/// might set another server to replying to them.
const REPLIES_PER_S: u32 = 1000;

/// Which part of all connections may be peers whose address is not confirmed: who forges addresses
/// makes many, and must not take everyone's place.
const UNCONFIRMED_PART: usize = 4;

/// How long a socket's errors go unmentioned after one was logged.
const COMPLAINT_EVERY: Duration = Duration::from_secs(60);

/// A socket, and the peers that share it.
pub(super) struct DatagramListener {
    socket: Rc<UdpSocket>,
    pub(super) address: SocketAddr,
    service: ServiceId,
    /// Strangers may become peers. Those that are peers stay when this ends.
    pub(super) is_open: bool,
    pub(super) peers: HashMap<SocketAddr, ConnId>,
    replies: Bucket,
    /// Not before this time, because receiving failed.
    pub(super) not_before: Option<Instant>,
    complained_at: Option<Instant>,
}

impl DatagramListener {
    pub(super) fn open(
        registry: &Registry,
        token: Token,
        address: SocketAddr,
        service: ServiceId,
    ) -> io::Result<DatagramListener> {
        let mut socket = UdpSocket::bind(address)?;
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(DatagramListener {
            address: socket.local_addr()?,
            socket: Rc::new(socket),
            service,
            is_open: true,
            peers: HashMap::new(),
            replies: Bucket::default(),
            not_before: None,
            complained_at: None,
        })
    }

    /// Opens again, for another service perhaps, if it was closed on this address.
    pub(super) fn reopen(&mut self, address: SocketAddr, service: ServiceId) -> bool {
        let reopens = !self.is_open && self.address == address;
        if reopens {
            self.is_open = true;
            self.service = service;
        }
        reopens
    }

    /// Whether it is closed and nobody uses its socket.
    pub(super) fn is_done(&self) -> bool {
        !self.is_open && self.peers.is_empty()
    }

    /// The next datagram's length and sender, or `None` when there is none now.
    fn receive(&mut self, now: Instant, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        // What others' ports answered comes as an error of this socket, each once.
        for _ in 0..DATAGRAMS_SHARE {
            match uninterrupted(|| self.socket.recv_from(buffer)) {
                Ok(received) => return Some(received),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if is_passing(&error) || is_of_a_peer(&error) => {}
                Err(error) => {
                    let silent_until = self.complained_at.map(|at| at + COMPLAINT_EVERY);
                    if silent_until.is_none_or(|until| until <= now) {
                        log::warn!("{}: cannot receive: {error}", self.address);
                        self.complained_at = Some(now);
                    }
                    self.not_before = Some(now + BACK_OFF);
                    return None;
                }
            }
        }
        self.not_before = Some(now + BACK_OFF);
        None
    }
}

/// Whether an error of receiving says something of a peer that something was sent to.
fn is_of_a_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
    )
}

impl<S: 'static> Server<S> {
    /// Serves the sockets that have datagrams, in turn. What is not reached stays in its socket.
    pub(super) fn serve_datagrams(&mut self, budget: &mut usize) {
        for _ in 0..self.fx.listeners.ready.len() {
            if *budget == 0 || self.fx.transport.full {
                return;
            }
            let Some(key) = self.fx.listeners.ready.pop_front() else { return };
            if self.serve_socket(key, budget) {
                self.fx.listeners.ready.push_back(key);
            }
        }
    }

    /// Serves one socket for its share; gives whether there may be more for another turn.
    fn serve_socket(&mut self, key: usize, budget: &mut usize) -> bool {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut share = Share::new();
        let mut left = DATAGRAMS_SHARE;
        let more = loop {
            let now = self.fx.transport.now;
            let Some(listener) = self.fx.listeners.datagrams_mut(key) else { break false };
            let waits = listener.not_before.is_some_and(|time| now < time);
            if waits || left == 0 || *budget == 0 || share.is_over() {
                break true;
            }
            listener.not_before = None;
            let Some((count, from)) = listener.receive(now, &mut scratch) else {
                break listener.not_before.is_some();
            };
            left -= 1;
            // The least that a datagram costs is not its bytes.
            *budget = budget.saturating_sub(count.max(64));
            if self.take_datagram(key, from, &scratch[..count]) {
                break true;
            }
        };
        self.scratch = scratch;
        more
    }

    /// Serves a datagram. Gives whether its sender, or the turn, has had so much that what comes
    /// after it has to wait.
    fn take_datagram(&mut self, key: usize, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(listener) = self.fx.listeners.datagrams_mut(key) else { return false };
        let (open, service) = (listener.is_open, listener.service);
        let known = listener.peers.get(&from).copied();
        let id = match known {
            Some(id) => Some(id),
            None if open && !datagram.is_empty() => self.meet(key, service, from, datagram),
            None => None,
        };
        let Some(id) = id else { return self.fx.transport.full };
        let now = self.fx.transport.now;
        let Some(connection) = self.fx.transport.get_mut(id) else { return false };
        let Link::Datagram(link) = &mut connection.link else { return false };
        let may = link.hear(now, datagram.len(), &connection.limits);
        if may && connection.takes_input() && !datagram.is_empty() {
            let service = Rc::clone(&self.fx.services[connection.service as usize]);
            self.frames_bytes += datagram.len();
            service.frame(&mut self.state, &mut self.fx, id, datagram);
        }
        self.fx.transport.share_is_used(id.slot)
    }

    /// Asks the service about a stranger's datagram; gives the connection that it has become.
    fn meet(
        &mut self,
        key: usize,
        service: ServiceId,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<ConnId> {
        let handler = Rc::clone(&self.fx.services[service.0 as usize]);
        let mut reply = Vec::new();
        let admission = handler.stranger(&mut self.state, &mut self.fx, from, datagram, &mut reply);
        let Some(admission) = admission else {
            if !reply.is_empty() && reply.len() <= datagram.len() {
                self.fx.reply_to_stranger(key, from, &reply);
            }
            return None;
        };
        let id = self.fx.admit_peer(key, service, from, admission)?;
        handler.opened(&mut self.state, &mut self.fx, id);
        Some(id)
    }
}

impl<S: 'static> Effects<S> {
    /// Sends a datagram to somebody who is no peer, unless that happens too often.
    fn reply_to_stranger(&mut self, key: usize, to: SocketAddr, reply: &[u8]) {
        let now = self.transport.now;
        if let Some(listener) = self.listeners.datagrams_mut(key)
            && listener.replies.take(now, REPLIES_PER_S)
        {
            // Whoever wants it asks again.
            let _ = uninterrupted(|| listener.socket.send_to(reply, to));
        }
    }

    /// Makes a connection of a stranger, unless there are too many.
    fn admit_peer(
        &mut self,
        key: usize,
        service: ServiceId,
        peer: SocketAddr,
        admission: Admission,
    ) -> Option<ConnId> {
        let Effects { transport, listeners, .. } = self;
        let limits = Rc::clone(&transport.limits);
        let unconfirmed_max = limits.connections / UNCONFIRMED_PART;
        if transport.connections.len() >= limits.connections
            || !admission.confirmed && transport.unconfirmed >= unconfirmed_max
            || !listeners.new_peers.take(transport.now, limits.new_peers_per_s)
        {
            log::debug!("{peer}: refused, too many connections or new peers");
            return None;
        }
        // The service may have closed it just now.
        let listener = listeners.datagrams_mut(key).filter(|listener| listener.is_open)?;
        let socket = Rc::clone(&listener.socket);
        let link = DatagramLink::new(socket, key, peer, &limits, admission, transport.now);
        let serial = transport.next_serial();
        let entry = transport.connections.vacant_entry();
        let id = ConnId { slot: entry.key() as u32, serial };
        let link = Link::Datagram(Box::new(link));
        entry.insert(Connection::new(link, serial, service.0, peer, None, limits));
        listener.peers.insert(peer, id);
        transport.unconfirmed += usize::from(!admission.confirmed);
        transport.time_silence(id);
        log::debug!("{id} {peer}: admitted");
        Some(id)
    }
}
