//! The transport: a single-threaded event loop for services of many connections.
//!
//! One thread owns every socket and all state, so handlers are plain functions over `&mut State`
//! and need no locks. What a handler wants done it asks of [`Effects`]; the loop does it at the end
//! of the turn, one write a connection. This module knows nothing of chat, and builds on `mio`,
//! `serde`, `serde_json`, `slab` and `log` alone (`default-features = false`).
//!
//! # A service in ten lines
//!
//! ```no_run
//! use parlance::rpc::{Call, JsonRpc, Outcome, Server};
//!
//! fn add(_: &mut (), call: &mut Call<'_, ()>) -> Outcome {
//!     let (a, b): (i64, i64) = call.params()?;
//!     call.answer(&(a + b))
//! }
//!
//! let mut server = Server::new(())?;
//! server.listen("127.0.0.1:4000", JsonRpc::new().method("add", add))?;
//! server.run()?;
//! # Ok::<(), parlance::rpc::Error>(())
//! ```
//!
//! ```text
//! $ echo '{"jsonrpc":"2.0","method":"add","params":[1,2],"id":7}' | nc -N 127.0.0.1 4000
//! {"jsonrpc":"2.0","result":3,"id":7}
//! ```
//!
//! # Telling many at once
//!
//! A *group* is a set of connections that receive the same bytes. What is published to it is
//! encoded once, whatever the number of its members, and all that is published in one turn reaches
//! a member in one write.
//!
//! ```
//! use parlance::rpc::{Call, ConnId, Effects, GroupId, JsonRpc, Outcome, Server, json};
//! use std::io::{Read, Write};
//! # use std::net::TcpStream;
//!
//! struct Hall {
//!     everyone: GroupId,
//! }
//!
//! fn arrived(hall: &mut Hall, fx: &mut Effects<Hall>, conn: ConnId) {
//!     fx.join_group(hall.everyone, conn);
//! }
//!
//! fn shout(hall: &mut Hall, call: &mut Call<'_, Hall>) -> Outcome {
//!     let (text,): (String,) = call.params()?;
//!     let caller = call.conn();
//!     call.fx.publish(hall.everyone, Some(caller), |out| {
//!         out.extend_from_slice(b"{\"heard\":");
//!         json::string(&text, out);
//!         out.extend_from_slice(b"}\n");
//!     });
//!     call.answer(&call.fx.group_len(hall.everyone))
//! }
//!
//! # fn client(address: std::net::SocketAddr) -> std::io::Result<()> {
//! # let mut listening = TcpStream::connect(address)?;
//! # listening.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"shout\",\"params\":[\"\"],\"id\":0}")?;
//! # let mut bytes = [0; 38];
//! # listening.read_exact(&mut bytes[..36])?;
//! # let mut shouting = TcpStream::connect(address)?;
//! # shouting.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"shout\",\"params\":[\"hi\"]}")?;
//! # listening.read_exact(&mut bytes[..15])?;
//! # assert_eq!(&bytes[..15], b"{\"heard\":\"hi\"}\n");
//! # Ok(()) }
//! let mut server = Server::with(|fx| Hall { everyone: fx.new_group() })?;
//! let service = JsonRpc::new().on_opened(arrived).method("shout", shout);
//! let address = server.listen("127.0.0.1:0", service)?;
//! # let handle = server.handle();
//! # let peer = std::thread::spawn(move || { let r = client(address); handle.stop(); r });
//! server.run()?;
//! # peer.join().unwrap().unwrap();
//! # Ok::<(), parlance::rpc::Error>(())
//! ```
//!
//! # What takes long
//!
//! Nothing may block the loop. A slow method runs on a worker thread and answers when it is done;
//! the loop goes on meanwhile.
//!
//! ```
//! use parlance::rpc::{Call, CallError, JsonRpc, Outcome, Server};
//! # use std::io::{Read, Write};
//!
//! struct Counters {
//!     primes_asked_for: u32,
//! }
//!
//! fn is_prime(_: &mut Counters, call: &mut Call<'_, Counters>) -> Outcome {
//!     let (n,): (u64,) = call.params()?;
//!     call.work(
//!         move || n > 1 && (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0),
//!         |counters, _, prime| {
//!             counters.primes_asked_for += 1;
//!             Ok::<bool, CallError>(prime?)
//!         },
//!     )
//! }
//!
//! let mut server = Server::new(Counters { primes_asked_for: 0 })?;
//! let address = server.listen("127.0.0.1:0", JsonRpc::new().method("is_prime", is_prime))?;
//! # let handle = server.handle();
//! # let peer = std::thread::spawn(move || {
//! #     let mut peer = std::net::TcpStream::connect(address).unwrap();
//! #     peer.write_all(br#"{"jsonrpc":"2.0","method":"is_prime","params":[65537],"id":1}"#).unwrap();
//! #     let mut answer = [0; 39];
//! #     peer.read_exact(&mut answer).unwrap();
//! #     assert_eq!(&answer, b"{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":1}\n");
//! #     handle.stop();
//! # });
//! server.run()?;
//! # peer.join().unwrap();
//! # assert_eq!(server.state().primes_asked_for, 1);
//! # Ok::<(), parlance::rpc::Error>(())
//! ```
//!
//! An answer that waits for something else than a worker, another client for instance, is left open
//! with [`Call::defer`] and given later by [`CallTicket::settle`].
//!
//! # Other protocols
//!
//! [`JsonRpc`] is one [`Service`]: a framing, an envelope and a table of methods. For another wire
//! protocol implement [`Service`] over one of the [`framing`]s, or over a [`framing::Framing`] of
//! your own. One server listens for any number of services, on any number of addresses, and all of
//! them share the state.
//!
//! # Datagrams
//!
//! Whoever sends datagrams (UDP) to a listener that [`Effects::listen_datagrams`] opened is a
//! stranger, until the service admits it ([`Service::stranger`]). Then it is a connection like any
//! other, with an id, a session, groups and tickets, named by its address alone. A datagram is a
//! frame, whole: no framing is asked. What such a peer is sent or published are frames with their
//! length in front ([`framing::length_prefix::frame`]), and each leaves as one datagram, without the
//! length; so a group may have members over TCP and over UDP.
//!
//! ```
//! use parlance::rpc::framing::{Fault, Framing, LengthPrefix, length_prefix};
//! use parlance::rpc::{Accepted, Admission, ConnId, Effects, Server, Service};
//! use std::net::{SocketAddr, UdpSocket};
//! use std::time::Duration;
//!
//! struct Echo;
//!
//! impl Service<()> for Echo {
//!     fn stranger(
//!         &self,
//!         _: &mut (),
//!         _: &mut Effects<()>,
//!         _: SocketAddr,
//!         datagram: &[u8],
//!         reply: &mut Vec<u8>,
//!     ) -> Option<Admission> {
//!         if datagram == b"hello" {
//!             return Some(Admission { confirmed: false, patience: Duration::from_secs(60) });
//!         }
//!         reply.extend_from_slice(b"who?");
//!         None
//!     }
//!
//!     fn frame(&self, _: &mut (), fx: &mut Effects<()>, conn: ConnId, datagram: &[u8]) {
//!         fx.send_with(conn, |out| {
//!             let start = out.len();
//!             out.extend_from_slice(datagram);
//!             length_prefix::frame(out, start);
//!         });
//!     }
//!
//!     // Where it is listened for over TCP.
//!     fn framing(&self, _: &(), _: &Accepted) -> Box<dyn Framing> {
//!         Box::new(LengthPrefix::new(8 * 1024))
//!     }
//!
//!     fn fault(&self, _: &mut (), _: &mut Effects<()>, _: ConnId, _: Fault) {}
//! }
//!
//! # fn client(address: SocketAddr) -> std::io::Result<()> {
//! # let socket = UdpSocket::bind("127.0.0.1:0")?;
//! # socket.connect(address)?;
//! # let mut bytes = [0; 16];
//! # for (sent, got) in [("hi there", "who?"), ("hello", "hello"), ("hi there", "hi there")] {
//! #     socket.send(sent.as_bytes())?;
//! #     let count = socket.recv(&mut bytes)?;
//! #     assert_eq!(&bytes[..count], got.as_bytes());
//! # }
//! # Ok(()) }
//! let mut server = Server::new(())?;
//! let address = server.listen_datagrams("127.0.0.1:0", Echo)?;
//! # let handle = server.handle();
//! # let peer = std::thread::spawn(move || { let r = client(address); handle.stop(); r });
//! server.run()?;
//! # peer.join().unwrap().unwrap();
//! # Ok::<(), parlance::rpc::Error>(())
//! ```
//!
//! What UDP does not promise is not promised here either. A frame that is too long
//! ([`Limits::datagram_bytes`]) or that the socket would block on is dropped, never kept. A datagram
//! is dropped that comes too soon after others of the same peer ([`Limits::datagrams_per_s`]), while
//! an answer is awaited under [`Meanwhile::Wait`], or while the connection closes. An empty one says
//! only that its peer is there. A stranger's reply is no longer than what it sent, and until
//! [`Effects::confirm`] an unconfirmed peer is sent at most three times the bytes that came from it,
//! answers before events: nobody can have this server flood somebody else. A peer that is silent for
//! longer than its patience ends with [`End::Silent`].
//!
//! # What it takes care of
//!
//! - Hostile input: frames, nesting and batches are bounded ([`JsonLimits`]); nothing is allocated
//!   because a peer claims a size.
//! - Slow readers: unsent output is bounded ([`Limits`]), a peer that asks faster than it listens is
//!   not read meanwhile, and nobody waits for anybody.
//! - Fairness: what one connection may do in a turn is bounded, and so is the turn.
//! - Closing: the last error arrives, since a closing connection's input is discarded for a while.
//! - Lost jobs: a job that panics answers with an internal error.
//!
//! Features add TLS (`tls`), HTTP upgraded to WebSocket (`websocket`) and zlib packages (`zlib`).
//!
//! Not here: name resolution off the loop, and any thread but the workers.

mod call;
mod connection;
mod datagram;
mod deferred;
mod dispatch;
mod effects;
mod envelope;
mod error;
mod flush;
pub mod framing;
mod group;
mod handle;
pub mod json;
mod limits;
mod link;
mod listener;
mod outbox;
mod receive;
mod registry;
mod reply;
mod server;
mod service;
mod timer;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod worker;

#[cfg(feature = "fuzzing")]
pub use envelope::fuzz as fuzz_envelope;

pub use call::{Call, CallTicket, Outcome, Replied};
pub use connection::{ConnId, End};
pub use deferred::{Meanwhile, Ticket};
pub use effects::{Effects, ServiceId};
pub use error::Error;
pub use group::GroupId;
pub use handle::Handle;
pub use limits::Limits;
pub use listener::ListenerId;
pub use registry::{CLASSIC, Handler, Hook, JsonLimits, JsonRpc, VERSION_2};
pub use reply::CallError;
pub use server::Server;
pub use service::{Accepted, Admission, Service};
pub use timer::TimerId;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
pub use worker::{Busy, Lost};
