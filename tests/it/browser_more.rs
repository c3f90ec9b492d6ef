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
fn nobody_is_taken_for_oneself() {
    let Some(place) = Place::open() else { return };
    let mut carol = place.outsider("Carol");
    let mut before = place.outsider("Alice");
    before.tells(ndjson::say("from one who had the name before"));
    drop(before);
    while !carol.line().contains("Alice left") {}
    let mut you = place.outsider("You");
    you.tells(ndjson::say("I am You"));
    let alice = place.person("Alice");
    alice.says("from Alice");
    alice.sees(".said", "I am You");
    let own = "[...document.querySelectorAll('.own .said')].map((one) => one.innerText)";
    assert_eq!(alice.eval(own), json!(["from Alice"]));
    // Nothing that the page itself says of its reader is a name that somebody may bear.
    assert_eq!(alice.eval("document.querySelector('.own .name').innerText"), "Alice");
    // That it joined, said something, and what.
    alice.until("document.querySelector('#entries').innerText.match(/\\bYou\\b/g).length === 3");
    // What was said here is one's own after a reload, too, and nobody's any more after a goodbye.
    alice.reload();
    alice.sees(".said", "from Alice");
    assert_eq!(alice.eval(own), json!(["from Alice"]));
    alice.click(".chat [data-me]");
    alice.click("#me-out");
    alice.sees("#welcome-title", "parlance");
    // Once for the reload, once for the goodbye.
    for _ in 0..2 {
        while !carol.line().contains("Alice left") {}
    }
    alice.enters("Alice");
    alice.sees(".said", "from Alice");
    assert_eq!(alice.eval(own), json!([]));
}

#[test]
fn who_is_called_by_name_sees_that() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    for (text, name, is_called) in [
        ("Hello Alice!", "Alice", true),
        ("ＡＬＩＣＥ, come", "alice", true),
        ("malice and Alice2, Alice_", "Alice", false),
        ("malice, Alice", "Alice", true),
        ("@Al and al", "Al", true),
        ("shall I", "I", false),
        ("what do you think, al?", "Al", false),
        ("李雷你好", "李雷", false),
        ("@李雷你好", "李雷", true),
        ("你好韩梅梅啊", "韩梅梅", true),
        ("ask the \"C++ one\" or (Zoë)", "Zoë", true),
        ("ask the C++ one", "C++", true),
        ("\u{1f99c}Bob\u{1f99c}", "Bob", true),
        ("anything", "", false),
    ] {
        let told = page.eval(&format!(
            "import('/text.js').then(({{ mentions }}) => mentions({}, {}))",
            json!(text),
            json!(name)
        ));
        assert_eq!(told, is_called, "{name} in {text}");
    }
    let emoji = r##"import('/text.js').then(({ isEmoji }) =>
        ["😀", "\u{1f469}\u{1f3fd}\u200d\u{1f680} ❤️", "🇩🇪", "🎉🎉🎉", "12", "#", "a 😀", " ", "", "😀".repeat(40)]
            .map(isEmoji))"##;
    let expected = json!([true, true, true, true, false, false, false, false, false, false]);
    assert_eq!(page.eval(emoji), expected);

    page.enters("Alice");
    page.sees("#chat-title", "general");
    let mut bob = place.outsider("Bob");
    for text in ["malice", "Is alice here?", "🎉"] {
        bob.tells(ndjson::say(text));
    }
    page.says("Alice it is");
    page.sees(".emoji .said", "🎉");
    let called = "[...document.querySelectorAll('.calls .said')].map((one) => one.innerText)";
    assert_eq!(page.eval(called), json!(["Is alice here?"]));
    // Those that stand together, too, tell when they were said.
    page.until("[...document.querySelectorAll('.bubble')].every((one) => /\\d\\d:\\d\\d:\\d\\d/.test(one.title))");
}

