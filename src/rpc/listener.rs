//! Listeners: bind, accept, and back off when descriptors run out. What comes to those of datagrams
//! is received elsewhere (`receive.rs`).

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use slab::Slab;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::Error;
use super::datagram::Bucket;
use super::effects::ServiceId;
use super::link::Link;
use super::receive::DatagramListener;
#[cfg(feature = "tls")]
use super::tls::Tls;

/// Tokens from here on are listeners'; below are connections' slots.
pub(super) const FIRST_TOKEN: usize = 1 << 32;

/// How many connections one listener accepts in a turn before the others get theirs.
const ACCEPT_SHARE: usize = 256;

/// How long a listener waits when the system has no descriptors or memory for one more connection.
pub(super) const BACK_OFF: Duration = Duration::from_millis(100);

/// Names a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(usize);

enum Listener {
    Stream(StreamListener),
    Datagrams(DatagramListener),
}

struct StreamListener {
    socket: TcpListener,
    address: SocketAddr,
    service: ServiceId,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    /// There may be connections to accept. Edge-triggered: true until accepting would block.
    ready: bool,
    /// Not before this time, because descriptors ran out.
    not_before: Option<Instant>,
    /// The shortage was logged; not again until an accept succeeds.
    complained: bool,
}

/// All listeners of a server.
#[derive(Default)]
pub(super) struct Listeners {
    slab: Slab<Listener>,
    /// Those of datagrams that may have some, in turn.
    pub(super) ready: VecDeque<usize>,
    /// How many strangers may still become peers.
    pub(super) new_peers: Bucket,
}

impl Listeners {
    pub(super) fn open(
        &mut self,
        registry: &Registry,
        address: impl ToSocketAddrs + std::fmt::Debug,
        service: ServiceId,
    ) -> Result<ListenerId, Error> {
        first_of(address, |candidate| {
            let mut socket = bind(candidate)?;
            let address = socket.local_addr()?;
            let entry = self.slab.vacant_entry();
            let key = entry.key();
            registry.register(&mut socket, Token(FIRST_TOKEN + key), Interest::READABLE)?;
            entry.insert(Listener::Stream(StreamListener {
                socket,
                address,
                service,
                #[cfg(feature = "tls")]
                tls: None,
                ready: false,
                not_before: None,
                complained: false,
            }));
            Ok(ListenerId(key))
        })
    }

    /// As [`open`](Self::open), for datagrams. One that was closed and still has peers opens again.
    pub(super) fn open_datagrams(
        &mut self,
        registry: &Registry,
        address: impl ToSocketAddrs + std::fmt::Debug,
        service: ServiceId,
    ) -> Result<ListenerId, Error> {
        first_of(address, |candidate| {
            for (key, listener) in &mut self.slab {
                if let Listener::Datagrams(listener) = listener
                    && listener.reopen(candidate, service)
                {
                    return Ok(ListenerId(key));
                }
            }
            let entry = self.slab.vacant_entry();
            let key = entry.key();
            let token = Token(FIRST_TOKEN + key);
            let listener = DatagramListener::open(registry, token, candidate, service)?;
            entry.insert(Listener::Datagrams(listener));
            Ok(ListenerId(key))
        })
    }

    /// Has a listener speak TLS from now on, or no longer.
    #[cfg(feature = "tls")]
    pub(super) fn set_tls(&mut self, id: ListenerId, tls: Option<Tls>) {
        if let Some(Listener::Stream(listener)) = self.slab.get_mut(id.0) {
            listener.tls = tls;
        }
    }

    pub(super) fn close(&mut self, id: ListenerId) {
        match self.slab.get_mut(id.0) {
            Some(Listener::Datagrams(listener)) => listener.is_open = false,
            Some(Listener::Stream(_)) => {
                self.slab.remove(id.0);
            }
            None => {}
        }
        self.remove_if_done(id.0);
    }

    pub(super) fn close_all(&mut self) {
        for key in self.slab.iter().map(|(key, _)| key).collect::<Vec<_>>() {
            self.close(ListenerId(key));
        }
    }

    pub(super) fn addr(&self, id: ListenerId) -> Option<SocketAddr> {
        match self.slab.get(id.0)? {
            Listener::Stream(listener) => Some(listener.address),
            Listener::Datagrams(listener) => listener.is_open.then_some(listener.address),
        }
    }

    /// The listener of datagrams with this key.
    pub(super) fn datagrams_mut(&mut self, key: usize) -> Option<&mut DatagramListener> {
        match self.slab.get_mut(key)? {
            Listener::Datagrams(listener) => Some(listener),
            Listener::Stream(_) => None,
        }
    }

