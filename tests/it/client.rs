//! The client library against the daemon's doors: every call, every event, and what is refused.
//! Each test goes through all doors of [`DOORS`].

use parlance::client::{
    Call, CallError, Client, ConnectError, Event, Happening, Joined, Message, Options, Trust, Url,
};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::accounts_peer::AccountsHouse;
use crate::support::PATIENCE;

/// What there is to know of a door.
#[derive(Debug)]
pub(crate) struct Door {
    /// In a URL.
    pub(crate) scheme: &'static str,
    /// In the configuration.
    pub(crate) dialect: &'static str,
    /// Whether it keeps a history, and counts.
    pub(crate) history: bool,
    /// Whether it lists rooms.
    pub(crate) rooms: bool,
    /// Whether it lists users.
    pub(crate) users: bool,
    /// Whether it tells who comes and goes.
    pub(crate) tells: bool,
    pub(crate) renames: Renames,
    /// Whether a name that is taken is refused.
    pub(crate) refuses_taken: bool,
    /// Whether one has to have an account.
    pub(crate) accounts: bool,
    /// Whether one can be in no room.
    pub(crate) leaves: bool,
}

/// What others see of somebody who takes another name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Renames {
    Never,
    ByLeaving,
    Openly,
}

/// A door that has everything but accounts.
const WHOLE: Door = Door {
    scheme: "",
    dialect: "",
    history: true,
    rooms: true,
    users: true,
    tells: true,
    renames: Renames::Openly,
    refuses_taken: true,
    accounts: false,
    leaves: true,
};

pub(crate) const NDJSON: Door = Door { scheme: "ndjson", dialect: "ndjson", ..WHOLE };

const CHATMASTER: Door = Door {
    scheme: "chatmaster",
    dialect: "chatmaster",
    history: false,
    users: false,
    leaves: false,
    ..WHOLE
};

/// All of them.
pub(crate) const DOORS: [Door; 7] = [
    Door {
        scheme: "jsonrpc",
        dialect: "jsonrpc",
        history: false,
        rooms: false,
        renames: Renames::ByLeaving,
        refuses_taken: false,
        ..WHOLE
    },
    Door { scheme: "ws", dialect: "websocket", ..WHOLE },
    Door {
        scheme: "accounts",
        dialect: "accounts",
        history: false,
        tells: false,
        renames: Renames::Never,
        accounts: true,
        ..WHOLE
    },
    CHATMASTER,
    Door { scheme: "chatmaster+zlib", ..CHATMASTER },
    NDJSON,
    Door { scheme: "udp", dialect: "udp", ..WHOLE },
];

impl Door {
    /// Its URL in a house.
    pub(crate) fn url(&self, house: &AccountsHouse) -> Url {
        let address = house.running.door(self.dialect);
        format!("{}://{address}", self.scheme).parse().expect("a URL")
    }
}

/// Options of those who have time, for none of these tests is about how long anything takes. Nothing
/// is asked by itself.
pub(crate) fn patient() -> Options {
    const LONG: Duration = Duration::from_secs(120);
    let mut options = Options {
        connect_timeout: LONG,
        call_timeout: LONG,
        ping_every: Duration::MAX,
        goodbye_timeout: LONG,
        ..Options::default()
    };
    // As long, about.
    options.udp_retries.max_retries = 8;
    options
}

/// Connects, and trusts whatever certificate is shown first.
#[track_caller]
pub(crate) fn connect(url: &Url, mut options: Options) -> Client {
    loop {
        match Client::connect_with(url, &options) {
            Ok(client) => return client,
            Err(ConnectError::Untrusted { fingerprint, .. }) if options.trust == Trust::System => {
                options.trust = Trust::Fingerprint(fingerprint.parse().expect("a fingerprint"));
            }
            Err(error) => panic!("{url}: {error}"),
        }
    }
}

/// A client of a house.
#[track_caller]
pub(crate) fn client(house: &AccountsHouse, door: &Door) -> Client {
    connect(&door.url(house), patient())
}

