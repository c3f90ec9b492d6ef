//! Input: read, decode, dispatch, each connection up to its share of the turn.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::connection::{ConnId, End, Stage};
use super::framing::{Decoded, Fault, Framing, Keepalive};
use super::server::Server;
use super::service::Service;
use super::timer::Deadline;

/// What one connection is read in one turn, at most: the size of the shared scratch buffer.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// What all connections together are read in one turn before output goes out, or what their frames
/// hold, if that is more.
const READ_TURN_BYTES: usize = 1024 * 1024;

/// What the frames of one connection hold in one turn, at most, but for the last: where a framing
/// inflates, that may be a thousand times what was read.
const FRAMES_BYTES: usize = 2 * READ_BYTES;

/// How long the frames of one connection may take in one turn, and after how many of them one looks
/// at the clock: a frame of eight bytes may ask for as much work as one of thousands.
const SHARE: Duration = Duration::from_millis(1);
const SHARE_FRAMES: u32 = 16;

/// Connections in an opening handshake of their link that are served in one turn. A step of one
/// costs a signature and yields nothing that could be counted.
const HANDSHAKES_TURN: usize = 16;

/// What one read gave.
enum Read {
    Bytes(usize),
    /// Nothing for now.
    Empty,
    End,
    Failed(std::io::Error),
}

