//! `udp`, byte for byte: the documented session, requests that come again, who is forgotten when.
//!
//! Events bear the real time, which stands as `…` in what is compared.

use parlance::chat::dialect::udp::UdpSettings;
use parlance::chat::dialect::{House, Settings};
use std::time::{Duration, Instant};

use crate::house::{Plan, Running, open};
use crate::ndjson::{error, message, private, system};
use crate::udp_peer::UdpPeer;

impl Running<House> {
    /// Somebody who has not joined.
    #[track_caller]
    pub(crate) fn datagrams(&self) -> UdpPeer {
        UdpPeer::connect(self.door("udp"))
    }

    /// Somebody who has joined a room as its `seq`th event, with request 1.
    #[track_caller]
    pub(crate) fn peer_in(&self, room: &'static str, name: &str, seq: u64) -> UdpPeer {
        let mut peer = self.datagrams();
        self.comes_in(&mut peer, 1, room, name, seq);
        peer
    }

    /// Joins; gives the token.
    #[track_caller]
    pub(crate) fn comes_in(
        &self,
        peer: &mut UdpPeer,
        id: i64,
        room: &'static str,
        name: &str,
        seq: u64,
    ) -> String {
        peer.send(join(id, room, name));
        let (ack, token) = without_token(&peer.take());
        assert_eq!(ack, joined(id, &self.epoch(room), seq));
        peer.hears(system(room, &format!("{name} joined"), seq));
        token
    }
}

/// A house whose `udp` door is set so.
pub(crate) fn open_with(udp: UdpSettings) -> Running<House> {
    let dialect = Settings { udp, ..Settings::default() };
    Plan { dialect, ..Plan::default() }.open()
}

