//! The handles of sessions and rooms, and the arena both live in.
//!
//! A handle is a slot plus a serial. Slots are used again, serials are not, so whoever keeps a
//! handle too long finds nothing instead of somebody else.

use std::num::NonZeroU32;

use slab::Slab;

/// A slot and the serial of what stood there when the handle was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Handle {
    slot: u32,
    serial: NonZeroU32,
}

impl Handle {
    fn to_bits(self) -> u64 {
        u64::from(self.serial.get()) << 32 | u64::from(self.slot)
    }

    fn from_bits(bits: u64) -> Option<Handle> {
        let serial = NonZeroU32::new((bits >> 32) as u32)?;
        Some(Handle { slot: bits as u32, serial })
    }
}

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Handle);

        impl $name {
            /// The handle as one number, for places that keep no types: serial in the upper half,
            /// slot in the lower.
            pub fn to_bits(self) -> u64 {
                self.0.to_bits()
            }

            /// The handle that [`to_bits`](Self::to_bits) made the number from; `None` if it made
            /// no such number.
            pub fn from_bits(bits: u64) -> Option<Self> {
                Handle::from_bits(bits).map(Self)
            }
        }

        impl From<Handle> for $name {
            fn from(handle: Handle) -> Self {
                Self(handle)
            }
        }

        impl From<$name> for Handle {
            fn from(handle: $name) -> Self {
                handle.0
            }
        }
    };
}

handle! {
    /// One session: a connection as chat knows it. Of a closed session it is stale: operations
    /// refuse it and queries find nothing.
    SessionId
}

handle! {
    /// One room, from its creation to its end. A room made again under the same name has another
    /// key.
    RoomKey
}

/// What an [`Arena`] holds keeps its own serial, where it often costs no memory.
pub(super) trait Serial {
    /// The serial that [`Arena::insert_with`] gave.
    fn serial(&self) -> NonZeroU32;
}

/// Values in slots, found by handle.
pub(super) struct Arena<T> {
    slots: Slab<T>,
    last_serial: u32,
}

impl<T: Serial> Arena<T> {
    pub(super) fn new() -> Arena<T> {
        Arena { slots: Slab::new(), last_serial: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Stores what `make` returns; it must keep the serial it is given.
    pub(super) fn insert_with(&mut self, make: impl FnOnce(NonZeroU32) -> T) -> Handle {
        if self.slots.len() == self.slots.capacity() {
            // By a quarter instead of doubling: sessions are the bulk of an idle server's memory.
            self.slots.reserve_exact((self.slots.len() / 4).max(16));
        }
        self.last_serial = self.last_serial.wrapping_add(1).max(1);
        let serial = NonZeroU32::new(self.last_serial).unwrap_or(NonZeroU32::MIN);
        let slot = self.slots.insert(make(serial)) as u32;
        Handle { slot, serial }
    }

    pub(super) fn get(&self, handle: impl Into<Handle>) -> Option<&T> {
        let handle = handle.into();
        self.slots.get(handle.slot as usize).filter(|value| value.serial() == handle.serial)
    }

    pub(super) fn get_mut(&mut self, handle: impl Into<Handle>) -> Option<&mut T> {
        let handle = handle.into();
        self.slots.get_mut(handle.slot as usize).filter(|value| value.serial() == handle.serial)
    }

    pub(super) fn remove(&mut self, handle: impl Into<Handle>) -> Option<T> {
        let handle = handle.into();
        self.get(handle)?;
        self.slots.try_remove(handle.slot as usize)
    }

    /// Every value, in no particular order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Kept(NonZeroU32, char);

    impl Serial for Kept {
        fn serial(&self) -> NonZeroU32 {
            self.0
        }
    }

    #[test]
    fn a_stale_handle_misses_what_took_its_slot() {
        let mut arena = Arena::new();
        let first = arena.insert_with(|serial| Kept(serial, 'a'));
        assert_eq!(arena.remove(first).map(|kept| kept.1), Some('a'));
        let second = arena.insert_with(|serial| Kept(serial, 'b'));
        assert_eq!(first.slot, second.slot);
        assert!(arena.get(first).is_none());
        assert!(arena.get_mut(first).is_none());
        assert!(arena.remove(first).is_none());
        assert_eq!(arena.get(second).map(|kept| kept.1), Some('b'));
    }

    #[test]
    fn bits_carry_a_handle_whole() {
        let mut arena = Arena::new();
        let id = SessionId::from(arena.insert_with(|serial| Kept(serial, 'a')));
        assert_eq!(SessionId::from_bits(id.to_bits()), Some(id));
        assert_eq!(SessionId::from_bits(7), None);
        assert_eq!(size_of::<Option<SessionId>>(), 8);
    }

    #[test]
    fn room_for_more_is_made_in_steps() {
        let mut arena = Arena::new();
        for _ in 0..20_000 {
            arena.insert_with(|serial| Kept(serial, 'x'));
        }
        assert!(arena.slots.capacity() < 20_000 * 5 / 4 + 1);
        assert_eq!(arena.len(), 20_000);
    }
}
