//! The client: one small type that speaks with a daemon through any of its six doors.
//!
//! A [`Url`] says which door: `jsonrpc://`, `ws://`, `wss://`, `accounts://`, `chatmaster://`,
//! `ndjson://` or `udp://`. The calls ([`Call`]) and the events ([`Event`]) are the same behind all
//! of them; what a door has no way to ask for is [`CallError::NotOffered`].
//!
//! ```no_run
//! use parlance::client::{Client, Event, Happening};
//!
//! let client = Client::connect("ndjson://127.0.0.1")?;
//! client.join("general", "Echo")?;
//! while let Some(event) = client.next_event(None) {
//!     if let Event::Room { what: Happening::Message(message), .. } = event
//!         && message.text == "!ping"
//!     {
//!         client.say(&format!("{}: pong", message.from))?;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Calls
//!
//! [`Client::call`] waits for the answer, [`Client::submit`] returns at once and calls back; the
//! other methods are short for the first. For those who know the small client of the `jsonrpc`
//! protocol's first description:
//!
//! | there | here |
//! | --- | --- |
//! | `SimpleChatClient(host, port)`, `connect()` | [`Client::connect`] |
//! | `join_chat(username)` | [`Client::join`] |
//! | `send_message(message)` | [`Client::say`] |
//! | `get_users()` | [`Client::users`] |
//! | `leave_chat()` | [`Client::leave`] |
//! | `disconnect()` | [`Client::disconnect`], or dropping the client |
//! | `run()` | a program of its own: `parlance chat` |
//!
//! # A lost link
//!
//! is tried again by itself, with growing pauses ([`Options::reconnect`]). Meanwhile calls fail
//! with [`CallError::Disconnected`]; that holds until [`Event::Reconnected`], so that nothing is
//! said in the wrong place. Before that event the client has logged in again, has come back to its
//! room under its name, and has told what was said there in the meantime, as far as the door keeps
//! a history (`websocket`, `ndjson`, `udp`); where something cannot be told any more, there is an
//! [`Event::Missed`] in its place. A message of one's own whose answer was lost with the link is
//! told then too, as one's [own](Message::own). If the name or the account is refused, for longer
//! than the server may take to notice that the old connection is gone, a [`Event::Notice`] tells
//! why, and one is in no room after `Reconnected`.
//!
//! # Bounds
//!
//! No message from a server is longer than 1 MiB, every wait has an end, and whatever a server
//! sends, memory stays bounded. Events that nobody takes wait in a queue of 4096 (or 4 MiB); then
//! the oldest go, and [`Event::Missed`] stands for them. At most 1024 calls may wait for their
//! answers.
//!
//! This module shows nothing to anybody (`parlance chat` does) and needs no async runtime: a thread
//! of its own holds the link, and callers block, or are called back.

mod call;
mod catch_up;
mod dial;
mod engine;
mod error;
mod event;
mod link;
mod options;
mod queue;
mod reconnect;
mod session;
mod talk;
mod time;
mod trust;
pub mod udp;
mod url;

use std::fmt;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use mio::Waker;

pub use call::{Answer, Call, History, Joined, Room, Said};
pub use error::{CallError, ConnectError};
pub use event::{Event, Happening, Message};
pub use options::{Options, Pauses, Trust};
pub use trust::{Fingerprint, NoFingerprint};
pub use url::{Door, Url, UrlError};

use engine::{Engine, Input};
use queue::Queue;
use session::Done;

/// Calls that may wait for their answers at most.
const CALLS_MAX: usize = 1024;

/// A connection to a daemon, which comes back by itself when it is lost.
///
/// All methods take `&self`, from any thread. Dropped, it says goodbye like
/// [`disconnect`](Client::disconnect).
pub struct Client {
    url: Url,
    inputs: Sender<Input>,
    waker: Arc<Waker>,
    /// Calls that wait for their answers.
    calls: Arc<AtomicUsize>,
    /// What waits to be taken, unless events are called back.
    queue: Option<Arc<Queue>>,
    engine: Mutex<Option<JoinHandle<()>>>,
    engine_id: ThreadId,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to where `url` says, with the default [`Options`]. Events are taken with
    /// [`next_event`](Client::next_event). Nobody has joined anything yet.
    ///
    /// # Errors
    /// Why there is no connection, within [`Options::connect_timeout`]; what is wrong with the URL
    /// is an [`ErrorKind::InvalidInput`](io::ErrorKind::InvalidInput).
    pub fn connect(url: &str) -> Result<Client, ConnectError> {
        let url =
            Url::parse(url).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Client::connect_with(&url, &Options::default())
    }

