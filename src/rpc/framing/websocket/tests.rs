//! The rules of RFC 6455, one by one, from the upgrade on. (What the HTTP front answers is tested
//! over sockets.)

use super::*;

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const MESSAGE_BYTES_MAX: usize = 100_000;

/// The bits that a first byte is made of.
const FIN: u8 = 0x80;
#[cfg(feature = "zlib")]
const RSV1: u8 = frame::RSV1;

/// A connection that was upgraded, with further fields in the request.
fn upgraded_with(fields: &str, change: impl FnOnce(&mut WebSocketOptions)) -> WebSocket {
    let mut options = WebSocketOptions {
        message_bytes_max: MESSAGE_BYTES_MAX,
        deflate: true,
        ..WebSocketOptions::default()
    };
    change(&mut options);
    let local = "127.0.0.1:80".parse().unwrap();
    let accepted = Accepted::new(local, local, false);
    let mut framing = WebSocket::new(Rc::new(options), &accepted);
    let mut request = format!("{UPGRADE}{fields}\r\n").into_bytes();
    let decoded = framing.decode(&mut request);
    assert!(matches!(decoded, Decoded::Switch { .. }), "{decoded:?}");
    framing
}

fn upgraded() -> WebSocket {
    upgraded_with("", |_| {})
}

/// A frame of a peer's: its first byte, and its content.
fn frame(first: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut frame = Vec::new();
    frame.extend_from_slice(content);
    frame::put_header(&mut frame, 0, 0);
    frame[0] = first;
    frame[1] |= 0x80;
    let header_bytes = frame.len() - content.len();
    frame.splice(header_bytes..header_bytes, MASK);
    frame::unmask(&mut frame[header_bytes + 4..], MASK);
    frame
}

/// What a stream holds, as text: a word for each thing, and its content.
fn items(framing: &mut WebSocket, input: &[u8]) -> Vec<String> {
    let mut input = input.to_vec();
    let mut items = Vec::new();
    let mut at = 0;
    loop {
        let (item, used) = match framing.decode(&mut input[at..]) {
            Decoded::Incomplete => return items,
            Decoded::Skip { used } => (None, used),
            Decoded::Frame { frame, used } => {
                (Some(format!("text {}", std::str::from_utf8(frame).unwrap())), used)
            }
            Decoded::Binary { frame, used } => (Some(format!("binary {frame:x?}")), used),
            Decoded::Reply { reply, used, closes } => {
                let word = if closes { "last" } else { "reply" };
                (Some(format!("{word} {reply:x?}")), used)
            }
            Decoded::Switch { .. } => panic!("twice upgraded"),
            Decoded::Fault { fault, used } => {
                assert_eq!(used, 0);
                items.push(format!("{fault:?}"));
                return items;
            }
        };
        assert!(used > 0);
        at += used;
        items.extend(item);
    }
}

fn of(frames: &[Vec<u8>]) -> Vec<String> {
    items(&mut upgraded(), &frames.concat())
}

/// Code and reason of a farewell.
fn farewell(framing: &mut WebSocket, why: Farewell) -> Option<(u16, String)> {
    let mut out = Vec::new();
    framing.farewell(why, &mut out);
    let [0x88, len, content @ ..] = &out[..] else {
        assert!(out.is_empty());
        return None;
    };
    assert_eq!(usize::from(*len), content.len());
    let (code, reason) = content.split_first_chunk().unwrap();
    Some((u16::from_be_bytes(*code), String::from_utf8(reason.to_vec()).unwrap()))
}

/// Asserts that the peer is told of a rule.
#[track_caller]
fn breaks(frames: &[Vec<u8>], code: u16, reason: &str) {
    let mut framing = upgraded();
    let told = items(&mut framing, &frames.concat());
    let fault = match code {
        1003 => Fault::Binary,
        1007 if reason == "invalid UTF-8" => Fault::NotUtf8,
        1007 => Fault::Corrupt,
        1009 => Fault::TooLong,
        _ => Fault::Protocol,
    };
    assert_eq!(told.last(), Some(&format!("{fault:?}")));
    assert_eq!(framing.decode(&mut [0; 9]), Decoded::Fault { fault, used: 0 });
    assert_eq!(farewell(&mut framing, Farewell::Fault(fault)), Some((code, reason.into())));
    assert_eq!(farewell(&mut framing, Farewell::Fault(fault)), None, "told twice");
}

