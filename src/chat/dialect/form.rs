//! Forms: how an event looks to one kind of client.

use super::Fx;
use super::house::House;
use crate::chat::{Event, EventKind, Timestamp};
use crate::rpc::ConnId;

/// One encoding of events, shared by all who receive it so.
pub(super) struct Form {
    /// Appends the event as this form shows it; nothing if it does not show such events.
    pub(super) encode: fn(&Event, &mut Vec<u8>),
    /// Makes a frame of the content that a buffer holds from there on: [`nothing`], a header in
    /// front, an end behind, or something shorter in its place.
    pub(super) frame: fn(&mut Vec<u8>, usize),
    /// Whether the one who did it is shown it too.
    pub(super) echoes: fn(&EventKind) -> bool,
    /// Whether it shows how the list of rooms changes, to those who are in no room too.
    pub(super) follows_rooms: bool,
    /// Appends the notice, in a room of this name, that the server is shutting down now; nothing if
    /// there is none.
    pub(super) farewell: fn(&str, Timestamp, &mut Vec<u8>),
    /// What becomes of a connection whose account was removed; it is logged out already.
    pub(super) expelled: fn(&mut House, &mut Fx, ConnId),
}

impl Form {
    /// A form with this encoding and, for the rest, what is most common: no frame, nothing echoed,
    /// no news of the list of rooms, no farewell, no accounts.
    pub(super) const fn new(encode: fn(&Event, &mut Vec<u8>)) -> Form {
        Form {
            encode,
            frame: nothing,
            echoes: |_| false,
            follows_rooms: false,
            farewell: |_, _, _| {},
            expelled: |_, _, _| {},
        }
    }

    /// Appends one frame with what `content` appends; nothing if that is nothing.
    #[inline]
    pub(super) fn write(&self, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        content(out);
        if out.len() > start {
            (self.frame)(out, start);
        }
    }
}

/// The frame of contents that say by themselves where they end.
fn nothing(_: &mut Vec<u8>, _: usize) {}

/// The frame of contents that are lines.
pub(super) fn line(out: &mut Vec<u8>, _: usize) {
    out.push(b'\n');
}
