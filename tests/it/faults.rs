//! Peers that stop reading, vanish or flood, a server that runs out of something, and its end.

use crate::chatmaster::GREETING;
use crate::house::{
    AGES, LEAVE, LEFT, NOT_FOUND, Plan, SENT, SIMPLE, chat, join, joined, notice, open, patient,
    say, users,
};
use crate::peer::Peer;
use crate::process::Process;
use crate::support::{PATIENCE, at_some_pace};
use parlance::chat::dialect::chatmaster;
use parlance::rpc::Limits;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Messages sent between two looks at who hears them: together less than anybody may owe, so that
/// who reads late is never over a limit.
const ROUND: usize = 10;

/// Message `number`, close to 4 KB of it.
fn long_text(number: usize) -> String {
    format!("{number:06}{}", "\u{1f600}".repeat(994))
}

/// Someone to whom one notice may come at any time.
struct Ear {
    peer: Peer,
    notice: String,
    heard_notice: bool,
}

impl Ear {
    /// Expects a message, perhaps with the notice before it.
    #[track_caller]
    fn expect(&mut self, message: &str) {
        let (notice, shorter) = (self.notice.as_bytes(), message.len().min(self.notice.len()));
        let mut start = self.peer.take(shorter);
        if !self.heard_notice
            && start == notice[..shorter]
            && !message.as_bytes().starts_with(&start)
        {
            self.peer.expect(&notice[shorter..]);
            self.heard_notice = true;
            start = self.peer.take(shorter);
        }
        let rest = self.peer.take(message.len() - shorter);
        assert!([start, rest].concat() == message.as_bytes(), "another message, or none of ours");
    }

    #[track_caller]
    fn expect_notice(&mut self) {
        if !self.heard_notice {
            self.peer.expect(&self.notice);
        }
    }
}

/// Ear, Stone (whose buffers are small) and Mouth in one room. Stone may leave at any time.
#[track_caller]
fn three(address: SocketAddr) -> (Ear, Peer, Ear) {
    let mut ear = Peer::connect(address).speaking("jsonrpc");
    ear.ask(join("Ear"), joined("Ear", &["Ear"]));
    let mut mouth = Peer::connect(address).speaking("jsonrpc");
    mouth.ask(join("Mouth"), joined("Mouth", &["Ear", "Mouth"]));
    ear.expect(notice("Mouth has joined the chat!"));
    let mut stone = Peer::connect_narrow(address).speaking("jsonrpc");
    stone.ask(join("Stone"), joined("Stone", &["Ear", "Mouth", "Stone"]));
    let [ear, mouth] = [ear, mouth].map(|mut peer| {
        peer.expect(notice("Stone has joined the chat!"));
        Ear { peer, notice: notice("Stone has left the chat!"), heard_notice: false }
    });
    (ear, stone, mouth)
}

/// `mouth` says so many messages; `ear` hears them all, in order, round by round.
#[track_caller]
fn say_and_hear(mouth: &mut Ear, ear: &mut Ear, count: usize) {
    for round in (0..count).step_by(ROUND) {
        mouth.peer.send((round..round + ROUND).map(|n| say(&long_text(n))).collect::<String>());
        for number in round..round + ROUND {
            ear.expect(&chat("Mouth", &long_text(number)));
            mouth.expect(SENT);
        }
    }
}

/// What a reader got that was closed early: the beginning of what was said, without a hole.
#[track_caller]
fn assert_beginning(mut reader: Peer, count: usize) {
    let (got, _) = reader.take_all();
    let said: String = (0..count).map(|n| chat("Mouth", &long_text(n))).collect();
    assert!(got.len() < said.len() && said.as_bytes().starts_with(&got));
}

#[test]
fn a_reader_that_stops_is_closed_and_costs_the_others_nothing() {
    const COUNT: usize = 5000;
    let server = Process::start(1024);
    let (mut ear, stone, mut mouth) = three(server.address());
    let memory_before = server.memory_peak_kib();
    say_and_hear(&mut mouth, &mut ear, COUNT);
    assert!(ear.heard_notice, "the reader that stopped is still there");
    let grown = server.memory_peak_kib() - memory_before;
    assert!(grown < 8 * 1024, "{grown} KiB of memory for 20 MB that nobody kept");
    assert_beginning(stone, COUNT);
    ear.peer.ask(SIMPLE, users(&["Ear", "Mouth"]));
    ear.peer.finish();
}