#[test]
fn the_example_of_the_handshake() {
    // RFC 6455, 1.3.
    let protocols = vec!["superchat".into(), "chat".into()];
    let options = WebSocketOptions { protocols, ..WebSocketOptions::default() };
    let local = "127.0.0.1:80".parse().unwrap();
    let accepted = Accepted::new(local, local, false);
    let mut framing = WebSocket::new(Rc::new(options), &accepted);
    let fields = "Sec-WebSocket-Protocol: other, chat, superchat\r\n\r\nbehind";
    let mut request = format!("{UPGRADE}{fields}").into_bytes();
    assert!(!framing.is_open());
    assert_eq!(framing.linger(), None, "HTTP has no close frame to wait for");
    let used = request.len() - "behind".len();
    let reply = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat\r\n\r\n";
    let switch = Switch::WebSocket { protocol: Some(1), deflate: false };
    assert_eq!(framing.decode(&mut request), Decoded::Switch { switch, reply, used });
    assert!(framing.is_open());
    assert_eq!(framing.linger(), Some(LINGER));
    assert_eq!(framing.keepalive().map(|keepalive| keepalive.probe), Some(&[0x89, 0][..]));
}

#[test]
fn the_examples_of_frames() {
    // RFC 6455, 5.7.
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(frame(FIN | frame::TEXT, "Hello"), masked);
    assert_eq!(of(&[masked.to_vec()]), ["text Hello"]);
    assert_eq!(of(&[frame(0x01, "Hel"), frame(0x80, "lo")]), ["text Hello"]);
    assert_eq!(of(&[frame(0x89, "Hello")]), ["reply [8a, 5, 48, 65, 6c, 6c, 6f]"]);
    let mut out = b"x".to_vec();
    out.extend_from_slice(b"Hello");
    frame_text(&mut out, 1);
    assert_eq!(out, b"x\x81\x05Hello");
    for (len, header) in
        [(256, &[0x82, 0x7e, 0x01, 0x00][..]), (65536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0][..])]
    {
        let mut out = vec![7; len];
        frame_binary(&mut out, 0);
        assert!(out.starts_with(header) && out.len() == header.len() + len);
        let frame = frame(0x82, vec![7; len]);
        assert_eq!(of(&[frame]), [format!("binary {:x?}", vec![7; len])]);
    }
}

#[test]
fn every_length_is_framed_and_read() {
    for len in [0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, MESSAGE_BYTES_MAX] {
        let text = "x".repeat(len);
        assert!(of(&[frame(0x81, &text)]) == [format!("text {text}")], "{len}");
    }
}

#[test]
fn unmasking_is_masking_byte_by_byte() {
    for len in 0..40_u8 {
        let mut content: Vec<u8> = (0..len).collect();
        frame::unmask(&mut content, MASK);
        let naive = (0..len).map(|index| index ^ MASK[usize::from(index) % 4]);
        assert!(content.iter().copied().eq(naive), "{len}");
    }
}

#[test]
fn section_5_1_frames_are_masked() {
    breaks(&[vec![0x81, 0x05]], 1002, "frame not masked");
    breaks(&[vec![0x89, 0x00]], 1002, "frame not masked");
}

#[test]
fn section_5_2_reserved_bits_and_opcodes() {
    for bits in [0x10, 0x20, 0x40, 0x70] {
        breaks(&[vec![FIN | bits | 1]], 1002, "reserved bit set");
        breaks(&[vec![FIN | bits | 9]], 1002, "reserved bit set");
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        breaks(&[vec![FIN | opcode]], 1002, "unknown opcode");
    }
}

#[test]
fn section_5_2_lengths_are_minimal() {
    breaks(&[vec![0x81, 0xfe, 0, 125]], 1002, "bad length encoding");
    breaks(&[vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]], 1002, "bad length encoding");
    breaks(&[vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0]], 1002, "bad length encoding");
    assert_eq!(of(&[frame(0x81, "x".repeat(126))]), [format!("text {}", "x".repeat(126))]);
}

