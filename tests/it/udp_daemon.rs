//! `udp` as the daemon serves it: where it listens, how it is configured, what a reload leaves alone.

use rustix::process::Signal;
use std::net::UdpSocket;

use crate::ndjson::{error, message, system};
use crate::skip;
use crate::support::{Daemon, TempFolder, ended, own_address, parlance};
use crate::udp::{ack, ack_seq, join, say, without_token};
use crate::udp_peer::UdpPeer;

const FAREWELL: &str =
    r#"{"type":"system","room":"den","text":"Server is shutting down","timestamp":"…"}"#;

/// Joins as a room's `seq`th event.
#[track_caller]
fn comes_in(peer: &mut UdpPeer, name: &str, seq: u64) {
    peer.send(join(1, "den", name));
    let (ack, _) = without_token(&peer.take());
    assert!(ack.ends_with(&format!(r#","seq":{seq},"token":"…"}}"#)), "{ack}");
    peer.hears(system("den", &format!("{name} joined"), seq));
}

#[test]
fn a_port_is_a_streams_and_a_datagrams_at_the_same_time() {
    let address = own_address();
    let (stream, datagrams) = (format!("ndjson={address}"), format!("udp={address}"));
    let daemon = Daemon::start(&["-l", &stream, "-l", &datagrams]);
    let listeners = ["ndjson", "udp"].map(|dialect| (dialect.to_owned(), address));
    assert_eq!(daemon.listeners(), listeners);
    let mut ann = UdpPeer::connect(address);
    comes_in(&mut ann, "Ann", 1);
    let mut bob = crate::peer::Peer::connect(address).speaking("ndjson");
    bob.is_told(crate::ndjson::join("den", "Bob"), system("den", "Bob joined", 2));
    ann.hears(system("den", "Bob joined", 2));
    ann.is_told(say(2, "hi"), ack_seq(2, 3));
    bob.hears(message("den", "Ann", "hi", 3));
    assert_eq!(daemon.stop().code(), Some(0));
    ann.hears(FAREWELL);
    bob.hears(FAREWELL);
}

#[test]
fn several_addresses_are_one_house() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return skip::lacks("loopback address of IPv6");
    }
    let daemon = Daemon::start(&["-l", "udp=[::1]:0", "-l", "udp=127.0.0.1:0"]);
    let [(_, six), (_, four)] = daemon.listeners() else { panic!("{:?}", daemon.listeners()) };
    assert!(six.is_ipv6() && four.is_ipv4());
    let mut ann = UdpPeer::connect(*six);
    comes_in(&mut ann, "Ann", 1);
    let mut bob = UdpPeer::connect(*four);
    comes_in(&mut bob, "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    bob.is_told(say(2, "hi"), ack_seq(2, 3));
    ann.hears(message("den", "Bob", "hi", 3));
}

#[test]
fn an_address_in_use_is_exit_1_and_says_how_to_move() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("its address");
    let folder = TempFolder::new();
    let data = folder.at("data");
    let (code, stdout, stderr) = ended(&["-l", &format!("udp={address}"), "--data", &data]);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.contains(&format!("udp cannot listen on {address}: ")), "{stderr}");
    assert!(stderr.contains("`listen` under [udp] or -l udp=HOST:PORT"), "{stderr}");
}

#[test]
fn what_cannot_be_configured_is_exit_2_and_says_why() {
    let folder = TempFolder::new();
    for (text, why) in [
        ("[udp]\ntls = true\n", "2: udp.tls: TLS needs a stream"),
        ("[udp]\nremembered_ids = 0\n", "2: udp.remembered_ids: 0 is not from 1 to 16384"),
        ("[limits]\ndatagram_bytes = 1000\n", "2: limits.datagram_bytes: 1000 is not from 1024"),
    ] {
        let file = folder.write("bad.toml", text);
        let (code, stdout, stderr) = ended(&["-c", &file, "--check"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.starts_with(&format!("parlance: {file}:{why}")), "{stderr}");
    }
}

#[test]
fn a_reload_moves_the_socket_and_keeps_the_peers() {
    let (old, new) = (own_address(), own_address());
    let folder = TempFolder::new();
    let file = folder.write("p.toml", &format!("udp.listen = '{old}'\n"));
    let data = folder.at("data");
    let mut command = parlance(&["-c", &file, "-l", "udp", "--data", &data]);
    let daemon = Daemon::start_command(&mut command, folder);
    let mut ann = UdpPeer::connect(old);
    comes_in(&mut ann, "Ann", 1);

    let text = format!("udp.listen = '{new}'\nlimits.datagram_bytes = 1024\n");
    std::fs::write(&file, text).expect("written");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("was read again");
    // Who was there still talks with the old address, and nobody else does.
    let mut bob = UdpPeer::connect(new);
    comes_in(&mut bob, "Bob", 2);
    ann.hears(system("den", "Bob joined", 2));
    UdpPeer::connect(old).send(join(1, "den", "Cid"));
    ann.is_told(say(2, "still here"), ack_seq(2, 3));
    bob.hears(message("den", "Ann", "still here", 3));
    // Lower limits are for those who come later.
    for (peer, bytes_max) in [(&mut ann, 8192), (&mut bob, 1024)] {
        let ping = |x: usize| format!(r#"{{"type":"ping","id":9,"x":"{}"}}"#, "x".repeat(x));
        peer.is_told(ping(bytes_max - ping(0).len()), ack(9));
        peer.is_told(ping(bytes_max + 1 - ping(0).len()), error("Line too long"));
    }
    assert_eq!(daemon.stop().code(), Some(0));
    ann.hears(FAREWELL);
    bob.hears(FAREWELL);
}
