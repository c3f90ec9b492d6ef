//! What is told is each event once, in order, whatever comes when.

use super::*;
use crate::client::event::Message;
use std::time::SystemTime;

fn message(seq: u64, own: bool) -> Event {
    let from = if own { "me" } else { "you" };
    let what = Happening::Message(Message {
        from: from.into(),
        text: seq.to_string(),
        private: false,
        own,
    });
    event(Some(seq), what)
}

fn event(seq: Option<u64>, what: Happening) -> Event {
    Event::Room { room: "tea".into(), seq, at: SystemTime::UNIX_EPOCH, what }
}

fn joined(seq: u64, epoch: &str) -> Joined {
    Joined {
        room: "tea".into(),
        name: "me".into(),
        seq: Some(seq),
        epoch: Some(epoch.into()),
        ..Joined::default()
    }
}

fn page(seqs: impl IntoIterator<Item = u64>) -> History {
    let events = seqs.into_iter().map(|seq| message(seq, false)).collect();
    History { events, truncated: false, epoch: "a".into() }
}

/// What is ready: the `seq` of each event, 0 for what was missed.
fn told(track: &mut Track) -> Vec<u64> {
    let seq = |event| match event {
        Event::Room { seq, .. } => seq.unwrap_or(999),
        Event::Missed => 0,
        other => panic!("{other:?}"),
    };
    track.ready().into_iter().map(seq).collect()
}

/// After what the history is to be asked now.
fn after(track: &mut Track) -> Option<u64> {
    track.wants().map(|(_, after)| after)
}

/// The history answers what was asked last.
fn fetched(track: &mut Track, history: Option<History>, own: Option<&str>) {
    track.fetched(track.asked, history, own);
}

/// In a room whose count stands at 10, and everything up to 12 is told.
fn track(lossy: bool) -> Track {
    let mut track = Track::new(lossy);
    track.joined(&joined(10, "a"));
    track.happened(message(11, false));
    track.happened(message(12, false));
    assert_eq!(told(&mut track), [11, 12]);
    track
}

#[test]
fn over_a_stream_a_hole_is_ones_own() {
    let mut track = track(false);
    track.said(13);
    track.happened(message(15, false));
    track.happened(event(None, Happening::Left { name: "x".into() }));
    track.happened(message(15, false));
    assert_eq!(told(&mut track), [15, 999]);
    assert_eq!(after(&mut track), None);
}

#[test]
fn after_a_reconnect_what_was_missed_comes_page_by_page_before_what_is_new() {
    let mut track = track(false);
    track.lost();
    track.returned(&joined(17, "a"));
    assert!(track.is_returning());
    assert_eq!((after(&mut track), after(&mut track)), (Some(12), None), "asked once");
    track.happened(message(18, false));
    track.happened(message(20, false));
    assert!(told(&mut track).is_empty());
    fetched(&mut track, Some(page([12, 13, 14])), Some("me"));
    assert_eq!(told(&mut track), [13, 14]);
    assert_eq!(after(&mut track), Some(14));
    // The history has what came meanwhile, too.
    fetched(&mut track, Some(page([15, 16, 17, 18])), Some("me"));
    assert_eq!(told(&mut track), [15, 16, 17, 18, 20]);
    assert!(!track.is_returning() && after(&mut track).is_none());
    track.happened(message(20, false));
    track.happened(message(21, false));
    assert_eq!(told(&mut track), [21]);
}

#[test]
fn a_link_lost_again_meanwhile_takes_up_where_it_was() {
    let mut track = track(false);
    track.returned(&joined(17, "a"));
    assert_eq!(after(&mut track), Some(12));
    fetched(&mut track, Some(page([13, 14])), Some("me"));
    track.happened(message(18, false));
    track.lost();
    assert_eq!(told(&mut track), [13, 14]);
    track.returned(&joined(19, "a"));
    assert_eq!(after(&mut track), Some(14));
    fetched(&mut track, Some(page(15..=19)), Some("me"));
    assert_eq!(told(&mut track), [15, 16, 17, 18, 19]);
}

