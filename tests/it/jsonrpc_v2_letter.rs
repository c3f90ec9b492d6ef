//! The examples of the JSON-RPC 2.0 specification (its section 7), on its own methods.
//!
//! The answers are the specification's, written compact, with this server's key order and its
//! spelling of the errors' messages.

use crate::house::{Running, patient};
use parlance::rpc::{Call, JsonRpc, Outcome, Server};
use serde::Deserialize;

#[derive(Deserialize)]
struct Subtract {
    minuend: i64,
    subtrahend: i64,
}

fn subtract(_: &mut (), call: &mut Call<'_, ()>) -> Outcome {
    let Subtract { minuend, subtrahend } = call.params()?;
    call.answer(&(minuend - subtrahend))
}

fn sum(_: &mut (), call: &mut Call<'_, ()>) -> Outcome {
    let numbers: Vec<i64> = call.params()?;
    call.answer(&numbers.iter().sum::<i64>())
}

fn get_data(_: &mut (), call: &mut Call<'_, ()>) -> Outcome {
    call.answer(&("hello", 5))
}

fn note(_: &mut (), call: &mut Call<'_, ()>) -> Outcome {
    call.answer(&"noted")
}

fn running() -> Running<()> {
    Running::start(|| {
        let mut server = Server::new(()).unwrap();
        server.effects().set_limits(patient());
        let service = JsonRpc::new()
            .method("subtract", subtract)
            .method("sum", sum)
            .method("get_data", get_data)
            .method("update", note)
            .method("notify_hello", note)
            .method("notify_sum", note);
        let address = server.listen("127.0.0.1:0", service).unwrap();
        (server, vec![address])
    })
}

const INVALID: &str =
    r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid request"},"id":null}"#;

/// Each request, and the answer without its newline; none where the server must stay silent.
fn examples() -> Vec<(&'static str, String)> {
    let plain = [
        // Positional parameters.
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
            r#"{"jsonrpc":"2.0","result":19,"id":1}"#,
        ),
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
            r#"{"jsonrpc":"2.0","result":-19,"id":2}"#,
        ),
        // Named parameters.
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
            r#"{"jsonrpc":"2.0","result":19,"id":3}"#,
        ),
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
            r#"{"jsonrpc":"2.0","result":19,"id":4}"#,
        ),
        // Notifications.
        (r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, ""),
        (r#"{"jsonrpc": "2.0", "method": "foobar"}"#, ""),
        // A method that does not exist.
        (
            r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"1"}"#,
        ),
        // Invalid JSON.
        (
            r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#,
        ),
        // An invalid request.
        (r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, INVALID),
        // A batch that is invalid JSON. On a stream its brackets must balance to be an end at all.
        (
            r#"[
                {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
                {"jsonrpc": "2.0", "method"}
            ]"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#,
        ),
        // An empty array.
        ("[]", INVALID),
        // A batch of notifications alone.
        (
            r#"[
                {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
                {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
            ]"#,
            "",
        ),
    ];
    let mut all: Vec<(&str, String)> =
        plain.map(|(request, answer)| (request, answer.into())).into();
    // Batches that are invalid, but not empty.
    all.push(("[1]", format!("[{INVALID}]")));
    all.push(("[1,2,3]", format!("[{INVALID},{INVALID},{INVALID}]")));
    // A mixed batch.
    all.push((
        r#"[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]"#,
        [
            r#"[{"jsonrpc":"2.0","result":7,"id":"1"}"#,
            r#"{"jsonrpc":"2.0","result":19,"id":"2"}"#,
            INVALID,
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"5"}"#,
            r#"{"jsonrpc":"2.0","result":["hello",5],"id":"9"}]"#,
        ]
        .join(","),
    ));
    all
}

fn answer_line(answer: &str) -> String {
    if answer.is_empty() { String::new() } else { format!("{answer}\n") }
}

#[test]
fn every_example_of_the_standard() {
    let server = running();
    let mut peer = server.peer();
    for (request, answer) in examples() {
        peer.ask(request, answer_line(&answer));
    }
    peer.finish();
}

#[test]
fn every_example_at_once_and_a_byte_at_a_time() {
    let server = running();
    let mut requests = String::new();
    let mut answers = String::new();
    for (request, answer) in examples() {
        requests.push_str(request);
        answers.push_str(&answer_line(&answer));
    }
    let mut peer = server.peer();
    peer.ask(&requests, &answers);
    peer.finish();
    let mut peer = server.peer();
    peer.send_slowly(&requests);
    peer.expect(&answers);
    peer.finish();
}

#[test]
fn ids_come_back_as_they_stood() {
    let server = running();
    let mut peer = server.peer();
    for id in ["null", "0", "-1", "1.50", "1E+2", r#""""#, r#""\u0041\/""#, "99999999999999999999"]
    {
        peer.ask(
            format!(r#"{{"jsonrpc":"2.0","method":"get_data","id":{id}}}"#),
            format!("{{\"jsonrpc\":\"2.0\",\"result\":[\"hello\",5],\"id\":{id}}}\n"),
        );
    }
    peer.finish();
}

#[test]
fn params_that_do_not_fit() {
    let server = running();
    let mut peer = server.peer();
    for params in ["[]", "[1]", r#"["a","b"]"#, "{}", r#"{"minuend":1}"#, "7", "null", r#""x""#] {
        peer.ask(
            format!(r#"{{"jsonrpc":"2.0","method":"subtract","params":{params},"id":1}}"#),
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"Invalid params\"},\"id\":1}\n",
        );
    }
    peer.finish();
}
