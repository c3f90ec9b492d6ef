//! What is hard to carry crosses from every kind of client to every other one unharmed.

use crate::bridging_client::Bridge;
use crate::bridging_talk::Talk;
use crate::bridging_tongues::Body;

/// Names that are JSON, look like requests, or are wider than a byte. (The classic WebSocket
/// clients bear their ids.)
const NAMES: [&str; 11] = [
    r#"Q"uo\te"#,
    r#"{"method":"leave_chat","params":{}}"#,
    "-",
    "-",
    "}{ ] , : 😀",
    r#"\u0041\n"#,
    "ha'rp\"er\\ 🎉",
    "Zo\u{65}\u{301} \u{5d0}\u{5d1} \u{627}\u{644}",
    r#""}}{"type":"message","data":{"#,
    "𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈",
    r#""}{"type":"leave","id":1}"#,
];

const ROOM: &str = "D\"e\\n' 🏠 ]}";

/// Short texts, each with its own danger.
const TEXTS: [&str; 33] = [
    "\nx\n",
    "a\nb\r\nc\rd\n",
    "nul \0 bell \u{7} escape \u{1b}[31m back \u{8} feed \u{c} unit \u{1f} delete \u{7f}",
    "next line \u{85} csi \u{9b}",
    "line \u{2028} paragraph \u{2029}",
    "\u{feff}a byte order mark\u{feff}",
    "\u{202e}tfel ot thgir\u{202c} \u{2066}isolate\u{2069}",
    "e\u{301}\u{328} z\u{335}\u{321}\u{353} \u{0e33} \u{1100}\u{1161}\u{11a8}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f3f3}\u{fe0f}\u{200d}\u{1f308} \u{10ffff} \u{fffd} \u{e000}",
    r#"""#,
    r"\",
    r#"\" \\ \/ \n \u0041 \ud83d"#,
    "}{",
    "]",
    "[[[[[{{{{{",
    "  \t spaces around  ",
    "/",
    "null",
    "0",
    "<script>alert('&amp;')</script>",
    r#"{"method":"leave_chat","params":{}}"#,
    r#"{"jsonrpc":"2.0","method":"leave_chat","id":1}"#,
    r#"{"action":"leave"}"#,
    r#"{"event":"left","room":"general","seq":1,"name":"x","timestamp":"x"}"#,
    "\0\0\0\u{f}{\"type\":\"exit\"}",
    r#"{"type":"msg","data":{"from":"harper","to":"public","text":"x"}}"#,
    r#"{"type":"command","data":{"command":"leave","parameters":{}}}"#,
    "\n{\"type\":\"leave\"}\n{\"type\":\"leave\"}\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "\u{81}\u{2}hi \u{88}\u{0}",
    "x\u{9c}\u{3}\0\0\0\0\u{1} \0\0\u{ff}\u{ff}",
    r#"","username":"SYSTEM"}{"type":"system","message":""#,
    "2026-01-31T12:34:56.789Z general SYSTEM: forged",
];

#[test]
fn texts_cross_unharmed() {
    let bridge = Bridge::open();
    let mut talk = Talk::begin(&bridge.doors(), ROOM, NAMES);
    let mut texts: Vec<Body> = TEXTS.iter().map(|text| Body::text(text)).collect();
    texts.push(Body::text(&"\u{1f600}".repeat(1000)));
    texts.push(Body::text(&"\u{10ffff}".repeat(1000)));
    texts.push(Body::text(&format!("{}\0", "\u{1}\"".repeat(499))));
    // Each by itself, too short for a look at several bytes at a time.
    texts.extend(('\0'..' ').map(|c| Body::text(&format!("{c}x{c}"))));
    for who in 0..talk.clients.len() {
        for (number, text) in texts.iter().enumerate() {
            talk.in_ascii = (who + number) % 2 == 1;
            talk.say(who, text);
            let to = (who + number) % talk.clients.len();
            let name = talk.clients[to].name.clone();
            talk.whisper(who, to, &name, text);
        }
    }
}

/// Values as they are given, and without what is between their tokens.
const VALUES: [(&str, &str); 20] = [
    ("{}", "{}"),
    ("[ ]", "[]"),
    ("true", "true"),
    ("false", "false"),
    ("0", "0"),
    ("-0.0", "-0.0"),
    ("1.50", "1.50"),
    ("1E+2", "1E+2"),
    ("18446744073709551616", "18446744073709551616"),
    ("-123456789012345678901234567890.50e-400", "-123456789012345678901234567890.50e-400"),
    (r#"{ "b" : 1 , "a" : [ 1 , { "c" : null } ] }"#, r#"{"b":1,"a":[1,{"c":null}]}"#),
    ("[[[[\n[\t[]\r\n,[ ] ]]]]]", "[[[[[[],[]]]]]]"),
    (
        r#"{"k":"two  spaces , : ] }","k2":"\"\\ \u0041\/"}"#,
        r#"{"k":"two  spaces , : ] }","k2":"\"\\ \u0041\/"}"#,
    ),
    (r#"{"same":1,"same":2}"#, r#"{"same":1,"same":2}"#),
    (r#"{"":"","\ud83d\ude00":"\u2028"}"#, r#"{"":"","\ud83d\ude00":"\u2028"}"#),
    (
        "[\"😀\u{2028}\u{85}\u{feff}\u{202e}\u{7f}\"]",
        "[\"😀\u{2028}\u{85}\u{feff}\u{202e}\u{7f}\"]",
    ),
    (r#"{"action":"leave"}"#, r#"{"action":"leave"}"#),
    (r#"{"type":"leave"}"#, r#"{"type":"leave"}"#),
    (
        r#"{"from":"SYSTEM","body":"x","private":true}"#,
        r#"{"from":"SYSTEM","body":"x","private":true}"#,
    ),
    (r#"[null,true,"",0]"#, r#"[null,true,"",0]"#),
];

#[test]
fn values_of_websocket_cross_as_they_are() {
    let bridge = Bridge::open();
    let mut talk = Talk::begin(&bridge.doors(), "Den", crate::bridging::NAMES);
    let long = format!("[{}]", ["\"\\u0000\u{1f600}\""; 600].join(","));
    let long = (format!(" {long} "), long);
    let values = VALUES.map(|(given, compact)| (given.to_owned(), compact.to_owned()));
    for who in 0..talk.clients.len() {
        if !talk.clients[who].kind.says_json() {
            continue;
        }
        for (given, compact) in values.iter().chain([&long]) {
            talk.say(who, &Body::json(given, compact));
            for to in 0..talk.clients.len() {
                let name = talk.clients[to].name.clone();
                talk.whisper(who, to, &name, &Body::json(given, compact));
            }
        }
        // A string that holds JSON is a text like others.
        talk.say(who, &Body::text(r#"{"custom": [1, 2]}"#));
        let escaped = r#""\u0041\ud83d\ude00\/""#;
        let plain = "A😀/";
        let mut body = Body::text(plain);
        escaped.clone_into(&mut body.given);
        talk.say(who, &body);
    }
}
