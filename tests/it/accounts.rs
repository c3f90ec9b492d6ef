//! `accounts`: the lobby and rooms, byte for byte, and what is refused.

use crate::accounts_peer::*;
use crate::house::{chat, joined, notice, private, say, whisper};

#[test]
fn the_whole_of_the_documented_session() {
    let house = AccountsHouse::open();
    let mut ann = house.registered("ann");
    ann.ask(create("tech_talk"), created("tech_talk"));
    ann.ask(enter("tech_talk"), entered("ann", "tech_talk"));

    let mut harper = house.connect();
    harper.ask(register("harper", "1234"), ok_login("register", "harper", "lobby"));
    harper.ask(LOGOUT, LOGGED_OUT);
    harper.ask(login("harper", "1234"), ok_login("login", "harper", "lobby"));
    harper.ask(LIST, listed(r#"{"lobby":["harper"],"general":[],"tech_talk":["ann"]}"#));
    harper.ask(enter("tech_talk"), entered("harper", "tech_talk"));
    harper.ask(LIST, listed(r#"{"tech_talk":["ann","harper"]}"#));

    let hello = message("harper", "public", "Hello everyone!");
    harper.ask(msg("harper", "public", "Hello everyone!"), &hello);
    ann.expect(&hello);
    let psst = message("harper", "ann", "psst");
    harper.ask(msg("harper", "ann", "psst"), &psst);
    ann.expect(&psst);
    harper.ask(msg("harper", "harper", "hm"), message("harper", "harper", "hm"));
    harper.probe();
    ann.probe();

    harper.ask(EXIT, EXITED);
    harper.ask(LIST, listed(r#"{"lobby":["harper"],"general":[],"tech_talk":["ann"]}"#));
    harper.ask(LOGOUT, LOGGED_OUT);
    harper.ask(LIST, refusal("list", "Not logged in"));
    ann.ask(EXIT, EXITED);
    ann.ask(LIST, listed(r#"{"lobby":["ann"],"general":[],"tech_talk":[]}"#));
}

#[test]
fn each_state_takes_its_own_commands() {
    let house = AccountsHouse::open();
    let mut peer = house.connect();
    for kind in ["list", "logout", "enter", "create", "exit", "msg"] {
        peer.ask(format!(r#"{{"type":"{kind}"}}"#), refusal(kind, "Not logged in"));
    }
    peer.ask(register("Ann", "sesame"), ok_login("register", "Ann", "lobby"));
    for kind in ["exit", "msg"] {
        peer.ask(format!(r#"{{"type":"{kind}"}}"#), refusal(kind, "Enter a chatroom first"));
    }
    peer.ask(register("Bob", "sesame"), refusal("register", "Already logged in"));
    peer.ask(login("Bob", "sesame"), refusal("login", "Already logged in"));
    peer.ask(enter("general"), entered("Ann", "general"));
    for kind in ["logout", "enter", "create"] {
        peer.ask(format!(r#"{{"type":"{kind}"}}"#), refusal(kind, "Leave the chatroom first"));
    }
    peer.ask(register("Bob", "sesame"), refusal("register", "Already logged in"));
}

#[test]
fn bad_messages_are_told_and_the_connection_lives_on() {
    let house = AccountsHouse::open();
    let mut peer = house.connect();
    let invalid = refusal("error", "Invalid JSON");
    for message in
        ["{", "[]", "17", "nothing", r#"{"type":"list","type":"list"}"#, "{\"a\":\"\\ud800\"}"]
    {
        peer.ask(message, &invalid);
    }
    peer.ask(b"{\"type\":\"\xff\"}", &invalid);
    peer.ask(format!("{}{}", "[".repeat(65), "]".repeat(65)), &invalid);
    for message in ["{}", r#"{"type":5}"#, r#"{"type":null}"#, r#"{"data":{}}"#] {
        peer.ask(message, refusal("error", "Unknown type"));
    }
    peer.ask(r#"{"type":"dance"}"#, refusal("dance", "Unknown type"));
    peer.ask(r#"{"type":"a\"b"}"#, refusal(r#"a\"b"#, "Unknown type"));
    peer.ask(
        r#"{"type":"login","data":{"username":"a","username":"b"}}"#,
        refusal("login", "Invalid JSON"),
    );
    for data in ["", r#","data":null"#, r#","data":[]"#, r#","data":{"username":5}"#] {
        let request = format!(r#"{{"type":"login"{data}}}"#);
        peer.ask(request, refusal("login", "Username is required"));
    }
}

#[test]
fn a_length_that_none_can_have_closes() {
    let house = AccountsHouse::open();
    for length in [0_u32, 64 * 1024 + 1, u32::MAX] {
        let mut peer = house.connect();
        peer.send_raw(&length.to_be_bytes());
        peer.expect(refusal("error", "Invalid message length"));
        peer.client.expect_close();
    }
    // The longest there may be.
    let mut peer = house.connect();
    let mut message = br#"{"type":"probe"}"#.to_vec();
    message.resize(64 * 1024, b' ');
    peer.ask(message, refusal("probe", "Unknown type"));
}

#[test]
fn rooms_are_found_by_name_and_id_and_the_lobby_is_none() {
    let house = AccountsHouse::open();
    let mut ann = house.registered("ann");
    ann.ask(create("Tech Talk"), created("Tech Talk"));
    ann.ask(create(" tech  TALK "), refusal("create", "Room already exists"));
    ann.ask(create("general"), refusal("create", "Room already exists"));
    ann.ask(create("Lobby"), refusal("create", "Room already exists"));
    ann.ask(create(" "), refusal("create", "Room name is required"));
    ann.ask(create(&"x".repeat(51)), refusal("create", "Room name too long"));
    ann.ask(enter("nowhere"), refusal("enter", "Room does not exist"));
    ann.ask(enter("lobby"), refusal("enter", "Room does not exist"));
    ann.ask(enter(""), refusal("enter", "Room name is required"));
    ann.ask(enter("TECH talk"), entered("ann", "Tech Talk"));
    ann.ask(EXIT, EXITED);

    // A real room called lobby, made over another dialect, goes by its id.
    let mut guest = house.running.peer();
    let request = r#"{"method":"join_chat","params":{"username":"guest","room":"lobby"}}"#;
    guest.ask(request, joined("guest", &["guest"]));
    let id = house.running.ask(|house, _| {
        let mut rooms = house.chat.rooms(None);
        rooms.find(|room| room.name == "lobby").expect("a room").id.to_owned()
    });
    let list = format!(r#"{{"lobby":["ann"],"general":[],"Tech Talk":[],"{id}":["guest"]}}"#);
    ann.ask(LIST, listed(&list));
    ann.ask(enter(&id), entered("ann", &id));
    ann.ask(LIST, listed(&format!(r#"{{"{id}":["guest","ann"]}}"#)));
    guest.expect(notice("ann has joined the chat!"));
}

#[test]
fn messages_are_checked_from_left_to_right() {
    let house = AccountsHouse::open();
    let mut ann = house.member("ann");
    let wrong = "Sender does not match the logged-in user";
    ann.ask(r#"{"type":"msg"}"#, refusal("msg", wrong));
    ann.ask(msg("bob", "public", "hi"), refusal("msg", wrong));
    ann.ask(msg("ann", "bob", ""), refusal("msg", "User bob is not in this room"));
    ann.ask(msg("ann", "public", " "), refusal("msg", "Message is required"));
    ann.ask(msg("ann", "public", &"x".repeat(1001)), refusal("msg", "Message too long"));
    // Both names in any spelling; the text as it stands.
    ann.ask(msg(" ANN", "Public", " hi "), message("ann", "public", " hi "));
    ann.ask(msg("Ann", "ANN", "hm"), message("ann", "ann", "hm"));
}

#[test]
fn who_has_an_account_talks_with_who_has_none() {
    let house = AccountsHouse::open();
    let mut ann = house.member("ann");
    let mut guest = house.running.member("Guest", &["ann", "Guest"]);
    ann.probe();
    ann.ask(msg("ann", "public", "hello"), message("ann", "public", "hello"));
    guest.expect(chat("ann", "hello"));
    guest.send(say("hi"));
    ann.expect(message("Guest", "public", "hi"));
    guest.expect(crate::house::SENT);
    ann.ask(msg("ann", "guest", "psst"), message("ann", "Guest", "psst"));
    guest.expect(private("ann", "psst"));
    guest.ask(whisper("Ann", "what"), crate::house::SENT);
    ann.expect(message("Guest", "ann", "what"));
    ann.ask(EXIT, EXITED);
    guest.expect(notice("ann has left the chat!"));
    ann.ask(LIST, listed(r#"{"lobby":["ann"],"general":["Guest"]}"#));
}

#[test]
fn a_room_made_here_stays_when_it_is_empty_and_counts_as_its_makers() {
    let house = AccountsHouse::open();
    house.running.ask(|house, _| {
        let settings = house.chat.settings().clone();
        house.chat.set_settings(parlance::chat::Settings { rooms_per_account_max: 1, ..settings });
    });
    let mut ann = house.registered("ann");
    ann.ask(create("one"), created("one"));
    ann.ask(create("two"), refusal("create", "Too many rooms"));
    ann.ask(enter("one"), entered("ann", "one"));
    ann.ask(EXIT, EXITED);
    ann.ask(LIST, listed(r#"{"lobby":["ann"],"general":[],"one":[]}"#));
}
