//! The daemon's state, without its configuration.

use std::time::SystemTime;

use parlance::chat::dialect::websocket::WebSocketSettings;
use parlance::chat::dialect::{self, House};
use parlance::chat::{ChatServer, Settings, Timestamp};

/// A house with default limits, but for the number of members above which a room keeps quiet about
/// joins and leaves. Its ids are easy to guess: this is no place to chat.
pub(crate) fn house(presence_members_max: usize) -> House {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = Timestamp(since.map_or(0, |since| since.as_millis() as u64));
    let mut number = 0x9E37_79B9_7F4A_7C15_u64;
    let random = Box::new(move || {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        number
    });
    let settings = Settings { presence_members_max, ..Settings::default() };
    let chat = ChatServer::new(settings, now, random).expect("the default room's name is valid");
    // Only for those who offer it.
    let websocket = WebSocketSettings { deflate: true, ..WebSocketSettings::default() };
    House::new(chat, dialect::Settings { websocket, ..dialect::Settings::default() })
}
