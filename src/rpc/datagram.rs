//! One peer of datagrams: what it may be sent, how much is taken from it, and how long it may be
//! silent.
//!
//! The peers of a listener share its socket. What is sent or published to them is a sequence of
//! frames with their length in front ([`length_prefix`]); each leaves as one datagram, without the
//! length. What cannot leave at once is dropped: nothing is ever owed. Nothing here receives
//! (`receive.rs`).

use mio::net::UdpSocket;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::connection::{ConnId, End};
use super::flush::bytes_of;
use super::framing::length_prefix;
use super::group::Groups;
use super::limits::Limits;
use super::link::{Link, uninterrupted};
use super::outbox::{Source, TurnList, TurnSlices};
use super::service::Admission;
use super::timer::Deadline;
use super::transport::Transport;

/// How many times the bytes that came from an unconfirmed address may go to it.
const UNCONFIRMED_FACTOR: u64 = 3;

/// The longest that a peer may be silent, whatever its service allows it: ten years.
const PATIENCE_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A peer's share of a socket.
#[derive(Debug)]
pub(super) struct DatagramLink {
    socket: Rc<UdpSocket>,
    /// The listener that the socket belongs to, by its key.
    pub(super) listener: usize,
    peer: SocketAddr,
    /// Bytes of the longest datagram that is sent.
    datagram_bytes_max: usize,
    allowance: Allowance,
    taken: Bucket,
    last_heard: Instant,
    patience: Duration,
    /// When the next deadline for its silence comes up.
    due: Option<Instant>,
}

impl DatagramLink {
    pub(super) fn new(
        socket: Rc<UdpSocket>,
        listener: usize,
        peer: SocketAddr,
        limits: &Limits,
        admission: Admission,
        now: Instant,
    ) -> DatagramLink {
        DatagramLink {
            socket,
            listener,
            peer,
            datagram_bytes_max: limits.datagram_bytes,
            allowance: Allowance::new(admission.confirmed),
            taken: Bucket::default(),
            last_heard: now,
            patience: admission.patience,
            due: None,
        }
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn confirm(&mut self) {
        self.allowance.bytes_left = None;
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.allowance.bytes_left.is_none()
    }

    /// A datagram of so many bytes came; gives whether it may be looked at.
    pub(super) fn hear(&mut self, now: Instant, bytes: usize, limits: &Limits) -> bool {
        self.last_heard = now;
        self.allowance.earn(bytes);
        self.taken.take(now, limits.datagrams_per_s)
    }

    /// Sends the frames that were published to it, in a turn that has nothing else for it. All of it
    /// is done with afterwards.
    pub(super) fn write_events(&mut self, frames: &[u8]) -> usize {
        // Nothing is held back for an answer, so that it does not matter which these are.
        self.write([(Source::Answers, frames)].into_iter());
        frames.len()
    }

    /// Sends what a turn has for it.
    pub(super) fn write_turn(
        &mut self,
        turn: TurnList,
        groups: &Groups,
        answers: &[u8],
        slices: &TurnSlices,
    ) {
        let all = std::iter::successors(slices.get(turn.head), |slice| slices.get(slice.next));
        self.write(all.map(|slice| (slice.source, bytes_of(slice, groups, answers))));
    }

    fn write<'a>(&mut self, pieces: impl Iterator<Item = (Source, &'a [u8])> + Clone) {
        let DatagramLink { socket, peer, allowance, .. } = self;
        send_frames(allowance, self.datagram_bytes_max, pieces, |frame| {
            uninterrupted(|| socket.send_to(frame, *peer))
        });
    }

    /// When it will have been silent for too long.
    fn silent_at(&self) -> Instant {
        self.last_heard + self.patience.min(PATIENCE_MAX)
    }
}

/// What may still be sent to a peer, in bytes of datagrams.
#[derive(Debug)]
struct Allowance {
    /// `None`: the peer is confirmed, and there is no bound.
    bytes_left: Option<u64>,
}

impl Allowance {
    fn new(confirmed: bool) -> Allowance {
        Allowance { bytes_left: if confirmed { None } else { Some(0) } }
    }

    /// So many bytes came from the peer.
    fn earn(&mut self, bytes: usize) {
        if let Some(left) = &mut self.bytes_left {
            *left = left.saturating_add(UNCONFIRMED_FACTOR * bytes as u64);
        }
    }

    /// Whether so many bytes may go, besides those that are held back.
    fn allows(&self, bytes: u64, held_back: u64) -> bool {
        self.bytes_left.is_none_or(|left| left >= bytes.saturating_add(held_back))
    }

    fn spend(&mut self, bytes: u64) {
        if let Some(left) = &mut self.bytes_left {
            *left = left.saturating_sub(bytes);
        }
    }
}