impl<S: 'static> Server<S> {
    /// Phase 3: serves streams and datagrams; who comes first takes turns, so that neither can use up
    /// all that a turn has.
    pub(super) fn serve_input(&mut self) {
        let mut budget = READ_TURN_BYTES;
        self.frames_bytes = 0;
        if self.fx.transport.turn.is_multiple_of(2) {
            self.serve_ready(&mut budget);
            self.serve_datagrams(&mut budget);
        } else {
            self.serve_datagrams(&mut budget);
            self.serve_ready(&mut budget);
        }
    }

    /// Serves the connections that have input, in turn. Who is not reached, or has more than a share,
    /// stays on the list; the list rotates.
    fn serve_ready(&mut self, budget: &mut usize) {
        let mut handshakes = HANDSHAKES_TURN;
        for _ in 0..self.fx.transport.ready.len() {
            if *budget == 0 || self.fx.transport.full {
                return;
            }
            let Some(slot) = self.fx.transport.ready.pop_front() else { return };
            let Some(connection) = self.fx.transport.connections.get_mut(slot as usize) else {
                continue;
            };
            if !connection.link.is_established() {
                if handshakes == 0 {
                    self.fx.transport.ready.push_back(slot);
                    continue;
                }
                handshakes -= 1;
            }
            connection.queued = false;
            let id = ConnId { slot, serial: connection.serial };
            let frames_before = self.frames_bytes;
            let read = match connection.stage {
                Stage::Lingering => self.discard(id),
                _ if connection.takes_input() => self.serve(id),
                _ => 0,
            };
            *budget = budget.saturating_sub(read.max(self.frames_bytes - frames_before));
        }
    }

    /// Serves one connection: decodes what it has, reading first unless that is still plenty. Gives
    /// how many bytes it was read.
    fn serve(&mut self, id: ConnId) -> usize {
        let transport = &mut self.fx.transport;
        let Some(connection) = transport.get_mut(id) else { return 0 };
        let service = Rc::clone(&self.fx.services[connection.service as usize]);
        let Some(mut framing) = connection.framing.take() else { return 0 };
        let mut inbox = std::mem::take(&mut connection.inbox);
        let wants_read = !connection.undecoded && !connection.input_ended;
        let read = if wants_read { self.read(id) } else { Read::Empty };
        let count = if let Read::Bytes(count) = read { count } else { 0 };
        let frames_before = self.frames_bytes;

        if inbox.is_empty() {
            let mut scratch = std::mem::take(&mut self.scratch);
            let used = self.decode(id, &*service, &mut *framing, &mut scratch[..count]);
            inbox.extend_from_slice(&scratch[used..count]);
            self.scratch = scratch;
        } else {
            inbox.extend_from_slice(&self.scratch[..count]);
            let used = self.decode(id, &*service, &mut *framing, &mut inbox);
            discard_front(&mut inbox, used);
        }
        let framed = self.frames_bytes != frames_before;
        self.end_serving(id, &*service, framing, inbox, read, framed);
        count
    }

    /// Puts back what serving borrowed, and acts on what the read said.
    fn end_serving(
        &mut self,
        id: ConnId,
        service: &dyn Service<S>,
        mut framing: Box<dyn Framing>,
        inbox: Vec<u8>,
        read: Read,
        framed: bool,
    ) {
        let transport = &mut self.fx.transport;
        let Some(connection) = transport.get_mut(id) else { return };
        if connection.stage != Stage::Open {
            connection.framing = Some(framing);
            return;
        }
        match read {
            Read::Failed(error) => return transport.kill(id, End::Link(error)),
            Read::End => connection.input_ended = true,
            Read::Bytes(_) | Read::Empty => {}
        }
        if connection.input_ended && !connection.undecoded && connection.holds == 0 {
            if let Some(fault) = framing.end(&inbox) {
                service.fault(&mut self.state, &mut self.fx, id, fault);
            }
            self.fx.transport.half_close(id);
        } else {
            connection.framing = Some(framing);
            connection.inbox = inbox;
            connection.framed |= framed;
            if !connection.part_armed && connection.awaits_rest() {
                transport.time_frame(id);
            }
            transport.resume(id.slot);
        }
    }

    /// Reads once into the scratch buffer.
    fn read(&mut self, id: ConnId) -> Read {
        let Some(connection) = self.fx.transport.get_mut(id) else { return Read::Empty };
        let was_established = connection.link.is_established();
        let result = connection.link.read(&mut self.scratch);
        if !was_established || connection.link.holds_output() {
            // What waited for the handshake may go now, and what reading made the link say must.
            connection.blocked &= !connection.link.is_established();
            self.fx.transport.mark_dirty(id.slot);
        }
        let Some(connection) = self.fx.transport.get_mut(id) else { return Read::Empty };
        match result {
            Ok(0) => Read::End,
            Ok(count) => {
                // Drained, unless the end is still to be read.
                let drained = connection.link.is_drained(count, self.scratch.len());
                connection.readable = !drained || connection.hung_up;
                connection.heard = true;
                connection.probed = false;
                Read::Bytes(count)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                connection.readable = false;
                Read::Empty
            }
            Err(error) => Read::Failed(error),
        }
    }

    /// Decodes and dispatches the frames in `input`; gives how many of its bytes are done with.
    /// Stops early when the connection closes, has to wait for an answer, or has had its share.
    fn decode(
        &mut self,
        id: ConnId,
        service: &dyn Service<S>,
        framing: &mut dyn Framing,
        input: &mut [u8],
    ) -> usize {
        let mut at = 0;
        let frames_before = self.frames_bytes;
        let mut share = Share::new();
        loop {
            if !self.may_decode(id, self.frames_bytes - frames_before, &mut share) {
                return at;
            }
            match framing.decode(&mut input[at..]) {
                Decoded::Frame { frame, used } => {
                    self.frames_bytes += frame.len();
                    service.frame(&mut self.state, &mut self.fx, id, frame);
                    at += used;
                }
                Decoded::Binary { frame, used } => {
                    self.frames_bytes += frame.len();
                    service.binary(&mut self.state, &mut self.fx, id, frame);
                    at += used;
                }
                Decoded::Reply { reply, used, closes } => {
                    self.fx.send(id, reply);
                    at += used;
                    if closes {
                        self.fx.transport.close(id, End::Closed);
                    }
                }
                Decoded::Switch { switch, reply, used } => {
                    self.fx.send(id, reply);
                    at += used;
                    self.fx.transport.begin_keepalive(id, framing.keepalive());
                    service.switched(&mut self.state, &mut self.fx, id, switch);
                }
                Decoded::Skip { used } => at += used,
                Decoded::Incomplete => return at,
                Decoded::Fault { fault, used } => {
                    at += used;
                    if self.fx.transport.is_news(id, fault) {
                        service.fault(&mut self.state, &mut self.fx, id, fault);
                    }
                    if fault.is_fatal() {
                        self.fx.transport.close(id, End::Fault(fault));
                    }
                }
            }
        }
    }

    /// Whether the next frame may be decoded now, after frames of so many bytes; notes that input is
    /// left where it may not.
    fn may_decode(&mut self, id: ConnId, frames_bytes: usize, share: &mut Share) -> bool {
        let transport = &mut self.fx.transport;
        let share_is_used =
            frames_bytes > FRAMES_BYTES || transport.share_is_used(id.slot) || share.is_over();
        let Some(connection) = transport.get_mut(id) else { return false };
        let may = connection.takes_input() && !share_is_used;
        connection.undecoded = !may;
        may
    }

    /// Discards what a closing connection still sends.
    fn discard(&mut self, id: ConnId) -> usize {
        let read = self.read(id);
        let transport = &mut self.fx.transport;
        match read {
            Read::End | Read::Failed(_) => transport.finish(id),
            Read::Empty => {}
            Read::Bytes(count) => {
                if transport.get(id).is_some_and(|connection| connection.readable) {
                    transport.queue(id.slot);
                }
                return count;
            }
        }
        0
    }
}

