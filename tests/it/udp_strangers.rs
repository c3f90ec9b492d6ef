//! `udp`: what those are told who have not joined, and what a peer is sent whose address is not known
//! to be its own.

use parlance::chat::dialect::{House, udp};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::house::{Running, open, until};
use crate::ndjson::{error, message, system};
use crate::skip;
use crate::udp::{ack, ack_seq, join, joined, open_with, refused, say, without_token};
use crate::udp_peer::UdpPeer;

/// A join with this in it that is `bytes` long, or longer if it cannot be so short.
fn padded(request: &str, bytes: usize) -> String {
    let begun = request.strip_suffix('}').expect("an object");
    let bare = begun.len() + r#","x":""}"#.len();
    if bytes < bare {
        return request.to_owned();
    }
    format!(r#"{begun},"x":"{}"}}"#, "x".repeat(bytes - bare))
}

/// Sends what gets no answer, and then proves it: the answer to something else comes next.
#[track_caller]
fn gets_nothing(peer: &mut UdpPeer, datagram: impl AsRef<[u8]>) {
    peer.send(datagram);
    let probe = padded(r#"{"type":"probe","id":99}"#, 100);
    peer.is_told(probe, refused(99, "Unknown type"));
}

#[test]
fn strangers_are_told_why_if_that_is_no_longer_than_what_they_said() {
    let house = open();
    let _ann = house.peer_in("den", "Ann", 1);
    let mut stranger = house.datagrams();
    let connections = || house.ask(|_, fx| fx.connections());
    let before = connections();
    let too_long = "x".repeat(51);
    for (request, answer) in [
        (r#"{"type":"message","id":1,"text":"hi"}"#.to_owned(), refused(1, "Join first")),
        (r#"{"type":"leave","id":2}"#.into(), refused(2, "Join first")),
        (r#"{"type":"rooms","id":3}"#.into(), refused(3, "Join first")),
        (r#"{"type":"users","id":4}"#.into(), refused(4, "Join first")),
        (r#"{"type":"history","id":5}"#.into(), refused(5, "Join first")),
        (r#"{"type":"ping","id":-6}"#.into(), refused(-6, "Join first")),
        (r#"{"type":"nope","id":7}"#.into(), refused(7, "Unknown type")),
        (r#"{"type":"join","id":8}"#.into(), refused(8, "Room is required")),
        (r#"{"type":"join","id":9,"room":"den"}"#.into(), refused(9, "User is required")),
        (r#"{"type":"join","id":10,"user":"Bob"}"#.into(), refused(10, "Room is required")),
        (
            r#"{"type":"join","id":11,"room":" ","user":" "}"#.into(),
            refused(11, "Room is required"),
        ),
        (
            r#"{"type":"join","id":12,"room":"den","user":7}"#.into(),
            refused(12, "User is required"),
        ),
        (join(13, &too_long, "Bob"), refused(13, "Name too long")),
        (join(14, "den", &too_long), refused(14, "Name too long")),
        (join(15, "den", "ann"), refused(15, "Name already taken")),
        (join(16, "den", "SYSTEM"), refused(16, "Name already taken")),
        (r#"{"type":"join","room":"den","user":"Bob"}"#.into(), error("Invalid id")),
        (r#"{"type":"join","id":"1","room":"den","user":"Bob"}"#.into(), error("Invalid id")),
        (r#"{"type":"join","id":1.0,"room":"den","user":"Bob"}"#.into(), error("Invalid id")),
        (r#"{"type":"ping"}"#.into(), error("Invalid id")),
        ("{}".into(), error("Invalid id")),
    ] {
        // With white space, which is nothing, as long as the answer; and one byte less.
        let spaced = |bytes: usize| format!("{request}{}", " ".repeat(bytes - request.len()));
        if request.len() < answer.len() {
            gets_nothing(&mut stranger, spaced(answer.len() - 1));
            stranger.is_told(spaced(answer.len()), &answer);
        }
        stranger.is_told(spaced(request.len().max(answer.len()) + 1), &answer);
    }
    let garbage = "x".repeat(error("Invalid JSON").len());
    gets_nothing(&mut stranger, &garbage[1..]);
    stranger.is_told(&garbage, error("Invalid JSON"));
    stranger.is_told("x".repeat(9000), error("Line too long"));
    until(|| connections() == before);
    // In the end it may come in.
    stranger.send(join(1, "den", "Bob"));
    let (ack, _) = without_token(&stranger.take());
    assert_eq!(ack, joined(1, &house.epoch("den"), 2));
}

#[test]
fn a_join_that_fails_is_told_so_if_that_is_no_longer_and_admits_nobody() {
    let house = open();
    let mut ann = house.peer_in("d", "A", 1);
    let connections = || house.ask(|_, fx| fx.connections());
    let before = connections();
    let mut stranger = house.datagrams();
    let request = join(1, "d", "A");
    let answer = refused(1, "Name already taken");
    // The least join there is says nearly as much already.
    assert!(request.len() < answer.len());
    gets_nothing(&mut stranger, padded(&request, answer.len() - 1));
    stranger.is_told(padded(&request, answer.len()), &answer);
    until(|| connections() == before);
    // Nothing of it was remembered: once the name is free, the same datagram comes in.
    ann.is_told(r#"{"type":"leave","id":2}"#, ack(2));
    stranger.send(padded(&request, answer.len()));
    let (ack, _) = without_token(&stranger.take());
    assert_eq!(ack, joined(1, &house.epoch("d"), 1));
}

#[test]
fn nobody_is_answered_who_only_tells_of_an_error() {
    let house = open();
    let mut stranger = house.datagrams();
    let text = "A text that is longer than any answer to it could be";
    for echo in [refused(1, text), error(text), error("Invalid JSON"), refused(2, "Join first")] {
        gets_nothing(&mut stranger, echo);
    }
    gets_nothing(&mut stranger, []);
    // A peer is not, either.
    let mut ann = house.peer_in("den", "Ann", 1);
    ann.send(refused(3, "Unknown type"));
    ann.send(error("Invalid id"));
    ann.send([]);
    ann.pings();
}

#[test]
fn what_was_answered_is_not_a_question_when_it_comes_back() {
    let house = open();
    let mut ann = house.peer_in("den", "Ann", 1);
    for kind in ["rooms", "users", "history", "ping", "leave", "nope"] {
        ann.send(format!(r#"{{"type":"{kind}","id":5}}"#));
        let answer = ann.take();
        // As another server would, whose address somebody has borrowed. Of an acknowledgement one
        // error may come.
        ann.send(&answer);
        if answer.starts_with(r#"{"type":"ack""#) {
            let refusal = ann.take();
            assert_eq!(refusal, refused(5, "Unknown type"));
            ann.send(&refusal);
        }
        ann.is_told(r#"{"type":"probe","id":99}"#, refused(99, "Unknown type"));
    }
}

// ---- addresses ---------------------------------------------------------------------------------

/// An address of this machine that is not a loopback one.
fn outer_address() -> Option<IpAddr> {
    // Nothing is sent: connecting a datagram socket only chooses its address.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Opens another `udp` door there.
fn outer_door(house: &Running<House>, address: IpAddr) -> SocketAddr {
    house.ask(move |_, fx| {
        let service = fx.add_service(udp::service());
        let listener = fx.listen_datagrams((address, 0), service).expect("a socket");
        fx.listener_addr(listener).expect("an address")
    })
}

#[test]
fn who_has_not_sent_its_token_back_is_sent_three_times_what_it_sent() {
    let Some(address) = outer_address() else {
        return skip::lacks("address that is not a loopback one");
    };
    let house = open();
    let mut bob = house.guest_in("d", "Bob", 1);
    let mut ann = UdpPeer::connect(outer_door(&house, address));
    assert_eq!(ann.address().ip(), address);
    let request = join(1, "d", "Ann");
    ann.send(&request);
    let answer = ann.take();
    let (ack_of_join, token) = without_token(&answer);
    assert_eq!(ack_of_join, joined(1, &house.epoch("d"), 2));
    let (mut came, mut sent) = (request.len(), answer.len());
    bob.hears(system("d", "Ann joined", 2));
    // However much is said: events fill what is left, and leave room for no more.
    for _ in 0..20 {
        bob.tells(crate::ndjson::say("nobody asked for this"));
    }
    bob.pings();
    // Answers come, since each is shorter than what three times its request allows.
    for (id, text) in [(2, "a"), (3, "b"), (4, "c")] {
        let request = say(id, text);
        ann.send(&request);
        came += request.len();
        loop {
            let heard = ann.take();
            sent += heard.len();
            assert!(sent <= 3 * came, "{sent} for {came}");
            if heard == ack_seq(id, 21 + id as u64) {
                break;
            }
        }
    }
    for (seq, text) in [(23, "a"), (24, "b"), (25, "c")] {
        bob.hears(message("d", "Ann", text, seq));
    }
    // A wrong token is as good as none.
    for wrong in ["", "0123456789abcdef", &token[1..], &token.to_uppercase()] {
        if wrong == token {
            continue;
        }
        let request = format!(r#"{{"type":"ping","id":5,"token":"{wrong}"}}"#);
        ann.send(&request);
        came += request.len();
        while {
            let heard = ann.take();
            sent += heard.len();
            heard != ack(5)
        } {}
        assert!(sent <= 3 * came, "{sent} for {came}");
        assert!(!house.is_confirmed("Ann"));
    }
    // The right one lifts the bound, in whatever it stands.
    ann.send(format!(r#"{{"type":"nope","id":null,"token":"{token}"}}"#));
    while ann.take() != error("Invalid id") {}
    assert!(house.is_confirmed("Ann"));
    for _ in 26..60 {
        bob.tells(crate::ndjson::say("somebody asked for this"));
    }
    bob.pings();
    for seq in 26..60 {
        ann.hears(message("d", "Bob", "somebody asked for this", seq));
    }
}

#[test]
fn loopback_addresses_and_trusted_networks_need_no_token() {
    let house = open();
    let mut ann = house.peer_in("d", "Ann", 1);
    assert!(house.is_confirmed("Ann"));
    ann.pings();
    let Some(address) = outer_address() else {
        return skip::lacks("address that is not a loopback one");
    };
    let mut settings = udp::UdpSettings::default();
    for (require_token, confirmed) in [(true, false), (false, true)] {
        settings.require_token = require_token;
        let house = open_with(settings);
        let mut ann = UdpPeer::connect(outer_door(&house, address));
        ann.send(join(1, "d", "Ann"));
        without_token(&ann.take());
        assert_eq!(house.is_confirmed("Ann"), confirmed);
    }
}

impl Running<House> {
    /// Whether the address of whoever bears this name is known to be its own.
    #[track_caller]
    fn is_confirmed(&self, name: &'static str) -> bool {
        self.ask(move |house, fx| {
            let session = house.chat.bearer(name).expect("somebody");
            let conn = house.chat.tag(session).expect("a connection");
            fx.is_confirmed(parlance::rpc::ConnId::from_bits(conn))
        })
    }
}
