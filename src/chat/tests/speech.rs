//! Who hears what.

use super::*;

#[test]
fn private_messages() {
    let mut chat = Chat::new();
    let alice = chat.guest("Alice", "den");
    let bob = chat.guest("Bob", "den");
    let carol = chat.guest("Carol", "pub");
    chat.whisper(alice, "BOB", "psst").unwrap();
    assert_eq!(chat.told(), ["Alice>Bob: psst"]);
    assert_eq!((chat.out[0].audience, chat.out[0].seq), (Audience::One(bob), 0));
    chat.whisper(bob, "bob", "me").unwrap();
    assert_eq!(chat.out[0].audience, Audience::One(bob));
    let missing = |name: &str| Err(Error::NoSuchMember(name.into()));
    assert_eq!(chat.whisper(alice, " carol", "psst"), missing("Carol"));
    assert_eq!(chat.whisper(alice, "  dave\t\tx ", "psst"), missing("dave x"));
    assert_eq!(chat.whisper(alice, &"x".repeat(60_000), "psst"), missing(&"x".repeat(50)));
    assert_eq!(chat.whisper(alice, "\n", "psst"), Err(Error::NameRequired));
    assert_eq!(chat.whisper(alice, "bob", " "), Err(Error::TextRequired));
    chat.leave(carol).unwrap();
    assert_eq!(chat.whisper(carol, "bob", "psst"), Err(Error::NotInRoom));
    let den = chat.server.room_of(alice).unwrap();
    assert_eq!(chat.server.history(den, 0, 200).map(|history| history.records.len()), Some(2));
}

#[test]
fn what_may_be_said() {
    let mut chat = Chat::new();
    let alice = chat.guest("alice", "den");
    let mut say = |body: Body<'_>| chat.server.say(alice, body, NOW, &mut chat.out);
    for text in ["", " \u{3000}\n", "\u{2028}"] {
        assert_eq!(say(Body::Text(text)), Err(Error::TextRequired));
    }
    for unit in ["x", "é", "🎉"] {
        assert_eq!(say(Body::Text(&unit.repeat(1001))), Err(Error::TextTooLong));
        assert!(say(Body::Text(&unit.repeat(1000))).is_ok());
    }
    assert_eq!(say(Body::Json("")), Err(Error::TextRequired));
    assert_eq!(say(Body::Json(&"1".repeat(8 * 1024 + 1))), Err(Error::TextTooLong));
    assert_eq!(say(Body::Json(&"1".repeat(8 * 1024))), Ok(5));
    assert_eq!(say(Body::Text("  as \0 sent ")), Ok(6));
    assert_eq!(chat.told().last().map(String::as_str), Some("den 6: alice:   as \0 sent "));
}

#[test]
fn private_rooms() {
    let mut chat = Chat::new();
    let alice = chat.guest("alice", "den");
    let bob = chat.guest("bob", "den");
    assert_eq!(chat.set_private(bob, true), Err(Error::NotCreator));
    chat.set_private(alice, true).unwrap();
    assert_eq!(chat.told(), ["den private true", "closed den"]);
    assert_eq!(chat.out[1].audience, Audience::RoomList);
    chat.set_private(alice, true).unwrap();
    assert!(chat.told().is_empty());
    let carol = chat.guest("carol", "general");
    assert_eq!(chat.set_private(carol, true), Err(Error::DefaultRoom));
    assert_eq!(chat.set_private(carol, false), Err(Error::DefaultRoom));
    assert_eq!(chat.listed(None), ["general"]);
    assert_eq!(chat.listed(Some(carol)), ["general"]);
    assert_eq!(chat.listed(Some(bob)), ["general", "den"]);
    chat.join(carol, "", "den").unwrap();
    assert_eq!(chat.told(), ["general 2: -carol", "den 3: +carol"]);
    chat.join(alice, "", "general").unwrap();
    chat.set_private(bob, false).unwrap();
    assert_eq!(chat.told(), ["den private false", "opened den"]);
    chat.join(alice, "", "den").unwrap();
    assert_eq!(chat.set_private(bob, true), Err(Error::NotCreator));

    let room = RoomRef::New { name: "secret", private: true };
    chat.enter(carol, Join { name: None, room, create: false }).unwrap();
    assert_eq!(chat.told(), ["den 6: -carol", "secret 1: +carol"]);
    chat.leave(carol).unwrap();
    assert_eq!(chat.told(), ["secret 2: -carol"]);
}

#[test]
fn crowds_come_and_go_unannounced() {
    let mut chat = Chat::with(Settings { presence_members_max: 2, ..Settings::default() });
    let alice = chat.guest("alice", "den");
    let bob = chat.guest("bob", "den");
    let carol = chat.guest("carol", "den");
    assert!(chat.told().is_empty());
    chat.rename(carol, "Carol").unwrap();
    assert_eq!(chat.told(), ["den 3: carol>Carol"]);
    chat.leave(bob).unwrap();
    assert!(chat.told().is_empty());
    chat.leave(alice).unwrap();
    assert_eq!(chat.told(), ["den 4: -alice"]);
}
