//! What is on the wire, held to the schemas in `docs/schemas`.
//!
//! [`check`] judges one message of the server, [`check_request`] one of a client, [`check_stream`]
//! all that a connection received. A [`Tap`] does the last for whoever reads bytes. Order of keys,
//! white space and what must follow what are for the transcripts to prove.

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::{Registry, Validator};

/// The dialects that have schemas.
pub(crate) const DIALECTS: [&str; 6] =
    ["jsonrpc", "websocket", "accounts", "chatmaster", "ndjson", "udp"];

/// The subprotocol of `websocket` that has schemas of its own.
pub(crate) const PARLANCE_V1: &str = "parlance.v1";

/// All that has schemas.
pub(crate) fn described() -> impl Iterator<Item = &'static str> {
    DIALECTS.into_iter().chain([PARLANCE_V1])
}

/// Where the reference stands.
pub(crate) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// A JSON file below [`docs`].
#[track_caller]
pub(crate) fn document(path: &str) -> Value {
    let text = std::fs::read_to_string(docs().join(path)).expect(path);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every schema by its file name without `.json`.
static VALIDATORS: LazyLock<HashMap<String, Validator>> = LazyLock::new(|| {
    let names = described().flat_map(|name| [format!("{name}.server"), format!("{name}.client")]);
    let names: Vec<String> = names.chain(["common".to_owned()]).collect();
    let all = names.iter().map(|name| {
        (format!("json-schema:///{name}.json"), document(&format!("schemas/{name}.json")))
    });
    let registry = Registry::new()
        .extend(all)
        .and_then(|registry| registry.prepare())
        .expect("schemas that find each other");
    let compile = |name: String| {
        let schema = document(&format!("schemas/{name}.json"));
        let options = jsonschema::options().with_registry(&registry);
        match options.build(&schema) {
            Ok(validator) => (name, validator),
            Err(error) => panic!("{name}: {error}"),
        }
    };
    names.into_iter().map(compile).collect()
});

/// Checks a message that the server sent.
#[track_caller]
pub(crate) fn check(dialect: &str, payload: &[u8]) {
    judge(&format!("{dialect}.server"), payload);
}

/// Checks a message that a client may send.
#[track_caller]
pub(crate) fn check_request(dialect: &str, payload: &[u8]) {
    judge(&format!("{dialect}.client"), payload);
}

/// Whether either side may send a message.
pub(crate) fn allows(dialect: &str, payload: &[u8]) -> bool {
    let sides = [format!("{dialect}.server"), format!("{dialect}.client")];
    parse(payload).is_ok_and(|value| sides.iter().any(|side| VALIDATORS[side].is_valid(&value)))
}

#[track_caller]
fn judge(schema: &str, payload: &[u8]) {
    let validator = VALIDATORS.get(schema).unwrap_or_else(|| panic!("no schema {schema}"));
    let shown = String::from_utf8_lossy(payload);
    let value = parse(payload).unwrap_or_else(|error| panic!("{schema}: {error}: {shown}"));
    assert!(validator.is_valid(&value), "\n{schema}.json does not allow\n{shown}");
}

/// Parses JSON. What a client may have sent back to it can hold numbers that no double can, which
/// is too much for the parser and nothing to the schemas: they count as 0.
fn parse(payload: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(payload).or_else(|error| match std::str::from_utf8(payload) {
        Ok(text) => serde_json::from_str(&tamed(text)),
        Err(_) => Err(error),
    })
}

/// The text with every number outside strings that is no finite double replaced.
fn tamed(text: &str) -> String {
    let mut tame = String::new();
    let mut number = String::new();
    let (mut in_string, mut escaped) = (false, false);
    for character in text.chars().chain([' ']) {
        if !in_string && (character.is_ascii_digit() || "+-.eE".contains(character)) {
            number.push(character);
            continue;
        }
        let wild = number.parse::<f64>().is_ok_and(f64::is_infinite);
        tame.push_str(if wild { "0" } else { &number });
        number.clear();
        tame.push(character);
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
    }
    tame
}

// ---- streams -----------------------------------------------------------------------------------

/// Checks all that a connection received from its beginning on, whether or not it was read to its
/// end. Over TLS that is what came out of it.
#[track_caller]
pub(crate) fn check_stream(dialect: &str, received: &[u8]) {
    let messages = messages(dialect, received);
    // Many are alike, where somebody was told the same again and again.
    let mut known = HashSet::new();
    for message in &messages {
        if known.insert(message) {
            check(dialect, message);
        }
    }
}

/// The whole messages in a stream; what is incomplete at its end is left out.
#[track_caller]
pub(crate) fn messages<'a>(dialect: &str, received: &'a [u8]) -> Vec<Cow<'a, [u8]>> {
    match dialect {
        "jsonrpc" => json_values(received),
        "websocket" | PARLANCE_V1 => websocket_texts(received),
        "accounts" => length_prefixed(received),
        "chatmaster" => packages(received),
        "ndjson" => lines(received),
        other => panic!("nothing is known of {other}"),
    }
}

