//! The transcript of a session in which every kind of client took part.

use std::fs;

use crate::bridging_client::Doors;
use crate::bridging_talk::Talk;
use crate::bridging_tongues::Body;
use crate::house::until;
use crate::support::{Daemon, TempFolder};

const NAMES: [&str; 11] = [
    r"back\slash",
    "Jot",
    "-",
    "-",
    "Vera: \u{1f600}",
    "system.",
    "harper",
    "Py",
    "Zoe",
    "alice",
    "charlie",
];

/// Texts and how they must stand in a line.
const TEXTS: [(&str, &str); 6] = [
    ("Hello!", "Hello!"),
    ("a\nb\r\nc\td\\n", r"a\nb\r\nc\td\\n"),
    ("\0 \u{1b}[2J \u{7f} \u{85} \u{9b}", r"\u0000 \u001b[2J \u007f \u0085 \u009b"),
    ("\u{2028} x \u{2029}", r"\u2028 x \u2029"),
    ("\u{10ffff} \u{202e} \u{feff} e\u{301}", "\u{10ffff} \u{202e} \u{feff} e\u{301}"),
    (
        "\n2026-01-31T12:34:56.789Z general SYSTEM: forged",
        r"\n2026-01-31T12:34:56.789Z general SYSTEM: forged",
    ),
];

/// What stands in a line for a name or a text.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str(r"\\"),
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!(r"\u{:04x}", c as u32)),
            _ if c.is_control() => out.push_str(&format!(r"\u{:04x}", c as u32)),
            _ => out.push(c),
        }
    }
    out
}

/// However long anything takes.
const CONFIG: &str = "
[limits]
handshake_s = 3600
idle_before_join_s = 3600
outbox_soft_s = 3600
[websocket]
deflate = true
ping_s = 3600
[udp]
idle_timeout_s = 3600
";

/// A daemon with a door for each dialect, and its data in a folder.
pub(crate) fn daemon(folder: &TempFolder) -> (Daemon, Doors) {
    let config = folder.write("parlance.toml", CONFIG);
    let data = folder.at("data");
    let doors = ["jsonrpc", "websocket", "accounts", "chatmaster", "ndjson", "udp"];
    let doors = doors.map(|dialect| format!("{dialect}=127.0.0.1:0"));
    let mut arguments = vec!["-c", &config, "--data", &data];
    for door in &doors {
        arguments.extend(["-l", door]);
    }
    let daemon = Daemon::start(&arguments);
    let doors = Doors::of(&daemon, &folder.at("data/certificate.pem"));
    (daemon, doors)
}

#[test]
fn a_session_is_taken_down_line_by_line() {
    let folder = TempFolder::new();
    let (daemon, doors) = daemon(&folder);
    let path = folder.at("data/logs/chat.log");
    let read = || fs::read_to_string(&path).unwrap_or_default();
    let mut talk = Talk::begin(&doors, r"Den\ 1", NAMES);
    for who in 0..talk.clients.len() {
        for (text, line) in TEXTS {
            assert_eq!(escaped(text), line);
            talk.say(who, &Body::text(text));
        }
        let to = (who + 1) % talk.clients.len();
        let name = talk.clients[to].name.clone();
        talk.whisper(who, to, &name, &Body::text("a whisper"));
        if talk.clients[who].kind.says_json() {
            let compact = "{\"k\":\"a\\nb\u{85}\"}";
            talk.say(who, &Body::json(&format!(" {compact}\n"), compact));
        }
        talk.rename(who, &format!(r"New\{who}"));
        talk.leave(who);
        talk.join(who, false);
    }
    // All go, one after the other, and those who are always somewhere from `general`.
    while !talk.clients.is_empty() {
        talk.leave(0);
        let client = talk.clients.remove(0);
        talk.is_in.remove(0);
        if client.tongue.is_always_somewhere() {
            let text = format!("{} left", client.name);
            talk.transcript.push(("general".to_owned(), "system".to_owned(), text));
        }
        client.vanish();
        until(|| read().lines().count() >= talk.transcript.len());
    }
    assert!(daemon.stop().success());

    let log = read();
    for room in [r"Den\ 1", "general"] {
        let start = format!(" {} ", escaped(room));
        let lines: Vec<&str> =
            log.lines().filter_map(|line| line.get(24..)?.strip_prefix(&start)).collect();
        let of_room = talk.transcript.iter().filter(|(name, ..)| name == room);
        let expected: Vec<String> =
            of_room.map(|(_, who, text)| format!("{}: {}", escaped(who), escaped(text))).collect();
        assert_eq!(lines, expected);
    }
    assert_eq!(log.lines().count(), talk.transcript.len());
    for line in log.lines() {
        let time = line.get(..24).expect("a time");
        let shape = time.replace(|c: char| c.is_ascii_digit(), "0");
        assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{line}");
    }
    assert!(log.ends_with('\n') && !log.contains("a whisper"));
    assert!(log.chars().all(|c| c == '\n' || !c.is_control()));
}
