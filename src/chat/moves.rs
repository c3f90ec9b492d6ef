//! Sessions come into rooms, change their names, and go.

use super::error::Error;
use super::event::{Event, EventKind};
use super::key::{RoomKey, SessionId};
use super::name::{self, Name};
use super::room::Plan;
use super::server::ChatServer;
use super::time::Timestamp;

/// How a session enters a room: see [`ChatServer::join`].
#[derive(Debug, Clone, Copy)]
pub struct Join<'a> {
    /// The user name to bear from now on; `None` keeps the one there is.
    pub name: Option<&'a str>,
    /// The room to enter.
    pub room: RoomRef<'a>,
    /// Whether to make the room when none has this name. Without effect on a room that is meant
    /// by its id alone, by its key, or as the default one.
    pub create: bool,
}

/// Which room is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomRef<'a> {
    /// The room of this name.
    Name(&'a str),
    /// The room of this id, exactly as it is written.
    Id(&'a str),
    /// The room of this name or, failing that, of this id.
    NameOrId(&'a str),
    /// This very room.
    Key(RoomKey),
    /// The default room.
    Default,
    /// A room that does not exist yet and is made to be entered at once.
    New {
        /// Its name.
        name: &'a str,
        /// Whether it is private from the start.
        private: bool,
    },
}

/// What [`ChatServer::join`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The room the session is in now.
    pub room: RoomKey,
    /// The room it left for it.
    pub left: Option<RoomKey>,
    /// Whether it was not there before.
    pub entered: bool,
    /// The last `seq` given in the room.
    pub seq: u64,
}

impl ChatServer {
    /// Enters a room, and takes a name with it if one is given: the one operation for coming into
    /// a room, whatever was before. All is checked before anything changes.
    ///
    /// The room before is left first; it hears the old name leave, the new room hears the new name
    /// join. In the room where the session is already, a new name is a renaming, and the name it
    /// bears already is a success without events.
    ///
    /// # Errors
    /// In the order of the checks: [`Error::SessionClosed`]; for the name those of
    /// [`rename`](Self::rename), and [`Error::NameRequired`] when none is given and none is borne;
    /// for the room [`Error::RoomNameRequired`], [`Error::RoomNameTooLong`],
    /// [`Error::RoomNotFound`], and when it has to be made [`Error::RoomExists`] (an id is equal
    /// to the name) and [`Error::TooManyRooms`].
    pub fn join(
        &mut self,
        session: SessionId,
        join: Join<'_>,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<Joined, Error> {
        let name = match join.name {
            Some(name) => self.check_name_for(session, name)?,
            None if self.session(session)?.name.is_some() => None,
            None => return Err(Error::NameRequired),
        };
        let target = self.target(session, join.room, join.create)?;
        let current = self.session(session)?.room;
        if let Target::Existing(room) = target
            && current == Some(room)
        {
            self.take_name(session, name, now, out);
            return Ok(Joined { room, left: None, entered: false, seq: self.seq(room) });
        }
        let left = self.depart(session, now, out);
        self.take_name(session, name, now, out);
        let room = match target {
            Target::Existing(room) => room,
            Target::New(plan) => self.open_room(plan, now, out),
        };
        self.arrive(session, room, now, out);
        Ok(Joined { room, left, entered: true, seq: self.seq(room) })
    }

    /// Whether a guest who has no session yet could [`join`](Self::join) under this name, making the
    /// room if there is none.
    ///
    /// # Errors
    /// Those of [`join`](Self::join).
    pub fn check_newcomer(&self, name: &str, room: RoomRef<'_>) -> Result<(), Error> {
        let name = self.user_name(name)?;
        self.register.check_guest(None, name.key())?;
        match (self.find_room(room), room) {
            (Err(Error::RoomNotFound), RoomRef::Name(name) | RoomRef::NameOrId(name)) => {
                self.plan(None, self.room_name(name)?, false, false).map(drop)
            }
            (found, _) => found.map(drop),
        }
    }

    /// Takes a name, in a room or not. The spelling it has already: a success without events.
    ///
    /// # Errors
    /// [`Error::SessionClosed`], [`Error::NameRequired`], [`Error::NameTooLong`]; for a guest
    /// [`Error::NameReserved`], [`Error::NameRegistered`] and [`Error::NameTaken`], in this order;
    /// for who is logged in, [`Error::NameOfAccount`] unless it is the account's own name.
    pub fn rename(
        &mut self,
        session: SessionId,
        name: &str,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let name = self.check_name_for(session, name)?;
        self.take_name(session, name, now, out);
        Ok(())
    }

    /// Leaves the room, keeps the name, and says which room it was.
    ///
    /// # Errors
    /// [`Error::SessionClosed`], [`Error::NotInRoom`].
    pub fn leave(
        &mut self,
        session: SessionId,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<RoomKey, Error> {
        self.session(session)?;
        self.depart(session, now, out).ok_or(Error::NotInRoom)
    }

    /// Gives up the name of a guest who is in no room. For anybody else it does nothing.
    pub fn forget_name(&mut self, session: SessionId) {
        if self.session(session).is_ok_and(|own| own.room.is_none() && !own.signed_in) {
            self.drop_name(session);
        }
    }

    /// The name a session may take; `None` if it need not take it because it bears it already.
    fn check_name_for(&self, session: SessionId, name: &str) -> Result<Option<Name>, Error> {
        let own = self.session(session)?;
        let name = Name::new(name, self.settings.name_chars_max).map_err(Error::of_user_name)?;
        if own.signed_in {
            return match self.register.bearer(name.key()) == Some(session) {
                true => Ok(None),
                false => Err(Error::NameOfAccount),
            };
        }
        self.register.check_guest(Some(session), name.key())?;
        Ok((own.name.as_deref() != Some(name.as_str())).then_some(name))
    }

    fn target(&self, session: SessionId, room: RoomRef<'_>, create: bool) -> Result<Target, Error> {
        match (self.find_room(room), room) {
            (Err(Error::RoomNotFound), RoomRef::Name(name) | RoomRef::NameOrId(name)) if create => {
                let plan = self.plan(Some(session), self.room_name(name)?, false, false)?;
                Ok(Target::New(plan))
            }
            (Err(Error::RoomNotFound), RoomRef::New { name, private }) => {
                let plan = self.plan(Some(session), self.room_name(name)?, private, false)?;
                Ok(Target::New(plan))
            }
            (Ok(_), RoomRef::New { .. }) => Err(Error::RoomExists),
            (found, _) => found.map(Target::Existing),
        }
    }

    /// Gives a session the name that was checked for it, and tells its room.
    pub(super) fn take_name(
        &mut self,
        session: SessionId,
        name: Option<Name>,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) {
        let (Some(name), Some(own)) = (name, self.sessions.get_mut(session)) else {
            return;
        };
        let old = own.name.replace(name.shown.clone());
        let room = own.room;
        let old_key = old.as_deref().map(name::key);
        if old_key.as_deref() != Some(name.key()) {
            if let Some(old_key) = old_key {
                self.register.free(&old_key);
            }
            self.register.give(name.key, session);
        }
        if let (Some(old), Some(room)) = (old, room) {
            if let Some(room) = self.rooms.get_mut(room) {
                room.roster += 1;
            }
            let renamed = EventKind::Renamed { old, new: name.shown };
            self.announce(room, session, now, renamed, out);
        }
    }

    pub(super) fn drop_name(&mut self, session: SessionId) {
        let own = self.sessions.get_mut(session);
        if let Some(name) = own.and_then(|own| own.name.take()) {
            self.register.free(&name::key(&name));
        }
    }

    /// Puts a session that is in no room and has a name into a room.
    fn arrive(&mut self, session: SessionId, key: RoomKey, now: Timestamp, out: &mut Vec<Event>) {
        self.leave_lobby(session);
        let place = self.next_place();
        let (Some(own), Some(room)) = (self.sessions.get_mut(session), self.rooms.get_mut(key))
        else {
            return;
        };
        own.room = Some(key);
        own.place = place;
        room.members.insert(place, session);
        room.roster += 1;
        let members = room.members.len();
        if let Some(name) = own.name.clone().filter(|_| self.is_announced(members)) {
            self.announce(key, session, now, EventKind::Joined { name }, out);
        }
    }

    /// Takes a session out of its room, ends the room if it was the last that kept it, and says
    /// which room it was.
    pub(super) fn depart(
        &mut self,
        session: SessionId,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Option<RoomKey> {
        let own = self.sessions.get_mut(session)?;
        let key = own.room.take()?;
        let name = own.name.clone();
        let room = self.rooms.get_mut(key)?;
        let members = room.members.len();
        room.members.remove(&own.place);
        room.roster += 1;
        let ends = room.members.is_empty() && !room.permanent;
        if own.signed_in {
            self.enter_lobby(session);
        }
        if let Some(name) = name.filter(|_| self.is_announced(members)) {
            self.announce(key, session, now, EventKind::Left { name }, out);
        }
        if ends {
            self.close_room(key, session, now, out);
        }
        Some(key)
    }

    /// Whether a join that makes so many members, or a leave from so many, is announced.
    fn is_announced(&self, members: usize) -> bool {
        let max = self.settings.presence_members_max;
        max == 0 || members <= max
    }
}

enum Target {
    Existing(RoomKey),
    New(Plan),
}