pub(crate) fn join(id: i64, room: &str, user: &str) -> String {
    format!(r#"{{"type":"join","id":{id},"room":"{room}","user":"{user}"}}"#)
}

pub(crate) fn say(id: i64, text: &str) -> String {
    format!(r#"{{"type":"message","id":{id},"text":"{text}"}}"#)
}

pub(crate) fn ack(id: i64) -> String {
    format!(r#"{{"type":"ack","id":{id}}}"#)
}

pub(crate) fn ack_seq(id: i64, seq: u64) -> String {
    format!(r#"{{"type":"ack","id":{id},"seq":{seq}}}"#)
}

/// The ack of a join, with `…` for the token.
pub(crate) fn joined(id: i64, epoch: &str, seq: u64) -> String {
    format!(r#"{{"type":"ack","id":{id},"epoch":"{epoch}","seq":{seq},"token":"…"}}"#)
}

pub(crate) fn refused(id: i64, text: &str) -> String {
    format!(r#"{{"type":"error","id":{id},"text":"{text}"}}"#)
}

/// The ack of a join with `…` for its token, and that token.
#[track_caller]
pub(crate) fn without_token(ack: &str) -> (String, String) {
    let (before, token) = ack.split_once(r#""token":""#).unwrap_or_else(|| panic!("{ack}"));
    let token = token.strip_suffix("\"}").expect("the token last");
    assert_eq!(token.len(), 16, "{ack}");
    (format!(r#"{before}"token":"…"}}"#), token.to_owned())
}

#[test]
fn the_documented_session() {
    let house = open();
    let mut others: Vec<UdpPeer> =
        (1..6).map(|seq| house.peer_in("lobby", &format!("other {seq}"), seq)).collect();
    let mut charlie = house.datagrams();
    charlie.send(r#"{"type":"join","id":1,"room":"lobby","user":"charlie"}"#);
    let (ack, _) = without_token(&charlie.take());
    let epoch = house.epoch("lobby");
    assert_eq!(ack, format!(r#"{{"type":"ack","id":1,"epoch":"{epoch}","seq":6,"token":"…"}}"#));
    charlie.hears(system("lobby", "charlie joined", 6));
    charlie.is_told(
        r#"{"type":"message","id":2,"room":"lobby","text":"hi"}"#,
        r#"{"type":"ack","id":2,"seq":7}"#,
    );
    for (other, before) in others.iter_mut().zip(2..) {
        for seq in before..6 {
            other.hears(system("lobby", &format!("other {seq} joined"), seq));
        }
        other.hears(system("lobby", "charlie joined", 6));
        other.hears(
            r#"{"type":"message","room":"lobby","user":"charlie","text":"hi","seq":7,"timestamp":"…"}"#,
        );
    }
    charlie.is_told(r#"{"type":"ping","id":3}"#, r#"{"type":"ack","id":3}"#);
}

#[test]
fn what_comes_again_is_done_once_and_answered_alike() {
    let house = open();
    let mut bob = house.peer_in("den", "Bob", 1);
    let mut ann = house.datagrams();
    ann.send(join(1, "den", "Ann"));
    let joined = ann.take();
    ann.hears(system("den", "Ann joined", 2));
    bob.hears(system("den", "Ann joined", 2));
    let requests = [
        (say(2, "hi"), ack_seq(2, 3)),
        // To oneself: the message comes once, behind the ack.
        (r#"{"type":"message","id":3,"to":"Ann","text":"note"}"#.into(), ack(3)),
        (r#"{"type":"message","id":4,"to":"BOB","text":"psst"}"#.into(), ack(4)),
        (
            r#"{"type":"message","id":5,"to":"Eve","text":"psst"}"#.into(),
            refused(5, "User Eve is not in this room"),
        ),
        (say(6, ""), refused(6, "Text is required")),
        (
            r#"{"type":"join","id":7,"room":"den","user":"bob"}"#.into(),
            refused(7, "Name already taken"),
        ),
    ];
    for (request, answer) in &requests {
        ann.is_told(request, answer);
        if request.contains("note") {
            ann.hears(private("den", "Ann", "note"));
        }
    }
    bob.hears(message("den", "Ann", "hi", 3));
    bob.hears(private("den", "Ann", "psst"));
    // What would be another answer by now is the same still.
    let mut eve = house.peer_in("den", "Eve", 4);
    bob.hears(system("den", "Eve joined", 4));
    ann.hears(system("den", "Eve joined", 4));
    bob.is_told(r#"{"type":"leave","id":2}"#, ack(2));
    ann.hears(system("den", "Bob left", 5));
    eve.hears(system("den", "Bob left", 5));
    for _ in 0..3 {
        for (request, answer) in requests.iter().rev() {
            ann.is_told(request, answer);
        }
        ann.is_told(join(1, "den", "Ann"), &joined);
        bob.is_told(r#"{"type":"leave","id":2}"#, ack(2));
    }
    for peer in [&mut ann, &mut eve] {
        peer.pings();
    }
    bob.is_told(r#"{"type":"ping","id":3}"#, refused(3, "Join first"));
}

#[test]
fn the_same_id_with_other_bytes_is_another_request() {
    let house = open();
    let mut ann = house.peer_in("den", "Ann", 1);
    let mut bob = house.peer_in("den", "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    ann.is_told(say(1, "a"), ack_seq(1, 3));
    ann.is_told(say(1, "b"), ack_seq(1, 4));
    ann.is_told(say(1, "a") + " ", ack_seq(1, 5));
    ann.is_told(say(1, "b"), ack_seq(1, 4));
    // And what another peer sends is another request, be it the same bytes.
    bob.hears(message("den", "Ann", "a", 3));
    bob.hears(message("den", "Ann", "b", 4));
    bob.hears(message("den", "Ann", "a", 5));
    bob.is_told(say(1, "a"), ack_seq(1, 6));
    ann.hears(message("den", "Bob", "a", 6));
    ann.pings();
    bob.pings();
}

#[test]
fn only_so_many_requests_are_remembered() {
    let house = open_with(UdpSettings { remembered_ids: 3, ..UdpSettings::default() });
    let mut ann = house.peer_in("den", "Ann", 1);
    for (id, seq) in [(2, 2), (3, 3), (4, 4), (2, 2), (3, 3)] {
        ann.is_told(say(id, "x"), ack_seq(id, seq));
    }
    // Lists and pings are not among them.
    for id in 5..20 {
        ann.is_told(format!(r#"{{"type":"ping","id":{id}}}"#), ack(id));
    }
    ann.is_told(say(2, "x"), ack_seq(2, 2));
    ann.is_told(say(20, "x"), ack_seq(20, 5));
    ann.is_told(say(3, "x"), ack_seq(3, 3));
    ann.is_told(say(2, "x"), ack_seq(2, 6));
}

#[test]
fn questions_are_answered_anew() {
    let house = open();
    let mut ann = house.peer_in("den", "Ann", 1);
    let (users, rooms) = (r#"{"type":"users","id":2}"#, r#"{"type":"rooms","id":3}"#);
    let history = r#"{"type":"history","id":4,"after":1}"#;
    ann.is_told(users, r#"{"type":"users","id":2,"room":"den","users":["Ann"]}"#);
    ann.is_told(rooms, r#"{"type":"rooms","id":3,"rooms":["general","den"]}"#);
    let epoch = house.epoch("den");
    let events = |events: &str| {
        format!(
            r#"{{"type":"history","id":4,"room":"den","epoch":"{epoch}","messages":[{events}]}}"#
        )
    };
    ann.is_told(history, events(""));
    let mut bob = house.peer_in("den", "Bob", 2);
    let _cid = house.peer_in("pub", "Cid", 1);
    ann.hears(system("den", "Bob joined", 2));
    ann.is_told(users, r#"{"type":"users","id":2,"room":"den","users":["Ann","Bob"]}"#);
    ann.is_told(rooms, r#"{"type":"rooms","id":3,"rooms":["general","den","pub"]}"#);
    ann.is_told(history, events(&system("den", "Bob joined", 2)));
    ann.is_told(r#"{"type":"leave","id":5}"#, ack(5));
    bob.hears(system("den", "Ann left", 3));
    // Their errors, too.
    for (request, id) in [(users, 2), (rooms, 3), (history, 4)] {
        ann.is_told(request, refused(id, "Join first"));
    }
    house.comes_in(&mut ann, 6, "den", "Ann", 4);
    bob.hears(system("den", "Ann joined", 4));
    ann.is_told(users, r#"{"type":"users","id":2,"room":"den","users":["Bob","Ann"]}"#);
}

#[test]
fn later_joins_move_and_rename_and_bear_the_same_token() {
    let house = open();
    let mut ann = house.peer_in("one", "Ann", 1);
    let mut bob = house.datagrams();
    let token = house.comes_in(&mut bob, 1, "one", "Bob", 2);
    ann.hears(system("one", "Bob joined", 2));
    let mut joins = |request: &str, room: &'static str, seq: u64, notice: Option<&str>| {
        bob.send(request);
        let (ack, same) = without_token(&bob.take());
        assert_eq!((ack, &same), (joined(9, &house.epoch(room), seq), &token));
        if let Some(text) = notice {
            bob.hears(system(room, text, seq));
        }
    };
    joins(r#"{"type":"join","id":9}"#, "one", 2, None);
    joins(r#"{"type":"join","id":9,"user":"Rob"}"#, "one", 3, Some("Bob is now Rob"));
    ann.hears(system("one", "Bob is now Rob", 3));
    joins(r#"{"type":"join","id":9,"room":"two"}"#, "two", 1, Some("Rob joined"));
    ann.hears(system("one", "Rob left", 4));
    joins(r#"{"type":"join","id":9,"room":"one","user":"Bo"}"#, "one", 5, Some("Bo joined"));
    ann.hears(system("one", "Bo joined", 5));
    bob.is_told(
        r#"{"type":"message","id":9,"room":"two","text":"x"}"#,
        refused(9, "Not in that room"),
    );
    bob.is_told(r#"{"type":"message","id":9,"room":"ONE","text":"x"}"#, ack_seq(9, 6));
    ann.hears(message("one", "Bo", "x", 6));
    // Another peer has another one.
    assert_ne!(house.comes_in(&mut house.datagrams(), 1, "two", "Eve", 1), token);
}

#[test]
fn the_silent_are_forgotten_and_their_leave_is_announced() {
    let idle_timeout = Duration::from_millis(20);
    let house = open_with(UdpSettings { idle_timeout, ..UdpSettings::default() });
    let mut watcher = house.guest_in("den", "Watcher", 1);
    let mut quiet = house.datagrams();
    let begun = Instant::now();
    quiet.send(join(1, "den", "Quiet"));
    watcher.hears(system("den", "Quiet joined", 2));
    // Who has pinged has to go on with it, who never has gets 15 times as long.
    watcher.hears(system("den", "Quiet left", 3));
    assert!(begun.elapsed() >= 15 * idle_timeout);
    assert_eq!(house.ask(|_, fx| fx.connections()), 1);
    let (ack, _) = without_token(&quiet.take());
    assert_eq!(ack, joined(1, &house.epoch("den"), 2));
    quiet.hears(system("den", "Quiet joined", 2));
    // It is a stranger again, whose name and ids are free and whose requests are new.
    quiet.is_told(say(2, &"x".repeat(60)), refused(2, "Join first"));
    quiet.send(join(1, "den", "Quiet"));
    let (ack, _) = without_token(&quiet.take());
    assert_eq!(ack, joined(1, &house.epoch("den"), 4));
    watcher.hears(system("den", "Quiet joined", 4));
}

#[test]
fn who_has_pinged_has_to_go_on_with_it() {
    // 15 times that is longer than anything here is waited for.
    let idle_timeout = Duration::from_secs(2);
    let house = open_with(UdpSettings { idle_timeout, ..UdpSettings::default() });
    let mut watcher = house.guest_in("den", "Watcher", 1);
    let mut pinging = house.peer_in("den", "Pinging", 2);
    watcher.hears(system("den", "Pinging joined", 2));
    let begun = Instant::now();
    pinging.pings();
    watcher.hears(system("den", "Pinging left", 3));
    assert!(begun.elapsed() >= idle_timeout);
    pinging.is_told(say(2, &"x".repeat(60)), refused(2, "Join first"));
}

#[test]
fn whoever_is_there_when_the_server_stops_is_told() {
    let house = open();
    let mut ann = house.peer_in("den", "Ann", 1);
    let mut bob = house.peer_in("general", "Bob", 1);
    house.begin_stop();
    for (peer, room) in [(&mut ann, "den"), (&mut bob, "general")] {
        peer.hears(format!(
            r#"{{"type":"system","room":"{room}","text":"Server is shutting down","timestamp":"…"}}"#
        ));
    }
}

#[test]
fn a_datagram_of_exactly_the_limit_is_served_and_a_longer_one_is_not() {
    let house = open();
    let mut ann = house.peer_in("den", "Ann", 1);
    let ping = |bytes: usize| {
        let empty = r#"{"type":"ping","id":7,"x":""}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - empty.len())))
    };
    ann.is_told(ping(8192), ack(7));
    ann.is_told(ping(8193), error("Line too long"));
    ann.is_told(ping(65_507), error("Line too long"));
    ann.pings();
}
