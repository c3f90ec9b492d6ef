//! The client against servers that mean it no good, or are no servers of this kind at all.

use parlance::client::{Call, CallError, Client, ConnectError, Event, Options, Url};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::client::{next, patient};
use crate::support::{own_address, within_patience};

/// What a server does with a connection.
pub(crate) type Treatment = fn(TcpStream);

/// Listens, and does this with each connection on a thread of its own, until the test ends.
pub(crate) fn serve(treat: Treatment) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || treat(stream));
        }
    });
    address
}

/// How long is waited for what does not come.
const SOON: Duration = Duration::from_millis(300);

/// Options under which a lost link is the end.
fn once() -> Options {
    Options { reconnect: None, ..patient() }
}

fn url(door: &str, address: SocketAddr) -> Url {
    format!("{door}://{address}").parse().expect("a URL")
}

/// Reads one request and lets the client in; gives what further requests can be read from.
pub(crate) fn let_in(stream: &mut TcpStream) -> BufReader<TcpStream> {
    let mut requests = BufReader::new(stream.try_clone().expect("a descriptor"));
    let mut line = String::new();
    requests.read_line(&mut line).expect("a request");
    stream.write_all(b"{\"type\":\"ack\",\"id\":1}\n").expect("sent");
    requests
}

/// Reads until the client has gone.
pub(crate) fn wait_for_end(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

/// Writes the same again and again until the client has gone.
fn flood(mut stream: TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).is_ok() {}
}

#[test]
fn whoever_is_no_such_server_is_found_out_in_bounded_time() {
    let servers: [(&str, Treatment); 8] = [
        ("closes at once", drop),
        ("never answers", wait_for_end),
        ("says nonsense", |mut stream| {
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n\xff\xfe\0");
            wait_for_end(stream);
        }),
        ("answers with HTTP", |mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            wait_for_end(stream);
        }),
        ("never ends its line", |stream| flood(stream, &[b'x'; 65_536])),
        ("never ends its text", |mut stream| {
            let _ = stream.write_all(b"{\"type\":\"");
            flood(stream, &[b'x'; 65_536]);
        }),
        ("says half a message", |mut stream| {
            let _ = stream.write_all(b"{\"type\":\"ack\",");
        }),
        ("nests", |stream| flood(stream, &[b'['; 65_536])),
    ];
    for door in ["ndjson", "jsonrpc", "ws", "chatmaster", "accounts"] {
        for (what, treat) in servers {
            // Time shows only who never answers. With the others it would be over before anything
            // but what they do comes of it.
            let silent = what == "never answers";
            let connect_timeout = if silent { SOON } else { once().connect_timeout };
            let options = Options { connect_timeout, ..once() };
            let error = Client::connect_with(&url(door, serve(treat)), &options);
            let error = error.expect_err("not a server");
            assert_eq!(matches!(error, ConnectError::TimedOut), silent, "{door}, {what}: {error}");
            if (door, what) == ("ws", "says nonsense") {
                assert_eq!(error.to_string(), "no WebSocket is spoken there");
            }
            if (door, what) == ("accounts", "says nonsense") {
                assert_eq!(error.to_string(), "TLS: it is not spoken there");
            }
            if !["ndjson", "jsonrpc"].contains(&door) {
                // What is found out first is for TLS, HTTP or the greeting to say.
                continue;
            }
            let is_right = match what {
                "never answers" => true,
                "closes at once" | "says half a message" => matches!(error, ConnectError::Io(_)),
                _ => matches!(error, ConnectError::NotThatDoor(_)),
            };
            assert!(is_right, "{door}, {what}: {error:?}");
        }
    }
}

#[test]
fn nobody_there_is_told_at_once() {
    let address = own_address();
    for door in ["ndjson", "jsonrpc", "udp"] {
        let error = Client::connect_with(&url(door, address), &patient());
        assert!(matches!(error, Err(ConnectError::Io(_))), "{door}: {error:?}");
    }
    // No part of a host's name may be so long (RFC 1035, 2.3.4): nobody has to be asked for it.
    let nowhere: Url = format!("ndjson://{}", "x".repeat(64)).parse().expect("a URL");
    let error = Client::connect_with(&nowhere, &patient()).expect_err("no host");
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
    assert!(Client::connect("ndjsn://h").expect_err("no URL").to_string().contains("ndjson"));
}

