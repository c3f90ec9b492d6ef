//! Peers of datagrams held to their bounds, with the script of `rpc_datagrams.rs`.

use crate::house::until;
use crate::rpc_datagrams::{
    PATIENCE, Sender, WHO, build, ended, hold, prefixed, set_limits, stage,
};
use std::time::{Duration, Instant};

#[test]
fn an_unconfirmed_peer_is_sent_three_times_what_it_sent() {
    let stage = stage();
    let (honest, doubtful) = (Sender::new(&stage), Sender::new(&stage));
    honest.ask("in;join;say in", "in");
    // Eight bytes.
    doubtful.send("in?;join");
    until(|| stage.ask(|stage, fx| fx.group_len(stage.group)) == 2);
    assert!(!stage.ask(|stage, fx| fx.is_confirmed(stage.conns[1])));
    let event = "thirteen long";
    honest.ask(&format!("all {event}"), event);
    honest.ask(&format!("all {event}"), event);
    doubtful.expect(event);
    // Eleven bytes are left, and three times fourteen more now.
    doubtful.ask("say 0123456789", "0123456789");
    for number in 0..6 {
        let event = format!("event of 1{number}");
        honest.ask(&format!("all {event}"), &event);
        if number < 3 {
            doubtful.expect(&event);
        }
    }
    // Ten bytes and three times fourteen: the answer goes, and not the event that came before it.
    doubtful.ask("fill 50;big 40", &"x".repeat(40));
    honest.expect(&"x".repeat(50));
    doubtful.ask("confirm;say confirmed", "confirmed");
    assert!(stage.ask(|stage, fx| fx.is_confirmed(stage.conns[1])));
    for _ in 0..10 {
        honest.ask(&format!("all {event}"), event);
        doubtful.expect(event);
    }
}

#[test]
fn few_strangers_become_peers_at_a_time() {
    let stage = stage();
    set_limits(&stage, |limits| limits.new_peers_per_s = 2);
    let senders: [Sender; 3] = std::array::from_fn(|_| Sender::new(&stage));
    let held = hold(&stage);
    senders.iter().for_each(|sender| sender.send("in;say in"));
    drop(held);
    senders[0].expect("in");
    senders[1].expect("in");
    senders[2].ask("who am I to you?", WHO);
    assert_eq!(stage.ask(|stage, fx| (stage.conns.len(), fx.connections())), (2, 2));
}

#[test]
fn peers_count_among_the_connections() {
    let stage = stage();
    set_limits(&stage, |limits| limits.connections = 2);
    let [a, b] = std::array::from_fn(|_| Sender::new(&stage));
    let mut stream = stage.peer_at(1);
    stream.ask(prefixed("say in"), prefixed("in"));
    a.ask("in;say in", "in");
    b.send("in;say in");
    b.ask("who am I to you?", WHO);
    stage.peer_at(1).expect_close();
    a.send("close");
    until(|| stage.ask(|_, fx| fx.connections()) == 1);
    b.ask("in;say in", "in");
    stream.finish();
}

#[test]
fn who_may_have_a_forged_address_takes_a_quarter_of_the_places_at_most() {
    let stage = stage();
    set_limits(&stage, |limits| limits.connections = 8);
    let [a, b, c, honest] = std::array::from_fn(|_| Sender::new(&stage));
    a.ask("in?;say in", "in");
    b.ask("in?;say in", "in");
    c.send("in?;say in");
    c.ask("who am I to you?", WHO);
    honest.ask("in;say in", "in");
    // Who is confirmed makes room, and so does who goes.
    a.ask("confirm;confirm;say confirmed", "confirmed");
    c.ask("in?;say in", "in");
    b.send("close");
    a.send("close");
    until(|| stage.ask(|_, fx| fx.connections()) == 2);
    b.ask("in?;say in", "in");
    a.send("in?;say in");
    a.ask("who am I to you?", WHO);
}

