//! Every address and limit of the daemon, parsed and validated once.
//!
//! A [`Config`] is the defaults, then a file ([`Config::load`]), then the command line
//! ([`Overrides`]), each winning over the one before. Whoever holds a `Config` need not check it
//! again: every number is inside its range and every address can be taken apart.
//!
//! This module does not open anything but the configuration file: it binds no address, resolves no
//! host name, makes no folder and reads no environment variable.

mod address;
mod chat_options;
pub mod command_line;
mod dialect;
mod document;
mod error;
mod file;
mod known;
mod limits;
mod origin;
mod sections;
mod tls;
mod transcript;
mod usage;
mod violation;

use std::path::{Path, PathBuf};

pub use address::{Address, AddressError};
pub use dialect::{Dialect, UnknownDialect};
pub use error::ConfigError;
pub use limits::Limits;
pub use origin::{HostName, HostNameError, Origin, OriginError};
pub use sections::{
    Accounts, ChatMaster, Compression, DuplicateNames, JsonRpc, Ndjson, Udp, WebSocket,
};
pub use tls::{PemFiles, Tls};
pub use transcript::Transcript;

use file::File;

/// A complete, valid configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The data folder, when the file or the command line names one.
    pub data: Option<PathBuf>,
    /// Name of the room that always exists, as it was written: 1 to 50 characters, no control
    /// characters.
    pub default_room: String,
    /// How many worker threads take what would block the loop: 1 to 64.
    pub workers: usize,
    /// The bounds on what peers can make the daemon hold.
    pub limits: Limits,
    /// What is particular to the `jsonrpc` dialect.
    pub jsonrpc: JsonRpc,
    /// What is particular to the `websocket` dialect.
    pub websocket: WebSocket,
    /// What is particular to the `accounts` dialect.
    pub accounts: Accounts,
    /// What is particular to the `chatmaster` dialect.
    pub chatmaster: ChatMaster,
    /// What is particular to the `ndjson` dialect.
    pub ndjson: Ndjson,
    /// What is particular to the `udp` dialect.
    pub udp: Udp,
    /// The certificate of every listener that has TLS.
    pub tls: Tls,
    /// Where the transcript is kept.
    pub transcript: Transcript,
    /// What to listen on, in the order to open and announce it; never empty, none twice.
    pub listeners: Vec<Listener>,
}

/// One address that a dialect is served on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The dialect spoken there.
    pub dialect: Dialect,
    /// The address as it was written; a host name is not resolved yet.
    pub address: Address,
    /// Whether it is spoken over TLS there.
    pub tls: bool,
}

/// What the command line says about the configuration; it wins over the file, at a reload too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The dialects to serve, in order, with their address when one is given. Empty: all, as
    /// configured.
    pub listen: Vec<(Dialect, Option<Address>)>,
    /// The host to serve `jsonrpc` on.
    pub bind: Option<String>,
    /// The port to serve `jsonrpc` on; 0 takes a free one.
    pub port: Option<u16>,
    /// The data folder.
    pub data: Option<PathBuf>,
}

impl Config {
    /// Reads the file, if there is one, and puts the command line's wishes over it.
    ///
    /// A file whose name ends in `.json` is JSON, any other TOML; the keys are the same. Can be
    /// called again with the same arguments to learn what has changed.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not in its format, has an unknown key or a value outside its
    /// range; or file and command line together leave nothing to listen on or name an address
    /// twice.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
        let file = match file {
            Some(path) => file::read(path)?,
            None => File::default(),
        };
        Config::combine(file, overrides)
    }

    fn combine(file: File, overrides: &Overrides) -> Result<Config, ConfigError> {
        let listeners = listeners(&file, overrides);
        if listeners.is_empty() {
            return Err(ConfigError::NothingToListenOn);
        }
        if let Some((listener, earlier)) = first_repeat(&listeners) {
            let (listener, earlier) = (listener.clone(), earlier.dialect);
            return Err(ConfigError::ListenedTwice { listener, earlier });
        }
        Ok(Config { listeners, ..Config::of(file, overrides) })
    }

    /// All but what is listened on.
    fn of(file: File, overrides: &Overrides) -> Config {
        let configured_data = (!file.data.is_empty()).then(|| PathBuf::from(&file.data));
        Config {
            data: overrides.data.clone().or(configured_data),
            default_room: file.default_room,
            workers: file.workers,
            limits: file.limits,
            jsonrpc: file.jsonrpc,
            websocket: file.websocket,
            accounts: file.accounts,
            chatmaster: file.chatmaster,
            ndjson: file.ndjson,
            udp: file.udp,
            tls: file.tls,
            transcript: file.transcript,
            listeners: Vec::new(),
        }
    }
}

