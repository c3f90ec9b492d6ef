//! `chatmaster` with compressed packages: who is sent what, and what is refused.

use crate::chatmaster::{
    CHANNELS, GREETING, LEAVE, error, join, joined, left, list, login, message, probe, session,
};
use crate::house::{Plan, Running, open, settings};
use crate::peer::Peer;
use flate2::write::ZlibEncoder;
use flate2::{Decompress, FlushDecompress, Status};
use parlance::chat::dialect::chatmaster::ChatMasterSettings;
use parlance::chat::dialect::{House, Settings};
use parlance::rpc::framing::Compression;
use std::io::Write;

/// One zlib stream.
fn zipped(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_ref()).expect("written");
    encoder.finish().expect("finished")
}

/// Reads one zlib stream to its very end, and compares what it inflates to.
#[track_caller]
fn expect_zipped(peer: &mut Peer, expected: impl AsRef<str>) {
    let mut stream = Decompress::new(true);
    let mut text = Vec::with_capacity(64 * 1024);
    loop {
        let byte = peer.take(1);
        let status = stream.decompress_vec(&byte, &mut text, FlushDecompress::None);
        match status.unwrap_or_else(|error| panic!("{error} at {byte:?} after {text:?}")) {
            Status::StreamEnd => break,
            _ => assert!(text.len() < text.capacity()),
        }
    }
    assert_eq!(String::from_utf8(text).expect("UTF-8"), expected.as_ref());
}

fn house_with(compression: Compression) -> Running<House> {
    let chatmaster = ChatMasterSettings { compression };
    let dialect = Settings { chatmaster, ..settings() };
    Plan { dialect, ..Plan::default() }.open()
}

/// Somebody new in `general`, over text.
#[track_caller]
fn plain_user(house: &Running<House>, name: &str) -> Peer {
    let mut peer = house.peer_of("chatmaster");
    peer.expect(GREETING);
    peer.ask(login(name), [session("\"general\""), joined(name, "general")].concat());
    peer
}

#[test]
fn the_first_compressed_package_is_answered_in_kind() {
    let house = open();
    let mut bob = plain_user(&house, "Bob");
    let mut ann = house.peer_of("chatmaster");
    ann.expect(GREETING);
    ann.send(zipped(login("Ann")));
    expect_zipped(&mut ann, session("\"general\""));
    expect_zipped(&mut ann, joined("Ann", "general"));
    bob.expect(joined("Ann", "general"));
    // Text is still taken from it, and answered compressed.
    ann.send(CHANNELS);
    expect_zipped(&mut ann, list("\"general\""));
    ann.send(message("hi", ""));
    bob.expect(message("hi", "Ann"));
    bob.send(message("hello", ""));
    expect_zipped(&mut ann, message("hello", "Bob"));
    ann.finish();
    bob.expect(left("Ann", "general"));
    bob.finish();
}

#[test]
fn a_member_changes_over_without_missing_anything() {
    let house = open();
    let mut bob = plain_user(&house, "Bob");
    let mut ann = plain_user(&house, "Ann");
    bob.expect(joined("Ann", "general"));
    for round in 0..3 {
        bob.send(message(&format!("before {round}"), ""));
    }
    bob.send(zipped(message("mine", "")));
    bob.send(zipped(CHANNELS));
    expect_zipped(&mut bob, list("\"general\""));
    for round in 0..3 {
        ann.expect(message(&format!("before {round}"), "Bob"));
    }
    ann.expect(message("mine", "Bob"));
    // Two members in two forms, and one who joins them over text.
    let mut eve = plain_user(&house, "Eve");
    ann.expect(joined("Eve", "general"));
    expect_zipped(&mut bob, joined("Eve", "general"));
    eve.send(message("all", ""));
    ann.expect(message("all", "Eve"));
    expect_zipped(&mut bob, message("all", "Eve"));
    bob.send(zipped(join("Google")));
    expect_zipped(&mut bob, joined("Bob", "Google"));
    for peer in [&mut ann, &mut eve] {
        peer.expect(left("Bob", "general"));
    }
    bob.send(zipped(LEAVE));
    expect_zipped(&mut bob, joined("Bob", "general"));
    ann.expect(joined("Bob", "general"));
    bob.finish();
    ann.expect(left("Bob", "general"));
    probe(&mut ann);
}

