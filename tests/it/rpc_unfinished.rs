//! Part of a frame, whatever the framing, and then no more.

use crate::frames::masked;
use crate::house::{Plan, patient};
use crate::peer::Peer;
use crate::support::{Daemon, PATIENCE, TempFolder};
use crate::ws_peer::WsPeer;
use flate2::write::ZlibEncoder;
use parlance::rpc::Limits;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// The first bytes of a compressed package that is longer.
fn half_a_package() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(br#"{"type":"message","data":{}}"#).expect("written");
    let package = encoder.finish().expect("finished");
    package[..package.len() / 2].to_vec()
}

#[test]
fn half_a_frame_does_not_last_for_ever() {
    let limits = Limits { frame: Duration::from_millis(200), ..patient() };
    let house = Plan { limits, ..Plan::default() }.open();
    let mut member = house.member("Bob", &["Bob"]);
    for (dialect, half) in [
        ("jsonrpc", br#" {"method":"#.to_vec()),
        ("ndjson", br#"{"type":"ping"}"#.to_vec()),
        ("chatmaster", br#"{"type":"#.to_vec()),
        ("chatmaster", half_a_package()),
    ] {
        let mut peer = house.peer_of(dialect);
        peer.send(half);
        // What there is to say is said before.
        let (_, was_reset) = peer.take_all();
        assert!(!was_reset, "{dialect}");
    }
    let door = house.door("websocket");
    let (mut peer, _) = WsPeer::classic(door);
    peer.peer.send(&masked(0x81, b"{}")[..5]);
    peer.expect_close(1008);
    // A ping within a message is answered, and finishes nothing.
    let (mut peer, _) = WsPeer::classic(door);
    peer.peer.send([masked(0x01, b"{"), masked(0x89, b"?")].concat());
    assert_eq!(peer.take_frame(), (0x8a, b"?".to_vec()));
    peer.expect_close(1008);
    // All the others are as they were.
    member.probe();
    member.finish();
}

#[test]
fn the_daemon_is_told_how_long_that_is() {
    let folder = TempFolder::new();
    let config = folder.write("parlance.toml", "[limits]\nframe_s = 1\n");
    let daemon = Daemon::start(&["-c", &config, "-l", "ndjson=127.0.0.1:0"]);
    let mut peer = Peer::connect(daemon.address("ndjson"));
    peer.send("{");
    peer.expect_close();
}

#[test]
fn who_is_between_two_frames_may_stay_there() {
    let limits = Limits { frame: Duration::from_millis(200), ..patient() };
    let house = Plan { limits, ..Plan::default() }.open();
    let mut jsonrpc = house.member("Bob", &["Bob"]);
    jsonrpc.send(" \n");
    let (mut websocket, _) = WsPeer::classic(house.door("websocket"));
    let mut ndjson = house.peer_of("ndjson");
    ndjson.send("\n\r\n");
    // Two that are given up one after the other have taken longer than a deadline, and its repetition.
    for _ in 0..2 {
        let mut late: Peer = house.peer();
        late.send("{");
        late.expect_close();
    }
    jsonrpc.probe();
    websocket.probe();
    ndjson.ask("{\"type\":\"ping\"}\n", "{\"type\":\"error\",\"text\":\"Join first\"}\n");
    jsonrpc.finish();
}

#[test]
fn a_byte_now_and_then_does_not_buy_time() {
    let limits = Limits { frame: Duration::from_millis(200), ..patient() };
    let house = Plan { limits, ..Plan::default() }.open();
    let peer = house.peer();
    let mut stream = peer.stream();
    stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    stream.write_all(b"{").expect("written");
    let start = Instant::now();
    // Nothing is said to it, so that an answer is the end.
    while let Err(error) = stream.read(&mut [0])
        && error.kind() == ErrorKind::WouldBlock
    {
        assert!(start.elapsed() < PATIENCE, "it is still there");
        // If this fails, the next read says why.
        let _ = stream.write(b" ");
    }
}
