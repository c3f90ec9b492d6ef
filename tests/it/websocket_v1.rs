//! `parlance.v1`, byte for byte but for times and ids: every action, every event, every error.

use std::time::Instant;

use crate::frames::masked;
use crate::house::{Plan, Running, SENT, chat, join_room, joined, notice, open, say, whisper};
use crate::ws_peer::WsPeer;
use parlance::chat::RoomRef;
use parlance::chat::dialect::House;

const V1: &str = "Sec-WebSocket-Protocol: parlance.v1\r\n";

/// A client that was greeted, and its id.
#[track_caller]
pub(crate) fn client(house: &Running<House>) -> (WsPeer, String) {
    let (mut peer, answer) = WsPeer::connect(house.door("websocket"), V1);
    assert!(answer.contains("\r\nSec-WebSocket-Protocol: parlance.v1\r\n"), "{answer}");
    let greeting = peer.take();
    let id = greeting
        .strip_prefix(r#"{"status":"connected","client_id":""#)
        .and_then(|rest| rest.get(..8))
        .unwrap_or_else(|| panic!("{greeting}"))
        .to_owned();
    let room = room(house, "general").0;
    assert_eq!(
        greeting,
        format!(
            concat!(
                r#"{{"status":"connected","client_id":"{0}","message":"Welcome!","#,
                r#""protocol":"parlance.v1","name":"{0}","accounts":false,"default_room":"general","#,
                r#""default_room_id":"{1}","limits":{{"frame_bytes":65536,"text_chars":1000,"#,
                r#""json_bytes":8192,"name_chars":50,"history_events":200,"#,
                r#""presence_members":1000,"typing_ms":2000}}}}"#
            ),
            id, room
        )
    );
    (peer, id)
}

/// A client of this name in no room.
#[track_caller]
pub(crate) fn named(house: &Running<House>, name: &str) -> WsPeer {
    let (mut peer, _) = client(house);
    peer.ask(
        format!(r#"{{"action":"name","body":"{name}"}}"#),
        format!(r#"{{"status":"success","action":"name","name":"{name}"}}"#),
    );
    peer
}

/// A client of this name in `general`. `users` are its members, the newcomer last; `seq` is that
/// of its coming.
#[track_caller]
pub(crate) fn member(house: &Running<House>, name: &str, users: &[&str], seq: u64) -> WsPeer {
    let mut peer = named(house, name);
    peer.ask(
        r#"{"action":"join","body":{"room":"general"}}"#,
        entered(house, "join", "general", users, seq),
    );
    peer
}

/// A room's id and epoch.
pub(crate) fn room(house: &Running<House>, name: &'static str) -> (String, String) {
    house.ask(move |house, _| {
        let room = house.chat.find_room(RoomRef::Name(name)).expect("a room");
        let view = house.chat.room(room).expect("a room");
        (view.id.to_owned(), view.epoch.to_owned())
    })
}

pub(crate) fn described(
    house: &Running<House>,
    name: &'static str,
    private: bool,
    seq: u64,
) -> String {
    let (id, epoch) = room(house, name);
    format!(r#""room_id":"{id}","room":"{name}","private":{private},"epoch":"{epoch}","seq":{seq}"#)
}

/// The answer to `join` or `create`.
pub(crate) fn entered(
    house: &Running<House>,
    action: &str,
    name: &'static str,
    users: &[&str],
    seq: u64,
) -> String {
    let (room, users) = (described(house, name, false, seq), crate::house::list(users));
    format!(r#"{{"status":"success","action":"{action}",{room},"users":{users}}}"#)
}

pub(crate) fn error(action: &str, message: &str) -> String {
    format!(r#"{{"status":"error","action":"{action}","message":"{message}"}}"#)
}

pub(crate) fn presence(event: &str, room: &str, seq: u64, name: &str) -> String {
    format!(r#"{{"event":"{event}","room":"{room}","seq":{seq},"name":"{name}","timestamp":"…"}}"#)
}

fn said(seq: u64, from: &str, body: &str) -> String {
    format!(
        r#"{{"event":"message","room":"general","seq":{seq},"from":"{from}","body":{body},"timestamp":"…"}}"#
    )
}

pub(crate) fn listed(event: &str, room: &str, id: &str) -> String {
    format!(r#"{{"event":"{event}","room":"{room}","room_id":"{id}","timestamp":"…"}}"#)
}

#[test]
fn a_conversation() {
    let house = open();
    let mut ann = member(&house, "Ann", &["Ann"], 1);
    let mut bob = member(&house, "Bob", &["Ann", "Bob"], 2);
    ann.expect_timed(presence("joined", "general", 2, "Bob"));

    ann.ask_timed(
        r#"{"action":"message","body":"Hello!","id":7}"#,
        r#"{"status":"success","action":"message","id":7,"seq":3,"timestamp":"…"}"#,
    );
    bob.expect_timed(said(3, "Ann", "\"Hello!\""));
    bob.ask_timed(
        r#"{"id":"x\u0031","body":{"k": [1.50] },"action":"message"}"#,
        r#"{"status":"success","action":"message","id":"x\u0031","seq":4,"timestamp":"…"}"#,
    );
    ann.expect_timed(said(4, "Bob", r#"{"k":[1.50]}"#));

    ann.ask_timed(
        r#"{"action":"private","body":{"to":"BOB","body":"psst"},"id":-1}"#,
        r#"{"status":"success","action":"private","id":-1,"timestamp":"…"}"#,
    );
    let private = r#"{"event":"private","room":"general","from":"Ann","to":"Bob","body":"psst","timestamp":"…"}"#;
    bob.expect_timed(private);
    // To oneself it comes once, before the answer.
    bob.send(r#"{"action":"private","body":{"to":"Bob","body":17}}"#);
    bob.expect_timed(
        r#"{"event":"private","room":"general","from":"Bob","to":"Bob","body":17,"timestamp":"…"}"#,
    );
    bob.expect_timed(r#"{"status":"success","action":"private","timestamp":"…"}"#);

    bob.ask(
        r#"{"action":"name","body":" Bobby "}"#,
        r#"{"status":"success","action":"name","name":"Bobby","seq":5}"#,
    );
    ann.expect_timed(
        r#"{"event":"renamed","room":"general","seq":5,"old":"Bob","name":"Bobby","timestamp":"…"}"#,
    );
    ann.ask(
        r#"{"action":"users","id":1}"#,
        r#"{"status":"success","action":"users","id":1,"room":"general","seq":5,"users":["Ann","Bobby"]}"#,
    );
    bob.ask(
        r#"{"action":"leave","id":2}"#,
        r#"{"status":"success","action":"leave","id":2,"room":"general"}"#,
    );
    ann.expect_timed(presence("left", "general", 6, "Bobby"));
    ann.finish();
    bob.finish();
}

#[test]
fn what_comes_after_the_answer_to_a_join_has_the_next_seq() {
    let house = open();
    let mut ann = member(&house, "Ann", &["Ann"], 1);
    let mut bob = named(&house, "Bob");
    // Both happen in turns of the server's own choosing; the numbers fit in any case.
    ann.send(r#"{"action":"message","body":"early"}"#);
    bob.send(r#"{"action":"join","body":{"room":"general"}}"#);
    ann.send(r#"{"action":"message","body":"late"}"#);
    let answer = bob.take();
    let (_, rest) = answer.split_once("\"seq\":").expect("a seq");
    let seq: u64 = rest.split_once(',').expect("more").0.parse().expect("a number");
    assert!((2..=4).contains(&seq), "{answer}");
    let mut cid = member(&house, "Cid", &["Ann", "Bob", "Cid"], 5);
    for next in seq + 1..=5 {
        let event = bob.take();
        assert!(event.contains(&format!("\"room\":\"general\",\"seq\":{next},")), "{event}");
    }
    cid.ask(r#"{"action":"x"}"#, r#"{"status":"error","message":"Invalid action"}"#);
    bob.finish();
}

#[test]
fn history_gives_what_was_missed() {
    let mut plan = Plan::default();
    plan.chat.history_events_max = 4;
    let house = plan.open();
    let mut ann = member(&house, "Ann", &["Ann"], 1);
    for seq in 2..=4 {
        ann.ask_timed(
            format!(r#"{{"action":"message","body":{seq}}}"#),
            format!(r#"{{"status":"success","action":"message","seq":{seq},"timestamp":"…"}}"#),
        );
    }
    ann.ask(
        r#"{"action":"name","body":"Anna"}"#,
        r#"{"status":"success","action":"name","name":"Anna","seq":5}"#,
    );
    let epoch = room(&house, "general").1;
    let history = |truncated: bool, events: &[String]| {
        format!(
            r#"{{"status":"success","action":"history","room":"general","epoch":"{epoch}","seq":5,"truncated":{truncated},"events":[{}]}}"#,
            events.join(",")
        )
    };
    let renamed =
        r#"{"event":"renamed","room":"general","seq":5,"old":"Ann","name":"Anna","timestamp":"…"}"#
            .to_owned();
    let all = [said(2, "Ann", "2"), said(3, "Ann", "3"), said(4, "Ann", "4"), renamed];
    ann.ask_timed(r#"{"action":"history"}"#, history(true, &all));
    ann.ask_timed(r#"{"action":"history","body":{}}"#, history(true, &all));
    let ask = |body: &str| format!(r#"{{"action":"history","body":{body}}}"#);
    ann.ask_timed(ask(r#"{"after":1,"limit":2}"#), history(false, &all[..2]));
    ann.ask_timed(ask(r#"{"after":3,"limit":18446744073709551615}"#), history(false, &all[2..]));
    ann.ask_timed(ask(r#"{"after":5}"#), history(false, &[]));
    ann.ask_timed(ask(r#"{"after":18446744073709551615}"#), history(false, &[]));
    ann.ask_timed(ask(r#"{"limit":0}"#), history(true, &[]));
    for bad in [r#"{"after":-1}"#, r#"{"after":"1"}"#, r#"{"limit":1.0}"#, r#"{"limit":null}"#] {
        ann.ask(ask(bad), error("history", "Invalid body"));
    }
    ann.finish();
}

#[test]
fn typing_is_shown_to_those_who_know_it_and_not_too_often() {
    let house = open();
    let mut ann = member(&house, "Ann", &["Ann"], 1);
    let mut bob = member(&house, "Bob", &["Ann", "Bob"], 2);
    ann.expect_timed(presence("joined", "general", 2, "Bob"));
    let mut cid = house.member("Cid", &["Ann", "Bob", "Cid"]);
    ann.expect_timed(presence("joined", "general", 3, "Cid"));
    bob.expect_timed(presence("joined", "general", 3, "Cid"));
    let (mut dan, id) = WsPeer::classic(house.door("websocket"));
    dan.send(r#"{"action":"join","body":{"room":"general"}}"#);
    dan.take();
    for peer in [&mut ann, &mut bob] {
        peer.expect_timed(presence("joined", "general", 4, &id));
    }
    cid.expect(notice(&format!("{id} has joined the chat!")));

    let began = Instant::now();
    ann.peer.send(masked(0x81, br#"{"action":"typing"}"#).repeat(100));
    ann.ask(r#"{"action":"typing","id":1}"#, r#"{"status":"success","action":"typing","id":1}"#);
    // Once, if the machine does not take longer for all of them than the two seconds of a showing.
    let shown_max = 1 + began.elapsed().as_secs() / 2;
    bob.send(r#"{"action":"typing","id":2}"#);
    let answer = r#"{"status":"success","action":"typing","id":2}"#;
    let mut shown = 0;
    loop {
        match bob.take() {
            text if text == answer => break,
            text => assert_eq!(text, r#"{"event":"typing","room":"general","name":"Ann"}"#),
        }
        shown += 1;
    }
    assert!((1..=shown_max).contains(&shown), "shown {shown} times");
    ann.expect(r#"{"event":"typing","room":"general","name":"Bob"}"#);
    // It has left no trace.
    cid.probe();
    dan.probe();
    ann.ask_timed(
        r#"{"action":"message","body":"done"}"#,
        r#"{"status":"success","action":"message","seq":5,"timestamp":"…"}"#,
    );
    bob.expect_timed(said(5, "Ann", "\"done\""));
    bob.finish();
    ann.expect_timed(presence("left", "general", 6, "Bob"));
    ann.finish();
}

#[test]
fn nobody_is_shown_to_type_in_a_crowd() {
    let mut plan = Plan::default();
    plan.chat.presence_members_max = 1;
    let house = plan.open();
    let (mut ann, answer) = WsPeer::connect(house.door("websocket"), V1);
    assert!(answer.contains("parlance.v1"));
    assert!(ann.take().contains(r#""presence_members":1,"#));
    ann.send(r#"{"action":"join","body":{"room":"general"}}"#);
    ann.take();
    let mut bob = house.peer();
    bob.send(join_room("Bob", "general"));
    let (mut cid, _) = WsPeer::connect(house.door("websocket"), V1);
    cid.take();
    cid.send(r#"{"action":"join","body":{"room":"general"}}"#);
    cid.take();
    cid.ask(r#"{"action":"typing","id":1}"#, r#"{"status":"success","action":"typing","id":1}"#);
    ann.finish();
}

#[test]
fn every_dialect_is_in_the_stream() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut ann = member(&house, "Ann", &["Bob", "Ann"], 2);
    bob.expect(notice("Ann has joined the chat!"));
    bob.ask(say("hi"), SENT);
    ann.expect_timed(said(3, "Bob", "\"hi\""));
    bob.ask(whisper("ann", "psst"), SENT);
    ann.expect_timed(
        r#"{"event":"private","room":"general","from":"Bob","to":"Ann","body":"psst","timestamp":"…"}"#,
    );
    ann.ask_timed(
        r#"{"action":"private","body":{"to":"bob","body":{"a": 1}}}"#,
        r#"{"status":"success","action":"private","timestamp":"…"}"#,
    );
    bob.expect(crate::house::private("Ann", r#"{\"a\":1}"#));
    ann.ask_timed(
        r#"{"action":"message","body":"yes"}"#,
        r#"{"status":"success","action":"message","seq":4,"timestamp":"…"}"#,
    );
    bob.expect(chat("Ann", "yes"));
    ann.ask(
        r#"{"action":"name","body":"ANN"}"#,
        r#"{"status":"success","action":"name","name":"ANN","seq":5}"#,
    );
    bob.expect(notice("Ann is now known as ANN"));

    let mut cid = house.peer();
    cid.ask(join_room("Cid", "Den"), joined("Cid", &["Cid"]));
    let den = room(&house, "Den").0;
    ann.expect_timed(listed("room_opened", "Den", &den));
    drop(cid);
    ann.expect_timed(listed("room_closed", "Den", &den));
    ann.finish();
    bob.expect(notice("ANN has left the chat!"));
    bob.finish();
}

#[test]
fn every_error() {
    let house = open();
    let mut ann = named(&house, "Ann");
    let mut bob = house.member("Bob", &["Bob"]);
    let unknown = |message: &str| format!(r#"{{"status":"error","message":"{message}"}}"#);

    for bad in ["", "[", r#"{"action":"leave","id":1,"id":1}"#, r#"{"id":"\udc00"}"#] {
        ann.ask(bad, unknown("Invalid JSON"));
    }
    for bad in ["[]", "7", "{}", r#"{"action":7}"#, r#"{"action":"Leave"}"#, r#"{"body":{}}"#] {
        ann.ask(bad, unknown("Invalid action"));
    }
    ann.ask(
        r#"{"action":"leef","id":"1"}"#,
        r#"{"status":"error","id":"1","message":"Invalid action"}"#,
    );
    for bad in ["null", "1.0", "1e2", "true", "[1]", "{}", "18446744073709551616"] {
        ann.ask(format!(r#"{{"action":"leave","id":{bad}}}"#), error("leave", "Invalid id"));
    }
    ann.ask(
        r#"{"action":"leave","id":18446744073709551615}"#,
        r#"{"status":"error","action":"leave","id":18446744073709551615,"message":"Not in a room"}"#,
    );

    let cases = [
        ("name", "7", "Invalid body"),
        ("name", "null", "Name is required"),
        ("name", "\" \"", "Name is required"),
        ("name", "\"bob\"", "Name already taken"),
        ("name", "\"system\"", "Name already taken"),
        ("join", "7", "Room not found"),
        ("join", r#"{"room":"nowhere"}"#, "Room not found"),
        ("join", r#"{"room":"a","room":"b"}"#, "Invalid JSON"),
        ("create", "7", "Invalid body"),
        ("create", r#"{"name":7}"#, "Invalid body"),
        ("create", r#"{"name":"Den","private":1}"#, "Invalid body"),
        ("create", r#"{"name":"Den","private":null}"#, "Invalid body"),
        ("create", "null", "Room name is required"),
        ("create", "\"\"", "Room name is required"),
        ("create", "\"general\"", "Room already exists"),
        ("leave", "null", "Not in a room"),
        ("room", "null", "Not in a room"),
        ("room", r#"{"private":7}"#, "Invalid body"),
        ("users", "null", "Not in a room"),
        ("history", "null", "Not in a room"),
        ("history", "[]", "Invalid body"),
        ("typing", "null", "Not in a room"),
        ("message", "\"hi\"", "Not in a room"),
        ("private", r#"{"to":"Bob","body":"hi"}"#, "Not in a room"),
        ("private", r#"{"to":7}"#, "Invalid body"),
        ("private", "\"Bob\"", "Invalid body"),
    ];
    let ask = |action: &str, body: &str| format!(r#"{{"action":"{action}","body":{body}}}"#);
    for (action, body, message) in cases {
        ann.ask(ask(action, body), error(action, message));
    }
    let long = "x".repeat(51);
    ann.ask(ask("name", &format!("\"{long}\"")), error("name", "Name too long"));
    ann.ask(ask("create", &format!("\"{long}\"")), error("create", "Room name too long"));

    ann.ask(
        ask("join", r#"{"room":"general"}"#),
        entered(&house, "join", "general", &["Bob", "Ann"], 2),
    );
    bob.expect(notice("Ann has joined the chat!"));
    for (action, body, message) in [
        ("message", "null", "Message is required"),
        ("message", "\"\\t\"", "Message is required"),
        ("private", "null", "Name is required"),
        ("private", r#"{"to":"Cid","body":"hi"}"#, "User Cid is not in this room"),
        ("private", r#"{"to":"BOB"}"#, "Message is required"),
        ("room", r#"{"private":true}"#, "The default room is always public"),
    ] {
        ann.ask(ask(action, body), error(action, message));
    }
    let long = "x".repeat(1001);
    ann.ask(ask("message", &format!("\"{long}\"")), error("message", "Message too long"));
    bob.probe();
    // After all this she is where she was.
    ann.ask(
        ask("users", "null"),
        r#"{"status":"success","action":"users","room":"general","seq":2,"users":["Bob","Ann"]}"#,
    );
    ann.finish();
}

#[test]
fn the_same_name_and_the_same_room_make_no_event() {
    let house = open();
    let mut ann = member(&house, "Ann", &["Ann"], 1);
    let mut bob = member(&house, "Bob", &["Ann", "Bob"], 2);
    ann.expect_timed(presence("joined", "general", 2, "Bob"));
    bob.ask(
        r#"{"action":"name","body":"Bob"}"#,
        r#"{"status":"success","action":"name","name":"Bob","seq":2}"#,
    );
    bob.ask(
        r#"{"action":"join","body":{"room":"GENERAL"}}"#,
        entered(&house, "join", "general", &["Ann", "Bob"], 2),
    );
    bob.ask_timed(
        r#"{"action":"message","body":"still here"}"#,
        r#"{"status":"success","action":"message","seq":3,"timestamp":"…"}"#,
    );
    ann.expect_timed(said(3, "Bob", "\"still here\""));
    ann.finish();
    bob.expect_timed(presence("left", "general", 4, "Ann"));
    bob.finish();
}

#[test]
fn another_subprotocol_is_the_classic_one() {
    let house = open();
    let (mut peer, answer) =
        WsPeer::connect(house.door("websocket"), "Sec-WebSocket-Protocol: chat, superchat\r\n");
    assert!(!answer.contains("Sec-WebSocket-Protocol"), "{answer}");
    peer.greeting();
    peer.ask(r#"{"action":"rooms"}"#, r#"{"status":"error","message":"Invalid action"}"#);
    peer.finish();
}
