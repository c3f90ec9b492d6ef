//! Questions to the chat. None of them changes anything.

use super::error::Error;
use super::history::History;
use super::key::{RoomKey, SessionId};
use super::moves::RoomRef;
use super::name::{self, Name};
use super::room::Room;
use super::server::ChatServer;
use super::time::Timestamp;

/// What there is to know of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomView<'a> {
    /// Its handle.
    pub key: RoomKey,
    /// Its id: 8 lower-case hex digits.
    pub id: &'a str,
    /// Its name, as its creator spelled it.
    pub name: &'a str,
    /// Whether listings show it to its members only.
    pub private: bool,
    /// Whether it stays when it is empty.
    pub permanent: bool,
    /// How many are in it.
    pub members: usize,
    /// A number that grows whenever a member comes, goes or changes its name.
    pub roster: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, stale when that session has closed; `None`: the server.
    pub creator: Option<SessionId>,
    /// The last `seq` given in it, 0 if none was.
    pub seq: u64,
    /// A random text of its own: see [`History::epoch`].
    pub epoch: &'a str,
}

impl<'a> RoomView<'a> {
    fn new(key: RoomKey, room: &'a Room) -> RoomView<'a> {
        RoomView {
            key,
            id: &room.id,
            name: &room.name,
            private: room.private,
            permanent: room.permanent,
            members: room.members.len(),
            roster: room.roster,
            created_at: room.created_at,
            creator: room.creator,
            seq: room.history.seq(),
            epoch: room.epoch(),
        }
    }
}

impl ChatServer {
    /// The caller's own number for a session.
    pub fn tag(&self, session: SessionId) -> Option<u64> {
        self.sessions.get(session).map(|own| own.tag)
    }

    /// The name a session bears.
    pub fn name_of(&self, session: SessionId) -> Option<&str> {
        self.sessions.get(session)?.name.as_deref()
    }

    /// The room a session is in.
    pub fn room_of(&self, session: SessionId) -> Option<RoomKey> {
        self.sessions.get(session)?.room
    }

    /// Whether a session is in this room.
    pub fn is_member(&self, session: SessionId, room: RoomKey) -> bool {
        self.room_of(session) == Some(room)
    }

    /// The session that bears a name, given any spelling of it. Nobody bears what is too long for a
    /// name, so that looking for it costs no more than cleaning.
    pub fn bearer(&self, name: &str) -> Option<SessionId> {
        let name = name::clean(name, self.settings.name_chars_max).ok()?;
        self.register.bearer(&name::key(&name))
    }

    /// A text as a user's name, whether it is free or not.
    ///
    /// # Errors
    /// [`Error::NameRequired`], [`Error::NameTooLong`].
    pub fn user_name(&self, name: &str) -> Result<Name, Error> {
        Name::new(name, self.settings.name_chars_max).map_err(Error::of_user_name)
    }

    /// Whether a text can be a room's name, apart from whether it is free.
    ///
    /// # Errors
    /// [`Error::RoomNameRequired`], [`Error::RoomNameTooLong`].
    pub fn check_room_name(&self, name: &str) -> Result<(), Error> {
        let checked = name::clean(name, self.settings.name_chars_max);
        checked.map(drop).map_err(Error::of_room_name)
    }

    /// The default room.
    pub fn default_room(&self) -> RoomKey {
        self.default_room
    }

    /// The room that is meant. ([`RoomRef::New`] means one by its name, too.)
    ///
    /// # Errors
    /// [`Error::RoomNameRequired`], [`Error::RoomNameTooLong`], [`Error::RoomNotFound`].
    pub fn find_room(&self, room: RoomRef<'_>) -> Result<RoomKey, Error> {
        let found = match room {
            RoomRef::Name(name) | RoomRef::New { name, .. } => {
                self.rooms.by_name(self.room_name(name)?.key())
            }
            RoomRef::Id(id) => self.rooms.by_id(id),
            RoomRef::NameOrId(text) => {
                let name: Name = self.room_name(text)?;
                self.rooms.by_name(name.key()).or_else(|| self.rooms.by_id(name.key()))
            }
            RoomRef::Key(key) => self.rooms.get(key).map(|_| key),
            RoomRef::Default => Some(self.default_room),
        };
        found.ok_or(Error::RoomNotFound)
    }

    /// What there is to know of a room; `None` when it has ended.
    pub fn room(&self, room: RoomKey) -> Option<RoomView<'_>> {
        Some(RoomView::new(room, self.rooms.get(room)?))
    }

    /// The rooms that are listed for a viewer: the default one, then the others by creation; of
    /// the private ones only that which the viewer is in.
    pub fn rooms(&self, viewer: Option<SessionId>) -> impl Iterator<Item = RoomView<'_>> {
        let own = viewer.and_then(|viewer| self.room_of(viewer));
        self.rooms.listed_with(own).map(|(key, room)| RoomView::new(key, room))
    }

    /// A room's members and their names, in joining order; none when it has ended.
    pub fn members(&self, room: RoomKey) -> impl Iterator<Item = (SessionId, &str)> {
        let members = self.rooms.get(room).into_iter().flat_map(|room| room.members.values());
        members.filter_map(|session| Some((*session, self.name_of(*session)?)))
    }

    /// The events of a room after `after`, the oldest of those still kept first, at most `limit`;
    /// `None` when the room has ended.
    pub fn history(&self, room: RoomKey, after: u64, limit: usize) -> Option<History<'_>> {
        let room = self.rooms.get(room)?;
        let (records, truncated) = room.history.since(after, limit);
        Some(History { epoch: room.epoch(), truncated, records })
    }
}
