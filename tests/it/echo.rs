//! The example `echo`: every framing it knows, in a process of its own, and what it refuses.
//!
//! The process is this test binary again, told by its environment to be the example: so what runs
//! is the source as it stands.

use crate::peer::Peer;
use parlance::rpc::framing::{length_prefix, zlib};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

#[path = "../../examples/echo.rs"]
#[allow(dead_code, reason = "its `main` only hands on arguments and the exit code")]
mod example;

/// What tells the process to serve: the arguments, a space between two.
const ECHO: &str = "PARLANCE_IT_ECHO";

/// What stands before the address on its output.
const LISTENING: &str = "listening ";

/// The longest message it can be set to take.
pub(crate) const LIMIT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The example, as a process.
pub(crate) struct Echo {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Echo {
    /// Starts it on a free port, with these arguments.
    pub(crate) fn start(arguments: &str) -> Echo {
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "echo::serve_if_asked_to", "--nocapture", "--test-threads=1"])
            .env(ECHO, format!("{arguments} --listen 127.0.0.1:0"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let output = BufReader::new(child.stdout.take().expect("stdout"));
        let address = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once(LISTENING)?.1.parse().ok())
            .expect("it listens");
        Echo { child, address }
    }

    /// It speaks WebSocket and takes the longest messages.
    pub(crate) fn websocket() -> Echo {
        Echo::start(&format!("--framing websocket --deflate --limit {LIMIT_BYTES_MAX}"))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process's side; among the other tests it does nothing.
#[test]
fn serve_if_asked_to() {
    let Ok(arguments) = std::env::var(ECHO) else { return };
    // Should the test that started this die, its end of the pipe closes.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    example::run(arguments.split(' ').map(str::to_owned)).expect("it serves");
}

#[test]
fn lines_and_json_come_back_as_lines() {
    let echo = Echo::start("--framing lines");
    let mut peer = Peer::connect(echo.address);
    peer.ask("one\r\n\ntwo\nthr", "one\ntwo\n");
    peer.ask("ee\n", "three\n");
    peer.finish();
    let echo = Echo::start("--framing json");
    let mut peer = Peer::connect(echo.address);
    peer.ask(r#"{"a":[1]} [2,"}"]{"#, "{\"a\":[1]}\n[2,\"}\"]\n");
    peer.ask("}", "{}\n");
    peer.finish();
}

#[test]
fn frames_with_a_length_come_back_with_one() {
    let echo = Echo::start("--framing length --limit 70000");
    let mut peer = Peer::connect(echo.address);
    for content in [&b"\0"[..], b"any\nbytes\xff", &[7; 70_000]] {
        let mut frame = content.to_vec();
        length_prefix::frame(&mut frame, 0);
        peer.ask(&frame, &frame);
    }
    // 70001.
    peer.send(b"\0\x01\x11\x71");
    peer.expect_close();
}

#[test]
fn packages_come_back_compressed_to_those_who_compress() {
    let echo = Echo::start("--framing zlib");
    let mut peer = Peer::connect(echo.address);
    peer.ask(r#"{"plain":1}[2]"#, r#"{"plain":1}[2]"#);
    let mut package = br#"{"compressed":1}"#.to_vec();
    zlib::frame(&mut package, 0);
    peer.ask(&package, &package);
    let mut second = b"[2]".to_vec();
    zlib::frame(&mut second, 0);
    peer.ask("[2]", second);
    peer.finish();
}

#[test]
fn the_longest_message_comes_back_whatever_the_framing() {
    let content = "x".repeat(LIMIT_BYTES_MAX - 2);
    let line = format!("{content}xx\n");
    let json = format!("[{content}]\n");
    let mut length = line.trim_end().as_bytes().to_vec();
    length_prefix::frame(&mut length, 0);
    for (framing, message) in
        [("lines", line.as_bytes()), ("json", json.as_bytes()), ("length", &length)]
    {
        let echo = Echo::start(&format!("--framing {framing} --limit {LIMIT_BYTES_MAX}"));
        let mut peer = Peer::connect(echo.address);
        let pouring = peer.pour(message.repeat(3));
        for _ in 0..3 {
            peer.expect(message);
        }
        pouring.join().expect("a thread").expect("sent");
        peer.finish();
    }
}

#[test]
fn a_line_over_the_limit_ends_the_connection() {
    let echo = Echo::start("--framing lines --limit 3");
    let mut peer = Peer::connect(echo.address);
    peer.ask("abc\n", "abc\n");
    peer.send("abcd\n");
    peer.expect_close();
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    let refused = |arguments: &str| {
        let arguments = arguments.split(' ').filter(|argument| !argument.is_empty());
        example::run(arguments.map(str::to_owned)).expect_err("refused")
    };
    assert!(refused("").starts_with("--framing is missing\nusage: echo "));
    assert!(refused("--framing").starts_with("--framing needs a value\n"));
    assert!(refused("--framing x").starts_with("there is no framing \"x\"\n"));
    assert!(refused("--farming x").starts_with("there is no option \"--farming\"\n"));
    for bytes in ["0", "16777217", "-1", "many"] {
        let why = refused(&format!("--framing json --limit {bytes}"));
        assert_eq!(why, "--limit is 1 to 16777216 bytes");
    }
    let why = refused("--framing zlib --deflate");
    assert_eq!(why, "--deflate goes with --framing websocket only");
    assert!(refused("--framing json --listen nowhere").starts_with("no such address: \"nowhere\""));
}
