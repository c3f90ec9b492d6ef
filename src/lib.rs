//! parlance: a small chat daemon, clients for it, and the event loop beneath it as a library.
//!
//! The crate has three parts. [`rpc`] is the transport: one thread, one `mio` poll, non-blocking
//! sockets, a table of methods, and groups of connections that are told the same thing for the
//! price of one encoding. It knows nothing of chat and is all there is with
//! `default-features = false`. `client` (a feature of its name) speaks with the daemon through any
//! of its doors; `terminal` is `parlance chat`, on top of it. The rest is the daemon: `chat`, a
//! machine without sockets that holds users, rooms and history; its `dialect`s, which join it to
//! wire protocols; `config`, `store` and `daemon`, which make a process of it.
//!
//! # A tour
//!
//! A server is a state, some listeners and a loop. Handlers are plain functions:
//!
//! ```
//! use parlance::rpc::{Call, JsonRpc, Outcome, Server};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! fn greet(greeted: &mut u32, call: &mut Call<'_, u32>) -> Outcome {
//!     let (name,): (String,) = call.params()?;
//!     *greeted += 1;
//!     call.answer(&format!("Hello, {name}, you are number {greeted}"))
//! }
//!
//! let mut server = Server::new(0)?;
//! let address = server.listen("127.0.0.1:0", JsonRpc::new().method("greet", greet))?;
//! let handle = server.handle();
//!
//! let client = std::thread::spawn(move || -> std::io::Result<String> {
//!     let mut stream = TcpStream::connect(address)?;
//!     stream.write_all(br#"{"jsonrpc":"2.0","method":"greet","params":["Ada"],"id":1}"#)?;
//!     stream.shutdown(std::net::Shutdown::Write)?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer)?;
//!     handle.stop();
//!     Ok(answer)
//! });
//!
//! server.run()?;
//! let answer = client.join().unwrap()?;
//! assert_eq!(
//!     answer,
//!     "{\"jsonrpc\":\"2.0\",\"result\":\"Hello, Ada, you are number 1\",\"id\":1}\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Telling many at once, slow methods and other protocols: see [`rpc`].

#[cfg(feature = "daemon")]
pub mod chat;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "daemon")]
pub mod config;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(any(feature = "daemon", feature = "client"))]
mod nearest;
pub mod rpc;
#[cfg(feature = "daemon")]
pub mod store;
#[cfg(feature = "terminal")]
pub mod terminal;
#[cfg(all(test, feature = "daemon"))]
mod testing;

/// The README's examples are compiled with the others.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
