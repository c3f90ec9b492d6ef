//! What can be typed behind a slash: the table of commands, and taking a typed text apart.
//!
//! What a command does is the business of the screen and of the line mode.

use std::fmt;

use crate::client::Call;
use crate::nearest::nearest;

use super::clean;

/// What a typed text asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// To ask the server for this.
    Call(Call),
    /// `/history [N]`: so many of the last events.
    History(u32),
    /// `/login [NAME]`: the password is asked for.
    LogIn(Option<String>),
    /// `/register [NAME]`: the password is asked for, twice.
    Register(Option<String>),
    /// `/help [COMMAND]`.
    Help(Option<&'static Command>),
    /// `/clear`: forget what the screen shows.
    Clear,
    /// `/mouse`: take the mouse, or leave it to the terminal again.
    Mouse,
    /// `/quit`.
    Quit,
}

/// Why a typed text asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Complaint {
    /// There is no such command.
    Unknown {
        /// What stands behind the slash.
        name: String,
        /// What it may have been meant to be.
        nearest: &'static str,
    },
    /// It needs something else behind it.
    Usage(&'static Command),
    /// More characters than a message may have.
    TooLong {
        /// How many.
        chars: usize,
    },
}

/// One command.
#[derive(Debug)]
pub(super) struct Command {
    /// Its name, without the slash.
    pub(super) name: &'static str,
    /// Shorter or other names for it.
    aliases: &'static [&'static str],
    /// What stands behind it.
    pub(super) arguments: &'static str,
    /// What it does, in half a sentence.
    pub(super) help: &'static str,
    parse: fn(&str) -> Option<Entry>,
}

impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        self.name == other.name
    }
}

impl Eq for Command {}

/// How many characters a message may have.
pub(super) const TEXT_CHARS_MAX: usize = 1000;

/// How many events `/history` shows unless it is told.
const HISTORY_EVENTS: u32 = 50;

/// All commands, as `/help` lists them.
pub(super) static COMMANDS: [Command; 17] = [
    Command {
        name: "help",
        aliases: &["h", "?"],
        arguments: "[COMMAND]",
        help: "tell of the commands and keys",
        parse: |rest| match rest.trim_start_matches('/') {
            "" => Some(Entry::Help(None)),
            name => Some(Entry::Help(Some(find(name)?))),
        },
    },
    Command {
        name: "join",
        aliases: &["j"],
        arguments: "ROOM",
        help: "go into a room, or make it",
        parse: |rest| {
            let room = unquoted(rest)?;
            Some(Entry::Call(Call::Join { room: Some(room), name: None }))
        },
    },
    Command {
        name: "leave",
        aliases: &["part"],
        arguments: "",
        help: "leave the room",
        parse: |rest| rest.is_empty().then_some(Entry::Call(Call::Leave)),
    },
    Command {
        name: "rooms",
        aliases: &["list"],
        arguments: "",
        help: "list the rooms",
        parse: |rest| rest.is_empty().then_some(Entry::Call(Call::Rooms)),
    },
    Command {
        name: "users",
        aliases: &["names", "who"],
        arguments: "",
        help: "list who is in the room",
        parse: |rest| rest.is_empty().then_some(Entry::Call(Call::Users)),
    },
    Command {
        name: "nick",
        aliases: &["name"],
        arguments: "NAME",
        help: "take another name",
        parse: |rest| Some(Entry::Call(Call::Rename { name: unquoted(rest)? })),
    },
    Command {
        name: "msg",
        aliases: &["m", "w", "whisper"],
        arguments: "NAME TEXT",
        help: "say something to one person alone; \"Ann Lee\" in quotes",
        parse: |rest| {
            let (to, text) = first_word(rest)?;
            let text = text.to_owned();
            (!text.trim().is_empty()).then_some(Entry::Call(Call::Whisper { to, text }))
        },
    },
    Command {
        name: "private",
        aliases: &[],
        arguments: "",
        help: "take the room off the list of rooms",
        parse: |rest| rest.is_empty().then_some(Entry::Call(Call::SetPrivate { private: true })),
    },
    Command {
        name: "public",
        aliases: &[],
        arguments: "",
        help: "put the room back on the list",
        parse: |rest| rest.is_empty().then_some(Entry::Call(Call::SetPrivate { private: false })),
    },
    Command {
        name: "history",
        aliases: &[],
        arguments: "[N]",
        help: "show the last N events of the room (50)",
        parse: |rest| match rest {
            "" => Some(Entry::History(HISTORY_EVENTS)),
            number => Some(Entry::History(number.parse().ok().filter(|n| *n > 0)?)),
        },
    },
    Command {
        name: "login",
        aliases: &[],
        arguments: "[NAME]",
        help: "log in to an account; its password is asked for",
        parse: |rest| Some(Entry::LogIn(unquoted(rest))),
    },
    Command {
        name: "register",
        aliases: &[],
        arguments: "[NAME]",
        help: "make an account; its password is asked for",
        parse: |rest| Some(Entry::Register(unquoted(rest))),
    },
    Command {
        name: "logout",
        aliases: &[],
        arguments: "",
        help: "log out of the account",
        parse: |rest| rest.is_empty().then_some(Entry::Call(Call::LogOut)),
    },
    Command {
        name: "ping",
        aliases: &[],
        arguments: "",
        help: "measure how long an answer takes",
        parse: |rest| rest.is_empty().then_some(Entry::Call(Call::Ping)),
    },
    Command {
        name: "clear",
        aliases: &[],
        arguments: "",
        help: "empty the screen",
        parse: |rest| rest.is_empty().then_some(Entry::Clear),
    },
    Command {
        name: "mouse",
        aliases: &[],
        arguments: "",
        help: "let the wheel scroll; again: leave the mouse to the terminal",
        parse: |rest| rest.is_empty().then_some(Entry::Mouse),
    },
    Command {
        name: "quit",
        aliases: &["q", "exit"],
        arguments: "",
        help: "leave and end",
        parse: |rest| rest.is_empty().then_some(Entry::Quit),
    },
];

