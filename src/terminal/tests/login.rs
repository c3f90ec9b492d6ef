//! Who one is: names and accounts.

use super::*;

fn joined(name: &str) -> Answer {
    Answer::Joined(Joined {
        room: "general".into(),
        name: name.into(),
        users: Some(vec![name.into()]),
        ..Joined::default()
    })
}

#[test]
fn a_name_is_asked_for_until_one_is_free() {
    let mut stage = Stage::nameless(Door::Ndjson, 80, 12);
    stage.calls_nothing();
    stage.has("Your name [ann]:");
    stage.press(KeyCode::Enter);
    assert_eq!(stage.called(), Call::Join { room: None, name: Some("ann".into()) });
    stage.refuse("Name already taken");
    stage.has("! │ Name already taken");
    stage.has("Your name [ann_]:");
    stage.send("Ann Lee");
    stage.answer(joined("Ann Lee"));
    stage.has("Ann Lee in general");
    stage.has("[general]");
}

#[test]
fn a_room_can_be_named_before_oneself() {
    let mut stage = Stage::nameless(Door::Ndjson, 80, 12);
    stage.send("/join den");
    stage.has("Your name [ann]:");
    stage.press(KeyCode::Enter);
    assert_eq!(stage.called(), Call::Join { room: Some("den".into()), name: Some("ann".into()) });
}

#[test]
fn a_room_that_is_refused_can_be_changed() {
    let mut stage = Stage::nameless(Door::Ndjson, 80, 12);
    stage.app.setup.room = Some("x".repeat(300));
    stage.press(KeyCode::Enter);
    stage.refuse("Name too long");
    stage.has("! │ Name too long");
    stage.has("· │ /join ROOM leads to another room than");
    stage.has("Your name [ann]:");
    stage.send("/join den");
    stage.press(KeyCode::Enter);
    assert_eq!(stage.called(), Call::Join { room: Some("den".into()), name: Some("ann".into()) });
    // A name that is no good is not suggested again.
    let mut stage = Stage::new(Door::Ndjson, Some("a name that is too long"), 80, 12);
    stage.refuse("Name too long");
    stage.has("Your name [ann]:");
}

#[test]
fn a_name_that_somebody_took_meanwhile_is_exchanged() {
    let mut stage = Stage::joined(80, 12);
    stage.write("a draft");
    let retry_in = Duration::from_secs(3);
    stage.hear(Event::Disconnected { reason: "reset".into(), retry_in });
    stage.hear(Event::Notice { text: "Name already taken".into() });
    stage.hear(Event::Reconnected { room: None, name: None });
    stage.has("! │ you are in no room now: /join ROOM");
    stage.has("Your name [ann_]:");
    stage.calls.clear();
    stage.app.take_calls();
    stage.press(KeyCode::Enter);
    let join =
        |room: &str, name: &str| Call::Join { room: Some(room.into()), name: Some(name.into()) };
    assert_eq!(stage.called(), join("general", "ann_"));
    stage.answer(joined("ann_"));
    stage.has("ann_ in general");
    stage.press(KeyCode::Up);
    stage.has("] a draft");
    // The same where one left by oneself.
    stage.ctrl('c');
    stage.calls.clear();
    stage.app.take_calls();
    stage.send("/leave");
    stage.answer(Answer::Done);
    stage.send("/join den");
    stage.refuse("Name already taken");
    stage.send("eve");
    assert_eq!(stage.called(), join("den", "eve"));
}

#[test]
fn an_account_is_logged_in_to_and_the_password_is_never_shown() {
    let mut stage = Stage::nameless(Door::Accounts, 80, 12);
    stage.has("Log in as [ann]:");
    stage.press(KeyCode::Enter);
    stage.has("Password of ann:");
    stage.write("sesame");
    stage.has_not("sesame");
    stage.press(KeyCode::Enter);
    let log_in = |name: &str| Call::LogIn { name: name.into(), password: "sesame".into() };
    assert_eq!(stage.called(), log_in("ann"));
    stage.refuse("Invalid username or password");
    stage.has("! │ Invalid username or password");
    stage.has("Log in as [ann]:");
    stage.press(KeyCode::Enter);
    let now = stage.now();
    stage.app.paste("sesame\n", now);
    stage.has_not("sesame");
    stage.press(KeyCode::Enter);
    stage.answer(Answer::LoggedIn("Ann".into()));
    assert_eq!(stage.called(), Call::Join { room: None, name: None });
    stage.answer(joined("Ann"));
    stage.has("Ann in general");
    stage.press(KeyCode::Up);
    stage.has_not("sesame");
    stage.ctrl('c');
    stage.ctrl('y');
    stage.has_not("sesame");
    stage.calls.clear();
    stage.app.take_calls();
    stage.send("/logout");
    assert_eq!(stage.called(), Call::LogOut);
    stage.answer(Answer::Done);
    stage.has("Log in as [Ann]:");
}

#[test]
fn an_account_is_made_with_its_password_twice() {
    let mut stage = Stage::nameless(Door::Accounts, 80, 12);
    stage.send("/register Zoë");
    stage.has("Password of Zoë:");
    stage.send("sesame");
    stage.has("The same again:");
    stage.send("sesam");
    stage.has("! │ the two passwords differ");
    stage.has("Password of Zoë:");
    stage.send("sesame");
    stage.send("sesame");
    let register = Call::Register { name: "Zoë".into(), password: "sesame".into() };
    assert_eq!(stage.called(), register);
    stage.refuse("Username already taken");
    stage.has("Log in as [Zoë]:");
    stage.press(KeyCode::Enter);
    stage.press(KeyCode::Esc);
    stage.has("Log in as [Zoë]:");
}

#[test]
fn within_a_room_a_login_is_a_change_of_name() {
    let mut stage = Stage::joined(80, 12);
    stage.send("/login Ann2");
    stage.send("wrong");
    stage.refuse("Invalid username or password");
    stage.has("[general]");
    stage.send("/login Ann2");
    stage.send("right");
    stage.answer(Answer::LoggedIn("Ann2".into()));
    stage.has("· │ logged in as Ann2");
    stage.has("Ann2 in general");
    stage.calls_nothing();
    stage.hear(Event::LoggedOut { name: Some("7d01b2aa".into()) });
    stage.has("! │ your account was removed");
    stage.calls_nothing();
    stage.has("Your name [ann]:");
}
