//! What goes on between a caller and a server, whatever carries it: calls and their answers, events
//! in order, whether the server is there, and coming back after a lost link.
//!
//! Nothing here knows a socket or reads a clock: it is told of messages and of time, and says what
//! to send, what to tell the caller, and when it wants to be asked again.

mod done;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use super::call::{Answer, Call, History, Joined};
use super::catch_up::{PAGE_EVENTS, Track};
use super::error::CallError;
use super::event::{Event, Happening};
use super::options::Options;
use super::reconnect::{Came, Return, Standing};
use super::talk::{Heard, Outgoing, Tag, Talk};
use super::udp::RetryPolicy;
use super::url::{Door, Url};

pub(super) use done::Done;

/// Calls that the server is asked at a time.
const UNDER_WAY_MAX: usize = 32;

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
    /// What time it is by people's clocks.
    clock: SystemTime,
    outbox: Vec<Vec<u8>>,
    told: Vec<Told>,
    broken: Option<String>,
}

/// A call that the server was asked.
struct UnderWay {
    call: Call,
    asked_at: Instant,
    deadline: Instant,
    by: By,
}

/// Whose call it is.
enum By {
    Caller(Done),
    /// The caller has been told already that there is no answer.
    Nobody,
    /// To get back to where one was.
    Return,
    /// To catch up.
    Track,
    /// To see whether the server is there.
    Keepalive,
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

