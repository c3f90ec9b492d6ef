//! `chatmaster` on the wire, byte for byte: text here, compressed packages in `chatmaster_zlib`.

use crate::house::{Plan, Running, open, settings};
use crate::peer::Peer;
use parlance::chat::dialect::{House, Settings};
use parlance::chat::{self, RoomRef};
use parlance::rpc::JsonLimits;

pub(crate) const GREETING: &str = r#"{"type":"request","data":{"request":"login"}}"#;
pub(crate) const LEAVE: &str = r#"{"type":"command","data":{"command":"leave","parameters":{}}}"#;
pub(crate) const CHANNELS: &str =
    r#"{"type":"command","data":{"command":"channels","parameters":{}}}"#;
const PRIVATE: &str = r#"{"type":"command","data":{"command":"private","parameters":{}}}"#;
const PUBLIC: &str = r#"{"type":"command","data":{"command":"public","parameters":{}}}"#;

fn command(name: &str, key: &str, value: &str) -> String {
    format!(
        r#"{{"type":"command","data":{{"command":"{name}","parameters":{{"{key}":"{value}"}}}}}}"#
    )
}

pub(crate) fn login(name: &str) -> String {
    command("login", "username", name)
}

pub(crate) fn rename(name: &str) -> String {
    command("rename", "username", name)
}

pub(crate) fn join(channel: &str) -> String {
    command("join", "channel", channel)
}

