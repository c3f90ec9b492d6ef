//! Whose turn a call is: the order in which a talk asks.
//!
//! Most calls go out at once, and several may be under way. What moves one elsewhere or changes what
//! one is called goes alone: it waits for what was asked before, and what comes after waits for it,
//! since all that follows depends on where one is. What is asked, and how, is the talk's affair.

use std::collections::VecDeque;

use super::Tag;
use crate::client::call::Call;
use crate::client::error::CallError;

/// Calls at most that are not answered yet; one more is refused.
const CALLS_MAX: usize = 256;

/// Calls that wait for their turn, and what was asked of the server for others, in its order.
#[derive(Debug)]
pub(super) struct Turns<A> {
    waiting: VecDeque<(Tag, Call)>,
    /// What was asked and is not answered yet. A talk adds to it what it asks in its turn and takes
    /// out what was answered.
    pub(super) asked: VecDeque<A>,
    /// Somebody goes alone, as long as anything is asked.
    alone: bool,
}

impl<A> Default for Turns<A> {
    fn default() -> Turns<A> {
        Turns { waiting: VecDeque::new(), asked: VecDeque::new(), alone: false }
    }
}

impl<A> Turns<A> {
    /// Takes a call in.
    ///
    /// # Errors
    /// [`CallError::Busy`] if there are too many already.
    pub(super) fn add(&mut self, tag: Tag, call: &Call) -> Result<(), CallError> {
        if self.waiting.len() + self.asked.len() >= CALLS_MAX {
            return Err(CallError::Busy);
        }
        self.waiting.push_back((tag, call.clone()));
        Ok(())
    }

    /// The next call that may be asked now.
    pub(super) fn next(&mut self) -> Option<(Tag, Call)> {
        let idle = self.asked.is_empty();
        let goes_alone = self.waiting.front()?.1.moves();
        if !idle && (self.alone || goes_alone) {
            return None;
        }
        self.alone = goes_alone;
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_goes_alone_and_in_its_order() {
        let mut turns = Turns::default();
        let join = Call::Join { room: None, name: None };
        let calls = [Call::Rooms, Call::Users, join, Call::Users, Call::Ping, Call::Leave];
        for (tag, call) in calls.iter().enumerate() {
            assert_eq!(turns.add(Tag(tag as u64), call), Ok(()));
        }
        let mut next = |answered: usize| {
            turns.asked.drain(..answered);
            let mut tags = Vec::new();
            while let Some((Tag(tag), _)) = turns.next() {
                turns.asked.push_back(tag);
                tags.push(tag);
            }
            tags
        };
        assert_eq!(next(0), [0, 1]);
        assert_eq!(next(1), [0; 0], "joining waits for both");
        assert_eq!(next(1), [2]);
        assert_eq!(next(0), [0; 0]);
        assert_eq!(next(1), [3, 4]);
        assert_eq!(next(2), [5]);
        assert_eq!(next(1), [0; 0]);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut turns = Turns::default();
        let add = |turns: &mut Turns<()>| turns.add(Tag(0), &Call::Ping);
        for _ in 0..CALLS_MAX {
            assert_eq!(add(&mut turns), Ok(()));
        }
        assert!(matches!(add(&mut turns), Err(CallError::Busy)));
        assert!(turns.next().is_some());
        assert_eq!(add(&mut turns), Ok(()), "answered on the spot");
    }
}
