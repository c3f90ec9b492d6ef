//! Clients of every kind in one room, and what each of them must see of what any of them does.
//!
//! Nothing is waited for that does not come: who must see nothing is asked something, and the
//! answer must be the next thing there. The one who acts is asked first, so that what it did has
//! been done when the others are.

use crate::bridging_client::{Client, Doors, Kind};
use crate::bridging_tongues::{Asked, Body, Event, Room, What, quoted};
use crate::bridging_tongues_udp::DATAGRAM_BYTES;

/// The conversation in one room.
pub(crate) struct Talk {
    pub(crate) clients: Vec<Client>,
    pub(crate) room: Room,
    /// Which of the clients are in the room.
    pub(crate) is_in: Vec<bool>,
    /// All that took a number.
    pub(crate) numbered: Vec<Event>,
    /// What must be in the transcript: room, who, and the text as it was.
    pub(crate) transcript: Vec<(String, String, String)>,
    /// Whether requests are sent with every character that is not ASCII escaped.
    pub(crate) in_ascii: bool,
}

impl Talk {
    /// One client of each kind, in nobody's way, and a room that an account has made. `names` has
    /// one for each kind.
    #[track_caller]
    pub(crate) fn begin(doors: &Doors, room: &str, names: [&str; 11]) -> Talk {
        let mut scout = Client::connect(doors, Kind::V1, "Scout");
        let founder = Kind::ALL.iter().position(|kind| *kind == Kind::Accounts).expect("a kind");
        let mut founder = Client::connect(doors, Kind::Accounts, names[founder]);
        founder.send(&format!(r#"{{"type":"create","data":{{"room":{}}}}}"#, quoted(room)));
        let created = quoted(&format!("{room} created successfully"));
        founder.expect(&format!(r#"{{"type":"create","status":"ok","message":{created}}}"#));
        // Who comes later does not hear that there is a new room.
        let opened = scout.take();
        let name = quoted(room);
        let start = format!(r#"{{"event":"room_opened","room":{name},"room_id":""#);
        let id = opened.strip_prefix(&start).and_then(|rest| rest.get(..8)).expect(&opened);
        let room = Room::new(room, id);
        let mut founder = Some(founder);
        let mut talk = Talk {
            clients: Vec::new(),
            room,
            is_in: Vec::new(),
            numbered: Vec::new(),
            transcript: Vec::new(),
            in_ascii: false,
        };
        for (kind, name) in Kind::ALL.into_iter().zip(names) {
            let known = if kind == Kind::Accounts { founder.take() } else { None };
            let client = known.unwrap_or_else(|| Client::connect(doors, kind, name));
            if client.tongue.is_always_somewhere() {
                talk.note("general", "system", format!("{} joined", client.name));
            }
            talk.clients.push(client);
            talk.is_in.push(false);
            talk.join(talk.clients.len() - 1, false);
        }
        talk
    }

    fn note(&mut self, room: &str, who: &str, text: String) {
        self.transcript.push((room.to_owned(), who.to_owned(), text));
    }

    #[track_caller]
    pub(crate) fn join(&mut self, who: usize, by_id: bool) {
        let name = self.clients[who].name.clone();
        if self.clients[who].tongue.is_always_somewhere() {
            self.note("general", "system", format!("{name} left"));
        }
        self.room.seq += 1;
        self.room.users.push(name.clone());
        self.is_in[who] = true;
        let asked = self.clients[who].tongue.join(&name, &self.room, by_id);
        self.happens(who, asked, What::Joined(name));
    }

    #[track_caller]
    pub(crate) fn leave(&mut self, who: usize) {
        let name = self.clients[who].name.clone();
        self.room.seq += 1;
        self.room.users.retain(|user| *user != name);
        self.is_in[who] = false;
        let asked = self.clients[who].tongue.leave(&name, &self.room);
        let is_somewhere = self.clients[who].tongue.is_always_somewhere();
        self.happens(who, asked, What::Left(name.clone()));
        if is_somewhere {
            self.note("general", "system", format!("{name} joined"));
        }
    }

    #[track_caller]
    pub(crate) fn say(&mut self, who: usize, body: &Body) {
        let from = self.clients[who].name.clone();
        self.room.seq += 1;
        let asked = self.clients[who].tongue.say(&from, &self.room, body, self.room.seq);
        self.happens(who, asked, What::Said { from, body: body.clone() });
    }

    /// Says something to one member. `spelled` is the name it is said to by. Nothing, where a
    /// client cannot.
    #[track_caller]
    pub(crate) fn whisper(&mut self, who: usize, to: usize, spelled: &str, body: &Body) {
        let (from, to) = (self.clients[who].name.clone(), self.clients[to].name.clone());
        if let Some(asked) = self.clients[who].tongue.whisper(&from, &self.room, spelled, body) {
            self.happens(who, asked, What::Whispered { from, to, body: body.clone() });
        }
    }

    /// Changes a name; nothing, where a client cannot.
    #[track_caller]
    pub(crate) fn rename(&mut self, who: usize, new: &str) {
        let old = self.clients[who].name.clone();
        let seq = self.room.seq + 1;
        if let Some(asked) = self.clients[who].tongue.rename(&self.room, new, seq) {
            self.room.seq = seq;
            new.clone_into(&mut self.clients[who].name);
            let user = self.room.users.iter_mut().find(|user| **user == old).expect("a member");
            new.clone_into(user);
            self.happens(who, asked, What::Renamed { old, new: new.to_owned() });
        }
    }

    /// A client goes away without a word.
    #[track_caller]
    pub(crate) fn vanish(&mut self, who: usize) {
        let client = self.clients.remove(who);
        self.is_in.remove(who);
        self.room.seq += 1;
        self.room.users.retain(|user| *user != client.name);
        let event = self.noted(What::Left(client.name.clone()));
        client.vanish();
        // The first that sees it knows that it has happened.
        for client in &mut self.clients {
            if let Some(seen) = client.tongue.sees(&event, false) {
                client.expect(&seen);
            }
        }
        self.probe_all();
    }

    #[track_caller]
    pub(crate) fn probe_all(&mut self) {
        for (client, is_in) in self.clients.iter_mut().zip(&self.is_in) {
            client.probe(*is_in);
        }
    }

    /// Everybody sees of it what they should, and nothing else.
    #[track_caller]
    fn happens(&mut self, who: usize, mut asked: Asked, what: What) {
        let event = self.noted(what);
        let actor = &mut self.clients[who];
        if self.in_ascii {
            let request = in_ascii(&asked.request);
            if actor.kind != Kind::Udp || request.len() <= DATAGRAM_BYTES {
                asked.request = request;
            }
        }
        actor.ask(&asked, Some(&event));
        actor.probe(self.is_in[who]);
        for (index, client) in self.clients.iter_mut().enumerate() {
            if index == who {
                continue;
            }
            let hears = match &event.what {
                What::Whispered { to, .. } => client.name == *to,
                _ => self.is_in[index],
            };
            if let Some(seen) = client.tongue.sees(&event, false).filter(|_| hears) {
                client.expect(&seen);
            }
            client.probe(self.is_in[index]);
        }
    }

    /// The event, noted for the transcript.
    fn noted(&mut self, what: What) -> Event {
        let room = self.room.name.clone();
        match &what {
            What::Joined(name) => self.note(&room, "system", format!("{name} joined")),
            What::Left(name) => self.note(&room, "system", format!("{name} left")),
            What::Renamed { old, new } => {
                self.note(&room, "system", format!("{old} is now {new}"));
            }
            What::Said { from, body } => self.note(&room, from, body.text.clone()),
            What::Whispered { .. } => {}
        }
        let event = Event { room, seq: self.room.seq, what };
        if !matches!(event.what, What::Whispered { .. }) {
            self.numbered.push(event.clone());
        }
        event
    }
}

/// The same JSON with nothing but ASCII in it.
fn in_ascii(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
