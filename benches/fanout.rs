//! What it costs to hand one message to one of many receivers.
//!
//! One talker sends 32 messages at once. The server's turns run in this thread and are timed; the
//! receivers' ends of the sockets are drained by another. The next messages go out when all have
//! arrived, so that no queue builds up: what slow receivers cost is not measured here.

#[path = "common/descriptors.rs"]
mod descriptors;
#[path = "common/exchange.rs"]
mod exchange;
#[path = "common/house.rs"]
mod house;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mio::{Events, Interest, Poll, Token};
use parlance::chat::dialect::{House, jsonrpc};

use exchange::{Exchange, Round, connect, time};

/// Messages that the talker sends at once.
const MESSAGES: usize = 32;

/// A byte that each message bears once, and nothing else that is sent.
const MARK: u8 = b'^';

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

fn fanout(c: &mut Criterion) {
    let descriptors_max = descriptors::raise_limit();
    for receivers in [10, 100, 1000] {
        if descriptors_max < 2 * receivers + 32 {
            eprintln!("fanout/{receivers}: left out, the limit is {descriptors_max} descriptors");
            continue;
        }
        let mut hall = None;
        c.bench_with_input(BenchmarkId::new("fanout", receivers), &receivers, |b, &receivers| {
            let hall = hall.get_or_insert_with(|| Hall::new(receivers));
            b.iter_custom(|iterations| time(iterations, hall.deliveries(), || hall.talk()));
        });
    }
}

/// A room with one talker and many who listen.
struct Hall {
    exchange: Exchange<House>,
    round: Round,
    receivers: u64,
    /// Messages that receivers were sent so far, all receivers together.
    due: u64,
    delivered: Arc<AtomicU64>,
}

impl Hall {
    fn new(receivers: usize) -> Hall {
        // Nobody is told of the others' joins.
        let (mut exchange, address) = Exchange::new(house::house(1), jsonrpc::service());
        exchange.ask(r#"{"method":"join_chat","params":{"username":"talker"}}"#);
        let message = format!("{}{}", MARK as char, "x".repeat(99));
        let request = format!(r#"{{"method":"send_message","params":{{"message":"{message}"}}}}"#);
        let round = exchange.round(&request, "Message sent successfully", MESSAGES);
        let sockets = (0..receivers).map(|number| join(&mut exchange, address, number)).collect();

        let delivered = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&delivered);
        // It ends when the server, going down, closes the connections.
        thread::spawn(move || drain(sockets, &counter));
        Hall { exchange, round, receivers: receivers as u64, due: 0, delivered }
    }

    /// How many deliveries a round comes to.
    fn deliveries(&self) -> u64 {
        self.round.count as u64 * self.receivers
    }

    /// Lets the talker send its messages; gives how long the server worked to deliver them.
    fn talk(&mut self) -> Duration {
        let worked = self.exchange.play(&self.round);
        self.due += self.deliveries();
        let begin = Instant::now();
        while self.delivered.load(Ordering::Relaxed) < self.due {
            // In case a socket was full. As a rule nothing is left to do, so it is not timed.
            self.exchange.turn();
            thread::yield_now();
            assert!(begin.elapsed() < PATIENCE, "messages are missing");
        }
        worked
    }
}

/// Connects one more receiver and waits until it is in the room.
fn join(exchange: &mut Exchange<House>, address: SocketAddr, number: usize) -> TcpStream {
    let mut socket = connect(address);
    let request = format!(r#"{{"method":"join_chat","params":{{"username":"u{number}"}}}}"#);
    socket.write_all(request.as_bytes()).expect("room in a socket that is empty");
    let begin = Instant::now();
    loop {
        exchange.turn();
        let chat = &exchange.server.state().chat;
        let room = chat.room(chat.default_room()).expect("the default room always exists");
        if room.members == number + 2 {
            return socket;
        }
        assert!(begin.elapsed() < PATIENCE, "receiver {number} cannot join");
    }
}

/// Reads and counts until the last connection closes.
fn drain(sockets: Vec<TcpStream>, delivered: &AtomicU64) {
    let mut poll = Poll::new().expect("an event queue");
    let mut sockets: Vec<_> = (sockets.into_iter().enumerate())
        .map(|(number, socket)| {
            let mut socket = mio::net::TcpStream::from_std(socket);
            let registry = poll.registry();
            registry.register(&mut socket, Token(number), Interest::READABLE).expect("a socket");
            Some(socket)
        })
        .collect();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    let mut open = sockets.len();
    while open > 0 {
        if poll.poll(&mut events, None).is_err() {
            continue;
        }
        for event in &events {
            let slot = &mut sockets[event.token().0];
            while let Some(socket) = slot {
                match socket.read(&mut buffer) {
                    Ok(count) if count > 0 => {
                        let marks = buffer[..count].iter().filter(|&&byte| byte == MARK).count();
                        delivered.fetch_add(marks as u64, Ordering::Relaxed);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    _ => {
                        open -= 1;
                        *slot = None;
                    }
                }
            }
        }
    }
}

criterion_group!(benches, fanout);
criterion_main!(benches);
