//! The WebSocket framing over streams of bytes, against a decoder that is slow and obviously right:
//! it sees the whole input at once and looks at one byte at a time.

use crate::framing::{Item, cuts, decode};
use flate2::{Decompress, FlushDecompress};
use parlance::rpc::Accepted;
use parlance::rpc::framing::websocket::{
    Page, frame_binary, frame_binary_deflated, frame_text, frame_text_deflated,
};
use parlance::rpc::framing::{Decoded, Fault, Framing, WebSocket, WebSocketOptions};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::rc::Rc;

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

const MESSAGE_BYTES_MAX: usize = 160;

fn fresh(binary: bool, deflate: bool) -> WebSocket {
    let options = WebSocketOptions {
        message_bytes_max: MESSAGE_BYTES_MAX,
        binary,
        deflate,
        pages: |path| {
            let page = Page { content_type: "text/plain", headers: &[], body: b"ok"[..].into() };
            (path == "/page").then_some(page)
        },
        ..WebSocketOptions::default()
    };
    let address = ([127, 0, 0, 1], 80).into();
    WebSocket::new(Rc::new(options), &Accepted::new(address, address, false))
}

fn upgraded(binary: bool, deflate: bool) -> WebSocket {
    let mut framing = fresh(binary, deflate);
    let mut request = UPGRADE.as_bytes().to_vec();
    let decoded = framing.decode(&mut request);
    assert!(matches!(decoded, Decoded::Switch { .. }), "{decoded:?}");
    framing
}

/// A message that is being gathered.
struct Gathered {
    text: bool,
    deflated: bool,
    bytes: Vec<u8>,
}

fn reference(input: &[u8], binary: bool, deflate: bool) -> (Vec<Item>, usize) {
    let mut items = Vec::new();
    let mut at = 0;
    let mut message = None;
    while let Some(step) = reference_step(&input[at..], binary, deflate, &mut message) {
        match step {
            Ok((item, used)) => {
                let closes = matches!(item, Some(Item::Reply(_, true)));
                items.extend(item);
                if closes {
                    break;
                }
                at += used;
            }
            Err(fault) => {
                items.push(Item::Fault(fault));
                break;
            }
        }
    }
    (items, input.len() - at)
}

type Step = Result<(Option<Item>, usize), Fault>;

/// What the frame at the start of `input` says; `None` where it does not end there.
fn reference_step(
    input: &[u8],
    binary: bool,
    deflate: bool,
    message: &mut Option<Gathered>,
) -> Option<Step> {
    let first = *input.first()?;
    let (fin, bits, opcode) = (first >= 0x80, first >> 4 & 7, first & 15);
    let deflated = bits == 4 && deflate && (opcode == 1 || opcode == 2);
    let is_control = (8..=10).contains(&opcode);
    if (bits != 0 && !deflated) || !(opcode <= 2 || is_control) || (is_control && !fin) {
        return Some(Err(Fault::Protocol));
    }
    if !is_control && (opcode == 0) != message.is_some() {
        return Some(Err(Fault::Protocol));
    }
    if opcode == 2 && !binary {
        return Some(Err(Fault::Binary));
    }
    let second = *input.get(1)?;
    if second < 0x80 || (is_control && second > 0x80 + 125) {
        return Some(Err(Fault::Protocol));
    }
    let (extended, least) = match second & 0x7f {
        126 => (2, 126),
        127 => (8, 65536),
        _ => (0, 0),
    };
    let mut length = u64::from(second & 0x7f);
    if extended > 0 {
        length =
            input.get(2..2 + extended)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    if length < least || length >= 1 << 63 {
        return Some(Err(Fault::Protocol));
    }
    let gathered_deflated = message.as_ref().map_or(deflated, |message| message.deflated);
    let bytes_max =
        MESSAGE_BYTES_MAX + if gathered_deflated { MESSAGE_BYTES_MAX / 8 + 64 } else { 0 };
    let gathered_bytes = message.as_ref().map_or(0, |message| message.bytes.len());
    if !is_control && length > (bytes_max - gathered_bytes) as u64 {
        return Some(Err(Fault::TooLong));
    }
    let start = 2 + extended + 4;
    let mask = input.get(start - 4..start)?;
    let used = start + length as usize;
    let content = input.get(start..used)?.iter().zip(mask.iter().cycle());
    let content: Vec<u8> = content.map(|(byte, mask)| byte ^ mask).collect();
    let outcome = match opcode {
        8 => reference_close(&content).map(Some),
        9 => {
            let reply = [&[0x8a, content.len() as u8][..], &content].concat();
            Ok(Some(Item::Reply(reply, false)))
        }
        10 => Ok(None),
        _ => {
            let mut gathered = message.take().unwrap_or(Gathered {
                text: opcode == 1,
                deflated,
                bytes: Vec::new(),
            });
            gathered.bytes.extend_from_slice(&content);
            if fin {
                reference_message(gathered).map(Some)
            } else {
                let checked = std::str::from_utf8(&gathered.bytes);
                let cannot_be_text =
                    !gathered.deflated && checked.is_err_and(|error| error.error_len().is_some());
                let is_text = gathered.text;
                *message = Some(gathered);
                if is_text && cannot_be_text { Err(Fault::NotUtf8) } else { Ok(None) }
            }
        }
    };
    Some(outcome.map(|item| (item, used)))
}

fn reference_close(content: &[u8]) -> Result<Item, Fault> {
    let [high, low, reason @ ..] = content else {
        let reply = Item::Reply(vec![0x88, 0], true);
        return if content.is_empty() { Ok(reply) } else { Err(Fault::Protocol) };
    };
    let code = u16::from(*high) << 8 | u16::from(*low);
    if code < 1000
        || [1004, 1005, 1006].contains(&code)
        || (1015..3000).contains(&code)
        || code > 4999
    {
        return Err(Fault::Protocol);
    }
    std::str::from_utf8(reason).map_err(|_| Fault::NotUtf8)?;
    Ok(Item::Reply(vec![0x88, 2, *high, *low], true))
}

fn reference_message(Gathered { text, deflated, mut bytes }: Gathered) -> Result<Item, Fault> {
    if deflated {
        bytes = reference_inflate(&bytes)?;
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Fault::TooLong);
        }
    }
    if !text {
        return Ok(Item::Binary(bytes));
    }
    std::str::from_utf8(&bytes).map_err(|_| Fault::NotUtf8)?;
    Ok(Item::Frame(bytes))
}

