//! Peers of datagrams, with a service that does what each datagram tells it to.

use crate::house::{Running, until};
use crate::peer::Peer;
use parlance::rpc::framing::{Fault, Framing, LengthPrefix, length_prefix};
use parlance::rpc::{
    Accepted, Admission, ConnId, Effects, End, GroupId, Limits, ListenerId, Meanwhile, Server,
    Service, Ticket,
};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, channel};
use std::time::{Duration, Instant};

/// How long one datagram may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The state behind the script: who came, who went and why, and a group.
struct Stage {
    conns: Vec<ConnId>,
    ended: Vec<String>,
    tickets: Vec<Ticket>,
    /// Whose frames came, and in which turns.
    heard: Vec<(Instant, ConnId)>,
    group: GroupId,
    listener: ListenerId,
}

/// A frame is operations parted by `;`, all done in one turn.
///
/// `say TEXT` answers · `big BYTES` answers with a datagram of that length · `count TEXT` answers how
/// long the text is · `join` enters the group · `all TEXT` tells the group · `fill BYTES` tells
/// it so much · `full` fills a turn · `but TEXT` tells all others in it · `confirm` · `wait` opens a ticket · `close` · `abort`
///
/// A stranger is admitted by operations that begin with `in`, unconfirmed by `in?`, with a patience of
/// so many milliseconds by `in MS`; others are asked who they are.
struct Script;

const WHO: &str = "who are you?";

impl Service<Stage> for Script {
    fn framing(&self, _: &Stage, _: &Accepted) -> Box<dyn Framing> {
        Box::new(LengthPrefix::new(64 * 1024))
    }

    fn stranger(
        &self,
        _: &mut Stage,
        _: &mut Effects<Stage>,
        _: SocketAddr,
        datagram: &[u8],
        reply: &mut Vec<u8>,
    ) -> Option<Admission> {
        assert!(!datagram.is_empty());
        let text = std::str::from_utf8(datagram).unwrap();
        let mut words = text.split(';').next().unwrap().split(' ');
        let confirmed = match words.next() {
            Some("in") => true,
            Some("in?") => false,
            _ => {
                reply.extend_from_slice(WHO.as_bytes());
                return None;
            }
        };
        let patience_ms = words.next().map_or(60_000, |ms| ms.parse().unwrap());
        Some(Admission { confirmed, patience: Duration::from_millis(patience_ms) })
    }

    fn opened(&self, stage: &mut Stage, _: &mut Effects<Stage>, conn: ConnId) {
        stage.conns.push(conn);
    }

    fn frame(&self, stage: &mut Stage, fx: &mut Effects<Stage>, conn: ConnId, frame: &[u8]) {
        stage.heard.push((fx.now(), conn));
        for operation in std::str::from_utf8(frame).unwrap().split(';') {
            perform(stage, fx, conn, operation);
        }
    }

    fn fault(&self, _: &mut Stage, _: &mut Effects<Stage>, _: ConnId, fault: Fault) {
        panic!("{fault:?}");
    }

    fn closed(&self, stage: &mut Stage, _: &mut Effects<Stage>, _: ConnId, end: &End) {
        stage.ended.push(end.to_string());
    }

    fn stopping(&self, stage: &mut Stage, fx: &mut Effects<Stage>) {
        fx.publish(stage.group, None, |out| framed(out, "the end"));
    }
}

fn framed(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    length_prefix::frame(out, start);
}