impl Default for Config {
    /// What `parlance` alone runs with.
    fn default() -> Config {
        let (file, overrides) = (File::default(), Overrides::default());
        let listeners = listeners(&file, &overrides);
        Config { listeners, ..Config::of(file, &overrides) }
    }
}

fn listeners(file: &File, overrides: &Overrides) -> Vec<Listener> {
    let mut listeners = Vec::new();
    let mut add = |dialect, addresses: Vec<Address>| {
        let tls = file.has_tls(dialect);
        let listener = |address| Listener { dialect, address, tls };
        listeners.extend(addresses.into_iter().map(listener));
    };
    if overrides.listen.is_empty() {
        for dialect in Dialect::ALL {
            add(dialect, moved(dialect, file.listen(dialect).to_vec(), overrides));
        }
    }
    for (dialect, address) in &overrides.listen {
        let addresses = match address {
            Some(address) => vec![address.clone()],
            None => {
                let mut configured = file.listen(*dialect).to_vec();
                if configured.is_empty() {
                    configured.push(dialect.default_address());
                }
                moved(*dialect, configured, overrides)
            }
        };
        add(*dialect, addresses);
    }
    listeners
}

/// Applies `--bind` and `--port`, which are `jsonrpc`'s: with either, it is served on one address,
/// and what they leave open comes from the first configured one.
fn moved(dialect: Dialect, configured: Vec<Address>, overrides: &Overrides) -> Vec<Address> {
    let named = overrides.bind.is_some() || overrides.port.is_some();
    if dialect != Dialect::JsonRpc || !named {
        return configured;
    }
    let mut address = configured.into_iter().next().unwrap_or_else(|| dialect.default_address());
    if let Some(host) = &overrides.bind {
        address.host.clone_from(host);
    }
    if let Some(port) = overrides.port {
        address.port = port;
    }
    vec![address]
}

