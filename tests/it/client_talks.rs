//! The client library through the doors that have more than a request for some of its calls:
//! `websocket`, `accounts` and `chatmaster`, compressed or not. Whoever is at one of them talks with
//! those at the others.

use parlance::client::{
    CallError, Client, Door, Event, Happening, Joined, Message, Room, Said, Url,
};
use parlance::store::Accounts;

use crate::accounts_peer::{AccountsHouse, QUICK};
use crate::client::{connect, happening, next, patient, said};
use crate::support::PATIENCE;

/// A client at a door.
#[track_caller]
fn client(house: &AccountsHouse, scheme: &str) -> Client {
    let door = if scheme == "ws" { "websocket" } else { scheme.trim_end_matches("+zlib") };
    let url = Url::parse(&format!("{scheme}://{}", house.running.door(door))).expect("a URL");
    connect(&url, patient())
}

/// Somebody with an account.
#[track_caller]
fn registered(house: &AccountsHouse, name: &str) -> Client {
    let client = client(house, "accounts");
    assert_eq!(client.register(name, "sesame").as_deref(), Ok(name));
    client
}

/// Only what a door tells that tells nothing but where one is.
fn place(room: &str, name: &str) -> Joined {
    Joined { room: room.into(), name: name.into(), ..Joined::default() }
}

fn rooms(rooms: &[(&str, u64)]) -> Vec<Room> {
    let room = |(name, members): &(&str, u64)| Room {
        name: (*name).to_owned(),
        members: Some(*members),
        private: false,
    };
    rooms.iter().map(room).collect()
}

fn private(from: &str, text: &str) -> Happening {
    let (from, text) = (from.into(), text.into());
    Happening::Message(Message { from, text, private: true, own: false })
}

fn joined(name: &str) -> Happening {
    Happening::Joined { name: name.into() }
}

fn left(name: &str) -> Happening {
    Happening::Left { name: name.into() }
}

fn refused<T>(words: &str) -> Result<T, CallError> {
    Err(CallError::Refused(words.to_owned()))
}

fn not_offered<T>(door: Door, call: &'static str) -> Result<T, CallError> {
    Err(CallError::NotOffered { door, call })
}

/// Proves that nothing more was heard.
#[track_caller]
fn quiet(client: &Client) {
    client.ping().expect("an answer");
    assert_eq!(client.next_event(Some(std::time::Duration::ZERO)), None);
}

#[test]
fn three_doors_are_one_house() {
    let house = AccountsHouse::open();
    let ann = client(&house, "ws");
    let there = ann.join("tea", " Ann\t").expect("joined");
    assert_eq!((&*there.room, &*there.name, there.seq), ("tea", "Ann", Some(1)));
    assert_eq!(there.users.as_deref(), Some(&["Ann".to_owned()][..]));
    assert_eq!(next(&ann), Event::RoomOpened { room: "tea".into() });

    let bob = registered(&house, "bob");
    assert_eq!(bob.rooms(), Ok(rooms(&[("general", 0), ("tea", 1)])));
    assert_eq!(bob.join("tea", None), Ok(place("tea", "bob")));
    assert_eq!(happening(&ann), joined("bob"));

    for (scheme, name) in [("chatmaster", "Py"), ("chatmaster+zlib", "Zed")] {
        let client = client(&house, scheme);
        assert_eq!(client.join("tea", &*format!(" {name} ")), Ok(place("tea", name)));
        assert_eq!(happening(&ann), joined(name));
        assert_eq!(client.say("hi"), Ok(Said::default()));
        assert_eq!(happening(&ann), said(name, "hi"));
        assert_eq!(happening(&bob), said(name, "hi"));
        assert_eq!(client.say(""), refused("Message is required."));
        bob.say("hi yourself").expect("said");
        assert_eq!(happening(&ann), said("bob", "hi yourself"));
        assert_eq!(happening(&client), said("bob", "hi yourself"));
        ann.whisper(name, "psst").expect("said");
        assert_eq!(happening(&client), private("Ann", "psst"));
        client.whisper("BOB", "psst").expect("said");
        assert_eq!(happening(&bob), private(name, "psst"));
        assert_eq!(client.whisper("eve", "x"), refused("User eve is not in this channel."));
        quiet(&client);
        assert_eq!(client.leave(), Ok(()));
        assert_eq!(happening(&ann), left(name));
    }
    bob.whisper("Bob", "milk").expect("said");
    assert_eq!(happening(&bob), private("bob", "milk"));
    assert_eq!(bob.whisper("ＰＵＢＬＩＣ", "x"), refused("User ＰＵＢＬＩＣ is not in this room"));
    assert_eq!(bob.users().as_deref(), Ok(&["Ann".to_owned(), "bob".to_owned()][..]));
    quiet(&bob);
    quiet(&ann);
}

