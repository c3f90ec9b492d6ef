//! What goes on between a caller and a server, whatever carries it: calls and their answers, events
//! in order, whether the server is there, and coming back after a lost link.
//!
//! Nothing here knows a socket or reads a clock: it is told of messages and of time, and says what
//! to send, what to tell the caller, and when it wants to be asked again.

mod calls;
mod done;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use super::call::{Answer, Call};
use super::catch_up::Track;
use super::error::CallError;
use super::event::{Event, Happening};
use super::options::Options;
use super::reconnect::{Came, Return, Standing};
use super::talk::{Outgoing, Tag, Talk};
use super::udp::RetryPolicy;
use super::url::{Door, Url};

pub(super) use done::Done;

use calls::{By, UnderWay};

/// What is for the caller, in order.
pub(super) enum Told {
    Event(Event),
    Done(Done, Result<Answer, CallError>),
}

/// The session.
pub(super) struct Session {
    door: Door,
    /// The name and the room that the URL says.
    home: Standing,
    call_timeout: Duration,
    ping_every: Duration,
    /// While there is a link.
    talk: Option<Box<dyn Talk>>,
    next_tag: u64,
    /// Calls that wait for others to be answered.
    waiting: VecDeque<(Call, Done, Instant)>,
    under_way: BTreeMap<Tag, UnderWay>,
    standing: Standing,
    track: Track,
    /// While one is on the way back after a lost link.
    back: Option<Return>,
    /// When something came last.
    heard_at: Instant,
    /// When something was asked last.
    asked_at: Instant,
    /// What time it is by people's clocks.
    clock: SystemTime,
    outbox: Vec<Vec<u8>>,
    told: Vec<Told>,
    broken: Option<String>,
}

impl Session {
    pub(super) fn new(url: &Url, options: &Options, now: Instant) -> Session {
        let (room, name) = (url.room.clone(), url.name.clone());
        let home = Standing { room, name, ..Standing::default() };
        Session {
            door: url.door,
            home,
            call_timeout: match url.door {
                Door::Udp => given_up_after(&options.udp_retries),
                _ => options.call_timeout,
            },
            ping_every: options.ping_every,
            talk: None,
            next_tag: 0,
            waiting: VecDeque::new(),
            under_way: BTreeMap::new(),
            standing: Standing::default(),
            track: Track::new(url.door == Door::Udp),
            back: None,
            heard_at: now,
            asked_at: now,
            clock: SystemTime::UNIX_EPOCH,
            outbox: Vec::new(),
            told: Vec::new(),
            broken: None,
        }
    }

    // ---- what it is told -----------------------------------------------------------------------

    /// What time it is by people's clocks, for events that do not say.
    pub(super) fn set_clock(&mut self, clock: SystemTime) {
        self.clock = clock;
    }

    /// A link is open.
    pub(super) fn opened(&mut self, mut talk: Box<dyn Talk>, now: Instant) {
        let mut out = Outgoing::default();
        talk.opened(&mut out);
        self.talk = Some(talk);
        self.heard_at = now;
        self.broken = None;
        self.take(out, now);
    }

