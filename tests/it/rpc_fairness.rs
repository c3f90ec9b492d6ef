//! Who asks for much work in one turn does not keep the others waiting until all of it is done.

use parlance::rpc::framing::{Fault, Framing, Lines};
use parlance::rpc::{Accepted, ConnId, Effects, Server, Service};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::house::{Running, patient};
use crate::peer::Peer;
use crate::tls_client::{Client, certificate};

/// Lines so far, and whether somebody has asked for their count.
#[derive(Default)]
struct Lot {
    lines: usize,
    asked: bool,
}

/// Counts lines, and takes a millisecond for each; says the count to a line that is `count`.
struct Laborious;

impl Service<Lot> for Laborious {
    fn framing(&self, _: &Lot, _: &Accepted) -> Box<dyn Framing> {
        Box::new(Lines::new(1024))
    }

    fn frame(&self, lot: &mut Lot, fx: &mut Effects<Lot>, conn: ConnId, line: &[u8]) {
        if line == b"count" {
            fx.send(conn, format!("{}\n", lot.lines).as_bytes());
            lot.asked = true;
        } else {
            std::thread::sleep(Duration::from_millis(1));
            lot.lines += 1;
        }
    }

    fn fault(&self, _: &mut Lot, _: &mut Effects<Lot>, _: ConnId, _: Fault) {}
}

fn number(peer: &mut Peer) -> usize {
    let mut digits = Vec::new();
    loop {
        match peer.take(1)[..] {
            [b'\n'] => return String::from_utf8_lossy(&digits).parse().expect("a number"),
            [digit] => digits.push(digit),
            _ => unreachable!("one byte was asked for"),
        }
    }
}

/// A server for lines, and beside it one for lines over TLS, with somebody connected to that.
fn start() -> (Running<Lot>, Client) {
    let (made, certificates) = channel();
    let running = Running::start(move || {
        let (tls, der) = certificate();
        made.send(der).expect("the test waits");
        let mut server = Server::new(Lot::default()).expect("a server");
        server.effects().set_limits(patient());
        let plain = server.listen("127.0.0.1:0", Laborious).expect("a listener");
        let fx = server.effects();
        let service = fx.add_service(Laborious);
        let secure = fx.listen("127.0.0.1:0", service).expect("a listener");
        fx.set_tls(secure, Some(&tls));
        let secure = fx.listener_addr(secure).expect("an address");
        (server, vec![plain, secure])
    });
    let trusted = certificates.recv().expect("a certificate");
    let client = Client::connect(running.addresses[1], &trusted);
    (running, client)
}

/// Holds the loop until the sender is used or dropped.
fn hold(running: &Running<Lot>) -> Sender<()> {
    let (release, released) = channel();
    let (held, is_held) = channel();
    running.handle.post(move |_, _| {
        held.send(()).expect("the test waits");
        // Dropped, it is a release, too.
        let _ = released.recv();
    });
    is_held.recv().expect("the loop runs");
    release
}

/// Holds the loop two turns after somebody has asked for the count, when the answer is out.
fn hold_when_asked(running: &Running<Lot>) -> Sender<()> {
    fn watch(fx: &mut Effects<Lot>, released: Receiver<()>, turns_since: u32) {
        fx.after(Duration::ZERO, move |lot, fx| match turns_since + u32::from(lot.asked) {
            // Dropped, it is a release, too.
            2 => drop(released.recv()),
            turns_since => watch(fx, released, turns_since),
        });
    }
    let (release, released) = channel();
    running.ask(move |_, fx| watch(fx, released, 0));
    release
}

#[test]
fn frames_that_take_long_are_served_a_few_at_a_time() {
    const LINES: usize = 400;
    let (running, _) = start();
    let (mut busy, mut other) = (running.peer(), running.peer());
    let release = hold(&running);
    busy.send("x\n".repeat(LINES));
    other.send("count\n");
    release.send(()).expect("the loop waits");
    let before = number(&mut other);
    assert!(before < LINES / 4, "{before} lines of another came first");
    busy.send("count\n");
    assert_eq!(number(&mut busy), LINES);
}

#[test]
fn handshakes_are_served_a_few_at_a_time() {
    const CLIENTS: usize = 200;
    let (running, mut client) = start();
    let hello = client.records();
    let mut clients: Vec<Peer> = (0..CLIENTS).map(|_| running.peer_at(1)).collect();
    let mut other = running.peer();
    let hold_again = hold_when_asked(&running);
    let release = hold(&running);
    clients.iter_mut().for_each(|peer| peer.send(&hello));
    other.send("count\n");
    release.send(()).expect("the loop waits");
    other.expect("0\n");
    let answered = |peer: &&Peer| {
        let stream = peer.stream();
        stream.set_nonblocking(true).expect("set");
        stream.peek(&mut [0]).is_ok()
    };
    let before = clients.iter().filter(answered).count();
    drop(hold_again);
    assert!(before < CLIENTS / 2, "{before} handshakes came first");
}