#[test]
fn websocket_has_everything() {
    let house = AccountsHouse::open();
    let (ann, bob) = (client(&house, "ws"), client(&house, "ws"));
    assert_eq!(ann.join(None, "Ann").expect("joined").room, "general");
    assert_eq!(bob.join(None, "ann"), refused("Name already taken"));
    let there = bob.join("General", "Bob").expect("joined");
    assert_eq!((&*there.room, there.seq), ("general", Some(2)));
    assert_eq!(happening(&ann), joined("Bob"));

    assert_eq!(ann.say("one").expect("said").seq, Some(3));
    assert_eq!(ann.rename(" Anna ").as_deref(), Ok("Anna"));
    let said_at = ann.say("two").expect("said");
    assert!(said_at.seq == Some(5) && said_at.at.is_some());
    assert_eq!(happening(&bob), said("Ann", "one"));
    let renamed = Happening::Renamed { old: "Ann".into(), new: "Anna".into() };
    assert_eq!(happening(&bob), renamed);
    assert_eq!(happening(&bob), said("Anna", "two"));

    let history = ann.history(2, 200).expect("a history");
    let own = |event: &Event| match event {
        Event::Room { seq, what: Happening::Message(message), .. } => Some((*seq, message.own)),
        _ => None,
    };
    let owned: Vec<_> = history.events.iter().filter_map(own).collect();
    assert_eq!(owned, [(Some(3), true), (Some(5), true)]);
    assert!(!history.truncated && !history.epoch.is_empty());

    ann.typing().expect("told");
    assert_eq!(next(&bob), Event::Typing { name: "Anna".into() });

    assert_eq!(bob.set_private(true), refused("The default room is always public"));
    bob.join("Den", None).expect("made");
    assert_eq!(happening(&ann), left("Bob"));
    assert_eq!(next(&ann), Event::RoomOpened { room: "Den".into() });
    assert_eq!(next(&bob), Event::RoomOpened { room: "Den".into() });
    assert_eq!(ann.rooms(), Ok(rooms(&[("general", 1), ("Den", 1)])));
    assert_eq!(bob.set_private(true), Ok(()));
    assert_eq!(next(&ann), Event::RoomClosed { room: "Den".into() });

    assert_eq!(bob.register("rob", "sesame").as_deref(), Ok("rob"));
    assert_eq!(bob.log_out(), Ok(()));
    assert_eq!(bob.say("x"), refused("Not in a room"));
    assert_eq!(bob.log_in("ROB", "wrong"), refused("Invalid username or password"));
    assert_eq!(bob.log_in("ROB", "sesame").as_deref(), Ok("rob"));
    bob.ping().expect("an answer, though in no room");
    ann.ping().expect("an answer in a room");
}

#[test]
fn accounts_move_by_the_lobby() {
    let house = AccountsHouse::open();
    let ann = registered(&house, "ann");
    let bob = client(&house, "ws");
    assert_eq!(ann.join(None, None), Ok(place("general", "ann")));
    bob.join("general", "bob").expect("joined");
    assert_eq!(ann.rooms(), Ok(rooms(&[("general", 2)])), "of the room one is in");
    assert_eq!(ann.join("tea", "ANN"), Ok(place("tea", "ann")));
    assert_eq!(happening(&bob), left("ann"));
    assert_eq!(next(&bob), Event::RoomOpened { room: "tea".into() });
    assert_eq!(ann.join(&*"x".repeat(51), None), refused("Room name too long"));
    assert_eq!(ann.users().as_deref(), Ok(&["ann".to_owned()][..]), "back in the room");
    assert_eq!(ann.join("lobby", None), refused("Room does not exist"));
    assert_eq!(ann.join(None, "eve"), refused("Here one is called as one's account is: ann"));
    assert_eq!(ann.rename("eve"), not_offered(Door::Accounts, "renaming"));
    assert_eq!(ann.history(0, 9), not_offered(Door::Accounts, "history"));
    assert_eq!(ann.typing(), Ok(()));
    ann.ping().expect("an answer");
    assert_eq!(ann.leave(), Ok(()));
    assert_eq!(ann.users(), refused("Enter a chatroom first"));
    assert_eq!(ann.join("tea", None), Ok(place("tea", "ann")));
    assert_eq!(ann.log_out(), Ok(()));
    assert_eq!(ann.log_in("Ann", "sesame").as_deref(), Ok("ann"));
    let accounts = Accounts::open(house.folder(), QUICK).expect("accounts");
    accounts.remove("ann").expect("removed");
    assert_eq!(next(&ann), Event::LoggedOut { name: None });
    assert_eq!(ann.rooms(), refused("Not logged in"));
}

#[test]
fn chatmaster_moves_by_the_default_channel() {
    let house = AccountsHouse::open();
    let (ann, bob) = (client(&house, "chatmaster"), client(&house, "chatmaster"));
    assert_eq!(ann.rooms(), refused("Not logged in."));
    assert_eq!(ann.join(None, "Ann"), Ok(place("general", "Ann")));
    assert_eq!(bob.join(None, "ann"), refused("Username is already taken."));
    assert_eq!(bob.join("Google", "Bob"), Ok(place("Google", "Bob")));
    assert_eq!(happening(&ann), joined("Bob"));
    assert_eq!(happening(&ann), left("Bob"));
    assert_eq!(bob.set_private(true), Ok(()));
    let listed = |client: &Client| -> Vec<String> {
        client.rooms().expect("rooms").into_iter().map(|room| room.name).collect()
    };
    assert_eq!(
        (listed(&ann), listed(&bob)),
        (vec!["general".into()], vec!["general".into(), "Google".into()])
    );
    assert_eq!(ann.set_private(false), refused("Channel cannot be set to public."));
    assert_eq!(ann.join("google", " A "), Ok(place("Google", "A")));
    assert_eq!(happening(&bob), joined("A"));
    assert_eq!(ann.rename("Anna").as_deref(), Ok("Anna"));
    assert_eq!(happening(&bob), Happening::Renamed { old: "A".into(), new: "Anna".into() });
    assert_eq!(ann.users(), not_offered(Door::ChatMaster, "list of users"));
    assert_eq!(ann.log_in("ann", "sesame"), not_offered(Door::ChatMaster, "accounts"));
    assert_eq!(ann.leave(), Ok(()));
    assert_eq!(happening(&bob), left("Anna"));
    assert_eq!(ann.leave(), refused("You are in the general channel."));
    quiet(&ann);
    house.running.begin_stop();
    let Event::Notice { text } = ann.next_event(Some(PATIENCE)).expect("an event") else {
        panic!("no notice");
    };
    assert_eq!(text, "Server is shutting down");
}
