//! The browser client's lobby, its ways into rooms and out of them, accounts, and words to one alone.

use crate::browser::Place;
use crate::ndjson;
use serde_json::json;

#[test]
fn rooms_are_made_found_left_and_closed() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let bob = place.person("Bob");
    bob.click("#to-lobby");
    bob.sees("#room-list .here", "you are here · 2 people");
    assert_eq!(bob.eval("location.hash"), "#rooms");

    // A private room is in nobody's list; who knows its name gets in.
    alice.key_with("k", 2);
    alice.fill("#create-name", "Den  &  <i>Co</i>");
    alice.click("#create-private");
    alice.key("Tab");
    alice.key("Enter");
    alice.sees("#chat-title", "Den & <i>Co</i>");
    alice.until("document.querySelector('#chat-lock').checkVisibility()");
    assert_eq!(alice.eval("location.hash"), "#room=Den%20%26%20%3Ci%3ECo%3C%2Fi%3E");
    assert_eq!(alice.eval("document.title"), "Den & <i>Co</i> · parlance");
    bob.sees("#room-list .here", "you are here · 1 person");
    assert_eq!(bob.eval("document.querySelectorAll('#room-list li').length"), 1);
    bob.fill("#join-name", "nowhere");
    bob.key("Enter");
    bob.sees("#join-error", "There is no such room.");
    bob.fill("#join-name", "den & <I>CO</I>");
    bob.key("Enter");
    bob.sees("#chat-title", "Den & <i>Co</i>");
    bob.click("#about-room");
    bob.click("#room-private");
    bob.sees("#room-error", "Only whoever made the room can do that.");
    bob.key("Escape");

    // It becomes public, and everybody sees it, at once.
    let carol = place.person("Carol");
    carol.click("#to-lobby");
    carol.until("document.querySelectorAll('#room-list li').length === 1");
    alice.click("#about-room");
    alice.click("#room-private");
    alice.sees("#room-private", "Make it private");
    alice.key("Escape");
    carol.sees("#room-list li:nth-child(2)", "2 people");
    bob.until("!document.querySelector('#chat-lock').checkVisibility()");

    // Its id leads there, too.
    let id = carol.text("document.querySelector('#room-list li:nth-child(2)').dataset.key");
    carol.fill("#join-name", &id.to_uppercase());
    carol.key("Enter");
    carol.sees("#chat-title", "Den & <i>Co</i>");
    carol.click("#to-lobby");
    carol.sees("#to-room", "Back to Den & <i>Co</i>");

    // The address leads there, and back.
    carol.eval("location.hash = '#room=den %26 <i>co</i>'");
    carol.sees("#chat-title", "Den & <i>Co</i>");
    carol.eval("history.back()");
    carol.sees("#lobby-title", "Rooms");
    carol.sees("#room-list .here", "you are here");
    carol.key("Escape");
    carol.sees("#chat-title", "Den & <i>Co</i>");

    // When the last one has left it is gone.
    for page in [&alice, &bob, &carol] {
        page.click("#about-room");
        page.click("#room-leave");
        page.sees("#lobby-title", "Rooms");
    }
    for page in [&alice, &bob, &carol] {
        page.until("document.querySelectorAll('#room-list li').length === 1");
    }
    alice.eval("location.hash = '#room=gone'");
    alice.sees("#lobby-notice", "There is no room “gone” now.");
    assert_eq!(alice.eval("document.activeElement.id"), "create-name");
}

#[test]
fn an_account_is_made_left_and_taken_again() {
    let Some(place) = Place::open() else { return };
    let mut carol = place.outsider("Carol");
    let ann = place.page("");
    ann.click("input[value=register] + span");
    ann.enters("Ann");
    ann.sees("#welcome-password-error", "Please enter a password.");
    assert_eq!(
        ann.eval("document.querySelector('#welcome-password').autocomplete"),
        "new-password"
    );
    ann.write("abc");
    ann.key("Enter");
    ann.sees("#welcome-password-error", "Password must have 4 to 128 characters.");
    ann.fill("#welcome-password", "correct horse");
    ann.key("Enter");
    ann.sees("#chat-title", "general");
    ann.click(".chat [data-me]");
    ann.sees("#me-account", "Signed in as Ann.");
    ann.click("#me-out");

    // Nobody else can bear the name; its owner can, with the right password.
    ann.sees("#welcome-title", "parlance");
    while !carol.line().contains("Ann left") {}
    assert_eq!(ann.eval("document.querySelector('#welcome-how input:checked').value"), "login");
    assert_eq!(ann.eval("document.querySelector('#welcome-password').value"), "");
    let other = place.page("");
    other.enters("ann");
    other.sees("#welcome-name-error", "Somebody has that name already. Try another.");
    assert_eq!(other.eval("document.activeElement.id"), "welcome-name");
    ann.fill("#welcome-password", "wrong horse");
    ann.key("Enter");
    ann.sees("#welcome-password-error", "or that is not its password.");
    ann.fill("#welcome-password", "correct horse");
    ann.key("Enter");
    ann.sees("#chat-title", "general");
    ann.sees(".me-name", "Ann");
    let stored = ann.eval("JSON.stringify({ ...localStorage, ...sessionStorage })");
    assert!(!stored.to_string().contains("horse"), "{stored}");
}

