//! The transport alone, with a service that does what each line tells it to.

use crate::house::{Running, patient, until};
use crate::peer::Peer;
use crate::support::at_some_pace;
use parlance::rpc::framing::{Fault, Framing, Lines};
use parlance::rpc::{
    Accepted, Call, ConnId, Effects, End, GroupId, JsonRpc, Limits, Outcome, Server, Service,
};
use serde::Deserialize;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The state behind the script: connections by the order in which they came, and some groups.
struct Stage {
    conns: Vec<ConnId>,
    ended: Vec<String>,
    groups: Vec<GroupId>,
    count: usize,
}

const GROUPS: usize = 3;

/// A line is operations parted by `;`, all done in one turn. `P` is a connection's number, `G` a
/// group's.
///
/// `say P TEXT` · `big P BYTES` · `flood G BYTES` · `join G P` · `leave G P` · `all G TEXT` · `but G P TEXT` ·
/// `close P` · `abort P` · `after MS P TEXT` · `never MS P TEXT` (a timer, cancelled at once)
struct Script;

impl Service<Stage> for Script {
    fn framing(&self, _: &Stage, _: &Accepted) -> Box<dyn Framing> {
        Box::new(Lines::new(64 * 1024))
    }

    fn opened(&self, stage: &mut Stage, _: &mut Effects<Stage>, conn: ConnId) {
        stage.conns.push(conn);
    }

    fn frame(&self, stage: &mut Stage, fx: &mut Effects<Stage>, _: ConnId, frame: &[u8]) {
        for operation in std::str::from_utf8(frame).unwrap().split(';') {
            perform(stage, fx, operation);
        }
    }

    fn fault(&self, _: &mut Stage, fx: &mut Effects<Stage>, conn: ConnId, fault: Fault) {
        fx.send(conn, format!("{fault:?}\n").as_bytes());
    }

    fn closed(&self, stage: &mut Stage, _: &mut Effects<Stage>, _: ConnId, end: &End) {
        stage.ended.push(end.to_string());
    }

    fn stopping(&self, stage: &mut Stage, fx: &mut Effects<Stage>) {
        fx.publish(stage.groups[0], None, |out| out.extend_from_slice(b"the end\n"));
    }
}

fn perform(stage: &mut Stage, fx: &mut Effects<Stage>, operation: &str) {
    let words: Vec<&str> = operation.split(' ').collect();
    let number = |place: usize| words[place].parse::<usize>().unwrap();
    let conn = |place: usize| stage.conns[number(place)];
    let group = |place: usize| stage.groups[number(place)];
    let line = |place: usize| format!("{}\n", words[place..].join(" ")).into_bytes();
    match words[0] {
        "say" => fx.send(conn(1), &line(2)),
        "big" => fx.send(conn(1), &vec![b'x'; number(2)]),
        "flood" => fx.publish(group(1), None, |out| out.extend(vec![b'x'; number(2)])),
        "join" => fx.join_group(group(1), conn(2)),
        "leave" => fx.leave_group(group(1), conn(2)),
        "all" => fx.publish(group(1), None, |out| out.extend(line(2))),
        "but" => fx.publish(group(1), Some(conn(2)), |out| out.extend(line(3))),
        "close" => fx.close(conn(1)),
        "abort" => fx.abort(conn(1)),
        "after" | "never" => {
            let (conn, text) = (conn(2), line(3));
            let delay = Duration::from_millis(number(1) as u64);
            let timer = fx.after(delay, move |_, fx| fx.send(conn, &text));
            if words[0] == "never" {
                fx.cancel(timer);
            }
        }
        other => panic!("no such operation: {other}"),
    }
}

#[derive(Deserialize)]
struct Tell<'a> {
    text: &'a str,
}

fn tell(stage: &mut Stage, call: &mut Call<'_, Stage>) -> Outcome {
    let Tell { text } = call.params()?;
    let conn = call.conn();
    call.fx.publish(stage.groups[0], Some(conn), |out| out.extend(format!("{text}\n").bytes()));
    call.answer(&stage.conns.len())
}

