//! Output waiting for one connection: what this turn added, and what the kernel did not take.
//!
//! During a turn a connection's output is a linked list of [`Slice`]s in one arena shared by all
//! connections ([`TurnSlices`]); it costs no allocation and nothing while idle. At the flush the
//! slices become one vectored write. Only what the kernel refuses is kept, as [`Kept`] references
//! to shared bytes, in the connection's [`Backlog`]. Nothing here writes to a socket.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;
use std::time::Instant;

/// "No slice": the end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// Where a slice's bytes lie until the flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The turn's buffer of direct answers.
    Answers,
    /// The batch of the group in this slab slot.
    Group(u32),
}

/// A piece of this turn's output for one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) source: Source,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The connection's next slice, or [`NONE`].
    pub(super) next: u32,
}

impl Slice {
    pub(super) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// A connection's place in the arena: its first and last slice of this turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct TurnList {
    pub(super) head: u32,
    tail: u32,
}

impl TurnList {
    pub(super) const EMPTY: TurnList = TurnList { head: NONE, tail: NONE };

    pub(super) fn is_empty(&self) -> bool {
        self.head == NONE
    }
}

/// The slices of all connections for this turn.
#[derive(Debug, Default)]
pub(super) struct TurnSlices {
    arena: Vec<Slice>,
}

impl TurnSlices {
    /// Appends `source[start..end]` to `list`; joins it to the last slice where the two touch.
    pub(super) fn push(&mut self, list: &mut TurnList, source: Source, start: usize, end: usize) {
        if start == end {
            return;
        }
        let (start, end) = (start as u32, end as u32);
        if let Some(last) = self.arena.get_mut(list.tail as usize)
            && last.source == source
            && last.end == start
        {
            last.end = end;
            return;
        }
        let index = self.arena.len() as u32;
        self.arena.push(Slice { source, start, end, next: NONE });
        match self.arena.get_mut(list.tail as usize) {
            Some(last) => last.next = index,
            None => list.head = index,
        }
        list.tail = index;
    }

    /// The slice at `index`, or `None` at the end of a list.
    pub(super) fn get(&self, index: u32) -> Option<Slice> {
        self.arena.get(index as usize).copied()
    }

    /// Forgets all slices; every list must have been reset.
    pub(super) fn clear(&mut self) {
        self.arena.clear();
    }
}

/// Bytes the kernel has not taken yet, shared with others who wait for the same.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Rc<[u8]>,
    start: u32,
    end: u32,
    /// A direct answer: one such alone may pass the hard limit.
    answer: bool,
    /// What is left begins where a frame does.
    begins_frame: bool,
}

impl Kept {
    pub(super) fn new(bytes: Rc<[u8]>, start: usize, end: usize) -> Kept {
        let (start, end) = (start as u32, end as u32);
        Kept { bytes, start, end, answer: false, begins_frame: false }
    }

    pub(super) fn answer(self) -> Kept {
        Kept { answer: true, ..self }
    }

    pub(super) fn begins_frame(self, begins_frame: bool) -> Kept {
        Kept { begins_frame, ..self }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start as usize..self.end as usize]
    }

    fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// What a connection owes its peer from earlier turns, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    queue: VecDeque<Kept>,
    bytes: usize,
    /// Nothing was taken of it since this was set.
    pub(super) stuck: bool,
    /// Since when the soft limit has been exceeded without a break.
    pub(super) over_soft_since: Option<Instant>,
}

impl Backlog {
    pub(super) fn push(&mut self, kept: Kept) {
        self.bytes += kept.len();
        self.queue.push_back(kept);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether no frame was sent in part: the queue stands between two.
    pub(super) fn begins_frame(&self) -> bool {
        self.queue.front().is_some_and(|kept| kept.begins_frame)
    }

    /// Bytes that count under the hard limit: all but one answer that is longer than it alone.
    pub(super) fn bytes_under_hard_limit(&self, hard: usize) -> usize {
        // By its whole length, for it must not lose its excuse by being read.
        let lone = self.queue.iter().find(|kept| kept.answer && kept.bytes.len() > hard);
        self.bytes - lone.map_or(0, Kept::len)
    }

    /// Points `into` at the oldest bytes; gives how many slices it filled.
    pub(super) fn gather<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let slots = into.len();
        for (slot, kept) in into.iter_mut().zip(&self.queue) {
            *slot = IoSlice::new(kept.as_slice());
        }
        self.queue.len().min(slots)
    }

