//! WebSocket (RFC 6455), from the HTTP/1.1 request that opens it to the close frame that ends it;
//! with feature `zlib`, compressed too (RFC 7692).
//!
//! A connection begins as HTTP: one request, which is either an upgrade or gets one answer, a page
//! or a refusal, and is closed. It is not a web server: there are no bodies in requests, no second
//! request, no ranges, and one condition, `If-None-Match`, for pages that have an `ETag`. What a page can make its reader's browser do is held off here:
//! see [`WebSocketOptions::origins`] and [`WebSocketOptions::hosts`].
//!
//! From the upgrade on, each text message is a frame of the [`Framing`] and each binary one a frame
//! that is marked so, however the peer has fragmented it. Pings and the close handshake are
//! answered here. What is sent is not: a service makes its messages with [`frame_text`] and its
//! like, and since they are unmasked, the same bytes serve any number of peers.

mod answer;
#[cfg(feature = "zlib")]
mod deflate;
mod frame;
mod http;
#[cfg(feature = "zlib")]
mod offers;
mod origin;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::{Decoded, Farewell, Fault, Framing, Keepalive, Switch};
use crate::rpc::Accepted;
use answer::Refusal;
use frame::{Expected, Header, Rule, Unfinished};
use http::Door;

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
    /// Whether binary messages are taken. If not they are [`Fault::Binary`].
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
    /// `X-Content-Type-Options: nosniff` are there anyway. With `ETag` among them, a peer that says
    /// it has this content is answered 304.
    pub headers: &'static [(&'static str, &'static str)],
    /// The content.
    pub body: Cow<'static, [u8]>,
}

/// How long the peer may take to answer a close frame.
const LINGER: Duration = Duration::from_secs(5);

/// The server's side of one WebSocket connection.
///
/// - Upgraded, it is [`Decoded::Switch`]; a request that is none is one [`Decoded::Reply`] that
///   closes.
/// - A text message is [`Decoded::Frame`] and is UTF-8; a binary one is [`Decoded::Binary`]. One
///   that came in a single frame, uncompressed, is lent from the input, where it is unmasked.
/// - A ping is answered with its content, a close frame with its code, and what follows that is
///   ignored.
/// - Whatever breaks a rule is a fatal [`Fault`]: not UTF-8, too long, binary where only text is
///   taken, compressed but corrupt, and all other rules as [`Fault::Protocol`]. The farewell tells
///   the code, 1007, 1009, 1003, 1007 and 1002 in this order, and the rule. A message that is too
///   long is known by its header, or while it is inflated.
/// - Other farewells have the codes 1000 when the service closes, 1001 when the server stops, 1008
///   for a peer that reads too slowly, has gone silent or does not finish a message.
///
/// It keeps no memory while no message is under way.
///
/// [`Fault`]: super::Fault
/// [`Fault::Protocol`]: super::Fault::Protocol
#[derive(Debug)]
pub struct WebSocket {
    options: Rc<WebSocketOptions>,
    /// What does not stand in the input: of a message that came in parts or was compressed, and of
    /// the handshake.
    kept: Option<Box<Kept>>,
    stage: Stage,
    door: Door,
    /// Bytes of the request's head in which no end was found.
    looked: u16,
    /// Whether it has become a WebSocket: then there is a close frame for the peer to answer.
    upgraded: bool,
    /// Whether messages may be compressed.
    deflate: bool,
}

/// How far a connection's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The request is still to come.
    Request,
    Open,
    /// The peer broke a rule and was not told yet.
    Broken(Rule),
    /// All is said.
    Closed,
}

/// Bytes that are the framing's own, as long as they are needed.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Bytes that are known to be UTF-8.
    checked: usize,
    /// Whether it is a text message.
    text: bool,
    /// Whether it is a message in compressed form.
    deflated: bool,
    /// Whether it is complete and has been lent out: by the next call it is done with.
    lent: bool,
}