/// The time that one connection's frames take in one turn, or one socket's datagrams.
pub(super) struct Share {
    frames: u32,
    /// Since the first look at the clock. Few frames need none.
    began: Option<Instant>,
}

impl Share {
    pub(super) fn new() -> Share {
        Share { frames: 0, began: None }
    }

    /// Whether it is over, now that one more frame is to be decoded.
    pub(super) fn is_over(&mut self) -> bool {
        self.frames += 1;
        if !self.frames.is_multiple_of(SHARE_FRAMES) {
            return false;
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        began.elapsed() >= SHARE
    }
}

/// Discards what is done with, and the memory that the rest does not need: a peer must not hold
/// more of it than it has sent.
fn discard_front(inbox: &mut Vec<u8>, used: usize) {
    inbox.drain(..used);
    if used > 0 && inbox.capacity() > 2 * inbox.len() {
        inbox.shrink_to_fit();
    }
}

impl super::transport::Transport {
    /// Frames begin to be carried: from now on the peer is probed.
    pub(super) fn begin_keepalive(&mut self, id: ConnId, keepalive: Option<Keepalive>) {
        if let Some(keepalive) = keepalive {
            // Those who came at once are not all probed at once: the first probe comes up to half an
            // interval early.
            let early = keepalive.every / 64 * (id.serial % 32);
            self.set_deadline(self.now + keepalive.every - early, id, Deadline::Keepalive);
        }
    }

    /// Sets a deadline for the frame that is under way, if there is one and no deadline yet.
    fn time_frame(&mut self, id: ConnId) {
        let now = self.now;
        let Some(connection) = self.get_mut(id) else { return };
        if !connection.part_armed && connection.awaits_rest() {
            connection.part_armed = true;
            connection.framed = false;
            let due = now + connection.limits.frame;
            self.set_deadline(due, id, Deadline::Frame);
        }
    }

    /// Closes a connection whose frame has been under way since its deadline was set. One that is not
    /// read can do nothing about it.
    pub(super) fn judge_frame(&mut self, id: ConnId) {
        let Some(connection) = self.get_mut(id) else { return };
        connection.part_armed = false;
        let is_late = connection.awaits_rest() && !connection.framed && !connection.readable;
        if is_late && connection.takes_input() {
            self.close(id, End::Unfinished);
        } else {
            self.time_frame(id);
        }
    }

