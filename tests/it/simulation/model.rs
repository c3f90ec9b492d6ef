//! The chat told again as simply as it can be: vectors, searched from end to end. It shares no
//! code with what it judges.

use std::collections::HashMap;

use super::names::{Name, name};
use parlance::chat::{Error, RECORD_BYTES, RoomKey, SessionId, Settings};

pub(crate) struct User {
    pub(crate) id: SessionId,
    pub(crate) open: bool,
    pub(crate) name: Option<Name>,
    pub(crate) signed_in: bool,
    pub(crate) room: Option<usize>,
}

pub(crate) struct Room {
    /// Not known until the chat has said it.
    pub(crate) key: Option<RoomKey>,
    pub(crate) id: String,
    pub(crate) name: Name,
    pub(crate) private: bool,
    pub(crate) permanent: bool,
    pub(crate) ended: bool,
    pub(crate) members: Vec<usize>,
    pub(crate) seq: u64,
    pub(crate) history: Vec<Kept>,
    creator: Option<usize>,
    account: Option<String>,
}

pub(crate) struct Kept {
    pub(crate) seq: u64,
    pub(crate) text: String,
    order: u64,
    bytes: usize,
}

/// An event as it ought to be.
#[derive(PartialEq, Debug)]
pub(crate) struct Heard {
    pub(crate) room: usize,
    pub(crate) seq: u64,
    pub(crate) by: To,
    pub(crate) text: String,
}

#[derive(PartialEq, Debug, Clone, Copy)]
pub(crate) enum To {
    Room,
    One(usize),
    List,
}