impl Kept {
    /// Appends to an unfinished message. The buffer never takes more than twice what is needed, nor
    /// more than the longest message does.
    fn append(&mut self, content: &[u8], bytes_max: usize) {
        let len = self.bytes.len() + content.len();
        if len > self.bytes.capacity() {
            let capacity = (2 * self.bytes.capacity()).min(bytes_max).max(len);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(content);
    }

    /// Takes the last of a compressed message's content: from now on it is what that inflates to.
    #[cfg(feature = "zlib")]
    fn inflate(&mut self, content: &[u8], bytes_max: usize) -> Result<(), Rule> {
        self.bytes = if self.bytes.is_empty() {
            deflate::inflate(content, bytes_max)?
        } else {
            self.append(content, bytes_max);
            deflate::inflate(&self.bytes, bytes_max)?
        };
        Ok(())
    }

    /// Nothing is compressed where that is never agreed to.
    #[cfg(not(feature = "zlib"))]
    fn inflate(&mut self, _: &[u8], _: usize) -> Result<(), Rule> {
        Err(Rule::Reserved)
    }

    /// Whether what has come of a message may be UTF-8. Looks at no character twice.
    fn is_utf8(&mut self, is_final: bool) -> bool {
        match std::str::from_utf8(self.bytes.get(self.checked..).unwrap_or_default()) {
            Ok(text) => {
                self.checked += text.len();
                true
            }
            Err(error) => {
                self.checked += error.valid_up_to();
                error.error_len().is_none() && !is_final
            }
        }
    }
}

impl WebSocket {
    /// A framing for a connection that was just accepted.
    pub fn new(options: Rc<WebSocketOptions>, accepted: &Accepted) -> WebSocket {
        WebSocket {
            options,
            kept: None,
            stage: Stage::Request,
            door: Door::new(accepted),
            looked: 0,
            upgraded: false,
            deflate: false,
        }
    }

    /// Lets go of what the last call has lent out.
    fn release(&mut self) {
        let kept = self.kept.take_if(|kept| kept.lent);
        #[cfg(feature = "zlib")]
        if let Some(kept) = kept {
            deflate::give_back(kept.bytes);
        }
        #[cfg(not(feature = "zlib"))]
        drop(kept);
    }

    /// Lends out bytes of the framing's own.
    fn lend(&mut self, bytes: Vec<u8>) -> &[u8] {
        let kept = Kept { bytes, lent: true, ..Kept::default() };
        &self.kept.insert(Box::new(kept)).bytes
    }

    fn request<'a>(&'a mut self, input: &[u8]) -> Decoded<'a> {
        match input {
            // RFC 9112, 2.2: empty lines in front of a request are passed over.
            [b'\r', b'\n', ..] => return Decoded::Skip { used: 2 },
            [b'\n', ..] => return Decoded::Skip { used: 1 },
            [] | [b'\r'] => return Decoded::Incomplete,
            [first, ..] if first.is_ascii_alphabetic() => {}
            // Something else than HTTP. Who speaks it need not wait for the limit.
            _ => return self.refuse(Refusal::BAD),
        }
        let at_hand = &input[..input.len().min(http::HEAD_BYTES_MAX)];
        let used = match http::head_end(at_hand, self.looked.into()) {
            Ok(end) => end,
            Err(_) if at_hand.len() == http::HEAD_BYTES_MAX => return self.refuse(Refusal::HEAD),
            Err(looked) => {
                // Lossless: it is less than `HEAD_BYTES_MAX`.
                self.looked = looked as u16;
                return Decoded::Incomplete;
            }
        };
        let (switch, reply) = http::judge(&at_hand[..used], &self.options, self.door);
        match switch {
            Some(switch) => {
                self.stage = Stage::Open;
                self.upgraded = true;
                self.deflate = matches!(switch, Switch::WebSocket { deflate: true, .. });
                Decoded::Switch { switch, reply: self.lend(reply), used }
            }
            None => {
                self.stage = Stage::Closed;
                Decoded::Reply { reply: self.lend(reply), used, closes: true }
            }
        }
    }

    /// Refuses what is no request that could be judged.
    fn refuse(&mut self, refusal: Refusal) -> Decoded<'_> {
        self.stage = Stage::Closed;
        Decoded::Reply { reply: self.lend(refusal.answer(true)), used: 0, closes: true }
    }

    fn expected(&self) -> Expected {
        let unfinished = self
            .kept
            .as_ref()
            .map(|kept| Unfinished { bytes: kept.bytes.len(), deflated: kept.deflated });
        Expected {
            message_bytes_max: self.options.message_bytes_max,
            binary: self.options.binary,
            deflate: self.deflate,
            unfinished,
        }
    }

    fn frame<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a> {
        let header = match Header::read(input, &self.expected()) {
            Ok(Some(header)) => header,
            Ok(None) => return Decoded::Incomplete,
            Err(rule) => return self.broken(rule),
        };
        let used = header.header_bytes.saturating_add(header.content_bytes);
        let Some(frame) = input.get_mut(..used) else { return Decoded::Incomplete };
        frame::unmask(frame.get_mut(header.header_bytes..).unwrap_or_default(), header.mask);
        if header.is_control() {
            self.control(header, frame, used)
        } else {
            self.data(header, frame.get(header.header_bytes..).unwrap_or_default(), used)
        }
    }

    /// Answers a control frame, whose content is unmasked.
    fn control<'a>(&'a mut self, header: Header, frame: &'a mut [u8], used: usize) -> Decoded<'a> {
        match header.kind {
            frame::CLOSE => {
                let content = frame.get(header.header_bytes..).unwrap_or_default();
                let code_bytes = match frame::judge_close(content) {
                    Ok(code_bytes) => code_bytes,
                    Err(rule) => return self.broken(rule),
                };
                self.stage = Stage::Closed;
                self.kept = None;
                let reply = frame::answer(frame, header, frame::CLOSE, code_bytes);
                Decoded::Reply { reply, used, closes: true }
            }
            frame::PING => {
                let reply = frame::answer(frame, header, frame::PONG, header.content_bytes);
                Decoded::Reply { reply, used, closes: false }
            }
            _ => Decoded::Skip { used },
        }
    }

    /// Takes the unmasked content of a frame that is a message or a part of one.
    fn data<'a>(&'a mut self, header: Header, content: &'a [u8], used: usize) -> Decoded<'a> {
        let text = header.kind == frame::TEXT;
        if header.fin && !header.deflated && self.kept.is_none() {
            if text && std::str::from_utf8(content).is_err() {
                return self.broken(Rule::Utf8);
            }
            return message(text, content, used);
        }
        let deflated = header.deflated;
        self.kept.get_or_insert_with(|| Box::new(Kept { text, deflated, ..Kept::default() }));
        self.join(content, header.fin, used)
    }

    /// Joins a frame's content to the unfinished message that it belongs to.
    fn join(&mut self, content: &[u8], is_final: bool, used: usize) -> Decoded<'_> {
        let bytes_max = self.options.message_bytes_max;
        let Some(kept) = &mut self.kept else { return self.broken(Rule::NothingToContinue) };
        let outcome = if kept.deflated && is_final {
            kept.inflate(content, bytes_max)
        } else {
            kept.append(content, bytes_max);
            Ok(())
        };
        if let Err(rule) = outcome {
            return self.broken(rule);
        }
        let is_plain = is_final || !kept.deflated;
        if kept.text && is_plain && !kept.is_utf8(is_final) {
            return self.broken(Rule::Utf8);
        }
        if !is_final {
            return Decoded::Skip { used };
        }
        kept.lent = true;
        match &self.kept {
            Some(kept) => message(kept.text, &kept.bytes, used),
            None => Decoded::Skip { used },
        }
    }

    /// A rule was broken: that is all that is said from now on.
    fn broken(&mut self, rule: Rule) -> Decoded<'_> {
        self.stage = Stage::Broken(rule);
        self.kept = None;
        Decoded::Fault { fault: rule.fault(), used: 0 }
    }
}

