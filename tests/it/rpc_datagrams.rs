//! Peers of datagrams, with a service that does what each datagram tells it to.

use crate::house::{Running, until};
use crate::peer::Peer;
use crate::support::own_address;
use parlance::rpc::framing::{Fault, Framing, LengthPrefix, length_prefix};
use parlance::rpc::{
    Accepted, Admission, ConnId, Effects, End, GroupId, Limits, ListenerId, Meanwhile, Server,
    Service, Ticket,
};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, channel};
use std::time::{Duration, Instant};

/// How long one datagram may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The state behind the script: who came, who went and why, and a group.
pub(crate) struct Stage {
    pub(crate) conns: Vec<ConnId>,
    ended: Vec<String>,
    /// How often the group is told of an end, and in which turns there was one.
    pub(crate) ends_told: usize,
    pub(crate) ended_at: Vec<Instant>,
    tickets: Vec<Ticket>,
    /// Who has ended, in the order of the ends.
    gone: Vec<ConnId>,
    /// Whose frames came, and in which turns.
    pub(crate) heard: Vec<(Instant, ConnId)>,
    pub(crate) group: GroupId,
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

pub(crate) const WHO: &str = "who are you?";

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

    fn closed(&self, stage: &mut Stage, fx: &mut Effects<Stage>, conn: ConnId, end: &End) {
        stage.gone.push(conn);
        stage.ended.push(end.to_string());
        stage.ended_at.push(fx.now());
        for _ in 0..stage.ends_told {
            fx.publish(stage.group, None, |out| framed(out, "an end"));
        }
    }

    fn stopping(&self, stage: &mut Stage, fx: &mut Effects<Stage>) {
        fx.publish(stage.group, None, |out| framed(out, "the end"));
    }
}

pub(crate) fn framed(out: &mut Vec<u8>, text: &str) {
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
pub(crate) fn stage() -> Running<Stage> {
    Running::start(build)
}

pub(crate) fn build() -> (Server<Stage>, Vec<SocketAddr>) {
    let mut server = Server::with(|fx| {
        let script = fx.add_service(Script);
        let listener = fx.listen_datagrams(own_address(), script).unwrap();
        Stage {
            conns: Vec::new(),
            ended: Vec::new(),
            ends_told: 0,
            ended_at: Vec::new(),
            tickets: Vec::new(),
            gone: Vec::new(),
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
pub(crate) struct Sender(pub(crate) UdpSocket);

impl Sender {
    pub(crate) fn new(stage: &Running<Stage>) -> Sender {
        Sender::to(stage.addresses[0])
    }

    pub(crate) fn to(address: SocketAddr) -> Sender {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.connect(address).expect("an address");
        Sender(socket)
    }

    pub(crate) fn send(&self, text: &str) {
        self.0.send(text.as_bytes()).expect("sent");
    }

    #[track_caller]
    pub(crate) fn expect(&self, expected: &str) {
        let mut buffer = [0; 65536];
        let count = self.0.recv(&mut buffer).expect("a datagram");
        assert_eq!(String::from_utf8_lossy(&buffer[..count]), expected);
    }

    /// Sends a request and expects an answer, and so that nothing came before it.
    #[track_caller]
    pub(crate) fn ask(&self, request: &str, answer: &str) {
        self.send(request);
        self.expect(answer);
    }
}

/// Holds the loop until it is dropped, so that what is sent meanwhile comes in one turn.
pub(crate) struct Hold(#[expect(dead_code, reason = "to be dropped")] mpsc::Sender<()>);

impl Drop for Hold {
    fn drop(&mut self) {
        // What was sent is there when something sent later is: a system with much to do may let
        // what goes over loopback wait, but in its order.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.send_to(b"there", socket.local_addr().expect("an address")).expect("sent");
        let count = socket.recv(&mut [0; 10]);
        assert!(std::thread::panicking() || count.is_ok(), "{count:?}");
    }
}

pub(crate) fn hold(stage: &Running<Stage>) -> Hold {
    let (release, held) = channel();
    let (sender, holds) = channel();
    stage.handle.post(move |_, _| {
        let _ = sender.send(());
        let _ = held.recv_timeout(PATIENCE);
    });
    holds.recv_timeout(PATIENCE).expect("the loop is held");
    Hold(release)
}

pub(crate) fn set_limits(
    stage: &Running<Stage>,
    change: impl FnOnce(&mut Limits) + Send + 'static,
) {
    stage.ask(|_, fx| {
        let mut limits = *fx.limits();
        change(&mut limits);
        fx.set_limits(limits);
    });
}

pub(crate) fn ended(stage: &Running<Stage>) -> Vec<String> {
    stage.ask(|stage, _| stage.ended.clone())
}

/// Text as TCP carries it.
pub(crate) fn prefixed(text: &str) -> Vec<u8> {
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
    b.ask("who am I to you?", WHO);
    stream.finish();
}

/// How long the `nth` end came after its connection was last heard, by the loop's own clock.
fn silent_for(stage: &Running<Stage>, nth: usize) -> Duration {
    stage.ask(move |stage, _| {
        let of_it = |heard: &&(Instant, ConnId)| heard.1 == stage.gone[nth];
        let (last, _) = stage.heard.iter().rfind(of_it).unwrap();
        stage.ended_at[nth] - *last
    })
}

#[test]
fn who_is_silent_for_too_long_is_ended() {
    const SILENT: &str = "nothing heard for too long";
    let ms = Duration::from_millis;
    let stage = stage();
    let [lasting, still, sooner] = std::array::from_fn(|_| Sender::new(&stage));
    for sender in [&lasting, &still, &sooner] {
        sender.ask("in;join;say in", "in");
    }
    // Each is made to end in its turn: whatever is done before may take its time.
    let set_patience = |place: usize, patience: Duration| {
        stage.ask(move |stage, fx| fx.set_patience(stage.conns[place], patience));
    };
    set_patience(0, Duration::MAX);
    set_patience(2, ms(10));
    until(|| ended(&stage) == [SILENT]);
    sooner.ask("that was too soon", WHO);
    set_patience(1, ms(50));
    until(|| ended(&stage) == [SILENT, SILENT]);
    assert!(silent_for(&stage, 0) >= ms(10) && silent_for(&stage, 1) >= ms(50));
    stage.ask(move |stage, fx| {
        let open: Vec<bool> = stage.conns.iter().map(|conn| fx.is_open(*conn)).collect();
        assert_eq!(open, [true, false, false]);
        assert_eq!((fx.connections(), fx.group_len(stage.group)), (1, 1));
    });
    lasting.ask("say here", "here");
}

#[test]
fn patience_begins_anew_whenever_a_peer_is_heard() {
    const PATIENCE: Duration = Duration::from_millis(50);
    let stage = stage();
    set_limits(&stage, |limits| limits.datagrams_per_s = 1_000_000);
    let lively = Sender::new(&stage);
    // Its time comes up more than once while it speaks. Should it ever be too late, it comes again.
    let begun = Instant::now();
    while begun.elapsed() < 4 * PATIENCE {
        lively.ask("in 50;say here", "here");
    }
    until(|| stage.ask(|_, fx| fx.connections()) == 0);
    for nth in 0..ended(&stage).len() {
        let silent = silent_for(&stage, nth);
        assert!(silent >= PATIENCE, "{silent:?}");
    }
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
        let listener = fx.listen_datagrams(own_address(), script).unwrap();
        let address = fx.listener_addr(listener).unwrap();
        fx.unlisten(listener);
        address
    });
    UdpSocket::bind(address).expect("a free address");
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
