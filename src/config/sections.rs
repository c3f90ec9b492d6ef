//! The section of each dialect: its keys and their defaults.
//!
//! What the keys mean is known to whoever serves the dialect.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::address::refusal;
use super::{Address, Dialect};

/// Section `[jsonrpc]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct JsonRpc {
    /// As the file has it; what is listened on in the end stands in
    /// [`Config::listeners`](super::Config::listeners).
    #[serde(deserialize_with = "one_or_more")]
    pub(super) listen: Vec<Address>,
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

impl Default for JsonRpc {
    fn default() -> JsonRpc {
        JsonRpc {
            listen: vec![Dialect::JsonRpc.default_address()],
            duplicate_names: DuplicateNames::Suffix,
            show_addresses: true,
        }
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
