//! The browser client in a browser: people at pages talk with each other, and with those who use
//! other doors.

use crate::chromium::{Chromium, Page};
use crate::ndjson;
use crate::peer::Peer;
use crate::support::Daemon;
use serde_json::json;
use std::net::SocketAddr;

/// A daemon with a browser before it.
pub(crate) struct Place {
    pub(crate) daemon: Daemon,
    pub(crate) browser: Chromium,
}

impl Place {
    /// `None`, and says so, where there is no browser.
    #[track_caller]
    pub(crate) fn open() -> Option<Place> {
        let browser = Chromium::start()?;
        let daemon = Daemon::start(&["-l", "websocket=127.0.0.1:0", "-l", "ndjson=127.0.0.1:0"]);
        Some(Place { daemon, browser })
    }

    /// Host and port of the pages.
    pub(crate) fn host(&self) -> String {
        self.daemon.address("websocket").to_string()
    }

    /// Somebody who has loaded the page, `hash` and all.
    #[track_caller]
    pub(crate) fn page(&self, hash: &str) -> Page<'_> {
        self.browser.page(&format!("http://{}/{hash}", self.host()))
    }

    /// Somebody who has come in.
    #[track_caller]
    pub(crate) fn person(&self, name: &str) -> Page<'_> {
        self.person_at(&self.daemon.address("websocket"), name)
    }

    /// Somebody who has come in by an address that leads to the daemon.
    #[track_caller]
    pub(crate) fn person_at(&self, address: &SocketAddr, name: &str) -> Page<'_> {
        let page = self.browser.page(&format!("http://{address}/"));
        page.enters(name);
        page.sees("#chat-title", "general");
        page.until("document.querySelectorAll('#entries .entry').length > 0");
        page
    }

    /// Somebody who has come in by another door.
    #[track_caller]
    pub(crate) fn outsider(&self, name: &str) -> Peer {
        let mut peer = Peer::connect(self.daemon.address("ndjson"));
        peer.tells(json!({"type": "join", "room": "general", "user": name}).to_string());
        peer.line();
        peer
    }
}

impl Page<'_> {
    /// Enters as a guest.
    #[track_caller]
    pub(crate) fn enters(&self, name: &str) {
        self.fill("#welcome-name", name);
        self.key("Enter");
    }

    /// Says something, and waits until that is done.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let sent = "document.querySelectorAll('.own[data-state=sent]').length";
        let before = self.eval(sent);
        self.fill("#text", text);
        self.key("Enter");
        self.until(&format!("{sent} > {before}"));
    }
}

#[test]
fn people_talk_with_each_other_and_with_those_behind_other_doors() {
    let Some(place) = Place::open() else { return };
    let mut carol = place.outsider("Carol");
    let alice = place.person("Alice");
    let bob = place.person("Bob");
    alice.sees("#entries", "Bob joined");
    alice.says("Hello, all!");
    bob.sees(".said", "Hello, all!");
    bob.sees(".who", "Alice");
    carol.tells(ndjson::say("and from me"));
    alice.sees(".said", "and from me");
    bob.says("one\ntwo");
    alice.sees(".said", "one\ntwo");
    while !carol.line().contains(r#""text":"one\ntwo""#) {}
}
