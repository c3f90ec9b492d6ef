//! Messages that are long, many or compressed (RFC 7692), played against the example `echo` by a
//! client that sees each byte, and by two that others have written.

use std::process::{Command, Stdio};

use crate::echo::{Echo, LIMIT_BYTES_MAX};
use crate::frames::{
    BINARY, CONTINUATION, FIN, FramePeer, PING, PONG, RSV1, TEXT, deflated, fragments, inflated,
    masked,
};
use crate::skip;
use crate::support::run;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// Text that compresses as chat does, roughly.
fn text(bytes: usize) -> Vec<u8> {
    let line =
        |number: usize| format!("{{\"from\":\"u{}\",\"body\":\"{number} times\"}}\n", number % 97);
    let mut text: Vec<u8> = (0..).map(line).flat_map(String::into_bytes).take(bytes).collect();
    text.truncate(bytes);
    text
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut number = 0x9e37_79b9_u32;
    let byte = |_| {
        number ^= number << 13;
        number ^= number >> 17;
        number ^= number << 5;
        number as u8
    };
    (0..bytes).map(byte).collect()
}

/// Sends a message that is already made, and expects it as a single frame.
#[track_caller]
fn echoes(peer: &mut FramePeer, sent: Vec<u8>, first: u8, content: &[u8]) {
    let pouring = peer.peer.pour(sent);
    peer.expect(first, content);
    pouring.join().expect("a thread").expect("sent");
}

/// A connection that has agreed on compression.
#[track_caller]
fn compressing(echo: &Echo) -> FramePeer {
    let (peer, head) = FramePeer::connect(echo.address, DEFLATE);
    let agreed = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
                  client_no_context_takeover";
    assert!(head.contains(agreed), "{head}");
    peer
}

/// Expects a message, compressed where that makes it shorter.
#[track_caller]
fn expect_compressed(peer: &mut FramePeer, first: u8, content: &[u8]) {
    let (got, bytes) = peer.take();
    assert_eq!(got & !RSV1, first);
    if got & RSV1 != 0 {
        assert!(bytes.len() < content.len(), "{} for {}", bytes.len(), content.len());
        assert!(inflated(&bytes, content.len()) == content);
    } else {
        assert!(bytes == content);
    }
}

