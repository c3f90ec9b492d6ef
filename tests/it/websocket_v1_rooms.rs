//! `parlance.v1`: rooms that are made, hidden and left, and who hears of it.

use std::time::Instant;

use crate::frames::masked;
use crate::house::{Running, open, until};
use crate::websocket_v1::{
    client, described, entered, error, listed, member, named, presence, room,
};
use crate::ws_peer::untimed;
use parlance::chat::RoomRef;
use parlance::chat::dialect::House;

#[test]
fn rooms_are_made_and_listed() {
    let house = open();
    let mut ann = member(&house, "Ann", &["Ann"], 1);
    let mut bob = named(&house, "Bob");
    ann.send(r#"{"action":"create","body":"Den","id":1}"#);
    let (den, _) = room_soon(&house, "Den");
    let den_as_made = described(&house, "Den", false, 1);
    ann.expect(format!(
        r#"{{"status":"success","action":"create","id":1,{den_as_made},"users":["Ann"]}}"#
    ));
    // In a room or in none, everybody hears how the list changes.
    ann.expect_timed(listed("room_opened", "Den", &den));
    bob.expect_timed(listed("room_opened", "Den", &den));
    let general = room(&house, "general").0;
    bob.ask(
        r#"{"action":"rooms"}"#,
        format!(
            concat!(
                r#"{{"status":"success","action":"rooms","rooms":["#,
                r#"{{"room_id":"{}","room":"general","private":false,"count":0}},"#,
                r#"{{"room_id":"{}","room":"Den","private":false,"count":1}}]}}"#
            ),
            general, den
        ),
    );
    bob.ask(
        format!(r#"{{"action":"join","body":{{"room_id":"{den}"}}}}"#),
        entered(&house, "join", "Den", &["Ann", "Bob"], 2),
    );
    ann.expect_timed(presence("joined", "Den", 2, "Bob"));

    // Private: its members hear that, the others that it has gone.
    let mut cid = named(&house, "Cid");
    bob.ask(
        r#"{"action":"room","body":{"private":true}}"#,
        error("room", "Only the room's creator can do that"),
    );
    let changed = |private| {
        format!(r#"{{"event":"room_changed","room":"Den","private":{private},"timestamp":"…"}}"#)
    };
    ann.ask(
        r#"{"action":"room","body":{"private":true}}"#,
        format!(r#"{{"status":"success","action":"room",{}}}"#, described(&house, "Den", true, 2)),
    );
    bob.expect_timed(changed(true));
    for peer in [&mut ann, &mut bob, &mut cid] {
        peer.expect_timed(listed("room_closed", "Den", &den));
    }
    cid.ask(
        r#"{"action":"rooms"}"#,
        format!(
            r#"{{"status":"success","action":"rooms","rooms":[{{"room_id":"{general}","room":"general","private":false,"count":0}}]}}"#
        ),
    );
    bob.ask(
        r#"{"action":"room"}"#,
        format!(r#"{{"status":"success","action":"room",{}}}"#, described(&house, "Den", true, 2)),
    );
    ann.ask(r#"{"action":"leave"}"#, r#"{"status":"success","action":"leave","room":"Den"}"#);
    bob.expect_timed(presence("left", "Den", 3, "Ann"));
    // The creator has gone: now any member may.
    bob.ask(
        r#"{"action":"room","body":{"private":false}}"#,
        format!(r#"{{"status":"success","action":"room",{}}}"#, described(&house, "Den", false, 3)),
    );
    for peer in [&mut ann, &mut bob, &mut cid] {
        peer.expect_timed(listed("room_opened", "Den", &den));
    }
    drop(bob);
    for peer in [&mut ann, &mut cid] {
        peer.expect_timed(listed("room_closed", "Den", &den));
    }
    ann.finish();
    cid.finish();
}

/// A room that is being made.
fn room_soon(house: &Running<House>, name: &'static str) -> (String, String) {
    until(|| house.ask(move |house, _| house.chat.find_room(RoomRef::Name(name)).is_ok()));
    room(house, name)
}

#[test]
fn changes_that_undo_each_other_are_not_told() {
    let house = open();
    let (mut idle, _) = client(&house);
    let mut ann = named(&house, "Ann");
    // All in one write, so in less time than changes wait, unless the machine is very slow.
    let request = |body: &str| masked(0x81, body.as_bytes());
    let mut requests = Vec::new();
    for number in 0..50 {
        requests.extend(request(&format!(r#"{{"action":"create","body":"room {number}"}}"#)));
    }
    let began = Instant::now();
    ann.peer.send(requests);
    let last = room_soon(&house, "room 49").0;
    let last = listed("room_opened", "room 49", &last);
    let mut told = 1;
    while untimed(&idle.take()) != last {
        told += 1;
    }
    // Each time one room at most has come, and one that was told of before has gone.
    let times = 1 + began.elapsed().as_millis() / 100;
    assert!(told < 2 * times, "told {told} changes in {times} times");
    idle.finish();
}

#[test]
fn a_private_room_is_made_unheard() {
    let house = open();
    let (mut idle, _) = client(&house);
    let mut ann = named(&house, "Ann");
    ann.send(r#"{"action":"create","body":{"name":"Cellar","private":true}}"#);
    room_soon(&house, "Cellar");
    let den_as_made = described(&house, "Cellar", true, 1);
    ann.expect(format!(
        r#"{{"status":"success","action":"create",{den_as_made},"users":["Ann"]}}"#
    ));
    ann.send(r#"{"action":"rooms"}"#);
    assert!(ann.take().contains(r#""room":"Cellar","private":true,"count":1}]"#));
    idle.send(r#"{"action":"rooms"}"#);
    assert!(!idle.take().contains("Cellar"));
    // Whoever knows its name may come in.
    let mut bob = named(&house, "Bob");
    bob.send(r#"{"action":"join","body":{"room":"cellar"}}"#);
    assert!(bob.take().ends_with(r#""seq":2,"users":["Ann","Bob"]}"#));
    bob.send(r#"{"action":"create","body":"Attic"}"#);
    let attic = room_soon(&house, "Attic").0;
    idle.expect_timed(listed("room_opened", "Attic", &attic));
    idle.finish();
}
