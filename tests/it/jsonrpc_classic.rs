//! `jsonrpc` in its classic form, byte for byte: the documented session and every error.

use crate::house::{
    INVALID_PARAMS, INVALID_REQUEST, LEAVE, LEFT, NOT_FOUND, PARSE, SENT, SIMPLE, chat, join,
    join_room, joined, notice, open, private, refusal, say, users, whisper,
};
use crate::peer::Peer;

#[test]
fn the_documented_session() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut carol = house.member("Carol", &["Bob", "Carol"]);
    bob.expect(notice("Carol has joined the chat!"));

    let mut alice = house.peer();
    alice.ask(
        r#"{"method":"join_chat","params":{"username":"Alice"}}"#,
        concat!(
            r#"{"status":"success","message":"Joined chat as Alice","users":["Bob","Carol","Alice"]}"#,
            r#"{"type":"system","message":"Welcome to the chat, Alice!","username":"SYSTEM"}"#
        ),
    );
    let came = r#"{"type":"system","message":"Alice has joined the chat!","username":"SYSTEM"}"#;
    bob.expect(came);
    carol.expect(came);

    alice.ask(
        r#"{"method":"send_message","params":{"message":"Hello everyone!"}}"#,
        r#"{"status":"success","message":"Message sent successfully"}"#,
    );
    let hello = r#"{"type":"chat","message":"Hello everyone!","username":"Alice"}"#;
    bob.expect(hello);
    carol.expect(hello);

    alice.ask(
        r#"{"method":"get_users","params":{}}"#,
        format!(
            concat!(
                r#"{{"status":"success","message":"Users retrieved successfully","users":["#,
                r#"{{"username":"Bob","address":"{}"}},{{"username":"Carol","address":"{}"}},"#,
                r#"{{"username":"Alice","address":"{}"}}],"count":3}}"#
            ),
            bob.address(),
            carol.address(),
            alice.address()
        ),
    );
    alice.ask(
        r#"{"method":"get_users","params":{"format":"simple"}}"#,
        r#"{"status":"success","users":["Bob","Carol","Alice"],"count":3}"#,
    );
    alice.ask(
        r#"{"method":"leave_chat","params":{}}"#,
        r#"{"status":"success","message":"Left chat successfully"}"#,
    );
    let left = r#"{"type":"system","message":"Alice has left the chat!","username":"SYSTEM"}"#;
    bob.expect(left);
    carol.expect(left);

    alice.finish();
    carol.finish();
    bob.expect(notice("Carol has left the chat!"));
    bob.finish();
}

#[test]
fn any_split_gives_the_same_session() {
    let house = open();
    let mut alice = house.peer();
    alice.send_slowly(r#"{"method":"join_chat","params":{"username":"Alice"}}"#);
    alice.expect(joined("Alice", &["Alice"]));
    alice.send_slowly([say(r"\ud83d\ude00 é \u00e9").as_str(), "\r\n\t ", SIMPLE].concat());
    alice.expect([SENT, &users(&["Alice"])].concat());
    alice.finish();
}

#[test]
fn a_pipelined_session_is_answered_in_order_and_the_welcome_follows_its_answer() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut alice = house.peer();
    alice.send([&join("Alice"), SIMPLE, &say("one"), &say("two"), LEAVE, SIMPLE].concat());
    let both = ["Bob", "Alice"];
    let answers = [&joined("Alice", &both), &users(&both), SENT, SENT, LEFT, &users(&["Bob"])];
    alice.expect(answers.concat());
    alice.finish();
    bob.expect(notice("Alice has joined the chat!"));
    bob.expect([chat("Alice", "one"), chat("Alice", "two")].concat());
    bob.expect(notice("Alice has left the chat!"));
    bob.finish();
}

#[test]
fn half_close_after_pipelined_requests_still_serves_them_all() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut alice = house.peer();
    alice.send([join("Alice"), say("last words"), SIMPLE.to_owned()].concat());
    alice.half_close();
    let both = ["Bob", "Alice"];
    alice.expect([&joined("Alice", &both), SENT, &users(&both)].concat());
    alice.expect_close();
    bob.expect(notice("Alice has joined the chat!"));
    bob.expect(chat("Alice", "last words"));
    bob.expect(notice("Alice has left the chat!"));
    bob.finish();
}

#[test]
fn a_closed_socket_is_a_leave() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let alice = house.member("Alice", &["Bob", "Alice"]);
    bob.expect(notice("Alice has joined the chat!"));
    drop(alice);
    bob.expect(notice("Alice has left the chat!"));
    bob.ask(SIMPLE, users(&["Bob"]));
    bob.finish();
}

