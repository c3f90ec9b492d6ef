//! The engine on a clock of the test's own, with servers that are played by hand.

use super::*;
use crate::client::call::Answer;
use crate::client::error::CallError;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc::sync_channel;

/// How long a server and the socket may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An engine that goes on when it is told to, and the time.
struct Play {
    engine: Engine,
    reach: Reach,
    told: Receiver<Event>,
    now: Instant,
}

type Results = Receiver<Result<Answer, CallError>>;

impl Play {
    fn begin(url: &str) -> Play {
        let url = Url::parse(url).expect("a URL");
        let (sender, told) = channel();
        let sink = Box::new(move |event| drop(sender.send(event)));
        let (first, _) = sync_channel(1);
        let made = Engine::new(&url, &Options::default(), sink, first);
        let (engine, reach) = made.expect("an engine");
        let mut play = Play { engine, reach, told, now: Instant::now() };
        play.step();
        play
    }

    /// Begins with a server that has let it in; gives that, and where the client is.
    fn begin_over_udp() -> (Play, UdpSocket, SocketAddr) {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        server.set_read_timeout(Some(PATIENCE)).expect("set");
        let address = server.local_addr().expect("an address");
        let mut play = Play::begin(&format!("udp://{address}"));
        let (ping, client) = hear(&server);
        assert_eq!(ping["type"], "ping");
        let answer = format!(r#"{{"type":"error","id":{},"text":"Join first"}}"#, ping["id"]);
        server.send_to(answer.as_bytes(), client).expect("sent");
        play.is_let_in();
        (play, server, client)
    }

    fn step(&mut self) {
        self.engine.take_inputs(self.now);
        self.engine.go_on(self.now);
        self.engine.tell();
    }

    /// Waits until something is there to be read, and leaves it there.
    fn wait(&mut self) {
        let (mut events, until) = (Events::with_capacity(16), Instant::now() + PATIENCE);
        while !events.iter().any(|event| event.token() == SOCKET && event.is_readable()) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing comes");
            self.engine.poll.poll(&mut events, Some(left)).expect("polled");
        }
    }

    /// Lets the server's answer in.
    fn is_let_in(&mut self) {
        while !self.engine.session.is_ready() {
            self.wait();
            self.step();
        }
    }

    fn call(&mut self, call: Call) -> Results {
        let (sender, results) = channel();
        let callback = Box::new(move |result| drop(sender.send(result)));
        let Ok(done) = Done::new(callback, &Arc::default(), 1) else { panic!("there is room") };
        self.reach.0.send(Input::Call(call, done)).expect("an engine");
        self.step();
        results
    }
}

/// The next request that comes, and where from.
fn hear(server: &UdpSocket) -> (Value, SocketAddr) {
    let mut buffer = [0; 1000];
    let (count, from) = server.recv_from(&mut buffer).expect("a datagram");
    (serde_json::from_slice(&buffer[..count]).expect("JSON"), from)
}

#[test]
fn what_came_while_a_callback_took_its_time_has_come_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let mut play = Play::begin(&format!("ndjson://{address}"));
    let (mut server, _) = listener.accept().expect("the client");
    server.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut requests = BufReader::new(server.try_clone().expect("a descriptor")).lines();
    let mut is_asked = |play: &mut Play| {
        // The connection is there; whether the client knows is another matter.
        play.step();
        requests.next().expect("a request").expect("a request")
    };
    assert_eq!(is_asked(&mut play), r#"{"type":"ping","id":1}"#);
    server.write_all(b"{\"type\":\"ack\",\"id\":1}\n").expect("sent");
    play.is_let_in();
    let users = play.call(Call::Users);
    assert_eq!(is_asked(&mut play), r#"{"type":"users","id":2}"#);
    server.write_all(b"{\"type\":\"users\",\"id\":2,\"users\":[]}\n").expect("sent");
    play.wait();
    play.now += Duration::from_secs(3600);
    play.step();
    assert_eq!(users.try_recv(), Ok(Ok(Answer::Users(Vec::new()))));
}

#[test]
fn a_network_that_loses_everything_is_noticed() {
    let (mut play, server, client) = Play::begin_over_udp();
    let hear = || hear(&server);
    let said = play.call(Call::Say { text: "anybody?".into() });
    let (request, _) = hear();
    assert_eq!(request["text"], "anybody?");
    for _ in 0..Options::default().udp_retries.max_retries {
        play.now = play.engine.wake_at().expect("a time");
        play.step();
        assert_eq!(hear(), (request.clone(), client), "from where it came before");
        assert!(said.try_recv().is_err() && play.told.try_recv().is_err());
    }
    play.now = play.engine.wake_at().expect("a time");
    play.step();
    assert_eq!(said.try_recv(), Ok(Err(CallError::NoAnswer)));
    assert!(matches!(play.told.try_recv(), Ok(Event::Disconnected { .. })));
    // The way back begins where the server knows the client.
    play.now = play.engine.wake_at().expect("a time");
    play.step();
    let (ping, from) = hear();
    assert!(ping["type"] == "ping" && from == client, "{ping}");
}

#[test]
fn who_goes_while_coming_in_says_goodbye_too() {
    let (mut play, server, client) = Play::begin_over_udp();
    let (room, name) = (Some("tea".into()), Some("ann".into()));
    let joined = play.call(Call::Join { room, name });
    let (join, _) = hear(&server);
    assert_eq!(join["type"], "join");
    play.reach.0.send(Input::Stop).expect("an engine");
    play.step();
    let id = &join["id"];
    let answer = format!(r#"{{"type":"ack","id":{id},"seq":1,"epoch":"e","token":"t"}}"#);
    server.send_to(answer.as_bytes(), client).expect("sent");
    play.wait();
    play.step();
    assert!(matches!(joined.try_recv(), Ok(Ok(Answer::Joined(_)))));
    assert_eq!(hear(&server).0["type"], "leave");
}