#[test]
fn messages_of_up_to_16_mib_come_back() {
    // 9.1 and 9.2.
    let echo = Echo::websocket();
    // Made before, since who takes long to say anything is given up.
    let content = text(16 * MIB);
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    for bytes in [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, LIMIT_BYTES_MAX] {
        for first in [TEXT, BINARY] {
            let content = &content[..bytes];
            echoes(&mut peer, masked(first, content), first, content);
        }
    }
    peer.finish();
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_header() {
    let echo = Echo::start("--framing websocket --limit 70000");
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    let content = text(70_001);
    echoes(&mut peer, masked(TEXT, &content[1..]), TEXT, &content[1..]);
    peer.peer.send(&masked(TEXT, &content)[..14]);
    peer.expect_failure(1009);
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    peer.send(TEXT & !FIN, &content[1..]);
    peer.send(FIN | CONTINUATION, b"x");
    peer.expect_failure(1009);
}

#[test]
fn long_messages_come_back_whatever_their_fragments() {
    // 9.3 and 9.4.
    let echo = Echo::websocket();
    let content = text(4 * MIB);
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    for piece in [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB] {
        let first = if piece.trailing_zeros() % 4 == 2 { BINARY } else { TEXT };
        echoes(&mut peer, fragments(first, &content, piece), first, &content);
    }
    peer.finish();
}

#[test]
fn long_messages_come_back_whatever_the_writes() {
    // 9.5 and 9.6.
    let echo = Echo::websocket();
    let content = text(MIB);
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    for (first, chop) in [(TEXT, 64), (BINARY, 128), (TEXT, 997), (BINARY, 2048)] {
        masked(first, &content).chunks(chop).for_each(|bytes| peer.peer.send(bytes));
        peer.expect(first, &content);
    }
    peer.finish();
}

#[test]
fn a_thousand_messages_come_back_in_order() {
    // 9.7 and 9.8.
    let echo = Echo::websocket();
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    for bytes in [0, 16, 64, 256, 1024, 4096] {
        let messages: Vec<(u8, Vec<u8>)> = (0..1000)
            .map(|number| (if number % 2 == 0 { TEXT } else { BINARY }, text(bytes + number % 7)))
            .collect();
        let sent = messages
            .iter()
            .flat_map(|(first, content)| masked(*first, content))
            .collect::<Vec<_>>();
        let pouring = peer.peer.pour(sent);
        for (first, content) in &messages {
            peer.expect(*first, content);
        }
        pouring.join().expect("a thread").expect("sent");
    }
    peer.finish();
}

#[test]
fn compressed_messages_come_back_compressed() {
    // 12, in fewer messages.
    let echo = Echo::websocket();
    let mut peer = compressing(&echo);
    for bytes in [0, 16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB] {
        for (first, content) in [(TEXT, text(bytes)), (BINARY, noise(bytes))] {
            let bytes = deflated(&content);
            let pouring = peer.peer.pour(
                [
                    masked(first | RSV1, &bytes),
                    fragments(first | RSV1, &bytes, bytes.len() / 3 + 1),
                    masked(first, &content),
                ]
                .concat(),
            );
            for _ in 0..3 {
                expect_compressed(&mut peer, first, &content);
            }
            pouring.join().expect("a thread").expect("sent");
        }
    }
    peer.finish();
}

#[test]
fn a_compressed_message_may_be_the_longest_and_a_bomb_is_refused() {
    let echo = Echo::start("--framing websocket --deflate --limit 1048576");
    let mut peer = compressing(&echo);
    let content = text(MIB);
    let pouring = peer.peer.pour(masked(TEXT | RSV1, &deflated(&content)));
    expect_compressed(&mut peer, TEXT, &content);
    pouring.join().expect("a thread").expect("sent");
    peer.send(TEXT | RSV1, deflated(&[b'x'; MIB + 1]));
    peer.expect_failure(1009);
}

#[test]
fn control_frames_are_never_compressed_and_marks_stand_on_first_frames_alone() {
    let echo = Echo::websocket();
    let mut peer = compressing(&echo);
    let bytes = deflated(b"Hello, world!");
    let (front, back) = bytes.split_at(4);
    peer.send(TEXT & !FIN | RSV1, front);
    peer.send(PING, "in between");
    peer.expect(PONG, "in between");
    peer.send(FIN | CONTINUATION, back);
    expect_compressed(&mut peer, TEXT, b"Hello, world!");
    peer.send(PING | RSV1, "");
    peer.expect_failure(1002);
    let mut peer = compressing(&echo);
    peer.send(TEXT & !FIN | RSV1, front);
    peer.send(FIN | CONTINUATION | RSV1, back);
    peer.expect_failure(1002);
    // Not agreed on: a reserved bit. Agreed on, but no such thing, or no text.
    let (mut peer, _) = FramePeer::connect(echo.address, "");
    peer.send(TEXT | RSV1, &bytes);
    peer.expect_failure(1002);
    for bad in [b"\xff\xff\xff".to_vec(), deflated(b"\xf4\x90\x80\x80")] {
        let mut peer = compressing(&echo);
        peer.send(TEXT | RSV1, bad);
        peer.expect_failure(1007);
    }
}

#[test]
fn compression_is_agreed_to_whatever_a_client_may_offer() {
    // 13.
    let echo = Echo::websocket();
    for (offer, agreed) in [
        ("permessage-deflate", true),
        ("permessage-deflate; client_no_context_takeover", true),
        ("permessage-deflate; client_max_window_bits=9", true),
        ("permessage-deflate; server_no_context_takeover; client_max_window_bits", true),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", true),
        ("permessage-deflate; unheard_of", false),
        ("x-webkit-deflate-frame", false),
    ] {
        let fields = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let (mut peer, head) = FramePeer::connect(echo.address, &fields);
        assert_eq!(head.contains("permessage-deflate"), agreed, "{offer}: {head}");
        let content = text(300);
        if agreed {
            peer.send(TEXT | RSV1, deflated(&content));
            expect_compressed(&mut peer, TEXT, &content);
        } else {
            peer.send(TEXT, &content);
            peer.expect(TEXT, &content);
        }
        peer.finish();
    }
    let echo = Echo::start("--framing websocket");
    let (peer, head) = FramePeer::connect(echo.address, DEFLATE);
    assert!(!head.contains("permessage-deflate"), "{head}");
    peer.finish();
}

#[test]
fn tungstenite_hears_what_it_says() {
    use tungstenite::protocol::frame::coding::CloseCode;
    use tungstenite::protocol::{CloseFrame, WebSocketConfig};
    use tungstenite::{Error, Message, client::client_with_config};
    let echo = Echo::websocket();
    let peer = crate::peer::Peer::connect(echo.address);
    let stream = peer.stream().try_clone().expect("a second handle");
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT_BYTES_MAX))
        .max_frame_size(Some(LIMIT_BYTES_MAX));
    let (mut socket, _) =
        client_with_config(format!("ws://{}/", echo.address), stream, Some(config))
            .expect("a handshake");
    for bytes in [0, 1, 125, 126, 65_535, 65_536, MIB] {
        let content = text(bytes);
        for message in [
            Message::text(String::from_utf8(content.clone()).expect("UTF-8")),
            Message::binary(noise(bytes)),
        ] {
            socket.send(message.clone()).expect("sent");
            assert!(socket.read().expect("a message") == message, "{bytes}");
        }
    }
    socket.send(Message::Ping("ping".into())).expect("sent");
    assert_eq!(socket.read().expect("a pong"), Message::Pong("ping".into()));
    let frame = CloseFrame { code: CloseCode::Normal, reason: "enough".into() };
    socket.close(Some(frame)).expect("sent");
    let answer = socket.read().expect("a close frame");
    let Message::Close(Some(frame)) = answer else { panic!("{answer}") };
    assert_eq!(frame.code, CloseCode::Normal);
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

