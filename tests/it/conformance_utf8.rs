//! What is text and what is not (RFC 3629), played against the example `echo`: in one frame, cut
//! in two at each place, and an octet a frame. The sequences are those that the Autobahn testsuite
//! has in its section 6, most of them from Markus Kuhn's stress test.

use crate::conformance::{End, frame, play, play_bytes};
use crate::echo::Echo;
use crate::frames::{CONTINUATION, FIN, FramePeer, PING, PONG, TEXT, fragments};

/// "κόσμε".
const KOSME: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

#[track_caller]
fn valid(echo: &Echo, text: &[u8]) {
    let expected = [frame(TEXT, text)];
    play(echo, &[frame(TEXT, text)], &expected, End::Open);
    for piece in 1..text.len() {
        let (mut peer, _) = FramePeer::connect(echo.address, "");
        peer.peer.send(fragments(TEXT, text, piece));
        peer.expect(TEXT, text);
        peer.finish();
    }
}

#[track_caller]
fn invalid(echo: &Echo, bytes: &[u8]) {
    play(echo, &[frame(TEXT, bytes)], &[], End::Failed(1007));
    for piece in 1..bytes.len() {
        let (mut peer, _) = FramePeer::connect(echo.address, "");
        peer.peer.send(fragments(TEXT, bytes, piece));
        peer.expect_failure(1007);
    }
}

/// A code point that no text may have, in the bytes that UTF-8 would have for it.
fn three_bytes(unit: u16) -> [u8; 3] {
    let low = |value: u16| 0x80 | (value & 0x3f) as u8;
    [0xe0 | (unit >> 12) as u8, low(unit >> 6), low(unit)]
}

#[test]
fn text_is_text_however_it_is_cut() {
    let echo = Echo::websocket();
    // 6.1.
    play(&echo, &[frame(TEXT, "")], &[frame(TEXT, "")], End::Open);
    let part = |fin: u8, content: &str| frame(fin | CONTINUATION, content);
    for middle in ["", "middle frame payload"] {
        let sent = [frame(TEXT & !FIN, ""), part(0, middle), part(FIN, "")];
        play(&echo, &sent, &[frame(TEXT, middle)], End::Open);
    }
    // 6.2, and 6.5 to 6.7: the first and the last of each length.
    valid(&echo, "Hello-µ@ßöäüàá-UTF-8!!".as_bytes());
    for end in [2, 5, 7, 9, 11] {
        valid(&echo, &KOSME[..end]);
    }
    for text in ["\0", "\u{80}", "\u{800}", "\u{10000}"] {
        valid(&echo, text.as_bytes());
    }
    // 6.9 and 6.11.
    for text in ["\x7f", "\u{7ff}", "\u{ffff}", "\u{10ffff}", "\u{d7ff}", "\u{e000}", "\u{fffd}"] {
        valid(&echo, text.as_bytes());
    }
    // 6.22 and 6.23: what is no character is a code point all the same.
    let unassigned: String = (0..=0x10_u32)
        .flat_map(|plane| [plane << 16 | 0xfffe, plane << 16 | 0xffff])
        .chain(0xfff9..=0xfffd)
        .filter_map(char::from_u32)
        .collect();
    assert_eq!(unassigned.chars().count(), 39);
    play(&echo, &[frame(TEXT, &*unassigned)], &[frame(TEXT, &*unassigned)], End::Open);
    let bytes = fragments(TEXT, unassigned.as_bytes(), 1);
    play_bytes(&echo, &bytes, &[frame(TEXT, unassigned)], End::Open);
}

#[test]
fn what_ends_in_the_middle_of_a_character_is_no_text() {
    let echo = Echo::websocket();
    // 6.6.
    for end in [1, 3, 4, 6, 8, 10] {
        invalid(&echo, &KOSME[..end]);
    }
    // 6.14: each without its last byte; 6.15: all of them together.
    let cut: [&[u8]; 10] = [
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
    ];
    cut.iter().for_each(|bytes| invalid(&echo, bytes));
    invalid(&echo, &cut.concat());
}

#[test]
fn bytes_that_never_stand_in_text_or_not_there_are_refused() {
    let echo = Echo::websocket();
    // 6.3.
    invalid(&echo, &[KOSME, b"\xed\xa0\x80edited"].concat());
    // 6.8 and 6.10: five and six bytes, and four for too much.
    for bytes in [
        &b"\xf8\x88\x80\x80\x80"[..],
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        b"\xfb\xbf\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf\xbf",
        // 6.11.5.
        b"\xf4\x90\x80\x80",
        // 6.16.
        b"\xfe",
        b"\xff",
        b"\xfe\xfe\xff\xff",
    ] {
        invalid(&echo, bytes);
    }
    // 6.12: continuations of nothing.
    for count in 1..=7 {
        invalid(&echo, &b"\x80\xbf\x80\xbf\x80\xbf\x80"[..count]);
    }
    invalid(&echo, b"\xbf");
    invalid(&echo, &(0x80..=0xbf).collect::<Vec<u8>>());
    // 6.13: starts that nothing follows.
    for starts in [0xc0..=0xdf, 0xe0..=0xef, 0xf0..=0xf7, 0xf8..=0xfb, 0xfc..=0xfe] {
        for start in starts {
            play(&echo, &[frame(TEXT, [start, b' '])], &[], End::Failed(1007));
        }
    }
}

#[test]
fn what_is_written_in_too_many_bytes_is_refused() {
    let echo = Echo::websocket();
    for bytes in [
        // 6.17: a slash.
        &b"\xc0\xaf"[..],
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xf8\x80\x80\x80\xaf",
        b"\xfc\x80\x80\x80\x80\xaf",
        // 6.18: the last that is too long.
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf8\x87\xbf\xbf\xbf",
        b"\xfc\x83\xbf\xbf\xbf\xbf",
        // 6.19: nothing.
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xf0\x80\x80\x80",
        b"\xf8\x80\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80\x80",
    ] {
        invalid(&echo, bytes);
    }
}

#[test]
fn halves_of_utf_16_are_refused() {
    // 6.20 and 6.21.
    let echo = Echo::websocket();
    let (high, low) = ([0xd800, 0xdb7f, 0xdb80, 0xdbff], [0xdc00, 0xdf80, 0xdfff]);
    for unit in high.into_iter().chain(low) {
        invalid(&echo, &three_bytes(unit));
    }
    for high in high {
        for low in [0xdc00, 0xdfff] {
            invalid(&echo, &[three_bytes(high), three_bytes(low)].concat());
        }
    }
}

#[test]
fn what_cannot_become_text_is_refused_at_the_end_of_its_frame() {
    // 6.4.1 and 6.4.2: the rest of the message never comes.
    let echo = Echo::websocket();
    for bad in [&b"\xf4\x90\x80\x80"[..], b"\xf4\x90"] {
        let sent = [frame(TEXT & !FIN, KOSME), frame(CONTINUATION, bad)];
        play(&echo, &sent, &[], End::Failed(1007));
    }
    // What may yet become text is waited for.
    let sent = [frame(TEXT & !FIN, KOSME), frame(CONTINUATION, *b"\xf4"), frame(PING, "")];
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    sent.iter().for_each(|(first, content)| peer.send(*first, content));
    peer.expect(PONG, "");
    peer.send(CONTINUATION, b"\x90");
    peer.expect_failure(1007);
}
