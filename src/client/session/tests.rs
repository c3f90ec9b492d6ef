//! A session on a clock of the test's own, with a server that is played by hand.

use super::calls::UNDER_WAY_MAX;
use super::*;
use crate::client::talk::talk;
use std::sync::mpsc::{Receiver, channel};

/// A session over `ndjson`, and the time.
struct Play {
    session: Session,
    now: Instant,
}

type Results = Receiver<Result<Answer, CallError>>;

impl Play {
    /// Let in, and in room `tea` as `ann`, whose count stands at 5.
    fn begin() -> Play {
        let url = "ndjson://ann@h/tea".parse().expect("a URL");
        let now = Instant::now();
        let mut play = Play { session: Session::new(&url, &Options::default(), now), now };
        play.open();
        let joined = play.call(Call::Join { room: None, name: None });
        play.sends(&[r#"{"type":"join","id":2,"room":"tea","user":"ann"}"#]);
        play.hears(r#"{"type":"ack","id":2,"epoch":"e","seq":5}"#);
        assert!(matches!(joined.try_recv(), Ok(Ok(Answer::Joined(_)))));
        play
    }

    fn open(&mut self) {
        let url = "ndjson://h".parse().expect("a URL");
        self.session.opened(talk(&url), self.now);
        self.sends(&[r#"{"type":"ping","id":1}"#]);
        self.hears(r#"{"type":"error","id":1,"text":"Join first"}"#);
        assert!(self.session.is_ready());
    }

    fn call(&mut self, call: Call) -> Results {
        let (sender, results) = channel();
        // Not every test looks at what comes of its calls.
        let callback = Box::new(move |result| drop(sender.send(result)));
        let Ok(done) = Done::new(callback, &std::sync::Arc::default(), 1) else { panic!() };
        self.session.call(call, done, self.now);
        results
    }

    fn say(&mut self, text: &str) -> Results {
        self.call(Call::Say { text: text.into() })
    }

    fn hears(&mut self, message: &str) {
        self.session.message(message.as_bytes(), self.now);
        self.tell();
    }

    /// Lets time pass; gives the events.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.tick(self.now);
        self.tell();
    }

    /// Calls back whoever is to be.
    fn tell(&mut self) {
        for told in self.session.told() {
            match told {
                Told::Done(done, result) => done.call(result),
                event => self.session.told.push(event),
            }
        }
    }

    #[track_caller]
    fn sends(&mut self, expected: &[&str]) {
        let outbox = self.session.outbox().into_iter();
        let outbox: Vec<_> = outbox.map(|sent| String::from_utf8(sent).expect("UTF-8")).collect();
        assert_eq!(outbox, expected);
    }

    fn events(&mut self) -> Vec<Event> {
        let told = self.session.told().into_iter();
        told.map(|told| match told {
            Told::Event(event) => event,
            Told::Done(..) => panic!("called back"),
        })
        .collect()
    }
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut play = Play::begin();
    assert_eq!(play.session.wake_at(), Some(play.now + s(20)));
    play.pass(s(19));
    play.sends(&[]);
    play.hears(r#"{"type":"message","room":"tea","user":"x","text":"y","seq":6}"#);
    play.pass(s(19));
    play.sends(&[]);
    play.pass(s(1));
    play.sends(&[r#"{"type":"ping","id":3}"#]);
    play.pass(s(1));
    play.sends(&[]);
    play.hears(r#"{"type":"ack","id":3}"#);
    play.pass(s(20));
    play.sends(&[r#"{"type":"ping","id":4}"#]);
    assert_eq!(play.session.wake_at(), Some(play.now + s(10)));
    play.pass(s(9));
    assert_eq!(play.session.broken(), None);
    play.pass(s(1));
    assert_eq!(play.session.broken().as_deref(), Some("the server does not answer"));
}

#[test]
fn a_call_that_is_not_answered_says_so_once_and_a_late_answer_is_learned_from() {
    let mut play = Play::begin();
    let joined = play.call(Call::Join { room: Some("den".into()), name: None });
    let said = play.say("hi");
    play.sends(&[r#"{"type":"join","id":3,"room":"den","user":"ann"}"#]);
    play.pass(s(10));
    assert_eq!(joined.try_recv(), Ok(Err(CallError::NoAnswer)));
    assert_eq!(said.try_recv(), Ok(Err(CallError::NoAnswer)), "it waited for the join");
    play.sends(&[]);
    play.hears(r#"{"type":"ack","id":3,"epoch":"f","seq":1}"#);
    assert!(joined.try_recv().is_err());
    assert_eq!(play.session.standing.room.as_deref(), Some("den"));
    play.say("hi");
    play.sends(&[r#"{"type":"message","id":4,"text":"hi"}"#]);
}

#[test]
fn what_moves_goes_alone_and_the_rest_together() {
    let mut play = Play::begin();
    for _ in 0..40 {
        play.say("x");
    }
    play.call(Call::Leave);
    play.call(Call::Users);
    assert_eq!(play.session.outbox().len(), UNDER_WAY_MAX);
    for id in 3..42 {
        play.hears(&format!(r#"{{"type":"ack","id":{id},"seq":{id}}}"#));
    }
    assert_eq!(play.session.outbox().len(), 40 - UNDER_WAY_MAX, "one is not answered");
    play.hears(r#"{"type":"ack","id":42,"seq":42}"#);
    play.sends(&[r#"{"type":"leave","id":43}"#]);
    play.hears(r#"{"type":"ack","id":43}"#);
    play.sends(&[r#"{"type":"users","id":44}"#]);
}

#[test]
fn a_way_back_leads_to_where_one_was_and_calls_fail_until_then() {
    let mut play = Play::begin();
    let said = play.say("lost?");
    play.sends(&[r#"{"type":"message","id":3,"text":"lost?"}"#]);
    play.session.lost();
    play.tell();
    assert_eq!(said.try_recv(), Ok(Err(CallError::Disconnected)));
    assert_eq!((play.session.wake_at(), play.session.is_settled()), (None, false));
    play.open();
    play.session.come_back(play.now);
    let early = play.say("too early");
    play.tell();
    assert_eq!(early.try_recv(), Ok(Err(CallError::Disconnected)));
    play.sends(&[r#"{"type":"join","id":2,"room":"tea","user":"ann"}"#]);
    play.hears(r#"{"type":"error","id":2,"text":"Name already taken"}"#);
    play.sends(&[]);
    let at = play.session.wake_at().expect("another try");
    play.pass(at - play.now);
    play.sends(&[r#"{"type":"join","id":3,"room":"tea","user":"ann"}"#]);
    play.hears(r#"{"type":"system","room":"tea","text":"ann joined","seq":8}"#);
    play.hears(r#"{"type":"ack","id":3,"epoch":"e","seq":8}"#);
    play.sends(&[r#"{"type":"history","id":4,"after":5,"limit":200}"#]);
    assert_eq!(play.events(), []);
    play.hears(concat!(
        r#"{"type":"history","id":4,"room":"tea","epoch":"e","messages":["#,
        r#"{"type":"message","room":"tea","user":"ann","text":"lost?","seq":6},"#,
        r#"{"type":"system","room":"tea","text":"ann left","seq":7},"#,
        r#"{"type":"system","room":"tea","text":"ann joined","seq":8}]}"#
    ));
    let events = play.events();
    let [Event::Room { what: Happening::Message(own), .. }, Event::Reconnected { room, name }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((&*own.text, own.own), ("lost?", true), "it was said after all");
    assert_eq!((room.as_deref(), name.as_deref()), (Some("tea"), Some("ann")));
    assert!(play.session.is_settled());
}

#[test]
fn who_cannot_come_back_is_told_why_and_is_nowhere() {
    let mut play = Play::begin();
    play.session.lost();
    play.open();
    play.session.come_back(play.now);
    play.sends(&[r#"{"type":"join","id":2,"room":"tea","user":"ann"}"#]);
    play.hears(r#"{"type":"error","id":2,"text":"Too many rooms"}"#);
    let expected = [
        Event::Notice { text: "Too many rooms".into() },
        Event::Reconnected { room: None, name: Some("ann".into()) },
    ];
    assert_eq!(play.events(), expected);
    play.call(Call::Join { room: Some("den".into()), name: None });
    play.sends(&[r#"{"type":"join","id":3,"room":"den","user":"ann"}"#]);
}

#[test]
fn a_password_is_known_only_while_one_is_logged_in() {
    let url = "accounts://h".parse().expect("a URL");
    let now = Instant::now();
    let mut play = Play { session: Session::new(&url, &Options::default(), now), now };
    play.session.opened(talk(&url), now);
    let log_in = || Call::LogIn { name: "ann".into(), password: "sesame".into() };
    let ok = r#"{"type":"login","status":"ok","data":{"username":"ann","chatroom":"lobby"}}"#;
    play.call(log_in());
    play.hears(r#"{"type":"login","status":"error","message":"Invalid username or password"}"#);
    assert_eq!(play.session.standing.account, None);
    play.call(log_in());
    play.hears(ok);
    assert!(play.session.standing.account.is_some());
    play.call(Call::LogOut);
    play.hears(r#"{"type":"logout","status":"ok","message":"Logged out"}"#);
    assert_eq!(play.session.standing, Standing::default());
    // Or when the account is removed.
    play.call(log_in());
    play.hears(ok);
    play.hears(r#"{"type":"logout","status":"ok","message":"Logged out"}"#);
    assert_eq!(play.session.standing, Standing::default());
}

/// A session over datagrams, in room `tea` as `ann`, whose count stands at 5.
fn over_datagrams() -> Play {
    let url: Url = "udp://ann@h/tea".parse().expect("a URL");
    let now = Instant::now();
    let mut play = Play { session: Session::new(&url, &Options::default(), now), now };
    play.session.opened(talk(&url), now);
    let id = play.sends_one("ping");
    play.hears(&format!(r#"{{"type":"error","id":{id},"text":"Join first"}}"#));
    play.call(Call::Join { room: None, name: None });
    let id = play.sends_one("join");
    play.hears(&format!(r#"{{"type":"ack","id":{id},"epoch":"e","seq":5,"token":"t"}}"#));
    play
}

impl Play {
    /// Expects a request of this kind alone; gives its id.
    #[track_caller]
    fn sends_one(&mut self, kind: &str) -> u64 {
        assert_eq!(self.session.outbox.len(), 1);
        self.sends_first(kind)
    }

    /// Expects a request of this kind before all others; gives its id.
    #[track_caller]
    fn sends_first(&mut self, kind: &str) -> u64 {
        let outbox = self.session.outbox();
        let request = outbox.first().expect("a request");
        let request: serde_json::Value = serde_json::from_slice(request).expect("JSON");
        assert_eq!(request["type"], kind);
        request["id"].as_u64().expect("an id")
    }
}

#[test]
fn who_only_listens_over_datagrams_is_heard_of_however_much_is_said() {
    let mut play = over_datagrams();
    for seq in 6..=9 {
        play.pass(s(9));
        play.hears(&format!(
            r#"{{"type":"message","room":"tea","user":"x","text":"y","seq":{seq}}}"#
        ));
        if seq == 8 {
            // The server forgets who sends nothing, whatever it sends to them.
            let id = play.sends_first("ping");
            play.hears(&format!(r#"{{"type":"ack","id":{id}}}"#));
            // And to see whether the last event was lost.
            let history = r#"{"type":"history","room":"tea","epoch":"e","messages":[]"#;
            play.hears(&format!(r#"{history},"id":{}}}"#, id + 1));
        } else {
            play.sends(&[]);
        }
        assert!(play.session.wake_at().is_some_and(|at| at <= play.now + s(20)));
    }
    assert_eq!(play.events().len(), 4);
}

#[test]
fn a_server_that_is_heard_is_there_even_if_its_answer_takes_long() {
    let mut play = Play::begin();
    play.pass(s(20));
    play.sends(&[r#"{"type":"ping","id":3}"#]);
    play.pass(s(9));
    play.hears(r#"{"type":"message","room":"tea","user":"x","text":"y","seq":6}"#);
    play.pass(s(1));
    assert_eq!(play.session.broken(), None);
    play.pass(s(19));
    play.sends(&[r#"{"type":"ping","id":4}"#]);
    play.pass(s(10));
    assert!(play.session.broken().is_some());
}

#[test]
fn a_ping_is_answered_wherever_one_is() {
    let url: Url = "udp://h".parse().expect("a URL");
    let now = Instant::now();
    let mut play = Play { session: Session::new(&url, &Options::default(), now), now };
    play.session.opened(talk(&url), now);
    let id = play.sends_one("ping");
    play.hears(&format!(r#"{{"type":"error","id":{id},"text":"Join first"}}"#));
    let pinged = play.call(Call::Ping);
    let id = play.sends_one("ping");
    play.now += s(1);
    play.hears(&format!(r#"{{"type":"error","id":{id},"text":"Join first"}}"#));
    assert_eq!(pinged.try_recv(), Ok(Ok(Answer::Pong(s(1)))));
}

#[test]
fn the_default_room_is_come_back_to_whatever_it_is_called() {
    let url: Url = "jsonrpc://h".parse().expect("a URL");
    let now = Instant::now();
    let mut play = Play { session: Session::new(&url, &Options::default(), now), now };
    let greet = |play: &mut Play| {
        play.session.opened(talk(&url), play.now);
        play.session.outbox();
        play.hears(
            r#"{"jsonrpc":"2.0","result":{"status":"success","users":[],"count":0},"id":1}"#,
        );
    };
    let join = r#"{"jsonrpc":"2.0","method":"join_chat","params":{"username":"ann"},"id":2}"#;
    let ok =
        r#"{"jsonrpc":"2.0","result":{"status":"success","message":"Joined chat as ann"},"id":2}"#;
    greet(&mut play);
    play.call(Call::Join { room: None, name: Some("ann".into()) });
    play.sends(&[join]);
    play.hears(ok);
    for _ in 0..2 {
        play.session.lost();
        greet(&mut play);
        play.session.come_back(play.now);
        play.sends(&[join]);
        play.hears(ok);
        assert!(play.session.is_settled());
    }
}

#[test]
fn who_is_refused_half_way_is_known_to_be_there() {
    let url: Url = "ws://h".parse().expect("a URL");
    let now = Instant::now();
    let mut play = Play { session: Session::new(&url, &Options::default(), now), now };
    play.session.opened(talk(&url), now);
    play.hears(
        r#"{"status":"connected","protocol":"parlance.v1","name":"3f9a","message":"Welcome!"}"#,
    );
    let joined = play.call(Call::Join { room: Some("x".repeat(99)), name: Some("ann".into()) });
    play.hears(r#"{"status":"success","action":"name","id":1,"name":"ann"}"#);
    play.hears(r#"{"status":"error","action":"join","id":2,"message":"Room name too long"}"#);
    assert_eq!(joined.try_recv(), Ok(Err(CallError::Refused("Room name too long".into()))));
    assert_eq!(play.session.standing, Standing { name: Some("ann".into()), ..Standing::default() });

    let url: Url = "chatmaster://h".parse().expect("a URL");
    let mut play = Play { session: Session::new(&url, &Options::default(), now), now };
    play.session.opened(talk(&url), now);
    play.hears(r#"{"type":"request","data":{"request":"login"}}"#);
    play.call(Call::Join { room: Some("x".repeat(99)), name: Some("ann".into()) });
    let fence = r#"{"type":"error","data":{"error_type":"unknown","message":"Unknown command"}}"#;
    play.hears(r#"{"type":"session","data":{"status":1,"channels":["general"]}}"#);
    play.hears(fence);
    play.hears(
        r#"{"type":"error","data":{"error_type":"join","message":"Channel name is too long."}}"#,
    );
    let Standing { room, name, .. } = &play.session.standing;
    assert_eq!((room.as_deref(), name.as_deref()), (Some("general"), Some("ann")));
}

#[test]
fn names_that_one_took_are_no_news_after_a_lost_link() {
    let mut play = Play::begin();
    for (id, seq, old, new) in [(3, 6, "ann", "bea"), (4, 7, "bea", "cid")] {
        play.call(Call::Rename { name: new.into() });
        play.sends(&[&format!(r#"{{"type":"join","id":{id},"user":"{new}"}}"#)]);
        let text = format!("{old} is now {new}");
        play.hears(&format!(r#"{{"type":"system","room":"tea","text":"{text}","seq":{seq}}}"#));
        play.hears(&format!(r#"{{"type":"ack","id":{id},"epoch":"e","seq":{seq}}}"#));
    }
    assert_eq!(play.events(), []);
    play.session.lost();
    play.open();
    play.session.come_back(play.now);
    play.sends(&[r#"{"type":"join","id":2,"room":"tea","user":"cid"}"#]);
    play.hears(r#"{"type":"ack","id":2,"epoch":"e","seq":9}"#);
    play.sends(&[r#"{"type":"history","id":3,"after":7,"limit":200}"#]);
}