#[test]
fn who_left_hears_nothing_and_may_come_back_under_another_name() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut alice = house.member("Alice", &["Bob", "Alice"]);
    alice.ask(LEAVE, LEFT);
    bob.expect([notice("Alice has joined the chat!"), notice("Alice has left the chat!")].concat());
    bob.ask(say("gone?"), SENT);
    alice.ask(say("x"), refusal("Not in chat"));
    alice.ask(LEAVE, refusal("Not in chat"));
    // The name is free again, for the one who bore it and for others.
    let mut other = house.member("alice", &["Bob", "alice"]);
    alice.ask(join("Eve"), joined("Eve", &["Bob", "alice", "Eve"]));
    other.expect(notice("Eve has joined the chat!"));
    bob.expect([notice("alice has joined the chat!"), notice("Eve has joined the chat!")].concat());
    bob.finish();
}

#[test]
fn users_are_listed_before_joining_too() {
    let house = open();
    let mut stranger = house.peer();
    let none =
        r#"{"status":"success","message":"Users retrieved successfully","users":[],"count":0}"#;
    stranger.ask(r#"{"method":"get_users","params":{}}"#, none);
    stranger.ask(r#"{"method":"get_users"}"#, none);
    stranger.ask(SIMPLE, users(&[]));
    let _bob = house.member("Bob", &["Bob"]);
    let mut away = house.peer();
    away.ask(join_room("Away", "elsewhere"), joined("Away", &["Away"]));
    stranger.ask(SIMPLE, users(&["Bob"]));
    away.ask(SIMPLE, users(&["Away"]));
    stranger.finish();
}

#[test]
fn private_messages_reach_one_member_alone() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut carol = house.member("Carol", &["Bob", "Carol"]);
    let mut alice = house.member("Alice", &["Bob", "Carol", "Alice"]);
    bob.expect(
        [notice("Carol has joined the chat!"), notice("Alice has joined the chat!")].concat(),
    );
    carol.expect(notice("Alice has joined the chat!"));
    // Names are compared by the rule for names.
    alice.ask(whisper("  \u{ff22}OB ", "psst"), SENT);
    bob.expect(private("Alice", "psst"));
    carol.probe();
    alice.ask(whisper("Dave", "psst"), refusal("User Dave is not in this room"));
    alice.ask(whisper("  No\\t One\\u0007 ", "psst"), refusal("User No One is not in this room"));
    alice.ask(whisper("Bob", " "), refusal("Message is required"));
    alice.ask(whisper("Bob", &"x".repeat(1001)), refusal("Message too long"));
    alice.ask(whisper("Dave", ""), refusal("User Dave is not in this room"));
    // Someone in another room is not here.
    let mut away = house.peer();
    away.ask(join_room("Away", "elsewhere"), joined("Away", &["Away"]));
    alice.ask(whisper("Away", "psst"), refusal("User Away is not in this room"));
    away.ask(whisper("Alice", "psst"), refusal("User Alice is not in this room"));
    for peer in [away, alice] {
        peer.finish();
    }
    bob.expect(notice("Alice has left the chat!"));
    bob.finish();
}

#[test]
fn a_private_message_to_oneself_is_delivered_once() {
    let house = open();
    let mut alice = house.member("Alice", &["Alice"]);
    alice.send(whisper("Alice", "note to self"));
    let message = private("Alice", "note to self");
    let got = String::from_utf8(alice.take(SENT.len() + message.len())).unwrap();
    assert!(
        got == format!("{SENT}{message}") || got == format!("{message}{SENT}"),
        "not once each: {got}"
    );
    alice.finish();
}

#[test]
fn rooms_are_worlds_apart() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut ann = house.peer();
    ann.ask(join_room("Ann", "Games"), joined("Ann", &["Ann"]));
    let mut cid = house.peer();
    cid.ask(join_room("Cid", " GA\\u200bMES "), joined("Cid", &["Ann", "Cid"]));
    ann.expect(notice("Cid has joined the chat!"));
    cid.ask(say("only here"), SENT);
    ann.expect(chat("Cid", "only here"));
    bob.ask(say("only there"), SENT);
    ann.ask(join("Ann"), refusal("Already joined"));
    ann.ask(join_room("Ann", "general"), refusal("Already joined"));
    ann.ask(join_room("Ann", "Games"), refusal("Already joined"));
    // By its id a room is found too, and by its name first.
    let id = house.ask(|house, _| {
        let key = house.chat.find_room(parlance::chat::RoomRef::NameOrId("games")).unwrap();
        house.chat.room(key).unwrap().id.to_owned()
    });
    cid.ask(LEAVE, LEFT);
    ann.expect(notice("Cid has left the chat!"));
    cid.ask(join_room("Cid", &id), joined("Cid", &["Ann", "Cid"]));
    ann.expect(notice("Cid has joined the chat!"));
    cid.finish();
    ann.expect(notice("Cid has left the chat!"));
    // Names are unique in the house, not in a room.
    let mut again = house.peer();
    let suffixed = format!("bob_{}", again.port());
    again.ask(join_room("bob", "Games"), joined(&suffixed, &["Ann", &suffixed]));
    ann.expect(notice(&format!("{suffixed} has joined the chat!")));
    ann.finish();
    bob.finish();
}

