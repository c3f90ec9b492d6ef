//! Rooms are made, become private or public, and end.

use std::sync::Arc;

use super::error::Error;
use super::event::{Audience, Event, EventKind};
use super::key::{RoomKey, SessionId};
use super::name::{self, Name};
use super::room::Plan;
use super::server::ChatServer;
use super::session::Session;
use super::time::Timestamp;

impl ChatServer {
    /// Makes a room that stays when it is empty, without entering it.
    ///
    /// # Errors
    /// [`Error::SessionClosed`], [`Error::RoomNameRequired`], [`Error::RoomNameTooLong`],
    /// [`Error::RoomExists`] (by its name, or an id equal to it), [`Error::TooManyRooms`].
    pub fn create_room(
        &mut self,
        session: Option<SessionId>,
        name: &str,
        private: bool,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<RoomKey, Error> {
        if let Some(session) = session {
            self.session(session)?;
        }
        let plan = self.plan(session, self.room_name(name)?, private, true)?;
        Ok(self.open_room(plan, now, out))
    }

    /// Makes the session's room private or public. What it is already: a success without events.
    ///
    /// # Errors
    /// [`Error::SessionClosed`], [`Error::NotInRoom`], [`Error::DefaultRoom`];
    /// [`Error::NotCreator`] while the creator is in the room and is another.
    pub fn set_private(
        &mut self,
        session: SessionId,
        private: bool,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let key = self.session(session)?.room.ok_or(Error::NotInRoom)?;
        if key == self.default_room {
            return Err(Error::DefaultRoom);
        }
        let creator = self.rooms.get(key).and_then(|room| room.creator);
        if creator.is_some_and(|creator| creator != session && self.is_member(creator, key)) {
            return Err(Error::NotCreator);
        }
        let Some(id) = self.rooms.set_private(key, private) else { return Ok(()) };
        let changed = EventKind::RoomChanged { private };
        self.tell(key, Some(session), Audience::Room, now, changed, out);
        let listed = match private {
            true => EventKind::RoomClosed { id },
            false => EventKind::RoomOpened { id },
        };
        self.tell(key, Some(session), Audience::RoomList, now, listed, out);
        Ok(())
    }

    pub(super) fn room_name(&self, name: &str) -> Result<Name, Error> {
        Name::new(name, self.settings.name_chars_max).map_err(Error::of_room_name)
    }

    pub(super) fn plan(
        &self,
        creator: Option<SessionId>,
        name: Name,
        private: bool,
        permanent: bool,
    ) -> Result<Plan, Error> {
        let account = match creator {
            Some(creator) => self.session(creator).map(account_key)?,
            None => None,
        };
        let plan = Plan { name, private, permanent, creator, account };
        self.rooms.check(&plan, &self.settings)?;
        Ok(plan)
    }

    pub(super) fn open_room(
        &mut self,
        plan: Plan,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> RoomKey {
        let (creator, private, id) = (plan.creator, plan.private, self.fresh_id());
        let key = self.rooms.insert(plan, id.clone(), (self.random)(), now);
        if !private {
            let opened = EventKind::RoomOpened { id };
            self.tell(key, creator, Audience::RoomList, now, opened, out);
        }
        key
    }

    pub(super) fn close_room(
        &mut self,
        key: RoomKey,
        last: SessionId,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) {
        if let Some(room) = self.rooms.get(key).filter(|room| !room.private) {
            let closed = EventKind::RoomClosed { id: room.id.clone() };
            self.tell(key, Some(last), Audience::RoomList, now, closed, out);
        }
        self.rooms.remove(key);
    }
}

/// The key of the account a session is logged in to.
fn account_key(session: &Session) -> Option<Arc<str>> {
    let name = session.name.as_deref().filter(|_| session.signed_in)?;
    Some(name::key(name).into())
}
