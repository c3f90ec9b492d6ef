//! The browser client in the small: what people who know other chats expect, and what tells oneself from
//! others.

use crate::browser::Place;
use crate::ndjson;
use serde_json::json;

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
