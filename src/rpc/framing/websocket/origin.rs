//! Hosts, ports and origins as headers write them, for comparing: names are the same whatever their
//! case, and no port is the scheme's. Nothing is resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host and perhaps a port (RFC 3986, 3.2.2 and 3.2.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct Authority<'a> {
    /// A name or an address; one of IPv6 in brackets.
    pub(super) name: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Authority<'a>> {
        let end = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, _) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                address.len() + 2
            }
            None => text.find(':').unwrap_or(text.len()),
        };
        let (name, rest) = text.split_at(end);
        let is_name =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
        if name.is_empty() || (!name.starts_with('[') && !name.bytes().all(is_name)) {
            return None;
        }
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
        };
        Some(Authority { name, port })
    }

    pub(super) fn is_loopback(self) -> bool {
        let address = match self.name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            None => self.name.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        };
        self.name.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|address| address.to_canonical().is_loopback())
    }
}

/// Where a page came from (RFC 6454, 6.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) secure: bool,
    pub(super) authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    /// `None` for what is not from the web, such as `null`.
    pub(super) fn parse(text: &'a str) -> Option<Origin<'a>> {
        let (scheme, authority) = text.split_once("://")?;
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        Some(Origin { secure, authority: Authority::parse(authority)? })
    }

    pub(super) fn default_port(self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    pub(super) fn port(self) -> u16 {
        self.authority.port.unwrap_or(self.default_port())
    }

    pub(super) fn is_same(self, other: Origin<'_>) -> bool {
        self.secure == other.secure
            && self.port() == other.port()
            && self.authority.name.eq_ignore_ascii_case(other.authority.name)
    }
}