#[test]
fn streams_stand_back_to_back_and_arrive_in_any_pieces() {
    let house = open();
    let mut bob = plain_user(&house, "Bob");
    let mut ann = house.peer_of("chatmaster");
    ann.expect(GREETING);
    ann.send_slowly(zipped(login("Ann")));
    expect_zipped(&mut ann, session("\"general\""));
    expect_zipped(&mut ann, joined("Ann", "general"));
    bob.expect(joined("Ann", "general"));
    let texts = ["one", "two", "three"];
    let mut streams = texts.map(|text| zipped(message(text, ""))).concat();
    streams.extend_from_slice(b" \r\n");
    streams.extend(zipped([" ", &message("four", ""), "\n"].concat()));
    ann.send(&streams);
    for text in ["one", "two", "three", "four"] {
        bob.expect(message(text, "Ann"));
    }
    // A package is one value, and one that is compressed need not be an object.
    let invalid = error("unknown", "Invalid JSON");
    for bad in ["", "{}{}", "hello", "{"] {
        ann.send(zipped(bad));
        expect_zipped(&mut ann, &invalid);
    }
    ann.send(zipped("17"));
    expect_zipped(&mut ann, error("unknown", "Unknown command"));
    ann.finish();
}

#[test]
fn what_cannot_be_inflated_ends_the_connection() {
    let house = open();
    let mut bob = plain_user(&house, "Bob");
    let mut broken = zipped(login("Ann"));
    *broken.last_mut().expect("a checksum") ^= 1;
    let mut ann = house.peer_of("chatmaster");
    ann.expect(GREETING);
    ann.ask(&broken, error("unknown", "Invalid JSON"));
    ann.expect_close();
    // Whoever has compressed before is told compressed.
    let mut eve = house.peer_of("chatmaster");
    eve.expect(GREETING);
    eve.send([zipped(CHANNELS), broken].concat());
    expect_zipped(&mut eve, error("channels", "Not logged in."));
    expect_zipped(&mut eve, error("unknown", "Invalid JSON"));
    eve.expect_close();
    probe(&mut bob);
}

#[test]
fn a_package_may_not_inflate_to_more_than_the_limit() {
    let house = open();
    let mut bob = plain_user(&house, "Bob");
    let padded = |bytes: usize| {
        let request = CHANNELS.as_bytes();
        [request, &vec![b' '; bytes - request.len()][..]].concat()
    };
    bob.send(zipped(padded(64 * 1024)));
    expect_zipped(&mut bob, list("\"general\""));
    bob.send(zipped(padded(64 * 1024 + 1)));
    expect_zipped(&mut bob, error("unknown", "Package is too long."));
    bob.expect_close();
    let mut bomber = house.peer_of("chatmaster");
    bomber.expect(GREETING);
    bomber.send(zipped(vec![b'['; 64 * 1024 * 1024]));
    bomber.expect(error("unknown", "Package is too long."));
    bomber.expect_close();
}

#[test]
fn compression_may_be_off() {
    let house = house_with(Compression::Off);
    let mut bob = plain_user(&house, "Bob");
    bob.ask([&zipped(CHANNELS)[..], b"\n"].concat(), error("unknown", "Invalid JSON"));
    probe(&mut bob);
    bob.finish();
}

#[test]
fn compression_may_be_there_from_the_start() {
    let house = house_with(Compression::Always);
    let mut bob = house.peer_of("chatmaster");
    expect_zipped(&mut bob, GREETING);
    bob.send(login("Bob"));
    expect_zipped(&mut bob, session("\"general\""));
    expect_zipped(&mut bob, joined("Bob", "general"));
    bob.send(zipped(CHANNELS));
    expect_zipped(&mut bob, list("\"general\""));
    let mut ada = house.member("Ada", &["Bob", "Ada"]);
    expect_zipped(&mut bob, joined("Ada", "general"));
    ada.half_close();
    expect_zipped(&mut bob, left("Ada", "general"));
    house.begin_stop();
    expect_zipped(
        &mut bob,
        r#"{"type":"notification","data":{"event_type":"server_shutdown","message":"Server is shutting down"}}"#,
    );
    bob.expect_close();
}
