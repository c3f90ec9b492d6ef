//! Time: the deadlines of connections and the timers of services.
//!
//! Neither is taken back one by one: a deadline that has lost its meaning, or a timer that was
//! cancelled, is dropped when it comes up.

use slab::Slab;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::connection::ConnId;
use super::effects::Effects;

/// What a connection's deadline is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// Something must have been received by now.
    Silence,
    /// A closing connection's output must have been taken by now.
    Flush,
    /// Input has been discarded for long enough.
    Linger,
    /// The unsent output must be back under the soft limit by now.
    Soft,
    /// The opening handshake must be over by now.
    Handshake,
    /// The peer is to be probed.
    Keepalive,
    /// The frame that was under way must be finished by now.
    Frame,
}

const DEADLINES: [Deadline; 7] = [
    Deadline::Silence,
    Deadline::Flush,
    Deadline::Linger,
    Deadline::Soft,
    Deadline::Handshake,
    Deadline::Keepalive,
    Deadline::Frame,
];

/// The deadlines of all connections, 16 bytes each.
#[derive(Debug)]
pub(super) struct Deadlines {
    start: Instant,
    /// Milliseconds since `start` × 8 + kind, and the connection.
    heap: BinaryHeap<Reverse<(u64, ConnId)>>,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines { start: Instant::now(), heap: BinaryHeap::new() }
    }
}

impl Deadlines {
    pub(super) fn insert(&mut self, at: Instant, id: ConnId, what: Deadline) {
        // One millisecond up, so that a deadline never comes up early.
        let ms = at.saturating_duration_since(self.start).as_millis() as u64 + 1;
        self.heap.push(Reverse((ms << 3 | what as u64, id)));
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Keeps only the deadlines of connections that `keep` says yes to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(ConnId) -> bool) {
        self.heap.retain(|Reverse((_, id))| keep(*id));
    }

    /// When the next deadline comes up.
    pub(super) fn next(&self) -> Option<Instant> {
        let Reverse((key, _)) = self.heap.peek()?;
        Some(self.start + Duration::from_millis(key >> 3))
    }

    /// Takes one deadline that has come up.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(ConnId, Deadline)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((key, id)) = self.heap.pop()?;
        Some((id, DEADLINES[(key & 7) as usize]))
    }
}

/// Names a timer, for [`Effects::cancel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId {
    slot: usize,
    serial: u64,
}

type Callback<S> = Box<dyn FnOnce(&mut S, &mut Effects<S>)>;

/// The timers that services have set.
pub(super) struct Timers<S: 'static> {
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    callbacks: Slab<(u64, Callback<S>)>,
    next_serial: u64,
}

impl<S: 'static> Timers<S> {
    pub(super) fn new() -> Timers<S> {
        Timers { heap: BinaryHeap::new(), callbacks: Slab::new(), next_serial: 0 }
    }

    pub(super) fn insert(&mut self, at: Instant, callback: Callback<S>) -> TimerId {
        self.next_serial += 1;
        let serial = self.next_serial;
        let slot = self.callbacks.insert((serial, callback));
        self.heap.push(Reverse((at, serial, slot)));
        TimerId { slot, serial }
    }

    pub(super) fn cancel(&mut self, id: TimerId) {
        if self.callbacks.get(id.slot).is_some_and(|(serial, _)| *serial == id.serial) {
            drop(self.callbacks.remove(id.slot));
        }
    }

    /// When the next timer comes up; perhaps one that was cancelled.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Marks the timers set so far: see [`pop`](Self::pop).
    pub(super) fn mark(&self) -> u64 {
        self.next_serial
    }

    /// Takes the callback of one timer that has come up and was set before `mark`: one that is set
    /// for now, by a callback, has to wait for the next turn.
    pub(super) fn pop(&mut self, now: Instant, mark: u64) -> Option<Callback<S>> {
        while let Some(&Reverse((at, serial, slot))) = self.heap.peek()
            && at <= now
            && serial <= mark
        {
            self.heap.pop();
            if self.callbacks.get(slot).is_some_and(|(current, _)| *current == serial) {
                return Some(self.callbacks.remove(slot).1);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_up_in_order_and_never_early() {
        let mut deadlines = Deadlines::default();
        let start = deadlines.start;
        let id = |serial| ConnId { slot: 0, serial };
        deadlines.insert(start + Duration::from_millis(20), id(1), Deadline::Linger);
        deadlines.insert(start + Duration::from_micros(10_500), id(2), Deadline::Silence);
        assert_eq!(deadlines.pop(start + Duration::from_millis(10)), None);
        let later = start + Duration::from_millis(30);
        assert_eq!(deadlines.pop(later), Some((id(2), Deadline::Silence)));
        assert_eq!(deadlines.pop(later), Some((id(1), Deadline::Linger)));
        assert_eq!(deadlines.pop(later), None);
    }

    #[test]
    fn a_cancelled_timer_never_comes_up_nor_does_its_successor_in_the_slot() {
        let mut timers: Timers<()> = Timers::new();
        let now = Instant::now();
        let first = timers.insert(now, Box::new(|_, _| {}));
        timers.cancel(first);
        let second = timers.insert(now + Duration::from_secs(1), Box::new(|_, _| {}));
        assert_eq!(second.slot, first.slot);
        timers.cancel(first);
        let mark = timers.mark();
        assert!(timers.pop(now, mark).is_none());
        assert!(timers.pop(now + Duration::from_secs(1), mark).is_some());
    }

    #[test]
    fn a_timer_set_for_now_waits_for_the_next_turn() {
        let mut timers: Timers<()> = Timers::new();
        let now = Instant::now();
        timers.insert(now, Box::new(|_, _| {}));
        let mark = timers.mark();
        assert!(timers.pop(now, mark).is_some());
        timers.insert(now, Box::new(|_, _| {}));
        assert!(timers.pop(now, mark).is_none());
        assert!(timers.pop(now, timers.mark()).is_some());
    }
}
