//! The browser client on odd ways: what is no character in a name, marks without end, a way back under
//! an open dialog, two pages of one person, and rooms that somebody is just leaving.

use crate::browser::Place;
use crate::ndjson;
use serde_json::json;

#[test]
fn half_a_character_and_far_too_much_are_answered_at_once() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    page.until("!document.querySelector('#welcome-how').hidden");
    let enters = |script: &str| {
        page.eval(&format!("{script}; document.querySelector('#welcome-name').focus()"));
        page.key("Enter");
    };
    enters("document.querySelector('#welcome-name').value = 'A\\ud800'");
    page.sees("#welcome-name-error", "That has half a character in it.");
    enters(
        "document.querySelector('input[value=login]').click();
         document.querySelector('#welcome-name').value = 'Alice';
         document.querySelector('#welcome-password').value = 'x'.repeat(70000)",
    );
    page.sees("#welcome-name-error", "That is too long.");
    // The connection was not given up for that.
    assert_eq!(page.eval("document.querySelector('#bar').hidden"), true);
    page.click("input[value=name] + span");
    page.enters("Alice");
    page.sees("#chat-title", "general");
    page.click("#to-lobby");
    page.eval("void (document.querySelector('#create-name').value = '\\udfff')");
    page.click("#create-form button");
    page.sees("#create-error", "That has half a character in it.");
}

#[test]
fn marks_and_directions_stay_where_they_are() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let mut peer = place.outsider(&format!("Z{}", "\u{301}".repeat(49)));
    peer.tells(ndjson::say(&format!("a{}", "\u{301}".repeat(900))));
    // Read backwards it would lead elsewhere.
    peer.tells(ndjson::say("\u{202e}https://a.example/moc.knab//:sptth"));
    alice.sees("#entries a", "a.example");
    let order = "(() => {
        const text = document.querySelector('#entries a').firstChild;
        const left = (at) => { const range = document.createRange(); range.setStart(text, at);
            range.setEnd(text, at + 1); return range.getBoundingClientRect().left; };
        return Array.from({ length: text.length - 1 }, (_, at) => left(at) < left(at + 1)).every(Boolean); })()";
    assert_eq!(alice.eval(order), true);
    alice.sees("#members", "Z");
    let open = "[...document.querySelectorAll('.said, .entry bdi, .members bdi')].filter((one) => {
        while (one && getComputedStyle(one).overflowY === 'visible') one = one.parentElement;
        return !one || one.matches('#log, #people, .page'); }).map((one) => one.outerHTML)";
    assert_eq!(alice.eval(open), json!([]));
}
