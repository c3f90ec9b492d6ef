//! Registering and logging in: what is refused, what it costs, and what other processes do.

use parlance::chat::dialect::DeskSettings;
use parlance::store::{Accounts, PasswordRule};

use crate::accounts_peer::*;
use crate::house::{self, joined, until};

#[test]
fn names_and_passwords_are_judged_before_anything_is_hashed() {
    let house = AccountsHouse::open();
    let mut peer = house.connect();
    let rule = "Password must have 4 to 128 characters";
    peer.ask(register("", "sesame"), refusal("register", "Username is required"));
    peer.ask(register(&"x".repeat(51), "x"), refusal("register", "Username too long"));
    peer.ask(register("SYSTEM", "sesame"), refusal("register", "Username already taken"));
    peer.ask(register("Public", "sesame"), refusal("register", "Username already taken"));
    peer.ask(register("ann", "abc"), refusal("register", rule));
    peer.ask(register("ann", &"x".repeat(129)), refusal("register", rule));
    peer.ask(register("ann", "äöüß"), ok_login("register", "ann", "lobby"));
    peer.ask(LOGOUT, LOGGED_OUT);
    peer.ask(register("ANN", "sesame"), refusal("register", "Username already taken"));
    peer.ask(login("ann", "äöüß"), ok_login("login", "ann", "lobby"));
}

