//! What carries a connection's bytes.

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

/// A connection's way to its peer. Never blocks.
#[derive(Debug)]
pub(super) enum Link {
    /// A plain TCP stream.
    Tcp(TcpStream),
}

impl Link {
    /// Registers for both directions, edge-triggered, once and for all.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Link::Tcp(stream) => {
                registry.register(stream, token, Interest::READABLE | Interest::WRITABLE)
            }
        }
    }

    /// Reads into `buffer`; 0 is the end of input. A signal in between is no error.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Link::Tcp(stream) => stream.read(buffer),
        })
    }

    /// Hands one slice to the kernel; gives how much of it was taken.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Link::Tcp(stream) => stream.write(bytes),
        })
    }

    /// Hands several slices to the kernel at once; gives how many bytes were taken.
    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Link::Tcp(stream) => stream.write_vectored(slices),
        })
    }

    /// Ends sending; what was written still arrives.
    pub(super) fn shut_down_sending(&mut self) -> io::Result<()> {
        match self {
            Link::Tcp(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Answers are small and wanted at once.
    pub(super) fn prepare(&self) -> io::Result<()> {
        match self {
            Link::Tcp(stream) => stream.set_nodelay(true),
        }
    }
}

fn uninterrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
