//! Rooms and names.

use super::*;

#[test]
fn coming_moving_and_going() {
    let mut chat = Chat::new();
    let alice = chat.server.open(7);
    assert_eq!(chat.server.tag(alice), Some(7));
    assert_eq!(chat.join(alice, "", "den"), Err(Error::NameRequired));
    let first = chat.join(alice, " Alice ", "Den").unwrap();
    assert_eq!((first.left, first.entered, first.seq), (None, true, 1));
    assert_eq!(chat.told(), ["opened Den", "Den 1: +Alice"]);
    let bob = chat.guest("bob", "den");
    assert_eq!(chat.told(), ["Den 2: +bob"]);
    assert_eq!(chat.members("DEN"), ["Alice", "bob"]);

    let moved = chat.join(alice, "Al", "pub").unwrap();
    assert_eq!((moved.left, moved.entered, moved.seq), (Some(first.room), true, 1));
    assert_eq!(chat.told(), ["Den 3: -Alice", "opened pub", "pub 1: +Al"]);
    assert_eq!(chat.members("den"), ["bob"]);

    chat.join(bob, "", "pub").unwrap();
    assert_eq!(chat.told(), ["Den 4: -bob", "closed Den", "pub 2: +bob"]);
    assert_eq!(chat.server.find_room(RoomRef::Name("den")), Err(Error::RoomNotFound));
    assert!(chat.server.room(first.room).is_none());
    assert!(chat.server.history(first.room, 0, 9).is_none());

    chat.leave(bob).unwrap();
    assert_eq!(chat.told(), ["pub 3: -bob"]);
    assert_eq!(chat.leave(bob), Err(Error::NotInRoom));
    assert_eq!(chat.server.name_of(bob), Some("bob"));
    chat.close(alice);
    assert_eq!(chat.told(), ["pub 4: -Al", "closed pub"]);
    chat.close(alice);
    assert!(chat.told().is_empty());
    assert_eq!(chat.join(alice, "Al", "pub"), Err(Error::SessionClosed));
}

#[test]
fn the_default_room_and_made_ones_stay() {
    let mut chat = Chat::new();
    let made = chat.create(None, "made").unwrap();
    assert_eq!(chat.told(), ["opened made"]);
    let alice = chat.guest("alice", "made");
    chat.join(alice, "", "general").unwrap();
    chat.leave(alice).unwrap();
    assert_eq!(chat.told(), ["general 2: -alice"]);
    assert_eq!(chat.listed(None), ["general", "made"]);
    assert_eq!(chat.server.room(made).map(|room| (room.seq, room.permanent)), Some((2, true)));
    assert_eq!(chat.create(Some(alice), "MADE"), Err(Error::RoomExists));
    let id = chat.server.room(made).unwrap().id.to_uppercase();
    assert_eq!(chat.create(Some(alice), &id), Err(Error::RoomExists));
    assert_eq!(chat.create(Some(alice), "\u{200b}"), Err(Error::RoomNameRequired));
    assert_eq!(chat.create(Some(alice), &"x".repeat(51)), Err(Error::RoomNameTooLong));
}

