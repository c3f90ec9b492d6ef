//! Forms: how an event looks to one kind of client.

use super::Fx;
use super::house::House;
use crate::chat::{Event, EventKind};
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
    /// Appends the notice that the server is shutting down; nothing if there is none.
    pub(super) farewell: fn(&mut Vec<u8>),
    /// What becomes of a connection whose account was removed; it is logged out already.
    pub(super) expelled: fn(&mut House, &mut Fx, ConnId),
}

impl Form {
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

/// What forms of dialects without accounts do to whose account was removed: there is nobody.
pub(super) fn nobody(_: &mut House, _: &mut Fx, _: ConnId) {}

/// The frame of contents that say by themselves where they end.
pub(super) fn nothing(_: &mut Vec<u8>, _: usize) {}

/// The frame of contents that are lines.
pub(super) fn line(out: &mut Vec<u8>, _: usize) {
    out.push(b'\n');
}
