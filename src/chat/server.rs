//! The chat's state, and what all its operations share.
//!
//! An operation that is refused has changed nothing and told nobody. One that succeeds appends to
//! `out` what it made happen, in the order in which it is to be published.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Error;
use super::event::{Audience, Event, EventKind};
use super::key::{Arena, RoomKey, SessionId};
use super::name::Name;
use super::register::Register;
use super::room::{Plan, Rooms};
use super::session::Session;
use super::settings::Settings;
use super::time::Timestamp;

/// All sessions and rooms, and every operation on them.
pub struct ChatServer {
    pub(super) settings: Settings,
    pub(super) sessions: Arena<Session>,
    pub(super) register: Register,
    pub(super) rooms: Rooms,
    pub(super) default_room: RoomKey,
    /// The logged-in who are in no room.
    pub(super) lobby: BTreeMap<u64, SessionId>,
    last_place: u64,
    pub(super) random: Box<dyn FnMut() -> u64>,
}

impl ChatServer {
    /// A chat with its default room and nobody in it. `random` must be hard to guess and is asked
    /// for every id and epoch.
    ///
    /// # Errors
    /// [`Error::RoomNameRequired`] or [`Error::RoomNameTooLong`] for the default room's name.
    pub fn new(
        settings: Settings,
        now: Timestamp,
        mut random: Box<dyn FnMut() -> u64>,
    ) -> Result<ChatServer, Error> {
        let name = Name::new(&settings.default_room, settings.name_chars_max)
            .map_err(Error::of_room_name)?;
        let plan = Plan { name, private: false, permanent: true, creator: None, account: None };
        let id = hex_id(random() as u32);
        let mut rooms = Rooms::new();
        let default_room = rooms.insert(plan, id, random(), now);
        Ok(ChatServer {
            settings,
            sessions: Arena::new(),
            register: Register::default(),
            rooms,
            default_room,
            lobby: BTreeMap::new(),
            last_place: 0,
            random,
        })
    }

    /// The limits in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Puts other limits in force. Histories shrink at once; rooms and names that are over a limit
    /// stay. The default room stays the one the chat began with.
    pub fn set_settings(&mut self, settings: Settings) {
        let default_room = std::mem::take(&mut self.settings.default_room);
        self.settings = Settings { default_room, ..settings };
        self.rooms.archive.trim(&mut self.rooms.arena, &self.settings);
    }

    /// A new session, without name and room. `tag` is the caller's own number for it.
    pub fn open(&mut self, tag: u64) -> SessionId {
        self.sessions.insert_with(|serial| Session::new(serial, tag)).into()
    }

    /// Ends a session: it leaves its room and its name is free. A name that it holds stays held
    /// until [`release_hold`](Self::release_hold), since the work it is held for goes on. Closing
    /// again does nothing.
    pub fn close(&mut self, session: SessionId, now: Timestamp, out: &mut Vec<Event>) {
        self.depart(session, now, out);
        self.leave_lobby(session);
        self.drop_name(session);
        self.sessions.remove(session);
    }

    /// A fresh name of 8 lower-case hex digits that means nobody and no room. It is not given to
    /// anyone: see [`rename`](Self::rename).
    pub fn client_name(&mut self) -> Arc<str> {
        self.fresh_id()
    }

    /// A number that is hard to guess, as ids and epochs are made of.
    pub fn random(&mut self) -> u64 {
        (self.random)()
    }

    pub(super) fn session(&self, session: SessionId) -> Result<&Session, Error> {
        self.sessions.get(session).ok_or(Error::SessionClosed)
    }

    pub(super) fn enter_lobby(&mut self, session: SessionId) {
        let place = self.next_place();
        if let Some(own) = self.sessions.get_mut(session) {
            own.place = place;
            self.lobby.insert(place, session);
        }
    }

    pub(super) fn leave_lobby(&mut self, session: SessionId) {
        if let Some(own) = self.sessions.get(session).filter(|own| own.room.is_none()) {
            self.lobby.remove(&own.place);
        }
    }

    /// Tells a room what happened in it: the event takes the next `seq` and is kept.
    pub(super) fn announce(
        &mut self,
        key: RoomKey,
        subject: SessionId,
        now: Timestamp,
        kind: EventKind,
        out: &mut Vec<Event>,
    ) -> u64 {
        let Rooms { arena, archive, .. } = &mut self.rooms;
        let Some(room) = arena.get(key) else {
            return 0;
        };
        let room_name = room.name.clone();
        let seq = archive.append(arena, key, now, kind.clone(), &self.settings);
        let (subject, audience) = (Some(subject), Audience::Room);
        out.push(Event { room: key, room_name, subject, audience, seq, at: now, kind });
        seq
    }

    /// Appends an event without `seq`.
    pub(super) fn tell(
        &self,
        key: RoomKey,
        subject: Option<SessionId>,
        audience: Audience,
        now: Timestamp,
        kind: EventKind,
        out: &mut Vec<Event>,
    ) {
        if let Some(room) = self.rooms.get(key) {
            let room_name = room.name.clone();
            out.push(Event { room: key, room_name, subject, audience, seq: 0, at: now, kind });
        }
    }

    pub(super) fn seq(&self, room: RoomKey) -> u64 {
        self.rooms.get(room).map_or(0, |room| room.history.seq())
    }

    pub(super) fn next_place(&mut self) -> u64 {
        self.last_place += 1;
        self.last_place
    }

    /// An id that can be taken for no room and for no user. From a random number on, the next free
    /// one: there are far fewer names than numbers, so the search ends.
    pub(super) fn fresh_id(&mut self) -> Arc<str> {
        let mut number = (self.random)() as u32;
        loop {
            let id = hex_id(number);
            if !self.rooms.is_used(&id) && !self.register.is_used(&id) {
                return id;
            }
            number = number.wrapping_add(1);
        }
    }
}

fn hex_id(number: u32) -> Arc<str> {
    format!("{number:08x}").into()
}
