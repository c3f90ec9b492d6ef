//! A service that sends back what it is told, over WebSocket, and what its tests need to talk to it.

use crate::house::{AGES, Running, patient};
use parlance::rpc::framing::websocket::{
    Page, frame_binary, frame_binary_deflated, frame_text, frame_text_deflated,
};
use parlance::rpc::framing::{Fault, Framing, Switch, WebSocket, WebSocketOptions};
use parlance::rpc::{Accepted, ConnId, Effects, End, Limits, Server, Service};
use std::collections::HashMap;
use std::rc::Rc;

/// What is known of the connections.
#[derive(Default)]
pub(crate) struct Seen {
    /// What was agreed on: the subprotocol, and whether to compress.
    pub(crate) agreed: HashMap<ConnId, (Option<usize>, bool)>,
    /// How the others ended, in this order.
    pub(crate) ended: Vec<String>,
}

struct Echo {
    options: Rc<WebSocketOptions>,
}

impl Service<Seen> for Echo {
    fn framing(&self, _: &Seen, accepted: &Accepted) -> Box<dyn Framing> {
        Box::new(WebSocket::new(Rc::clone(&self.options), accepted))
    }

    fn switched(&self, seen: &mut Seen, _: &mut Effects<Seen>, conn: ConnId, switch: Switch) {
        if let Switch::WebSocket { protocol, deflate } = switch {
            seen.agreed.insert(conn, (protocol, deflate));
        }
    }

    fn frame(&self, seen: &mut Seen, fx: &mut Effects<Seen>, conn: ConnId, frame: &[u8]) {
        if frame == b"close" {
            return fx.close(conn);
        }
        let deflate = seen.agreed[&conn].1;
        let put = if deflate { frame_text_deflated } else { frame_text };
        fx.send_with(conn, |out| {
            let start = out.len();
            out.extend_from_slice(frame);
            put(out, start);
        });
    }

    fn binary(&self, seen: &mut Seen, fx: &mut Effects<Seen>, conn: ConnId, frame: &[u8]) {
        let deflate = seen.agreed[&conn].1;
        let put = if deflate { frame_binary_deflated } else { frame_binary };
        fx.send_with(conn, |out| {
            let start = out.len();
            out.extend_from_slice(frame);
            put(out, start);
        });
    }

    fn fault(&self, _: &mut Seen, _: &mut Effects<Seen>, _: ConnId, _: Fault) {}

    fn closed(&self, seen: &mut Seen, _: &mut Effects<Seen>, conn: ConnId, end: &End) {
        seen.agreed.remove(&conn);
        seen.ended.push(end.to_string());
    }
}

fn page(path: &str) -> Option<Page> {
    let (content_type, headers, body): (_, &[_], &'static [u8]) = match path {
        "/" => ("text/html; charset=utf-8", &[("Referrer-Policy", "no-referrer")], b"<p>hi</p>\n"),
        "/healthz" => ("text/plain; charset=utf-8", &[], b"ok\n"),
        _ => return None,
    };
    Some(Page { content_type, headers, body: body.into() })
}

/// What the echo is served with by default.
pub(crate) fn options() -> WebSocketOptions {
    WebSocketOptions {
        paths: ["/", "/ws", "/chat"].map(String::from).into(),
        protocols: vec!["echo.v2".into(), "echo.v1".into()],
        origins: vec!["https://Chat.example".into()],
        hosts: vec!["proxied.example".into(), "other.example:8080".into()],
        message_bytes_max: 1 << 20,
        deflate: true,
        pages: page,
        ping: AGES,
        ..WebSocketOptions::default()
    }
}

/// The echo on a port of the loopback address.
pub(crate) fn echo(options: WebSocketOptions) -> Running<Seen> {
    echo_at("127.0.0.1:0", options, patient())
}

/// The echo at an address.
pub(crate) fn echo_at(
    address: &'static str,
    options: WebSocketOptions,
    limits: Limits,
) -> Running<Seen> {
    Running::start(move || {
        let mut server = Server::new(Seen::default()).expect("a server");
        server.effects().set_limits(limits);
        let echo = Echo { options: Rc::new(options) };
        let address = server.listen(address, echo).expect("a listener");
        (server, vec![address])
    })
}