#[test]
fn who_is_alone_has_a_link_to_send() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    alice.sees("#alone", "Nobody else is here right now.");
    alice.eval("navigator.clipboard.writeText = async (text) => void (window.copied = text)");
    alice.click("#alone-copy");
    alice.until(&format!("window.copied === 'http://{}/#room=general'", place.host()));
    // What cannot be copied for them can be copied by hand.
    alice.eval("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))");
    alice.click("#alone-copy");
    alice.until("document.querySelector('#room-dialog').open");
    alice.until("document.activeElement.id === 'room-link'");
    alice.key("Escape");
    alice.until("!document.querySelector('#room-dialog').open");
    // Whoever was there when it goes is not nowhere.
    alice.eval("document.querySelector('#alone-copy').focus()");
    let bob = place.outsider("Bob");
    alice.until("document.querySelector('#alone').hidden");
    assert_eq!(alice.eval("document.activeElement.id"), "text");
    drop(bob);
    alice.sees("#alone", "Nobody else is here right now.");
}

#[test]
fn what_was_said_can_be_had_again() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let _bob = place.person("Bob");
    let shown = || alice.text("document.querySelector('#text').value");
    for text in ["one", "two\nlines", "three"] {
        alice.says(text);
    }
    alice.key("ArrowUp");
    assert_eq!(shown(), "three");
    alice.key("ArrowUp");
    assert_eq!(shown(), "two\nlines");
    // In a text of several lines the arrows move first.
    alice.key("ArrowUp");
    assert_eq!(shown(), "two\nlines");
    alice.key("ArrowUp");
    assert_eq!(shown(), "one");
    alice.key("ArrowDown");
    alice.key("ArrowDown");
    assert_eq!(shown(), "three");
    alice.key("ArrowDown");
    assert_eq!(shown(), "");
    alice.key("ArrowDown");
    assert_eq!(shown(), "");
    // What was said to all is not what was said to one, and what is being written stays.
    alice.click("#members button[aria-label^='Bob']");
    alice.key("ArrowUp");
    assert_eq!(shown(), "");
    alice.says("psst");
    alice.key("ArrowUp");
    assert_eq!(shown(), "psst");
    alice.key("Escape");
    alice.key("ArrowDown");
    assert_eq!(shown(), "psst");
    alice.fill("#text", " ");
    alice.key("ArrowUp");
    assert_eq!(shown(), " ");
    alice.fill("#text", "");
    alice.key("ArrowUp");
    assert_eq!(shown(), "three");
    // What was written by hand is not had again, whatever it is.
    alice.key("ArrowUp");
    alice.says("two\nlines");
    alice.fill("#text", "two\nlines");
    alice.key("ArrowDown");
    assert_eq!(shown(), "two\nlines");
    // Whoever comes next has nothing of that.
    alice.fill("#text", "");
    alice.click(".chat [data-me]");
    alice.click("#me-out");
    alice.sees("#welcome-title", "parlance");
    alice.enters("Alan");
    alice.sees("#chat-title", "general");
    alice.until("document.activeElement.id === 'text'");
    alice.key("ArrowUp");
    assert_eq!(shown(), "");
}

#[test]
fn keys_lead_to_the_field_and_through_the_log() {
    let Some(place) = Place::open() else { return };
    let mut bob = place.outsider("Bob");
    let alice = place.person("Alice");
    for number in 0..60 {
        bob.tells(ndjson::say(&format!("line {number}")));
    }
    alice.sees(".said", "line 59");
    let top = "document.querySelector('#log').scrollTop";
    alice.until(
        "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)
            (document.querySelector('#log'))",
    );
    let end = alice.eval(top).as_f64().expect("a number");
    // With Shift it marks text, as everywhere.
    alice.key_with("PageUp", 8);
    assert_eq!(alice.eval(top), end);
    alice.key("PageUp");
    alice.until(&format!("{top} < {end} - 200"));
    assert_eq!(alice.eval("document.activeElement.id"), "text");
    alice.until("!document.querySelector('#log-down').hidden");
    alice.key("Escape");
    alice.until("document.querySelector('#log-down').hidden");
    // What is written beside the field is meant for it; the space bar turns pages there.
    alice.eval("document.querySelector('#log').focus()");
    alice.key(" ");
    assert_eq!(alice.eval("document.activeElement.id"), "log");
    alice.key("h");
    alice.key("i");
    assert_eq!(alice.eval("document.querySelector('#text').value"), "hi");
    alice.eval("document.querySelector('#to-lobby').focus()");
    alice.key("x");
    assert_eq!(alice.eval("document.activeElement.id"), "to-lobby");
    alice.key("Escape");
    assert_eq!(alice.eval("document.activeElement.id"), "text");
    // In a dialog nothing of that holds.
    alice.click("#about-room");
    alice.key("Escape");
    alice.until("!document.querySelector('#room-dialog').open");
    assert_eq!(alice.eval("document.activeElement.id"), "about-room");
}