/// The first listener whose address an earlier one has, and that one: two dialects cannot share an
/// address either, unless one of them comes in streams and the other in datagrams. Port 0 is a new
/// port every time.
fn first_repeat(listeners: &[Listener]) -> Option<(&Listener, &Listener)> {
    listeners.iter().enumerate().find_map(|(place, listener)| {
        let Listener { address, dialect, .. } = listener;
        let mut before = listeners[..place].iter().filter(|_| address.port != 0);
        let earlier = before.find(|earlier| {
            earlier.address == *address && earlier.dialect.is_datagrams() == dialect.is_datagrams()
        })?;
        Some((listener, earlier))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    /// A file that turns everything off.
    fn silent() -> File {
        let mut file = File::default();
        file.jsonrpc.listen.clear();
        file.websocket.listen.clear();
        file.accounts.listen.clear();
        file.chatmaster.listen.clear();
        file.ndjson.listen.clear();
        file.udp.listen.clear();
        file
    }

    /// Where `jsonrpc` is served, alone in the file.
    fn served(listen: &[&str], overrides: &Overrides) -> Result<Vec<String>, ConfigError> {
        let mut file = silent();
        file.jsonrpc.listen = listen.iter().map(|text| address(text)).collect();
        let config = Config::combine(file, overrides)?;
        Ok(config.listeners.iter().map(|listener| listener.address.to_string()).collect())
    }

    #[test]
    fn without_anything_said_the_defaults_are_served() {
        let config = Config::load(None, &Overrides::default()).expect("a configuration");
        assert_eq!(config, Config::default());
        let listeners = config.listeners.iter();
        let lines: Vec<_> = listeners
            .map(|Listener { dialect, address, tls }| format!("{dialect} {address} {tls}"))
            .collect();
        let expected = [
            "jsonrpc 127.0.0.1:65432 false",
            "websocket 127.0.0.1:8765 false",
            "accounts 127.0.0.1:7443 true",
            "chatmaster 127.0.0.1:9000 false",
            "ndjson 127.0.0.1:7777 false",
            "udp 127.0.0.1:7777 false",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_listener_has_tls_where_its_section_says_so() {
        let mut file = File::default();
        file.websocket.tls = true;
        file.ndjson.tls = true;
        let overrides = Overrides {
            listen: vec![
                (Dialect::Ndjson, Some(address("127.0.0.1:1"))),
                (Dialect::ChatMaster, None),
                (Dialect::WebSocket, None),
            ],
            ..Overrides::default()
        };
        let config = Config::combine(file.clone(), &overrides).expect("a configuration");
        let tls: Vec<_> = config.listeners.iter().map(|listener| listener.tls).collect();
        assert_eq!(tls, [true, false, true]);
        let before = config.listeners;
        file.ndjson.tls = false;
        let after = Config::combine(file, &overrides).expect("a configuration").listeners;
        assert_ne!(before[0], after[0]);
        assert_eq!(before[1..], after[1..]);
    }

    #[test]
    fn a_named_dialect_without_address_takes_the_configured_ones() {
        let overrides =
            Overrides { listen: vec![(Dialect::JsonRpc, None)], ..Overrides::default() };
        let served_on = served(&["127.0.0.1:1", "[::1]:2"], &overrides).expect("listeners");
        assert_eq!(served_on, ["127.0.0.1:1", "[::1]:2"]);
        assert_eq!(served(&[], &overrides).expect("listeners"), ["127.0.0.1:65432"]);
    }

    #[test]
    fn a_named_address_wins_over_the_file_and_keeps_its_order() {
        let overrides = Overrides {
            listen: vec![
                (Dialect::JsonRpc, Some(address("0.0.0.0:9"))),
                (Dialect::JsonRpc, Some(address("127.0.0.1:8"))),
            ],
            ..Overrides::default()
        };
        let served_on = served(&["127.0.0.1:1"], &overrides).expect("listeners");
        assert_eq!(served_on, ["0.0.0.0:9", "127.0.0.1:8"]);
    }

    #[test]
    fn bind_and_port_move_the_first_configured_address() {
        let port = Overrides { port: Some(7), ..Overrides::default() };
        assert_eq!(served(&["[::1]:1", "127.0.0.1:2"], &port).expect("listeners"), ["[::1]:7"]);
        let bind = Overrides { bind: Some("0.0.0.0".into()), ..Overrides::default() };
        assert_eq!(served(&["127.0.0.1:2"], &bind).expect("listeners"), ["0.0.0.0:2"]);
        let moved = Config::load(None, &port).expect("a configuration").listeners;
        assert_eq!(moved[0].address, address("127.0.0.1:7"));
        assert_eq!(moved[1..], Config::default().listeners[1..]);
    }

    #[test]
    fn an_address_twice_is_refused_unless_its_port_is_taken_anew() {
        let twice = |text| Overrides {
            listen: vec![(Dialect::JsonRpc, None), (Dialect::JsonRpc, Some(address(text)))],
            ..Overrides::default()
        };
        let refused = served(&["127.0.0.1:5"], &twice("127.0.0.1:5")).expect_err("named twice");
        assert!(refused.to_string().contains("jsonrpc 127.0.0.1:5"), "{refused}");
        assert_eq!(served(&["127.0.0.1:0"], &twice("127.0.0.1:0")).expect("two").len(), 2);
    }

    #[test]
    fn two_dialects_do_not_share_an_address() {
        let mut file = silent();
        file.jsonrpc.listen = vec![address("127.0.0.1:5")];
        file.ndjson.listen = vec![address("127.0.0.1:5")];
        let refused = Config::combine(file, &Overrides::default()).expect_err("named twice");
        assert_eq!(
            refused.to_string(),
            "ndjson 127.0.0.1:5 is to be listened on twice: it is jsonrpc's already; serve ndjson \
             elsewhere with `listen` under [ndjson] or -l ndjson=HOST:PORT"
        );
    }

    #[test]
    fn a_stream_and_datagrams_may_share_an_address() {
        let mut file = silent();
        file.jsonrpc.listen = vec![address("127.0.0.1:5")];
        file.udp.listen = vec![address("127.0.0.1:5")];
        assert!(Config::combine(file, &Overrides::default()).is_ok());
        let twice = ["127.0.0.1:5", "127.0.0.1:5"].map(|at| (Dialect::Udp, Some(address(at))));
        let overrides = Overrides { listen: twice.into(), ..Overrides::default() };
        let refused = Config::combine(silent(), &overrides).expect_err("named twice");
        assert_eq!(refused.to_string(), "udp 127.0.0.1:5 is to be listened on twice");
    }

    #[test]
    fn a_file_that_turns_everything_off_is_refused() {
        let refused = Config::combine(silent(), &Overrides::default()).expect_err("nothing");
        assert!(matches!(refused, ConfigError::NothingToListenOn));
    }

    #[test]
    fn the_data_folder_of_the_command_line_wins() {
        let mut file = File { data: "/from/file".into(), ..File::default() };
        let overrides = Overrides { data: Some("/from/line".into()), ..Overrides::default() };
        let config = Config::combine(file.clone(), &overrides).expect("a configuration");
        assert_eq!(config.data, Some("/from/line".into()));
        let config = Config::combine(file.clone(), &Overrides::default()).expect("one");
        assert_eq!(config.data, Some("/from/file".into()));
        file.data.clear();
        let config = Config::combine(file, &Overrides::default()).expect("one");
        assert_eq!(config.data, None);
    }
}
