//! The section of each dialect: its keys, their defaults, and what may stand there.
//!
//! What the keys mean is known to whoever serves the dialect. In each section, `listen` and `tls`
//! are as the file has them; what is listened on in the end stands in
//! [`Config::listeners`](super::Config::listeners).

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::store::PasswordRule;

use super::address::refusal;
use super::violation::Violation;
use super::{Address, Dialect, HostName, Origin};

/// Section `[jsonrpc]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct JsonRpc {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) listen: Vec<Address>,
    pub(super) tls: bool,
    /// What happens when a name is taken.
    pub duplicate_names: DuplicateNames,
    /// Whether `get_users` shows the members' addresses.
    pub show_addresses: bool,
}

/// What happens when somebody joins under a name that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DuplicateNames {
    /// The newcomer's port is appended.
    Suffix,
    /// The newcomer is refused.
    Reject,
}

/// Section `[websocket]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct WebSocket {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) listen: Vec<Address>,
    pub(super) tls: bool,
    /// Origins of web pages that may connect, besides pages of the host itself.
    pub origins: Vec<Origin>,
    /// Hosts that a request on a loopback address may be for, besides `localhost` and the loopback
    /// addresses.
    pub hosts: Vec<HostName>,
    /// Whether `permessage-deflate` is taken where a client offers it.
    pub deflate: bool,
    /// How many seconds pass from one ping to the next.
    pub ping_s: u64,
}

/// Section `[accounts]`. Its listeners always have TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Accounts {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) listen: Vec<Address>,
    /// Characters of a password, at least.
    pub password_min: usize,
    /// Characters of a password, at most.
    pub password_max: usize,
    /// Failed logins in a minute, of one address or one account, after which tries are refused.
    pub login_failures_per_minute: usize,
    /// Registrations in a minute, of one address, after which further ones are refused.
    pub registrations_per_minute: usize,
}

/// Section `[chatmaster]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct ChatMaster {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) listen: Vec<Address>,
    pub(super) tls: bool,
    /// Which packages are zlib streams.
    pub compression: Compression,
}

/// Which packages of a connection are zlib streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// What is sent is, from the client's first such package on.
    Auto,
    /// What is sent is, the greeting too.
    Always,
    /// None is, and the client's are refused.
    Off,
}

/// Section `[ndjson]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Ndjson {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) listen: Vec<Address>,
    pub(super) tls: bool,
}

/// Section `[udp]`. Its listeners never have TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Udp {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) listen: Vec<Address>,
    /// How many seconds a peer may be silent before it is forgotten; 15 times that if it has never
    /// pinged.
    pub idle_timeout_s: u64,
    /// How many requests of each peer are remembered, so that none is done twice.
    pub remembered_ids: usize,
    /// Peers at most that are admitted in a second.
    pub new_peers_per_s: u32,
    /// Datagrams at most that are taken from a peer in a second.
    pub datagrams_per_s: u32,
    /// Whether a peer on an address that is not loopback is sent little until it has sent its token
    /// back.
    pub require_token: bool,
}

impl Default for JsonRpc {
    fn default() -> JsonRpc {
        JsonRpc {
            listen: vec![Dialect::JsonRpc.default_address()],
            tls: false,
            duplicate_names: DuplicateNames::Suffix,
            show_addresses: true,
        }
    }
}

impl Default for WebSocket {
    fn default() -> WebSocket {
        WebSocket {
            listen: vec![Dialect::WebSocket.default_address()],
            tls: false,
            origins: Vec::new(),
            hosts: Vec::new(),
            deflate: false,
            ping_s: 25,
        }
    }
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts {
            listen: vec![Dialect::Accounts.default_address()],
            password_min: 4,
            password_max: 128,
            login_failures_per_minute: 5,
            registrations_per_minute: 30,
        }
    }
}

impl Default for ChatMaster {
    fn default() -> ChatMaster {
        ChatMaster {
            listen: vec![Dialect::ChatMaster.default_address()],
            tls: false,
            compression: Compression::Auto,
        }
    }
}

impl Default for Ndjson {
    fn default() -> Ndjson {
        Ndjson { listen: vec![Dialect::Ndjson.default_address()], tls: false }
    }
}

impl Default for Udp {
    fn default() -> Udp {
        Udp {
            listen: vec![Dialect::Udp.default_address()],
            idle_timeout_s: 60,
            remembered_ids: 1024,
            new_peers_per_s: 200,
            datagrams_per_s: 1000,
            require_token: true,
        }
    }
}

impl Udp {
    /// The first value that cannot be used.
    pub(super) fn violation(&self) -> Option<Violation> {
        let ranges = [
            ("idle_timeout_s", self.idle_timeout_s, 1..=86_400),
            ("remembered_ids", self.remembered_ids as u64, 1..=16_384),
            ("new_peers_per_s", self.new_peers_per_s.into(), 1..=1_000_000),
            ("datagrams_per_s", self.datagrams_per_s.into(), 1..=1_000_000),
        ];
        Violation::out_of_range("udp", ranges)
    }
}

impl WebSocket {
    /// The first value that cannot be used.
    pub(super) fn violation(&self) -> Option<Violation> {
        Violation::out_of_range("websocket", [("ping_s", self.ping_s, 1..=3600)])
    }
}

impl Accounts {
    /// What a password that is chosen must be like.
    pub fn password_rule(&self) -> PasswordRule {
        PasswordRule { chars_min: self.password_min, chars_max: self.password_max }
    }

    /// The first value that cannot be used.
    pub(super) fn violation(&self) -> Option<Violation> {
        let ranges = [
            ("password_min", self.password_min as u64, 1..=1024),
            ("password_max", self.password_max as u64, 1..=1024),
            ("login_failures_per_minute", self.login_failures_per_minute as u64, 1..=1000),
            ("registrations_per_minute", self.registrations_per_minute as u64, 1..=1000),
        ];
        Violation::out_of_range("accounts", ranges).or_else(|| {
            let low = ("password_min", self.password_min);
            Violation::out_of_order("accounts", low, ("password_max", self.password_max))
        })
    }
}

/// Takes one address, or a list of them.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Address>, D::Error> {
    struct OneOrMore;
    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<Address>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address, HOST:PORT, or a list of them")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Address>, E> {
            let address = text.parse().map_err(|why| E::custom(refusal(text, why)))?;
            Ok(vec![address])
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Vec<Address>, S::Error> {
            let mut addresses = Vec::new();
            while let Some(address) = list.next_element()? {
                addresses.push(address);
            }
            Ok(addresses)
        }
    }
    deserializer.deserialize_any(OneOrMore)
}
