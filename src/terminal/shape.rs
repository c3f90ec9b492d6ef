//! What `parlance chat --json` prints: one object a line for every event and every answer.
//!
//! The shape is stable, and `docs/chat.md` describes it. Characters that do something to a terminal
//! are escaped.

use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::client::{Answer, CallError, Event, Happening};

use super::clean;

/// An event as a line, without its end.
pub(super) fn event_line(event: &Event) -> Option<String> {
    event_value(event).map(|value| line(&value))
}

/// An answer as a line, without its end.
pub(super) fn answer_line(result: &Result<Answer, CallError>) -> Option<String> {
    let value = match result {
        Ok(answer) => answer_value(answer)?,
        Err(error) => json!({"answer": "refused", "reason": error.to_string()}),
    };
    Some(line(&value))
}

fn event_value(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Room { room, seq, at, what } => {
            let mut value = Map::new();
            let (kind, rest) = happening(what)?;
            value.insert("event".into(), kind.into());
            value.insert("room".into(), room.as_str().into());
            value.insert("seq".into(), (*seq).into());
            value.insert("at".into(), time(*at));
            if let Value::Object(rest) = rest {
                value.extend(rest);
            }
            Value::Object(value)
        }
        Event::Typing { name } => json!({"event": "typing", "name": name}),
        Event::RoomOpened { room } => json!({"event": "room_opened", "room": room}),
        Event::RoomClosed { room } => json!({"event": "room_closed", "room": room}),
        Event::Notice { text } => json!({"event": "notice", "text": text}),
        Event::LoggedOut { name } => json!({"event": "logged_out", "name": name}),
        Event::Disconnected { reason, retry_in } => {
            let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
            json!({"event": "disconnected", "reason": reason, "retry_in_ms": retry_in_ms})
        }
        Event::Reconnected { room, name } => {
            json!({"event": "reconnected", "room": room, "name": name})
        }
        Event::Missed => json!({"event": "missed"}),
        Event::Ended { reason } => json!({"event": "ended", "reason": reason}),
    })
}

fn happening(what: &Happening) -> Option<(&'static str, Value)> {
    Some(match what {
        Happening::Message(message) => (
            "message",
            json!({
                "from": message.from,
                "text": message.text,
                "private": message.private,
                "own": message.own,
            }),
        ),
        Happening::Joined { name } => ("joined", json!({"name": name})),
        Happening::Left { name } => ("left", json!({"name": name})),
        Happening::TooLong { name } => ("too_long", json!({"name": name})),
        Happening::Renamed { old, new } => ("renamed", json!({"old": old, "new": new})),
        Happening::Changed { private } => ("changed", json!({"private": private})),
    })
}

fn answer_value(answer: &Answer) -> Option<Value> {
    Some(match answer {
        Answer::Done => json!({"answer": "done"}),
        Answer::Joined(joined) => json!({
            "answer": "joined",
            "room": joined.room,
            "name": joined.name,
            "users": joined.users,
            "private": joined.private,
            "seq": joined.seq,
            "epoch": joined.epoch,
        }),
        Answer::Said(said) => {
            json!({"answer": "said", "seq": said.seq, "at": said.at.map(time)})
        }
        Answer::Renamed(name) => json!({"answer": "renamed", "name": name}),
        Answer::LoggedIn(name) => json!({"answer": "logged_in", "name": name}),
        Answer::Users(users) => json!({"answer": "users", "users": users}),
        Answer::Rooms(rooms) => {
            let rooms: Vec<_> = rooms
                .iter()
                .map(|room| {
                    json!({"name": room.name, "members": room.members, "private": room.private})
                })
                .collect();
            json!({"answer": "rooms", "rooms": rooms})
        }
        Answer::History(history) => {
            let events: Vec<_> = history.events.iter().filter_map(event_value).collect();
            let (truncated, epoch) = (history.truncated, &history.epoch);
            json!({"answer": "history", "events": events, "truncated": truncated, "epoch": epoch})
        }
        Answer::Pong(took) => {
            let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            json!({"answer": "pong", "took_us": took_us})
        }
    })
}

fn time(at: SystemTime) -> Value {
    let at = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{at:.3}").into()
}

