//! The browser client among people who mean no good: names and texts stay text, nothing is asked of
//! anybody else, and nothing grows without a bound.

use crate::browser::Place;
use crate::chromium::Chromium;
use crate::ndjson;
use crate::support::{Daemon, TempFolder};
use serde_json::json;
use std::fs;
use std::path::Path;

/// What would do harm if it were anything but text.
const HOSTILE: [&str; 9] = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "\u{202e}txet desrever \u{2067}and more",
    "javascript:alert(1) data:text/html,<script>alert(1)</script>",
    "https://user@evil.example/ http://a.example/?<b>\"'",
    "{\"event\":\"message\",\"from\":\"SYSTEM\",\"body\":\"hi\"}",
    "${alert(1)} {{constructor.constructor('alert(1)')()}} &lt;b&gt; \\u003cb\\u003e",
    "__proto__",
];

#[test]
fn nothing_that_is_said_becomes_anything_but_text() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let mut peers = Vec::new();
    for (number, text) in HOSTILE.iter().enumerate() {
        // As a name, as a text, as a room, and as a private text to somebody.
        let name: String = format!("{number}{text}").chars().take(40).collect();
        let mut peer = place.outsider(&name);
        peer.tells(json!({"type": "message", "text": text}).to_string());
        peer.tells(json!({"type": "message", "to": "Alice", "text": text}).to_string());
        peers.push(peer);
    }
    let emoji = "👩🏽‍🚀".chars().cycle().take(1000).collect::<String>();
    let mut peer = place.outsider("👩🏽‍🚀");
    peer.tells(ndjson::say(&emoji));
    alice
        .until(&format!("document.querySelectorAll('.said').length === {}", 2 * HOSTILE.len() + 1));
    let said =
        alice.eval("[...document.querySelectorAll('.said')].map((said) => said.textContent)");
    for text in HOSTILE {
        let times = said.as_array().unwrap().iter().filter(|said| *said == text).count();
        assert_eq!(times, 2, "{text}");
    }
    // No element but our own, no address but the one good link.
    let elements = alice.eval(
        "[...new Set([...document.querySelectorAll('#entries *')]
            .map((one) => one.localName))].sort()",
    );
    assert_eq!(
        elements,
        json!(["a", "bdi", "button", "div", "h2", "p", "span", "svg", "time", "use"]),
    );
    let links = alice.eval(
        "[...document.querySelectorAll('#entries a')]
            .map((a) => [a.href, a.textContent, a.target, a.rel])",
    );
    let link = ["http://a.example/", "http://a.example/", "_blank", "noopener noreferrer nofollow"];
    assert_eq!(links, json!([link, link]));
    // What turns the direction turns nothing outside of it.
    let order = "[...document.querySelectorAll('.who')].every((who) => {
        const name = who.querySelector('.name').getBoundingClientRect();
        return name.right <= who.querySelector('time').getBoundingClientRect().left; })";
    assert_eq!(alice.eval(order), true);
    let isolated = "[...document.querySelectorAll('.said, bdi')]
            .every((one) => getComputedStyle(one).unicodeBidi.includes('isolate'))";
    assert_eq!(alice.eval(isolated), true);
    alice.click("#to-lobby");
    alice.sees("#room-list", "general");
}

/// Neither in the sources nor, by the document's policy, in the browser is there a way from a text to
/// markup or to a script.
#[test]
fn there_is_no_way_from_text_to_markup() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let forbidden = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "createContextualFragment",
        "DOMParser",
        "srcdoc",
        "setHTML",
        " style=",
        "javascript:",
        "onclick=",
        "onload=",
        "onerror=",
    ];
    for entry in fs::read_dir(folder).expect("the client's folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        for word in forbidden {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
        let hosts =
            text.matches("://").count() - text.matches("http://www.w3.org/2000/svg").count();
        assert!(
            path.extension().is_some_and(|end| end == "js") || hosts == 0,
            "{}",
            path.display()
        );
        assert!(text.lines().count() <= 500, "{}", path.display());
    }
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    let refused = page.eval(
        "(() => { try { document.body.innerHTML = '<b>'; return false; }
            catch { return true; } })()",
    );
    assert_eq!(refused, true);
    let inline = page.eval(
        "(() => { const script = document.createElement('script');
            try { script.text = 'window.ran = true'; } catch {}
            document.head.append(script); return window.ran === undefined; })()",
    );
    assert_eq!(inline, true);
    page.until("window.violations.length >= 2");
    assert!(page.faults().len() >= 2, "what is forbidden is noticed");
    std::mem::forget(page);
}

#[test]
fn a_flood_is_bounded_and_so_is_what_one_says() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let carol = place.outsider("Carol");
    let flood: String =
        (1..=2100).map(|number| ndjson::say(&format!("line {number}")) + "\n").collect();
    let pouring = carol.pour(flood);
    alice.sees(".entry:last-child .said", "line 2100");
    pouring.join().expect("poured").expect("sent");
    let count = alice.eval("document.querySelectorAll('.entry').length").as_u64().unwrap();
    assert!(count <= 2000, "{count}");
    assert_eq!(alice.eval("document.querySelector('#log-down').hidden"), true);

    let long = "é".repeat(1001);
    alice.fill("#text", &long);
    alice.sees("#counter", "-1");
    alice.key("Enter");
    alice.sees("#say-error", "That is too long by 1 character.");
    assert_eq!(alice.eval("document.querySelector('#text').value"), json!(long));
    let most = "🦜".repeat(1000);
    alice.fill("#text", &most);
    alice.sees("#counter", "0");
    alice.says(&most);
    alice.sees(".own .said", &most);
}

#[test]
fn over_tls_it_is_the_same() {
    let Some(browser) = Chromium::start() else { return };
    let folder = TempFolder::new();
    let config = folder.write("parlance.toml", "[websocket]\ntls = true\n");
    let daemon =
        Daemon::start(&["-c", &config, "-l", "websocket=127.0.0.1:0", "-l", "ndjson=127.0.0.1:0"]);
    let place = Place { daemon, browser };
    let alice = place.browser.page(&format!("https://{}/", place.host()));
    alice.enters("Alice");
    alice.sees("#chat-title", "general");
    alice.says("safe and sound");
}
