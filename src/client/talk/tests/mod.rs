//! Talks as transcripts: what is asked and comes in, and what goes out for it and is heard. The
//! texts are those of `docs/`.

mod accounts;
mod chatmaster;
mod hostile;
mod jsonrpc;
mod ndjson;
mod websocket;

use std::time::{Duration, SystemTime};

use super::{Heard, Outgoing, Tag, Talk};
use crate::client::call::{Answer, Call, Joined, Room, Said};
use crate::client::error::CallError;
use crate::client::event::{Event, Happening, Message};

/// One talk on a stage: whatever is not expected fails the test.
struct Scene<T> {
    talk: T,
    out: Outgoing,
    tags: u64,
    /// When it is.
    now: SystemTime,
}

impl<T: Talk> Scene<T> {
    fn new(talk: T) -> Scene<T> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut scene = Scene { talk, out: Outgoing::default(), tags: 0, now };
        scene.talk.opened(&mut scene.out);
        scene
    }

    /// Calls, and expects these requests, one a line.
    #[track_caller]
    fn call(&mut self, call: Call, requests: &str) -> Tag {
        self.tags += 1;
        self.talk.clock(self.now);
        self.talk.call(Tag(self.tags), &call, &mut self.out);
        self.requests(requests);
        Tag(self.tags)
    }

    /// Calls, and expects this answer on the spot.
    #[track_caller]
    fn call_refused(&mut self, call: Call, error: CallError) {
        let tag = self.call(call, "");
        self.heard([Heard::Answer(tag, Err(error))]);
    }

    /// A message comes.
    fn hear(&mut self, message: &str) {
        self.talk.message(message.as_bytes(), self.now, &mut self.out);
    }

    /// A message comes that nothing is made of.
    #[track_caller]
    fn ignores(&mut self, message: &str) {
        self.hear(message);
        self.quiet();
    }

    /// Messages come, one a line, and this is heard besides nothing and asked.
    #[track_caller]
    fn answers(&mut self, messages: &str, tag: Tag, answer: Answer) {
        messages.lines().for_each(|message| self.hear(message));
        self.heard([Heard::Answer(tag, Ok(answer))]);
        self.quiet();
    }

    #[track_caller]
    fn refuses(&mut self, messages: &str, tag: Tag, words: &str) {
        messages.lines().for_each(|message| self.hear(message));
        self.heard([Heard::Answer(tag, Err(CallError::Refused(words.to_owned())))]);
        self.quiet();
    }

    /// As [`refuses`](Scene::refuses), when part of it was done: one is here now, under this name.
    #[track_caller]
    fn refuses_half(&mut self, messages: &str, tag: Tag, words: &str, (room, name): (&str, &str)) {
        messages.lines().for_each(|message| self.hear(message));
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let stands = Heard::Stands { room: given(room), name: given(name) };
        self.heard([stands, Heard::Answer(tag, Err(CallError::Refused(words.to_owned())))]);
        self.quiet();
    }

    /// A message comes, and these requests go out for it.
    #[track_caller]
    fn asks(&mut self, messages: &str, requests: &str) {
        messages.lines().for_each(|message| self.hear(message));
        self.requests(requests);
        self.quiet();
    }

    /// A message comes that is this event.
    #[track_caller]
    fn tells(&mut self, message: &str, event: Event) {
        self.hear(message);
        self.heard([Heard::Event(event)]);
        self.quiet();
    }

    #[track_caller]
    fn requests(&mut self, requests: &str) {
        let sent = std::mem::take(&mut self.out.messages);
        let sent: Vec<_> = sent.into_iter().map(|sent| String::from_utf8(sent).unwrap()).collect();
        assert_eq!(sent, requests.lines().collect::<Vec<_>>());
    }

    #[track_caller]
    fn heard<const N: usize>(&mut self, heard: [Heard; N]) {
        assert_eq!(std::mem::take(&mut self.out.heard), heard);
    }

    #[track_caller]
    fn quiet(&mut self) {
        self.requests("");
        self.heard([]);
        assert_eq!(self.out.broken, None);
    }

    /// An event of a room that was told without a time.
    fn now_in(&self, room: &str, what: Happening) -> Event {
        Event::Room { room: room.to_owned(), seq: None, at: self.now, what }
    }
}

fn join(room: &str, name: &str) -> Call {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Call::Join { room: given(room), name: given(name) }
}

fn say(text: &str) -> Call {
    Call::Say { text: text.to_owned() }
}

fn whisper(to: &str, text: &str) -> Call {
    Call::Whisper { to: to.to_owned(), text: text.to_owned() }
}

fn rename(name: &str) -> Call {
    Call::Rename { name: name.to_owned() }
}

fn log_in(name: &str) -> Call {
    Call::LogIn { name: name.to_owned(), password: "sesame".to_owned() }
}

fn message(from: &str, text: &str) -> Happening {
    Happening::Message(Message { from: from.into(), text: text.into(), ..Message::default() })
}

fn private(from: &str, text: &str) -> Happening {
    let message = Message { from: from.into(), text: text.into(), private: true, own: false };
    Happening::Message(message)
}

/// The answer of a door that tells nothing of a room but its name.
fn joined(room: &str, name: &str) -> Answer {
    Answer::Joined(Joined { room: room.into(), name: name.into(), ..Joined::default() })
}

fn room(name: &str, members: Option<u64>, private: bool) -> Room {
    Room { name: name.to_owned(), members, private }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn said() -> Answer {
    Answer::Said(Said::default())
}

fn refused(words: &str) -> CallError {
    CallError::Refused(words.to_owned())
}
