//! TLS on the loop: records split and joined anywhere, long output, handshakes that do not end, and
//! certificates that change.

use parlance::rpc::framing::{Fault, Framing, Lines};
use parlance::rpc::{Accepted, ConnId, Effects, Limits, Server, Service, Tls};
use rustls::pki_types::CertificateDer;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::house::{Running, patient};
use crate::peer::Peer;
use crate::support::at_some_pace;
use crate::tls_client::{Client, certificate};

/// Says a line back, `hello` at the beginning, and so many bytes to a line that is a number.
struct Echo;

impl Service<Option<Tls>> for Echo {
    fn framing(&self, _: &Option<Tls>, accepted: &Accepted) -> Box<dyn Framing> {
        assert!(accepted.secure && accepted.local.ip().is_loopback());
        Box::new(Lines::new(1024 * 1024))
    }

    fn opened(&self, _: &mut Option<Tls>, fx: &mut Effects<Option<Tls>>, conn: ConnId) {
        assert!(fx.is_secure(conn));
        fx.send(conn, b"hello\n");
    }

    fn frame(&self, _: &mut Option<Tls>, fx: &mut Effects<Option<Tls>>, conn: ConnId, line: &[u8]) {
        match std::str::from_utf8(line).ok().and_then(|text| text.parse::<usize>().ok()) {
            Some(count) => fx.send(conn, &vec![b'x'; count]),
            None if line == b"bye" => fx.close(conn),
            None => {
                fx.send(conn, line);
                fx.send(conn, b"\n");
            }
        }
    }

    fn fault(&self, _: &mut Option<Tls>, _: &mut Effects<Option<Tls>>, _: ConnId, _: Fault) {}
}

fn start(limits: Limits) -> (Running<Option<Tls>>, CertificateDer<'static>) {
    let (sender, made) = std::sync::mpsc::channel();
    let running = Running::start(move || {
        let (tls, der) = certificate();
        sender.send(der).expect("the test waits");
        let mut server = Server::new(Some(tls.clone())).expect("a server");
        let fx = server.effects();
        fx.set_limits(limits);
        let service = fx.add_service(Echo);
        let listener = fx.listen("127.0.0.1:0", service).expect("a listener");
        fx.set_tls(listener, Some(&tls));
        let address = fx.listener_addr(listener).expect("an address");
        (server, vec![address])
    });
    (running, made.recv().expect("a certificate"))
}

#[test]
fn lines_go_to_and_fro_and_the_end_is_announced() {
    let (running, trusted) = start(patient());
    let mut client = Client::connect(running.addresses[0], &trusted);
    client.expect("hello\n");
    client.send("one\ntwo\n");
    client.expect("one\ntwo\n");
    client.send("bye\n");
    client.expect_close();
}

#[test]
fn records_may_be_split_anywhere_and_joined() {
    let (running, trusted) = start(patient());
    let mut client = Client::connect(running.addresses[0], &trusted);
    client.expect("hello\n");
    // Several records in one segment, then one record a byte a time, a line split across records.
    for part in ["a", "b\nc\n", "d"] {
        client.session.writer().write_all(part.as_bytes()).expect("buffered");
    }
    let records = client.records();
    client.stream.write_all(&records).expect("sent");
    client.expect("ab\nc\n");
    client.session.writer().write_all(b"e\n").expect("buffered");
    for byte in client.records() {
        client.stream.write_all(&[byte]).expect("sent");
    }
    client.expect("de\n");
}

#[test]
fn output_longer_than_all_buffers_arrives_whole() {
    let (running, trusted) = start(Limits { outbox_hard_bytes: 1 << 26, ..patient() });
    let mut client = Client::connect(running.addresses[0], &trusted);
    client.expect("hello\n");
    client.send("20000000\nafter\n");
    client.expect(vec![b'x'; 20_000_000]);
    client.expect("after\n");
    client.send(vec![b'y'; 500_000]);
    client.send("\n");
    client.expect(vec![b'y'; 500_000]);
}

#[test]
fn an_end_of_input_is_served_to_the_last_line() {
    let (running, trusted) = start(patient());
    let mut client = Client::connect(running.addresses[0], &trusted);
    client.expect("hello\n");
    client.send("last\n");
    client.session.send_close_notify();
    let records = client.records();
    client.stream.write_all(&records).expect("sent");
    client.expect("last\n");
    client.expect_close();
    // Without an announcement, too.
    let mut client = Client::connect(running.addresses[0], &trusted);
    client.expect("hello\n");
    client.send("last\n");
    client.stream.shutdown(Shutdown::Write).expect("half-closed");
    client.expect("last\n");
    client.expect_close();
}

#[test]
fn what_is_no_tls_gets_an_alert_and_the_end() {
    let (running, trusted) = start(patient());
    let mut peer = Peer::connect(running.addresses[0]);
    peer.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (alert, _) = peer.take_all();
    assert_eq!(alert.first(), Some(&21), "an alert record: {alert:?}");
    let mut client = Client::connect(running.addresses[0], &trusted);
    client.expect("hello\n");
}

#[test]
fn a_handshake_that_does_not_end_is_ended() {
    at_some_pace(Duration::from_millis(200), |handshake| {
        let (running, trusted) = start(Limits { handshake, ..patient() });
        let mut client = Client::connect(running.addresses[0], &trusted);
        client.expect("hello\n");
        // This one begins later, so when it is ended the other's time is over, too.
        let mut peer = Peer::connect(running.addresses[0]);
        peer.send([22, 3, 1]);
        let (_, _) = peer.take_all();
        // One that is over is not.
        client.send("still here\n");
        client.expect("still here\n");
    });
}

#[test]
fn another_certificate_is_for_those_who_come_after() {
    let (running, trusted) = start(patient());
    let mut before = Client::connect(running.addresses[0], &trusted);
    before.expect("hello\n");
    let new = running.ask(|tls, _| {
        let (other, der) = certificate();
        tls.as_ref().expect("a certificate").replace(other);
        der
    });
    let mut after = Client::connect(running.addresses[0], &new);
    after.expect("hello\n");
    before.send("as before\n");
    before.expect("as before\n");
    let mut wrong = Client::connect(running.addresses[0], &trusted);
    assert!(wrong.stream().read(&mut [0; 16]).is_err(), "the old certificate is still served");
}

#[test]
fn a_stop_does_not_wait_for_handshakes() {
    let (running, _) = start(patient());
    let mut peer = Peer::connect(running.addresses[0]);
    peer.send([22, 3, 1]);
    crate::house::until(|| running.ask(|_, fx| fx.connections()) == 1);
    running.begin_stop();
    let (got, _) = peer.take_all();
    assert!(got.is_empty(), "{got:?}");
}
