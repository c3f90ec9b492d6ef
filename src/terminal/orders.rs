//! What typed texts and commands do.

use crate::client::{Call, Door};

use super::app::{App, End, Link, Now, Purpose};
use super::commands::Entry;
use super::line::{Body, Fate, Said};
use super::login::{Question, Secret};
use super::{clean, wording};

/// The most that is asked for at a time.
const RECALL_MAX: u32 = 200;

impl App {
    /// Does what was typed. What cannot be done now stays in the box.
    pub(super) fn obey(&mut self, entry: Entry, now: Now) {
        if let Some(why) = self.hindrance(&entry) {
            return self.complain(why.into(), now);
        }
        self.input.take();
        match entry {
            Entry::Call(call) => self.ask(call, now),
            Entry::History(count) => {
                let limit = count.min(RECALL_MAX);
                let after = self.last_seq.saturating_sub(limit.into());
                self.call(Call::History { after, limit }, Purpose::Recall(limit));
            }
            Entry::LogIn(name) => self.ask_password(name, false),
            Entry::Register(name) => self.ask_password(name, true),
            Entry::Help(command) => {
                self.log.scroll_end();
                match command {
                    Some(command) => self.tell(wording::help_on(command), now),
                    None => {
                        let page = format!("{}\n{}", wording::help(), wording::KEYS);
                        self.write(Body::Page(page), now, false);
                        // It is read from its first line on.
                        self.log.scroll_to_last();
                    }
                }
            }
            Entry::Clear => {
                self.log.clear();
                self.oldest = self.oldest.and(Some(self.last_seq + 1));
            }
            Entry::Mouse => {
                self.has_mouse = !self.has_mouse;
                self.wants_mouse_told = true;
                self.tell(wording::mouse(self.has_mouse).into(), now);
            }
            Entry::Quit => self.is_over = Some(End::Quit),
        }
    }

    /// Why it cannot be done now.
    fn hindrance(&self, entry: &Entry) -> Option<&'static str> {
        let needs_server =
            !matches!(entry, Entry::Help(_) | Entry::Clear | Entry::Mouse | Entry::Quit);
        match entry {
            _ if needs_server && self.link != Link::Up => Some("not connected"),
            Entry::Call(Call::Say { .. } | Call::Whisper { .. }) if self.room.is_none() => {
                Some("you are in no room: /join ROOM")
            }
            Entry::Call(Call::Join { .. }) if self.me.is_empty() => match self.setup.door {
                Door::Accounts => Some("log in first: /login NAME"),
                _ => None,
            },
            _ => None,
        }
    }

    fn ask(&mut self, call: Call, now: Now) {
        match call {
            Call::Say { text } => {
                let id = self.show_own(&text, None, now);
                self.call(Call::Say { text }, Purpose::Said(id));
            }
            Call::Whisper { to, text } => {
                let id = self.show_own(&text, Some(clean::line(&to)), now);
                self.spoke(&to);
                self.call(Call::Whisper { to, text }, Purpose::Said(id));
            }
            Call::Join { room, .. } if self.me.is_empty() => {
                self.setup.room = room;
                self.ask_name();
            }
            Call::Join { room, name } => {
                if self.room.is_none() {
                    // Should another name be needed for it.
                    self.setup.room.clone_from(&room);
                }
                self.join(room, name);
            }
            Call::Leave => drop(self.call(Call::Leave, Purpose::Leave)),
            Call::SetPrivate { private } => {
                self.call(Call::SetPrivate { private }, Purpose::SetPrivate(private));
            }
            Call::LogOut => drop(self.call(Call::LogOut, Purpose::LogOut)),
            other => drop(self.call(other, Purpose::Asked)),
        }
    }

    /// One's own message, as long as nobody knows whether it has come.
    fn show_own(&mut self, text: &str, private: Option<String>, now: Now) -> u64 {
        let said = Said {
            from: clean::line(&self.me),
            text: clean::text(text),
            own: true,
            private,
            calls: false,
            fate: Fate::Pending,
        };
        self.log.scroll_end();
        self.log.forget_fresh();
        self.write(Body::Said(said), now, false)
    }

    fn ask_password(&mut self, name: Option<String>, register: bool) {
        match name {
            Some(name) => self.question = Some(Question::Password(Secret::new(name, register))),
            None => self.ask_account(register),
        }
    }
}
