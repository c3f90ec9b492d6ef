//! The flush: once a turn, each connection with output is written to, once.
//!
//! A member of a group that has nothing else to send, by far the most frequent case, is written to
//! straight from the group's batch. Everyone else's slices are gathered into one vectored write.
//! What the kernel does not take is kept as references to shared bytes, and only then are the
//! output limits judged.

use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;

use super::connection::{ConnId, Connection, End, Stage};
use super::framing::Farewell;
use super::group::{Group, Groups};
use super::link::Link;
use super::outbox::{Kept, NONE, Slice, Source, TurnSlices};
use super::timer::Deadline;
use super::transport::Transport;

/// Slices handed to the kernel in one vectored write.
const SLICES_MAX: usize = 64;

impl Transport {
    /// Writes out everything this turn has collected.
    pub(super) fn flush(&mut self) {
        let touched = std::mem::take(&mut self.groups.touched);
        for &group in &touched {
            self.flush_group(group);
        }
        let mut index = 0;
        while let Some(&slot) = self.dirty.get(index) {
            self.flush_connection(slot);
            index += 1;
        }
        self.dirty.clear();
        self.slices.clear();
        self.answers.clear();
        // An exceptional answer must not stay as an exceptional buffer.
        self.answers.shrink_to(2 * 1024 * 1024);
        self.groups.end_turn(touched);
    }

    /// Gives every member of a group its open range.
    fn flush_group(&mut self, slot: u32) {
        let Transport { connections, groups, slices, dirty, .. } = self;
        let Group { members, batch, .. } = groups.at_mut(slot);
        let mut short = Vec::new();
        for member in members.iter_mut() {
            let (from, end) = (member.from as usize, batch.len());
            member.from = 0;
            let connection = &mut connections[member.slot as usize];
            if from == end || connection.stage == Stage::Gone {
                continue;
            }
            if connection.is_flushed() && !connection.blocked {
                let bytes = &batch[from..];
                match taken(connection.link.write(bytes)) {
                    Ok(count) if count == bytes.len() => {}
                    outcome => short.push((member.slot, from, outcome)),
                }
                continue;
            }
            slices.push(&mut connection.turn, Source::Group(slot), from, end);
            if !connection.dirty {
                connection.dirty = true;
                dirty.push(member.slot);
            }
        }
        for (member, from, outcome) in short {
            self.keep_rest_of_batch(member, slot, from, outcome);
        }
    }

    /// A member's direct write came out short or failed.
    fn keep_rest_of_batch(
        &mut self,
        member: u32,
        group: u32,
        from: usize,
        outcome: io::Result<usize>,
    ) {
        let Transport { connections, groups, .. } = self;
        let connection = &mut connections[member as usize];
        let id = ConnId { slot: member, serial: connection.serial };
        match outcome {
            Ok(count) => {
                connection.blocked = true;
                let backlog = connection.backlog.get_or_insert_default();
                let end = groups.at(group).batch.len();
                let mut begins_frame = count == 0;
                groups.at_mut(group).keep(from + count, end, |bytes, start, end| {
                    let begins_frame = std::mem::take(&mut begins_frame);
                    backlog.push(Kept::new(bytes, start, end).begins_frame(begins_frame));
                });
                self.judge(id);
            }
            Err(error) => self.kill(id, End::Link(error)),
        }
    }

    /// Writes to one connection, judges what remains, and moves it on if it is closing.
    fn flush_connection(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        let id = ConnId { slot, serial: connection.serial };
        say_farewell(connection, &mut self.answers, &mut self.slices);
        let flushed = flush_link(connection);
        let outcome = if connection.stage == Stage::Gone || flushed.is_err() {
            flushed
        } else if let Link::Datagram(link) = &mut connection.link {
            link.write_turn(connection.turn, &self.groups, &self.answers, &self.slices);
            Ok(())
        } else if connection.backlog.is_none() && !connection.blocked {
            write_turn(connection, &mut self.groups, &self.answers, &self.slices)
        } else {
            keep_turn(connection, &mut self.groups, &self.answers, &self.slices, 0);
            write_backlog(connection)
        };
        Transport::reset_turn(connection);
        match outcome {
            Err(error) => self.kill(id, End::Link(error)),
            Ok(()) => {
                self.judge(id);
                self.advance_closing(id);
            }
        }
    }

    /// Judges a connection by what the kernel did not take: too much for too long, and it goes;
    /// more than the low mark, and its input waits.
    fn judge(&mut self, id: ConnId) {
        let now = self.now;
        let Some(connection) = self.get_mut(id) else { return };
        let was_paused = std::mem::take(&mut connection.paused);
        let Some(backlog) = &mut connection.backlog else {
            if was_paused {
                self.resume(id.slot);
            }
            return;
        };
        let limits = *connection.limits;
        let held = connection.link.held_bytes();
        let bytes = backlog.bytes() + held;
        connection.paused = bytes > limits.outbox_low_bytes;
        let is_deaf = connection.paused && connection.hung_up && !was_paused;
        let hard = limits.outbox_hard_bytes;
        if bytes > hard && backlog.bytes_under_hard_limit(hard) + held > hard {
            self.give_up(id, bytes);
            return;
        }
        if bytes <= limits.outbox_soft_bytes {
            backlog.over_soft_since = None;
        } else if backlog.over_soft_since.is_none() {
            backlog.over_soft_since = Some(now);
            if !std::mem::replace(&mut connection.soft_armed, true) {
                self.set_deadline(now + limits.outbox_soft, id, Deadline::Soft);
            }
        }
        if is_deaf {
            self.time_deaf_end(id.slot);
        }
        if was_paused {
            self.resume(id.slot);
        }
    }

