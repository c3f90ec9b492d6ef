//! Accounts in `parlance.v1`: registering, logging in and out, and what the others see of it.

use crate::accounts_peer::{AccountsHouse, QUICK, listed, login as login_there, ok_login, refusal};
use crate::house::{joined, notice, until};
use crate::ws_peer::WsPeer;
use parlance::chat::dialect::DeskSettings;
use parlance::store::Accounts;

const JOIN: &str = r#"{"action":"join","body":{"room":"general"}}"#;

/// A client that was greeted, and its id.
#[track_caller]
fn client(house: &AccountsHouse) -> (WsPeer, String) {
    let (mut peer, _) =
        WsPeer::connect(house.running.door("websocket"), "Sec-WebSocket-Protocol: parlance.v1\r\n");
    let greeting = peer.take();
    assert!(greeting.contains(r#","accounts":true,"#), "{greeting}");
    let rest = greeting.strip_prefix(r#"{"status":"connected","client_id":""#).expect("an id");
    let id = rest.get(..8).expect("an id").to_owned();
    (peer, id)
}

fn ask(action: &str, name: &str, password: &str) -> String {
    format!(r#"{{"action":"{action}","body":{{"name":"{name}","password":"{password}"}},"id":1}}"#)
}

fn ok(action: &str, rest: &str) -> String {
    format!(r#"{{"status":"success","action":"{action}","id":1,{rest}}}"#)
}

fn error(action: &str, message: &str) -> String {
    format!(r#"{{"status":"error","action":"{action}","id":1,"message":"{message}"}}"#)
}

#[test]
fn an_account_is_made_used_and_left() {
    let house = AccountsHouse::open();
    let mut bob = house.running.member("Bob", &["Bob"]);
    let (mut ann, id) = client(&house);
    ann.send(JOIN);
    ann.take();
    bob.expect(notice(&format!("{id} has joined the chat!")));

    ann.ask(ask("register", " Ann ", "sesame"), ok("register", r#""name":"Ann","seq":3"#));
    bob.expect(notice(&format!("{id} is now known as Ann")));
    ann.ask(
        r#"{"action":"name","body":"Anna","id":1}"#,
        error("name", "Logged in under another name"),
    );
    ann.ask(ask("register", "Anna", "sesame"), error("register", "Already logged in"));
    ann.ask(ask("login", "ANN", "sesame"), ok("login", r#""name":"Ann","seq":3"#));
    ann.ask(ask("login", "ANN", "wrong"), error("login", "Invalid username or password"));

    // The account is the same in every dialect.
    let mut other = house.connect();
    other.ask(login_there("ann", "sesame"), refusal("login", "User already logged in"));
    let (mut second, _) = client(&house);
    second.ask(ask("login", "ann", "sesame"), error("login", "User already logged in"));

    ann.send(r#"{"action":"logout","id":1}"#);
    let answer = ann.take();
    let fresh = answer.strip_prefix(r#"{"status":"success","action":"logout","id":1,"name":""#);
    let fresh = fresh.and_then(|rest| rest.strip_suffix("\"}")).expect("a name").to_owned();
    assert!(fresh.len() == 8 && fresh != id, "{answer}");
    bob.expect(notice("Ann has left the chat!"));
    ann.ask(r#"{"action":"logout","id":1}"#, error("logout", "Not logged in"));
    ann.ask(r#"{"action":"users","id":1}"#, error("users", "Not in a room"));
    ann.ask(r#"{"action":"name","body":"ann","id":1}"#, error("name", "Name already taken"));
    ann.send(JOIN);
    assert!(ann.take().ends_with(&format!(r#""users":["Bob","{fresh}"]}}"#)));
    bob.expect(notice(&format!("{fresh} has joined the chat!")));

    other.ask(login_there("ann", "sesame"), ok_login("login", "Ann", "lobby"));
    other.ask(
        r#"{"type":"list"}"#,
        listed(&format!(r#"{{"lobby":["Ann"],"general":["Bob","{fresh}"]}}"#)),
    );
}

#[test]
fn what_is_wrong_is_said() {
    let house = AccountsHouse::open();
    let _bob = house.running.member("Bob", &["Bob"]);
    let (mut ann, _) = client(&house);
    ann.ask(r#"{"action":"login","body":"ann","id":1}"#, error("login", "Invalid body"));
    ann.ask(r#"{"action":"login","body":{"name":7},"id":1}"#, error("login", "Invalid body"));
    ann.ask(r#"{"action":"login","id":1}"#, error("login", "Name is required"));
    ann.ask(ask("register", &"x".repeat(51), "sesame"), error("register", "Name too long"));
    ann.ask(
        ask("register", "ann", "abc"),
        error("register", "Password must have 4 to 128 characters"),
    );
    for name in ["BOB", "system"] {
        ann.ask(ask("register", name, "sesame"), error("register", "Name already taken"));
    }
    for _ in 0..5 {
        ann.ask(ask("login", "nobody", "sesame"), error("login", "Invalid username or password"));
    }
    ann.ask(ask("login", "nobody", "sesame"), error("login", "Too many attempts"));
}

#[test]
fn requests_behind_a_login_wait_for_it() {
    let house = AccountsHouse::open();
    let (mut ann, _) = client(&house);
    let frame = |text: &str| crate::frames::masked(0x81, text.as_bytes());
    let register = ask("register", "ann", "sesame");
    ann.peer.send([frame(&register), frame(JOIN), frame(r#"{"action":"leave"}"#)].concat());
    ann.expect(ok("register", r#""name":"ann""#));
    assert!(ann.take().ends_with(r#""seq":1,"users":["ann"]}"#));
    ann.expect(r#"{"status":"success","action":"leave","room":"general"}"#);
    ann.finish();
}

#[test]
fn who_goes_away_during_a_login_is_forgotten() {
    let house = AccountsHouse::with(DeskSettings::default(), QUICK, 1);
    let (mut ann, _) = client(&house);
    let held = house.hold_worker();
    ann.send(ask("register", "ann", "sesame"));
    house.await_hold("ann");
    ann.peer.reset();
    until(|| house.running.ask(|_, fx| fx.connections()) == 0);
    drop(held);
    // Registered all the same, and what the first one held is free.
    until(|| house.knows("ann") == (true, false));
    let (mut ann, _) = client(&house);
    ann.ask(ask("login", "ann", "sesame"), ok("login", r#""name":"ann""#));
    ann.finish();
}

#[test]
fn whose_account_is_removed_is_logged_out() {
    let house = AccountsHouse::open();
    let mut bob = house.running.member("Bob", &["Bob"]);
    let (mut ann, _) = client(&house);
    ann.ask(ask("register", "ann", "sesame"), ok("register", r#""name":"ann""#));
    ann.send(JOIN);
    ann.take();
    bob.expect(notice("ann has joined the chat!"));
    let accounts = Accounts::open(house.folder(), QUICK).expect("accounts");
    accounts.remove("ann").expect("an account");
    let event = ann.take();
    let name = event.strip_prefix(r#"{"event":"logged_out","name":""#);
    let name = name.and_then(|rest| rest.strip_suffix("\"}")).expect("a name").to_owned();
    bob.expect(notice("ann has left the chat!"));
    ann.send(JOIN);
    assert!(ann.take().ends_with(&format!(r#""users":["Bob","{name}"]}}"#)));
    bob.expect(notice(&format!("{name} has joined the chat!")));
    let mut new = house.running.peer();
    new.ask(crate::house::join("ann"), joined("ann", &["Bob", &name, "ann"]));
    bob.expect(notice("ann has joined the chat!"));
    bob.finish();
}

#[test]
fn who_has_logged_out_still_follows_the_list_of_rooms() {
    let house = AccountsHouse::open();
    let (mut ann, _) = client(&house);
    ann.ask(ask("register", "ann", "sesame"), ok("register", r#""name":"ann""#));
    ann.send(JOIN);
    ann.take();
    ann.send(r#"{"action":"logout"}"#);
    ann.take();
    let mut bob = house.running.peer();
    bob.ask(crate::house::join_room("Bob", "Den"), joined("Bob", &["Bob"]));
    let event = ann.take();
    assert!(event.starts_with(r#"{"event":"room_opened","room":"Den","#), "{event}");
    ann.finish();
}

#[test]
fn a_classic_client_knows_no_accounts() {
    let house = AccountsHouse::open();
    let (mut ann, _) = WsPeer::classic(house.running.door("websocket"));
    ann.ask(ask("login", "ann", "sesame"), r#"{"status":"error","message":"Invalid action"}"#);
    ann.finish();
}