/// Takes a typed text apart: a command, or else something to say. `None` for white space alone.
///
/// # Errors
///
/// What is wrong with it, for who typed it.
pub(super) fn parse(text: &str) -> Result<Option<Entry>, Complaint> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let entry = match text.strip_prefix('/') {
        None => say(text),
        // As in `//usr/bin`: it begins with a slash, and is no command.
        Some(rest) if rest.starts_with('/') => say(rest),
        Some(rest) => {
            let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let Some(command) = find(name) else {
                let names = COMMANDS.iter().map(|command| command.name);
                let nearest = nearest(&name.to_lowercase(), names).unwrap_or_default();
                return Err(Complaint::Unknown { name: name.to_owned(), nearest });
            };
            (command.parse)(arguments.trim()).ok_or(Complaint::Usage(command))?
        }
    };
    if let Entry::Call(Call::Say { text } | Call::Whisper { text, .. }) = &entry {
        let chars = text.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(Complaint::TooLong { chars });
        }
    }
    Ok(Some(entry))
}

/// The command of this name, whatever its case.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    let name = name.to_lowercase();
    COMMANDS.iter().find(|command| command.name == name || command.aliases.contains(&&*name))
}

/// A name as it has to be typed where more may follow.
pub(super) fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) || name.starts_with('"') {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

fn say(text: &str) -> Entry {
    Entry::Call(Call::Say { text: text.to_owned() })
}

/// The first word, or what stands between quotes, and what follows it.
fn first_word(text: &str) -> Option<(String, &str)> {
    let (word, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => text.split_once(char::is_whitespace)?,
    };
    let is_word = !word.trim().is_empty();
    is_word.then(|| (word.to_owned(), rest.strip_prefix(' ').unwrap_or(rest)))
}

/// All of it is one name, in quotes or not.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    (!inner.trim().is_empty()).then(|| inner.trim().to_owned())
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Complaint::Unknown { name, nearest } => {
                // Lines of a pipe may have been written by anybody.
                let name = clean::line(name);
                write!(f, "there is no /{name}; the nearest is /{nearest} (//{name} says it)")
            }
            Complaint::Usage(command) => write!(f, "it is written {command}"),
            Complaint::TooLong { chars } => {
                write!(f, "too long to be sent: {chars}/{TEXT_CHARS_MAX} characters")
            }
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.name)?;
        if self.arguments.is_empty() { Ok(()) } else { write!(f, " {}", self.arguments) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Entry {
        parse(text).expect(text).expect(text)
    }

    fn refused(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn texts_are_said_and_slashes_command() {
        let join = |room: &str| Entry::Call(Call::Join { room: Some(room.into()), name: None });
        let whisper =
            |to: &str, text: &str| Entry::Call(Call::Whisper { to: to.into(), text: text.into() });
        for (text, entry) in [
            (" hello ", say(" hello ")),
            ("//usr/bin", say("/usr/bin")),
            ("/join tech talk", join("tech talk")),
            ("/J \"den\"", join("den")),
            ("/msg bob hi there", whisper("bob", "hi there")),
            ("/msg \"Ann Lee\" hi", whisper("Ann Lee", "hi")),
            ("/m bob line one\nline two", whisper("bob", "line one\nline two")),
            ("/history", Entry::History(50)),
            ("/history 7", Entry::History(7)),
            ("/login", Entry::LogIn(None)),
            ("/register Ann Lee", Entry::Register(Some("Ann Lee".into()))),
            ("/public", Entry::Call(Call::SetPrivate { private: false })),
            ("/help", Entry::Help(None)),
            ("/help /join", Entry::Help(find("join"))),
            ("/exit", Entry::Quit),
        ] {
            assert_eq!(asked(text), entry, "{text}");
        }
        assert_eq!(parse(" \n"), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_told_how_it_is_written() {
        assert_eq!(
            refused("/jion den"),
            "there is no /jion; the nearest is /join (//jion says it)"
        );
        assert!(refused("/\x1b[31mx").starts_with("there is no /␛[31mx; the nearest is /"));
        assert_eq!(refused("/join"), "it is written /join ROOM");
        assert_eq!(refused("/msg bob"), "it is written /msg NAME TEXT");
        assert_eq!(refused("/msg \"bob hi"), "it is written /msg NAME TEXT");
        assert_eq!(refused("/history x"), "it is written /history [N]");
        assert_eq!(refused("/leave now"), "it is written /leave");
        assert_eq!(refused("/help jion"), "it is written /help [COMMAND]");
    }

    #[test]
    fn a_text_has_a_limit_in_characters() {
        asked(&"ü".repeat(TEXT_CHARS_MAX));
        let long = "ü".repeat(TEXT_CHARS_MAX + 1);
        assert_eq!(refused(&long), "too long to be sent: 1001/1000 characters");
        assert_eq!(refused(&format!("/msg bob {long}")), refused(&long));
    }

    #[test]
    fn names_are_unique() {
        let names: Vec<_> = COMMANDS
            .iter()
            .flat_map(|command| command.aliases.iter().chain([&command.name]))
            .collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name}");
        }
    }
}
