//! `websocket`: text messages over WebSocket, `{"action","body"}`.
//!
//! Two protocols share a door. The classic one of seed 001 knows create, join, leave and
//! message; a client that offers the subprotocol `parlance.v1` gets the full stream of events and
//! answers that bear ids. Here are the service that tells them apart, and what they have
//! in common; HTTP, the upgrade, pings and closing are the framing's.
//!
//! A connection becomes a session at the upgrade, not before: a half-done request costs no name.

mod account;
mod classic;
mod forms;
mod pages;
mod v1;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::fields::{Fields, fields};
use super::house::{House, now, session_of};
use super::{Fx, Settings};
use crate::chat::{Body, Error, Join, Joined, RoomRef};
use crate::rpc::framing::{Fault, Framing, Switch, WebSocket, WebSocketOptions};
use crate::rpc::json::{self, Malformed};
use crate::rpc::{Accepted, ConnId, End, Service};

pub(super) use forms::{CLASSIC_DEFLATED_FORM, CLASSIC_FORM, V1_DEFLATED_FORM, V1_FORM};

/// The subprotocol of the full event stream.
const PROTOCOL_V1: &str = "parlance.v1";

/// Where an upgrade is taken.
const PATHS: [&str; 3] = ["/", "/ws", "/chat"];

/// What the `websocket` dialect is set to. How long a message may be is the same for all dialects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketSettings {
    /// Origins, such as `https://chat.example`, whose pages may connect besides those from here.
    pub origins: Vec<String>,
    /// What a peer may call this host on a loopback address, besides `localhost` and the loopback
    /// addresses.
    pub hosts: Vec<String>,
    /// Whether messages are compressed for clients that offer it.
    pub deflate: bool,
    /// How often a peer is pinged; zero: never.
    pub ping: Duration,
}

impl Default for WebSocketSettings {
    fn default() -> WebSocketSettings {
        WebSocketSettings {
            origins: Vec::new(),
            hosts: Vec::new(),
            deflate: false,
            ping: Duration::from_secs(25),
        }
    }
}

/// What the dialect keeps in the house.
#[derive(Default)]
pub(super) struct Own {
    /// When who was last shown to be typing; of those only who have ever been, and are connected.
    typing: HashMap<ConnId, Instant>,
}

/// The service to listen with.
pub fn service() -> WebSocketService {
    WebSocketService { options: RefCell::new(None) }
}

/// Serves the `websocket` dialect.
pub struct WebSocketService {
    /// What connections share, and the settings that it was made from.
    options: RefCell<Option<(WebSocketSettings, Rc<WebSocketOptions>)>>,
}

impl WebSocketService {
    /// What a new connection shares with the others: made anew when the settings have changed.
    fn options(&self, settings: &Settings) -> Rc<WebSocketOptions> {
        let mut made = self.options.borrow_mut();
        let message_bytes_max = settings.json.frame_bytes;
        if let Some((from, options)) = &*made
            && *from == settings.websocket
            && options.message_bytes_max == message_bytes_max
        {
            return Rc::clone(options);
        }
        let own = &settings.websocket;
        let options = Rc::new(WebSocketOptions {
            paths: PATHS.map(str::to_owned).into(),
            protocols: vec![PROTOCOL_V1.to_owned()],
            origins: own.origins.clone(),
            hosts: own.hosts.clone(),
            message_bytes_max,
            binary: false,
            deflate: own.deflate,
            ping: own.ping,
            pages: pages::page,
        });
        *made = Some((own.clone(), Rc::clone(&options)));
        options
    }
}

impl Service<House> for WebSocketService {
    fn framing(&self, house: &House, accepted: &Accepted) -> Box<dyn Framing> {
        Box::new(WebSocket::new(self.options(&house.settings), accepted))
    }

    fn switched(&self, house: &mut House, fx: &mut Fx, conn: ConnId, switch: Switch) {
        let Switch::WebSocket { protocol, deflate } = switch else { return };
        let v1 = protocol.is_some();
        fx.set_form(conn, forms::number(v1, deflate));
        house.open(fx, conn);
        match take_client_name(house, fx, conn) {
            Ok(name) if v1 => v1::greet(house, fx, conn, &name),
            Ok(name) => classic::greet(fx, conn, &name),
            Err(error) => {
                log::error!("websocket: a client cannot be named by its id: {error}");
                fx.close(conn);
            }
        }
    }

    fn frame(&self, house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) {
        if forms::V1_FORMS.contains(&fx.form(conn)) {
            v1::serve(house, fx, conn, frame);
        } else {
            classic::serve(house, fx, conn, frame);
        }
    }

    fn fault(&self, _: &mut House, _: &mut Fx, _: ConnId, _: Fault) {
        // The framing's close frame, or its HTTP answer, says all there is to say.
    }

    fn closed(&self, house: &mut House, fx: &mut Fx, conn: ConnId, _: &End) {
        house.own.websocket.typing.remove(&conn);
        house.close(fx, conn);
    }
}