/// In one go, with more room than anything here can need. Blocks that are marked as last are not
/// generated.
fn reference_inflate(content: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::with_capacity(1 << 20);
    let whole = [content, &[0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff]].concat();
    let mut inflater = Decompress::new(false);
    match inflater.decompress_vec(&whole, &mut out, FlushDecompress::Finish) {
        Ok(flate2::Status::StreamEnd) if inflater.total_in() == whole.len() as u64 => Ok(out),
        // What is long enough is known to be too long before it is known to be corrupt.
        _ if out.len() > MESSAGE_BYTES_MAX => Err(Fault::TooLong),
        _ => Err(Fault::Corrupt),
    }
}

fn masked(first: u8, content: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![first];
    match content.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let long = "a long text ".repeat(11);
    let known: Vec<Vec<u8>> = ["", "a", "Hello", "é", "\u{10ffff}", &long, &long[..126]]
        .map(|text| text.as_bytes().to_vec())
        .into();
    let odd: Vec<Vec<u8>> = [
        &b"\xc3"[..],
        b"\xa9",
        b"\xf4\x8f",
        b"\xbf\xbf",
        b"\xed\xa0\x80",
        b"\x03\xe8",
        b"\x03\xed",
        b"\x03\xe9going away",
        b"\x0f\xa0\xc3",
        b"\0",
    ]
    .map(<[u8]>::to_vec)
    .into();
    prop_oneof![6 => select(known), 3 => select(odd), 1 => vec(any::<u8>(), 0..200)]
}

/// Frames, most of them right, by themselves at least.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => select(vec![0x81_u8, 0x82, 0x01, 0x02, 0x80, 0x80, 0x00, 0x89, 0x8a]),
        1 => select(vec![0x88_u8, 0xc1, 0x41, 0xc0]),
        1 => any::<u8>(),
    ];
    let deflated = (content(), any::<bool>()).prop_map(|(content, binary)| {
        let mut frame = content;
        let put = if binary { frame_binary_deflated } else { frame_text_deflated };
        put(&mut frame, 0);
        let content = if frame[1] < 126 { 2 } else { 4 };
        masked(frame[0], &frame[content..], [1, 2, 3, 4])
    });
    prop_oneof![
        9 => (first, content(), any::<[u8; 4]>())
            .prop_map(|(first, content, mask)| masked(first, &content, mask)),
        3 => deflated,
        1 => vec(any::<u8>(), 0..12),
        1 => (select(vec![0x81_u8, 0x82, 0x00, 0x89]), select(vec![126_u8, 127]), any::<[u8; 3]>())
            .prop_map(|(first, length, [a, b, c])| {
                vec![first, 0x80 | length, 0, 0, 0, 0, 0, a, b, c, 0, 0, 0, 0]
            }),
    ]
}

