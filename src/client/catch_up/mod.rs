//! Every event of a room once, and in order: what was missed is fetched from the room's history.
//!
//! Nothing here knows a socket or a clock. It is told what comes, says what to fetch, and gives
//! what is ready to be told.
//!
//! Over a stream nothing is lost while it lasts, so a hole in the count is a message of one's own,
//! and only after a reconnect there is something to fetch. Datagrams do get lost: there a hole is
//! fetched at once, unless it is known to be one's own.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::call::{History, Joined};
use super::event::{Event, Happening};

/// Events that are asked for at a time: the server's own maximum.
pub(super) const PAGE_EVENTS: u32 = 200;

/// Pages of one catching up at most; what is missing then is missed.
const PAGES_MAX: u32 = 200;

/// Events that wait for earlier ones at most. Later ones are fetched, too.
const HELD_MAX: usize = 1024;

/// And bytes of them.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// Events that may overtake the answer to a join.
const MEANWHILE_MAX: usize = 64;

/// Places of one's own messages that are kept in mind at most.
const OWN_MAX: usize = 4096;

/// What has been told of one room, and what is being fetched.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// Whether events get lost while the link lasts.
    lossy: bool,
    /// `None`: one is in no room, or the door does not count.
    position: Option<Position>,
    /// One's own messages beyond the position.
    own: BTreeSet<u64>,
    /// The room has counted so far, whoever did that.
    known: u64,
    filling: Option<Filling>,
    /// How often the history was asked.
    asked: u64,
    /// What came early.
    held: Held,
    /// While one is moving, and datagrams may overtake the answer: what came meanwhile.
    meanwhile: Option<Vec<Event>>,
    ready: Vec<Event>,
}

/// Up to where everything has been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) epoch: String,
    pub(super) last: u64,
}

#[derive(Debug)]
struct Filling {
    /// Up to where.
    target: u64,
    /// Which asking the history has not answered yet.
    asked: Option<u64>,
    pages: u32,
    /// Whether it is after a reconnect: one's own messages are told then, for nobody knows whether
    /// they were said.
    returned: bool,
}

impl Filling {
    fn new(target: u64, returned: bool) -> Filling {
        Filling { target, asked: None, pages: 0, returned }
    }
}

/// Events that came early, by their place.
#[derive(Debug, Default)]
struct Held {
    events: BTreeMap<u64, Event>,
    bytes: usize,
}

impl Held {
    /// Takes an event in, if there is room.
    fn insert(&mut self, seq: u64, event: Event) -> bool {
        let bytes = event.bytes();
        let fits = self.events.len() < HELD_MAX && self.bytes + bytes <= HELD_BYTES_MAX;
        if fits && self.events.insert(seq, event).is_none() {
            self.bytes += bytes;
        }
        fits
    }

    fn remove(&mut self, seq: u64) -> Option<Event> {
        let event = self.events.remove(&seq)?;
        self.bytes = self.bytes.saturating_sub(event.bytes());
        Some(event)
    }

    fn forget_before(&mut self, seq: u64) {
        let kept = self.events.split_off(&seq);
        let forgotten = std::mem::replace(&mut self.events, kept);
        let bytes: usize = forgotten.values().map(Event::bytes).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn last(&self) -> Option<u64> {
        self.events.last_key_value().map(|(&seq, _)| seq)
    }
}

impl Track {
    pub(super) fn new(lossy: bool) -> Track {
        Track { lossy, ..Track::default() }
    }

    /// One is about to join: until the answer is there, nobody knows what belongs to which room.
    pub(super) fn moves(&mut self) {
        if self.lossy {
            self.meanwhile = Some(Vec::new());
        }
    }

    /// One is where one was.
    pub(super) fn stays(&mut self) {
        for event in self.meanwhile.take().into_iter().flatten() {
            self.happened(event);
        }
    }

