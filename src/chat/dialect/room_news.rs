//! News of the list of rooms: what has changed in it and is still to be told.
//!
//! Rooms can be made and left by the thousands, and who follows the list cannot leave it to get rid
//! of that. So changes wait a while, those that undo each other are never told, and so many at a
//! time are told and no more.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::chat::{Event, RoomKey};

/// How long a change waits for others to be told with it.
pub(super) const ROOM_NEWS_DELAY: Duration = Duration::from_millis(100);

/// Changes at most that are told at a time.
const ROOM_NEWS_MAX: usize = 200;

/// Changes of the list of rooms that are still to be told: of each room one at most, so that there
/// can be no more than there are rooms now and were told of.
#[derive(Default)]
pub(super) struct RoomNews {
    /// By the order in which they happened.
    waiting: BTreeMap<u64, Event>,
    /// Where a room's change stands.
    places: HashMap<RoomKey, u64>,
    last_place: u64,
    /// Whether somebody will come for them.
    is_due: bool,
}

impl RoomNews {
    /// Takes a change in. A room is listed and unlisted by turns, so that a second change undoes
    /// the first. `true`: come for it in [`ROOM_NEWS_DELAY`].
    pub(super) fn note(&mut self, event: Event) -> bool {
        if let Some(place) = self.places.remove(&event.room) {
            self.waiting.remove(&place);
            return false;
        }
        self.last_place += 1;
        self.places.insert(event.room, self.last_place);
        self.waiting.insert(self.last_place, event);
        !std::mem::replace(&mut self.is_due, true)
    }

    /// The oldest changes, and whether to come again for others.
    pub(super) fn take(&mut self) -> (Vec<Event>, bool) {
        let mut news = Vec::new();
        while news.len() < ROOM_NEWS_MAX
            && let Some((_, event)) = self.waiting.pop_first()
        {
            self.places.remove(&event.room);
            news.push(event);
        }
        self.is_due = !self.waiting.is_empty();
        (news, self.is_due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Audience, EventKind, Timestamp};

    fn change(room: u64) -> Event {
        let key = RoomKey::from_bits(1 << 32 | room).expect("a key");
        let kind = EventKind::RoomOpened { id: room.to_string().into() };
        let (subject, audience, at) = (None, Audience::RoomList, Timestamp(0));
        Event { room: key, room_name: "x".into(), subject, audience, seq: 0, at, kind }
    }

    fn told(news: &mut RoomNews) -> (Vec<u64>, bool) {
        let (events, more) = news.take();
        (events.iter().map(|event| event.room.to_bits() & 0xffff_ffff).collect(), more)
    }

    #[test]
    fn changes_are_told_in_order_but_for_those_that_are_undone() {
        let mut news = RoomNews::default();
        assert!(news.note(change(3)), "somebody has to come for it");
        assert!(!news.note(change(1)), "they come anyway");
        assert!(!news.note(change(2)));
        assert!(!news.note(change(1)), "undone");
        assert_eq!(told(&mut news), (vec![3, 2], false));
        assert!(news.note(change(2)), "told already, so it is news again");
        assert!(!news.note(change(2)));
        assert!(!news.note(change(4)), "they come anyway, though there was nothing left");
        assert_eq!(told(&mut news), (vec![4], false));
        assert_eq!(told(&mut news), (vec![], false));
        assert!(news.waiting.is_empty() && news.places.is_empty());
    }

    #[test]
    fn so_many_are_told_at_a_time() {
        let mut news = RoomNews::default();
        assert_eq!((0..450).filter(|room| news.note(change(*room))).count(), 1);
        assert_eq!(told(&mut news), ((0..200).collect(), true));
        assert!(!news.note(change(300)), "they come again");
        assert_eq!(told(&mut news), ((200..300).chain(301..401).collect(), true));
        assert_eq!(told(&mut news), ((401..450).collect(), false));
    }
}
