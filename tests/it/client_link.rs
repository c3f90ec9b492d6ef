//! The client when its link is lost: what it says of that, and how it comes back.

use parlance::client::{CallError, Client, Event, Options, Pauses, Url};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::accounts_peer::AccountsHouse;
use crate::client::{
    DOORS, Door, NDJSON, client, connect, happening, join, joined, left, next, patient, said, sees,
};
use crate::client_proxy::Proxy;
use crate::support::{Daemon, PATIENCE, TempFolder, own_address, within_patience};

/// Options of those who come back soon.
pub(crate) fn hasty() -> Options {
    let ms = Duration::from_millis;
    Options {
        reconnect: Some(Pauses { first: ms(20), longest: ms(100), seed: Some(7) }),
        ..patient()
    }
}

fn streams() -> impl Iterator<Item = Door> {
    DOORS.into_iter().filter(|door| door.dialect != "udp")
}

fn url(door: &Door, address: SocketAddr) -> Url {
    format!("{}://{address}", door.scheme).parse().expect("a URL")
}

#[track_caller]
fn hasty_client(door: &Door, address: SocketAddr) -> Client {
    connect(&url(door, address), hasty())
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

/// The next event that is not about a further try that has failed, nor about other rooms.
#[track_caller]
pub(crate) fn next_but_tries(client: &Client) -> Event {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < 3 * PATIENCE, "there is no way back");
        match next(client) {
            Event::Disconnected { .. } | Event::RoomOpened { .. } | Event::RoomClosed { .. } => {}
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
        let folder = TempFolder::new();
        let data = folder.path().to_str().expect("a UTF-8 path");
        let Door { scheme, dialect, .. } = door;
        let address = own_address();
        let listen = format!("{dialect}={address}");
        let start = || Daemon::start(&["-l", &listen, "--data", data]);
        let daemon = start();
        let ann = hasty_client(&door, address);
        join(&ann, &door, "tea", "ann");
        daemon.stop();
        // Over datagrams there is no end to be seen; the next answer tells.
        if dialect != "udp" {
            expect_disconnected(&ann);
            assert_eq!(ann.say("anybody?"), Err(CallError::Disconnected), "{scheme}");
        }
        let daemon = start();
        if dialect == "udp" {
            assert_eq!(ann.say("anybody?"), Err(CallError::Disconnected), "{scheme}");
        }
        assert_eq!(next_but_tries(&ann), Event::Missed, "{scheme}");
        assert_eq!(next_but_tries(&ann), back("tea", "ann"), "{scheme}");
        let bob = hasty_client(&door, address);
        join(&bob, &door, "tea", "bob");
        sees(&ann, &door, joined("bob"));
        ann.say("hello again").expect("said");
        assert_eq!(happening(&bob), said("ann", "hello again"), "{scheme}");
        drop(daemon);
    }
}

#[test]
fn what_was_said_meanwhile_is_told_once_and_in_order() {
    for door in streams() {
        let scheme = door.scheme;
        let house = AccountsHouse::open();
        let proxy = Proxy::start(house.running.door(door.dialect));
        let (ann, bob) = (hasty_client(&door, proxy.address), client(&house, &NDJSON));
        join(&ann, &door, "tea", "ann");
        join(&bob, &NDJSON, "tea", "bob");
        sees(&ann, &door, joined("bob"));
        for round in ["a", "b", "c"] {
            bob.say(&format!("{round} before")).expect("said");
            assert_eq!(happening(&ann), said("bob", &format!("{round} before")), "{scheme}");
            proxy.cut();
            assert_eq!(happening(&bob), left("ann"), "{scheme}");
            expect_disconnected(&ann);
            assert_eq!(ann.ping(), Err(CallError::Disconnected), "{scheme}");
            for number in 0..30 {
                bob.say(&format!("{round} {number}")).expect("said");
            }
            proxy.mend();
            if door.history {
                for number in 0..30 {
                    let Event::Room { what, .. } = next_but_tries(&ann) else {
                        panic!("{scheme}: {round} {number}")
                    };
                    assert_eq!(what, said("bob", &format!("{round} {number}")), "{scheme}");
                }
            } else {
                assert_eq!(next_but_tries(&ann), Event::Missed, "{scheme}");
            }
            assert_eq!(next_but_tries(&ann), back("tea", "ann"), "{scheme}");
            assert_eq!(happening(&bob), joined("ann"), "{scheme}");
            ann.say("here I am").expect("said");
            assert_eq!(happening(&bob), said("ann", "here I am"), "{scheme}");
        }
        bob.say("last").expect("said");
        assert_eq!(happening(&ann), said("bob", "last"), "{scheme}");
    }
}

#[test]
fn what_is_not_kept_any_more_is_missed_and_the_rest_is_told() {
    let house = AccountsHouse::open();
    let proxy = Proxy::start(house.running.door("ndjson"));
    let (ann, bob) = (hasty_client(&NDJSON, proxy.address), client(&house, &NDJSON));
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
    for door in streams().filter(|door| !door.accounts && door.scheme != "chatmaster+zlib") {
        let sign = match door.dialect {
            "jsonrpc" => &b"Joined chat as ann_"[..],
            _ => b"already taken",
        };
        let house = AccountsHouse::open();
        let proxy = Proxy::start(house.running.door(door.dialect));
        let ann = hasty_client(&door, proxy.address);
        ann.join("tea", "ann").expect("joined");
        proxy.cut_unnoticed();
        proxy.wait_for(sign);
        proxy.end_ghosts();
        loop {
            match next_but_tries(&ann) {
                Event::Missed => {}
                event => break assert_eq!(event, back("tea", "ann"), "{}", door.scheme),
            }
        }
        if door.users {
            assert_eq!(ann.users().expect("users"), ["ann"], "{}", door.scheme);
        }
    }
}

#[test]
fn without_a_way_back_the_client_ends() {
    for door in streams() {
        let house = AccountsHouse::open();
        let proxy = Proxy::start(house.running.door(door.dialect));
        let options = Options { reconnect: None, ..patient() };
        let ann = connect(&url(&door, proxy.address), options);
        join(&ann, &door, "general", "ann");
        proxy.cut();
        assert!(matches!(next(&ann), Event::Ended { .. }), "{}", door.scheme);
        assert_eq!(ann.next_event(None), None, "nothing comes after it");
        assert_eq!(ann.say("hello?"), Err(CallError::Ended));
    }
}

#[test]
fn a_client_ends_at_once_even_while_it_is_not_connected() {
    let house = AccountsHouse::open();
    let proxy = Proxy::start(house.running.door("ndjson"));
    // Whoever waits for the pause to be over waits for longer than anybody here.
    let hour = Duration::from_secs(3600);
    let reconnect = Some(Pauses { first: hour, longest: hour, seed: None });
    let ann = connect(&url(&NDJSON, proxy.address), Options { reconnect, ..patient() });
    proxy.cut();
    expect_disconnected(&ann);
    let ended = within_patience(move || {
        ann.disconnect();
        (std::iter::from_fn(|| ann.next_event(None)).count(), ann.users())
    });
    assert_eq!(ended, Some((0, Err(CallError::Ended))));
}
