//! Servers that mean no good.

use proptest::prelude::*;

use super::*;
use crate::client::talk::accounts::Accounts;
use crate::client::talk::chatmaster::ChatMaster;
use crate::client::talk::jsonrpc::JsonRpc;
use crate::client::talk::ndjson::Ndjson;
use crate::client::talk::websocket::WebSocket;

fn talks() -> [Box<dyn Talk>; 3] {
    [Box::new(WebSocket::default()), Box::new(Accounts::default()), Box::new(ChatMaster::default())]
}

/// These and those that break the link when nonsense comes.
fn all_talks() -> impl Iterator<Item = Box<dyn Talk>> {
    let others: [Box<dyn Talk>; 3] =
        [Box::new(JsonRpc::default()), Box::new(Ndjson::over_tcp()), Box::new(Ndjson::over_udp())];
    talks().into_iter().chain(others)
}

const OPENINGS: [&str; 2] = [
    r#"{"status":"connected","protocol":"parlance.v1","name":"me","limits":{"typing_ms":18446744073709551615}}"#,
    r#"{"type":"request","data":{"request":"login"}}"#,
];

fn calls() -> Vec<Call> {
    vec![
        join("", "me"),
        join("Den", ""),
        say("x"),
        whisper("me", "x"),
        rename("you"),
        log_in("me"),
        Call::Leave,
        Call::Users,
        Call::Rooms,
        Call::History { after: u64::MAX, limit: u32::MAX },
        Call::SetPrivate { private: true },
        Call::LogOut,
        Call::Typing,
        Call::Ping,
    ]
}

/// Something that looks like a message, mostly.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "status",
        "type",
        "data",
        "event",
        "id",
        "body",
        "room",
        "rooms",
        "users",
        "events",
        "name",
        "username",
        "channel",
        "channels",
        "from",
        "to",
        "text",
        "message",
        "error_type",
        "seq",
        "event_type",
        "timestamp",
        "success",
        "error",
        "ok",
        "connected",
        "login",
        "session",
        "notification",
        "user_joined",
        "user_rename",
        "channel_list",
        "joined",
        "private",
        "msg",
        "list",
        "enter",
        "exit",
        "create",
        "unknown",
        "logout",
        "logged_out",
        "me",
        "Room not found",
        "Room already exists",
        "Room does not exist",
        "1969-01-01T00:00:00.000Z",
    ]);
    let leaf = prop_oneof![
        6 => word.clone().prop_map(|word| format!("\"{word}\"")),
        2 => (0_u64..40).prop_map(|n| n.to_string()),
        1 => prop::sample::select(vec!["null", "true", "-1", "1e999", "\"\\ud800\"", "\"\\u0000\""])
            .prop_map(str::to_owned),
    ];
    let value = leaf.prop_recursive(3, 16, 5, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| format!("[{}]", values.join(","))),
            4 => prop::collection::vec((word.clone(), inner), 0..6).prop_map(|fields| {
                let fields: Vec<_> =
                    fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    prop_oneof![
        8 => value.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

proptest! {
    #[test]
    fn no_message_upsets_a_talk(
        steps in prop::collection::vec((messages(), prop::option::of(0_usize..14)), 0..40),
    ) {
        let (calls, now) = (calls(), SystemTime::now());
        for mut talk in all_talks() {
            let mut out = Outgoing::default();
            talk.opened(&mut out);
            for opening in OPENINGS {
                talk.message(opening.as_bytes(), now, &mut out);
            }
            let mut asked = 0;
            for (message, call) in &steps {
                if let Some(call) = call.and_then(|call| calls.get(call)) {
                    asked += 1;
                    talk.call(Tag(asked), call, &mut out);
                }
                talk.message(message, now, &mut out);
            }
            let answers = out.heard.iter().filter_map(|heard| match heard {
                Heard::Answer(Tag(tag), _) => Some(*tag),
                Heard::Event(_) | Heard::Stands { .. } => None,
            });
            let mut answered: Vec<u64> = answers.collect();
            let count = answered.len();
            answered.sort_unstable();
            answered.dedup();
            prop_assert_eq!(answered.len(), count, "no call is answered twice");
            prop_assert!(answered.iter().all(|tag| *tag <= asked));
        }
    }
}

#[test]
fn a_server_that_answers_nothing_makes_nothing_grow() {
    for mut talk in talks() {
        let (now, mut out) = (SystemTime::now(), Outgoing::default());
        for opening in OPENINGS {
            talk.message(opening.as_bytes(), now, &mut out);
        }
        for tag in 0..1000 {
            talk.call(Tag(tag), &Call::Ping, &mut out);
        }
        assert_eq!(out.messages.len(), 256);
        assert_eq!(out.heard.len(), 1000 - 256, "the others are refused");
    }
}

#[test]
fn deep_nesting_is_no_message() {
    for mut talk in all_talks() {
        let (now, mut out) = (SystemTime::now(), Outgoing::default());
        for bracket in ["[", "{\"data\":", "{\"body\":["] {
            talk.message(bracket.repeat(100_000).as_bytes(), now, &mut out);
        }
        let deep = format!(
            r#"{{"event":"message","from":"x","room":"y","body":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        talk.message(deep.as_bytes(), now, &mut out);
        assert!(out.messages.is_empty());
    }
}
