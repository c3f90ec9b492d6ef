//! Events that wait to be taken.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::event::Event;

/// Events that wait at most.
const EVENTS_MAX: usize = 4096;

/// And about so many bytes of them.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// A queue between the engine and whoever takes events. When it is full, the oldest go, and what is
/// taken next is that something was missed.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    bytes: usize,
    missed: bool,
    ended: bool,
}

impl Queue {
    pub(super) fn push(&self, event: Event) {
        let mut state = self.lock();
        state.bytes += event.bytes();
        state.events.push_back(event);
        while state.events.len() > EVENTS_MAX || state.bytes > BYTES_MAX {
            let Some(oldest) = state.events.pop_front() else { break };
            state.bytes = state.bytes.saturating_sub(oldest.bytes());
            state.missed = true;
        }
        self.changed.notify_one();
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// The next event; `None` when it does not come in time, or none will come any more. Without a
    /// time, waits for as long as it takes.
    pub(super) fn take(&self, timeout: Option<Duration>) -> Option<Event> {
        // A time that no clock can tell is as good as none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            if std::mem::take(&mut state.missed) {
                return Some(Event::Missed);
            }
            if let Some(event) = state.events.pop_front() {
                state.bytes = state.bytes.saturating_sub(event.bytes());
                return Some(event);
            }
            if state.ended {
                return None;
            }
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(text: &str) -> Event {
        Event::Notice { text: text.into() }
    }

    #[test]
    fn the_oldest_go_when_nobody_takes_them() {
        let queue = Queue::default();
        for number in 0..EVENTS_MAX + 3 {
            queue.push(notice(&number.to_string()));
        }
        assert_eq!(queue.take(Some(Duration::ZERO)), Some(Event::Missed));
        assert_eq!(queue.take(Some(Duration::ZERO)), Some(notice("3")));
        let rest = std::iter::from_fn(|| queue.take(Some(Duration::ZERO)));
        assert_eq!(rest.count(), EVENTS_MAX - 1);
    }

    #[test]
    fn long_ones_go_sooner() {
        let queue = Queue::default();
        let long = "x".repeat(BYTES_MAX / 4);
        for _ in 0..100 {
            queue.push(notice(&long));
        }
        assert_eq!(queue.take(None), Some(Event::Missed));
        assert_eq!(std::iter::from_fn(|| queue.take(Some(Duration::ZERO))).count(), 3);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn the_end_comes_after_what_waits() {
        let queue = Queue::default();
        queue.push(notice("last"));
        queue.end();
        assert_eq!(queue.take(None), Some(notice("last")));
        assert_eq!(queue.take(None), None);
    }
}
