//! Why a server could not do what it was asked to.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a server could not start, listen or go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A text that names no address, or a host that was not found.
    Address(String, io::Error),
    /// An address could not be listened on.
    Listen(SocketAddr, io::Error),
    /// The system's event queue failed.
    Poll(io::Error),
}

impl Error {
    /// The system's own error.
    pub fn io(&self) -> &io::Error {
        match self {
            Error::Address(_, error) | Error::Listen(_, error) | Error::Poll(error) => error,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        match error {
            Error::Address(_, error) | Error::Listen(_, error) | Error::Poll(error) => error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Address(text, error) => write!(f, "no such address: {text:?}: {error}"),
            Error::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Error::Poll(error) => write!(f, "event queue: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.io())
    }
}
