//! An address to listen on, as people write it.
//!
//! Taking `HOST:PORT` apart, and resolving it when asked; nothing is bound here.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A host and a port: `127.0.0.1:65432`, `localhost:0`, `[::1]:65432`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A host name or an address; IPv6 without its brackets.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

impl Address {
    /// The socket addresses this one stands for, at least one. Asks the system's resolver for a
    /// host name, which may block.
    ///
    /// # Errors
    ///
    /// The resolver's, or `NotFound` when the name stands for no address.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let resolved: Vec<_> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        if resolved.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the host name has no address"));
        }
        Ok(resolved)
    }
}

/// Why a text is no [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// No colon after the host.
    NoPort,
    /// What follows the last colon is no number from 0 to 65535.
    BadPort,
    /// An IPv6 address that is not in brackets, so that its port cannot be told apart.
    NoBrackets,
    /// Neither an address nor something that can be a host name.
    BadHost,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::NoPort => "an address is written HOST:PORT",
            AddressError::BadPort => "a port is a number from 0 to 65535",
            AddressError::NoBrackets => "an IPv6 address is written [ADDRESS]:PORT",
            AddressError::BadHost => {
                "a host is an IPv4 address, an IPv6 address in brackets, or a name"
            }
        })
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(AddressError::NoBrackets);
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        if host.starts_with('[') && port.ends_with(']') {
            return Err(AddressError::NoPort);
        }
        // `u16::from_str` alone would take a sign.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AddressError::BadPort);
        }
        let port = port.parse().map_err(|_| AddressError::BadPort)?;
        let like_ipv6 = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
        if host.contains(':') && host.bytes().all(like_ipv6) {
            return Err(AddressError::NoBrackets);
        }
        Ok(Address { host: parse_host(host)?, port })
    }
}

/// A host as the command line may give it alone: with or without the brackets of IPv6.
pub(super) fn parse_host(text: &str) -> Result<String, AddressError> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(inner) = bracketed {
        return match inner.parse::<Ipv6Addr>() {
            Ok(_) => Ok(inner.to_owned()),
            Err(_) => Err(AddressError::BadHost),
        };
    }
    let is_name = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_name || text.parse::<Ipv6Addr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err(AddressError::BadHost)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|why| de::Error::custom(refusal(&text, why)))
    }
}

/// The sentence that names a text and why it is no address.
pub(super) fn refusal(text: &str, why: AddressError) -> String {
    format!("{text:?} is no address: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_again_as_it_was_read() {
        for text in ["127.0.0.1:65432", "localhost:0", "[::1]:65535", "chat-1.example.org:80"] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("", AddressError::NoPort),
            ("localhost", AddressError::NoPort),
            ("[::1]", AddressError::NoPort),
            ("::1", AddressError::NoBrackets),
            ("fe80::2:1::80", AddressError::NoBrackets),
            (":80", AddressError::BadHost),
            ("host:", AddressError::BadPort),
            ("host:65536", AddressError::BadPort),
            ("host:+1", AddressError::BadPort),
            ("a b:1", AddressError::BadHost),
            ("[1.2.3.4]:1", AddressError::BadHost),
            ("http://x:1", AddressError::BadHost),
        ] {
            assert_eq!(text.parse::<Address>(), Err(why), "{text}");
        }
    }

    #[test]
    fn literal_addresses_resolve_without_asking_anyone() {
        let address: Address = "[::1]:7".parse().expect("an address");
        let expected: SocketAddr = "[::1]:7".parse().expect("a socket address");
        assert_eq!(address.resolve().expect("one"), [expected]);
    }
}
