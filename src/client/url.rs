//! Where a server is, and through which door.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::nearest::nearest;

/// A way into the daemon: a wire protocol with its framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// JSON values back to back over TCP.
    JsonRpc,
    /// `parlance.v1` over WebSocket.
    WebSocket,
    /// Length-prefixed JSON over TLS, with accounts.
    Accounts,
    /// JSON packages over TCP, compressed or not.
    ChatMaster,
    /// JSON lines over TCP.
    Ndjson,
    /// JSON datagrams.
    Udp,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Door::JsonRpc => "jsonrpc",
            Door::WebSocket => "websocket",
            Door::Accounts => "accounts",
            Door::ChatMaster => "chatmaster",
            Door::Ndjson => "ndjson",
            Door::Udp => "udp",
        })
    }
}

/// Where a server is, and through which door: `SCHEME://[NAME@]HOST[:PORT][/PATH]`.
///
/// `SCHEME` is a door's name, `ws`, `wss`, or `http` and `https` for these two; `+tls` behind it asks for TLS
/// (`ndjson+tls`), `chatmaster+zlib` for compressed packages. The port is the door's default one if
/// none is given. `PATH` is the path of a WebSocket (default `/chat`), elsewhere the room to join; over a
/// WebSocket [`room`](Self::room) can be set by itself, or given to [`Client::join`](super::Client::join).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The door.
    pub door: Door,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Whether packages are compressed (`chatmaster` alone).
    pub zlib: bool,
    /// A host name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path of a WebSocket; empty elsewhere.
    pub path: String,
    /// The name to bear, if it says one.
    pub name: Option<String>,
    /// The room to join, if it says one.
    pub room: Option<String>,
}

/// Why a text is no URL of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlError(pub(super) String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

impl Door {
    /// The port where the daemon has this door if nothing else is configured.
    pub fn default_port(self) -> u16 {
        match self {
            Door::JsonRpc => 65432,
            Door::WebSocket => 8765,
            Door::Accounts => 7443,
            Door::ChatMaster => 9000,
            Door::Ndjson | Door::Udp => 7777,
        }
    }

    /// The scheme that a URL for this door is written with.
    fn scheme(self, tls: bool) -> &'static str {
        match self {
            Door::JsonRpc => "jsonrpc",
            Door::WebSocket if tls => "wss",
            Door::WebSocket => "ws",
            Door::Accounts => "accounts",
            Door::ChatMaster => "chatmaster",
            Door::Ndjson => "ndjson",
            Door::Udp => "udp",
        }
    }
}

/// What may stand before `://`, each with its door and whether it means TLS.
const SCHEMES: [(&str, Door, bool); 9] = [
    ("jsonrpc", Door::JsonRpc, false),
    ("ws", Door::WebSocket, false),
    ("wss", Door::WebSocket, true),
    ("http", Door::WebSocket, false),
    ("https", Door::WebSocket, true),
    ("accounts", Door::Accounts, true),
    ("chatmaster", Door::ChatMaster, false),
    ("ndjson", Door::Ndjson, false),
    ("udp", Door::Udp, false),
];

/// The path of a WebSocket where a URL has none.
const WEBSOCKET_PATH: &str = "/chat";

/// A URL has at most so many bytes.
const URL_BYTES_MAX: usize = 2048;

impl Url {
    /// Reads a URL.
    ///
    /// ```
    /// use parlance::client::{Door, Url};
    ///
    /// let url = Url::parse("ndjson+tls://alice@chat.example.org/game%20night")?;
    /// assert_eq!((url.door, url.tls, url.port), (Door::Ndjson, true, 7777));
    /// assert_eq!(url.room.as_deref(), Some("game night"));
    /// # Ok::<(), parlance::client::UrlError>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with it, in words for a person.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        if text.len() > URL_BYTES_MAX {
            return Err(UrlError(format!("a URL of {} bytes is too long", text.len())));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(UrlError(format!(
                "{text:?} is no URL: it has no SCHEME://, such as ws://"
            )));
        };
        let (door, tls, zlib) = door(scheme)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (name, place) = match authority.rsplit_once('@') {
            // It would be seen by everybody, and is not to be taken for a part of the name.
            Some((name, _)) if name.contains(':') => {
                return Err(UrlError("a URL holds no password: it is asked for".into()));
            }
            Some((name, place)) => (Some(decoded(name, "name")?), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place)?;
        let (path, room) = path_or_room(door, path)?;
        let port = port.unwrap_or(door.default_port());
        Ok(Url { door, tls, zlib, host, port, path, name, room })
    }

    /// `HOST:PORT`, with brackets where the host is an IPv6 address.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        Url::parse(text)
    }
}

