//! A name is one person's in every dialect, in whatever spelling, and each says so its own way.

use crate::bridging_client::{Bridge, Client, Doors, Kind};
use crate::bridging_tongues::{Asked, Room, asked, quoted};
use crate::bridging_tongues_tcp::chatmaster_login;

/// A name, and other spellings of it: other cases, other widths, and what is taken out.
const NAME: &str = "Groß Ａnne";
const SPELLINGS: [&str; 3] = ["GROSS ANNE", " groß\u{200b}\tＡＮＮＥ ", "gROSS\u{3000}aNNE"];

/// The kinds that choose a name, and how each asks for one.
const NAMED: [Kind; 7] = [
    Kind::JsonRpc,
    Kind::JsonRpc2,
    Kind::V1,
    Kind::Accounts,
    Kind::ChatMaster,
    Kind::Ndjson,
    Kind::Udp,
];

/// A client asks for a name that it may not have. `None`: it may, with something appended.
fn refused(kind: Kind, name: &str, is_account: bool) -> Option<Asked> {
    let name = quoted(name);
    let taken = |kind: &str| format!(r#"{{"status":"error","message":"{kind} already taken"}}"#);
    let join = format!(r#""method":"join_chat","params":{{"username":{name}}}}}"#);
    Some(match kind {
        Kind::JsonRpc | Kind::JsonRpc2 if !is_account => return None,
        Kind::JsonRpc => asked(format!("{{{join}"), [taken("Username")]),
        Kind::JsonRpc2 => asked(
            format!(r#"{{"jsonrpc":"2.0","id":1,{join}"#),
            [concat!(
                r#"{"jsonrpc":"2.0","error":{"code":-32000,"#,
                r#""message":"Username already taken"},"id":1}"#
            )
            .to_owned()],
        ),
        Kind::V1 => asked(
            format!(r#"{{"action":"name","body":{name}}}"#),
            [r#"{"status":"error","action":"name","message":"Name already taken"}"#.to_owned()],
        ),
        Kind::Accounts => asked(
            format!(r#"{{"type":"register","data":{{"username":{name},"password":"sesame"}}}}"#),
            [r#"{"type":"register","status":"error","message":"Username already taken"}"#
                .to_owned()],
        ),
        Kind::Ndjson => asked(
            format!(r#"{{"type":"join","room":"Den","user":{name}}}"#),
            [r#"{"type":"error","text":"Name already taken"}"#.to_owned()],
        ),
        // Long enough for a stranger's to be answered.
        Kind::Udp => asked(
            format!(r#"{{"type":"join","id":1,"room":"Den, the room","user":{name}}}"#),
            [r#"{"type":"error","id":1,"text":"Name already taken"}"#.to_owned()],
        ),
        _ => return None,
    })
}

/// A room that nobody knows anything of yet.
fn den(name: &str) -> Room {
    Room { users: vec![name.to_owned()], seq: 1, ..Room::new("Den", "") }
}

/// A second client of this kind cannot have the name.
#[track_caller]
fn cannot_have(doors: &Doors, kind: Kind, spelling: &str, is_account: bool) {
    if kind == Kind::ChatMaster {
        let mut client = Client::unnamed(doors, kind);
        client.expect(r#"{"type":"request","data":{"request":"login"}}"#);
        client.send(&chatmaster_login(spelling));
        client.expect(
            r#"{"type":"session","data":{"status":0,"reason":"Username is already taken."}}"#,
        );
        client.probe(false);
        return;
    }
    let mut client = Client::unnamed(doors, kind);
    if kind == Kind::V1 {
        client.room_news = Some(Vec::new());
        client.is_greeted();
    }
    match refused(kind, spelling, is_account) {
        Some(asked) => client.ask(&asked, None),
        None => {
            let shown: String = spelling.replace(['\u{200b}'], "");
            let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            let shown = format!("{shown}_{}", client.port);
            // The one before may still be in the room that it made.
            let room = Room { name: format!("Elsewhere {}", client.port), ..den(&shown) };
            let asked = client.tongue.join(spelling, &room, false);
            let expected = client.tongue.join(&shown, &room, false).answers;
            client.ask(&Asked { request: asked.request, answers: expected }, None);
        }
    }
    client.probe(false);
}

#[test]
fn a_name_that_is_borne_is_taken_in_every_dialect() {
    for holder in NAMED {
        let bridge = Bridge::open();
        let doors = bridge.doors();
        let mut holding = Client::connect(&doors, holder, NAME);
        let room = den(NAME);
        if holder == Kind::Accounts {
            holding.send(r#"{"type":"create","data":{"room":"Den"}}"#);
            holding.take();
        }
        let asked = holding.tongue.join(NAME, &room, false);
        if holder == Kind::V1 {
            holding.send(r#"{"action":"create","body":"Den"}"#);
            holding.take();
            holding.room_news = Some(Vec::new());
        } else {
            holding.ask(&asked, Some(&room.joined(NAME)));
        }
        for kind in NAMED {
            for spelling in SPELLINGS {
                cannot_have(&doors, kind, spelling, holder == Kind::Accounts);
            }
        }
        holding.probe(true);
    }
}

#[test]
fn who_is_elsewhere_is_whispered_to_by_nobody() {
    let bridge = Bridge::open();
    let doors = bridge.doors();
    // In `general`, which the others are not in.
    let mut other = Client::connect(&doors, Kind::ChatMaster, "Göran");
    let mut talk = crate::bridging_talk::Talk::begin(&doors, "Den", crate::bridging::NAMES);
    // The two others of its kind have passed through where it is.
    for name in ["PythonMaster2K16", "Zoe"] {
        for event in ["user_joined", "user_left"] {
            other.expect(&format!(
                r#"{{"type":"notification","data":{{"event_type":"{event}","username":"{name}","channel":"general"}}}}"#
            ));
        }
    }
    for who in 0..talk.clients.len() {
        for (spelled, shown) in [("GÖRAN", "Göran"), (" Nobody\t 😀 ", "Nobody 😀")] {
            let client = &mut talk.clients[who];
            let body = crate::bridging_tongues::Body::text("psst");
            let Some(asked) = client.tongue.whisper(&client.name, &talk.room, spelled, &body)
            else {
                continue;
            };
            let text = format!("User {shown} is not in this room");
            let answer = match client.kind {
                Kind::JsonRpc => format!(r#"{{"status":"error","message":"{text}"}}"#),
                Kind::JsonRpc2 => format!(
                    r#"{{"jsonrpc":"2.0","error":{{"code":-32000,"message":"{text}"}},"id":1}}"#
                ),
                Kind::V1 | Kind::V1Deflated => {
                    format!(r#"{{"status":"error","action":"private","message":"{text}"}}"#)
                }
                Kind::Accounts => {
                    format!(r#"{{"type":"msg","status":"error","message":"{text}"}}"#)
                }
                Kind::ChatMaster | Kind::ChatMasterZlib => format!(
                    r#"{{"type":"error","data":{{"error_type":"message","message":"User {shown} is not in this channel."}}}}"#
                ),
                Kind::Ndjson => format!(r#"{{"type":"error","text":"{text}"}}"#),
                Kind::Udp => {
                    let error = asked.answers[0].replace(r#""ack""#, r#""error""#);
                    error.replace('}', &format!(r#","text":"{text}"}}"#))
                }
                Kind::WebSocket | Kind::WebSocketDeflated => panic!("it cannot whisper"),
            };
            client.send(&asked.request);
            client.expect(&answer);
        }
    }
    talk.probe_all();
    other.probe(true);
}