#[test]
fn words_to_one_alone_names_typing_and_what_is_new() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let bob = place.person("Bob");
    let mut carol = place.outsider("Carol");
    alice.click("#members button[aria-label^='Bob']");
    alice.sees("#whisper", "Only to Bob");
    alice.says("psst");
    alice.sees(".own.private .who", "privately to Bob");
    bob.sees(".private .who", "Alice privately to you");
    alice.key("Escape");
    alice.until("document.querySelector('#whisper').hidden");
    alice.says("to all");
    while !carol.line().contains("to all") {}
    assert_eq!(alice.eval("document.querySelectorAll('.private').length"), 1);

    // A note to oneself is shown once.
    alice.click("#members button[aria-label*='note']");
    alice.says("remember");
    alice.says("again");
    let notes = "[...document.querySelectorAll('.private .said')].map((said) => said.innerText)";
    assert_eq!(alice.eval(notes), json!(["psst", "remember", "again"]));
    alice.key("Escape");

    // Typing is shown, and ends with the message.
    alice.fill("#text", "I think");
    bob.sees("#typing", "Alice is typing");
    alice.key("Enter");
    bob.sees(".said", "I think");
    bob.until("document.querySelector('#typing').innerText === ''");

    // Another name, in place.
    bob.click(".chat [data-me]");
    bob.fill("#me-name", "alice");
    bob.key("Enter");
    bob.sees("#me-error", "Somebody has that name already.");
    bob.fill("#me-name", "Robert");
    bob.key("Enter");
    bob.sees(".notice", "Bob is now Robert");
    alice.sees(".notice", "Bob is now Robert");
    alice.sees("#members", "Robert");
    bob.says("with another name");
    alice.sees(".who", "Robert");

    // Nobody looks: what comes is counted, and marked for when somebody does.
    let set = |state: &str| {
        alice.eval(&format!(
            "Object.defineProperty(document, 'visibilityState',
                {{ configurable: true, get: () => '{state}' }});
             document.dispatchEvent(new Event('visibilitychange'))"
        ));
    };
    set("hidden");
    bob.says("are you there?");
    carol.tells(ndjson::say("she is not"));
    alice.until("document.title === '(2) general · parlance'");
    alice.until("document.querySelectorAll('.line').length === 1");
    set("visible");
    alice.until("document.title === 'general · parlance'");
    assert_eq!(
        alice.text("document.querySelector('.line + .entry .said').innerText"),
        "are you there?"
    );
}

#[test]
fn the_past_is_fetched_by_scrolling_up() {
    let Some(place) = Place::open() else { return };
    let mut carol = place.outsider("Carol");
    for number in 1..=130 {
        carol.tells(ndjson::say(&format!("line {number}")));
    }
    carol.pings();
    let alice = place.person("Alice");
    alice.sees(".said", "line 130");
    let count = "document.querySelectorAll('.said').length";
    // It stands at the end, and has not fetched more than it needs.
    let at_end = "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)
        (document.querySelector('#log')) && document.querySelector('#log-down').hidden";
    assert_eq!(alice.eval(at_end), true);
    assert!(alice.eval(count).as_u64().unwrap() < 130);
    // There it stays, even if it is made lower just when it is about to be told that it was scrolled.
    alice.eval(
        "new Promise((done) => {
            const { port1, port2 } = new MessageChannel();
            const lower = (px) => document.querySelector('.below').style.setProperty('padding-top', `${px}px`);
            port1.onmessage = () => {
                lower(160);
                requestAnimationFrame(() => requestAnimationFrame(done));
            };
            requestAnimationFrame(() => { lower(80); port2.postMessage(''); });
        })",
    );
    assert_eq!(alice.eval(at_end), true);
    alice.eval("document.querySelector('.below').style.removeProperty('padding-top')");
    alice.until(at_end);
    // What is in view stays in view when older lines come in above it.
    let first = "(() => { const top = document.querySelector('#log').getBoundingClientRect().top;
        const said = [...document.querySelectorAll('.said')]
            .find((one) => one.getBoundingClientRect().top >= top);
        return [said.innerText, Math.round(said.getBoundingClientRect().top)]; })()";
    let before = alice.eval(&format!("(document.querySelector('#log').scrollTop = 150, {first})"));
    alice.until(&format!("{count} > 60"));
    assert_eq!(alice.eval(first), before);
    alice.until(
        "(document.querySelector('#log').scrollTop = 0,
            document.querySelector('#log-start').checkVisibility())",
    );
    let said = "[...document.querySelectorAll('.said')].map((said) => said.innerText)";
    let expected: Vec<String> = (1..=130).map(|number| format!("line {number}")).collect();
    assert_eq!(alice.eval(said), json!(expected));
    // What comes meanwhile does not pull the view down, and is one step away.
    carol.tells(ndjson::say("line 131"));
    alice.sees("#log-down", "1 new message");
    alice.click("#log-down");
    alice.sees(".line + .entry .said", "line 131");
    alice.until("document.querySelector('#log-down').hidden");
}
