//! The client's own life: what is called back from where, what a slow caller costs, and its end.

use parlance::client::{Call, Client, Event, Options, Pauses};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use crate::accounts_peer::AccountsHouse;
use crate::client::{
    DOORS, NDJSON, client, connect, happening, join, joined, next, patient, said, sees,
};
use crate::support::PATIENCE;

/// A client that tells the thread of its own what to do with each message.
fn with_sink(house: &AccountsHouse, sink: impl Fn(&Client) + Send + 'static) -> Arc<Client> {
    let own: Arc<OnceLock<std::sync::Weak<Client>>> = Arc::default();
    let of_sink = Arc::clone(&own);
    let client = Client::with(&NDJSON.url(house), &patient(), move |event| {
        if let Event::Room { .. } = event
            && let Some(client) = of_sink.get().and_then(std::sync::Weak::upgrade)
        {
            sink(&client);
        }
    });
    let client = Arc::new(client.expect("connected"));
    own.set(Arc::downgrade(&client)).expect("set once");
    client
}

#[track_caller]
fn comes<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(PATIENCE).expect("it comes")
}

#[test]
fn two_who_disconnect_at_once_do_not_wait_for_each_other() {
    let house = AccountsHouse::open();
    let (called, calls) = channel();
    let (go_on, going_on) = channel::<()>();
    let going_on = std::sync::Mutex::new(going_on);
    let ann = with_sink(&house, move |client| {
        called.send(()).expect("heard");
        let going_on = going_on.lock().expect("no panic");
        let _ = going_on.recv_timeout(PATIENCE);
        // The other one is well on its way, most times. (It must not matter.)
        let _ = going_on.recv_timeout(Duration::from_millis(100));
        client.disconnect();
    });
    ann.join("tea", "ann").expect("joined");
    let bob = client(&house, &NDJSON);
    bob.join("tea", "bob").expect("joined");
    comes(&calls);
    let (ended, end) = channel();
    thread::spawn(move || {
        go_on.send(()).expect("heard");
        ann.disconnect();
        ended.send(()).expect("heard");
    });
    comes(&end);
}

#[test]
fn a_callback_that_looks_for_events_does_not_wait_for_itself() {
    let house = AccountsHouse::open();
    let ann = Arc::new(client(&house, &NDJSON));
    let (sender, results) = channel();
    let own = Arc::clone(&ann);
    ann.submit(Call::Ping, move |_| sender.send(own.next_event(None)).expect("heard"));
    assert_eq!(comes(&results), None);
}

#[test]
fn what_was_submitted_before_the_end_is_still_done() {
    for door in DOORS.into_iter().filter(|door| !door.accounts) {
        let house = AccountsHouse::open();
        let (ann, bob) = (client(&house, &door), client(&house, &NDJSON));
        join(&bob, &NDJSON, "tea", "bob");
        let room = Some("tea".to_owned());
        ann.submit(Call::Join { room, name: Some("ann".into()) }, drop);
        for number in 0..50 {
            ann.submit(Call::Say { text: number.to_string() }, drop);
        }
        drop(ann);
        assert_eq!(happening(&bob), joined("ann"), "{}", door.scheme);
        for number in 0..50 {
            assert_eq!(happening(&bob), said("ann", &number.to_string()), "{}", door.scheme);
        }
    }
}

#[test]
fn for_ever_is_a_time_like_any_other() {
    let ever = Duration::MAX;
    let mut options = Options {
        connect_timeout: ever,
        call_timeout: ever,
        ping_every: ever,
        goodbye_timeout: ever,
        reconnect: Some(Pauses { first: ever, longest: ever, seed: None }),
        ..Options::default()
    };
    options.udp_retries.base_delay = ever;
    options.udp_retries.outstanding_max = 0;
    for door in DOORS {
        let house = AccountsHouse::open();
        let ann = connect(&door.url(&house), options.clone());
        join(&ann, &door, "tea", "ann");
        ann.say("x").expect("said");
        // Over datagrams nobody sees the other one go without a word.
        if door.dialect != "udp" {
            drop(house);
            while !matches!(next(&ann), Event::Disconnected { .. }) {}
        }
    }
}

#[test]
fn what_is_too_long_is_refused_and_costs_no_link() {
    for door in DOORS {
        let house = AccountsHouse::open();
        let (ann, bob) = (client(&house, &door), client(&house, &NDJSON));
        join(&ann, &door, "tea", "ann");
        join(&bob, &NDJSON, "tea", "bob");
        sees(&ann, &door, joined("bob"));
        for length in [9_000, 70_000, 5_000_000] {
            let result = ann.say(&"x".repeat(length));
            let is_refused = matches!(result, Err(parlance::client::CallError::Refused(_)));
            assert!(is_refused, "{}, {length}: {result:?}", door.scheme);
        }
        ann.say("short").expect("said");
        assert_eq!(happening(&bob), said("ann", "short"), "{}", door.scheme);
    }
}