    /// The peer has ended its input, and owes reading so much that this end is not read: it has as
    /// long as one whose end was read to take something of it.
    pub(super) fn time_deaf_end(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        if std::mem::replace(&mut connection.deaf_armed, true) {
            return;
        }
        if let Some(backlog) = &mut connection.backlog {
            backlog.stuck = true;
        }
        let (serial, until) = (connection.serial, self.now + connection.limits.flush);
        self.set_deadline(until, ConnId { slot, serial }, Deadline::Flush);
    }

    /// Ends a connection whose peer reads too slowly. It is told so where one write may do that: no
    /// frame was sent in part.
    fn give_up(&mut self, id: ConnId, bytes: usize) {
        if let Some(connection) = self.get_mut(id)
            && connection.backlog.as_ref().is_some_and(|backlog| backlog.begins_frame())
            && let Some(framing) = &mut connection.framing
        {
            let mut farewell = Vec::new();
            framing.farewell(Farewell::Slow, &mut farewell);
            if !farewell.is_empty() {
                // The connection ends whatever comes of this.
                let _ = connection.link.write(&farewell);
            }
        }
        self.kill(id, End::Slow(bytes));
    }

    /// Moves a closing connection on when its output is out.
    pub(super) fn advance_closing(&mut self, id: ConnId) {
        let now = self.now;
        let Some(connection) = self.get_mut(id) else { return };
        let linger = connection.framing.as_ref().and_then(|framing| framing.linger());
        let until = now + linger.unwrap_or(connection.limits.linger);
        if !connection.is_flushed() {
            return;
        }
        match connection.stage {
            Stage::HalfClosed if connection.tickets == 0 => self.finish(id),
            // The end of input was read, so nothing unread is left that could cause a reset.
            Stage::Draining if connection.input_ended => self.finish(id),
            Stage::Draining if !connection.link.is_stream() => self.finish(id),
            Stage::Draining => match connection.link.shut_down_sending() {
                Ok(()) => {
                    connection.stage = Stage::Lingering;
                    connection.readable = true;
                    self.set_deadline(until, id, Deadline::Linger);
                    self.queue(id.slot);
                }
                Err(_) => self.finish(id),
            },
            _ => {}
        }
    }

    /// Asks the peer for a sign of life; gives it up when it did not answer the last time. Who is not
    /// read meanwhile cannot have answered.
    fn probe(&mut self, id: ConnId) {
        let Some(connection) = self.get_mut(id) else { return };
        let Some(keepalive) = connection.framing.as_ref().and_then(|f| f.keepalive()) else {
            return;
        };
        if connection.probed && connection.takes_input() && !connection.may_have_input() {
            return self.close(id, End::Silent);
        }
        connection.probed = true;
        self.send(id, |out| out.extend_from_slice(keepalive.probe));
        self.set_deadline(self.now + keepalive.every, id, Deadline::Keepalive);
    }

    /// The link is done with.
    pub(super) fn finish(&mut self, id: ConnId) {
        if let Some(connection) = self.get_mut(id)
            && connection.stage != Stage::Gone
        {
            if connection.stage != Stage::Lingering && connection.is_flushed() {
                // The connection ends whatever comes of this.
                let _ = connection.link.announce_end();
            }
            connection.stage = Stage::Gone;
            self.gone.push(id);
        }
    }

