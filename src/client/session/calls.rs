//! The calls of a session: when each is asked, and what is learned from its answer.

use std::time::Instant;

use super::{Done, Session, Told};
use crate::client::call::{Answer, Call, History, Joined};
use crate::client::catch_up::PAGE_EVENTS;
use crate::client::error::CallError;
use crate::client::reconnect::Standing;
use crate::client::talk::{Heard, Outgoing, Tag};
use crate::client::url::Door;

/// Calls that the server is asked at a time.
pub(super) const UNDER_WAY_MAX: usize = 32;

/// A call that the server was asked.
pub(super) struct UnderWay {
    pub(super) call: Call,
    pub(super) asked_at: Instant,
    pub(super) deadline: Instant,
    pub(super) by: By,
}

/// Whose call it is.
pub(super) enum By {
    Caller(Done),
    /// The caller has been told already that there is no answer.
    Nobody,
    /// To get back to where one was.
    Return,
    /// To catch up, in this asking.
    Track(u64),
    /// To see whether the server is there.
    Keepalive,
}

impl Session {
    /// Does whatever can be done now.
    pub(super) fn go_on(&mut self, now: Instant) {
        if !self.is_ready() {
            return;
        }
        if let Some((asked, after)) = self.track.wants() {
            self.ask(Call::History { after, limit: PAGE_EVENTS }, By::Track(asked), now);
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

    pub(super) fn ask(&mut self, call: Call, by: By, now: Instant) {
        let Some(talk) = &mut self.talk else { return };
        let tag = Tag(self.next_tag);
        self.next_tag += 1;
        let mut out = Outgoing::default();
        talk.clock(self.clock);
        talk.call(tag, &call, &mut out);
        if !out.messages.is_empty() {
            self.asked_at = now;
        }
        let deadline = now + self.call_timeout;
        if let Call::Join { .. } = call {
            self.track.moves();
        }
        self.under_way.insert(tag, UnderWay { call, asked_at: now, deadline, by });
        self.take(out, now);
    }

    /// Takes what a talk has to say.
    pub(super) fn take(&mut self, out: Outgoing, now: Instant) {
        self.outbox.extend(out.messages);
        self.broken = self.broken.take().or(out.broken);
        for heard in out.heard {
            match heard {
                Heard::Answer(tag, result) => self.answered(tag, result, now),
                Heard::Event(event) => self.happened(event),
                Heard::Stands { room, name } => self.stands(room, name),
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
        if let (Call::Ping, Err(CallError::Refused(_))) = (&call, &result) {
            // Whoever refuses is there.
            result = Ok(Answer::Pong(now.saturating_duration_since(asked_at)));
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
            By::Track(asked) => {
                let history = match result {
                    Ok(Answer::History(history)) => Some(history),
                    _ => None::<History>,
                };
                self.track.fetched(asked, history, self.standing.name.as_deref());
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
                // This door does not say what the default room is called.
                let is_nameless = self.door == Door::JsonRpc
                    && matches!(call, Call::Join { room: None, .. })
                    && (self.standing.room.is_none() || self.standing.in_default_room);
                self.stand(joined);
                // Where leaving leads into a room, it is the default one.
                self.standing.in_default_room = is_nameless || *call == Call::Leave;
                self.track.joined(joined);
            }
            (_, Answer::Renamed(name)) => self.standing.name = Some(name.clone()),
            (_, Answer::Said(said)) => self.track.said(said.seq.unwrap_or(0)),
            (Call::Leave, _) => {
                self.standing.room = None;
                self.standing.in_default_room = false;
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

    pub(super) fn stand(&mut self, joined: &Joined) {
        self.standing.room = Some(joined.room.clone());
        self.standing.in_default_room = false;
        self.standing.name = Some(joined.name.clone());
    }

    /// A call was half done: one is elsewhere than before, or called otherwise. Where one is on the
    /// way back is for that to say.
    fn stands(&mut self, room: Option<String>, name: Option<String>) {
        if self.back.is_some() {
            return;
        }
        if room.is_none() {
            self.track.left();
        }
        let standing = &mut self.standing;
        standing.in_default_room &= standing.room == room;
        standing.room = room;
        standing.name = name.or(standing.name.take());
    }

    /// Tells those whose time is over that there is no answer.
    pub(super) fn give_up(&mut self, now: Instant) {
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
                // Much else may have been to be sent before. Of a datagram nobody can say that.
                By::Keepalive if self.heard_at > asked.asked_at && self.door != Door::Udp => {}
                By::Return | By::Track(_) | By::Keepalive => {
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
}

/// Whether a call changes where one is, who, or what the room is.
fn is_move(call: &Call) -> bool {
    call.moves() || matches!(call, Call::SetPrivate { .. })
}
