//! What carries a connection's bytes.

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};

use super::datagram::DatagramLink;
#[cfg(feature = "tls")]
use super::tls::TlsLink;

/// A connection's way to its peer. Never blocks.
#[derive(Debug)]
pub(super) enum Link {
    /// A plain TCP stream.
    Tcp(TcpStream),
    /// A TCP stream with TLS on it.
    #[cfg(feature = "tls")]
    Tls(Box<TlsLink>),
    /// A socket shared with other peers. It has no registration and no input of its own (the
    /// listener's is told apart by sender), and always takes all that is written.
    Datagram(Box<DatagramLink>),
}

impl Link {
    /// Registers for both directions, edge-triggered, once and for all; gives this end's address.
    pub(super) fn prepare(&mut self, registry: &Registry, token: Token) -> io::Result<SocketAddr> {
        let stream = match self {
            Link::Tcp(stream) => stream,
            #[cfg(feature = "tls")]
            Link::Tls(link) => &mut link.stream,
            Link::Datagram(link) => return link.local_addr(),
        };
        // Answers are small and wanted at once.
        stream.set_nodelay(true)?;
        registry.register(stream, token, Interest::READABLE | Interest::WRITABLE)?;
        stream.local_addr()
    }

    /// Reads into `buffer`; 0 is the end of input. A signal in between is no error.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Link::Tcp(stream) => stream.read(buffer),
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.read(buffer),
            Link::Datagram(_) => Err(io::ErrorKind::WouldBlock.into()),
        })
    }

    /// Whether a read of `count` of `wanted` bytes was the last there is for now, unless the end is
    /// still to be read.
    pub(super) fn is_drained(&self, count: usize, wanted: usize) -> bool {
        match self {
            Link::Tcp(_) => count < wanted,
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.is_drained(count, wanted),
            Link::Datagram(_) => true,
        }
    }

    /// Hands one slice to the kernel; gives how much of it was taken.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Link::Tcp(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.write_vectored(&[IoSlice::new(bytes)]),
            Link::Datagram(link) => Ok(link.write_events(bytes)),
        })
    }

    /// Hands several slices to the kernel at once; gives how many bytes were taken.
    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Link::Tcp(stream) => stream.write_vectored(slices),
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.write_vectored(slices),
            Link::Datagram(link) => Ok(slices.iter().map(|slice| link.write_events(slice)).sum()),
        })
    }

    /// Hands the kernel what the link itself holds: see [`holds_output`](Self::holds_output).
    #[inline]
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Link::Tcp(_) | Link::Datagram(_) => Ok(()),
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.flush(),
        }
    }

    /// Whether the link itself holds bytes that the kernel did not take, of its own or taken for
    /// sending.
    #[inline]
    pub(super) fn holds_output(&self) -> bool {
        match self {
            Link::Tcp(_) | Link::Datagram(_) => false,
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.holds_output(),
        }
    }

    /// About how many bytes taken for sending the link itself holds.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Link::Tcp(_) | Link::Datagram(_) => 0,
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.held_bytes(),
        }
    }

    /// Whether bytes can be exchanged: there is no handshake under way.
    #[inline]
    pub(super) fn is_established(&self) -> bool {
        match self {
            Link::Tcp(_) | Link::Datagram(_) => true,
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.is_established(),
        }
    }

    /// Whether nobody between the two ends can read along.
    pub(super) fn is_secure(&self) -> bool {
        match self {
            Link::Tcp(_) | Link::Datagram(_) => false,
            #[cfg(feature = "tls")]
            Link::Tls(_) => true,
        }
    }

    /// Ends sending; what was written still arrives.
    pub(super) fn shut_down_sending(&mut self) -> io::Result<()> {
        self.announce_end()?;
        match self {
            Link::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.stream.shutdown(Shutdown::Write),
            Link::Datagram(_) => Ok(()),
        }
    }

    /// Whether it has an end that the peer sees, and that unread input would turn into a reset.
    pub(super) fn is_stream(&self) -> bool {
        !matches!(self, Link::Datagram(_))
    }

    /// Says that nothing more will be sent, where the link has a way to say so besides ending.
    pub(super) fn announce_end(&mut self) -> io::Result<()> {
        match self {
            Link::Tcp(_) | Link::Datagram(_) => Ok(()),
            #[cfg(feature = "tls")]
            Link::Tls(link) => link.announce_end(),
        }
    }
}

pub(super) fn uninterrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
