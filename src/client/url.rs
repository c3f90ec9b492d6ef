//! Where a server is, and through which door.

use std::fmt;

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
/// none is given. `PATH` is the path of a WebSocket (default `/chat`), elsewhere the room to join.
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