    /// As [`connect`](Client::connect), with other options.
    ///
    /// # Errors
    /// As [`connect`](Client::connect).
    pub fn connect_with(url: &Url, options: &Options) -> Result<Client, ConnectError> {
        let queue = Arc::new(Queue::default());
        let sink = Arc::clone(&queue);
        Client::start(url, options, Box::new(move |event| sink.push(event)), Some(queue))
    }

    /// As [`connect_with`](Client::connect_with), but events are handed to `sink`, on the client's
    /// own thread. Until it returns, nothing else is received: it should hand them on. It may
    /// [`submit`](Client::submit) calls; to wait for one is [`CallError::InCallback`].
    ///
    /// # Errors
    /// As [`connect`](Client::connect).
    pub fn with(
        url: &Url,
        options: &Options,
        sink: impl FnMut(Event) + Send + 'static,
    ) -> Result<Client, ConnectError> {
        Client::start(url, options, Box::new(sink), None)
    }

    fn start(
        url: &Url,
        options: &Options,
        sink: Box<dyn FnMut(Event) + Send>,
        queue: Option<Arc<Queue>>,
    ) -> Result<Client, ConnectError> {
        let (sender, first) = sync_channel(1);
        let (engine, (inputs, waker)) = Engine::new(url, options, sink, sender)?;
        let ends = Ends(queue.clone());
        let thread =
            std::thread::Builder::new().name("parlance client".into()).spawn(move || {
                // Even if something that is called back panics.
                let _ends = ends;
                engine.run();
            })?;
        let client = Client {
            url: url.clone(),
            inputs,
            waker,
            calls: Arc::default(),
            queue,
            engine_id: thread.thread().id(),
            engine: Mutex::new(Some(thread)),
        };
        match first.recv() {
            Ok(first) => first.map(|()| client),
            Err(_) => Err(io::Error::other("the client has ended").into()),
        }
    }

    /// Where it is connected to.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The next event; `None` when none comes in time, or none will ever come any more. Without a
    /// `timeout`, waits for as long as it takes. Always `None` where events are called back. What is
    /// called back itself does not wait here: nothing would come.
    pub fn next_event(&self, timeout: Option<Duration>) -> Option<Event> {
        let timeout = if self.is_called_back() { Some(Duration::ZERO) } else { timeout };
        self.queue.as_ref()?.take(timeout)
    }

    /// Whether it is the client's own thread that calls.
    fn is_called_back(&self) -> bool {
        std::thread::current().id() == self.engine_id
    }

    /// Asks the server, and waits for the answer.
    ///
    /// # Errors
    /// Why it was not done, within [`Options::call_timeout`].
    pub fn call(&self, call: Call) -> Result<Answer, CallError> {
        if self.is_called_back() {
            return Err(CallError::InCallback);
        }
        let (sender, answer) = sync_channel(1);
        self.submit(call, move |result| drop(sender.send(result)));
        answer.recv().unwrap_or(Err(CallError::Ended))
    }

    /// Asks the server. `done` is called exactly once with the answer, mostly on the client's own
    /// thread: see [`with`](Client::with). Calls are done in the order in which they are submitted.
    /// When 1024 are waiting, a further one is [`CallError::Busy`].
    pub fn submit(
        &self,
        call: Call,
        done: impl FnOnce(Result<Answer, CallError>) + Send + 'static,
    ) {
        match Done::new(Box::new(done), &self.calls, CALLS_MAX) {
            Ok(done) => {
                // Where nobody takes it any more, it is dropped, and so says that the client has
                // ended.
                if self.inputs.send(Input::Call(call, done)).is_ok() {
                    self.wake();
                }
            }
            Err(done) => done(Err(CallError::Busy)),
        }
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::error!("the client cannot be woken: {error}");
        }
    }

    /// Says goodbye and ends: what was submitted before is still sent, where there is a connection
    /// and the server answers what has to be answered before, and what is unanswered is
    /// [`CallError::Ended`]. Takes no longer than [`Options::goodbye_timeout`], and as long as what is
    /// called back takes. Nothing is left to do after it but to take the last events.
    pub fn disconnect(&self) {
        if self.inputs.send(Input::Stop).is_ok() {
            self.wake();
        }
        // Another thread may hold the lock, and wait for this one to end.
        if self.is_called_back() {
            return;
        }
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engine.take() {
            // That it panicked was told by the panic.
            let _ = engine.join();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// Ends the queue together with the engine.
struct Ends(Option<Arc<Queue>>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.end();
        }
    }
}