#[test]
fn a_server_that_answers_nothing_any_more_is_given_up() {
    let address = serve(|mut stream| {
        let _ = let_in(&mut stream).lines().count();
    });
    let connect =
        |options| Client::connect_with(&url("ndjson", address), &options).expect("connected");
    // Whoever asks nothing by itself has only its calls to see it by.
    let ann = connect(Options { call_timeout: SOON, ..once() });
    assert_eq!(ann.users(), Err(CallError::NoAnswer));
    assert_eq!(ann.users(), Err(CallError::NoAnswer));
    let ann = connect(Options { call_timeout: SOON, ping_every: SOON, ..once() });
    assert!(matches!(next(&ann), Event::Ended { .. }));
    assert_eq!(ann.users(), Err(CallError::Ended));
}

#[test]
fn answers_to_nothing_and_messages_without_sense_are_passed_over() {
    let address = serve(|mut stream| {
        let mut requests = let_in(&mut stream);
        let odd = [
            r#"{"type":"ack","id":99}"#,
            r#"{"type":"ack","id":1,"seq":18446744073709551615}"#,
            r#"{"type":"error"}"#,
            r#"{"type":"history","id":1,"messages":[{"type":"history"}]}"#,
            r#"{"type":17}"#,
            r#"{}"#,
            r#"{"type":"ack","id":-1}"#,
            r#"{"type":"\u001b[2J"}"#,
            r#"{"type":"users","id":2,"users":["ann"]}"#,
        ];
        let mut line = String::new();
        requests.read_line(&mut line).expect("a request");
        for odd in odd {
            writeln!(stream, "{odd}").expect("sent");
        }
        wait_for_end(stream);
    });
    let ann = Client::connect_with(&url("ndjson", address), &once()).expect("connected");
    assert_eq!(ann.users(), Ok(vec!["ann".to_owned()]));
}

#[test]
fn a_flood_of_events_that_nobody_takes_stays_bounded() {
    let address = serve(|mut stream| {
        let mut requests = let_in(&mut stream);
        let mut events = Vec::new();
        for number in 1..=20_000 {
            writeln!(events, r#"{{"type":"message","user":"x","text":"y","seq":{number}}}"#)
                .expect("written to memory");
        }
        stream.write_all(&events).expect("sent");
        let mut line = String::new();
        requests.read_line(&mut line).expect("a request");
        stream.write_all(b"{\"type\":\"users\",\"id\":2,\"users\":[]}\n").expect("sent");
        wait_for_end(stream);
    });
    let ann = Client::connect_with(&url("ndjson", address), &once()).expect("connected");
    ann.users().expect("an answer, after all the events");
    assert_eq!(next(&ann), Event::Missed);
    let rest: Vec<_> = std::iter::from_fn(|| ann.next_event(Some(Duration::ZERO))).collect();
    assert_eq!(rest.len(), 4096);
    assert!(matches!(rest.last(), Some(Event::Room { seq: Some(20_000), .. })));
}

#[test]
fn a_server_that_reads_nothing_does_not_hold_the_client() {
    let address = serve(|mut stream| {
        drop(let_in(&mut stream));
        // Who reads nothing is told by nothing that the client has gone: it stays open until the
        // tests end.
        std::mem::forget(stream);
    });
    let options = Options { goodbye_timeout: SOON, ..once() };
    let ann = Client::connect_with(&url("ndjson", address), &options).expect("connected");
    let (sender, results) = channel();
    for _ in 0..1024 {
        // As much as one request may hold.
        let call = Call::Say { text: "x".repeat(60_000) };
        let sender = sender.clone();
        ann.submit(call, move |result| drop(sender.send(result)));
    }
    drop(sender);
    within_patience(move || ann.disconnect()).expect("it ends");
    // Nothing was refused before it was sent: the server was owed all that may be under way.
    let results: Vec<_> = results.iter().collect();
    assert_eq!(results.len(), 1024);
    assert!(results.iter().all(|result| *result == Err(CallError::Ended)), "{results:?}");
}