/// Which room is meant.
pub(crate) enum Which<'a> {
    Name(&'a str),
    NameOrId(&'a str),
    Id(&'a str),
    Default,
    Key(usize),
    New(&'a str, bool),
}

pub(crate) struct Model {
    pub(crate) settings: Settings,
    pub(crate) users: Vec<User>,
    pub(crate) rooms: Vec<Room>,
    pub(crate) lobby: Vec<usize>,
    pub(crate) accounts: HashMap<String, String>,
    pub(crate) holds: HashMap<usize, String>,
    /// What the last operation ought to have told.
    pub(crate) heard: Vec<Heard>,
    order: u64,
}

impl Model {
    pub(crate) fn new(settings: Settings) -> Model {
        let mut model = Model {
            users: Vec::new(),
            rooms: Vec::new(),
            lobby: Vec::new(),
            accounts: HashMap::new(),
            holds: HashMap::new(),
            heard: Vec::new(),
            order: 0,
            settings,
        };
        let general = name(&model.settings.default_room).unwrap();
        model.add_room(None, general, false, true);
        model.heard.clear();
        model
    }

    pub(crate) fn join(
        &mut self,
        user: usize,
        wanted: Option<&str>,
        which: Which<'_>,
        create: bool,
    ) -> Result<(usize, Option<usize>, bool), Error> {
        let wanted = match wanted {
            Some(wanted) => Some(self.check_name(user, wanted)?),
            None if !self.users[user].open => return Err(Error::SessionClosed),
            None if self.users[user].name.is_none() => return Err(Error::NameRequired),
            None => None,
        };
        let is_new = matches!(which, Which::New(..));
        let named = match which {
            Which::Name(text) | Which::NameOrId(text) | Which::New(text, _) => {
                Some(name(text).ok_or(Error::RoomNameRequired)?)
            }
            _ => None,
        };
        let found = self.find(&which);
        let made = match (found, named) {
            (Some(_), _) if is_new => return Err(Error::RoomExists),
            (None, Some(named)) if create || is_new => {
                self.check_room(Some(user), &named)?;
                Some(named)
            }
            (None, _) => return Err(Error::RoomNotFound),
            (Some(_), _) => None,
        };
        let old = self.users[user].room;
        if old.is_some() && old == found {
            self.take_name(user, wanted);
            return Ok((found.unwrap(), None, false));
        }
        self.depart(user);
        self.take_name(user, wanted);
        let private = matches!(which, Which::New(_, true));
        let room =
            found.unwrap_or_else(|| self.add_room(Some(user), made.unwrap(), private, false));
        self.lobby.retain(|other| *other != user);
        self.rooms[room].members.push(user);
        self.users[user].room = Some(room);
        let joined = format!("+{}", self.shown(user));
        self.presence(room, self.rooms[room].members.len(), joined);
        Ok((room, old, true))
    }

    pub(crate) fn find(&self, which: &Which<'_>) -> Option<usize> {
        let by_name = |text: &str| {
            let key = name(text)?.key;
            self.rooms.iter().position(|room| !room.ended && room.name.key == key)
        };
        let by_id = |id: &str| self.rooms.iter().position(|room| !room.ended && room.id == id);
        match which {
            Which::Name(text) | Which::New(text, _) => by_name(text),
            Which::Id(id) => by_id(id),
            Which::NameOrId(text) => by_name(text).or_else(|| by_id(text)),
            Which::Key(room) => (!self.rooms[*room].ended).then_some(*room),
            Which::Default => Some(0),
        }
    }

    pub(crate) fn rename(&mut self, user: usize, wanted: &str) -> Result<(), Error> {
        let name = self.check_name(user, wanted)?;
        self.take_name(user, Some(name));
        Ok(())
    }

    pub(crate) fn leave(&mut self, user: usize) -> Result<usize, Error> {
        self.check_open(user)?;
        self.depart(user).ok_or(Error::NotInRoom)
    }

    pub(crate) fn close(&mut self, user: usize) {
        self.depart(user);
        self.lobby.retain(|other| *other != user);
        self.users[user].name = None;
        self.users[user].open = false;
    }

    pub(crate) fn forget_name(&mut self, user: usize) {
        if self.users[user].room.is_none() && !self.users[user].signed_in {
            self.users[user].name = None;
        }
    }

    pub(crate) fn say(&mut self, user: usize, text: &str) -> Result<u64, Error> {
        self.check_open(user)?;
        let room = self.users[user].room.ok_or(Error::NotInRoom)?;
        self.check_text(text)?;
        let from = self.shown(user);
        self.announce(room, format!("{from}: {text}"), from.len() + text.len());
        Ok(self.rooms[room].seq)
    }

    pub(crate) fn whisper(&mut self, user: usize, to: &str, text: &str) -> Result<(), Error> {
        self.check_open(user)?;
        let room = self.users[user].room.ok_or(Error::NotInRoom)?;
        let to = name(to).ok_or(Error::NameRequired)?;
        let bearer = self.bearer(&to.key);
        let spelled = bearer.map_or(to.shown, |bearer| self.shown(bearer));
        let target = bearer.filter(|bearer| self.users[*bearer].room == Some(room));
        let target = target.ok_or_else(|| Error::NoSuchMember(spelled.as_str().into()))?;
        self.check_text(text)?;
        let text = format!("{}>{spelled}: {text}", self.shown(user));
        self.heard.push(Heard { room, seq: 0, by: To::One(target), text });
        Ok(())
    }

    pub(crate) fn create(
        &mut self,
        user: Option<usize>,
        wanted: &str,
        private: bool,
    ) -> Result<usize, Error> {
        user.map_or(Ok(()), |user| self.check_open(user))?;
        let wanted = name(wanted).ok_or(Error::RoomNameRequired)?;
        self.check_room(user, &wanted)?;
        Ok(self.add_room(user, wanted, private, true))
    }

    pub(crate) fn set_private(&mut self, user: usize, private: bool) -> Result<(), Error> {
        self.check_open(user)?;
        let room = self.users[user].room.ok_or(Error::NotInRoom)?;
        if room == 0 {
            return Err(Error::DefaultRoom);
        }
        let creator = self.rooms[room].creator;
        if creator.is_some_and(|it| it != user && self.users[it].room == Some(room)) {
            return Err(Error::NotCreator);
        }
        if self.rooms[room].private != private {
            self.rooms[room].private = private;
            self.tell(room, To::Room, format!("private {private}"));
            self.tell(room, To::List, if private { "closed" } else { "opened" }.to_owned());
        }
        Ok(())
    }

    pub(crate) fn hold(&mut self, user: usize, wanted: &str) -> Result<(), Error> {
        self.check_open(user)?;
        let key = name(wanted).ok_or(Error::NameRequired)?.key;
        self.check_owner(user, &key)?;
        self.holds.insert(user, key);
        Ok(())
    }

    pub(crate) fn sign_in(&mut self, user: usize, wanted: &str) -> Result<(), Error> {
        self.check_open(user)?;
        let key = name(wanted).ok_or(Error::NoSuchAccount)?.key;
        let shown = self.accounts.get(&key).ok_or(Error::NoSuchAccount)?.clone();
        if self.users[user].signed_in && self.bearer(&key) != Some(user) {
            return Err(Error::NameOfAccount);
        }
        self.check_owner(user, &key)?;
        self.holds.remove(&user);
        self.take_name(user, Some(Name { shown, key }));
        if !self.users[user].signed_in && self.users[user].room.is_none() {
            self.lobby.push(user);
        }
        self.users[user].signed_in = true;
        Ok(())
    }

    pub(crate) fn sign_out(&mut self, user: usize) {
        if self.users[user].open && self.users[user].signed_in {
            self.depart(user);
            self.lobby.retain(|other| *other != user);
            self.users[user].name = None;
            self.users[user].signed_in = false;
        }
    }

    pub(crate) fn bearer(&self, key: &str) -> Option<usize> {
        let bears = |user: &User| user.name.as_ref().is_some_and(|name| name.key == key);
        self.users.iter().position(bears)
    }

    fn shown(&self, user: usize) -> String {
        self.users[user].name.as_ref().unwrap().shown.clone()
    }

    fn check_open(&self, user: usize) -> Result<(), Error> {
        if self.users[user].open { Ok(()) } else { Err(Error::SessionClosed) }
    }

    fn check_text(&self, text: &str) -> Result<(), Error> {
        match text.chars().count() {
            _ if text.trim().is_empty() => Err(Error::TextRequired),
            chars if chars > self.settings.text_chars_max => Err(Error::TextTooLong),
            _ => Ok(()),
        }
    }

    fn is_held(&self, user: usize, key: &str) -> bool {
        self.holds.iter().any(|(holder, held)| *holder != user && held == key)
    }

    fn check_name(&self, user: usize, wanted: &str) -> Result<Name, Error> {
        self.check_open(user)?;
        let wanted = name(wanted).ok_or(Error::NameRequired)?;
        let bearer = self.bearer(&wanted.key);
        if self.users[user].signed_in {
            let own = self.users[user].name.clone().unwrap();
            return if bearer == Some(user) { Ok(own) } else { Err(Error::NameOfAccount) };
        }
        if bearer == Some(user) {
            return Ok(wanted);
        }
        if wanted.key == "system" || wanted.key == "public" {
            return Err(Error::NameReserved);
        }
        if self.accounts.contains_key(&wanted.key) {
            return Err(Error::NameRegistered);
        }
        if bearer.is_some() || self.is_held(user, &wanted.key) {
            return Err(Error::NameTaken);
        }
        Ok(wanted)
    }

    fn check_owner(&self, user: usize, key: &str) -> Result<(), Error> {
        match self.bearer(key) {
            _ if key == "system" => Err(Error::NameReserved),
            Some(bearer) if bearer != user => Err(Error::AlreadyOnline),
            _ if self.is_held(user, key) => Err(Error::NameTaken),
            _ => Ok(()),
        }
    }

    fn check_room(&self, user: Option<usize>, wanted: &Name) -> Result<(), Error> {
        let open = || self.rooms.iter().filter(|room| !room.ended);
        if open().any(|room| room.name.key == wanted.key || room.id == wanted.key) {
            return Err(Error::RoomExists);
        }
        let account = user.and_then(|user| self.account(user));
        let own = open().filter(|room| account.is_some() && room.account == account).count();
        if open().count() >= self.settings.rooms_max || own >= self.settings.rooms_per_account_max {
            return Err(Error::TooManyRooms);
        }
        Ok(())
    }

    fn account(&self, user: usize) -> Option<String> {
        let user = &self.users[user];
        user.name.as_ref().filter(|_| user.signed_in).map(|name| name.key.clone())
    }

    fn add_room(
        &mut self,
        creator: Option<usize>,
        name: Name,
        private: bool,
        permanent: bool,
    ) -> usize {
        let account = creator.and_then(|creator| self.account(creator));
        self.rooms.push(Room {
            key: None,
            id: String::new(),
            name,
            private,
            permanent,
            ended: false,
            members: Vec::new(),
            seq: 0,
            history: Vec::new(),
            creator,
            account,
        });
        let room = self.rooms.len() - 1;
        if !private {
            self.tell(room, To::List, "opened".to_owned());
        }
        room
    }

    fn take_name(&mut self, user: usize, name: Option<Name>) {
        let Some(name) = name else { return };
        let old = self.users[user].name.replace(name.clone());
        if let (Some(old), Some(room)) = (old, self.users[user].room)
            && old.shown != name.shown
        {
            let text = format!("{}={}", old.shown, name.shown);
            self.announce(room, text, old.shown.len() + name.shown.len());
        }
    }

    fn depart(&mut self, user: usize) -> Option<usize> {
        let room = self.users[user].room.take()?;
        let members = self.rooms[room].members.len();
        self.rooms[room].members.retain(|member| *member != user);
        if self.users[user].signed_in {
            self.lobby.push(user);
        }
        let left = format!("-{}", self.shown(user));
        self.presence(room, members, left);
        if members == 1 && !self.rooms[room].permanent {
            if !self.rooms[room].private {
                self.tell(room, To::List, "closed".to_owned());
            }
            self.rooms[room].ended = true;
            self.rooms[room].history.clear();
        }
        Some(room)
    }

    fn presence(&mut self, room: usize, members: usize, text: String) {
        if members <= self.settings.presence_members_max {
            let bytes = text.len() - 1;
            self.announce(room, text, bytes);
        }
    }

    fn tell(&mut self, room: usize, by: To, text: String) {
        self.heard.push(Heard { room, seq: 0, by, text });
    }

    fn announce(&mut self, room: usize, text: String, bytes: usize) {
        self.order += 1;
        let Room { seq, history, .. } = &mut self.rooms[room];
        *seq += 1;
        self.heard.push(Heard { room, seq: *seq, by: To::Room, text: text.clone() });
        let (seq, order, bytes) = (*seq, self.order, bytes + RECORD_BYTES);
        history.push(Kept { seq, text, order, bytes });
        let sum = |history: &[Kept]| history.iter().map(|kept| kept.bytes).sum::<usize>();
        while history.len() > self.settings.history_events_max
            || sum(history) > self.settings.history_bytes_max
        {
            history.remove(0);
        }
        while self.rooms.iter().map(|room| sum(&room.history)).sum::<usize>()
            > self.settings.history_total_bytes_max
        {
            let with_any = self.rooms.iter_mut().filter(|room| !room.history.is_empty());
            let oldest = with_any.min_by_key(|room| room.history[0].order).unwrap();
            oldest.history.remove(0);
        }
    }
}
