//! The reference's other chapters: their sessions played, and the page of `parlance.v1`.

use crate::accounts_peer::{AccountsHouse, AccountsPeer};
use crate::house::open;
use crate::peer::Peer;
use crate::protocols::{ValuesVoice, Voice, play};
use crate::schema::{PARLANCE_V1, check, check_request, docs};
use crate::udp_peer::UdpPeer;
use crate::ws_peer::WsPeer;

/// A client that sends and is sent lines.
struct LinesVoice(Peer);

impl Voice for LinesVoice {
    fn say(&mut self, payload: &str) {
        self.0.send(format!("{payload}\n"));
    }

    fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        while heard.last() != Some(&b'\n') {
            heard.extend_from_slice(&self.0.take(1));
        }
        heard.pop();
        String::from_utf8(heard).expect("UTF-8")
    }
}

impl Voice for AccountsPeer {
    fn say(&mut self, payload: &str) {
        self.send(payload);
    }

    fn hear(&mut self) -> String {
        self.receive()
    }
}

impl Voice for UdpPeer {
    fn say(&mut self, payload: &str) {
        self.send(payload);
    }

    fn hear(&mut self) -> String {
        self.take()
    }
}

impl Voice for WsPeer {
    fn say(&mut self, payload: &str) {
        self.send(payload);
    }

    fn hear(&mut self) -> String {
        self.take()
    }
}

#[test]
fn the_sessions_of_ndjson_happen_as_they_are_shown() {
    let connect = |address| Peer::connect(address).speaking("ndjson");
    play("ndjson", open, |house| Box::new(LinesVoice(connect(house.door("ndjson")))));
}

#[test]
fn the_sessions_of_udp_happen_as_they_are_shown() {
    play("udp", open, |house| Box::new(UdpPeer::connect(house.door("udp"))));
}

#[test]
fn the_sessions_of_accounts_happen_as_they_are_shown() {
    play("accounts", AccountsHouse::open, |house| Box::new(house.connect()));
}

#[test]
fn the_sessions_of_websocket_happen_as_they_are_shown() {
    play("websocket", open, |house| Box::new(WsPeer::connect(house.door("websocket"), "").0));
}

#[test]
fn the_sessions_of_chatmaster_happen_as_they_are_shown() {
    let connect = |address| Peer::connect(address).speaking("chatmaster");
    play("chatmaster", open, |house| ValuesVoice::over(connect(house.door("chatmaster"))));
}

// ---- parlance.v1 ---------------------------------------------------------------------------------

/// The lines of its page that are whole messages.
#[test]
fn the_page_of_parlance_v1_shows_only_what_the_schemas_allow() {
    let text = std::fs::read_to_string(docs().join("parlance-v1.md")).expect("the page");
    let text = text.replace("\"…\"", "\"2026-01-31T12:34:56.789Z\"").replace("\n     ", "");
    let mut checked = 0;
    for line in text.lines().filter(|line| line.ends_with('}') && !line.contains('…')) {
        let message = line.split("   ").next().unwrap_or(line);
        match message.split_once(' ') {
            Some(("→", message)) => check_request(PARLANCE_V1, message.as_bytes()),
            Some(("←", message)) => check(PARLANCE_V1, message.as_bytes()),
            _ => continue,
        }
        checked += 1;
    }
    assert!(checked > 30, "{checked} messages on the page");
}

#[test]
fn every_link_of_the_pages_leads_to_a_file() {
    for page in ["protocols.md", "parlance-v1.md"] {
        let text = std::fs::read_to_string(docs().join(page)).expect(page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let found = link.contains("://") || docs().join(link).exists();
            assert!(found, "{page}: {link} is not there");
        }
    }
}
