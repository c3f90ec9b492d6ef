//! All connections and groups, and what this turn has for them.
//!
//! Everything a handler asks for lands here at once, as bytes in a group's batch or in the turn's
//! answers, and as marks on connections. Nothing here writes to a socket: that is the flush's
//! (`flush.rs`), once a turn.

use slab::Slab;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use super::connection::{ConnId, Connection, End, Stage};
use super::group::{Group, GroupId, Groups, Member, Membership};
use super::limits::Limits;
use super::outbox::{Source, TurnList, TurnSlices};
use super::timer::{Deadline, Deadlines};

/// What one connection may be answered in one turn before its input has to wait for the next, and
/// what all together may, in bytes.
const ANSWER_SHARE_BYTES: usize = 256 * 1024;
const ANSWERS_TURN_BYTES: usize = 1024 * 1024;

/// What may be published to one group in one turn before input has to wait for the next, in bytes.
const PUBLISH_TURN_BYTES: usize = 256 * 1024;

/// How many datagrams may be published in one turn, to all groups and members, before input has to
/// wait for the next: each is a call of the system, where a stream takes all of a turn in one. As
/// many again may tell of ends.
pub(super) const DATAGRAMS_TURN_MAX: usize = 4096;

/// The connections, the groups and the turn's output.
pub(super) struct Transport {
    pub(super) connections: Slab<Connection>,
    pub(super) groups: Groups,
    /// The bounds for connections that come from now on.
    pub(super) limits: Rc<Limits>,
    /// Bytes of this turn's direct answers, all connections' after each other.
    pub(super) answers: Vec<u8>,
    pub(super) slices: TurnSlices,
    /// Connections with something to write or to close.
    pub(super) dirty: Vec<u32>,
    /// Connections with input to work on, in turn.
    pub(super) ready: VecDeque<u32>,
    /// Connections whose end the service has not been told yet.
    pub(super) ended: Vec<ConnId>,
    /// Connections whose link is finished.
    pub(super) gone: Vec<ConnId>,
    pub(super) deadlines: Deadlines,
    /// When this turn began.
    pub(super) now: Instant,
    /// Number of this turn, wrapping; never 0.
    pub(super) turn: u32,
    /// This turn has as much output as one turn should have: the rest of the input waits.
    pub(super) full: bool,
    /// Bytes that were encoded in this turn and made fewer before they were sent.
    saved_bytes: usize,
    /// Datagrams that were published in this turn, counted once for each who gets it.
    pub(super) datagrams: usize,
    next_serial: u32,
    /// Datagram peers whose address is not confirmed.
    pub(super) unconfirmed: usize,
}

impl Transport {
    pub(super) fn new(limits: Limits) -> Transport {
        Transport {
            connections: Slab::new(),
            groups: Groups::default(),
            limits: Rc::new(limits),
            answers: Vec::new(),
            slices: TurnSlices::default(),
            dirty: Vec::new(),
            ready: VecDeque::new(),
            ended: Vec::new(),
            gone: Vec::new(),
            deadlines: Deadlines::default(),
            now: Instant::now(),
            turn: 1,
            full: false,
            saved_bytes: 0,
            datagrams: 0,
            next_serial: 0,
            unconfirmed: 0,
        }
    }

    // ---- connections ---------------------------------------------------------------------------

    /// The serial for the next connection: never 0, so that 0 names no connection.
    pub(super) fn next_serial(&mut self) -> u32 {
        self.next_serial = self.next_serial.checked_add(1).unwrap_or(1);
        self.next_serial
    }

    pub(super) fn get(&self, id: ConnId) -> Option<&Connection> {
        self.connections.get(id.slot as usize).filter(|c| c.serial == id.serial)
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.connections.get_mut(id.slot as usize).filter(|c| c.serial == id.serial)
    }

