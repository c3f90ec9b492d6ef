//! However a WebSocket's stream is cut, it holds the same messages, answers and faults. The first
//! byte says how the connection is set up: whether it begins upgraded, where it came in, what is
//! agreed on.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use parlance::rpc::framing::websocket::Page;
use parlance::rpc::framing::{Decoded, Framing, WebSocket, WebSocketOptions};
use parlance_fuzz::{Item, Stream, accepted};

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// The longest message, in bytes. Longer than that no message is, whatever it is inflated from.
const MESSAGE_BYTES_MAX: usize = 300;

fn page(path: &str) -> Option<Page> {
    let page = Page { content_type: "text/plain", headers: &[], body: b"ok"[..].into() };
    (path == "/p").then_some(page)
}

fuzz_target!(|data: &[u8]| {
    let Some((&setup, data)) = data.split_first() else {
        return;
    };
    let Some(stream) = Stream::new(data) else {
        return;
    };
    let is = |bit: u8| setup >> bit & 1 == 1;
    let options = Rc::new(WebSocketOptions {
        protocols: vec!["p".into(), "parlance.v1".into()],
        origins: vec!["http://a".into()],
        hosts: vec!["b".into()],
        message_bytes_max: MESSAGE_BYTES_MAX,
        binary: is(0),
        deflate: is(1),
        pages: page,
        ..WebSocketOptions::default()
    });
    let framing = || {
        let mut framing = WebSocket::new(Rc::clone(&options), &accepted(is(2)));
        if is(3) {
            let mut request = UPGRADE.to_vec();
            let decoded = framing.decode(&mut request);
            assert!(matches!(decoded, Decoded::Switch { .. }), "{decoded:?}");
        }
        framing
    };
    let whole = stream.whole(&mut framing());
    assert_eq!(stream.in_pieces(&mut framing()), whole);
    for item in whole.0 {
        match item {
            Item::Frame(frame) => {
                assert!(frame.len() <= MESSAGE_BYTES_MAX && str::from_utf8(&frame).is_ok());
            }
            Item::Binary(frame) => assert!(frame.len() <= MESSAGE_BYTES_MAX && is(0)),
            Item::Reply(reply, closes) if reply.starts_with(b"HTTP/1.1 ") => {
                assert!(closes && !reply.starts_with(b"HTTP/1.1 1") && !is(3));
                let fields = String::from_utf8(reply).unwrap();
                assert!(fields.contains("\r\nConnection: close\r\n"));
            }
            Item::Reply(reply, closes) => {
                assert_eq!(reply[0], if closes { 0x88 } else { 0x8a });
                assert!(reply[1] <= 125 && reply.len() == 2 + usize::from(reply[1]));
            }
            Item::Switch(..) => assert!(!is(3)),
            Item::Fault(fault) => assert!(fault.is_fatal()),
        }
    }
});
