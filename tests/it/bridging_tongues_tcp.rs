//! The same of the dialects that are neither `jsonrpc` nor `websocket`.

use crate::bridging_tongues::{Asked, Body, Event, Room, Tongue, What, asked, quoted};

// ---- accounts ----------------------------------------------------------------------------------

/// `accounts`. It is shown no presence, and what it says itself.
pub(crate) struct Accounts;

fn msg(from: &str, to: &str, body: &str) -> String {
    let (from, to) = (quoted(from), quoted(to));
    format!(r#"{{"type":"msg","data":{{"from":{from},"to":{to},"text":{body}}}}}"#)
}

impl Tongue for Accounts {
    fn join(&self, me: &str, room: &Room, by_id: bool) -> Asked {
        let which = quoted(if by_id { &room.id } else { &room.name });
        let (me, name) = (quoted(me), quoted(&room.name));
        let message = quoted(&format!("Welcome to {}", room.name));
        asked(
            format!(r#"{{"type":"enter","data":{{"room":{which}}}}}"#),
            [format!(
                r#"{{"type":"enter","status":"ok","data":{{"username":{me},"room":{name}}},"message":{message}}}"#
            )],
        )
    }

    fn leave(&self, _: &str, _: &Room) -> Asked {
        let answer =
            r#"{"type":"exit","status":"ok","message":"Exited chatroom, returned to lobby"}"#;
        asked(r#"{"type":"exit"}"#.to_owned(), [answer.to_owned()])
    }

    fn say(&self, me: &str, _: &Room, body: &Body, _: u64) -> Asked {
        asked(msg(me, "public", &body.given), [])
    }

    fn whisper(&self, me: &str, _: &Room, to: &str, body: &Body) -> Option<Asked> {
        Some(asked(msg(me, to, &body.given), []))
    }

    fn rename(&self, _: &Room, _: &str, _: u64) -> Option<Asked> {
        None
    }

    fn probe(&self, _: bool) -> Asked {
        let answer = r#"{"type":"probe","status":"error","message":"Unknown type"}"#;
        asked(r#"{"type":"probe"}"#.to_owned(), [answer.to_owned()])
    }

    fn shows(&self, event: &Event) -> Option<String> {
        let (from, to, body) = match &event.what {
            What::Said { from, body } => (from.as_str(), "public", body),
            What::Whispered { from, to, body } => (from.as_str(), to.as_str(), body),
            What::Joined(_) | What::Left(_) | What::Renamed { .. } => return None,
        };
        let (from, to, text) = (quoted(from), quoted(to), quoted(&body.text));
        Some(format!(
            r#"{{"type":"msg","status":"ok","data":{{"to":{to},"from":{from},"text":{text}}}}}"#
        ))
    }

    fn echoes(&self, what: &What) -> bool {
        matches!(what, What::Said { .. } | What::Whispered { .. })
    }
}

// ---- chatmaster --------------------------------------------------------------------------------

/// `chatmaster`. Who leaves a channel is in `general`.
pub(crate) struct ChatMaster;

fn command(name: &str, key: &str, value: &str) -> String {
    let value = quoted(value);
    format!(
        r#"{{"type":"command","data":{{"command":"{name}","parameters":{{"{key}":{value}}}}}}}"#
    )
}

/// Something that happened, as `chatmaster` tells it.
pub(crate) fn notification(kind: &str, values: &[(&str, &str)]) -> String {
    let values: String =
        values.iter().map(|(key, value)| format!(r#","{key}":{}"#, quoted(value))).collect();
    format!(r#"{{"type":"notification","data":{{"event_type":"{kind}"{values}}}}}"#)
}

/// Somebody is in a channel from now on.
pub(crate) fn user_joined(name: &str, channel: &str) -> String {
    notification("user_joined", &[("username", name), ("channel", channel)])
}

/// The answer to the server's first question.
pub(crate) fn chatmaster_login(name: &str) -> String {
    command("login", "username", name)
}

impl Tongue for ChatMaster {
    fn join(&self, _: &str, room: &Room, by_id: bool) -> Asked {
        asked(command("join", "channel", if by_id { &room.id } else { &room.name }), [])
    }

    fn leave(&self, me: &str, _: &Room) -> Asked {
        let request = r#"{"type":"command","data":{"command":"leave","parameters":{}}}"#;
        asked(request.to_owned(), [user_joined(me, "general")])
    }

    fn say(&self, me: &str, _: &Room, body: &Body, _: u64) -> Asked {
        let (given, me) = (&body.given, quoted(me));
        let request =
            format!(r#"{{"type":"message","data":{{"message":{given},"username":{me}}}}}"#);
        asked(request, [])
    }

    fn whisper(&self, _: &str, _: &Room, to: &str, body: &Body) -> Option<Asked> {
        let (given, to) = (&body.given, quoted(to));
        let request = format!(r#"{{"type":"message","data":{{"message":{given},"to":{to}}}}}"#);
        Some(asked(request, []))
    }

    fn rename(&self, _: &Room, new: &str, _: u64) -> Option<Asked> {
        Some(asked(command("rename", "username", new), []))
    }

    fn probe(&self, _: bool) -> Asked {
        let answer =
            r#"{"type":"error","data":{"error_type":"unknown","message":"Unknown command"}}"#;
        asked(command("probe", "x", "y"), [answer.to_owned()])
    }

    fn shows(&self, event: &Event) -> Option<String> {
        let message = |from: &str, body: &Body, private: &str| {
            let (text, from) = (quoted(&body.text), quoted(from));
            format!(
                r#"{{"type":"message","data":{{"message":{text},"username":{from}{private}}}}}"#
            )
        };
        Some(match &event.what {
            What::Joined(name) => user_joined(name, &event.room),
            What::Left(name) => {
                notification("user_left", &[("username", name), ("channel", &event.room)])
            }
            What::Renamed { old, new } => {
                notification("user_rename", &[("old_username", old), ("new_username", new)])
            }
            What::Said { from, body } => message(from, body, ""),
            What::Whispered { from, body, .. } => message(from, body, r#","private":true"#),
        })
    }

    fn echoes(&self, what: &What) -> bool {
        matches!(what, What::Joined(_) | What::Renamed { .. })
    }

    fn is_always_somewhere(&self) -> bool {
        true
    }
}

// ---- ndjson ------------------------------------------------------------------------------------

/// `ndjson`.
pub(crate) struct Ndjson;

impl Tongue for Ndjson {
    fn join(&self, me: &str, room: &Room, by_id: bool) -> Asked {
        let which = quoted(if by_id { &room.id } else { &room.name });
        asked(format!(r#"{{"type":"join","room":{which},"user":{}}}"#, quoted(me)), [])
    }

    fn leave(&self, _: &str, _: &Room) -> Asked {
        asked(r#"{"type":"leave"}"#.to_owned(), [])
    }

    fn say(&self, _: &str, room: &Room, body: &Body, seq: u64) -> Asked {
        let (name, given) = (quoted(&room.name), &body.given);
        asked(
            format!(r#"{{"type":"message","id":7,"room":{name},"text":{given}}}"#),
            [format!(r#"{{"type":"ack","id":7,"seq":{seq}}}"#)],
        )
    }

    fn whisper(&self, _: &str, _: &Room, to: &str, body: &Body) -> Option<Asked> {
        let (given, to) = (&body.given, quoted(to));
        Some(asked(format!(r#"{{"type":"message","text":{given},"to":{to}}}"#), []))
    }

    fn rename(&self, room: &Room, new: &str, _: u64) -> Option<Asked> {
        Some(self.join(new, room, false))
    }

    fn probe(&self, in_room: bool) -> Asked {
        let answer = if in_room {
            r#"{"type":"ack","id":5}"#
        } else {
            r#"{"type":"error","id":5,"text":"Join first"}"#
        };
        asked(r#"{"type":"ping","id":5}"#.to_owned(), [answer.to_owned()])
    }

    fn shows(&self, event: &Event) -> Option<String> {
        let (room, seq) = (quoted(&event.room), event.seq);
        let system = |text: String| {
            let text = quoted(&text);
            format!(
                r#"{{"type":"system","room":{room},"text":{text},"seq":{seq},"timestamp":"…"}}"#
            )
        };
        let message = |from: &str, body: &Body, rest: String| {
            let (from, text) = (quoted(from), quoted(&body.text));
            format!(
                r#"{{"type":"message","room":{room},"user":{from},"text":{text},{rest},"timestamp":"…"}}"#
            )
        };
        Some(match &event.what {
            What::Joined(name) => system(format!("{name} joined")),
            What::Left(name) => system(format!("{name} left")),
            What::Renamed { old, new } => system(format!("{old} is now {new}")),
            What::Said { from, body } => message(from, body, format!(r#""seq":{seq}"#)),
            What::Whispered { from, body, .. } => {
                message(from, body, r#""private":true"#.to_owned())
            }
        })
    }

    fn echoes(&self, what: &What) -> bool {
        matches!(what, What::Joined(_) | What::Renamed { .. })
    }
}
