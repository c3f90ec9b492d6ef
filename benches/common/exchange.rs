//! A server and one connection to it, both driven by one thread, the server's share timed.
//!
//! There is no other way in than a socket, so each figure contains the kernel's part: a `read` for
//! every 64 KiB of requests and a `write` a turn. What the client's end does is not timed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use parlance::rpc::{Server, Service};

/// What the server reads in one turn, and so what a round of requests comes to.
const ROUND_BYTES: usize = 64 * 1024;

/// After this long without a byte something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Exchange<S: 'static> {
    pub(crate) server: Server<S>,
    client: TcpStream,
    buffer: Vec<u8>,
}

/// Requests to send at once, and how many bytes will answer them.
pub(crate) struct Round {
    pub(crate) requests: Vec<u8>,
    pub(crate) count: usize,
    answer_bytes: usize,
}

impl<S: 'static> Exchange<S> {
    /// The exchange, and the address for more connections to its server.
    pub(crate) fn new(state: S, service: impl Service<S> + 'static) -> (Exchange<S>, SocketAddr) {
        let mut server = Server::new(state).expect("an event queue");
        let address = server.listen("127.0.0.1:0", service).expect("a free port");
        let client = connect(address);
        let mut exchange = Exchange { server, client, buffer: vec![0; 256 * 1024] };
        exchange.turn();
        (exchange, address)
    }

    /// Sends one request and gives all that comes back.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        let mut answer = Vec::new();
        let begin = Instant::now();
        self.client.write_all(request.as_bytes()).expect("room in a socket that is empty");
        loop {
            self.turn();
            let count = self.read();
            answer.extend_from_slice(&self.buffer[..count]);
            if count == 0 && !answer.is_empty() {
                return String::from_utf8(answer).expect("answers are text");
            }
            assert!(begin.elapsed() < PATIENCE, "no answer to {request}");
        }
    }

    /// Prepares a round of as many requests as fit, or `count_max`; each must be answered by what
    /// contains `expected`, in always as many bytes.
    pub(crate) fn round(&mut self, request: &str, expected: &str, count_max: usize) -> Round {
        let answer = self.ask(request);
        assert!(answer.contains(expected), "{request} is answered {answer}");
        let count = (ROUND_BYTES / request.len()).min(count_max);
        let requests = request.repeat(count).into_bytes();
        Round { requests, count, answer_bytes: count * answer.len() }
    }

    /// Sends a round and takes the answers; gives how long the server worked on it.
    pub(crate) fn play(&mut self, round: &Round) -> Duration {
        let (mut sent, mut got) = (0, 0);
        let mut worked = Duration::ZERO;
        let begin = Instant::now();
        while got < round.answer_bytes {
            sent += self.write(&round.requests[sent..]);
            worked += self.turn();
            loop {
                let count = self.read();
                if count == 0 {
                    break;
                }
                got += count;
            }
            assert!(begin.elapsed() < PATIENCE, "{got} of {} bytes came", round.answer_bytes);
        }
        assert_eq!(got, round.answer_bytes);
        worked
    }

    /// One turn of the server; gives how long it took.
    pub(crate) fn turn(&mut self) -> Duration {
        let begin = Instant::now();
        self.server.turn(Some(Duration::ZERO)).expect("an event queue");
        begin.elapsed()
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        match self.client.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            result => result.expect("a connection that is open"),
        }
    }

    fn read(&mut self) -> usize {
        match self.client.read(&mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Ok(0) => panic!("the server has closed the connection"),
            result => result.expect("a connection that is open"),
        }
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).expect("a listener that listens");
    client.set_nonblocking(true).expect("a socket");
    client.set_nodelay(true).expect("a socket");
    client
}

/// Plays rounds until `iterations` of their `each` parts have been had; gives the time those took.
pub(crate) fn time(iterations: u64, each: u64, mut play: impl FnMut() -> Duration) -> Duration {
    let rounds = iterations.div_ceil(each);
    let worked: Duration = (0..rounds).map(|_| play()).sum();
    worked.mul_f64(iterations as f64 / (rounds * each) as f64)
}
