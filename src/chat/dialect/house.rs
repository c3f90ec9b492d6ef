//! The house all dialects share: the chat, and who sees its rooms in which form.

use std::collections::HashMap;

use super::desk::Desk;
use super::form::Form;
use super::room_news::{ROOM_NEWS_DELAY, RoomNews};
use super::{FORMS, Fx, Own, Settings};
use crate::chat::{
    Audience, ChatServer, Error, Event, Join, Joined, RoomKey, SessionId, Timestamp,
};
use crate::rpc::{ConnId, GroupId};
use crate::store::transcript::Transcript;

/// The state behind every listener of the daemon.
pub struct House {
    /// The chat itself.
    pub chat: ChatServer,
    /// What the dialects are set to.
    pub settings: Settings,
    /// For each room with members, the group of each form that has some. Those who are in no room
    /// but follow the list of rooms stand under `None`: so nobody is in two groups, which costs.
    groups: HashMap<Option<RoomKey>, Vec<(u8, GroupId)>>,
    /// Changes of the list of rooms that are still to be told.
    room_news: RoomNews,
    /// Where everything that every room hears is taken down, if anywhere.
    pub transcript: Option<Transcript>,
    /// Where accounts are registered and logged in to, if anywhere.
    pub(super) desk: Option<Desk>,
    /// What single dialects keep.
    pub(super) own: Own,
    /// What happened and was not delivered yet.
    pub(super) events: Vec<Event>,
}

impl House {
    /// A house for this chat.
    pub fn new(chat: ChatServer, settings: Settings) -> House {
        House {
            chat,
            settings,
            groups: HashMap::new(),
            room_news: RoomNews::default(),
            transcript: None,
            desk: None,
            own: Own::default(),
            events: Vec::new(),
        }
    }

    // ---- sessions ------------------------------------------------------------------------------

    /// A connection was accepted, and its form is known: it becomes a session.
    pub(super) fn open(&mut self, fx: &mut Fx, conn: ConnId) {
        let session = self.chat.open(conn.to_bits());
        fx.set_session(conn, session.to_bits());
        self.enter_group(fx, conn, None);
    }

    /// A connection has ended: its session leaves.
    pub(super) fn close(&mut self, fx: &mut Fx, conn: ConnId) {
        let Some(session) = session_of(fx, conn) else { return };
        let room = self.chat.room_of(session);
        self.chat.close(session, now(fx), &mut self.events);
        self.drop_empty_groups(fx, room);
        self.deliver(fx);
    }

    /// Enters a room as [`ChatServer::join`] does. The events wait for [`deliver`](Self::deliver).
    pub(super) fn join(
        &mut self,
        fx: &mut Fx,
        conn: ConnId,
        join: Join<'_>,
    ) -> Result<Joined, Error> {
        let session = session_of(fx, conn).ok_or(Error::SessionClosed)?;
        let joined = self.chat.join(session, join, now(fx), &mut self.events)?;
        if joined.entered {
            self.leave_groups(fx, conn, joined.left);
            self.enter_group(fx, conn, Some(joined.room));
        }
        Ok(joined)
    }

    /// Leaves the room, keeps the name. The events wait for [`deliver`](Self::deliver).
    pub(super) fn leave(&mut self, fx: &mut Fx, conn: ConnId) -> Result<RoomKey, Error> {
        let session = session_of(fx, conn).ok_or(Error::SessionClosed)?;
        let room = self.chat.leave(session, now(fx), &mut self.events)?;
        self.leave_groups(fx, conn, Some(room));
        self.enter_group(fx, conn, None);
        Ok(room)
    }

    /// Logs a session out: it leaves its room and has no name any more. The events wait for
    /// [`deliver`](Self::deliver).
    pub(super) fn log_out(&mut self, fx: &mut Fx, session: SessionId) {
        let room = self.chat.room_of(session);
        self.chat.sign_out(session, now(fx), &mut self.events);
        if let (Some(conn), Some(_)) = (self.conn_of(session), room) {
            self.leave_groups(fx, conn, room);
            self.enter_group(fx, conn, None);
        }
    }

    /// A connection is sent another form from now on (which the transport has noted already).
    pub(super) fn change_form(&mut self, fx: &mut Fx, conn: ConnId) {
        let room = session_of(fx, conn).and_then(|session| self.chat.room_of(session));
        self.leave_groups(fx, conn, room);
        self.enter_group(fx, conn, room);
    }

    // ---- events --------------------------------------------------------------------------------