/// A script at the first address, JSON-RPC at the second.
fn stage() -> Running<Stage> {
    Running::start(|| {
        let state = Stage { conns: Vec::new(), ended: Vec::new(), groups: Vec::new(), count: 0 };
        let mut server = Server::new(state).unwrap();
        server.effects().set_limits(patient());
        for _ in 0..GROUPS {
            let group = server.effects().new_group();
            server.state().groups.push(group);
        }
        let script = server.listen("127.0.0.1:0", Script).unwrap();
        let json = JsonRpc::new().method("tell", tell).on_opened(|stage, _, conn| {
            stage.conns.push(conn);
        });
        let json = server.listen("127.0.0.1:0", json).unwrap();
        (server, vec![script, json])
    })
}

/// So many script connections, numbered as they stand.
fn peers<const COUNT: usize>(stage: &Running<Stage>) -> [Peer; COUNT] {
    let peers = std::array::from_fn(|_| stage.peer());
    until(|| stage.ask(|stage, _| stage.conns.len()) == COUNT);
    peers
}

#[test]
fn answers_and_group_messages_keep_their_order() {
    let stage = stage();
    let [mut a, mut b, mut c] = peers(&stage);
    a.send("join 0 0;join 0 1;join 1 1;join 1 2\n");
    a.send("say 0 1;all 0 2;say 0 3;but 0 0 4;all 1 5;say 1 6;all 0 7;but 1 1 8;all 0 9\n");
    a.expect("1\n2\n3\n7\n9\n");
    b.expect("2\n4\n5\n6\n7\n9\n");
    c.expect("5\n8\n");
    // Who leaves in mid-turn gets what was said before, and what is said after coming back.
    a.send("all 0 x;leave 0 1;all 0 y;join 0 1;all 0 z;leave 0 0;all 0 w;say 0 v\n");
    a.expect("x\ny\nz\nv\n");
    b.expect("x\nz\nw\n");
    // Who is closed in mid-turn gets what was said before.
    b.ask("say 1 on;all 0 x;close 1;all 0 y;say 1 z\n", "on\nx\n");
    b.expect_close();
    // A group with nobody in it, and one whose only member is left out.
    a.send("leave 1 1;but 1 2 q;leave 1 2;all 1 q;all 2 q;say 2 end\n");
    c.expect("end\n");
    a.finish();
    c.finish();
}

/// Numbers below `below`, the same each time.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn whatever_happens_in_a_turn_everyone_gets_what_a_simple_model_says() {
    const PEERS: usize = 4;
    for seed in 0..40 {
        let stage = stage();
        let mut peers: [Peer; PEERS + 1] = peers(&stage);
        let mut roll = dice(seed);
        let mut members = [[false; PEERS]; GROUPS];
        for turn in 0..10 {
            let mut script = Vec::new();
            let mut expected = vec![String::new(); PEERS];
            for step in 0..100 {
                let (group, peer) = (roll(GROUPS), roll(PEERS));
                let text = format!("{turn}.{step}{}", "-".repeat(roll(30)));
                match roll(7) {
                    0 => {
                        members[group][peer] = true;
                        script.push(format!("join {group} {peer}"));
                    }
                    1 => {
                        members[group][peer] = false;
                        script.push(format!("leave {group} {peer}"));
                    }
                    2 => {
                        expected[peer] += &format!("{text}\n");
                        script.push(format!("say {peer} {text}"));
                    }
                    kind => {
                        for (other, heard) in expected.iter_mut().enumerate() {
                            if members[group][other] && (kind < 5 || other != peer) {
                                *heard += &format!("{text}\n");
                            }
                        }
                        script.push(match kind {
                            3 | 4 => format!("all {group} {text}"),
                            _ => format!("but {group} {peer} {text}"),
                        });
                    }
                }
            }
            peers[PEERS].send(script.join(";") + "\n");
            for (peer, expected) in peers.iter_mut().zip(&expected) {
                peer.expect(expected);
            }
        }
        peers.into_iter().for_each(Peer::finish);
    }
}

