//! The client library against the daemon's doors: every call, every event, and what is refused.
//! Each test goes through all doors of [`DOORS`].

use parlance::chat::dialect::House;
use parlance::client::{Call, CallError, Client, Event, Happening, Message, Options, Url};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::house::{self, Running};
use crate::support::PATIENCE;

/// What there is to know of a door.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    /// Whether it keeps a history, and counts.
    pub(crate) history: bool,
    /// Whether it lists rooms.
    pub(crate) rooms: bool,
    /// Whether those who rename are seen to leave and come.
    pub(crate) renames_by_leaving: bool,
    /// Whether a name that is taken is refused.
    pub(crate) refuses_taken: bool,
}

/// The doors that need nothing but a port.
pub(crate) const DOORS: [Door; 3] = [
    Door {
        name: "jsonrpc",
        history: false,
        rooms: false,
        renames_by_leaving: true,
        refuses_taken: false,
    },
    Door {
        name: "ndjson",
        history: true,
        rooms: true,
        renames_by_leaving: false,
        refuses_taken: true,
    },
    Door {
        name: "udp",
        history: true,
        rooms: true,
        renames_by_leaving: false,
        refuses_taken: true,
    },
];

pub(crate) fn url(house: &Running<House>, door: &Door) -> Url {
    format!("{}://{}", door.name, house.door(door.name)).parse().expect("a URL")
}