    /// A datagram peer's connection is gone: who sends from its address is a stranger.
    pub(super) fn forget_peer(&mut self, key: usize, peer: SocketAddr) {
        if let Some(listener) = self.datagrams_mut(key) {
            listener.peers.remove(&peer);
            self.remove_if_done(key);
        }
    }

    /// Lets go of a listener of datagrams that is closed and whose last peer has gone.
    fn remove_if_done(&mut self, key: usize) {
        if self.datagrams_mut(key).is_some_and(|listener| listener.is_done()) {
            self.slab.remove(key);
            self.ready.retain(|ready| *ready != key);
        }
    }

    /// The listener behind `token` has connections to accept, or datagrams.
    pub(super) fn mark_ready(&mut self, token: Token) {
        let key = token.0 - FIRST_TOKEN;
        match self.slab.get_mut(key) {
            Some(Listener::Stream(listener)) => listener.ready = true,
            Some(Listener::Datagrams(_)) if self.ready.contains(&key) => {}
            Some(Listener::Datagrams(_)) => self.ready.push_back(key),
            None => {}
        }
    }

    /// When to accept or receive next without being told: at once where a share ended early, later
    /// where a listener backs off.
    pub(super) fn next_attempt(&self, now: Instant) -> Option<Instant> {
        let ready = self.slab.iter().filter_map(|(key, listener)| match listener {
            Listener::Stream(listener) => listener.ready.then_some(listener.not_before),
            Listener::Datagrams(listener) => {
                self.ready.contains(&key).then_some(listener.not_before)
            }
        });
        ready.map(|not_before| not_before.unwrap_or(now)).min()
    }

    /// Accepts this turn's share of connections from every listener that has some.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        mut each: impl FnMut(Link, SocketAddr, ServiceId),
    ) {
        for (_, listener) in &mut self.slab {
            let Listener::Stream(listener) = listener else { continue };
            if !listener.ready || listener.not_before.is_some_and(|time| now < time) {
                continue;
            }
            listener.not_before = None;
            for _ in 0..ACCEPT_SHARE {
                match listener.accept(now) {
                    Some((stream, peer)) => match listener.link(stream) {
                        Ok(link) => each(link, peer, listener.service),
                        Err(error) => log::warn!("{peer}: cannot be served: {error}"),
                    },
                    None => break,
                }
            }
        }
    }
}

/// Opens the first of the addresses that `address` names which can be opened.
fn first_of(
    address: impl ToSocketAddrs + std::fmt::Debug,
    mut open: impl FnMut(SocketAddr) -> io::Result<ListenerId>,
) -> Result<ListenerId, Error> {
    let named = || format!("{address:?}").trim_matches('"').to_string();
    let candidates = address.to_socket_addrs().map_err(|error| Error::Address(named(), error))?;
    let mut last = Error::Address(named(), ErrorKind::NotFound.into());
    for candidate in candidates {
        match open(candidate) {
            Ok(id) => return Ok(id),
            Err(error) => last = Error::Listen(candidate, error),
        }
    }
    Err(last)
}

impl StreamListener {
    /// The next connection, or `None` when there is none now.
    fn accept(&mut self, now: Instant) -> Option<(TcpStream, SocketAddr)> {
        loop {
            match self.socket.accept() {
                Ok(accepted) => {
                    self.complained = false;
                    return Some(accepted);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.ready = false;
                    return None;
                }
                // The peer has gone in the meantime, or a signal came.
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    if !self.complained {
                        log::warn!("{}: cannot accept: {error}", self.address);
                        self.complained = true;
                    }
                    self.not_before = Some(now + BACK_OFF);
                    return None;
                }
            }
        }
    }
}

impl StreamListener {
    #[cfg(feature = "tls")]
    fn link(&self, stream: TcpStream) -> io::Result<Link> {
        match &self.tls {
            Some(tls) => Ok(Link::Tls(Box::new(tls.accept(stream)?))),
            None => Ok(Link::Tcp(stream)),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn link(&self, stream: TcpStream) -> io::Result<Link> {
        Ok(Link::Tcp(stream))
    }
}

pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    set_keepalive(&socket)?;
    Ok(socket)
}

/// Probes idle peers, so that one that vanished without a word is noticed. Accepted connections
/// inherit the setting from their listener.
#[cfg(feature = "keepalive")]
fn set_keepalive(socket: &TcpListener) -> io::Result<()> {
    const IDLE: Duration = Duration::from_secs(60);
    let keepalive = socket2::TcpKeepalive::new().with_time(IDLE);
    socket2::SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

#[cfg(not(feature = "keepalive"))]
fn set_keepalive(_: &TcpListener) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, feature = "keepalive"))]
mod tests {
    use super::*;

    #[test]
    fn accepted_connections_inherit_the_keepalive() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // Connecting has returned, so there is a connection to accept.
        let (accepted, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let socket = socket2::SockRef::from(&accepted);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
    }
}
