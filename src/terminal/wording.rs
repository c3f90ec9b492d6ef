//! What happens and what is answered, in words; the same on the screen and in the line mode.
//!
//! Names and texts come out cleaned.

use std::time::Duration;

use crate::client::{Answer, Call, Happening, Room};

use super::clean;
use super::commands::{COMMANDS, Command};

/// At most so many names or rooms are listed in a sentence.
const LISTED_MAX: usize = 200;

/// Something that happened in a room other than a message: a sign for its kind, and a sentence.
pub(super) fn news(what: &Happening) -> Option<(char, String)> {
    let name = |name: &str| clean::line(name);
    Some(match what {
        Happening::Joined { name: who } => ('→', format!("{} came", name(who))),
        Happening::Left { name: who } => ('←', format!("{} left", name(who))),
        Happening::Renamed { old, new } => ('·', format!("{} is now {}", name(old), name(new))),
        Happening::Changed { private: true } => ('·', "the room is private now".into()),
        Happening::Changed { private: false } => ('·', "the room is public now".into()),
        Happening::TooLong { name: who } => {
            ('·', format!("{} said something too long for this door", name(who)))
        }
        _ => return None,
    })
}

/// An answer to something that somebody asked for, where it has to be told.
pub(super) fn answer(answer: &Answer) -> Option<String> {
    Some(match answer {
        Answer::Renamed(name) => format!("you are now {}", clean::line(name)),
        Answer::Users(users) => {
            let names = listed(users.iter().map(|name| clean::line(name)));
            format!("{} here: {names}", people(users.len()))
        }
        Answer::Rooms(rooms) => {
            format!("rooms: {}", listed(rooms.iter().map(room)))
        }
        Answer::LoggedIn(name) => format!("logged in as {}", clean::line(name)),
        Answer::Pong(time) => format!("the answer took {}", round_trip(*time)),
        _ => return None,
    })
}

/// What was done, where the answer does not say.
pub(super) fn done(call: &Call) -> Option<String> {
    let words = match call {
        Call::Leave => "you left the room",
        Call::SetPrivate { private: true } => "the room is private now",
        Call::SetPrivate { private: false } => "the room is public now",
        Call::LogOut => "logged out",
        _ => return None,
    };
    Some(words.into())
}

/// The words at the beginning of a stay.
pub(super) fn stay(room: &str, is_private: bool, members: Option<usize>) -> String {
    let mut words = clean::line(room);
    if is_private {
        words.push_str(" (private)");
    }
    if let Some(count) = members {
        words.push_str(&format!(" · {}", people(count)));
    }
    words
}

/// With commas between them, and not all where they are too many to be read.
fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(LISTED_MAX);
    let shown: Vec<_> = items.take(LISTED_MAX).collect();
    let shown = shown.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// So many people.
pub(super) fn people(count: usize) -> String {
    if count == 1 { "1 person".into() } else { format!("{count} people") }
}

/// A room of a list, with what is known of it.
fn room(room: &Room) -> String {
    let name = clean::line(&room.name);
    match (room.members, room.private) {
        (Some(count), false) => format!("{name} ({count})"),
        (Some(count), true) => format!("{name} ({count}, private)"),
        (None, true) => format!("{name} (private)"),
        (None, false) => name,
    }
}

/// How long an answer took, as short as can be.
pub(super) fn round_trip(time: Duration) -> String {
    match time.as_micros() {
        0..1000 => "<1 ms".into(),
        micros if micros < 1_000_000 => format!("{} ms", micros / 1000),
        micros => format!("{} s", micros / 1_000_000),
    }
}

/// A pause, in whole seconds, rounded up.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_millis().div_ceil(1000))
}

/// Who has the mouse now.
pub(super) fn mouse(is_taken: bool) -> &'static str {
    match is_taken {
        true => "the wheel scrolls; text is selected with Shift held",
        false => "the mouse is the terminal's again",
    }
}

/// What `/help` tells of a command.
pub(super) fn help_on(command: &Command) -> String {
    format!("{command}: {}", command.help)
}

/// What `/help` tells of all of them.
pub(super) fn help() -> String {
    let lines = COMMANDS.iter().map(|command| {
        let written = command.to_string();
        format!("{written:<17}{}\n", command.help)
    });
    format!("{}{:<17}say /TEXT", lines.collect::<String>(), "//TEXT")
}

/// What `/help` tells of the keys.
pub(super) const KEYS: &str = "\
Tab              complete a command, a name or a room; again: the next one
Up, Down         texts sent before; or Ctrl-P, Ctrl-N
PageUp, PageDown scroll; Ctrl-Home, Ctrl-End: to the beginning, to the end
Wheel            scroll, once /mouse is on
F2               show or hide the list of rooms and people
Alt-Enter        a line break within the message
Ctrl-C           empty the line; where it is empty: quit
Ctrl-D           delete; where the line is empty: quit
Ctrl-Z           back to the shell; `fg` there comes back
Ctrl-L           draw the screen afresh
Ctrl-A, E, B, F, Alt-B, F: move   Ctrl-U, K, W, Alt-D: kill   Ctrl-Y: yank";
