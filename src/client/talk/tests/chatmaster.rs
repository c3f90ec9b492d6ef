//! `chatmaster`.

use super::*;
use crate::client::talk::chatmaster::ChatMaster;
use crate::client::url::Door;

const ASKS: &str = r#"{"type":"request","data":{"request":"login"}}"#;
const PASSED: &str =
    r#"{"type":"error","data":{"error_type":"unknown","message":"Unknown command"}}"#;
const SESSION: &str = r#"{"type":"session","data":{"status":1,"channels":["general"]}}"#;

/// What goes out for a request: itself, and the fence.
fn fenced(request: &str) -> String {
    format!(
        "{request}\n{{\"type\":\"command\",\"data\":{{\"command\":\"fence\",\"parameters\":{{}}}}}}"
    )
}

fn command(command: &str, parameters: &str) -> String {
    fenced(&format!(
        r#"{{"type":"command","data":{{"command":"{command}","parameters":{{{parameters}}}}}}}"#
    ))
}

fn came(name: &str, channel: &str) -> String {
    format!(
        r#"{{"type":"notification","data":{{"event_type":"user_joined","username":"{name}","channel":"{channel}"}}}}"#
    )
}

fn error(kind: &str, message: &str) -> String {
    format!(r#"{{"type":"error","data":{{"error_type":"{kind}","message":"{message}"}}}}"#)
}

/// All the lines of some messages.
fn lines(messages: &[&str]) -> String {
    messages.join("\n")
}

fn asked() -> Scene<ChatMaster> {
    let mut scene = Scene::new(ChatMaster::default());
    assert!(!scene.talk.is_ready());
    scene.ignores(ASKS);
    assert!(scene.talk.is_ready());
    scene
}

/// Py, in general.
fn py() -> Scene<ChatMaster> {
    let mut scene = asked();
    let tag = scene.call(join("", "Py"), &command("login", r#""username":"Py""#));
    scene.answers(&lines(&[SESSION, &came("Py", "general"), PASSED]), tag, joined("general", "Py"));
    scene
}

#[test]
fn one_logs_in_and_goes_on_to_the_channel() {
    let mut scene = asked();
    let tag = scene.call(
        join("Google", " Python  Master "),
        &command("login", r#""username":" Python  Master ""#),
    );
    let saying = scene.call(say("Hi"), "");
    scene.ignores(SESSION);
    scene.ignores(&came("Python Master", "general"));
    // Others, one of them with a name that is much alike.
    let event = scene.now_in("general", Happening::Joined { name: "PythonMaster".into() });
    scene.tells(&came("PythonMaster", "general"), event);
    let event = scene.now_in("general", Happening::Joined { name: "Ann".into() });
    scene.tells(&came("Ann", "general"), event);
    scene.asks(PASSED, &command("join", r#""channel":"Google""#));
    let event = scene.now_in("general", message("Ann", "Hello"));
    scene.tells(r#"{"type":"message","data":{"message":"Hello","username":"Ann"}}"#, event);
    scene.ignores(&came("Python Master", "Google"));
    let event = scene.now_in("Google", message("Bob", "Hello"));
    scene.tells(r#"{"type":"message","data":{"message":"Hello","username":"Bob"}}"#, event);
    scene.hear(PASSED);
    scene.heard([Heard::Answer(tag, Ok(joined("Google", "Python Master")))]);
    scene.requests(&fenced(
        r#"{"type":"message","data":{"message":"Hi","username":"Python Master"}}"#,
    ));
    scene.answers(PASSED, saying, said());
}

#[test]
fn a_refused_login_is_told_before_the_connection_ends() {
    let mut scene = asked();
    let tag = scene.call(join("", "Ann"), &command("login", r#""username":"Ann""#));
    let taken = "Username is already taken.";
    let refusal = format!(r#"{{"type":"session","data":{{"status":0,"reason":"{taken}"}}}}"#);
    scene.refuses(&refusal, tag, taken);
    scene.call(join("", "Py"), "");
    scene.asks(PASSED, &command("login", r#""username":"Py""#));
    asked().call_refused(join("Google", ""), refused("A name is needed to join"));
}

#[test]
fn who_is_in_takes_the_name_first_and_then_moves() {
    let mut scene = py();
    let tag = scene.call(join("Google", "P"), &command("rename", r#""username":"P""#));
    scene.ignores(
        r#"{"type":"notification","data":{"event_type":"user_rename","old_username":"Py","new_username":"P"}}"#,
    );
    scene.asks(PASSED, &command("join", r#""channel":"Google""#));
    scene.answers(&lines(&[&came("P", "Google"), PASSED]), tag, joined("Google", "P"));
    for channel in ["", "Google", "google"] {
        let tag = scene.call(join(channel, "P"), "");
        scene.heard([Heard::Answer(tag, Ok(joined("Google", "P")))]);
    }
    let tag = scene.call(join("Den", "Ann"), &command("rename", r#""username":"Ann""#));
    let taken = "Username is already taken.";
    scene.refuses(&error("rename", taken), tag, taken);
    scene.ignores(PASSED);
    let tag = scene.call(Call::Leave, &command("leave", ""));
    scene.answers(&lines(&[&came("P", "general"), PASSED]), tag, joined("general", "P"));
    let tag = scene.call(Call::Leave, &command("leave", ""));
    let words = "You are in the general channel.";
    scene.refuses(&error("leave", words), tag, words);
}

#[test]
fn in_a_crowd_nobody_is_told_to_come() {
    let mut scene = asked();
    let tag = scene.call(join("Google", "Py"), &command("login", r#""username":"Py""#));
    scene.asks(&lines(&[SESSION, PASSED]), &command("join", r#""channel":"Google""#));
    scene.answers(PASSED, tag, joined("Google", "Py"));
    let tag = scene.call(Call::Leave, &command("leave", ""));
    scene.answers(PASSED, tag, joined("general", "Py"));
    let tag = scene.call(join("", ""), "");
    scene.heard([Heard::Answer(tag, Ok(joined("general", "Py")))]);
}

#[test]
fn each_error_finds_its_message() {
    let mut scene = py();
    let speech = |text: &str| {
        fenced(&format!(r#"{{"type":"message","data":{{"message":"{text}","username":"Py"}}}}"#))
    };
    let first = scene.call(say("one"), &speech("one"));
    let second = scene.call(say(""), &speech(""));
    let third = scene.call(
        whisper("Ann", "psst"),
        &fenced(r#"{"type":"message","data":{"message":"psst","username":"Py","to":"Ann"}}"#),
    );
    let event = scene.now_in("general", private("Ann", "psst"));
    scene.tells(
        r#"{"type":"message","data":{"message":"psst","username":"Ann","private":true}}"#,
        event,
    );
    scene.ignores(&error("rename", "Username is required."));
    scene.answers(PASSED, first, said());
    scene.refuses(&error("message", "Message is required."), second, "Message is required.");
    scene.ignores(PASSED);
    scene.answers(PASSED, third, said());
    scene.ignores(PASSED);
}

#[test]
fn channels() {
    let mut scene = py();
    let list = r#"{"type":"notification","data":{"event_type":"channel_list","channels":["general","Google"]}}"#;
    let listing = scene.call(Call::Rooms, &command("channels", ""));
    let hiding = scene.call(Call::SetPrivate { private: true }, &command("private", ""));
    let showing = scene.call(Call::SetPrivate { private: false }, &command("public", ""));
    let rooms = vec![room("general", None, false), room("Google", None, false)];
    scene.answers(list, listing, Answer::Rooms(rooms));
    scene.ignores(list);
    scene.ignores(PASSED);
    scene.answers(list, hiding, Answer::Done);
    scene.ignores(PASSED);
    let words = "Channel cannot be set to public.";
    scene.refuses(&error("public", words), showing, words);
    scene.ignores(PASSED);
    scene.ignores(list);
    let listing = scene.call(Call::Rooms, &command("channels", ""));
    scene.refuses(PASSED, listing, "The server's answer makes no sense");
}

#[test]
fn events() {
    let mut scene = py();
    for (data, channel, what) in [
        (
            r#""user_joined","username":"Ann","channel":"general""#,
            "general",
            Happening::Joined { name: "Ann".into() },
        ),
        (
            r#""user_left","username":"Ann","channel":"Google""#,
            "Google",
            Happening::Left { name: "Ann".into() },
        ),
        (
            r#""user_rename","old_username":"Ann","new_username":"A""#,
            "general",
            Happening::Renamed { old: "Ann".into(), new: "A".into() },
        ),
    ] {
        let event = scene.now_in(channel, what);
        scene.tells(&format!(r#"{{"type":"notification","data":{{"event_type":{data}}}}}"#), event);
    }
    scene.tells(
        r#"{"type":"notification","data":{"event_type":"server_shutdown","message":"Server is shutting down"}}"#,
        Event::Notice { text: "Server is shutting down".into() },
    );
    scene.ignores(&came("Py", "general"));
    scene.ignores(r#"{"type":"notification","data":{"event_type":"user_joined","username":7}}"#);
    scene.ignores(r#"{"type":"notification","data":7}"#);
    scene.ignores(r#"{"type":"fireworks"}"#);
    scene.ignores(SESSION);
    scene.ignores(&error("message", "Message is required."));
}

#[test]
fn renaming() {
    let mut scene = py();
    let tag = scene.call(rename(" P "), &command("rename", r#""username":" P ""#));
    scene.answers(
        &lines(&[
            r#"{"type":"notification","data":{"event_type":"user_rename","old_username":"Py","new_username":"P"}}"#,
            PASSED,
        ]),
        tag,
        Answer::Renamed("P".into()),
    );
    // To the name one has, letter for letter: nobody hears of it.
    let tag = scene.call(rename("P"), &command("rename", r#""username":"P""#));
    scene.answers(PASSED, tag, Answer::Renamed("P".into()));
}

#[test]
fn what_the_door_does_not_have() {
    let mut scene = py();
    let not_offered = |call| CallError::NotOffered { door: Door::ChatMaster, call };
    scene.call_refused(Call::Users, not_offered("list of users"));
    scene.call_refused(Call::History { after: 0, limit: 9 }, not_offered("history"));
    scene.call_refused(log_in("Py"), not_offered("accounts"));
    scene.call_refused(Call::LogOut, not_offered("accounts"));
    let tag = scene.call(Call::Typing, "");
    scene.heard([Heard::Answer(tag, Ok(Answer::Done))]);
}

#[test]
fn a_ping_is_a_fence_without_anything_before_it() {
    let mut scene = asked();
    let tag =
        scene.call(Call::Ping, r#"{"type":"command","data":{"command":"fence","parameters":{}}}"#);
    scene.answers(PASSED, tag, Answer::Pong(Duration::ZERO));
}
