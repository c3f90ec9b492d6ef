//! `ndjson`, byte for byte: the documented session, every field and every error.
//!
//! Events bear the real time. Its shape is checked, then it stands as `…` in what is compared.

use crate::house::{Plan, Running, SENT, chat as classic, notice, open, say as say_classic};
use crate::peer::Peer;
use parlance::chat::dialect::House;
use parlance::chat::{self, RoomRef};

impl Running<House> {
    /// A connection that has not joined.
    #[track_caller]
    pub(crate) fn guest(&self) -> Peer {
        self.peer_of("ndjson")
    }

    /// Somebody who has joined a room as its `seq`th event.
    #[track_caller]
    pub(crate) fn guest_in(&self, room: &str, name: &str, seq: u64) -> Peer {
        let mut peer = self.guest();
        peer.tells(join(room, name));
        peer.hears(system(room, &format!("{name} joined"), seq));
        peer
    }

    /// The epoch of a room, which nobody can foresee.
    #[track_caller]
    pub(crate) fn epoch(&self, room: &'static str) -> String {
        self.ask(move |house, _| {
            let room = house.chat.find_room(RoomRef::Name(room)).expect("a room");
            house.chat.room(room).expect("a room").epoch.to_owned()
        })
    }
}

impl Peer {
    /// Sends a line.
    #[track_caller]
    pub(crate) fn tells(&mut self, line: impl AsRef<str>) {
        self.send([line.as_ref(), "\n"].concat());
    }

    /// Reads a line, without its newline.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            let shown = self.stream().peek(&mut buffer).expect("a line in time");
            assert!(shown > 0, "the stream ended after {:?}", String::from_utf8_lossy(&line));
            let end = buffer[..shown].iter().position(|byte| *byte == b'\n');
            line.extend(self.take(end.map_or(shown, |end| end + 1)));
            if end.is_some() {
                line.pop();
                return String::from_utf8(line).expect("UTF-8");
            }
        }
    }

    /// Expects a line.
    #[track_caller]
    pub(crate) fn hears(&mut self, expected: impl AsRef<str>) {
        assert_eq!(without_times(&self.line()), expected.as_ref());
    }

    /// Sends a line and expects one.
    #[track_caller]
    pub(crate) fn is_told(&mut self, line: impl AsRef<str>, answer: impl AsRef<str>) {
        self.tells(line);
        self.hears(answer);
    }

    /// Proves that this member has received nothing since it was last looked at.
    #[track_caller]
    pub(crate) fn pings(&mut self) {
        self.is_told(r#"{"type":"ping","id":0}"#, ack(0));
    }
}

/// `line` with `…` for each time in it.
pub(crate) fn without_times(line: &str) -> String {
    const KEY: &str = r#""timestamp":""#;
    let mut parts = line.split(KEY);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (time, rest) = part.split_at(24);
        let shape: String =
            time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{line}");
        shown.extend([KEY, "…", rest]);
    }
    shown
}

// ---- what is said -------------------------------------------------------------------------------

