//! The browser client on odd ways: what is no character in a name, marks without end, a way back under
//! an open dialog, two pages of one person, and rooms that somebody is just leaving.

use crate::browser::Place;
use crate::ndjson;
use serde_json::{Value, json};

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

#[test]
fn the_way_back_closes_dialogs_and_strange_addresses_lead_to_the_lobby() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    alice.click("#to-lobby");
    alice.click("#room-list .here button");
    alice.click("#about-room");
    alice.eval("history.back()");
    alice.sees("#lobby-title", "Rooms");
    assert_eq!(alice.eval("document.querySelectorAll('dialog[open]').length"), 0);
    for hash in ["%ED%A0%80", "%"] {
        alice.eval(&format!("location.hash = '#room={hash}'"));
        alice.sees("#chat-title", "general");
        alice.until("location.hash === '#room=general'");
        alice.click("#to-lobby");
    }
    let long = "Your%20session%20has%20ended.%20".repeat(20);
    alice.eval(&format!("location.hash = '#room={long}'"));
    alice.until("document.querySelector('#lobby-notice').innerText === 'There is no such room.'");
    // What turns the direction turns the name alone.
    alice.eval("location.hash = '#room=%E2%80%AEnwod'");
    alice.sees("#lobby-notice bdi", "nwod");
}

#[test]
fn two_pages_of_one_browser_are_two_people() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let _bob = place.person("Bob");
    // As the other page of the same browser would have it.
    alice.eval("localStorage.setItem('parlance.name', 'Bob')");
    alice.reload();
    alice.sees("#chat-title", "general");
    alice.sees(".me-name", "Alice");
    // Another name is kept, too.
    alice.click(".chat [data-me]");
    alice.fill("#me-name", "Alicia");
    alice.key("Enter");
    alice.sees(".notice", "Alice is now Alicia");
    alice.eval("localStorage.setItem('parlance.name', 'Bob')");
    alice.reload();
    alice.sees(".me-name", "Alicia");
}

#[test]
fn a_page_that_may_keep_nothing_works() {
    let Some(place) = Place::open() else { return };
    let forbidden = "for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError'); } });";
    let full = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };";
    for (source, first, second) in [(forbidden, "Ann", "Bob"), (full, "Carol", "Dora")] {
        let page = place.page("");
        page.begins_with(source);
        page.reload();
        page.enters(first);
        page.sees("#chat-title", "general");
        page.says("here");
        page.sees(".own .said", "here");
        page.click(".chat [data-me]");
        page.click("#me-out");
        page.sees("#welcome-title", "parlance");
        page.enters(second);
        page.sees("#chat-title", "general");
    }
}

#[test]
fn who_logs_out_hears_nothing_of_the_connection() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let mut bob = place.outsider("Bob");
    alice.eval(
        "window.told = []; new MutationObserver(() => window.told.push(
            document.querySelector('#bar-text').textContent)).observe(
            document.querySelector('#bar'), { subtree: true, childList: true, characterData: true })",
    );
    alice.fill("#text", "not said yet");
    alice.click(".chat [data-me]");
    alice.click("#me-out");
    alice.sees("#welcome-title", "parlance");
    alice.sees("#welcome-lead", "Pick a name and talk in general.");
    // Until the connection before has ended it bears the name.
    while !bob.line().contains("Alice left") {}
    alice.enters("Alice");
    alice.sees("#chat-title", "general");
    assert_eq!(alice.eval("window.told"), json!([]));
    assert_eq!(alice.eval("document.querySelector('#text').value"), "");
}

#[test]
fn a_link_leads_there_in_the_end() {
    let Some(place) = Place::open() else { return };
    let mut bob = place.outsider("Bob");
    let den = "Den https://a.example/#room=x";
    bob.tells(json!({"type": "join", "room": den, "user": "Bob"}).to_string());
    bob.line();
    let link = "#room=Den%20https%3A%2F%2Fa.example%2F%23room%3Dx";
    // The connection goes just as it is followed.
    let page = place.page("");
    let frail = "window.isFrail = true; { const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
            if (isFrail && text.includes('\"join\"')) { window.isFrail = false; window.gone = true; return this.close(); }
            send.call(this, text); }; }";
    page.begins_with(frail);
    page.eval(&format!("history.replaceState(null, '', '{link}')"));
    page.reload();
    page.sees("#welcome-lead", den);
    page.enters("Alice");
    page.sees("#chat-title", den);
    assert_eq!(page.eval("[window.gone, location.hash]"), json!([true, link]));
    // Where one goes by oneself it is told of, as long as it is so.
    page.click("#to-lobby");
    page.eval(
        "window.isFrail = true; window.told = []; new MutationObserver(() => window.told.push(
            document.querySelector('#lobby-notice').innerText)).observe(
            document.querySelector('#lobby-notice'), { childList: true, attributes: true })",
    );
    page.click("#room-list li:not(.here) button");
    let told = "There is no connection right now. Try again in a moment.";
    page.until(&format!("window.told.includes('{told}')"));
    page.until("document.querySelector('#lobby-notice').hidden");
    // It may be entered as well.
    let carol = place.person("Carol");
    carol.click("#to-lobby");
    carol.fill("#join-name", &format!("http://{}/{link}", place.host()));
    carol.key("Enter");
    carol.sees("#chat-title", den);
}

