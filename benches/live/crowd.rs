//! The load: many connections on one thread.
//!
//! What arrives is not parsed, but inflated where it has to be. Every answer and every message that is counted bears one byte that
//! nothing else in its scenario bears, and the crowd counts those.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::forms::{FORMS, Reader};
use crate::server::Server;

/// Requests to join that may be unanswered at once; fewer than a listener's queue holds.
const JOINING_MAX: usize = 64;

/// What is read at once.
const READ_BYTES: usize = 256 * 1024;

/// Which bytes are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    /// In what the figure is about.
    pub(crate) counted: u8,
    /// In what lets the connection that gets it speak again.
    pub(crate) cue: u8,
}

impl Marks {
    /// One byte for both.
    pub(crate) fn both(mark: u8) -> Marks {
        Marks { counted: mark, cue: mark }
    }
}

/// What one connection got in one turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Got {
    pub(crate) connection: usize,
    pub(crate) cues: usize,
}

/// How a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Speech {
    /// The index of its form in [`FORMS`].
    pub(crate) form: usize,
    pub(crate) tls: bool,
}

/// What talkers speak, and all where nothing else is said.
pub(crate) const USUAL: Speech = Speech { form: 0, tls: false };

/// In the place of a mark: what the answers to joining bear, in whatever form.
const JOINED: u8 = 0;

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

struct Connection {
    /// `None` once it is closed.
    stream: Option<Stream>,
    reader: Reader,
    joined: u8,
    /// What the kernel did not take yet.
    unsent: Vec<u8>,
}

pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    got: Vec<Got>,
    /// Marks counted since [`begin`](Self::begin).
    pub(crate) counted: u64,
    /// Requests sent since then.
    pub(crate) sent: u64,
    /// Connections that the server has closed.
    pub(crate) lost: usize,
}

impl Crowd {
    pub(crate) fn new() -> io::Result<Crowd> {
        Ok(Crowd {
            poll: Poll::new()?,
            events: Events::with_capacity(4096),
            connections: Vec::new(),
            buffer: vec![0; READ_BYTES],
            got: Vec::new(),
            counted: 0,
            sent: 0,
            lost: 0,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Opens one more connection, which says nothing yet.
    pub(crate) fn connect(&mut self, server: &Server, speech: Speech) -> io::Result<()> {
        let mut stream = std::net::TcpStream::connect(server.address(speech.form, speech.tls))?;
        stream.set_nodelay(true)?;
        let session = if speech.tls { Some(shake_hands(server, &mut stream)?) } else { None };
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let token = Token(self.connections.len());
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, token, both)?;
        let stream = match session {
            Some(session) => Stream::Tls(Box::new(StreamOwned::new(session, stream))),
            None => Stream::Plain(stream),
        };
        let form = &FORMS[speech.form];
        let (reader, joined) = ((form.reader)(), form.joined);
        self.connections.push(Connection {
            stream: Some(stream),
            reader,
            joined,
            unsent: Vec::new(),
        });
        Ok(())
    }

    /// Opens `count` connections more and lets them join: the room of each, if it is not the
    /// default one, and how it speaks is for `role` to say.
    pub(crate) fn join(
        &mut self,
        server: &Server,
        count: usize,
        deadline: Instant,
        role: impl Fn(usize) -> (Option<usize>, Speech),
    ) -> io::Result<()> {
        let begin = self.counted;
        let (mut asked, mut joined) = (0, 0);
        while joined < count {
            while asked < count && asked - joined < JOINING_MAX {
                let number = self.len();
                let (room, speech) = role(number);
                self.connect(server, speech)?;
                let room = room.map_or("general".to_owned(), |room| format!("r{room}"));
                self.send(number, &(FORMS[speech.form].join)(&format!("u{number}"), &room), 1);
                asked += 1;
            }
            self.turn(Marks::both(JOINED), deadline, |_, _| {});
            joined = (self.counted - begin) as usize;
            if joined < count && (Instant::now() >= deadline || self.lost > 0) {
                return Err(io::Error::other(format!(
                    "{joined} of {count} joined in the time given, {} were closed",
                    self.lost
                )));
            }
        }
        Ok(())
    }

    /// Waits until nothing more comes, then counts from zero.
    pub(crate) fn begin(&mut self, quiet: Duration, deadline: Instant) {
        loop {
            let until = deadline.min(Instant::now() + quiet);
            self.turn(Marks::both(JOINED), until, |_, _| {});
            if self.events.is_empty() || Instant::now() >= deadline {
                break;
            }
        }
        (self.counted, self.sent) = (0, 0);
    }

    /// Sends a request, several times over, from one connection.
    pub(crate) fn send(&mut self, connection: usize, request: &[u8], times: usize) {
        self.sent += times as u64;
        let connection = &mut self.connections[connection];
        for _ in 0..times {
            connection.unsent.extend_from_slice(request);
        }
        connection.flush();
    }

    /// Waits for events, until `deadline` at most; reads what there is to read. Then `act` is told
    /// who got cues.
    pub(crate) fn turn(
        &mut self,
        marks: Marks,
        deadline: Instant,
        act: impl FnOnce(&mut Crowd, &[Got]),
    ) {
        let timeout = deadline.saturating_duration_since(Instant::now());
        if self.poll.poll(&mut self.events, Some(timeout)).is_err() {
            // Interrupted: there is a next turn.
            return;
        }
        let mut got = std::mem::take(&mut self.got);
        for event in &self.events {
            let index = event.token().0;
            let connection = &mut self.connections[index];
            if event.is_writable() {
                connection.flush();
            }
            let was_open = connection.stream.is_some();
            let (counted, cues) = connection.read(&mut self.buffer, marks, event.is_read_closed());
            self.lost += usize::from(was_open && connection.stream.is_none());
            self.counted += counted as u64;
            if cues > 0 {
                got.push(Got { connection: index, cues });
            }
        }
        act(self, &got);
        got.clear();
        self.got = got;
    }
}

impl Connection {
    fn flush(&mut self) {
        let mut sent = 0;
        while sent < self.unsent.len()
            && let Some(stream) = &mut self.stream
        {
            match stream.write(&self.unsent[sent..]) {
                Ok(count) => sent += count,
                // Full: an event will tell when it is not. Broken: reading will notice.
                Err(_) => break,
            }
        }
        self.unsent.drain(..sent);
    }

    /// Reads until there is no more, or `to_end`; gives how many marks of each kind came.
    fn read(&mut self, buffer: &mut [u8], marks: Marks, to_end: bool) -> (usize, usize) {
        let or_joined = |mark| if mark == JOINED { self.joined } else { mark };
        let marks = [or_joined(marks.counted), or_joined(marks.cue)];
        let (mut counted, mut cues) = (0, 0);
        while let Some(stream) = &mut self.stream {
            match stream.read(buffer) {
                Ok(0) => self.stream = None,
                Ok(count) => {
                    let [counted_now, cues_now] = self.reader.count(&buffer[..count], marks);
                    counted += counted_now;
                    cues += cues_now;
                    // A short read means drained, unless the end is still to be read, or the rest
                    // is in another record.
                    let is_plain = matches!(stream, Stream::Plain(_));
                    if is_plain && count < buffer.len() && !to_end {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.stream = None,
            }
        }
        (counted, cues)
    }
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }
}

/// Begins TLS, to the end of the handshake.
fn shake_hands(server: &Server, stream: &mut std::net::TcpStream) -> io::Result<ClientConnection> {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate().clone()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let mut session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while session.is_handshaking() {
        session.complete_io(stream)?;
    }
    Ok(session)
}