#[test]
fn ones_own_coming_and_going_is_not_told_but_a_message_of_unknown_fate_is() {
    let mut track = track(false);
    track.returned(&joined(16, "a"));
    after(&mut track);
    let name = || "me".to_owned();
    let history = History {
        events: vec![
            message(13, true),
            event(Some(14), Happening::Left { name: name() }),
            event(Some(15), Happening::Left { name: "you".into() }),
            event(Some(16), Happening::Joined { name: name() }),
        ],
        ..page([])
    };
    fetched(&mut track, Some(history), Some("me"));
    assert_eq!(told(&mut track), [13, 15]);
    assert!(!track.is_returning());
}

#[test]
fn what_cannot_be_told_any_more_is_missed() {
    // Forgotten.
    let mut track = track(false);
    track.returned(&joined(300, "a"));
    after(&mut track);
    fetched(&mut track, Some(History { truncated: true, ..page(101..=300) }), Some("me"));
    assert_eq!(told(&mut track)[..2], [0, 101]);
    // A door that does not count.
    let mut track = self::track(false);
    track.returned(&Joined::default());
    assert_eq!((told(&mut track), track.is_returning()), (vec![0], false));
    // No history after all.
    let mut track = self::track(false);
    track.returned(&joined(20, "a"));
    after(&mut track);
    track.happened(message(21, false));
    fetched(&mut track, None, Some("me"));
    assert_eq!(told(&mut track), [0, 21]);
    // A history that does not go on.
    let mut track = self::track(false);
    track.returned(&joined(20, "a"));
    after(&mut track);
    fetched(&mut track, Some(page([])), Some("me"));
    assert_eq!((told(&mut track), track.is_returning()), (vec![0], false));
}

#[test]
fn a_new_count_is_told_from_its_start() {
    let mut track = track(false);
    track.returned(&joined(3, "b"));
    assert_eq!(after(&mut track), Some(0));
    fetched(&mut track, Some(History { epoch: "b".into(), ..page(1..=3) }), Some("me"));
    assert_eq!(told(&mut track), [0, 1, 2, 3]);
    // The same text with a smaller count cannot be.
    track.returned(&joined(2, "b"));
    assert_eq!((told(&mut track), after(&mut track)), (vec![0], Some(0)));
    // And one that changes while it is read.
    fetched(&mut track, Some(History { epoch: "c".into(), ..page(1..=2) }), Some("me"));
    assert_eq!(told(&mut track), [0, 1, 2]);
}

#[test]
fn datagrams_that_got_lost_are_fetched() {
    let mut track = track(true);
    track.happened(message(14, false));
    track.happened(message(15, false));
    assert!(told(&mut track).is_empty());
    assert_eq!((after(&mut track), after(&mut track)), (Some(12), None));
    track.happened(message(17, false));
    fetched(&mut track, Some(page([13, 14])), Some("me"));
    assert_eq!(told(&mut track), [13, 14, 15]);
    assert_eq!(after(&mut track), Some(15), "the next hole");
    fetched(&mut track, Some(page([16, 17])), Some("me"));
    assert_eq!(told(&mut track), [16, 17]);
    assert_eq!(after(&mut track), None);
    assert!(!track.is_returning());
}

#[test]
fn over_datagrams_ones_own_message_is_no_hole_once_it_is_known() {
    let mut track = track(true);
    track.said(13);
    track.happened(message(14, false));
    assert_eq!((told(&mut track), after(&mut track)), (vec![14], None));
    // The answer is late.
    track.happened(message(16, false));
    assert_eq!(after(&mut track), Some(14));
    track.said(15);
    fetched(&mut track, Some(History { events: vec![message(15, true)], ..page([]) }), Some("me"));
    assert_eq!(told(&mut track), [16]);
    // The answer is the first to show a hole.
    track.said(18);
    assert_eq!(after(&mut track), Some(16));
    fetched(&mut track, Some(page([17])), Some("me"));
    assert_eq!(told(&mut track), [17]);
    track.happened(message(19, false));
    assert_eq!((told(&mut track), after(&mut track)), (vec![19], None));
}

