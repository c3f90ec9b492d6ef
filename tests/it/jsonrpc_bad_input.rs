//! `jsonrpc` fed what no client should send. A bystander in the same room hears none of it.

use crate::house::{
    INVALID_PARAMS, INVALID_REQUEST, NOT_FOUND, PARSE, Running, SENT, SIMPLE, chat, join, joined,
    notice, open, say, users,
};
use crate::peer::Peer;
use parlance::chat::dialect::House;

/// Someone who joined, whom the tests feed, and someone who looks on.
struct Scene {
    mallory: Peer,
    bystander: Peer,
    house: Running<House>,
}

impl Scene {
    fn new() -> Scene {
        let house = open();
        let mut bystander = house.member("Bob", &["Bob"]);
        let mallory = house.member("Mallory", &["Bob", "Mallory"]);
        bystander.expect(notice("Mallory has joined the chat!"));
        Scene { mallory, bystander, house }
    }

    /// Bad input has this answer, both connections live on, and the bystander heard nothing.
    #[track_caller]
    fn answers(&mut self, input: impl AsRef<[u8]>, answer: &str) {
        self.mallory.ask(input, answer);
        self.mallory.probe();
        self.bystander.probe();
    }

    /// After all that, the two still talk.
    #[track_caller]
    fn end(mut self) {
        self.mallory.ask(say("still here"), SENT);
        self.bystander.expect(chat("Mallory", "still here"));
        self.bystander.ask(say("so am I"), SENT);
        self.mallory.expect(chat("Bob", "so am I"));
        self.mallory.finish();
        self.bystander.expect(notice("Mallory has left the chat!"));
        self.bystander.finish();
    }

    /// The connection was closed on Mallory, the bystander saw the leave and works on.
    #[track_caller]
    fn ends_here(mut self) {
        self.mallory.expect_close();
        // Gone from both sides, or the house would wait for it.
        drop(self.mallory);
        self.bystander.expect(notice("Mallory has left the chat!"));
        self.bystander.ask(SIMPLE, users(&["Bob"]));
        self.bystander.finish();
        drop(self.house);
    }
}