fn perform(stage: &mut Stage, fx: &mut Effects<Stage>, conn: ConnId, operation: &str) {
    let (word, rest) = operation.split_once(' ').unwrap_or((operation, ""));
    match word {
        "in" | "in?" => {}
        "say" => fx.send_with(conn, |out| framed(out, rest)),
        "big" => fx.send_with(conn, |out| framed(out, &"x".repeat(rest.parse().unwrap()))),
        "count" => fx.send_with(conn, |out| framed(out, &rest.len().to_string())),
        "wait" => stage.tickets.push(fx.defer(conn, Meanwhile::Wait)),
        "join" => fx.join_group(stage.group, conn),
        "all" => fx.publish(stage.group, None, |out| framed(out, rest)),
        "but" => fx.publish(stage.group, Some(conn), |out| framed(out, rest)),
        "fill" => {
            let text = "x".repeat(rest.parse().unwrap());
            fx.publish(stage.group, None, |out| framed(out, &text));
        }
        // As much as one turn should have.
        "full" => fx.count_saved(conn, 1 << 21),
        "confirm" => fx.confirm(conn),
        "close" => fx.close(conn),
        "abort" => fx.abort(conn),
        other => panic!("no such operation: {other}"),
    }
}

/// The script over datagrams at the first address, over TCP at the second.
fn stage() -> Running<Stage> {
    Running::start(build)
}

fn build() -> (Server<Stage>, Vec<SocketAddr>) {
    let mut server = Server::with(|fx| {
        let script = fx.add_service(Script);
        let listener = fx.listen_datagrams("127.0.0.1:0", script).unwrap();
        Stage {
            conns: Vec::new(),
            ended: Vec::new(),
            tickets: Vec::new(),
            heard: Vec::new(),
            group: fx.new_group(),
            listener,
        }
    })
    .unwrap();
    let stream = server.listen("127.0.0.1:0", Script).unwrap();
    let (stage, fx) = server.parts();
    let datagrams = fx.listener_addr(stage.listener).unwrap();
    (server, vec![datagrams, stream])
}

/// Somebody who sends datagrams.
struct Sender(UdpSocket);

impl Sender {
    fn new(stage: &Running<Stage>) -> Sender {
        Sender::to(stage.addresses[0])
    }

    fn to(address: SocketAddr) -> Sender {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.connect(address).expect("an address");
        Sender(socket)
    }

    fn send(&self, text: &str) {
        self.0.send(text.as_bytes()).expect("sent");
    }

    #[track_caller]
    fn expect(&self, expected: &str) {
        let mut buffer = [0; 65536];
        let count = self.0.recv(&mut buffer).expect("a datagram");
        assert_eq!(String::from_utf8_lossy(&buffer[..count]), expected);
    }

    /// Expects that nothing has come. To be asked when what would have come is surely there: over
    /// loopback that is when it was sent.
    #[track_caller]
    fn expect_nothing(&self) {
        self.0.set_nonblocking(true).expect("set");
        let error = self.0.recv(&mut [0; 100]).expect_err("nothing");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        self.0.set_nonblocking(false).expect("set");
    }

    /// Sends a request and expects an answer, and so that nothing came before it.
    #[track_caller]
    fn ask(&self, request: &str, answer: &str) {
        self.send(request);
        self.expect(answer);
    }
}

/// Holds the loop until the value is used or dropped, so that what comes meanwhile comes in one turn.
fn hold(stage: &Running<Stage>) -> mpsc::Sender<()> {
    let (release, held) = channel();
    let (sender, holds) = channel();
    stage.handle.post(move |_, _| {
        let _ = sender.send(());
        let _ = held.recv_timeout(PATIENCE);
    });
    holds.recv_timeout(PATIENCE).expect("the loop is held");
    release
}

fn set_limits(stage: &Running<Stage>, change: impl FnOnce(&mut Limits) + Send + 'static) {
    stage.ask(|_, fx| {
        let mut limits = *fx.limits();
        change(&mut limits);
        fx.set_limits(limits);
    });
}

fn ended(stage: &Running<Stage>) -> Vec<String> {
    stage.ask(|stage, _| stage.ended.clone())
}

/// Text as TCP carries it.
fn prefixed(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    framed(&mut out, text);
    out
}

