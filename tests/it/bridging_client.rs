//! Clients of every kind, and a house that has doors for all of them.

use parlance::chat::dialect::{DeskSettings, House};
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use crate::accounts_peer::QUICK;
use crate::bridging_tongues::{Asked, Classic, Event, JsonRpc, Tongue, V1, quoted};
use crate::bridging_tongues_tcp::{Accounts, ChatMaster, Ndjson, chatmaster_login, user_joined};
use crate::bridging_tongues_udp::Udp;
use crate::bridging_wire::{Datagrams, Framing, Wire};
use crate::house::{Keeping, Plan, Running, settings, until};
use crate::schema;
use crate::support::{Daemon, TempFolder};
use crate::tls_client::{Client as TlsClient, PATIENCE, pem};
use crate::ws_peer::{untimed, upgrade};

/// A house with every door, and compression where a client wants it.
pub(crate) struct Bridge {
    pub(crate) house: Running<House>,
    trusted: CertificateDer<'static>,
    _folder: TempFolder,
}

impl Bridge {
    pub(crate) fn open() -> Bridge {
        let folder = TempFolder::new();
        let (pem, trusted) = pem();
        let keeping = Keeping {
            path: folder.path().to_owned(),
            cost: QUICK,
            desk: DeskSettings::default(),
            workers: 2,
            pem,
        };
        let mut dialect = settings();
        dialect.websocket.deflate = true;
        let house = Plan { dialect, keeping: Some(keeping), ..Plan::default() }.open();
        Bridge { house, trusted, _folder: folder }
    }

    /// A client that is in no room goes away, and has gone when this returns. (One of datagrams is
    /// not noticed to have, and nobody waits for that.)
    #[track_caller]
    pub(crate) fn sees_off(&self, client: Client) {
        if client.kind == Kind::Udp {
            return;
        }
        let connections = || self.house.ask(|_, fx| fx.connections());
        let before = connections();
        drop(client);
        until(|| connections() < before);
    }

    pub(crate) fn doors(&self) -> Doors {
        let dialects = ["jsonrpc", "websocket", "accounts", "chatmaster", "ndjson", "udp"];
        let addresses = dialects.map(|name| (name.to_owned(), self.house.door(name))).to_vec();
        Doors { addresses, trusted: self.trusted.clone() }
    }
}

/// Where a server is to be found.
pub(crate) struct Doors {
    addresses: Vec<(String, SocketAddr)>,
    trusted: CertificateDer<'static>,
}

impl Doors {
    /// Those of a process, whose certificate is in a file.
    pub(crate) fn of(daemon: &Daemon, certificate: &str) -> Doors {
        let trusted = CertificateDer::from_pem_file(certificate).expect("a certificate");
        Doors { addresses: daemon.listeners().to_vec(), trusted }
    }

    pub(crate) fn at(&self, dialect: &str) -> SocketAddr {
        let found = self.addresses.iter().find(|(name, _)| name == dialect);
        found.unwrap_or_else(|| panic!("{dialect} is not served")).1
    }
}

/// Every kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    JsonRpc,
    JsonRpc2,
    WebSocket,
    WebSocketDeflated,
    V1,
    V1Deflated,
    Accounts,
    ChatMaster,
    ChatMasterZlib,
    Ndjson,
    Udp,
}

impl Kind {
    pub(crate) const ALL: [Kind; 11] = [
        Kind::JsonRpc,
        Kind::JsonRpc2,
        Kind::WebSocket,
        Kind::WebSocketDeflated,
        Kind::V1,
        Kind::V1Deflated,
        Kind::Accounts,
        Kind::ChatMaster,
        Kind::ChatMasterZlib,
        Kind::Ndjson,
        Kind::Udp,
    ];

    fn tongue(self) -> Box<dyn Tongue> {
        match self {
            Kind::JsonRpc => Box::new(JsonRpc { version_2: false }),
            Kind::JsonRpc2 => Box::new(JsonRpc { version_2: true }),
            Kind::WebSocket | Kind::WebSocketDeflated => Box::new(Classic),
            Kind::V1 | Kind::V1Deflated => Box::new(V1),
            Kind::Accounts => Box::new(Accounts),
            Kind::ChatMaster | Kind::ChatMasterZlib => Box::new(ChatMaster),
            Kind::Ndjson => Box::new(Ndjson),
            Kind::Udp => Box::new(Udp::default()),
        }
    }

