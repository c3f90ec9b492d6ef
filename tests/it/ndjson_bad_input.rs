//! `ndjson`: how its lines are cut, and what it says to input that no client should send. A
//! bystander in the same room hears none of that.

use crate::house::{Plan, Running, open, settings};
use crate::ndjson::{ack, error, join, message, say, system};
use crate::peer::Peer;
use parlance::chat::dialect::{House, Settings};
use parlance::rpc::JsonLimits;

/// Someone who joined, whom the tests feed, and someone who looks on.
struct Scene {
    mallory: Peer,
    bystander: Peer,
    /// Closes last, so that the ends above are seen.
    _house: Running<House>,
}

impl Scene {
    fn new() -> Scene {
        let house = open();
        let mut bystander = house.guest_in("den", "Bob", 1);
        let mallory = house.guest_in("den", "Mallory", 2);
        bystander.hears(system("den", "Mallory joined", 2));
        Scene { mallory, bystander, _house: house }
    }

    /// A bad line has this answer, both connections live on, and the bystander heard nothing.
    #[track_caller]
    fn answers(&mut self, line: impl AsRef<[u8]>, why: &str) {
        self.mallory.send(line);
        self.mallory.send("\n");
        self.mallory.hears(error(why));
        self.mallory.pings();
        self.bystander.pings();
    }

    /// After all that, the two still talk.
    #[track_caller]
    fn end(mut self) {
        self.mallory.tells(say("still here"));
        self.bystander.hears(message("den", "Mallory", "still here", 3));
        self.bystander.tells(say("so am I"));
        self.mallory.hears(message("den", "Bob", "so am I", 4));
        self.mallory.finish();
        self.bystander.hears(system("den", "Mallory left", 5));
        self.bystander.finish();
    }

    /// The connection was closed on Mallory; the bystander saw the leave.
    #[track_caller]
    fn ends_here(mut self) {
        self.mallory.expect_close();
        drop(self.mallory);
        self.bystander.hears(system("den", "Mallory left", 3));
        self.bystander.finish();
    }
}

const PING: &str = r#"{"type":"ping","id":0}"#;

#[test]
fn what_is_no_object_is_invalid_json() {
    let mut scene = Scene::new();
    for line in [
        "hello",
        "{",
        "}",
        "{]",
        "[]",
        "[{\"type\":\"ping\"}]",
        "17",
        "null",
        "\"ping\"",
        " ",
        "\u{feff}{}",
        "{'type':'ping'}",
        "{\"type\":\"ping\",}",
        "{\"type\":\"ping\"} {\"type\":\"ping\"}",
        "{\"type\":\"ping\"}x",
        "{\"type\":\"pi\tng\"}",
        "{\"type\":\"ping\",\"id\":01}",
        "{\"x\":\"\\ud800\"}",
        "\u{0}",
    ] {
        scene.answers(line, "Invalid JSON");
    }
    for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98"] {
        scene.answers([b"{\"type\":\"message\",\"text\":\"", bad, b"\"}"].concat(), "Invalid JSON");
        scene.answers([b"{\"x\":\"", bad, b"\"}"].concat(), "Invalid JSON");
    }
    scene.end();
}

