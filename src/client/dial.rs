//! From a URL to an open link: finding the host, connecting, and the handshakes of TLS and WebSocket, all
//! within one bounded time and without blocking.

use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Waker};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Instant;

use super::engine::SOCKET;
use super::error::ConnectError;
use super::link::{Datagrams, Framed, Link, Opening, Stream};
use super::options::Options;
use super::trust::Judge;
use super::udp::RetryPolicy;
use super::url::{Door, Url};

/// Addresses of one host that are tried at most.
const ADDRESSES_MAX: usize = 16;

/// A link on its way to being open.
pub(super) struct Dial {
    url: Url,
    retries: RetryPolicy,
    deadline: Instant,
    /// When the server behind the link that was handed over must have answered.
    patience: Instant,
    judge: Option<Arc<Judge>>,
    /// Addresses that were not tried yet.
    addresses: VecDeque<SocketAddr>,
    /// Why the last address was no good.
    failed: Option<io::Error>,
    /// Made ready at the start, so that it fails before anything is sent.
    tls: Option<ClientConnection>,
    stage: Stage,
}

enum Stage {
    /// Addresses are to come from here.
    Finding(Receiver<io::Result<Vec<SocketAddr>>>),
    /// There is nobody to wait for: the next address is to be tried.
    Next,
    /// This address has until then.
    Connecting(TcpStream, Instant),
    Tls(Stream),
    WebSocket(Opening),
    /// The link was handed over.
    Over,
}

impl Dial {
    /// Begins. `waker` is called when it can go on and the socket does not say so.
    ///
    /// # Errors
    /// The settings of TLS are no good.
    pub(super) fn new(
        url: &Url,
        options: &Options,
        waker: &Arc<Waker>,
        now: Instant,
    ) -> Result<Dial, ConnectError> {
        let (judge, tls) = match url.tls {
            true => {
                let (judge, session) = session(url, options)?;
                (Some(judge), Some(session))
            }
            false => (None, None),
        };
        let mut dial = Dial { judge, tls, ..Dial::to_nobody(url, options, now) };
        match url.host.parse::<IpAddr>() {
            Ok(address) => dial.addresses.push_back(SocketAddr::new(address, url.port)),
            Err(_) => dial.stage = Stage::Finding(find(url.host.clone(), url.port, waker)?),
        }
        Ok(dial)
    }

    /// When the server must have let one in.
    pub(super) fn patience(&self) -> Instant {
        self.patience
    }

    /// Whether there is another address to try when the server behind the link that was handed over
    /// does not let one in. Only datagrams need that: to be connected they need nobody.
    pub(super) fn has_more(&self) -> bool {
        self.url.door == Door::Udp && !self.addresses.is_empty()
    }

    /// One that is to hand over no link, since there is one already. The server's time to let one in
    /// begins.
    pub(super) fn to_nobody(url: &Url, options: &Options, now: Instant) -> Dial {
        Dial {
            url: url.clone(),
            retries: options.udp_retries,
            deadline: now + options.connect_timeout,
            patience: now + options.connect_timeout,
            judge: None,
            addresses: VecDeque::new(),
            failed: None,
            tls: None,
            stage: Stage::Next,
        }
    }

    /// When to go on even if nothing happens.
    pub(super) fn wake_at(&self) -> Instant {
        match &self.stage {
            Stage::Connecting(_, until) => self.deadline.min(*until),
            _ => self.deadline,
        }
    }

