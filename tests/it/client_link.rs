//! The client when its link is lost: what it says of that, and how it comes back.

use parlance::client::{CallError, Client, Event, Options, Pauses, Url};
use std::time::{Duration, Instant};

use crate::client::{DOORS, Door, client, happening, joined, left, next, said};
use crate::client_proxy::Proxy;
use crate::house;
use crate::support::{Daemon, PATIENCE};

/// Options for those who have little time.
pub(crate) fn hasty() -> Options {
    let ms = Duration::from_millis;
    Options {
        reconnect: Some(Pauses { first: ms(20), longest: ms(100), seed: Some(7) }),
        ..Options::default()
    }
}

fn streams() -> impl Iterator<Item = Door> {
    DOORS.into_iter().filter(|door| door.name != "udp")
}

#[track_caller]
fn connect(door: &str, address: std::net::SocketAddr) -> Client {
    let url: Url = format!("{door}://{address}").parse().expect("a URL");
    Client::connect_with(&url, &hasty()).expect("connected")
}

/// Passes over everything up to and with the news that the link is lost.
#[track_caller]
fn expect_disconnected(client: &Client) {
    loop {
        if let Event::Disconnected { .. } = next(client) {
            return;
        }
    }
}

/// The next event that is not about a further try that has failed.
#[track_caller]
fn next_but_tries(client: &Client) -> Event {
    loop {
        match next(client) {
            Event::Disconnected { .. } => {}
            event => return event,
        }
    }
}

fn back(room: &str, name: &str) -> Event {
    Event::Reconnected { room: Some(room.into()), name: Some(name.into()) }
}

#[test]
fn a_server_that_is_started_again_finds_everyone_where_they_were() {
    for door in DOORS {
        let door = door.name;
        let daemon = Daemon::start(&["-l", &format!("{door}=127.0.0.1:0")]);
        let address = daemon.address(door);
        let ann = connect(door, address);
        ann.join("tea", "ann").expect("joined");
        daemon.stop();
        // Over datagrams there is no end to be seen; the next answer tells.
        if door != "udp" {
            expect_disconnected(&ann);
            assert_eq!(ann.say("anybody?"), Err(CallError::Disconnected), "{door}");
        }
        let daemon = Daemon::start(&["-l", &format!("{door}={address}")]);
        if door == "udp" {
            assert_eq!(ann.say("anybody?"), Err(CallError::Disconnected), "{door}");
        }
        assert_eq!(next_but_tries(&ann), Event::Missed, "{door}");
        assert_eq!(next_but_tries(&ann), back("tea", "ann"), "{door}");
        let bob = connect(door, address);
        bob.join("tea", "bob").expect("joined");
        assert_eq!(happening(&ann), joined("bob"), "{door}");
        ann.say("hello again").expect("said");
        assert_eq!(happening(&bob), said("ann", "hello again"), "{door}");
        drop(daemon);
    }
}

#[test]
fn what_was_said_meanwhile_is_told_once_and_in_order() {
    for door in streams() {
        let house = house::open();
        let proxy = Proxy::start(house.door(door.name));
        let (ann, bob) = (connect(door.name, proxy.address), client(&house, &DOORS[1]));
        ann.join("tea", "ann").expect("joined");
        bob.join("tea", "bob").expect("joined");
        assert_eq!(happening(&ann), joined("bob"), "{}", door.name);
        for round in ["a", "b", "c"] {
            bob.say(&format!("{round} before")).expect("said");
            assert_eq!(happening(&ann), said("bob", &format!("{round} before")));
            proxy.cut();
            assert_eq!(happening(&bob), left("ann"), "{}", door.name);
            expect_disconnected(&ann);
            assert_eq!(ann.users(), Err(CallError::Disconnected), "{}", door.name);
            for number in 0..30 {
                bob.say(&format!("{round} {number}")).expect("said");
            }
            proxy.mend();
            if door.history {
                for number in 0..30 {
                    let Event::Room { what, .. } = next_but_tries(&ann) else {
                        panic!("{}: {round} {number}", door.name)
                    };
                    assert_eq!(what, said("bob", &format!("{round} {number}")));
                }
            } else {
                assert_eq!(next_but_tries(&ann), Event::Missed, "{}", door.name);
            }
            assert_eq!(next_but_tries(&ann), back("tea", "ann"), "{}", door.name);
            assert_eq!(happening(&bob), joined("ann"), "{}", door.name);
            ann.say("here I am").expect("said");
            assert_eq!(happening(&bob), said("ann", "here I am"), "{}", door.name);
        }
        bob.say("last").expect("said");
        assert_eq!(happening(&ann), said("bob", "last"), "{}", door.name);
    }
}

#[test]
fn what_is_not_kept_any_more_is_missed_and_the_rest_is_told() {
    let house = house::open();
    let proxy = Proxy::start(house.door("ndjson"));
    let (ann, bob) = (connect("ndjson", proxy.address), client(&house, &DOORS[1]));
    ann.join("tea", "ann").expect("joined");
    bob.join("tea", "bob").expect("joined");
    proxy.cut();
    assert_eq!(happening(&bob), left("ann"));
    expect_disconnected(&ann);
    for number in 0..300 {
        bob.say(&number.to_string()).expect("said");
    }
    proxy.mend();
    assert_eq!(next_but_tries(&ann), Event::Missed);
    // Of the 200 that are kept, one's own coming is the last.
    for number in 101..300 {
        assert_eq!(happening(&ann), said("bob", &number.to_string()));
    }
    assert_eq!(next(&ann), back("tea", "ann"));
}

#[test]
fn a_name_that_the_lost_connection_still_bears_is_waited_for() {
    for (door, sign) in [("ndjson", &b"already taken"[..]), ("jsonrpc", b"Joined chat as ann_")] {
        let house = house::open();
        let proxy = Proxy::start(house.door(door));
        let ann = connect(door, proxy.address);
        ann.join("tea", "ann").expect("joined");
        proxy.cut_unnoticed();
        proxy.wait_for(sign);
        proxy.end_ghosts();
        loop {
            match next_but_tries(&ann) {
                Event::Missed => {}
                event => break assert_eq!(event, back("tea", "ann"), "{door}"),
            }
        }
        assert_eq!(ann.users().expect("users"), ["ann"], "{door}");
    }
}

#[test]
fn without_a_way_back_the_client_ends() {
    for door in streams() {
        let house = house::open();
        let proxy = Proxy::start(house.door(door.name));
        let url: Url = format!("{}://{}", door.name, proxy.address).parse().expect("a URL");
        let options = Options { reconnect: None, ..Options::default() };
        let ann = Client::connect_with(&url, &options).expect("connected");
        ann.join("tea", "ann").expect("joined");
        proxy.cut();
        assert!(matches!(next(&ann), Event::Ended { .. }), "{}", door.name);
        assert_eq!(ann.next_event(None), None, "nothing comes after it");
        assert_eq!(ann.say("hello?"), Err(CallError::Ended));
    }
}

#[test]
fn a_client_ends_at_once_even_while_it_is_not_connected() {
    let house = house::open();
    let proxy = Proxy::start(house.door("ndjson"));
    let url: Url = format!("ndjson://{}", proxy.address).parse().expect("a URL");
    let ann = Client::connect_with(&url, &Options::default()).expect("connected");
    proxy.cut();
    expect_disconnected(&ann);
    let start = Instant::now();
    ann.disconnect();
    assert_eq!(std::iter::from_fn(|| ann.next_event(None)).count(), 0);
    assert_eq!(ann.users(), Err(CallError::Ended));
    drop(ann);
    assert!(start.elapsed() < PATIENCE / 4);
}
