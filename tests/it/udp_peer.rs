//! A client that sends and receives whole datagrams, and no more than that.
//!
//! It never waits to see that *nothing* comes: that is proven by what must come after it.

use socket2::SockRef;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::ndjson::without_times;
use crate::schema::check;

/// How long a datagram may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socket of its own that talks with one server.
pub(crate) struct UdpPeer {
    socket: UdpSocket,
}

impl UdpPeer {
    /// A new one, which has sent nothing.
    #[track_caller]
    pub(crate) fn connect(server: SocketAddr) -> UdpPeer {
        UdpPeer::from(SocketAddr::new(server.ip(), 0), server)
    }

    /// One at this address of this machine.
    #[track_caller]
    pub(crate) fn from(own: SocketAddr, server: SocketAddr) -> UdpPeer {
        let socket = UdpSocket::bind(own).expect("a socket");
        socket.connect(server).expect("an address");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // With room for all that is said while its owner does something else.
        SockRef::from(&socket).set_recv_buffer_size(1024 * 1024).expect("set");
        UdpPeer { socket }
    }

    /// This end's address, as the server sees it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// Sends a datagram.
    #[track_caller]
    pub(crate) fn send(&mut self, datagram: impl AsRef<[u8]>) {
        let datagram = datagram.as_ref();
        assert_eq!(self.socket.send(datagram).expect("sent"), datagram.len());
    }

    /// Receives the next datagram, and holds it to the schemas.
    #[track_caller]
    pub(crate) fn take(&mut self) -> String {
        let mut buffer = [0; 65_536];
        let length = self.socket.recv(&mut buffer).expect("a datagram in time");
        check("udp", &buffer[..length]);
        String::from_utf8(buffer[..length].to_vec()).expect("UTF-8")
    }

    /// Expects a datagram; the times in it stand as `…`.
    #[track_caller]
    pub(crate) fn hears(&mut self, expected: impl AsRef<str>) {
        assert_eq!(without_times(&self.take()), expected.as_ref());
    }

    /// Sends a datagram and expects one.
    #[track_caller]
    pub(crate) fn is_told(&mut self, datagram: impl AsRef<[u8]>, answer: impl AsRef<str>) {
        self.send(datagram);
        self.hears(answer);
    }

    /// Proves that this member has received nothing since it was last looked at.
    #[track_caller]
    pub(crate) fn pings(&mut self) {
        self.is_told(r#"{"type":"ping","id":0}"#, r#"{"type":"ack","id":0}"#);
    }
}
