//! The HTTP front of a WebSocket service: a request in, an answer out, byte for byte.

use crate::house::{Running, patient};
use crate::websocket_echo::{Seen, echo, echo_at, options};
use parlance::rpc::Limits;

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What the key above is answered with (RFC 6455, 1.3).
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// The answer to a request, after which the connection ends.
#[track_caller]
fn answer(echo: &Running<Seen>, request: &str) -> String {
    let mut peer = echo.peer();
    peer.send(request);
    let (answer, reset) = peer.take_all();
    assert!(!reset, "the answer may be lost: {answer:?}");
    String::from_utf8(answer).expect("text")
}

/// A refusal, with header fields of its own.
fn refusal(status: &str, fields: &str) -> String {
    let body = format!("{status}\n");
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n{fields}\r\n{body}",
        body.len()
    )
}

/// Asserts that requests are refused, each by its status alone.
#[track_caller]
fn assert_refused(echo: &Running<Seen>, status: &str, requests: &[String]) {
    for request in requests {
        assert_eq!(answer(echo, request), refusal(status, ""), "{request:?}");
    }
}

/// A request for an upgrade with further fields.
fn upgrade(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: localhost:8765\r\n{UPGRADE}{fields}\r\n")
}

/// Asserts that a request is an upgrade, answered with further fields, and that it echoes.
#[track_caller]
fn assert_upgraded(echo: &Running<Seen>, request: &str, fields: &str) {
    let mut peer = echo.peer();
    peer.send(request);
    peer.expect(format!("{SWITCHED}{fields}\r\n"));
    peer.ask(b"\x81\x82\0\0\0\0hi", b"\x81\x02hi");
    peer.ask(b"\x88\x80\0\0\0\0", b"\x88\0");
    peer.expect_close();
}