/// Names a new session by a client id, and gives that.
fn take_client_name(house: &mut House, fx: &Fx, conn: ConnId) -> Result<String, Error> {
    let session = session_of(fx, conn).ok_or(Error::SessionClosed)?;
    let name = house.chat.client_name();
    house.chat.rename(session, &name, now(fx), &mut house.events)?;
    Ok(name.to_string())
}

// ---- what both protocols do ----------------------------------------------------------------------

/// Why a request is refused: its JSON, or what the chat says.
#[derive(Debug)]
enum Fail {
    Json,
    Chat(Error),
}

impl From<Malformed> for Fail {
    fn from(Malformed: Malformed) -> Fail {
        Fail::Json
    }
}

impl From<Error> for Fail {
    fn from(error: Error) -> Fail {
        Fail::Chat(error)
    }
}

/// Hands what is said to `act` as the chat takes it: a string as its text, any other value as
/// compact JSON. Nothing, and `null`, is an empty text.
fn with_body<T>(value: Option<&str>, act: impl FnOnce(Body<'_>) -> T) -> T {
    match value {
        None | Some("null") => act(Body::Text("")),
        Some(string) if string.starts_with('"') => {
            act(Body::Text(&json::unescape(string).unwrap_or_default()))
        }
        Some(value) => {
            let mut compact = Vec::with_capacity(value.len());
            json::compact(value, &mut compact);
            // Taking white space out of UTF-8 leaves UTF-8.
            act(Body::Json(&String::from_utf8(compact).unwrap_or_default()))
        }
    }
}

/// Says something to the room, and gives the `seq` it has taken.
fn say(house: &mut House, fx: &mut Fx, conn: ConnId, value: Option<&str>) -> Result<u64, Error> {
    let session = session_of(fx, conn).ok_or(Error::SessionClosed)?;
    let (at, chat, events) = (now(fx), &mut house.chat, &mut house.events);
    let seq = with_body(value, |body| chat.say(session, body, at, events))?;
    house.deliver(fx);
    Ok(seq)
}

/// Enters the room that a body means: `{"room_id":I}` or `{"room":N}`. What means none is a room
/// that is not there.
fn join(house: &mut House, fx: &mut Fx, conn: ConnId, body: Option<&str>) -> Result<Joined, Fail> {
    let depth = house.settings.json.depth;
    let parts = fields(body.unwrap_or("null").as_bytes(), depth, ["room_id", "room"])?;
    let Fields::Object([id, name]) = parts else { return Err(Error::RoomNotFound.into()) };
    let text = id.or(name).and_then(json::unescape).ok_or(Error::RoomNotFound)?;
    let room = if id.is_some() { RoomRef::Id(&text) } else { RoomRef::Name(&text) };
    let joined = house.join(fx, conn, Join { name: None, room, create: false });
    let joined = joined.map_err(|error| match error {
        // No room can have such a name.
        Error::RoomNameRequired | Error::RoomNameTooLong => Error::RoomNotFound,
        other => other,
    })?;
    house.deliver(fx);
    Ok(joined)
}

/// Makes a room and enters it.
fn create(
    house: &mut House,
    fx: &mut Fx,
    conn: ConnId,
    (name, private): (&str, bool),
) -> Result<Joined, Error> {
    let room = RoomRef::New { name, private };
    let joined = house.join(fx, conn, Join { name: None, room, create: true })?;
    house.deliver(fx);
    Ok(joined)
}

/// Leaves the room, and gives its name.
fn leave(house: &mut House, fx: &mut Fx, conn: ConnId) -> Result<String, Error> {
    let session = session_of(fx, conn).ok_or(Error::SessionClosed)?;
    let room = house.chat.room_of(session).and_then(|room| house.chat.room(room));
    let name = room.ok_or(Error::NotInRoom)?.name.to_owned();
    house.leave(fx, conn)?;
    house.deliver(fx);
    Ok(name)
}

/// What a client is told when the chat refuses.
fn words(error: Error) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        Error::NameRequired => "Name is required",
        Error::NameTooLong => "Name too long",
        Error::NameTaken | Error::NameReserved | Error::NameRegistered => "Name already taken",
        Error::NameOfAccount => "Logged in under another name",
        Error::RoomNotFound => "Room not found",
        Error::RoomExists => "Room already exists",
        Error::RoomNameRequired => "Room name is required",
        Error::RoomNameTooLong => "Room name too long",
        Error::TooManyRooms => "Too many rooms",
        Error::TextRequired => "Message is required",
        Error::TextTooLong => "Message too long",
        Error::NotInRoom => "Not in a room",
        Error::NotCreator => "Only the room's creator can do that",
        Error::DefaultRoom => "The default room is always public",
        Error::NoSuchMember(name) => {
            return Cow::Owned(format!("User {name} is not in this room"));
        }
        // Nobody hears it.
        Error::SessionClosed => "Internal error",
        other => {
            log::error!("websocket: no words for: {other}");
            "Internal error"
        }
    })
}
