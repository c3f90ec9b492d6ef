//! All speak at once, and everybody reads the same conversation.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;

use crate::bridging_client::{Bridge, Client, Kind};
use crate::bridging_talk::Talk;
use crate::bridging_tongues::{Body, Room};

const NAMES: [&str; 11] =
    ["Jay", "Jot", "-", "-", "Vera", "Vito", "harper", "Py", "Zoe", "alice", "charlie"];

/// What each says, and how much of it in one write: of two bursts of all, which is the most that
/// can be under way to one of them, a socket of datagrams loses none.
const MESSAGES: usize = 50;
const BURST: usize = 5;

/// One thing that was read: the text, where it is a message, and its number, where it bears one.
struct Seen {
    text: Option<String>,
    seq: Option<u64>,
}

fn text_of(who: usize, number: usize) -> String {
    format!("burst of {who:02}, number {number:02}")
}

/// Says a burst before it reads a word of what the others say meanwhile, reads all of that, and so
/// on. So every burst is one of many, however quick one client is.
#[track_caller]
fn speak(client: &mut Client, who: usize, count: usize, room: &Room) -> Vec<Seen> {
    let requests: Vec<String> = (0..MESSAGES)
        .map(|number| {
            let body = Body::text(&text_of(who, number));
            client.tongue.say(&client.name, room, &body, 0).request
        })
        .collect();
    let answers = client.tongue.say(&client.name, room, &Body::text("x"), 0).answers.len();
    let own = usize::from(client.kind == Kind::Accounts);
    let mut all = Vec::new();
    for burst in requests.chunks(BURST) {
        client.wire.send_all(burst.iter().map(String::as_str));
        let texts = BURST * (count - 1 + own + answers);
        all.extend((0..texts).map(|_| seen(&client.take())));
    }
    all
}

fn seen(packet: &str) -> Seen {
    let text = packet.find("burst of").map(|at| packet[at..at + text_of(0, 0).len()].to_owned());
    let seq = packet.split_once("\"seq\":").map(|(_, rest)| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).expect("more");
        rest[..end].parse().expect("a number")
    });
    Seen { text, seq }
}

#[test]
fn all_read_the_same_conversation() {
    let bridge = Bridge::open();
    let mut talk = Talk::begin(&bridge.doors(), "Den", NAMES);
    let (count, room) = (talk.clients.len(), talk.room.clone());
    let start = Arc::new(Barrier::new(count));
    let threads: Vec<_> = talk
        .clients
        .drain(..)
        .enumerate()
        .map(|(who, mut client)| {
            let (start, room) = (start.clone(), room.clone());
            thread::spawn(move || {
                start.wait();
                let seen = speak(&mut client, who, count, &room);
                client.probe(true);
                (client, seen)
            })
        })
        .collect();
    let read: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("a reader")).collect();

    // Those who are told numbers agree on one conversation without a hole.
    let mut conversation: BTreeMap<u64, String> = BTreeMap::new();
    let mut numbered = 0;
    for (who, (client, seen)) in read.iter().enumerate() {
        if !matches!(client.kind, Kind::V1 | Kind::V1Deflated | Kind::Ndjson | Kind::Udp) {
            assert!(seen.iter().all(|seen| seen.seq.is_none()), "{:?}", client.kind);
            continue;
        }
        numbered += 1;
        let seqs: Vec<u64> = seen.iter().map(|seen| seen.seq.expect("a number")).collect();
        let all: Vec<u64> = (room.seq + 1..).take(MESSAGES * count).collect();
        assert_eq!(seqs, all, "{:?}", client.kind);
        let mut own = (0..MESSAGES).map(|number| text_of(who, number));
        for seen in seen {
            let text = seen.text.clone().or_else(|| own.next()).expect("a text");
            let seq = seen.seq.expect("a number");
            let known = conversation.entry(seq).or_insert_with(|| text.clone());
            assert_eq!(*known, text, "{:?} at {seq}", client.kind);
        }
    }
    assert_eq!((numbered, conversation.len()), (4, MESSAGES * count));

    // The others have read the same one; and what one says stays in its order.
    for (who, (client, seen)) in read.iter().enumerate() {
        let mark = text_of(who, 0)[.."burst of 00".len()].to_owned();
        let mine: Vec<&String> =
            conversation.values().filter(|text| text.starts_with(&mark)).collect();
        assert!(mine.is_sorted() && mine.len() == MESSAGES, "{:?}: {mine:?}", client.kind);
        let expected: Vec<&String> = conversation
            .values()
            .filter(|text| client.kind == Kind::Accounts || !text.starts_with(&mark))
            .collect();
        let texts: Vec<&String> = seen.iter().filter_map(|seen| seen.text.as_ref()).collect();
        assert_eq!(texts, expected, "{:?}", client.kind);
    }
    // They did speak at once: each time all had their say.
    let all: Vec<&String> = conversation.values().collect();
    for burst in all.chunks(BURST * count) {
        let mut speakers: Vec<&str> = burst.iter().map(|text| &text[..11]).collect();
        speakers.sort_unstable();
        speakers.dedup();
        assert_eq!(speakers.len(), count);
    }
}
