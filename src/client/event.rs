//! What happens without being asked for.

use std::time::{Duration, SystemTime};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// In the room one is in.
    Room {
        /// The room's name.
        room: String,
        /// Its place in the room's count, where the door tells and it has one.
        seq: Option<u64>,
        /// When: by the server's clock where the door tells, else when it came.
        at: SystemTime,
        /// What.
        what: Happening,
    },
    /// Somebody in the room is typing: to be shown for about five seconds.
    Typing {
        /// Who.
        name: String,
    },
    /// A room was made, or became public.
    RoomOpened {
        /// Its name.
        room: String,
    },
    /// A room ended, or became private.
    RoomClosed {
        /// Its name.
        room: String,
    },
    /// Words of the server itself, such as a welcome or that it is shutting down.
    Notice {
        /// The words.
        text: String,
    },
    /// One's account was removed: one is in no room, and has this name, where the door tells.
    LoggedOut {
        /// The new name.
        name: Option<String>,
    },
    /// The link is lost. It is tried again by itself.
    Disconnected {
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The link is there again. Who was logged in is so again, and back in the room.
    Reconnected {
        /// The room, if one was in any and could come back.
        room: Option<String>,
        /// The name that one bears there.
        name: Option<String>,
    },
    /// Something happened in the room that cannot be told any more: it is no longer kept, the
    /// door has no history, or the count began anew with a restart.
    Missed,
    /// The client has given up: nothing comes after this.
    Ended {
        /// Why.
        reason: String,
    },
}

/// What happened in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// Something was said.
    Message(Message),
    /// Somebody came.
    Joined {
        /// Who.
        name: String,
    },
    /// Somebody left.
    Left {
        /// Who.
        name: String,
    },
    /// Somebody took another name.
    Renamed {
        /// The name before.
        old: String,
        /// The name now.
        new: String,
    },
    /// The room was made private, or public.
    Changed {
        /// Private now.
        private: bool,
    },
    /// Something was said that is too long for a datagram (`udp` alone).
    TooLong {
        /// Who said it.
        name: String,
    },
}

/// Something that was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub from: String,
    /// The text; any other value a WebSocket client sent stands here as JSON.
    pub text: String,
    /// To oneself alone.
    pub private: bool,
    /// By oneself: only in a history, for nobody is sent what one says. What was said before one came
    /// counts as one's own if it was under the name that one came with, for servers tell no more.
    pub own: bool,
}

impl Event {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = match self {
            Event::Room { room, what, .. } => {
                room.len()
                    + match what {
                        Happening::Message(message) => message.from.len() + message.text.len(),
                        Happening::Renamed { old, new } => old.len() + new.len(),
                        Happening::Joined { name }
                        | Happening::Left { name }
                        | Happening::TooLong { name } => name.len(),
                        Happening::Changed { .. } => 0,
                    }
            }
            Event::Typing { name } => name.len(),
            Event::RoomOpened { room } | Event::RoomClosed { room } => room.len(),
            Event::Notice { text } => text.len(),
            Event::Disconnected { reason, .. } | Event::Ended { reason } => reason.len(),
            Event::LoggedOut { .. } | Event::Reconnected { .. } | Event::Missed => 0,
        };
        size_of::<Event>() + texts
    }
}
