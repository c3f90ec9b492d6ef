//! The forms in which members of a room can be sent what is said there, and how one becomes a
//! member who is sent that form. A further form is one more entry in [`FORMS`].

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use flate2::{Decompress, FlushDecompress};
use parlance::chat::dialect::{
    Desk, DeskSettings, Fx, House, accounts, chatmaster, jsonrpc, ndjson, websocket,
};
use parlance::rpc::framing::{Compression, Decoded, Framing, Packages, length_prefix, zlib};
use parlance::rpc::{Server, ServiceId};
use parlance::store::{Accounts, Cost};

/// One form.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    /// Adds the service of its dialect.
    pub(crate) service: fn(&mut Fx) -> ServiceId,
    /// What one sends, under this name, to be a member of this room and be sent this form.
    /// (For `accounts` it has to be a room that is there, for `chatmaster` the default one.)
    pub(crate) join: fn(&str, &str) -> Vec<u8>,
    /// A byte that the answers to that bear once, and no event does.
    pub(crate) joined: u8,
    /// How what is sent is read.
    pub(crate) reader: fn() -> Reader,
}

/// All forms. The first is what the talkers are sent.
pub(crate) static FORMS: [Form; 10] = [
    Form {
        name: "jsonrpc",
        service: |fx| fx.add_service(jsonrpc::service()),
        join: classic,
        joined: b'J',
        reader: plain,
    },
    Form {
        name: "jsonrpc_2.0",
        service: |fx| fx.add_service(jsonrpc::service()),
        join: version_2,
        joined: b'J',
        reader: plain,
    },
    Form {
        name: "ndjson",
        service: |fx| fx.add_service(ndjson::service()),
        join: lines,
        joined: b'U',
        reader: plain,
    },
    Form {
        name: "accounts",
        service: |fx| fx.add_service(accounts::service()),
        join: register,
        joined: b'U',
        reader: plain,
    },
    Form {
        name: "chatmaster",
        service: |fx| fx.add_service(chatmaster::service()),
        join: packages,
        joined: b'U',
        reader: plain,
    },
    Form {
        name: "chatmaster_zlib",
        service: |fx| fx.add_service(chatmaster::service()),
        join: packages_zlib,
        joined: b'U',
        reader: inflating,
    },
    Form {
        name: "websocket",
        service: |fx| fx.add_service(websocket::service()),
        join: |_, room| upgrade("", room),
        joined: b'I',
        reader: plain,
    },
    Form {
        name: "websocket_deflate",
        service: |fx| fx.add_service(websocket::service()),
        join: |_, room| upgrade(DEFLATE, room),
        joined: b'I',
        reader: messages,
    },
    Form {
        name: "websocket_v1",
        service: |fx| fx.add_service(websocket::service()),
        join: |_, room| upgrade(V1, room),
        joined: b'I',
        reader: plain,
    },
    Form {
        name: "websocket_v1_deflate",
        service: |fx| fx.add_service(websocket::service()),
        join: |_, room| upgrade(&[V1, DEFLATE].concat(), room),
        joined: b'I',
        reader: messages,
    },
];

// ---- joining -----------------------------------------------------------------------------------
//
// Where the answer to joining has no byte of its own, a request that does not exist comes behind:
// "Unknown …", "Invalid …".