#[test]
fn a_room_made_again_is_another() {
    let mut chat = Chat::new();
    let alice = chat.guest("alice", "den");
    let old = chat.server.room_of(alice).unwrap();
    let epoch = chat.server.room(old).unwrap().epoch.to_owned();
    assert!(epoch.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    assert!(epoch.len() >= 4);
    chat.leave(alice).unwrap();
    let again = chat.join(alice, "", "den").unwrap();
    assert_ne!(again.room, old);
    assert_eq!(again.seq, 1);
    assert_ne!(chat.server.room(again.room).unwrap().epoch, epoch);
}

#[test]
fn which_room_is_meant() {
    let mut chat = Chat::new();
    let alice = chat.guest("alice", "den");
    let den = chat.server.room_of(alice).unwrap();
    let id = chat.server.room(den).unwrap().id.to_owned();
    assert!(id.len() == 8 && u32::from_str_radix(&id, 16).is_ok());
    let bob = chat.server.open(0);
    let by = |room| Join { name: Some("bob"), room, create: false };
    assert_eq!(chat.enter(bob, by(RoomRef::Id("den"))), Err(Error::RoomNotFound));
    assert_eq!(chat.enter(bob, by(RoomRef::Name(&id))), Err(Error::RoomNotFound));
    let created = Join { create: true, ..by(RoomRef::Name(&id)) };
    assert_eq!(chat.enter(bob, created), Err(Error::RoomExists));
    let new = |name| by(RoomRef::New { name, private: false });
    assert_eq!(chat.enter(bob, new("DEN")), Err(Error::RoomExists));
    assert_eq!(chat.enter(bob, new(&id)), Err(Error::RoomExists));
    assert_eq!(chat.server.name_of(bob), None);
    assert_eq!(chat.enter(bob, by(RoomRef::NameOrId(&id))).map(|joined| joined.room), Ok(den));
    assert_eq!(chat.enter(bob, by(RoomRef::Default)).map(|joined| joined.left), Ok(Some(den)));
    assert_eq!(chat.enter(bob, by(RoomRef::Id(&id))).map(|joined| joined.room), Ok(den));
    assert_eq!(chat.enter(bob, by(RoomRef::Key(den))).map(|joined| joined.entered), Ok(false));
    assert!(chat.told().is_empty());
}

#[test]
fn renaming() {
    let mut chat = Chat::new();
    let alice = chat.guest("alice", "den");
    let bob = chat.guest("bob", "pub");
    chat.rename(alice, "alice").unwrap();
    assert!(chat.told().is_empty());
    chat.rename(alice, "ALICE").unwrap();
    assert_eq!(chat.told(), ["den 2: alice>ALICE"]);
    assert_eq!(chat.rename(bob, "Ａlice"), Err(Error::NameTaken));
    assert_eq!(chat.join(bob, "alice", "den"), Err(Error::NameTaken));
    assert_eq!(chat.members("pub"), ["bob"]);
    chat.join(alice, "Ann", "den").unwrap();
    assert_eq!(chat.told(), ["den 3: ALICE>Ann"]);
    assert!(!chat.join(alice, "Ann", "den").unwrap().entered);
    assert!(chat.told().is_empty());
    chat.rename(bob, "alice").unwrap();
    for (name, error) in [
        (" \t", Error::NameRequired),
        ("System", Error::NameReserved),
        ("ＰUBLIC", Error::NameReserved),
        (&"x".repeat(51), Error::NameTooLong),
    ] {
        assert_eq!(chat.rename(bob, name), Err(error));
    }
}

#[test]
fn a_name_outside_rooms() {
    let mut chat = Chat::new();
    let (alice, bob) = (chat.server.open(0), chat.server.open(0));
    chat.rename(alice, "alice").unwrap();
    assert!(chat.told().is_empty());
    assert_eq!(chat.rename(bob, "alice"), Err(Error::NameTaken));
    chat.join(alice, "", "general").unwrap();
    chat.server.forget_name(alice);
    assert_eq!(chat.server.name_of(alice), Some("alice"));
    chat.leave(alice).unwrap();
    chat.server.forget_name(alice);
    assert_eq!(chat.server.name_of(alice), None);
    chat.rename(bob, "alice").unwrap();
    assert_eq!(chat.server.bearer("ALICE "), Some(bob));
}

#[test]
fn ids_avoid_names_and_names_ids() {
    let mut chat = Chat::new();
    let id = chat.server.client_name();
    let next = |id: &str, by: u32| format!("{:08x}", u32::from_str_radix(id, 16).unwrap() + by);
    let alice = chat.guest(&next(&id, 3), &next(&id, 6));
    // Opening that room took an id and an epoch, so that the next number is the user's name.
    assert_eq!(&*chat.server.client_name(), next(&id, 4));
    assert_eq!(&*chat.server.client_name(), next(&id, 4));
    assert_eq!(&*chat.server.client_name(), next(&id, 5));
    assert_eq!(&*chat.server.client_name(), next(&id, 7));
    chat.server.hold_name(alice, &next(&id, 7)).unwrap();
    chat.server.register_account(&next(&id, 8)).unwrap();
    assert_eq!(&*chat.server.client_name(), next(&id, 9));
}

#[test]
fn a_chat_needs_a_default_room() {
    let refused = |name: &str| {
        let settings = Settings { default_room: name.to_owned(), ..Settings::default() };
        ChatServer::new(settings, NOW, Box::new(|| 1)).err()
    };
    assert_eq!(refused(" "), Some(Error::RoomNameRequired));
    assert_eq!(refused(&"x".repeat(51)), Some(Error::RoomNameTooLong));
    let mut chat = Chat::new();
    chat.server.set_settings(Settings { default_room: "other".to_owned(), ..Settings::default() });
    assert_eq!(chat.listed(None), ["general"]);
    assert_eq!(chat.server.settings().default_room, "general");
}

#[test]
fn the_roster_number_grows_with_every_change_of_the_members() {
    let mut chat = Chat::new();
    let roster = |chat: &Chat| {
        let den = chat.server.find_room(RoomRef::Name("den")).unwrap();
        chat.server.room(den).unwrap().roster
    };
    let alice = chat.guest("alice", "den");
    let alone = roster(&chat);
    let bob = chat.guest("bob", "den");
    let two = roster(&chat);
    chat.rename(bob, "bert").unwrap();
    let renamed = roster(&chat);
    chat.rename(bob, "bert").unwrap();
    assert_eq!(roster(&chat), renamed, "nothing has changed");
    chat.leave(alice).unwrap();
    let left = roster(&chat);
    assert!(alone < two && two < renamed && renamed < left);
}

#[test]
fn a_newcomer_is_told_what_a_join_would_say() {
    let mut chat = Chat::with(Settings { rooms_max: 3, ..Settings::default() });
    chat.guest("Ann", "den");
    let made = chat.create(None, "made").unwrap();
    let id = chat.server.room(made).unwrap().id.to_owned();
    let long = "x".repeat(51);
    for name in ["Bob", "ann", "SYSTEM", " ", &long] {
        for room in ["den", "GENERAL", "new", &id, " ", &long] {
            let checked = chat.server.check_newcomer(name, RoomRef::NameOrId(room));
            let newcomer = chat.server.open(9);
            let join = Join { name: Some(name), room: RoomRef::NameOrId(room), create: true };
            let joined = chat.server.join(newcomer, join, NOW, &mut Vec::new());
            assert_eq!(checked, joined.map(drop), "{name:?} {room:?}");
            chat.server.close(newcomer, NOW, &mut Vec::new());
        }
    }
}
