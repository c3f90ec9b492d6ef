//! What must hold after every step.

use std::collections::HashSet;

use parlance::chat::{Audience, EventKind, SessionId, Timestamp};

use super::World;
use super::model::{Heard, To};

impl World {
    /// The events are those the model wants, in its order.
    pub(super) fn check_told(&self) {
        let user = |id| self.model.users.iter().position(|user| user.id == id).unwrap();
        let told = self.out.iter().map(|event| Heard {
            room: self.model.rooms.iter().position(|room| room.key == Some(event.room)).unwrap(),
            seq: event.seq,
            by: match event.audience {
                Audience::Room => To::Room,
                Audience::One(id) => To::One(user(id)),
                Audience::RoomList => To::List,
            },
            text: text(&event.kind),
        });
        assert_eq!(told.collect::<Vec<_>>(), self.model.heard);
        for event in &self.out {
            assert_eq!(event.at, Timestamp(self.place.step as u64));
        }
    }

    /// Events are delivered as a dialect would: nobody outside a room hears it, nobody in it misses
    /// anything from the moment it came.
    pub(super) fn check_ears(&mut self) {
        for event in self.out.iter().filter(|event| event.seq > 0) {
            for (member, _) in self.chat.members(event.room) {
                let (room, last) = self.ears.get_mut(&member).unwrap();
                assert_eq!((*room, *last + 1), (event.room, event.seq));
                *last = event.seq;
            }
        }
        for user in &self.model.users {
            assert_eq!(self.chat.room_of(user.id), user.room.map(|room| self.key(room)));
            match user.room {
                Some(room) => {
                    let heard = (self.key(room), self.model.rooms[room].seq);
                    assert_eq!(self.ears.get(&user.id), Some(&heard));
                }
                None => drop(self.ears.remove(&user.id)),
            }
        }
    }

    pub(super) fn check_names(&self) {
        let mut keys = HashSet::new();
        for (index, user) in self.model.users.iter().enumerate() {
            let name = self.chat.name_of(user.id);
            assert_eq!(name, user.name.as_ref().map(|name| &*name.shown));
            assert_eq!(self.chat.is_signed_in(user.id), user.open && user.signed_in);
            if let Some(name) = &user.name {
                assert!(keys.insert(&name.key), "{} twice", name.key);
                assert_eq!(self.chat.bearer(&name.shown), Some(self.model.users[index].id));
            }
        }
        let lobby: Vec<SessionId> = self.chat.logged_in_without_room().map(|(id, _)| id).collect();
        let expected: Vec<SessionId> =
            self.model.lobby.iter().map(|user| self.model.users[*user].id).collect();
        assert_eq!(lobby, expected);
    }

    /// The rooms there are, who is in them, and who is shown them.
    pub(super) fn check_rooms(&mut self) {
        let viewer = self.somebody();
        for viewer in [None, Some(viewer)] {
            let place = viewer.and_then(|viewer| self.model.users[viewer].room);
            let rooms = self.model.rooms.iter().enumerate();
            let shown = rooms
                .filter(|(index, room)| !room.ended && (!room.private || place == Some(*index)))
                .map(|(_, room)| (room.key.unwrap(), &*room.name.shown, room.members.len()));
            let views = self.chat.rooms(viewer.map(|viewer| self.model.users[viewer].id));
            let views = views.map(|view| (view.key, view.name, view.members));
            assert_eq!(views.collect::<Vec<_>>(), shown.collect::<Vec<_>>());
        }
        for room in &self.model.rooms {
            let members: Vec<SessionId> =
                self.chat.members(room.key.unwrap()).map(|(id, _)| id).collect();
            let expected = room.members.iter().map(|user| self.model.users[*user].id);
            assert_eq!(members, expected.collect::<Vec<_>>());
            let view = self.chat.room(room.key.unwrap());
            assert_eq!(
                view.map(|view| (view.seq, view.private)),
                match room.ended {
                    true => None,
                    false => Some((room.seq, room.private)),
                }
            );
            assert!(room.ended || room.permanent || !members.is_empty());
        }
        assert!(!self.model.rooms[0].ended && !self.model.rooms[0].private);
    }

    pub(super) fn check_histories(&mut self) {
        for room in &self.model.rooms {
            let (after, limit) = match self.dice.below(3) {
                0 => (self.dice.roll() % (room.seq + 3), self.dice.below(6)),
                _ => (0, 200),
            };
            let Some(history) = self.chat.history(room.key.unwrap(), after, limit) else {
                assert!(room.ended);
                continue;
            };
            let told = history.records.map(|kept| (kept.seq, text(kept.kind)));
            let kept = room.history.iter().filter(|kept| kept.seq > after).take(limit);
            let expected = kept.map(|kept| (kept.seq, kept.text.clone()));
            assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
            let first = room.history.first().map_or(room.seq + 1, |kept| kept.seq);
            assert_eq!(history.truncated, (1..first).any(|gone| gone > after));
        }
    }
}

fn text(kind: &EventKind) -> String {
    match kind {
        EventKind::Joined { name } => format!("+{name}"),
        EventKind::Left { name } => format!("-{name}"),
        EventKind::Renamed { old, new } => format!("{old}={new}"),
        EventKind::Message { from, body } => format!("{from}: {}", body.as_str()),
        EventKind::Whisper(it) => format!("{}>{}: {}", it.from, it.to, it.body.as_str()),
        EventKind::RoomOpened { .. } => "opened".to_owned(),
        EventKind::RoomChanged { private } => format!("private {private}"),
        EventKind::RoomClosed { .. } => "closed".to_owned(),
    }
}
