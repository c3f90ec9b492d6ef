//! What one request costs the server, from its bytes to the bytes of its answer.

#[path = "common/exchange.rs"]
mod exchange;
#[path = "common/house.rs"]
mod house;

use criterion::{Criterion, criterion_group, criterion_main};
use parlance::chat::dialect::jsonrpc;
use parlance::rpc::JsonRpc;

use exchange::{Exchange, time};

const UNKNOWN: &str = r#"{"method":"no_such","params":{}}"#;
const GET_USERS: &str = r#"{"method":"get_users","params":{}}"#;
const SEND_MESSAGE: &str = r#"{"method":"send_message","params":{"message":"Hello everyone!"}}"#;
const GET_USERS_2: &str = r#"{"jsonrpc":"2.0","method":"get_users","params":{},"id":1}"#;

/// The loop and the envelope alone: a method that does nothing, in a server that has no state.
fn nothing(c: &mut Criterion) {
    let service = JsonRpc::new()
        .method("nothing", |(), call| call.answer_with(|_, out| out.extend_from_slice(b"{}")));
    let (mut exchange, _) = Exchange::new((), service);
    bench(c, &mut exchange, "nothing", r#"{"method":"nothing","params":{}}"#, "{}", 1);
}

/// The daemon's methods, asked by the one member of the default room.
fn chat(c: &mut Criterion) {
    let (mut exchange, _) = Exchange::new(house::house(1000), jsonrpc::service());
    let joined = exchange.ask(r#"{"method":"join_chat","params":{"username":"u1"}}"#);
    assert!(joined.contains("Joined chat as u1"), "{joined}");

    let sent = "Message sent successfully";
    bench(c, &mut exchange, "unknown", UNKNOWN, "Method not found", 1);
    bench(c, &mut exchange, "get_users", GET_USERS, "Users retrieved", 1);
    bench(c, &mut exchange, "send_message_alone", SEND_MESSAGE, sent, 1);

    // From here on the connection speaks 2.0, so these come last.
    bench(c, &mut exchange, "get_users_2.0", GET_USERS_2, "\"result\"", 1);
    let batch = format!("[{}]", vec![GET_USERS_2; 100].join(","));
    bench(c, &mut exchange, "get_users_2.0_batch_of_100", &batch, "\"result\"", 100);
}

/// Reports the time for one of the `each` requests that the bytes of `request` hold.
fn bench<S>(
    c: &mut Criterion,
    exchange: &mut Exchange<S>,
    name: &str,
    request: &str,
    expected: &str,
    each: u64,
) {
    let round = exchange.round(request, expected, usize::MAX);
    let count = round.count as u64 * each;
    c.bench_function(&format!("dispatch/{name}"), |b| {
        b.iter_custom(|iterations| time(iterations, count, || exchange.play(&round)));
    });
}

criterion_group!(benches, nothing, chat);
criterion_main!(benches);