/// Comes into a room under a name, for which an account is made if need be.
#[track_caller]
pub(crate) fn join(client: &Client, door: &Door, room: &str, name: &str) -> Joined {
    if door.accounts {
        client.register(name, "sesame").expect("registered");
        return client.join(room, None).expect("joined");
    }
    client.join(room, name).expect("joined")
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
    loop {
        match next(client) {
            Event::Room { what, .. } => return what,
            Event::RoomOpened { .. } | Event::RoomClosed { .. } | Event::Typing { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Proves that nothing more has happened in the room.
#[track_caller]
pub(crate) fn quiet(client: &Client) {
    client.ping().expect("an answer");
    let rest = std::iter::from_fn(|| client.next_event(Some(Duration::ZERO)));
    let rest: Vec<_> = rest.filter(|event| matches!(event, Event::Room { .. })).collect();
    assert_eq!(rest, []);
}

/// Expects news of who comes and goes, where the door has any.
#[track_caller]
pub(crate) fn sees(client: &Client, door: &Door, what: Happening) {
    if door.tells {
        assert_eq!(happening(client), what, "{}", door.scheme);
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
        let house = AccountsHouse::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        let scheme = door.scheme;
        let place = join(&ann, &door, "tea", "ann");
        assert_eq!((&*place.room, &*place.name), ("tea", "ann"), "{scheme}");
        let place = join(&bob, &door, "tea", " bob\t");
        assert_eq!((&*place.room, &*place.name), ("tea", "bob"), "{scheme}");
        sees(&ann, &door, joined("bob"));
        if door.users {
            assert_eq!(bob.users().expect("users"), ["ann", "bob"], "{scheme}");
        }
        ann.say("hi \"there\"\n\u{1f600}").expect("said");
        assert_eq!(happening(&bob), said("ann", "hi \"there\"\n\u{1f600}"), "{scheme}");
        bob.whisper("ann", "psst").expect("said");
        let Happening::Message(message) = happening(&ann) else { panic!("{scheme}") };
        assert_eq!((&*message.from, &*message.text, message.private), ("bob", "psst", true));
        ann.typing().expect("at every door");
        ann.ping().expect("an answer");

        bob.leave().expect("left");
        sees(&ann, &door, left("bob"));
        if door.leaves {
            assert!(refusal(bob.say("gone")).len() > 3);
        }
        bob.join("tea", None).expect("under the name from before");
        sees(&ann, &door, joined("bob"));
        drop(bob);
        sees(&ann, &door, left("bob"));
        quiet(&ann);
    }
}

#[test]
fn people_move_and_take_other_names() {
    for door in DOORS {
        let house = AccountsHouse::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        join(&ann, &door, "general", "ann");
        join(&bob, &door, "general", "bob");
        sees(&ann, &door, joined("bob"));
        let mut name = "bob";
        if door.renames == Renames::Never {
            assert!(matches!(bob.rename("Bob II"), Err(CallError::NotOffered { .. })));
        } else {
            name = "Bob II";
            assert_eq!(bob.rename(name).expect("renamed"), name, "{}", door.scheme);
        }
        if door.renames == Renames::ByLeaving {
            sees(&ann, &door, left("bob"));
            sees(&ann, &door, joined(name));
        } else {
            sees(&ann, &door, Happening::Renamed { old: "bob".into(), new: name.into() });
        }
        let place = bob.join("den", None).expect("moved");
        assert_eq!((&*place.room, &*place.name), ("den", name), "{}", door.scheme);
        sees(&ann, &door, left(name));
        ann.say("nobody hears this").expect("said");
        ann.join("den", None).expect("moved");
        sees(&bob, &door, joined("ann"));
        if door.users {
            assert_eq!(ann.users().expect("users"), [name, "ann"], "{}", door.scheme);
        }
        quiet(&bob);
    }
}

#[test]
fn the_url_says_where_to_and_as_whom() {
    for door in DOORS.into_iter().filter(|door| !door.accounts) {
        let house = AccountsHouse::open();
        let mut url = door.url(&house);
        url.name = Some("ann".into());
        if door.dialect != "websocket" {
            url.room = Some("game night".into());
        }
        let client = connect(&url.to_string().parse().expect("a URL"), patient());
        let place = client.join(None, None).expect("joined");
        let room = url.room.as_deref().unwrap_or("general");
        assert_eq!((&*place.room, &*place.name), (room, "ann"), "{}", door.scheme);
        assert_eq!(client.url(), &url);
    }
}

#[test]
fn what_the_server_refuses_is_told_in_its_words() {
    for door in DOORS {
        let house = AccountsHouse::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        let scheme = door.scheme;
        assert!(!refusal(ann.say("nowhere")).is_empty(), "{scheme}");
        join(&ann, &door, "tea", "ann");
        if door.refuses_taken && !door.accounts {
            let words = refusal(bob.join("tea", "ANN"));
            assert!(words.contains("already"), "{scheme}: {words}");
        }
        join(&bob, &door, "tea", "bob");
        assert!(refusal(ann.say(" \n")).contains("required"), "{scheme}");
        assert!(refusal(ann.say(&"x".repeat(1001))).contains("long"), "{scheme}");
        let words = refusal(ann.whisper("zoe", "hello?"));
        assert!(words.starts_with("User zoe is not in this "), "{scheme}: {words}");
        if door.renames != Renames::Never {
            let words = refusal(ann.rename(&"x".repeat(51)));
            assert!(words.contains("long"), "{scheme}: {words}");
        }
        bob.whisper("ann", "still there?").expect("said");
    }
}

#[test]
fn what_a_door_has_no_words_for_is_not_offered() {
    for door in DOORS {
        let house = AccountsHouse::open();
        let ann = client(&house, &door);
        join(&ann, &door, "tea", "ann");
        let users = ann.users();
        if !door.users {
            assert!(matches!(users, Err(CallError::NotOffered { .. })), "{}", door.scheme);
        }
        let rooms = ann.rooms().map(|rooms| rooms.into_iter().map(|room| room.name));
        match door.rooms {
            true => assert!(rooms.expect("rooms").any(|room| room == "tea")),
            false => assert!(matches!(rooms.map(drop), Err(CallError::NotOffered { .. }))),
        }
        let history = ann.history(0, 10);
        if !door.history {
            assert!(matches!(history, Err(CallError::NotOffered { call: "history", .. })));
        }
        let accounts = client(&house, &door).log_in("zoe", "1234");
        match door.dialect {
            "accounts" | "websocket" => assert!(refusal(accounts).contains("password")),
            _ => assert!(matches!(accounts, Err(CallError::NotOffered { .. }))),
        }
    }
}

#[test]
fn a_history_is_told_oldest_first_with_ones_own_messages_marked() {
    for door in DOORS.into_iter().filter(|door| door.history) {
        let house = AccountsHouse::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        let first = ann.join("tea", "ann").expect("joined").seq.expect("a count");
        bob.join("tea", "bob").expect("joined");
        let one = ann.say("one").expect("said").seq.expect("a place");
        let two = bob.say("two").expect("said").seq.expect("a place");
        assert_eq!([one, two], [first + 2, first + 3], "{}", door.scheme);
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
        assert_eq!(what, expected, "{}", door.scheme);
        assert!(!history.truncated && !history.epoch.is_empty());
        assert_eq!(ann.history(first, 1).expect("a part").events.len(), 1);
    }
}

#[test]
fn calls_that_are_submitted_are_done_in_their_order() {
    for door in DOORS.into_iter().filter(|door| !door.accounts) {
        let house = AccountsHouse::open();
        let (ann, bob) = (client(&house, &door), client(&house, &door));
        join(&bob, &door, "tea", "bob");
        let (sender, results) = channel();
        // Nobody waits for the join before saying something.
        let join = Call::Join { room: Some("tea".into()), name: Some("ann".into()) };
        let says = (0..100).map(|number| Call::Say { text: format!("{number}") });
        for (number, call) in [join].into_iter().chain(says).enumerate() {
            let sender = sender.clone();
            ann.submit(call, move |result| sender.send((number, result.is_ok())).expect("heard"));
        }
        for number in 0..101 {
            assert_eq!(results.recv_timeout(PATIENCE), Ok((number, true)), "{}", door.scheme);
        }
        sees(&bob, &door, joined("ann"));
        for number in 0..100 {
            assert_eq!(happening(&bob), said("ann", &number.to_string()), "{}", door.scheme);
        }
    }
}

#[test]
fn every_call_is_answered_once_whatever_comes_of_the_client() {
    for door in DOORS {
        let house = AccountsHouse::open();
        let options = Options { goodbye_timeout: Duration::from_secs(1), ..patient() };
        let ann = connect(&door.url(&house), options);
        join(&ann, &door, "tea", "ann");
        // Until all are submitted, nobody is told of an answer.
        let (go_on, going_on) = channel::<()>();
        ann.submit(Call::Ping, move |_| {
            let _ = going_on.recv_timeout(PATIENCE);
        });
        let (sender, results) = channel();
        for _ in 0..5000 {
            let sender = sender.clone();
            let call = Call::Say { text: "x".into() };
            ann.submit(call, move |result| sender.send(result).expect("heard"));
        }
        drop(go_on);
        drop((ann, sender));
        let results: Vec<_> = results.iter().collect();
        assert_eq!(results.len(), 5000);
        assert!(results.contains(&Err(CallError::Busy)), "{}", door.scheme);
        let is_right =
            |result: &_| matches!(result, Ok(_) | Err(CallError::Busy | CallError::Ended));
        assert!(results.iter().all(is_right), "{}", door.scheme);
    }
}

#[test]
fn events_are_called_back_and_a_callback_may_ask_but_not_wait() {
    let house = AccountsHouse::open();
    let (sender, events) = channel();
    let ann = Client::with(&NDJSON.url(&house), &patient(), move |event| {
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
