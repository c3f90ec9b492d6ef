//! What it costs to cut a byte stream into frames.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
#[cfg(feature = "zlib")]
use parlance::rpc::framing::{Compression, Packages, zlib};
use parlance::rpc::framing::{Decoded, Framing, JsonStream, LengthPrefix, Lines, length_prefix};
use parlance::rpc::json;

const FRAME_BYTES_MAX: usize = 64 * 1024;
const DEPTH_MAX: u16 = 64;

/// 60 bytes: what a chat client sends most.
const SHORT: &str = r#"{"method":"send_message","params":{"message":"Hello, all!"}}"#;

/// 170 bytes, with an escape.
const LONG: &str = concat!(
    r#"{"jsonrpc":"2.0","method":"send_message","params":{"message":"The build is \"green\""#,
    r#" again: the flaky one was the clock, not the cache. Merging now."},"id":1234567890123}"#
);

/// As many whole messages, each followed by `end`, as fit into one read.
fn buffer(message: &str, end: &str) -> (Vec<u8>, u64) {
    let message = format!("{message}{end}");
    let count = FRAME_BYTES_MAX / message.len();
    (message.repeat(count).into_bytes(), count as u64)
}

/// Cuts `input` to its end and counts the frames.
fn drain(framing: &mut impl Framing, input: &mut [u8]) -> u64 {
    let mut at = 0;
    let mut frames = 0;
    loop {
        match framing.decode(&mut input[at..]) {
            Decoded::Frame { frame, used } => {
                black_box(frame);
                frames += 1;
                at += used;
            }
            Decoded::Skip { used } => at += used,
            Decoded::Switch { used, .. } => at += used,
            Decoded::Incomplete => return frames,
            other => panic!("{other:?}"),
        }
    }
}

fn back_to_back(c: &mut Criterion) {
    assert_eq!((SHORT.len(), LONG.len()), (60, 170));
    for per_message in [true, false] {
        let unit = if per_message { "messages" } else { "bytes" };
        let mut group = c.benchmark_group(format!("framing/{unit}"));
        for message in [SHORT, LONG] {
            for (name, end) in [("json_stream", ""), ("json_stream_newline", "\n"), ("lines", "\n")]
            {
                let (mut input, count) = buffer(message, end);
                group.throughput(if per_message {
                    Throughput::Elements(count)
                } else {
                    Throughput::Bytes(input.len() as u64)
                });
                group.bench_function(BenchmarkId::new(name, message.len()), |b| {
                    b.iter(|| {
                        let frames = if name == "lines" {
                            drain(&mut Lines::new(FRAME_BYTES_MAX), &mut input)
                        } else {
                            drain(&mut JsonStream::new(FRAME_BYTES_MAX, DEPTH_MAX), &mut input)
                        };
                        assert_eq!(frames, count);
                    });
                });
            }
        }
        group.finish();
    }
}

/// A value of 60 KiB that arrives byte by byte: linear, or it shows.
fn drip(c: &mut Criterion) {
    let text = r#"a b\"c"#.repeat(60 * 1024 / 6 - 6);
    let mut value = format!(r#"{{"method":"m","params":"{text}"}}"#).into_bytes();
    let mut group = c.benchmark_group("framing/drip");
    group.throughput(Throughput::Bytes(value.len() as u64));
    group.bench_function("json_stream", |b| {
        b.iter(|| {
            let mut framing = JsonStream::new(FRAME_BYTES_MAX, DEPTH_MAX);
            for end in 1..value.len() {
                assert_eq!(framing.decode(&mut value[..end]), Decoded::Incomplete);
            }
            assert!(matches!(framing.decode(&mut value), Decoded::Frame { .. }));
        });
    });
    group.finish();
}

/// Frames that say how long they are, or that are compressed: both ways.
fn both_ways(c: &mut Criterion) {
    pair(c, "length_prefix", length_prefix::frame, || LengthPrefix::new(FRAME_BYTES_MAX));
    #[cfg(feature = "zlib")]
    {
        let packages = || Packages::new(FRAME_BYTES_MAX, DEPTH_MAX, Compression::Auto);
        pair(c, "packages", |_, _| {}, packages);
        pair(c, "zlib", zlib::frame, packages);
    }
}

/// What it costs to make a frame, and to take one of as many as fit into one read.
fn pair<F: Framing>(
    c: &mut Criterion,
    name: &str,
    frame: fn(&mut Vec<u8>, usize),
    framing: impl Fn() -> F,
) {
    let mut group = c.benchmark_group(format!("framing/{name}"));
    for message in [SHORT, LONG] {
        let mut one = Vec::with_capacity(1024);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("frame", message.len()), |b| {
            b.iter(|| {
                one.clear();
                one.extend_from_slice(black_box(message).as_bytes());
                frame(&mut one, 0);
                black_box(&one);
            });
        });
        let count = FRAME_BYTES_MAX / one.len();
        let mut input = one.repeat(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("decode", message.len()), |b| {
            b.iter(|| assert_eq!(drain(&mut framing(), &mut input), count as u64));
        });
    }
    group.finish();
}

