//! The client over datagrams that get lost, come twice and overtake each other.

use parlance::client::{CallError, Event, Options};
use serde_json::Value;
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::accounts_peer::AccountsHouse;
use crate::client::{
    DOORS, Door, NDJSON, client, connect, happening, join, joined, next, patient, quiet, said,
};
use crate::client_link::{hasty, next_but_tries};
use crate::support::own_address;

/// A bad network between one client and a server, until the test ends.
struct Network {
    address: SocketAddr,
    near: UdpSocket,
    /// Where the client is, once that is known.
    client: Arc<Mutex<Option<SocketAddr>>>,
    is_bad: Arc<AtomicBool>,
    is_down: Arc<AtomicBool>,
}

impl Network {
    fn start(server: SocketAddr, seed: u64) -> Network {
        let near = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = near.local_addr().expect("an address");
        let far = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        far.connect(server).expect("an address");
        let (is_bad, is_down) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let clone = |socket: &UdpSocket| socket.try_clone().expect("a descriptor");
        let (to_near, from_far, own_near) = (clone(&near), clone(&far), clone(&near));
        let flags = [Arc::clone(&is_bad), Arc::clone(&is_down)];
        let client: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let own_client = Arc::clone(&client);
        thread::spawn(move || {
            let mut buffer = [0; 65_536];
            let mut bad = Bad::new(seed);
            while let Ok((count, from)) = near.recv_from(&mut buffer) {
                // Where answers go to is known before there can be one.
                if client.lock().expect("no panic").replace(from).is_none() {
                    let (to_near, from_far) = (clone(&to_near), clone(&from_far));
                    let flags = flags.clone();
                    thread::spawn(move || {
                        let mut buffer = [0; 65_536];
                        let mut bad = Bad::new(!seed);
                        while let Ok(count) = from_far.recv(&mut buffer) {
                            bad.carry(&buffer[..count], &flags, |bytes| {
                                let _ = to_near.send_to(bytes, from);
                            });
                        }
                    });
                }
                bad.carry(&buffer[..count], &flags, |bytes| drop(far.send(bytes)));
            }
        });
        Network { address, near: own_near, client: own_client, is_bad, is_down }
    }

    /// Carries nothing any more, and has whoever sends something told that nobody is there. (That
    /// nothing comes back would show only in time.)
    fn goes_down(&self) {
        self.is_down.store(true, Ordering::SeqCst);
        // Who is connected to somebody hears nobody else.
        self.near.connect(own_address()).expect("an address");
    }

    fn comes_up(&self) {
        let client = self.client.lock().expect("no panic").expect("a client");
        self.near.connect(client).expect("an address");
        self.is_down.store(false, Ordering::SeqCst);
    }
}

/// One direction of a bad network.
struct Bad {
    seed: u64,
    /// What is to come behind the next.
    late: Option<Vec<u8>>,
    /// How often a request, or an answer to it, has been lost or late.
    missed: HashMap<u64, u32>,
}

impl Bad {
    fn new(seed: u64) -> Bad {
        Bad { seed, late: None, missed: HashMap::new() }
    }

    /// Of eight datagrams one gets lost, one comes late and two come twice. No request does so more
    /// than twice, nor do its answers: if that were left to chance, one would fail some day.
    fn carry(&mut self, datagram: &[u8], flags: &[Arc<AtomicBool>; 2], send: impl Fn(&[u8])) {
        if flags[1].load(Ordering::SeqCst) {
            return;
        }
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let late = self.late.take();
        let mut fate = if flags[0].load(Ordering::SeqCst) { self.seed >> 61 } else { 7 };
        let id =
            serde_json::from_slice(datagram).ok().and_then(|message: Value| message["id"].as_u64());
        if let Some(id) = id.filter(|_| matches!(fate, 0 | 3)) {
            let missed = self.missed.entry(id).or_default();
            *missed += 1;
            fate = if *missed > 2 { 7 } else { fate };
        }
        match fate {
            0 => {}
            1 | 2 => {
                send(datagram);
                send(datagram);
            }
            3 => self.late = Some(datagram.to_vec()),
            _ => send(datagram),
        }
        if let Some(late) = late {
            send(&late);
        }
    }
}

fn udp() -> Door {
    DOORS.into_iter().find(|door| door.dialect == "udp").expect("a door")
}

/// Options under which a datagram is sent again soon, and often enough for a long time.
fn eager() -> Options {
    let mut options = patient();
    options.udp_retries.base_delay = Duration::from_millis(10);
    options.udp_retries.max_retries = 13;
    options
}

#[test]
fn everything_is_told_once_and_in_order_whatever_the_network_does() {
    for seed in 1..=5 {
        let house = AccountsHouse::open();
        let network = Network::start(house.running.door("udp"), seed);
        let url = format!("udp://{}", network.address).parse().expect("a URL");
        let (ann, bob) = (connect(&url, eager()), client(&house, &NDJSON));
        join(&bob, &NDJSON, "tea", "bob");
        join(&ann, &udp(), "tea", "ann");
        assert_eq!(happening(&bob), joined("ann"));
        for number in 0..150 {
            bob.say(&number.to_string()).expect("said");
            if number % 5 == 0 {
                ann.say(&format!("re {number}")).expect("said");
                assert_eq!(happening(&bob), said("ann", &format!("re {number}")), "once");
            }
        }
        // What got lost last is missed only when something comes behind it.
        network.is_bad.store(false, Ordering::SeqCst);
        // And nothing lies before it that could fill a socket.
        ann.ping().expect("an answer");
        bob.say("last").expect("said");
        for number in 0..150 {
            assert_eq!(happening(&ann), said("bob", &number.to_string()), "seed {seed}");
        }
        assert_eq!(happening(&ann), said("bob", "last"));
        assert_eq!(ann.rename("Ann").expect("renamed"), "Ann");
        bob.say("Ann?").expect("said");
        assert_eq!(happening(&ann), said("bob", "Ann?"), "one's own doing leaves no hole");
    }
}

#[test]
fn a_network_that_is_down_is_noticed_and_what_was_said_meanwhile_is_told() {
    let house = AccountsHouse::open();
    let network = Network::start(house.running.door("udp"), 7);
    network.is_bad.store(false, Ordering::SeqCst);
    let url = format!("udp://{}", network.address).parse().expect("a URL");
    let (ann, bob) = (connect(&url, hasty()), client(&house, &NDJSON));
    join(&bob, &NDJSON, "tea", "bob");
    join(&ann, &udp(), "tea", "ann");
    assert_eq!(happening(&bob), joined("ann"));
    network.goes_down();
    assert_eq!(ann.say("anybody?"), Err(CallError::Disconnected));
    assert!(matches!(next(&ann), Event::Disconnected { .. }));
    for number in 0..100 {
        bob.say(&number.to_string()).expect("said");
    }
    network.comes_up();
    // The server misses nobody: it is the same client, from the same address.
    for number in 0..100 {
        match next_but_tries(&ann) {
            Event::Room { what, .. } => assert_eq!(what, said("bob", &number.to_string())),
            other => panic!("{other:?}"),
        }
    }
    let back = Event::Reconnected { room: Some("tea".into()), name: Some("ann".into()) };
    assert_eq!(next(&ann), back);
    bob.say("live").expect("said");
    assert_eq!(happening(&ann), said("bob", "live"));
    quiet(&bob);
}