#[test]
fn closing_sends_what_is_queued_though_input_is_pending() {
    let stage = stage();
    let [mut a, b] = peers(&stage);
    let mut late = "say 0 bye;say 1 seen;close 0\n".to_owned();
    late.push_str(&"say 1 unseen\n".repeat(50_000));
    let pouring = a.pour(late);
    a.expect("bye\n");
    a.expect_close();
    let _ = pouring.join().unwrap();
    drop(a);
    let mut b = b;
    b.expect("seen\n");
    b.finish();
    let ended = stage.ask(|stage, _| stage.ended.clone());
    assert_eq!(ended, ["closed by the service", "end of input"]);
}

#[test]
fn a_fault_of_the_framing_arrives_and_closes() {
    let stage = stage();
    let [mut a] = peers(&stage);
    let pouring = a.pour("x".repeat(3 * 1024 * 1024));
    a.expect("TooLong\n");
    a.expect_close();
    let _ = pouring.join().unwrap();
}

#[test]
fn one_answer_may_pass_the_hard_limit_and_what_comes_with_it_may_not() {
    const BYTES: usize = 16 * 1024 * 1024;
    let stage = stage();
    let mut reader = Peer::connect_narrow(stage.addresses[0]);
    until(|| stage.ask(|stage, _| stage.conns.len()) == 1);
    reader.send(format!("big 0 {BYTES}\n"));
    // Once some of it is out the rest is owed, and what is asked next waits.
    reader.expect("x");
    reader.send("say 0 next\n");
    // Meanwhile there are turns.
    let mut other = stage.peer();
    other.ask("say 1 a\n", "a\n");
    other.ask("say 1 b;join 0 0;flood 0 1000000\n", "b\n");
    other.ask("leave 0 0;say 1 c\n", "c\n");
    assert!(reader.take(BYTES + 999_999).iter().all(|byte| *byte == b'x'));
    reader.expect("next\n");
    reader.finish();

    let mut greedy = Peer::connect_narrow(stage.addresses[0]);
    until(|| stage.ask(|stage, _| stage.conns.len()) == 3);
    greedy.send(format!("big 2 {BYTES};join 0 2;flood 0 1100000\n"));
    until(|| stage.ask(|_, fx| fx.connections()) == 1);
    let (got, _) = greedy.take_all();
    assert!(got.len() < BYTES, "{} bytes", got.len());
    other.finish();
}

#[test]
fn timers_come_in_their_order_unless_cancelled() {
    let stage = stage();
    let [mut a, b] = peers(&stage);
    a.send("after 60 0 third;never 30 0 never;after 5 0 first;after 20 0 second;after 5 1 gone;close 1\n");
    a.expect("first\nsecond\nthird\n");
    a.ask("say 0 end\n", "end\n");
    a.finish();
    b.finish();
}

