//! Listeners: bind, accept, and back off when descriptors run out.

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use slab::Slab;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::Error;
use super::effects::ServiceId;
use super::link::Link;
#[cfg(feature = "tls")]
use super::tls::Tls;

/// Tokens from here on are listeners'; below are connections' slots.
pub(super) const FIRST_TOKEN: usize = 1 << 32;

/// How many connections one listener accepts in a turn before the others get theirs.
const ACCEPT_SHARE: usize = 256;

/// How long a listener waits when the system has no descriptors or memory for one more connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Names a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(usize);

struct Listener {
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
}

impl Listeners {
    pub(super) fn open(
        &mut self,
        registry: &Registry,
        address: impl ToSocketAddrs + std::fmt::Debug,
        service: ServiceId,
    ) -> Result<ListenerId, Error> {
        let named = || format!("{address:?}").trim_matches('"').to_string();
        let candidates =
            address.to_socket_addrs().map_err(|error| Error::Address(named(), error))?;
        let mut last = Error::Address(named(), ErrorKind::NotFound.into());
        for candidate in candidates {
            match bind(candidate) {
                Ok(socket) => return self.add(registry, socket, candidate, service),
                Err(error) => last = Error::Listen(candidate, error),
            }
        }
        Err(last)
    }

    fn add(
        &mut self,
        registry: &Registry,
        mut socket: TcpListener,
        asked: SocketAddr,
        service: ServiceId,
    ) -> Result<ListenerId, Error> {
        let address = socket.local_addr().map_err(|error| Error::Listen(asked, error))?;
        let entry = self.slab.vacant_entry();
        let key = entry.key();
        registry
            .register(&mut socket, Token(FIRST_TOKEN + key), Interest::READABLE)
            .map_err(|error| Error::Listen(asked, error))?;
        entry.insert(Listener {
            socket,
            address,
            service,
            #[cfg(feature = "tls")]
            tls: None,
            ready: false,
            not_before: None,
            complained: false,
        });
        Ok(ListenerId(key))
    }

    /// Has a listener speak TLS from now on, or no longer.
    #[cfg(feature = "tls")]
    pub(super) fn set_tls(&mut self, id: ListenerId, tls: Option<Tls>) {
        if let Some(listener) = self.slab.get_mut(id.0) {
            listener.tls = tls;
        }
    }

    pub(super) fn close(&mut self, id: ListenerId) {
        self.slab.try_remove(id.0);
    }

    pub(super) fn close_all(&mut self) {
        self.slab.clear();
    }

    pub(super) fn addr(&self, id: ListenerId) -> Option<SocketAddr> {
        self.slab.get(id.0).map(|listener| listener.address)
    }

    /// The listener behind `token` has connections to accept.
    pub(super) fn mark_ready(&mut self, token: Token) {
        if let Some(listener) = self.slab.get_mut(token.0 - FIRST_TOKEN) {
            listener.ready = true;
        }
    }

    /// When to accept next without being told: at once where a share ended early, later where a
    /// listener backs off.
    pub(super) fn next_attempt(&self, now: Instant) -> Option<Instant> {
        let ready = self.slab.iter().filter(|(_, listener)| listener.ready);
        ready.map(|(_, listener)| listener.not_before.unwrap_or(now)).min()
    }

    /// Accepts this turn's share of connections from every listener that has some.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        mut each: impl FnMut(Link, SocketAddr, ServiceId),
    ) {
        for (_, listener) in &mut self.slab {
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

impl Listener {
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

impl Listener {
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

fn is_passing(error: &io::Error) -> bool {
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
