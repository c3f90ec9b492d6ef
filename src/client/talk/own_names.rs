//! The names that one bore in a room, so that what one said is known in its history.

use std::collections::VecDeque;

/// Names that are remembered of one stay.
const NAMES_MAX: usize = 32;

/// The names since coming into the room, and from which `seq` on each. The first stands for what was
/// before that, too: somebody else may have borne it then, but nobody can tell.
#[derive(Debug, Default)]
pub(super) struct OwnNames(VecDeque<(u64, String)>);

impl OwnNames {
    /// One has come into another room.
    pub(super) fn come(&mut self, name: &str) {
        self.0 = VecDeque::from([(0, name.to_owned())]);
    }

    /// One is called otherwise from this `seq` on.
    pub(super) fn take(&mut self, seq: u64, name: &str) {
        self.0.push_back((seq, name.to_owned()));
        if self.0.len() > NAMES_MAX {
            self.0.pop_front();
        }
    }

    /// Whether this was one's own name at that `seq`.
    pub(super) fn is_own(&self, name: &str, seq: u64) -> bool {
        let borne = self.0.iter().rev().find(|(from, _)| *from <= seq);
        borne.or_else(|| self.0.front()).is_some_and(|(_, borne)| borne == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_ones_own_from_when_one_took_it() {
        let mut names = OwnNames::default();
        assert!(!names.is_own("", 0));
        names.take(3, "nobody");
        names.come("ann");
        names.take(5, "bob");
        for (name, seq, is_own) in
            [("ann", 1, true), ("bob", 4, false), ("ann", 5, false), ("bob", 5, true)]
        {
            assert_eq!(names.is_own(name, seq), is_own, "{name} {seq}");
        }
        for seq in 6..100 {
            names.take(seq, &seq.to_string());
        }
        assert!(names.is_own("99", u64::MAX) && names.0.len() == NAMES_MAX);
        assert!(names.is_own("68", 0) && !names.is_own("ann", 1), "the oldest goes");
    }
}