#[test]
fn a_peer_is_answered() {
    let stage = stage();
    let (a, b) = (Sender::new(&stage), Sender::new(&stage));
    a.ask("in;say one;say two", "one");
    a.expect("two");
    b.ask("in;say other", "other");
    a.ask("say three", "three");
    let address = a.0.local_addr().unwrap();
    stage.ask(move |stage, fx| {
        let a = stage.conns[0];
        assert_eq!(fx.peer_addr(a), Some(address));
        assert_eq!(fx.service_of(a), fx.service_of(stage.conns[1]));
        assert!(fx.is_open(a) && !fx.is_secure(a) && fx.is_confirmed(a));
        fx.set_session(a, 7);
        fx.set_form(a, 3);
        assert_eq!((fx.session(a), fx.form(a), fx.connections()), (7, 3, 2));
    });
}

#[test]
fn a_stranger_is_refused_with_no_more_than_it_sent() {
    let stage = stage();
    let stranger = Sender::new(&stage);
    stranger.ask("longer than that", WHO);
    stranger.ask("exactly long", WHO);
    // What is shorter than the reply is not replied to.
    stranger.send("not so long");
    stranger.send("");
    stranger.ask("in;say welcome", "welcome");
    // An empty datagram asks for nothing.
    stranger.send("");
    stranger.ask("say still here", "still here");
    assert_eq!(stage.ask(|stage, fx| (stage.conns.len(), fx.connections())), (1, 1));
}

#[test]
fn a_group_has_members_over_tcp_and_over_datagrams() {
    let stage = stage();
    let (a, b) = (Sender::new(&stage), Sender::new(&stage));
    let mut stream: Peer = stage.peer_at(1);
    a.ask("in;join;say in", "in");
    b.ask("in;join;say in", "in");
    stream.ask(prefixed("join;say in"), prefixed("in"));
    // All that is told in one turn comes in its order, answers in between, a datagram each.
    a.send("but one;all two;say three;but four;all five");
    for expected in ["two", "three", "five"] {
        a.expect(expected);
    }
    for expected in ["one", "two", "four", "five"] {
        b.expect(expected);
        stream.expect(prefixed(expected));
    }
    stream.send(prefixed("but six"));
    a.expect("six");
    b.expect("six");
    b.send("close");
    until(|| ended(&stage) == ["closed by the service"]);
    a.ask("all seven", "seven");
    stream.ask(prefixed("say eight"), [prefixed("seven"), prefixed("eight")].concat());
    b.expect_nothing();
    stream.finish();
}

#[test]
fn an_unconfirmed_peer_is_sent_three_times_what_it_sent() {
    let stage = stage();
    let (honest, doubtful) = (Sender::new(&stage), Sender::new(&stage));
    honest.ask("in;join;say in", "in");
    // Eight bytes.
    doubtful.send("in?;join");
    until(|| stage.ask(|stage, fx| fx.group_len(stage.group)) == 2);
    assert!(!stage.ask(|stage, fx| fx.is_confirmed(stage.conns[1])));
    let event = "thirteen long";
    honest.ask(&format!("all {event}"), event);
    honest.ask(&format!("all {event}"), event);
    doubtful.expect(event);
    // Eleven bytes are left, and three times fourteen more now.
    doubtful.ask("say 0123456789", "0123456789");
    doubtful.expect_nothing();
    for number in 0..6 {
        let event = format!("event of 1{number}");
        honest.ask(&format!("all {event}"), &event);
        if number < 3 {
            doubtful.expect(&event);
        }
    }
    doubtful.expect_nothing();
    // Ten bytes and three times fourteen: the answer goes, and not the event that came before it.
    doubtful.ask("fill 50;big 40", &"x".repeat(40));
    honest.expect(&"x".repeat(50));
    doubtful.expect_nothing();
    doubtful.ask("confirm;say confirmed", "confirmed");
    assert!(stage.ask(|stage, fx| fx.is_confirmed(stage.conns[1])));
    for _ in 0..10 {
        honest.ask(&format!("all {event}"), event);
        doubtful.expect(event);
    }
}