#[test]
fn section_5_4_fragments_may_have_control_frames_between_them() {
    let frames = [
        frame(0x01, ""),
        frame(0x89, "a"),
        frame(0x00, "Hel"),
        frame(0x8a, "ignored"),
        frame(0x00, ""),
        frame(0x80, "lo"),
        frame(0x02, [1]),
        frame(0x80, [2]),
        frame(0x81, "after"),
    ];
    let expected = ["reply [8a, 1, 61]", "text Hello", "binary [1, 2]", "text after"];
    assert_eq!(of(&frames), expected);
}

#[test]
fn section_5_4_messages_do_not_nest() {
    breaks(&[frame(0x80, "")], 1002, "no message to continue");
    breaks(&[frame(0x81, "a"), frame(0x00, "")], 1002, "no message to continue");
    breaks(&[frame(0x01, "a"), frame(0x81, "b")], 1002, "message not finished");
    breaks(&[frame(0x01, "a"), frame(0x02, "b")], 1002, "message not finished");
}

#[test]
fn section_5_5_control_frames_are_short_and_whole() {
    for opcode in [8, 9, 10] {
        breaks(&[vec![opcode]], 1002, "control frame fragmented");
        breaks(&[vec![FIN | opcode, 0x80 | 126]], 1002, "control frame too long");
    }
    let content = [b'x'; 125];
    let reply = [&[0x8a, 125][..], &content].concat();
    assert_eq!(of(&[frame(0x89, content)]), [format!("reply {reply:x?}")]);
}

#[test]
fn section_5_5_1_a_close_is_answered_and_nothing_after_it_is_read() {
    let close = |content: &[u8]| [frame(0x88, content), frame(0x81, "late"), vec![1, 2, 3]];
    assert_eq!(of(&close(b"")), ["last [88, 0]"]);
    assert_eq!(of(&close(b"\x03\xe8")), ["last [88, 2, 3, e8]"]);
    assert_eq!(of(&close(b"\x03\xe9going away")), ["last [88, 2, 3, e9]"]);
    breaks(&[frame(0x88, "\x03")], 1002, "close frame of one byte");
    breaks(&[frame(0x88, b"\x03\xe8\xff")], 1007, "invalid UTF-8");
    let mut framing = upgraded();
    items(&mut framing, &frame(0x88, ""));
    assert_eq!(farewell(&mut framing, Farewell::Stop), None);
}

#[test]
fn section_7_4_close_codes() {
    let valid = (1000..=1003).chain(1007..=1014).chain(3000..=4999);
    let valid: Vec<u16> = valid.collect();
    for code in 0..=u16::MAX {
        let expected = if valid.contains(&code) { Ok(2) } else { Err(Rule::CloseCode) };
        assert_eq!(frame::judge_close(&code.to_be_bytes()), expected, "{code}");
    }
    breaks(&[frame(0x88, 1005_u16.to_be_bytes())], 1002, "bad close code");
}

#[test]
fn section_8_1_text_is_utf_8_however_it_is_fragmented() {
    let text = "κόσμε \u{10ffff}";
    for cut in 0..=text.len() {
        let (start, rest) = text.as_bytes().split_at(cut);
        assert_eq!(
            of(&[frame(1, start), frame(0, ""), frame(0x80, rest)]),
            [format!("text {text}")]
        );
        if !text.is_char_boundary(cut) {
            breaks(&[frame(0x81, start)], 1007, "invalid UTF-8");
            breaks(&[frame(1, start), frame(0x80, "")], 1007, "invalid UTF-8");
            // Without waiting for the end.
            breaks(&[frame(1, start), frame(0, "x")], 1007, "invalid UTF-8");
        }
    }
    // Surrogates, overlong, over the range.
    for bytes in [&b"\xed\xa0\x80"[..], b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xff"] {
        breaks(&[frame(0x81, bytes)], 1007, "invalid UTF-8");
        breaks(&[frame(0x01, bytes)], 1007, "invalid UTF-8");
        assert_eq!(of(&[frame(0x82, bytes)]), [format!("binary {bytes:x?}")]);
    }
}

