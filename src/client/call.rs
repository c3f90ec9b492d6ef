//! What a client may ask for, and what it gets.

use super::event::Event;
use std::fmt;
use std::time::{Duration, SystemTime};

/// Something to ask of the server. The same through every door; where a door has several steps for
/// it (leave before joining, create before entering), they are taken one after the other.
///
/// Its `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// Come into a room; it is made where there is none. From another room: move. Answered by
    /// [`Answer::Joined`].
    Join {
        /// The room's name, or its id where the door takes ids. `None`: the default room, or the one
        /// that one is in already.
        room: Option<String>,
        /// The name to bear. `None`: the one borne already (an account's, mostly).
        name: Option<String>,
    },
    /// Leave the room. Answered by [`Answer::Done`], or by [`Answer::Joined`] where one is in the
    /// default room then (`chatmaster`).
    Leave,
    /// Say something to the room. Answered by [`Answer::Said`].
    Say {
        /// 1 to 1000 characters, not all white space.
        text: String,
    },
    /// Say something to one member of the room. Answered by [`Answer::Said`], without a `seq`.
    Whisper {
        /// The member's name.
        to: String,
        /// As that of [`Call::Say`].
        text: String,
    },
    /// Take another name. Answered by [`Answer::Renamed`].
    Rename {
        /// The new name, 1 to 50 characters.
        name: String,
    },
    /// Who is in the room. Answered by [`Answer::Users`].
    Users,
    /// Which rooms there are. Answered by [`Answer::Rooms`].
    Rooms,
    /// What was said in the room. Answered by [`Answer::History`].
    History {
        /// Only what has a later `seq`.
        after: u64,
        /// At most so many events; the server has a maximum of its own (200).
        limit: u32,
    },
    /// Make the room one is in private, or public. Answered by [`Answer::Done`].
    SetPrivate {
        /// Private: shown in nobody's list.
        private: bool,
    },
    /// Make an account, and log in to it. Answered by [`Answer::LoggedIn`].
    Register {
        /// The account's name.
        name: String,
        /// Its password.
        password: String,
    },
    /// Log in to an account. Answered by [`Answer::LoggedIn`].
    LogIn {
        /// The account's name.
        name: String,
        /// Its password.
        password: String,
    },
    /// Log out; one is in no room then. Answered by [`Answer::Done`].
    LogOut,
    /// Let the others know that one is typing. Answered by [`Answer::Done`], also where the door
    /// has no word for it.
    Typing,
    /// Measure how long an answer takes. Answered by [`Answer::Pong`].
    Ping,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = |f: &mut fmt::Formatter<'_>, call: &str, name: &String| {
            f.debug_struct(call).field("name", name).finish_non_exhaustive()
        };
        match self {
            Call::Join { room, name } => {
                f.debug_struct("Join").field("room", room).field("name", name).finish()
            }
            Call::Leave => f.write_str("Leave"),
            Call::Say { text } => f.debug_struct("Say").field("text", text).finish(),
            Call::Whisper { to, text } => {
                f.debug_struct("Whisper").field("to", to).field("text", text).finish()
            }
            Call::Rename { name } => f.debug_struct("Rename").field("name", name).finish(),
            Call::Users => f.write_str("Users"),
            Call::Rooms => f.write_str("Rooms"),
            Call::History { after, limit } => {
                f.debug_struct("History").field("after", after).field("limit", limit).finish()
            }
            Call::SetPrivate { private } => {
                f.debug_struct("SetPrivate").field("private", private).finish()
            }
            Call::Register { name, .. } => account(f, "Register", name),
            Call::LogIn { name, .. } => account(f, "LogIn", name),
            Call::LogOut => f.write_str("LogOut"),
            Call::Typing => f.write_str("Typing"),
            Call::Ping => f.write_str("Ping"),
        }
    }
}

impl Call {
    /// Whether it changes where one is or what one is called.
    pub(super) fn moves(&self) -> bool {
        match self {
            Call::Join { .. }
            | Call::Leave
            | Call::Rename { .. }
            | Call::Register { .. }
            | Call::LogIn { .. }
            | Call::LogOut => true,
            Call::Say { .. }
            | Call::Whisper { .. }
            | Call::Users
            | Call::Rooms
            | Call::History { .. }
            | Call::SetPrivate { .. }
            | Call::Typing
            | Call::Ping => false,
        }
    }
}

/// What a call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It was done.
    Done,
    /// One is in a room now.
    Joined(Joined),
    /// It was said.
    Said(Said),
    /// One has this name now, as the server spells it.
    Renamed(String),
    /// The members of the room, oneself among them, in joining order.
    Users(Vec<String>),
    /// The rooms, the default one first.
    Rooms(Vec<Room>),
    /// Part of the room's history.
    History(History),
    /// One is logged in under this name, as it was registered.
    LoggedIn(String),
    /// The answer took so long.
    Pong(Duration),
}

/// Where one is after joining.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// The room's name.
    pub room: String,
    /// One's own name, as the server spells it.
    pub name: String,
    /// The members, oneself among them, where the door tells.
    pub users: Option<Vec<String>>,
    /// Whether the room is private, where the door tells.
    pub private: Option<bool>,
    /// The last `seq` of the room, where the door counts.
    pub seq: Option<u64>,
    /// Which count that belongs to: another text after a restart.
    pub epoch: Option<String>,
}

/// A message that was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    /// Its place in the room's count, where the door tells.
    pub seq: Option<u64>,
    /// When, by the server's clock, where the door tells.
    pub at: Option<SystemTime>,
}

/// A room in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// How many are in it, where the door tells.
    pub members: Option<u64>,
    /// Whether it is private, where the door tells: of private rooms only one's own is listed.
    pub private: bool,
}

/// A part of a room's history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Oldest first: [`Event::Room`] alone.
    pub events: Vec<Event>,
    /// Something after what was asked for is no longer kept.
    pub truncated: bool,
    /// Which count the events' `seq` belong to.
    pub epoch: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let (name, password) = ("ann".to_owned(), "sesame".to_owned());
        let log_in = Call::LogIn { name: name.clone(), password: password.clone() };
        for call in [log_in, Call::Register { name, password }] {
            let shown = format!("{call:?} {call:#?}");
            assert!(shown.contains("ann") && !shown.contains("sesame"), "{shown}");
        }
        let say = Call::Say { text: "x".into() };
        assert_eq!(format!("{say:?}"), r#"Say { text: "x" }"#);
        let join = Call::Join { room: None, name: Some("a".into()) };
        assert_eq!(format!("{join:?}"), r#"Join { room: None, name: Some("a") }"#);
    }
}