    /// Goes on as far as it can; gives the link once it is open.
    ///
    /// # Errors
    /// Why there will be none.
    pub(super) fn go_on(
        &mut self,
        registry: &Registry,
        now: Instant,
    ) -> Result<Option<Link>, ConnectError> {
        if now >= self.deadline {
            return Err(ConnectError::TimedOut);
        }
        loop {
            let (stage, goes_on) = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Finding(found) => match found.try_recv() {
                    Ok(addresses) => {
                        self.addresses = addresses?.into_iter().take(ADDRESSES_MAX).collect();
                        (Stage::Next, true)
                    }
                    Err(TryRecvError::Empty) => (Stage::Finding(found), false),
                    Err(TryRecvError::Disconnected) => {
                        return Err(io::Error::from(ErrorKind::NotFound).into());
                    }
                },
                Stage::Next | Stage::Over if self.url.door == Door::Udp => {
                    return self.next_peer(registry, now).map(Some);
                }
                Stage::Next => (self.next_address(registry, now)?, true),
                Stage::Connecting(tcp, until) => match is_connected(&tcp) {
                    Ok(true) => (Stage::Tls(Stream::new(tcp, self.tls.take())), true),
                    Ok(false) if now < until => (Stage::Connecting(tcp, until), false),
                    Ok(false) => self.no_good(ErrorKind::TimedOut.into()),
                    Err(error) => self.no_good(error),
                },
                Stage::Tls(mut stream) => match stream.shake_hands() {
                    Ok(true) if self.url.door == Door::WebSocket => {
                        match Opening::new(stream, &self.url)? {
                            Ok(socket) => return Ok(Some(Link::WebSocket(Box::new(socket)))),
                            Err(opening) => (Stage::WebSocket(opening), false),
                        }
                    }
                    Ok(true) => return Ok(Some(Link::Framed(Framed::new(stream, &self.url)))),
                    Ok(false) => (Stage::Tls(stream), false),
                    Err(error) => return Err(self.explain_tls(error)),
                },
                Stage::WebSocket(opening) => match opening.go_on()? {
                    Ok(socket) => return Ok(Some(Link::WebSocket(Box::new(socket)))),
                    Err(opening) => (Stage::WebSocket(opening), false),
                },
                Stage::Over => (Stage::Over, false),
            };
            self.stage = stage;
            if !goes_on {
                return Ok(None);
            }
        }
    }

    fn no_good(&mut self, error: io::Error) -> (Stage, bool) {
        self.failed = Some(error);
        (Stage::Next, true)
    }

    /// Begins to connect to the next address.
    fn next_address(&mut self, registry: &Registry, now: Instant) -> Result<Stage, ConnectError> {
        loop {
            let address = self.take_address(now)?;
            match connect(address, registry) {
                Ok(tcp) => {
                    let until = std::mem::replace(&mut self.patience, self.deadline);
                    return Ok(Stage::Connecting(tcp, until));
                }
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// Sends to the next address from now on.
    fn next_peer(&mut self, registry: &Registry, now: Instant) -> Result<Link, ConnectError> {
        loop {
            let address = self.take_address(now)?;
            match open(address, registry) {
                Ok(socket) => {
                    let link = Datagrams::new(socket, self.retries);
                    return Ok(Link::Datagrams(Box::new(link)));
                }
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// The next address. Each has its share of the time that is left.
    fn take_address(&mut self, now: Instant) -> Result<SocketAddr, ConnectError> {
        let shares = self.addresses.len().max(1) as u32;
        self.patience = now + self.deadline.saturating_duration_since(now) / shares;
        self.addresses.pop_front().ok_or_else(|| {
            let none = || io::Error::new(ErrorKind::NotFound, "the host has no address");
            self.failed.take().unwrap_or_else(none).into()
        })
    }

    fn explain_tls(&self, error: io::Error) -> ConnectError {
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (of_tls, &self.judge) {
            (Some(of_tls), Some(judge)) => judge.explain(of_tls),
            _ => ConnectError::Io(error),
        }
    }
}

/// Looks for a host's addresses on a thread of its own: the system's way to do so blocks, for as
/// long as it likes.
fn find(
    host: String,
    port: u16,
    waker: &Arc<Waker>,
) -> io::Result<Receiver<io::Result<Vec<SocketAddr>>>> {
    let (sender, found) = channel();
    let waker = Arc::clone(waker);
    std::thread::Builder::new().name("parlance resolver".into()).spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        if sender.send(addresses).is_ok() {
            // If it cannot be woken, it looks by itself when its time is over.
            let _ = waker.wake();
        }
    })?;
    Ok(found)
}

fn connect(address: SocketAddr, registry: &Registry) -> io::Result<TcpStream> {
    let mut tcp = TcpStream::connect(address)?;
    // For both directions, edge-triggered, once and for all.
    registry.register(&mut tcp, SOCKET, Interest::READABLE | Interest::WRITABLE)?;
    // Requests are small and wanted at once.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// A socket that hears this address alone.
fn open(address: SocketAddr, registry: &Registry) -> io::Result<UdpSocket> {
    let own: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let mut socket = UdpSocket::bind(SocketAddr::new(own, 0))?;
    socket.connect(address)?;
    registry.register(&mut socket, SOCKET, Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

/// Whether a connection that was begun is there.
fn is_connected(tcp: &TcpStream) -> io::Result<bool> {
    if let Some(error) = tcp.take_error()? {
        return Err(error);
    }
    match tcp.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

fn session(url: &Url, options: &Options) -> Result<(Arc<Judge>, ClientConnection), ConnectError> {
    let (judge, mut config) = Judge::new(&options.trust)?;
    if url.door == Door::WebSocket {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
    }
    let tls = |why: &dyn std::fmt::Display| ConnectError::Tls(why.to_string());
    let name = ServerName::try_from(url.host.clone()).map_err(|error| tls(&error))?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(|error| tls(&error))?;
    Ok((judge, session))
}