#[test]
fn a_key_that_is_read_may_not_stand_twice() {
    let mut scene = Scene::new();
    for key in ["type", "id", "room", "user", "text", "to", "after", "limit"] {
        let line = format!(r#"{{"type":"message","text":"x","{key}":1,"{key}":1}}"#);
        scene.answers(line, "Invalid JSON");
    }
    scene.answers(r#"{"type":"message","text":"a","te\u0078t":"b"}"#, "Invalid JSON");
    // Others may, and mean nothing.
    scene.mallory.is_told(r#"{"x":1,"type":"ping","x":{"id":2},"id":0}"#, ack(0));
    scene.end();
}

#[test]
fn sixty_four_levels_are_fine_and_one_more_is_not() {
    let mut scene = Scene::new();
    let nested = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat();
    let request = |levels| format!(r#"{{"x":{},"type":"ping","id":0}}"#, nested(levels));
    scene.mallory.is_told(request(63), ack(0));
    scene.answers(request(64), "Invalid JSON");
    scene.answers(nested(30_000), "Invalid JSON");
    scene.answers("[".repeat(60_000), "Invalid JSON");
    scene.end();
}

#[test]
fn unknown_types_and_ids_that_are_none() {
    let mut scene = Scene::new();
    for line in [
        "{}",
        r#"{"text":"x"}"#,
        r#"{"type":""}"#,
        r#"{"type":"JOIN"}"#,
        r#"{"type":"system","text":"x"}"#,
        r#"{"type":"ack"}"#,
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":["ping"]}"#,
    ] {
        scene.answers(line, "Unknown type");
    }
    for id in ["null", "\"1\"", "1.0", "1e0", "true", "[1]", "{}", "18446744073709551616"] {
        // It is not done.
        scene.answers(format!(r#"{{"type":"message","id":{id},"text":"x"}}"#), "Invalid id");
        scene.answers(format!(r#"{{"type":"nope","id":{id}}}"#), "Invalid id");
    }
    scene.end();
}

#[test]
fn any_split_and_either_line_end_give_the_same_session() {
    let house = open();
    let mut ann = house.guest();
    ann.send_slowly("\n\r\n\n");
    ann.send_slowly(join("den", "Ann") + "\r\n");
    ann.hears(system("den", "Ann joined", 1));
    let mut bob = house.guest_in("den", "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    ann.send_slowly(say(r"\ud83d\ude00 é") + "\n\r\n");
    bob.hears(message("den", "Ann", "😀 é", 3));
    // Empty lines, white space in lines, several requests in a segment, one in several.
    ann.send(format!("\n\r\n\n\t{PING} \r\n\r\n{PING}\n\n{}", &PING[..9]));
    ann.hears(ack(0));
    ann.hears(ack(0));
    ann.send(&PING[9..]);
    ann.send("\r");
    ann.send("\n");
    ann.hears(ack(0));
    ann.finish();
    bob.hears(system("den", "Ann left", 4));
    bob.finish();
}

#[test]
fn whole_lines_before_the_end_are_served_and_half_a_one_is_not() {
    let house = open();
    let mut bob = house.guest_in("den", "Bob", 1);
    let mut ann = house.guest();
    ann.send(format!("{}\n{}\n{PING}\n{}", join("den", "Ann"), say("all"), say("half")));
    ann.half_close();
    ann.hears(system("den", "Ann joined", 2));
    ann.hears(ack(0));
    ann.expect_close();
    bob.hears(system("den", "Ann joined", 2));
    bob.hears(message("den", "Ann", "all", 3));
    bob.hears(system("den", "Ann left", 4));
    bob.finish();
}

/// A request of exactly so many bytes.
fn ping_of(bytes: usize) -> String {
    let empty = r#"{"type":"ping","id":0,"x":""}"#;
    empty.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - empty.len())))
}

#[test]
fn a_line_of_exactly_the_limit_is_served() {
    let mut scene = Scene::new();
    scene.mallory.is_told(ping_of(65_536), ack(0));
    scene.mallory.is_told(ping_of(65_536) + "\r", ack(0));
    scene.mallory.send([ping_of(65_536), ping_of(65_536), String::new()].join("\n"));
    scene.mallory.hears(ack(0));
    scene.mallory.hears(ack(0));
    scene.end();
}

#[test]
fn a_line_one_byte_longer_is_an_error_and_the_end() {
    let mut scene = Scene::new();
    scene.mallory.is_told(ping_of(65_537), error("Line too long"));
    scene.ends_here();
}

#[test]
fn a_line_that_never_ends_is_an_error_and_the_end() {
    let mut scene = Scene::new();
    let flood = scene.mallory.pour([vec![b'x'; 65_537], vec![b'\n'; 3_000_000]].concat());
    scene.mallory.hears(error("Line too long"));
    scene.ends_here();
    // It may or may not get rid of all of it.
    let _ = flood.join().unwrap();
}

#[test]
fn limits_on_input_are_set_by_configuration() {
    let json = JsonLimits { frame_bytes: 100, depth: 3, ..JsonLimits::default() };
    let dialect = Settings { json, ..settings() };
    let house = Plan { dialect, ..Plan::default() }.open();
    let mut ann = house.guest_in("den", "Ann", 1);
    ann.is_told(r#"{"type":"ping","id":0,"x":[[]]}"#, ack(0));
    ann.is_told(r#"{"type":"ping","id":0,"x":[[[]]]}"#, error("Invalid JSON"));
    ann.is_told(ping_of(100), ack(0));
    ann.is_told(ping_of(101), error("Line too long"));
    ann.expect_close();
}

#[test]
fn an_http_request_is_one_error_and_the_end() {
    let house = open();
    let mut bystander = house.guest_in("den", "Bob", 1);
    let body = join("den", "Evil");
    for head in [
        "GET / HTTP/1.1\r\nHost: localhost:7777\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost:7777\r\nContent-Type: text/plain\r\n\r\n",
        "\r\n\nPOST /x HTTP/1.0\n\n",
    ] {
        let mut page = house.guest();
        page.send(format!("{head}{body}\n"));
        page.hears(error("Invalid JSON"));
        page.expect_close();
    }
    // On a later line it is only garbage.
    let mut peer = house.guest();
    peer.is_told(PING, r#"{"type":"error","id":0,"text":"Join first"}"#);
    peer.is_told("GET / HTTP/1.1", error("Invalid JSON"));
    peer.is_told(PING, r#"{"type":"error","id":0,"text":"Join first"}"#);
    peer.finish();
    bystander.pings();
}

#[test]
fn bad_lines_by_the_thousand_are_all_answered() {
    let mut scene = Scene::new();
    let bad = scene.mallory.pour(["x\n".repeat(3000), format!("{PING}\n")].concat());
    for _ in 0..3000 {
        scene.mallory.hears(error("Invalid JSON"));
    }
    scene.mallory.hears(ack(0));
    bad.join().unwrap().unwrap();
    scene.end();
}