fn classic(name: &str, room: &str) -> Vec<u8> {
    format!(r#"{{"method":"join_chat","params":{{"username":"{name}","room":"{room}"}}}}"#).into()
}

fn version_2(name: &str, room: &str) -> Vec<u8> {
    let params = format!(r#"{{"username":"{name}","room":"{room}"}}"#);
    format!(r#"{{"jsonrpc":"2.0","method":"join_chat","params":{params},"id":1}}"#).into()
}

fn lines(name: &str, room: &str) -> Vec<u8> {
    let join = format!(r#"{{"type":"join","room":"{room}","user":"{name}"}}"#);
    format!("{join}\n{{\"type\":\"nothing\"}}\n").into()
}

fn register(name: &str, room: &str) -> Vec<u8> {
    let register =
        format!(r#"{{"type":"register","data":{{"username":"{name}","password":"sesame"}}}}"#);
    let enter = format!(r#"{{"type":"enter","data":{{"room":"{room}"}}}}"#);
    let mut out = Vec::new();
    for request in [&register, &enter, r#"{"type":"nothing"}"#] {
        let start = out.len();
        out.extend_from_slice(request.as_bytes());
        length_prefix::frame(&mut out, start);
    }
    out
}

fn packages(name: &str, _: &str) -> Vec<u8> {
    let command = |name: &str, parameters: &str| {
        format!(
            r#"{{"type":"command","data":{{"command":"{name}","parameters":{{{parameters}}}}}}}"#
        )
    };
    (command("login", &format!(r#""username":"{name}""#)) + &command("nothing", "")).into()
}

fn packages_zlib(name: &str, room: &str) -> Vec<u8> {
    // One stream for each package: the second begins where the first one's braces are closed.
    let both = packages(name, room);
    let second = both.windows(2).position(|pair| pair == b"}{").map_or(both.len(), |at| at + 1);
    let mut out = Vec::new();
    for package in [&both[..second], &both[second..]] {
        let start = out.len();
        out.extend_from_slice(package);
        zlib::frame(&mut out, start);
    }
    out
}

/// Header fields with which more is agreed on.
const V1: &str = "Sec-WebSocket-Protocol: parlance.v1\r\n";
const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// Over WebSocket one has a name from the start.
fn upgrade(fields: &str, room: &str) -> Vec<u8> {
    let mut out = format!(
        "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
    .into_bytes();
    let join = format!(r#"{{"action":"join","body":{{"room":"{room}"}}}}"#);
    for request in [&join, r#"{"action":"nothing"}"#] {
        // A short text, behind a mask that changes nothing.
        out.extend_from_slice(&[0x81, 0x80 | request.len() as u8, 0, 0, 0, 0]);
        out.extend_from_slice(request.as_bytes());
    }
    out
}

// ---- reading -----------------------------------------------------------------------------------

/// Looks for marks in what one connection is sent.
pub(crate) enum Reader {
    /// As it comes.
    Plain,
    /// In zlib streams, of which one may not be whole yet.
    Inflating(Box<Packages>, Vec<u8>),
    /// In WebSocket messages behind the head of an answer.
    Messages(Vec<u8>),
}

fn plain() -> Reader {
    Reader::Plain
}

fn inflating() -> Reader {
    Reader::Inflating(Box::new(Packages::new(64 * 1024, 64, Compression::Always)), Vec::new())
}

fn messages() -> Reader {
    Reader::Messages(Vec::new())
}

impl Reader {
    /// How often each of two bytes is in what now came.
    pub(crate) fn count(&mut self, bytes: &[u8], marks: [u8; 2]) -> [usize; 2] {
        match self {
            Reader::Plain => occurrences(bytes, marks),
            Reader::Inflating(framing, input) => {
                input.extend_from_slice(bytes);
                let (mut at, mut counts) = (0, [0, 0]);
                loop {
                    match framing.decode(&mut input[at..]) {
                        Decoded::Frame { frame, used } => {
                            add(&mut counts, occurrences(frame, marks));
                            at += used;
                        }
                        Decoded::Skip { used } => at += used,
                        Decoded::Incomplete => break,
                        other => panic!("{other:?}"),
                    }
                }
                input.drain(..at);
                counts
            }
            Reader::Messages(input) => {
                input.extend_from_slice(bytes);
                let (mut at, mut counts) = (0, [0, 0]);
                while let Some((content, used)) = message(&input[at..]) {
                    add(&mut counts, occurrences(&content, marks));
                    at += used;
                }
                input.drain(..at);
                counts
            }
        }
    }
}

fn add(counts: &mut [usize; 2], more: [usize; 2]) {
    *counts = [counts[0] + more[0], counts[1] + more[1]];
}

/// The WebSocket message at the start of the input, inflated, or nothing for the head of the
/// answer; and how long it is there. `None` if it is not whole.
fn message(input: &[u8]) -> Option<(Cow<'_, [u8]>, usize)> {
    if input.starts_with(b"HTTP") {
        let head = input.windows(4).position(|end| end == b"\r\n\r\n")?;
        return Some((Cow::Borrowed(b""), head + 4));
    }
    let (&[first, short], rest) = input.split_first_chunk()?;
    let (length, header) = match short {
        126 => (u16::from_be_bytes(*rest.first_chunk()?).into(), 4),
        length => (usize::from(length), 2),
    };
    let content = input.get(header..header + length)?;
    // RSV1: compressed, without the empty block at the end (RFC 7692, 7.2.1).
    if first & 0x40 == 0 {
        return Some((Cow::Borrowed(content), header + length));
    }
    let mut inflated = Vec::with_capacity(64 * 1024);
    Decompress::new(false)
        .decompress_vec(&[content, b"\0\0\xff\xff"].concat(), &mut inflated, FlushDecompress::Sync)
        .expect("a compressed message");
    Some((Cow::Owned(inflated), header + length))
}

fn occurrences(bytes: &[u8], [one, other]: [u8; 2]) -> [usize; 2] {
    let count = |mark| bytes.iter().filter(|&&byte| byte == mark).count();
    let first = count(one);
    [first, if one == other { first } else { count(other) }]
}

// ---- accounts ----------------------------------------------------------------------------------

/// A folder for accounts, removed when this is dropped.
pub(crate) struct AccountsFolder(PathBuf);

impl AccountsFolder {
    pub(crate) fn new() -> io::Result<AccountsFolder> {
        let path = std::env::temp_dir().join(format!("parlance-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(AccountsFolder(path))
    }

    /// Lets a server register as many as may come, quickly and badly hashed.
    pub(crate) fn open(&self, server: &mut Server<House>) {
        let path: &Path = &self.0;
        let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
        let accounts = Accounts::open(path, cost).expect("a database");
        let settings =
            DeskSettings { registrations_per_minute: usize::MAX, ..DeskSettings::default() };
        server.set_workers(2, 4096);
        let (house, fx) = server.parts();
        house.open_desk(fx, Desk::new(accounts, settings)).expect("a database");
    }
}

impl Drop for AccountsFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