/// Sends the frames of all pieces, in their order, each as one datagram. One that is too long or not
/// allowed is dropped; so is all that is left when the socket would block. Where not everything is
/// allowed, answers come before events.
fn send_frames<'a>(
    allowance: &mut Allowance,
    bytes_max: usize,
    pieces: impl Iterator<Item = (Source, &'a [u8])> + Clone,
    mut send: impl FnMut(&[u8]) -> io::Result<usize>,
) {
    let frames = pieces.flat_map(|(source, bytes)| {
        length_prefix::contents(bytes).map(move |frame| (source == Source::Answers, frame))
    });
    let frames = frames.filter(|(_, frame)| !frame.is_empty() && frame.len() <= bytes_max);
    let mut held_back = 0u64;
    if allowance.bytes_left.is_some() {
        let answers = frames.clone().filter(|(is_answer, _)| *is_answer);
        held_back = answers.map(|(_, frame)| frame.len() as u64).sum();
    }
    for (is_answer, frame) in frames {
        let bytes = frame.len() as u64;
        if is_answer {
            held_back = held_back.saturating_sub(bytes);
        }
        if !allowance.allows(bytes, if is_answer { 0 } else { held_back }) {
            continue;
        }
        match send(frame) {
            Ok(_) => allowance.spend(bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // What it says may be of another peer, or of one that is not there now.
            Err(_) => {}
        }
    }
}

/// So many a second, and as many at once after a second of rest.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When it will be full again.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes one, if there is one left.
    pub(super) fn take(&mut self, now: Instant, per_second: u32) -> bool {
        const SECOND: Duration = Duration::from_secs(1);
        let Some(each) = SECOND.checked_div(per_second) else { return false };
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now)) + each;
        let takes = full_at - now <= SECOND;
        if takes {
            self.full_at = Some(full_at);
        }
        takes
    }
}

impl Transport {
    /// The link of a connection that is a datagram peer.
    pub(super) fn datagram_link_mut(&mut self, id: ConnId) -> Option<&mut DatagramLink> {
        match &mut self.get_mut(id)?.link {
            Link::Datagram(link) => Some(link),
            _ => None,
        }
    }

    /// Sets how long a datagram peer may be silent.
    pub(super) fn set_patience(&mut self, id: ConnId, patience: Duration) {
        if let Some(link) = self.datagram_link_mut(id) {
            link.patience = patience;
            self.time_silence(id);
        }
    }

    /// A datagram peer may have been silent for too long: ends it, or looks again later.
    pub(super) fn judge_patience(&mut self, id: ConnId) {
        let now = self.now;
        let Some(link) = self.datagram_link_mut(id) else { return };
        if link.silent_at() <= now {
            return self.close(id, End::Silent);
        }
        link.due = link.due.filter(|due| *due > now);
        self.time_silence(id);
    }