/// What an answer of another kind is.
fn odd<T>() -> Result<T, CallError> {
    Err(CallError::Refused("the server answers something else".into()))
}

/// Short for [`Client::call`], which tells their errors.
impl Client {
    /// Comes into a room under a name. `None` for the room: the one of the URL, or the default one,
    /// or the one that one is in already. `None` for the name: that of the URL, or the one borne
    /// already.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn join<'a>(
        &self,
        room: impl Into<Option<&'a str>>,
        name: impl Into<Option<&'a str>>,
    ) -> Result<Joined, CallError> {
        let (room, name) = (room.into().map(str::to_owned), name.into().map(str::to_owned));
        match self.call(Call::Join { room, name })? {
            Answer::Joined(joined) => Ok(joined),
            _ => odd(),
        }
    }

    /// Says something to the room.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn say(&self, text: &str) -> Result<Said, CallError> {
        match self.call(Call::Say { text: text.into() })? {
            Answer::Said(said) => Ok(said),
            _ => odd(),
        }
    }

    /// Says something to one member of the room.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn whisper(&self, to: &str, text: &str) -> Result<Said, CallError> {
        match self.call(Call::Whisper { to: to.into(), text: text.into() })? {
            Answer::Said(said) => Ok(said),
            _ => odd(),
        }
    }

    /// Takes another name; gives it as the server spells it.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn rename(&self, name: &str) -> Result<String, CallError> {
        match self.call(Call::Rename { name: name.into() })? {
            Answer::Renamed(name) => Ok(name),
            _ => odd(),
        }
    }

    /// Who is in the room, oneself too.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn users(&self) -> Result<Vec<String>, CallError> {
        match self.call(Call::Users)? {
            Answer::Users(users) => Ok(users),
            _ => odd(),
        }
    }

    /// Which rooms there are.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn rooms(&self) -> Result<Vec<Room>, CallError> {
        match self.call(Call::Rooms)? {
            Answer::Rooms(rooms) => Ok(rooms),
            _ => odd(),
        }
    }

    /// What was said in the room after this `seq`, at most `limit` events of it.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn history(&self, after: u64, limit: u32) -> Result<History, CallError> {
        match self.call(Call::History { after, limit })? {
            Answer::History(history) => Ok(history),
            _ => odd(),
        }
    }

    /// Leaves the room. Over `chatmaster` one is in the default room then: [`Call::Leave`] says which.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn leave(&self) -> Result<(), CallError> {
        self.call(Call::Leave).map(drop)
    }

    /// Makes the room private, or public.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn set_private(&self, private: bool) -> Result<(), CallError> {
        self.call(Call::SetPrivate { private }).map(drop)
    }

    /// Makes an account and logs in to it; gives its name as the server spells it.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn register(&self, name: &str, password: &str) -> Result<String, CallError> {
        match self.call(Call::Register { name: name.into(), password: password.into() })? {
            Answer::LoggedIn(name) => Ok(name),
            _ => odd(),
        }
    }

    /// Logs in to an account; gives its name as it was registered. The password is kept in memory
    /// for as long as one is logged in, to do so again after a lost link.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn log_in(&self, name: &str, password: &str) -> Result<String, CallError> {
        match self.call(Call::LogIn { name: name.into(), password: password.into() })? {
            Answer::LoggedIn(name) => Ok(name),
            _ => odd(),
        }
    }

    /// Logs out.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn log_out(&self) -> Result<(), CallError> {
        self.call(Call::LogOut).map(drop)
    }

    /// Lets the others know that one is typing, where the door has a word for it.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn typing(&self) -> Result<(), CallError> {
        self.call(Call::Typing).map(drop)
    }

    /// How long an answer takes.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn ping(&self) -> Result<Duration, CallError> {
        match self.call(Call::Ping)? {
            Answer::Pong(took) => Ok(took),
            _ => odd(),
        }
    }
}
