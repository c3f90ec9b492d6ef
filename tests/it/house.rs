//! Servers to test against, each on a thread and a port of its own, and what `jsonrpc` says.

use parlance::chat::dialect::udp::UdpSettings;
use parlance::chat::dialect::websocket::WebSocketSettings;
use parlance::chat::dialect::{
    Desk, DeskSettings, House, Settings, accounts, chatmaster, jsonrpc, ndjson, udp, websocket,
};
use parlance::chat::{self, ChatServer, Timestamp};
use parlance::rpc::{Effects, Handle, Limits, Server, Service};
use parlance::store::{Accounts, Cost};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::peer::Peer;
use crate::support::{PATIENCE, raise_descriptors};
use crate::tls_client::Pem;

/// The time that the server gives in tests that are not about it: more than any of their steps may
/// take.
pub(crate) const AGES: Duration = Duration::from_secs(3600);

/// The default limits, but for those in real time that a test's own steps could run into on a slow
/// machine.
pub(crate) fn patient() -> Limits {
    Limits {
        outbox_soft: AGES,
        silence: Some(AGES),
        handshake: AGES,
        frame: AGES,
        flush: AGES,
        ..Limits::default()
    }
}

/// The default settings of the dialects, but for how often a WebSocket is pinged, and for how long a
/// peer of datagrams may be silent.
pub(crate) fn settings() -> Settings {
    let websocket = WebSocketSettings { ping: AGES, ..WebSocketSettings::default() };
    let udp = UdpSettings { idle_timeout: AGES, ..UdpSettings::default() };
    Settings { websocket, udp, ..Settings::default() }
}

/// A server that runs on a thread of its own until this is dropped.
pub(crate) struct Running<S: 'static> {
    /// Where it listens, in the order the listeners were opened.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The dialect that each of them speaks, where what is sent is held to the schemas.
    pub(crate) dialects: Vec<&'static str>,
    pub(crate) handle: Handle<S>,
    thread: Option<JoinHandle<()>>,
}

impl<S: 'static> Running<S> {
    /// Runs what `build` makes, on a new thread.
    pub(crate) fn start(
        build: impl FnOnce() -> (Server<S>, Vec<SocketAddr>) + Send + 'static,
    ) -> Running<S> {
        raise_descriptors();
        let (sender, built) = channel();
        let thread = std::thread::spawn(move || {
            let (mut server, addresses) = build();
            sender.send((addresses, server.handle())).expect("the test waits");
            server.run().expect("the loop runs");
        });
        let (addresses, handle) = built.recv_timeout(PATIENCE).expect("a server");
        Running { addresses, dialects: Vec::new(), handle, thread: Some(thread) }
    }

    /// A connection to the first listener.
    #[track_caller]
    pub(crate) fn peer(&self) -> Peer {
        self.peer_at(0)
    }

    /// A connection to a listener.
    #[track_caller]
    pub(crate) fn peer_at(&self, listener: usize) -> Peer {
        let peer = Peer::connect(self.addresses[listener]);
        match self.dialects.get(listener) {
            Some(dialect) => peer.speaking(dialect),
            None => peer,
        }
    }

    /// Asks the loop's own thread.
    #[track_caller]
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut S, &mut Effects<S>) -> T + Send + 'static,
    ) -> T {
        let (sender, answer) = channel();
        self.handle.post(move |state, fx| {
            // The test may have failed and gone.
            let _ = sender.send(question(state, fx));
        });
        answer.recv_timeout(PATIENCE).expect("the loop answers")
    }

    /// Stops the server in good order, without waiting for its end.
    pub(crate) fn begin_stop(&self) {
        self.handle.stop();
    }
}

impl<S: 'static> Drop for Running<S> {
    fn drop(&mut self) {
        self.begin_stop();
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the server's thread panicked");
        }
    }
}