    /// Puts a connection on the list of those to serve.
    pub(super) fn queue(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot as usize)
            && !connection.queued
        {
            connection.queued = true;
            self.ready.push_back(slot);
        }
    }

    /// Puts a connection whose input was waiting back on the list, if there is any.
    pub(super) fn resume(&mut self, slot: u32) {
        let connection = &self.connections[slot as usize];
        if connection.takes_input() && connection.may_have_input() {
            self.queue(slot);
        }
    }

    /// Puts a connection on the list of those to write to.
    pub(super) fn mark_dirty(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Ends a connection in good order: what is queued is flushed, then sending is shut down, then
    /// input is discarded for a bounded time. Input not yet served is dropped.
    pub(super) fn close(&mut self, id: ConnId, end: End) {
        let now = self.now;
        let Some(connection) = self.get_mut(id) else { return };
        let until = now + connection.limits.flush;
        if !matches!(connection.stage, Stage::Open | Stage::HalfClosed) {
            return;
        }
        if !connection.link.is_established() {
            // Nothing can be said to it.
            return self.kill(id, end);
        }
        connection.stage = Stage::Draining;
        connection.farewell = end.farewell();
        connection.inbox = Vec::new();
        connection.undecoded = false;
        self.note_end(id, end);
        self.set_deadline(until, id, Deadline::Flush);
        self.mark_dirty(id.slot);
    }

    /// The peer ended its input: no more will be served, but answers under way still go out.
    pub(super) fn half_close(&mut self, id: ConnId) {
        let now = self.now;
        let Some(connection) = self.get_mut(id) else { return };
        let until = now + connection.limits.flush;
        if connection.stage != Stage::Open {
            return;
        }
        connection.stage = Stage::HalfClosed;
        connection.inbox = Vec::new();
        if connection.tickets == 0 {
            self.set_deadline(until, id, Deadline::Flush);
        }
        self.note_end(id, End::Input);
        self.mark_dirty(id.slot);
    }

    /// Ends a connection at once; its queue is dropped.
    pub(super) fn kill(&mut self, id: ConnId, end: End) {
        let Some(connection) = self.get_mut(id) else { return };
        if connection.stage == Stage::Gone {
            return;
        }
        connection.stage = Stage::Gone;
        connection.inbox = Vec::new();
        connection.backlog = None;
        self.note_end(id, end);
        self.gone.push(id);
    }

    /// Notes why a connection ended, the first time: what comes after that is its consequence.
    fn note_end(&mut self, id: ConnId, end: End) {
        let Some(connection) = self.get_mut(id) else { return };
        if connection.end.is_none() && !connection.told {
            connection.end = Some(Box::new(end));
            self.ended.push(id);
            self.leave_all_groups(id.slot);
        }
    }

    /// Sets a deadline for a connection. Those of connections long gone are dropped when they
    /// outnumber the others: there are at most seven a connection.
    pub(super) fn set_deadline(&mut self, at: Instant, id: ConnId, what: Deadline) {
        if self.deadlines.len() > 8 * self.connections.len() + 1024 {
            let connections = &self.connections;
            self.deadlines.retain(|id| {
                connections.get(id.slot as usize).is_some_and(|c| c.serial == id.serial)
            });
        }
        self.deadlines.insert(at, id, what);
    }

    // ---- output --------------------------------------------------------------------------------

    /// Appends a direct answer: settles what the connection's groups hold for it, then what
    /// `encode` writes. Nothing is encoded when the connection takes no output any more.
    pub(super) fn send(&mut self, id: ConnId, encode: impl FnOnce(&mut Vec<u8>)) {
        if self.begin_answer(id) {
            let start = self.answers.len();
            encode(&mut self.answers);
            self.end_answer(id, start);
        }
    }

    /// Whether a connection takes an answer; settles what comes before it. What is then appended to
    /// [`Self::answers`] becomes the connection's with [`end_answer`](Self::end_answer).
    pub(super) fn begin_answer(&mut self, id: ConnId) -> bool {
        let takes_output = self.get(id).is_some_and(Connection::takes_output);
        if takes_output {
            self.settle_all(id.slot, None);
        }
        takes_output
    }

    pub(super) fn end_answer(&mut self, id: ConnId, start: usize) {
        let end = self.answers.len();
        if start == end {
            return;
        }
        let connection = &mut self.connections[id.slot as usize];
        self.slices.push(&mut connection.turn, Source::Answers, start, end);
        connection.answered_bytes = connection.answered_bytes.saturating_add((end - start) as u32);
        if end > ANSWERS_TURN_BYTES {
            self.full = true;
        }
        self.mark_dirty(id.slot);
    }

    /// Counts bytes that a connection was spared, by compression, as if it had been sent them.
    pub(super) fn count_saved(&mut self, id: ConnId, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let Some(connection) = self.get_mut(id) else { return };
        let more = u32::try_from(bytes).unwrap_or(u32::MAX);
        connection.answered_bytes = connection.answered_bytes.saturating_add(more);
        self.saved_bytes += bytes;
        self.full |= self.answers.len() + self.saved_bytes > ANSWERS_TURN_BYTES;
        self.mark_dirty(id.slot);
    }

    /// Whether a connection was answered so much this turn that its input has to wait.
    pub(super) fn share_is_used(&self, slot: u32) -> bool {
        self.full || self.connections[slot as usize].answered_bytes as usize > ANSWER_SHARE_BYTES
    }

    /// Appends what `encode` writes to a group's batch, for all members but `except`. Encodes
    /// nothing when nobody would get it.
    pub(super) fn publish(
        &mut self,
        id: GroupId,
        except: Option<ConnId>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let Some(group) = self.groups.get(id) else { return };
        let except = except.and_then(|c| {
            let connection = self.get(c)?;
            connection.groups.index_in(id.slot)
        });
        if group.members.len() <= usize::from(except.is_some()) {
            return;
        }
        if self.groups.touch(id.slot) && self.groups.at(id.slot).shared_members > 0 {
            self.settle_members_of_others(id.slot);
        }
        let group = self.groups.at_mut(id.slot);
        let before = group.batch.len();
        encode(&mut group.batch);
        let after = group.batch.len();
        if after > before {
            self.datagrams = self.datagrams.saturating_add(group.datagram_members as usize);
        }
        if after > PUBLISH_TURN_BYTES || self.datagrams > DATAGRAMS_TURN_MAX {
            self.full = true;
        }
        if let Some(index) = except {
            let member = &mut group.members[index as usize];
            let Member { slot, from } = *member;
            member.from = after as u32;
            if (from as usize) < before {
                self.add_range(slot, id.slot, from as usize, before);
            }
        }
    }

    /// Members of `group` who are in other groups as well: what those hold for them comes first.
    fn settle_members_of_others(&mut self, group: u32) {
        for index in 0..self.groups.at(group).members.len() {
            let slot = self.groups.at(group).members[index].slot;
            if self.connections[slot as usize].groups.len() > 1 {
                self.settle_all(slot, Some(group));
            }
        }
    }

    /// Turns the open ranges of a connection into slices of its outbox, but that in `group`.
    fn settle_all(&mut self, slot: u32, but: Option<u32>) {
        let Transport { connections, groups, slices, dirty, .. } = self;
        let connection = &mut connections[slot as usize];
        if connection.stage == Stage::Gone {
            return;
        }
        for Membership { group, index } in connection.groups.iter() {
            if Some(group) == but {
                continue;
            }
            let Group { members, batch, .. } = groups.at_mut(group);
            let member = &mut members[index as usize];
            let (from, end) = (member.from as usize, batch.len());
            if from < end {
                member.from = end as u32;
                slices.push(&mut connection.turn, Source::Group(group), from, end);
                if !connection.dirty {
                    connection.dirty = true;
                    dirty.push(slot);
                }
            }
        }
    }

    fn add_range(&mut self, slot: u32, group: u32, start: usize, end: usize) {
        let connection = &mut self.connections[slot as usize];
        self.slices.push(&mut connection.turn, Source::Group(group), start, end);
        self.mark_dirty(slot);
    }

    // ---- groups --------------------------------------------------------------------------------

    /// Adds a connection to a group: it gets what is published from now on.
    pub(super) fn join_group(&mut self, id: GroupId, conn: ConnId) {
        let Some(connection) = self.get(conn) else { return };
        let earlier = connection.groups.len();
        if !connection.takes_output() || connection.groups.index_in(id.slot).is_some() {
            return;
        }
        if self.groups.get(id).is_none() {
            return;
        }
        // This group may be the one published to last: then its next message settles nobody.
        self.settle_all(conn.slot, None);
        let group = self.groups.at_mut(id.slot);
        let index = group.members.len() as u32;
        group.members.push(Member { slot: conn.slot, from: group.batch.len() as u32 });
        let connection = &mut self.connections[conn.slot as usize];
        group.datagram_members += u32::from(!connection.link.is_stream());
        connection.groups.insert(Membership { group: id.slot, index });
        if earlier >= 1 {
            self.count_shared(conn.slot, if earlier == 1 { None } else { Some(id.slot) }, 1);
        }
    }

    /// Takes a connection out of a group; what was published so far still reaches it.
    pub(super) fn leave_group(&mut self, id: GroupId, conn: ConnId) {
        let in_group = self.groups.get(id).is_some()
            && self.get(conn).is_some_and(|c| c.groups.index_in(id.slot).is_some());
        if in_group {
            self.leave_slot(id.slot, conn.slot);
        }
    }

    /// Takes a connection out of all its groups.
    pub(super) fn leave_all_groups(&mut self, slot: u32) {
        while let Some(group) = self.connections[slot as usize].groups.any() {
            self.leave_slot(group, slot);
        }
    }

    fn leave_slot(&mut self, group: u32, slot: u32) {
        self.settle_all(slot, None);
        let memberships = &self.connections[slot as usize].groups;
        let Some(index) = memberships.index_in(group) else { return };
        match memberships.len() {
            1 => {}
            2 => self.count_shared(slot, None, -1),
            _ => self.count_shared(slot, Some(group), -1),
        }
        let is_stream = self.connections[slot as usize].link.is_stream();
        let Group { members, datagram_members, .. } = self.groups.at_mut(group);
        *datagram_members -= u32::from(!is_stream);
        members.swap_remove(index as usize);
        if members.is_empty() {
            // Nothing is held while it is empty; most groups are small and short-lived.
            *members = Vec::new();
        }
        let moved = members.get(index as usize).map(|m| m.slot);
        if let Some(moved) = moved {
            self.connections[moved as usize].groups.moved(group, index);
        }
        self.connections[slot as usize].groups.remove(group);
    }

    /// A connection begins or ceases to be in several groups: counts it in `only`, or in all.
    fn count_shared(&mut self, slot: u32, only: Option<u32>, by: i32) {
        let Transport { connections, groups, .. } = self;
        for m in connections[slot as usize].groups.iter() {
            if only.is_none_or(|only| only == m.group) {
                let shared = &mut groups.at_mut(m.group).shared_members;
                *shared = shared.saturating_add_signed(by);
            }
        }
    }

    /// Removes a group; its members stay connected.
    pub(super) fn remove_group(&mut self, id: GroupId) {
        while let Some(member) = self.groups.get(id).and_then(|g| g.members.last()) {
            let slot = member.slot;
            self.leave_slot(id.slot, slot);
        }
        self.groups.remove(id);
    }

    /// Begins a turn.
    pub(super) fn begin_turn(&mut self) {
        self.now = Instant::now();
        self.turn = self.turn.checked_add(1).unwrap_or(1);
        self.full = false;
        self.saved_bytes = 0;
        self.datagrams = 0;
    }

    /// Resets what a connection had in this turn.
    pub(super) fn reset_turn(connection: &mut Connection) {
        connection.turn = TurnList::EMPTY;
        connection.answered_bytes = 0;
        connection.dirty = false;
    }
}