#[test]
fn datagrams_over_the_rate_are_dropped_unseen() {
    let stage = stage();
    set_limits(&stage, |limits| limits.datagrams_per_s = 3);
    let (fast, other) = (Sender::new(&stage), Sender::new(&stage));
    let held = hold(&stage);
    fast.send("in;say 0");
    for number in 1..5 {
        fast.send(&format!("say {number}"));
    }
    other.send("in;say other");
    drop(held);
    other.expect("other");
    for expected in ["0", "1", "2"] {
        fast.expect(expected);
    }
    // All came before what the other said.
    assert_eq!(stage.ask(|stage, _| stage.heard.len()), 4);
}

#[test]
fn who_takes_nothing_holds_up_nobody() {
    const EVENTS: usize = 200;
    let stage = stage();
    let deaf = Sender::new(&stage);
    let narrow = socket2::SockRef::from(&deaf.0);
    narrow.set_recv_buffer_size(4096).expect("a small receive buffer");
    deaf.ask("in;join;say in", "in");
    let mut stream = stage.peer_at(1);
    stream.ask(prefixed("join;say in"), prefixed("in"));
    let event = "x".repeat(1000);
    for _ in 0..EVENTS {
        stream.ask(prefixed(&format!("all {event}")), prefixed(&event));
    }
    assert_eq!(ended(&stage), [""; 0]);
    // What came while there was room is there, and then what comes now.
    let mut buffer = [0; 2000];
    let mut receive = || deaf.0.recv(&mut buffer).map(|count| buffer[..count].to_vec());
    deaf.0.set_nonblocking(true).expect("set");
    let mut got: Vec<_> = std::iter::from_fn(|| receive().ok()).collect();
    deaf.0.set_nonblocking(false).expect("set");
    deaf.send("say here");
    while got.last().is_none_or(|last| last != b"here") {
        got.push(receive().expect("a datagram"));
    }
    got.pop();
    assert!((1..EVENTS).contains(&got.len()), "{} events", got.len());
    assert!(got.iter().all(|got| got == event.as_bytes()));
    stream.finish();
}

#[test]
fn a_frame_too_long_for_a_datagram_is_dropped_and_others_go() {
    let stage = stage();
    let peer = Sender::new(&stage);
    peer.ask("in;big 8193;say next", "next");
    peer.ask("big 8192;say next", &"x".repeat(8192));
    peer.expect("next");
    // Which holds for what is sent; what comes is the service's to judge, up to what UDP carries.
    peer.ask(&format!("count {}", "x".repeat(65_507 - 6)), "65501");
    // Beyond that the system refuses, and nobody else does.
    set_limits(&stage, |limits| limits.datagram_bytes = 100_000);
    let other = Sender::new(&stage);
    other.ask("in;big 65508;say next", "next");
    other.ask("big 65507", &"x".repeat(65_507));
}

#[test]
fn who_is_answered_much_leaves_the_rest_to_the_next_turn() {
    let stage = stage();
    let peer = Sender::new(&stage);
    peer.ask("in;say in", "in");
    stage.ask(|stage, _| stage.heard.clear());
    let held = hold(&stage);
    // Two of these are more than a connection's share, though they are too long to be sent.
    for _ in 0..10 {
        peer.send("big 200000");
    }
    peer.send("say done");
    drop(held);
    peer.expect("done");
    let mut heard = stage.ask(|stage, _| std::mem::take(&mut stage.heard));
    assert_eq!(heard.len(), 11);
    heard.dedup();
    assert_eq!(heard.len(), 6, "turns");
}

