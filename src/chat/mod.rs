//! The chat: sessions, rooms, names and history, as a machine without a machine room.
//!
//! [`ChatServer`] takes operations, each with the time it happens at, and gives back results and
//! [`Event`]s with an [`Audience`]. It opens no socket, reads no clock, writes no JSON and knows no
//! wire protocol, so that all of them can share it and a test can drive it by the thousands.
//!
//! ```
//! use parlance::chat::{Body, ChatServer, EventKind, Join, RoomRef, Settings, Timestamp};
//!
//! let mut number = 0;
//! let random = Box::new(move || {
//!     number += 1;
//!     number
//! });
//! let now = Timestamp(1_769_862_896_789);
//! let mut chat = ChatServer::new(Settings::default(), now, random)?;
//! let mut out = Vec::new();
//!
//! let alice = chat.open(1);
//! let join = Join { name: Some("Alice"), room: RoomRef::Default, create: false };
//! chat.join(alice, join, now, &mut out)?;
//! let seq = chat.say(alice, Body::Text("Hello everyone!"), now, &mut out)?;
//!
//! assert_eq!(seq, 2);
//! assert!(matches!(out[0].kind, EventKind::Joined { .. }));
//! assert!(matches!(out[1].kind, EventKind::Message { .. }));
//! # Ok::<(), parlance::chat::Error>(())
//! ```

pub mod dialect;
mod error;
mod event;
mod history;
mod hosting;
mod key;
mod listing;
mod login;
mod moves;
mod name;
mod register;
mod room;
mod server;
mod session;
mod settings;
mod speech;
#[cfg(test)]
mod tests;
mod time;

pub use error::Error;
pub use event::{Audience, Body, Content, Event, EventKind, Whisper};
pub use history::{History, RECORD_BYTES, Recorded, Records};
pub use key::{RoomKey, SessionId};
pub use listing::RoomView;
pub use moves::{Join, Joined, RoomRef};
pub use name::{Name, NameFault};
pub use server::ChatServer;
pub use settings::Settings;
pub use time::Timestamp;
