//! What a conversation looks like.

use super::*;
use crate::client::Said;

#[test]
fn a_conversation() {
    let mut stage = Stage::joined(80, 16);
    stage.says("bob", "hello ann");
    stage.send("hi bob, how are you?");
    stage.answer(Answer::Said(Said::default()));
    stage.happens(Happening::Left { name: "Zoë".into() });
    stage.happens(Happening::Joined { name: "Carol".into() });
    stage.happens(Happening::Renamed { old: "bob".into(), new: "rob".into() });
    let whisper =
        Message { from: "rob".into(), text: "psst".into(), private: true, ..Message::default() };
    stage.happens(Happening::Message(whisper));
    stage.write("well");
    stage.shows(
        r"
                                                            │ rooms
                                                            │ general
                                                            │ tech talk
                                                            │
──────────────── Saturday, 31 January 2026 ──────────────── │ 3 people
12:34            · │ Tab completes, /help tells of the      │ rob
                   │ commands and keys, Ctrl-C quits.       │ ann
─────────────────── general · 3 people ──────────────────── │ Carol
12:34          bob │ hello ann                              │
12:34          ann │ hi bob, how are you?                   │
12:34            ← │ Zoë left                               │
12:34            → │ Carol came                             │
12:34            · │ bob is now rob                         │
12:34          rob │ [private] psst                         │
 connected │ ann in general │ websocket │ 127.0.0.1:8765
[general] well
",
    );
}

#[test]
fn one_s_own_message_is_shown_at_once_and_what_became_of_it() {
    use ratatui::style::Modifier;
    let mut stage = Stage::joined(60, 8);
    stage.send("one");
    stage.send("/msg bob two");
    let dim = |stage: &mut Stage| {
        let mut terminal = Terminal::new(TestBackend::new(60, 8)).unwrap();
        let now = stage.now();
        terminal.draw(|frame| view::draw(&stage.app, now, frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let cells = buffer.content.chunks(60).skip(4).take(2);
        cells
            .map(|row| {
                row[40].modifier.contains(Modifier::DIM) || row[22].modifier.contains(Modifier::DIM)
            })
            .collect::<Vec<_>>()
    };
    stage.screen();
    assert_eq!(dim(&mut stage), [true, true]);
    stage.answer(Answer::Said(Said::default()));
    assert_eq!(stage.called(), Call::Whisper { to: "bob".into(), text: "two".into() });
    stage.refuse("User bob is not in this room");
    stage.has("ann │ one\n");
    stage.has("ann │ [private to bob] two [not sent: User");
    assert_eq!(dim(&mut stage), [false, false]);
}

#[test]
fn a_narrow_screen_is_of_use() {
    let mut stage = Stage::joined(20, 5);
    stage.says("bob", "what a long message for such a small screen");
    stage.write("ok, but still I can write");
    stage.shows(
        r"
bob: what a long
message for such a
small screen
 ann in general
> still I can write
",
    );
    stage.app.resize(19, 5);
    stage.has("too small");
    stage.app.resize(20, 4);
    stage.has("too small");
    for (width, height) in [(0, 0), (1, 1), (20, 5), (500, 200)] {
        stage.app.resize(width, height);
        stage.screen();
    }
}

#[test]
fn lists_come_and_go() {
    let mut stage = Stage::joined(60, 8);
    stage.has_not("people │");
    stage.press(KeyCode::F(2));
    stage.has("│ 3 people");
    stage.press(KeyCode::F(2));
    stage.has_not("│ 3 people");
    let mut stage = Stage::joined(90, 10);
    for number in 0..20 {
        stage.happens(Happening::Joined { name: format!("guest {number}") });
        stage.hear(Event::RoomOpened { room: format!("room {number}") });
    }
    stage.has("│ 23 people");
    stage.has("… 21 more");
    stage.hear(Event::RoomClosed { room: "tech talk".into() });
    stage.has_not("tech talk");
}

#[test]
fn scrolling_up_shows_what_is_new() {
    let mut stage = Stage::joined(60, 8);
    for number in 0..20 {
        stage.says("bob", &format!("message {number}"));
    }
    stage.has("message 19");
    stage.press(KeyCode::PageUp);
    stage.has_not("message 19");
    stage.has("↓ more");
    stage.says("bob", "fresh");
    stage.has("↓ 1 new");
    stage.press(KeyEvent::new(KeyCode::End, KeyModifiers::CONTROL));
    stage.has("── new messages ──");
    stage.has("bob │ fresh");
    stage.has_not("↓");
    stage.send("hi");
    stage.has_not("new messages");
    stage.press(KeyEvent::new(KeyCode::Home, KeyModifiers::CONTROL));
    stage.has("31 January 2026");
}

#[test]
fn older_lines_are_fetched_at_the_top() {
    let mut stage = Stage::joined(60, 8);
    // The room is at 1: there is nothing older.
    stage.press(KeyCode::PageUp);
    stage.calls_nothing();
    stage.send("/join den");
    assert_eq!(stage.called(), Call::Join { room: Some("den".into()), name: None });
    let joined = |seq| {
        Answer::Joined(Joined {
            room: "den".into(),
            name: "ann".into(),
            users: Some(vec!["ann".into()]),
            seq: Some(seq),
            ..Joined::default()
        })
    };
    stage.answer(joined(200));
    stage.answer(Answer::Rooms(vec![room("den")]));
    let history = |range: std::ops::Range<u64>| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_776_440);
        let events = range.map(|seq| {
            let what = Happening::Joined { name: format!("guest{seq}") };
            Event::Room { room: "den".into(), seq: Some(seq), at, what }
        });
        let (events, epoch) = (events.collect(), "k3x9".into());
        Answer::History(crate::client::History { events, truncated: false, epoch })
    };
    assert_eq!(stage.called(), Call::History { after: 149, limit: 50 });
    stage.answer(history(150..200));
    stage.has("guest199 came");
    for _ in 0..9 {
        stage.press(KeyCode::PageUp);
        stage.press(KeyCode::PageUp);
    }
    assert_eq!(stage.called(), Call::History { after: 49, limit: 100 });
    let before = stage.screen();
    stage.answer(history(150..150));
    assert_eq!(stage.screen(), before);
    stage.press(KeyCode::PageUp);
    stage.calls_nothing();
}

