//! Thousands of random sessions do everything a session can do, and after every step the chat must
//! be what a far simpler model says it is. It takes no part in this how a session is connected.

mod checks;
mod model;
mod names;

use std::collections::HashMap;

use model::{Model, User, Which};
use names::{NAMES, NO_NAME, name};
use parlance::chat::{
    Body, ChatServer, Error, Event, Join, RoomKey, RoomRef, SessionId, Settings, Timestamp,
};

const STEPS: usize = 2500;

#[test]
fn the_chat_is_what_the_model_says() {
    let sessions: usize = (1..=10).map(run).sum();
    assert!(sessions > 2000, "only {sessions} sessions took part");
}

/// Runs one seed and says how many sessions took part.
fn run(seed: u64) -> usize {
    let settings = Settings {
        rooms_max: 7,
        rooms_per_account_max: 2,
        presence_members_max: 3,
        history_events_max: 12,
        history_bytes_max: 900,
        history_total_bytes_max: 2200,
        text_chars_max: 20,
        ..Settings::default()
    };
    let mut world = World::new(settings, seed);
    for step in 0..STEPS {
        world.place.step = step;
        world.step();
        world.check_told();
        world.check_ears();
        world.check_names();
        world.check_rooms();
        world.check_histories();
    }
    world.model.users.len()
}

struct World {
    place: Place,
    dice: Dice,
    chat: ChatServer,
    model: Model,
    out: Vec<Event>,
    /// For who is in a room: the room and the last `seq` heard in it.
    ears: HashMap<SessionId, (RoomKey, u64)>,
}

/// Where a run is; says so when the run fails.
struct Place {
    seed: u64,
    step: usize,
    doing: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}, step {}: {}", self.seed, self.step, self.doing);
        }
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

impl World {
    fn new(settings: Settings, seed: u64) -> World {
        // Few numbers, so that ids meet each other and the names that look like ids.
        let mut numbers = Dice(!seed);
        let random = Box::new(move || numbers.roll() % 32);
        let chat = ChatServer::new(settings.clone(), Timestamp(0), random).unwrap();
        let mut model = Model::new(settings);
        model.rooms[0].key = Some(chat.default_room());
        model.rooms[0].id = chat.room(chat.default_room()).unwrap().id.to_owned();
        World {
            place: Place { seed, step: 0, doing: String::new() },
            dice: Dice(seed),
            chat,
            model,
            out: Vec::new(),
            ears: HashMap::new(),
        }
    }

    fn step(&mut self) {
        self.out.clear();
        self.model.heard.clear();
        let open = self.model.users.iter().filter(|user| user.open).count();
        if open < 2 || (open < 14 && self.dice.one_in(3)) {
            self.place.doing = "open".to_owned();
            let tag = self.model.users.len() as u64;
            let id = self.chat.open(tag);
            self.model.users.push(User {
                id,
                open: true,
                name: None,
                signed_in: false,
                room: None,
            });
            assert_eq!(self.chat.tag(id), Some(tag));
            return;
        }
        let user = self.somebody();
        let id = self.model.users[user].id;
        let now = Timestamp(self.place.step as u64);
        match self.dice.below(44) {
            0..12 => self.join(user),
            12..22 => self.say(user),
            22..24 => self.whisper(user),
            24..27 => self.take_name(user),
            27..29 => {
                self.place.doing = format!("leave {user}");
                let left = self.chat.leave(id, now, &mut self.out);
                assert_eq!(left, self.model.leave(user).map(|room| self.key(room)));
            }
            29..33 => {
                self.place.doing = format!("close {user}");
                self.chat.close(id, now, &mut self.out);
                self.model.close(user);
            }
            33..35 => {
                let private = self.dice.one_in(2);
                self.place.doing = format!("{user} sets private {private}");
                let set = self.chat.set_private(id, private, now, &mut self.out);
                assert_eq!(set, self.model.set_private(user, private));
            }
            35 => self.create(user),
            36 => {
                self.place.doing = format!("{user} forgets its name");
                self.chat.forget_name(id);
                self.model.forget_name(user);
            }
            _ => self.account(user),
        }
    }