    /// One is in a room, in another one than before or for the first time.
    pub(super) fn joined(&mut self, joined: &Joined) {
        let now = position(joined);
        let same = |before: &Position| now.as_ref().is_some_and(|now| now.epoch == before.epoch);
        if self.lossy && self.position.as_ref().is_some_and(same) {
            // Nothing but the name is another one. The last event may be that, or somebody else's
            // that has not come yet.
            self.stays();
            self.known = joined.seq.unwrap_or(0);
            return self.go_on();
        }
        let meanwhile = self.meanwhile.take().into_iter().flatten();
        let (here, there): (Vec<_>, Vec<_>) = meanwhile
            .partition(|event| matches!(event, Event::Room { room, .. } if *room == joined.room));
        for event in there {
            self.happened(event);
        }
        self.forget();
        self.position = now;
        for event in here {
            self.happened(event);
        }
    }

    /// One is back in a room after a reconnect.
    pub(super) fn returned(&mut self, joined: &Joined) {
        let before = self.position.take();
        let meanwhile = self.meanwhile.take().into_iter().flatten();
        self.known = 0;
        self.filling = None;
        self.held = Held::default();
        let Some(now) = position(joined) else {
            // The door does not count: who knows what was said.
            return self.ready.push(Event::Missed);
        };
        let target = now.last;
        let last = match before {
            Some(before) if before.epoch == now.epoch && before.last <= target => before.last,
            _ => {
                self.own.clear();
                self.ready.push(Event::Missed);
                0
            }
        };
        self.position = Some(Position { last, ..now });
        if last < target {
            self.filling = Some(Filling::new(target, true));
        }
        for event in meanwhile {
            if matches!(&event, Event::Room { room, .. } if *room == joined.room) {
                self.happened(event);
            }
        }
    }

    /// One is in no room.
    pub(super) fn left(&mut self) {
        self.forget();
        self.position = None;
    }

    fn forget(&mut self) {
        // Who moves on has heard all that could be heard.
        let position = self.position.as_ref();
        let lacks = |filling: &Filling| position.is_some_and(|at| at.last < filling.target);
        if self.filling.as_ref().is_some_and(lacks) {
            self.ready.push(Event::Missed);
        }
        let held = std::mem::take(&mut self.held);
        self.ready.extend(held.events.into_values());
        self.own.clear();
        self.known = 0;
        self.filling = None;
    }

    /// The link is lost: what is fetched will not come any more.
    pub(super) fn lost(&mut self) {
        self.stays();
        self.filling = None;
        self.held = Held::default();
    }

    /// One has said something, and it has this place.
    pub(super) fn said(&mut self, seq: u64) {
        let Some(position) = &mut self.position else { return };
        if seq <= position.last {
            return;
        }
        if !self.lossy {
            // What was said before came before the answer.
            position.last = seq;
        } else if self.own.len() < OWN_MAX {
            self.own.insert(seq);
            self.go_on();
        }
    }

    /// Something happened.
    pub(super) fn happened(&mut self, event: Event) {
        let Event::Room { seq: Some(seq), .. } = event else { return self.ready.push(event) };
        if let Some(meanwhile) = &mut self.meanwhile {
            // What is too much leaves a hole, which is filled.
            if meanwhile.len() < MEANWHILE_MAX {
                meanwhile.push(event);
            }
            return;
        }
        let Some(position) = &mut self.position else { return self.ready.push(event) };
        if seq <= position.last {
            return;
        }
        if let Some(filling) = &mut self.filling {
            if !self.held.insert(seq, event) {
                filling.target = filling.target.max(seq);
            }
            return;
        }
        if self.lossy {
            self.held.insert(seq, event);
            self.go_on();
        } else {
            position.last = seq;
            self.ready.push(event);
        }
    }

    /// It is time to see whether the last datagrams were lost, after which none shows a hole.
    pub(super) fn looks(&mut self) {
        if let Some(position) = self.position.as_ref().filter(|_| self.lossy) {
            self.filling.get_or_insert_with(|| Filling::new(position.last, false));
        }
    }

