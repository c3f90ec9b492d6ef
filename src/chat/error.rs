//! Why an operation of the chat is refused.
//!
//! The texts here are for logs. What a client is told is each dialect's own.

use std::fmt;
use std::sync::Arc;

use super::name::NameFault;

/// Why an operation was refused. A refused operation has changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The session has been closed.
    SessionClosed,
    /// No user name was given, or nothing was left of it after cleaning.
    NameRequired,
    /// The user name has too many characters.
    NameTooLong,
    /// Somebody online bears the name, or holds it while registering or logging in.
    NameTaken,
    /// Nobody may bear the name.
    NameReserved,
    /// The name belongs to a registered account.
    NameRegistered,
    /// The session is logged in, so its name is the account's.
    NameOfAccount,
    /// No account of this name is registered.
    NoSuchAccount,
    /// Another session bears the account's name.
    AlreadyOnline,
    /// Nothing was left of the room's name after cleaning.
    RoomNameRequired,
    /// The room's name has too many characters.
    RoomNameTooLong,
    /// There is no such room.
    RoomNotFound,
    /// A room has this name, or an id equal to it.
    RoomExists,
    /// The server, or the account, has all the rooms it may have.
    TooManyRooms,
    /// The text is empty or all white space.
    TextRequired,
    /// The text has too many characters, or the JSON body too many bytes.
    TextTooLong,
    /// The session is in no room.
    NotInRoom,
    /// Nobody of this name is in the room. Spelled as its bearer elsewhere spells it, otherwise
    /// cleaned and, if too long for a name, cut.
    NoSuchMember(Arc<str>),
    /// Only the room's creator may do this.
    NotCreator,
    /// The default room does not allow this.
    DefaultRoom,
}

impl Error {
    pub(super) fn of_user_name(fault: NameFault) -> Error {
        match fault {
            NameFault::Empty => Error::NameRequired,
            NameFault::TooLong => Error::NameTooLong,
        }
    }

    pub(super) fn of_room_name(fault: NameFault) -> Error {
        match fault {
            NameFault::Empty => Error::RoomNameRequired,
            NameFault::TooLong => Error::RoomNameTooLong,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::SessionClosed => "the session has been closed",
            Error::NameRequired => "a user name is required",
            Error::NameTooLong => "the user name is too long",
            Error::NameTaken => "the user name is taken",
            Error::NameReserved => "the user name is reserved",
            Error::NameRegistered => "the user name belongs to an account",
            Error::NameOfAccount => "a logged-in session bears its account's name",
            Error::NoSuchAccount => "there is no such account",
            Error::AlreadyOnline => "the account is online in another session",
            Error::RoomNameRequired => "a room name is required",
            Error::RoomNameTooLong => "the room name is too long",
            Error::RoomNotFound => "there is no such room",
            Error::RoomExists => "the room exists already",
            Error::TooManyRooms => "there are too many rooms",
            Error::TextRequired => "a text is required",
            Error::TextTooLong => "the text is too long",
            Error::NotInRoom => "the session is in no room",
            Error::NoSuchMember(name) => return write!(f, "{name} is not in the room"),
            Error::NotCreator => "only the room's creator can do that",
            Error::DefaultRoom => "the default room does not allow that",
        })
    }
}

impl std::error::Error for Error {}