    /// An open session most times; now and then one that has closed.
    fn somebody(&mut self) -> usize {
        let stale = self.dice.one_in(40);
        let users = self.model.users.iter().enumerate();
        let able: Vec<usize> =
            users.filter(|(_, user)| user.open || stale).map(|(index, _)| index).collect();
        able[self.dice.below(able.len())]
    }

    /// A text that may be a name, or a room's id, or nothing.
    fn some_name(&mut self) -> String {
        match self.dice.below(20) {
            0 => NO_NAME.to_owned(),
            1 | 2 => {
                let open: Vec<&str> = self
                    .model
                    .rooms
                    .iter()
                    .filter(|room| !room.ended)
                    .map(|room| &*room.id)
                    .collect();
                open[self.dice.below(open.len())].to_owned()
            }
            _ => NAMES[self.dice.below(NAMES.len())].0.to_owned(),
        }
    }

    fn key(&self, room: usize) -> RoomKey {
        self.model.rooms[room].key.unwrap()
    }

    fn join(&mut self, user: usize) {
        let id = self.model.users[user].id;
        let name = (self.model.users[user].name.is_none() || self.dice.one_in(4))
            .then(|| self.some_name());
        let text = self.some_name();
        let any = self.dice.below(self.model.rooms.len());
        let private = self.dice.one_in(2);
        let create = !self.dice.one_in(4);
        let (which, room) = match self.dice.below(8) {
            0 => (Which::Default, RoomRef::Default),
            1 => (Which::Id(&text), RoomRef::Id(&text)),
            2 => (Which::Key(any), RoomRef::Key(self.key(any))),
            3 => (Which::New(&text, private), RoomRef::New { name: &text, private }),
            4 | 5 => (Which::Name(&text), RoomRef::Name(&text)),
            _ => (Which::NameOrId(&text), RoomRef::NameOrId(&text)),
        };
        self.place.doing = format!("{user} joins as {name:?} {room:?} {create}");
        let now = Timestamp(self.place.step as u64);
        let join = Join { name: name.as_deref(), room, create };
        let done = self.chat.join(id, join, now, &mut self.out);
        match self.model.join(user, name.as_deref(), which, create) {
            Err(error) => assert_eq!(done, Err(error)),
            Ok((room, left, entered)) => {
                let done = done.unwrap();
                self.bind(room, done.room);
                assert_eq!(done.left, left.map(|left| self.key(left)));
                assert_eq!((done.entered, done.seq), (entered, self.model.rooms[room].seq));
                if entered {
                    let own = self.out.last().filter(|event| event.seq > 0);
                    let joined = own.is_some_and(|event| event.room == done.room);
                    self.ears.insert(id, (done.room, done.seq - u64::from(joined)));
                }
            }
        }
    }

    /// Learns a new room's key and id from the chat.
    fn bind(&mut self, room: usize, key: RoomKey) {
        let room = &mut self.model.rooms[room];
        if room.key.is_none() {
            room.id = self.chat.room(key).unwrap().id.to_owned();
            let id = room.id.clone();
            room.key = Some(key);
            self.check_fresh(&id, 1);
        }
        assert_eq!(self.model.rooms.iter().filter(|room| room.key == Some(key)).count(), 1);
    }

    /// An id means nobody, and no other room than the `own` it may have been made for.
    fn check_fresh(&self, id: &str, own: usize) {
        let rooms = self.model.rooms.iter().filter(|room| !room.ended);
        assert_eq!(rooms.filter(|room| room.id == id || room.name.key == id).count(), own);
        assert!(self.model.bearer(id).is_none());
        assert!(!self.model.accounts.contains_key(id));
        assert!(!self.model.holds.values().any(|held| held == id));
    }

    fn say(&mut self, user: usize) {
        let text = match self.dice.below(12) {
            0 => " ".repeat(self.dice.below(3)),
            _ => "ö".repeat(1 + self.dice.below(22)),
        };
        self.place.doing = format!("{user} says {text:?}");
        let now = Timestamp(self.place.step as u64);
        let said = self.chat.say(self.model.users[user].id, Body::Text(&text), now, &mut self.out);
        assert_eq!(said, self.model.say(user, &text));
    }

    fn whisper(&mut self, user: usize) {
        let to = self.some_name();
        self.place.doing = format!("{user} whispers to {to:?}");
        let now = Timestamp(self.place.step as u64);
        let id = self.model.users[user].id;
        let said = self.chat.whisper(id, &to, Body::Text("psst"), now, &mut self.out);
        assert_eq!(said, self.model.whisper(user, &to, "psst"));
    }