    /// Removes the oldest `count` bytes: the kernel took them.
    pub(super) fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        self.stuck &= count == 0;
        while let Some(front) = self.queue.front_mut() {
            if count < front.len() {
                front.start += count as u32;
                front.begins_frame &= count == 0;
                return;
            }
            count -= front.len();
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(turn: &TurnSlices, list: TurnList) -> Vec<(Source, u32, u32)> {
        let mut found = Vec::new();
        let mut at = list.head;
        while let Some(slice) = turn.get(at) {
            found.push((slice.source, slice.start, slice.end));
            at = slice.next;
        }
        found
    }

    #[test]
    fn touching_slices_join_and_empty_ones_vanish() {
        let mut turn = TurnSlices::default();
        let (mut one, mut other) = (TurnList::EMPTY, TurnList::EMPTY);
        turn.push(&mut one, Source::Answers, 0, 10);
        turn.push(&mut other, Source::Group(3), 5, 5);
        turn.push(&mut one, Source::Answers, 10, 12);
        turn.push(&mut one, Source::Group(3), 0, 4);
        turn.push(&mut other, Source::Group(3), 0, 4);
        turn.push(&mut one, Source::Group(3), 9, 12);
        assert_eq!(
            slices(&turn, one),
            [(Source::Answers, 0, 12), (Source::Group(3), 0, 4), (Source::Group(3), 9, 12)]
        );
        assert_eq!(slices(&turn, other), [(Source::Group(3), 0, 4)]);
    }

    #[test]
    fn a_backlog_gives_up_exactly_what_was_taken() {
        let mut backlog = Backlog::default();
        let shared: Rc<[u8]> = Rc::from(&b"0123456789"[..]);
        backlog.push(Kept::new(Rc::clone(&shared), 2, 6));
        backlog.push(Kept::new(shared, 8, 10));
        backlog.advance(3);
        assert_eq!(backlog.bytes(), 3);
        let mut into = [IoSlice::new(&[]); 4];
        assert_eq!(backlog.gather(&mut into), 2);
        assert_eq!((&*into[0], &*into[1]), (&b"5"[..], &b"89"[..]));
        backlog.advance(3);
        assert!(backlog.is_empty());
        assert_eq!(backlog.bytes(), 0);
    }

    #[test]
    fn a_backlog_knows_whether_it_stands_between_frames() {
        let mut backlog = Backlog::default();
        let shared: Rc<[u8]> = Rc::from(&b"0123456789"[..]);
        backlog.push(Kept::new(Rc::clone(&shared), 0, 5).begins_frame(true));
        backlog.push(Kept::new(Rc::clone(&shared), 5, 8));
        backlog.push(Kept::new(shared, 8, 10).begins_frame(true));
        assert!(backlog.begins_frame());
        backlog.advance(0);
        assert!(backlog.begins_frame());
        backlog.advance(1);
        assert!(!backlog.begins_frame());
        backlog.advance(4);
        assert!(!backlog.begins_frame(), "the second piece goes on with a frame");
        backlog.advance(3);
        assert!(backlog.begins_frame());
    }

    #[test]
    fn one_long_answer_is_excused_from_the_hard_limit() {
        let mut backlog = Backlog::default();
        backlog.push(Kept::new(Rc::from(vec![0; 50]), 0, 50));
        backlog.push(Kept::new(Rc::from(vec![0; 200]), 0, 200).answer());
        assert_eq!(backlog.bytes_under_hard_limit(100), 50);
        assert_eq!(backlog.bytes_under_hard_limit(300), 250);
        backlog.push(Kept::new(Rc::from(vec![0; 90]), 0, 90));
        backlog.advance(200);
        assert_eq!(backlog.bytes_under_hard_limit(100), 90, "half of it was read");
    }
}
