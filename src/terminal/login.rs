//! Questions asked in the message box: one's name, an account, its password.
//!
//! A password is held here alone, and nowhere once it is typed: it is drawn by nobody, and neither
//! the history nor the kill ring sees it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Now, Purpose};
use crate::client::Call;

/// How long a typed password may be, in characters.
const PASSWORD_CHARS_MAX: usize = 1000;

/// What is asked.
#[derive(Debug)]
pub(super) enum Question {
    /// A guest's name. It is typed into the box; this one is taken if nothing is.
    Name(String),
    /// An account's name, likewise.
    Account {
        /// What is taken if nothing is typed.
        suggestion: String,
        /// To be made.
        register: bool,
    },
    /// The account's password.
    Password(Secret),
}

/// A password that is being typed.
pub(super) struct Secret {
    account: String,
    register: bool,
    typed: String,
    /// What was typed the first time, of two.
    first: Option<String>,
}

/// What came of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It goes on.
    Typing,
    /// Asked for again, for these reasons.
    Again(&'static str),
    /// Never mind.
    Cancelled,
    /// Account, password, and whether the account is to be made.
    Done(String, String, bool),
}

impl Question {
    /// What stands before the box.
    pub(super) fn label(&self) -> String {
        let named =
            |what: &str, suggestion: &str| format!("{what} [{}]: ", super::clean::line(suggestion));
        match self {
            Question::Name(suggestion) => named("Your name", suggestion),
            Question::Account { suggestion, register: false } => named("Log in as", suggestion),
            Question::Account { suggestion, register: true } => named("New account", suggestion),
            Question::Password(Secret { first: Some(_), .. }) => "The same again: ".into(),
            Question::Password(secret) => {
                format!("Password of {}: ", super::clean::line(&secret.account))
            }
        }
    }
}

impl Secret {
    /// Asks for the password of an account; twice, if it is to be made.
    pub(super) fn new(account: String, register: bool) -> Secret {
        Secret { account, register, typed: String::new(), first: None }
    }

    /// What was typed or pasted, up to the end of its first line.
    pub(super) fn paste(&mut self, text: &str) {
        let line = text.lines().next().unwrap_or_default();
        let room = PASSWORD_CHARS_MAX.saturating_sub(self.typed.chars().count());
        self.typed.extend(line.chars().filter(|c| !c.is_control()).take(room));
    }

    /// Types, takes back, ends.
    pub(super) fn key(&mut self, key: KeyEvent) -> Outcome {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return self.enter(),
            KeyCode::Esc => return Outcome::Cancelled,
            KeyCode::Char('c' | 'd') if ctrl => {
                if self.typed.is_empty() {
                    return Outcome::Cancelled;
                }
                self.typed.clear();
            }
            KeyCode::Char('u' | 'w') if ctrl => self.typed.clear(),
            KeyCode::Char('h') if ctrl => drop(self.typed.pop()),
            KeyCode::Backspace => drop(self.typed.pop()),
            KeyCode::Char(c) if !ctrl => self.paste(c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
        Outcome::Typing
    }

    fn enter(&mut self) -> Outcome {
        let typed = std::mem::take(&mut self.typed);
        if typed.is_empty() {
            return Outcome::Cancelled;
        }
        match self.first.take() {
            None if self.register => {
                self.first = Some(typed);
                Outcome::Typing
            }
            Some(first) if first != typed => Outcome::Again("the two passwords differ"),
            _ => Outcome::Done(std::mem::take(&mut self.account), typed, self.register),
        }
    }
}

/// Without what is typed.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("account", &self.account).finish_non_exhaustive()
    }
}

// ---- asking ------------------------------------------------------------------------------------

impl App {
    pub(super) fn ask_name(&mut self) {
        self.shelve_draft();
        self.question = Some(Question::Name(self.suggestion()));
    }

    /// What was being written goes into the history: the box is needed for a question.
    fn shelve_draft(&mut self) {
        self.completion.reset();
        match self.question {
            None => drop(self.input.take()),
            Some(_) => self.input.set(""),
        }
    }

    pub(super) fn ask_account(&mut self, register: bool) {
        self.shelve_draft();
        let suggestion = self.suggestion();
        self.question = Some(Question::Account { suggestion, register });
    }

    fn suggestion(&self) -> String {
        self.setup.name.as_ref().unwrap_or(&self.setup.suggestion).clone()
    }

    /// A name was typed where one was asked for.
    pub(super) fn answer_question(&mut self) {
        let typed = self.input.text().trim().to_owned();
        self.input.set("");
        let or = |suggestion: String| if typed.is_empty() { suggestion } else { typed.clone() };
        match self.question.take() {
            Some(Question::Account { suggestion, register }) => {
                let secret = Secret::new(or(suggestion), register);
                self.question = Some(Question::Password(secret));
            }
            Some(Question::Name(suggestion)) => {
                let name = or(suggestion);
                self.setup.name = Some(name.clone());
                self.join(self.setup.room.clone(), Some(name));
            }
            other => self.question = other,
        }
    }

    pub(super) fn password_typed(&mut self, outcome: Outcome, now: Now) {
        match outcome {
            Outcome::Typing => {}
            Outcome::Again(why) => self.complain(why.to_owned(), now),
            Outcome::Cancelled => self.dismiss(now),
            Outcome::Done(name, password, register) => {
                self.question = None;
                if self.me.is_empty() {
                    self.setup.name = Some(name.clone());
                }
                let call = match register {
                    true => Call::Register { name, password },
                    false => Call::LogIn { name, password },
                };
                self.call(call, Purpose::LogIn);
            }
        }
    }

    /// Never mind what is asked; but what has to be known is asked again.
    pub(super) fn dismiss(&mut self, now: Now) {
        let was_asked = self.question.take().is_some();
        if was_asked && self.room.is_none() && self.me.is_empty() {
            self.begin(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(secret: &mut Secret, text: &str) -> Outcome {
        for c in text.chars() {
            assert_eq!(secret.key(KeyCode::Char(c).into()), Outcome::Typing);
        }
        secret.key(KeyCode::Enter.into())
    }

    #[test]
    fn a_password_is_typed_once_or_twice() {
        let done = |register| Outcome::Done("ann".into(), "sesame".into(), register);
        let mut secret = Secret::new("ann".into(), false);
        assert_eq!(typed(&mut secret, "sesame"), done(false));
        let mut secret = Secret::new("ann".into(), true);
        assert_eq!(typed(&mut secret, "sesame"), Outcome::Typing);
        assert_eq!(Question::Password(secret).label(), "The same again: ");
        let mut secret = Secret::new("ann".into(), true);
        typed(&mut secret, "sesame");
        assert_eq!(typed(&mut secret, "sesam"), Outcome::Again("the two passwords differ"));
        typed(&mut secret, "sesame");
        assert_eq!(typed(&mut secret, "sesame"), done(true));
    }

    #[test]
    fn it_can_be_taken_back_and_is_not_told() {
        let mut secret = Secret::new("ann".into(), false);
        secret.paste("open sesame\nwhoever");
        assert!(!format!("{secret:?}").contains("sesame"));
        secret.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        secret.paste("sesames");
        secret.key(KeyCode::Backspace.into());
        assert_eq!(typed(&mut secret, ""), Outcome::Done("ann".into(), "sesame".into(), false));
        assert_eq!(Secret::new("ann".into(), false).key(KeyCode::Esc.into()), Outcome::Cancelled);
    }
}
