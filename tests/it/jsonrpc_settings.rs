//! `jsonrpc` in a house that is set up otherwise.

use crate::house::{
    INVALID_REQUEST, LEAVE, LEFT, NOT_FOUND, PARSE, Plan, SENT, SIMPLE, chat as message, join,
    join_room, joined, notice, refusal, say, settings, users,
};
use parlance::chat::dialect::Settings;
use parlance::chat::dialect::jsonrpc::JsonRpcSettings;
use parlance::chat::{self, RoomRef};
use parlance::rpc::JsonLimits;

#[test]
fn without_addresses_everyone_gets_the_simple_form() {
    let jsonrpc = JsonRpcSettings { show_addresses: false, ..JsonRpcSettings::default() };
    let dialect = Settings { jsonrpc, ..settings() };
    let house = Plan { dialect, ..Plan::default() }.open();
    let mut bob = house.member("Bob", &["Bob"]);
    bob.ask(r#"{"method":"get_users","params":{}}"#, users(&["Bob"]));
    bob.ask(SIMPLE, users(&["Bob"]));
    bob.finish();
}

#[test]
fn taken_names_may_be_refused_by_configuration() {
    let jsonrpc = JsonRpcSettings { suffix_duplicate_names: false, ..JsonRpcSettings::default() };
    let dialect = Settings { jsonrpc, ..settings() };
    let house = Plan { dialect, ..Plan::default() }.open();
    let mut bob = house.member("Bob", &["Bob"]);
    let mut other = house.peer();
    other.ask(join("BOB"), refusal("Username already taken"));
    other.ask(join("Bobby"), joined("Bobby", &["Bob", "Bobby"]));
    bob.expect(notice("Bobby has joined the chat!"));
    bob.finish();
}

#[test]
fn limits_on_input_are_set_by_configuration() {
    let json = JsonLimits { frame_bytes: 100, depth: 3, batch_items: 2 };
    let dialect = Settings { json, ..settings() };
    let house = Plan { dialect, ..Plan::default() }.open();
    let mut peer = house.peer();
    peer.ask("[[[]]]", INVALID_REQUEST);
    peer.ask("[[[[]]]]", PARSE);
    let longest = format!(r#"{{"method":"{}"}}"#, "x".repeat(87));
    assert_eq!(longest.len(), 100);
    peer.ask(&longest, NOT_FOUND);
    peer.ask(longest.replace("xx", "xxx"), INVALID_REQUEST);
    peer.expect_close();
    let mut peer = house.peer();
    let note = r#"{"jsonrpc":"2.0","method":"x"}"#;
    peer.send(format!("[{note},{note}]"));
    let error = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\"},\"id\":null}\n";
    peer.ask(format!("[{note},{note},1]"), error);
    peer.finish();
}

#[test]
fn lengths_are_set_by_configuration() {
    let chat = chat::Settings { name_chars_max: 5, text_chars_max: 3, ..chat::Settings::default() };
    let chat = chat::Settings { default_room: "Hall".to_owned(), ..chat };
    let house = Plan { chat, ..Plan::default() }.open();
    let mut ann = house.peer();
    ann.ask(join("Annina"), refusal("Username too long"));
    ann.ask(join_room("Ann", "Garden"), refusal("Room name too long"));
    ann.ask(join("Ann"), joined("Ann", &["Ann"]));
    ann.ask(say("four"), refusal("Message too long"));
    // The default room is not named `general` here, and is found by its name.
    let mut bob = house.peer();
    bob.ask(join_room("Bob", "hall"), joined("Bob", &["Ann", "Bob"]));
    ann.expect(notice("Bob has joined the chat!"));
    bob.ask(say("yes"), SENT);
    ann.expect(message("Bob", "yes"));
    ann.finish();
}

#[test]
fn there_may_be_too_many_rooms_and_empty_ones_go() {
    let chat = chat::Settings { rooms_max: 2, ..chat::Settings::default() };
    let house = Plan { chat, ..Plan::default() }.open();
    let mut ann = house.peer();
    let mut bob = house.peer();
    ann.ask(join_room("Ann", "one"), joined("Ann", &["Ann"]));
    bob.ask(join_room("Bob", "two"), refusal("Too many rooms"));
    bob.ask(SIMPLE, users(&[]));
    bob.ask(join_room("Bob", "one"), joined("Bob", &["Ann", "Bob"]));
    ann.expect(notice("Bob has joined the chat!"));
    ann.finish();
    bob.expect(notice("Ann has left the chat!"));
    bob.ask(LEAVE, LEFT);
    assert!(house.ask(|house, _| house.chat.find_room(RoomRef::NameOrId("one")).is_err()));
    bob.ask(join_room("Bob", "two"), joined("Bob", &["Bob"]));
    bob.finish();
}

#[test]
fn a_large_room_does_not_hear_who_comes_and_goes() {
    let chat = chat::Settings { presence_members_max: 2, ..chat::Settings::default() };
    let house = Plan { chat, ..Plan::default() }.open();
    let mut ann = house.member("Ann", &["Ann"]);
    let _bob = house.member("Bob", &["Ann", "Bob"]);
    ann.expect(notice("Bob has joined the chat!"));
    let _cid = house.member("Cid", &["Ann", "Bob", "Cid"]);
    let mut dan = house.member("Dan", &["Ann", "Bob", "Cid", "Dan"]);
    let mut eve = house.member("Eve", &["Ann", "Bob", "Cid", "Dan", "Eve"]);
    eve.ask(say("so many"), SENT);
    dan.expect(message("Eve", "so many"));
    eve.ask(LEAVE, LEFT);
    dan.ask(SIMPLE, users(&["Ann", "Bob", "Cid", "Dan"]));
    dan.finish();
}
