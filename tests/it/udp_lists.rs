//! `udp`: answers that have to fit a datagram.

use parlance::chat::dialect::House;
use parlance::chat::dialect::udp::UdpSettings;
use serde_json::Value;

use crate::house::{Plan, Running};
use crate::ndjson::system;
use crate::udp::{ack_seq, open_with, say};
use crate::udp_peer::UdpPeer;

/// The least that may be configured.
const BYTES: usize = 1024;

fn narrow() -> Running<House> {
    open_with(UdpSettings { datagram_bytes: BYTES, ..UdpSettings::default() })
}

/// The answer to a request, and how long it is.
#[track_caller]
fn ask(peer: &mut UdpPeer, request: &str) -> (Value, usize) {
    peer.send(request);
    let answer = peer.take();
    (serde_json::from_str(&answer).expect("JSON"), answer.len())
}

#[track_caller]
fn names(answer: &Value, key: &str) -> Vec<String> {
    let names = answer[key].as_array().expect("a list").iter();
    names.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn lists_that_are_too_long_are_cut_and_say_so() {
    let house = narrow();
    let name = |number: usize| format!("{number:02}{}", "x".repeat(38));
    let mut ann = house.peer_in("den", &name(0), 1);
    let mut others = Vec::new();
    for number in 1..40 {
        let mut other = house.datagrams();
        other.send(crate::udp::join(1, "den", &name(number)));
        other.take();
        others.push(other);
        ann.hears(system("den", &format!("{} joined", name(number)), number as u64 + 1));
        let (users, bytes) = ask(&mut ann, r#"{"type":"users","id":2}"#);
        let listed = names(&users, "users");
        let all: Vec<String> = (0..=number).map(name).collect();
        assert!(bytes <= BYTES);
        if users["truncated"] == true {
            assert!(all.starts_with(&listed) && listed.len() < all.len());
            // Another one would not have fitted.
            assert!(bytes + name(0).len() + 3 > BYTES, "{bytes}");
        } else {
            assert_eq!(listed, all);
        }
    }
    let (users, _) = ask(&mut ann, r#"{"type":"users","id":2}"#);
    assert_eq!(users["truncated"], true);

    for (number, other) in (0..).zip(&mut others) {
        // A room each.
        other.send(format!(r#"{{"type":"join","id":2,"room":"{}"}}"#, name(number)));
        let own = format!(r#"{{"type":"system","room":"{}""#, name(number));
        while !other.take().starts_with(&own) {}
    }
    let (rooms, bytes) = ask(&mut others[0], r#"{"type":"rooms","id":3}"#);
    assert!(bytes <= BYTES && rooms["truncated"] == true, "{rooms}");
    let listed = names(&rooms, "rooms");
    assert_eq!(listed[..2], ["general", "den"]);
    assert_eq!(listed[2..], (0..listed.len() - 2).map(name).collect::<Vec<_>>());
}

/// Pages through a room's history from `after` on; gives all events.
#[track_caller]
fn page_through(peer: &mut UdpPeer, mut after: u64, truncated: bool) -> Vec<Value> {
    let mut all = Vec::new();
    for page in 0.. {
        let request = format!(r#"{{"type":"history","id":{page},"after":{after}}}"#);
        let (answer, bytes) = ask(peer, &request);
        assert!(bytes <= BYTES, "{bytes}");
        // What has been forgotten is told once, what did not fit is told never.
        assert_eq!(answer["truncated"] == true, truncated && page == 0, "{answer}");
        let events = answer["messages"].as_array().expect("events");
        let Some(last) = events.last() else { break };
        after = last["seq"].as_u64().expect("a seq");
        all.extend(events.iter().cloned());
    }
    all
}

#[test]
fn a_history_is_paged_through() {
    let house = narrow();
    let mut ann = house.peer_in("den", "Ann", 1);
    let text = |seq: u64| format!("{seq}{}", "é".repeat(seq as usize % 97));
    for seq in 2..100 {
        ann.is_told(say(seq as i64, &text(seq)), ack_seq(seq as i64, seq));
    }
    for after in [0, 1, 50, 98, 99, 1000] {
        let events = page_through(&mut ann, after, false);
        let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (after + 1..100).collect::<Vec<_>>());
        for event in events.iter().filter(|event| event["type"] == "message") {
            assert_eq!(event["text"], text(event["seq"].as_u64().unwrap()));
        }
    }
    let (answer, _) = ask(&mut ann, r#"{"type":"history","id":1,"after":5,"limit":2}"#);
    assert_eq!(answer["messages"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_forgotten_is_told_though_the_answer_is_cut() {
    let mut plan = Plan::default();
    plan.dialect.udp.datagram_bytes = BYTES;
    plan.chat.history_events_max = 20;
    let house = plan.open();
    let mut ann = house.peer_in("den", "Ann", 1);
    for seq in 2..60 {
        ann.is_told(say(seq as i64, &"x".repeat(100)), ack_seq(seq as i64, seq));
    }
    let events = page_through(&mut ann, 0, true);
    assert_eq!((events.len(), &events[0]["seq"]), (20, &Value::from(40)));
}

#[test]
fn an_event_too_long_for_a_datagram_leaves_a_hole_and_a_mark_in_the_history() {
    let mut plan = Plan::default();
    plan.limits.datagram_bytes = BYTES;
    plan.dialect.udp.datagram_bytes = BYTES;
    let house = plan.open();
    let mut ann = house.peer_in("den", "Ann", 1);
    let mut bob = house.guest_in("den", "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    // As an event: what is written here besides has this many bytes.
    let frame = crate::ndjson::message("den", "Bob", "", 3).len() - "…".len() + 24;
    for (seq, bytes) in (3..).zip([10, BYTES - frame, BYTES - frame + 1, 1000, 10]) {
        bob.tells(crate::ndjson::say(&"x".repeat(bytes)));
        bob.pings();
        if seq != 5 && seq != 6 {
            ann.hears(crate::ndjson::message("den", "Bob", &"x".repeat(bytes), seq));
        }
    }
    let events = page_through(&mut ann, 2, false);
    let shown: Vec<(u64, bool)> = events
        .iter()
        .map(|event| (event["seq"].as_u64().unwrap(), event["too_long"] == true))
        .collect();
    // The second fits a datagram by itself, and not where it stands in an answer.
    assert_eq!(shown, [(3, false), (4, true), (5, true), (6, true), (7, false)]);
    let (answer, _) = ask(&mut ann, r#"{"type":"history","id":1,"after":3,"limit":1}"#);
    let mark = &answer["messages"][0];
    let keys: Vec<&String> = mark.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 6, "{mark}");
    assert_eq!((&mark["user"], &mark["room"]), (&"Bob".into(), &"den".into()));
    assert!(mark.get("text").is_none());
}
