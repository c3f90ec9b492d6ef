//! Commands, and what the server makes of them.

use super::super::app::End;
use super::*;

#[test]
fn commands_ask_the_server() {
    let mut stage = Stage::joined(80, 12);
    stage.send("/rooms");
    assert_eq!(stage.called(), Call::Rooms);
    let den = crate::client::Room { members: Some(2), private: true, ..room("den") };
    stage.answer(Answer::Rooms(vec![room("general"), den]));
    stage.has("· │ rooms: general, den (2, private)");
    stage.send("/users");
    stage.answer(Answer::Users(vec!["ann".into(), "bob".into()]));
    stage.has("· │ 2 people here: ann, bob");
    stage.send("/nick Ann Lee");
    assert_eq!(stage.called(), Call::Rename { name: "Ann Lee".into() });
    stage.answer(Answer::Renamed("Ann Lee".into()));
    stage.has("· │ you are now Ann Lee");
    stage.has("Ann Lee in general");
    stage.send("/private");
    assert_eq!(stage.called(), Call::SetPrivate { private: true });
    stage.refuse("The default room is always public");
    stage.has("! │ The default room is always public");
    stage.send("/leave");
    stage.answer(Answer::Done);
    stage.has("you left general: /join ROOM");
    stage.has("Ann Lee in no room");
    stage.send("anybody?");
    stage.calls_nothing();
    stage.has("! │ you are in no room: /join ROOM");
    stage.has("> anybody?");
}

#[test]
fn through_chatmaster_one_leaves_for_the_default_room() {
    let mut stage = Stage::new(Door::ChatMaster, Some("ann"), 80, 12);
    let joined = |room: &str| {
        let (room, name) = (room.into(), "ann".into());
        Answer::Joined(Joined { room, name, ..Joined::default() })
    };
    stage.answer(joined("den"));
    let not_offered = CallError::NotOffered { door: Door::ChatMaster, call: "list of users" };
    stage.answer_with(Err(not_offered));
    stage.answer(Answer::Rooms(vec![room("general"), room("den")]));
    stage.has("│ 1 person");
    stage.happens(Happening::Joined { name: "bob".into() });
    stage.has("│ 2 people");
    stage.send("/leave");
    stage.answer(joined("general"));
    stage.has("── general ──");
    stage.has("ann in general");
}

#[test]
fn what_is_no_command_is_told_the_nearest() {
    let mut stage = Stage::joined(80, 12);
    stage.send("/rooom");
    stage.has("! │ there is no /rooom; the nearest is");
    stage.has("] /rooom\n");
    stage.ctrl('c');
    stage.send("/help");
    stage.has("/help [COMMAND]  tell of the commands");
    stage.has("│ ↓ more │");
    stage.press(KeyEvent::new(KeyCode::End, KeyModifiers::CONTROL));
    stage.has("Ctrl-D");
    stage.has_not("↓ more");
    stage.send("/help nick");
    stage.has("· │ /nick NAME: take another name");
    stage.send("//help");
    assert_eq!(stage.called(), Call::Say { text: "/help".into() });
}

#[test]
fn tab_completes_names_with_who_spoke_last_first() {
    let mut stage = Stage::joined(80, 12);
    stage.happens(Happening::Joined { name: "boris".into() });
    stage.says("boris", "hi");
    stage.write("bo");
    stage.press(KeyCode::Tab);
    stage.has("] boris: \n".trim_end());
    stage.press(KeyCode::Tab);
    stage.has("] bob:");
    stage.write("x");
    stage.press(KeyCode::Tab);
    stage.has("] bob: x\n");
}