    /// Publishes what happened, in order, to those who are to see it.
    pub(super) fn deliver(&mut self, fx: &mut Fx) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            if let Some(transcript) = &self.transcript {
                transcript.record(&event);
            }
            match event.audience {
                Audience::Room => self.publish(fx, &event),
                Audience::One(session) => self.send(fx, &event, session),
                Audience::RoomList => {
                    if self.room_news.note(event) {
                        tell_room_news_later(fx);
                    }
                }
            }
        }
        self.events = events;
    }

    /// Tells all who follow the list of rooms how it has changed of late.
    fn tell_room_news(&mut self, fx: &mut Fx) {
        let (news, more) = self.room_news.take();
        for &(form, group) in self.groups.values().flatten() {
            let form = FORMS[usize::from(form)];
            if form.follows_rooms && !news.is_empty() {
                fx.publish(group, None, |out| {
                    news.iter().for_each(|event| form.write(out, |out| (form.encode)(event, out)));
                });
            }
        }
        if more {
            tell_room_news_later(fx);
        }
    }

    /// Sends what `content` appends to all in a room who are sent one of these forms, but one.
    pub(super) fn tell_forms(
        &self,
        fx: &mut Fx,
        (room, except): (RoomKey, ConnId),
        forms: &[u8],
        content: impl Fn(&mut Vec<u8>),
    ) {
        for (form, group) in self.groups.get(&Some(room)).into_iter().flatten() {
            if forms.contains(form) {
                let form = FORMS[usize::from(*form)];
                fx.publish(*group, Some(except), |out| form.write(out, &content));
            }
        }
    }

    fn publish(&self, fx: &mut Fx, event: &Event) {
        let Some(groups) = self.groups.get(&Some(event.room)) else { return };
        let subject = event.subject.and_then(|session| self.conn_of(session));
        for &(form, group) in groups {
            let form = FORMS[usize::from(form)];
            let except = if (form.echoes)(&event.kind) { None } else { subject };
            fx.publish(group, except, |out| form.write(out, |out| (form.encode)(event, out)));
        }
    }

    /// Sends an event for one session to it, and to the one who did it where its form has that.
    fn send(&self, fx: &mut Fx, event: &Event, session: SessionId) {
        let echo = event.subject.filter(|&subject| subject != session).filter(|&subject| {
            let conn = self.conn_of(subject);
            conn.is_some_and(|conn| (form_of(fx, conn).echoes)(&event.kind))
        });
        for receiver in [Some(session), echo].into_iter().flatten() {
            if let Some(conn) = self.conn_of(receiver) {
                let form = form_of(fx, conn);
                send(fx, conn, |out| (form.encode)(event, out));
            }
        }
    }

    /// Tells everyone in a room who is sent one of these forms that the server shuts down.
    pub(super) fn farewell(&self, fx: &mut Fx, forms: &[u8]) {
        let at = now(fx);
        for (room, groups) in &self.groups {
            let Some(room) = room.and_then(|room| self.chat.room(room)) else { continue };
            for (form, group) in groups.iter().filter(|(form, _)| forms.contains(form)) {
                let form = FORMS[usize::from(*form)];
                fx.publish(*group, None, |out| {
                    form.write(out, |out| (form.farewell)(room.name, at, out));
                });
            }
        }
    }

    // ---- groups --------------------------------------------------------------------------------

    /// Puts a connection into the group of its form in a room or, in none, if it is to be in any.
    fn enter_group(&mut self, fx: &mut Fx, conn: ConnId, room: Option<RoomKey>) {
        let form = fx.form(conn);
        if room.is_none() && !form_of(fx, conn).follows_rooms {
            return;
        }
        let groups = self.groups.entry(room).or_default();
        let group = match groups.iter().find(|(known, _)| *known == form) {
            Some(&(_, group)) => group,
            None => {
                let group = fx.new_group();
                groups.push((form, group));
                group
            }
        };
        fx.join_group(group, conn);
    }

    fn leave_groups(&mut self, fx: &mut Fx, conn: ConnId, room: Option<RoomKey>) {
        for &(_, group) in self.groups.get(&room).into_iter().flatten() {
            fx.leave_group(group, conn);
        }
        self.drop_empty_groups(fx, room);
    }

    fn drop_empty_groups(&mut self, fx: &mut Fx, room: Option<RoomKey>) {
        let Some(groups) = self.groups.get_mut(&room) else { return };
        groups.retain(|&(_, group)| {
            let used = fx.group_len(group) > 0;
            if !used {
                fx.remove_group(group);
            }
            used
        });
        if groups.is_empty() {
            self.groups.remove(&room);
        }
    }

    pub(super) fn conn_of(&self, session: SessionId) -> Option<ConnId> {
        self.chat.tag(session).map(ConnId::from_bits)
    }

    /// The address of a session's connection.
    pub(super) fn address_of(&self, fx: &Fx, session: SessionId) -> Option<std::net::SocketAddr> {
        fx.peer_addr(self.conn_of(session)?)
    }
}

fn tell_room_news_later(fx: &mut Fx) {
    fx.after(ROOM_NEWS_DELAY, House::tell_room_news);
}

/// The session of a connection.
pub(super) fn session_of(fx: &Fx, conn: ConnId) -> Option<SessionId> {
    SessionId::from_bits(fx.session(conn))
}

pub(super) fn form_of(fx: &Fx, conn: ConnId) -> &'static Form {
    FORMS[usize::from(fx.form(conn))]
}

/// Sends one frame to a connection, in its form, with the content that `content` appends.
pub(super) fn send(fx: &mut Fx, conn: ConnId, content: impl FnOnce(&mut Vec<u8>)) {
    let form = form_of(fx, conn);
    let (mut content_bytes, mut frame_bytes) = (0, 0);
    fx.send_with(conn, |out| {
        let start = out.len();
        form.write(out, |out| {
            content(out);
            content_bytes = out.len() - start;
        });
        frame_bytes = out.len() - start;
    });
    fx.count_saved(conn, content_bytes.saturating_sub(frame_bytes));
}

/// The time of this turn, as the chat takes it.
pub(super) fn now(fx: &Fx) -> Timestamp {
    Timestamp(fx.unix_ms())
}
