//! The seed document's own client sample, unchanged, against the server.

use crate::house::{chat, notice, open};
use crate::skip;
use crate::support::run;
use std::process::Command;

/// Sends the sample's connection to the test's port, and else leaves it alone.
const RUNNER: &str = r"
import socket, sys
connect = socket.socket.connect
def connect_to_the_test(self, address):
    assert address == ('127.0.0.1', 65432), address
    connect(self, ('127.0.0.1', int(sys.argv[1])))
socket.socket.connect = connect_to_the_test
path = sys.argv[2]
exec(compile(open(path).read(), path, 'exec'))
";

#[test]
fn the_sample_of_the_seed_runs_as_it_stands() {
    if !skip::has("python3") {
        return;
    }
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/seed_000_sample.py");
    let port = house.addresses[0].port().to_string();
    let output = run(Command::new("python3").args(["-c", RUNNER, &port, sample]));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");

    let answer =
        r#"{"status":"success","message":"Joined chat as TestUser","users":["Bob","TestUser"]}"#;
    let (first, second) = stdout.trim_end().split_once('\n').expect("two lines");
    assert!(first.starts_with(&format!("Join response: {answer}")), "{first}");
    assert!(second.starts_with("Users: {"), "{second}");

    bob.expect(notice("TestUser has joined the chat!"));
    bob.expect(chat("TestUser", "Hello from API test!"));
    bob.expect(notice("TestUser has left the chat!"));
    bob.finish();
}