fn text(c: &mut Criterion) {
    let mut group = c.benchmark_group("json");
    for (name, text) in
        [("plain", "The build is green again."), ("quoted", "say \"hello\" twice\n")]
    {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("string", name), |b| {
            let mut out = Vec::with_capacity(1024);
            b.iter(|| {
                out.clear();
                json::string(black_box(text), &mut out);
                black_box(&out);
            });
        });
    }
    for message in [SHORT, LONG] {
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function(BenchmarkId::new("check", message.len()), |b| {
            b.iter(|| json::check(black_box(message)));
        });
        group.bench_function(BenchmarkId::new("compact", message.len()), |b| {
            let mut out = Vec::with_capacity(1024);
            b.iter(|| {
                out.clear();
                json::compact(black_box(message), &mut out);
                black_box(&out);
            });
        });
    }
    group.finish();
}

#[cfg(feature = "websocket")]
mod web_socket {
    use super::*;
    use parlance::rpc::Accepted;
    use parlance::rpc::framing::websocket::{WebSocket, WebSocketOptions, frame_text};

    const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    fn upgraded() -> WebSocket {
        let address = ([127, 0, 0, 1], 80).into();
        let accepted = Accepted::new(address, address, false);
        let mut framing = WebSocket::new(WebSocketOptions::default().into(), &accepted);
        let mut request = UPGRADE.as_bytes().to_vec();
        assert!(matches!(framing.decode(&mut request), Decoded::Switch { .. }));
        framing
    }

    /// A frame of a peer's.
    fn masked(text: &str) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut frame = Vec::new();
        frame_text(&mut frame, 0);
        frame[1] = 0x80;
        match text.len() {
            len @ 0..=125 => frame[1] |= len as u8,
            len @ 126..=0xffff => {
                frame[1] |= 126;
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                frame[1] |= 127;
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Frames in, as they are unmasked in the copy that a read would have made.
    pub(super) fn decode(c: &mut Criterion) {
        let long = "x".repeat(FRAME_BYTES_MAX);
        let mut group = c.benchmark_group("framing/websocket");
        for text in [SHORT, LONG, &long] {
            let frame = masked(text);
            let count = (FRAME_BYTES_MAX / frame.len()).max(1);
            let input = frame.repeat(count);
            let mut scratch = input.clone();
            group.throughput(Throughput::Bytes(input.len() as u64));
            let mut framing = upgraded();
            group.bench_function(BenchmarkId::new("decode", text.len()), |b| {
                b.iter(|| {
                    scratch.copy_from_slice(&input);
                    assert_eq!(drain(&mut framing, &mut scratch), count as u64);
                });
            });
        }
        group.finish();
    }

    pub(super) fn encode(c: &mut Criterion) {
        let long = "x".repeat(FRAME_BYTES_MAX);
        let mut group = c.benchmark_group("framing/websocket");
        for text in [SHORT, LONG, &long] {
            let mut out = Vec::with_capacity(2 * FRAME_BYTES_MAX);
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(BenchmarkId::new("frame_text", text.len()), |b| {
                b.iter(|| {
                    out.clear();
                    out.extend_from_slice(black_box(text.as_bytes()));
                    frame_text(&mut out, 0);
                    black_box(&out);
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, back_to_back, drip, both_ways, text);
#[cfg(feature = "websocket")]
criterion_group!(web, web_socket::decode, web_socket::encode);
#[cfg(feature = "websocket")]
criterion_main!(benches, web);
#[cfg(not(feature = "websocket"))]
criterion_main!(benches);
