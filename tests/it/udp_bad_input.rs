//! `udp`: what it says to datagrams that no client should send. A bystander in the same room hears
//! none of that.

use parlance::rpc::Limits;

use crate::house::{Plan, Running, open};
use crate::ndjson::{error, message, system};
use crate::udp::{ack, ack_seq, refused, say};
use crate::udp_peer::UdpPeer;
use parlance::chat::dialect::House;

/// Someone who joined, whom the tests feed, and someone who looks on.
struct Scene {
    mallory: UdpPeer,
    bystander: UdpPeer,
    _house: Running<House>,
}

impl Scene {
    fn new() -> Scene {
        let house = open();
        let mut bystander = house.peer_in("den", "Bob", 1);
        let mallory = house.peer_in("den", "Mallory", 2);
        bystander.hears(system("den", "Mallory joined", 2));
        Scene { mallory, bystander, _house: house }
    }

    /// A bad datagram has this answer and no other, and the bystander heard nothing.
    #[track_caller]
    fn answers(&mut self, datagram: impl AsRef<[u8]>, answer: impl AsRef<str>) {
        self.mallory.is_told(datagram, answer);
        self.mallory.pings();
        self.bystander.pings();
    }

    /// After all that, the two still talk.
    #[track_caller]
    fn end(mut self) {
        self.mallory.is_told(say(100, "still here"), ack_seq(100, 3));
        self.bystander.hears(message("den", "Mallory", "still here", 3));
        self.bystander.is_told(say(100, "so am I"), ack_seq(100, 4));
        self.mallory.hears(message("den", "Bob", "so am I", 4));
    }
}

#[test]
fn what_is_no_object_is_invalid_json() {
    let mut scene = Scene::new();
    for datagram in [
        "hello",
        "{",
        "}",
        "[]",
        "[{\"type\":\"ping\",\"id\":1}]",
        "17",
        "null",
        " ",
        "\n",
        "\u{feff}{\"type\":\"ping\",\"id\":1}",
        "{\"type\":\"ping\",\"id\":1}{\"type\":\"ping\",\"id\":2}",
        "{\"type\":\"ping\",\"id\":1}\n{\"type\":\"ping\",\"id\":2}",
        "{\"type\":\"ping\",\"id\":01}",
        "{\"type\":\"ping\",\"id\":1,\"id\":1}",
        "{\"type\":\"ping\",\"id\":1,\"token\":\"a\",\"token\":\"a\"}",
        "{\"type\":\"ping\",\"id\":1,\"x\":\"\\ud800\"}",
        "\u{0}",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        scene.answers(datagram, error("Invalid JSON"));
    }
    for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98"] {
        let datagram = [b"{\"type\":\"message\",\"id\":1,\"text\":\"", bad, b"\"}"].concat();
        scene.answers(datagram, error("Invalid JSON"));
    }
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"x":{open}{close},"type":"ping","id":7}}"#)
    };
    scene.mallory.is_told(nested(63), ack(7));
    scene.answers(nested(64), error("Invalid JSON"));
    scene.answers("[".repeat(8000), error("Invalid JSON"));
    // White space around it and a line's end behind it are nothing.
    scene.mallory.is_told(" {\"type\":\"ping\",\"id\":7}\r\n", ack(7));
    scene.end();
}

#[test]
fn without_an_integer_for_an_id_nothing_is_done() {
    let mut scene = Scene::new();
    for id in ["null", "\"1\"", "1.0", "1e0", "-", "true", "[1]", "{}", "18446744073709551616"] {
        let text = if id == "-" { "Invalid JSON" } else { "Invalid id" };
        for rest in [r#""type":"message","text":"x""#, r#""type":"leave""#, r#""type":"nope""#] {
            scene.answers(format!(r#"{{"id":{id},{rest}}}"#), error(text));
        }
    }
    for none in [
        r#"{"type":"message","text":"x"}"#,
        r#"{"type":"leave"}"#,
        r#"{"type":"join","room":"other"}"#,
        r#"{"type":"users"}"#,
        r#"{"type":"nope"}"#,
        r#"{"ID":1,"type":"leave"}"#,
        "{}",
    ] {
        scene.answers(none, error("Invalid id"));
    }
    for id in ["-9223372036854775808", "18446744073709551615", "-0", "0"] {
        let answer = format!(r#"{{"type":"ack","id":{id}}}"#);
        scene.mallory.is_told(format!(r#"{{ "id" : {id} , "type" : "ping" }}"#), answer);
    }
    scene.end();
}

#[test]
fn refusals_are_those_of_ndjson_with_an_id() {
    let mut scene = Scene::new();
    let long = "x".repeat(51);
    for (request, text) in [
        (r#"{"id":1}"#.to_owned(), "Unknown type"),
        (r#"{"type":"JOIN","id":1}"#.into(), "Unknown type"),
        (r#"{"type":["ping"],"id":1}"#.into(), "Unknown type"),
        (r#"{"type":"ack","id":1}"#.into(), "Unknown type"),
        (r#"{"type":"join","id":1,"room":""}"#.into(), "Room is required"),
        (r#"{"type":"join","id":1,"user":null}"#.into(), "User is required"),
        (format!(r#"{{"type":"join","id":1,"user":"{long}"}}"#), "Name too long"),
        (r#"{"type":"join","id":1,"user":"bob"}"#.into(), "Name already taken"),
        (r#"{"type":"message","id":1}"#.into(), "Text is required"),
        (format!(r#"{{"type":"message","id":1,"text":"{}"}}"#, long.repeat(20)), "Text too long"),
        (r#"{"type":"message","id":1,"text":"x","room":"general"}"#.into(), "Not in that room"),
        (r#"{"type":"message","id":1,"text":"x","to":{}}"#.into(), "User is required"),
        (
            r#"{"type":"message","id":1,"text":"x","to":"a\"b"}"#.into(),
            r#"User a\"b is not in this room"#,
        ),
    ] {
        scene.answers(request, refused(1, text));
    }
    scene.end();
}

#[test]
fn there_may_be_too_many_rooms_and_too_many_peers() {
    let mut plan = Plan::default();
    plan.chat.rooms_max = 2;
    plan.limits = Limits { connections: 2, ..Limits::default() };
    let house = plan.open();
    let mut ann = house.peer_in("den", "Ann", 1);
    ann.is_told(r#"{"type":"join","id":2,"room":"other"}"#, refused(2, "Too many rooms"));
    let mut bob = house.datagrams();
    let mut padded = crate::udp::join(1, "other", "Bob");
    padded.push_str(&" ".repeat(20));
    bob.is_told(padded, refused(1, "Too many rooms"));
    house.comes_in(&mut bob, 1, "den", "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    // One more gets no answer; it may have one later, when there is room.
    let mut cid = house.datagrams();
    cid.send(crate::udp::join(1, "den", "Cid"));
    let probe = r#"{"type":"probe","id":2,"x":"as long as its answer"}"#;
    cid.is_told(probe, refused(2, "Unknown type"));
    bob.pings();
    ann.pings();
    house.ask(|house, _| assert!(house.chat.bearer("Cid").is_none()));
}
