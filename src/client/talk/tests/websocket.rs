//! `parlance.v1`.

use super::*;
use crate::client::call::History;
use crate::client::talk::websocket::WebSocket;

const GREETING: &str = r#"{"status":"connected","client_id":"3f9a1c0e","message":"Welcome!","protocol":"parlance.v1","name":"3f9a1c0e","accounts":true,"default_room":"general","default_room_id":"c0ffee42","limits":{"frame_bytes":65536,"text_chars":1000,"json_bytes":8192,"name_chars":50,"history_events":200,"presence_members":1000,"typing_ms":2000}}"#;

const TIME: &str = "2026-01-31T12:34:56.789Z";

fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_862_896_789)
}

fn greeted() -> Scene<WebSocket> {
    let mut scene = Scene::new(WebSocket::default());
    scene.ignores(GREETING);
    assert!(scene.talk.is_ready());
    scene
}

fn entered(id: u64, action: &str, room: &str, users: &str) -> String {
    format!(
        r#"{{"status":"success","action":"{action}","id":{id},"room_id":"a1b2c3d4","room":"{room}","private":false,"epoch":"k3x9a0b1","seq":17,"users":{users}}}"#
    )
}

fn error(id: u64, message: &str) -> String {
    format!(r#"{{"status":"error","action":"any","id":{id},"message":"{message}"}}"#)
}

fn in_general(name: &str, users: &[&str]) -> Answer {
    Answer::Joined(Joined {
        room: "general".into(),
        name: name.into(),
        users: Some(names(users)),
        private: Some(false),
        seq: Some(17),
        epoch: Some("k3x9a0b1".into()),
    })
}

/// Alice, in general. The last id was 2.
fn alice() -> Scene<WebSocket> {
    let mut scene = greeted();
    let tag = scene.call(join("", "Alice"), r#"{"action":"name","body":"Alice","id":1}"#);
    scene.asks(
        r#"{"status":"success","action":"name","id":1,"name":"Alice"}"#,
        r#"{"action":"join","body":{"room":"general"},"id":2}"#,
    );
    let answer = entered(2, "join", "general", r#"["Bob","Alice"]"#);
    scene.answers(&answer, tag, in_general("Alice", &["Bob", "Alice"]));
    scene
}

#[test]
fn a_server_that_does_not_speak_it_is_left() {
    for greeting in [
        r#"{"status":"connected","client_id":"3f9a1c0e","message":"Welcome!"}"#,
        r#"{"status":"connected","protocol":"parlance.v2"}"#,
        r#"{"status":"connected","protocol":1}"#,
    ] {
        let mut scene = Scene::new(WebSocket::default());
        scene.ignores(r#"{"event":"joined"}"#);
        scene.hear(greeting);
        assert!(scene.out.broken.is_some() && !scene.talk.is_ready(), "{greeting}");
    }
}

#[test]
fn calls_wait_for_the_greeting() {
    let mut scene = Scene::new(WebSocket::default());
    scene.call(Call::Rooms, "");
    scene.asks(GREETING, r#"{"action":"rooms","id":1}"#);
    scene.ignores(GREETING);
}

#[test]
fn talking() {
    let mut scene = alice();
    let said = scene.call(say("Hello!"), r#"{"action":"message","body":"Hello!","id":3}"#);
    let whispered = scene.call(
        whisper("Bob", "psst"),
        r#"{"action":"private","body":{"to":"Bob","body":"psst"},"id":4}"#,
    );
    let answer = format!(
        r#"{{"status":"success","action":"message","id":3,"seq":42,"timestamp":"{TIME}"}}"#
    );
    let seq_and_time = Answer::Said(Said { seq: Some(42), at: Some(time()) });
    scene.answers(&answer, said, seq_and_time);
    let answer =
        format!(r#"{{"status":"success","action":"private","id":4,"timestamp":"{TIME}"}}"#);
    scene.answers(&answer, whispered, Answer::Said(Said { seq: None, at: Some(time()) }));
    let said = scene.call(say(" "), r#"{"action":"message","body":" ","id":5}"#);
    scene.refuses(&error(5, "Message is required"), said, "Message is required");
}

#[test]
fn events() {
    let mut scene = alice();
    for (kind, seq, what) in [
        (
            r#""joined","room":"general","seq":1,"name":"Bob""#,
            Some(1),
            Happening::Joined { name: "Bob".into() },
        ),
        (
            r#""left","room":"general","seq":2,"name":"Bob""#,
            Some(2),
            Happening::Left { name: "Bob".into() },
        ),
        (
            r#""renamed","room":"general","seq":3,"old":"3f9a1c0e","name":"Bob""#,
            Some(3),
            Happening::Renamed { old: "3f9a1c0e".into(), new: "Bob".into() },
        ),
        (
            r#""message","room":"general","seq":4,"from":"Bob","body":"Hi!""#,
            Some(4),
            message("Bob", "Hi!"),
        ),
        (
            r#""message","room":"general","seq":5,"from":"Bob","body":{"a":[1.0,"\u00e9"]}"#,
            Some(5),
            message("Bob", r#"{"a":[1.0,"\u00e9"]}"#),
        ),
        (
            r#""private","room":"general","from":"Alice","to":"Alice","body":"psst""#,
            None,
            private("Alice", "psst"),
        ),
        (
            r#""room_changed","room":"general","private":true"#,
            None,
            Happening::Changed { private: true },
        ),
    ] {
        let event = Event::Room { room: "general".into(), seq, at: time(), what };
        scene.tells(&format!(r#"{{"event":{kind},"timestamp":"{TIME}"}}"#), event);
    }
    scene.tells(
        r#"{"event":"typing","room":"general","name":"Bob"}"#,
        Event::Typing { name: "Bob".into() },
    );
    scene.tells(
        r#"{"event":"room_opened","room":"Den","room_id":"a1b2c3d4","timestamp":"…"}"#,
        Event::RoomOpened { room: "Den".into() },
    );
    scene.tells(
        r#"{"event":"room_closed","room":"Den","room_id":"a1b2c3d4","timestamp":"…"}"#,
        Event::RoomClosed { room: "Den".into() },
    );
    // Without a room and a time that can be read: here and now.
    let event = scene.now_in("general", message("Bob", "7"));
    scene.tells(r#"{"event":"message","from":"Bob","body":7,"timestamp":"soon"}"#, event);
    scene.ignores(r#"{"event":"message","from":7,"body":"x"}"#);
    scene.ignores(r#"{"event":"fireworks","room":"general"}"#);
    let logged_out = Event::LoggedOut { name: Some("7d01b2aa".into()) };
    scene.tells(r#"{"event":"logged_out","name":"7d01b2aa"}"#, logged_out);
    scene.ignores(r#"{"event":"joined","name":"Bob"}"#);
}

#[test]
fn a_room_that_is_not_there_is_made() {
    let mut scene = greeted();
    let tag = scene.call(join("Den", ""), r#"{"action":"join","body":{"room":"Den"},"id":1}"#);
    scene.asks(&error(1, "Room not found"), r#"{"action":"create","body":"Den","id":2}"#);
    scene.hear(&entered(2, "create", "Den", r#"["3f9a1c0e"]"#));
    assert!(matches!(
        &scene.out.heard[..],
        [Heard::Answer(answered, Ok(Answer::Joined(joined)))] if *answered == tag && joined.room == "Den"
    ));
}

#[test]
fn somebody_else_may_be_quicker_and_a_name_may_be_an_id() {
    let mut scene = greeted();
    let tag =
        scene.call(join("a1b2c3d4", ""), r#"{"action":"join","body":{"room":"a1b2c3d4"},"id":1}"#);
    scene.asks(&error(1, "Room not found"), r#"{"action":"create","body":"a1b2c3d4","id":2}"#);
    scene.asks(
        &error(2, "Room already exists"),
        r#"{"action":"join","body":{"room":"a1b2c3d4"},"id":3}"#,
    );
    scene.asks(
        &error(3, "Room not found"),
        r#"{"action":"join","body":{"room_id":"a1b2c3d4"},"id":4}"#,
    );
    scene.refuses(&error(4, "Room not found"), tag, "Room not found");
    let tag = scene.call(join("Den", ""), r#"{"action":"join","body":{"room":"Den"},"id":5}"#);
    scene.asks(&error(5, "Room not found"), r#"{"action":"create","body":"Den","id":6}"#);
    scene.refuses(&error(6, "Too many rooms"), tag, "Too many rooms");
}

#[test]
fn who_joins_takes_the_name_first_and_others_wait() {
    let mut scene = greeted();
    let joining = scene.call(join("Den", "Bob"), r#"{"action":"name","body":"Bob","id":1}"#);
    let saying = scene.call(say("Hi"), "");
    scene.hear(&error(1, "Name already taken"));
    scene.heard([Heard::Answer(joining, Err(refused("Name already taken")))]);
    scene.requests(r#"{"action":"message","body":"Hi","id":2}"#);
    scene.refuses(&error(2, "Not in a room"), saying, "Not in a room");
}

#[test]
fn one_is_where_one_was_unless_another_room_is_named() {
    let mut scene = alice();
    let leaving = scene.call(Call::Leave, r#"{"action":"leave","id":3}"#);
    let answer = r#"{"status":"success","action":"leave","id":3,"room":"general"}"#;
    scene.answers(answer, leaving, Answer::Done);
    scene.call(join("Den", ""), r#"{"action":"join","body":{"room":"Den"},"id":4}"#);
    scene.hear(&entered(4, "join", "Den", "7"));
    scene.out.heard.clear();
    scene.call(join("", ""), r#"{"action":"join","body":{"room":"Den"},"id":5}"#);
}

#[test]
fn lists() {
    let mut scene = alice();
    let rooms = scene.call(Call::Rooms, r#"{"action":"rooms","id":3}"#);
    let users = scene.call(Call::Users, r#"{"action":"users","id":4}"#);
    scene.answers(
        r#"{"status":"success","action":"rooms","id":3,"rooms":[{"room_id":"c0ffee42","room":"general","private":false,"count":3},{"room":"Den","private":true,"count":"x"},{"room":7},{"room":"Loft"}]}"#,
        rooms,
        Answer::Rooms(vec![
            room("general", Some(3), false),
            room("Den", None, true),
            room("Loft", None, false),
        ]),
    );
    scene.answers(
        r#"{"status":"success","action":"users","id":4,"room":"general","seq":17,"users":["Bob","Alice"]}"#,
        users,
        Answer::Users(names(&["Bob", "Alice"])),
    );
    let users = scene.call(Call::Users, r#"{"action":"users","id":5}"#);
    scene.refuses(
        r#"{"status":"success","id":5,"users":[1]}"#,
        users,
        "The server's answer makes no sense",
    );
}

/// That Alice has another name now, which has a place in the count.
fn renamed(scene: &Scene<WebSocket>, seq: u64, new: &str) -> Heard {
    let what = Happening::Renamed { old: "Alice".into(), new: new.into() };
    Heard::Event(Event::Room { room: "general".into(), seq: Some(seq), at: scene.now, what })
}

#[test]
fn history_knows_what_is_ones_own() {
    let mut scene = alice();
    let renaming = scene.call(rename(" Ann "), r#"{"action":"name","body":" Ann ","id":3}"#);
    scene.hear(r#"{"status":"success","action":"name","id":3,"name":"Ann","seq":20}"#);
    let own = renamed(&scene, 20, "Ann");
    scene.heard([own, Heard::Answer(renaming, Ok(Answer::Renamed("Ann".into())))]);
    let tag = scene.call(
        Call::History { after: 16, limit: 50 },
        r#"{"action":"history","body":{"after":16,"limit":50},"id":4}"#,
    );
    let event = |seq, from| {
        format!(
            r#"{{"event":"message","room":"general","seq":{seq},"from":"{from}","body":"x","timestamp":"{TIME}"}}"#
        )
    };
    let events = [
        event(9, "Alice"),
        event(18, "Alice"),
        event(19, "Ann"),
        event(21, "Ann"),
        event(22, "Alice"),
        r#"{"event":"typing","room":"general","name":"Bob"}"#.to_owned(),
        "7".to_owned(),
    ];
    scene.hear(&format!(
        r#"{{"status":"success","action":"history","id":4,"room":"general","epoch":"k3x9a0b1","seq":22,"truncated":true,"events":[{}]}}"#,
        events.join(",")
    ));
    let heard = std::mem::take(&mut scene.out.heard);
    let [Heard::Answer(answered, Ok(Answer::History(History { events, truncated: true, epoch })))] =
        &heard[..]
    else {
        panic!("{heard:?}");
    };
    assert_eq!((*answered, &**epoch), (tag, "k3x9a0b1"));
    let own = |event: &Event| match event {
        Event::Room { seq, at, what: Happening::Message(message), .. } => {
            assert_eq!(*at, time());
            (*seq, message.own)
        }
        other => panic!("{other:?}"),
    };
    let owned: Vec<_> = events.iter().map(own).collect();
    let expected = [(9, true), (18, true), (19, false), (21, true), (22, false)];
    assert_eq!(owned, expected.map(|(seq, own)| (Some(seq), own)));
}

#[test]
fn private_rooms() {
    let mut scene = alice();
    let tag = scene.call(
        Call::SetPrivate { private: true },
        r#"{"action":"room","body":{"private":true},"id":3}"#,
    );
    let answer = "The default room is always public";
    scene.refuses(&error(3, answer), tag, answer);
    let tag = scene.call(
        Call::SetPrivate { private: false },
        r#"{"action":"room","body":{"private":false},"id":4}"#,
    );
    scene.answers(
        r#"{"status":"success","action":"room","id":4,"room_id":"a1b2c3d4","room":"Den","private":false,"epoch":"zz81kq0c","seq":1}"#,
        tag,
        Answer::Done,
    );
}

#[test]
fn accounts() {
    let mut scene = alice();
    let call = Call::Register { name: "ann".into(), password: "sesame".into() };
    let tag = scene
        .call(call, r#"{"action":"register","body":{"name":"ann","password":"sesame"},"id":3}"#);
    scene.hear(r#"{"status":"success","action":"register","id":3,"name":"ann","seq":19}"#);
    let own = renamed(&scene, 19, "ann");
    scene.heard([own, Heard::Answer(tag, Ok(Answer::LoggedIn("ann".into())))]);
    let tag = scene.call(
        log_in("Ann"),
        r#"{"action":"login","body":{"name":"Ann","password":"sesame"},"id":4}"#,
    );
    scene.answers(
        r#"{"status":"success","action":"login","id":4,"name":"ann","seq":20}"#,
        tag,
        Answer::LoggedIn("ann".into()),
    );
    let tag = scene.call(Call::LogOut, r#"{"action":"logout","id":5}"#);
    scene.answers(
        r#"{"status":"success","action":"logout","id":5,"name":"7d01b2aa"}"#,
        tag,
        Answer::Done,
    );
    // In no room any more, so back to the default one.
    let join_general = r#"{"action":"join","body":{"room":"general"},"id":6}"#;
    let tag = scene.call(join("", ""), join_general);
    scene.answers(
        &entered(6, "join", "general", r#"["7d01b2aa"]"#),
        tag,
        in_general("7d01b2aa", &["7d01b2aa"]),
    );
}

#[test]
fn typing_is_told_now_and_then() {
    let mut scene = alice();
    let tag = scene.call(Call::Typing, r#"{"action":"typing","id":3}"#);
    scene.answers(r#"{"status":"success","action":"typing","id":3}"#, tag, Answer::Done);
    scene.now += Duration::from_millis(1999);
    let tag = scene.call(Call::Typing, "");
    scene.heard([Heard::Answer(tag, Ok(Answer::Done))]);
    scene.now += Duration::from_millis(1);
    let tag = scene.call(Call::Typing, r#"{"action":"typing","id":4}"#);
    scene.refuses(&error(4, "Not in a room"), tag, "Not in a room");
    scene.now -= Duration::from_secs(3600);
    scene.call(Call::Typing, r#"{"action":"typing","id":5}"#);
    scene.now -= Duration::from_secs(3600);
    scene.call(Call::Typing, r#"{"action":"typing","id":6}"#);
}

#[test]
fn a_ping_is_answered_anywhere() {
    for answer in [
        error(1, "Not in a room"),
        r#"{"status":"success","action":"room","id":1,"room":"general"}"#.to_owned(),
    ] {
        let mut scene = greeted();
        let tag = scene.call(Call::Ping, r#"{"action":"room","id":1}"#);
        scene.answers(&answer, tag, Answer::Pong(Duration::ZERO));
    }
}

#[test]
fn answers_to_nothing_are_ignored() {
    let mut scene = alice();
    scene.ignores(&error(7, "Not in a room"));
    scene.ignores(r#"{"status":"success","action":"leave","room":"general"}"#);
    let tag = scene.call(Call::Leave, r#"{"action":"leave","id":3}"#);
    scene.ignores(r#"{"status":"perhaps","id":3}"#);
    scene.ignores(r#"{"status":"success","id":"3"}"#);
    scene.answers(r#"{"status":"success","id":3}"#, tag, Answer::Done);
    scene.ignores(r#"{"status":"success","id":3}"#);
}

#[test]
fn what_would_end_the_connection_is_not_sent() {
    let mut scene = alice();
    scene.call_refused(say(&"x".repeat(65536)), refused("This is too long for one request"));
    scene.call(say("x"), r#"{"action":"message","body":"x","id":3}"#);
}