#[test]
fn unknown_names_and_wrong_passwords_are_answered_alike() {
    let house = AccountsHouse::open();
    drop(house.registered("ann"));
    until(|| house.knows("ann") == (true, false));
    let wrong = refusal("login", "Invalid username or password");
    let mut peer = house.connect();
    peer.ask(login("ann", "open"), &wrong);
    peer.ask(login("nobody", "open"), &wrong);
    peer.ask(r#"{"type":"login","data":{"username":"ann"}}"#, &wrong);
    // A guest's name is an unknown one, too.
    let _guest = house.running.member("guest", &["guest"]);
    peer.ask(login("guest", "open"), &wrong);
    peer.ask(login(" ANN ", "sesame"), ok_login("login", "ann", "lobby"));
}

#[test]
fn who_is_logged_in_may_log_in_again_and_nobody_else_may() {
    let house = AccountsHouse::open();
    let mut ann = house.registered("Ann");
    ann.ask(login("ann", "sesame"), ok_login("login", "Ann", "lobby"));
    ann.ask(login("ann", "open"), refusal("login", "Invalid username or password"));
    ann.ask(enter("general"), entered("Ann", "general"));
    ann.ask(login("ann", "sesame"), ok_login("login", "Ann", "general"));
    let mut other = house.connect();
    other.ask(login("ann", "sesame"), refusal("login", "User already logged in"));
    ann.probe();
    drop(ann);
    until(|| house.knows("ann") == (true, false));
    other.ask(login("ann", "sesame"), ok_login("login", "Ann", "lobby"));
}

#[test]
fn a_guests_name_cannot_be_registered_and_an_accounts_name_not_borne() {
    let house = AccountsHouse::open();
    let mut guest = house.running.member("Zoe", &["Zoe"]);
    let mut peer = house.connect();
    peer.ask(register("zoe", "sesame"), refusal("register", "Username already taken"));
    guest.ask(house::LEAVE, house::LEFT);
    peer.ask(register("zoe", "sesame"), ok_login("register", "zoe", "lobby"));
    let taken = house::refusal("Username already taken");
    guest.ask(house::join("ZOE"), &taken);
    drop(peer);
    until(|| house.knows("zoe") == (true, false));
    guest.ask(house::join("ZOE"), &taken);
}

#[test]
fn failures_are_throttled_by_account_and_by_address() {
    let house = AccountsHouse::open();
    drop(house.registered("ann"));
    until(|| house.knows("ann") == (true, false));
    let wrong = refusal("login", "Invalid username or password");
    let many = refusal("login", "Too many attempts");
    let mut peer = house.connect();
    for name in ["ann", "bob", "bob", "ann", "ann"] {
        peer.ask(login(name, "open"), &wrong);
    }
    // The right password, another name, another connection: the address has failed too often.
    peer.ask(login("ann", "sesame"), &many);
    peer.ask(login("carl", "open"), &many);
    let mut other = house.connect();
    other.ask(login("ann", "sesame"), &many);
    // Registering has a throttle of its own.
    other.ask(register("dora", "sesame"), ok_login("register", "dora", "lobby"));
}

#[test]
fn tries_under_way_count_and_a_success_does_not_reset() {
    let settings = DeskSettings { login_failures_per_minute: 3, ..DeskSettings::default() };
    let house = AccountsHouse::with(settings, QUICK, 1);
    drop(house.registered("ann"));
    until(|| house.knows("ann") == (true, false));
    let mut peers: Vec<_> = (0..6).map(|_| house.connect()).collect();
    // Handshakes first, so that the tries come together.
    peers.iter_mut().for_each(AccountsPeer::probe);
    peers.iter_mut().for_each(|peer| peer.send(login("ann", "open")));
    let mut refused = 0;
    for peer in &mut peers {
        let text = peer.receive();
        refused += usize::from(text == refusal("login", "Too many attempts"));
    }
    assert_eq!(refused, 3);

    let house = AccountsHouse::with(settings, QUICK, 1);
    let mut ann = house.registered("ann");
    let wrong = refusal("login", "Invalid username or password");
    ann.ask(login("ann", "open"), &wrong);
    ann.ask(login("ann", "open"), &wrong);
    ann.ask(login("ann", "sesame"), ok_login("login", "ann", "lobby"));
    ann.ask(login("ann", "open"), &wrong);
    ann.ask(login("ann", "sesame"), refusal("login", "Too many attempts"));
}

#[test]
fn registrations_are_throttled_by_address() {
    let settings = DeskSettings { registrations_per_minute: 2, ..DeskSettings::default() };
    let house = AccountsHouse::with(settings, QUICK, 1);
    let _first = house.registered("ann");
    let mut peer = house.connect();
    peer.ask(register("ann", "sesame"), refusal("register", "Username already taken"));
    peer.ask(register("bob", "sesame"), refusal("register", "Too many attempts"));
}

#[test]
fn a_hash_keeps_only_its_own_connection_waiting() {
    let house = AccountsHouse::with(DeskSettings::default(), QUICK, 1);
    let mut guest = house.running.member("guest", &["guest"]);
    let mut ann = house.connect();
    let held = house.hold_worker();
    // The second request waits for the first one's answer; the guest does not.
    ann.send(register("ann", "sesame"));
    ann.send(r#"{"type":"list"}"#);
    house.await_hold("ann");
    for _ in 0..20 {
        guest.probe();
    }
    assert_eq!(house.knows("ann"), (false, false));
    drop(held);
    ann.expect(ok_login("register", "ann", "lobby"));
    ann.expect(listed(r#"{"lobby":["ann"],"general":["guest"]}"#));
}

#[test]
fn a_name_is_held_while_it_is_being_registered_and_freed_in_the_end() {
    let house = AccountsHouse::with(DeskSettings::default(), QUICK, 1);
    let mut first = house.connect();
    let mut second = house.connect();
    let mut guest = house.running.peer();
    guest.probe();
    second.probe();
    let held = house.hold_worker();
    first.send(register("ann", "sesame"));
    house.await_hold("ann");
    second.ask(register("Ann", "sesame"), refusal("register", "Username already taken"));
    guest.ask(
        house::join("ann"),
        joined(&format!("ann_{}", guest.port()), &[&format!("ann_{}", guest.port())]),
    );
    // Whose connection goes meanwhile has an account all the same, and nobody is logged in.
    drop(first);
    drop(held);
    until(|| house.knows("ann") == (true, false));
    second.ask(login("ann", "sesame"), ok_login("login", "ann", "lobby"));
}

#[test]
fn too_many_hashes_at_once_are_refused() {
    let house = AccountsHouse::with(
        DeskSettings { registrations_per_minute: 1000, ..DeskSettings::default() },
        QUICK,
        1,
    );
    let mut peers: Vec<_> = (0..80).map(|_| house.connect()).collect();
    peers.iter_mut().for_each(AccountsPeer::probe);
    let _held = house.hold_worker();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.send(register(&format!("name{number}"), "sesame"));
    }
    // Those in the queue are not waited for; the last ones found it full.
    peers[79].expect(refusal("register", "Server is busy"));
}

#[test]
fn accounts_outlive_the_server_and_rooms_do_not() {
    let house = AccountsHouse::open();
    let mut ann = house.registered("Ann");
    ann.ask(create("den"), created("den"));
    let folder = house.folder().to_owned();
    let again = AccountsHouse::at(&folder);
    let mut peer = again.connect();
    peer.ask(register("ANN", "sesame"), refusal("register", "Username already taken"));
    peer.ask(login("ann", "sesame"), ok_login("login", "Ann", "lobby"));
    peer.ask(LIST, listed(r#"{"lobby":["Ann"],"general":[]}"#));
}

#[test]
fn an_account_that_another_process_removes_is_logged_out() {
    let house = AccountsHouse::open();
    let mut ann = house.member("ann");
    let mut guest = house.running.member("guest", &["ann", "guest"]);
    let elsewhere = Accounts::open(house.folder(), QUICK).expect("the same accounts");
    assert!(elsewhere.remove("ann").expect("removed"));
    guest.expect(house::notice("ann has left the chat!"));
    ann.expect(LOGGED_OUT);
    ann.ask(LIST, refusal("list", "Not logged in"));
    ann.ask(login("ann", "sesame"), refusal("login", "Invalid username or password"));
    // Its name is anybody's.
    guest.ask(house::LEAVE, house::LEFT);
    guest.ask(house::join("ann"), joined("ann", &["ann"]));
}

#[test]
fn an_account_that_another_process_adds_is_known_soon() {
    let house = AccountsHouse::open();
    let elsewhere = Accounts::open(house.folder(), QUICK).expect("the same accounts");
    let new =
        parlance::store::NewAccount { key: "eve", name: "Eve", password: "sesame", now_ms: 0 };
    elsewhere.register(new).expect("registered");
    let mut eve = house.connect();
    eve.ask(login("eve", "sesame"), ok_login("login", "Eve", "lobby"));
    let new =
        parlance::store::NewAccount { key: "kim", name: "Kim", password: "sesame", now_ms: 0 };
    elsewhere.register(new).expect("registered");
    until(|| house.knows("kim") == (true, false));
    let mut guest = house.running.peer();
    guest.ask(house::join("Kim"), house::refusal("Username already taken"));
}

#[test]
fn a_password_rule_of_ones_own_is_told_in_its_own_numbers() {
    let password = PasswordRule { chars_min: 8, chars_max: 20 };
    let house = AccountsHouse::with(DeskSettings { password, ..Default::default() }, QUICK, 1);
    let mut peer = house.connect();
    let rule = "Password must have 8 to 20 characters";
    peer.ask(register("ann", "1234567"), refusal("register", rule));
    peer.ask(register("ann", "12345678"), ok_login("register", "ann", "lobby"));
}
