//! The one HTTP request of a connection (RFC 9112) and how it is judged (RFC 6455, 4.2).
//!
//! How the answer looks is in `answer`. A body is not read: a request that announces one is refused.

use super::answer::{Refusal, Upgrade, accept};
use super::origin::{Authority, Origin};
use super::{Page, WebSocketOptions};
use crate::rpc::Accepted;
use crate::rpc::framing::{Switch, scan};

/// The longest head of a request, in bytes, its empty line included.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Header fields of a request, at most.
const FIELDS_MAX: usize = 64;

/// Where a connection came in, as far as a request is judged by it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door {
    loopback: bool,
    secure: bool,
}

impl Door {
    pub(super) fn new(accepted: &Accepted) -> Door {
        let loopback = accepted.local.ip().to_canonical().is_loopback();
        Door { loopback, secure: accepted.secure }
    }

    fn default_port(self) -> u16 {
        if self.secure { 443 } else { 80 }
    }
}

/// Where the head of a request ends, just behind its empty line. No byte before `looked` is the
/// newline in front of that. `Err` when `input` ends first: from where to look once there is more.
pub(super) fn head_end(input: &[u8], looked: usize) -> Result<usize, usize> {
    let mut from = looked;
    while let Some(newline) = scan::newline(input, from) {
        match input.get(newline + 1..).unwrap_or_default() {
            [b'\n', ..] => return Ok(newline + 2),
            [b'\r', b'\n', ..] => return Ok(newline + 3),
            [] | [b'\r'] => return Err(newline),
            _ => from = newline + 1,
        }
    }
    Err(input.len())
}

/// What is answered to a request, whose whole head is at hand, and whether it became a WebSocket.
pub(super) fn judge(
    head: &[u8],
    options: &WebSocketOptions,
    door: Door,
) -> (Option<Switch>, Vec<u8>) {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut fields);
    let refusal = match parsed.parse(head) {
        Ok(httparse::Status::Complete(end)) if end == head.len() => None,
        Err(httparse::Error::TooManyHeaders) => Some(Refusal::HEAD),
        Ok(_) | Err(_) => Some(Refusal::BAD),
    };
    let with_body = parsed.method != Some("HEAD");
    let outcome = match refusal {
        Some(refusal) => Err(refusal),
        None => Request::new(&parsed).and_then(|request| request.judge(options, door)),
    };
    match outcome {
        Ok(Outcome::Page(page)) => (None, page.answer(with_body)),
        Ok(Outcome::Known(page)) => (None, page.not_modified()),
        Ok(Outcome::Upgrade(upgrade)) => (Some(upgrade.switch()), upgrade.answer(options)),
        Err(refusal) => (None, refusal.answer(with_body)),
    }
}

/// What a request that is not refused comes to.
enum Outcome {
    Page(Page),
    /// A page that the peer says it has.
    Known(Page),
    Upgrade(Upgrade),
}

/// A request whose syntax is right.
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    /// The host that it is for; in HTTP/1.0 it need not say.
    host: Option<Authority<'a>>,
    http_1_0: bool,
    fields: &'a [httparse::Header<'a>],
}