/// A client of a house.
#[track_caller]
pub(crate) fn client(house: &Running<House>, door: &Door) -> Client {
    let url = url(house, door).to_string();
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

pub(crate) fn joined(name: &str) -> Happening {
    Happening::Joined { name: name.into() }
}

pub(crate) fn left(name: &str) -> Happening {
    Happening::Left { name: name.into() }
}

#[track_caller]
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
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        let door = door.name;
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

#[test]
fn people_move_and_take_other_names() {
    for door in DOORS {
        let house = house::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        ann.join(None, "ann").expect("the default room");
        bob.join("general", "bob").expect("joined");
        assert_eq!(happening(&ann), joined("bob"), "{}", door.name);
        assert_eq!(bob.rename("Bob II").expect("renamed"), "Bob II", "{}", door.name);
        if door.renames_by_leaving {
            assert_eq!(happening(&ann), left("bob"));
            assert_eq!(happening(&ann), joined("Bob II"));
        } else {
            let renamed = Happening::Renamed { old: "bob".into(), new: "Bob II".into() };
            assert_eq!(happening(&ann), renamed, "{}", door.name);
        }
        let place = bob.join("den", None).expect("moved");
        assert_eq!((&*place.room, &*place.name), ("den", "Bob II"), "{}", door.name);
        assert_eq!(happening(&ann), left("Bob II"), "{}", door.name);
        ann.say("nobody hears this").expect("said");
        ann.join("den", None).expect("moved");
        assert_eq!(happening(&bob), joined("ann"), "{}", door.name);
        assert_eq!(ann.users().expect("users"), ["Bob II", "ann"], "{}", door.name);
        assert_eq!(bob.next_event(Some(Duration::ZERO)), None, "{}", door.name);
    }
}

#[test]
fn the_url_says_where_to_and_as_whom() {
    for door in DOORS {
        let house = house::open();
        let mut url = url(&house, &door);
        url.name = Some("ann".into());
        url.room = Some("game night".into());
        let client = Client::connect(&url.to_string()).expect("connected");
        let place = client.join(None, None).expect("joined");
        assert_eq!((&*place.room, &*place.name), ("game night", "ann"), "{}", door.name);
        assert_eq!(client.url(), &url);
    }
}

#[test]
fn what_the_server_refuses_is_told_in_its_words() {
    for door in DOORS {
        let house = house::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        assert!(!refusal(ann.say("nowhere")).is_empty(), "{}", door.name);
        ann.join("tea", "ann").expect("joined");
        if door.refuses_taken {
            let words = refusal(bob.join("tea", "ANN"));
            assert!(words.contains("already taken"), "{}: {words}", door.name);
        }
        bob.join("tea", "bob").expect("joined");
        assert!(refusal(ann.say(" \n")).contains("required"), "{}", door.name);
        assert!(refusal(ann.say(&"x".repeat(1001))).contains("long"), "{}", door.name);
        let words = refusal(ann.whisper("zoe", "hello?"));
        assert_eq!(words, "User zoe is not in this room", "{}", door.name);
        let words = refusal(ann.rename(&"x".repeat(51)));
        assert!(words.contains("long"), "{}: {words}", door.name);
        assert!(ann.users().expect("still there").contains(&"ann".into()), "{}", door.name);
    }
}

#[test]
fn what_a_door_has_no_words_for_is_not_offered() {
    for door in DOORS {
        let house = house::open();
        let ann = client(&house, &door);
        ann.join("tea", "ann").expect("joined");
        let rooms = ann.rooms().map(|rooms| rooms.into_iter().map(|room| room.name));
        match door.rooms {
            true => assert_eq!(rooms.expect("rooms").collect::<Vec<_>>(), ["general", "tea"]),
            false => assert!(matches!(rooms.map(drop), Err(CallError::NotOffered { .. }))),
        }
        let history = ann.history(0, 10);
        if !door.history {
            assert!(matches!(history, Err(CallError::NotOffered { call: "history", .. })));
        }
        let accounts = ann.log_in("ann", "1234");
        assert!(matches!(accounts, Err(CallError::NotOffered { .. })), "{}", door.name);
    }
}

#[test]
fn a_history_is_told_oldest_first_with_ones_own_messages_marked() {
    for door in DOORS.into_iter().filter(|door| door.history) {
        let house = house::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        let first = ann.join("tea", "ann").expect("joined").seq.expect("a count");
        bob.join("tea", "bob").expect("joined");
        let one = ann.say("one").expect("said").seq.expect("a place");
        let two = bob.say("two").expect("said").seq.expect("a place");
        assert_eq!([one, two], [first + 2, first + 3], "{}", door.name);
        let history = ann.history(first, 10).expect("a history");
        let what: Vec<_> = history
            .events
            .into_iter()
            .map(|event| match event {
                Event::Room { seq, what, .. } => (seq.expect("a place"), what),
                other => panic!("{other:?}"),
            })
            .collect();
        let mut own = said("ann", "one");
        if let Happening::Message(message) = &mut own {
            message.own = true;
        }
        let expected = [(first + 1, joined("bob")), (one, own), (two, said("bob", "two"))];
        assert_eq!(what, expected, "{}", door.name);
        assert!(!history.truncated && !history.epoch.is_empty());
        assert_eq!(ann.history(first, 1).expect("a part").events.len(), 1);
    }
}

#[test]
fn calls_that_are_submitted_are_done_in_their_order() {
    for door in DOORS {
        let house = house::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        bob.join("tea", "bob").expect("joined");
        let (sender, results) = channel();
        // Nobody waits for the join before saying something.
        let join = Call::Join { room: Some("tea".into()), name: Some("ann".into()) };
        let says = (0..100).map(|number| Call::Say { text: format!("{number}") });
        for (number, call) in [join].into_iter().chain(says).enumerate() {
            let sender = sender.clone();
            ann.submit(call, move |result| sender.send((number, result.is_ok())).expect("heard"));
        }
        for number in 0..101 {
            assert_eq!(results.recv_timeout(PATIENCE), Ok((number, true)), "{}", door.name);
        }
        assert_eq!(happening(&bob), joined("ann"), "{}", door.name);
        for number in 0..100 {
            assert_eq!(happening(&bob), said("ann", &number.to_string()), "{}", door.name);
        }
    }
}

#[test]
fn every_call_is_answered_once_whatever_comes_of_the_client() {
    let house = house::open();
    let ann = client(&house, &DOORS[1]);
    ann.join("tea", "ann").expect("joined");
    let (sender, results) = channel();
    for _ in 0..5000 {
        let sender = sender.clone();
        let call = Call::Say { text: "x".into() };
        ann.submit(call, move |result| sender.send(result).expect("heard"));
    }
    drop((ann, sender));
    let results: Vec<_> = results.iter().collect();
    assert_eq!(results.len(), 5000);
    assert!(results.contains(&Err(CallError::Busy)));
    assert!(
        results
            .iter()
            .all(|result| { matches!(result, Ok(_) | Err(CallError::Busy | CallError::Ended)) })
    );
}

#[test]
fn events_are_called_back_and_a_callback_may_ask_but_not_wait() {
    let house = house::open();
    let url = url(&house, &DOORS[1]);
    let (sender, events) = channel();
    let ann = Client::with(&url, &Options::default(), move |event| {
        // The test may be over.
        let _ = sender.send(event);
    });
    let ann = std::sync::Arc::new(ann.expect("connected"));
    assert_eq!(ann.next_event(None), None, "they are called back");
    let (sender, results) = channel();
    let again = std::sync::Arc::downgrade(&ann);
    let join = Call::Join { room: Some("tea".into()), name: Some("ann".into()) };
    ann.submit(join, move |_| {
        let ann = again.upgrade().expect("the test goes on");
        let waited = ann.call(Call::Users);
        ann.submit(Call::Users, move |users| sender.send((waited, users)).expect("heard"));
    });
    let (waited, users) = results.recv_timeout(PATIENCE).expect("an answer");
    assert_eq!(waited, Err(CallError::InCallback));
    assert!(users.is_ok());
    let bob = client(&house, &DOORS[0]);
    bob.join("tea", "bob").expect("joined");
    let event = events.recv_timeout(PATIENCE).expect("an event");
    assert!(matches!(event, Event::Room { what, .. } if what == joined("bob")));
}