    fn take_name(&mut self, user: usize) {
        let name = match self.dice.one_in(4) {
            false => self.some_name(),
            true => {
                let name = self.chat.client_name();
                self.check_fresh(&name, 0);
                name.to_string()
            }
        };
        self.place.doing = format!("{user} takes the name {name:?}");
        let now = Timestamp(self.place.step as u64);
        let renamed = self.chat.rename(self.model.users[user].id, &name, now, &mut self.out);
        assert_eq!(renamed, self.model.rename(user, &name));
    }

    fn create(&mut self, user: usize) {
        let name = self.some_name();
        let creator = (!self.dice.one_in(8)).then_some(user);
        let private = self.dice.one_in(3);
        // Such rooms stay for ever: enough of them and there would be nothing else.
        if self.model.rooms.iter().filter(|room| room.permanent).count() > 3 {
            return;
        }
        self.place.doing = format!("{creator:?} makes {name:?}");
        let now = Timestamp(self.place.step as u64);
        let id = creator.map(|creator| self.model.users[creator].id);
        let made = self.chat.create_room(id, &name, private, now, &mut self.out);
        match self.model.create(creator, &name, private) {
            Ok(room) => self.bind(room, made.unwrap()),
            Err(error) => assert_eq!(made, Err(error)),
        }
    }

    fn account(&mut self, user: usize) {
        let id = self.model.users[user].id;
        let text = self.some_name();
        let now = Timestamp(self.place.step as u64);
        let name = name(&text);
        match self.dice.below(10) {
            0 if name.is_some() => {
                self.place.doing = format!("account {text:?} comes");
                let name = name.unwrap();
                self.chat.register_account(&text).unwrap();
                self.model.accounts.insert(name.key, name.shown);
            }
            1 => {
                self.place.doing = format!("account {text:?} goes");
                self.chat.unregister_account(&text);
                name.map(|name| self.model.accounts.remove(&name.key));
            }
            2 => {
                self.place.doing = format!("{user} signs out");
                self.chat.sign_out(id, now, &mut self.out);
                self.model.sign_out(user);
            }
            3..6 => {
                self.place.doing = format!("{user} holds {text:?}");
                assert_eq!(self.chat.hold_name(id, &text), self.model.hold(user, &text));
            }
            6 | 7 => {
                // Whoever holds a name lets it go, open or not.
                let holder = self.model.holds.keys().min().copied().unwrap_or(user);
                self.place.doing = format!("{holder} lets go");
                self.chat.release_hold(self.model.users[holder].id);
                self.model.holds.remove(&holder);
            }
            _ => {
                self.place.doing = format!("{user} signs in as {text:?}");
                let signed_in = self.chat.sign_in(id, &text, now, &mut self.out);
                assert_eq!(signed_in, self.model.sign_in(user, &text));
            }
        }
    }
}

#[test]
fn a_closed_session_is_refused_everywhere() {
    let mut chat = ChatServer::new(Settings::default(), Timestamp(0), Box::new(|| 1)).unwrap();
    let (gone, now, out) = (chat.open(0), Timestamp(0), &mut Vec::new());
    chat.close(gone, now, out);
    let _ = chat.open(1);
    let closed = Some(Error::SessionClosed);
    let join = Join { name: Some("a"), room: RoomRef::Default, create: true };
    assert_eq!(chat.join(gone, join, now, out).err(), closed);
    assert_eq!(chat.rename(gone, "a", now, out).err(), closed);
    assert_eq!(chat.leave(gone, now, out).err(), closed);
    assert_eq!(chat.say(gone, Body::Text("x"), now, out).err(), closed);
    assert_eq!(chat.whisper(gone, "a", Body::Text("x"), now, out).err(), closed);
    assert_eq!(chat.set_private(gone, true, now, out).err(), closed);
    assert_eq!(chat.create_room(Some(gone), "b", false, now, out).err(), closed);
    assert_eq!(chat.hold_name(gone, "a").err(), closed);
    assert_eq!(chat.sign_in(gone, "a", now, out).err(), closed);
    assert!(out.is_empty());
}
