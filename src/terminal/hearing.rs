//! What events and answers do to the state.

use std::time::Duration;

use crate::client::{
    Answer, Call, CallError, Door, Event, Happening, History, Joined, Message, Room, Said,
};

use super::app::{App, End, Link, Now, Purpose, Tag};
use super::clean;
use super::line::{self, Body, Fate, Line};
use super::{names, wording};

/// How long somebody is shown to be typing.
const TYPING_SHOWN: Duration = Duration::from_secs(5);

/// At most so many are shown to be typing.
const TYPING_MAX: usize = 20;

/// At most so many people or rooms are known by name: more than a daemon lets in.
const NAMES_MAX: usize = 50_000;

/// A name of more bytes is not kept: no daemon lets one have it.
const NAME_BYTES_MAX: usize = 1024;

/// Of a room that is refused, so much is told again.
const ROOM_COLUMNS: usize = 40;

/// How many events are shown of what was before one came.
const BACKLOG: u64 = 50;

/// How many events are asked for when somebody scrolls up to the first line.
const OLDER: u64 = 100;

/// Whether there is room for a name among so many.
fn is_kept(name: &str, count: usize) -> bool {
    name.len() <= NAME_BYTES_MAX && count < NAMES_MAX
}

impl App {
    /// Something happened.
    pub(super) fn event(&mut self, event: Event, now: Now) {
        self.touch();
        match event {
            Event::Room { seq, at, what, .. } => {
                self.last_seq = seq.unwrap_or(self.last_seq);
                self.follow(&what);
                let counts = matches!(what, Happening::Message(_));
                if self.was_said_after_all(&what) {
                    return;
                }
                if let Some(body) = self.body(&what) {
                    if matches!(&body, Body::Said(said) if said.is_for_one()) {
                        self.ring();
                    }
                    let line = self.line(at, body);
                    self.log.push(line, counts);
                }
            }
            Event::Typing { name } => {
                self.typing.retain(|(known, _)| *known != name);
                if is_kept(&name, 0) && self.typing.len() < TYPING_MAX {
                    self.typing.push((name, now.since + TYPING_SHOWN));
                }
            }
            Event::RoomOpened { room } => {
                let is_new = self.rooms.iter().all(|known| known.name != room);
                if is_new && is_kept(&room, self.rooms.len()) {
                    self.rooms.push(Room { name: room, ..Room::default() });
                }
            }
            Event::RoomClosed { room } => {
                let own = self.room.clone();
                self.rooms.retain(|known| known.name != room || own.as_ref() == Some(&room));
            }
            Event::Notice { text } => self.tell(clean::text(&text), now),
            Event::LoggedOut { .. } => {
                self.complain("your account was removed".into(), now);
                self.nobody(now);
            }
            Event::Missed => {
                self.oldest = None;
                self.write(Body::News('…', "something may be missing here".into()), now, false);
            }
            Event::Disconnected { reason, retry_in } => self.disconnected(&reason, retry_in, now),
            Event::Reconnected { room, name } => self.reconnected(room, name, now),
            Event::Ended { reason } => self.is_over = Some(End::Lost(reason)),
        }
    }

    fn disconnected(&mut self, reason: &str, retry_in: Duration, now: Now) {
        if self.link == Link::Up {
            self.complain(format!("the server is lost: {}", clean::line(reason)), now);
        }
        self.link = Link::Lost { retry: now.since + retry_in };
        self.round_trip = None;
        self.typing.clear();
    }

    fn reconnected(&mut self, room: Option<String>, name: Option<String>, now: Now) {
        self.link = Link::Up;
        if let Some(name) = name.filter(|name| *name != self.me && !self.me.is_empty()) {
            self.take_name(name);
        }
        self.write(Body::News('·', "connected again".into()), now, false);
        let was_in = self.room.take();
        match room {
            Some(_) => {
                self.room = room;
                self.ask_lists();
            }
            None if was_in.is_some() => {
                self.out_of_room();
                self.complain("you are in no room now: /join ROOM".into(), now);
                if self.setup.door != Door::Accounts {
                    self.setup.room = was_in;
                    self.need_another_name();
                }
            }
            // It had not come to that before; what was asked still is.
            None if self.question.is_none() && self.me.is_empty() => self.begin(now),
            None => {}
        }
    }

    /// Somebody else bears one's name: outside of rooms there is no other way to change it.
    fn need_another_name(&mut self) {
        let name = std::mem::take(&mut self.me);
        if let Some(name) = self.setup.name.take().or(Some(name).filter(|name| !name.is_empty())) {
            self.setup.suggestion = format!("{name}_");
        }
        self.ask_name();
    }

