//! Answers that come later: tickets, worker jobs, and what they hold up.

use crate::house::{Running, patient, until};
use crate::peer::Peer;
use parlance::rpc::{Call, CallError, CallTicket, JsonRpc, Outcome, Server};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};

use crate::support::PATIENCE;

/// What jobs wait at until a test opens it.
#[derive(Default, Clone)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (open, changed) = &*self.0;
        let open = open.lock().unwrap();
        let (_open, waited) = changed.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap();
        assert!(!waited.timed_out(), "the gate stayed shut");
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// The state: tickets by name, and what has come to its end.
#[derive(Default)]
struct Desk {
    held: HashMap<String, CallTicket<Desk>>,
    gate: Gate,
    /// Completions that ran, and how many of those without a result.
    finished: usize,
    lost: usize,
    closed: usize,
}

#[derive(Deserialize)]
struct Key<'a> {
    key: &'a str,
}

/// Keeps the ticket under a name.
fn hold(desk: &mut Desk, call: &mut Call<'_, Desk>) -> Outcome {
    let Key { key } = call.params()?;
    let (ticket, outcome) = call.defer();
    desk.held.insert(key.to_owned(), ticket);
    outcome
}

fn echo(_: &mut Desk, call: &mut Call<'_, Desk>) -> Outcome {
    let Key { key } = call.params()?;
    call.answer(key)
}

/// Answers "through" once the gate is open.
fn gate(desk: &mut Desk, call: &mut Call<'_, Desk>) -> Outcome {
    let gate = desk.gate.clone();
    call.work(
        move || gate.pass(),
        |desk, _, result| {
            desk.finished += 1;
            result?;
            Ok("through")
        },
    )
}

/// Works out the length of a text, elsewhere.
fn length(_: &mut Desk, call: &mut Call<'_, Desk>) -> Outcome {
    let Key { key } = call.params()?;
    let key = key.to_owned();
    call.work(move || key.len(), |_, _, result| Ok(result?))
}

/// A job that comes to nothing.
fn stumble(_: &mut Desk, call: &mut Call<'_, Desk>) -> Outcome {
    // Unwinds like a panic, without the message on the test's output.
    call.work(
        || -> () { std::panic::resume_unwind(Box::new("on purpose")) },
        |desk, _, result| {
            desk.finished += 1;
            desk.lost += usize::from(result.is_err());
            Ok(result?)
        },
    )
}

/// A desk with one worker thread and room for one more job.
fn desk() -> Running<Desk> {
    Running::start(|| {
        let mut server = Server::new(Desk::default()).unwrap();
        server.effects().set_limits(patient());
        server.set_workers(1, 1);
        let service = JsonRpc::new()
            .method("hold", hold)
            .method("echo", echo)
            .method("gate", gate)
            .method("length", length)
            .method("stumble", stumble)
            .on_closed(|desk, _, _| desk.closed += 1);
        let address = server.listen("127.0.0.1:0", service).unwrap();
        (server, vec![address])
    })
}

impl Running<Desk> {
    /// Waits until somebody's ticket is held under this name.
    #[track_caller]
    fn await_ticket(&self, key: &'static str) {
        until(|| self.ask(move |desk, _| desk.held.contains_key(key)));
    }

    /// Answers a call that is held.
    #[track_caller]
    fn settle(&self, key: &'static str, answer: Result<&'static str, CallError>) {
        self.await_ticket(key);
        self.ask(move |desk, fx| desk.held.remove(key).unwrap().settle(fx, answer));
    }

    /// Drops a ticket that is held.
    #[track_caller]
    fn forget(&self, key: &'static str) {
        self.await_ticket(key);
        self.ask(move |desk, _| drop(desk.held.remove(key)));
    }
}

/// A classic request, with an id where one is given.
fn classic(method: &str, key: &str, id: Option<u32>) -> String {
    let id = id.map(|id| format!(r#","id":{id}"#)).unwrap_or_default();
    format!(r#"{{"method":"{method}","params":{{"key":"{key}"}}{id}}}"#)
}

fn version_2(method: &str, key: &str, id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":["{key}"],"id":{id}}}"#)
}

fn result(value: &str, id: u32) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"result\":{value},\"id\":{id}}}\n")
}

fn error(code: i32, message: &str, id: u32) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"error\":{{\"code\":{code},\"message\":\"{message}\"}},\"id\":{id}}}\n"
    )
}

const INTERNAL: &str = r#"{"error":"Internal error","code":-32603}"#;