#[test]
fn a_long_text_is_not_sent() {
    let mut stage = Stage::joined(60, 8);
    let now = stage.now();
    stage.app.paste(&"x".repeat(1001), now);
    stage.app.take_calls();
    stage.press(KeyCode::Enter);
    stage.calls_nothing();
    stage.has("1001/1000");
    stage.has("! │ too long to be sent: 1001/1000");
    stage.press(KeyCode::Backspace);
    stage.has("1000/1000");
    stage.press(KeyCode::Enter);
    assert!(matches!(stage.called(), Call::Say { .. }));
    stage.app.paste(&"x".repeat(8001), now);
    stage.has("too long to be pasted: 8001/8000");
    stage.app.paste("one\r\ntwo", now);
    stage.has("] one⏎two");
    stage.app.take_calls();
    stage.answer(Answer::Said(Said::default()));
    stage.press(KeyCode::Enter);
    assert_eq!(stage.called(), Call::Say { text: "one\ntwo".into() });
    stage.has("ann │ one\n                   │ two\n");
}

#[test]
fn nothing_that_others_send_reaches_the_terminal() {
    let evil = || "\x1b]0;p\x07\u{9b}31m\u{202e}x\r\u{200b}\u{7f}".to_owned();
    let shown = "␛]0;p␇\u{fffd}31m\u{fffd}x␍\u{fffd}␡";
    let within = |what| Event::Room { room: evil(), seq: None, at: SystemTime::UNIX_EPOCH, what };
    let plain = || Message { from: "bob".into(), text: "hi".into(), ..Message::default() };
    let retry_in = Duration::from_secs(3);
    for event in [
        within(Happening::Message(Message { text: evil(), ..plain() })),
        within(Happening::Message(Message { from: evil(), ..plain() })),
        within(Happening::Joined { name: evil() }),
        within(Happening::Left { name: evil() }),
        within(Happening::Renamed { old: evil(), new: "bob".into() }),
        within(Happening::Renamed { old: "bob".into(), new: evil() }),
        within(Happening::TooLong { name: evil() }),
        Event::Typing { name: evil() },
        Event::Notice { text: evil() },
        Event::RoomOpened { room: evil() },
        Event::Disconnected { reason: evil(), retry_in },
        Event::Reconnected { room: Some(evil()), name: None },
        Event::Reconnected { room: Some("general".into()), name: Some(evil()) },
    ] {
        let mut stage = Stage::joined(160, 12);
        stage.hear(event.clone());
        let screen = stage.screen();
        assert!(screen.contains(shown), "{event:?}\n{screen}");
    }
    let mut stage = Stage::joined(160, 12);
    let now = stage.now();
    stage.app.paste(&evil(), now);
    stage.has("] ]0;p31m\u{fffd}x");
}

#[test]
fn who_is_typing_is_told_for_a_while() {
    let mut stage = Stage::joined(100, 8);
    stage.hear(Event::Typing { name: "bob".into() });
    stage.has("│ bob is typing │");
    stage.hear(Event::Typing { name: "Zoë".into() });
    stage.has("│ bob and Zoë are typing │");
    stage.says("bob", "there");
    stage.has("│ Zoë is typing │");
    stage.wait(5);
    stage.has_not("typing");
    stage.answer(Answer::Pong(Duration::from_millis(12)));
    stage.has("connected 12 ms");
    for key in "hello".chars() {
        stage.press(KeyCode::Char(key));
    }
    assert_eq!(stage.called(), Call::Typing);
    stage.answer(Answer::Done);
    stage.calls_nothing();
    stage.wait(3);
    stage.press(KeyCode::Char('!'));
    assert_eq!(stage.called(), Call::Typing);
    stage.answer(Answer::Done);
    stage.ctrl('c');
    stage.press(KeyCode::Char('/'));
    stage.wait(3);
    stage.press(KeyCode::Char('q'));
    stage.calls_nothing();
}

#[test]
fn nothing_is_drawn_when_nothing_changed() {
    let mut stage = Stage::joined(100, 8);
    assert!(stage.app.take_dirty());
    assert!(!stage.app.take_dirty());
    stage.wait(1);
    stage.answer(Answer::Pong(Duration::from_millis(12)));
    assert!(stage.app.take_dirty());
    stage.wait(10);
    stage.answer(Answer::Pong(Duration::from_micros(12_345)));
    assert!(!stage.app.take_dirty());
    stage.says("bob", "hi");
    assert!(stage.app.take_dirty());
}

#[test]
fn one_s_name_stands_out() {
    let mut stage = Stage::joined(60, 8);
    stage.says("bob", "Ann: are you there?");
    let mut terminal = Terminal::new(TestBackend::new(60, 8)).unwrap();
    let now = stage.now();
    terminal.draw(|frame| view::draw(&stage.app, now, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let reversed = ratatui::style::Modifier::REVERSED;
    assert!(
        (0..60)
            .any(|x| buffer[(x, 5)].symbol() == "b" && buffer[(x, 5)].modifier.contains(reversed))
    );
}
