//! One room, a member from every door and of every form: each sees what any of them does exactly as
//! its own protocol has it, and who must see nothing sees nothing.

use crate::bridging_client::{Bridge, Kind};
use crate::bridging_talk::Talk;
use crate::bridging_tongues::{Body, list, quoted};

/// A name for each kind of client; the classic WebSocket ones bear their ids.
pub(crate) const NAMES: [&str; 11] = [
    "Jay",
    "Jot",
    "-",
    "-",
    "Vera",
    "Vito",
    "harper",
    "PythonMaster2K16",
    "Zoe",
    "alice",
    "charlie",
];

#[test]
fn everybody_speaks_whispers_goes_and_comes_in_turn() {
    let bridge = Bridge::open();
    let mut talk = Talk::begin(&bridge.doors(), "Den", NAMES);
    let count = talk.clients.len();
    for who in 0..count {
        talk.say(who, &Body::text(&format!("Hello from number {who}!")));
        for to in 0..count {
            // Names are the same in any case.
            let name = talk.clients[to].name.clone();
            let spelled = if who % 2 == 0 { name.to_uppercase() } else { name };
            talk.whisper(who, to, &spelled, &Body::text(&format!("psst, number {to}")));
        }
        talk.leave(who);
        talk.join(who, who % 2 == 0);
        talk.say(who, &Body::text("Here again."));
        talk.rename(who, &format!("New {who}"));
        talk.say(who, &Body::text("Under whatever name."));
    }
    // In twos, others than before meeting each other outside.
    for who in 0..count {
        let other = (who + 3) % count;
        talk.leave(who);
        talk.say(other, &Body::text("Is anybody missing?"));
        talk.join(who, who % 2 == 1);
    }
    while talk.clients.len() > 1 {
        talk.vanish(0);
        talk.say(0, &Body::text("Fewer and fewer."));
    }
}

#[test]
fn what_everybody_did_is_in_the_history() {
    let bridge = Bridge::open();
    let mut talk = Talk::begin(&bridge.doors(), "Den", NAMES);
    for who in 0..talk.clients.len() {
        talk.say(who, &Body::text("Dear \"diary\"\n\u{1f600}"));
        if talk.clients[who].kind.says_json() {
            talk.say(who, &Body::json(r#"{ "page": 1.50 }"#, r#"{"page":1.50}"#));
        }
        talk.whisper(who, 0, NAMES[0], &Body::text("not for the diary"));
        talk.leave(who);
        talk.join(who, false);
        if who > 0 {
            talk.rename(who, &format!("New {who}"));
        }
    }
    let seq = talk.room.seq;
    assert_eq!(talk.numbered.len() as u64, seq);
    for client in &mut talk.clients {
        let shown = |after: usize, limit: usize| -> String {
            let events = talk.numbered[after..].iter().take(limit);
            let shown: Vec<String> =
                events.map(|event| client.tongue.shows(event).expect("shown")).collect();
            shown.join(",")
        };
        let expected = [0, 17].map(|after| match client.kind {
            Kind::Ndjson => Some((
                format!(r#"{{"type":"history","after":{after}}}"#),
                format!(
                    r#"{{"type":"history","room":"Den","epoch":"…","messages":[{}]}}"#,
                    shown(after, usize::MAX)
                ),
            )),
            // As much of it as is sure to fit.
            Kind::Udp => Some((
                format!(r#"{{"type":"history","id":{after},"after":{after},"limit":20}}"#),
                format!(
                    r#"{{"type":"history","id":{after},"room":"Den","epoch":"…","messages":[{}]}}"#,
                    shown(after, 20)
                ),
            )),
            Kind::V1 | Kind::V1Deflated => Some((
                format!(r#"{{"action":"history","body":{{"after":{after}}}}}"#),
                format!(
                    r#"{{"status":"success","action":"history","room":"Den","epoch":"…","seq":{seq},"truncated":false,"events":[{}]}}"#,
                    shown(after, usize::MAX)
                ),
            )),
            _ => None,
        });
        for (request, answer) in expected.into_iter().flatten() {
            client.send(&request);
            client.expect(&answer);
        }
    }
}

#[test]
fn all_list_the_same_members() {
    let bridge = Bridge::open();
    let mut talk = Talk::begin(&bridge.doors(), "Den", NAMES);
    talk.leave(3);
    talk.join(3, true);
    talk.rename(4, "Vera \"V\"");
    let (users, seq) = (list(&talk.room.users), talk.room.seq);
    let count = talk.clients.len();
    let with_address = |user: &String| {
        let client = talk.clients.iter().find(|client| client.name == *user).expect("a client");
        format!(r#"{{"username":{},"address":"127.0.0.1:{}"}}"#, quoted(user), client.port)
    };
    let addresses: Vec<String> = talk.room.users.iter().map(with_address).collect();
    let full = format!(
        r#"{{"status":"success","message":"Users retrieved successfully","users":[{}],"count":{count}}}"#,
        addresses.join(",")
    );
    let simple = format!(r#"{{"status":"success","users":{users},"count":{count}}}"#);
    for client in &mut talk.clients {
        let questions = match client.kind {
            Kind::JsonRpc => vec![
                (r#"{"method":"get_users","params":{}}"#, full.clone()),
                (r#"{"method":"get_users","params":{"format":"simple"}}"#, simple.clone()),
            ],
            Kind::JsonRpc2 => vec![
                (
                    r#"{"jsonrpc":"2.0","method":"get_users","id":1}"#,
                    format!(r#"{{"jsonrpc":"2.0","result":{full},"id":1}}"#),
                ),
                (
                    r#"{"jsonrpc":"2.0","method":"get_users","params":["simple"],"id":1}"#,
                    format!(r#"{{"jsonrpc":"2.0","result":{simple},"id":1}}"#),
                ),
            ],
            Kind::V1 | Kind::V1Deflated => vec![(
                r#"{"action":"users"}"#,
                format!(
                    r#"{{"status":"success","action":"users","room":"Den","seq":{seq},"users":{users}}}"#
                ),
            )],
            Kind::Accounts => vec![(
                r#"{"type":"list"}"#,
                format!(r#"{{"type":"list","status":"ok","data":{{"Den":{users}}}}}"#),
            )],
            Kind::Ndjson => vec![(
                r#"{"type":"users"}"#,
                format!(r#"{{"type":"users","room":"Den","users":{users}}}"#),
            )],
            Kind::Udp => vec![(
                r#"{"type":"users","id":9}"#,
                format!(r#"{{"type":"users","id":9,"room":"Den","users":{users}}}"#),
            )],
            // These have no list of members.
            Kind::WebSocket | Kind::WebSocketDeflated | Kind::ChatMaster | Kind::ChatMasterZlib => {
                vec![]
            }
        };
        for (question, answer) in questions {
            client.send(question);
            client.expect(&answer);
        }
    }
    talk.probe_all();
}
