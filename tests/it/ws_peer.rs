//! A WebSocket client that knows nothing but bytes: it masks what it sends, and compares what it
//! gets frame by frame.

use std::net::SocketAddr;

use crate::frames::masked;
use crate::peer::Peer;
use crate::schema::PARLANCE_V1;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// What stands for a time in an expected text.
pub(crate) const SOME_TIME: &str = "…";

/// One WebSocket connection, as its client sees it.
pub(crate) struct WsPeer {
    pub(crate) peer: Peer,
}

impl WsPeer {
    /// Connects, and gives what the server says to the request besides: its header fields.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr, fields: &str) -> (WsPeer, String) {
        let dialect = if fields.contains(PARLANCE_V1) { PARLANCE_V1 } else { "websocket" };
        let mut peer = Peer::connect(address).speaking(dialect);
        peer.send(upgrade(address, "/chat", fields));
        let answer = head(&mut peer);
        assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
        // The example of RFC 6455, 1.3.
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        (WsPeer { peer }, answer)
    }

    /// A client of the classic protocol, greeted, and its id.
    #[track_caller]
    pub(crate) fn classic(address: SocketAddr) -> (WsPeer, String) {
        let (mut peer, _) = WsPeer::connect(address, "");
        let id = peer.greeting();
        (peer, id)
    }

    /// Takes the classic greeting and gives the client's id.
    #[track_caller]
    pub(crate) fn greeting(&mut self) -> String {
        let greeting = self.take();
        let id = greeting
            .strip_prefix(r#"{"status":"connected","client_id":""#)
            .and_then(|rest| rest.strip_suffix(r#"","message":"Welcome!"}"#))
            .unwrap_or_else(|| panic!("{greeting}"));
        assert!(
            id.len() == 8 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)),
            "{id}"
        );
        id.to_owned()
    }

    // ---- sending -------------------------------------------------------------------------------

    #[track_caller]
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.peer.send(masked(TEXT, text.as_ref()));
    }

    #[track_caller]
    pub(crate) fn send_binary(&mut self, bytes: &[u8]) {
        self.peer.send(masked(BINARY, bytes));
    }

    // ---- receiving -----------------------------------------------------------------------------

    /// Expects one text message, byte for byte.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: impl AsRef<str>) {
        assert_eq!(self.take(), text.as_ref());
    }

    /// Expects one text message that is as told but for times, which are checked for their shape.
    #[track_caller]
    pub(crate) fn expect_timed(&mut self, text: impl AsRef<str>) {
        assert_eq!(untimed(&self.take()), text.as_ref());
    }

    /// Sends a request and expects its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>, answer: impl AsRef<str>) {
        self.send(request);
        self.expect(answer);
    }

    /// Like [`ask`](Self::ask), of an answer that says when.
    #[track_caller]
    pub(crate) fn ask_timed(&mut self, request: impl AsRef<[u8]>, answer: impl AsRef<str>) {
        self.send(request);
        self.expect_timed(answer);
    }

    /// The next text message.
    #[track_caller]
    pub(crate) fn take(&mut self) -> String {
        let (first, content) = self.take_frame();
        assert_eq!(first, TEXT, "{content:?}");
        String::from_utf8(content).expect("UTF-8")
    }

    /// The next frame, but for pings, which may come at any time: its first byte and its content.
    #[track_caller]
    pub(crate) fn take_frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = self.peer.take(2);
        while head == [PING, 0] {
            self.peer.slip_in(masked(PONG, b""));
            head = self.peer.take(2);
        }
        let (len, least) = match head[1] {
            126 => (u16::from_be_bytes(self.peer.take(2).try_into().expect("two")).into(), 126),
            127 => (u64::from_be_bytes(self.peer.take(8).try_into().expect("eight")), 1 << 16),
            len => (u64::from(len), 0),
        };
        assert!((least..1 << 24).contains(&len), "a masked frame, or a length that cannot be");
        (head[0], self.peer.take(len as usize))
    }

    /// Expects a close frame with this code, whatever its reason, and the end of the stream.
    #[track_caller]
    pub(crate) fn expect_close(mut self, code: u16) {
        let (first, content) = self.take_frame();
        assert_eq!((first, content.get(..2)), (CLOSE, Some(&code.to_be_bytes()[..])));
        self.peer.send(masked(CLOSE, &code.to_be_bytes()));
        self.peer.expect_close();
    }

    /// Proves that nothing else was received: closes, and expects the answer to that alone.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        self.peer.send(masked(CLOSE, &1000_u16.to_be_bytes()));
        assert_eq!(self.take_frame(), (CLOSE, vec![0x03, 0xe8]));
        self.peer.expect_close();
    }

    /// Proves that this client still works and has received nothing since it was last looked at.
    #[track_caller]
    pub(crate) fn probe(&mut self) {
        self.ask(r#"{"action":"probe"}"#, r#"{"status":"error","message":"Invalid action"}"#);
    }
}

/// A request to upgrade; `fields` are further header fields, each with its end.
pub(crate) fn upgrade(address: SocketAddr, path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

/// Reads the head of an HTTP answer, and no further.
#[track_caller]
pub(crate) fn head(peer: &mut Peer) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(head.len() < 16 * 1024, "no end of the head");
        head.extend(peer.take(1));
    }
    String::from_utf8(head).expect("UTF-8")
}

/// The text with [`SOME_TIME`] for each time in it that is written as it should be.
pub(crate) fn untimed(text: &str) -> String {
    const KEY: &str = r#""timestamp":""#;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(KEY) {
        let (before, after) = rest.split_at(at + KEY.len());
        let shape: String =
            after.chars().take(25).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z\"", "{text}");
        out.push_str(before);
        out.push_str(SOME_TIME);
        rest = &after[24..];
    }
    out + rest
}
