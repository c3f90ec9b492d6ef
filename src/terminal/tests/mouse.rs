//! The wheel, and whose the mouse is.

use super::*;
use crate::client::History;

#[test]
fn the_wheel_scrolls_by_three_rows() {
    let mut stage = Stage::joined(80, 8);
    for number in 1..=20 {
        stage.says("bob", &format!("message {number};"));
    }
    stage.has("message 20;");
    stage.app.wheel(true);
    stage.has_not("message 18;");
    stage.has("message 17;");
    stage.has("↓ more");
    stage.says("bob", "message 21;");
    stage.has("↓ 1 new");
    stage.app.wheel(false);
    stage.has("message 20;");
    stage.has_not("message 21;");
    stage.app.wheel(false);
    stage.has("message 21;");
    stage.has_not("↓");
    // Further down there is nothing.
    stage.app.wheel(false);
    stage.has("message 21;");
}

#[test]
fn the_wheel_comes_to_what_was_before() {
    let mut stage = Stage::joined(80, 8);
    stage.send("/join den");
    let (room, name) = ("den".to_owned(), "ann".into());
    let joined = Joined { room: room.clone(), name, seq: Some(500), ..Joined::default() };
    stage.answer(Answer::Joined(joined));
    stage.answer(Answer::Users(Vec::new()));
    stage.answer(Answer::Rooms(Vec::new()));
    let what = Happening::Joined { name: "ann".into() };
    let event = Event::Room { room, seq: Some(499), at: stage.now().at, what };
    let (events, epoch) = (vec![event], "k3x9".into());
    stage.answer(Answer::History(History { events, truncated: false, epoch }));
    stage.calls_nothing();
    stage.app.wheel(false);
    stage.calls_nothing();
    for _ in 0..3 {
        stage.app.wheel(true);
        assert_eq!(stage.called(), Call::History { after: 398, limit: 100 });
    }
    assert_eq!(stage.calls.len(), 1);
}

#[test]
fn the_mouse_is_taken_and_left_on_demand() {
    let mut stage = Stage::joined(100, 12);
    let told = |stage: &mut Stage| {
        std::mem::take(&mut stage.app.wants_mouse_told).then_some(stage.app.has_mouse)
    };
    assert_eq!((told(&mut stage), stage.app.has_mouse), (None, false));
    stage.send("/mouse");
    assert_eq!(told(&mut stage), Some(true));
    stage.has("· │ the wheel scrolls; text is selected with Shift held");
    stage.send("/mouse");
    assert_eq!(told(&mut stage), Some(false));
    stage.has("· │ the mouse is the terminal's again");
    // There need be no server for that.
    let reason = "gone".into();
    stage.hear(Event::Disconnected { reason, retry_in: Duration::from_secs(9) });
    stage.send("/mouse");
    assert_eq!(told(&mut stage), Some(true));
    stage.calls_nothing();
}
