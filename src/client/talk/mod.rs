//! What a door's wire looks like to a client: requests out, messages in.
//!
//! One [`Talk`] a door. None of them knows a socket, a clock or how messages are framed: that is the
//! link's. What a call needs several requests for is the talk's own affair.

mod accounts;
mod chatmaster;
mod jsonrpc;
mod ndjson;
mod own_names;
#[cfg(test)]
mod tests;
mod turns;
mod websocket;
mod wire;

use std::time::SystemTime;

use super::call::{Answer, Call};
use super::error::CallError;
use super::event::Event;
use super::url::{Door, Url};

/// The talk of a URL's door.
pub(super) fn talk(url: &Url) -> Box<dyn Talk> {
    match url.door {
        Door::JsonRpc => Box::new(jsonrpc::JsonRpc::default()),
        Door::Ndjson => Box::new(ndjson::Ndjson::over_tcp()),
        Door::Udp => Box::new(ndjson::Ndjson::over_udp()),
        Door::WebSocket => Box::new(websocket::WebSocket::default()),
        Door::Accounts => Box::new(accounts::Accounts::default()),
        Door::ChatMaster => Box::new(chatmaster::ChatMaster::default()),
    }
}

/// Names a call until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Tag(pub(super) u64);

/// One door's wire, as a client speaks it. A fresh one is made for each connection.
pub(super) trait Talk: Send {
    /// The link is open: handshakes of TLS and WebSocket are over.
    fn opened(&mut self, out: &mut Outgoing) {
        let _ = out;
    }

    /// Whether calls may be made: some doors speak first.
    fn is_ready(&self) -> bool {
        true
    }

    /// What time it is, told before every call, for talks that must not ask for something too often.
    fn clock(&mut self, now: SystemTime) {
        let _ = now;
    }

    /// Asks the server for `call`. Sooner or later [`Outgoing::heard`] gets the answer under this tag,
    /// at once where the door has no way to ask. A few calls may be under way at a time.
    fn call(&mut self, tag: Tag, call: &Call, out: &mut Outgoing);

    /// A whole message came, at this time. One that makes no sense is ignored, with a line in the
    /// log.
    fn message(&mut self, message: &[u8], now: SystemTime, out: &mut Outgoing);
}

/// What a talk has to say.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Messages to the server, in order, each without its frame.
    pub(super) messages: Vec<Vec<u8>>,
    /// What is for the caller, in order.
    pub(super) heard: Vec<Heard>,
    /// The link is of no use any more, for this reason.
    pub(super) broken: Option<String>,
}

/// What is for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A call was answered.
    Answer(Tag, Result<Answer, CallError>),
    /// Something happened.
    Event(Event),
    /// A call is about to be refused that took several requests, of which some were done: this is
    /// where one is now, and under which name.
    Stands { room: Option<String>, name: Option<String> },
}