/// A message that is complete.
fn message(text: bool, content: &[u8], used: usize) -> Decoded<'_> {
    if text {
        Decoded::Frame { frame: content, used }
    } else {
        Decoded::Binary { frame: content, used }
    }
}

impl Framing for WebSocket {
    fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a> {
        if self.kept.is_some() {
            self.release();
        }
        match self.stage {
            Stage::Open => self.frame(input),
            Stage::Request => self.request(input),
            Stage::Broken(rule) => Decoded::Fault { fault: rule.fault(), used: 0 },
            Stage::Closed if input.is_empty() => Decoded::Incomplete,
            Stage::Closed => Decoded::Skip { used: input.len() },
        }
    }

    fn is_open(&self) -> bool {
        self.stage != Stage::Request
    }

    fn keepalive(&self) -> Option<Keepalive> {
        let every = self.options.ping;
        (!every.is_zero()).then_some(Keepalive { every, probe: frame::PING_EMPTY })
    }

    fn farewell(&mut self, why: Farewell, out: &mut Vec<u8>) {
        let stage = std::mem::replace(&mut self.stage, Stage::Closed);
        let (code, reason) = match (stage, why) {
            (Stage::Request | Stage::Closed, _) => return,
            (Stage::Broken(rule), _) => (close_code(rule.fault()), rule.reason()),
            (Stage::Open, Farewell::Fault(fault)) => (close_code(fault), ""),
            (Stage::Open, Farewell::Service) => (1000, ""),
            (Stage::Open, Farewell::Stop) => (1001, "the server stops"),
            (Stage::Open, Farewell::Silent) => (1008, "nothing heard for too long"),
            (Stage::Open, Farewell::Slow) => (1008, "reads too slowly"),
            (Stage::Open, Farewell::Unfinished) => (1008, "a message took too long"),
        };
        frame::put_close(out, code, reason);
    }

    fn holds_part(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.lent)
    }

    fn linger(&self) -> Option<Duration> {
        self.upgraded.then_some(LINGER)
    }
}

/// The code that a peer is told for a fault (RFC 6455, 7.4.1).
fn close_code(fault: Fault) -> u16 {
    match fault {
        Fault::Binary => 1003,
        // Compressed data that cannot be inflated is no text, either.
        Fault::NotUtf8 | Fault::Corrupt => 1007,
        Fault::TooLong => 1009,
        _ => 1002,
    }
}
