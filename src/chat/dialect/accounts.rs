//! `accounts`: JSON behind a length, `{"type","data"}`, over TLS; log in, choose a room, talk.
//!
//! The protocol of seed 002. A session is *connected*, in the *lobby* (logged in, in no room) or in
//! a *room*, and each state takes its own commands. Registering and logging in are the desk's.

use std::borrow::Cow;

use super::desk::Verdict;
use super::fields::{Fields, fields};
use super::form::Form;
use super::house::{self, House, now, session_of};
use super::{ACCOUNTS, Fx};
use crate::chat::{
    Body, Error, Event, EventKind, Join, Name, RoomKey, RoomRef, RoomView, SessionId,
};
use crate::rpc::framing::{Fault, Framing, LengthPrefix, length_prefix};
use crate::rpc::{Accepted, ConnId, End, Service, json};

/// The name of the state between rooms, among those of rooms.
const LOBBY: &str = "lobby";

/// Whom a message is for that is for everybody.
const PUBLIC: &str = "public";

const INVALID_JSON: &str = "Invalid JSON";

/// The service to listen with.
pub fn service() -> impl Service<House> {
    AccountsService
}

struct AccountsService;

impl Service<House> for AccountsService {
    fn framing(&self, house: &House, _: &Accepted) -> Box<dyn Framing> {
        Box::new(LengthPrefix::new(house.settings.json.frame_bytes))
    }

    fn opened(&self, house: &mut House, fx: &mut Fx, conn: ConnId) {
        fx.set_form(conn, ACCOUNTS);
        house.open(fx, conn);
    }

    fn frame(&self, house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) {
        let depth_max = house.settings.json.depth;
        let Ok(Fields::Object([kind, data])) = fields(frame, depth_max, ["type", "data"]) else {
            return refuse(fx, conn, "error", INVALID_JSON);
        };
        let Some(kind) = kind.and_then(json::unescape) else {
            return refuse(fx, conn, "error", "Unknown type");
        };
        if let Err(refusal) = serve(house, fx, conn, &kind, Data(data)) {
            refuse(fx, conn, &kind, &refusal);
        }
        house.deliver(fx);
    }

    fn fault(&self, _: &mut House, fx: &mut Fx, conn: ConnId, _: Fault) {
        refuse(fx, conn, "error", "Invalid message length");
    }

    fn closed(&self, house: &mut House, fx: &mut Fx, conn: ConnId, _: &End) {
        house.close(fx, conn);
    }
}

// ---- requests ----------------------------------------------------------------------------------

/// Where a session stands.
enum State {
    Connected,
    Lobby,
    Room(RoomKey),
}

/// What the states that do not take a command say to it.
type Refused = Result<(), Cow<'static, str>>;

fn serve(house: &mut House, fx: &mut Fx, conn: ConnId, kind: &str, data: Data<'_>) -> Refused {
    let session = session_of(fx, conn).ok_or("Internal error")?;
    let state = state_of(house, session);
    match (kind, state) {
        ("register", _) => register(house, fx, conn, data),
        ("login", _) => login(house, fx, conn, data),
        ("list" | "logout" | "enter" | "create" | "exit" | "msg", State::Connected) => {
            Err("Not logged in".into())
        }
        ("list", State::Lobby) => list_all(house, fx, conn, session),
        ("list", State::Room(room)) => list_one(house, fx, conn, room),
        ("logout", State::Lobby) => logout(house, fx, conn, session),
        ("enter", State::Lobby) => enter(house, fx, conn, session, data),
        ("create", State::Lobby) => create(house, fx, conn, session, data),
        ("exit", State::Room(_)) => exit(house, fx, conn),
        ("msg", State::Room(_)) => msg(house, fx, session, data),
        ("exit" | "msg", State::Lobby) => Err("Enter a chatroom first".into()),
        ("logout" | "enter" | "create", State::Room(_)) => Err("Leave the chatroom first".into()),
        _ => Err("Unknown type".into()),
    }
}

fn state_of(house: &House, session: SessionId) -> State {
    match house.chat.room_of(session) {
        _ if !house.chat.is_signed_in(session) => State::Connected,
        None => State::Lobby,
        Some(room) => State::Room(room),
    }
}

fn register(house: &mut House, fx: &mut Fx, conn: ConnId, data: Data<'_>) -> Refused {
    let [name, password] = data.texts(["username", "password"])?;
    house.register(fx, conn, (&name, &password), |house, fx, conn, verdict| {
        end_login(house, fx, conn, "register", "Registration successful", verdict);
    });
    Ok(())
}

fn login(house: &mut House, fx: &mut Fx, conn: ConnId, data: Data<'_>) -> Refused {
    let [name, password] = data.texts(["username", "password"])?;
    house.login(fx, conn, (&name, &password), |house, fx, conn, verdict| {
        end_login(house, fx, conn, "login", "Login successful", verdict);
    });
    Ok(())
}

