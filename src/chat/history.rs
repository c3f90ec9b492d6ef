//! What a room remembers, and the bound on what all rooms remember together.
//!
//! Every event that takes a `seq` is kept, so a room's records are consecutive and none needs to
//! hold its own number. Nothing here is kept beyond the process.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque, vec_deque};

use super::event::EventKind;
use super::key::{Arena, RoomKey};
use super::room::Room;
use super::settings::Settings;
use super::time::Timestamp;

/// What a kept event counts besides the bytes of its names and text.
pub const RECORD_BYTES: usize = 64;

struct Record {
    /// Place among the records of all rooms.
    order: u64,
    at: Timestamp,
    kind: EventKind,
}

impl Record {
    fn bytes(&self) -> usize {
        RECORD_BYTES
            + match &self.kind {
                EventKind::Joined { name } | EventKind::Left { name } => name.len(),
                EventKind::Renamed { old, new } => old.len() + new.len(),
                EventKind::Message { from, body } => from.len() + body.as_str().len(),
                _ => 0,
            }
    }
}

/// One room's tail of events.
#[derive(Default)]
pub(super) struct RoomHistory {
    records: VecDeque<Record>,
    bytes: usize,
    /// The `seq` given last.
    last: u64,
    /// Whether the archive's queue has an entry of this room.
    queued: bool,
}

impl RoomHistory {
    pub(super) fn seq(&self) -> u64 {
        self.last
    }

    fn pop(&mut self) -> usize {
        let bytes = self.records.pop_front().map_or(0, |record| record.bytes());
        self.bytes -= bytes;
        bytes
    }

    fn is_over(&self, settings: &Settings) -> bool {
        self.records.len() > settings.history_events_max || self.bytes > settings.history_bytes_max
    }

    /// At most `limit` records with a `seq` above `after`, and whether one above it is gone.
    pub(super) fn since(&self, after: u64, limit: usize) -> (Records<'_>, bool) {
        let kept_after = self.last - self.records.len() as u64;
        let after = after.min(self.last);
        let start = after.max(kept_after);
        let skipped = (start - kept_after) as usize;
        let end = self.records.len().min(skipped.saturating_add(limit));
        let records = Records { records: self.records.range(skipped..end), seq: start };
        (records, after < kept_after)
    }
}

/// Part of a room's history.
pub struct History<'a> {
    /// A random text of the room's own. An old `seq` means nothing under another epoch.
    pub epoch: &'a str,
    /// Whether something after the wanted place is no longer kept.
    pub truncated: bool,
    /// The events, oldest first.
    pub records: Records<'a>,
}

/// One event of a room's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// Its place among the room's events.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What: a join, a leave, a renaming or a message.
    pub kind: &'a EventKind,
}

/// Events of a room's history, oldest first.
pub struct Records<'a> {
    records: vec_deque::Iter<'a, Record>,
    seq: u64,
}

impl<'a> Iterator for Records<'a> {
    type Item = Recorded<'a>;

    fn next(&mut self) -> Option<Recorded<'a>> {
        let record = self.records.next()?;
        self.seq += 1;
        Some(Recorded { seq: self.seq, at: record.at, kind: &record.kind })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for Records<'_> {}

/// Keeps all rooms' histories together within their bound.
///
/// The queue has one entry for a room with records, with the order its oldest record had when the
/// entry was made. The entry is corrected only when it comes up, so that a message costs no search.
#[derive(Default)]
pub(super) struct Archive {
    bytes: usize,
    last_order: u64,
    queue: BinaryHeap<Reverse<(u64, RoomKey)>>,
}

impl Archive {
    /// Gives the event the room's next `seq`, keeps it, and drops what is over a bound. A room
    /// that has ended gives 0 and keeps nothing.
    pub(super) fn append(
        &mut self,
        rooms: &mut Arena<Room>,
        room: RoomKey,
        at: Timestamp,
        kind: EventKind,
        settings: &Settings,
    ) -> u64 {
        let Some(history) = rooms.get_mut(room).map(|room| &mut room.history) else {
            return 0;
        };
        self.last_order += 1;
        let record = Record { order: self.last_order, at, kind };
        history.last += 1;
        history.bytes += record.bytes();
        self.bytes += record.bytes();
        history.records.push_back(record);
        while history.is_over(settings) {
            self.bytes -= history.pop();
        }
        if !history.queued
            && let Some(oldest) = history.records.front()
        {
            history.queued = true;
            self.queue.push(Reverse((oldest.order, room)));
        }
        let seq = history.last;
        self.shrink(rooms, settings.history_total_bytes_max);
        seq
    }