#[test]
fn every_business_error() {
    let house = open();
    let mut peer = house.peer();
    let long = "\u{1f600}".repeat(51);
    let required = refusal("Username is required");
    for username in ["", "   ", "\\t\\n\\u2028", "\\u0007\\u200b", "\u{200b}"] {
        peer.ask(join(username), &required);
    }
    peer.ask(r#"{"method":"join_chat","params":{}}"#, &required);
    peer.ask(r#"{"method":"join_chat"}"#, &required);
    peer.ask(join(&long), refusal("Username too long"));
    peer.ask(join_room("Al", ""), refusal("Room name is required"));
    peer.ask(join_room("Al", " \\u0000 "), refusal("Room name is required"));
    peer.ask(join_room("Al", &long), refusal("Room name too long"));
    for request in [&say("x"), &say(""), LEAVE, &whisper("Bob", "x"), &whisper("", "")] {
        peer.ask(request, refusal("Not in chat"));
    }
    peer.ask(join("Al"), joined("Al", &["Al"]));
    for text in ["", " ", "\\n\\t\\u2029\\u00a0"] {
        peer.ask(say(text), refusal("Message is required"));
    }
    peer.ask(r#"{"method":"send_message","params":{}}"#, refusal("Message is required"));
    peer.ask(say(&"\u{1f600}".repeat(1001)), refusal("Message too long"));
    peer.ask(r#"{"method":"send_private","params":{"message":"x"}}"#, &required);
    peer.ask(r#"{"method":"send_private","params":{"to":"Al"}}"#, refusal("Message is required"));
    peer.ask(join("Al"), refusal("Already joined"));
    peer.finish();
}

#[test]
fn every_protocol_error() {
    let house = open();
    let mut peer = house.peer();
    for (request, answer) in [
        (r#"{"method":"get_users",}"#, PARSE),
        (r#"{"method":get_users}"#, PARSE),
        (r#"{]"#, PARSE),
        (r#"[}"#, PARSE),
        (r#"{}"#, INVALID_REQUEST),
        (r#"{"params":{}}"#, INVALID_REQUEST),
        (r#"{"method":1}"#, INVALID_REQUEST),
        (r#"{"method":null}"#, INVALID_REQUEST),
        (r#"{"method":["get_users"]}"#, INVALID_REQUEST),
        (r#"[]"#, INVALID_REQUEST),
        (r#"[{"method":"get_users"}]"#, INVALID_REQUEST),
        (r#"["get_users"]"#, INVALID_REQUEST),
        (r#"{"method":""}"#, NOT_FOUND),
        (r#"{"method":"Get_Users"}"#, NOT_FOUND),
        (r#"{"method":"get_users "}"#, NOT_FOUND),
        (r#"{"method":"rpc.nothing"}"#, NOT_FOUND),
        (r#"{"method":"get_users","params":null}"#, INVALID_PARAMS),
        (r#"{"method":"get_users","params":[]}"#, INVALID_PARAMS),
        (r#"{"method":"get_users","params":["simple"]}"#, INVALID_PARAMS),
        (r#"{"method":"get_users","params":"simple"}"#, INVALID_PARAMS),
        (r#"{"method":"get_users","params":7}"#, INVALID_PARAMS),
        (r#"{"method":"get_users","params":true}"#, INVALID_PARAMS),
        (r#"{"method":"get_users","params":{"format":null}}"#, INVALID_PARAMS),
        (r#"{"method":"get_users","params":{"format":1}}"#, INVALID_PARAMS),
        (r#"{"method":"leave_chat","params":[]}"#, INVALID_PARAMS),
        (r#"{"method":"leave_chat","params":null}"#, INVALID_PARAMS),
        (r#"{"method":"join_chat","params":{"username":null}}"#, INVALID_PARAMS),
        (r#"{"method":"join_chat","params":{"username":{"a":1}}}"#, INVALID_PARAMS),
        (r#"{"method":"join_chat","params":{"username":"A","room":null}}"#, INVALID_PARAMS),
        (r#"{"method":"send_message","params":{"message":["x"]}}"#, INVALID_PARAMS),
        (r#"{"method":"send_private","params":{"to":1,"message":"x"}}"#, INVALID_PARAMS),
        (r#"{"method":"rpc.discover","params":null}"#, INVALID_PARAMS),
    ] {
        peer.ask(request, answer);
    }
    // Fields and members that nobody reads may be anything.
    peer.ask(r#"{"x":[null],"method":"get_users","params":{"format":"simple","y":1}}"#, users(&[]));
    peer.finish();
}

#[test]
fn checks_come_in_their_order() {
    let house = open();
    let mut peer = house.peer();
    // Shape before state.
    peer.ask(r#"{"method":"send_message","params":{"message":1}}"#, INVALID_PARAMS);
    peer.ask(r#"{"method":"send_private","params":{"to":"x","message":null}}"#, INVALID_PARAMS);
    // Fields left to right.
    peer.ask(join_room("", ""), refusal("Username is required"));
    peer.ask(join_room(&"x".repeat(51), ""), refusal("Username too long"));
    peer.ask(join_room("Al", &"x".repeat(51)), refusal("Room name too long"));
    // A shape that fails in the last field fails before the first field is looked at.
    peer.ask(r#"{"method":"join_chat","params":{"username":"","room":1}}"#, INVALID_PARAMS);
    // State before fields.
    peer.ask(join("Al"), joined("Al", &["Al"]));
    peer.ask(join(""), refusal("Already joined"));
    peer.ask(join_room("Al", ""), refusal("Already joined"));
    peer.ask(r#"{"method":"join_chat"}"#, refusal("Already joined"));
    peer.ask(r#"{"method":"join_chat","params":{"username":7}}"#, INVALID_PARAMS);
    peer.finish();
}

#[test]
fn an_id_is_added_last_as_it_stood() {
    let house = open();
    let mut peer = house.peer();
    for id in [
        r#""a""#,
        r#""\u0061\/é\n""#,
        "1",
        "1.50",
        "-0",
        "1e999",
        "123456789012345678901234567890",
        "null",
        "true",
        r#"{"a": [1,  2], "a":3}"#,
        "[ ]",
    ] {
        peer.ask(
            format!(r#"{{"id":{id},"method":"get_users","params":{{"format":"simple"}}}}"#),
            format!(r#"{{"status":"success","users":[],"count":0,"id":{id}}}"#),
        );
        peer.ask(
            format!(r#"{{"method":"leave_chat","params":{{}},"id": {id} }}"#),
            format!(r#"{{"status":"error","message":"Not in chat","id":{id}}}"#),
        );
        peer.ask(
            format!(r#"{{"method":"nope","id":{id}}}"#),
            format!(r#"{{"error":"Method not found","code":-32601,"id":{id}}}"#),
        );
        peer.ask(
            format!(r#"{{"method":"get_users","params":7,"id":{id}}}"#),
            format!(r#"{{"error":"Invalid params","code":-32602,"id":{id}}}"#),
        );
    }
    peer.ask(
        r#"{"method":"join_chat","params":{"username":"Al"},"id":"j"}"#,
        [
            r#"{"status":"success","message":"Joined chat as Al","users":["Al"],"id":"j"}"#,
            &notice("Welcome to the chat, Al!"),
        ]
        .concat(),
    );
    peer.finish();
}

/// The list is made anew only when it has changed, so every kind of change has to show.
#[test]
fn get_users_is_true_after_every_change() {
    let house = open();
    let full = r#"{"method":"get_users","params":{}}"#;
    let addresses = |members: &[(&str, &Peer)]| {
        let users = members.iter().map(|(name, peer)| {
            format!(r#"{{"username":"{name}","address":"{}"}}"#, peer.address())
        });
        format!(
            r#"{{"status":"success","message":"Users retrieved successfully","users":[{}],"count":{}}}"#,
            users.collect::<Vec<_>>().join(","),
            members.len()
        )
    };
    let mut stranger = house.peer();
    stranger.ask(SIMPLE, users(&[]));
    let mut ann = house.member("Ann", &["Ann"]);
    stranger.ask(SIMPLE, users(&["Ann"]));
    stranger.ask(full, addresses(&[("Ann", &ann)]));
    let bob = house.member("Bob", &["Ann", "Bob"]);
    ann.expect(notice("Bob has joined the chat!"));
    stranger.ask(full, addresses(&[("Ann", &ann), ("Bob", &bob)]));
    stranger.ask(SIMPLE, users(&["Ann", "Bob"]));
    // Another room has another list, whatever was asked last.
    let mut eve = house.peer();
    eve.ask(join_room("Eve", "den"), joined("Eve", &["Eve"]));
    eve.ask(SIMPLE, users(&["Eve"]));
    stranger.ask(SIMPLE, users(&["Ann", "Bob"]));
    bob.finish();
    ann.expect(notice("Bob has left the chat!"));
    stranger.ask(SIMPLE, users(&["Ann"]));
    stranger.ask(full, addresses(&[("Ann", &ann)]));
}