#[test]
fn what_would_be_very_many_datagrams_is_left_to_the_next_turn() {
    const PEERS: usize = 50;
    let stage = stage();
    let peers: Vec<_> = (0..PEERS).map(|_| Sender::new(&stage)).collect();
    peers.iter().for_each(|peer| peer.ask("in;join;say in", "in"));
    let mut stream = stage.peer_at(1);
    stream.ask(prefixed("say in"), prefixed("in"));
    // A request that tells the group so often, and one behind it: in how many turns they are served.
    let mut turns = |times: usize| {
        stage.ask(|stage, _| stage.heard.clear());
        let held = hold(&stage);
        let both = [prefixed(&vec!["all x"; times].join(";")), prefixed("say done")];
        stream.send(both.concat());
        drop(held);
        stream.expect(prefixed("done"));
        let mut heard = stage.ask(|stage, _| std::mem::take(&mut stage.heard));
        assert_eq!(heard.len(), 2);
        heard.dedup();
        heard.len()
    };
    // 4050 datagrams, and 4100.
    assert_eq!((turns(81), turns(82)), (1, 2));
    // Those who have gone are sent none.
    peers[1..].iter().for_each(|peer| peer.send("close"));
    until(|| stage.ask(|stage, fx| fx.group_len(stage.group)) == 1);
    assert_eq!(turns(82), 1);
    stream.finish();
}

#[test]
fn ends_that_would_be_very_many_datagrams_are_told_a_few_a_turn() {
    const PEERS: usize = 50;
    let stage = stage();
    let peers: Vec<_> = (0..PEERS).map(|_| Sender::new(&stage)).collect();
    peers.iter().for_each(|peer| peer.ask("in;join;say in", "in"));
    // Two streams end at once, each of which is told so often: in how many turns that is done.
    let turns = |times: usize| {
        let mut streams = [stage.peer_at(1), stage.peer_at(1)];
        streams.iter_mut().for_each(|stream| stream.ask(prefixed("say in"), prefixed("in")));
        let held = hold(&stage);
        stage.handle.post(move |stage, fx| {
            stage.ends_told = times;
            stage.ended_at.clear();
            stage.conns[PEERS..].iter().for_each(|stream| fx.close(*stream));
            stage.conns.truncate(PEERS);
        });
        drop(held);
        until(|| stage.ask(|stage, _| stage.ended_at.len()) == 2);
        let mut ended_at = stage.ask(|stage, _| stage.ended_at.clone());
        ended_at.dedup();
        ended_at.len()
    };
    assert_eq!((turns(81), turns(82)), (1, 2));
}

#[test]
fn neither_streams_nor_datagrams_wait_until_the_others_have_had_enough() {
    let stage = stage();
    let sender = Sender::new(&stage);
    sender.ask("in;say in", "in");
    let mut stream = stage.peer_at(1);
    stream.ask(prefixed("say in"), prefixed("in"));
    for streams_are_many in [false, true, false, true] {
        let held = hold(&stage);
        stage.handle.post(|stage, _| stage.heard.clear());
        if streams_are_many {
            stream.send(prefixed("full").repeat(50));
            sender.send("say done");
        } else {
            (0..50).for_each(|_| sender.send("full"));
            stream.send(prefixed("say done"));
        }
        drop(held);
        if streams_are_many {
            sender.expect("done");
            stream.ask(prefixed("say done"), prefixed("done"));
        } else {
            stream.expect(prefixed("done"));
            sender.ask("say done", "done");
        }
        let heard = stage.ask(|stage, _| std::mem::take(&mut stage.heard));
        let one = if streams_are_many { 0 } else { 1 };
        let place =
            stage.ask(move |stage, _| heard.iter().position(|(_, conn)| *conn == stage.conns[one]));
        assert!(place.is_some_and(|place| place <= 1), "{place:?}");
    }
    stream.finish();
}

#[test]
fn a_loop_whose_sockets_are_empty_sleeps() {
    const NAP: Duration = Duration::from_millis(50);
    let (mut server, addresses) = build();
    let peer = Sender::to(addresses[0]);
    peer.send("in;say in");
    let deadline = Instant::now() + PATIENCE;
    while server.state().heard.is_empty() {
        assert!(Instant::now() < deadline, "never heard");
        server.turn(Some(NAP)).unwrap();
    }
    peer.expect("in");
    // Nothing is left to do but, in a minute, to look whether the peer is still there.
    let began = Instant::now();
    server.turn(Some(NAP)).unwrap();
    assert!(began.elapsed() >= NAP, "{:?}", began.elapsed());
}
