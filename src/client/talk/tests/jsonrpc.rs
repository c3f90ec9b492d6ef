//! `jsonrpc`.

use super::*;
use crate::client::talk::jsonrpc::JsonRpc;
use crate::client::url::Door;

/// An answer to the request of this id.
fn ok(id: u64, rest: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{{"status":"success",{rest}}},"id":{id}}}"#)
}

fn error(id: u64, words: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32000,"message":"{words}"}},"id":{id}}}"#)
}

fn ask(method: &str, params: &str, id: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{params}}},"id":{id}}}"#)
}

fn note(method: &str, message: &str, username: &str) -> String {
    let params = format!(r#"{{"message":"{message}","username":"{username}"}}"#);
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}

fn there(room: &str, name: &str, users: &[&str]) -> Answer {
    let (room, name, users) = (room.into(), name.into(), Some(names(users)));
    Answer::Joined(Joined { room, name, users, ..Joined::default() })
}

/// Let in, and in `tea` as `Alice`.
fn scene() -> Scene<JsonRpc> {
    let mut scene = Scene::new(JsonRpc::default());
    scene.requests(&ask("get_users", r#""format":"simple""#, 1));
    assert!(!scene.talk.is_ready());
    scene.ignores(&ok(1, r#""users":[],"count":0"#));
    assert!(scene.talk.is_ready());
    let request = ask("join_chat", r#""username":"Alice","room":"tea""#, 2);
    let tag = scene.call(join("tea", "Alice"), &request);
    let line = ok(2, r#""message":"Joined chat as Alice","users":["Bob","Alice"]"#);
    scene.answers(&line, tag, there("tea", "Alice", &["Bob", "Alice"]));
    scene
}

#[test]
fn people_talk() {
    let mut scene = scene();
    let text = "Welcome to the chat, Alice!".to_owned();
    scene.tells(&note("system", &text, "SYSTEM"), Event::Notice { text: text.clone() });
    let tag = scene.call(say("Hi"), &ask("send_message", r#""message":"Hi""#, 3));
    scene.answers(&ok(3, r#""message":"Message sent successfully""#), tag, said());
    let request = ask("send_private", r#""to":"Bob","message":"psst""#, 4);
    let tag = scene.call(whisper("Bob", "psst"), &request);
    scene.refuses(&error(4, "User Bob is not in this room"), tag, "User Bob is not in this room");
    for (line, what) in [
        (note("chat", "Hello", "Bob"), message("Bob", "Hello")),
        (note("private", "psst", "Bob"), private("Bob", "psst")),
        (
            note("system", "Bob has left the chat!", "SYSTEM"),
            Happening::Left { name: "Bob".into() },
        ),
        (
            note("system", "Eve has joined the chat!", "SYSTEM"),
            Happening::Joined { name: "Eve".into() },
        ),
        (
            note("system", "Eve is now known as Eva", "SYSTEM"),
            Happening::Renamed { old: "Eve".into(), new: "Eva".into() },
        ),
    ] {
        let event = scene.now_in("tea", what);
        scene.tells(&line, event);
    }
}

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut scene = scene();
    let users = scene.call(Call::Users, &ask("get_users", r#""format":"simple""#, 3));
    let ping = scene.call(Call::Ping, &ask("get_users", r#""format":"simple""#, 4));
    scene.answers(&ok(4, r#""users":[],"count":0"#), ping, Answer::Pong(Duration::ZERO));
    let listed = Answer::Users(names(&["Bob", "Alice"]));
    scene.answers(&ok(3, r#""users":["Bob","Alice"],"count":2"#), users, listed);
    scene.ignores(&ok(3, r#""users":["Bob","Alice"],"count":2"#));
    let text = "Parse error".to_owned();
    let line = r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#;
    scene.tells(line, Event::Notice { text });
}

#[test]
fn one_moves_by_leaving_and_goes_back_when_refused() {
    let mut scene = scene();
    let tag = scene.call(join("den", ""), &ask("leave_chat", "", 3));
    let to_den = |id| ask("join_chat", r#""username":"Alice","room":"den""#, id);
    scene.asks(&ok(3, r#""message":"Left chat successfully""#), &to_den(4));
    let line = ok(4, r#""message":"Joined chat as Alice","users":["Alice"]"#);
    scene.answers(&line, tag, there("den", "Alice", &["Alice"]));
    // Under another name, which is taken.
    let tag = scene.call(rename("Bob"), &ask("leave_chat", "", 5));
    let as_bob = ask("join_chat", r#""username":"Bob","room":"den""#, 6);
    scene.asks(&ok(5, r#""message":"Left chat successfully""#), &as_bob);
    scene.asks(&error(6, "Username already taken"), &to_den(7));
    let line = ok(7, r#""message":"Joined chat as Alice_54321","users":["Alice_54321"]"#);
    scene.refuses_half(&line, tag, "Username already taken", ("den", "Alice_54321"));
    // And there is no way back.
    let tag = scene.call(join("x", ""), &ask("leave_chat", "", 8));
    let to_x = ask("join_chat", r#""username":"Alice_54321","room":"x""#, 9);
    scene.asks(&ok(8, r#""message":"Left chat successfully""#), &to_x);
    let back = ask("join_chat", r#""username":"Alice_54321","room":"den""#, 10);
    scene.asks(&error(9, "Too many rooms"), &back);
    scene.refuses_half(&error(10, "Too many rooms"), tag, "Too many rooms", ("", ""));
    scene.call_refused(rename("Al"), refused("Not in chat"));
}

#[test]
fn what_there_is_no_word_for_is_not_asked() {
    let mut scene = scene();
    let not_offered = |call| CallError::NotOffered { door: Door::JsonRpc, call };
    scene.call_refused(Call::Rooms, not_offered("list of rooms"));
    scene.call_refused(Call::History { after: 0, limit: 1 }, not_offered("history"));
    scene.call_refused(Call::SetPrivate { private: true }, not_offered("private rooms"));
    scene.call_refused(log_in("ann"), not_offered("accounts"));
    scene.call_refused(say(&"x".repeat(65_536)), refused("This is too long for one request"));
    let tag = scene.call(join("tea", "Alice"), "");
    scene.heard([Heard::Answer(tag, Ok(joined("tea", "Alice")))]);
}

#[test]
fn what_is_no_message_of_this_door_ends_it() {
    for line in ["220 mail.example.org", "[]", "{\"id\"", "7"] {
        let mut scene = scene();
        scene.hear(line);
        assert_eq!(scene.out.broken.as_deref(), Some("what came is no JSON object"), "{line}");
    }
    let mut scene = scene();
    for line in ["{}", r#"{"id":"2","result":{}}"#, r#"{"method":"odd"}"#, r#"{"result":7}"#] {
        scene.ignores(line);
    }
}

#[test]
fn another_door_is_known_by_what_it_says_first() {
    for line in [
        r#"{"type":"error","text":"Unknown type"}"#,
        r#"{"type":"request","data":{"request":"login"}}"#,
        r#"{"method":7}"#,
    ] {
        let mut scene = Scene::new(JsonRpc::default());
        scene.hear(line);
        assert_eq!(scene.out.broken.as_deref(), Some("what answers there is another door"));
    }
}