#[test]
fn few_strangers_become_peers_at_a_time() {
    let stage = stage();
    set_limits(&stage, |limits| limits.new_peers_per_s = 2);
    let senders: [Sender; 3] = std::array::from_fn(|_| Sender::new(&stage));
    let held = hold(&stage);
    senders.iter().for_each(|sender| sender.send("in;say in"));
    drop(held);
    senders[0].expect("in");
    senders[1].expect("in");
    senders[2].ask("who am I to you?", WHO);
    assert_eq!(stage.ask(|stage, fx| (stage.conns.len(), fx.connections())), (2, 2));
}

#[test]
fn peers_count_among_the_connections() {
    let stage = stage();
    set_limits(&stage, |limits| limits.connections = 2);
    let [a, b] = std::array::from_fn(|_| Sender::new(&stage));
    let mut stream = stage.peer_at(1);
    stream.ask(prefixed("say in"), prefixed("in"));
    a.ask("in;say in", "in");
    b.send("in;say in");
    b.ask("who am I to you?", WHO);
    stage.peer_at(1).expect_close();
    a.send("close");
    until(|| stage.ask(|_, fx| fx.connections()) == 1);
    b.ask("in;say in", "in");
    stream.finish();
}

#[test]
fn datagrams_over_the_rate_are_dropped_unseen() {
    let stage = stage();
    set_limits(&stage, |limits| limits.datagrams_per_s = 3);
    let (fast, other) = (Sender::new(&stage), Sender::new(&stage));
    let held = hold(&stage);
    fast.send("in;say 0");
    for number in 1..5 {
        fast.send(&format!("say {number}"));
    }
    other.send("in;say other");
    drop(held);
    other.expect("other");
    for expected in ["0", "1", "2"] {
        fast.expect(expected);
    }
    fast.expect_nothing();
}

#[test]
fn who_is_silent_for_too_long_is_ended() {
    const SILENT: &str = "nothing heard for too long";
    let stage = stage();
    set_limits(&stage, |limits| limits.datagrams_per_s = 1_000_000);
    let [later, lively, still, sooner] = std::array::from_fn(|_| Sender::new(&stage));
    later.ask("in 1000;say in", "in");
    lively.ask("in 1000;say in", "in");
    still.ask("in 1000;join;say in", "in");
    sooner.ask("in;say in", "in");
    let conns = stage.ask(|stage, fx| {
        fx.set_patience(stage.conns[0], Duration::MAX);
        fx.set_patience(stage.conns[3], Duration::from_millis(10));
        stage.conns.clone()
    });
    until(|| ended(&stage) == [SILENT]);
    sooner.ask("that was too soon", WHO);
    until(|| {
        lively.ask("say here", "here");
        ended(&stage) == [SILENT, SILENT]
    });
    stage.ask(move |stage, fx| {
        let open: Vec<bool> = conns.iter().map(|conn| fx.is_open(*conn)).collect();
        assert_eq!(open, [true, true, false, false]);
        assert_eq!((fx.connections(), fx.group_len(stage.group)), (2, 0));
    });
    still.ask("in;say back", "back");
    // It is looked at more than once.
    until(|| ended(&stage).len() == 3);
    lively.ask("that was too soon", WHO);
}

#[test]
fn who_is_closed_gets_its_last_words_and_is_a_stranger_again() {
    let stage = stage();
    let (a, b) = (Sender::new(&stage), Sender::new(&stage));
    // Refused in the very datagram that it came with.
    a.ask("in;say no;close;say unsaid", "no");
    a.ask("what was that?", WHO);
    a.send("in;say unsaid;abort");
    until(|| ended(&stage).len() == 2 && stage.ask(|_, fx| fx.connections()) == 0);
    a.ask("what was that?", WHO);
    a.ask("in;say yes", "yes");
    b.ask("in;say in", "in");
    let held = hold(&stage);
    a.send("say bye;close");
    // What comes before it is forgotten is dropped.
    a.send("in;say too soon");
    b.send("say on");
    drop(held);
    a.expect("bye");
    b.expect("on");
    a.ask("what was that?", WHO);
    assert_eq!(ended(&stage), ["closed by the service"; 3]);
}

