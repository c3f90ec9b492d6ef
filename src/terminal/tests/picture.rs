//! The picture of the full screen in `docs/pictures/terminal.txt`: a little conversation, drawn by
//! the real thing. `PARLANCE_TAKE_PICTURES=1 cargo test --lib picture` takes it anew.

use std::path::Path;

use super::*;
use crate::client::{History, Room, Said};

#[test]
fn the_picture_is_what_the_screen_shows() {
    let mut stage = conversation();
    let screen = stage.screen();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/terminal.txt");
    if std::env::var_os("PARLANCE_TAKE_PICTURES").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, &screen).expect("a written file");
    }
    let picture = std::fs::read_to_string(&path).expect("the picture");
    assert!(picture == screen, "shown:\n{screen}\nin the picture:\n{picture}");
}

fn conversation() -> Stage {
    let mut stage = Stage::new(Door::WebSocket, Some("ann"), 100, 24);
    stage.answer(Answer::Joined(Joined {
        room: "general".into(),
        name: "ann".into(),
        users: Some(["Zoë", "bob", "山田", "ann"].map(str::to_owned).into()),
        private: Some(false),
        seq: Some(42),
        epoch: Some("k3x9".into()),
    }));
    let listed = |name: &str| Room { name: name.into(), ..Room::default() };
    stage.answer(Answer::Rooms(["general", "tech talk", "tea kitchen"].map(listed).into()));
    stage.answer(Answer::History(before()));
    stage.wait(40);
    stage.calls.clear();
    stage.app.take_calls();
    stage.hear(Event::Typing { name: "bob".into() });
    stage.send("Hello! Did the deploy go through?");
    stage.answer(Answer::Said(Said::default()));
    stage.wait(65);
    stage.says("bob", "it did, ann: 20 000 connections, and the loop is at 4 % of one core ☕");
    stage.wait(30);
    stage.says("Zoë", "I kept a tcpdump running all night. Nothing but pings every 25 seconds, as it should be. I am almost disappointed.");
    stage.happens(Happening::Joined { name: "grace".into() });
    stage.wait(35);
    stage.says("grace", "hi all 👋");
    let whisper = Message {
        from: "bob".into(),
        text: "cake in the tea kitchen at three, don't tell grace".into(),
        private: true,
        ..Message::default()
    };
    stage.happens(Happening::Message(whisper));
    stage.wait(20);
    stage.calls.clear();
    stage.app.take_calls();
    stage.send("/msg bob my lips are sealed");
    stage.answer(Answer::Said(Said::default()));
    stage.says("山田", "おはようございます");
    stage.wait(10);
    stage.calls.clear();
    stage.app.take_calls();
    stage.app.round_trip = Some(Duration::from_millis(3));
    stage.hear(Event::Typing { name: "Zoë".into() });
    stage.write("grace: welcome, you are just in ti");
    stage
}

/// What was said the evening before.
fn before() -> History {
    let evening = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_802_780);
    let said = |seq, minutes: u64, from: &str, text: &str| Event::Room {
        room: "general".into(),
        seq: Some(seq),
        at: evening + Duration::from_secs(60 * minutes),
        what: Happening::Message(Message {
            from: from.into(),
            text: text.into(),
            ..Message::default()
        }),
    };
    let left = Event::Room {
        room: "general".into(),
        seq: Some(41),
        at: evening + Duration::from_secs(60 * 9),
        what: Happening::Left { name: "grace".into() },
    };
    let events = vec![
        said(38, 0, "bob", "last test run is green, I am rolling it out"),
        said(39, 1, "Zoë", "brave, on a Friday"),
        said(40, 1, "bob", "the daemon drops nobody when it reads its configuration again :)"),
        left,
    ];
    History { events, truncated: true, epoch: "k3x9".into() }
}
