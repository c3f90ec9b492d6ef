//! What can go wrong.

use std::fmt;
use std::io;

use super::url::Door;

/// Why a call was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The server refuses, in these words.
    Refused(String),
    /// This door has no such call.
    NotOffered {
        /// The door.
        door: Door,
        /// What was asked for, such as `history`.
        call: &'static str,
    },
    /// There was no answer in time; over `udp`, after all the tries.
    NoAnswer,
    /// Too many calls are waiting already: see [`Client::submit`](super::Client::submit).
    Busy,
    /// [`Client::call`](super::Client::call) from a callback of the client's own: it would wait for itself.
    InCallback,
    /// The link is lost; whether it was done nobody can say.
    Disconnected,
    /// The client has ended.
    Ended,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Refused(words) => f.write_str(words),
            CallError::NotOffered { door, call } => write!(f, "{door} has no {call}"),
            CallError::NoAnswer => f.write_str("no answer"),
            CallError::Busy => f.write_str("too many calls are waiting"),
            CallError::InCallback => f.write_str("a callback cannot wait for an answer"),
            CallError::Disconnected => f.write_str("not connected"),
            CallError::Ended => f.write_str("the client has ended"),
        }
    }
}

impl std::error::Error for CallError {}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host has no address, or nobody listens there, or the link broke.
    Io(io::Error),
    /// The handshake did not end in time.
    TimedOut,
    /// TLS failed, other than by the certificate.
    Tls(String),
    /// The server's certificate is not trusted. Whoever is sure that it is the right one can connect
    /// again with this fingerprint.
    Untrusted {
        /// SHA-256 of the certificate, as pairs of hex digits with colons between them.
        fingerprint: String,
        /// Why.
        reason: String,
    },
    /// What answers there is not the door that the URL names.
    NotThatDoor(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Io(error) => error.fmt(f),
            ConnectError::TimedOut => f.write_str("the server did not answer in time"),
            ConnectError::Tls(why) => write!(f, "TLS: {why}"),
            ConnectError::Untrusted { fingerprint, reason } => {
                write!(f, "the certificate is not trusted: {reason} (SHA-256 {fingerprint})")
            }
            ConnectError::NotThatDoor(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConnectError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> ConnectError {
        ConnectError::Io(error)
    }
}
