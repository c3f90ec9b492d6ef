//! The rules of RFC 6455 that every conformance suite has cases for, played against the example
//! `echo` over a real socket: frames, pings, reserved bits, opcodes, fragments, closing. UTF-8 and
//! long or compressed messages have files of their own.
//!
//! The cases follow the order of the Autobahn testsuite, whose numbers are given. Each is played
//! twice: sent in one write, and octet by octet.

use crate::echo::Echo;
use crate::frames::{
    BINARY, CLOSE, CONTINUATION, FIN, Frame, FramePeer, PING, PONG, TEXT, fragments, masked,
};

/// How a connection ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// As it was: it still takes a close frame, and nothing else comes before the answer to that.
    Open,
    /// The server fails it, with this code.
    Failed(u16),
    /// The server has answered a close frame, with what was expected last.
    Closed,
}

/// Sends frames, and expects others and an end; in one write, then octet by octet.
#[track_caller]
pub(crate) fn play(echo: &Echo, sent: &[Frame], expected: &[Frame], end: End) {
    let bytes: Vec<u8> = sent.iter().flat_map(|(first, content)| masked(*first, content)).collect();
    play_bytes(echo, &bytes, expected, end);
}

/// The same, of bytes that need not be frames.
#[track_caller]
pub(crate) fn play_bytes(echo: &Echo, bytes: &[u8], expected: &[Frame], end: End) {
    for slowly in [false, true] {
        let (mut peer, _) = FramePeer::connect(echo.address, "");
        if slowly {
            let mut pieces = bytes.chunks(1 + bytes.len() / 2000);
            let taken = pieces.all(|octets| peer.peer.sends(octets));
            // Whom it closes the server hears for a while only, and the rest may come later.
            assert!(taken || !matches!(end, End::Open), "the server has ended it");
        } else {
            peer.peer.send(bytes);
        }
        for (first, content) in expected {
            peer.expect(*first, content);
        }
        match end {
            End::Open => peer.finish(),
            End::Failed(code) => peer.expect_failure(code),
            End::Closed => peer.peer.expect_close(),
        }
    }
}

pub(crate) fn frame(first: u8, content: impl Into<Vec<u8>>) -> Frame {
    (first, content.into())
}

fn close(code: u16, reason: &str) -> Frame {
    (CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// What answers a close frame of this code.
fn closed(code: u16) -> Frame {
    close(code, "")
}

#[test]
fn messages_of_all_sizes_of_a_length_come_back() {
    // 1.1 and 1.2.
    let echo = Echo::websocket();
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536] {
        let text = frame(TEXT, "*".repeat(length));
        play(&echo, std::slice::from_ref(&text), std::slice::from_ref(&text), End::Open);
        let binary = frame(BINARY, vec![0xfe; length]);
        play(&echo, std::slice::from_ref(&binary), std::slice::from_ref(&binary), End::Open);
    }
}

#[test]
fn pings_are_answered_and_pongs_are_not() {
    // 2.1 to 2.4, 2.6 and 2.11.
    let echo = Echo::websocket();
    for content in [&b""[..], b"Hello, world!", b"\0\xff\xfe\xfd\xfc\xfb\0\xff", &[0xfe; 125]] {
        play(&echo, &[frame(PING, content)], &[frame(PONG, content)], End::Open);
    }
    // 2.5.
    play(&echo, &[frame(PING, [0xfe; 126])], &[], End::Failed(1002));
    // 2.7 to 2.9.
    play(&echo, &[frame(PONG, ""), frame(PONG, "unasked for")], &[], End::Open);
    let sent = [frame(PONG, "unasked for"), frame(PING, "ping")];
    play(&echo, &sent, &[frame(PONG, "ping")], End::Open);
    // 2.10.
    let pings: Vec<Frame> = (0..10).map(|n| frame(PING, format!("payload-{n}"))).collect();
    let pongs: Vec<Frame> = pings.iter().map(|(_, content)| (PONG, content.clone())).collect();
    play(&echo, &pings, &pongs, End::Open);
}

#[test]
fn reserved_bits_are_refused() {
    // 3.1 to 3.7: in each kind of frame, behind a message, before a ping.
    let echo = Echo::websocket();
    let hello = || frame(TEXT, "Hello, world!");
    for reserved in 1..8 {
        for kind in [TEXT, BINARY, PING, PONG, CLOSE] {
            let sent = [hello(), frame(kind | reserved << 4, "**"), frame(PING, "")];
            play(&echo, &sent, &[hello()], End::Failed(1002));
        }
    }
}

#[test]
fn unknown_opcodes_are_refused() {
    // 4.1 and 4.2.
    let echo = Echo::websocket();
    let hello = || frame(TEXT, "Hello, world!");
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        play(&echo, &[frame(FIN | opcode, "")], &[], End::Failed(1002));
        let sent = [hello(), frame(FIN | opcode, "content"), frame(PING, "")];
        play(&echo, &sent, &[hello()], End::Failed(1002));
        play(&echo, &[frame(opcode, "no FIN")], &[], End::Failed(1002));
    }
}

