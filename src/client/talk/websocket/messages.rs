//! What the server says in `parlance.v1`, read with leniency: answers and events alike.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::wire::{Text, lenient};
use crate::client::time::parse_rfc3339;

/// All that a message may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) event: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<u64>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) protocol: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) default_room: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) limits: Option<Limits>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) message: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) room: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) seq: Option<u64>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) timestamp: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) old: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) from: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) body: Option<&'a RawValue>,
    #[serde(deserialize_with = "lenient")]
    pub(super) private: Option<bool>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) epoch: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) truncated: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(super) users: Option<Vec<String>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) rooms: Option<Vec<Listed<'a>>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) events: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    #[serde(deserialize_with = "lenient")]
    pub(super) frame_bytes: Option<usize>,
    #[serde(deserialize_with = "lenient")]
    pub(super) typing_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Listed<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) room: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) private: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(super) count: Option<u64>,
}

impl Incoming<'_> {
    pub(super) fn time(&self) -> Option<SystemTime> {
        self.timestamp.as_ref().and_then(|Text(text)| parse_rfc3339(text))
    }
}