#[test]
fn without_ids_answers_keep_the_order_of_the_requests() {
    let desk = desk();
    let mut peer = desk.peer();
    // In one write, so that all of it is there when the first is held.
    let [a, b] = ["a", "b"].map(|key| classic("hold", key, None));
    peer.send([a, classic("echo", "1", None), b, classic("echo", "2", None)].concat());
    // The others are served meanwhile, and this one is not.
    desk.await_ticket("a");
    desk.peer().ask(classic("echo", "x", None), r#""x""#);
    assert!(!desk.ask(|desk, _| desk.held.contains_key("b")), "the input did not wait");
    desk.settle("a", Ok("A"));
    peer.expect(r#""A""1""#);
    desk.settle("b", Err(CallError::application("No luck")));
    peer.expect(r#"{"status":"error","message":"No luck"}"2""#);
    peer.finish();
}

#[test]
fn with_ids_answers_may_overtake() {
    let desk = desk();
    let mut peer = desk.peer();
    peer.send([version_2("hold", "a", 1), version_2("hold", "b", 2)].concat());
    peer.ask(version_2("echo", "c", 3), result(r#""c""#, 3));
    desk.settle("b", Ok("B"));
    peer.expect(result(r#""B""#, 2));
    desk.settle("a", Err(CallError::application("No luck")));
    peer.expect(error(-32000, "No luck", 1));
    peer.finish();
    // In the classic form too; there, only a call without an id makes the others wait.
    let mut peer = desk.peer();
    peer.send([classic("hold", "c", Some(4)), classic("hold", "d", None)].concat());
    peer.send(classic("echo", "e", Some(5)));
    desk.await_ticket("d");
    desk.settle("c", Err(CallError::application("No luck")));
    peer.expect(r#"{"status":"error","message":"No luck","id":4}"#);
    desk.settle("d", Ok("D"));
    peer.expect(r#""D""e""#);
    peer.finish();
}

#[test]
fn a_job_answers_from_its_thread() {
    let desk = desk();
    let mut peer = desk.peer();
    for _ in 0..20 {
        peer.ask(classic("length", "four", None), "4");
    }
    peer.ask(version_2("length", "", 1), result("0", 1));
    // Pipelined, each waits for the one before, so that the queue never fills.
    peer.send(classic("length", "four", None).repeat(50));
    peer.expect("4\n".repeat(50));
    peer.finish();
    let mut peer = desk.peer();
    peer.send(classic("length", "four", None).repeat(50));
    peer.expect("4".repeat(50));
    peer.finish();
}

#[test]
fn what_nobody_answers_is_an_internal_error() {
    let desk = desk();
    let mut peer = desk.peer();
    peer.send([classic("hold", "a", None), classic("echo", "1", None)].concat());
    desk.forget("a");
    peer.expect([INTERNAL, r#""1""#].concat());
    peer.ask(classic("stumble", "", None), INTERNAL);
    peer.ask(version_2("stumble", "", 7), error(-32603, "Internal error", 7));
    peer.send(version_2("hold", "b", 8));
    desk.forget("b");
    peer.expect(error(-32603, "Internal error", 8));
    assert_eq!(desk.ask(|desk, _| (desk.finished, desk.lost)), (2, 2));
    // The worker lives on.
    peer.ask(version_2("length", "abc", 9), result("3", 9));
    peer.finish();
}

#[test]
fn too_many_jobs_are_refused_and_later_ones_taken() {
    let desk = desk();
    let mut peer = desk.peer();
    peer.send([version_2("gate", "", 1), version_2("gate", "", 2)].concat());
    peer.ask(version_2("gate", "", 3), error(-32000, "Server is busy", 3));
    desk.peer()
        .ask(classic("length", "", None), r#"{"status":"error","message":"Server is busy"}"#);
    desk.ask(|desk, _| desk.gate.open());
    peer.expect(result(r#""through""#, 1) + &result(r#""through""#, 2));
    peer.ask(version_2("gate", "", 4), result(r#""through""#, 4));
    peer.finish();
}

#[test]
fn the_end_of_input_waits_for_what_is_owed() {
    let desk = desk();
    let mut peer = desk.peer();
    peer.send([version_2("hold", "a", 1), version_2("hold", "b", 2)].concat());
    peer.half_close();
    until(|| desk.ask(|desk, _| desk.closed) == 1);
    desk.settle("b", Ok("B"));
    peer.expect(result(r#""B""#, 2));
    desk.settle("a", Ok("A"));
    peer.expect(result(r#""A""#, 1));
    peer.expect_close();
    // Without ids: what stands behind the held call is still served, in order.
    let mut peer = desk.peer();
    peer.send([classic("hold", "c", None), classic("echo", "1", None)].concat());
    peer.send(classic("hold", "d", None));
    peer.half_close();
    desk.settle("c", Ok("C"));
    peer.expect(r#""C""1""#);
    desk.settle("d", Ok("D"));
    peer.expect(r#""D""#);
    peer.expect_close();
}

#[test]
fn a_batch_that_grows_over_the_limit_while_it_waits_closes() {
    let desk = desk();
    let mut peer = desk.peer();
    peer.send(format!("[{},{}]", version_2("hold", "a", 1), version_2("hold", "b", 2)));
    let long: &str = Box::leak("x".repeat(1024 * 1024).into_boxed_str());
    desk.settle("a", Ok(long));
    peer.expect_reset_or_close();
    desk.settle("b", Ok("B"));
}

#[test]
fn an_end_is_told_once_though_another_follows() {
    let desk = desk();
    let mut peer = desk.peer();
    peer.send(version_2("hold", "a", 1));
    peer.half_close();
    until(|| desk.ask(|desk, _| desk.closed) == 1);
    peer.reset();
    until(|| desk.ask(|_, fx| fx.connections()) == 0);
    assert_eq!(desk.ask(|desk, _| desk.closed), 1);
}

#[test]
fn a_batch_waits_for_all_its_answers() {
    let desk = desk();
    let mut peer = desk.peer();
    peer.send(format!(
        "[{},{},{},{}]",
        version_2("hold", "a", 1),
        version_2("echo", "x", 2),
        version_2("hold", "b", 3),
        version_2("stumble", "", 4),
    ));
    peer.ask(version_2("echo", "meanwhile", 9), result(r#""meanwhile""#, 9));
    desk.settle("b", Ok("B"));
    peer.ask(version_2("echo", "still", 9), result(r#""still""#, 9));
    desk.forget("a");
    let elements = [
        result(r#""x""#, 2),
        result(r#""B""#, 3),
        error(-32603, "Internal error", 1),
        error(-32603, "Internal error", 4),
    ];
    // In whatever order.
    let bytes: usize = elements.iter().map(String::len).sum();
    let answer = String::from_utf8(peer.take(bytes + 2)).unwrap();
    assert!(answer.starts_with("[{") && answer.ends_with("}]\n"), "{answer}");
    for element in &elements {
        assert!(answer.contains(element.trim_end()), "no {element} in {answer}");
    }
    serde_json::from_str::<serde_json::Value>(&answer).unwrap();
    // A batch that is all deferred, and one of a deferred notification.
    peer.send(format!("[{}]", version_2("hold", "c", 5)));
    desk.settle("c", Ok("C"));
    peer.expect(format!("[{}]\n", result(r#""C""#, 5).trim_end()));
    peer.send(r#"[{"jsonrpc":"2.0","method":"hold","params":["d"]}]"#);
    desk.settle("d", Ok("D"));
    peer.ask(version_2("echo", "end", 9), result(r#""end""#, 9));
    peer.finish();
}

#[test]
fn a_deferred_notification_is_not_answered() {
    let desk = desk();
    let mut peer = desk.peer();
    for (key, settled) in [("a", true), ("b", false)] {
        peer.send(format!(r#"{{"jsonrpc":"2.0","method":"hold","params":["{key}"]}}"#));
        if settled { desk.settle(key, Ok("A")) } else { desk.forget(key) }
    }
    peer.send(r#"{"jsonrpc":"2.0","method":"stumble"}"#);
    until(|| desk.ask(|desk, _| desk.finished) == 1);
    peer.ask(version_2("echo", "end", 9), result(r#""end""#, 9));
    peer.finish();
}

#[test]
fn a_completion_runs_though_the_caller_has_gone() {
    let desk = desk();
    let gone: Vec<Peer> = vec![desk.peer(), desk.peer(), desk.peer()];
    let methods = ["gate", "hold", "hold"];
    for (index, mut peer) in gone.into_iter().enumerate() {
        peer.send(version_2(methods[index], ["", "a", "b"][index], 1));
        // Served, for this comes after it.
        peer.ask(version_2("echo", "x", 2), result(r#""x""#, 2));
        peer.reset();
    }
    until(|| desk.ask(|desk, fx| (desk.closed, fx.connections())) == (3, 0));
    // Someone else has the slot by now, and is not answered in the other's place.
    let mut newcomer = desk.peer();
    newcomer.ask(classic("echo", "new", None), r#""new""#);
    desk.ask(|desk, _| desk.gate.open());
    until(|| desk.ask(|desk, _| desk.finished) == 1);
    desk.settle("a", Ok("A"));
    desk.forget("b");
    newcomer.ask(classic("gate", "", None), r#""through""#);
    newcomer.finish();
}