    /// After what to ask the history, if it is to be asked now, and which asking that is. Then the
    /// answer is owed.
    pub(super) fn wants(&mut self) -> Option<(u64, u64)> {
        let filling = self.filling.as_mut().filter(|filling| filling.asked.is_none())?;
        let position = self.position.as_ref()?;
        self.asked += 1;
        filling.asked = Some(self.asked);
        Some((self.asked, position.last))
    }

    /// Whether something is being fetched after a reconnect.
    pub(super) fn is_returning(&self) -> bool {
        self.filling.as_ref().is_some_and(|filling| filling.returned)
    }

    /// The history has answered what it was `asked`; `None`: it has refused. `own` is the name that
    /// one bears.
    pub(super) fn fetched(&mut self, asked: u64, history: Option<History>, own: Option<&str>) {
        let Some(position) = &mut self.position else { return };
        // One may have gone elsewhere meanwhile.
        let is_awaited = |filling: &&mut Filling| filling.asked == Some(asked);
        let Some(filling) = self.filling.as_mut().filter(is_awaited) else { return };
        let Some(history) = history else {
            position.last = position.last.max(filling.target);
            self.ready.push(Event::Missed);
            return self.filled();
        };
        if history.epoch != position.epoch {
            *position = Position { epoch: history.epoch, last: 0 };
            self.own.clear();
            self.held = Held::default();
            self.ready.push(Event::Missed);
        } else if history.truncated {
            self.ready.push(Event::Missed);
        }
        let before = position.last;
        for event in history.events {
            let Event::Room { seq: Some(seq), what, .. } = &event else { continue };
            let seq = *seq;
            if seq <= position.last {
                continue;
            }
            position.last = seq;
            self.held.remove(seq);
            if !self.own.remove(&seq) && is_news(what, own, filling.returned) {
                self.ready.push(event);
            }
        }
        let advances = position.last > before;
        if self.lossy {
            self.advance();
        }
        let Some(position) = &mut self.position else { return };
        let Some(filling) = &mut self.filling else { return };
        filling.pages += 1;
        let stuck = !advances || filling.pages >= PAGES_MAX;
        if position.last < filling.target && stuck {
            position.last = filling.target;
            self.ready.push(Event::Missed);
        }
        match position.last < filling.target {
            true => filling.asked = None,
            false => self.filled(),
        }
    }

    /// What was to be fetched is here.
    fn filled(&mut self) {
        self.filling = None;
        if self.lossy {
            return self.go_on();
        }
        for (seq, event) in std::mem::take(&mut self.held).events {
            if let Some(position) = self.position.as_mut().filter(|position| position.last < seq) {
                position.last = seq;
                self.ready.push(event);
            }
        }
    }

    /// Goes on through what came early, up to the next hole, and has that fetched.
    fn go_on(&mut self) {
        self.advance();
        let early = self.held.last().max(self.own.last().copied());
        let target = self.known.max(early.unwrap_or(0));
        let lacks = self.position.as_ref().is_some_and(|position| position.last < target);
        if lacks && self.filling.is_none() {
            self.filling = Some(Filling::new(target, false));
        }
    }

    /// Goes on through what came early and what is one's own, up to the next hole.
    fn advance(&mut self) {
        let Some(position) = &mut self.position else { return };
        loop {
            let next = position.last.saturating_add(1);
            if let Some(event) = self.held.remove(next) {
                self.ready.push(event);
            } else if !self.own.remove(&next) {
                break;
            }
            position.last = next;
        }
        let beyond = position.last.saturating_add(1);
        self.held.forget_before(beyond);
        self.own = self.own.split_off(&beyond);
    }

    /// What is to be told now, in order.
    pub(super) fn ready(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.ready)
    }
}

fn position(joined: &Joined) -> Option<Position> {
    Some(Position { epoch: joined.epoch.clone()?, last: joined.seq? })
}

/// Whether something that stands in the history is to be told: nobody is told of what one does.
fn is_news(what: &Happening, own: Option<&str>, returned: bool) -> bool {
    match what {
        Happening::Message(message) => returned || !message.own,
        Happening::Joined { name } | Happening::Left { name } => own != Some(name),
        Happening::Renamed { new, .. } => own != Some(new),
        _ => true,
    }
}
