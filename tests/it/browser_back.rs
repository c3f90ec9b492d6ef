//! The browser client when the connection goes: it comes back, takes its name and room, closes the
//! gap from the history, and shows nothing twice.

use crate::browser::Place;
use crate::browser_proxy::Proxy;
use crate::chromium::{Chromium, Page};
use crate::ndjson;
use crate::support::{Daemon, TempFolder, ended};

/// What a daemon here serves.
const LISTEN: [&str; 4] = ["-l", "websocket=127.0.0.1:0", "-l", "ndjson=127.0.0.1:0"];

/// Who is shown to have come and gone, without the times.
const NOTICES: &str = "[...document.querySelectorAll('.entry.notice')].map((one) =>
    one.querySelector('p').innerText.replace(/ [0-9:]+$/, ''))";

/// What is said on a page, in order.
const SAID: &str = "[...document.querySelectorAll('.said')].map((said) => said.innerText)";

impl Page<'_> {
    /// Waits until the loss of the connection is known.
    #[track_caller]
    fn is_lost(&self) {
        self.sees("#bar-text", "The connection was lost.");
    }

    /// Waits until one who has lost the connection is back and has all that was missed, but not for
    /// the next try, however many have failed.
    #[track_caller]
    fn comes_back(&self) {
        self.until(
            "(document.querySelector('#bar-now').click(), document.querySelector('#bar').hidden)",
        );
    }

    /// Waits until exactly these have been shown to come and go.
    #[track_caller]
    fn notes(&self, notices: &[&str]) {
        let notices = serde_json::json!(notices).to_string();
        self.until(&format!("JSON.stringify({NOTICES}) === {}", serde_json::json!(notices)));
    }

    /// Asserts that exactly this has been said, once it is so many messages.
    #[track_caller]
    fn shows_exactly(&self, said: &[&str]) {
        let last = serde_json::json!(said.last());
        self.until(&format!("{SAID}.length >= {} && {SAID}.at(-1) === {last}", said.len()));
        self.until("document.querySelector('[data-state=pending], [data-state=waiting]') === null");
        // What has come is drawn with the next frame.
        self.eval(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
        );
        assert_eq!(self.eval(SAID), serde_json::json!(said));
        assert_eq!(self.eval("document.querySelectorAll('[data-state=failed]').length"), 0);
    }
}

#[test]
fn a_restart_of_the_server_loses_nobody_and_no_words() {
    let Some(Place { daemon, browser }) = Place::open() else { return };
    let proxy = Proxy::open(daemon.address("websocket"));
    let [alice, bob] = ["Alice", "Bob"].map(|name| {
        let page = browser.page(&format!("http://{}/#room=Den", proxy.address));
        page.enters(name);
        page
    });
    // The first to come finds no such room, and makes it.
    for page in [&alice, &bob] {
        page.until("document.querySelector('#welcome').hidden");
        assert_eq!(
            page.text("document.querySelector('#welcome-lead').textContent"),
            "Pick a name and talk in Den."
        );
    }
    alice.sees("#lobby-notice", "There is no room “Den” now.");
    alice.click("#create-private");
    alice.click("#create-form button");
    alice.sees("#chat-title", "Den");
    bob.fill("#join-name", "den");
    bob.key("Enter");
    bob.sees("#chat-title", "Den");
    alice.says("before");
    bob.sees(".said", "before");

    proxy.close();
    assert!(daemon.stop().success());
    for page in [&alice, &bob] {
        page.is_lost();
    }
    alice.fill("#text", "meanwhile");
    alice.key("Enter");
    alice.sees(".own[data-state=waiting]", "Waits for the connection");
    let daemon = Daemon::start(&LISTEN);
    proxy.lead_to(daemon.address("websocket"));
    for page in [&alice, &bob] {
        page.comes_back();
    }
    for page in [&alice, &bob] {
        page.sees(".mark", "The room has begun anew.");
        page.until("document.querySelector('#chat-lock').checkVisibility()");
        page.until("document.querySelectorAll('#members li').length === 2");
        page.sees("#members", "Alice");
        page.sees("#members", "Bob");
        page.shows_exactly(&["before", "meanwhile"]);
    }
    bob.says("and after");
    alice.shows_exactly(&["before", "meanwhile", "and after"]);
    drop(daemon);
}