#[test]
fn a_message_over_the_limit_is_known_from_its_header() {
    let header = |first, len: u64| [&[first, 0x80 | 127][..], &len.to_be_bytes()].concat();
    breaks(&[header(0x81, MESSAGE_BYTES_MAX as u64 + 1)], 1009, "message too long");
    breaks(&[header(0x82, i64::MAX as u64)], 1009, "message too long");
    let most = vec![b'x'; MESSAGE_BYTES_MAX];
    breaks(&[frame(0x01, &most[1..]), vec![0x80, 0x82]], 1009, "message too long");
    let whole = [frame(0x01, &most[1..]), frame(0x80, "x")];
    assert_eq!(of(&whole).len(), 1);
}

#[test]
fn binary_messages_are_refused_where_only_text_is_taken() {
    let mut framing = upgraded_with("", |options| options.binary = false);
    assert_eq!(items(&mut framing, &[0x82]), ["Binary"]);
    let told = farewell(&mut framing, Farewell::Fault(Fault::Binary));
    assert_eq!(told, Some((1003, "binary messages are not taken".into())));
}

#[test]
fn farewells() {
    for (why, code) in [
        (Farewell::Service, 1000),
        (Farewell::Stop, 1001),
        (Farewell::Slow, 1008),
        (Farewell::Silent, 1008),
        (Farewell::Fault(Fault::BadLength), 1002),
    ] {
        let mut framing = upgraded();
        assert_eq!(farewell(&mut framing, why).unwrap().0, code);
        assert_eq!(farewell(&mut framing, why), None);
        assert!(items(&mut framing, &frame(0x81, "late")).is_empty());
    }
    let local = "127.0.0.1:80".parse().unwrap();
    let accepted = Accepted::new(local, local, false);
    let mut framing = WebSocket::new(Rc::default(), &accepted);
    assert_eq!(farewell(&mut framing, Farewell::Stop), None);
}

#[test]
fn nothing_is_kept_between_messages() {
    assert!(size_of::<WebSocket>() <= 32, "{}", size_of::<WebSocket>());
    let mut framing = upgraded();
    let mut input = [frame(1, "a"), frame(0x80, "b")].concat();
    let used = frame(1, "a").len();
    assert_eq!(framing.decode(&mut input), Decoded::Skip { used });
    assert!(framing.kept.is_some());
    assert_eq!(framing.decode(&mut input[used..]), Decoded::Frame { frame: b"ab", used });
    assert_eq!(framing.decode(&mut []), Decoded::Incomplete);
    assert!(framing.kept.is_none());
}

#[test]
fn joining_takes_no_more_memory_than_the_longest_message() {
    let mut kept = Kept::default();
    for _ in 0..1000 {
        kept.append(&[7; 100], MESSAGE_BYTES_MAX);
        assert!(kept.bytes.capacity() <= MESSAGE_BYTES_MAX);
        assert!(kept.bytes.capacity() <= 2 * kept.bytes.len());
    }
}

#[cfg(feature = "zlib")]
mod compressed {
    use super::*;

    const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

    fn agreed() -> WebSocket {
        upgraded_with("Sec-WebSocket-Extensions: permessage-deflate\r\n", |_| {})
    }

    /// The content of a frame of ours that is not very long.
    fn content_of(sent: &[u8]) -> &[u8] {
        &sent[if sent[1] < 126 { 2 } else { 4 }..]
    }

    #[track_caller]
    fn assert_broken(frames: &[Vec<u8>], code: u16, reason: &str) {
        let mut framing = agreed();
        items(&mut framing, &frames.concat());
        let told = farewell(&mut framing, Farewell::Service);
        assert_eq!(told, Some((code, reason.into())));
    }

    #[test]
    fn the_examples() {
        // RFC 7692, 7.2.3.1, 7.2.3.3, 7.2.3.4 and 7.2.3.5.
        let hellos: [&[u8]; 4] = [
            &HELLO,
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ];
        for hello in hellos {
            assert_eq!(items(&mut agreed(), &frame(0xc1, hello)), ["text Hello"]);
            for cut in 0..=hello.len() {
                let (start, rest) = hello.split_at(cut);
                let frames = [frame(0x41, start), frame(0x89, ""), frame(0x80, rest)].concat();
                assert_eq!(items(&mut agreed(), &frames), ["reply [8a, 0]", "text Hello"]);
            }
        }
        assert_eq!(items(&mut agreed(), &frame(0xc1, [0x00])), ["text "]);
    }

