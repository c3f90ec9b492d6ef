//! What happened, and who is to hear it.
//!
//! An event holds nothing that differs between those who receive it, so it can be encoded once for
//! many. How it looks is the dialects' affair, and so is whether its subject is shown it.

use std::sync::Arc;

use super::key::{RoomKey, SessionId};
use super::time::Timestamp;

/// One thing that happened. Events stand in the order in which they are to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where it happened. Already stale when the event ended the room.
    pub room: RoomKey,
    /// The room's name.
    pub room_name: Arc<str>,
    /// Who did it; stale when the session has closed. `None`: the server itself.
    pub subject: Option<SessionId>,
    /// Who is to hear it.
    pub audience: Audience,
    /// The event's place among the room's events, from 1 on; 0 when it takes none.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// Who is to hear an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// All who are members of the event's room after the operation, the subject among them.
    Room,
    /// One session.
    One(SessionId),
    /// All who follow the list of rooms.
    RoomList,
}

/// What happened. Kept small, since a room's history keeps hundreds of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// Somebody entered the room.
    Joined {
        /// Who.
        name: Arc<str>,
    },
    /// Somebody left the room. When it was the last member nobody hears it, but it did happen.
    Left {
        /// Who.
        name: Arc<str>,
    },
    /// A member changed its name.
    Renamed {
        /// The name until now.
        old: Arc<str>,
        /// The name from now on.
        new: Arc<str>,
    },
    /// Somebody spoke to the room.
    Message {
        /// Who.
        from: Arc<str>,
        /// What.
        body: Content,
    },
    /// Somebody spoke to one member. Takes no `seq` and is in no history.
    Whisper(Box<Whisper>),
    /// The list of rooms has one more: it was created, or it is no longer private. No `seq`.
    RoomOpened {
        /// The room's id.
        id: Arc<str>,
    },
    /// The room became private or public. Told to its members; no `seq`.
    RoomChanged {
        /// Whether it is private now.
        private: bool,
    },
    /// The list of rooms has one less: it has ended, or become private. No `seq`.
    RoomClosed {
        /// The room's id.
        id: Arc<str>,
    },
}

/// A private message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whisper {
    /// Who spoke.
    pub from: Arc<str>,
    /// To whom.
    pub to: Arc<str>,
    /// What.
    pub body: Content,
}

/// What somebody says, lent to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// A text, delivered exactly as it is.
    Text(&'a str),
    /// A JSON value as compact JSON text. It is not looked into.
    Json(&'a str),
}

/// What somebody said, shared by all who receive or keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(Arc<str>),
    /// A JSON value as compact JSON text.
    Json(Arc<str>),
}

impl Content {
    /// The text, or the JSON text.
    pub fn as_str(&self) -> &str {
        match self {
            Content::Text(text) | Content::Json(text) => text,
        }
    }
}

impl From<Body<'_>> for Content {
    fn from(body: Body<'_>) -> Content {
        match body {
            Body::Text(text) => Content::Text(text.into()),
            Body::Json(json) => Content::Json(json.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_history_keeps_hundreds_of_is_small() {
        assert!(size_of::<EventKind>() <= 40);
    }
}
