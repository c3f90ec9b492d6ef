//! A room, and the table of all rooms.
//!
//! What happens in a room, and who is told, is decided by the operations that use these.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;

use super::error::Error;
use super::history::{Archive, RoomHistory};
use super::key::{Arena, RoomKey, Serial, SessionId};
use super::name::Name;
use super::settings::Settings;
use super::time::Timestamp;

pub(super) struct Room {
    serial: NonZeroU32,
    pub(super) id: Arc<str>,
    pub(super) name: Arc<str>,
    name_key: Arc<str>,
    epoch: [u8; EPOCH_CHARS],
    /// Place among all rooms, by creation.
    place: u64,
    pub(super) created_at: Timestamp,
    pub(super) creator: Option<SessionId>,
    /// The account (by name key) against whose limit the room counts.
    account: Option<Arc<str>>,
    pub(super) private: bool,
    /// Whether the room stays when it is empty.
    pub(super) permanent: bool,
    /// In joining order.
    pub(super) members: BTreeMap<u64, SessionId>,
    /// Counts the changes of the members and their names.
    pub(super) roster: u64,
    pub(super) history: RoomHistory,
}

const EPOCH_CHARS: usize = 8;

impl Room {
    pub(super) fn epoch(&self) -> &str {
        str::from_utf8(&self.epoch).unwrap_or_default()
    }
}

impl Serial for Room {
    fn serial(&self) -> NonZeroU32 {
        self.serial
    }
}

/// What a room is made from.
pub(super) struct Plan {
    pub(super) name: Name,
    pub(super) private: bool,
    pub(super) permanent: bool,
    pub(super) creator: Option<SessionId>,
    pub(super) account: Option<Arc<str>>,
}

/// All rooms.
pub(super) struct Rooms {
    pub(super) arena: Arena<Room>,
    pub(super) archive: Archive,
    by_name: HashMap<Arc<str>, RoomKey>,
    by_id: HashMap<Arc<str>, RoomKey>,
    /// The public ones, by creation. Private ones are in no index that a listing walks: however many
    /// there are, listing costs what it shows.
    listed: BTreeMap<u64, RoomKey>,
    last_place: u64,
    /// How many existing rooms an account (by name key) has created; none is no entry.
    of_account: HashMap<Arc<str>, usize>,
}

impl Rooms {
    pub(super) fn new() -> Rooms {
        Rooms {
            arena: Arena::new(),
            archive: Archive::default(),
            by_name: HashMap::new(),
            by_id: HashMap::new(),
            listed: BTreeMap::new(),
            last_place: 0,
            of_account: HashMap::new(),
        }
    }

    pub(super) fn get(&self, room: RoomKey) -> Option<&Room> {
        self.arena.get(room)
    }

    pub(super) fn get_mut(&mut self, room: RoomKey) -> Option<&mut Room> {
        self.arena.get_mut(room)
    }

    pub(super) fn by_name(&self, name_key: &str) -> Option<RoomKey> {
        self.by_name.get(name_key).copied()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<RoomKey> {
        self.by_id.get(id).copied()
    }

    /// Whether a room can be meant by this text, as its name's key or as its id.
    pub(super) fn is_used(&self, text: &str) -> bool {
        self.by_name.contains_key(text) || self.by_id.contains_key(text)
    }

    /// The public rooms and, though it be private, this one, by creation.
    pub(super) fn listed_with(
        &self,
        own: Option<RoomKey>,
    ) -> impl Iterator<Item = (RoomKey, &Room)> {
        let own = own.filter(|key| self.get(*key).is_some_and(|room| room.private));
        let place = own.and_then(|key| self.get(key)).map_or(0, |room| room.place);
        let (before, after) = (self.listed.range(..place), self.listed.range(place..));
        let keys = before.map(|(_, key)| *key).chain(own).chain(after.map(|(_, key)| *key));
        keys.filter_map(|key| Some((key, self.arena.get(key)?)))
    }

    /// Makes a room private or public; gives its id if it was not so already.
    pub(super) fn set_private(&mut self, key: RoomKey, private: bool) -> Option<Arc<str>> {
        let room = self.arena.get_mut(key).filter(|room| room.private != private)?;
        room.private = private;
        match private {
            true => self.listed.remove(&room.place),
            false => self.listed.insert(room.place, key),
        };
        Some(room.id.clone())
    }

    /// Whether a room may be made after this plan.
    pub(super) fn check(&self, plan: &Plan, settings: &Settings) -> Result<(), Error> {
        if self.is_used(plan.name.key()) {
            return Err(Error::RoomExists);
        }
        let of_account = plan.account.as_ref().and_then(|account| self.of_account.get(account));
        if self.arena.len() >= settings.rooms_max
            || of_account.is_some_and(|rooms| *rooms >= settings.rooms_per_account_max)
        {
            return Err(Error::TooManyRooms);
        }
        Ok(())
    }

    /// Makes a room after a plan that was checked. `id` is used by no other, `random` makes its
    /// epoch.
    pub(super) fn insert(
        &mut self,
        plan: Plan,
        id: Arc<str>,
        random: u64,
        at: Timestamp,
    ) -> RoomKey {
        if let Some(account) = &plan.account {
            *self.of_account.entry(account.clone()).or_default() += 1;
        }
        let place = self.last_place;
        self.last_place += 1;
        let private = plan.private;
        let handle = self.arena.insert_with(|serial| Room {
            serial,
            id: id.clone(),
            name: plan.name.shown,
            name_key: plan.name.key.clone(),
            epoch: epoch(random),
            place,
            created_at: at,
            creator: plan.creator,
            account: plan.account,
            private,
            permanent: plan.permanent,
            members: BTreeMap::new(),
            roster: 0,
            history: RoomHistory::default(),
        });
        let key = RoomKey::from(handle);
        self.by_name.insert(plan.name.key, key);
        self.by_id.insert(id, key);
        if !private {
            self.listed.insert(place, key);
        }
        key
    }

    pub(super) fn remove(&mut self, key: RoomKey) {
        let Some(room) = self.arena.remove(key) else {
            return;
        };
        self.by_name.remove(&room.name_key);
        self.by_id.remove(&room.id);
        self.listed.remove(&room.place);
        self.archive.forget(&self.arena, &room.history);
        if let Some(account) = room.account
            && let Some(rooms) = self.of_account.get_mut(&account)
        {
            *rooms -= 1;
            if *rooms == 0 {
                self.of_account.remove(&account);
            }
        }
    }
}

/// A random text of lower-case letters and digits.
fn epoch(mut random: u64) -> [u8; EPOCH_CHARS] {
    [(); EPOCH_CHARS].map(|()| {
        let digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(random % 36) as usize];
        random /= 36;
        digit
    })
}
