//! The `websocket` door itself: pages, who is let in, what closes it, and how it is set up.

use crate::house::{Plan, Running, chat, joined, notice, open, settings};
use crate::peer::Peer;
use crate::skip;
use crate::support::{Daemon, TempFolder, run};
use crate::tls_client::{Client, certificate};
use crate::ws_peer::{SOME_TIME, WsPeer, head, untimed, upgrade};
use parlance::chat::dialect::House;
use parlance::chat::dialect::websocket::{self, WebSocketSettings};
use rustix::process::Signal;
use std::io::Read;
use std::process::{Command, Stdio};
use tungstenite::Message;

fn get(house: &Running<House>, path: &str) -> (String, String) {
    let address = house.door("websocket");
    let mut peer = Peer::connect(address);
    peer.send(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    let head = head(&mut peer);
    let (body, _) = peer.take_all();
    (head, String::from_utf8(body).expect("UTF-8"))
}

fn status(house: &Running<House>, request: String) -> String {
    let mut peer = Peer::connect(house.door("websocket"));
    peer.send(request);
    head(&mut peer).lines().next().expect("a line").to_owned()
}

#[test]
fn the_client_is_served_and_how_the_server_fares() {
    let house = open();
    let (head, body) = get(&house, "/healthz");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
    assert_eq!(body, "ok\n");
    let (head, body) = get(&house, "/");
    for field in [
        "HTTP/1.1 200 OK\r\n",
        "\r\nContent-Type: text/html; charset=utf-8\r\n",
        "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; ",
        "\r\nX-Content-Type-Options: nosniff\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n",
        "\r\nCross-Origin-Opener-Policy: same-origin\r\n",
    ] {
        assert!(head.contains(field), "{field}: {head}");
    }
    assert!(!head.contains("unsafe"), "{head}");
    assert!(body.starts_with("<!DOCTYPE html>") && body.contains("<title>parlance</title>"));
    // All that the document names is there, as what it is.
    let named = body.split(['"', '\'']).filter(|part| {
        [".css", ".js", ".svg"].iter().any(|end| part.ends_with(end) && !part.contains(' '))
    });
    let mut count = 0;
    for name in named {
        let (head, _) = get(&house, &format!("/{name}"));
        let content_type = match name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{name}: {head}");
        assert!(head.contains(&format!("\r\nContent-Type: {content_type}\r\n")), "{head}");
        assert!(head.contains("\r\nCache-Control: no-cache\r\n"), "{head}");
        count += 1;
    }
    assert!(count > 10, "{count}");
    assert!(get(&house, "/favicon.ico").0.contains("\r\nContent-Type: image/svg+xml\r\n"));
    assert!(get(&house, "/chat").0.starts_with("HTTP/1.1 4"), "no page");
    for path in ["/elsewhere", "/index.html", "/../Cargo.toml", "//app.js", "/app.js/"] {
        assert!(get(&house, path).0.starts_with("HTTP/1.1 404 "), "{path}");
    }
}

/// RFC 9110, 13.1.2 and 15.4.5.
#[test]
fn what_a_browser_has_already_is_not_sent_again() {
    let house = open();
    let address = house.door("websocket");
    let (fresh, _) = get(&house, "/app.js");
    let tag = fresh.lines().find_map(|line| line.strip_prefix("ETag: ")).expect("a tag");
    let asking = |method: &str, condition: &str| {
        let mut peer = Peer::connect(address);
        peer.send(format!("{method} /app.js HTTP/1.1\r\nHost: {address}\r\n{condition}\r\n\r\n"));
        let head = head(&mut peer);
        let (body, reset) = peer.take_all();
        assert!(!reset);
        (head, body.len())
    };
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        for method in ["GET", "HEAD"] {
            let (head, bytes) = asking(method, &format!("If-None-Match: {known}"));
            assert!(head.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{known}: {head}");
            assert!(head.contains(&format!("\r\nETag: {tag}\r\n")), "{head}");
            assert!(head.contains("\r\nCache-Control: no-cache\r\n"), "{head}");
            assert!(!head.contains("Content-Length"), "{head}");
            assert_eq!(bytes, 0);
        }
    }
    for other in ["\"x\"", "", tag.trim_matches('"')] {
        let (head, bytes) = asking("GET", &format!("If-None-Match: {other}"));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{other}: {head}");
        assert!(bytes > 0);
    }
}

#[test]
fn three_paths_lead_to_the_chat() {
    let house = open();
    let address = house.door("websocket");
    for path in ["/", "/ws", "/chat"] {
        let answer = status(&house, upgrade(address, path, ""));
        assert_eq!(answer, "HTTP/1.1 101 Switching Protocols");
    }
    assert!(status(&house, upgrade(address, "/elsewhere", "")).starts_with("HTTP/1.1 404 "));
}

#[test]
fn foreign_pages_and_foreign_names_are_kept_out_unless_they_are_configured() {
    let house = open();
    let address = house.door("websocket");
    let foreign = upgrade(address, "/chat", "Origin: https://chat.example\r\n");
    let rebound = upgrade(address, "/chat", "")
        .replace(&format!("Host: {address}"), &format!("Host: chat.example:{}", address.port()));
    let own = upgrade(address, "/chat", &format!("Origin: http://{address}\r\n"));
    assert!(status(&house, foreign.clone()).starts_with("HTTP/1.1 403 "));
    assert!(status(&house, rebound.clone()).starts_with("HTTP/1.1 403 "));
    assert!(status(&house, own.clone()).starts_with("HTTP/1.1 101 "));

    // From the next connection on, without a restart.
    house.ask(|house, _| {
        house.settings.websocket = WebSocketSettings {
            origins: vec!["https://chat.example".to_owned()],
            hosts: vec!["chat.example".to_owned()],
            ..settings().websocket
        };
    });
    for request in [foreign, rebound, own] {
        assert!(status(&house, request).starts_with("HTTP/1.1 101 "));
    }
    let other = upgrade(address, "/chat", "Origin: https://other.example\r\n");
    assert!(status(&house, other).starts_with("HTTP/1.1 403 "));
}

#[test]
fn what_is_no_text_or_too_long_closes() {
    let house = open();
    let (mut ann, _) = WsPeer::classic(house.door("websocket"));
    ann.send_binary(br#"{"action":"leave"}"#);
    ann.expect_close(1003);
    let (mut ann, _) = WsPeer::classic(house.door("websocket"));
    ann.send([b'x'; 64 * 1024 + 1]);
    ann.expect_close(1009);
    let (mut ann, _) = WsPeer::classic(house.door("websocket"));
    ann.send([b' '; 64 * 1024]);
    ann.expect(r#"{"status":"error","message":"Invalid JSON"}"#);
    // The limit is one for all dialects, and may change.
    house.ask(|house, _| house.settings.json.frame_bytes = 1024);
    let (mut bob, _) = WsPeer::classic(house.door("websocket"));
    bob.send([b' '; 1025]);
    bob.expect_close(1009);
    ann.finish();
}

#[test]
fn a_server_that_stops_says_so() {
    let house = open();
    let (classic, _) = WsPeer::classic(house.door("websocket"));
    let (mut full, _) =
        WsPeer::connect(house.door("websocket"), "Sec-WebSocket-Protocol: parlance.v1\r\n");
    full.take();
    full.send(r#"{"action":"join","body":{"room":"general"}}"#);
    full.take();
    house.begin_stop();
    classic.expect_close(1001);
    full.expect_close(1001);
}

#[test]
fn messages_are_compressed_for_those_who_ask_where_it_is_configured() {
    const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let mut plan = Plan::default();
    plan.dialect.websocket.deflate = true;
    let house = plan.open();
    let address = house.door("websocket");
    let v1 = format!("{OFFER}Sec-WebSocket-Protocol: parlance.v1\r\n");
    let (mut ann, answer) = WsPeer::connect(address, OFFER);
    assert!(answer.contains("Sec-WebSocket-Extensions: permessage-deflate"), "{answer}");
    assert!(take_inflated(&mut ann).1.starts_with(r#"{"status":"connected","#));
    let (mut full, _) = WsPeer::connect(address, &v1);
    assert!(take_inflated(&mut full).1.contains(r#""protocol":"parlance.v1""#));
    let (mut plain, id) = WsPeer::classic(address);
    let join = r#"{"action":"join","body":{"room":"general"}}"#;
    for peer in [&mut ann, &mut full] {
        peer.send(join);
        assert!(take_inflated(peer).1.starts_with(r#"{"status":"success","#));
    }
    plain.send(join);
    plain.take();
    assert!(
        take_inflated(&mut full).1.starts_with(r#"{"event":"joined","room":"general","seq":3,"#)
    );
    let text = "again and ".repeat(50);
    plain.ask(
        format!(r#"{{"action":"message","body":"{text}"}}"#),
        r#"{"status":"success","message":"Message sent"}"#,
    );
    let (compressed, said) = take_inflated(&mut ann);
    assert!(compressed);
    assert_eq!(
        untimed(&said),
        format!(r#"{{"from":"{id}","body":"{text}","timestamp":"{SOME_TIME}"}}"#)
    );
    let (compressed, said) = take_inflated(&mut full);
    assert!(compressed && said.contains(&text));

    let plain = open();
    let (mut ann, answer) = WsPeer::connect(plain.door("websocket"), OFFER);
    assert!(!answer.contains("permessage-deflate"), "{answer}");
    ann.greeting();
}

/// The next text message, and whether it came compressed.
#[track_caller]
fn take_inflated(peer: &mut WsPeer) -> (bool, String) {
    let (first, mut content) = peer.take_frame();
    if first == 0xc1 {
        // What the sender leaves out of each message (RFC 7692, 7.2.1), and an end of the stream.
        content.extend([0, 0, 0xff, 0xff, 3, 0]);
        let mut inflated = Vec::new();
        let mut inflate = flate2::read::DeflateDecoder::new(&content[..]);
        inflate.read_to_end(&mut inflated).expect("a deflated message");
        content = inflated;
    } else {
        assert_eq!(first, 0x81, "a text");
    }
    (first == 0xc1, String::from_utf8(content).expect("UTF-8"))
}

// ---- clients that others wrote -------------------------------------------------------------------

#[test]
fn the_flow_of_the_seed_by_another_client() {
    let house = open();
    let mut bob = house.member("Bob", &["Bob"]);
    let url = format!("ws://{}/chat", house.door("websocket"));
    let connect = || {
        let (mut socket, _) = tungstenite::connect(&url).expect("a connection");
        let greeting = socket.read().expect("a greeting").into_text().expect("a text");
        let rest = greeting.strip_prefix(r#"{"status":"connected","client_id":""#);
        let id = rest.and_then(|rest| rest.get(..8)).expect("an id").to_owned();
        (socket, id)
    };
    let ((mut a, id), (mut b, _)) = (connect(), connect());
    for socket in [&mut a, &mut b] {
        let join = r#"{"action":"join","body":{"room":"general"}}"#;
        socket.send(Message::text(join)).expect("sent");
        let answer = socket.read().expect("an answer").into_text().expect("a text");
        assert!(answer.starts_with(r#"{"status":"success","message":"Joined room 'general'""#));
    }
    a.send(Message::text(r#"{"action":"message","body":"Hello everyone!"}"#)).expect("sent");
    let answer = a.read().expect("an answer").into_text().expect("a text");
    assert_eq!(answer.as_str(), r#"{"status":"success","message":"Message sent"}"#);
    let said = b.read().expect("a message").into_text().expect("a text");
    assert!(said.starts_with(&format!(r#"{{"from":"{id}","body":"Hello everyone!","timestamp":"#)));
    a.close(None).expect("closing");
    while a.read().is_ok() {}
    let mut got = String::new();
    while !got.ends_with(&notice(&format!("{id} has left the chat!"))) {
        got.push_str(&String::from_utf8(bob.take(1)).unwrap_or_default());
    }
    assert!(got.contains(&chat(&id, "Hello everyone!")));
}

#[test]
fn over_tls_it_is_the_same() {
    let house = open();
    let (address, trusted) = house.ask(|_, fx| {
        let (tls, trusted) = certificate();
        let service = fx.add_service(websocket::service());
        let listener = fx.listen("127.0.0.1:0", service).expect("a listener");
        fx.set_tls(listener, Some(&tls));
        (fx.listener_addr(listener).expect("an address"), trusted)
    });
    let Client { session, stream } = Client::connect(address, &trusted);
    let url = format!("wss://localhost:{}/chat", address.port());
    let stream = rustls::StreamOwned::new(session, stream);
    let (mut ann, _) = tungstenite::client(url.as_str(), stream).expect("a WebSocket");
    let greeting = ann.read().expect("a greeting").into_text().expect("a text");
    assert!(greeting.starts_with(r#"{"status":"connected","#));
    let (mut bob, _) = WsPeer::classic(house.door("websocket"));
    bob.send(r#"{"action":"create","body":"Den"}"#);
    bob.take();
    ann.send(Message::text(r#"{"action":"join","body":{"room":"Den"}}"#)).expect("sent");
    let mut read = || ann.read().expect("a message").into_text().expect("a text");
    assert!(read().starts_with(r#"{"status":"success","message":"Joined room 'Den'","#));
    let text = "x".repeat(1000);
    bob.ask(
        format!(r#"{{"action":"message","body":"{text}"}}"#),
        r#"{"status":"success","message":"Message sent"}"#,
    );
    assert!(read().contains(&text));
}

#[test]
fn the_daemon_serves_it_as_it_is_configured() {
    let folder = TempFolder::new();
    let settings = "[websocket]\norigins = ['https://chat.example']\ndeflate = true\n";
    let config = folder.write("parlance.toml", settings);
    let daemon = Daemon::start(&["-c", &config, "-l", "websocket=127.0.0.1:0"]);
    let address = daemon.address("websocket");
    let fields = "Origin: https://chat.example\r\n\
                  Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let (mut ann, answer) = WsPeer::connect(address, fields);
    assert!(answer.contains("permessage-deflate"), "{answer}");
    assert!(take_inflated(&mut ann).1.starts_with(r#"{"status":"connected","#));

    // Loopback, and the daemon keeps accounts.
    let (mut full, _) = WsPeer::connect(address, "Sec-WebSocket-Protocol: parlance.v1\r\n");
    assert!(full.take().contains(r#""accounts":true"#));

    folder.write("parlance.toml", "");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("the configuration was read again");
    let mut foreign = Peer::connect(address);
    foreign.send(upgrade(address, "/chat", fields));
    assert!(head(&mut foreign).starts_with("HTTP/1.1 403 "));
    // Nobody was dropped.
    full.ask(
        r#"{"action":"leave"}"#,
        r#"{"status":"error","action":"leave","message":"Not in a room"}"#,
    );
    // Who does not answer a close is waited for.
    drop((ann, foreign));
    daemon.signal(Signal::TERM);
    full.expect_close(1001);
    assert!(daemon.wait().success());
}

#[test]
fn the_flow_of_the_seed_by_its_own_library() {
    if !skip::has("python3") || !has_websockets() {
        return;
    }
    let house = open();
    let mut bob = house.peer();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/seed_001_client.py");
    let port = house.door("websocket").port().to_string();
    let output = run(Command::new("python3").args([script, &port]));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert_eq!(stdout, "done\n");
    bob.ask(crate::house::join("Bob"), joined("Bob", &["Bob"]));
}

/// Whether Python has the library that the seed's server and clients use.
fn has_websockets() -> bool {
    let mut command = Command::new("python3");
    command.args(["-c", "import websockets.asyncio.client"]);
    let has = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    let strict = std::env::var_os("PARLANCE_TEST_STRICT").is_some_and(|value| value == "1");
    assert!(has || !strict, "python3 has no `websockets`");
    if !has {
        println!("skipped: python3 has no `websockets`");
    }
    has
}
