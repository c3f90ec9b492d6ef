//! What a peer says is compressed is inflated within the limit or refused, and what this side
//! compresses is what a peer inflates.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use parlance::rpc::framing::websocket::frame_binary_deflated;
use parlance::rpc::framing::{Decoded, Fault, Framing, WebSocket, WebSocketOptions};
use parlance_fuzz::accepted;

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

const MESSAGE_BYTES_MAX: usize = 20_000;

/// A frame of a peer's, whose mask is zero.
fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len() as u16;
    let mut frame = match len {
        0..=125 => vec![first, 0x80 | len as u8],
        _ => [&[first, 0x80 | 126][..], &len.to_be_bytes()].concat(),
    };
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(content);
    frame
}

fuzz_target!(|data: &[u8]| {
    let options = WebSocketOptions {
        message_bytes_max: MESSAGE_BYTES_MAX,
        deflate: true,
        ..WebSocketOptions::default()
    };
    let mut framing = WebSocket::new(Rc::new(options), &accepted(true));
    framing.decode(&mut UPGRADE.to_vec());
    if data.len() > MESSAGE_BYTES_MAX {
        return;
    }

    let mut sent = data.to_vec();
    frame_binary_deflated(&mut sent, 0);
    let header_bytes = if sent[1] < 126 { 2 } else { 4 };
    assert!(sent.len() <= data.len() + 4);
    match framing.decode(&mut frame(sent[0], &sent[header_bytes..])) {
        Decoded::Binary { frame, .. } => assert_eq!(frame, data),
        other => panic!("{other:?}"),
    }

    match framing.decode(&mut frame(0xc2, data)) {
        Decoded::Binary { frame, .. } => assert!(frame.len() <= MESSAGE_BYTES_MAX),
        Decoded::Fault { fault: Fault::Corrupt | Fault::TooLong, .. } => {}
        other => panic!("{other:?}"),
    }
});