#[test]
fn a_gap_is_closed_without_doubles() {
    let Some(browser) = Chromium::start() else { return };
    let folder = TempFolder::new();
    let config = folder.write("parlance.toml", "[limits]\nhistory_events = 20\n");
    let daemon = Daemon::start(&[&["-c", &config], &LISTEN[..]].concat());
    let proxy = Proxy::open(daemon.address("websocket"));
    let place = Place { daemon, browser };
    let alice = place.person_at(&proxy.address, "Alice");
    let bob = place.person("Bob");
    alice.sees("#entries", "Bob joined");
    alice.says("one");
    bob.says("two");
    alice.shows_exactly(&["one", "two"]);

    // Cut, while words go in both directions.
    proxy.cut();
    alice.is_lost();
    let mut seen = vec!["Alice joined", "Bob joined", "Alice left"];
    bob.notes(&seen);
    for text in ["three", "four", "five"] {
        bob.says(text);
    }
    alice.fill("#text", "six");
    alice.key("Enter");
    alice.sees("[data-state=waiting]", "six");
    proxy.mend();
    alice.comes_back();
    let mut said = vec!["one", "two", "three", "four", "five", "six"];
    alice.shows_exactly(&said);
    bob.shows_exactly(&said);
    alice.notes(&["Alice joined", "Bob joined"]);
    seen.push("Alice joined");
    bob.notes(&seen);

    // What was heard although the answer was not is shown once, and as sent. Meanwhile the name is
    // borne by one's own ghost.
    proxy.deafen();
    alice.fill("#text", "seven");
    alice.key("Enter");
    bob.sees(".said", "seven");
    alice.sees("[data-state=pending]", "seven");
    proxy.cut_near();
    proxy.mend();
    alice.until("document.querySelector('#bar-text').textContent === 'Coming back…'");
    proxy.lay_ghosts();
    alice.comes_back();
    said.push("seven");
    alice.shows_exactly(&said);
    seen.extend(["Alice left", "Alice joined"]);
    bob.notes(&seen);

    // More than the server keeps.
    proxy.cut();
    alice.is_lost();
    seen.push("Alice left");
    bob.notes(&seen);
    let mut carol = place.outsider("Carol");
    let lines: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
    for line in &lines {
        carol.tells(ndjson::say(line));
    }
    bob.sees(".said", "line 29");
    proxy.mend();
    alice.comes_back();
    alice.sees(".said", "line 29");
    alice.sees(".mark", "Something is missing here.");
    let shown = alice.eval(SAID);
    let kept: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expected =
        [&said[..], &kept[kept.len() - (shown.as_array().unwrap().len() - said.len())..]];
    assert_eq!(shown, serde_json::json!(expected.concat()));
    // It stands between what was before and what was after.
    let order = "[...document.querySelectorAll('.said, .mark')].map((one) => one.innerText)
            .indexOf('Something is missing here.')";
    assert_eq!(alice.eval(order), said.len());
}

#[test]
fn what_may_not_have_arrived_can_be_said_again_or_taken_back() {
    let Some(browser) = Chromium::start() else { return };
    let daemon = Daemon::start(&LISTEN);
    let proxy = Proxy::open(daemon.address("websocket"));
    let place = Place { daemon, browser };
    let alice = place.person_at(&proxy.address, "Alice");
    let bob = place.person("Bob");
    alice.click("#members button[aria-label^='Bob']");
    // A private message is in no history: nothing tells whether it was heard.
    proxy.deafen();
    for text in ["psst", "hush"] {
        alice.fill("#text", text);
        alice.key("Enter");
        bob.sees(".private .said", text);
    }
    proxy.cut();
    proxy.mend();
    alice.until("document.querySelectorAll('[data-state=failed]').length === 2");
    alice.sees(".state.failed", "so this may not have arrived.");
    alice.comes_back();
    let button = |entry: usize, name: &str| {
        alice.eval(&format!(
            "[...document.querySelectorAll('[data-state=failed]')][{entry}]
                .querySelectorAll('button').forEach((one) => one.innerText === '{name}' && one.click())"
        ));
    };
    button(0, "Send again");
    alice.until("document.querySelectorAll('.own.private[data-state=sent]').length === 1");
    bob.until(&format!("{SAID}.length === 3 && {SAID}.at(-1) === 'psst'"));
    button(0, "Discard");
    alice.until("document.querySelectorAll('[data-state=failed]').length === 0");
    alice.shows_exactly(&["psst"]);
}