/// Sends text and bytes of many sizes, whole and in fragments, a ping and a close frame, with
/// compression and without it. Works with all versions of the library since 10.
const PYTHON: &str = r#"
import asyncio, os, sys
import websockets
async def main():
    for compression in ("deflate", None):
        async with websockets.connect("ws://" + sys.argv[1], compression=compression, max_size=1 << 24,
                                      ping_interval=None, open_timeout=None, close_timeout=None) as socket:
            offered = socket.extensions if hasattr(socket, "extensions") else socket.protocol.extensions
            assert len(offered) == (1 if compression else 0), offered
            for size in (0, 1, 125, 126, 127, 65535, 65536, 1 << 18, 1 << (20 if compression else 24)):
                for message in ("h\u00e9!\u20ac" * (size // 7), os.urandom(size)):
                    await socket.send(message)
                    assert await socket.recv() == message, size
            await socket.send(["frag", "ment", "s"])
            assert await socket.recv() == "fragments"
            await (await socket.ping(b"ping"))
        assert socket.close_code == 1000, socket.close_code
asyncio.run(main())
print("done")
"#;

#[test]
fn pythons_websockets_hears_what_it_says() {
    if !skip::has("python3") || !has_websockets() {
        return;
    }
    let echo = Echo::websocket();
    let output = run(Command::new("python3").args(["-c", PYTHON, &echo.address.to_string()]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{stderr}");
}

/// Whether Python has that library.
fn has_websockets() -> bool {
    let mut command = Command::new("python3");
    command.args(["-c", "import websockets"]).stderr(Stdio::null());
    let has = command.status().is_ok_and(|status| status.success());
    let strict = std::env::var_os("PARLANCE_TEST_STRICT").is_some_and(|value| value == "1");
    assert!(has || !strict, "python3 has no `websockets`");
    if !has {
        println!("skipped: python3 has no `websockets`");
    }
    has
}