    /// What describes all that it may be sent.
    fn schema(self) -> &'static str {
        match self {
            Kind::JsonRpc | Kind::JsonRpc2 => "jsonrpc",
            Kind::WebSocket | Kind::WebSocketDeflated => "websocket",
            Kind::V1 | Kind::V1Deflated => schema::PARLANCE_V1,
            Kind::Accounts => "accounts",
            Kind::ChatMaster | Kind::ChatMasterZlib => "chatmaster",
            Kind::Ndjson => "ndjson",
            Kind::Udp => "udp",
        }
    }

    /// Whether it may say any JSON value.
    pub(crate) fn says_json(self) -> bool {
        matches!(self, Kind::WebSocket | Kind::WebSocketDeflated | Kind::V1 | Kind::V1Deflated)
    }
}

/// One client.
pub(crate) struct Client {
    pub(crate) kind: Kind,
    /// The name it bears; of a classic WebSocket client the id it was given.
    pub(crate) name: String,
    /// This end's port.
    pub(crate) port: u16,
    pub(crate) tongue: Box<dyn Tongue>,
    pub(crate) wire: Wire,
    /// News of the list of rooms comes in the server's own time. Where that is so, it is put here.
    pub(crate) room_news: Option<Vec<String>>,
}

impl Client {
    /// A client that may enter rooms: it has said all that must be said before.
    #[track_caller]
    pub(crate) fn connect(doors: &Doors, kind: Kind, name: &str) -> Client {
        let mut client = Client::unnamed(doors, kind);
        name.clone_into(&mut client.name);
        client.introduce();
        client
    }

    /// The same, in a house where rooms come and go meanwhile.
    #[track_caller]
    pub(crate) fn collecting(doors: &Doors, kind: Kind, name: &str) -> Client {
        let mut client = Client::unnamed(doors, kind);
        client.room_news = Some(Vec::new());
        name.clone_into(&mut client.name);
        client.introduce();
        client
    }

    /// A client that has said nothing yet, and was not greeted.
    #[track_caller]
    pub(crate) fn unnamed(doors: &Doors, kind: Kind) -> Client {
        let (wire, port) = match kind {
            Kind::JsonRpc => tcp(doors.at("jsonrpc"), Framing::Values),
            Kind::JsonRpc2 => tcp(doors.at("jsonrpc"), Framing::Lines),
            Kind::Ndjson => tcp(doors.at("ndjson"), Framing::Lines),
            Kind::ChatMaster | Kind::ChatMasterZlib => tcp(doors.at("chatmaster"), Framing::Values),
            Kind::Udp => datagrams(doors.at("udp")),
            Kind::Accounts => {
                let TlsClient { session, stream } =
                    TlsClient::connect(doors.at("accounts"), &doors.trusted);
                let port = port_of(&stream);
                (Wire::new(StreamOwned::new(session, stream), Framing::Lengths), port)
            }
            Kind::WebSocket | Kind::WebSocketDeflated | Kind::V1 | Kind::V1Deflated => {
                web_socket(doors.at("websocket"), kind)
            }
        };
        let (name, tongue) = (String::new(), kind.tongue());
        Client { kind, name, port, tongue, wire, room_news: None }
    }

