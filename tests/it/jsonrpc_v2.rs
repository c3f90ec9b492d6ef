//! `jsonrpc` spoken as JSON-RPC 2.0: the switch of a connection, the chat's methods, batches.

use crate::house::{
    LEAVE, Plan, SENT, SIMPLE, chat, join, joined, list, notice, open, patient, private, say,
    users, whisper,
};
use crate::peer::Peer;
use parlance::chat::dialect::jsonrpc;
use parlance::rpc::Limits;

/// A request.
fn call(method: &str, params: &str, id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":{id}}}"#)
}

/// An answer, as it stands in a batch; alone it is followed by a newline.
fn result(value: &str, id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{value},"id":{id}}}"#)
}

/// An error, likewise.
fn error(code: i32, message: &str, id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"{message}"}},"id":{id}}}"#)
}

fn invalid_request() -> String {
    error(-32600, "Invalid request", "null")
}

/// What the server sends of its own accord, newline and all.
fn told(method: &str, message: &str, username: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"message":"{message}","username":"{username}"}}}}"#
    ) + "\n"
}

/// The answer's value to a `join_chat`.
fn joined_value(name: &str, users: &[&str]) -> String {
    format!(r#"{{"status":"success","message":"Joined chat as {name}","users":{}}}"#, list(users))
}

fn line(value: impl AsRef<str>) -> String {
    format!("{}\n", value.as_ref())
}

const GET: &str = r#"{"jsonrpc":"2.0","method":"get_users","params":["simple"],"id":1}"#;

/// Proves that this 2.0 connection works and has received nothing else.
#[track_caller]
fn probe(peer: &mut Peer) {
    peer.ask(
        r#"{"jsonrpc":"2.0","method":"probe","id":"p"}"#,
        line(error(-32601, "Method not found", r#""p""#)),
    );
}

#[test]
fn a_session_in_2_0() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut ann = house.peer();
    ann.ask(
        r#"{"jsonrpc":"2.0","method":"join_chat","params":{"username":"Ann"},"id":1}"#,
        concat!(
            r#"{"jsonrpc":"2.0","result":{"status":"success","message":"Joined chat as Ann","users":["Bob","Ann"]},"id":1}"#,
            "\n",
            r#"{"jsonrpc":"2.0","method":"system","params":{"message":"Welcome to the chat, Ann!","username":"SYSTEM"}}"#,
            "\n"
        ),
    );
    bob.expect(notice("Ann has joined the chat!"));
    ann.ask(call("send_message", r#"["hi"]"#, "2"), line(result(SENT, "2")));
    bob.expect(chat("Ann", "hi"));
    bob.ask(say("hello"), SENT);
    ann.expect(told("chat", "hello", "Bob"));
    bob.ask(whisper("Ann", "psst"), SENT);
    ann.expect(told("private", "psst", "Bob"));
    ann.ask(call("send_private", r#"["Bob","ssh"]"#, "3"), line(result(SENT, "3")));
    bob.expect(private("Ann", "ssh"));
    let addresses = format!(
        r#"{{"status":"success","message":"Users retrieved successfully","users":[{{"username":"Bob","address":"{}"}},{{"username":"Ann","address":"{}"}}],"count":2}}"#,
        bob.address(),
        ann.address()
    );
    ann.ask(call("get_users", "{}", "4"), line(result(&addresses, "4")));
    ann.ask(call("get_users", r#"["simple"]"#, "5"), line(result(&users(&["Bob", "Ann"]), "5")));
    let left = r#"{"status":"success","message":"Left chat successfully"}"#;
    ann.ask(call("leave_chat", "{}", "6"), line(result(left, "6")));
    bob.expect(notice("Ann has left the chat!"));
    ann.finish();
    bob.finish();
}

#[test]
fn business_errors_are_code_32000() {
    let house = open();
    let mut peer = house.peer();
    for (method, params, message) in [
        ("join_chat", "{}", "Username is required"),
        ("join_chat", "[]", "Username is required"),
        ("join_chat", r#"["SYSTEM"]"#, "Username already taken"),
        ("join_chat", r#"["A",""]"#, "Room name is required"),
        ("send_message", r#"["x"]"#, "Not in chat"),
        ("leave_chat", "{}", "Not in chat"),
        ("send_private", r#"{"message":"x","to":"y"}"#, "Not in chat"),
    ] {
        peer.ask(call(method, params, "9"), line(error(-32000, message, "9")));
    }
    for params in ["null", "7", r#""x""#, "[1]", r#"{"username":null}"#, r#"["A",null]"#] {
        peer.ask(call("join_chat", params, "9"), line(error(-32602, "Invalid params", "9")));
    }
    peer.finish();
}

#[test]
fn a_room_may_be_given_by_position() {
    let house = open();
    let mut peer = house.peer();
    let welcome = told("system", "Welcome to the chat, Ann!", "SYSTEM");
    peer.send(call("join_chat", r#"["Ann","den"]"#, "1"));
    peer.expect([line(result(&joined_value("Ann", &["Ann"]), "1")), welcome].concat());
    let mut other = house.peer();
    other.ask(SIMPLE, users(&[]));
    peer.ask(GET, line(result(&users(&["Ann"]), "1")));
    peer.finish();
}

#[test]
fn the_first_2_0_request_switches_what_a_member_is_sent() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut ann = house.member("Ann", &["Bob", "Ann"]);
    bob.expect(notice("Ann has joined the chat!"));
    bob.ask(say("one"), SENT);
    ann.expect(chat("Bob", "one"));
    ann.ask(GET, line(result(&users(&["Bob", "Ann"]), "1")));
    bob.ask(say("two"), SENT);
    ann.expect(told("chat", "two", "Bob"));
    // A classic request keeps its classic answer, and its line.
    ann.ask(SIMPLE, line(users(&["Bob", "Ann"])));
    ann.ask(
        r#"{"method":"nope","id":7}"#,
        line(r#"{"error":"Method not found","code":-32601,"id":7}"#),
    );
    ann.ask(join("Ann"), line(r#"{"status":"error","message":"Already joined"}"#));
    ann.ask(say("three"), line(SENT));
    bob.expect(chat("Ann", "three"));
    bob.ask(say("four"), SENT);
    ann.expect(told("chat", "four", "Bob"));
    // Leaving and joining anew in the classic form changes nothing of it.
    ann.ask(LEAVE, line(r#"{"status":"success","message":"Left chat successfully"}"#));
    ann.ask(
        join("Ann"),
        [
            line(joined_value("Ann", &["Bob", "Ann"])),
            told("system", "Welcome to the chat, Ann!", "SYSTEM"),
        ]
        .concat(),
    );
    bob.expect([notice("Ann has left the chat!"), notice("Ann has joined the chat!")].concat());
    bob.ask(say("five"), SENT);
    ann.expect(told("chat", "five", "Bob"));
    drop(bob);
    ann.expect(told("system", "Bob has left the chat!", "SYSTEM"));
    ann.finish();
}

#[test]
fn an_invalid_2_0_object_switches_too() {
    let house = open();
    for request in [
        r#"{"jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","method":1}"#,
        r#"{"params":[],"jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","method":"get_users","id":{}}"#,
        r#"{"jsonrpc":"2.0","method":"get_users","id":[1]}"#,
        r#"{"jsonrpc":"2.0","method":"get_users","id":true}"#,
    ] {
        let mut peer = house.peer();
        peer.ask(request, line(invalid_request()));
        peer.ask(SIMPLE, line(users(&[])));
        peer.finish();
    }
    // A notification does, though it is not answered.
    let mut peer = house.peer();
    peer.send(r#"{"jsonrpc":"2.0","method":"nope"}"#);
    peer.ask(SIMPLE, line(users(&[])));
    peer.finish();
}

#[test]
fn what_is_not_2_0_switches_nothing() {
    let house = open();
    let mut peer = house.peer();
    for version in [r#""1.0""#, "2.0", "2", "null", r#""2.0 ""#, r#"["2.0"]"#] {
        peer.ask(
            format!(
                r#"{{"jsonrpc":{version},"method":"get_users","params":{{"format":"simple"}},"id":1}}"#
            ),
            r#"{"status":"success","users":[],"count":0,"id":1}"#,
        );
    }
    // Nor does bad JSON that mentions it, or an array that is no batch.
    peer.ask(r#"{"jsonrpc":"2.0","method":}"#, r#"{"error":"Parse error","code":-32700}"#);
    for array in [
        "[]",
        "[1]",
        r#"["jsonrpc","2.0"]"#,
        r#"[{"method":"get_users"}]"#,
        r#"[[{"jsonrpc":"2.0"}]]"#,
    ] {
        peer.ask(array, r#"{"error":"Invalid request","code":-32600}"#);
    }
    peer.ask(SIMPLE, users(&[]));
    peer.finish();
}

#[test]
fn errors_that_belong_to_no_request_have_a_null_id() {
    let house = open();
    let mut peer = house.peer();
    peer.ask(GET, line(result(&users(&[]), "1")));
    let parse = line(error(-32700, "Parse error", "null"));
    peer.ask(r#"{"jsonrpc":"2.0","method":}"#, &parse);
    peer.ask("nonsense\n", &parse);
    peer.ask("{]", &parse);
    peer.ask("[".repeat(65) + &"]".repeat(65), &parse);
    peer.ask("[]", line(invalid_request()));
    peer.ask("{}", line(invalid_request()));
    peer.ask("[1]", format!("[{}]\n", invalid_request()));
    peer.send(format!(r#"{{"x":"{}"}}"#, "x".repeat(64 * 1024)));
    peer.expect(line(invalid_request()));
    peer.expect_close();
}

#[test]
fn notifications_are_done_and_not_answered() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut ann = house.peer();
    ann.send(r#"{"jsonrpc":"2.0","method":"join_chat","params":["Ann"]}"#);
    ann.expect(told("system", "Welcome to the chat, Ann!", "SYSTEM"));
    bob.expect(notice("Ann has joined the chat!"));
    for quiet in [
        r#"{"jsonrpc":"2.0","method":"send_message","params":["quiet"]}"#,
        r#"{"jsonrpc":"2.0","method":"join_chat","params":["Ann"]}"#,
        r#"{"jsonrpc":"2.0","method":"nope"}"#,
        r#"{"jsonrpc":"2.0","method":"get_users","params":7}"#,
        r#"{"jsonrpc":"2.0","method":"rpc.discover"}"#,
    ] {
        ann.send(quiet);
    }
    probe(&mut ann);
    bob.expect(chat("Ann", "quiet"));
    bob.probe();
    ann.finish();
}

#[test]
fn a_batch_is_answered_whole_and_the_welcome_follows_it() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut ann = house.peer();
    ann.send(format!(
        "[{},{},{},{},{}]",
        call("join_chat", r#"["Ann"]"#, "1"),
        call("get_users", r#"["simple"]"#, "\"two\""),
        r#"{"jsonrpc":"2.0","method":"send_message","params":["noted"]}"#,
        call("send_message", r#"["said"]"#, "3.0"),
        call("leave_chat", "{\"x\":1}", "null"),
    ));
    let left = r#"{"status":"success","message":"Left chat successfully"}"#;
    ann.expect(format!(
        "[{},{},{},{}]\n{}",
        result(&joined_value("Ann", &["Bob", "Ann"]), "1"),
        result(&users(&["Bob", "Ann"]), "\"two\""),
        result(SENT, "3.0"),
        result(left, "null"),
        told("system", "Welcome to the chat, Ann!", "SYSTEM"),
    ));
    bob.expect(
        [notice("Ann has joined the chat!"), chat("Ann", "noted"), chat("Ann", "said")].concat(),
    );
    bob.expect(notice("Ann has left the chat!"));
    probe(&mut ann);
    ann.finish();
}

#[test]
fn a_batch_of_a_hundred_is_served_and_of_one_more_refused() {
    let house = open();
    let mut peer = house.peer();
    let batch = |count| format!("[{}]", vec![GET; count].join(","));
    let answers = vec![result(&users(&[]), "1"); 100].join(",");
    peer.ask(batch(100), format!("[{answers}]\n"));
    peer.ask(batch(101), line(invalid_request()));
    peer.ask(format!("[{}]", vec!["1"; 101].join(",")), line(invalid_request()));
    probe(&mut peer);
    // On a fresh connection too, which the batch makes 2.0.
    let mut fresh = house.peer();
    fresh.ask(batch(101), line(invalid_request()));
    fresh.ask(SIMPLE, line(users(&[])));
    fresh.finish();
}

#[test]
fn one_2_0_element_makes_a_batch_of_a_classic_array() {
    let house = open();
    let bob = house.member("Bob", &["Bob"]);
    let mut peer = house.peer();
    peer.send(format!(r#"[{},{GET},7]"#, join("Ann")));
    let bad = invalid_request();
    peer.expect(format!("[{bad},{},{bad}]\n", result(&users(&["Bob"]), "1")));
    peer.finish();
    bob.finish();
}

#[test]
fn a_batch_answer_over_the_hard_limit_closes() {
    let limits = Limits { outbox_hard_bytes: 16 * 1024, ..patient() };
    let house = Plan { limits, ..Plan::default() }.open();
    let name = "\u{1f600}".repeat(50);
    let mut bob = house.member(&name, &[&name]);
    let mut eve = house.member("Eve", &[&name, "Eve"]);
    bob.expect(notice("Eve has joined the chat!"));
    // Just under the limit is served whole.
    let one = result(&users(&[&name, "Eve"]), "1");
    let fits = 16 * 1024 / (one.len() + 1);
    eve.ask(
        format!("[{}]", vec![GET; fits].join(",")),
        format!("[{}]\n", vec![one; fits].join(",")),
    );
    eve.send(format!("[{}]", vec![GET; 100].join(",")));
    eve.expect_reset_or_close();
    bob.expect(notice("Eve has left the chat!"));
    bob.ask(SIMPLE, users(&[&name]));
    bob.finish();
}

#[test]
fn classic_members_and_2_0_members_hear_the_same() {
    let house = open();
    let mut old = house.member("Old", &["Old"]);
    let mut new = house.peer();
    new.send(GET);
    new.expect(line(result(&users(&["Old"]), "1")));
    new.send(join("New"));
    new.expect(line(joined_value("New", &["Old", "New"])));
    new.expect(told("system", "Welcome to the chat, New!", "SYSTEM"));
    let mut third = house.member("Third", &["Old", "New", "Third"]);
    third.ask(say("to both"), SENT);
    old.expect([notice("New has joined the chat!"), notice("Third has joined the chat!")].concat());
    old.expect(chat("Third", "to both"));
    new.expect(told("system", "Third has joined the chat!", "SYSTEM"));
    new.expect(told("chat", "to both", "Third"));
    third.finish();
    old.expect(notice("Third has left the chat!"));
    new.expect(told("system", "Third has left the chat!", "SYSTEM"));
    old.finish();
    new.expect(told("system", "Old has left the chat!", "SYSTEM"));
    new.finish();
    // And nobody was in it twice.
    let mut late = house.peer();
    late.ask(join("Late"), joined("Late", &["Late"]));
    late.finish();
}

#[test]
fn the_service_describes_itself() {
    let house = open();
    let mut peer = house.peer();
    let document = document();
    let request = r#"{"jsonrpc":"2.0","method":"rpc.discover","id":1}"#;
    peer.ask(request, line(result(&document, "1")));
    peer.ask(format!("[{request}]"), format!("[{}]\n", result(&document, "1")));
    peer.finish();

    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let described: Vec<&str> = (document["methods"].as_array().unwrap().iter())
        .map(|method| method["name"].as_str().unwrap())
        .collect();
    for method in jsonrpc::service().methods() {
        assert!(described.contains(&method), "{method} is not described");
    }
    assert!(described.iter().all(|name| *name == "rpc.discover" || jsonrpc::service().methods().any(|m| m == *name)));
    let positions = [
        ("join_chat", vec!["username", "room"]),
        ("send_message", vec!["message"]),
        ("get_users", vec!["format"]),
        ("send_private", vec!["to", "message"]),
    ];
    for (name, order) in positions {
        let method = document["methods"].as_array().unwrap().iter().find(|m| m["name"] == name);
        let params = method.unwrap()["params"].as_array().unwrap();
        let names: Vec<&str> = params.iter().map(|param| param["name"].as_str().unwrap()).collect();
        assert_eq!(names, order, "{name}");
    }
}

/// The service's description without the white space between its tokens.
pub(crate) fn document() -> String {
    let text = include_str!("../../src/chat/dialect/openrpc.json");
    let mut compact = String::new();
    let (mut in_string, mut escaped) = (false, false);
    for character in text.chars() {
        if in_string || !character.is_ascii_whitespace() {
            compact.push(character);
        }
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
    }
    compact
}