    /// Drops what is over bounds that have become lower.
    pub(super) fn trim(&mut self, rooms: &mut Arena<Room>, settings: &Settings) {
        for room in rooms.iter_mut() {
            while room.history.is_over(settings) {
                self.bytes -= room.history.pop();
            }
            room.history.records.shrink_to_fit();
        }
        self.shrink(rooms, settings.history_total_bytes_max);
    }

    /// Takes leave of a room that is no longer among `rooms`.
    pub(super) fn forget(&mut self, rooms: &Arena<Room>, history: &RoomHistory) {
        self.bytes -= history.bytes;
        // Its entry stays until it comes up. Rooms that come and go must not pile them up.
        if self.queue.len() > 2 * rooms.len() + 64 {
            self.queue.retain(|Reverse((_, room))| rooms.get(*room).is_some());
        }
    }

    /// Drops the oldest records of all rooms until `bytes_max` are left.
    fn shrink(&mut self, rooms: &mut Arena<Room>, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(mut entry) = self.queue.peek_mut() else {
                return;
            };
            let Reverse((order, room)) = *entry;
            let Some(history) = rooms.get_mut(room).map(|room| &mut room.history) else {
                PeekMut::pop(entry);
                continue;
            };
            if history.records.front().is_some_and(|oldest| oldest.order == order) {
                self.bytes -= history.pop();
                if history.records.len() < history.records.capacity() / 4 {
                    history.records.shrink_to(history.records.len() * 2);
                }
            }
            match history.records.front() {
                Some(oldest) => *entry = Reverse((oldest.order, room)),
                None => {
                    history.queued = false;
                    PeekMut::pop(entry);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Body, Event};
    use super::super::key::SessionId;
    use super::super::moves::{Join, RoomRef};
    use super::super::server::ChatServer;
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    fn server(settings: Settings) -> ChatServer {
        let mut number = 0;
        let random = Box::new(move || {
            number += 1;
            number
        });
        ChatServer::new(settings, NOW, random).unwrap()
    }

    fn enter(chat: &mut ChatServer, name: &str, room: &str) -> (SessionId, RoomKey) {
        let session = chat.open(0);
        let join = Join { name: Some(name), room: RoomRef::Name(room), create: true };
        let joined = chat.join(session, join, NOW, &mut Vec::new()).unwrap();
        (session, joined.room)
    }

    fn say(chat: &mut ChatServer, session: SessionId, text: &str) {
        let mut out: Vec<Event> = Vec::new();
        chat.say(session, Body::Text(text), NOW, &mut out).unwrap();
    }

    fn seqs(chat: &ChatServer, room: RoomKey, after: u64, limit: usize) -> (Vec<u64>, bool) {
        let history = chat.history(room, after, limit).unwrap();
        let expected = history.records.len();
        let seqs: Vec<u64> = history.records.map(|record| record.seq).collect();
        assert_eq!(seqs.len(), expected);
        (seqs, history.truncated)
    }

    #[test]
    fn records_are_small() {
        assert!(size_of::<Record>() <= RECORD_BYTES);
    }

    #[test]
    fn the_tail_is_kept_and_the_cut_is_told() {
        let mut chat = server(Settings { history_events_max: 3, ..Settings::default() });
        let (alice, room) = enter(&mut chat, "alice", "den");
        assert_eq!(seqs(&chat, room, 0, 200), (vec![1], false));
        for text in ["a", "b"] {
            say(&mut chat, alice, text);
        }
        assert_eq!(seqs(&chat, room, 0, 200), (vec![1, 2, 3], false));
        say(&mut chat, alice, "c");
        assert_eq!(seqs(&chat, room, 0, 200), (vec![2, 3, 4], true));
        assert_eq!(seqs(&chat, room, 0, 2), (vec![2, 3], true));
        assert_eq!(seqs(&chat, room, 1, 2), (vec![2, 3], false));
        assert_eq!(seqs(&chat, room, 3, 200), (vec![4], false));
        assert_eq!(seqs(&chat, room, 4, 200), (vec![], false));
        assert_eq!(seqs(&chat, room, u64::MAX, usize::MAX), (vec![], false));
        assert_eq!(seqs(&chat, room, 2, usize::MAX), (vec![3, 4], false));
        assert_eq!(seqs(&chat, room, 2, 0), (vec![], false));
    }

    #[test]
    fn a_room_keeps_only_so_many_bytes() {
        let bytes = 3 * (RECORD_BYTES + "alice".len() + 10);
        let mut chat = server(Settings { history_bytes_max: bytes, ..Settings::default() });
        let (alice, room) = enter(&mut chat, "alice", "den");
        for _ in 0..3 {
            say(&mut chat, alice, "0123456789");
        }
        assert_eq!(seqs(&chat, room, 0, 200), (vec![2, 3, 4], true));
        say(&mut chat, alice, "0123456789 ");
        assert_eq!(seqs(&chat, room, 0, 200), (vec![4, 5], true));
    }

    #[test]
    fn the_oldest_of_all_rooms_go() {
        let each = RECORD_BYTES + 1 + 1;
        let joins = 2 * (RECORD_BYTES + 1);
        let total = joins + 4 * each;
        let mut chat = server(Settings { history_total_bytes_max: total, ..Settings::default() });
        let (a, first) = enter(&mut chat, "a", "first");
        let (b, second) = enter(&mut chat, "b", "second");
        for session in [a, b, b, a] {
            say(&mut chat, session, "x");
        }
        assert_eq!(seqs(&chat, first, 0, 200), (vec![1, 2, 3], false));
        assert_eq!(seqs(&chat, second, 0, 200), (vec![1, 2, 3], false));
        say(&mut chat, b, "x");
        // The joins are a byte smaller than a message, so that one message costs both of them.
        assert_eq!(seqs(&chat, first, 0, 200), (vec![2, 3], true));
        assert_eq!(seqs(&chat, second, 0, 200), (vec![2, 3, 4], true));
        for _ in 0..4 {
            say(&mut chat, b, "x");
        }
        assert_eq!(seqs(&chat, first, 0, 200), (vec![], true));
        assert_eq!(seqs(&chat, second, 0, 200), (vec![4, 5, 6, 7, 8], true));
        say(&mut chat, a, "x");
        assert_eq!(seqs(&chat, first, 0, 200), (vec![4], true));
        assert_eq!(seqs(&chat, second, 0, 200), (vec![5, 6, 7, 8], true));
    }

    #[test]
    fn rooms_that_come_and_go_leave_nothing_behind() {
        let mut chat = server(Settings::default());
        for _ in 0..1000 {
            let (session, _) = enter(&mut chat, "a", "den");
            chat.close(session, NOW, &mut Vec::new());
        }
        assert_eq!(chat.rooms.archive.bytes, 0);
        assert!(chat.rooms.archive.queue.len() <= 70);
    }

    #[test]
    fn lower_limits_apply_at_once() {
        let mut chat = server(Settings::default());
        let (alice, room) = enter(&mut chat, "alice", "den");
        for _ in 0..20 {
            say(&mut chat, alice, "x");
        }
        chat.set_settings(Settings { history_events_max: 2, ..Settings::default() });
        assert_eq!(seqs(&chat, room, 0, 200), (vec![20, 21], true));
        chat.set_settings(Settings { history_total_bytes_max: 0, ..Settings::default() });
        assert_eq!(seqs(&chat, room, 0, 200), (vec![], true));
        say(&mut chat, alice, "x");
        assert_eq!(seqs(&chat, room, 21, 200), (vec![], true));
        assert_eq!(seqs(&chat, room, 22, 200), (vec![], false));
    }
}