    /// Who is here, by what name.
    fn follow(&mut self, what: &Happening) {
        match what {
            Happening::Message(message) if !message.own && is_kept(&message.from, 0) => {
                self.spoke(&message.from);
            }
            Happening::Joined { name }
                if is_kept(name, self.members.len()) && !self.members.contains(name) =>
            {
                self.members.push(name.clone());
            }
            Happening::Left { name } => {
                self.members.retain(|known| known != name);
                self.typing.retain(|(known, _)| known != name);
            }
            Happening::Renamed { old, new } if is_kept(new, 0) => self.renamed(old, new),
            Happening::Renamed { old, .. } => self.members.retain(|known| known != old),
            Happening::Changed { private } => self.is_private = *private,
            _ => {}
        }
    }

    fn renamed(&mut self, old: &str, new: &str) {
        for known in self.members.iter_mut().chain(&mut self.speakers) {
            if known == old {
                new.clone_into(known);
            }
        }
        self.typing.retain(|(known, _)| known != old);
    }

    fn body(&self, what: &Happening) -> Option<Body> {
        match what {
            Happening::Message(message) => Some(Body::Said(self.said(message))),
            other => wording::news(other).map(|(sign, text)| Body::News(sign, text)),
        }
    }

    fn said(&self, message: &Message) -> line::Said {
        line::Said {
            from: clean::line(&message.from),
            text: clean::text(&message.text),
            own: message.own,
            private: message.private.then(String::new),
            calls: !message.own && names::calls(&message.text, &self.me),
            fate: Fate::Arrived,
        }
    }

    /// A call was answered.
    pub(super) fn answer(&mut self, tag: Tag, result: Result<Answer, CallError>, now: Now) {
        let Some(purpose) = self.waiting.remove(&tag) else { return };
        match result {
            Ok(answer) => self.done(purpose, answer, now),
            Err(error) => self.failed(purpose, &error, now),
        }
    }

    fn done(&mut self, purpose: Purpose, answer: Answer, now: Now) {
        if let (Purpose::Upkeep, Answer::Pong(time)) = (&purpose, &answer) {
            return self.measured(*time);
        }
        if (&purpose, &answer) == (&Purpose::Upkeep, &Answer::Done) {
            return;
        }
        self.touch();
        let words = wording::answer(&answer).filter(|_| purpose != Purpose::Upkeep);
        match (purpose, answer) {
            (_, Answer::Joined(joined)) => self.joined(joined, now),
            (Purpose::Said(id), Answer::Said(said)) => self.arrived(id, said),
            (_, Answer::Renamed(name)) => self.take_name(name),
            (_, Answer::Users(users)) => self.members = users,
            (_, Answer::Rooms(rooms)) => self.rooms = rooms,
            (Purpose::Older(before), Answer::History(history)) => self.older(before, history),
            (Purpose::Recall(count), Answer::History(history)) => self.recall(count, history, now),
            (_, Answer::LoggedIn(name)) => {
                self.question = None;
                self.take_name(name);
            }
            (_, Answer::Pong(time)) => self.measured(time),
            (Purpose::Leave, Answer::Done) => {
                let room = self.room.take().unwrap_or_default();
                self.out_of_room();
                self.tell(format!("you left {}: /join ROOM", clean::line(&room)), now);
            }
            (Purpose::SetPrivate(private), Answer::Done) => {
                self.is_private = private;
                let words = if private { "private" } else { "public" };
                self.tell(format!("the room is {words} now"), now);
            }
            (Purpose::LogOut, Answer::Done) => {
                self.tell("logged out".into(), now);
                self.nobody(now);
            }
            _ => {}
        }
        if let Some(words) = words {
            self.tell(words, now);
        }
        // Who has just logged in wants to go in.
        if self.room.is_none() && self.question.is_none() && self.wants_in() {
            self.join(self.setup.room.clone(), None);
        }
    }

    /// Whether there is a name to go into a room with, for the first time, through a door where
    /// names come before rooms.
    fn wants_in(&mut self) -> bool {
        let is_in_lobby = self.setup.door == Door::Accounts && !self.me.is_empty();
        is_in_lobby && std::mem::take(&mut self.wants_room)
    }

    fn measured(&mut self, time: Duration) {
        let shown = |time: Option<Duration>| time.map(wording::round_trip);
        if shown(self.round_trip) != shown(Some(time)) {
            self.touch();
        }
        self.round_trip = Some(time);
    }

    fn take_name(&mut self, name: String) {
        let old = std::mem::replace(&mut self.me, name.clone());
        self.renamed(&old, &name);
        self.setup.name = Some(name);
    }

    fn joined(&mut self, joined: Joined, now: Now) {
        let Joined { room, name, users, private, seq, .. } = joined;
        let is_other = self.room.as_ref() != Some(&room);
        self.me.clone_from(&name);
        self.setup.name = Some(name);
        self.setup.room = Some(room.clone());
        self.question = None;
        self.is_private = private.unwrap_or(false);
        self.typing.clear();
        let count = users.as_ref().map(Vec::len);
        match users {
            Some(users) => self.members = users,
            None => {
                self.members = vec![self.me.clone()];
                self.call(Call::Users, Purpose::Upkeep);
            }
        }
        self.call(Call::Rooms, Purpose::Upkeep);
        if is_other {
            self.room = Some(room.clone());
            let words = wording::stay(&room, self.is_private, count);
            self.write(Body::Room(words), now, false);
            self.log.begin_stay();
            self.log.scroll_end();
            self.oldest = seq;
            self.ask_older(BACKLOG);
        }
        self.last_seq = seq.unwrap_or_default();
    }