fn end_login(
    house: &mut House,
    fx: &mut Fx,
    conn: ConnId,
    kind: &str,
    message: &str,
    verdict: Verdict,
) {
    if let Err(refusal) = verdict {
        return refuse(fx, conn, kind, &refusal.words(words_for));
    }
    let Some(session) = session_of(fx, conn) else { return };
    let room = house.chat.room_of(session).and_then(|room| house.chat.room(room));
    let (name, room) = (house.chat.name_of(session), room.map_or(LOBBY, label));
    answer(fx, conn, kind, Some(message), |out| {
        write_place(name.unwrap_or_default(), "chatroom", room, out);
    });
}

/// `{"username":"harper","room":"tech_talk"}`
fn write_place(name: &str, key: &str, room: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"username\":");
    json::string(name, out);
    out.push(b',');
    json::string(key, out);
    out.push(b':');
    json::string(room, out);
    out.push(b'}');
}

fn logout(house: &mut House, fx: &mut Fx, conn: ConnId, session: SessionId) -> Refused {
    house.log_out(fx, session);
    say_logged_out(fx, conn);
    Ok(())
}

fn say_logged_out(fx: &mut Fx, conn: ConnId) {
    answer(fx, conn, "logout", Some("Logged out"), |_| {});
}

fn enter(
    house: &mut House,
    fx: &mut Fx,
    conn: ConnId,
    session: SessionId,
    data: Data<'_>,
) -> Refused {
    let [room] = data.texts(["room"])?;
    if is_lobby(&room) {
        return Err("Room does not exist".into());
    }
    let join = Join { name: None, room: RoomRef::NameOrId(&room), create: false };
    let joined = house.join(fx, conn, join).map_err(words_for)?;
    let Some(view) = house.chat.room(joined.room) else { return Err("Internal error".into()) };
    let (name, room) = (house.chat.name_of(session).unwrap_or_default(), label(view));
    answer(fx, conn, "enter", Some(&format!("Welcome to {room}")), |out| {
        write_place(name, "room", room, out);
    });
    Ok(())
}

fn create(
    house: &mut House,
    fx: &mut Fx,
    conn: ConnId,
    session: SessionId,
    data: Data<'_>,
) -> Refused {
    let [room] = data.texts(["room"])?;
    if is_lobby(&room) {
        return Err("Room already exists".into());
    }
    let (at, events) = (now(fx), &mut house.events);
    let created = house.chat.create_room(Some(session), &room, false, at, events);
    let created = created.map_err(words_for)?;
    let name = house.chat.room(created).map_or("", |view| view.name);
    answer(fx, conn, "create", Some(&format!("{name} created successfully")), |_| {});
    Ok(())
}

fn exit(house: &mut House, fx: &mut Fx, conn: ConnId) -> Refused {
    house.leave(fx, conn).map_err(words_for)?;
    answer(fx, conn, "exit", Some("Exited chatroom, returned to lobby"), |_| {});
    Ok(())
}

fn msg(house: &mut House, fx: &mut Fx, session: SessionId, data: Data<'_>) -> Refused {
    let [from, to, text] = data.texts(["from", "to", "text"])?;
    if house.chat.bearer(&from) != Some(session) {
        return Err("Sender does not match the logged-in user".into());
    }
    let (body, at, events) = (Body::Text(&text), now(fx), &mut house.events);
    let said = if is_name(&to, PUBLIC) {
        house.chat.say(session, body, at, events).map(|_| ())
    } else {
        house.chat.whisper(session, &to, body, at, events)
    };
    said.map_err(words_for)
}

// ---- lists -------------------------------------------------------------------------------------

/// The lobby, and every room that is listed for this session.
fn list_all(house: &House, fx: &mut Fx, conn: ConnId, session: SessionId) -> Refused {
    answer(fx, conn, "list", None, |out| {
        out.push(b'{');
        let waiting = house.chat.logged_in_without_room();
        write_names(LOBBY, waiting.map(|(_, name)| name), out);
        for room in house.chat.rooms(Some(session)) {
            out.push(b',');
            write_members(house, room, out);
        }
        out.push(b'}');
    });
    Ok(())
}

fn list_one(house: &House, fx: &mut Fx, conn: ConnId, room: RoomKey) -> Refused {
    let room = house.chat.room(room).ok_or("Internal error")?;
    answer(fx, conn, "list", None, |out| {
        out.push(b'{');
        write_members(house, room, out);
        out.push(b'}');
    });
    Ok(())
}

fn write_members(house: &House, room: RoomView<'_>, out: &mut Vec<u8>) {
    write_names(label(room), house.chat.members(room.key).map(|(_, name)| name), out);
}

/// `"tech_talk":["harper","ann"]`
fn write_names<'a>(key: &str, names: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    json::string(key, out);
    out.push(b':');
    json::list(names, out, json::string);
}

/// What a room is called here: its name, unless that means the lobby.
fn label(room: RoomView<'_>) -> &str {
    if is_lobby(room.name) { room.id } else { room.name }
}