    /// Whether there is a link and one is back where one was.
    pub(super) fn is_settled(&self) -> bool {
        self.is_ready() && self.back.is_none()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        self.give_up(now);
        let is_quiet = now >= self.heard_at + self.ping_every;
        let asks = self.under_way.values().any(|asked| matches!(asked.by, By::Keepalive));
        if is_quiet && !asks && self.is_ready() {
            self.ask(Call::Ping, By::Keepalive, now);
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
        let asks = self.under_way.values().any(|asked| matches!(asked.by, By::Keepalive));
        let ping = (!asks && self.is_ready()).then(|| self.heard_at + self.ping_every);
        let step = self.back.as_ref().and_then(Return::at);
        deadlines.chain(waiting).chain(ping).chain(step).min()
    }

    // ---- calls ---------------------------------------------------------------------------------

    /// Does whatever can be done now.
    fn go_on(&mut self, now: Instant) {
        if !self.is_ready() {
            return;
        }
        if let Some(after) = self.track.wants() {
            self.ask(Call::History { after, limit: PAGE_EVENTS }, By::Track, now);
        }
        self.go_back(now);
        while self.may_ask() {
            let Some((call, done, _)) = self.waiting.pop_front() else { break };
            let call = self.at_home(call);
            self.ask(call, By::Caller(done), now);
        }
    }

    /// Whether the first call that waits may be asked: what changes where one is waits for
    /// everything before it, and everything after waits for it.
    fn may_ask(&self) -> bool {
        let Some((call, ..)) = self.waiting.front() else { return false };
        let callers = || {
            self.under_way.values().filter(|asked| matches!(asked.by, By::Caller(_) | By::Nobody))
        };
        let alone = |call: &Call| self.door == Door::Udp || is_move(call);
        match callers().next() {
            None => true,
            Some(_) if alone(call) => callers().all(|asked| matches!(asked.by, By::Nobody)),
            Some(_) => {
                callers().count() < UNDER_WAY_MAX
                    && !callers()
                        .any(|asked| matches!(asked.by, By::Caller(_)) && is_move(&asked.call))
            }
        }
    }

    /// Who is nowhere yet and says neither where to nor as whom goes where the URL says.
    fn at_home(&self, call: Call) -> Call {
        match call {
            Call::Join { room, name } => Call::Join {
                room: match self.standing.room {
                    None => room.or_else(|| self.home.room.clone()),
                    Some(_) => room,
                },
                name: match (&self.standing.name, &self.standing.account) {
                    (_, Some(_)) => name,
                    (Some(known), None) => name.or_else(|| Some(known.clone())),
                    (None, None) => name.or_else(|| self.home.name.clone()),
                },
            },
            other => other,
        }
    }

    fn ask(&mut self, call: Call, by: By, now: Instant) {
        let Some(talk) = &mut self.talk else { return };
        let tag = Tag(self.next_tag);
        self.next_tag += 1;
        let mut out = Outgoing::default();
        talk.clock(self.clock);
        talk.call(tag, &call, &mut out);
        let deadline = now + self.call_timeout;
        if let Call::Join { .. } = call {
            self.track.moves();
        }
        self.under_way.insert(tag, UnderWay { call, asked_at: now, deadline, by });
        self.take(out, now);
    }

    /// Takes what a talk has to say.
    fn take(&mut self, out: Outgoing, now: Instant) {
        self.outbox.extend(out.messages);
        self.broken = self.broken.take().or(out.broken);
        for heard in out.heard {
            match heard {
                Heard::Answer(tag, result) => self.answered(tag, result, now),
                Heard::Event(event) => self.happened(event),
            }
        }
    }

    fn answered(&mut self, tag: Tag, mut result: Result<Answer, CallError>, now: Instant) {
        let Some(UnderWay { call, asked_at, by, .. }) = self.under_way.remove(&tag) else {
            return log::warn!("{}: an answer to no call", self.door);
        };
        if let Ok(Answer::Pong(took)) = &mut result {
            *took = now.saturating_duration_since(asked_at);
        }
        if self.is_forgotten(&result) {
            self.broken = Some("the server has forgotten this client".into());
            result = Err(CallError::Disconnected);
        }
        if let (Call::Join { .. }, Err(_)) = (&call, &result) {
            self.track.stays();
        }
        if let Ok(answer) = &result {
            self.learn(&call, answer, matches!(by, By::Return));
        }
        match by {
            By::Caller(done) => {
                self.tell_ready();
                self.told.push(Told::Done(done, result));
            }
            By::Return => self.came(result, now),
            By::Track => {
                let history = match result {
                    Ok(Answer::History(history)) => Some(history),
                    _ => None::<History>,
                };
                self.track.fetched(history, self.standing.name.as_deref());
                self.tell_ready();
            }
            By::Nobody | By::Keepalive => {}
        }
    }

    /// Whether the server knows nothing of one's being in a room. Only datagrams let that happen.
    fn is_forgotten(&self, result: &Result<Answer, CallError>) -> bool {
        self.door == Door::Udp
            && self.standing.room.is_some()
            && matches!(result, Err(CallError::Refused(words)) if words == "Join first")
    }

    /// Takes note of where one is now.
    fn learn(&mut self, call: &Call, answer: &Answer, returning: bool) {
        match (call, answer) {
            // Where one is then is for the way back to say.
            (Call::Join { .. } | Call::Leave, _) if returning => {}
            (_, Answer::Joined(joined)) => {
                self.stand(joined);
                self.track.joined(joined);
            }
            (_, Answer::Renamed(name)) => self.standing.name = Some(name.clone()),
            (_, Answer::Said(said)) => self.track.said(said.seq.unwrap_or(0)),
            (Call::Leave, _) => {
                self.standing.room = None;
                // Through this door one is always in a room.
                self.standing.in_default_room = self.door == Door::ChatMaster;
                self.track.left();
            }
            (Call::LogOut, _) => {
                self.standing = Standing::default();
                self.track.left();
            }
            (
                Call::LogIn { password, .. } | Call::Register { password, .. },
                Answer::LoggedIn(name),
            ) => {
                self.standing.account = Some((name.clone(), password.clone()));
                self.standing.name = Some(name.clone());
            }
            _ => {}
        }
    }

    fn stand(&mut self, joined: &Joined) {
        self.standing.room = Some(joined.room.clone());
        self.standing.in_default_room = false;
        self.standing.name = Some(joined.name.clone());
    }

    /// Tells those whose time is over that there is no answer.
    fn give_up(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|(_, _, deadline)| now >= *deadline) {
            if let Some((_, done, _)) = self.waiting.pop_front() {
                self.told.push(Told::Done(done, Err(CallError::NoAnswer)));
            }
        }
        let mut silent = 0;
        for asked in self.under_way.values_mut().filter(|asked| now >= asked.deadline) {
            match std::mem::replace(&mut asked.by, By::Nobody) {
                By::Caller(done) => self.told.push(Told::Done(done, Err(CallError::NoAnswer))),
                By::Nobody => {}
                By::Return | By::Track | By::Keepalive => {
                    self.broken = Some("the server does not answer".into());
                }
            }
            silent += 1;
        }
        // A datagram that was sent so often and is not answered says it all.
        if silent >= UNDER_WAY_MAX || (silent > 0 && self.door == Door::Udp) {
            self.broken = Some("the server does not answer".into());
        }
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
                self.stand(&joined);
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

/// Whether a call changes where one is or who.
fn is_move(call: &Call) -> bool {
    match call {
        Call::Join { .. }
        | Call::Leave
        | Call::Rename { .. }
        | Call::SetPrivate { .. }
        | Call::Register { .. }
        | Call::LogIn { .. }
        | Call::LogOut => true,
        Call::Say { .. }
        | Call::Whisper { .. }
        | Call::Users
        | Call::Rooms
        | Call::History { .. }
        | Call::Typing
        | Call::Ping => false,
    }
}