    /// Sets a deadline for a datagram peer's silence, unless one comes up before that anyway, which
    /// then sets the next: so there is not one for each datagram.
    pub(super) fn time_silence(&mut self, id: ConnId) {
        let Some(link) = self.datagram_link_mut(id) else { return };
        let at = link.silent_at();
        if link.due.is_none_or(|due| at < due) {
            link.due = Some(at);
            self.set_deadline(at, id, Deadline::Silence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::connection::Connection;

    /// Frames with their length in front.
    fn framed(frames: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for frame in frames {
            let start = out.len();
            out.extend_from_slice(frame);
            length_prefix::frame(&mut out, start);
        }
        out
    }

    /// What of the pieces is sent, at most so many bytes a datagram.
    fn sent(
        allowance: &mut Allowance,
        bytes_max: usize,
        pieces: &[(Source, &[u8])],
    ) -> Vec<String> {
        let mut sent = Vec::new();
        send_frames(allowance, bytes_max, pieces.iter().copied(), |frame| {
            sent.push(String::from_utf8(frame.to_vec()).unwrap());
            Ok(frame.len())
        });
        sent
    }

    const EVENTS: Source = Source::Group(0);

    #[test]
    fn each_frame_is_a_datagram_and_one_too_long_is_none() {
        let pieces = [
            (EVENTS, &*framed(&[b"one", b"four", b"", b"fourteen bytes"])),
            (Source::Answers, &*framed(&[b"longer", b"five."])),
        ];
        let got = sent(&mut Allowance::new(true), 5, &pieces);
        assert_eq!(got, ["one", "four", "five."]);
        // What is no frame ends its piece, not the others.
        let pieces = [(EVENTS, &b"{\"no\":\"length\"}"[..]), (EVENTS, &*framed(&[b"ok"]))];
        assert_eq!(sent(&mut Allowance::new(true), 5, &pieces), ["ok"]);
    }

    #[test]
    fn an_unconfirmed_peer_is_sent_three_times_what_came_and_answers_first() {
        let mut allowance = Allowance::new(false);
        let events = framed(&[b"event", b"e2"]);
        let answers = framed(&[b"answer"]);
        let pieces = [(EVENTS, &*events), (Source::Answers, &*answers), (EVENTS, &events[..9])];
        assert_eq!(sent(&mut allowance, 100, &pieces), [""; 0]);
        // Nine bytes: six for the answer, though it comes later, and two of what else fits.
        allowance.earn(3);
        assert_eq!(sent(&mut allowance, 100, &pieces), ["e2", "answer"]);
        assert_eq!(allowance.bytes_left, Some(1));
        // An answer that cannot go in any case holds nothing back.
        allowance.earn(2);
        assert_eq!(sent(&mut allowance, 5, &pieces), ["event", "e2"]);
        assert_eq!(allowance.bytes_left, Some(0));
        allowance.earn(1000);
        assert_eq!(sent(&mut allowance, 100, &pieces), ["event", "e2", "answer", "event"]);
        allowance = Allowance::new(true);
        allowance.earn(1);
        assert_eq!(sent(&mut allowance, 100, &pieces), ["event", "e2", "answer", "event"]);
    }

    #[test]
    fn a_full_socket_drops_the_rest_and_other_errors_only_what_they_met() {
        let all = framed(&[b"1", b"2", b"3", b"4"]);
        for (kind, expected) in [(ErrorKind::WouldBlock, 2), (ErrorKind::ConnectionRefused, 4)] {
            let mut allowance = Allowance::new(false);
            allowance.earn(10);
            let mut tried = 0;
            send_frames(&mut allowance, 100, [(EVENTS, &*all)].into_iter(), |frame| {
                tried += 1;
                if frame == b"2" { Err(kind.into()) } else { Ok(1) }
            });
            assert_eq!(tried, expected, "{kind}");
            // What was not sent costs nothing.
            assert_eq!(allowance.bytes_left, Some(30 - (expected - 1)), "{kind}");
        }
    }

    #[test]
    fn a_bucket_gives_a_second_s_worth_at_once_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let mut taken = |at_ms: u64, tries: usize| {
            let now = start + Duration::from_millis(at_ms);
            (0..tries).filter(|_| bucket.take(now, 10)).count()
        };
        assert_eq!(taken(0, 30), 10);
        assert_eq!(taken(99, 3), 0);
        assert_eq!(taken(100, 3), 1);
        assert_eq!(taken(450, 9), 3);
        assert_eq!(taken(60_000, 30), 10);
        assert!(!Bucket::default().take(start, 0), "none a second is none");
    }

    /// A transport with one peer that may be silent for a minute, at its time.
    fn one_peer() -> (Transport, ConnId) {
        let mut transport = Transport::new(Limits::default());
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = Rc::new(UdpSocket::bind(address).unwrap());
        let admission = Admission { confirmed: true, patience: Duration::from_secs(60) };
        let limits = Rc::clone(&transport.limits);
        let link = DatagramLink::new(socket, 0, address, &limits, admission, transport.now);
        let link = Link::Datagram(Box::new(link));
        let connection = Connection::new(link, 1, 0, address, None, limits);
        let slot = transport.connections.insert(connection) as u32;
        let id = ConnId { slot, serial: 1 };
        transport.time_silence(id);
        (transport, id)
    }

    /// Lets time go on, and whatever comes up in it come up.
    fn pass(transport: &mut Transport, seconds: u64) {
        for _ in 0..seconds * 10 {
            transport.now += Duration::from_millis(100);
            while let Some((id, what)) = transport.deadlines.pop(transport.now) {
                transport.expire(id, what);
            }
        }
    }

    fn is_open(transport: &Transport, id: ConnId) -> bool {
        transport.get(id).unwrap().takes_output()
    }

    #[test]
    fn patience_counts_from_what_was_heard_last_and_costs_one_deadline() {
        let (mut transport, id) = one_peer();
        let limits = Limits::default();
        for _ in 0..10 {
            pass(&mut transport, 59);
            let now = transport.now;
            assert!(transport.datagram_link_mut(id).unwrap().hear(now, 1, &limits));
            assert!(is_open(&transport, id));
            assert_eq!(transport.deadlines.len(), 1);
        }
        pass(&mut transport, 59);
        assert!(is_open(&transport, id));
        pass(&mut transport, 2);
        assert!(!is_open(&transport, id));
        assert!(matches!(transport.get(id).unwrap().end.as_deref(), Some(End::Silent)));
    }

    #[test]
    fn patience_may_change_at_any_time_and_often() {
        let (mut transport, id) = one_peer();
        for _ in 0..1000 {
            for seconds in [900, 30, 900, u64::MAX] {
                transport.set_patience(id, Duration::from_secs(seconds));
            }
        }
        assert_eq!(transport.deadlines.len(), 2, "the first, and an earlier one");
        pass(&mut transport, 1000);
        assert!(is_open(&transport, id));
        assert_eq!(transport.deadlines.len(), 1);
        // What is over already ends at once.
        transport.set_patience(id, Duration::from_secs(900));
        pass(&mut transport, 1);
        assert!(!is_open(&transport, id));
    }
}