    /// Whether the service is to hear of this fault: of bytes that frame nothing, once a turn.
    fn is_news(&mut self, id: ConnId, fault: Fault) -> bool {
        let turn = self.turn;
        let Some(connection) = self.get_mut(id) else { return false };
        fault != Fault::Unframed || std::mem::replace(&mut connection.unframed_turn, turn) != turn
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::Connection;
    use super::super::framing::Lines;
    use super::super::limits::Limits;
    use super::super::link::Link;
    use super::super::transport::Transport;
    use super::*;

    /// A transport with one connection, in whose inbox this is.
    fn one_connection(inbox: &str) -> (Transport, ConnId) {
        let mut transport = Transport::new(Limits::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let link = Link::Tcp(mio::net::TcpStream::connect(address).unwrap());
        let limits = Rc::clone(&transport.limits);
        let framing: Box<dyn Framing> = Box::new(Lines::new(1000));
        let mut connection = Connection::new(link, 1, 0, address, Some(framing), limits);
        connection.inbox = inbox.into();
        let slot = transport.connections.insert(connection) as u32;
        let id = ConnId { slot, serial: 1 };
        transport.time_frame(id);
        (transport, id)
    }

    /// Lets seconds go by, and whatever comes up in them come up; says whether it is open then.
    fn lives(transport: &mut Transport, id: ConnId, seconds: u64) -> bool {
        for _ in 0..seconds {
            transport.now += Duration::from_secs(1);
            while let Some((id, what)) = transport.deadlines.pop(transport.now) {
                transport.expire(id, what);
            }
        }
        transport.get(id).unwrap().stage == Stage::Open
    }

    #[test]
    fn who_sends_half_a_frame_and_no_more_is_closed() {
        let (mut transport, id) = one_connection("half");
        transport.time_frame(id);
        assert_eq!(transport.deadlines.len(), 1);
        assert!(lives(&mut transport, id, 59));
        assert!(!lives(&mut transport, id, 2));
        let end = &transport.get(id).unwrap().end;
        assert!(matches!(end.as_deref(), Some(End::Unfinished)));
    }

    #[test]
    fn who_finishes_frames_may_always_be_in_the_middle_of_one() {
        let (mut transport, id) = one_connection("half");
        for _ in 0..10 {
            transport.get_mut(id).unwrap().framed = true;
            assert!(lives(&mut transport, id, 59));
            assert_eq!(transport.deadlines.len(), 1);
        }
        assert!(!lives(&mut transport, id, 120));
    }

    #[test]
    fn who_is_not_read_or_owes_nothing_is_not_late() {
        let wait: [fn(&mut Connection); 4] =
            [|c| c.holds = 1, |c| c.paused = true, |c| c.readable = true, |c| c.undecoded = true];
        for wait in wait {
            let (mut transport, id) = one_connection("half");
            wait(transport.get_mut(id).unwrap());
            assert!(lives(&mut transport, id, 600));
        }
        let (mut transport, id) = one_connection("");
        assert_eq!(transport.deadlines.len(), 0);
        transport.get_mut(id).unwrap().inbox = b"half".into();
        transport.time_frame(id);
        transport.get_mut(id).unwrap().inbox.clear();
        assert!(lives(&mut transport, id, 600));
        assert_eq!(transport.deadlines.len(), 0);
    }

    #[test]
    fn what_is_kept_of_an_inbox_holds_no_more_memory_than_it_needs() {
        let mut inbox = vec![7; READ_BYTES];
        discard_front(&mut inbox, READ_BYTES - 3);
        assert_eq!(inbox, [7, 7, 7]);
        assert!(inbox.capacity() < 64);
        discard_front(&mut inbox, 3);
        assert_eq!(inbox.capacity(), 0);
    }

    #[test]
    fn a_growing_inbox_keeps_its_room() {
        let mut inbox = Vec::with_capacity(1000);
        inbox.push(1);
        discard_front(&mut inbox, 0);
        assert!(inbox.capacity() >= 1000);
    }
}
