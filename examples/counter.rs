//! A service of its own on the `rpc` module: a counter that tells its watchers.
//!
//! ```text
//! $ cargo run --no-default-features --example counter -- 127.0.0.1:4000 &
//! $ (echo '{"jsonrpc":"2.0","method":"watch","id":1}'; sleep 9) | nc 127.0.0.1 4000 &
//! {"jsonrpc":"2.0","result":0,"id":1}
//! $ echo '{"jsonrpc":"2.0","method":"add","params":[5],"id":2}' | nc -N 127.0.0.1 4000
//! {"jsonrpc":"2.0","result":5,"id":2}
//! {"jsonrpc":"2.0","method":"changed","params":[5]}
//! ```

use parlance::rpc::{Call, CallError, Error, GroupId, JsonRpc, Outcome, Server, json};

struct Counter {
    value: i64,
    watchers: GroupId,
}

/// `add [n]`: adds, tells the watchers, answers with the sum.
fn add(counter: &mut Counter, call: &mut Call<'_, Counter>) -> Outcome {
    let (n,): (i64,) = call.params()?;
    let sum = counter.value.checked_add(n);
    counter.value = sum.ok_or_else(|| CallError::application("The counter is full"))?;
    call.fx.publish(counter.watchers, None, |out| {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":\"changed\",\"params\":[");
        json::signed(counter.value, out);
        out.extend_from_slice(b"]}\n");
    });
    call.answer(&counter.value)
}

/// `watch`: answers with the value; from now on the caller hears of every change.
fn watch(counter: &mut Counter, call: &mut Call<'_, Counter>) -> Outcome {
    let caller = call.conn();
    call.fx.join_group(counter.watchers, caller);
    call.answer(&counter.value)
}

fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let mut server = Server::with(|fx| Counter { value: 0, watchers: fx.new_group() })?;
    let service = JsonRpc::new().method("add", add).method("watch", watch);
    println!("listening on {}", server.listen(address.as_str(), service)?);
    server.run()
}
