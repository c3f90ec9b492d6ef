//! The client: one small type that speaks with a daemon through any of its six doors.
//!
//! A URL says which door: `jsonrpc://`, `ws://`, `wss://`, `accounts://`, `chatmaster://`, `ndjson://` or
//! `udp://`. The calls ([`Call`]) and the events ([`Event`]) are the same behind all of them; what a door
//! has no way to ask for is [`CallError::NotOffered`].
//!
//! This module shows nothing to anybody (`parlance chat` does) and needs no async runtime: a
//! thread of its own holds the link, and callers block, or are called back.

mod call;
mod error;
mod event;
#[expect(dead_code, reason = "every door is to be built on it")]
mod talk;
pub mod udp;
mod url;

pub use call::{Answer, Call, History, Joined, Room, Said};
pub use error::{CallError, ConnectError};
pub use event::{Event, Happening, Message};
pub use url::{Door, Url, UrlError};
