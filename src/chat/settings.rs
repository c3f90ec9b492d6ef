//! The limits of the chat.
//!
//! Nothing here is read from a file.

/// The chat's limits and the name of its default room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of the room that always exists.
    pub default_room: String,
    /// Rooms at most, the default room included.
    pub rooms_max: usize,
    /// Rooms at most that one account created and that still exist.
    pub rooms_per_account_max: usize,
    /// In a room of more members joins and leaves are not announced; 0: always announced.
    pub presence_members_max: usize,
    /// Events at most that a room's history keeps.
    pub history_events_max: usize,
    /// Bytes at most that a room's history keeps. An event counts as the bytes of its names and
    /// text and [`RECORD_BYTES`](super::RECORD_BYTES).
    pub history_bytes_max: usize,
    /// Bytes at most that all histories keep together, counted likewise.
    pub history_total_bytes_max: usize,
    /// Characters (Unicode scalar values) at most in a user's or a room's name.
    pub name_chars_max: usize,
    /// Characters (Unicode scalar values) at most in a text.
    pub text_chars_max: usize,
    /// Bytes at most in a body that is JSON.
    pub body_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            default_room: "general".to_owned(),
            rooms_max: 10_000,
            rooms_per_account_max: 100,
            presence_members_max: 1000,
            history_events_max: 200,
            history_bytes_max: 256 * 1024,
            history_total_bytes_max: 64 * 1024 * 1024,
            name_chars_max: 50,
            text_chars_max: 1000,
            body_bytes_max: 8 * 1024,
        }
    }
}
