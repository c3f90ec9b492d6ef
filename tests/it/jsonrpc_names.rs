//! `jsonrpc`: which names and texts are taken, what becomes of them, and how they cross.

use crate::house::{
    SENT, SIMPLE, chat, join, joined, notice, open, private, refusal, say, users, whisper,
};
use crate::peer::Peer;

#[test]
fn names_are_cleaned_and_shown_so() {
    let house = open();
    let fifty = "\u{1f600}".repeat(50);
    for (sent, shown) in [
        ("  Alice  ", "Alice"),
        ("A\\t\\tl\\u0007ice\\n", "A lice"),
        ("A\\u2028\\u00a0\u{3000}B", "A B"),
        ("A\\u200bB\\u202eC\\ufeff", "ABC"),
        ("A \\u200b B", "A B"),
        ("A\\u0000B", "AB"),
        ("<b>&\\\"\\\\", "<b>&\\\"\\\\"),
        ("\\u00c9lodie \u{1f600}", "\u{c9}lodie \u{1f600}"),
        (&format!(" {fifty} \\u0007"), &fifty),
    ] {
        let mut peer = house.peer();
        peer.ask(join(sent), joined(shown, &[shown]));
        peer.ask(SIMPLE, users(&[shown]));
        peer.finish();
    }
}

#[test]
fn a_taken_name_gets_the_port_however_it_is_spelled() {
    let house = open();
    let mut first = house.member("Alice", &["Alice"]);
    let mut names = vec!["Alice".to_owned()];
    let mut others: Vec<Peer> = Vec::new();
    for spelling in ["Alice", "ALICE", "\u{ff21}lice", " a\\u200blice "] {
        let mut peer = house.peer();
        let shown = match spelling {
            " a\\u200blice " => "alice",
            other => other,
        };
        let name = format!("{shown}_{}", peer.port());
        names.push(name.clone());
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        peer.ask(join(spelling), joined(&name, &all));
        first.expect(notice(&format!("{name} has joined the chat!")));
        for other in &mut others {
            other.expect(notice(&format!("{name} has joined the chat!")));
        }
        peer.ask(say("hi"), SENT);
        first.expect(chat(&name, "hi"));
        for other in &mut others {
            other.expect(chat(&name, "hi"));
        }
        others.push(peer);
    }
    // The last goes first, so that each goes without having heard of a leave.
    while let Some(peer) = others.pop() {
        peer.finish();
        let left = notice(&format!("{} has left the chat!", names.pop().unwrap()));
        first.expect(&left);
        for other in &mut others {
            other.expect(&left);
        }
    }
    first.finish();
}

#[test]
fn a_suffix_that_does_not_help_is_a_taken_name() {
    let house = open();
    let taken = refusal("Username already taken");
    // The suffixed name is borne by another.
    let mut late = house.peer();
    let its_name = format!("Alice_{}", late.port());
    let mut squatter = house.member(&its_name, &[&its_name]);
    let mut alice = house.member("Alice", &[&its_name, "Alice"]);
    squatter.expect(notice("Alice has joined the chat!"));
    late.ask(join("Alice"), &taken);
    late.ask(join("alice"), &taken);
    // The suffixed name is too long; the longest that is not is taken.
    let port_chars = late.port().to_string().len();
    let short = "\u{1f600}".repeat(49 - port_chars);
    let long = "\u{1f600}".repeat(50 - port_chars);
    let mut one = house.member(&long, &[&its_name, "Alice", &long]);
    let mut two = house.member(&short, &[&its_name, "Alice", &long, &short]);
    late.ask(join(&long), &taken);
    let suffixed = format!("{short}_{}", late.port());
    let all = [&its_name, "Alice", &long, &short, &suffixed];
    late.ask(join(&short), joined(&suffixed, &all));
    late.finish();
    // Nobody heard of what was refused.
    let came = [notice(&format!("{suffixed} has joined the chat!"))].concat();
    let went = notice(&format!("{suffixed} has left the chat!"));
    two.expect([came.as_str(), &went].concat());
    one.expect(notice(&format!("{short} has joined the chat!")));
    one.expect([came.as_str(), &went].concat());
    for name in [&long, &short] {
        let notice = notice(&format!("{name} has joined the chat!"));
        alice.expect(&notice);
        squatter.expect(&notice);
    }
    alice.expect([came.as_str(), &went].concat());
    squatter.expect([came.as_str(), &went].concat());
    for peer in [&mut one, &mut two, &mut alice, &mut squatter] {
        peer.probe();
    }
}

