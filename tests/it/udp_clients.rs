//! `udp`: a client that was written from the seed document alone, on a network that loses the first
//! copy of everything.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::house::open;
use crate::ndjson::{message, say, system};
use crate::skip;

/// A relay for one client. Of what the client sends, it loses the first copy and doubles the others;
/// so it does with acknowledgements. What is lost is sent again, what comes twice is done once.
struct Relay {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    fn start(server: SocketAddr) -> Relay {
        let near = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let far = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        far.connect(server).expect("an address");
        let address = near.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        let (ended_too, ended_also) = (ended.clone(), ended.clone());
        let there = thread::spawn(move || {
            carry(
                &near,
                &ended_too,
                |_| true,
                |datagram, from| {
                    near.connect(from).expect("an address");
                    far.send(datagram).expect("sent");
                },
            );
        });
        let is_ack = |datagram: &[u8]| datagram.starts_with(br#"{"type":"ack""#);
        let back = thread::spawn(move || {
            carry(&far_too, &ended_also, is_ack, |datagram, _| {
                // Who has been answered may be gone when the answer comes again.
                let _ = near_too.send(datagram);
            });
        });
        Relay { address, ended, threads: vec![there, back] }
    }
}

/// Carries datagrams on. Of those that are `fragile`, the first copy is lost and others doubled.
fn carry(
    from: &UdpSocket,
    ended: &AtomicBool,
    fragile: impl Fn(&[u8]) -> bool,
    send: impl Fn(&[u8], SocketAddr),
) {
    from.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
    let mut known = HashSet::new();
    let mut buffer = [0; 16 * 1024];
    while !ended.load(Ordering::Relaxed) {
        let Ok((length, sender)) = from.recv_from(&mut buffer) else { continue };
        let datagram = &buffer[..length];
        if !fragile(datagram) {
            send(datagram, sender);
        } else if !known.insert(datagram.to_vec()) {
            send(datagram, sender);
            send(datagram, sender);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the relay failed");
        }
    }
}

#[test]
fn a_client_that_knows_the_seed_alone_loses_and_doubles_nothing() {
    if !skip::has("python3") {
        return;
    }
    let house = open();
    let mut watcher = house.guest_in("general", "Watcher", 1);
    let relay = Relay::start(house.door("udp"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/seed_clients/udp.py");
    let port = relay.address.port().to_string();
    let mut client = Command::new("python3")
        .args(["-X", "utf8", script, &port, "charlie"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut input = client.stdin.take().expect("its input");
    let mut shown = BufReader::new(client.stdout.take().expect("its output")).lines();
    watcher.hears(system("general", "charlie joined", 2));
    assert_eq!(shown.next().expect("a line").expect("a line"), "* charlie joined");
    for (seq, text) in (3..).zip(["Hello!", "Hällo 😀", "Hello!"]) {
        writeln!(input, "{text}").expect("sent");
        watcher.hears(message("general", "charlie", text, seq));
    }
    watcher.tells(say("Hi."));
    assert_eq!(shown.next().expect("a line").expect("a line"), "<Watcher> Hi.");
    drop(input);
    watcher.hears(system("general", "charlie left", 7));
    assert!(client.wait().expect("its end").success());
    assert!(shown.next().is_none());
    watcher.finish();
}
