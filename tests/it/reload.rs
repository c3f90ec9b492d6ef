//! The running daemon: reading its configuration again without dropping anyone, and its end.

use rustix::process::Signal;
use std::net::{SocketAddr, TcpListener};

use crate::peer::Peer;
use crate::support::{Daemon, TempFolder, parlance};

const JOIN: &str = r#"{"method":"join_chat","params":{"username":"Ann"}}"#;
const JOINED: &str = concat!(
    r#"{"status":"success","message":"Joined chat as Ann","users":["Ann"]}"#,
    r#"{"type":"system","message":"Welcome to the chat, Ann!","username":"SYSTEM"}"#,
);
const SIMPLE: &str = r#"{"method":"get_users","params":{"format":"simple"}}"#;
const ANN_ALONE: &str = r#"{"status":"success","users":["Ann"],"count":1}"#;
const FAREWELL: &str =
    r#"{"type":"system","message":"Server is shutting down","username":"SYSTEM"}"#;

/// A daemon that serves `jsonrpc` as a file configures it, which a test then changes.
struct Configured {
    daemon: Daemon,
    file: String,
}

impl Configured {
    fn start(text: &str) -> Configured {
        let folder = TempFolder::new();
        let file = folder.write("parlance.toml", text);
        let data = folder.at("data");
        let mut command = parlance(&["-c", &file, "-l", "jsonrpc", "--data", &data]);
        Configured { daemon: Daemon::start_command(&mut command, folder), file }
    }

    fn reload(&self, text: &str) {
        std::fs::write(&self.file, text).expect("a written file");
        self.daemon.signal(Signal::HUP);
    }

    fn address(&self) -> SocketAddr {
        self.daemon.address("jsonrpc")
    }
}

/// An address that was free a moment ago, on a loopback host that only the caller uses, so that
/// nobody takes it meanwhile.
fn free_address(host: u8) -> SocketAddr {
    let listener =
        TcpListener::bind(SocketAddr::from(([127, 77, 0, host], 0))).expect("a listener");
    listener.local_addr().expect("its address")
}

#[test]
fn a_reload_moves_the_listener_and_drops_nobody() {
    let (old, new) = (free_address(1), free_address(2));
    let configured = Configured::start(&format!("jsonrpc.listen = '{old}'"));
    let mut ann = Peer::connect(configured.address()).speaking("jsonrpc");
    ann.ask(JOIN, JOINED);

    configured.reload(&format!("jsonrpc.listen = '{new}'"));
    configured.daemon.wait_for_log("was read again");
    std::net::TcpStream::connect(old).expect_err("the old address is closed");
    let mut other = Peer::connect(new).speaking("jsonrpc");
    other.ask(SIMPLE, ANN_ALONE);
    ann.ask(SIMPLE, ANN_ALONE);
    other.finish();
    assert_eq!(configured.daemon.stop().code(), Some(0));
    ann.expect(FAREWELL);
    ann.expect_close();
}

#[test]
fn an_address_that_cannot_be_opened_keeps_the_old_one() {
    let old = free_address(3);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let configured = Configured::start(&format!("jsonrpc.listen = '{old}'"));
    configured.reload(&format!("jsonrpc.listen = '{}'", taken.local_addr().expect("its address")));
    let line = configured.daemon.wait_for_log("cannot listen on");
    assert!(line.contains("what was listened on before stays"), "{line}");
    configured.daemon.wait_for_log("the configuration was read again");
    Peer::connect(configured.address()).finish();
}

#[test]
fn a_reload_changes_what_a_dialect_is_set_to() {
    let address = free_address(4);
    let listen = format!("jsonrpc.listen = '{address}'\n");
    let configured = Configured::start(&listen);
    let mut ann = Peer::connect(configured.address()).speaking("jsonrpc");
    ann.ask(JOIN, JOINED);
    configured.reload(&format!("{listen}jsonrpc.show_addresses = false"));
    configured.daemon.wait_for_log("the configuration was read again");
    ann.ask(r#"{"method":"get_users","params":{}}"#, ANN_ALONE);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let daemon = Daemon::start(&["-l", "jsonrpc=127.0.0.1:0"]);
    // Somebody who neither reads nor closes holds the orderly end up.
    let mut stuck = Peer::connect_narrow(daemon.address("jsonrpc")).speaking("jsonrpc");
    stuck.ask(JOIN, JOINED);
    // Stopped in between, so that the second comes in time however slow this test is.
    daemon.signal(Signal::STOP);
    daemon.signal(Signal::INT);
    daemon.signal(Signal::TERM);
    daemon.signal(Signal::CONT);
    assert_eq!(daemon.wait().code(), Some(1));
}