/// Whole messages in fragments, with pings between them.
fn message() -> impl Strategy<Value = Vec<u8>> {
    (content(), vec(any::<Index>(), 0..4), any::<bool>()).prop_map(|(content, indices, binary)| {
        let mut stream = Vec::new();
        let mut first = if binary { 2 } else { 1 };
        let mut start = 0;
        for end in cuts(&indices, content.len()) {
            stream.extend(masked(first, &content[start..end], [9, 8, 7, 6]));
            stream.extend(masked(0x89, b"between", [0; 4]));
            (start, first) = (end, 0);
        }
        stream.extend(masked(0x80 | first, &content[start..], [5; 4]));
        stream
    })
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![2 => frame(), 3 => message()];
    vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// A request, most often one that is nearly right.
fn request() -> impl Strategy<Value = String> {
    let line = select(vec![
        "GET / HTTP/1.1",
        "GET / HTTP/1.1",
        "GET / HTTP/1.1",
        "GET /page?q HTTP/1.0",
        "HEAD /page HTTP/1.1",
        "POST / HTTP/1.1",
        "GET /none HTTP/1.1",
        "get / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET / HTTP/2.0",
        "GET http://localhost/page HTTP/1.1",
        "\r\nGET / HTTP/1.1",
        "{}",
        "",
    ]);
    let field = select(vec![
        "Host: localhost",
        "Host: [::1]:80",
        "Host: evil.example",
        "Upgrade: websocket",
        "Connection: keep-alive, upgrade",
        "Connection: close",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Key: short",
        "Origin: http://localhost",
        "Origin: null",
        "Content-Length: 0",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        " folded",
        "X: \u{e9}",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "Sec-WebSocket-Extensions: x; y=\"z",
    ]);
    let made =
        (line, vec(field, 0..8), select(vec!["\r\n", "\n"])).prop_map(|(line, fields, end)| {
            let mut request = format!("{line}{end}");
            for field in fields {
                request += field;
                request += end;
            }
            request + end
        });
    prop_oneof![2 => made, 1 => Just(UPGRADE.to_owned())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn frames_are_what_the_reference_says_however_they_are_cut(
        input in stream(),
        indices in vec(any::<Index>(), 0..12),
        binary in any::<bool>(),
        deflate in any::<bool>(),
    ) {
        let expected = reference(&input, binary, deflate);
        prop_assert_eq!(&decode(&mut upgraded(binary, deflate), &input, &[]), &expected);
        let some = cuts(&indices, input.len());
        prop_assert_eq!(&decode(&mut upgraded(binary, deflate), &input, &some), &expected);
        let all: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&decode(&mut upgraded(binary, deflate), &input, &all), &expected);
    }

    /// A request and the frames that come with it.
    #[test]
    fn a_request_is_the_same_however_it_is_cut(
        request in request(),
        frames in stream(),
        indices in vec(any::<Index>(), 0..12),
    ) {
        let input = [request.as_bytes(), &frames].concat();
        let expected = decode(&mut fresh(true, true), &input, &[]);
        let some = cuts(&indices, input.len());
        prop_assert_eq!(&decode(&mut fresh(true, true), &input, &some), &expected);
        let all: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&decode(&mut fresh(true, true), &input, &all), &expected);
        if request == UPGRADE {
            prop_assert_eq!(&expected.0[1..], &reference(&frames, true, true).0[..]);
        }
    }

    #[test]
    fn what_is_sent_is_one_frame(content in content(), before in vec(any::<u8>(), 0..9)) {
        for (put, first) in [(frame_text as fn(&mut Vec<u8>, usize), 0x81), (frame_binary, 0x82)] {
            let mut out = [&before[..], &content].concat();
            put(&mut out, before.len());
            let length = content.len();
            let header = match length {
                0..126 => vec![first, length as u8],
                _ => vec![first, 126, (length >> 8) as u8, length as u8],
            };
            prop_assert_eq!(out, [&before[..], &header, &content].concat());
        }
    }
}

/// A message of 16 MiB in pieces of 1 KiB, whole and in fragments: linear, or it takes for ever.
#[test]
fn a_long_message_may_drip() {
    let options = WebSocketOptions { message_bytes_max: 16 << 20, ..WebSocketOptions::default() };
    let options = Rc::new(options);
    let address = ([127, 0, 0, 1], 80).into();
    let text = vec![b'x'; 16 << 20];
    let header = [&[0x81, 0x80 | 127][..], &(16_u64 << 20).to_be_bytes(), &[0; 4]].concat();
    let whole = [UPGRADE.as_bytes(), &header, &text].concat();
    let mut fragments = UPGRADE.as_bytes().to_vec();
    for (index, part) in text.chunks(1000).enumerate() {
        fragments.extend(masked(u8::from(index == 0), part, [0; 4]));
    }
    fragments.extend(masked(0x80, b"", [0; 4]));
    for mut input in [whole, fragments] {
        let mut framing =
            WebSocket::new(Rc::clone(&options), &Accepted::new(address, address, false));
        let (mut at, mut end) = (0, 0);
        let message_bytes = loop {
            match framing.decode(&mut input[at..end]) {
                Decoded::Incomplete => end = input.len().min(end + 1024),
                Decoded::Switch { used, .. } | Decoded::Skip { used } => at += used,
                Decoded::Frame { frame, .. } => break frame.len(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(message_bytes, 16 << 20);
    }
}