/// Asks again and again until it is so. Each question takes a turn of the loop, so this does not
/// race it; what never becomes so fails the test.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to that");
        // Some of what is asked is nobody's turn, like what a file holds.
        std::thread::yield_now();
    }
}

/// Listens for one dialect, on a free port.
type Door = fn(&mut Server<House>) -> SocketAddr;

/// A door for each dialect but `accounts`, which comes after these; `jsonrpc` comes first.
const DOORS: &[(&str, Door)] = &[
    ("jsonrpc", |server| listen(server, jsonrpc::service())),
    ("ndjson", |server| listen(server, ndjson::service())),
    ("chatmaster", |server| listen(server, chatmaster::service())),
    ("websocket", |server| listen(server, websocket::service())),
    ("udp", |server| server.listen_datagrams("127.0.0.1:0", udp::service()).expect("a socket")),
];

fn listen(server: &mut Server<House>, service: impl Service<House> + 'static) -> SocketAddr {
    server.listen("127.0.0.1:0", service).expect("a listener")
}

/// What a house is built with.
pub(crate) struct Plan {
    pub(crate) limits: Limits,
    pub(crate) chat: chat::Settings,
    pub(crate) dialect: Settings,
    /// With it, the house has an `accounts` door too.
    pub(crate) keeping: Option<Keeping>,
}

impl Default for Plan {
    fn default() -> Plan {
        let chat = chat::Settings::default();
        Plan { limits: patient(), chat, dialect: settings(), keeping: None }
    }
}

/// How a house keeps accounts.
pub(crate) struct Keeping {
    /// The folder they are in.
    pub(crate) path: PathBuf,
    pub(crate) cost: Cost,
    pub(crate) desk: DeskSettings,
    /// Every job more than 64 beyond these is refused.
    pub(crate) workers: usize,
    /// The door's certificate.
    pub(crate) pem: Pem,
}

impl Keeping {
    fn open(self, server: &mut Server<House>) -> SocketAddr {
        server.set_workers(self.workers, 64);
        let accounts = Accounts::open(&self.path, self.cost).expect("accounts");
        let (house, fx) = server.parts();
        house.open_desk(fx, Desk::new(accounts, self.desk)).expect("a desk");
        let service = fx.add_service(accounts::service());
        let listener = fx.listen("127.0.0.1:0", service).expect("a listener");
        fx.set_tls(listener, Some(&self.pem.tls()));
        fx.listener_addr(listener).expect("an address")
    }
}

impl Plan {
    /// The daemon's server with every dialect that the plan has, each on a free port.
    pub(crate) fn open(self) -> Running<House> {
        let mut house = Running::start(move || self.build());
        house.dialects = DOORS.iter().map(|(dialect, _)| *dialect).collect();
        house
    }

    /// The same, not running yet.
    pub(crate) fn build(self) -> (Server<House>, Vec<SocketAddr>) {
        let now = Timestamp(1_769_862_896_789);
        let chat = ChatServer::new(self.chat, now, Box::new(numbers(7))).expect("a chat");
        let mut server = Server::new(House::new(chat, self.dialect)).expect("a server");
        server.effects().set_limits(self.limits);
        let mut addresses: Vec<_> = DOORS.iter().map(|(_, open)| open(&mut server)).collect();
        addresses.extend(self.keeping.map(|keeping| keeping.open(&mut server)));
        (server, addresses)
    }
}

/// A house with the default limits and settings, but those of [`patient`] and [`settings`].
pub(crate) fn open() -> Running<House> {
    Plan::default().open()
}

/// Numbers that look random and are the same each time (the SplitMix64 sequence).
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

// ---- what the classic form says -------------------------------------------------------------------

/// The answer to a message that was sent.
pub(crate) const SENT: &str = r#"{"status":"success","message":"Message sent successfully"}"#;

/// The answer to leaving.
pub(crate) const LEFT: &str = r#"{"status":"success","message":"Left chat successfully"}"#;