    /// A deadline has come up: does what it asks for, if its reason still holds.
    pub(super) fn expire(&mut self, id: ConnId, what: Deadline) {
        let now = self.now;
        let Some(connection) = self.get_mut(id) else { return };
        let soft = connection.limits.outbox_soft;
        match (what, connection.stage) {
            (Deadline::Silence, Stage::Open) if !connection.link.is_stream() => {
                self.judge_patience(id);
            }
            (Deadline::Silence, Stage::Open) if !connection.heard => self.close(id, End::Silent),
            (Deadline::Handshake, Stage::Open) if !connection.is_established() => {
                self.close(id, End::Handshake);
            }
            (Deadline::Keepalive, Stage::Open) => self.probe(id),
            (Deadline::Frame, Stage::Open) => self.judge_frame(id),
            (Deadline::Flush, Stage::Draining) => self.finish(id),
            (Deadline::Flush, Stage::Open) => {
                connection.deaf_armed = false;
                match connection.backlog.as_deref() {
                    Some(backlog) if connection.paused && backlog.stuck => {
                        let owed = backlog.bytes();
                        self.kill(id, End::Slow(owed));
                    }
                    _ if connection.paused => self.time_deaf_end(id.slot),
                    _ => {}
                }
            }
            (Deadline::Flush, Stage::HalfClosed) if connection.tickets == 0 => self.finish(id),
            (Deadline::Linger, Stage::Lingering) => self.finish(id),
            (Deadline::Soft, _) => {
                connection.soft_armed = false;
                let Some(backlog) = &connection.backlog else { return };
                let (bytes, since) = (backlog.bytes(), backlog.over_soft_since);
                match since.map(|since| since + soft) {
                    Some(due) if now >= due => self.give_up(id, bytes),
                    // It was under the limit in between: its time began anew.
                    Some(due) => {
                        connection.soft_armed = true;
                        self.set_deadline(due, id, Deadline::Soft);
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }
}

/// The framing's last words to a peer that is about to be closed, behind all that was sent.
fn say_farewell(connection: &mut Connection, answers: &mut Vec<u8>, slices: &mut TurnSlices) {
    let Some(why) = connection.farewell.take() else { return };
    if let (Stage::Draining, Some(framing)) = (connection.stage, &mut connection.framing) {
        let start = answers.len();
        framing.farewell(why, answers);
        slices.push(&mut connection.turn, Source::Answers, start, answers.len());
    }
}

/// Writes what the link itself holds; what it cannot write blocks the rest.
fn flush_link(connection: &mut Connection) -> io::Result<()> {
    if connection.stage != Stage::Gone && connection.link.holds_output() {
        connection.link.flush()?;
        connection.blocked |= connection.link.holds_output();
    }
    Ok(())
}

/// What a write took; a full send buffer takes nothing.
fn taken(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

pub(super) fn bytes_of<'a>(slice: Slice, groups: &'a Groups, answers: &'a [u8]) -> &'a [u8] {
    let range = slice.start as usize..slice.end as usize;
    match slice.source {
        Source::Answers => &answers[range],
        Source::Group(group) => &groups.at(group).batch[range],
    }
}

/// Writes this turn's slices of a connection that owes nothing from earlier turns.
fn write_turn(
    connection: &mut Connection,
    groups: &mut Groups,
    answers: &[u8],
    slices: &TurnSlices,
) -> io::Result<()> {
    while let Some(first) = slices.get(connection.turn.head) {
        let (count, total, next) = if first.next == NONE {
            let bytes = bytes_of(first, groups, answers);
            (taken(connection.link.write(bytes))?, bytes.len(), first.next)
        } else {
            let mut gathered = [IoSlice::new(&[]); SLICES_MAX];
            let (mut used, mut total, mut next) = (0, 0, connection.turn.head);
            while let Some(slice) = slices.get(next)
                && used < SLICES_MAX
            {
                gathered[used] = IoSlice::new(bytes_of(slice, groups, answers));
                used += 1;
                total += slice.len();
                next = slice.next;
            }
            (taken(connection.link.write_vectored(&gathered[..used]))?, total, next)
        };
        if count < total {
            connection.blocked = true;
            keep_turn(connection, groups, answers, slices, count);
            return Ok(());
        }
        connection.turn.head = next;
    }
    Ok(())
}

/// Keeps this turn's slices, but their first `skip` bytes, in the connection's backlog.
fn keep_turn(
    connection: &mut Connection,
    groups: &mut Groups,
    answers: &[u8],
    slices: &TurnSlices,
    mut skip: usize,
) {
    let mut at = connection.turn.head;
    while let Some(slice) = slices.get(at) {
        at = slice.next;
        if skip >= slice.len() {
            skip -= slice.len();
            continue;
        }
        let mut begins_frame = skip == 0;
        let start = slice.start as usize + std::mem::take(&mut skip);
        let end = slice.end as usize;
        let backlog = connection.backlog.get_or_insert_default();
        match slice.source {
            Source::Answers => {
                let bytes: Rc<[u8]> = Rc::from(&answers[start..end]);
                let kept = Kept::new(bytes, 0, end - start).answer();
                backlog.push(kept.begins_frame(begins_frame));
            }
            Source::Group(group) => groups.at_mut(group).keep(start, end, |bytes, start, end| {
                let begins_frame = std::mem::take(&mut begins_frame);
                backlog.push(Kept::new(bytes, start, end).begins_frame(begins_frame));
            }),
        }
    }
}

/// Writes what the connection owes from earlier turns.
fn write_backlog(connection: &mut Connection) -> io::Result<()> {
    while !connection.blocked
        && let Some(backlog) = connection.backlog.as_deref_mut()
    {
        let mut gathered = [IoSlice::new(&[]); SLICES_MAX];
        let used = backlog.gather(&mut gathered);
        let total: usize = gathered[..used].iter().map(|slice| slice.len()).sum();
        let count = taken(connection.link.write_vectored(&gathered[..used]))?;
        connection.blocked = count < total;
        backlog.advance(count);
        if backlog.is_empty() {
            connection.backlog = None;
        }
    }
    Ok(())
}