#[test]
fn words_to_one_alone_follow_its_name_and_leave_with_the_room() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let mut bob = place.outsider("Bob");
    alice.click("#members button[aria-label^='Bob']");
    bob.tells(json!({"type": "join", "room": "general", "user": "Robert"}).to_string());
    alice.sees("#whisper", "Only to Robert");
    alice.says("psst");
    while !bob.line().contains("psst") {}
    alice.fill("#text", "a secret");
    alice.key_with("k", 2);
    alice.fill("#create-name", "Den");
    alice.key("Enter");
    alice.sees("#chat-title", "Den");
    alice.until("document.querySelector('#whisper').hidden");
    assert_eq!(alice.eval("document.querySelector('#text').value"), "");

    // On the way into another room nothing is said in either.
    let slow = "{ const Plain = WebSocket; window.WebSocket = class extends Plain {
        addEventListener(type, act) { super.addEventListener(type, type !== 'message' ? act :
            (event) => event.data.includes('\"action\":\"join\"') ? (window.held = () => act(event)) : act(event)); } }; }";
    alice.begins_with(slow);
    alice.reload();
    alice.until("window.held");
    alice.eval("window.held(); delete window.held");
    alice.sees("#lobby-notice", "There is no room “Den” now.");
    alice.click("#create-form button");
    alice.sees("#chat-title", "Den");
    alice.eval("location.hash = '#room=general'");
    alice.until("window.held");
    alice.fill("#text", "for Den alone");
    alice.key("Enter");
    alice.eval("window.held(); delete window.held");
    alice.sees("#chat-title", "general");
    assert_eq!(alice.eval("document.querySelector('#text').value"), "for Den alone");
    alice.says("for all");
    let own = "[...document.querySelectorAll('.own .said')].map((said) => said.innerText)";
    assert_eq!(alice.eval(own), json!(["for all"]));
    loop {
        let line = bob.line();
        assert!(!line.contains("for Den alone"), "{line}");
        if line.contains("for all") {
            break;
        }
    }
}

/// A session on a connection that says what a test has it say.
fn session(page: &crate::chromium::Page<'_>, script: &str) -> Value {
    page.eval(&format!(
        "Promise.all([import('/session.js'), import('/connection.js')]).then(async ([{{ Session }}, {{ Refused }}]) => {{
            const connection = new class extends EventTarget {{
                asked = [];
                answers = {{}};
                async request(action, body) {{
                    this.asked.push(action);
                    const answer = this.answers[action]?.shift() ?? {{}};
                    if (typeof answer === 'string') throw new Refused(answer);
                    return {{ name: 'Ann', rooms: [], events: [], seq: 1, users: ['Ann'], epoch: 'e', room: 'Den',
                        room_id: 'd', private: false, ...answer }};
                }}
                restart() {{ this.asked.push('restart'); }}
                tell() {{}}
                say(type, detail) {{ this.dispatchEvent(new CustomEvent(type, {{ detail }})); }}
            }}();
            const session = new Session(connection);
            const notices = [];
            session.addEventListener('ended', ({{ detail }}) => notices.push(detail));
            const settled = () => new Promise((done) => {{
                const look = () => session.phase === 'ready' || session.phase === 'out' ? done() : setTimeout(look, 10);
                look();
            }});
            const again = async () => {{ connection.say('lost'); connection.say('greeting', {{}}); await settled(); }};
            {script}
        }})"
    ))
}

#[test]
fn a_server_that_is_busy_sends_nobody_away() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    let busy = session(
        &page,
        "await session.enter('login', 'Ann', 'correct horse'); await session.join({ room: 'Den' });
         connection.answers.login = ['Server is busy'];
         await again();
         return [session.phase, session.room?.name, notices];",
    );
    assert_eq!(busy, json!(["ready", "Den", []]));
    // A room that cannot be made again is gone, and nothing else is.
    let full = session(
        &page,
        "await session.enter('name', 'Ann'); await session.join({ room: 'Den' });
         connection.answers.join = ['Room not found', 'Room not found'];
         connection.answers.create = ['Too many rooms'];
         await again();
         return [session.phase, session.room, notices];",
    );
    assert_eq!(full, json!(["ready", null, []]));
}