#[test]
fn a_closed_listener_keeps_its_peers() {
    let stage = stage();
    let address = stage.addresses[0];
    let (a, b) = (Sender::new(&stage), Sender::new(&stage));
    a.ask("in;say in", "in");
    let unlisten = |stage: &mut Stage, fx: &mut Effects<Stage>| {
        fx.unlisten(stage.listener);
        fx.unlisten(stage.listener);
        assert_eq!(fx.listener_addr(stage.listener), None);
    };
    stage.ask(unlisten);
    b.send("in;say not now");
    b.send("who am I to you?");
    a.ask("say still here", "still here");
    b.expect_nothing();
    // It opens again while it has peers; to others the address is taken meanwhile.
    assert!(UdpSocket::bind(address).is_err());
    stage.ask(move |stage, fx| {
        let script = fx.add_service(Script);
        stage.listener = fx.listen_datagrams(address, script).unwrap();
        assert_eq!(fx.listener_addr(stage.listener), Some(address));
        let taken = fx.listen_datagrams(address, script).unwrap_err().to_string();
        assert!(taken.contains(&address.to_string()), "{taken}");
    });
    b.ask("in;say in", "in");
    a.ask("say still here", "still here");
    assert!(stage.ask(|stage, fx| fx.service_of(stage.conns[0]) != fx.service_of(stage.conns[1])));
    stage.ask(unlisten);
    a.ask("say bye;close", "bye");
    b.ask("say bye;close", "bye");
    until(|| UdpSocket::bind(address).is_ok());

    // One without peers goes at once.
    let address = stage.ask(|_, fx| {
        let script = fx.add_service(Script);
        let listener = fx.listen_datagrams("127.0.0.1:0", script).unwrap();
        let address = fx.listener_addr(listener).unwrap();
        fx.unlisten(listener);
        address
    });
    UdpSocket::bind(address).expect("a free address");
}

#[test]
fn who_takes_nothing_holds_up_nobody() {
    const EVENTS: usize = 200;
    let stage = stage();
    let deaf = Sender::new(&stage);
    let narrow = socket2::SockRef::from(&deaf.0);
    narrow.set_recv_buffer_size(4096).expect("a small receive buffer");
    deaf.ask("in;join;say in", "in");
    let mut stream = stage.peer_at(1);
    stream.ask(prefixed("join;say in"), prefixed("in"));
    let event = "x".repeat(1000);
    for _ in 0..EVENTS {
        stream.ask(prefixed(&format!("all {event}")), prefixed(&event));
    }
    assert_eq!(ended(&stage), [""; 0]);
    // What came while there was room is there, and then what comes now.
    deaf.0.set_nonblocking(true).expect("set");
    let mut buffer = [0; 2000];
    let got = std::iter::from_fn(|| deaf.0.recv(&mut buffer).ok()).count();
    assert!((1..EVENTS).contains(&got), "{got} events");
    deaf.0.set_nonblocking(false).expect("set");
    deaf.ask("say here", "here");
    stream.finish();
}

#[test]
fn a_frame_too_long_for_a_datagram_is_dropped_and_others_go() {
    let stage = stage();
    let peer = Sender::new(&stage);
    peer.ask("in;big 8193;say next", "next");
    peer.ask("big 8192;say next", &"x".repeat(8192));
    peer.expect("next");
    // Which holds for what is sent; what comes is the service's to judge, up to what UDP carries.
    peer.ask(&format!("count {}", "x".repeat(65_507 - 6)), "65501");
    // Beyond that the system refuses, and nobody else does.
    set_limits(&stage, |limits| limits.datagram_bytes = 100_000);
    let other = Sender::new(&stage);
    other.ask("in;big 65508;say next", "next");
    other.ask("big 65507", &"x".repeat(65_507));
}

