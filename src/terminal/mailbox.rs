//! The one way in to the loop of the screen, and of the line mode: from the client's thread, the
//! keyboard's and the signals'.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client::{Answer, CallError, Event};

use super::app::Tag;

/// Events that wait at most. Whoever brings one more waits itself: the client then reads no further,
/// and so does the server not write to it.
const EVENTS_MAX: usize = 4096;

/// And about so many bytes of them, but one in any case.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Something for the loop.
#[derive(Debug)]
pub(super) enum Item {
    /// From the client.
    Event(Event),
    /// What a call was answered.
    Answer(Tag, Result<Answer, CallError>),
    /// A key or a paste.
    Terminal(crossterm::event::Event),
    /// There is something new to be read, or nothing any more.
    Input,
    /// The terminal has another size.
    Resized,
    /// It is to stop: Ctrl-Z, or a signal.
    Suspend,
    /// It goes on after a stop.
    Continued,
    /// It is to end: a signal, or the terminal is gone.
    End,
}

/// What waits for the loop.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    items: Vec<Item>,
    events: usize,
    /// What the events take.
    bytes: usize,
    closed: bool,
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.events >= EVENTS_MAX || self.bytes >= BYTES_MAX
    }
}

impl Mailbox {
    /// Brings something that there is only so much of.
    pub(super) fn put(&self, item: Item) {
        let mut waiting = self.lock();
        if !waiting.closed {
            waiting.items.push(item);
            self.changed.notify_all();
        }
    }

    /// Brings an event, when there is room for it.
    pub(super) fn put_event(&self, event: Event) {
        let mut waiting = self.lock();
        while waiting.is_full() && !waiting.closed {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if !waiting.closed {
            waiting.events += 1;
            waiting.bytes += event.bytes();
            waiting.items.push(Item::Event(event));
            self.changed.notify_all();
        }
    }

    /// Takes all that waits, as soon as there is anything; nothing, when that lasts too long.
    pub(super) fn take(&self, patience: Duration) -> Vec<Item> {
        let deadline = Instant::now() + patience;
        let mut waiting = self.lock();
        while waiting.items.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.changed.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        (waiting.events, waiting.bytes) = (0, 0);
        self.changed.notify_all();
        std::mem::take(&mut waiting.items)
    }

    /// Nothing is taken any more; nobody waits for room.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.items.clear();
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn who_brings_too_many_events_waits() {
        let mailbox = Arc::new(Mailbox::default());
        let bringer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for _ in 0..3 * EVENTS_MAX {
                    mailbox.put_event(Event::Missed);
                }
            })
        };
        let mut taken = 0;
        while taken < 3 * EVENTS_MAX {
            let items = mailbox.take(Duration::from_secs(20));
            assert!((1..=EVENTS_MAX).contains(&items.len()), "{}", items.len());
            taken += items.len();
        }
        bringer.join().unwrap();
        assert!(mailbox.take(Duration::ZERO).is_empty());
    }

    #[test]
    fn long_ones_wait_sooner() {
        let mailbox = Arc::new(Mailbox::default());
        let long = || Event::Notice { text: "x".repeat(BYTES_MAX / 4) };
        let bringer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || (0..20).for_each(|_| mailbox.put_event(long())))
        };
        let mut taken = 0;
        while taken < 20 {
            let items = mailbox.take(Duration::from_secs(20));
            assert!((1..=4).contains(&items.len()), "{}", items.len());
            taken += items.len();
        }
        bringer.join().unwrap();
    }

    #[test]
    fn a_closed_one_holds_nobody_up() {
        let mailbox = Mailbox::default();
        mailbox.close();
        for _ in 0..2 * EVENTS_MAX {
            mailbox.put_event(Event::Missed);
        }
        mailbox.put(Item::End);
        assert!(mailbox.take(Duration::ZERO).is_empty());
    }
}