#[test]
fn a_reader_over_the_soft_limit_for_too_long_is_closed() {
    // More than the kernel holds for one connection, less than the hard limit.
    const COUNT: usize = 1800;
    let limits = Limits {
        outbox_soft_bytes: 64 * 1024,
        outbox_soft: Duration::from_secs(1),
        outbox_hard_bytes: 64 * MIB,
        ..patient()
    };
    let house = Plan { limits, ..Plan::default() }.open();
    let (mut ear, stone, mut mouth) = three(house.addresses[0]);
    say_and_hear(&mut mouth, &mut ear, COUNT);
    // Nobody says anything more, and yet:
    ear.expect_notice();
    ear.peer.ask(SIMPLE, users(&["Ear", "Mouth"]));
    assert_beginning(stone, COUNT);
}

#[test]
fn a_reader_that_catches_up_in_time_stays_and_misses_nothing() {
    let limits = Limits {
        outbox_soft_bytes: 64 * 1024,
        outbox_soft: AGES,
        outbox_hard_bytes: 64 * MIB,
        ..patient()
    };
    let house = Plan { limits, ..Plan::default() }.open();
    let (mut ear, mut stone, mut mouth) = three(house.addresses[0]);
    const COUNT: usize = 1800;
    say_and_hear(&mut mouth, &mut ear, COUNT);
    for number in 0..COUNT {
        stone.expect(chat("Mouth", &long_text(number)));
    }
    stone.ask(say("awake again"), SENT);
    ear.peer.expect(chat("Stone", "awake again"));
    stone.finish();
    ear.expect_notice();
}

#[test]
fn a_reset_in_mid_message_is_a_leave() {
    let house = open();
    let (mut ear, mut stone, mut mouth) = three(house.addresses[0]);
    stone.send(&say("never finished")[..30]);
    stone.reset();
    ear.expect_notice();
    mouth.expect_notice();
    ear.peer.ask(SIMPLE, users(&["Ear", "Mouth"]));
}