#[test]
fn a_private_message_is_answered_where_it_stands() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let bob = place.person("Bob");
    alice.sees("#members", "Bob");
    alice.click("#members button[aria-label^='Bob']");
    alice.says("psst");
    bob.sees(".private .said", "psst");
    bob.click(".private .who button");
    bob.sees("#whisper", "Only to Alice");
    bob.says("what?");
    alice.sees(".private .said", "what?");
    // One's own have nobody to answer.
    assert_eq!(alice.eval("document.querySelectorAll('.own.private button').length"), 0);
    // It is answered to who said it, whoever is called so by now.
    alice.click(".chat [data-me]");
    alice.fill("#me-name", "Alicia");
    alice.key("Enter");
    bob.sees("#members", "Alicia");
    let _other = place.outsider("Alice");
    bob.until("document.querySelectorAll('#members li').length === 3");
    bob.click("#whisper-end");
    bob.click(".private .who button");
    assert_eq!(bob.eval("document.querySelector('#whisper-to').innerText"), "Alicia");
    bob.key("ArrowUp");
    assert_eq!(bob.eval("document.querySelector('#text').value"), "what?");
}

#[test]
fn what_has_failed_is_sent_again_where_it_was_meant() {
    let Some(place) = Place::open() else { return };
    let mut bob = place.outsider("Bob");
    let mut carol = place.outsider("Carol");
    let alice = place.page("");
    // Refusals for what was taken, and an answer to a `join` that takes its time.
    alice.begins_with(
        "{ const Plain = WebSocket; window.WebSocket = class extends Plain {
            addEventListener(type, act) { super.addEventListener(type, type !== 'message' ? act : (event) => {
                const { data } = event;
                if (window.slow && data.includes('\"action\":\"join\"')) window.held = () => act(event);
                else if (window.no && data.includes('\"status\"'))
                    act({ data: data.replace('\"success\"', '\"error\"') });
                else act(event);
            }); } }; }",
    );
    alice.reload();
    alice.enters("Alice");
    alice.sees("#chat-title", "general");
    alice.click("#members button[aria-label^='Carol']");
    alice.eval("window.no = true");
    alice.fill("#text", "for you");
    alice.key("Enter");
    alice.sees("[data-state=failed]", "privately to Carol");
    // To whom it was meant, by whatever name.
    carol.tells(json!({"type": "join", "room": "general", "user": "Caroline"}).to_string());
    alice.sees("[data-state=failed]", "privately to Caroline");
    alice.eval("window.no = false");
    alice.click("#whisper-end");
    alice.click("#to-lobby");
    alice.fill("#create-name", "Den");
    alice.key("Enter");
    alice.sees("#chat-title", "Den");
    alice.eval("window.no = true");
    alice.fill("#text", "for Den alone");
    alice.key("Enter");
    alice.sees("[data-state=failed]", "for Den alone");
    alice.eval("window.no = false; window.slow = true; location.hash = '#room=general'");
    alice.until("window.held");
    alice.click("[data-state=failed] button");
    alice.eval("window.held()");
    alice.sees("#chat-title", "general");
    alice.says("for all");
    loop {
        let line = bob.line();
        assert!(!line.contains("for Den alone"), "{line}");
        if line.contains("for all") {
            break;
        }
    }
}