/// A message, as it is sent and as it is received.
pub(crate) fn message(text: &str, name: &str) -> String {
    format!(r#"{{"type":"message","data":{{"message":"{text}","username":"{name}"}}}}"#)
}

pub(crate) fn to(name: &str, text: &str) -> String {
    format!(r#"{{"type":"message","data":{{"message":"{text}","to":"{name}"}}}}"#)
}

pub(crate) fn private(text: &str, name: &str) -> String {
    message(text, name).replace("}}", r#","private":true}}"#)
}

pub(crate) fn session(channels: &str) -> String {
    format!(r#"{{"type":"session","data":{{"status":1,"channels":[{channels}]}}}}"#)
}

fn refused(reason: &str) -> String {
    format!(r#"{{"type":"session","data":{{"status":0,"reason":"{reason}"}}}}"#)
}

pub(crate) fn notification(kind: &str, rest: &str) -> String {
    format!(r#"{{"type":"notification","data":{{"event_type":"{kind}",{rest}}}}}"#)
}

pub(crate) fn joined(name: &str, channel: &str) -> String {
    notification("user_joined", &format!(r#""username":"{name}","channel":"{channel}""#))
}

pub(crate) fn left(name: &str, channel: &str) -> String {
    notification("user_left", &format!(r#""username":"{name}","channel":"{channel}""#))
}

pub(crate) fn renamed(old: &str, new: &str) -> String {
    notification("user_rename", &format!(r#""old_username":"{old}","new_username":"{new}""#))
}

pub(crate) fn list(channels: &str) -> String {
    notification("channel_list", &format!(r#""channels":[{channels}]"#))
}

pub(crate) fn error(kind: &str, text: &str) -> String {
    format!(r#"{{"type":"error","data":{{"error_type":"{kind}","message":"{text}"}}}}"#)
}

impl Running<House> {
    /// Somebody who has connected and was greeted.
    #[track_caller]
    pub(crate) fn stranger(&self) -> Peer {
        let mut peer = self.peer_of("chatmaster");
        peer.expect(GREETING);
        peer
    }

    /// Somebody new in `general`, which is the only channel.
    #[track_caller]
    pub(crate) fn user(&self, name: &str) -> Peer {
        let mut peer = self.stranger();
        peer.ask(login(name), [session("\"general\""), joined(name, "general")].concat());
        peer
    }
}

/// Proves that the connection still works and has received nothing since it was last looked at.
#[track_caller]
pub(crate) fn probe(peer: &mut Peer) {
    peer.ask("{}", error("unknown", "Unknown command"));
}

#[test]
fn the_transcript_of_the_protocol() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut py = house.stranger();
    py.ask(
        r#"{"type":"command","data":{"command":"login","parameters":{"username":"PythonMaster2K16"}}}"#,
        concat!(
            r#"{"type":"session","data":{"status":1,"channels":["general"]}}"#,
            r#"{"type":"notification","data":{"event_type":"user_joined","username":"PythonMaster2K16","channel":"general"}}"#
        ),
    );
    bob.expect(joined("PythonMaster2K16", "general"));
    let hello =
        r#"{"type":"message","data":{"message":"Hello World!","username":"PythonMaster2K16"}}"#;
    py.send(hello);
    bob.expect(hello);
    let renamed = r#"{"type":"notification","data":{"event_type":"user_rename","old_username":"PythonMaster2K16","new_username":"Py"}}"#;
    py.ask(
        r#"{"type":"command","data":{"command":"rename","parameters":{"username":"Py"}}}"#,
        renamed,
    );
    bob.expect(renamed);
    py.ask(
        r#"{"type":"command","data":{"command":"join","parameters":{"channel":"Google"}}}"#,
        r#"{"type":"notification","data":{"event_type":"user_joined","username":"Py","channel":"Google"}}"#,
    );
    bob.expect(
        r#"{"type":"notification","data":{"event_type":"user_left","username":"Py","channel":"general"}}"#,
    );
    let both = r#"{"type":"notification","data":{"event_type":"channel_list","channels":["general","Google"]}}"#;
    bob.ask(CHANNELS, both);
    py.ask(r#"{"type":"command","data":{"command":"private","parameters":{}}}"#, both);
    py.ask(r#"{"type":"command","data":{"command":"channels","parameters":{}}}"#, both);
    bob.ask(
        CHANNELS,
        r#"{"type":"notification","data":{"event_type":"channel_list","channels":["general"]}}"#,
    );
    py.ask(
        r#"{"type":"command","data":{"command":"leave","parameters":{}}}"#,
        joined("Py", "general"),
    );
    bob.expect(joined("Py", "general"));
    bob.ask(CHANNELS, list("\"general\""));
    py.finish();
    bob.expect(left("Py", "general"));
    bob.finish();
}

#[test]
fn a_login_that_is_refused_may_be_tried_twice_more() {
    let house = open();
    let mut bob = house.user("Bob");
    let taken = refused("Username is already taken.");
    let mut other = house.stranger();
    other.ask(login("BOB"), &taken);
    other.ask(login("system"), &taken);
    // What is no login does not count as a try.
    for _ in 0..5 {
        other.ask("{}", error("unknown", "Unknown command"));
        other.ask(CHANNELS, error("channels", "Not logged in."));
        other.ask(
            r#"{"type":"command","data":{"command":"login","parameters":{"username":"x","username":"y"}}}"#,
            error("login", "Invalid JSON"),
        );
    }
    other.ask(login("Bobby"), [session("\"general\""), joined("Bobby", "general")].concat());
    bob.expect(joined("Bobby", "general"));
    other.ask(login("Robert"), error("login", "Already logged in."));
    other.finish();
    bob.expect(left("Bobby", "general"));

    let mut last = house.stranger();
    last.ask(login(" "), refused("Username is required."));
    last.ask(login(&"x".repeat(51)), refused("Username is too long."));
    last.send([login("bob"), login("Robert")].concat());
    last.expect(&taken);
    last.expect_close();
    bob.finish();
    // Whoever comes next starts anew.
    let mut next = house.stranger();
    next.ask(login("public"), taken);
    next.ask(login("Robert"), [session("\"general\""), joined("Robert", "general")].concat());
    next.finish();
}

#[test]
fn a_login_without_a_usable_name() {
    let house = open();
    for parameters in [
        "",
        r#","parameters":null"#,
        r#","parameters":[]"#,
        r#","parameters":"Bob""#,
        r#","parameters":{}"#,
        r#","parameters":{"username":null}"#,
        r#","parameters":{"username":["Bob"]}"#,
        r#","parameters":{"username":""}"#,
        r#","parameters":{"name":"Bob"}"#,
    ] {
        let mut peer = house.stranger();
        let login = format!(r#"{{"type":"command","data":{{"command":"login"{parameters}}}}}"#);
        peer.ask(login, refused("Username is required."));
        peer.finish();
    }
}

#[test]
fn nothing_goes_before_the_login() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut guest = house.stranger();
    for name in ["rename", "join", "leave", "private", "public", "channels"] {
        guest.ask(command(name, "username", "x"), error(name, "Not logged in."));
    }
    guest.ask(message("hi", "Bob"), error("message", "Not logged in."));
    guest.ask(to("Bob", "hi"), error("message", "Not logged in."));
    guest.ask(command("dance", "username", "x"), error("unknown", "Unknown command"));
    guest.finish();
    probe(&mut bob);
    bob.finish();
}

#[test]
fn a_name_may_be_changed() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut ann = house.user("Ann");
    bob.expect(joined("Ann", "general"));
    for (name, text) in [
        ("BOB", "Username is already taken."),
        ("public", "Username is already taken."),
        ("\\u200b", "Username is required."),
        (&"x".repeat(51), "Username is too long."),
    ] {
        ann.ask(rename(name), error("rename", text));
    }
    // The name it is already: done, and nothing happened.
    ann.send(rename(" Ann "));
    probe(&mut ann);
    ann.ask(rename("ANN"), renamed("Ann", "ANN"));
    bob.expect(renamed("Ann", "ANN"));
    // The name inside a message is not the client's to choose.
    ann.send(message("hi", "Bob"));
    bob.expect(message("hi", "ANN"));
    ann.send(r#"{"type":"message","data":{"message":"hi"}}"#);
    bob.expect(message("hi", "ANN"));
    bob.send(
        r#"{"data":{"username":1,"message":"\u0007 \"q\"\\"},"type":"mess\u0061ge","x":[{}]}"#,
    );
    ann.expect(message(r#"\u0007 \"q\"\\"#, "Bob"));
    ann.finish();
    bob.expect(left("ANN", "general"));
    bob.finish();
}

#[test]
fn messages_have_their_bounds() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut ann = house.user("Ann");
    bob.expect(joined("Ann", "general"));
    let longest = "\u{1f600}".repeat(1000);
    ann.send(message(&longest, ""));
    bob.expect(message(&longest, "Ann"));
    ann.ask(message(&"x".repeat(1001), ""), error("message", "Message is too long."));
    for data in [
        "",
        r#","data":null"#,
        r#","data":"hi""#,
        r#","data":["hi"]"#,
        r#","data":{}"#,
        r#","data":{"message":null}"#,
        r#","data":{"message":1}"#,
        r#","data":{"message":{"text":"hi"}}"#,
        r#","data":{"message":""}"#,
        r#","data":{"message":" \n\u3000"}"#,
    ] {
        let request = format!(r#"{{"type":"message"{data}}}"#);
        ann.ask(request, error("message", "Message is required."));
    }
    ann.ask(
        r#"{"type":"message","data":{"message":"a","message":"b"}}"#,
        error("message", "Invalid JSON"),
    );
    probe(&mut bob);
    probe(&mut ann);
}

#[test]
fn private_messages_reach_one_member_of_the_channel() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut ann = house.user("Ann");
    bob.expect(joined("Ann", "general"));
    let mut eve = house.user("Eve");
    bob.expect(joined("Eve", "general"));
    ann.expect(joined("Eve", "general"));
    ann.send(to("BOB", "psst"));
    bob.expect(private("psst", "Ann"));
    bob.ask(to("Bob", "note"), private("note", "Bob"));
    ann.ask(to("Nobody ", "hi"), error("message", "User Nobody is not in this channel."));
    // What was meant for one is not told to all.
    for to in ["\"\"", "null", "1", "[\"Bob\"]", "{}"] {
        let request = format!(r#"{{"type":"message","data":{{"message":"hi","to":{to}}}}}"#);
        ann.ask(request, error("message", "Username is required."));
    }
    ann.ask(to("Bob", ""), error("message", "Message is required."));
    eve.ask(join("Google"), joined("Eve", "Google"));
    bob.expect(left("Eve", "general"));
    ann.expect(left("Eve", "general"));
    eve.ask(to("bob", "hi"), error("message", "User Bob is not in this channel."));
    for peer in [&mut bob, &mut ann, &mut eve] {
        probe(peer);
    }
}

#[test]
fn channels_come_and_go() {
    let house = open();
    let mut bob = house.user("Bob");
    bob.ask(LEAVE, error("leave", "You are in the general channel."));
    bob.ask(command("join", "name", "x"), error("join", "Channel name is required."));
    bob.ask(join(" \\t"), error("join", "Channel name is required."));
    bob.ask(join(&"x".repeat(51)), error("join", "Channel name is too long."));
    // Where one is already: done, and nothing happened.
    bob.send(join("GENERAL"));
    probe(&mut bob);
    bob.ask(join(" Chuck  Norris "), joined("Bob", "Chuck Norris"));
    bob.ask(CHANNELS, list(r#""general","Chuck Norris""#));
    let id = house.ask(|house, _| {
        let room = house.chat.find_room(RoomRef::Name("chuck norris")).expect("a room");
        house.chat.room(room).expect("a room").id.to_owned()
    });
    let mut ann = house.stranger();
    let channels = session(r#""general","Chuck Norris""#);
    ann.ask(login("Ann"), [channels, joined("Ann", "general")].concat());
    ann.ask(join(&id), joined("Ann", "Chuck Norris"));
    bob.expect(joined("Ann", "Chuck Norris"));
    bob.ask(join("Google"), joined("Bob", "Google"));
    ann.expect(left("Bob", "Chuck Norris"));
    ann.ask(CHANNELS, list(r#""general","Chuck Norris","Google""#));
    ann.ask(LEAVE, joined("Ann", "general"));
    ann.ask(CHANNELS, list(r#""general","Google""#));
    ann.finish();
    bob.finish();
}

#[test]
fn a_channel_is_made_private_by_its_creator() {
    let house = open();
    let mut bob = house.user("Bob");
    bob.ask(PRIVATE, error("private", "Channel cannot be set to private."));
    bob.ask(PUBLIC, error("public", "Channel cannot be set to public."));
    bob.ask(join("den"), joined("Bob", "den"));
    let both = list(r#""general","den""#);
    bob.ask(PRIVATE, &both);
    bob.ask(PRIVATE, &both);
    let mut ann = house.user("Ann");
    ann.ask(CHANNELS, list("\"general\""));
    // Whoever knows its name may come in, and then sees it listed.
    ann.ask(join("den"), joined("Ann", "den"));
    bob.expect(joined("Ann", "den"));
    ann.ask(CHANNELS, &both);
    for (name, request) in [("private", PRIVATE), ("public", PUBLIC)] {
        ann.ask(request, error(name, "Only the channel's creator can do that."));
    }
    // Once the creator has gone, any member may.
    bob.ask(LEAVE, joined("Bob", "general"));
    ann.expect(left("Bob", "den"));
    bob.ask(CHANNELS, list("\"general\""));
    ann.ask(PUBLIC, &both);
    bob.ask(CHANNELS, &both);
    ann.finish();
    bob.finish();
}

#[test]
fn bad_input_is_an_error_and_no_end() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut ann = house.user("Ann");
    bob.expect(joined("Ann", "general"));
    let invalid = error("unknown", "Invalid JSON");
    for bad in [
        "{]",
        "{\"type\":\"message\",}",
        "{\"type\":\"message\",\"type\":\"message\"}",
        r#"{"type":"message","data":{"message":"\ud800"}}"#,
        r#"{"type":"command","data":{"command":"leave","command":"leave"}}"#,
        "oops\n",
        "\u{1f600} {}\n",
        "X\n",
        &format!("{}{}", "[".repeat(65), "]".repeat(65)),
    ] {
        ann.ask(bad, &invalid);
        probe(&mut ann);
    }
    ann.ask(b"{\"type\":\"message\",\"data\":{\"message\":\"\xff\"}}", &invalid);
    let unknown = error("unknown", "Unknown command");
    for odd in [
        "{}",
        "[]",
        "[{\"type\":\"message\"}]",
        r#"{"type":null}"#,
        r#"{"type":"MESSAGE","data":{"message":"hi"}}"#,
        r#"{"type":"session","data":{"status":1}}"#,
        r#"{"type":"command"}"#,
        r#"{"type":"command","data":[]}"#,
        r#"{"type":"command","data":{"command":null}}"#,
        r#"{"type":"command","data":{"command":"Leave"}}"#,
        r#"{"command":"leave","parameters":{}}"#,
    ] {
        ann.ask(odd, &unknown);
    }
    probe(&mut bob);
    ann.finish();
    bob.expect(left("Ann", "general"));
    bob.finish();
}

#[test]
fn what_cannot_be_trusted_ends_the_connection() {
    let json = JsonLimits { frame_bytes: 200, ..JsonLimits::default() };
    let house = Plan { dialect: Settings { json, ..settings() }, ..Plan::default() }.open();
    let mut bob = house.user("Bob");
    let mut ann = house.user("Ann");
    bob.expect(joined("Ann", "general"));
    ann.ask(message(&"x".repeat(200), ""), error("unknown", "Package is too long."));
    ann.expect_close();
    bob.expect(left("Ann", "general"));
    let mut page = house.stranger();
    page.ask("POST / HTTP/1.1\r\n\r\n{}", error("unknown", "Invalid JSON"));
    page.expect_close();
    bob.finish();
}

#[test]
fn there_may_be_too_many_rooms() {
    let chat =
        chat::Settings { rooms_max: 2, default_room: "Hall".to_owned(), ..Default::default() };
    let house = Plan { chat, ..Plan::default() }.open();
    let mut ann = house.stranger();
    ann.ask(login("Ann"), [session("\"Hall\""), joined("Ann", "Hall")].concat());
    ann.ask(LEAVE, error("leave", "You are in the Hall channel."));
    ann.ask(join("one"), joined("Ann", "one"));
    let mut bob = house.stranger();
    bob.ask(login("Bob"), [session(r#""Hall","one""#), joined("Bob", "Hall")].concat());
    bob.ask(join("two"), error("join", "Too many rooms"));
    bob.ask(join("one"), joined("Bob", "one"));
    ann.expect(joined("Bob", "one"));
    ann.finish();
    bob.expect(left("Ann", "one"));
    bob.finish();
}

#[test]
fn packages_may_arrive_in_any_pieces() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut ann = house.stranger();
    ann.send_slowly(login("Ann"));
    ann.expect([session("\"general\""), joined("Ann", "general")].concat());
    bob.expect(joined("Ann", "general"));
    ann.send(["\r\n ", &message("1", ""), &message("2", ""), "\n\n", &message("3", "")].concat());
    bob.expect(["1", "2", "3"].map(|text| message(text, "Ann")).concat());
    ann.finish();
}
