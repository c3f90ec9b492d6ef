//! Accounts, and what they may make.

use super::*;

#[test]
fn accounts_own_their_names() {
    let mut chat = Chat::new();
    let harper = chat.owner("Harper");
    let guest = chat.server.open(0);
    assert_eq!(chat.rename(guest, "harper"), Err(Error::NameRegistered));
    assert_eq!(chat.sign_in(guest, "harper"), Err(Error::AlreadyOnline));
    assert_eq!(chat.sign_in(guest, "nobody"), Err(Error::NoSuchAccount));
    assert_eq!(chat.server.logged_in_without_room().collect::<Vec<_>>(), [(harper, "Harper")]);
    chat.sign_in(harper, "HARPER").unwrap();
    assert_eq!(chat.rename(harper, "Harry"), Err(Error::NameOfAccount));
    assert_eq!(chat.join(harper, "Harry", "den"), Err(Error::NameOfAccount));
    chat.join(harper, "HARPER", "den").unwrap();
    assert_eq!(chat.told(), ["opened den", "den 1: +Harper"]);
    assert_eq!(chat.server.logged_in_without_room().count(), 0);
    chat.leave(harper).unwrap();
    chat.server.forget_name(harper);
    assert_eq!(chat.server.logged_in_without_room().count(), 1);
    chat.join(harper, "", "den").unwrap();
    chat.out.clear();
    chat.server.sign_out(harper, NOW, &mut chat.out);
    assert_eq!(chat.told(), ["den 2: -Harper", "closed den"]);
    assert_eq!(chat.server.name_of(harper), None);
    assert_eq!(chat.server.logged_in_without_room().count(), 0);
    assert_eq!(chat.rename(harper, "Harper"), Err(Error::NameRegistered));
    assert_eq!(chat.server.account("hARPER"), Some("Harper"));
    chat.server.unregister_account("harper");
    chat.rename(guest, "harper").unwrap();
}

#[test]
fn logging_in_inside_a_room_is_a_renaming() {
    let mut chat = Chat::new();
    chat.server.register_account("Harper").unwrap();
    let guest = chat.guest("guest", "den");
    chat.sign_in(guest, "harper").unwrap();
    assert_eq!(chat.told(), ["den 2: guest>Harper"]);
    assert!(chat.server.is_signed_in(guest));
    assert_eq!(chat.server.logged_in_without_room().count(), 0);
    assert_eq!(chat.server.bearer("guest"), None);
    chat.close(guest);
    assert_eq!(chat.server.bearer("harper"), None);
}

#[test]
fn names_under_way_are_held() {
    let mut chat = Chat::new();
    let [owner, guest, other] = [(); 3].map(|()| chat.server.open(0));
    assert_eq!(chat.server.hold_name(owner, "SYSTEM"), Err(Error::NameReserved));
    chat.server.hold_name(owner, "Harper").unwrap();
    assert_eq!(chat.rename(guest, "harper"), Err(Error::NameTaken));
    assert_eq!(chat.server.hold_name(other, "HARPER"), Err(Error::NameTaken));
    // The work goes on when its connection has gone.
    chat.close(owner);
    assert_eq!(chat.rename(guest, "harper"), Err(Error::NameTaken));
    chat.server.release_hold(owner);
    chat.rename(guest, "harper").unwrap();
    assert_eq!(chat.server.hold_name(other, "Harper"), Err(Error::AlreadyOnline));

    chat.server.hold_name(other, "one").unwrap();
    chat.server.hold_name(other, "two").unwrap();
    chat.rename(guest, "one").unwrap();
    assert_eq!(chat.rename(guest, "two"), Err(Error::NameTaken));
    chat.server.register_account("two").unwrap();
    chat.sign_in(other, "two").unwrap();
    chat.close(other);
    assert!(chat.server.hold_name(guest, "two").is_ok());
}

#[test]
fn rooms_are_bounded() {
    let limits = Settings { rooms_max: 4, rooms_per_account_max: 2, ..Settings::default() };
    let mut chat = Chat::with(limits);
    let harper = chat.owner("harper");
    chat.create(Some(harper), "one").unwrap();
    chat.join(harper, "", "two").unwrap();
    assert_eq!(chat.create(Some(harper), "three"), Err(Error::TooManyRooms));
    assert_eq!(chat.join(harper, "", "three"), Err(Error::TooManyRooms));
    chat.leave(harper).unwrap();
    chat.join(harper, "", "three").unwrap();
    let guest = chat.guest("guest", "four");
    assert_eq!(chat.create(Some(guest), "five"), Err(Error::TooManyRooms));
    assert_eq!(chat.join(guest, "new", "five"), Err(Error::TooManyRooms));
    assert_eq!(chat.server.name_of(guest), Some("guest"));
    assert_eq!(chat.members("four"), ["guest"]);
}

#[test]
fn who_closes_in_the_lobby_leaves_nothing_there() {
    let mut chat = Chat::new();
    let harper = chat.owner("harper");
    assert_eq!(chat.server.lobby.len(), 1);
    chat.close(harper);
    assert!(chat.server.lobby.is_empty());
}

#[test]
fn nobody_bears_what_is_too_long_for_a_name() {
    let mut chat = Chat::new();
    let guest = chat.guest(&"é".repeat(50), "den");
    assert_eq!(chat.server.bearer(&"É".repeat(50)), Some(guest));
    assert_eq!(chat.server.bearer(&format!(" {}\t", "é".repeat(50))), Some(guest));
    assert_eq!(chat.server.bearer(&"e\u{301}".repeat(50)), None, "100 characters");
}