/// JSON values back to back.
#[track_caller]
fn json_values(mut received: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut values = Vec::new();
    while let Some((value, rest)) = json_value(received) {
        values.push(Cow::Borrowed(value));
        received = rest;
    }
    values
}

/// The JSON value that stands first, and what follows it; nothing where it is not whole.
#[track_caller]
fn json_value(received: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut values = serde_json::Deserializer::from_slice(received).into_iter::<&RawValue>();
    match values.next()? {
        Ok(value) => Some((value.get().as_bytes(), &received[values.byte_offset()..])),
        Err(error) if error.is_eof() || ends_in_a_number(received) => None,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(received)),
    }
}

/// Whether all is well but for a number that the end of the input cuts short, which the parser
/// does not count as an early end.
fn ends_in_a_number(received: &[u8]) -> bool {
    let gone_on = serde_json::from_slice::<IgnoredAny>(&[received, b"0"].concat());
    gone_on.is_err_and(|error| error.is_eof())
}

/// Lines that end in `\n`.
fn lines(received: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let whole = received.split_inclusive(|byte| *byte == b'\n');
    whole.filter_map(|line| line.strip_suffix(b"\n")).map(Cow::Borrowed).collect()
}

/// Messages that stand behind their length, 4 bytes, big-endian.
fn length_prefixed(mut received: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut messages = Vec::new();
    while let Some((length, rest)) = received.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((message, rest)) = rest.split_at_checked(length) else { break };
        messages.push(Cow::Borrowed(message));
        received = rest;
    }
    messages
}

/// JSON values and zlib streams of one each (RFC 1950), back to back.
#[track_caller]
fn packages(mut received: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut packages = Vec::new();
    while let Some(first) = received.first() {
        let used = if *first == 0x78 {
            let mut stream = flate2::bufread::ZlibDecoder::new(received);
            let mut package = Vec::new();
            if stream.read_to_end(&mut package).is_err() {
                break;
            }
            packages.push(Cow::Owned(package));
            stream.total_in() as usize
        } else {
            let Some((value, rest)) = json_value(received) else { break };
            packages.push(Cow::Borrowed(value));
            received.len() - rest.len()
        };
        received = &received[used..];
    }
    packages
}

/// The text messages among unmasked frames (RFC 6455, section 5.2), inflated where need be
/// (RFC 7692, no context taken over), after the response that opened the connection.
#[track_caller]
fn websocket_texts(mut received: &[u8]) -> Vec<Cow<'_, [u8]>> {
    const TEXT: u8 = 1;
    if received.starts_with(b"HTTP/1.1 ") {
        let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        match end {
            Some(end) if received.starts_with(b"HTTP/1.1 101 ") => received = &received[end + 4..],
            // Pages and refusals are not the dialect's.
            _ => return Vec::new(),
        }
    }
    let mut texts = Vec::new();
    let mut text: Option<(bool, Vec<u8>)> = None;
    while let Some((head, payload, rest)) = websocket_frame(received) {
        received = rest;
        match head & 0x0f {
            TEXT => text = Some((head & 0x40 != 0, payload.to_vec())),
            0 => text.as_mut().expect("a message to go on with").1.extend_from_slice(payload),
            _ => continue,
        }
        if head & 0x80 != 0
            && let Some((deflated, payload)) = text.take()
        {
            texts.push(Cow::Owned(if deflated { inflated(payload) } else { payload }));
        }
    }
    texts
}