#[test]
fn fragments_are_joined_with_control_frames_in_between() {
    let echo = Echo::websocket();
    let part = |fin: u8, content: &str| frame(fin | CONTINUATION, content);
    for kind in [TEXT, BINARY] {
        // 5.3 to 5.5.
        let sent = [frame(kind & !FIN, "fragment1"), part(FIN, "fragment2")];
        play(&echo, &sent, &[frame(kind, "fragment1fragment2")], End::Open);
        // 5.6 to 5.8.
        let sent = [frame(kind & !FIN, "a"), frame(PING, "ping"), part(FIN, "b")];
        play(&echo, &sent, &[frame(PONG, "ping"), frame(kind, "ab")], End::Open);
        // 5.19 and 5.20.
        let sent = [
            frame(kind & !FIN, "fragment1"),
            part(0, "fragment2"),
            frame(PING, "pongme 1!"),
            part(0, "fragment3"),
            part(0, "fragment4"),
            frame(PING, "pongme 2!"),
            frame(PONG, ""),
            part(FIN, "fragment5"),
        ];
        let whole = "fragment1fragment2fragment3fragment4fragment5";
        let pongs = ["pongme 1!", "pongme 2!"].map(|content| frame(PONG, content));
        play(&echo, &sent, &[&pongs[..], &[frame(kind, whole)]].concat(), End::Open);
    }
    // 10.1.
    let long = "*".repeat(65_536);
    play_bytes(&echo, &fragments(TEXT, long.as_bytes(), 1300), &[frame(TEXT, long)], End::Open);
}

#[test]
fn fragments_out_of_place_are_refused() {
    let echo = Echo::websocket();
    let part = |fin: u8, content: &str| frame(fin | CONTINUATION, content);
    // 5.1 and 5.2: control frames do not come in fragments.
    for kind in [PING, PONG, CLOSE] {
        let sent = [frame(kind & !FIN, "fragment1"), part(FIN, "fragment2")];
        play(&echo, &sent, &[], End::Failed(1002));
    }
    // 5.9 to 5.14: nothing to continue.
    for fin in [FIN, 0] {
        let sent = [part(fin, "non-continuation"), frame(TEXT, "Hello, world!")];
        play(&echo, &sent, &[], End::Failed(1002));
    }
    // 5.15: nothing any more.
    let sent = [frame(TEXT & !FIN, "a"), part(FIN, "b"), part(0, "c"), frame(TEXT, "d")];
    play(&echo, &sent, &[frame(TEXT, "ab")], End::Failed(1002));
    // 5.16 and 5.17.
    for fin in [0, FIN] {
        let sent = [part(fin, "a"), frame(TEXT & !FIN, "b"), part(FIN, "c")];
        play(&echo, &sent, &[], End::Failed(1002));
    }
    // 5.18: a message inside another.
    for second in [TEXT, TEXT & !FIN, BINARY] {
        let sent = [frame(TEXT & !FIN, "a"), frame(second, "b")];
        play(&echo, &sent, &[], End::Failed(1002));
    }
}

#[test]
fn what_a_frame_must_have_is_looked_for() {
    let echo = Echo::websocket();
    // 5.1 of the RFC: a client masks.
    play_bytes(&echo, b"\x81\x02hi", &[], End::Failed(1002));
    // 5.2 of the RFC: the shortest length, of at most 63 bits.
    for header in
        [&b"\x82\xfe\x00\x7d"[..], b"\x82\xff\0\0\0\0\0\0\xff\xff", b"\x82\xff\x80\0\0\0\0\0\0\0"]
    {
        play_bytes(&echo, header, &[], End::Failed(1002));
    }
}

#[test]
fn a_close_frame_is_answered_and_ends_everything() {
    let echo = Echo::websocket();
    let end = || [frame(TEXT, "Hello, world!"), closed(1000)];
    // 7.1.1 to 7.1.4: whatever follows it.
    for more in [None, Some(close(1000, "")), Some(frame(PING, "late")), Some(frame(TEXT, "late"))]
    {
        let sent = [&[frame(TEXT, "Hello, world!"), close(1000, "")], more.as_slice()].concat();
        play(&echo, &sent, &end(), End::Closed);
    }
    // 7.1.5: in the middle of a message.
    let sent = [frame(TEXT & !FIN, "a"), close(1000, ""), frame(FIN | CONTINUATION, "b")];
    play(&echo, &sent, &[closed(1000)], End::Closed);
    // 7.1.6: behind a long message.
    let long = frame(TEXT, "BAsd7&jh23".repeat(26 * 1024));
    let sent = [long.clone(), frame(TEXT, "Hello, world!"), close(1000, ""), frame(PING, "")];
    play(&echo, &sent, &[&[long][..], &end()].concat(), End::Closed);
}

#[test]
fn a_close_frame_has_a_code_and_a_reason_or_nothing() {
    let echo = Echo::websocket();
    // 7.3.1 to 7.3.6.
    play(&echo, &[frame(CLOSE, "")], &[frame(CLOSE, "")], End::Closed);
    play(&echo, &[frame(CLOSE, "a")], &[], End::Failed(1002));
    for reason in ["", "Hello, world!", &"*".repeat(123)] {
        play(&echo, &[close(1000, reason)], &[closed(1000)], End::Closed);
    }
    play(&echo, &[close(1000, &"*".repeat(124))], &[], End::Failed(1002));
    // 7.5.1.
    let reason = b"\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
    play(&echo, &[frame(CLOSE, *reason)], &[], End::Failed(1007));
}

#[test]
fn only_codes_that_may_be_sent_are_taken() {
    let echo = Echo::websocket();
    // 7.7.
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000]
            .into_iter()
            .chain([4999])
    {
        play(&echo, &[close(code, "why")], &[closed(code)], End::Closed);
    }
    // 7.9 and 7.13: reserved, unknown, or only for what never stands on the wire.
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        play(&echo, &[close(code, "")], &[], End::Failed(1002));
        play(&echo, &[close(code, "why")], &[], End::Failed(1002));
    }
}