/// A request for the users with one unread member more.
fn with_unread(value: &[u8]) -> Vec<u8> {
    [br#"{"method":"get_users","params":{"format":"simple","x":"#, value, b"}}"].concat()
}

const BOTH: [&str; 2] = ["Bob", "Mallory"];

#[test]
fn invalid_utf_8_is_a_parse_error_wherever_it_stands() {
    let mut scene = Scene::new();
    for bad in [
        &b"\xff"[..],
        b"\x80",
        b"\xc3",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x98",
    ] {
        let text =
            [b"{\"method\":\"send_message\",\"params\":{\"message\":\"a", bad, b"b\"}}"].concat();
        scene.answers(text, PARSE);
        scene.answers(with_unread(&[b"\"", bad, b"\""].concat()), PARSE);
        scene.answers([b"{\"", bad, b"\":1,\"method\":\"get_users\"}"].concat(), PARSE);
        scene.answers([b"{\"method\":\"", bad, b"\"}"].concat(), PARSE);
        scene.answers([b"[\"", bad, b"\"]"].concat(), PARSE);
        scene.answers([b"{\"method\":\"get_users\"", bad, b"}"].concat(), PARSE);
    }
    scene.end();
}

#[test]
fn lone_surrogates_are_parse_errors_wherever_they_stand() {
    let mut scene = Scene::new();
    for bad in ["\\ud800", "\\uDC00", "\\ud800\\ud800", "\\udc00\\ud800", "\\ud83dx", "\\ud83d\\n"]
    {
        scene.answers(say(bad), PARSE);
        scene.answers(with_unread(format!("\"{bad}\"").as_bytes()), PARSE);
        scene.answers(with_unread(format!("{{\"{bad}\":[]}}").as_bytes()), PARSE);
        scene.answers(format!(r#"{{"{bad}":1,"method":"get_users"}}"#), PARSE);
        scene.answers(format!(r#"{{"method":"{bad}"}}"#), PARSE);
        scene.answers(format!(r#"{{"method":"nope","id":"{bad}"}}"#), PARSE);
    }
    // What only looks like one is none.
    let fine = with_unread(br#""\\ud800 \\\\udc00 \ud83d\ude00""#);
    scene.answers(fine, &users(&BOTH));
    scene.end();
}

#[test]
fn a_key_that_is_read_may_not_stand_twice() {
    let mut scene = Scene::new();
    for twice in [
        r#"{"method":"get_users","method":"get_users"}"#,
        r#"{"method":"get_users","m\u0065thod":"leave_chat"}"#,
        r#"{"method":"get_users","params":{},"params":{}}"#,
        r#"{"method":"get_users","id":1,"id":1}"#,
        r#"{"jsonrpc":"1.0","method":"get_users","jsonrpc":"1.0"}"#,
        r#"{"method":"send_message","params":{"message":"a","message":"b"}}"#,
        r#"{"method":"send_message","params":{"message":"a","messag\u0065":"b"}}"#,
        r#"{"method":"join_chat","params":{"username":"a","room":"b","username":"a"}}"#,
        r#"{"method":"join_chat","params":{"username":"a","room":"b","room":"b"}}"#,
        r#"{"method":"send_private","params":{"to":"Bob","message":"x","to":"Bob"}}"#,
        r#"{"method":"get_users","params":{"format":"simple","format":"simple"}}"#,
    ] {
        scene.answers(twice, PARSE);
    }
    for unread in [
        r#"{"x":1,"x":2,"method":"get_users","params":{"format":"simple"}}"#,
        r#"{"method":"get_users","params":{"x":1,"format":"simple","x":{"y":1,"y":2}}}"#,
        r#"{"method":"get_users","params":{"username":1,"format":"simple","username":2}}"#,
    ] {
        scene.answers(unread, &users(&BOTH));
    }
    scene.end();
}

#[test]
fn balanced_but_not_json_is_one_parse_error() {
    let mut scene = Scene::new();
    for bad in [
        "{]",
        "[}",
        "{(})",
        "{[}]",
        "[[{]]}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{,}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "{\"method\":\"get_users\",\"id\":01}",
        "{\"method\":\"get_users\",\"id\":1.}",
        "{\"method\":\"get_users\",\"id\":+1}",
        "{\"method\":\"get_users\",\"id\":.5}",
        "{\"method\":\"get_users\",\"id\":0x10}",
        "{\"method\":\"get_users\",\"id\":NaN}",
        "{\"method\":\"get_users\",\"id\":TRUE}",
        "{\"method\":\"get_users\" /* comment */}",
        "{\"method\":\"get\nusers\"}",
        "{\"method\":\"get\u{0}users\"}",
        "{\"method\":\"\\x\"}",
        "{\"method\":\"\\u12\"}",
        "{\u{a0}\"method\":\"get_users\"}",
        "[\u{b}]",
    ] {
        // `{(})` ends with its second bracket; the rest cannot begin a value.
        let errors = if bad == "{(})" { PARSE.repeat(2) } else { PARSE.to_owned() };
        scene.answers(format!("{bad}\n"), &errors);
    }
    // Bad values do not cost the good ones beside them anything.
    scene.answers(
        [SIMPLE, "{]", SIMPLE, "[}", SIMPLE].concat(),
        &[&users(&BOTH), PARSE, &users(&BOTH), PARSE, &users(&BOTH)].concat(),
    );
    scene.end();
}

#[test]
fn wrong_types_and_nulls() {
    let mut scene = Scene::new();
    for (method, field) in [
        ("join_chat", "username"),
        ("join_chat", "room"),
        ("send_message", "message"),
        ("send_private", "to"),
        ("send_private", "message"),
        ("get_users", "format"),
    ] {
        for value in ["null", "1", "-1.5e3", "true", "[]", "[\"x\"]", "{}", "{\"x\":1}"] {
            let request = format!(r#"{{"method":"{method}","params":{{"{field}":{value}}}}}"#);
            scene.answers(request, INVALID_PARAMS);
        }
    }
    for value in ["null", "1", "true", "[]", "{}", "[\"get_users\"]"] {
        scene.answers(format!(r#"{{"method":{value}}}"#), INVALID_REQUEST);
    }
    scene.end();
}

#[test]
fn sixty_four_levels_are_fine_and_one_more_is_not() {
    let mut scene = Scene::new();
    let nested = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat();
    // The request is the first level, its params the second.
    scene.answers(with_unread(nested(62).as_bytes()), &users(&BOTH));
    scene.answers(with_unread(nested(63).as_bytes()), PARSE);
    scene.answers(nested(64), INVALID_REQUEST);
    scene.answers(nested(65), PARSE);
    scene.answers(nested(5000), PARSE);
    let objects =
        |levels: usize| ["{\"a\":".repeat(levels), "1".into(), "}".repeat(levels)].concat();
    scene.answers(objects(64), INVALID_REQUEST);
    scene.answers(objects(65), PARSE);
    // Brackets in a string nest nothing.
    let text = format!("\"{}\\\"{}\"", "[".repeat(200), "{".repeat(200));
    scene.answers(with_unread(text.as_bytes()), &users(&BOTH));
    // The value after a deep one in the same segment is served, one error for it all.
    scene.answers([&nested(65), SIMPLE].concat(), &[PARSE, &users(&BOTH)].concat());
    scene.answers(
        [&nested(65), &nested(70), SIMPLE].concat(),
        &[PARSE, PARSE, &users(&BOTH)].concat(),
    );
    scene.end();
}

/// A request of exactly so many bytes.
fn request_of(bytes: usize) -> Vec<u8> {
    let empty = with_unread(b"\"\"").len();
    let request = with_unread(format!("\"{}\"", "x".repeat(bytes - empty)).as_bytes());
    assert_eq!(request.len(), bytes);
    request
}

#[test]
fn a_frame_of_exactly_the_limit_is_served() {
    let mut scene = Scene::new();
    scene.answers(request_of(65_536), &users(&BOTH));
    scene.answers([b" ", &request_of(65_536)[..], b" "].concat(), &users(&BOTH));
    let two = [request_of(65_536), request_of(65_536)].concat();
    scene.answers(two, &[users(&BOTH), users(&BOTH)].concat());
    scene.end();
}

#[test]
fn a_frame_one_byte_longer_is_an_error_and_the_end() {
    let mut scene = Scene::new();
    scene.mallory.send(request_of(65_537));
    scene.mallory.expect(INVALID_REQUEST);
    scene.ends_here();
}

#[test]
fn a_frame_that_never_ends_is_an_error_and_the_end() {
    let mut scene = Scene::new();
    // Neither a string nor an array is waited for longer than a frame may be.
    scene.mallory.send(["[\"", &"x".repeat(65_535)].concat());
    scene.mallory.expect(INVALID_REQUEST);
    scene.ends_here();
}

#[test]
fn the_error_arrives_though_the_client_keeps_sending() {
    let mut scene = Scene::new();
    let flood = [request_of(65_537), b"{\"method\":\"leave_chat\"}".repeat(100_000)].concat();
    let pouring = scene.mallory.pour(flood);
    scene.mallory.expect(INVALID_REQUEST);
    scene.mallory.expect_close();
    scene.bystander.expect(notice("Mallory has left the chat!"));
    scene.bystander.probe();
    // It may or may not get rid of all of it.
    let _ = pouring.join().unwrap();
}

#[test]
fn garbage_is_skipped_to_the_next_line() {
    let mut scene = Scene::new();
    for garbage in [
        "hello",
        "1",
        "null",
        "true",
        "\"text\"",
        "-1",
        "}",
        "]",
        ",",
        ":",
        "\u{feff}",
        "\\",
        "\u{0}",
        "x {\"method\":\"leave_chat\"}",
        "HELO {",
        "1 [",
        "\r\u{7f}\r",
    ] {
        scene.answers(format!("{garbage}\n"), PARSE);
        scene.answers(format!("{garbage}\n{SIMPLE}"), &[PARSE, &users(&BOTH)].concat());
        scene.answers(format!("{garbage}\r\n \n {SIMPLE}\n"), &[PARSE, &users(&BOTH)].concat());
    }
    scene.answers(b"\xff\xfe\n", PARSE);
    // A value, then garbage, then a value.
    scene.answers(
        format!("{SIMPLE}garbage {SIMPLE}\n{SIMPLE}"),
        &[&users(&BOTH), PARSE, &users(&BOTH)].concat(),
    );
    scene.end();
}

#[test]
fn garbage_without_a_newline_is_skipped_to_the_end_of_the_read() {
    let mut scene = Scene::new();
    scene.answers("hello", PARSE);
    scene.answers(format!("x{SIMPLE}"), PARSE);
    scene.end();
}

#[test]
fn many_lines_of_garbage_in_one_turn_are_one_error() {
    let mut scene = Scene::new();
    scene.answers(["x\n".repeat(1000), SIMPLE.into()].concat(), &[PARSE, &users(&BOTH)].concat());
    scene.answers(
        ["1\n2\n", SIMPLE, "\n3\n4\n", SIMPLE].concat(),
        &[PARSE, &users(&BOTH), &users(&BOTH)].concat(),
    );
    scene.end();
}

#[test]
fn an_http_request_is_one_error_and_the_end() {
    let house = open();
    let mut bystander = house.member("Bob", &["Bob"]);
    let body = join("Evil");
    for head in [
        "GET / HTTP/1.1\r\nHost: localhost:65432\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost:65432\r\nContent-Type: text/plain\r\n\r\n",
        "POST /x?y=%7B HTTP/1.0\n\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
        "PUT /{\"method\":\"get_users\"} HTTP/1.1\r\n\r\n",
    ] {
        let mut page = house.peer();
        page.send(format!("{head}{body}"));
        page.expect(PARSE);
        page.expect_close();
        let mut page = house.peer();
        let first_line = head.find('\n').unwrap() + 1;
        page.send_slowly(&head[..first_line]);
        page.expect(PARSE);
        page.expect_close();
    }
    // On a later line it is only garbage.
    let mut peer = house.peer();
    peer.ask(format!("{SIMPLE}GET / HTTP/1.1\r\n"), [&users(&["Bob"]), PARSE].concat());
    peer.ask("POST / HTTP/1.1\r\n", PARSE);
    peer.ask("GET no request\n", PARSE);
    peer.ask(SIMPLE, users(&["Bob"]));
    peer.finish();
    // And a first line that only begins like one is garbage too.
    let mut peer = house.peer();
    peer.ask("GET thee gone\n", PARSE);
    peer.ask(SIMPLE, users(&["Bob"]));
    peer.finish();
    // What is waited for because it may become a request is an error once nothing more can come.
    for beginning in ["G", "GET / HTTP/1.1"] {
        let mut peer = house.peer();
        peer.send(beginning);
        peer.half_close();
        peer.expect(PARSE);
        peer.expect_close();
    }
    bystander.probe();
    bystander.finish();
}

#[test]
fn a_frame_cut_short_by_the_end_is_not_served() {
    let house = open();
    let mut bystander = house.member("Bob", &["Bob"]);
    let mut peer = house.peer();
    peer.send(&join("Evil")[..join("Evil").len() - 1]);
    peer.half_close();
    peer.expect_close();
    let mut peer = house.peer();
    peer.ask(join("Ann"), joined("Ann", &["Bob", "Ann"]));
    bystander.expect(notice("Ann has joined the chat!"));
    peer.send(&say("half a mess")[..30]);
    drop(peer);
    bystander.expect(notice("Ann has left the chat!"));
    bystander.finish();
}

#[test]
fn unknown_methods_by_the_thousand_are_all_answered() {
    let mut scene = Scene::new();
    scene.answers(r#"{"method":"x"}"#.repeat(3000), &NOT_FOUND.repeat(3000));
    scene.answers("{]".repeat(3000), &PARSE.repeat(3000));
    scene.end();
}
