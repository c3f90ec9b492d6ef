//! Groups: sets of connections that receive the same bytes, and the turn batch.
//!
//! All that is published to a group during a turn is collected in one buffer, its *batch*. A member
//! holds only a cursor into it: what lies between the cursor and the batch's end is the member's
//! *open range*, not yet in its outbox. At the flush each open range becomes one slice. A member
//! that must not get some of the bytes (its own message), that gets a direct answer in between, or
//! that leaves, has its range *settled* first: turned into a slice of its outbox, in order.

use slab::Slab;
use std::rc::Rc;

/// A group of connections that receive the same bytes.
///
/// Stays valid until the group is removed; then it misses harmlessly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupId {
    pub(super) slot: u32,
    serial: u32,
}

/// The longest piece of a batch that one slow reader can keep alive, in bytes.
const SEGMENT_BYTES: usize = 64 * 1024;

/// How many emptied batch buffers are kept for the next turn, and how long one may be.
const SPARE_BUFFERS_MAX: usize = 64;
const SPARE_BUFFER_BYTES_MAX: usize = 512 * 1024;

/// One member: a connection's slot and where its open range begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) slot: u32,
    pub(super) from: u32,
}

/// A set of connections and what was published to it this turn.
#[derive(Debug, Default)]
pub(super) struct Group {
    serial: u32,
    pub(super) members: Vec<Member>,
    pub(super) batch: Vec<u8>,
    /// The batch's segments that slow readers keep, made when first asked for.
    frozen: Vec<Option<Rc<[u8]>>>,
    /// Published to this turn.
    touched: bool,
    /// Removed; freed after the flush because slices still point into the batch.
    doomed: bool,
    /// How many members are in other groups too, so that order between groups matters to them.
    pub(super) shared_members: u32,
    /// How many members are sent each frame in a datagram of its own.
    pub(super) datagram_members: u32,
}

impl Group {
    /// `batch[start..end]` as pieces to keep after the turn: parts that are small against their
    /// segment are copied, so that a slow reader pins not much more than it owes; the others are
    /// shared by all who keep the same segment.
    pub(super) fn keep(
        &mut self,
        mut start: usize,
        end: usize,
        mut each: impl FnMut(Rc<[u8]>, usize, usize),
    ) {
        while start < end {
            let index = start / SEGMENT_BYTES;
            let base = index * SEGMENT_BYTES;
            let segment_end = (base + SEGMENT_BYTES).min(self.batch.len());
            let stop = end.min(segment_end);
            if (stop - start) * 4 < segment_end - base {
                each(Rc::from(&self.batch[start..stop]), 0, stop - start);
            } else {
                if self.frozen.len() <= index {
                    self.frozen.resize(index + 1, None);
                }
                let segment = self.frozen[index]
                    .get_or_insert_with(|| Rc::from(&self.batch[base..segment_end]));
                each(Rc::clone(segment), start - base, stop - base);
            }
            start = stop;
        }
    }
}

/// All groups, and which of them were published to this turn.
#[derive(Debug, Default)]
pub(super) struct Groups {
    slab: Slab<Group>,
    next_serial: u32,
    pub(super) touched: Vec<u32>,
    /// The group published to last, this turn.
    last_published: Option<u32>,
    spare: Vec<Vec<u8>>,
}

impl Groups {
    pub(super) fn insert(&mut self) -> GroupId {
        self.next_serial = self.next_serial.wrapping_add(1);
        let serial = self.next_serial;
        let slot = self.slab.insert(Group { serial, ..Group::default() }) as u32;
        GroupId { slot, serial }
    }

    /// The group, unless it was removed.
    pub(super) fn get_mut(&mut self, id: GroupId) -> Option<&mut Group> {
        self.slab.get_mut(id.slot as usize).filter(|g| g.serial == id.serial && !g.doomed)
    }

    pub(super) fn get(&self, id: GroupId) -> Option<&Group> {
        self.slab.get(id.slot as usize).filter(|g| g.serial == id.serial && !g.doomed)
    }