#[test]
fn a_room_is_found_among_many() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    alice.click("#to-lobby");
    alice.sees("#room-list", "general");
    assert_eq!(alice.eval("document.querySelector('#find').hidden"), true);
    let mut guests: Vec<_> = (0..12)
        .map(|number| {
            let mut guest = place.outsider(&format!("Guest {number}"));
            let room = format!("Chess №{number}");
            let user = format!("Guest {number}");
            guest.tells(json!({"type": "join", "room": room, "user": user}).to_string());
            guest.line();
            guest
        })
        .collect();
    let rooms = "document.querySelectorAll('#room-list li').length";
    alice.until(&format!("{rooms} === 13"));
    alice.fill("#find-name", "CHESS NO1");
    alice.until(&format!("{rooms} === 3"));
    alice.sees("#find-told", "3 rooms");
    alice.fill("#find-name", "checkers");
    alice.sees("#find-told", "No room is called that.");
    // Escape shows all again before it leads back.
    alice.key("Escape");
    alice.until(&format!("{rooms} === 13"));
    alice.fill("#find-name", "№11");
    alice.until(&format!("{rooms} === 1"));
    let composed = "document.querySelector('#find-name').dispatchEvent(new KeyboardEvent('keydown',
        { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))";
    assert_eq!(alice.eval(composed), true);
    alice.key("Enter");
    alice.sees("#chat-title", "Chess №11");
    // On a small screen the other ways stand below the list, and are a step away.
    alice.click("#to-lobby");
    alice.until(&format!("{rooms} === 13"));
    assert_eq!(alice.eval("document.querySelector('#to-create').checkVisibility()"), false);
    alice.size(360, 640);
    alice.click("#to-create");
    alice.until("document.activeElement.id === 'create-name'");
    // It is not taken away from under somebody's hands.
    alice.eval("document.querySelector('#find-name').focus()");
    guests.truncate(9);
    alice.until(&format!("{rooms} === 11"));
    assert_eq!(alice.eval("document.activeElement.id"), "find-name");
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
    let dark = json!([{"name": "prefers-color-scheme", "value": "dark"}]);
    alice.call("Emulation.setEmulatedMedia", json!({"media": "print", "features": dark}));
    alice.until("document.querySelector('#log').clientHeight > 2000");
    assert_eq!(alice.eval("document.querySelector('#composer').checkVisibility()"), false);
    assert_eq!(alice.eval("document.querySelector('#chat-title').checkVisibility()"), true);
    // Who likes it dark has no light letters on paper.
    assert_eq!(alice.eval("getComputedStyle(document.body).color"), "rgb(31, 32, 35)");
}

#[test]
fn a_name_is_ended_by_the_tab_key() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let _others = ["Alan Turing", "Alma", "Zoë"].map(|name| place.outsider(name));
    alice.until("document.querySelectorAll('#members li').length === 4");
    let shown = || alice.text("document.querySelector('#text').value");
    for (begun, ended) in
        [("@ALM", "@Alma "), ("hello @al", "hello @Alan Turing "), ("one\n@zo", "one\n@Zoë ")]
    {
        alice.fill("#text", begun);
        alice.key("Tab");
        assert_eq!(shown(), ended);
        assert_eq!(alice.eval("document.activeElement.id"), "text");
    }
    // It ends what stands before it, and is no trap.
    alice.fill("#text", "ask @zo about it");
    alice.eval("document.querySelector('#text').setSelectionRange(7, 7)");
    alice.key("Tab");
    assert_eq!(shown(), "ask @Zoë about it");
    for text in ["@Bob", "al", "a@al", "@al ", "@", ""] {
        alice.fill("#text", text);
        alice.key("Tab");
        assert_eq!(alice.eval("document.activeElement.id"), "send", "{text}");
        assert_eq!(shown(), text);
    }
}
