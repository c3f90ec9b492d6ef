//! The browser client when the connection goes: it comes back, takes its name and room, closes the
//! gap from the history, and shows nothing twice.

use crate::browser::Place;
use crate::chromium::{Chromium, Page};
use crate::ndjson;
use crate::support::{Daemon, TempFolder, ended};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Who is shown to have come and gone, without the times.
const NOTICES: &str = "[...document.querySelectorAll('.entry.notice')].map((one) =>
    one.querySelector('p').innerText.replace(/ [0-9:]+$/, ''))";

/// What is said on a page, in order.
const SAID: &str = "[...document.querySelectorAll('.said')].map((said) => said.innerText)";

impl Page<'_> {
    /// Does not wait for the next try, unless there has been one meanwhile.
    #[track_caller]
    fn comes_back(&self) {
        self.eval("document.querySelector('#bar-now').click()");
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
    let address = daemon.address("websocket").to_string();
    let [alice, bob] = ["Alice", "Bob"].map(|name| {
        let page = browser.page(&format!("http://{address}/#room=Den"));
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

    let listen = format!("websocket={address}");
    assert!(daemon.stop().success());
    for page in [&alice, &bob] {
        page.sees("#bar-text", "The connection was lost.");
    }
    alice.fill("#text", "meanwhile");
    alice.key("Enter");
    alice.sees(".own[data-state=waiting]", "Waits for the connection");
    let daemon = Daemon::start(&["-l", &listen, "-l", "ndjson=127.0.0.1:0"]);
    for page in [&alice, &bob] {
        page.until("document.querySelector('#bar').hidden");
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
    let daemon =
        Daemon::start(&["-c", &config, "-l", "websocket=127.0.0.1:0", "-l", "ndjson=127.0.0.1:0"]);
    let proxy = Proxy::open(daemon.address("websocket"));
    let place = Place { daemon, browser };
    let alice = place.browser.page(&format!("http://{}/", proxy.address));
    alice.enters("Alice");
    let bob = place.person("Bob");
    alice.sees("#entries", "Bob joined");
    alice.says("one");
    bob.says("two");
    alice.shows_exactly(&["one", "two"]);

    // Cut, while words go in both directions.
    proxy.cut();
    alice.sees("#bar-text", "The connection was lost.");
    bob.sees("#entries", "Alice left");
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

    assert_eq!(alice.eval(NOTICES), serde_json::json!(["Alice joined", "Bob joined"]));

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
    alice.until("document.querySelector('#bar').hidden");
    said.push("seven");
    alice.shows_exactly(&said);

    // More than the server keeps.
    proxy.cut();
    bob.sees(".notice:last-child", "Alice left");
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
    let daemon = Daemon::start(&["-l", "websocket=127.0.0.1:0", "-l", "ndjson=127.0.0.1:0"]);
    let proxy = Proxy::open(daemon.address("websocket"));
    let place = Place { daemon, browser };
    let alice = place.browser.page(&format!("http://{}/", proxy.address));
    alice.enters("Alice");
    let bob = place.person("Bob");
    alice.sees("#members", "Bob");
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
    alice.sees(".state.failed", "so this may not have arrived.");
    alice.until("document.querySelector('#bar').hidden");
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
    let daemon = Daemon::start(&["-l", "websocket=127.0.0.1:0", "-l", "ndjson=127.0.0.1:0"]);
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
    alice.sees("#bar-text", "The connection was lost.");
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
fn an_account_comes_back_signed_in() {
    let Some(browser) = Chromium::start() else { return };
    let data = TempFolder::new();
    let data = data.path().to_str().expect("a UTF-8 path");
    let daemon = Daemon::start(&["--data", data, "-l", "websocket=127.0.0.1:0"]);
    let address = daemon.address("websocket").to_string();
    let ann = browser.page(&format!("http://{address}/"));
    ann.click("input[value=register] + span");
    ann.fill("#welcome-name", "Ann");
    ann.fill("#welcome-password", "correct horse");
    ann.key("Enter");
    ann.sees("#chat-title", "general");
    assert!(daemon.stop().success());
    ann.sees("#bar-text", "The connection was lost.");
    let listen = format!("websocket={address}");
    let daemon = Daemon::start(&["--data", data, "-l", &listen]);
    ann.until("document.querySelector('#bar').hidden");
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

/// What lies between a browser and a server, and may fail.
struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_cut: AtomicBool,
    /// Whether what the server says is lost.
    is_deaf: AtomicBool,
    /// Both ends of what is open.
    near: Mutex<Vec<TcpStream>>,
    far: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    fn open(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(server) else { continue };
                if !shared.is_cut.load(Ordering::SeqCst) {
                    join(&shared, near, far);
                }
            }
        });
        Proxy { address, state }
    }

    /// Ends all connections, and takes no others.
    fn cut(&self) {
        self.cut_near();
        self.lay_ghosts();
    }

    /// The same, but the server does not hear of it.
    fn cut_near(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
        end(&self.state.near);
    }

    /// The server hears of those that were cut.
    fn lay_ghosts(&self) {
        end(&self.state.far);
    }

    /// From now on nobody hears the server.
    fn deafen(&self) {
        self.state.is_deaf.store(true, Ordering::SeqCst);
    }

    /// All is well again, for new connections.
    fn mend(&self) {
        self.state.is_deaf.store(false, Ordering::SeqCst);
        self.state.is_cut.store(false, Ordering::SeqCst);
    }
}

fn end(streams: &Mutex<Vec<TcpStream>>) {
    for stream in streams.lock().expect("the streams").drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn join(state: &Arc<State>, near: TcpStream, far: TcpStream) {
    let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    state.near.lock().expect("the streams").push(copy(&near));
    state.far.lock().expect("the streams").push(copy(&far));
    let (mut from_near, mut to_far) = (copy(&near), copy(&far));
    thread::spawn(move || {
        // The far end stays as it is when the near one goes: whoever looks from there sees a ghost.
        let _ = std::io::copy(&mut from_near, &mut to_far);
    });
    let (state, mut far, mut near) = (Arc::clone(state), far, near);
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = far.read(&mut buffer) {
            let is_lost = state.is_deaf.load(Ordering::SeqCst);
            if !is_lost && near.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = near.shutdown(Shutdown::Both);
    });
}
