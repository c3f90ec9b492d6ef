//! A headless Chromium, told what to do over its DevTools protocol, and what its pages do that they
//! should not.
//!
//! One browser at a time: two would only slow each other down. Each page is a person of its own, with
//! a storage of its own. Everything waits for a condition in the page and gives up after [`PATIENCE`].
//! What a person does at a page is in `chromium_hands.rs`.

use crate::chromium_hands::HANDS;
use crate::skip;
use crate::support::TempFolder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

const PROGRAM: &str = "chromium";

/// How long anything may take before the test fails. A browser that was just installed reads hundreds
/// of megabytes at its first start, and shares the machine with all the other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How much earlier a page gives up than who waits for its answer, so that it can tell what it shows.
const EARLIER: Duration = Duration::from_secs(10);

/// How long a browser may take to end by itself.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// How often what nobody tells of is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Browsers that may end before they can be talked to.
const STARTS: usize = 3;

/// What a browser leaves out: what windows, a graphics card, a large `/dev/shm`, a key ring or the
/// world outside are needed for, and whatever it does to those who are slow or not in front.
const ARGUMENTS: [&str; 22] = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--ignore-certificate-errors",
    "--lang=en-GB",
    "--password-store=basic",
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-gpu-watchdog",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--disable-hang-monitor",
];

/// A running browser, killed when the value is dropped.
pub(crate) struct Chromium {
    child: Child,
    socket: RefCell<WebSocket<TcpStream>>,
    last_id: Cell<u64>,
    /// What has happened in pages, as it was told.
    events: RefCell<Vec<Value>>,
    folder: TempFolder,
    _turn: MutexGuard<'static, ()>,
}

impl Chromium {
    /// Starts it; `None`, and says so, where there is none.
    #[track_caller]
    pub(crate) fn start() -> Option<Chromium> {
        static TURN: Mutex<()> = Mutex::new(());
        if !skip::has(PROGRAM) {
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((child, folder, url)) = (0..STARTS).find_map(|_| launch()) else {
            panic!("the browser does not open its port");
        };
        let address = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
        let stream = TcpStream::connect(address.expect("an address")).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let (socket, _) = tungstenite::client(&url, stream).expect("a WebSocket");
        Some(Chromium {
            child,
            socket: RefCell::new(socket),
            last_id: Cell::new(0),
            events: RefCell::default(),
            folder,
            _turn: turn,
        })
    }

    /// A page for somebody new, as large as a window on a desk. What it sees and does is noted from
    /// the beginning.
    #[track_caller]
    pub(crate) fn page(&self, url: &str) -> Page<'_> {
        let context = self.call(None, "Target.createBrowserContext", json!({}));
        let target = self.call(
            None,
            "Target.createTarget",
            json!({"url": "about:blank", "browserContextId": context["browserContextId"]}),
        );
        let attached = self.call(
            None,
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        let session = attached["sessionId"].as_str().expect("a session").to_owned();
        let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next());
        let page = Page { browser: self, session, host: host.expect("a host").to_owned() };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        // Pages are in front, all at once.
        page.call("Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
        page.begins_with(NOTES);
        page.begins_with(HANDS);
        page.call("Emulation.setLocaleOverride", json!({"locale": "en-GB"}));
        page.size(1100, 700);
        page.go(url);
        page
    }

    /// Calls a method, of a page's session or of the browser's own, and gives its result.
    #[track_caller]
    fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        match self.try_call(session, method, &params) {
            Ok(result) => result,
            Err(error) => panic!("{method} {params}: {error}"),
        }
    }

    /// The same, for what may be refused.
    #[track_caller]
    fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: &Value,
    ) -> Result<Value, String> {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        let mut call = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        let mut socket = self.socket.borrow_mut();
        socket.send(Message::text(call.to_string())).expect("sent");
        loop {
            let message = match socket.read() {
                Ok(message) => message,
                Err(error) => panic!("no answer to {method} {params}: {error}"),
            };
            let Message::Text(text) = message else { continue };
            let mut message: Value = serde_json::from_str(&text).expect("JSON");
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(message["result"].take()),
                };
            }
            if message.get("method").is_some() {
                self.events.borrow_mut().push(message);
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It has processes of its own, which would go on writing to its folder.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < END_PATIENCE {
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        while self.folder.path().exists() && start.elapsed() < END_PATIENCE {
            let _ = fs::remove_dir_all(self.folder.path());
        }
    }
}