    /// The group in `slot`, which the caller knows to be taken: slices and memberships name only
    /// groups that are still there.
    pub(super) fn at(&self, slot: u32) -> &Group {
        &self.slab[slot as usize]
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> &mut Group {
        &mut self.slab[slot as usize]
    }

    /// Removes a group that has no members any more.
    pub(super) fn remove(&mut self, id: GroupId) {
        let Some(group) = self.get_mut(id) else { return };
        if group.touched {
            group.doomed = true;
        } else {
            self.slab.remove(id.slot as usize);
        }
    }

    /// Notes that `slot` is about to be published to. True when another group was published to
    /// since it was last, so that members in both need their order fixed.
    pub(super) fn touch(&mut self, slot: u32) -> bool {
        let group = &mut self.slab[slot as usize];
        if !group.touched {
            group.touched = true;
            self.touched.push(slot);
            if let Some(buffer) = self.spare.pop() {
                group.batch = buffer;
            }
        }
        let switched = self.last_published.is_some_and(|last| last != slot);
        self.last_published = Some(slot);
        switched
    }

    /// After the flush: empties the batches of the groups that were touched, given back in `slots`.
    pub(super) fn end_turn(&mut self, mut slots: Vec<u32>) {
        self.last_published = None;
        for slot in slots.drain(..) {
            let group = &mut self.slab[slot as usize];
            group.touched = false;
            group.frozen.clear();
            let mut batch = std::mem::take(&mut group.batch);
            if self.spare.len() < SPARE_BUFFERS_MAX && batch.capacity() <= SPARE_BUFFER_BYTES_MAX {
                batch.clear();
                self.spare.push(batch);
            }
            if group.doomed {
                self.slab.remove(slot as usize);
            }
        }
        self.touched = slots;
    }
}

/// The groups one connection is in. Nearly always none or one, which costs no allocation.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    first: Option<Membership>,
    more: Box<[Membership]>,
}

/// A connection's place in a group: the group's slot and its index among the members.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    pub(super) group: u32,
    pub(super) index: u32,
}

impl Memberships {
    pub(super) fn iter(&self) -> impl Iterator<Item = Membership> + '_ {
        self.first.iter().chain(&self.more).copied()
    }

    /// One of the groups, if there is any.
    pub(super) fn any(&self) -> Option<u32> {
        self.first.map(|m| m.group)
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    pub(super) fn index_in(&self, group: u32) -> Option<u32> {
        self.iter().find(|m| m.group == group).map(|m| m.index)
    }

    pub(super) fn insert(&mut self, membership: Membership) {
        if self.first.is_none() {
            self.first = Some(membership);
        } else {
            self.change_more(|more| more.push(membership));
        }
    }

    pub(super) fn remove(&mut self, group: u32) {
        if self.first.is_some_and(|m| m.group == group) {
            self.first = self.change_more(Vec::pop);
        } else {
            self.change_more(|more| more.retain(|m| m.group != group));
        }
    }

    fn change_more<T>(&mut self, change: impl FnOnce(&mut Vec<Membership>) -> T) -> T {
        let mut more = std::mem::take(&mut self.more).into_vec();
        let result = change(&mut more);
        self.more = more.into_boxed_slice();
        result
    }

    /// A member moved within its group.
    pub(super) fn moved(&mut self, group: u32, index: u32) {
        let mut all = self.first.iter_mut().chain(&mut self.more);
        if let Some(m) = all.find(|m| m.group == group) {
            m.index = index;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_remains_are_copied_and_large_ones_shared() {
        let mut group = Group { batch: vec![7; SEGMENT_BYTES + 1000], ..Group::default() };
        let mut kept = Vec::new();
        group.keep(100, SEGMENT_BYTES + 900, |bytes, start, end| kept.push((bytes, start, end)));
        group.keep(100, SEGMENT_BYTES, |bytes, start, end| kept.push((bytes, start, end)));
        group.keep(SEGMENT_BYTES - 10, SEGMENT_BYTES, |b, start, end| kept.push((b, start, end)));
        let lens: Vec<_> =
            kept.iter().map(|(bytes, start, end)| (bytes.len(), end - start)).collect();
        assert_eq!(
            lens,
            [
                (SEGMENT_BYTES, SEGMENT_BYTES - 100),
                (1000, 900),
                (SEGMENT_BYTES, SEGMENT_BYTES - 100),
                (10, 10)
            ]
        );
        assert!(Rc::ptr_eq(&kept[0].0, &kept[2].0), "the same segment is shared");
    }

    #[test]
    fn a_group_removed_in_mid_turn_stays_until_the_turn_ends() {
        let mut groups = Groups::default();
        let id = groups.insert();
        groups.touch(id.slot);
        groups.at_mut(id.slot).batch.extend_from_slice(b"last words");
        groups.remove(id);
        assert!(groups.get(id).is_none(), "nobody finds it any more");
        assert_eq!(groups.at(id.slot).batch, b"last words");
        let touched = std::mem::take(&mut groups.touched);
        groups.end_turn(touched);
        let next = groups.insert();
        assert_eq!(next.slot, id.slot, "the slot is free again");
        assert!(groups.get(id).is_none(), "and the old id does not name the new group");
    }

    #[test]
    fn memberships_survive_any_order_of_leaving() {
        let mut all = Memberships::default();
        for group in 0..4 {
            all.insert(Membership { group, index: group * 10 });
        }
        all.remove(0);
        all.moved(2, 5);
        all.remove(3);
        assert_eq!(all.len(), 2);
        assert_eq!((all.index_in(1), all.index_in(2), all.index_in(3)), (Some(10), Some(5), None));
        all.remove(1);
        all.remove(2);
        assert_eq!(all.len(), 0);
    }
}