#[test]
fn reserved_names_are_refused_without_a_suffix() {
    let house = open();
    let mut peer = house.peer();
    for name in ["SYSTEM", "system", "\u{ff33}ystem", "public", "PUBLIC", " pub\\u200blic "] {
        peer.ask(join(name), refusal("Username already taken"));
    }
    peer.ask(join("SYSTEM_1"), joined("SYSTEM_1", &["SYSTEM_1"]));
    peer.finish();
}

#[test]
fn a_refused_join_leaves_no_trace() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut other = house.peer();
    other.ask(join("public"), refusal("Username already taken"));
    other.ask(join("x".repeat(51).as_str()), refusal("Username too long"));
    other.finish();
    bob.ask(SIMPLE, users(&["Bob"]));
    bob.finish();
}

#[test]
fn a_text_of_exactly_a_thousand_characters_crosses() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut alice = house.member("Alice", &["Bob", "Alice"]);
    bob.expect(notice("Alice has joined the chat!"));
    let longest = "\u{1f600}".repeat(1000);
    alice.ask(say(&longest), SENT);
    bob.expect(chat("Alice", &longest));
    alice.ask(say(&"\\ud83d\\ude00".repeat(1000)), SENT);
    bob.expect(chat("Alice", &longest));
    alice.ask(whisper("Bob", &longest), SENT);
    bob.expect(private("Alice", &longest));
    for unit in ["\u{1f600}", "x", "\\u0001", "\\ud83d\\ude00"] {
        alice.ask(say(&unit.repeat(1001)), refusal("Message too long"));
    }
    bob.finish();
}

#[test]
fn texts_cross_unharmed_and_escape_no_more_than_they_must() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut alice = house.member("Alice", &["Bob", "Alice"]);
    bob.expect(notice("Alice has joined the chat!"));
    for (sent, shown) in [
        ("x\\u2028\\u2029\u{2028}", "x\u{2028}\u{2029}\u{2028}"),
        ("a\\u0000b", "a\\u0000b"),
        ("\\\"quoted\\\" \\\\ \\u0022", "\\\"quoted\\\" \\\\ \\\""),
        ("\\/ </script> & '", "/ </script> & '"),
        ("\\u007f\\u0080\\u200b\\ufeff\\uffff", "\u{7f}\u{80}\u{200b}\u{feff}\u{ffff}"),
        ("\\ud83d\\uDE00\\u00E9", "\u{1f600}\u{e9}"),
        ("  not trimmed  ", "  not trimmed  "),
        ("\u{ff21} \u{fb01} e\\u0301", "\u{ff21} \u{fb01} e\u{301}"),
        ("{\\\"method\\\":\\\"leave_chat\\\"}", "{\\\"method\\\":\\\"leave_chat\\\"}"),
    ] {
        alice.ask(say(sent), SENT);
        bob.expect(chat("Alice", shown));
        alice.ask(whisper("Bob", sent), SENT);
        bob.expect(private("Alice", shown));
    }
    bob.finish();
}

#[test]
fn all_control_characters_cross() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut alice = house.member("Alice", &["Bob", "Alice"]);
    bob.expect(notice("Alice has joined the chat!"));
    for code in 0..0x20u32 {
        let character = char::from_u32(code).unwrap();
        alice.ask(say(&format!("x\\u{code:04X}")), SENT);
        let head = r#"{"type":"chat","message":""#;
        bob.expect(head);
        // JSON has a short escape for some; either is right, and both mean the same.
        let escape: &[u8] = match character {
            '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => b"x\\n",
            _ => b"x\\u0000",
        };
        let mut text = bob.take(escape.len());
        if text.starts_with(b"x\\u") && text.len() < 7 {
            text.extend(bob.take(4));
        }
        let text = format!("\"{}\"", String::from_utf8(text).unwrap());
        let read: String = serde_json::from_str(&text).unwrap();
        assert_eq!(read, format!("x{character}"));
        bob.expect(r#"","username":"Alice"}"#);
    }
    bob.finish();
}

#[test]
fn white_space_between_values_has_no_limit() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let space = " \n\r\t".repeat(256 * 1024);
    bob.send(&space);
    bob.ask(SIMPLE, users(&["Bob"]));
    bob.send([space.as_str(), SIMPLE, &space, SIMPLE, &space].concat());
    bob.expect([users(&["Bob"]), users(&["Bob"])].concat());
    bob.finish();
}

#[test]
fn the_service_describes_itself_in_the_classic_form() {
    let house = open();
    let mut peer = house.peer();
    let document = crate::jsonrpc_v2::document();
    peer.ask(r#"{"method":"rpc.discover"}"#, &document);
    peer.ask(r#"{"method":"rpc.discover","params":{}}"#, &document);
    let with_id = format!(r#"{},"id":"d"}}"#, &document[..document.len() - 1]);
    peer.ask(r#"{"method":"rpc.discover","id":"d"}"#, with_id);
    peer.finish();
}