    /// Whether the door has let one in.
    pub(super) fn is_ready(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.is_ready())
    }

    /// The door has let one in again after a lost link: gets back to where one was.
    pub(super) fn come_back(&mut self, now: Instant) {
        self.back = Some(Return::new(self.standing.clone(), now));
        self.go_on(now);
    }

    /// The link is lost: what was asked is answered by nobody.
    pub(super) fn lost(&mut self) {
        self.talk = None;
        self.back = None;
        self.outbox.clear();
        self.track.lost();
        self.tell_ready();
        for (_, UnderWay { by, .. }) in std::mem::take(&mut self.under_way) {
            if let By::Caller(done) = by {
                self.told.push(Told::Done(done, Err(CallError::Disconnected)));
            }
        }
        for (_, done, _) in std::mem::take(&mut self.waiting) {
            self.told.push(Told::Done(done, Err(CallError::Disconnected)));
        }
    }

    /// A caller asks.
    pub(super) fn call(&mut self, call: Call, done: Done, now: Instant) {
        if !self.is_settled() {
            return self.told.push(Told::Done(done, Err(CallError::Disconnected)));
        }
        self.waiting.push_back((call, done, now + self.call_timeout));
        self.go_on(now);
    }

    /// A message came.
    pub(super) fn message(&mut self, message: &[u8], now: Instant) {
        self.heard_at = now;
        let Some(talk) = &mut self.talk else { return };
        let mut out = Outgoing::default();
        talk.message(message, self.clock, &mut out);
        self.take(out, now);
        self.go_on(now);
    }

    /// There will be no more calls. Datagrams need a word of goodbye, for a server does not see them
    /// end.
    pub(super) fn say_goodbye(&mut self, now: Instant) {
        if self.door == Door::Udp && self.standing.room.is_some() && self.is_ready() {
            self.ask(Call::Leave, By::Nobody, now);
        }
    }

    /// Whether there are calls that the server was not asked yet, or a join on whose answer it depends
    /// whether there is a goodbye to be said.
    pub(super) fn has_waiting(&self) -> bool {
        let mut calls = self.under_way.values().map(|asked| &asked.call);
        let joins = self.door == Door::Udp && calls.any(|call| matches!(call, Call::Join { .. }));
        joins || !self.waiting.is_empty()
    }

    /// Whether there is a link and one is back where one was.
    pub(super) fn is_settled(&self) -> bool {
        self.is_ready() && self.back.is_none()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        self.give_up(now);
        if self.pings_at().is_some_and(|at| now >= at) {
            self.ask(Call::Ping, By::Keepalive, now);
            self.track.looks();
        }
        self.go_on(now);
    }

    // ---- what it says --------------------------------------------------------------------------

    /// Messages to send.
    pub(super) fn outbox(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.outbox)
    }

    /// What is for the caller.
    pub(super) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Why the link is of no use any more, if it is so.
    pub(super) fn broken(&mut self) -> Option<String> {
        self.broken.take()
    }

    /// When it wants to be told that time has passed, if there is a link.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.talk.as_ref()?;
        let asked = self.under_way.values().filter(|asked| !matches!(asked.by, By::Nobody));
        let deadlines = asked.map(|asked| asked.deadline);
        let waiting = self.waiting.front().map(|(_, _, deadline)| *deadline);
        let step = self.back.as_ref().and_then(Return::at);
        deadlines.chain(waiting).chain(self.pings_at()).chain(step).min()
    }

    /// When to see whether the server is there, unless that is under way. A server of datagrams
    /// wants to see it, too: it forgets who is silent, however much it sends to them.
    fn pings_at(&self) -> Option<Instant> {
        let asks = self.under_way.values().any(|asked| matches!(asked.by, By::Keepalive));
        let quiet_since = match self.door {
            Door::Udp => self.heard_at.min(self.asked_at),
            _ => self.heard_at,
        };
        (!asks && self.is_ready()).then(|| quiet_since + self.ping_every)
    }

    // ---- events --------------------------------------------------------------------------------

    fn happened(&mut self, event: Event) {
        if let Event::LoggedOut { name } = &event {
            self.standing = Standing { name: name.clone(), ..Standing::default() };
            self.track.left();
        }
        match &event {
            Event::Room { seq, what, .. } if self.is_own(what) => {
                self.track.said(seq.unwrap_or(0));
            }
            _ => self.track.happened(event),
        }
        self.tell_ready();
    }

    /// Whether one has done it oneself, which nobody needs to be told.
    fn is_own(&self, what: &Happening) -> bool {
        let own = self.standing.name.as_ref();
        match what {
            Happening::Joined { name } => own == Some(name),
            // The lost connection.
            Happening::Left { name } => self.back.is_some() && own == Some(name),
            Happening::Renamed { old, new } => own == Some(old) || own == Some(new),
            _ => false,
        }
    }

    fn tell_ready(&mut self) {
        self.told.extend(self.track.ready().into_iter().map(Told::Event));
    }

    // ---- coming back ---------------------------------------------------------------------------

    fn go_back(&mut self, now: Instant) {
        let Some(back) = &mut self.back else { return };
        if let Some(call) = back.next(now) {
            return self.ask(call, By::Return, now);
        }
        if back.is_over() && !self.track.is_returning() {
            self.back = None;
            let Standing { room, name, .. } = self.standing.clone();
            self.told.push(Told::Event(Event::Reconnected { room, name }));
        }
    }

    fn came(&mut self, result: Result<Answer, CallError>, now: Instant) {
        let Some(back) = &mut self.back else { return };
        match back.answered(result, now) {
            Came::On => {}
            Came::Back(joined) => {
                let in_default_room = self.standing.in_default_room;
                self.stand(&joined);
                self.standing.in_default_room = in_default_room && self.door == Door::JsonRpc;
                self.track.returned(&joined);
                self.tell_ready();
            }
            Came::Failed(text) => {
                let name = self.standing.name.take();
                self.standing = Standing { name, ..Standing::default() };
                self.track.left();
                self.tell_ready();
                self.told.push(Told::Event(Event::Notice { text }));
            }
            Came::Lost => self.broken = Some("the server does not answer".into()),
        }
    }
}

/// When the last try has been waited for.
fn given_up_after(policy: &RetryPolicy) -> Duration {
    let delays = 1u32.checked_shl(policy.max_retries.saturating_add(1)).unwrap_or(u32::MAX);
    // Time enough for any policy that makes sense.
    policy.base_delay.saturating_mul(delays.saturating_sub(1)).min(Duration::from_secs(3600))
}