/// As it is parsed; what is the default is left out.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.door.scheme(self.tls))?;
        if self.zlib {
            f.write_str("+zlib")?;
        }
        if self.tls && !matches!(self.door, Door::WebSocket | Door::Accounts) {
            f.write_str("+tls")?;
        }
        f.write_str("://")?;
        if let Some(name) = &self.name {
            encode(name, f)?;
            f.write_str("@")?;
        }
        let authority = self.authority();
        let default = format!(":{}", self.door.default_port());
        f.write_str(authority.strip_suffix(&default).unwrap_or(&authority))?;
        if self.door == Door::WebSocket && self.path != WEBSOCKET_PATH {
            f.write_str(&self.path)?;
        }
        if let Some(room) = &self.room {
            f.write_str("/")?;
            encode(room, f)?;
        }
        Ok(())
    }
}

/// The door, and whether with TLS and zlib.
fn door(scheme: &str) -> Result<(Door, bool, bool), UrlError> {
    let mut words = scheme.split('+');
    let word = words.next().unwrap_or_default().to_ascii_lowercase();
    let Some(&(_, door, mut tls)) = SCHEMES.iter().find(|(known, ..)| *known == word) else {
        let nearest = nearest(&word, SCHEMES.map(|(known, ..)| known)).unwrap_or_default();
        return Err(UrlError(format!(
            "there is no scheme {word:?}; the nearest is {nearest}, of {}",
            SCHEMES.map(|(known, ..)| known).join(", ")
        )));
    };
    let mut zlib = false;
    for extra in words {
        match extra.to_ascii_lowercase().as_str() {
            "tls" if door == Door::Udp => return Err(UrlError("udp has no TLS".into())),
            "tls" => tls = true,
            "zlib" if door == Door::ChatMaster => zlib = true,
            "zlib" => return Err(UrlError(format!("{door} has no zlib: chatmaster alone has"))),
            _ => {
                return Err(UrlError(format!(
                    "+{} means nothing: there are +tls and +zlib",
                    extra.escape_debug()
                )));
            }
        }
    }
    Ok((door, tls, zlib))
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
fn host_and_port(place: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(inner) => {
            let Some((address, behind)) = inner.split_once(']') else {
                return Err(UrlError(format!("{place:?} has no closing bracket")));
            };
            if address.parse::<Ipv6Addr>().is_err() {
                return Err(UrlError(format!("{address:?} is no IPv6 address")));
            }
            match behind {
                "" => (address, None),
                _ => (address, Some(behind.strip_prefix(':').unwrap_or(behind))),
            }
        }
        None => match place.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(UrlError(format!("an IPv6 address goes in brackets: [{place}]")));
            }
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.is_empty() {
        return Err(UrlError("it has no host".into()));
    }
    if let Some(odd) = host.chars().find(|&c| !(c.is_alphanumeric() || "-._:".contains(c))) {
        return Err(UrlError(format!("{odd:?} cannot be part of a host name")));
    }
    let port = match port {
        None | Some("") => None,
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number > 0 && !port.starts_with('+') => Some(number),
            _ => return Err(UrlError(format!("{port:?} is no port: 1 to 65535"))),
        },
    };
    Ok((host.to_owned(), port))
}

/// What the path means at this door.
fn path_or_room(door: Door, path: &str) -> Result<(String, Option<String>), UrlError> {
    if door == Door::WebSocket {
        let path = if path.is_empty() { WEBSOCKET_PATH } else { path };
        return match path.bytes().find(|byte| !byte.is_ascii_graphic() || *byte == b'#') {
            Some(_) => Err(UrlError(format!("{path:?} is no path"))),
            None => Ok((path.to_owned(), None)),
        };
    }
    match path.strip_prefix('/').unwrap_or_default() {
        "" => Ok((String::new(), None)),
        room => Ok((String::new(), Some(decoded(room, "room")?))),
    }
}