#[test]
fn a_name_that_somebody_else_has_taken_ends_the_stay() {
    let Some(browser) = Chromium::start() else { return };
    let daemon = Daemon::start(&LISTEN);
    let proxy = Proxy::open(daemon.address("websocket"));
    let place = Place { daemon, browser };
    let alice = place.browser.page(&format!("http://{}/", proxy.address));
    // How long a ghost is waited for is not what is tested; all other pauses and patiences are as ever.
    alice.begins_with(
        "{ const wait = setTimeout, ghost = new Set([4000, 8000, 12_000, 16_000]);
            window.setTimeout = (act, ms, ...rest) => wait(act, ghost.has(ms) ? ms / 50 : ms, ...rest); }",
    );
    alice.reload();
    alice.enters("Alice");
    alice.sees("#chat-title", "general");
    let mut bob = place.outsider("Bob");
    proxy.cut();
    while !bob.line().contains("Alice left") {}
    alice.is_lost();
    for text in ["what I", "wanted to say"] {
        alice.fill("#text", text);
        alice.key("Enter");
        alice.sees(".own[data-state=waiting]", text);
    }
    let _other = place.outsider("Alice");
    proxy.mend();
    alice.comes_back();
    alice.sees("#welcome-notice", "Somebody else is called “Alice” now. Choose another name.");
    alice.enters("Alicia");
    alice.sees("#chat-title", "general");
    // What nobody has heard is not lost.
    let kept = alice.eval("document.querySelector('#text').value");
    assert_eq!(kept, "what I\nwanted to say");
}

#[test]
fn nobody_is_taken_for_who_was_away() {
    let Some(browser) = Chromium::start() else { return };
    let daemon = Daemon::start(&LISTEN);
    let proxy = Proxy::open(daemon.address("websocket"));
    let place = Place { daemon, browser };
    let alice = place.person_at(&proxy.address, "Alice");
    let mut bob = place.outsider("Bob");
    alice.says("from Alice");
    proxy.cut();
    while !bob.line().contains("Alice left") {}
    let mut other = place.outsider("Alice");
    other.tells(ndjson::say("from another Alice"));
    while !bob.line().contains("from another Alice") {}
    drop(other);
    while !bob.line().contains("Alice left") {}
    alice.is_lost();
    proxy.mend();
    alice.comes_back();
    alice.says("from Alice again");
    alice.shows_exactly(&["from Alice", "from another Alice", "from Alice again"]);
    let own = "[...document.querySelectorAll('.own .said')].map((one) => one.innerText)";
    assert_eq!(alice.eval(own), serde_json::json!(["from Alice", "from Alice again"]));
}

#[test]
fn an_account_comes_back_signed_in() {
    let Some(browser) = Chromium::start() else { return };
    let data = TempFolder::new();
    let data = data.path().to_str().expect("a UTF-8 path");
    let daemon = Daemon::start(&["--data", data, "-l", "websocket=127.0.0.1:0"]);
    let proxy = Proxy::open(daemon.address("websocket"));
    let ann = browser.page(&format!("http://{}/", proxy.address));
    ann.click("input[value=register] + span");
    ann.fill("#welcome-name", "Ann");
    ann.fill("#welcome-password", "correct horse");
    ann.key("Enter");
    ann.sees("#chat-title", "general");
    proxy.close();
    assert!(daemon.stop().success());
    ann.is_lost();
    let daemon = Daemon::start(&["--data", data, "-l", "websocket=127.0.0.1:0"]);
    proxy.lead_to(daemon.address("websocket"));
    ann.comes_back();
    ann.says("back again");
    ann.click(".chat [data-me]");
    ann.sees("#me-account", "Signed in as Ann.");
    ann.click("#me-cancel");
    // An account that is removed ends the stay.
    let (code, _, log) = ended(&["account", "remove", "Ann", "--data", data]);
    assert_eq!(code, 0, "{log}");
    ann.sees("#welcome-notice", "Your account was removed.");
    drop(daemon);
}

#[test]
fn a_page_that_is_loaded_anew_is_still_who_it_was() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    alice.says("here");
    alice.reload();
    alice.sees("#chat-title", "general");
    alice.sees(".own .said", "here");
    alice.sees(".me-name", "Alice");
}

#[test]
fn a_server_without_the_protocol_is_told_of() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    let source = "{ const Plain = WebSocket; window.WebSocket = class extends Plain {
        constructor(address) { super(address); } }; }";
    page.begins_with(source);
    page.reload();
    page.sees("#bar-text", "This server does not speak parlance.v1.");
}