/// The first byte, the payload, and what follows the frame.
#[track_caller]
fn websocket_frame(received: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let ([head, length], rest) = received.split_first_chunk()?;
    assert!(length & 0x80 == 0, "a server does not mask");
    let (length, rest) = match length {
        126 => rest.split_first_chunk().map(|(n, rest)| (u16::from_be_bytes(*n).into(), rest))?,
        127 => rest.split_first_chunk().map(|(n, rest)| (u64::from_be_bytes(*n), rest))?,
        short => (u64::from(*short), rest),
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((*head, payload, rest))
}

#[track_caller]
fn inflated(mut payload: Vec<u8>) -> Vec<u8> {
    payload.extend_from_slice(&[0, 0, 0xff, 0xff]);
    let mut inflater = flate2::Decompress::new(false);
    let mut text = Vec::with_capacity(1024 * 1024);
    inflater.decompress_vec(&payload, &mut text, flate2::FlushDecompress::Sync).expect("deflated");
    text
}

// ---- a connection's tap ------------------------------------------------------------------------

/// Keeps what a connection receives, and checks it when dropped, unless the test has failed
/// already.
pub(crate) struct Tap {
    dialect: &'static str,
    received: Vec<u8>,
}

impl Tap {
    pub(crate) fn new(dialect: &'static str) -> Tap {
        Tap { dialect, received: Vec::new() }
    }

    /// Takes note of what was received next.
    pub(crate) fn note(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            check_stream(self.dialect, &self.received);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const REFUSAL: &[u8] = br#"{"status":"error","message":"Not in a room"}"#;
    const REQUEST: &[u8] = br#"{"type":"request","data":{"request":"login"}}"#;

    fn cut(dialect: &str, received: &[u8]) -> Vec<String> {
        let texts = messages(dialect, received);
        texts.iter().map(|text| String::from_utf8(text.to_vec()).unwrap()).collect()
    }

    fn deflated(text: &[u8]) -> Vec<u8> {
        let mut deflater = flate2::Compress::new(flate2::Compression::fast(), false);
        let mut bytes = Vec::with_capacity(4096);
        deflater.compress_vec(text, &mut bytes, flate2::FlushCompress::Sync).unwrap();
        bytes.truncate(bytes.len() - 4);
        bytes
    }

    #[test]
    fn streams_are_cut_and_their_ends_left_out() {
        assert_eq!(
            cut("jsonrpc", b"{\"a\":\"}\"}[1]\n{\"b\":1e999} {\"c\":-"),
            ["{\"a\":\"}\"}", "[1]", "{\"b\":1e999}"]
        );
        assert_eq!(cut("ndjson", b"{}\n[]\n{"), ["{}", "[]"]);
        assert_eq!(cut("accounts", b"\0\0\0\x02{}\0\0\0\x01[\0\0\0\x02{"), ["{}", "["]);
        let long = "x".repeat(300);
        let mut frames = b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n".to_vec();
        frames.extend_from_slice(b"\x81\x02{}\x89\x01p\x01\x01[\x89\x00\x80\x01]\x81\x7e\x01\x2c");
        frames.extend_from_slice(long.as_bytes());
        let small = deflated(REFUSAL);
        frames.extend_from_slice(&[0xc1, u8::try_from(small.len()).unwrap()]);
        frames.extend_from_slice(&small);
        frames.extend_from_slice(b"\x88\x02\x03\xe9\x81\x05{");
        let refusal = std::str::from_utf8(REFUSAL).unwrap();
        assert_eq!(cut("websocket", &frames), ["{}", "[]", &long, refusal]);
        assert_eq!(cut("websocket", b"HTTP/1.1 404 Not Found\r\n\r\n{}"), [""; 0]);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(REQUEST).unwrap();
        let zlib = zlib.finish().unwrap();
        let mixed = [REQUEST, &zlib, &zlib, &zlib[..zlib.len() - 5]].concat();
        assert_eq!(cut("chatmaster", &mixed), [std::str::from_utf8(REQUEST).unwrap(); 3]);
    }

    #[test]
    fn what_was_sent_back_may_be_beyond_a_double() {
        check(
            "jsonrpc",
            br#"{"status":"error","message":"Not in chat","id":[1e999,-1e999,"1e9"]}"#,
        );
        assert_eq!(tamed(r#"{"a\"1e999":[1e999,2.5]}"#).trim_end(), r#"{"a\"1e999":[0,2.5]}"#);
    }

    #[test]
    #[should_panic(expected = "does not allow")]
    fn a_tap_finds_what_the_schema_does_not_allow() {
        let mut tap = Tap::new("jsonrpc");
        tap.note(br#"{"status":"success","message":"Message sent successfully"}"#);
        tap.note(br#"{"status":"success","message":"Message sent","#);
        tap.note(br#""id":1}{"status"#);
    }
}
