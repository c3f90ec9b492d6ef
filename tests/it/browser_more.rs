//! The browser client in the small: what people who know other chats expect, and what tells oneself from
//! others.

use crate::browser::Place;
use crate::ndjson;
use serde_json::json;

#[test]
fn who_is_here_counts_at_once() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    // The list is asked for once, before anybody has come, and not again.
    page.until("!document.querySelector('#welcome-how').hidden");
    page.eval(
        "{ const send = WebSocket.prototype.send; WebSocket.prototype.send = function (text) {
            if (!text.includes('\"rooms\"')) send.call(this, text); }; }",
    );
    page.enters("Alice");
    page.sees("#chat-title", "general");
    page.click("#to-lobby");
    page.sees("#room-list .here", "you are here · 1 person");
}

#[test]
fn times_are_as_the_reader_writes_them() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    for (locale, time) in [("en-US", "9:05 AM"), ("en-GB", "09:05"), ("de-DE", "09:05")] {
        page.call("Emulation.setLocaleOverride", json!({}));
        page.call("Emulation.setLocaleOverride", json!({"locale": locale}));
        page.reload();
        let told = page.text(
            "import('/text.js').then(({ timeOf }) => timeOf(new Date(2026, 0, 31, 9, 5)).replace(/\\s/u, ' '))",
        );
        assert_eq!(told, time, "{locale}");
    }
}

#[test]
fn a_conversation_can_be_printed() {
    let Some(place) = Place::open() else { return };
    let mut bob = place.outsider("Bob");
    let alice = place.person("Alice");
    for number in 0..60 {
        bob.tells(ndjson::say(&format!("line {number}")));
    }
    alice.sees(".said", "line 59");
    alice.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    alice.until("document.querySelector('#log').clientHeight > 2000");
    assert_eq!(alice.eval("document.querySelector('#composer').checkVisibility()"), false);
    assert_eq!(alice.eval("document.querySelector('#chat-title').checkVisibility()"), true);
}