/// Takes percent escapes out.
fn decoded(text: &str, what: &str) -> Result<String, UrlError> {
    let no_good = || UrlError(format!("the {what} {text:?} is no good"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>().ok_or_else(no_good)?;
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(no_good);
        bytes.push((digit(digits[0])? << 4 | digit(digits[1])?) as u8);
        rest = after;
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.trim().is_empty() => Ok(text),
        _ => Err(no_good()),
    }
}

/// Writes a name or a room so that [`decoded`] gives it back.
fn encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => write!(f, "{}", char::from(byte))?,
            _ if byte.is_ascii_alphanumeric() => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> String {
        Url::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn every_scheme_has_its_door_and_port() {
        for (text, door, tls, zlib, port) in [
            ("jsonrpc://h", Door::JsonRpc, false, false, 65432),
            ("jsonrpc+tls://h", Door::JsonRpc, true, false, 65432),
            ("ws://h", Door::WebSocket, false, false, 8765),
            ("wss://h", Door::WebSocket, true, false, 8765),
            ("http://h", Door::WebSocket, false, false, 8765),
            ("HTTPS://h", Door::WebSocket, true, false, 8765),
            ("accounts://h", Door::Accounts, true, false, 7443),
            ("chatmaster://h", Door::ChatMaster, false, false, 9000),
            ("chatmaster+zlib+tls://h", Door::ChatMaster, true, true, 9000),
            ("ndjson://h", Door::Ndjson, false, false, 7777),
            ("udp://h", Door::Udp, false, false, 7777),
            ("udp://h:9", Door::Udp, false, false, 9),
        ] {
            let url = url(text);
            assert_eq!((url.door, url.tls, url.zlib, url.port), (door, tls, zlib, port), "{text}");
            assert_eq!(url.host, "h");
        }
    }

    #[test]
    fn the_parts_are_found_and_written_again() {
        let whole = url("ndjson+tls://Ann%20B@[::1]:99/game%20night%2f1");
        assert_eq!((&*whole.host, whole.port), ("::1", 99));
        assert_eq!(whole.name.as_deref(), Some("Ann B"));
        assert_eq!(whole.room.as_deref(), Some("game night/1"));
        assert_eq!(whole.authority(), "[::1]:99");
        assert_eq!(whole.to_string(), "ndjson+tls://Ann%20B@[::1]:99/game%20night%2F1");
        assert_eq!(url("ws://h").path, "/chat");
        assert_eq!(url("ws://h:1/a/b?c").path, "/a/b?c");
        assert_eq!(url("udp://h/").room, None);
        for text in [
            "ndjson://h",
            "ws://h",
            "wss://h/x",
            "accounts://a@h:1",
            "chatmaster+zlib+tls://[2001:db8::1]/%C3%A9",
            "jsonrpc://a%40b@h/r",
        ] {
            assert_eq!(url(text).to_string(), text);
            assert_eq!(url(&url(text).to_string()), url(text));
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        for (text, part) in [
            ("localhost:7777", "no SCHEME://"),
            ("ndjsn://h", "the nearest is ndjson, of jsonrpc, ws"),
            ("wsss://h", "the nearest is wss"),
            ("udp+tls://h", "udp has no TLS"),
            ("ndjson+zlib://h", "chatmaster alone has"),
            ("ndjson+gzip://h", "+gzip means nothing"),
            ("ndjson://", "no host"),
            ("ndjson://a@/r", "no host"),
            ("ndjson://::1", "goes in brackets: [::1]"),
            ("ndjson://[::1", "no closing bracket"),
            ("ndjson://[localhost]", "no IPv6 address"),
            ("ndjson://[::1]x", "no port"),
            ("ndjson://h:0", "no port"),
            ("ndjson://h:65536", "no port"),
            ("ndjson://h:+1", "no port"),
            ("ndjson://a b", "cannot be part of a host name"),
            ("ndjson://h\r\n", "cannot be part of a host name"),
            ("ndjson://h/%zz", "the room"),
            ("ndjson://h/%ff", "the room"),
            ("accounts://ann:sesame@h", "holds no password"),
            ("ndjson://%2@h", "the name"),
            ("ndjson://%20@h", "the name"),
            ("ws://h/ x", "is no path"),
        ] {
            assert!(refused(text).contains(part), "{text}: {}", refused(text));
        }
        assert!(refused(&format!("ndjson://{}", "x".repeat(3000))).contains("too long"));
    }
}
