//! What a peer has asked for of late and was answered, so that a datagram that comes again is
//! answered again alike and done once.
//!
//! Datagrams come in as their hashes, times not at all. Nothing here knows how a request is done.

use std::collections::VecDeque;

use super::super::flat::{Refusal, begin_ack};

/// What the refusals that one peer's window remembers may hold, in bytes of texts of their own: those
/// of the ones that name somebody. With names as people have them a window of 1024 is not cut by that;
/// with the longest there are, it would hold ten times what others do.
const REFUSALS_BYTES_MAX: usize = 48 * 1024;

/// The last requests of one peer, and their answers. It takes memory only for what there was.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// A request each, the oldest first: the hash of its datagram, which holds its id.
    seen: VecDeque<u64>,
    /// What each was answered.
    answers: VecDeque<Kept>,
    /// What the refusals among these hold, in bytes.
    refusals_bytes: usize,
}

impl Window {
    /// What this very datagram was answered, if it is among those that are remembered.
    pub(super) fn find(&self, hash: u64) -> Option<&Kept> {
        // Nearly all requests are new: a search that may take many at once is the quickest way to
        // learn that.
        let (older, newer) = self.seen.as_slices();
        if !newer.contains(&hash) && !older.contains(&hash) {
            return None;
        }
        let place = self.seen.iter().rposition(|seen| *seen == hash)?;
        self.answers.get(place)
    }

    /// Remembers a request that was not found, and forgets the oldest of more than
    /// `remembered_max`, or of refusals that hold too much.
    pub(super) fn remember(&mut self, hash: u64, answer: Kept, remembered_max: usize) {
        let bytes_left = REFUSALS_BYTES_MAX.saturating_sub(answer.own_bytes());
        while self.seen.len() >= remembered_max.max(1) || self.refusals_bytes > bytes_left {
            self.seen.pop_front();
            let Some(oldest) = self.answers.pop_front() else { break };
            self.refusals_bytes = self.refusals_bytes.saturating_sub(oldest.own_bytes());
        }
        self.refusals_bytes += answer.own_bytes();
        self.seen.push_back(hash);
        self.answers.push_back(answer);
    }
}

/// An answer, but for the request's id and the peer's token. There may be very many, so the common
/// ones take no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// That it was done.
    Done,
    /// Where in the room's count the message stands.
    Said(u64),
    /// The room's epoch, and where its count stood.
    Joined(Box<(Box<str>, u64)>),
    /// Why it was not done.
    Refused(Box<Refusal>),
}

impl Kept {
    /// What it holds of a text that is only its own, in bytes.
    fn own_bytes(&self) -> usize {
        match self {
            Kept::Refused(refusal) => refusal.own_bytes(),
            Kept::Done | Kept::Said(_) | Kept::Joined(_) => 0,
        }
    }

    /// Appends the answer to the request with this id, of a peer with this token.
    pub(super) fn write(&self, id: &str, token: &str, out: &mut Vec<u8>) {
        match self {
            Kept::Done => begin_ack(Some(id), None, None, out),
            Kept::Said(seq) => begin_ack(Some(id), None, Some(*seq), out),
            Kept::Joined(joined) => {
                let (epoch, seq) = &**joined;
                begin_ack(Some(id), Some(epoch), Some(*seq), out);
                out.extend_from_slice(b",\"token\":\"");
                out.extend_from_slice(token.as_bytes());
                out.push(b'"');
            }
            Kept::Refused(refusal) => return refusal.write(Some(id), out),
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Error;

    #[test]
    fn entries_are_small_and_there_are_none_before_the_first_request() {
        assert!(size_of::<u64>() + size_of::<Kept>() <= 24);
        let window = Window::default();
        assert_eq!((window.seen.capacity(), window.answers.capacity()), (0, 0));
    }

    #[test]
    fn the_last_requests_are_found_with_their_own_answers() {
        let mut window = Window::default();
        for hash in 0..10 {
            assert_eq!(window.find(hash), None);
            window.remember(hash, Kept::Said(hash * 10), 4);
        }
        for hash in 0..6 {
            assert_eq!(window.find(hash), None, "{hash} is forgotten");
        }
        for hash in 6..10 {
            assert_eq!(window.find(hash), Some(&Kept::Said(hash * 10)));
        }
        // Finding one makes it no younger.
        window.remember(10, Kept::Done, 4);
        assert_eq!(window.find(6), None);
        assert_eq!(window.find(10), Some(&Kept::Done));
    }

    #[test]
    fn a_lower_bound_applies_with_the_next_request() {
        let mut window = Window::default();
        for hash in 0..100 {
            window.remember(hash, Kept::Done, 100);
        }
        window.remember(100, Kept::Done, 2);
        assert_eq!((window.find(98), window.find(99)), (None, Some(&Kept::Done)));
        window.remember(101, Kept::Done, 0);
        assert_eq!((window.find(100), window.find(101)), (None, Some(&Kept::Done)));
        assert_eq!((window.seen.len(), window.answers.len()), (1, 1));
    }

    #[test]
    fn refusals_that_name_somebody_hold_no_more_than_they_may() {
        let refusal =
            |name: &str| Kept::Refused(Box::new(Refusal::from(Error::NoSuchMember(name.into()))));
        let mut window = Window::default();
        for hash in 0..2000 {
            window.remember(hash, refusal("bob"), 1024);
        }
        assert_eq!(window.seen.len(), 1024, "ordinary names do not count");
        let longest = refusal(&"\u{1f600}".repeat(50));
        for hash in 2000..4000 {
            window.remember(hash, longest.clone(), 1024);
            assert!(window.refusals_bytes <= REFUSALS_BYTES_MAX);
            assert_eq!(window.seen.len(), window.answers.len());
        }
        assert_eq!(window.refusals_bytes, window.seen.len() * longest.own_bytes());
        assert!((200..300).contains(&window.seen.len()), "{}", window.seen.len());
        assert_eq!((window.find(3999), window.find(3000)), (Some(&longest), None));
        // Others need no room, and push them out as they come.
        for hash in 4000..4000 + 1024 {
            window.remember(hash, Kept::Done, 1024);
        }
        assert_eq!((window.refusals_bytes, window.seen.len()), (0, 1024));
    }

    #[test]
    fn answers_look_as_they_are_documented() {
        let refusal = |refusal| Kept::Refused(Box::new(refusal));
        for (kept, expected) in [
            (Kept::Done, r#"{"type":"ack","id":-7}"#),
            (Kept::Said(9), r#"{"type":"ack","id":-7,"seq":9}"#),
            (
                Kept::Joined(Box::new(("k3x9".into(), 6))),
                r#"{"type":"ack","id":-7,"epoch":"k3x9","seq":6,"token":"b81f"}"#,
            ),
            (refusal(Refusal::UNKNOWN_TYPE), r#"{"type":"error","id":-7,"text":"Unknown type"}"#),
        ] {
            let mut out = Vec::new();
            kept.write("-7", "b81f", &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