pub(crate) fn join(room: &str, user: &str) -> String {
    format!(r#"{{"type":"join","room":"{room}","user":"{user}"}}"#)
}

pub(crate) fn say(text: &str) -> String {
    format!(r#"{{"type":"message","text":"{text}"}}"#)
}

fn whisper(to: &str, text: &str) -> String {
    format!(r#"{{"type":"message","to":"{to}","text":"{text}"}}"#)
}

pub(crate) fn system(room: &str, text: &str, seq: u64) -> String {
    format!(r#"{{"type":"system","room":"{room}","text":"{text}","seq":{seq},"timestamp":"…"}}"#)
}

pub(crate) fn message(room: &str, user: &str, text: &str, seq: u64) -> String {
    format!(
        r#"{{"type":"message","room":"{room}","user":"{user}","text":"{text}","seq":{seq},"timestamp":"…"}}"#
    )
}

pub(crate) fn private(room: &str, user: &str, text: &str) -> String {
    format!(
        r#"{{"type":"message","room":"{room}","user":"{user}","text":"{text}","private":true,"timestamp":"…"}}"#
    )
}

pub(crate) fn ack(id: i64) -> String {
    format!(r#"{{"type":"ack","id":{id}}}"#)
}

pub(crate) fn error(text: &str) -> String {
    format!(r#"{{"type":"error","text":"{text}"}}"#)
}

/// The bare `history` of a room without `truncated`.
pub(crate) fn history(room: &str, epoch: &str, events: &[String]) -> String {
    let events = events.join(",");
    format!(r#"{{"type":"history","room":"{room}","epoch":"{epoch}","messages":[{events}]}}"#)
}

pub(crate) const LEAVE: &str = r#"{"type":"leave"}"#;
pub(crate) const ROOMS: &str = r#"{"type":"rooms"}"#;
pub(crate) const USERS: &str = r#"{"type":"users"}"#;
pub(crate) const HISTORY: &str = r#"{"type":"history"}"#;

// ---- sessions -----------------------------------------------------------------------------------

#[test]
fn the_documented_session() {
    let house = open();
    let mut alice = house.guest();
    alice.is_told(
        r#"{"type":"join","room":"lobby","user":"alice"}"#,
        r#"{"type":"system","room":"lobby","text":"alice joined","seq":1,"timestamp":"…"}"#,
    );
    alice.tells(r#"{"type":"message","room":"lobby","text":"Hello!"}"#);
    alice.is_told(r#"{"type":"rooms"}"#, r#"{"type":"rooms","rooms":["general","lobby"]}"#);
    alice.is_told(r#"{"type":"users"}"#, r#"{"type":"users","room":"lobby","users":["alice"]}"#);
    let mut bob = house.guest_in("lobby", "bob", 3);
    alice.hears(system("lobby", "bob joined", 3));
    alice.tells(r#"{"type":"message","room":"lobby","text":"Hello!"}"#);
    bob.hears(
        r#"{"type":"message","room":"lobby","user":"alice","text":"Hello!","seq":4,"timestamp":"…"}"#,
    );
    alice.is_told(
        r#"{"type":"history","after":0,"limit":50}"#,
        history(
            "lobby",
            &house.epoch("lobby"),
            &[
                system("lobby", "alice joined", 1),
                message("lobby", "alice", "Hello!", 2),
                system("lobby", "bob joined", 3),
                message("lobby", "alice", "Hello!", 4),
            ],
        ),
    );
    alice.tells(r#"{"type":"leave"}"#);
    bob.hears(r#"{"type":"system","room":"lobby","text":"alice left","seq":5,"timestamp":"…"}"#);
    alice.finish();
    bob.pings();
    bob.finish();
}

#[test]
fn a_request_with_an_id_is_acknowledged_after_its_own_event() {
    let house = open();
    let mut alice = house.guest();
    alice.tells(r#"{"type":"join","id":1,"room":"lobby","user":"alice"}"#);
    alice.hears(system("lobby", "alice joined", 1));
    let epoch = house.epoch("lobby");
    assert_eq!(epoch.len(), 8);
    alice.hears(format!(r#"{{"type":"ack","id":1,"epoch":"{epoch}","seq":1}}"#));
    let mut bob = house.guest_in("lobby", "bob", 2);
    alice.hears(system("lobby", "bob joined", 2));

    alice.is_told(r#"{"type":"message","id":42,"text":"hi"}"#, r#"{"type":"ack","id":42,"seq":3}"#);
    bob.hears(message("lobby", "alice", "hi", 3));
    // A private message has no place in the count.
    alice.is_told(r#"{"type":"message","id":43,"to":"bob","text":"psst"}"#, ack(43));
    bob.hears(private("lobby", "alice", "psst"));
    alice.is_told(r#"{"type":"ping","id":44}"#, ack(44));
    alice.is_told(
        r#"{"type":"rooms","id":45}"#,
        r#"{"type":"rooms","id":45,"rooms":["general","lobby"]}"#,
    );
    alice.is_told(
        r#"{"type":"users","id":46}"#,
        r#"{"type":"users","id":46,"room":"lobby","users":["alice","bob"]}"#,
    );
    alice.is_told(
        r#"{"type":"history","id":47,"after":2}"#,
        history("lobby", &epoch, &[message("lobby", "alice", "hi", 3)])
            .replace(r#""history","#, r#""history","id":47,"#),
    );
    alice.is_told(
        r#"{"type":"message","id":48,"text":""}"#,
        r#"{"type":"error","id":48,"text":"Text is required"}"#,
    );
    // Any 64 bits do, at any place in the request.
    for id in ["-9223372036854775808", "18446744073709551615", "-1", "0"] {
        let answer = format!(r#"{{"type":"ack","id":{id}}}"#);
        alice.is_told(format!(r#"{{ "id" : {id} , "type" : "ping" }}"#), answer);
    }
    alice.is_told(r#"{"type":"leave","id":49}"#, ack(49));
    bob.hears(system("lobby", "alice left", 4));
    alice.is_told(r#"{"type":"ping","id":50}"#, r#"{"type":"error","id":50,"text":"Join first"}"#);
    alice.finish();
    bob.finish();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let house = open();
    let mut alice = house.guest();
    let requests = [
        r#"{"type":"join","id":1,"room":"lobby","user":"alice"}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"message","id":2,"to":"alice","text":"to myself"}"#,
        r#"{"type":"message","id":3,"text":"hi"}"#,
        r#"{"type":"join","id":4,"user":"Al"}"#,
        r#"{"type":"users"}"#,
        r#"{"type":"join","id":5,"room":"den"}"#,
        r#"{"type":"nope","id":6}"#,
        "",
    ];
    alice.send(requests.join("\n"));
    alice.hears(system("lobby", "alice joined", 1));
    let joined = alice.line();
    assert!(joined.starts_with(r#"{"type":"ack","id":1,"epoch":""#), "{joined}");
    assert!(joined.ends_with(r#"","seq":1}"#), "{joined}");
    // To oneself: once, and before the acknowledgement.
    alice.hears(private("lobby", "alice", "to myself"));
    alice.hears(ack(2));
    alice.hears(r#"{"type":"ack","id":3,"seq":2}"#);
    alice.hears(system("lobby", "alice is now Al", 3));
    alice.hears(joined.replace(r#""id":1"#, r#""id":4"#).replace(r#""seq":1"#, r#""seq":3"#));
    alice.hears(r#"{"type":"users","room":"lobby","users":["Al"]}"#);
    alice.hears(system("den", "Al joined", 1));
    alice.hears(format!(r#"{{"type":"ack","id":5,"epoch":"{}","seq":1}}"#, house.epoch("den")));
    alice.hears(r#"{"type":"error","id":6,"text":"Unknown type"}"#);
    alice.finish();
}

#[test]
fn a_second_join_moves_renames_or_both() {
    let house = open();
    let mut ann = house.guest_in("one", "Ann", 1);
    let mut bob = house.guest_in("one", "Bob", 2);
    let mut cid = house.guest_in("two", "Cid", 1);
    ann.hears(system("one", "Bob joined", 2));

    // The same room and user: nothing to tell, but the acknowledgement.
    let one = house.epoch("one");
    let unmoved = format!(r#"{{"type":"ack","id":1,"epoch":"{one}","seq":2}}"#);
    for fields in [r#","room":"one","user":"Bob""#, r#","room":"ONE""#, r#","user":"Bob""#, ""] {
        bob.tells(format!(r#"{{"type":"join"{fields}}}"#));
        bob.is_told(format!(r#"{{"type":"join","id":1{fields}}}"#), &unmoved);
    }
    // A new name in the same room, be it a spelling of the old one. All hear it.
    bob.is_told(join("one", "BOB"), system("one", "Bob is now BOB", 3));
    bob.is_told(r#"{"type":"join","user":"Rob"}"#, system("one", "BOB is now Rob", 4));
    ann.hears(system("one", "Bob is now BOB", 3));
    ann.hears(system("one", "BOB is now Rob", 4));
    // Another room: the leaver is not told of its own leave.
    bob.is_told(r#"{"type":"join","room":"two"}"#, system("two", "Rob joined", 2));
    ann.hears(system("one", "Rob left", 5));
    cid.hears(system("two", "Rob joined", 2));
    // Both: one room hears the old name, the other the new one.
    bob.is_told(r#"{"type":"join","room":"one","user":"Bert"}"#, system("one", "Bert joined", 6));
    ann.hears(system("one", "Bert joined", 6));
    cid.hears(system("two", "Rob left", 3));
    // A refused one changes nothing.
    bob.is_told(join("two", "ann"), error("Name already taken"));
    bob.is_told(join(" ", "Bob"), error("Room is required"));
    bob.is_told(join("two", " "), error("User is required"));
    bob.is_told(USERS, r#"{"type":"users","room":"one","users":["Ann","Bert"]}"#);
    // What was said in between is heard by those it concerns alone.
    bob.tells(say("here"));
    ann.hears(message("one", "Bert", "here", 7));
    for peer in [&mut ann, &mut bob, &mut cid] {
        peer.pings();
    }
}

#[test]
fn leaving_gives_up_the_name_and_the_room() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    let epoch = house.epoch("den");
    ann.tells(LEAVE);
    ann.is_told(LEAVE, error("Join first"));
    // The next join is a first one again.
    ann.is_told(r#"{"type":"join","room":"den"}"#, error("User is required"));
    ann.is_told(r#"{"type":"join","user":"Ann"}"#, error("Room is required"));
    let mut other = house.guest_in("general", "ann", 1);
    ann.is_told(join("den", "Ann"), error("Name already taken"));
    // The room was empty, so this is another one, which counts anew.
    ann.is_told(join("den", "Anna"), system("den", "Anna joined", 1));
    assert_ne!(house.epoch("den"), epoch);
    // A closed connection has left, too.
    ann.finish();
    other.is_told(join("general", "Anna"), system("general", "ann is now Anna", 2));
    other.finish();
}

#[test]
fn private_messages_reach_one_member() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    let mut bob = house.guest_in("den", "Bob", 2);
    let mut cid = house.guest_in("den", "Cid", 3);
    let mut eve = house.guest_in("general", "Eve", 1);
    for (peer, heard) in [(&mut ann, 2..=3), (&mut bob, 3..=3)] {
        for seq in heard {
            let who = if seq == 2 { "Bob" } else { "Cid" };
            peer.hears(system("den", &format!("{who} joined"), seq));
        }
    }
    ann.tells(whisper("BOB", "psst"));
    bob.hears(private("den", "Ann", "psst"));
    ann.tells(r#"{"type":"message","room":"DEN","to":"Bob","text":"\"q\" \u00e9 \ud83d\ude00"}"#);
    bob.hears(private("den", "Ann", r#"\"q\" é 😀"#));
    for (to, text, why) in [
        ("Eve", "x", "User Eve is not in this room"),
        ("eVe", "x", "User Eve is not in this room"),
        (" no  body\\n", "x", "User no body is not in this room"),
        (r#"a\"b"#, "x", r#"User a\"b is not in this room"#),
        ("Eve", "", "User Eve is not in this room"),
        ("", "x", "User is required"),
        (" ", "", "User is required"),
        ("Bob", "", "Text is required"),
        ("Bob", " \\t", "Text is required"),
    ] {
        ann.is_told(whisper(to, text), error(why));
    }
    // What is no name at all is not said to everybody instead.
    for to in ["null", "7", "[\"Bob\"]", "{}", "false"] {
        let request = format!(r#"{{"type":"message","to":{to},"text":"secret"}}"#);
        ann.is_told(request, error("User is required"));
    }
    for peer in [&mut ann, &mut bob, &mut cid, &mut eve] {
        peer.pings();
    }
    // It took no place in the count and in the history.
    ann.tells(say("all"));
    bob.hears(message("den", "Ann", "all", 4));
    let events = ["Ann joined", "Bob joined", "Cid joined"];
    let mut events: Vec<String> =
        events.iter().zip(1..).map(|(text, seq)| system("den", text, seq)).collect();
    events.push(message("den", "Ann", "all", 4));
    ann.is_told(HISTORY, history("den", &house.epoch("den"), &events));
}

#[test]
fn a_large_room_hears_no_joins_but_the_newcomer_its_acknowledgement() {
    let chat = chat::Settings { presence_members_max: 1, ..chat::Settings::default() };
    let house = Plan { chat, ..Plan::default() }.open();
    let mut ann = house.guest_in("den", "Ann", 1);
    let mut bob = house.guest();
    bob.is_told(
        r#"{"type":"join","id":1,"room":"den","user":"Bob"}"#,
        format!(r#"{{"type":"ack","id":1,"epoch":"{}","seq":1}}"#, house.epoch("den")),
    );
    bob.tells(say("hi"));
    ann.hears(message("den", "Bob", "hi", 2));
    bob.finish();
    ann.pings();
}

#[test]
fn all_dialects_hear_the_same_events_each_in_its_form() {
    let house = open();
    let mut ann = house.guest_in("general", "Ann", 1);
    let mut classic_bob = house.member("Bob", &["Ann", "Bob"]);
    ann.hears(system("general", "Bob joined", 2));
    let mut version_2 = house.peer();
    version_2.send(r#"{"jsonrpc":"2.0","method":"join_chat","params":["Cid"]}"#);
    let welcome = "{\"jsonrpc\":\"2.0\",\"method\":\"system\",\"params\":{\"message\":\"Welcome to the chat, Cid!\",\"username\":\"SYSTEM\"}}\n";
    version_2.expect(welcome);
    ann.hears(system("general", "Cid joined", 3));
    classic_bob.expect(notice("Cid has joined the chat!"));

    ann.tells(say("from a line"));
    classic_bob.expect(classic("Ann", "from a line"));
    version_2.expect("{\"jsonrpc\":\"2.0\",\"method\":\"chat\",\"params\":{\"message\":\"from a line\",\"username\":\"Ann\"}}\n");
    classic_bob.ask(say_classic("from classic"), SENT);
    ann.hears(message("general", "Bob", "from classic", 5));
    ann.tells(whisper("bob", "psst"));
    classic_bob.expect(crate::house::private("Ann", "psst"));
    classic_bob.ask(crate::house::whisper("ann", "yes?"), SENT);
    ann.hears(private("general", "Bob", "yes?"));

    ann.is_told(r#"{"type":"join","user":"Anna"}"#, system("general", "Ann is now Anna", 6));
    classic_bob.expect(notice("Ann is now known as Anna"));
    ann.tells(LEAVE);
    classic_bob.expect(notice("Anna has left the chat!"));
    ann.is_told(join("general", "Ann"), system("general", "Ann joined", 8));
    classic_bob.expect(notice("Ann has joined the chat!"));
    classic_bob.finish();
    ann.hears(system("general", "Bob left", 9));
    ann.finish();
}

#[test]
fn members_are_told_that_the_server_stops() {
    let house = open();
    let mut ann = house.guest_in("den", "Ann", 1);
    let mut stranger = house.guest();
    stranger.is_told(ROOMS, error("Join first"));
    house.begin_stop();
    let text = "Server is shutting down";
    ann.hears(format!(r#"{{"type":"system","room":"den","text":"{text}","timestamp":"…"}}"#));
    ann.expect_close();
    stranger.expect_close();
}