#[test]
fn who_asks_and_does_not_read_is_not_read_either_and_loses_nothing() {
    let house = open();
    let mut names: Vec<String> = Vec::new();
    let members: Vec<Peer> = (0..40)
        .map(|number| {
            names.push(format!("{number:02}{}", "\u{1f600}".repeat(48)));
            let all: Vec<&str> = names.iter().map(String::as_str).collect();
            house.member(&names[number], &all)
        })
        .collect();
    let mut asker = Peer::connect_narrow(house.addresses[0]).speaking("jsonrpc");

    // Each answer has 8 KB, and so does each request: neither way do the buffers hold 1500.
    const COUNT: usize = 1500;
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let users = users(&all);
    let pad = " ".repeat(users.len());
    let request =
        |n| format!(r#"{{"method":"get_users","params":{{"format":"simple"}},{pad}"id":{n}}}"#);
    let requests: String = (0..COUNT).map(request).collect();
    let mut left = requests.as_bytes();
    // Stalled: nothing more goes, though the server has had turns enough to read.
    let mut stream = asker.stream();
    stream.set_nonblocking(true).unwrap();
    let mut turns = 0;
    while turns < 100 {
        match stream.write(left) {
            Ok(written) => (left, turns) = (&left[written..], 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                // Everyone else is served meanwhile.
                house.ask(|_, _| ());
                turns += 1;
            }
        }
        assert!(left.len() > MIB, "the server takes requests without end");
    }
    stream.set_nonblocking(false).unwrap();
    house.peer().probe();
    let pouring = asker.pour(left.to_vec());
    for number in 0..COUNT {
        asker.expect(format!("{},\"id\":{number}}}", &users[..users.len() - 1]));
    }
    pouring.join().unwrap().unwrap();
    asker.finish();
    drop(members);
}

#[test]
fn thousands_of_pipelined_requests_are_answered_in_order() {
    let house = open();
    const COUNT: usize = 5000;
    let request =
        |n| format!(r#"{{"method":"get_users","params":{{"format":"simple"}},"id":{n}}}"#);
    let requests: String = (0..COUNT).map(request).collect();
    let answer = |n| format!(r#"{{"status":"success","users":[],"count":0,"id":{n}}}"#);
    let answers: String = (0..COUNT).map(answer).collect();
    // In one write.
    let mut peer = house.peer();
    let pouring = peer.pour(requests.clone());
    peer.expect(&answers);
    pouring.join().unwrap().unwrap();
    peer.finish();
    // In pieces that end anywhere.
    let mut peer = house.peer();
    let mut stream = peer.stream().try_clone().unwrap();
    let pouring = std::thread::spawn(move || {
        let mut left = requests.as_bytes();
        let sizes = [1, 2, 3, 5, 7, 11, 13, 61, 127, 509, 1021, 4093];
        for size in sizes.into_iter().cycle() {
            let (piece, rest) = left.split_at(left.len().min(size));
            stream.write_all(piece).unwrap();
            left = rest;
            if left.is_empty() {
                return;
            }
        }
    });
    peer.expect(&answers);
    pouring.join().unwrap();
    peer.finish();
}

#[test]
fn without_descriptors_the_server_waits_and_serves_on() {
    const DESCRIPTORS: u64 = 40;
    let server = Process::start(DESCRIPTORS);
    let free = DESCRIPTORS as usize - server.descriptors_below(DESCRIPTORS);
    let mut inside: Vec<Peer> = (0..free).map(|_| server.peer()).collect();
    inside.iter_mut().for_each(Peer::probe);
    // The system takes these, the server cannot.
    let mut outside: Vec<Peer> = (0..3).map(|_| server.peer()).collect();
    for peer in &mut outside {
        peer.send(r#"{"method":"probe"}"#);
    }
    for _ in 0..20 {
        inside.iter_mut().for_each(Peer::probe);
    }
    let before = server.processor_time();
    let mut stream = outside[0].stream();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let nothing = stream.read(&mut [0]).expect_err("it cannot have been accepted");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let used = server.processor_time() - before;
    assert!(used < 15, "{used} hundredths of a second of work in half a second of waiting");
    inside.iter_mut().for_each(Peer::probe);
    // Whoever goes makes room for one who waits.
    for mut peer in outside {
        inside.pop();
        peer.expect(NOT_FOUND);
        peer.probe();
        inside.insert(0, peer);
    }
    inside.iter_mut().for_each(Peer::probe);
}

#[test]
fn one_connection_too_many_is_closed_at_once() {
    let limits = Limits { connections: 2, ..patient() };
    let house = Plan { limits, ..Plan::default() }.open();
    let mut bob = house.member("Bob", &["Bob"]);
    let ann = house.member("Ann", &["Bob", "Ann"]);
    bob.expect(notice("Ann has joined the chat!"));
    for _ in 0..3 {
        house.peer().expect_reset_or_close();
    }
    bob.probe();
    drop(ann);
    bob.expect(notice("Ann has left the chat!"));
    let mut next = house.member("Next", &["Bob", "Next"]);
    next.ask(LEAVE, LEFT);
    house.peer().expect_reset_or_close();
    next.finish();
}

#[test]
fn who_says_nothing_is_closed_and_who_said_something_is_not() {
    at_some_pace(Duration::from_millis(300), |silence| {
        let limits = Limits { silence: Some(silence), ..patient() };
        let house = Plan { limits, ..Plan::default() }.open();
        let mut member = house.member("Bob", &["Bob"]);
        let mut asker = house.peer();
        asker.probe();
        let mut begun = house.peer();
        begun.send("{");
        let mut silent = house.peer();
        silent.expect_close();
        member.probe();
        asker.probe();
        begun.ask(r#""method":"probe"}"#, NOT_FOUND);
        // A second one later is closed as well: the deadline is each connection's own.
        house.peer().expect_close();
        member.finish();
    });
}

#[test]
fn at_the_end_everyone_is_told_and_closed() {
    let house = open();
    // On a host of its own, so that nobody else listens there afterwards.
    let another = house.ask(|_, fx| {
        let service = fx.add_service(chatmaster::service());
        let listener = fx.listen("127.77.0.11:0", service).expect("a listener");
        fx.listener_addr(listener).expect("an address")
    });
    Peer::connect(another).expect(GREETING);
    let mut bob = house.member("Bob", &["Bob"]);
    let mut ann = house.peer();
    ann.send(r#"{"jsonrpc":"2.0","method":"join_chat","params":["Ann","den"]}"#);
    ann.expect(concat!(
        r#"{"jsonrpc":"2.0","method":"system","params":{"message":"Welcome to the chat, Ann!","username":"SYSTEM"}}"#,
        "\n"
    ));
    let mut stranger = house.peer();
    stranger.probe();
    // Half a request does not hold anything up.
    bob.send(&say("half")[..20]);
    house.begin_stop();
    bob.expect(r#"{"type":"system","message":"Server is shutting down","username":"SYSTEM"}"#);
    bob.expect_close();
    ann.expect(concat!(
        r#"{"jsonrpc":"2.0","method":"system","params":{"message":"Server is shutting down","username":"SYSTEM"}}"#,
        "\n"
    ));
    ann.expect_close();
    stranger.expect_close();
    assert!(TcpStream::connect(another).is_err(), "still accepting");
}
