//! What sessions see of each other: moves, names, rooms, accounts.

mod accounts;
mod moves;
mod speech;

use super::*;

const NOW: Timestamp = Timestamp(1_000);

/// A chat, and what the last operation made happen.
struct Chat {
    server: ChatServer,
    out: Vec<Event>,
}

impl Chat {
    fn new() -> Chat {
        Chat::with(Settings::default())
    }

    fn with(settings: Settings) -> Chat {
        let mut number = 0xa000_0000;
        let random = Box::new(move || {
            number += 1;
            number
        });
        Chat { server: ChatServer::new(settings, NOW, random).unwrap(), out: Vec::new() }
    }

    fn join(&mut self, session: SessionId, name: &str, room: &str) -> Result<Joined, Error> {
        let name = (!name.is_empty()).then_some(name);
        self.enter(session, Join { name, room: RoomRef::NameOrId(room), create: true })
    }

    fn enter(&mut self, session: SessionId, join: Join<'_>) -> Result<Joined, Error> {
        self.out.clear();
        self.server.join(session, join, NOW, &mut self.out)
    }

    /// Somebody new in a room.
    fn guest(&mut self, name: &str, room: &str) -> SessionId {
        let session = self.server.open(7);
        self.join(session, name, room).unwrap();
        session
    }

    fn rename(&mut self, session: SessionId, name: &str) -> Result<(), Error> {
        self.out.clear();
        self.server.rename(session, name, NOW, &mut self.out)
    }

    fn leave(&mut self, session: SessionId) -> Result<RoomKey, Error> {
        self.out.clear();
        self.server.leave(session, NOW, &mut self.out)
    }

    fn close(&mut self, session: SessionId) {
        self.out.clear();
        self.server.close(session, NOW, &mut self.out);
    }

    fn whisper(&mut self, session: SessionId, to: &str, text: &str) -> Result<(), Error> {
        self.out.clear();
        self.server.whisper(session, to, Body::Text(text), NOW, &mut self.out)
    }

    fn set_private(&mut self, session: SessionId, private: bool) -> Result<(), Error> {
        self.out.clear();
        self.server.set_private(session, private, NOW, &mut self.out)
    }

    fn create(&mut self, session: Option<SessionId>, name: &str) -> Result<RoomKey, Error> {
        self.out.clear();
        self.server.create_room(session, name, false, NOW, &mut self.out)
    }

    fn sign_in(&mut self, session: SessionId, name: &str) -> Result<(), Error> {
        self.out.clear();
        self.server.sign_in(session, name, NOW, &mut self.out)
    }

    /// Somebody new, logged in to a new account.
    fn owner(&mut self, name: &str) -> SessionId {
        let session = self.server.open(0);
        self.server.register_account(name).unwrap();
        self.sign_in(session, name).unwrap();
        session
    }

    /// The events of the last operation, a word or two each.
    fn told(&self) -> Vec<String> {
        let short = |event: &Event| {
            let room = &event.room_name;
            match &event.kind {
                EventKind::Joined { name } => format!("{room} {}: +{name}", event.seq),
                EventKind::Left { name } => format!("{room} {}: -{name}", event.seq),
                EventKind::Renamed { old, new } => format!("{room} {}: {old}>{new}", event.seq),
                EventKind::Message { from, body } => {
                    format!("{room} {}: {from}: {}", event.seq, body.as_str())
                }
                EventKind::Whisper(whisper) => {
                    format!("{}>{}: {}", whisper.from, whisper.to, whisper.body.as_str())
                }
                EventKind::RoomOpened { .. } => format!("opened {room}"),
                EventKind::RoomChanged { private } => format!("{room} private {private}"),
                EventKind::RoomClosed { .. } => format!("closed {room}"),
            }
        };
        self.out.iter().map(short).collect()
    }

    fn listed(&self, viewer: Option<SessionId>) -> Vec<&str> {
        self.server.rooms(viewer).map(|room| room.name).collect()
    }

    fn members(&self, room: &str) -> Vec<&str> {
        let room = self.server.find_room(RoomRef::Name(room)).unwrap();
        self.server.members(room).map(|(_, name)| name).collect()
    }
}
