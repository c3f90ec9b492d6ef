//! A session: a connection as chat knows it.
//!
//! There may be tens of thousands, so a session holds no collection and shares its name's text.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::key::{RoomKey, Serial};

pub(super) struct Session {
    serial: NonZeroU32,
    /// Whether it is logged in; its name is an account's then.
    pub(super) signed_in: bool,
    pub(super) room: Option<RoomKey>,
    /// Place among its room's members or, logged in and in no room, in the lobby.
    pub(super) place: u64,
    /// The caller's own number for it.
    pub(super) tag: u64,
    pub(super) name: Option<Arc<str>>,
}

impl Session {
    pub(super) fn new(serial: NonZeroU32, tag: u64) -> Session {
        Session { serial, signed_in: false, room: None, place: 0, tag, name: None }
    }
}

impl Serial for Session {
    fn serial(&self) -> NonZeroU32 {
        self.serial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_small() {
        assert!(size_of::<Session>() <= 48);
    }
}
