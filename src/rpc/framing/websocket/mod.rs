//! WebSocket (RFC 6455), from the HTTP/1.1 request that opens it to the close frame that ends it;
//! with feature `zlib`, compressed too (RFC 7692).
//!
//! A connection begins as HTTP: one request, which is either an upgrade or gets one answer, a page
//! or a refusal, and is closed. It is not a web server: there are no bodies in requests, no second
//! request, no ranges, no conditions. What a page can make its reader's browser do is held off here:
//! see [`WebSocketOptions::origins`] and [`WebSocketOptions::hosts`].
//!
//! From the upgrade on, each text message is a frame of the [`Framing`] and each binary one a frame
//! that is marked so, however the peer has fragmented it. Pings and the close handshake are
//! answered here. What is sent is not: a service makes its messages with [`frame_text`] and its
//! like, and since they are unmasked, the same bytes serve any number of peers.

#[cfg(feature = "zlib")]
mod deflate;
mod frame;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::{Decoded, Farewell, Framing, Keepalive};
use crate::rpc::Accepted;

#[cfg(feature = "zlib")]
pub use deflate::{frame_binary_deflated, frame_text_deflated};
pub use frame::{frame_binary, frame_text};

/// What all WebSocket connections of a service have in common.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// The paths on which an upgrade is taken, such as `/chat`. The query string of a request is
    /// ignored.
    pub paths: Vec<String>,
    /// The subprotocols on offer. The first of the peer's that is here is agreed on; where there is
    /// none, none is agreed on, and it is for the service to mind.
    pub protocols: Vec<String>,
    /// Origins, such as `https://chat.example`, whose pages may open a WebSocket here besides those
    /// that came from here, which means from the host that the request names. Others get 403.
    pub origins: Vec<String>,
    /// Names, with or without a port, that a peer may call the host by on a loopback address,
    /// besides `localhost` and the loopback addresses. Any other gets 403 there: it is a name that
    /// someone has made resolve to this machine (DNS rebinding).
    pub hosts: Vec<String>,
    /// The longest message, in bytes, joined from its fragments and inflated.
    pub message_bytes_max: usize,
    /// Whether binary messages are taken. If not they are [`Fault::Binary`](super::Fault::Binary).
    pub binary: bool,
    /// Whether permessage-deflate is agreed to where a peer offers it. Without feature `zlib` it
    /// never is.
    pub deflate: bool,
    /// How often the peer is pinged; zero: never.
    pub ping: Duration,
    /// The page at a path, for a `GET` or `HEAD` that is no upgrade; `None` is answered with 404.
    pub pages: fn(&str) -> Option<Page>,
}

impl Default for WebSocketOptions {
    /// Upgrades on `/` from pages of the same host, messages of 64 KiB of both kinds, a ping every
    /// 25 s, no subprotocol, no compression, no page.
    fn default() -> Self {
        WebSocketOptions {
            paths: vec!["/".into()],
            protocols: Vec::new(),
            origins: Vec::new(),
            hosts: Vec::new(),
            message_bytes_max: 64 * 1024,
            binary: true,
            deflate: false,
            ping: Duration::from_secs(25),
            pages: |_| None,
        }
    }
}

/// What is answered to a `GET` that is no upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The media type, such as `text/html; charset=utf-8`.
    pub content_type: &'static str,
    /// Further header fields, names and values. `Content-Length`, `Connection` and
    /// `X-Content-Type-Options: nosniff` are there anyway.
    pub headers: &'static [(&'static str, &'static str)],
    /// The content.
    pub body: Cow<'static, [u8]>,
}

/// The server's side of one WebSocket connection.
#[derive(Debug)]
pub struct WebSocket {
    options: Rc<WebSocketOptions>,
}

impl WebSocket {
    /// A framing for a connection that was just accepted.
    pub fn new(options: Rc<WebSocketOptions>, accepted: &Accepted) -> WebSocket {
        let _ = accepted;
        WebSocket { options }
    }
}

impl Framing for WebSocket {
    fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a> {
        let _ = input;
        Decoded::Incomplete
    }

    fn is_open(&self) -> bool {
        false
    }

    fn keepalive(&self) -> Option<Keepalive> {
        let every = self.options.ping;
        (!every.is_zero()).then_some(Keepalive { every, probe: frame::PING })
    }

    fn farewell(&mut self, why: Farewell, out: &mut Vec<u8>) {
        let _ = (why, out);
    }

    fn linger(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }
}
