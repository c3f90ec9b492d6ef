//! What it costs to hand one message to one of many receivers.
//!
//! One talker sends 32 messages at once. The server's turns run in this thread and are timed; the
//! receivers' ends of the sockets are drained by another. The next messages go out when all have
//! arrived, so that no queue builds up: what slow receivers cost is not measured here.

#[path = "common/descriptors.rs"]
mod descriptors;
#[path = "common/exchange.rs"]
mod exchange;
#[path = "common/forms.rs"]
mod forms;
#[path = "common/house.rs"]
mod house;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use mio::{Events, Interest, Poll, Registry, Token};
use parlance::chat::dialect::{House, jsonrpc, udp};

use exchange::{Exchange, Round, connect, time};
use forms::{AccountsFolder, FORMS, Form, Reader};

/// Messages that the talker sends at once.
const MESSAGES: usize = 32;

/// A byte that each message bears once, and nothing else that is sent.
const MARK: u8 = b'^';

/// The form of datagrams, which stands apart from the others: these come over streams.
static UDP: Form = Form {
    name: "udp",
    service: |fx| fx.add_service(udp::service()),
    join: |name, room| {
        format!(r#"{{"type":"join","id":1,"room":"{room}","user":"{name}"}}"#).into()
    },
    joined: b'k',
    reader: || Reader::Plain,
};

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

fn fanout(c: &mut Criterion) {
    for receivers in [10, 100, 1000] {
        measure(c, "jsonrpc", receivers, &[&FORMS[0]]);
    }
    for form in &FORMS[1..] {
        measure(c, form.name, 100, &[form]);
    }
    measure(c, UDP.name, 100, &[&UDP]);
    let all: Vec<&Form> = FORMS.iter().collect();
    for receivers in [100, 1000] {
        measure(c, "mixed", receivers, &all);
    }
}

/// Receivers are sent these forms in turn.
fn measure(c: &mut Criterion, name: &str, receivers: usize, forms: &[&'static Form]) {
    let descriptors_max = descriptors::raise_limit();
    if descriptors_max < 2 * receivers + 64 {
        eprintln!("fanout/{name}/{receivers}: left out, at most {descriptors_max} descriptors");
        return;
    }
    let mut hall = None;
    c.bench_function(&format!("fanout/{name}/{receivers}"), |b| {
        let hall = hall.get_or_insert_with(|| Hall::new(receivers, forms));
        b.iter_custom(|iterations| time(iterations, hall.deliveries(), || hall.talk()));
    });
}

/// A room with one talker and many who listen.
struct Hall {
    exchange: Exchange<House>,
    round: Round,
    receivers: u64,
    /// Messages that receivers were sent so far, all receivers together.
    due: u64,
    delivered: Arc<AtomicU64>,
    _accounts: AccountsFolder,
}

impl Hall {
    fn new(receivers: usize, forms: &[&'static Form]) -> Hall {
        // Nobody is told of the others' joins.
        let (mut exchange, _) = Exchange::new(house::house(1), jsonrpc::service());
        let accounts = AccountsFolder::new().expect("a temporary folder");
        accounts.open(&mut exchange.server);
        exchange.ask(r#"{"method":"join_chat","params":{"username":"talker"}}"#);
        let message = format!("{}{}", MARK as char, "x".repeat(99));
        let request = format!(r#"{{"method":"send_message","params":{{"message":"{message}"}}}}"#);
        let round = exchange.round(&request, "Message sent successfully", MESSAGES);
        let addresses: Vec<_> = forms
            .iter()
            .map(|form| {
                let fx = exchange.server.effects();
                let service = (form.service)(fx);
                let listener = match form.name == UDP.name {
                    false => fx.listen("127.0.0.1:0", service),
                    true => fx.listen_datagrams("127.0.0.1:0", service),
                };
                let listener = listener.expect("a free port");
                fx.listener_addr(listener).expect("a listener just opened is there")
            })
            .collect();
        let ears = (0..receivers)
            .map(|number| {
                let turn = number % forms.len();
                let ear = Ear::connect(forms[turn], addresses[turn]);
                join(&mut exchange, ear, forms[turn], number)
            })
            .collect();

        let delivered = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&delivered);
        // It ends when the server, going down, closes the connections, or with the process.
        thread::spawn(move || drain(ears, &counter));
        Hall {
            exchange,
            round,
            receivers: receivers as u64,
            due: 0,
            delivered,
            _accounts: accounts,
        }
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

/// Has a receiver join and waits until it has, with all answers.
fn join(exchange: &mut Exchange<House>, mut ear: Ear, form: &Form, number: usize) -> (Ear, Reader) {
    let request = (form.join)(&format!("u{number}"), "general");
    ear.send(&request).expect("room in a socket that is empty");
    let mut reader = (form.reader)();
    let mut buffer = [0; 4096];
    let begin = Instant::now();
    loop {
        exchange.turn();
        match ear.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            result => {
                let count = result.expect("a connection that is open");
                if reader.count(&buffer[..count], [form.joined; 2])[0] > 0 {
                    break;
                }
            }
        }
        assert!(begin.elapsed() < PATIENCE, "receiver {number} cannot join");
    }
    let chat = &exchange.server.state().chat;
    let room = chat.room(chat.default_room()).expect("the default room always exists");
    assert_eq!(room.members, number + 2, "receiver {number} was refused");
    (ear, reader)
}

/// A receiver's end.
enum Ear {
    Stream(mio::net::TcpStream),
    Datagrams(mio::net::UdpSocket),
}

impl Ear {
    fn connect(form: &Form, address: SocketAddr) -> Ear {
        if form.name != UDP.name {
            return Ear::Stream(mio::net::TcpStream::from_std(connect(address)));
        }
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(address).expect("an address");
        socket.set_nonblocking(true).expect("a socket");
        Ear::Datagrams(mio::net::UdpSocket::from_std(socket))
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        match self {
            Ear::Stream(stream) => stream.write_all(request),
            Ear::Datagrams(socket) => socket.send(request).map(drop),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Ear::Stream(stream) => stream.read(buffer),
            Ear::Datagrams(socket) => socket.recv(buffer),
        }
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Ear::Stream(stream) => registry.register(stream, token, Interest::READABLE),
            Ear::Datagrams(socket) => registry.register(socket, token, Interest::READABLE),
        }
    }
}

/// Reads and counts until the last connection closes.
fn drain(ears: Vec<(Ear, Reader)>, delivered: &AtomicU64) {
    let mut poll = Poll::new().expect("an event queue");
    let mut ears: Vec<_> = (ears.into_iter().enumerate())
        .map(|(number, (mut ear, reader))| {
            ear.register(poll.registry(), Token(number)).expect("a socket");
            Some((ear, reader))
        })
        .collect();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    let mut open = ears.len();
    while open > 0 {
        if poll.poll(&mut events, None).is_err() {
            continue;
        }
        for event in &events {
            let slot = &mut ears[event.token().0];
            while let Some((ear, reader)) = slot {
                match ear.read(&mut buffer) {
                    Ok(count) if count > 0 => {
                        let marks = reader.count(&buffer[..count], [MARK; 2])[0];
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
