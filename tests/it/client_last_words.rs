//! What is said last: by a client that goes, and by a server whose end the client notices while
//! writing.

use parlance::client::{Call, Client, Event, Options};
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::client_hostile::let_in;
use crate::support::PATIENCE;

/// Options under which nothing is over soon, and what is over is over.
pub(crate) fn patient() -> Options {
    let mut options = Options {
        connect_timeout: PATIENCE,
        call_timeout: PATIENCE,
        reconnect: None,
        ..Options::default()
    };
    options.udp_retries.max_retries = 8;
    options
}

/// The number behind `"id":` in a request.
fn id_of(request: &str) -> &str {
    let (_, behind) = request.split_once("\"id\":").expect("an id");
    behind.split([',', '}']).next().expect("a number")
}

#[test]
fn a_goodbye_that_gets_lost_is_said_again() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    server.set_read_timeout(Some(PATIENCE)).expect("set");
    let url = format!("udp://{}", server.local_addr().expect("an address"));
    let serving = thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut leaves = Vec::new();
        while leaves.len() < 2 {
            let (count, from) = server.recv_from(&mut buffer).expect("a datagram");
            let request = String::from_utf8(buffer[..count].to_vec()).expect("UTF-8");
            let id = id_of(&request);
            if request.starts_with(r#"{"type":"leave""#) {
                leaves.push(id.to_owned());
            } else {
                let ack = format!(r#"{{"type":"ack","id":{id},"seq":1,"epoch":"e","token":"t"}}"#);
                server.send_to(ack.as_bytes(), from).expect("sent");
            }
        }
        leaves
    });
    let mut options = patient();
    options.udp_retries.base_delay = Duration::from_millis(20);
    options.udp_retries.max_retries = 12;
    let ann = Client::connect_with(&url.parse().expect("a URL"), &options).expect("connected");
    ann.join("tea", "ann").expect("joined");
    drop(ann);
    let leaves = serving.join().expect("two goodbyes");
    assert_eq!(leaves[0], leaves[1]);
}

#[test]
fn the_last_words_of_a_server_are_heard_even_while_one_writes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let url = format!("ndjson://{}", listener.local_addr().expect("an address"));
    let (gone, has_gone) = channel();
    let (heard, is_heard) = channel();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accepted");
        // What is written leaves at once, and is not lost in the reset.
        stream.set_nodelay(true).expect("set");
        drop(let_in(&mut stream));
        // Something unread makes the end a reset, and what the client writes then an error.
        stream.peek(&mut [0]).expect("a request");
        stream.write_all(b"{\"type\":\"system\",\"text\":\"first\"}\n").expect("sent");
        is_heard.recv_timeout(PATIENCE).expect("the client has heard it");
        stream.write_all(b"{\"type\":\"system\",\"text\":\"last\"}\n").expect("sent");
        drop(stream);
        gone.send(()).expect("wanted");
    });
    let options = patient();
    let (told, events) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let sink = move |event| {
        let is_first = matches!(&event, Event::Notice { text } if text == "first");
        let _ = told.send(event);
        if is_first {
            may_go_on.recv_timeout(PATIENCE).expect("told to go on");
        }
    };
    let ann = Client::with(&url.parse().expect("a URL"), &options, sink).expect("connected");
    ann.submit(Call::Users, |_| ());
    let notice = |text: &str| Event::Notice { text: text.into() };
    assert_eq!(events.recv_timeout(PATIENCE), Ok(notice("first")));
    heard.send(()).expect("wanted");
    has_gone.recv_timeout(PATIENCE).expect("it has gone");
    ann.submit(Call::Rooms, |_| ());
    go_on.send(()).expect("wanted");
    assert_eq!(events.recv_timeout(PATIENCE), Ok(notice("last")));
    assert!(matches!(events.recv_timeout(PATIENCE), Ok(Event::Ended { .. })));
    serving.join().expect("no panic");
}
