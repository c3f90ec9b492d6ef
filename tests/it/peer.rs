//! A client that knows nothing but bytes.
//!
//! It never waits to see that *nothing* comes: that is proven by something that must come after it,
//! or by the end of the stream ([`Peer::finish`]).

use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::schema::Tap;
use crate::support::PATIENCE;

/// One TCP connection, as its client sees it.
pub(crate) struct Peer {
    stream: TcpStream,
    /// Held by whom [`Peer::pour`] has sending.
    pouring: Arc<Mutex<()>>,
    /// Holds what is received to the schemas of a dialect.
    tap: Option<Tap>,
}

impl Peer {
    /// Connects.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Peer {
        let stream = TcpStream::connect(address).expect("a connection");
        Peer::over(stream)
    }

    /// Connects with a small receive buffer, so that little is under way unread.
    #[track_caller]
    pub(crate) fn connect_narrow(address: SocketAddr) -> Peer {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            None,
        )
        .expect("a socket");
        socket.set_recv_buffer_size(64 * 1024).expect("a small receive buffer");
        socket.set_send_buffer_size(64 * 1024).expect("a small send buffer");
        socket.connect(&address.into()).expect("a connection");
        Peer::over(socket.into())
    }

    /// Goes on with a connection that is there already.
    #[track_caller]
    pub(crate) fn over(stream: TcpStream) -> Peer {
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Peer { stream, pouring: Arc::default(), tap: None }
    }

    /// From now on, before anything was read, all that is received is held to the dialect's schemas.
    pub(crate) fn speaking(mut self, dialect: &'static str) -> Peer {
        self.tap = Some(Tap::new(dialect));
        self
    }

    /// This end's address, as the server sees it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("an address")
    }

    /// This end's port.
    pub(crate) fn port(&self) -> u16 {
        self.address().port()
    }

    /// The socket, for what this type does not do.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    // ---- sending -------------------------------------------------------------------------------

    /// Sends bytes in one write.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("sent");
    }

    /// The same, of what the other end may take no more. Says whether it does.
    #[track_caller]
    pub(crate) fn sends(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        match self.stream.write_all(bytes.as_ref()) {
            Err(error)
                if [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()) =>
            {
                false
            }
            sent => {
                sent.expect("sent");
                true
            }
        }
    }

    /// Sends bytes one at a time, each in a segment of its own.
    #[track_caller]
    pub(crate) fn send_slowly(&mut self, bytes: impl AsRef<[u8]>) {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
    }

    /// Sends from another thread, for what is more than the two ends' buffers hold. The thread
    /// gives what its last write came to.
    pub(crate) fn pour(&self, bytes: impl AsRef<[u8]> + Send + 'static) -> Pouring {
        let mut stream = self.stream.try_clone().expect("a second handle");
        let pouring = Arc::clone(&self.pouring);
        std::thread::spawn(move || {
            let _alone = pouring.lock();
            stream.write_all(bytes.as_ref())
        })
    }

    /// Sends a few bytes that are a whole by themselves, unless something is being poured, or the
    /// other end takes nothing more.
    #[track_caller]
    pub(crate) fn slip_in(&mut self, bytes: impl AsRef<[u8]>) {
        let pouring = Arc::clone(&self.pouring);
        if let Ok(_alone) = pouring.try_lock() {
            self.sends(bytes);
        }
    }

    /// Ends this side's output.
    #[track_caller]
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("half-closed");
    }

    /// Goes away with a reset instead of an orderly end.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("linger set");
    }

    // ---- receiving -----------------------------------------------------------------------------

    /// Reads exactly as many bytes as `expected` has, and compares.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let more = self.read_some(expected.len() - got.len());
            let Some(more) = more else { mismatch(expected, &got, "then the stream ended") };
            let differs = !expected[got.len()..].starts_with(&more);
            got.extend_from_slice(&more);
            if differs {
                self.read_what_is_there(&mut got);
                mismatch(expected, &got, "which differs");
            }
        }
    }

    /// Sends a request and expects an answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>, answer: impl AsRef<[u8]>) {
        self.send(request);
        self.expect(answer);
    }

    /// Reads exactly so many bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut got = vec![0; count];
        self.stream.read_exact(&mut got).expect("so many bytes");
        self.note(&got);
        got
    }

    /// Reads to the end of the stream; also says whether that end was a reset.
    #[track_caller]
    pub(crate) fn take_all(&mut self) -> (Vec<u8>, bool) {
        let mut got = Vec::new();
        let end = self.stream.read_to_end(&mut got);
        self.note(&got);
        match end {
            Ok(_) => (got, false),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (got, true),
            Err(error) => panic!("{error} after {}", show(&got)),
        }
    }

    /// Expects the orderly end of the stream and nothing before it.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        if let Some(more) = self.read_some(4096) {
            panic!("expected the end of the stream, got {}", show(&more));
        }
    }

    /// Expects that the connection is gone, however, and nothing before that.
    #[track_caller]
    pub(crate) fn expect_reset_or_close(&mut self) {
        let (got, _) = self.take_all();
        assert!(got.is_empty(), "expected the end of the stream, got {}", show(&got));
    }

    /// Proves that nothing else was received: ends this side, and expects that the other ends too.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        self.half_close();
        self.expect_close();
    }

    /// The next bytes, at most `count`; `None` at the end of the stream.
    #[track_caller]
    fn read_some(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut buffer = vec![0; count.min(64 * 1024)];
        match self.stream.read(&mut buffer) {
            Ok(0) => None,
            Ok(got) => {
                buffer.truncate(got);
                self.note(&buffer);
                Some(buffer)
            }
            Err(error) => panic!("expected {count} more bytes, got: {error}"),
        }
    }

    fn note(&mut self, received: &[u8]) {
        if let Some(tap) = &mut self.tap {
            tap.note(received);
        }
    }

    /// Appends what has arrived already, to show it.
    fn read_what_is_there(&mut self, got: &mut Vec<u8>) {
        let mut buffer = [0; 4096];
        self.stream.set_nonblocking(true).expect("set");
        if let Ok(more) = self.stream.read(&mut buffer) {
            got.extend_from_slice(&buffer[..more]);
        }
    }
}

/// What [`Peer::pour`] gives.
pub(crate) type Pouring = JoinHandle<std::io::Result<()>>;

#[track_caller]
fn mismatch(expected: &[u8], got: &[u8], what: &str) -> ! {
    panic!("\nexpected {}\ngot      {}\n{what}", show(expected), show(got))
}

/// Bytes for a person to read, not too many of them.
fn show(bytes: &[u8]) -> String {
    const SHOWN: usize = 2000;
    let text: String = String::from_utf8_lossy(bytes).chars().take(SHOWN).collect();
    format!("{} bytes: {text:?}", bytes.len())
}
