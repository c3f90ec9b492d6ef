//! What each kind of client says and is shown, as the protocols' page has it, and none of it taken
//! from the server's code. Times and epochs stand as `…`.

/// A room as its members know it.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) private: bool,
    /// The last number given.
    pub(crate) seq: u64,
    /// The members in joining order.
    pub(crate) users: Vec<String>,
}

impl Room {
    /// A public one in which nothing has happened.
    pub(crate) fn new(name: &str, id: &str) -> Room {
        let (name, id) = (name.to_owned(), id.to_owned());
        Room { name, id, private: false, seq: 0, users: Vec::new() }
    }

    /// Somebody has entered it, as the last thing that happened.
    pub(crate) fn joined(&self, name: &str) -> Event {
        let what = What::Joined(name.to_owned());
        Event { room: self.name.clone(), seq: self.seq, what }
    }
}

/// What is said.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// As a client gives it: a JSON value.
    pub(crate) given: String,
    /// As WebSocket clients get it.
    pub(crate) json: String,
    /// As all others get it.
    pub(crate) text: String,
}

impl Body {
    /// A text, which everybody may say.
    pub(crate) fn text(text: &str) -> Body {
        Body { given: quoted(text), json: quoted(text), text: text.to_owned() }
    }

    /// Another value, as it is given and without the white space between its tokens.
    pub(crate) fn json(given: &str, compact: &str) -> Body {
        Body { given: given.to_owned(), json: compact.to_owned(), text: compact.to_owned() }
    }
}

/// What happens in a room.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Joined(String),
    Left(String),
    Renamed { old: String, new: String },
    Said { from: String, body: Body },
    Whispered { from: String, to: String, body: Body },
}

/// The same with the room's name, and its number there.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) room: String,
    pub(crate) seq: u64,
    pub(crate) what: What,
}

/// A request and what the one who sends it is answered, after what it sees of the event.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) request: String,
    pub(crate) answers: Vec<String>,
}

/// A request and its answers.
pub(crate) fn asked(request: String, answers: impl Into<Vec<String>>) -> Asked {
    Asked { request, answers: answers.into() }
}

/// One kind of client.
pub(crate) trait Tongue: Send {
    /// Enters a room, by its id or its name; `room` is as it is then.
    fn join(&self, me: &str, room: &Room, by_id: bool) -> Asked;
    fn leave(&self, me: &str, room: &Room) -> Asked;
    /// `seq` is the number that it takes.
    fn say(&self, me: &str, room: &Room, body: &Body, seq: u64) -> Asked;
    /// `None`: it cannot.
    fn whisper(&self, me: &str, room: &Room, to: &str, body: &Body) -> Option<Asked>;
    /// `None`: it cannot. `seq` is the number that it takes.
    fn rename(&self, room: &Room, new: &str, seq: u64) -> Option<Asked>;
    /// A request that does nothing, whose answer proves that nothing came before it.
    fn probe(&self, in_room: bool) -> Asked;
    /// How an event looks to it, if at all.
    fn shows(&self, event: &Event) -> Option<String>;
    /// Whether it is shown what it did itself (besides whispers to itself, which all are).
    fn echoes(&self, what: &What) -> bool;
    /// Whether it is in `general` when it has left any other room.
    fn is_always_somewhere(&self) -> bool {
        false
    }

    /// Whether it is answered before it is shown what it did.
    fn is_answered_first(&self) -> bool {
        false
    }

    /// What it sees of an event, `own` if that was its own doing.
    fn sees(&self, event: &Event, own: bool) -> Option<String> {
        let to_itself = matches!(&event.what, What::Whispered { from, to, .. } if from == to);
        if own && !to_itself && !self.echoes(&event.what) { None } else { self.shows(event) }
    }
}

/// A JSON string, with the escapes that are needed and no others.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

/// A JSON array of strings.
pub(crate) fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("[{}]", quoted.join(","))
}

// ---- jsonrpc -----------------------------------------------------------------------------------

/// `jsonrpc`, in the classic form or as JSON-RPC 2.0.
pub(crate) struct JsonRpc {
    pub(crate) version_2: bool,
}

