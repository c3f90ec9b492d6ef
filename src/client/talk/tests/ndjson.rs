//! `ndjson` and `udp`.

use super::*;
use crate::client::call::History;
use crate::client::talk::ndjson::Ndjson;
use crate::client::time::parse_rfc3339;
use crate::client::url::Door;

const JOINED: &str = r#"{"type":"system","room":"lobby","text":"alice joined","seq":1,"timestamp":"2026-01-31T12:34:56.789Z"}
{"type":"ack","id":2,"epoch":"k3x9","seq":1}"#;

fn at() -> SystemTime {
    parse_rfc3339("2026-01-31T12:34:56.789Z").expect("a time")
}

fn event(seq: impl Into<Option<u64>>, what: Happening) -> Event {
    Event::Room { room: "lobby".into(), seq: seq.into(), at: at(), what }
}

fn there(room: &str, name: &str, seq: u64, epoch: &str) -> Joined {
    let (room, name, epoch) = (room.into(), name.into(), Some(epoch.into()));
    Joined { room, name, seq: Some(seq), epoch, ..Joined::default() }
}

/// Let in, and in `lobby` as `alice`.
fn scene() -> Scene<Ndjson> {
    let mut scene = Scene::new(Ndjson::over_tcp());
    scene.requests(r#"{"type":"ping","id":1}"#);
    assert!(!scene.talk.is_ready());
    scene.ignores(r#"{"type":"error","id":1,"text":"Join first"}"#);
    assert!(scene.talk.is_ready());
    let join = join("lobby", " alice ");
    let tag = scene.call(join, r#"{"type":"join","id":2,"room":"lobby","user":" alice "}"#);
    scene.answers(JOINED, tag, Answer::Joined(there("lobby", "alice", 1, "k3x9")));
    scene
}

#[test]
fn people_talk() {
    let mut scene = scene();
    let tag = scene.call(say("Hello!"), r#"{"type":"message","id":3,"text":"Hello!"}"#);
    let said = Answer::Said(Said { seq: Some(2), at: None });
    scene.answers(r#"{"type":"ack","id":3,"seq":2}"#, tag, said);
    scene.tells(
        r#"{"type":"message","room":"lobby","user":"bob","text":"Hi","seq":3,"timestamp":"2026-01-31T12:34:56.789Z"}"#,
        event(3, message("bob", "Hi")),
    );
    let request = r#"{"type":"message","id":4,"to":"bob","text":"psst"}"#;
    let tag = scene.call(whisper("bob", "psst"), request);
    scene.answers(r#"{"type":"ack","id":4}"#, tag, super::said());
    scene.tells(
        r#"{"type":"message","room":"lobby","user":"bob","text":"what?","private":true,"timestamp":"2026-01-31T12:34:56.789Z"}"#,
        event(None, private("bob", "what?")),
    );
    for (text, what) in [
        ("bob is now rob", Happening::Renamed { old: "bob".into(), new: "rob".into() }),
        ("rob left", Happening::Left { name: "rob".into() }),
        ("eve joined", Happening::Joined { name: "eve".into() }),
    ] {
        let line = format!(
            r#"{{"type":"system","room":"lobby","text":"{text}","seq":9,"timestamp":"2026-01-31T12:34:56.789Z"}}"#
        );
        scene.tells(&line, event(9, what));
    }
    let text = "Server is shutting down".to_owned();
    scene.tells(r#"{"type":"system","text":"Server is shutting down"}"#, Event::Notice { text });
}

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut scene = scene();
    let rooms = scene.call(Call::Rooms, r#"{"type":"rooms","id":3}"#);
    let users = scene.call(Call::Users, r#"{"type":"users","id":4}"#);
    let call = Call::History { after: 0, limit: 50 };
    let history = scene.call(call, r#"{"type":"history","id":5,"after":0,"limit":50}"#);
    let ping = scene.call(Call::Ping, r#"{"type":"ping","id":6}"#);
    scene.answers(r#"{"type":"ack","id":6}"#, ping, Answer::Pong(Duration::ZERO));
    let listed = Answer::Users(names(&["alice"]));
    scene.answers(r#"{"type":"users","id":4,"room":"lobby","users":["alice"]}"#, users, listed);
    let own = Message {
        own: true,
        ..Message { from: "alice".into(), text: "Hello!".into(), ..Message::default() }
    };
    let events = vec![
        event(1, Happening::Joined { name: "alice".into() }),
        event(2, Happening::Message(own)),
        event(3, Happening::TooLong { name: "bob".into() }),
    ];
    let kept = History { events, truncated: true, epoch: "k3x9".into() };
    scene.answers(
        concat!(
            r#"{"type":"history","id":5,"room":"lobby","epoch":"k3x9","truncated":true,"messages":["#,
            r#"{"type":"system","room":"lobby","text":"alice joined","seq":1,"timestamp":"2026-01-31T12:34:56.789Z"},"#,
            r#"{"type":"message","room":"lobby","user":"alice","text":"Hello!","seq":2,"timestamp":"2026-01-31T12:34:56.789Z"},"#,
            r#"{"type":"message","room":"lobby","user":"bob","too_long":true,"seq":3,"timestamp":"2026-01-31T12:34:56.789Z"}]}"#
        ),
        history,
        Answer::History(kept),
    );
    let list = Answer::Rooms(vec![room("general", None, false), room("lobby", None, false)]);
    scene.answers(r#"{"type":"rooms","id":3,"rooms":["general","lobby"]}"#, rooms, list);
    scene.ignores(r#"{"type":"rooms","id":3,"rooms":["general","lobby"]}"#);
}

#[test]
fn one_moves_and_takes_another_name() {
    let mut scene = scene();
    let tag = scene.call(rename("al"), r#"{"type":"join","id":3,"user":"al"}"#);
    let line = r#"{"type":"system","room":"lobby","text":"alice is now al","seq":2}
{"type":"ack","id":3,"epoch":"k3x9","seq":2}"#;
    line.lines().for_each(|message| scene.hear(message));
    let what = Happening::Renamed { old: "alice".into(), new: "al".into() };
    let own = Event::Room { room: "lobby".into(), seq: Some(2), at: scene.now, what };
    scene.heard([Heard::Event(own), Heard::Answer(tag, Ok(Answer::Renamed("al".into())))]);
    let tag = scene.call(join("LOBBY", ""), r#"{"type":"join","id":4,"room":"LOBBY"}"#);
    let stayed = Answer::Joined(there("lobby", "al", 2, "k3x9"));
    scene.answers(r#"{"type":"ack","id":4,"epoch":"k3x9","seq":2}"#, tag, stayed);
    let tag = scene.call(join("den", ""), r#"{"type":"join","id":5,"room":"den"}"#);
    scene.tells(
        r#"{"type":"message","room":"lobby","user":"bob","text":"Hi","seq":3,"timestamp":"2026-01-31T12:34:56.789Z"}"#,
        event(3, message("bob", "Hi")),
    );
    let line = r#"{"type":"system","room":"Den","text":"al joined","seq":7}
{"type":"ack","id":5,"epoch":"b","seq":7}"#;
    scene.answers(line, tag, Answer::Joined(there("Den", "al", 7, "b")));
    let tag = scene.call(Call::Leave, r#"{"type":"leave","id":6}"#);
    scene.answers(r#"{"type":"ack","id":6}"#, tag, Answer::Done);
    let tag = scene.call(join("", ""), r#"{"type":"join","id":7,"room":"general"}"#);
    scene.refuses(r#"{"type":"error","id":7,"text":"User is required"}"#, tag, "User is required");
}

#[test]
fn who_names_no_room_comes_to_the_first_of_the_list() {
    let let_in = || {
        let mut scene = Scene::new(Ndjson::over_tcp());
        scene.asks(r#"{"type":"error","id":1,"text":"Join first"}"#, r#"{"type":"ping","id":1}"#);
        let request = r#"{"type":"join","id":2,"room":"general","user":"ann"}"#;
        let tag = scene.call(join("", "ann"), request);
        let landed = r#"{"type":"system","room":"general","text":"ann joined","seq":1}
{"type":"ack","id":2,"epoch":"a","seq":1}"#;
        scene.asks(landed, r#"{"type":"rooms","id":3}"#);
        (scene, tag)
    };
    let (mut scene, tag) = let_in();
    scene.hear(r#"{"type":"message","room":"general","user":"bob","text":"hi","seq":2}"#);
    assert!(matches!(scene.out.heard.pop(), Some(Heard::Event(Event::Room { .. }))));
    let line = r#"{"type":"rooms","id":3,"rooms":["general","tea"]}"#;
    // What was told meanwhile is not to be fetched again.
    scene.answers(line, tag, Answer::Joined(there("general", "ann", 2, "a")));
    let line = r#"{"type":"rooms","id":3,"rooms":["Lobby","general"]}"#;
    let (mut scene, tag) = let_in();
    scene.asks(line, r#"{"type":"join","id":4,"room":"Lobby"}"#);
    let come = r#"{"type":"system","room":"Lobby","text":"ann joined","seq":7}
{"type":"ack","id":4,"epoch":"b","seq":7}"#;
    scene.answers(come, tag, Answer::Joined(there("Lobby", "ann", 7, "b")));
    let (mut scene, tag) = let_in();
    scene.asks(line, r#"{"type":"join","id":4,"room":"Lobby"}"#);
    let refused = r#"{"type":"error","id":4,"text":"Too many rooms"}"#;
    scene.answers(refused, tag, Answer::Joined(there("general", "ann", 1, "a")));
    let (mut scene, tag) = let_in();
    // Asked before, answered late.
    let ping = scene.call(Call::Ping, r#"{"type":"ping","id":4}"#);
    scene.answers(r#"{"type":"ack","id":4}"#, ping, Answer::Pong(Default::default()));
    let line = r#"{"type":"rooms","id":3,"rooms":["general"]}"#;
    scene.answers(line, tag, Answer::Joined(there("general", "ann", 1, "a")));
    let (mut scene, tag) = let_in();
    let refused = r#"{"type":"error","id":3,"text":"Join first"}"#;
    scene.answers(refused, tag, Answer::Joined(there("general", "ann", 1, "a")));
}

#[test]
fn another_door_is_known_by_what_it_says_first() {
    for line in [
        r#"{"error":"Invalid request","code":-32600}"#,
        r#"{"type":"request","data":{"request":"login"}}"#,
        r#"{"status":"connected","client_id":"3f9a1c0e"}"#,
    ] {
        let mut scene = Scene::new(Ndjson::over_tcp());
        scene.hear(line);
        assert_eq!(scene.out.broken.as_deref(), Some("what answers there is another door"));
    }
}

#[test]
fn what_one_said_is_known_by_the_name_that_one_bore_then() {
    let mut scene = scene();
    let tag = scene.call(rename("bob"), r#"{"type":"join","id":3,"user":"bob"}"#);
    let ack = r#"{"type":"ack","id":3,"epoch":"k3x9","seq":5}"#;
    scene.answers(ack, tag, Answer::Renamed("bob".into()));
    let call = Call::History { after: 0, limit: 9 };
    scene.call(call, r#"{"type":"history","id":4,"after":0,"limit":9}"#);
    let line = |(seq, user)| {
        format!(r#"{{"type":"message","room":"lobby","user":"{user}","text":"x","seq":{seq}}}"#)
    };
    let lines = [(2, "alice"), (3, "bob"), (6, "alice"), (7, "bob")].map(line).join(",");
    scene.hear(&format!(r#"{{"type":"history","id":4,"epoch":"k3x9","messages":[{lines}]}}"#));
    let [Heard::Answer(_, Ok(Answer::History(history)))] = &scene.out.heard[..] else {
        panic!("{:?}", scene.out.heard);
    };
    let own = history.events.iter().map(|event| match event {
        Event::Room { what: Happening::Message(message), .. } => message.own,
        other => panic!("{other:?}"),
    });
    assert_eq!(own.collect::<Vec<_>>(), [true, false, false, true]);
}

#[test]
fn what_there_is_no_word_for_is_not_asked() {
    let mut scene = scene();
    let not_offered = |call| CallError::NotOffered { door: Door::Ndjson, call };
    scene.call_refused(Call::SetPrivate { private: true }, not_offered("private rooms"));
    scene.call_refused(log_in("ann"), not_offered("accounts"));
    scene.call_refused(Call::LogOut, not_offered("accounts"));
    let tag = scene.call(Call::Typing, "");
    scene.heard([Heard::Answer(tag, Ok(Answer::Done))]);
    let long = "x".repeat(64 * 1024);
    scene.call_refused(say(&long), refused("This is too long for one request"));
    scene.call_refused(rename(&long), refused("This is too long for one request"));
    // Nor does anything wait for its answer.
    let what = Happening::Joined { name: "eve".into() };
    let line = r#"{"type":"system","room":"lobby","text":"eve joined","seq":2,"timestamp":"2026-01-31T12:34:56.789Z"}"#;
    scene.tells(line, event(2, what));
}

#[test]
fn what_is_no_message_of_this_door_ends_it() {
    for line in ["220 mail.example.org", "[]", "{\"type\"", "\u{1b}[2J"] {
        let mut scene = scene();
        scene.hear(line);
        assert_eq!(scene.out.broken.as_deref(), Some("what came is no JSON object"), "{line}");
    }
    let mut scene = scene();
    for line in [r#"{"type":7}"#, "{}", r#"{"type":"ack","id":"2"}"#, r#"{"type":"odd"}"#] {
        scene.ignores(line);
    }
}

#[test]
fn over_datagrams_a_token_shows_that_they_arrive_and_nonsense_ends_nothing() {
    let mut scene = Scene::new(Ndjson::over_udp());
    let greeting = String::from_utf8(scene.out.messages.remove(0)).expect("UTF-8");
    assert!(greeting.contains(r#","padding":""#) && greeting.len() > 60, "{greeting}");
    let id = |request: &str| -> u64 {
        serde_json::from_str::<serde_json::Value>(request).expect("JSON")["id"]
            .as_u64()
            .expect("an id")
    };
    let first = id(&greeting);
    scene.ignores(&format!(r#"{{"type":"error","id":{first},"text":"Join first"}}"#));
    scene.talk.call(Tag(1), &join("lobby", "alice"), &mut scene.out);
    scene.out.messages.clear();
    let ack = format!(r#"{{"type":"ack","id":{},"epoch":"e","seq":6,"token":"b81f"}}"#, first + 1);
    scene.answers(&ack, Tag(1), Answer::Joined(there("lobby", "alice", 6, "e")));
    let third = first + 2;
    let request = format!(r#"{{"type":"message","id":{third},"token":"b81f","text":"hi"}}"#);
    scene.call(say("hi"), &request);
    scene.call_refused(say(&"x".repeat(8192)), refused("This is too long for one request"));
    for line in ["220 mail.example.org", "[]", "{", ""] {
        scene.ignores(line);
    }
}
