//! `chatmaster` beside another dialect, and at the server's end.

use crate::chatmaster::{
    LEAVE, join, joined, left, message, notification, private, rename, renamed, to,
};
use crate::house::{
    SENT, chat, join_room, joined as jsonrpc_joined, notice, open, private as jsonrpc_private, say,
    whisper,
};

#[test]
fn whoever_uses_another_dialect_is_in_the_same_room() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut ada = house.member("Ada", &["Bob", "Ada"]);
    bob.expect(joined("Ada", "general"));
    bob.send(message("hi", ""));
    ada.expect(chat("Bob", "hi"));
    ada.ask(say("hello"), SENT);
    bob.expect(message("hello", "Ada"));
    bob.send(to("ada", "psst"));
    ada.expect(jsonrpc_private("Bob", "psst"));
    ada.ask(whisper("Bob", "what"), SENT);
    bob.expect(private("what", "Ada"));
    bob.ask(rename("Rob"), renamed("Bob", "Rob"));
    ada.expect(notice("Bob is now known as Rob"));
    bob.ask(join("Google"), joined("Rob", "Google"));
    ada.expect(notice("Rob has left the chat!"));
    let mut eve = house.peer();
    eve.ask(join_room("Eve", "google"), jsonrpc_joined("Eve", &["Rob", "Eve"]));
    bob.expect(joined("Eve", "Google"));
    bob.ask(LEAVE, joined("Rob", "general"));
    eve.expect(notice("Rob has left the chat!"));
    ada.expect(notice("Rob has joined the chat!"));
    ada.finish();
    bob.expect(left("Ada", "general"));
    bob.finish();
    eve.finish();
}

#[test]
fn who_has_logged_in_is_told_of_the_end() {
    let house = open();
    let mut bob = house.user("Bob");
    let mut guest = house.stranger();
    house.begin_stop();
    bob.expect(notification("server_shutdown", r#""message":"Server is shutting down""#));
    bob.expect_close();
    guest.expect_close();
}