#[test]
fn while_an_answer_is_owed_what_comes_is_dropped() {
    let stage = stage();
    let (a, b) = (Sender::new(&stage), Sender::new(&stage));
    a.ask("in;wait;say in", "in");
    a.send("say unheard");
    b.ask("in;say in", "in");
    stage.ask(|stage, fx| {
        let conn = fx.settle(stage.tickets.pop().unwrap()).unwrap();
        fx.send_with(conn, |out| framed(out, "settled"));
    });
    a.expect("settled");
    a.ask("say heard", "heard");
}

#[test]
fn who_is_answered_much_leaves_the_rest_to_the_next_turn() {
    let stage = stage();
    let peer = Sender::new(&stage);
    peer.ask("in;say in", "in");
    stage.ask(|stage, _| stage.heard.clear());
    let held = hold(&stage);
    // Two of these are more than a connection's share, though they are too long to be sent.
    for _ in 0..10 {
        peer.send("big 200000");
    }
    peer.send("say done");
    drop(held);
    peer.expect("done");
    let mut heard = stage.ask(|stage, _| std::mem::take(&mut stage.heard));
    assert_eq!(heard.len(), 11);
    heard.dedup();
    assert_eq!(heard.len(), 6, "turns");
}

#[test]
fn neither_streams_nor_datagrams_wait_until_the_others_have_had_enough() {
    let stage = stage();
    let sender = Sender::new(&stage);
    sender.ask("in;say in", "in");
    let mut stream = stage.peer_at(1);
    stream.ask(prefixed("say in"), prefixed("in"));
    for streams_are_many in [false, true, false, true] {
        let held = hold(&stage);
        stage.handle.post(|stage, _| stage.heard.clear());
        if streams_are_many {
            stream.send(prefixed("full").repeat(50));
            sender.send("say done");
        } else {
            (0..50).for_each(|_| sender.send("full"));
            stream.send(prefixed("say done"));
        }
        drop(held);
        if streams_are_many {
            sender.expect("done");
            stream.ask(prefixed("say done"), prefixed("done"));
        } else {
            stream.expect(prefixed("done"));
            sender.ask("say done", "done");
        }
        let heard = stage.ask(|stage, _| std::mem::take(&mut stage.heard));
        let one = if streams_are_many { 0 } else { 1 };
        let place =
            stage.ask(move |stage, _| heard.iter().position(|(_, conn)| *conn == stage.conns[one]));
        assert!(place.is_some_and(|place| place <= 1), "{place:?}");
    }
    stream.finish();
}

#[test]
fn a_loop_whose_sockets_are_empty_sleeps() {
    const NAP: Duration = Duration::from_millis(50);
    let (mut server, addresses) = build();
    let peer = Sender::to(addresses[0]);
    peer.send("in;say in");
    let deadline = Instant::now() + PATIENCE;
    while server.state().heard.is_empty() {
        assert!(Instant::now() < deadline, "never heard");
        server.turn(Some(NAP)).unwrap();
    }
    peer.expect("in");
    // Nothing is left to do but, in a minute, to look whether the peer is still there.
    let began = Instant::now();
    server.turn(Some(NAP)).unwrap();
    assert!(began.elapsed() >= NAP, "{:?}", began.elapsed());
}

#[test]
fn stopping_tells_datagram_peers_too() {
    let stage = stage();
    let (a, b) = (Sender::new(&stage), Sender::new(&stage));
    a.ask("in;join;say in", "in");
    b.ask("in;join;say in", "in");
    stage.begin_stop();
    a.expect("the end");
    b.expect("the end");
    let address = stage.addresses[0];
    drop(stage);
    UdpSocket::bind(address).expect("nobody there any more");
}
