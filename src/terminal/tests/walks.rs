//! Whatever is pressed, pasted, heard and answered, in any order and on a screen of any size: it is
//! drawn, and nothing hidden is in the drawing.

use proptest::prelude::*;

use super::*;
use crate::client::{History, Room, Said};

#[derive(Debug, Clone)]
enum Step {
    Press(KeyCode, u8),
    Paste(String),
    Resize(u16, u16),
    Focus(bool),
    Wheel(bool),
    Hear(Event),
    Answer(Result<Answer, CallError>),
    Wait(u64),
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-c日é👍\u{301}\u{200d}\u{202e}\x1b\n /\"]{0,12}",
        Just("/msg b".to_owned()),
        Just("x".repeat(1200)),
    ]
}

fn key() -> impl Strategy<Value = Step> {
    let code = prop_oneof![
        any::<char>().prop_map(KeyCode::Char),
        proptest::sample::select("abcdefhkluwy/ ".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        proptest::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Enter,
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Esc,
            KeyCode::Backspace,
            KeyCode::F(2),
        ]),
    ];
    (code, 0..8_u8).prop_map(|(code, modifiers)| Step::Press(code, modifiers))
}

fn event() -> impl Strategy<Value = Event> {
    let what = prop_oneof![
        (word(), word(), any::<bool>(), any::<bool>()).prop_map(|(from, text, private, own)| {
            Happening::Message(Message { from, text, private, own })
        }),
        word().prop_map(|name| Happening::Joined { name }),
        word().prop_map(|name| Happening::Left { name }),
        (word(), word()).prop_map(|(old, new)| Happening::Renamed { old, new }),
        any::<bool>().prop_map(|private| Happening::Changed { private }),
    ];
    let room =
        (word(), any::<Option<u64>>(), 0..u64::MAX / 4, what).prop_map(|(room, seq, at, what)| {
            let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at));
            Event::Room { room, seq, at: at.unwrap_or(SystemTime::UNIX_EPOCH), what }
        });
    prop_oneof![
        4 => room,
        1 => word().prop_map(|name| Event::Typing { name }),
        1 => word().prop_map(|room| Event::RoomOpened { room }),
        1 => word().prop_map(|room| Event::RoomClosed { room }),
        1 => word().prop_map(|text| Event::Notice { text }),
        1 => Just(Event::LoggedOut { name: None }),
        1 => word().prop_map(|reason| Event::Disconnected { reason, retry_in: Duration::MAX / 4 }),
        1 => (proptest::option::of(word()), proptest::option::of(word()))
            .prop_map(|(room, name)| Event::Reconnected { room, name }),
        1 => Just(Event::Missed),
    ]
}

fn answer() -> impl Strategy<Value = Result<Answer, CallError>> {
    let joined = (word(), word(), any::<Option<u64>>()).prop_map(|(room, name, seq)| {
        Answer::Joined(Joined { room, name, seq, ..Joined::default() })
    });
    let rooms = proptest::collection::vec(word(), 0..9).prop_map(|names| {
        Answer::Rooms(names.into_iter().map(|name| Room { name, ..Room::default() }).collect())
    });
    let history = (proptest::collection::vec(event(), 0..9), any::<bool>()).prop_map(
        |(events, truncated)| Answer::History(History { events, truncated, epoch: String::new() }),
    );
    prop_oneof![
        Just(Ok(Answer::Done)),
        any::<Option<u64>>().prop_map(|seq| Ok(Answer::Said(Said { seq, at: None }))),
        joined.prop_map(Ok),
        rooms.prop_map(Ok),
        history.prop_map(Ok),
        proptest::collection::vec(word(), 0..9).prop_map(|names| Ok(Answer::Users(names))),
        word().prop_map(|name| Ok(Answer::Renamed(name))),
        word().prop_map(|name| Ok(Answer::LoggedIn(name))),
        word().prop_map(|words| Err(CallError::Refused(words))),
        Just(Err(CallError::Disconnected)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => key(),
        1 => word().prop_map(Step::Paste),
        1 => (0..130_u16, 0..40_u16).prop_map(|(width, height)| Step::Resize(width, height)),
        1 => any::<bool>().prop_map(Step::Focus),
        1 => any::<bool>().prop_map(Step::Wheel),
        3 => event().prop_map(Step::Hear),
        3 => answer().prop_map(Step::Answer),
        1 => (0..100_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn nothing_breaks_the_screen(
        door in proptest::sample::select(vec![Door::WebSocket, Door::Accounts, Door::ChatMaster]),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut stage = Stage::nameless(door, 90, 20);
        for step in steps {
            let now = stage.now();
            match step {
                Step::Press(code, modifiers) => {
                    stage.press(KeyEvent::new(code, KeyModifiers::from_bits_truncate(modifiers)));
                }
                Step::Paste(text) => stage.app.paste(&text, now),
                Step::Resize(width, height) => stage.app.resize(width, height),
                Step::Wheel(up) => stage.app.wheel(up),
                Step::Focus(focused) => stage.app.focus(focused),
                Step::Hear(event) => stage.hear(event),
                Step::Answer(result) => {
                    stage.calls.extend(stage.app.take_calls());
                    if !stage.calls.is_empty() {
                        stage.answer_with(result);
                    }
                }
                Step::Wait(seconds) => stage.wait(seconds),
            }
            let screen = stage.screen();
            let hidden = |c: &char| {
                let joins = matches!(c, '\n' | '\u{200c}' | '\u{200d}');
                !joins && super::super::clean::is_hidden(*c)
            };
            prop_assert_eq!(screen.chars().find(hidden), None);
        }
    }
}