impl JsonRpc {
    fn request(&self, method: &str, params: &str) -> String {
        let version = if self.version_2 { r#""jsonrpc":"2.0","id":1,"# } else { "" };
        format!(r#"{{{version}"method":"{method}","params":{params}}}"#)
    }

    fn answer(&self, result: &str) -> String {
        if !self.version_2 {
            return result.to_owned();
        }
        format!(r#"{{"jsonrpc":"2.0","result":{result},"id":1}}"#)
    }

    fn broadcast(&self, kind: &str, message: &str, username: &str) -> String {
        let (message, username) = (quoted(message), quoted(username));
        let fields = format!(r#""message":{message},"username":{username}"#);
        if !self.version_2 {
            return format!(r#"{{"type":"{kind}",{fields}}}"#);
        }
        format!(r#"{{"jsonrpc":"2.0","method":"{kind}","params":{{{fields}}}}}"#)
    }

    fn sent(&self) -> String {
        self.answer(r#"{"status":"success","message":"Message sent successfully"}"#)
    }
}

impl Tongue for JsonRpc {
    fn join(&self, me: &str, room: &Room, by_id: bool) -> Asked {
        let which = quoted(if by_id { &room.id } else { &room.name });
        let params = format!(r#"{{"username":{},"room":{which}}}"#, quoted(me));
        let message = quoted(&format!("Joined chat as {me}"));
        let answer =
            format!(r#"{{"status":"success","message":{message},"users":{}}}"#, list(&room.users));
        let welcome = format!("Welcome to the chat, {me}!");
        asked(
            self.request("join_chat", &params),
            [self.answer(&answer), self.broadcast("system", &welcome, "SYSTEM")],
        )
    }

    fn leave(&self, _: &str, _: &Room) -> Asked {
        let answer = r#"{"status":"success","message":"Left chat successfully"}"#;
        asked(self.request("leave_chat", "{}"), [self.answer(answer)])
    }

    fn say(&self, _: &str, _: &Room, body: &Body, _: u64) -> Asked {
        let params = format!(r#"{{"message":{}}}"#, body.given);
        asked(self.request("send_message", &params), [self.sent()])
    }

    fn whisper(&self, _: &str, _: &Room, to: &str, body: &Body) -> Option<Asked> {
        let params = format!(r#"{{"to":{},"message":{}}}"#, quoted(to), body.given);
        Some(asked(self.request("send_private", &params), [self.sent()]))
    }

    fn rename(&self, _: &Room, _: &str, _: u64) -> Option<Asked> {
        None
    }

    fn probe(&self, _: bool) -> Asked {
        let answer = if self.version_2 {
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#
        } else {
            r#"{"error":"Method not found","code":-32601}"#
        };
        asked(self.request("probe", "{}"), [answer.to_owned()])
    }

    fn shows(&self, event: &Event) -> Option<String> {
        let system = |text: String| Some(self.broadcast("system", &text, "SYSTEM"));
        match &event.what {
            What::Joined(name) => system(format!("{name} has joined the chat!")),
            What::Left(name) => system(format!("{name} has left the chat!")),
            What::Renamed { old, new } => system(format!("{old} is now known as {new}")),
            What::Said { from, body } => Some(self.broadcast("chat", &body.text, from)),
            What::Whispered { from, body, .. } => Some(self.broadcast("private", &body.text, from)),
        }
    }

    fn echoes(&self, _: &What) -> bool {
        false
    }
}

// ---- websocket ---------------------------------------------------------------------------------

/// The classic protocol of `websocket`.
pub(crate) struct Classic;

impl Tongue for Classic {
    fn join(&self, _: &str, room: &Room, by_id: bool) -> Asked {
        let (key, which) = if by_id { ("room_id", &room.id) } else { ("room", &room.name) };
        let message = quoted(&format!("Joined room '{}'", room.name));
        asked(
            format!(r#"{{"action":"join","body":{{"{key}":{}}}}}"#, quoted(which)),
            [format!(r#"{{"status":"success","message":{message},"room_id":"{}"}}"#, room.id)],
        )
    }

    fn leave(&self, _: &str, room: &Room) -> Asked {
        let message = quoted(&format!("Left room '{}'", room.name));
        let answer = format!(r#"{{"status":"success","message":{message}}}"#);
        asked(r#"{"action":"leave"}"#.to_owned(), [answer])
    }

    fn say(&self, _: &str, _: &Room, body: &Body, _: u64) -> Asked {
        let answer = r#"{"status":"success","message":"Message sent"}"#.to_owned();
        asked(format!(r#"{{"action":"message","body":{}}}"#, body.given), [answer])
    }

    fn whisper(&self, _: &str, _: &Room, _: &str, _: &Body) -> Option<Asked> {
        None
    }

    fn rename(&self, _: &Room, _: &str, _: u64) -> Option<Asked> {
        None
    }

    fn probe(&self, _: bool) -> Asked {
        let answer = r#"{"status":"error","message":"Invalid action"}"#.to_owned();
        asked(r#"{"action":"probe"}"#.to_owned(), [answer])
    }

    fn shows(&self, event: &Event) -> Option<String> {
        let (from, body, private) = match &event.what {
            What::Said { from, body } => (from, body, ""),
            What::Whispered { from, body, .. } => (from, body, r#","private":true"#),
            What::Joined(_) | What::Left(_) | What::Renamed { .. } => return None,
        };
        let (from, body) = (quoted(from), &body.json);
        Some(format!(r#"{{"from":{from},"body":{body}{private},"timestamp":"…"}}"#))
    }

    fn echoes(&self, _: &What) -> bool {
        false
    }
}

/// What `parlance.v1` tells of a room that was just entered.
pub(crate) fn v1_room(room: &Room) -> String {
    let Room { name, id, private, seq, users } = room;
    let (name, users) = (quoted(name), list(users));
    format!(
        concat!(r#""room_id":"{}","room":{},"private":{},"epoch":"…","seq":{},"users":{}"#),
        id, name, private, seq, users
    )
}

/// `parlance.v1`.
pub(crate) struct V1;

impl Tongue for V1 {
    fn join(&self, _: &str, room: &Room, by_id: bool) -> Asked {
        let (key, which) = if by_id { ("room_id", &room.id) } else { ("room", &room.name) };
        let described = v1_room(room);
        asked(
            format!(r#"{{"action":"join","body":{{"{key}":{}}}}}"#, quoted(which)),
            [format!(r#"{{"status":"success","action":"join",{described}}}"#)],
        )
    }

    fn leave(&self, _: &str, room: &Room) -> Asked {
        let name = quoted(&room.name);
        let answer = format!(r#"{{"status":"success","action":"leave","room":{name}}}"#);
        asked(r#"{"action":"leave"}"#.to_owned(), [answer])
    }

    fn say(&self, _: &str, _: &Room, body: &Body, seq: u64) -> Asked {
        asked(
            format!(r#"{{"action":"message","body":{},"id":7}}"#, body.given),
            [format!(
                r#"{{"status":"success","action":"message","id":7,"seq":{seq},"timestamp":"…"}}"#
            )],
        )
    }

    fn whisper(&self, _: &str, _: &Room, to: &str, body: &Body) -> Option<Asked> {
        let (to, given) = (quoted(to), &body.given);
        let answer = r#"{"status":"success","action":"private","timestamp":"…"}"#;
        Some(asked(
            format!(r#"{{"action":"private","body":{{"to":{to},"body":{given}}}}}"#),
            [answer.to_owned()],
        ))
    }

    fn rename(&self, _: &Room, new: &str, seq: u64) -> Option<Asked> {
        let new = quoted(new);
        Some(asked(
            format!(r#"{{"action":"name","body":{new}}}"#),
            [format!(r#"{{"status":"success","action":"name","name":{new},"seq":{seq}}}"#)],
        ))
    }

    fn probe(&self, _: bool) -> Asked {
        let answer = r#"{"status":"error","id":8,"message":"Invalid action"}"#.to_owned();
        asked(r#"{"action":"probe","id":8}"#.to_owned(), [answer])
    }

    fn shows(&self, event: &Event) -> Option<String> {
        let (room, seq) = (quoted(&event.room), event.seq);
        let (kind, seq, rest) = match &event.what {
            What::Joined(name) => ("joined", Some(seq), format!(r#""name":{}"#, quoted(name))),
            What::Left(name) => ("left", Some(seq), format!(r#""name":{}"#, quoted(name))),
            What::Renamed { old, new } => {
                let rest = format!(r#""old":{},"name":{}"#, quoted(old), quoted(new));
                ("renamed", Some(seq), rest)
            }
            What::Said { from, body } => {
                ("message", Some(seq), format!(r#""from":{},"body":{}"#, quoted(from), body.json))
            }
            What::Whispered { from, to, body } => {
                let (from, to) = (quoted(from), quoted(to));
                ("private", None, format!(r#""from":{from},"to":{to},"body":{}"#, body.json))
            }
        };
        let seq = seq.map(|seq| format!(r#""seq":{seq},"#)).unwrap_or_default();
        Some(format!(r#"{{"event":"{kind}","room":{room},{seq}{rest},"timestamp":"…"}}"#))
    }

    fn echoes(&self, _: &What) -> bool {
        false
    }
}
