//! The client library against the daemon's doors: every call, every event, and what is refused.
//! Each test goes through all doors of [`DOORS`].

use parlance::chat::dialect::House;
use parlance::client::{CallError, Client, Event, Happening, Message};
use std::time::Duration;

use crate::house::{self, Running};
use crate::support::PATIENCE;

/// The doors that need nothing but a port.
pub(crate) const DOORS: [&str; 2] = ["jsonrpc", "ndjson"];

/// A client of a house.
#[track_caller]
pub(crate) fn client(house: &Running<House>, door: &str) -> Client {
    let url = format!("{door}://{}", house.door(door));
    Client::connect(&url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// The next event that is no notice.
#[track_caller]
pub(crate) fn next(client: &Client) -> Event {
    loop {
        match client.next_event(Some(PATIENCE)).expect("an event") {
            Event::Notice { .. } => {}
            event => return event,
        }
    }
}

/// What happened in the room next.
#[track_caller]
pub(crate) fn happening(client: &Client) -> Happening {
    match next(client) {
        Event::Room { what, .. } => what,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn said(from: &str, text: &str) -> Happening {
    let (from, text) = (from.into(), text.into());
    Happening::Message(Message { from, text, private: false, own: false })
}

fn joined(name: &str) -> Happening {
    Happening::Joined { name: name.into() }
}

fn left(name: &str) -> Happening {
    Happening::Left { name: name.into() }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    match result {
        Err(CallError::Refused(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn people_meet_and_talk() {
    for door in DOORS {
        let house = house::open();
        let (ann, bob) = (client(&house, door), client(&house, door));
        let place = ann.join("tea", "ann").expect("joined");
        assert_eq!((&*place.room, &*place.name), ("tea", "ann"), "{door}");
        let place = bob.join("tea", " bob\t").expect("joined");
        assert_eq!((&*place.room, &*place.name), ("tea", "bob"), "{door}");
        assert_eq!(happening(&ann), joined("bob"), "{door}");
        assert_eq!(bob.users().expect("users"), ["ann", "bob"], "{door}");

        ann.say("hi \"there\"\n\u{1f600}").expect("said");
        assert_eq!(happening(&bob), said("ann", "hi \"there\"\n\u{1f600}"), "{door}");
        bob.whisper("ann", "psst").expect("said");
        let Happening::Message(message) = happening(&ann) else { panic!("{door}") };
        assert_eq!((&*message.from, &*message.text, message.private), ("bob", "psst", true));
        ann.typing().expect("at every door");
        assert!(ann.ping().expect("an answer") < PATIENCE);

        bob.leave().expect("left");
        assert_eq!(happening(&ann), left("bob"), "{door}");
        assert!(refusal(bob.say("gone")).len() > 3);
        bob.join("tea", None).expect("under the name from before");
        assert_eq!(happening(&ann), joined("bob"), "{door}");
        drop(bob);
        assert_eq!(happening(&ann), left("bob"), "{door}");
        assert_eq!(ann.next_event(Some(Duration::ZERO)), None, "{door}");
    }
}
