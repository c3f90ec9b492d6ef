//! What the server says at the `chatmaster` door, read with leniency.

use serde::Deserialize;

use super::super::wire::{Text, lenient};
use crate::client::event::Happening;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming<'a> {
    #[serde(borrow, rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) data: Option<Data<'a>>,
}

/// All that `data` may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Data<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) request: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) status: Option<u64>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) reason: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) channels: Option<Vec<String>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) event_type: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) error_type: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) username: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) old_username: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) new_username: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) channel: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) message: Option<Text<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) private: Option<bool>,
}

/// What happened, and in which channel if it says.
pub(super) fn happening(data: Data<'_>) -> Option<(Option<String>, Happening)> {
    let what = match &*data.event_type?.0 {
        "user_joined" => Happening::Joined { name: data.username?.owned() },
        "user_left" => Happening::Left { name: data.username?.owned() },
        "user_rename" => {
            Happening::Renamed { old: data.old_username?.owned(), new: data.new_username?.owned() }
        }
        _ => return None,
    };
    Some((data.channel.map(Text::owned), what))
}