/// Starts a browser and gives it, its folder and where it listens; `None` if it ends or does not come
/// to that.
fn launch() -> Option<(Child, TempFolder, String)> {
    let folder = TempFolder::new();
    let mut command = Command::new(PROGRAM);
    command
        .args(ARGUMENTS)
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg("about:blank")
        .env("HOME", folder.path())
        .env("LANGUAGE", "en_GB")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("a browser");
    let start = Instant::now();
    while start.elapsed() < PATIENCE && matches!(child.try_wait(), Ok(None)) {
        let text = fs::read_to_string(folder.at("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = text.split_once('\n')
            && path.starts_with("/devtools/browser/")
        {
            return Some((child, folder, format!("ws://127.0.0.1:{port}{path}")));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Run in each document before anything else: notes what the document's policy forbids, and keeps a
/// clock that no test changes. To the page it gives a clock by which its own patience with a server
/// and with who is typing lasts as long as a test: whether it ends is for the tests to say, and not
/// for how fast a machine is.
const NOTES: &str = "window.violations = []; window.clock = setTimeout.bind(window);
    addEventListener('securitypolicyviolation', (event) =>
        window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
    { const patience = new Set([5000, 10_000, 20_000]);
      window.setTimeout = (act, ms, ...rest) => clock(act, patience.has(ms) ? 100 * ms : ms, ...rest); }";

/// The page's patience is what [`NOTES`] takes it for.
#[test]
fn patience_is_known() {
    let connection = include_str!("../../src/web/connection.js");
    let room = include_str!("../../src/web/room.js");
    for (script, line) in [
        (room, "const TYPING_MS = 5000;"),
        (connection, "const GREETING_MS = 10_000;"),
        (connection, "const ANSWER_MS = 20_000;"),
    ] {
        assert!(script.contains(line), "{line}");
    }
}

/// One page, and whoever sits before it. Dropped, it has to have done nothing that it should not.
pub(crate) struct Page<'a> {
    browser: &'a Chromium,
    session: String,
    /// Where it came from: it may ask nobody else for anything.
    host: String,
}

impl Page<'_> {
    /// Calls a method of the DevTools protocol.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    /// Has a script run in each document from now on, before anything else.
    #[track_caller]
    pub(crate) fn begins_with(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
    }

    /// Goes to an address and waits until all of it was loaded.
    #[track_caller]
    fn go(&self, url: &str) {
        self.leaves(|| {
            let gone = self.call("Page.navigate", json!({"url": url}));
            assert_eq!(gone["errorText"], Value::Null, "{url}");
        });
    }

    /// Loads the page anew and waits until all of it was loaded.
    #[track_caller]
    pub(crate) fn reload(&self) {
        self.leaves(|| drop(self.call("Page.reload", json!({}))));
    }

    /// Does what puts another document in the place of this one, and waits until that was loaded: for
    /// a moment the old one still answers, and then neither.
    #[track_caller]
    fn leaves(&self, act: impl FnOnce()) {
        self.eval("void (window.isLeft = true)");
        act();
        // The empty document that each page begins with may come twice.
        self.comes_to(
            "!window.isLeft && location.protocol !== 'about:' && document.readyState === 'complete'",
        );
    }

    /// Waits until an expression holds, in whichever document is there by then.
    #[track_caller]
    fn comes_to(&self, condition: &str) {
        let start = Instant::now();
        while self.try_eval(condition) != Ok(Value::Bool(true)) {
            assert!(start.elapsed() < PATIENCE, "it never came to {condition}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The value of an expression, awaited.
    #[track_caller]
    pub(crate) fn eval(&self, expression: &str) -> Value {
        match self.try_eval(expression) {
            Ok(value) => value,
            Err(error) => panic!("{expression}: {error}"),
        }
    }

    /// The same, for what may throw or end with its document.
    #[track_caller]
    fn try_eval(&self, expression: &str) -> Result<Value, String> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true,
                            "userGesture": true});
        let mut result = self.browser.try_call(Some(&self.session), "Runtime.evaluate", &params)?;
        match &result["exceptionDetails"] {
            Value::Null => Ok(result["result"]["value"].take()),
            thrown => Err(format!("{thrown:#}")),
        }
    }

    #[track_caller]
    pub(crate) fn text(&self, expression: &str) -> String {
        let value = self.eval(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression}: {value}")).to_owned()
    }

    /// Waits until an expression holds. What changes in the document is seen at once; what does not
    /// show there is looked for now and then.
    #[track_caller]
    pub(crate) fn until(&self, condition: &str) {
        let patience = (PATIENCE - EARLIER).as_millis();
        let seen = self.eval(&format!(
            "new Promise((done) => {{
                const holds = () => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }};
                if (holds()) return done('');
                const end = (what) => {{
                    observer.disconnect(); clearInterval(timer); clearTimeout(patience); done(what);
                }};
                const look = () => holds() && end('');
                const observer = new MutationObserver(look);
                const timer = setInterval(look, 50);
                const patience = (window.clock ?? setTimeout)(() => end(document.body.innerText), {patience});
                observer.observe(document, {{
                    subtree: true, childList: true, attributes: true, characterData: true }});
            }})"
        ));
        assert_eq!(seen, "", "it never came to {condition}; the page shows this");
    }

    /// Waits until a text can be read in an element.
    #[track_caller]
    pub(crate) fn sees(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!(
            "[...document.querySelectorAll({selector})].some((element) => \
             element.checkVisibility() && element.innerText.includes({text}))"
        ));
    }

    // ---- eyes ----------------------------------------------------------------------------------

    /// Makes the window so many pixels large.
    #[track_caller]
    pub(crate) fn size(&self, width: u32, height: u32) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
        self.comes_to(&format!("innerWidth === {width} && innerHeight === {height}"));
    }

    /// Prefers `light` or `dark`, and no motion.
    #[track_caller]
    pub(crate) fn prefer(&self, scheme: &str) {
        self.call(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme},
                                {"name": "prefers-reduced-motion", "value": "reduce"}]}),
        );
        // What had begun to move before comes to its end.
        self.until(&format!(
            "matchMedia('(prefers-color-scheme: {scheme}) and (prefers-reduced-motion: reduce)').matches
                && document.getAnimations().length === 0"
        ));
    }

    /// What is to be seen, as PNG.
    #[track_caller]
    pub(crate) fn picture(&self) -> Vec<u8> {
        use base64::Engine;
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let data = shot["data"].as_str().expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(data).expect("base64")
    }

    /// What somebody who does not see is told of the page.
    #[track_caller]
    pub(crate) fn accessibility(&self) -> Vec<Value> {
        let mut tree = self.call("Accessibility.getFullAXTree", json!({}));
        let Value::Array(nodes) = tree["nodes"].take() else { panic!("no tree") };
        nodes.into_iter().filter(|node| node["ignored"] == false).collect()
    }

    // ---- conscience ----------------------------------------------------------------------------

    /// What the page did that it should not: errors, warnings, what its policy forbids, and whatever
    /// it asked of anybody but where it came from. That connections fail while there is no server is
    /// no fault.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        let violations = self.eval("window.violations");
        let mut faults: Vec<String> = violations
            .as_array()
            .expect("violations")
            .iter()
            .map(|violation| format!("forbidden: {violation}"))
            .collect();
        for event in self.browser.events.borrow().iter() {
            if event["sessionId"] == self.session.as_str() {
                faults.extend(fault(event, &self.host));
            }
        }
        faults
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let faults = self.faults();
            assert!(faults.is_empty(), "{faults:#?}");
        }
    }
}

/// What a browser says of a server that is not there, or ends in the middle of an answer, and of a
/// network that changes meanwhile.
const GONE: [&str; 9] = [
    "ERR_CONNECTION",
    "ERR_CONTENT_LENGTH_MISMATCH",
    "ERR_EMPTY_RESPONSE",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_NETWORK_CHANGED",
    "ERR_SOCKET",
    "ERR_TIMED_OUT",
    "before receiving a handshake",
    "closed before the connection is established",
];

fn fault(event: &Value, host: &str) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(params.to_string()),
        "Runtime.consoleAPICalled" => Some(params["args"].to_string()),
        "Log.entryAdded" => {
            let text = params["entry"]["text"].as_str().unwrap_or_default();
            let is_gone = GONE.iter().any(|part| text.contains(part));
            (!is_gone).then(|| params["entry"].to_string())
        }
        "Network.requestWillBeSent" => foreign(params["request"]["url"].as_str()?, host),
        "Network.webSocketCreated" => foreign(params["url"].as_str()?, host),
        _ => None,
    }
}

/// An address that does not lead to `host`.
fn foreign(url: &str, host: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let is_own = rest.split('/').next() == Some(host) || url == "about:blank";
    (!is_own).then(|| format!("asked for {url}"))
}