    /// One is no longer who one was.
    fn nobody(&mut self, now: Now) {
        self.out_of_room();
        self.me.clear();
        if self.setup.door != Door::Accounts {
            // It is an account's, and no guest's.
            self.setup.name = None;
        }
        self.begin(now);
    }

    pub(super) fn out_of_room(&mut self) {
        self.room = None;
        self.members.clear();
        self.typing.clear();
        self.is_private = false;
        self.oldest = None;
        self.log.begin_stay();
    }

    fn arrived(&mut self, id: u64, said: Said) {
        self.last_seq = said.seq.unwrap_or(self.last_seq);
        if let Some(Line { body: Body::Said(line), .. }) = self.log.line_mut(id) {
            line.fate = Fate::Arrived;
        }
    }

    /// The first line is seen: there may be older ones.
    pub(super) fn load_older(&mut self) {
        self.ask_older(OLDER);
    }

    fn ask_older(&mut self, count: u64) {
        let is_asked = self.waiting.values().any(|purpose| matches!(purpose, Purpose::Older(_)));
        let Some(oldest) = self.oldest.filter(|oldest| *oldest > 1 && !is_asked) else { return };
        let after = (oldest - 1).saturating_sub(count);
        let limit = u32::try_from(oldest - 1 - after).unwrap_or(u32::MAX);
        self.call(Call::History { after, limit }, Purpose::Older(oldest));
    }

    fn older(&mut self, before: u64, history: History) {
        // One may have gone to another room meanwhile.
        if self.oldest != Some(before) {
            return;
        }
        let mut oldest = before;
        let mut lines = Vec::new();
        for event in &history.events {
            let Event::Room { seq: Some(seq), at, what, .. } = event else { continue };
            if *seq < before {
                oldest = oldest.min(*seq);
                lines.extend(self.body(what).map(|body| self.line(*at, body)));
            }
        }
        let is_end = history.truncated || oldest == before;
        self.oldest = (!is_end).then_some(oldest);
        self.log.insert_older(lines);
    }

    fn recall(&mut self, count: u32, history: History, now: Now) {
        self.log.scroll_end();
        self.tell(format!("the last {count} of the room:"), now);
        for event in &history.events {
            let Event::Room { at, what, .. } = event else { continue };
            if let Some(body) = self.body(what) {
                let line = self.line(*at, body);
                self.log.push(line, false);
            }
        }
        self.tell("so far".into(), now);
    }

    /// A message whose answer was lost with the link may have been said all the same; it is told
    /// when the link is there again.
    fn was_said_after_all(&mut self, what: &Happening) -> bool {
        let Happening::Message(message) = what else { return false };
        if !message.own {
            return false;
        }
        let text = clean::text(&message.text);
        self.log.lines_mut().any(|line| match &mut line.body {
            Body::Said(said) if said.fate != Fate::Arrived && said.text == text => {
                said.fate = Fate::Arrived;
                true
            }
            _ => false,
        })
    }

    fn failed(&mut self, purpose: Purpose, error: &CallError, now: Now) {
        let words = clean::line(&error.to_string());
        let is_join = purpose == Purpose::Join;
        match purpose {
            Purpose::Upkeep => return,
            Purpose::Older(_) => {
                if matches!(error, CallError::NotOffered { .. } | CallError::Refused(_)) {
                    self.oldest = None;
                }
                return;
            }
            Purpose::Said(id) => {
                if let Some(Line { body: Body::Said(line), .. }) = self.log.line_mut(id) {
                    line.fate = Fate::Failed(words);
                }
                return self.touch();
            }
            _ => self.complain(words, now),
        }
        let is_taken = error.to_string().contains("taken");
        let is_outside = self.room.is_none() && self.question.is_none();
        if is_join && is_taken && is_outside && self.setup.door != Door::Accounts {
            return self.need_another_name();
        }
        // Without a name there is nothing to be done but to ask for another.
        if self.me.is_empty() && self.question.is_none() && self.link == Link::Up {
            match self.setup.door {
                Door::Accounts => self.ask_account(false),
                _ => {
                    if let Some(room) = &self.setup.room {
                        // What is wrong may be the room, which another name does not help.
                        let room = clean::fit(&clean::line(room), ROOM_COLUMNS);
                        self.tell(format!("/join ROOM leads to another room than {room}"), now);
                    } else {
                        self.setup.name = None;
                    }
                    self.ask_name();
                }
            }
        }
    }
}
