//! What the server says at the `accounts` door, read with leniency.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::wire::{Text, lenient};
use super::LOBBY;

/// All that a message may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming<'a> {
    #[serde(borrow, rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) message: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) data: Option<&'a RawValue>,
}

/// What `data` may hold, but for a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) username: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) chatroom: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) room: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) from: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) to: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) text: Option<Text<'a>>,
}

/// Names by room, in the order in which they stand.
#[derive(Debug)]
struct Listing<'a>(Vec<(Text<'a>, Vec<String>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Listing<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Listing<'a>, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Listing<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("names by room")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Listing<'de>, M::Error> {
                let mut rooms = Vec::new();
                while let Some(room) = map.next_entry()? {
                    rooms.push(room);
                }
                Ok(Listing(rooms))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl<'a> Incoming<'a> {
    pub(super) fn content(&self) -> Content<'a> {
        let content = self.data.and_then(|data| serde_json::from_str(data.get()).ok());
        content.unwrap_or_default()
    }

    /// The rooms of a list, without the lobby.
    pub(super) fn rooms(&self) -> Option<Vec<(String, Vec<String>)>> {
        let Listing(rooms) = serde_json::from_str(self.data?.get()).ok()?;
        let rooms = rooms.into_iter().filter(|(room, _)| room.0 != LOBBY);
        Some(rooms.map(|(room, users)| (room.owned(), users)).collect())
    }
}