#[test]
fn what_overtakes_the_answer_to_a_join_finds_its_room() {
    let mut track = track(true);
    track.moves();
    track.happened(message(13, false));
    let elsewhere = |seq| match message(seq, false) {
        Event::Room { seq, at, what, .. } => Event::Room { room: "den".into(), seq, at, what },
        other => other,
    };
    track.happened(elsewhere(5));
    assert!(told(&mut track).is_empty());
    track.joined(&Joined { room: "den".into(), ..joined(4, "d") });
    assert_eq!(told(&mut track), [13, 5]);
    track.happened(elsewhere(6));
    assert_eq!(told(&mut track), [6]);
    // Refused.
    track.moves();
    track.happened(elsewhere(7));
    track.stays();
    assert_eq!(told(&mut track), [7]);
    // The same room again.
    track.moves();
    track.happened(elsewhere(8));
    track.joined(&Joined { room: "den".into(), ..joined(9, "d") });
    assert_eq!((told(&mut track), after(&mut track)), (vec![8], Some(8)), "who did 9?");
}

#[test]
fn no_more_is_held_than_may_and_the_rest_is_fetched() {
    let mut track = track(false);
    track.returned(&joined(14, "a"));
    after(&mut track);
    let last = 15 + 3 * HELD_MAX as u64;
    for seq in 15..=last {
        track.happened(message(seq, false));
    }
    assert!(track.held.events.len() <= HELD_MAX);
    let mut next = 13;
    let mut all = Vec::new();
    loop {
        fetched(&mut track, Some(page(next..=last.min(next + 199))), Some("me"));
        all.extend(told(&mut track));
        match after(&mut track) {
            Some(after) => next = after + 1,
            None => break,
        }
    }
    assert_eq!(all, (13..=last).collect::<Vec<_>>());
    assert_eq!(track.held.bytes, 0);
}

#[test]
fn no_number_overflows() {
    let mut track = track(true);
    track.happened(message(u64::MAX, false));
    assert_eq!(after(&mut track), Some(12));
    track.said(u64::MAX);
    fetched(&mut track, Some(page([13, u64::MAX])), Some("me"));
    track.happened(message(u64::MAX, false));
    track.said(u64::MAX);
    assert_eq!(told(&mut track), [13]);
    assert_eq!(after(&mut track), None);
}

#[test]
fn a_late_answer_about_the_room_before_is_none_about_this_one() {
    let mut track = track(true);
    track.happened(message(14, false));
    let (late, _) = track.wants().expect("a hole");
    track.joined(&joined(3, "b"));
    assert_eq!(told(&mut track), [0, 14], "13 is missed");
    track.happened(message(5, false));
    let (asked, after) = track.wants().expect("a hole");
    assert_eq!(after, 3);
    track.fetched(late, Some(page([13, 14])), Some("me"));
    assert!(told(&mut track).is_empty());
    track.fetched(asked, Some(History { epoch: "b".into(), ..page([4, 5]) }), Some("me"));
    assert_eq!(told(&mut track), [4, 5]);
}

#[test]
fn what_overtakes_the_answer_on_the_way_back_is_not_lost() {
    let mut track = track(true);
    track.lost();
    track.moves();
    track.happened(message(15, false));
    track.returned(&joined(14, "a"));
    let (asked, after) = track.wants().expect("missed events");
    assert_eq!(after, 12);
    track.fetched(asked, Some(page([13, 14])), Some("me"));
    assert_eq!(told(&mut track), [13, 14, 15]);
}

#[test]
fn the_last_of_a_room_one_is_in_already_may_be_anybodys() {
    let mut track = track(true);
    track.moves();
    track.joined(&joined(13, "a"));
    // It was said by somebody, and comes late or never.
    assert_eq!(after(&mut track), Some(12));
    track.happened(message(13, false));
    fetched(&mut track, Some(page([13])), Some("me"));
    assert_eq!((told(&mut track), after(&mut track)), (vec![13], None));
}

#[test]
fn the_last_datagram_may_be_lost_too() {
    let mut track = track(true);
    track.looks();
    let (asked, after) = track.wants().expect("to look");
    assert_eq!(after, 12);
    track.fetched(asked, Some(page([13])), Some("me"));
    assert_eq!((told(&mut track), track.wants()), (vec![13], None));
    track.looks();
    let (asked, _) = track.wants().expect("to look");
    track.happened(message(15, false));
    track.fetched(asked, Some(page([])), Some("me"));
    assert!(told(&mut track).is_empty(), "nothing is missed yet");
    let (asked, after) = track.wants().expect("a hole");
    assert_eq!(after, 13);
    track.fetched(asked, Some(page([14, 15])), Some("me"));
    assert_eq!(told(&mut track), [14, 15]);
}
