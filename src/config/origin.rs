//! Web origins and host names, as the section of `websocket` lists them.
//!
//! Both are kept in the one form in which they can be compared with what a browser sends. Comparing
//! is the business of whoever reads the request.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::address::parse_host;
use super::{Address, AddressError};

/// Where a web page comes from, as its browser says in `Origin` (RFC 6454, section 7):
/// `https://chat.example.org`, `http://[::1]:8080`. Lower-case, without the port that the scheme
/// implies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin(String);

/// A host as a request names it in `Host`, its port taken off: `chat.example.org`, `[::1]`.
/// Lower-case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostName(String);

impl Origin {
    /// Its text; compare with a request's in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HostName {
    /// Its text; compare with a request's in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no [`Origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// `null`, which is what any page may have for an origin.
    Null,
    /// No scheme and `://` at the beginning.
    NoScheme,
    /// Something follows host and port, be it a lone slash.
    Path,
    /// Host or port are none.
    Address(AddressError),
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OriginError::Null => f.write_str("any web page can take it, so it would allow all"),
            OriginError::NoScheme => {
                f.write_str("an origin is written SCHEME://HOST or SCHEME://HOST:PORT")
            }
            OriginError::Path => f.write_str("an origin ends after its host or port"),
            OriginError::Address(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for OriginError {}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let text = text.to_ascii_lowercase();
        if text == "null" {
            return Err(OriginError::Null);
        }
        let (scheme, place) = text.split_once("://").ok_or(OriginError::NoScheme)?;
        if !is_scheme(scheme) {
            return Err(OriginError::NoScheme);
        }
        if place.contains(['/', '?', '#']) {
            return Err(OriginError::Path);
        }
        let (host, port) = match place.parse() {
            Ok(Address { host, port }) => (host, Some(port)),
            Err(AddressError::NoPort) => (parse_host(place).map_err(OriginError::Address)?, None),
            Err(why) => return Err(OriginError::Address(why)),
        };
        let host = written(host);
        Ok(Origin(match (scheme, port) {
            (_, None) | ("http", Some(80)) | ("https", Some(443)) => format!("{scheme}://{host}"),
            (_, Some(port)) => format!("{scheme}://{host}:{port}"),
        }))
    }
}

/// RFC 3986, section 3.1, lower-case.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        })
}

/// A host as it stands before a port: an IPv6 address shortened and in brackets.
fn written(host: String) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host,
    }
}

/// Why a text is no [`HostName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostNameError {
    /// A port follows.
    Port,
    /// Neither an address nor something that can be a host name.
    BadHost,
}

impl fmt::Display for HostNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostNameError::Port => f.write_str("it is named without a port, and then with any"),
            HostNameError::BadHost => AddressError::BadHost.fmt(f),
        }
    }
}

impl std::error::Error for HostNameError {}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<HostName, HostNameError> {
        if text.parse::<Address>().is_ok() {
            return Err(HostNameError::Port);
        }
        let host = parse_host(text).map_err(|_| HostNameError::BadHost)?;
        Ok(HostName(written(host.to_ascii_lowercase())))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Origin, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|why| de::Error::custom(format!("{text:?} is no origin: {why}")))
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HostName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|why| de::Error::custom(format!("{text:?} is no host: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_a_browser_sends_it() {
        for (text, sent) in [
            ("https://chat.example.org", "https://chat.example.org"),
            ("HTTPS://Chat.Example.ORG:8443", "https://chat.example.org:8443"),
            ("https://chat.example.org:443", "https://chat.example.org"),
            ("http://chat.example.org:443", "http://chat.example.org:443"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[0:0::1]", "http://[::1]"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(text.parse().map(|origin: Origin| origin.0), Ok(sent.into()), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_says_why() {
        let address = OriginError::Address;
        for (text, why) in [
            ("null", OriginError::Null),
            ("NULL", OriginError::Null),
            ("", OriginError::NoScheme),
            ("*", OriginError::NoScheme),
            ("chat.example.org", OriginError::NoScheme),
            ("://chat.example.org", OriginError::NoScheme),
            ("1http://chat.example.org", OriginError::NoScheme),
            ("https://chat.example.org/", OriginError::Path),
            ("https://chat.example.org:8443/chat", OriginError::Path),
            ("https://chat.example.org?", OriginError::Path),
            ("https://", address(AddressError::BadHost)),
            ("https://:443", address(AddressError::BadHost)),
            ("https://*.example.org", address(AddressError::BadHost)),
            ("https://ann@example.org", address(AddressError::BadHost)),
            ("https://example.org:", address(AddressError::BadPort)),
            ("https://example.org:99999", address(AddressError::BadPort)),
            ("https://::1", address(AddressError::NoBrackets)),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_host_name_has_no_port_and_no_case() {
        for (text, kept) in
            [("Chat.Local", "chat.local"), ("10.0.0.7", "10.0.0.7"), ("[0::1]", "[::1]")]
        {
            assert_eq!(text.parse().map(|host: HostName| host.0), Ok(kept.into()), "{text}");
        }
        for (text, why) in [
            ("chat.local:8765", HostNameError::Port),
            ("[::1]:8765", HostNameError::Port),
            ("", HostNameError::BadHost),
            ("http://chat.local", HostNameError::BadHost),
            ("*.local", HostNameError::BadHost),
        ] {
            assert_eq!(text.parse::<HostName>(), Err(why), "{text}");
        }
    }
}
