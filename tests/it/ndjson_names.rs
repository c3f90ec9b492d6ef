//! `ndjson`: what is a name and a text, which room is meant, and every error about them.

use crate::house::{Plan, open};
use crate::ndjson::{ROOMS, USERS, error, join, message, say, system};
use parlance::chat::{self, Join, RoomRef, Timestamp};

#[test]
fn a_message_may_name_its_room_and_no_other() {
    let house = open();
    let mut ann = house.guest_in("Den", "Ann", 1);
    let mut bob = house.guest_in("Den", "Bob", 2);
    ann.hears(system("Den", "Bob joined", 2));
    let id = house.ask(|house, _| {
        let room = house.chat.find_room(RoomRef::Name("den")).unwrap();
        house.chat.room(room).unwrap().id.to_owned()
    });
    for (seq, room) in (3..).zip(["Den", "den", " DEN\\t", "Ｄen", &id]) {
        ann.tells(format!(r#"{{"type":"message","room":"{room}","text":"{seq}"}}"#));
        bob.hears(message("Den", "Ann", &seq.to_string(), seq));
    }
    let too_long = format!("\"{}\"", "x".repeat(51));
    for room in [r#""general""#, r#""nowhere""#, r#""""#, r#"" ""#, "null", "1", "[]", &too_long] {
        let request = format!(r#"{{"type":"message","room":{room},"text":"x"}}"#);
        ann.is_told(request, error("Not in that room"));
        // The room is looked at before the rest.
        let request = format!(r#"{{"type":"message","room":{room},"to":"Cid","text":""}}"#);
        ann.is_told(request, error("Not in that room"));
    }
    // A room is meant by its name first, then by its id.
    let mut cid = house.guest();
    cid.is_told(join(&id, "Cid"), system("Den", "Cid joined", 8));
    ann.hears(system("Den", "Cid joined", 8));
    bob.hears(system("Den", "Cid joined", 8));
    for peer in [&mut ann, &mut bob, &mut cid] {
        peer.pings();
    }
}

#[test]
fn nothing_goes_before_a_join() {
    let house = open();
    let mut peer = house.guest();
    for kind in ["message", "leave", "rooms", "users", "history", "ping"] {
        peer.is_told(format!(r#"{{"type":"{kind}"}}"#), error("Join first"));
        let answer = r#"{"type":"error","id":7,"text":"Join first"}"#;
        peer.is_told(format!(r#"{{"type":"{kind}","id":7,"text":"x"}}"#), answer);
    }
    peer.is_told(r#"{"type":"nope"}"#, error("Unknown type"));
    peer.is_told(join("general", "Ann"), system("general", "Ann joined", 1));
    peer.finish();
}

#[test]
fn names_are_checked_room_first() {
    let house = open();
    let _ann = house.guest_in("general", "Ann", 1);
    house.ask(|house, _| house.chat.register_account("Harper")).unwrap();
    let long = "x".repeat(51);
    let mut peer = house.guest();
    for (fields, why) in [
        (String::new(), "Room is required"),
        (r#","user":"Bob""#.into(), "Room is required"),
        (r#","room":"","user":"Bob""#.into(), "Room is required"),
        (r#","room":"\u200b \n","user":"""#.into(), "Room is required"),
        (r#","room":5,"user":"Bob""#.into(), "Room is required"),
        (r#","room":null"#.into(), "Room is required"),
        (format!(r#","room":"{long}""#), "Name too long"),
        (r#","room":"den""#.into(), "User is required"),
        (r#","room":"den","user":"""#.into(), "User is required"),
        (r#","room":"den","user":" \t\u0000""#.into(), "User is required"),
        (r#","room":"den","user":["Bob"]"#.into(), "User is required"),
        (r#","room":"den","user":null"#.into(), "User is required"),
        (format!(r#","room":"den","user":"{long}""#), "Name too long"),
        (r#","room":"den","user":"ann""#.into(), "Name already taken"),
        (r#","room":"den","user":"Ａnn""#.into(), "Name already taken"),
        (r#","room":"den","user":"system""#.into(), "Name already taken"),
        (r#","room":"den","user":"PUBLIC""#.into(), "Name already taken"),
        (r#","room":"den","user":"harper""#.into(), "Name already taken"),
    ] {
        peer.is_told(format!(r#"{{"type":"join"{fields}}}"#), error(why));
        let answer = format!(r#"{{"type":"error","id":3,"text":"{why}"}}"#);
        peer.is_told(format!(r#"{{"type":"join","id":3{fields}}}"#), answer);
    }
    // None of these made the room or left a name behind.
    peer.tells(join(" the \\\"den\\\" ", "Bo\\tb \\\\"));
    peer.hears(system(r#"the \"den\""#, r"Bo b \\ joined", 1));
    peer.is_told(ROOMS, r#"{"type":"rooms","rooms":["general","the \"den\""]}"#);
    let longest = "é".repeat(50);
    peer.is_told(join(&longest, &longest), system(&longest, &format!("{longest} joined"), 1));
    peer.finish();
}

#[test]
fn texts_are_1_to_1000_characters_and_delivered_as_sent() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    let mut bob = house.guest_in("den", "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    for text in ["\"\"", "\" \"", r#""\n\t\u3000""#, "null", "1", "true", "[\"x\"]", "{}"] {
        let request = format!(r#"{{"type":"message","text":{text}}}"#);
        ann.is_told(request, error("Text is required"));
    }
    ann.is_told(r#"{"type":"message"}"#, error("Text is required"));
    ann.is_told(say(&"😀".repeat(1001)), error("Text too long"));
    let longest = "😀".repeat(1000);
    for (seq, (sent, shown)) in (3..).zip([
        (" two  spaces ", " two  spaces "),
        (r#"\"\\\/\b\f\n\r\t\u0000\u001f\u007f"#, "\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}"),
        (r"\u00e9 \ud83d\ude00 \u2028 é 😀", "é 😀 \u{2028} é 😀"),
        (r#"{\"type\":\"leave\"}"#, r#"{\"type\":\"leave\"}"#),
        (longest.as_str(), longest.as_str()),
    ]) {
        ann.tells(say(sent));
        bob.hears(message("den", "Ann", shown, seq));
    }
    ann.pings();
    bob.pings();
}

#[test]
fn there_may_be_too_many_rooms() {
    let chat = chat::Settings { rooms_max: 2, ..chat::Settings::default() };
    let house = Plan { chat, ..Plan::default() }.open();
    let mut ann = house.guest_in("one", "Ann", 1);
    let mut bob = house.guest();
    bob.is_told(join("two", "Bob"), error("Too many rooms"));
    bob.is_told(join("one", "Bob"), system("one", "Bob joined", 2));
    ann.hears(system("one", "Bob joined", 2));
    bob.is_told(join("two", "Bob"), error("Too many rooms"));
    ann.pings();
    bob.pings();
}

#[test]
fn private_rooms_are_listed_for_their_members_alone() {
    let house = open();
    let mut ann = house.guest_in("general", "Ann", 1);
    house.ask(|house, fx| {
        let (now, mut events) = (Timestamp(fx.unix_ms()), Vec::new());
        let owner = house.chat.open(0);
        let room = RoomRef::New { name: "attic", private: true };
        let join = Join { name: Some("Owner"), room, create: true };
        house.chat.join(owner, join, now, &mut events).unwrap();
        let room = house.chat.create_room(None, "cellar", false, now, &mut events).unwrap();
        assert!(house.chat.room(room).is_some());
    });
    ann.is_told(ROOMS, r#"{"type":"rooms","rooms":["general","cellar"]}"#);
    // Whoever knows its name may join it, and then sees it.
    ann.is_told(join("attic", "Ann"), system("attic", "Ann joined", 2));
    ann.is_told(ROOMS, r#"{"type":"rooms","rooms":["general","attic","cellar"]}"#);
    ann.is_told(USERS, r#"{"type":"users","room":"attic","users":["Owner","Ann"]}"#);
    ann.finish();
}
