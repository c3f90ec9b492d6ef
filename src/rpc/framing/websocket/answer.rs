//! What is answered to a request: an upgrade (RFC 6455, 4.2.2), a page or a refusal.
//!
//! After all but the first the connection closes. Nothing of a request is repeated in an answer; the
//! key of an upgrade is hashed, and of the subprotocols it names one of ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::{Page, WebSocketOptions};
use crate::rpc::framing::Switch;

/// What a key is joined with before it is hashed (RFC 6455, 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An upgrade that is agreed to.
pub(super) struct Upgrade {
    /// What the key is answered with.
    pub(super) accept: String,
    pub(super) protocol: Option<usize>,
    /// What the answer says about compression, if that was agreed on.
    pub(super) extension: Option<&'static str>,
}

impl Upgrade {
    pub(super) fn switch(&self) -> Switch {
        Switch::WebSocket { protocol: self.protocol, deflate: self.extension.is_some() }
    }

    /// RFC 6455, 4.2.2.
    pub(super) fn answer(&self, options: &WebSocketOptions) -> Vec<u8> {
        let protocol = self.protocol.and_then(|index| options.protocols.get(index));
        let fields = [
            ("Upgrade", Some("websocket")),
            ("Connection", Some("Upgrade")),
            ("Sec-WebSocket-Accept", Some(&*self.accept)),
            ("Sec-WebSocket-Protocol", protocol.map(String::as_str)),
            ("Sec-WebSocket-Extensions", self.extension),
        ];
        let mut out = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        for (name, value) in fields {
            let Some(value) = value else { continue };
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

/// What a key is answered with; it must be 16 bytes in base64.
pub(super) fn accept(key: &str) -> Result<String, Refusal> {
    // As many bytes as so much base64 can be.
    let mut bytes = [0; 18];
    match STANDARD.decode_slice(key, &mut bytes) {
        Ok(16) => {}
        Ok(_) | Err(_) => return Err(Refusal::BAD),
    }
    let digest = Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize();
    Ok(STANDARD.encode(digest))
}

/// An answer that ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Code and reason.
    status: &'static str,
    /// Header fields that belong to it.
    fields: &'static str,
}

impl Refusal {
    pub(super) const BAD: Refusal = Refusal::new("400 Bad Request");
    pub(super) const FORBIDDEN: Refusal = Refusal::new("403 Forbidden");
    pub(super) const NOT_FOUND: Refusal = Refusal::new("404 Not Found");
    pub(super) const METHOD: Refusal =
        Refusal { fields: "Allow: GET, HEAD\r\n", ..Refusal::new("405 Method Not Allowed") };
    pub(super) const BODY: Refusal = Refusal::new("413 Content Too Large");
    /// RFC 6455, 4.4, and RFC 9110, 15.5.22.
    pub(super) const VERSION: Refusal = Refusal {
        fields: "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        ..Refusal::new("426 Upgrade Required")
    };
    pub(super) const HEAD: Refusal = Refusal::new("431 Request Header Fields Too Large");

    const fn new(status: &'static str) -> Refusal {
        Refusal { status, fields: "" }
    }

    /// The answer, with a body unless `HEAD` was asked.
    pub(super) fn answer(self, with_body: bool) -> Vec<u8> {
        let body = format!("{}\n", self.status);
        let mut out = Vec::new();
        put_head(&mut out, self.status, "text/plain; charset=utf-8", body.len());
        out.extend_from_slice(self.fields.as_bytes());
        put_body(&mut out, body.as_bytes(), with_body);
        out
    }
}

/// The status line and the fields that every answer has which ends the connection.
fn put_head(out: &mut Vec<u8>, status: &str, content_type: &str, body_bytes: usize) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {body_bytes}\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n"
    );
    out.extend_from_slice(head.as_bytes());
}

fn put_body(out: &mut Vec<u8>, body: &[u8], with_body: bool) {
    out.extend_from_slice(b"\r\n");
    if with_body {
        out.extend_from_slice(body);
    }
}

impl Page {
    /// What tells this content from any other (RFC 9110, 8.8.3), if the page has that.
    pub(super) fn tag(&self) -> Option<&'static str> {
        self.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| *tag)
    }

    /// The answer to somebody who has this content (RFC 9110, 15.4.5).
    pub(super) fn not_modified(&self) -> Vec<u8> {
        let mut out = b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n".to_vec();
        self.put_fields(&mut out);
        put_body(&mut out, b"", false);
        out
    }

    /// The answer, with its content unless `HEAD` was asked.
    pub(super) fn answer(&self, with_body: bool) -> Vec<u8> {
        let mut out = Vec::new();
        put_head(&mut out, "200 OK", self.content_type, self.body.len());
        self.put_fields(&mut out);
        put_body(&mut out, &self.body, with_body);
        out
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        for (name, value) in self.headers {
            for part in [*name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
}
