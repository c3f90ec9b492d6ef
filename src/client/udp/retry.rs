//! Requests that are sent again until they are answered, or given up.
//!
//! A machine without socket and clock: it is told what was sent and answered and what time it is,
//! and says what to send again. Nothing here knows what a datagram holds. Requests overtake each
//! other when one has to be sent again: who wants an order waits for each answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// The longest that an answer is waited for at a time, whatever the policy says: ten years.
const DELAY_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// When to send again, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How long to wait for an answer before sending again for the first time; each time after
    /// that, twice as long as before.
    pub base_delay: Duration,
    /// How often to send again. After the last time the answer is waited for once more.
    pub max_retries: u32,
    /// Requests at most that wait for their answers at the same time.
    pub outstanding_max: usize,
}

impl Default for RetryPolicy {
    /// 200 ms, 5 times, 64 requests: given up after 12.6 s.
    fn default() -> RetryPolicy {
        RetryPolicy { base_delay: Duration::from_millis(200), max_retries: 5, outstanding_max: 64 }
    }
}

/// Requests that were sent and are not answered.
#[derive(Debug)]
pub struct Retries {
    policy: RetryPolicy,
    outstanding: BTreeMap<u64, Outstanding>,
}

#[derive(Debug)]
struct Outstanding {
    datagram: Box<[u8]>,
    /// How often it was sent again.
    retries: u32,
    /// When to do something about it.
    due: Instant,
}

/// Something that is to be done about a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Due<'a> {
    /// Send it again.
    Resend(&'a [u8]),
    /// Report that it has failed, as far as can be known: only its answers may have got lost.
    Failed {
        /// Its id.
        id: u64,
        /// The whole request.
        datagram: Box<[u8]>,
    },
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// As many requests as may are waiting for their answers.
    TooMany,
    /// A request with this id is waiting for its answer.
    SameId,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::TooMany => "too many requests are not answered yet",
            SendError::SameId => "a request with this id is not answered yet",
        })
    }
}

impl std::error::Error for SendError {}

impl Retries {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Retries {
        Retries { policy, outstanding: BTreeMap::new() }
    }

    /// Takes note of a request that is sent for the first time, now. An id must not be given to two
    /// requests, or a late answer to one is taken for the other's.
    ///
    /// # Errors
    /// [`SendError`]. It must not be sent then.
    pub fn send(
        &mut self,
        id: u64,
        datagram: impl Into<Box<[u8]>>,
        now: Instant,
    ) -> Result<(), SendError> {
        if self.outstanding.contains_key(&id) {
            return Err(SendError::SameId);
        }
        if self.outstanding.len() >= self.policy.outstanding_max {
            return Err(SendError::TooMany);
        }
        let due = now + self.policy.base_delay.min(DELAY_MAX);
        let request = Outstanding { datagram: datagram.into(), retries: 0, due };
        self.outstanding.insert(id, request);
        Ok(())
    }

    /// Takes note that a request is answered, with whatever. `false`: it was answered before, given
    /// up, or never sent.
    pub fn answered(&mut self, id: u64) -> bool {
        self.outstanding.remove(&id).is_some()
    }

    /// The next thing to be done now; call it until there is none. What comes up late is done once,
    /// not as often as time has passed.
    pub fn poll(&mut self, now: Instant) -> Option<Due<'_>> {
        let due = self.outstanding.iter().filter(|(_, request)| request.due <= now);
        let id = *due.min_by_key(|(_, request)| request.due)?.0;
        if self.outstanding.get(&id)?.retries >= self.policy.max_retries {
            let Outstanding { datagram, .. } = self.outstanding.remove(&id)?;
            return Some(Due::Failed { id, datagram });
        }
        let request = self.outstanding.get_mut(&id)?;
        request.retries += 1;
        // Beyond this many doublings nobody waits.
        let doubled = 1u32.checked_shl(request.retries).unwrap_or(u32::MAX);
        request.due = now + self.policy.base_delay.saturating_mul(doubled).min(DELAY_MAX);
        Some(Due::Resend(&request.datagram))
    }

    /// When [`poll`](Self::poll) has something to do next; `None`: everything is answered.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.outstanding.values().map(|request| request.due).min()
    }

    /// How many requests are waiting for their answers.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_request_is_sent_again_after_twice_as_long_each_time_and_then_given_up() {
        let start = Instant::now();
        let mut retries = Retries::new(RetryPolicy::default());
        assert_eq!(retries.next_deadline(), None);
        retries.send(7, *b"seven", start).unwrap();
        for at in [200, 600, 1400, 3000, 6200] {
            assert_eq!(retries.next_deadline(), Some(start + ms(at)));
            assert_eq!(retries.poll(start + ms(at - 1)), None);
            assert_eq!(retries.poll(start + ms(at)), Some(Due::Resend(b"seven")));
            assert_eq!(retries.poll(start + ms(at)), None);
        }
        assert_eq!(retries.next_deadline(), Some(start + ms(12_600)));
        let failed = Due::Failed { id: 7, datagram: (*b"seven").into() };
        assert_eq!(retries.poll(start + ms(12_600)), Some(failed));
        assert_eq!((retries.next_deadline(), retries.outstanding()), (None, 0));
        assert!(!retries.answered(7), "too late");
    }

    #[test]
    fn what_is_answered_is_done_with() {
        let start = Instant::now();
        let mut retries = Retries::new(RetryPolicy::default());
        for id in 1..=3 {
            retries.send(id, [id as u8], start + ms(id)).unwrap();
        }
        assert!(retries.answered(2) && !retries.answered(2) && !retries.answered(4));
        let later = start + ms(500);
        assert_eq!(retries.poll(later), Some(Due::Resend(&[1])));
        assert_eq!(retries.poll(later), Some(Due::Resend(&[3])));
        assert_eq!(retries.poll(later), None);
        // However late it was, the next time is as far away as it would have been.
        assert_eq!(retries.next_deadline(), Some(later + ms(400)));
    }

    #[test]
    fn no_more_wait_than_may_and_no_two_with_one_id() {
        let now = Instant::now();
        let policy = RetryPolicy { outstanding_max: 2, ..RetryPolicy::default() };
        let mut retries = Retries::new(policy);
        retries.send(1, *b"a", now).unwrap();
        assert_eq!(retries.send(1, *b"b", now), Err(SendError::SameId));
        retries.send(2, *b"b", now).unwrap();
        assert_eq!(retries.send(3, *b"c", now), Err(SendError::TooMany));
        assert!(retries.answered(1));
        assert_eq!(retries.send(3, *b"c", now), Ok(()));
        assert_eq!(retries.outstanding(), 2);
    }

    #[test]
    fn no_policy_overflows() {
        let now = Instant::now();
        let policy =
            RetryPolicy { base_delay: Duration::ZERO, max_retries: 1000, ..RetryPolicy::default() };
        let mut retries = Retries::new(policy);
        retries.send(1, *b"a", now).unwrap();
        for _ in 0..1000 {
            assert_eq!(retries.poll(now), Some(Due::Resend(b"a")));
        }
        assert!(matches!(retries.poll(now), Some(Due::Failed { id: 1, .. })));
        for base_delay in [Duration::from_secs(u64::from(u32::MAX)), Duration::MAX] {
            let mut retries = Retries::new(RetryPolicy { base_delay, ..policy });
            retries.send(1, *b"a", now).unwrap();
            let due = retries.next_deadline().unwrap();
            assert_eq!(retries.poll(due), Some(Due::Resend(b"a")));
            assert!(retries.next_deadline() > Some(now));
        }
    }
}