impl<'a> Request<'a> {
    fn new(parsed: &'a httparse::Request<'_, '_>) -> Result<Request<'a>, Refusal> {
        let (Some(method), Some(target), Some(minor)) =
            (parsed.method, parsed.path, parsed.version)
        else {
            return Err(Refusal::BAD);
        };
        let mut request = Request {
            method,
            path: target,
            host: None,
            http_1_0: minor == 0,
            fields: parsed.headers,
        };
        request.host = match request.only("Host")? {
            Some(host) => Some(Authority::parse(host).ok_or(Refusal::BAD)?),
            None if request.http_1_0 => None,
            None => return Err(Refusal::BAD),
        };
        if method == "GET" || method == "HEAD" {
            request.take_target(target)?;
        }
        Ok(request)
    }

    /// Finds the path in the target, and the host if that is there (RFC 9112, 3.2.1 and 3.2.2).
    fn take_target(&mut self, target: &'a str) -> Result<(), Refusal> {
        let mut path = target;
        if !target.starts_with('/') {
            let (scheme, rest) = target.split_once("://").ok_or(Refusal::BAD)?;
            if !["http", "https", "ws", "wss"].iter().any(|name| name.eq_ignore_ascii_case(scheme))
            {
                return Err(Refusal::BAD);
            }
            let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            self.host = Some(Authority::parse(host).ok_or(Refusal::BAD)?);
            path = if rest.starts_with('/') { rest } else { "/" };
        }
        self.path = path.split_once('?').map_or(path, |(path, _)| path);
        Ok(())
    }

    /// The values of a field, which may be there several times.
    fn all(&self, name: &str) -> impl Iterator<Item = Result<&'a str, Refusal>> {
        let fields = self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| {
            let value = std::str::from_utf8(field.value).map_err(|_| Refusal::BAD)?;
            Ok(value.trim_matches([' ', '\t']))
        })
    }

    /// The value of a field that may be there once.
    fn only(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.all(name);
        let value = values.next().transpose()?;
        if values.next().is_some() { Err(Refusal::BAD) } else { Ok(value) }
    }

    /// The elements of a field that is a list.
    fn list(&self, name: &str) -> Result<Vec<&'a str>, Refusal> {
        let mut elements = Vec::new();
        for value in self.all(name) {
            let parts = value?.split(',').map(|part| part.trim_matches([' ', '\t']));
            elements.extend(parts.filter(|part| !part.is_empty()));
        }
        Ok(elements)
    }

    fn lists(&self, name: &str, element: &str) -> Result<bool, Refusal> {
        Ok(self.list(name)?.iter().any(|listed| listed.eq_ignore_ascii_case(element)))
    }

    fn judge(&self, options: &WebSocketOptions, door: Door) -> Result<Outcome, Refusal> {
        if door.loopback && !self.host_is_known(options, door) {
            return Err(Refusal::FORBIDDEN);
        }
        if self.method != "GET" && self.method != "HEAD" {
            return Err(Refusal::METHOD);
        }
        self.refuse_body()?;
        let is_upgrade = self.lists("Upgrade", "websocket")?;
        if is_upgrade || self.all("Sec-WebSocket-Key").next().is_some() {
            return self.judge_upgrade(is_upgrade, options, door).map(Outcome::Upgrade);
        }
        let page = (options.pages)(self.path).ok_or(Refusal::NOT_FOUND)?;
        Ok(if self.knows(&page)? { Outcome::Known(page) } else { Outcome::Page(page) })
    }

    /// Whether the host is called by a name that it has on a loopback address. Where no name is
    /// given, no browser asks.
    fn host_is_known(&self, options: &WebSocketOptions, door: Door) -> bool {
        self.host.is_none_or(|host| {
            host.is_loopback()
                || options.hosts.iter().filter_map(|known| Authority::parse(known)).any(|known| {
                    let port = door.default_port();
                    host.name.eq_ignore_ascii_case(known.name)
                        && known.port.is_none_or(|known| known == host.port.unwrap_or(port))
                })
        })
    }

    /// Whether the peer names the page's tag as one that it has (RFC 9110, 13.1.2). Tags have no
    /// commas here, so that one of a peer's that has is merely none of ours.
    fn knows(&self, page: &Page) -> Result<bool, Refusal> {
        let Some(tag) = page.tag() else { return Ok(false) };
        let known = self.list("If-None-Match")?;
        Ok(known
            .iter()
            .any(|known| *known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag))
    }

    fn refuse_body(&self) -> Result<(), Refusal> {
        if self.all("Transfer-Encoding").next().is_some() {
            return Err(Refusal::BAD);
        }
        for length in self.all("Content-Length") {
            let length = length?;
            if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Refusal::BAD);
            }
            if length.bytes().any(|byte| byte != b'0') {
                return Err(Refusal::BODY);
            }
        }
        Ok(())
    }

    /// RFC 6455, 4.2.1.
    fn judge_upgrade(
        &self,
        is_upgrade: bool,
        options: &WebSocketOptions,
        door: Door,
    ) -> Result<Upgrade, Refusal> {
        if !options.paths.iter().any(|path| path == self.path) {
            return Err(Refusal::NOT_FOUND);
        }
        if let Some(origin) = self.only("Origin")?
            && !self.origin_is_allowed(origin, options, door)
        {
            return Err(Refusal::FORBIDDEN);
        }
        if self.http_1_0
            || self.method != "GET"
            || !is_upgrade
            || !self.lists("Connection", "Upgrade")?
        {
            return Err(Refusal::BAD);
        }
        if self.only("Sec-WebSocket-Version")?.ok_or(Refusal::BAD)? != "13" {
            return Err(Refusal::VERSION);
        }
        let accept = accept(self.only("Sec-WebSocket-Key")?.ok_or(Refusal::BAD)?)?;
        let wanted = self.list("Sec-WebSocket-Protocol")?;
        let known = |name: &&str| options.protocols.iter().position(|known| known == name);
        let protocol = wanted.iter().find_map(known);
        Ok(Upgrade { accept, protocol, extension: self.extension(options)? })
    }

    /// What is answered about compression, if it is agreed on.
    #[cfg(feature = "zlib")]
    fn extension(&self, options: &WebSocketOptions) -> Result<Option<&'static str>, Refusal> {
        let mut taken = None;
        if options.deflate {
            for value in self.all("Sec-WebSocket-Extensions") {
                let offer = super::offers::take(value?).map_err(|_| Refusal::BAD)?;
                taken = taken.or(offer);
            }
        }
        Ok(taken.map(super::offers::Taken::answer))
    }

    #[cfg(not(feature = "zlib"))]
    fn extension(&self, _: &WebSocketOptions) -> Result<Option<&'static str>, Refusal> {
        Ok(None)
    }

    /// Whether a page from there may open a WebSocket here (RFC 6455, 10.2).
    fn origin_is_allowed(&self, origin: &str, options: &WebSocketOptions, door: Door) -> bool {
        let parsed = Origin::parse(origin);
        let is_configured = options.origins.iter().any(|allowed| {
            allowed.eq_ignore_ascii_case(origin)
                || parsed.is_some_and(|parsed| {
                    Origin::parse(allowed).is_some_and(|allowed| allowed.is_same(parsed))
                })
        });
        is_configured
            || parsed.zip(self.host).is_some_and(|(origin, host)| {
                // On a plain link, something in front may have taken TLS off: then a host without
                // a port has that of the page's scheme.
                let port = if door.secure { 443 } else { origin.default_port() };
                origin.authority.name.eq_ignore_ascii_case(host.name)
                    && origin.port() == host.port.unwrap_or(port)
            })
    }
}
