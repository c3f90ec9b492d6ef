//! How an event stands in the transcript: one line, `{timestamp} {room} {user}: {text}`.
//!
//! Only what is told to a room with a `seq` has a line. Nothing here knows of files.

use crate::chat::{Event, EventKind, Timestamp};

/// Who speaks where nobody does.
const SYSTEM: &str = "system";

/// Appends the event's line with its newline; nothing for an event that has no line.
pub(super) fn write(event: &Event, out: &mut Vec<u8>) {
    if event.seq == 0 {
        return;
    }
    let (user, texts) = match &event.kind {
        EventKind::Joined { name } => (SYSTEM, [name, " joined", ""]),
        EventKind::Left { name } => (SYSTEM, [name, " left", ""]),
        EventKind::Renamed { old, new } => (SYSTEM, [old, " is now ", new]),
        EventKind::Message { from, body } => (&**from, [body.as_str(), "", ""]),
        EventKind::Whisper(_)
        | EventKind::RoomOpened { .. }
        | EventKind::RoomChanged { .. }
        | EventKind::RoomClosed { .. } => return,
    };
    event.at.write_rfc3339(out);
    out.push(b' ');
    escape(&event.room_name, out);
    out.push(b' ');
    escape(user, out);
    out.extend_from_slice(b": ");
    for text in texts {
        escape(text, out);
    }
    out.push(b'\n');
}

/// Appends the line that stands where `lines` others are missing. It belongs to no room: `-`.
pub(super) fn write_gap(lines: u64, at: Timestamp, out: &mut Vec<u8>) {
    at.write_rfc3339(out);
    out.extend_from_slice(format!(" - {SYSTEM}: {lines} lines are missing here\n").as_bytes());
}

/// Appends `text` so that it stays on its line and cannot steer a terminal: backslash, control
/// characters (Unicode Cc, the line breaks U+0085, VT and FF among them), U+2028 and U+2029 become
/// `\\`, `\n`, `\r`, `\t` or `\u` and four digits. Characters that turn the direction of writing
/// stay: they end with the line, and only the text at its end can have any.
fn escape(text: &str, out: &mut Vec<u8>) {
    // Most texts hold nothing special, which is seen in ASCII without looking at characters.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        return out.extend_from_slice(text.as_bytes());
    }
    let mut copied = 0;
    for (at, found) in text.match_indices(is_special) {
        out.extend_from_slice(&text.as_bytes()[copied..at]);
        copied = at + found.len();
        match found {
            "\\" => out.extend_from_slice(br"\\"),
            "\n" => out.extend_from_slice(br"\n"),
            "\r" => out.extend_from_slice(br"\r"),
            "\t" => out.extend_from_slice(br"\t"),
            _ => found.chars().for_each(|c| unicode(c, out)),
        }
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
}

fn is_special(c: char) -> bool {
    match c {
        ' '..='~' => c == '\\',
        _ => c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'),
    }
}

/// Appends `\u` and the four digits of a character of the basic plane, where all special ones are.
fn unicode(c: char, out: &mut Vec<u8>) {
    let digit = |shift: u32| b"0123456789abcdef"[(u32::from(c) >> shift & 15) as usize];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Audience, Content, RoomKey, Whisper};
    use proptest::prelude::*;

    fn event(room: &str, seq: u64, kind: EventKind) -> Event {
        Event {
            room: RoomKey::from_bits(1 << 32).unwrap(),
            room_name: room.into(),
            subject: None,
            audience: Audience::Room,
            seq,
            at: Timestamp(1_769_862_896_789),
            kind,
        }
    }

    fn line(seq: u64, kind: EventKind) -> String {
        let mut out = Vec::new();
        write(&event("the lobby", seq, kind), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn message(body: Content) -> EventKind {
        EventKind::Message { from: "alice".into(), body }
    }

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn unescaped(text: &str) -> String {
        let mut chars = text.chars();
        let mut out = String::new();
        while let Some(c) = chars.next() {
            out.push(match c {
                '\\' => match chars.next().unwrap() {
                    '\\' => '\\',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let digits: String = chars.by_ref().take(4).collect();
                        char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
                    }
                    other => panic!("unknown escape {other:?}"),
                },
                c => c,
            });
        }
        out
    }

    #[test]
    fn what_a_room_hears_is_a_line() {
        let head = "2026-01-31T12:34:56.789Z the lobby";
        let text = message(Content::Text("Hello: \"you\"".into()));
        assert_eq!(line(7, text), format!("{head} alice: Hello: \"you\"\n"));
        let json = message(Content::Json(r#"{"a":"b\n"}"#.into()));
        assert_eq!(line(7, json), format!("{head} alice: {{\"a\":\"b\\\\n\"}}\n"));
        let joined = EventKind::Joined { name: "alice".into() };
        assert_eq!(line(1, joined), format!("{head} system: alice joined\n"));
        let left = EventKind::Left { name: "alice".into() };
        assert_eq!(line(2, left), format!("{head} system: alice left\n"));
        let renamed = EventKind::Renamed { old: "alice".into(), new: "bob".into() };
        assert_eq!(line(3, renamed), format!("{head} system: alice is now bob\n"));
    }

    #[test]
    fn the_rest_is_not() {
        let body = || Content::Text("psst".into());
        let whisper = Whisper { from: "alice".into(), to: "bob".into(), body: body() };
        for kind in [
            message(body()),
            EventKind::Joined { name: "alice".into() },
            EventKind::Whisper(Box::new(whisper.clone())),
            EventKind::RoomOpened { id: "0123abcd".into() },
            EventKind::RoomChanged { private: true },
            EventKind::RoomClosed { id: "0123abcd".into() },
        ] {
            assert_eq!(line(0, kind.clone()), "", "{kind:?}");
        }
        assert_eq!(line(1, EventKind::Whisper(Box::new(whisper))), "");
    }

    #[test]
    fn what_breaks_lines_or_steers_terminals_is_escaped() {
        assert_eq!(escaped("a\\b\nc\rd\te"), r"a\\b\nc\rd\te");
        assert_eq!(escaped("\0\u{b}\u{c}\u{1b}[0m\u{7f}"), r"\u0000\u000b\u000c\u001b[0m\u007f");
        assert_eq!(escaped("\u{80}\u{85}\u{9b}\u{9f}"), r"\u0080\u0085\u009b\u009f");
        assert_eq!(escaped("\u{2028}x\u{2029}"), r"\u2028x\u2029");
        let plain = "\u{a0}é\u{2027}\u{202a}\u{200d}😀";
        assert_eq!(escaped(plain), plain);
        let mut out = Vec::new();
        write(&event("a\nb", 1, EventKind::Joined { name: "c\u{85}d".into() }), &mut out);
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "2026-01-31T12:34:56.789Z a\\nb system: c\\u0085d joined\n");
    }

    /// Texts in which what matters is not rare.
    fn texts() -> impl Strategy<Value = String> {
        let special = prop_oneof![
            any::<char>(),
            prop::char::range('\0', '\u{a0}'),
            prop::char::range('\u{2026}', '\u{202b}'),
            Just('\\'),
            Just('n'),
        ];
        prop::collection::vec(special, 0..60).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn escaping_leaves_no_control_and_loses_nothing(text in texts()) {
            let escaped = escaped(&text);
            let breaks = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
            prop_assert!(!escaped.contains(breaks));
            prop_assert_eq!(unescaped(&escaped), text);
        }
    }
}
