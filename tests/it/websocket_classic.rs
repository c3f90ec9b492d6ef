//! `websocket` in its classic protocol, byte for byte: the documented session, every error, and
//! whatever a message may hold.

use crate::frames::masked;
use crate::house::{Plan, Running, SENT, chat, joined, notice, open, say, whisper};
use crate::peer::Peer;
use crate::ws_peer::WsPeer;
use parlance::chat::RoomRef;
use parlance::chat::dialect::House;

const LEAVE: &str = r#"{"action":"leave"}"#;
const MESSAGE_SENT: &str = r#"{"status":"success","message":"Message sent"}"#;

fn client(house: &Running<House>) -> (WsPeer, String) {
    WsPeer::classic(house.door("websocket"))
}

/// A client in `general`, and its id.
#[track_caller]
fn member(house: &Running<House>) -> (WsPeer, String) {
    let (mut peer, id) = client(house);
    peer.ask(r#"{"action":"join","body":{"room":"general"}}"#, joined_room(house, "general"));
    (peer, id)
}

fn room_id(house: &Running<House>, name: &'static str) -> String {
    house.ask(move |house, _| {
        let room = house.chat.find_room(RoomRef::Name(name)).expect("a room");
        house.chat.room(room).expect("a room").id.to_owned()
    })
}

fn joined_room(house: &Running<House>, name: &'static str) -> String {
    let id = room_id(house, name);
    format!(r#"{{"status":"success","message":"Joined room '{name}'","room_id":"{id}"}}"#)
}

fn created(house: &Running<House>, name: &'static str) -> String {
    let id = room_id(house, name);
    format!(r#"{{"status":"success","room_id":"{id}","message":"Room '{name}' created"}}"#)
}

fn refusal(message: &str) -> String {
    format!(r#"{{"status":"error","message":"{message}"}}"#)
}

fn message(body: &str) -> String {
    format!(r#"{{"action":"message","body":{body}}}"#)
}

fn said(from: &str, body: &str) -> String {
    format!(r#"{{"from":"{from}","body":{body},"timestamp":"…"}}"#)
}

#[test]
fn the_documented_session() {
    let house = open();
    let (mut a, a_id) = client(&house);
    let (mut b, b_id) = client(&house);
    let (mut c, _) = client(&house);
    assert_ne!(a_id, b_id);

    a.send(r#"{"action":"create","body":"Game Night"}"#);
    let created = a.take();
    let id = room_id(&house, "Game Night");
    assert_eq!(
        created,
        format!(r#"{{"status":"success","room_id":"{id}","message":"Room 'Game Night' created"}}"#)
    );
    for other in [&mut b, &mut c] {
        other.ask(
            format!(r#"{{"action":"join","body":{{"room_id":"{id}"}}}}"#),
            format!(
                r#"{{"status":"success","message":"Joined room 'Game Night'","room_id":"{id}"}}"#
            ),
        );
    }
    a.ask(
        r#"{"action":"message","body":"Hello everyone!"}"#,
        r#"{"status":"success","message":"Message sent"}"#,
    );
    b.expect_timed(said(&a_id, r#""Hello everyone!""#));
    c.expect_timed(said(&a_id, r#""Hello everyone!""#));
    b.ask(LEAVE, r#"{"status":"success","message":"Left room 'Game Night'"}"#);
    // Nobody was shown who came and went.
    a.finish();
    b.finish();
    c.finish();
}

#[test]
fn any_split_gives_the_same_session() {
    let house = open();
    let (mut bob, _) = member(&house);
    let (mut ann, id) = member(&house);
    ann.peer.send_slowly(masked(0x81, message(r#""h\u00e9 😀""#).as_bytes()));
    ann.expect(MESSAGE_SENT);
    bob.expect_timed(said(&id, r#""hé 😀""#));
    ann.peer.send([masked(0x81, message("1").as_bytes()), masked(0x81, LEAVE.as_bytes())].concat());
    ann.expect(MESSAGE_SENT);
    ann.expect(r#"{"status":"success","message":"Left room 'general'"}"#);
    bob.expect_timed(said(&id, "1"));
    ann.finish();
    bob.finish();
}

#[test]
fn rooms_are_made_entered_and_left() {
    let house = open();
    let (mut ann, _) = member(&house);
    let (mut bob, _) = member(&house);
    ann.send(r#"{"action":"create","body":"  Den\t 7 "}"#);
    let answer = created(&house, "Den 7");
    ann.expect(answer);
    // Ann has left `general` for it.
    bob.ask(message(r#""anyone?""#), MESSAGE_SENT);
    ann.probe();
    bob.ask(r#"{"action":"join","body":{"room":"DEN 7"}}"#, joined_room(&house, "Den 7"));
    // The room that one is in already, by its id and by its name.
    let id = room_id(&house, "Den 7");
    bob.ask(
        format!(r#"{{"body":{{"room":"general","room_id":"{id}"}},"action":"\u006aoin"}}"#),
        joined_room(&house, "Den 7"),
    );
    ann.ask(LEAVE, r#"{"status":"success","message":"Left room 'Den 7'"}"#);
    ann.ask(LEAVE, refusal("Not in a room"));
    bob.ask(LEAVE, r#"{"status":"success","message":"Left room 'Den 7'"}"#);
    // It was empty, so it is gone.
    ann.ask(r#"{"action":"join","body":{"room":"Den 7"}}"#, refusal("Room not found"));
    ann.ask(
        format!(r#"{{"action":"join","body":{{"room_id":"{id}"}}}}"#),
        refusal("Room not found"),
    );
    ann.finish();
    bob.finish();
}

#[test]
fn a_room_is_meant_by_its_id_or_by_its_name_and_not_by_the_other() {
    let house = open();
    let (mut ann, _) = client(&house);
    let id = room_id(&house, "general");
    ann.ask(r#"{"action":"join","body":{"room_id":"general"}}"#, refusal("Room not found"));
    ann.ask(format!(r#"{{"action":"join","body":{{"room":"{id}"}}}}"#), refusal("Room not found"));
    ann.finish();
}

#[test]
fn every_error() {
    let house = open();
    let (mut ann, _) = client(&house);
    let too_long = "x".repeat(51);
    let create = |name: &str| format!(r#"{{"action":"create","body":{name}}}"#);
    let join = |body: &str| format!(r#"{{"action":"join","body":{body}}}"#);

    for bad in ["", "{", "hello", "{'action':'leave'}", r#"{"action":"leave"} x"#, "\u{feff}{}"] {
        ann.ask(bad, refusal("Invalid JSON"));
    }
    for bad in [
        r#"{"action":"leave","action":"leave"}"#,
        r#"{"action":"join","body":1,"body":2}"#,
        r#"{"action":"message","body":"\ud800"}"#,
        r#"{"action":"join","body":{"room":"general","room":"general"}}"#,
        r#"{"action":"join","body":{"room_id":"1","room_id":"1"}}"#,
    ] {
        ann.ask(bad, refusal("Invalid JSON"));
    }
    let deep = |levels: usize| message(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    ann.ask(deep(64), refusal("Invalid JSON"));
    ann.ask(deep(63), refusal("Not in a room"));

    for bad in [
        "[]",
        "17",
        "null",
        "\"leave\"",
        "{}",
        r#"{"action":null}"#,
        r#"{"action":7}"#,
        r#"{"action":["leave"]}"#,
        r#"{"action":"Leave"}"#,
        r#"{"action":""}"#,
        r#"{"action":"rooms"}"#,
        r#"{"method":"leave_chat"}"#,
    ] {
        ann.ask(bad, refusal("Invalid action"));
    }

    for bad in [
        "null",
        "7",
        "\"general\"",
        "[]",
        "{}",
        r#"{"room_id":7}"#,
        r#"{"room":null}"#,
        r#"{"room_id":null,"room":"general"}"#,
        r#"{"room_id":"00000000"}"#,
        r#"{"room":"nowhere"}"#,
        r#"{"room":""}"#,
        r#"{"room":" "}"#,
    ] {
        ann.ask(join(bad), refusal("Room not found"));
    }
    ann.ask(r#"{"action":"join"}"#, refusal("Room not found"));
    ann.ask(join(&format!(r#"{{"room":"{too_long}"}}"#)), refusal("Room not found"));

    for bad in ["null", "7", "{}", "[\"Den\"]", "\"\"", "\" \\t \"", "\"\\u200b\""] {
        ann.ask(create(bad), refusal("Room name is required"));
    }
    ann.ask(r#"{"action":"create"}"#, refusal("Room name is required"));
    ann.ask(create(&format!("\"{too_long}\"")), refusal("Room name too long"));
    ann.ask(create("\"General\""), refusal("Room already exists"));
    let id = room_id(&house, "general");
    ann.ask(create(&format!("\"{id}\"")), refusal("Room already exists"));

    ann.ask(LEAVE, refusal("Not in a room"));
    ann.ask(message("\"hi\""), refusal("Not in a room"));
    ann.ask(message("null"), refusal("Not in a room"));
    ann.ask(join(r#"{"room":"general"}"#), joined_room(&house, "general"));
    ann.ask(r#"{"action":"message"}"#, refusal("Message is required"));
    for bad in ["null", "\"\"", "\" \\n\\u3000\""] {
        ann.ask(message(bad), refusal("Message is required"));
    }
    ann.ask(message(&format!("\"{}\"", "é".repeat(1001))), refusal("Message too long"));
    ann.ask(message(&format!("\"{}\"", "\\u00e9".repeat(1001))), refusal("Message too long"));
    ann.ask(message(&format!("[\"{}\"]", "x".repeat(8189))), refusal("Message too long"));
    // After all this the client is where it was.
    ann.ask(message("\"hi\""), MESSAGE_SENT);
    ann.finish();
}

#[test]
fn there_may_be_too_many_rooms() {
    let mut plan = Plan::default();
    plan.chat.rooms_max = 1;
    let house = plan.open();
    let (mut ann, _) = client(&house);
    ann.ask(r#"{"action":"create","body":"Den"}"#, refusal("Too many rooms"));
    ann.finish();
}

/// What is sent, what WebSocket members get, and what others get.
const BODIES: [(&str, &str, &str); 14] = [
    ("\"Hello\"", "\"Hello\"", "Hello"),
    (r#""é\/ \u0007\ud83d\ude00""#, r#""é/ \u0007😀""#, r#"é/ \u0007😀"#),
    (r#""{\"a\": 1}""#, r#""{\"a\": 1}""#, r#"{\"a\": 1}"#),
    ("\" x \"", "\" x \"", " x "),
    ("0", "0", "0"),
    ("-1.50e+07", "-1.50e+07", "-1.50e+07"),
    (
        "123456789012345678901234567890",
        "123456789012345678901234567890",
        "123456789012345678901234567890",
    ),
    ("true", "true", "true"),
    ("false", "false", "false"),
    ("[ ]", "[]", "[]"),
    ("{ }", "{}", "{}"),
    ("[1 ,\t\"a b\"\n, null]", "[1,\"a b\",null]", r#"[1,\"a b\",null]"#),
    (
        r#"{ "k" : { "k" : "\u00e9" } }"#,
        r#"{"k":{"k":"\u00e9"}}"#,
        r#"{\"k\":{\"k\":\"\\u00e9\"}}"#,
    ),
    (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#, r#"{\"a\":1,\"a\":2}"#),
];

#[test]
fn a_body_is_any_value_and_crosses_as_it_is() {
    let house = open();
    let (mut ann, id) = member(&house);
    let (mut bob, _) = member(&house);
    let (mut cid, _) = member(&house);
    let mut dan = house.peer();
    dan.ask(
        r#"{"method":"join_chat","params":{"username":"Dan"}}"#,
        format!(
            r#"{{"status":"success","message":"Joined chat as Dan","users":["{}","{}","{}","Dan"]}}"#,
            id,
            name_of(&house, 1),
            name_of(&house, 2)
        ),
    );
    dan.expect(notice("Welcome to the chat, Dan!"));
    for (sent, got, text) in BODIES {
        ann.ask(message(sent), MESSAGE_SENT);
        bob.expect_timed(said(&id, got));
        cid.expect_timed(said(&id, got));
        dan.expect(chat(&id, text));
    }
    ann.finish();
    bob.finish();
    cid.finish();
}

/// The name of a member of `general`, by joining order.
fn name_of(house: &Running<House>, place: usize) -> String {
    house.ask(move |house, _| {
        let room = house.chat.default_room();
        house.chat.members(room).nth(place).expect("a member").1.to_owned()
    })
}

#[test]
fn lengths_are_those_that_are_allowed() {
    let house = open();
    let (mut ann, id) = member(&house);
    let (mut bob, _) = member(&house);
    let json = format!("[\"{}\"]", "é".repeat(4094));
    assert_eq!(json.len(), 8192);
    for body in [format!("\"{}\"", "😀".repeat(1000)), json] {
        // White space between tokens does not count.
        ann.ask(message(&format!("{}{body}", " ".repeat(9000))), MESSAGE_SENT);
        bob.expect_timed(said(&id, &body));
    }
    ann.finish();
    bob.finish();
}

#[test]
fn two_dialects_are_in_one_room() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let (mut ann, id) = member(&house);
    // A classic client's name is its id, in every dialect.
    bob.expect(notice(&format!("{id} has joined the chat!")));
    bob.ask(say("hi \\ud83d\\ude00 \\\"you\\\""), SENT);
    ann.expect_timed(said("Bob", r#""hi 😀 \"you\"""#));
    bob.ask(whisper(&id, "psst"), SENT);
    ann.expect_timed(r#"{"from":"Bob","body":"psst","private":true,"timestamp":"…"}"#);
    ann.ask(message("\"hello\""), MESSAGE_SENT);
    bob.expect(chat(&id, "hello"));
    let mut carol = house.member("Carol", &["Bob", &id, "Carol"]);
    bob.expect(notice("Carol has joined the chat!"));
    ann.probe();
    ann.finish();
    bob.expect(notice(&format!("{id} has left the chat!")));
    carol.expect(notice(&format!("{id} has left the chat!")));
    bob.finish();
}

#[test]
fn nobody_takes_a_clients_id_for_a_name() {
    let house = open();
    let (ann, id) = client(&house);
    let mut bob = house.peer();
    let suffixed = format!("{id}_{}", bob.port());
    bob.ask(crate::house::join(&id), joined(&suffixed, &[&suffixed]));
    ann.finish();
}

#[test]
fn a_socket_that_closes_is_a_leave() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let (ann, id) = member(&house);
    bob.expect(notice(&format!("{id} has joined the chat!")));
    drop(ann);
    bob.expect(notice(&format!("{id} has left the chat!")));
    let (cid, id) = member(&house);
    bob.expect(notice(&format!("{id} has joined the chat!")));
    cid.peer.reset();
    bob.expect(notice(&format!("{id} has left the chat!")));
    bob.finish();
}

#[test]
fn input_that_ends_is_served_first() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let (mut ann, id) = member(&house);
    bob.expect(notice(&format!("{id} has joined the chat!")));
    ann.send(message("\"last words\""));
    ann.peer.half_close();
    ann.expect(MESSAGE_SENT);
    ann.peer.expect_close();
    bob.expect(chat(&id, "last words"));
    bob.expect(notice(&format!("{id} has left the chat!")));
    bob.finish();
}

#[test]
fn who_has_not_upgraded_is_nobody() {
    let house = open();
    let mut idle = Peer::connect(house.door("websocket"));
    idle.send("GET /chat HTTP/1.1\r\nHost: loc");
    crate::house::until(|| house.ask(|_, fx| fx.connections()) == 1);
    drop(idle);
    crate::house::until(|| house.ask(|_, fx| fx.connections()) == 0);
    let (ann, _) = member(&house);
    ann.finish();
}
