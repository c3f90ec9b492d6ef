//! Forms: how an event looks to one kind of client.

use crate::chat::{Event, EventKind};

/// One encoding of events, shared by all who receive it so.
pub(super) struct Form {
    /// Appends the event as this form shows it; nothing if it does not show such events.
    pub(super) encode: fn(&Event, &mut Vec<u8>),
    /// Whether the one who did it is shown it too.
    pub(super) echoes: fn(&EventKind) -> bool,
    /// Appends the notice that the server is shutting down; nothing if there is none.
    pub(super) farewell: fn(&mut Vec<u8>),
}
