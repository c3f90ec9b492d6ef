//! An echo over WebSocket, as other people's clients see it: tungstenite, and `websockets` for
//! Python.

use crate::house::{Running, patient, until};
use crate::peer::Peer;
use crate::skip;
use crate::support::{PATIENCE, at_some_pace, run};
use crate::websocket_echo::{Seen, echo, echo_at, options};
use parlance::rpc::Limits;
use parlance::rpc::framing::WebSocketOptions;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{Frame, Utf8Bytes};
use tungstenite::{Bytes, Message, WebSocket};

type Client = WebSocket<TcpStream>;

fn client(echo: &Running<Seen>) -> Client {
    let address = echo.addresses[0];
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let (client, response) =
        tungstenite::client(format!("ws://{address}/chat"), stream).expect("an upgrade");
    assert_eq!(response.status(), 101);
    client
}

fn fragment(text: &str, opcode: Data, last: bool) -> Message {
    Message::Frame(Frame::message(text.as_bytes().to_vec(), OpCode::Data(opcode), last))
}

/// Reads up to the peer's close frame and to the end of the connection.
#[track_caller]
fn expect_close(client: &mut Client, code: u16, reason: &str) {
    let close = Message::Close(Some(CloseFrame {
        code: CloseCode::from(code),
        reason: Utf8Bytes::from(reason.to_owned()),
    }));
    assert_eq!(client.read().expect("a close frame"), close);
    let error = client.read().expect_err("the end");
    assert!(matches!(error, tungstenite::Error::ConnectionClosed), "{error}");
}

#[test]
fn messages_come_back_as_they_were_sent() {
    let echo = echo(options());
    let mut client = client(&echo);
    for len in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let text = Message::text("é".repeat(len / 2) + &"x".repeat(len % 2));
        let binary = Message::binary(vec![0xff; len]);
        for message in [text, binary] {
            client.send(message.clone()).expect("sent");
            assert!(client.read().expect("an echo") == message, "{len}");
        }
    }
    client.close(None).expect("closed");
    assert_eq!(client.read().expect("a close frame"), Message::Close(None));
    until(|| echo.ask(|seen, _| seen.ended.clone()) == ["closed in good order"]);
}

#[test]
fn fragments_are_joined_and_pings_answered_between_them() {
    let echo = echo(options());
    let mut client = client(&echo);
    client.send(fragment("Hel", Data::Text, false)).expect("sent");
    client.send(Message::Ping(Bytes::from_static(b"there?"))).expect("sent");
    assert_eq!(client.read().expect("a pong"), Message::Pong(Bytes::from_static(b"there?")));
    client.send(fragment("", Data::Continue, false)).expect("sent");
    client.send(fragment("lo", Data::Continue, true)).expect("sent");
    assert_eq!(client.read().expect("an echo"), Message::text("Hello"));
}

#[test]
fn the_peers_close_code_is_repeated() {
    let echo = echo(options());
    for code in [1000, 1001, 1003, 1011, 3000, 4999] {
        let mut client = client(&echo);
        let frame = CloseFrame { code: CloseCode::from(code), reason: "that was it".into() };
        client.close(Some(frame)).expect("closed");
        expect_close(&mut client, code, "");
    }
}

#[test]
fn the_service_closes_with_1000_and_a_stop_with_1001() {
    let echo = echo(options());
    let mut closed = client(&echo);
    closed.send(Message::text("close")).expect("sent");
    expect_close(&mut closed, 1000, "");
    let mut stopped = client(&echo);
    echo.begin_stop();
    expect_close(&mut stopped, 1001, "the server stops");
}

#[test]
fn broken_rules_are_told() {
    let only_text = WebSocketOptions { binary: false, ..options() };
    let echo = echo(only_text);
    let mut too_long = client(&echo);
    too_long.send(fragment(&"x".repeat(1 << 20), Data::Text, false)).expect("sent");
    too_long.send(fragment("x", Data::Continue, false)).expect("sent");
    expect_close(&mut too_long, 1009, "message too long");
    let mut binary = client(&echo);
    binary.send(Message::binary(vec![1])).expect("sent");
    expect_close(&mut binary, 1003, "binary messages are not taken");
    let mut not_utf8 = client(&echo);
    not_utf8
        .send(Message::Frame(Frame::message(vec![0xc3], OpCode::Data(Data::Text), true)))
        .expect("sent");
    expect_close(&mut not_utf8, 1007, "invalid UTF-8");
    let mut bad = client(&echo);
    bad.send(fragment("x", Data::Continue, true)).expect("sent");
    expect_close(&mut bad, 1002, "no message to continue");
    until(|| echo.ask(|seen, _| seen.ended.len()) == 4);
}