#[test]
fn pages_are_served_to_get_and_head() {
    let echo = echo(options());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 10\r\n\
        X-Content-Type-Options: nosniff\r\nConnection: close\r\nReferrer-Policy: no-referrer\r\n\r\n";
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let page = format!("{head}<p>hi</p>\n");
    for target in ["/", "/?a=b", "http://localhost/", "http://localhost", "HTTP://[::1]:80?a/b"] {
        assert_eq!(answer(&echo, &get(target)), page, "{target}");
    }
    assert_eq!(answer(&echo, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"), head);
    assert!(answer(&echo, &get("/healthz")).ends_with("\r\n\r\nok\n"));
    // An old client, one that breaks lines by LF alone, one that begins with empty lines, one that
    // would have liked HTTP/2.
    for request in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\nHost:localhost\n\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    ] {
        assert_eq!(answer(&echo, request), page, "{request:?}");
    }
}

#[test]
fn a_request_may_drip_in() {
    let echo = echo(options());
    let mut peer = echo.peer();
    peer.send_slowly(upgrade(""));
    peer.expect(format!("{SWITCHED}\r\n"));
    peer.finish();
}

#[test]
fn a_second_request_is_not_read() {
    let echo = echo(options());
    let twice = "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    assert_eq!(answer(&echo, &twice), refusal("404 Not Found", ""));
    let ended = echo.ask(|seen, _| seen.ended.clone());
    assert_eq!(ended, ["closed in good order"]);
}

#[test]
fn not_found_and_not_allowed() {
    let echo = echo(options());
    let refused = refusal("404 Not Found", "");
    assert_eq!(answer(&echo, "GET /no<ne> HTTP/1.1\r\nHost: localhost\r\n\r\n"), refused);
    assert_eq!(answer(&echo, "GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n"), refused);
    let head = answer(&echo, "HEAD /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(refused.starts_with(&head) && head.ends_with("\r\n\r\n"), "{head}");
    let other = upgrade("").replacen("GET /", "GET /healthz", 1);
    assert_eq!(answer(&echo, &other), refused);
    let not_allowed = refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n");
    for line in ["POST / HTTP/1.1\r\nContent-Length: 2", "OPTIONS * HTTP/1.1", "BREW /ws HTTP/1.1"]
    {
        let request = format!("{line}\r\nHost: localhost\r\n\r\n{{}}");
        assert_eq!(answer(&echo, &request), not_allowed, "{line}");
    }
}

#[test]
fn malformed_requests() {
    let echo = echo(options());
    let bad = [
        // No host, two, none that could be.
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: local host\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost:99999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost:+80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [localhost]\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n",
        // No request line, or none of this version.
        "{\"method\":\"join_chat\"}",
        "\u{16}\u{3}\u{1}",
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        // Bad fields.
        "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nno field\r\n\r\n",
        // Bodies whose end is not clear.
        "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ];
    assert_refused(&echo, "400 Bad Request", &bad.map(String::from));
    let bodies = ["5", "00000000000000000000000000000000000005"].map(|length| {
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
    });
    assert_refused(&echo, "413 Content Too Large", &bodies);
}

#[test]
fn heads_over_the_limits() {
    let echo = echo(options());
    let status = "431 Request Header Fields Too Large";
    let start = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
    let request = |bytes| format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4));
    assert!(answer(&echo, &request(16 * 1024)).starts_with("HTTP/1.1 200 "));
    assert_refused(
        &echo,
        status,
        &[request(16 * 1024 + 1), format!("{start}{}", "x".repeat(20_000))],
    );
    let fields =
        |count| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert!(answer(&echo, &fields(63)).starts_with("HTTP/1.1 200 "));
    assert_refused(&echo, status, &[fields(64)]);
}

#[test]
fn a_name_that_is_made_to_resolve_here_is_refused() {
    let echo = echo(options());
    for host in [
        "localhost",
        "LocalHost:1",
        "127.0.0.1:8765",
        "127.1.2.3",
        "[::1]",
        "[::ffff:127.0.0.1]:80",
        "proxied.example",
        "PROXIED.example:99",
        "other.example:8080",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert!(answer(&echo, &request).starts_with("HTTP/1.1 200 "), "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "128.0.0.1",
        "127.1",
        "[::2]",
        "other.example",
        "other.example:80",
        "a.proxied.example",
    ] {
        let page = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let upgrade = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}\r\n");
        let absolute = format!("GET http://{host}/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_refused(&echo, "403 Forbidden", &[page, upgrade, absolute]);
    }
}

#[test]
fn on_other_addresses_any_name_will_do() {
    // Which of this machine's addresses are not loopback is not known here; the framing sees the
    // one that the peer connected to.
    use parlance::rpc::Accepted;
    use parlance::rpc::framing::{Decoded, Framing, WebSocket};
    let address = ([192, 0, 2, 1], 80).into();
    let mut framing = WebSocket::new(options().into(), &Accepted::new(address, address, false));
    let mut request = format!("GET / HTTP/1.1\r\nHost: any.example\r\n{UPGRADE}\r\n").into_bytes();
    assert!(matches!(framing.decode(&mut request), Decoded::Switch { .. }));
}

#[test]
fn pages_from_elsewhere_open_nothing() {
    let echo = echo(options());
    for origin in [
        "http://localhost:8765",
        "HTTP://LOCALHOST:8765",
        "https://localhost:8765",
        "https://chat.example",
        "https://chat.example:443",
        "HTTPS://CHAT.EXAMPLE",
    ] {
        assert_upgraded(&echo, &upgrade(&format!("Origin: {origin}\r\n")), "");
    }
    for origin in [
        "null",
        "",
        "http://localhost",
        "http://localhost:8766",
        "http://evil.example",
        "http://localhost:8765.evil.example",
        "http://localhost:8765@evil.example",
        "http://chat.example",
        "https://chat.example:444",
        "https://a.chat.example",
        "file://localhost:8765",
        "localhost:8765",
        "http://localhost:8765/",
    ] {
        let request = upgrade(&format!("Origin: {origin}\r\n"));
        assert_refused(&echo, "403 Forbidden", &[request]);
    }
    let default_port = upgrade("Origin: http://localhost\r\n").replace(":8765", ":80");
    assert_upgraded(&echo, &default_port, "");
    let no_port = upgrade("Origin: http://localhost:80\r\n").replace(":8765", "");
    assert_upgraded(&echo, &no_port, "");
    // Two origins are none.
    let twice = upgrade("Origin: http://localhost:8765\r\nOrigin: null\r\n");
    assert_refused(&echo, "400 Bad Request", &[twice]);
}

#[test]
fn upgrades() {
    let echo = echo(options());
    assert_upgraded(&echo, &upgrade(""), "");
    for path in ["/ws", "/chat?room=general"] {
        assert_upgraded(&echo, &upgrade("").replacen('/', path, 1), "");
    }
    let lists = upgrade("").replace("Connection: Upgrade", "connection: keep-alive , UPGRADE");
    assert_upgraded(&echo, &lists.replace("websocket\r\n", "h2c, WebSocket\r\n"), "");
    for (wanted, agreed) in [
        ("echo.v1, echo.v2", "Sec-WebSocket-Protocol: echo.v1\r\n"),
        ("other,,\techo.v2", "Sec-WebSocket-Protocol: echo.v2\r\n"),
        ("other\r\nSec-WebSocket-Protocol: echo.v1", "Sec-WebSocket-Protocol: echo.v1\r\n"),
        ("ECHO.V1", ""),
    ] {
        let request = upgrade(&format!("Sec-WebSocket-Protocol: {wanted}\r\n"));
        assert_upgraded(&echo, &request, agreed);
    }
}

#[test]
fn bad_upgrades() {
    let echo = echo(options());
    let good = upgrade("");
    let without = |field: &str| {
        let lines = good.split_inclusive("\r\n").filter(|line| !line.starts_with(field));
        lines.collect::<String>()
    };
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let bad = [
        without("Upgrade"),
        without("Connection"),
        without("Sec-WebSocket-Key"),
        without("Sec-WebSocket-Version"),
        good.replace("Connection: Upgrade", "Connection: close"),
        good.replace("HTTP/1.1", "HTTP/1.0"),
        good.replace("GET", "HEAD").replace("nothing", ""),
        good.replace(key, "Sec-WebSocket-Key: c2hvcnQ=\r\n"),
        good.replace(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n"),
        good.replace(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n"),
        good.replace(key, "Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ==\r\n"),
        upgrade(key),
        upgrade("Sec-WebSocket-Version: 13\r\n"),
        upgrade("Sec-WebSocket-Extensions: a; b=\"c\r\n"),
        upgrade("Sec-WebSocket-Extensions: permessage-deflate; =1\r\n"),
    ];
    for request in &bad {
        let (head, body) = (refusal("400 Bad Request", ""), "400 Bad Request\n");
        let expected =
            if request.starts_with("HEAD") { head.trim_end_matches(body) } else { &head };
        assert_eq!(answer(&echo, request), expected, "{request:?}");
    }
    let version = refusal(
        "426 Upgrade Required",
        "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    );
    for other in ["8", "14", "13, 8"] {
        let request = good.replace("Version: 13", &format!("Version: {other}"));
        assert_eq!(answer(&echo, &request), version);
    }
}

#[test]
fn compression_is_agreed_to_where_it_can_be_had() {
    let agreed = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
        client_no_context_takeover";
    let echo = echo(options());
    for (offer, more) in [
        ("permessage-deflate", Some("")),
        ("permessage-deflate; client_max_window_bits", Some("")),
        ("permessage-deflate;client_max_window_bits=\"10\" ; server_no_context_takeover", Some("")),
        ("x-other; a=b, permessage-deflate; client_no_context_takeover", Some("")),
        ("permessage-deflate; server_max_window_bits=15", Some("; server_max_window_bits=15")),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", Some("")),
        (
            "permessage-deflate; server_max_window_bits=10\r\nSec-WebSocket-Extensions: permessage-deflate",
            Some(""),
        ),
        ("permessage-deflate; server_max_window_bits=10", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; client_max_window_bits=7", None),
        ("permessage-deflate; client_max_window_bits=08", None),
        ("permessage-deflate; client_no_context_takeover=1", None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
        ("permessage-deflate; unknown", None),
        ("x-webkit-deflate-frame", None),
    ] {
        let request = upgrade(&format!("Sec-WebSocket-Extensions: {offer}\r\n"));
        let fields = more.map_or(String::new(), |more| format!("{agreed}{more}\r\n"));
        assert_upgraded(&echo, &request, &fields);
    }
    let plain = crate::websocket_echo::echo(parlance::rpc::framing::WebSocketOptions {
        deflate: false,
        ..options()
    });
    let request = upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    assert_upgraded(&plain, &request, "");
}

#[test]
fn frames_may_come_with_the_request() {
    let echo = echo(options());
    let mut peer = echo.peer();
    peer.send([upgrade("").as_bytes(), b"\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0"].concat());
    peer.expect([format!("{SWITCHED}\r\n").as_bytes(), b"\x81\x02hi\x8a\0"].concat());
    peer.finish();
}

#[test]
fn a_request_that_does_not_come_is_not_waited_for() {
    let limits = Limits { handshake: std::time::Duration::from_millis(50), ..patient() };
    let echo = echo_at("127.0.0.1:0", options(), limits);
    let mut peer = echo.peer();
    peer.send("GET / HTTP/1.1\r\nHost: ");
    peer.expect_close();
    assert_eq!(echo.ask(|seen, _| seen.ended.clone()), ["the opening handshake took too long"]);
}