#[test]
fn a_lost_server_is_shown_and_nothing_typed_is_lost() {
    let mut stage = Stage::joined(80, 12);
    stage.send("did it come?");
    let retry_in = Duration::from_secs(3);
    stage.hear(Event::Disconnected { reason: "connection reset".into(), retry_in });
    stage.answer_with(Err(CallError::Disconnected));
    stage.has("did it come? [not sent: not connected]");
    stage.has(" lost, retry in 3 s │ ann in general │");
    stage.has("! │ the server is lost: connection reset");
    stage.wait(1);
    stage.has(" lost, retry in 2 s │");
    stage.wait(2);
    stage.has(" connecting … │");
    stage.hear(Event::Disconnected { reason: "connection refused".into(), retry_in });
    stage.has_not("connection refused");
    stage.send("hello?");
    stage.calls_nothing();
    stage.has("] hello?");
    stage.hear(Event::Reconnected { room: Some("general".into()), name: Some("ann2".into()) });
    stage.has(" connected │ ann2 in general");
    let own = Message {
        from: "ann".into(),
        text: "did it come?".into(),
        own: true,
        ..Message::default()
    };
    stage.happens(Happening::Message(own));
    stage.has("ann │ did it come?  ");
    stage.hear(Event::Missed);
    stage.has("… │ something may be missing here");
    assert_eq!(stage.called(), Call::Users);
    stage.answer(Answer::Users(vec!["ann".into()]));
    stage.answer(Answer::Rooms(vec![room("general")]));
    stage.press(KeyCode::Enter);
    assert_eq!(stage.called(), Call::Say { text: "hello?".into() });
    stage.hear(Event::Ended { reason: "enough".into() });
    assert_eq!(stage.app.is_over, Some(End::Lost("enough".into())));
}

#[test]
fn a_question_that_comes_by_itself_breaks_nothing() {
    let mut stage = Stage::joined(80, 12);
    stage.write("bo");
    stage.press(KeyCode::Tab);
    stage.has("] bob:");
    stage.hear(Event::LoggedOut { name: None });
    stage.has("Your name [ann]:");
    stage.press(KeyCode::Tab);
    stage.has("Your name [ann]:");
    // What was being written can be had again.
    stage.press(KeyCode::Up);
    stage.has("Your name [ann]: bob:");
}

#[test]
fn control_c_leaves_a_question_that_can_be_left() {
    let mut stage = Stage::joined(80, 12);
    stage.send("/login");
    stage.has("Log in as [ann]:");
    stage.ctrl('c');
    assert_eq!(stage.app.is_over, None);
    stage.has("[general]");
    stage.ctrl('c');
    assert_eq!(stage.app.is_over, Some(End::Quit));
    let mut stage = Stage::nameless(Door::Ndjson, 80, 12);
    stage.ctrl('c');
    assert_eq!(stage.app.is_over, Some(End::Quit));
}

#[test]
fn control_c_empties_the_line_and_then_quits() {
    let mut stage = Stage::joined(80, 12);
    stage.write("draft");
    stage.ctrl('c');
    assert_eq!((stage.app.is_over.clone(), stage.app.input.text()), (None, ""));
    stage.ctrl('c');
    assert_eq!(stage.app.is_over, Some(End::Quit));
    let mut stage = Stage::joined(80, 12);
    stage.write("ab");
    stage.press(KeyCode::Home);
    stage.ctrl('d');
    stage.ctrl('d');
    assert_eq!(stage.app.is_over, None);
    stage.ctrl('d');
    assert_eq!(stage.app.is_over, Some(End::Quit));
    let mut stage = Stage::joined(80, 12);
    stage.send("/q");
    assert_eq!(stage.app.is_over, Some(End::Quit));
}

#[test]
fn a_flood_is_bounded() {
    let mut stage = Stage::joined(80, 12);
    for number in 0..20_000_u32 {
        let name = format!("guest {number}");
        stage.hear(Event::Typing { name: name.clone() });
        stage.says(&name, &format!("message {number}"));
    }
    assert!(stage.app.speakers.len() <= 50 && stage.app.typing.len() <= 20);
    stage.has("guest 19999 │ message 19999");
    for name in ["x".repeat(100_000), "y".repeat(100_000)] {
        stage.happens(Happening::Joined { name: name.clone() });
        stage.hear(Event::RoomOpened { room: name.clone() });
        stage.hear(Event::Typing { name: name.clone() });
        stage.says(&name, "hello");
    }
    let names = stage.app.members.iter().chain(&stage.app.speakers);
    assert!(
        names.chain(stage.app.rooms.iter().map(|room| &room.name)).all(|name| name.len() < 2000)
    );
}