/// As text, with all escaped that is not to reach a terminal.
fn line(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if clean::is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::{History, Joined, Message, Room, Said};

    #[test]
    fn every_event_is_an_object() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_862_840_007);
        let within = |seq, what| Event::Room { room: "general".into(), seq, at, what };
        let message = Message { from: "bob".into(), text: "hi".into(), ..Message::default() };
        for (event, expected) in [
            (
                within(Some(4), Happening::Message(message)),
                json!({"event": "message", "room": "general", "seq": 4,
                    "at": "2026-01-31T12:34:00.007Z", "from": "bob", "text": "hi",
                    "private": false, "own": false}),
            ),
            (
                within(None, Happening::Renamed { old: "bob".into(), new: "rob".into() }),
                json!({"event": "renamed", "room": "general", "seq": null,
                    "at": "2026-01-31T12:34:00.007Z", "old": "bob", "new": "rob"}),
            ),
            (
                Event::Disconnected { reason: "gone".into(), retry_in: Duration::from_secs(3) },
                json!({"event": "disconnected", "reason": "gone", "retry_in_ms": 3000}),
            ),
            (Event::Missed, json!({"event": "missed"})),
        ] {
            let line = event_line(&event).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
        }
    }

    #[test]
    fn every_answer_is_an_object() {
        for (result, expected) in [
            (Ok(Answer::Done), r#"{"answer":"done"}"#),
            (Ok(Answer::Said(Said::default())), r#"{"answer":"said","at":null,"seq":null}"#),
            (
                Err(CallError::Refused("Join first".into())),
                r#"{"answer":"refused","reason":"Join first"}"#,
            ),
            (Ok(Answer::Pong(Duration::from_millis(2))), r#"{"answer":"pong","took_us":2000}"#),
        ] {
            assert_eq!(answer_line(&result).unwrap(), expected);
        }
    }

    #[test]
    fn the_page_tells_of_every_key() {
        let name = || "ann".to_owned();
        let within =
            |what| Event::Room { room: name(), seq: None, at: SystemTime::UNIX_EPOCH, what };
        let events = [
            within(Happening::Message(Message::default())),
            within(Happening::Joined { name: name() }),
            within(Happening::Left { name: name() }),
            within(Happening::TooLong { name: name() }),
            within(Happening::Renamed { old: name(), new: name() }),
            within(Happening::Changed { private: true }),
            Event::Typing { name: name() },
            Event::RoomOpened { room: name() },
            Event::RoomClosed { room: name() },
            Event::Notice { text: name() },
            Event::LoggedOut { name: None },
            Event::Disconnected { reason: name(), retry_in: Duration::ZERO },
            Event::Reconnected { room: None, name: None },
            Event::Missed,
            Event::Ended { reason: name() },
        ];
        let answers = [
            Answer::Done,
            Answer::Joined(Joined::default()),
            Answer::Said(Said::default()),
            Answer::Renamed(name()),
            Answer::LoggedIn(name()),
            Answer::Users(vec![name()]),
            Answer::Rooms(vec![Room::default()]),
            Answer::History(History::default()),
            Answer::Pong(Duration::ZERO),
        ];
        let page = include_str!("../../docs/chat.md");
        let lines =
            events.iter().filter_map(event_value).chain(answers.iter().filter_map(answer_value));
        let mut count = 0;
        for line in lines {
            let mut keys = line.as_object().unwrap().clone();
            let kind = keys.remove("event").or_else(|| keys.remove("answer")).unwrap();
            let kind = format!("`{}`", kind.as_str().unwrap());
            // A kind of event and one of answer may have the same name.
            let told = page.lines().filter(|row| row.starts_with("| `")).any(|row| {
                let cells: Vec<_> = row.split('|').collect();
                cells[1].contains(&kind)
                    && keys.keys().all(|key| cells[2].contains(&format!("`{key}`")))
            });
            assert!(told, "{line} is not on the page");
            count += 1;
        }
        assert_eq!(count, events.len() + answers.len());
    }

    #[test]
    fn what_would_act_is_escaped() {
        let text = "\x1b[2J\u{9b}\u{202e}\u{e0041}\u{7f}é\n";
        let line = event_line(&Event::Notice { text: text.into() }).unwrap();
        assert!(!line.chars().any(clean::is_hidden), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["text"], text);
    }
}