#[test]
fn two_framings_share_one_state() {
    let stage = stage();
    let mut lines = stage.peer_at(0);
    let mut json = stage.peer_at(1);
    until(|| stage.ask(|stage, _| stage.conns.len()) == 2);
    let json_number = stage.ask(|stage, fx| {
        let services: Vec<_> = stage.conns.iter().map(|&conn| fx.service_of(conn)).collect();
        assert!(services[0].is_some() && services[0] != services[1]);
        2
    });
    assert_eq!(json_number, 2);
    lines.send("join 0 0;join 0 1;all 0 to both\n");
    lines.expect("to both\n");
    json.expect("to both\n");
    json.ask(r#"{"method":"tell","params":{"text":"from json"}}"#, "2");
    lines.expect("from json\n");
    json.send(r#"{"jsonrpc":"2.0","method":"tell","params":["as 2.0"],"id":0}"#);
    json.expect("{\"jsonrpc\":\"2.0\",\"result\":2,\"id\":0}\n");
    lines.expect("as 2.0\n");
    json.finish();
    lines.finish();
}

#[test]
fn listeners_open_and_close_while_connections_stay() {
    let stage = stage();
    let [mut first] = peers(&stage);
    let (listener, address) = stage.ask(|_, fx| {
        let service = fx.add_service(Script);
        // On a host of its own, so that nobody else listens there afterwards.
        let listener = fx.listen("127.77.0.12:0", service).unwrap();
        (listener, fx.listener_addr(listener).unwrap())
    });
    let mut second = Peer::connect(address);
    second.ask("say 1 in\n", "in\n");
    let taken = stage.ask(move |_, fx| {
        let service = fx.add_service(Script);
        fx.listen(address, service).unwrap_err().to_string()
    });
    assert!(taken.contains(&address.to_string()), "{taken}");
    stage.ask(move |_, fx| fx.unlisten(listener));
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(stage.ask(move |_, fx| fx.listener_addr(listener)), None);
    second.ask("say 1 still in;say 0 and you\n", "still in\n");
    first.expect("and you\n");
    // Once more is harmless, also to the one that has taken its place.
    stage.ask(move |_, fx| fx.unlisten(listener));
    second.finish();
    stage.peer().ask("say 2 open\n", "open\n");
    first.finish();
}

#[test]
fn posts_from_many_threads_are_all_done() {
    let stage = stage();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let handle = stage.handle.clone();
            std::thread::spawn(move || {
                for _ in 0..2000 {
                    handle.post(|stage, _| stage.count += 1);
                }
            })
        })
        .collect();
    // Meanwhile sockets are served.
    let [mut a] = peers(&stage);
    for _ in 0..100 {
        a.ask("say 0 x\n", "x\n");
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(stage.ask(|stage, _| stage.count), 16_000);
    a.finish();
}

#[test]
fn ids_of_what_is_gone_miss_harmlessly() {
    let stage = stage();
    let [a, b] = peers(&stage);
    drop(a);
    until(|| stage.ask(|_, fx| fx.connections()) == 1);
    // The newcomer has the slot of the one who left.
    let mut newcomer = stage.peer();
    until(|| stage.ask(|stage, _| stage.conns.len()) == 3);
    stage.ask(|stage, fx| {
        let (stale, fresh) = (stage.conns[0], stage.conns[2]);
        assert_ne!(stale, fresh);
        assert_eq!(ConnId::from_bits(stale.to_bits()), stale);
        assert!(!fx.is_open(stale) && fx.is_open(fresh));
        assert_eq!((fx.peer_addr(stale), fx.session(stale), fx.form(stale)), (None, 0, 0));
        fx.set_session(stale, 7);
        fx.set_form(stale, 1);
        fx.send(stale, b"not for you\n");
        fx.join_group(stage.groups[0], stale);
        fx.leave_group(stage.groups[0], stale);
        fx.join_group(stage.groups[0], stale);
        assert_eq!(fx.group_len(stage.groups[0]), 0);
        fx.publish(stage.groups[0], Some(stale), |_| panic!("encoded for nobody"));
        fx.close(stale);
        fx.abort(stale);
        assert_eq!((fx.session(fresh), fx.form(fresh)), (0, 0));

        // A group that is gone, and the one in its place.
        let old = fx.new_group();
        fx.join_group(old, fresh);
        fx.publish(old, None, |out| out.extend_from_slice(b"last\n"));
        fx.remove_group(old);
        let new = fx.new_group();
        assert_ne!(old, new);
        fx.join_group(new, fresh);
        fx.publish(old, None, |_| panic!("encoded for a group that is gone"));
        fx.leave_group(old, fresh);
        fx.join_group(old, fresh);
        fx.remove_group(old);
        assert_eq!((fx.group_len(old), fx.group_len(new)), (0, 1));
        fx.publish(new, None, |out| out.extend_from_slice(b"first\n"));
    });
    newcomer.expect("last\nfirst\n");
    newcomer.ask("say 2 alive\n", "alive\n");
    newcomer.finish();
    b.finish();
}

#[test]
fn stopping_tells_flushes_and_closes() {
    let stage = stage();
    let [mut a, mut b] = peers(&stage);
    a.ask("join 0 0;say 0 ready\n", "ready\n");
    stage.handle.stop();
    a.expect("the end\n");
    a.expect_close();
    b.expect_close();
}

/// Answers each line with a short one, and says how much longer it was before it was compressed.
struct Compressing;

impl Service<Vec<Instant>> for Compressing {
    fn framing(&self, _: &Vec<Instant>, _: &Accepted) -> Box<dyn Framing> {
        Box::new(Lines::new(1024))
    }

    fn frame(
        &self,
        turns: &mut Vec<Instant>,
        fx: &mut Effects<Vec<Instant>>,
        conn: ConnId,
        line: &[u8],
    ) {
        if turns.last() != Some(&fx.now()) {
            turns.push(fx.now());
        }
        fx.send(conn, b"short\n");
        let saved: usize = std::str::from_utf8(line).unwrap().parse().unwrap();
        fx.count_saved(conn, saved);
    }

    fn fault(&self, _: &mut Vec<Instant>, _: &mut Effects<Vec<Instant>>, _: ConnId, _: Fault) {}
}

#[test]
fn what_compressing_saves_counts_against_a_turn() {
    let running = Running::start(|| {
        let mut server = Server::new(Vec::new()).expect("a server");
        server.effects().set_limits(patient());
        let address = server.listen("127.0.0.1:0", Compressing).expect("a listener");
        (server, vec![address])
    });
    // Two of these are a connection's share, so that the third has to wait for the next turn.
    let mut peer = running.peer();
    peer.send("200000\n".repeat(40));
    peer.expect("short\n".repeat(40));
    let turns = running.ask(|turns, _| std::mem::take(turns).len());
    assert!((20..=40).contains(&turns), "{turns} turns");
    peer.send("0\n".repeat(40));
    peer.expect("short\n".repeat(40));
    let turns = running.ask(|turns, _| turns.len());
    // One or two; some more where the machine has something else to do in the middle.
    assert!(turns < 20, "{turns} turns");
}

#[test]
fn who_ends_its_input_and_does_not_read_is_ended_too() {
    let stage = stage();
    stage.ask(|_, fx| {
        let flush = Duration::from_millis(100);
        fx.set_limits(Limits { flush, ..patient() });
    });
    let mut deaf = Peer::connect_narrow(stage.addresses[0]);
    deaf.send(format!("big 0 {}\n", 16 * 1024 * 1024));
    deaf.half_close();
    // It owes far more than the low mark, so the end of its input is never read.
    until(|| stage.ask(|stage, _| !stage.ended.is_empty()));
    drop(deaf);
}

#[test]
fn who_ends_its_input_and_reads_slowly_gets_all() {
    const BYTES: usize = 16 * 1024 * 1024;
    at_some_pace(Duration::from_millis(800), |flush| {
        let stage = stage();
        stage.ask(move |_, fx| fx.set_limits(Limits { flush, ..patient() }));
        let mut clock = stage.peer();
        until(|| stage.ask(|stage, _| stage.conns.len()) == 1);
        let mut reader = Peer::connect_narrow(stage.addresses[0]);
        reader.send(format!("big 1 {BYTES}\n"));
        reader.send("say 1 last\n");
        reader.half_close();
        // Twice as long as it may take nothing at all.
        let pause = format!("after {} 0 tick\n", flush.as_millis() / 8);
        for _ in 0..16 {
            reader.expect(vec![b'x'; BYTES / 16]);
            clock.ask(&pause, "tick\n");
        }
        reader.expect("last\n");
        reader.expect_close();
    });
}