pub(crate) const PARSE: &str = r#"{"error":"Parse error","code":-32700}"#;
pub(crate) const INVALID_REQUEST: &str = r#"{"error":"Invalid request","code":-32600}"#;
pub(crate) const NOT_FOUND: &str = r#"{"error":"Method not found","code":-32601}"#;
pub(crate) const INVALID_PARAMS: &str = r#"{"error":"Invalid params","code":-32602}"#;

/// A notice.
pub(crate) fn notice(text: &str) -> String {
    format!(r#"{{"type":"system","message":"{text}","username":"SYSTEM"}}"#)
}

/// A message from `name`.
pub(crate) fn chat(name: &str, text: &str) -> String {
    format!(r#"{{"type":"chat","message":"{text}","username":"{name}"}}"#)
}

/// A private message from `name`.
pub(crate) fn private(name: &str, text: &str) -> String {
    format!(r#"{{"type":"private","message":"{text}","username":"{name}"}}"#)
}

/// A refusal.
pub(crate) fn refusal(text: &str) -> String {
    format!(r#"{{"status":"error","message":"{text}"}}"#)
}

/// `["A","B"]`
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// The answer to a `join_chat` and the welcome after it. `users` are those of the room, the
/// newcomer among them.
pub(crate) fn joined(name: &str, users: &[&str]) -> String {
    format!(
        r#"{{"status":"success","message":"Joined chat as {name}","users":{}}}{}"#,
        list(users),
        notice(&format!("Welcome to the chat, {name}!"))
    )
}

/// The answer to a `get_users` that asked for the simple form.
pub(crate) fn users(names: &[&str]) -> String {
    format!(r#"{{"status":"success","users":{},"count":{}}}"#, list(names), names.len())
}

/// A request to join under this name, which stands in JSON already.
pub(crate) fn join(name: &str) -> String {
    format!(r#"{{"method":"join_chat","params":{{"username":"{name}"}}}}"#)
}

/// A request to join a room.
pub(crate) fn join_room(name: &str, room: &str) -> String {
    format!(r#"{{"method":"join_chat","params":{{"username":"{name}","room":"{room}"}}}}"#)
}

/// A request to send a message, which stands in JSON already.
pub(crate) fn say(text: &str) -> String {
    format!(r#"{{"method":"send_message","params":{{"message":"{text}"}}}}"#)
}

/// A request to send a private message.
pub(crate) fn whisper(to: &str, text: &str) -> String {
    format!(r#"{{"method":"send_private","params":{{"to":"{to}","message":"{text}"}}}}"#)
}

pub(crate) const LEAVE: &str = r#"{"method":"leave_chat","params":{}}"#;
pub(crate) const SIMPLE: &str = r#"{"method":"get_users","params":{"format":"simple"}}"#;

impl Running<House> {
    /// Where a dialect is listened for.
    #[track_caller]
    pub(crate) fn door(&self, dialect: &str) -> SocketAddr {
        let mut dialects = DOORS.iter().map(|(name, _)| *name).chain(["accounts"]);
        self.addresses[dialects.position(|name| name == dialect).expect("a door")]
    }

    /// A connection to the door of a dialect.
    #[track_caller]
    pub(crate) fn peer_of(&self, dialect: &str) -> Peer {
        Peer::connect(self.door(dialect))
    }

    /// Somebody new in `general`; `users` are its members, the newcomer last.
    #[track_caller]
    pub(crate) fn member(&self, name: &str, users: &[&str]) -> Peer {
        let mut peer = self.peer();
        peer.ask(join(name), joined(name, users));
        peer
    }
}

impl Peer {
    /// Proves that this classic connection still works and has received nothing since it was last
    /// looked at: the answer to this comes next.
    #[track_caller]
    pub(crate) fn probe(&mut self) {
        self.ask(r#"{"method":"probe"}"#, NOT_FOUND);
    }
}