    #[test]
    fn messages_may_be_compressed_or_not() {
        let frames = [frame(0xc1, HELLO), frame(0x81, "plain"), frame(0xc2, HELLO)];
        let expected = ["text Hello", "text plain", "binary [48, 65, 6c, 6c, 6f]"];
        assert_eq!(items(&mut agreed(), &frames.concat()), expected);
    }

    #[test]
    fn rsv1_stands_on_the_first_frame_of_a_message_alone() {
        assert_broken(&[frame(0x41, "a"), vec![0xc0]], 1002, "reserved bit set");
        assert_broken(&[vec![0xc9]], 1002, "reserved bit set");
        assert_broken(&[vec![0xe1]], 1002, "reserved bit set");
        breaks(&[vec![0xc1]], 1002, "reserved bit set");
    }

    #[test]
    fn what_cannot_be_inflated_is_told() {
        for bytes in [
            &[0xff][..],
            // Cut off in a block.
            &HELLO[..3],
            &HELLO[..5],
            // No end of a block.
            b"",
            // Garbage behind the last block.
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xff, 0xff],
        ] {
            assert_broken(&[frame(0xc1, bytes)], 1007, "bad compressed data");
        }
        let last_blocks = [0x03, 0x00].repeat(1000);
        assert_broken(&[frame(0xc1, last_blocks)], 1007, "bad compressed data");
    }

    #[test]
    fn inflated_text_is_utf_8() {
        let mut out = vec![0xff; 100];
        frame_text_deflated(&mut out, 0);
        assert_eq!(out[0], FIN | RSV1 | frame::TEXT);
        assert_broken(&[frame(0xc1, &out[2..])], 1007, "invalid UTF-8");
    }

    #[test]
    fn the_limit_holds_while_inflating() {
        for (len, fits) in [(MESSAGE_BYTES_MAX, true), (MESSAGE_BYTES_MAX + 1, false)] {
            let mut out = vec![b'x'; len];
            frame_text_deflated(&mut out, 0);
            assert!(out.len() < 1000);
            let content = content_of(&out);
            if fits {
                let text = format!("text {}", "x".repeat(len));
                assert!(items(&mut agreed(), &frame(0xc1, content)) == [text]);
            } else {
                assert_broken(&[frame(0xc1, content)], 1009, "message too long");
                let (start, rest) = content.split_at(50);
                let frames = [frame(0x41, start), frame(0x80, rest)];
                assert_broken(&frames, 1009, "message too long");
            }
        }
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_the_limit() {
        let mut out = vec![0; 16 << 20];
        frame_binary_deflated(&mut out, 0);
        for bytes_max in [0, 1, 1000, 5000, 1 << 20] {
            assert!(deflate::inflate(content_of(&out), bytes_max) == Err(Rule::Long));
            assert_eq!(deflate::inflate(&HELLO, 5).as_deref(), Ok(&b"Hello"[..]));
        }
        let mut whole = deflate::inflate(content_of(&out), 16 << 20).unwrap();
        assert!(whole.len() == 16 << 20 && whole.capacity() <= (16 << 20) + 1);
        whole.clear();
        deflate::give_back(whole);
        assert!(deflate::inflate(&HELLO, 5).unwrap().capacity() < 1 << 20);
    }

    #[test]
    fn what_does_not_become_shorter_is_sent_plain() {
        for text in ["", "a", "Hi!"] {
            let mut plain = text.as_bytes().to_vec();
            let mut out = plain.clone();
            frame_text(&mut plain, 0);
            frame_text_deflated(&mut out, 0);
            assert_eq!(out, plain);
        }
    }

    #[test]
    fn what_is_deflated_is_inflated_again() {
        for len in [30, 125, 126, 1000, 70_000] {
            let text: String = "All work and no play. ".chars().cycle().take(len).collect();
            let mut out = b"before".to_vec();
            out.extend_from_slice(text.as_bytes());
            frame_text_deflated(&mut out, 6);
            let (before, sent) = out.split_at(6);
            assert_eq!((before, sent[0]), (&b"before"[..], FIN | RSV1 | frame::TEXT));
            assert!(sent.len() < len);
            let again = frame(sent[0], content_of(sent));
            assert!(items(&mut agreed(), &again) == [format!("text {text}")], "{len}");
        }
    }
}