fn is_lobby(name: &str) -> bool {
    is_name(name, LOBBY)
}

/// Whether a text is a spelling of a name, which is given by its key, in ASCII.
fn is_name(text: &str, key: &str) -> bool {
    // No character vanishes on the way to a key, and none of ASCII is made of several: what has more
    // of them than the key is something else, and need not be normalized to tell.
    text == key || Name::new(text, key.len()).is_ok_and(|name| name.key() == key)
}

// ---- parameters --------------------------------------------------------------------------------

/// The value of `data`, as it stands.
#[derive(Clone, Copy)]
struct Data<'a>(Option<&'a str>);

impl<'a> Data<'a> {
    /// These fields; empty what is absent or no text, which no rule for names and texts allows.
    fn texts<const N: usize>(self, keys: [&str; N]) -> Result<[Cow<'a, str>; N], &'static str> {
        // Checked already, with the whole frame, but not for one of these keys given twice.
        let data = self.0.unwrap_or("{}").as_bytes();
        let values = match fields(data, u16::MAX, keys).map_err(|_| INVALID_JSON)? {
            Fields::Object(values) => values,
            Fields::Other => [None; N],
        };
        Ok(values.map(|value| value.and_then(json::unescape).unwrap_or_default()))
    }
}

// ---- answers -----------------------------------------------------------------------------------

/// `{"type":T,"status":"ok","data":…,"message":…}`, with what there is of the last two.
fn answer(
    fx: &mut Fx,
    conn: ConnId,
    kind: &str,
    message: Option<&str>,
    data: impl FnOnce(&mut Vec<u8>),
) {
    const DATA: &[u8] = b",\"data\":";
    house::send(fx, conn, |out| {
        out.extend_from_slice(b"{\"type\":");
        json::string(kind, out);
        out.extend_from_slice(b",\"status\":\"ok\"");
        out.extend_from_slice(DATA);
        let start = out.len();
        data(out);
        if out.len() == start {
            out.truncate(start - DATA.len());
        }
        if let Some(message) = message {
            out.extend_from_slice(b",\"message\":");
            json::string(message, out);
        }
        out.push(b'}');
    });
}

fn refuse(fx: &mut Fx, conn: ConnId, kind: &str, message: &str) {
    house::send(fx, conn, |out| {
        out.extend_from_slice(b"{\"type\":");
        json::string(kind, out);
        out.extend_from_slice(b",\"status\":\"error\",\"message\":");
        json::string(message, out);
        out.push(b'}');
    });
}

/// What a client is told when the chat refuses.
fn words_for(error: Error) -> Cow<'static, str> {
    match error {
        Error::NameRequired => "Username is required".into(),
        Error::NameTooLong => "Username too long".into(),
        Error::NameTaken | Error::NameReserved | Error::NameRegistered => {
            "Username already taken".into()
        }
        Error::RoomNameRequired => "Room name is required".into(),
        Error::RoomNameTooLong => "Room name too long".into(),
        Error::RoomNotFound => "Room does not exist".into(),
        Error::RoomExists => "Room already exists".into(),
        Error::TooManyRooms => "Too many rooms".into(),
        Error::TextRequired => "Message is required".into(),
        Error::TextTooLong => "Message too long".into(),
        Error::NoSuchMember(name) => format!("User {name} is not in this room").into(),
        other => {
            log::error!("accounts: no words for: {other}");
            "Internal error".into()
        }
    }
}

// ---- form --------------------------------------------------------------------------------------

/// Messages alone, to their senders too.
pub(super) static FORM: Form = Form {
    frame: length_prefix::frame,
    echoes: |kind| matches!(kind, EventKind::Message { .. } | EventKind::Whisper(_)),
    expelled: |_, fx, conn| say_logged_out(fx, conn),
    ..Form::new(encode)
};

fn encode(event: &Event, out: &mut Vec<u8>) {
    let (to, from, body) = match &event.kind {
        EventKind::Message { from, body } => (PUBLIC, from, body),
        EventKind::Whisper(whisper) => (&*whisper.to, &whisper.from, &whisper.body),
        _ => return,
    };
    out.extend_from_slice(b"{\"type\":\"msg\",\"status\":\"ok\",\"data\":{\"to\":");
    json::string(to, out);
    out.extend_from_slice(b",\"from\":");
    json::string(from, out);
    out.extend_from_slice(b",\"text\":");
    json::string(body.as_str(), out);
    out.extend_from_slice(b"}}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_any_spelling() {
        for text in ["lobby", "Lobby", " LOBBY\t", "l\u{200b}obby", "ｌｏｂｂｙ", "𝐋𝐎𝐁𝐁𝐘"]
        {
            assert!(is_lobby(text), "{text}");
        }
        for text in ["", "lobb", "lobbyy", "lob by", "lob\u{301}by", "lobb\u{443}"] {
            assert!(!is_lobby(text), "{text}");
        }
    }
}