/// The claim alone closes, while nothing of what is claimed has come.
#[test]
fn a_claimed_length_is_not_waited_for() {
    let echo = echo(options());
    let mut client = client(&echo);
    let mut peer = Peer::over(client.get_mut().try_clone().expect("a second handle"));
    peer.send(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff");
    peer.expect(b"\x88\x12\x03\xf1message too long");
    peer.expect_close();
}

#[test]
fn an_idle_peer_is_pinged_and_given_up_when_it_stays_silent() {
    at_some_pace(Duration::from_millis(50), |ping| {
        let echo = echo(WebSocketOptions { ping, ..options() });
        let mut client = client(&echo);
        // This client answers the pings it reads.
        for _ in 0..3 {
            assert_eq!(client.read().expect("a ping"), Message::Ping(Bytes::new()));
        }
        let mut peer = Peer::over(client.get_mut().try_clone().expect("a second handle"));
        let (said, _) = peer.take_all();
        let farewell = b"\x88\x1c\x03\xf0nothing heard for too long";
        assert!(said.ends_with(farewell), "{said:x?}");
        until(|| echo.ask(|seen, _| seen.ended.clone()) == ["nothing heard for too long"]);
    });
}

#[test]
fn a_peer_that_never_reads_is_told_where_one_write_may_do_that() {
    let limits = Limits { outbox_hard_bytes: 64 * 1024, ..patient() };
    let echo = echo_at("127.0.0.1:0", options(), limits);
    let client = client(&echo);
    let conn = echo.ask(|seen, _| *seen.agreed.keys().next().expect("one"));
    // What is sent in one turn is excused, however much that is, and nobody knows when one ends.
    until(|| {
        echo.ask(move |_, fx| fx.send(conn, &vec![b'x'; 1 << 18]));
        echo.ask(|seen, _| seen.ended.len()) == 1
    });
    let ended = echo.ask(|seen, _| seen.ended.clone());
    assert!(ended[0].starts_with("reads too slowly"), "{ended:?}");
    drop(client);
}

const PYTHON: &str = r#"
import asyncio, sys, websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
url = f"ws://127.0.0.1:{sys.argv[1]}/ws"
# Whoever runs this ends it when it takes too long.
patient = dict(open_timeout=None, ping_interval=None, close_timeout=None)

async def main():
    async with connect(url, subprotocols=["echo.v1"], max_size=None, **patient) as ws:
        names = [extension.name for extension in ws.protocol.extensions]
        assert names == (["permessage-deflate"] if sys.argv[2] == "deflate" else []), names
        assert ws.subprotocol == "echo.v1", ws.subprotocol
        for text in ["", "Hello", "\u00e9\U0001f600" * 1000, "x" * (1 << 19), "{}" * 70]:
            await ws.send(text)
            assert await ws.recv() == text
            await ws.send(text.encode())
            assert await ws.recv() == text.encode()
        async def parts():
            for index in range(100):
                yield f"part {index} "
        await ws.send(parts())
        assert await ws.recv() == "".join([f"part {index} " for index in range(100)])
        await (await ws.ping("there?"))
        await asyncio.gather(*[ws.send(f"{index}") for index in range(500)])
        assert [await ws.recv() for _ in range(500)] == [f"{index}" for index in range(500)]
    assert ws.close_code == 1000, ws.close_code
    async with connect(url, origin="http://127.0.0.1:" + sys.argv[1], **patient) as ws:
        await ws.send("close")
        try:
            await ws.recv()
            assert False
        except ConnectionClosed as closed:
            assert (closed.rcvd.code, closed.rcvd_then_sent) == (1000, True), closed
    async with connect(url, **patient) as ws:
        await ws.send("x" * ((1 << 20) + 1))
        try:
            await ws.recv()
            assert False
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 1009, closed
    try:
        await connect(url, origin="http://evil.example", **patient)
        assert False
    except InvalidStatus as refused:
        assert refused.response.status_code == 403
    print("well")

asyncio.run(main())
"#;

#[test]
fn websockets_for_python_agrees() {
    if !skip::has_module("websockets") {
        return;
    }
    for deflate in [true, false] {
        let echo = echo(WebSocketOptions { deflate, ..options() });
        let port = echo.addresses[0].port().to_string();
        let word = if deflate { "deflate" } else { "plain" };
        let output = run(Command::new("python3").args(["-c", PYTHON, &port, word]));
        let (said, wrong) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said == "well\n", "{word}: {said}\n{wrong}");
    }
}
