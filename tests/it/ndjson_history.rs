//! `ndjson`: what a room remembers, and how a client comes to know all of it.

use crate::house::{Plan, open, say as say_classic};
use crate::ndjson::{HISTORY, history, join, message, say, system};
use crate::peer::Peer;
use parlance::chat;

impl Peer {
    /// The answer to a request for history, between `messages` and its end, as it stands.
    #[track_caller]
    fn recalls(&mut self, fields: &str) -> (String, bool) {
        self.tells(format!(r#"{{"type":"history"{fields}}}"#));
        let line = self.line();
        let (_, events) = line.split_once(r#","messages":["#).expect("messages");
        match events.strip_suffix(r#"],"truncated":true}"#) {
            Some(events) => (events.to_owned(), true),
            None => (events.strip_suffix("]}").expect("an end").to_owned(), false),
        }
    }

    /// The `seq`s of such an answer.
    #[track_caller]
    fn recalls_seqs(&mut self, fields: &str) -> (Vec<u64>, bool) {
        let (events, truncated) = self.recalls(fields);
        let seqs = events.split(r#""seq":"#).skip(1).map(|rest| {
            let end = rest.find(',').expect("a timestamp behind it");
            rest[..end].parse().expect("a number")
        });
        (seqs.collect(), truncated)
    }
}

#[test]
fn history_holds_the_events_as_they_were_sent() {
    let house = open();
    let mut ann = house.guest();
    ann.tells(join("den", "Ann"));
    let mut sent = vec![ann.line()];
    let mut bob = house.guest_in("den", "Bob", 2);
    sent.push(ann.line());
    bob.tells(say(r#"\"quoted\" \u0007 é"#));
    sent.push(ann.line());
    bob.hears_own(r#"{"type":"join","user":"Bert"}"#);
    sent.push(ann.line());
    let mut cid = house.peer();
    cid.send(crate::house::join_room("Cid", "den"));
    sent.push(ann.line());
    cid.send(say_classic("from another door"));
    sent.push(ann.line());
    drop(bob);
    sent.push(ann.line());
    assert_eq!(ann.recalls(""), (sent.join(","), false));
    assert_eq!(ann.recalls(r#","after":0,"limit":200"#), (sent.join(","), false));
    assert_eq!(ann.recalls(r#","after":5"#), (sent[5..].join(","), false));
    assert_eq!(ann.recalls(r#","after":1,"limit":2"#), (sent[1..3].join(","), false));
}

impl Peer {
    /// Sends a line and reads one, whatever it says.
    #[track_caller]
    fn hears_own(&mut self, line: &str) {
        self.tells(line);
        self.line();
    }
}

#[test]
fn a_client_pages_through_what_it_missed() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    for text in 2..=25 {
        ann.tells(say(&text.to_string()));
    }
    ann.pings();
    // Somebody who comes later reads what was there before, too.
    let mut bob = house.guest_in("den", "Bob", 26);
    let mut got = Vec::new();
    loop {
        let after = got.last().copied().unwrap_or(0);
        let (page, truncated) = bob.recalls_seqs(&format!(r#","after":{after},"limit":10"#));
        assert!(!truncated, "a cut by the limit is none of the history");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 10);
        got.extend(page);
    }
    assert_eq!(got, (1..=26).collect::<Vec<u64>>());
    // What is not there yet, and what is no count.
    for after in ["26", "27", "18446744073709551615"] {
        assert_eq!(bob.recalls_seqs(&format!(r#","after":{after}"#)), (vec![], false));
    }
    for fields in [r#","after":-5"#, r#","after":null,"limit":"ten""#, r#","limit":-1"#] {
        assert_eq!(bob.recalls_seqs(fields).0.len(), 26, "{fields}");
    }
    assert_eq!(bob.recalls_seqs(r#","limit":0"#), (vec![], false));
}

#[test]
fn what_is_no_longer_kept_is_told() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    for text in 2..=200 {
        ann.tells(say(&text.to_string()));
    }
    assert_eq!(ann.recalls_seqs(""), ((1..=200).collect(), false));
    ann.tells(say("one more"));
    assert_eq!(ann.recalls_seqs(""), ((2..=201).collect(), true));
    assert_eq!(ann.recalls_seqs(r#","limit":3"#), (vec![2, 3, 4], true));
    assert_eq!(ann.recalls_seqs(r#","limit":0"#), (vec![], true));
    assert_eq!(ann.recalls_seqs(r#","after":1"#), ((2..=201).collect(), false));
    assert_eq!(ann.recalls_seqs(r#","after":199"#), (vec![200, 201], false));
}

#[test]
fn an_answer_has_200_events_even_where_more_are_kept() {
    let chat = chat::Settings { history_events_max: 500, ..chat::Settings::default() };
    let house = Plan { chat, ..Plan::default() }.open();
    let mut ann = house.guest_in("den", "Ann", 1);
    for text in 2..=300 {
        ann.tells(say(&text.to_string()));
    }
    for fields in ["", r#","limit":201"#, r#","limit":99999999999999999999"#] {
        assert_eq!(ann.recalls_seqs(fields), ((1..=200).collect(), false));
    }
    assert_eq!(ann.recalls_seqs(r#","after":200"#), ((201..=300).collect(), false));
}

#[test]
fn an_old_seq_is_never_taken_for_a_new_one() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    let first = house.epoch("den");
    ann.is_told(HISTORY, history("den", &first, &[system("den", "Ann joined", 1)]));
    ann.is_told(join("general", "Ann"), system("general", "Ann joined", 1));
    let general = house.epoch("general");
    ann.is_told(HISTORY, history("general", &general, &[system("general", "Ann joined", 1)]));
    // The room was deleted when it was empty; this is another one.
    ann.is_told(join("den", "Ann"), system("den", "Ann joined", 1));
    let second = house.epoch("den");
    assert_ne!(first, second);
    ann.is_told(HISTORY, history("den", &second, &[system("den", "Ann joined", 1)]));
    // The default one goes on.
    ann.is_told(join("general", "Ann"), system("general", "Ann joined", 3));
    let events = ["Ann joined", "Ann left", "Ann joined"];
    let events: Vec<String> =
        events.iter().zip(1..).map(|(text, seq)| system("general", text, seq)).collect();
    ann.is_told(HISTORY, history("general", &general, &events));
}

#[test]
fn a_client_that_reconnects_loses_nothing() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    let mut bob = house.guest_in("den", "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    ann.tells(say("before"));
    bob.hears(message("den", "Ann", "before", 3));
    bob.reset();
    ann.hears(system("den", "Bob left", 4));
    ann.tells(say("meanwhile"));
    ann.pings();
    let mut bob = house.guest_in("den", "Bob", 6);
    let missed = [
        system("den", "Bob left", 4),
        message("den", "Ann", "meanwhile", 5),
        system("den", "Bob joined", 6),
    ];
    let answer = history("den", &house.epoch("den"), &missed);
    bob.is_told(r#"{"type":"history","after":3}"#, answer);
}

#[test]
fn the_longest_history_arrives_whole() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    // The most bytes on the wire for one that is kept: a control character is six of them.
    let text = "\\u0001".repeat(1000);
    for _ in 0..220 {
        ann.tells(say(&text));
    }
    let (seqs, truncated) = ann.recalls_seqs("");
    assert_eq!((seqs.len(), seqs.last(), truncated), (200, Some(&221), true));
    // Answers by the dozen wait until they can be sent, and none is lost.
    ann.tells([HISTORY; 12].join("\n"));
    for _ in 0..12 {
        assert_eq!(ann.line().matches(&text).count(), 200);
    }
    ann.pings();
}
