//! Peers of datagrams, with a service that does what each datagram tells it to.

use crate::house::Running;
use parlance::rpc::framing::{Fault, Framing, LengthPrefix, length_prefix};
use parlance::rpc::{
    Accepted, Admission, ConnId, Effects, End, GroupId, ListenerId, Server, Service,
};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// How long one datagram may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The state behind the script: who came, who went and why, and a group.
struct Stage {
    conns: Vec<ConnId>,
    ended: Vec<String>,
    group: GroupId,
    listener: ListenerId,
}

/// A frame is operations parted by `;`, all done in one turn.
///
/// `say TEXT` answers · `big BYTES` answers with a datagram of that length · `join` enters the group ·
/// `all TEXT` tells the group · `but TEXT` tells all others in it · `confirm` · `close` · `abort`
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
        "join" => fx.join_group(stage.group, conn),
        "all" => fx.publish(stage.group, None, |out| framed(out, rest)),
        "but" => fx.publish(stage.group, Some(conn), |out| framed(out, rest)),
        "confirm" => fx.confirm(conn),
        "close" => fx.close(conn),
        "abort" => fx.abort(conn),
        other => panic!("no such operation: {other}"),
    }
}

/// The script over datagrams at the first address, over TCP at the second.
fn stage() -> Running<Stage> {
    Running::start(|| {
        let mut server = Server::with(|fx| {
            let script = fx.add_service(Script);
            let listener = fx.listen_datagrams("127.0.0.1:0", script).unwrap();
            Stage { conns: Vec::new(), ended: Vec::new(), group: fx.new_group(), listener }
        })
        .unwrap();
        let stream = server.listen("127.0.0.1:0", Script).unwrap();
        let (stage, fx) = server.parts();
        let datagrams = fx.listener_addr(stage.listener).unwrap();
        (server, vec![datagrams, stream])
    })
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

    /// Sends a request and expects an answer, and so that nothing came before it.
    #[track_caller]
    fn ask(&self, request: &str, answer: &str) {
        self.send(request);
        self.expect(answer);
    }
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
    assert_eq!(stage.ask(|stage, fx| (stage.conns.len(), fx.connections())), (1, 1));
}
