//! The dialects: names and default addresses.
//!
//! Only what the configuration has to know; how a dialect speaks is told elsewhere.

use std::fmt;
use std::str::FromStr;

use super::address::Address;
use crate::nearest::nearest;

/// A dialect that can be listened for.
///
/// A further one is a variant, its place in [`Dialect::ALL`], its name, its default port, and its
/// section of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// JSON values back to back over TCP: `{"method","params"}` and JSON-RPC 2.0.
    JsonRpc,
    /// Text messages of a WebSocket: `{"action","body"}`.
    WebSocket,
    /// JSON behind its length over TLS, for those who have an account: `{"type","data"}`.
    Accounts,
    /// JSON values back to back over TCP, or zlib streams: `{"type","data"}`.
    ChatMaster,
    /// A JSON object a line over TCP: `{"type", …}`.
    Ndjson,
    /// A JSON object a datagram: `{"type","id", …}`.
    Udp,
}

impl Dialect {
    /// Every dialect, in the order in which they are served when none is named.
    pub const ALL: [Dialect; 6] = [
        Dialect::JsonRpc,
        Dialect::WebSocket,
        Dialect::Accounts,
        Dialect::ChatMaster,
        Dialect::Ndjson,
        Dialect::Udp,
    ];

    /// The name on the command line, of the section in the file, and in announcements.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::JsonRpc => "jsonrpc",
            Dialect::WebSocket => "websocket",
            Dialect::Accounts => "accounts",
            Dialect::ChatMaster => "chatmaster",
            Dialect::Ndjson => "ndjson",
            Dialect::Udp => "udp",
        }
    }

    /// Where the dialect is served when nobody says otherwise: on loopback.
    pub fn default_address(self) -> Address {
        let port = match self {
            Dialect::JsonRpc => 65432,
            Dialect::WebSocket => 8765,
            Dialect::Accounts => 7443,
            Dialect::ChatMaster => 9000,
            Dialect::Ndjson | Dialect::Udp => 7777,
        };
        Address { host: "127.0.0.1".into(), port }
    }

    /// What to write, on the command line or in the file, to serve the dialect elsewhere.
    pub fn how_to_move(self) -> String {
        match self {
            Dialect::JsonRpc => "--port PORT or -l jsonrpc=HOST:PORT".into(),
            // `-l` also turns off what it does not name, which the file's key does not.
            other => format!("`listen` under [{other}] or -l {other}=HOST:PORT"),
        }
    }

    /// Whether it comes in datagrams. These have addresses of their own: the port of a stream is
    /// not taken by them.
    pub fn is_datagrams(self) -> bool {
        self == Dialect::Udp
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDialect {
    /// The text.
    pub name: String,
    /// The nearest dialect.
    pub nearest: &'static str,
}

impl fmt::Display for UnknownDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownDialect { name, nearest } = self;
        let all = Dialect::ALL.map(Dialect::name).join(", ");
        write!(f, "there is no dialect {name:?}; the nearest is {nearest}, of {all}")
    }
}

impl std::error::Error for UnknownDialect {}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Dialect, UnknownDialect> {
        if let Some(dialect) = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name) {
            return Ok(dialect);
        }
        let names = Dialect::ALL.map(Dialect::name);
        let nearest = nearest(name, names).unwrap_or_default();
        Err(UnknownDialect { name: name.into(), nearest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_found_by_its_name() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.name().parse(), Ok(dialect));
        }
    }

    #[test]
    fn other_names_say_what_there_is() {
        let wrong = "jsonprc".parse::<Dialect>().expect_err("no such dialect");
        assert_eq!(
            wrong.to_string(),
            "there is no dialect \"jsonprc\"; the nearest is jsonrpc, of jsonrpc, websocket, \
             accounts, chatmaster, ndjson, udp"
        );
    }
}
