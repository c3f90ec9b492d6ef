//! A client of the `accounts` dialect, and a house that has its door.

use parlance::chat::Timestamp;
use parlance::chat::dialect::{DeskSettings, House};
use parlance::store::Cost;
use rustls::pki_types::CertificateDer;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};

use crate::house::{Keeping, Plan, Running, until};
use crate::schema;
use crate::support::TempFolder;
use crate::tls_client::{Client, pem};

/// Quick to hash at, and no good for anything else.
pub(crate) const QUICK: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

/// A house that keeps accounts, in a folder of its own.
pub(crate) struct AccountsHouse {
    pub(crate) running: Running<House>,
    folder: Option<TempFolder>,
    trusted: CertificateDer<'static>,
}

impl AccountsHouse {
    pub(crate) fn open() -> AccountsHouse {
        AccountsHouse::with(DeskSettings::default(), QUICK, 2)
    }

    /// With so many workers; every job more than 64 beyond them is refused.
    pub(crate) fn with(desk: DeskSettings, cost: Cost, workers: usize) -> AccountsHouse {
        let folder = TempFolder::new();
        AccountsHouse::start(folder.path().to_owned(), Some(folder), desk, cost, workers)
    }

    /// Over accounts that are there already, in a folder of somebody else's.
    pub(crate) fn at(path: &Path) -> AccountsHouse {
        AccountsHouse::start(path.to_owned(), None, DeskSettings::default(), QUICK, 2)
    }

    fn start(
        path: PathBuf,
        folder: Option<TempFolder>,
        desk: DeskSettings,
        cost: Cost,
        workers: usize,
    ) -> AccountsHouse {
        let (pem, trusted) = pem();
        let keeping = Keeping { path, cost, desk, workers, pem };
        let running = Plan { keeping: Some(keeping), ..Plan::default() }.open();
        AccountsHouse { running, folder, trusted }
    }

    /// Where its accounts are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("a folder of its own").path()
    }

    /// Keeps its one worker busy until the sender is dropped.
    #[track_caller]
    pub(crate) fn hold_worker(&self) -> Sender<()> {
        let (release, released) = channel::<()>();
        let job = move || {
            let _ = released.recv();
        };
        self.running.ask(|_, fx| fx.work(job, |_, _, _| {})).expect("a worker");
        release
    }

    /// Waits until somebody is registering under a name.
    #[track_caller]
    pub(crate) fn await_hold(&self, name: &'static str) {
        until(|| {
            self.running.ask(move |house, _| {
                let other = house.chat.open(0);
                let held = house.chat.hold_name(other, name).is_err();
                house.chat.release_hold(other);
                house.chat.close(other, Timestamp(0), &mut Vec::new());
                held
            })
        });
    }

    /// Whether the house knows an account of this name, and whether somebody is logged in to it.
    #[track_caller]
    pub(crate) fn knows(&self, name: &'static str) -> (bool, bool) {
        self.running.ask(move |house, _| {
            (house.chat.account(name).is_some(), house.chat.bearer(name).is_some())
        })
    }

    /// Somebody at the door.
    pub(crate) fn connect(&self) -> AccountsPeer {
        AccountsPeer { client: Client::connect(self.running.door("accounts"), &self.trusted) }
    }

    /// Somebody registered, in the lobby.
    #[track_caller]
    pub(crate) fn registered(&self, name: &str) -> AccountsPeer {
        let mut peer = self.connect();
        peer.ask(register(name, "sesame"), ok_login("register", name, "lobby"));
        peer
    }

    /// Somebody registered, in `general`.
    #[track_caller]
    pub(crate) fn member(&self, name: &str) -> AccountsPeer {
        let mut peer = self.registered(name);
        peer.ask(enter("general"), entered(name, "general"));
        peer
    }
}

/// One connection. What goes to and fro are frames.
pub(crate) struct AccountsPeer {
    pub(crate) client: Client,
}