    /// Says who it is, where that comes before everything else.
    #[track_caller]
    fn introduce(&mut self) {
        if self.kind.says_json() {
            self.is_greeted();
        }
        let name = quoted(&self.name);
        match self.kind {
            Kind::V1 | Kind::V1Deflated => {
                self.send(&format!(r#"{{"action":"name","body":{name}}}"#));
                self.expect(&format!(r#"{{"status":"success","action":"name","name":{name}}}"#));
            }
            Kind::Accounts => {
                self.send(&format!(
                    r#"{{"type":"register","data":{{"username":{name},"password":"sesame"}}}}"#
                ));
                self.expect(&format!(
                    r#"{{"type":"register","status":"ok","data":{{"username":{name},"chatroom":"lobby"}},"message":"Registration successful"}}"#
                ));
            }
            Kind::ChatMaster | Kind::ChatMasterZlib => {
                self.expect(r#"{"type":"request","data":{"request":"login"}}"#);
                if self.kind == Kind::ChatMasterZlib {
                    self.wire.framing = Framing::Streams;
                }
                self.send(&chatmaster_login(&self.name));
                let session = self.take();
                let start = r#"{"type":"session","data":{"status":1,"channels":["general""#;
                assert!(session.starts_with(start), "{session}");
                self.expect(&user_joined(&self.name, "general"));
            }
            _ => {}
        }
    }

    /// Takes the greeting of `websocket`; a classic client's name is the id in it.
    #[track_caller]
    pub(crate) fn is_greeted(&mut self) {
        let greeting = self.take();
        let id = greeting.strip_prefix(r#"{"status":"connected","client_id":""#);
        let id = id.and_then(|rest| rest.get(..8)).expect(&greeting);
        let start = format!(r#"{{"status":"connected","client_id":"{id}","message":"Welcome!""#);
        let rest = greeting.strip_prefix(&start).expect(&greeting);
        if matches!(self.kind, Kind::WebSocket | Kind::WebSocketDeflated) {
            assert_eq!(rest, "}");
            id.clone_into(&mut self.name);
        }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, text: &str) {
        self.wire.send_all([text]);
    }

    /// The next text, with `…` for times and epochs, which are checked for their shapes.
    #[track_caller]
    pub(crate) fn take(&mut self) -> String {
        loop {
            let text = self.wire.take();
            schema::check(self.kind.schema(), text.as_bytes());
            let text = without("token", &without("epoch", &untimed(&text)));
            match &mut self.room_news {
                Some(news) if text.starts_with(r#"{"event":"room_"#) => news.push(text),
                _ => return text,
            }
        }
    }

    /// Sends a request and expects what it sees of it, and the answers.
    #[track_caller]
    pub(crate) fn ask(&mut self, asked: &Asked, event: Option<&Event>) {
        self.send(&asked.request);
        let own = event.and_then(|event| self.tongue.sees(event, true));
        let mut expected: Vec<&String> = own.iter().chain(&asked.answers).collect();
        if own.is_some() && self.tongue.is_answered_first() {
            expected.rotate_left(1);
        }
        for expected in expected {
            self.expect(expected);
        }
    }

    /// Goes away, without a word where the server can see it.
    #[track_caller]
    pub(crate) fn vanish(mut self) {
        if self.kind == Kind::Udp {
            self.send(r#"{"type":"leave","id":0}"#);
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &str) {
        let got = self.take();
        assert!(
            got == expected,
            "{:?} ({})\nexpected {expected}\ngot      {got}",
            self.kind,
            self.name
        );
    }

    /// Proves that nothing else came.
    #[track_caller]
    pub(crate) fn probe(&mut self, in_room: bool) {
        let Asked { request, answers } = self.tongue.probe(in_room);
        self.send(&request);
        for answer in answers {
            self.expect(&answer);
        }
    }
}

#[track_caller]
fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("set");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    stream
}

#[track_caller]
fn tcp(address: SocketAddr, framing: Framing) -> (Wire, u16) {
    let stream = connected(address);
    let port = port_of(&stream);
    (Wire::new(stream, framing), port)
}

fn port_of(stream: &TcpStream) -> u16 {
    stream.local_addr().expect("an address").port()
}

/// Upgraded, with a subprotocol and compression as the kind wants them.
#[track_caller]
fn web_socket(address: SocketAddr, kind: Kind) -> (Wire, u16) {
    const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate; \
        server_no_context_takeover; client_no_context_takeover\r\n";
    let v1 = matches!(kind, Kind::V1 | Kind::V1Deflated);
    let deflated = matches!(kind, Kind::WebSocketDeflated | Kind::V1Deflated);
    let mut fields = String::new();
    if v1 {
        fields.push_str("Sec-WebSocket-Protocol: parlance.v1\r\n");
    }
    if deflated {
        fields.push_str(DEFLATE);
    }
    let mut stream = connected(address);
    stream.write_all(upgrade(address, "/", &fields).as_bytes()).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("UTF-8");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(head.contains("Sec-WebSocket-Protocol: parlance.v1\r\n"), v1, "{head}");
    for parameter in ["permessage-deflate", "server_no_context_takeover"] {
        assert_eq!(head.contains(parameter), deflated, "{head}");
    }
    let framing = if deflated { Framing::DeflatedMessages } else { Framing::Messages };
    let port = port_of(&stream);
    (Wire::new(stream, framing), port)
}

/// A socket with room for all that is said while its client does not read.
#[track_caller]
fn datagrams(address: SocketAddr) -> (Wire, u16) {
    let socket = UdpSocket::bind((address.ip(), 0)).expect("a socket");
    socket.connect(address).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    SockRef::from(&socket).set_recv_buffer_size(1024 * 1024).expect("set");
    let port = socket.local_addr().expect("an address").port();
    (Wire::new(Datagrams(socket), Framing::Datagrams), port)
}

/// The text with `…` for the value of a key that nobody can foresee.
fn without(key: &str, text: &str) -> String {
    let key = format!(r#""{key}":""#);
    let Some((before, after)) = text.split_once(&key) else { return text.to_owned() };
    let (value, after) = after.split_once('"').expect("its end");
    assert!(value.len() >= 4 && value.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
    format!("{before}{key}…\"{after}")
}