impl AccountsPeer {
    #[track_caller]
    pub(crate) fn send(&mut self, message: impl AsRef<[u8]>) {
        self.client.send(framed(message));
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> String {
        let mut length = [0; 4];
        self.client.stream().read_exact(&mut length).expect("a length");
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        self.client.stream().read_exact(&mut message).expect("a message");
        schema::check("accounts", &message);
        String::from_utf8(message).expect("UTF-8")
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<str>) {
        assert_eq!(self.receive(), expected.as_ref());
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>, answer: impl AsRef<str>) {
        self.send(request);
        self.expect(answer);
    }

    /// Proves that nothing was received since it was last looked at.
    #[track_caller]
    pub(crate) fn probe(&mut self) {
        self.ask(r#"{"type":"probe"}"#, refusal("probe", "Unknown type"));
    }

    /// Sends bytes that are no frame.
    #[track_caller]
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.client.stream().write_all(bytes).expect("sent");
    }
}

/// A message behind its length.
pub(crate) fn framed(message: impl AsRef<[u8]>) -> Vec<u8> {
    let message = message.as_ref();
    let mut frame = (message.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(message);
    frame
}

// ---- requests ----------------------------------------------------------------------------------

fn credentials(kind: &str, name: &str, password: &str) -> String {
    format!(r#"{{"type":"{kind}","data":{{"username":"{name}","password":"{password}"}}}}"#)
}

pub(crate) fn register(name: &str, password: &str) -> String {
    credentials("register", name, password)
}

pub(crate) fn login(name: &str, password: &str) -> String {
    credentials("login", name, password)
}

pub(crate) fn enter(room: &str) -> String {
    format!(r#"{{"type":"enter","data":{{"room":"{room}"}}}}"#)
}

pub(crate) fn create(room: &str) -> String {
    format!(r#"{{"type":"create","data":{{"room":"{room}"}}}}"#)
}

pub(crate) fn msg(from: &str, to: &str, text: &str) -> String {
    format!(r#"{{"type":"msg","data":{{"from":"{from}","to":"{to}","text":"{text}"}}}}"#)
}

pub(crate) const LIST: &str = r#"{"type":"list"}"#;
pub(crate) const EXIT: &str = r#"{"type":"exit"}"#;
pub(crate) const LOGOUT: &str = r#"{"type":"logout"}"#;

// ---- answers -----------------------------------------------------------------------------------

/// The answer to a `register` or `login` that succeeded.
pub(crate) fn ok_login(kind: &str, name: &str, room: &str) -> String {
    let message = if kind == "login" { "Login successful" } else { "Registration successful" };
    format!(
        r#"{{"type":"{kind}","status":"ok","data":{{"username":"{name}","chatroom":"{room}"}},"message":"{message}"}}"#
    )
}

pub(crate) fn entered(name: &str, room: &str) -> String {
    format!(
        r#"{{"type":"enter","status":"ok","data":{{"username":"{name}","room":"{room}"}},"message":"Welcome to {room}"}}"#
    )
}

pub(crate) fn created(room: &str) -> String {
    format!(r#"{{"type":"create","status":"ok","message":"{room} created successfully"}}"#)
}

/// `data` is the object as it stands in the answer.
pub(crate) fn listed(data: &str) -> String {
    format!(r#"{{"type":"list","status":"ok","data":{data}}}"#)
}

pub(crate) const EXITED: &str =
    r#"{"type":"exit","status":"ok","message":"Exited chatroom, returned to lobby"}"#;
pub(crate) const LOGGED_OUT: &str = r#"{"type":"logout","status":"ok","message":"Logged out"}"#;

pub(crate) fn message(from: &str, to: &str, text: &str) -> String {
    format!(
        r#"{{"type":"msg","status":"ok","data":{{"to":"{to}","from":"{from}","text":"{text}"}}}}"#
    )
}

pub(crate) fn refusal(kind: &str, text: &str) -> String {
    format!(r#"{{"type":"{kind}","status":"error","message":"{text}"}}"#)
}
