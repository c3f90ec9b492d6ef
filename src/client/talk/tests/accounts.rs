//! `accounts`.

use super::*;
use crate::client::talk::accounts::Accounts;
use crate::client::url::Door;

/// Harper, in the lobby.
fn harper() -> Scene<Accounts> {
    let mut scene = Scene::new(Accounts::default());
    let tag = scene.call(
        log_in("Harper"),
        r#"{"type":"login","data":{"username":"Harper","password":"sesame"}}"#,
    );
    scene.answers(
        r#"{"type":"login","status":"ok","data":{"username":"harper","chatroom":"lobby"},"message":"Login successful"}"#,
        tag,
        Answer::LoggedIn("harper".into()),
    );
    scene
}

const ENTER: &str = r#"{"type":"enter","data":{"room":"tech_talk"}}"#;
const CREATE: &str = r#"{"type":"create","data":{"room":"tech_talk"}}"#;
const ENTERED: &str = r#"{"type":"enter","status":"ok","data":{"username":"harper","room":"tech_talk"},"message":"Welcome to tech_talk"}"#;
const EXIT: &str = r#"{"type":"exit"}"#;
const EXITED: &str =
    r#"{"type":"exit","status":"ok","message":"Exited chatroom, returned to lobby"}"#;
const LIST: &str = r#"{"type":"list"}"#;
const LOGOUT: &str = r#"{"type":"logout"}"#;
const LOGGED_OUT: &str = r#"{"type":"logout","status":"ok","message":"Logged out"}"#;

fn error(kind: &str, message: &str) -> String {
    format!(r#"{{"type":"{kind}","status":"error","message":"{message}"}}"#)
}

/// Harper, in tech_talk.
fn talker() -> Scene<Accounts> {
    let mut scene = harper();
    let tag = scene.call(join("tech_talk", ""), ENTER);
    scene.answers(ENTERED, tag, joined("tech_talk", "harper"));
    scene
}

#[test]
fn logging_in_and_out() {
    let mut scene = Scene::new(Accounts::default());
    let call = Call::Register { name: "harper".into(), password: "1234".into() };
    let tag =
        scene.call(call, r#"{"type":"register","data":{"username":"harper","password":"1234"}}"#);
    scene.answers(
        r#"{"type":"register","status":"ok","data":{"username":"harper","chatroom":"lobby"},"message":"Registration successful"}"#,
        tag,
        Answer::LoggedIn("harper".into()),
    );
    let tag = scene.call(Call::LogOut, LOGOUT);
    scene.answers(LOGGED_OUT, tag, Answer::Done);
    let tag = scene.call(
        log_in("harper"),
        r#"{"type":"login","data":{"username":"harper","password":"sesame"}}"#,
    );
    let words = "Invalid username or password";
    scene.refuses(&error("login", words), tag, words);
}

#[test]
fn one_logs_out_from_a_room_too() {
    let mut scene = talker();
    let tag = scene.call(Call::LogOut, EXIT);
    let saying = scene.call(say("Hi"), "");
    scene.asks(EXITED, LOGOUT);
    scene.hear(LOGGED_OUT);
    scene.heard([Heard::Answer(tag, Ok(Answer::Done))]);
    scene.requests(r#"{"type":"msg","data":{"from":"","to":"public","text":"Hi"}}"#);
    scene.refuses(&error("msg", "Not logged in"), saying, "Not logged in");
}

#[test]
fn a_room_that_is_not_there_is_made() {
    let mut scene = harper();
    let tag = scene.call(join("tech_talk", "HARPER"), ENTER);
    scene.asks(&error("enter", "Room does not exist"), CREATE);
    scene.asks(
        r#"{"type":"create","status":"ok","message":"tech_talk created successfully"}"#,
        ENTER,
    );
    scene.answers(ENTERED, tag, joined("tech_talk", "harper"));
    // There already, and there is nothing to ask.
    for room in ["", "tech_talk", "Tech_Talk"] {
        let tag = scene.call(join(room, ""), "");
        scene.heard([Heard::Answer(tag, Ok(joined("tech_talk", "harper")))]);
    }
}

#[test]
fn somebody_else_may_be_quicker_or_the_room_gone_again() {
    let mut scene = harper();
    let tag = scene.call(join("tech_talk", ""), ENTER);
    scene.asks(&error("enter", "Room does not exist"), CREATE);
    scene.asks(&error("create", "Room already exists"), ENTER);
    scene.refuses(&error("enter", "Room does not exist"), tag, "Room does not exist");
}

#[test]
fn the_default_room_is_the_first_of_the_list() {
    let mut scene = harper();
    let tag = scene.call(join("", ""), LIST);
    scene.asks(
        r#"{"type":"list","status":"ok","data":{"lobby":["harper"],"plaza":[],"annex":["ann"]}}"#,
        r#"{"type":"enter","data":{"room":"plaza"}}"#,
    );
    scene.answers(
        r#"{"type":"enter","status":"ok","data":{"username":"harper","room":"plaza"},"message":"Welcome to plaza"}"#,
        tag,
        joined("plaza", "harper"),
    );
}

#[test]
fn one_moves_by_the_lobby_and_goes_back_when_refused() {
    let mut scene = talker();
    let tag = scene.call(join("annex", ""), EXIT);
    scene.asks(EXITED, r#"{"type":"enter","data":{"room":"annex"}}"#);
    scene.asks(
        &error("enter", "Room does not exist"),
        r#"{"type":"create","data":{"room":"annex"}}"#,
    );
    scene.asks(&error("create", "Too many rooms"), ENTER);
    scene.refuses_half(ENTERED, tag, "Too many rooms", ("tech_talk", "harper"));
    let event = scene.now_in("tech_talk", message("ann", "back?"));
    scene.tells(
        r#"{"type":"msg","status":"ok","data":{"to":"public","from":"ann","text":"back?"}}"#,
        event,
    );
    let tag = scene.call(join("  ", ""), EXIT);
    scene.asks(EXITED, r#"{"type":"enter","data":{"room":"  "}}"#);
    scene.asks(&error("enter", "Room name is required"), ENTER);
    let words = "Room name is required (and no way back: Room does not exist)";
    scene.refuses_half(&error("enter", "Room does not exist"), tag, words, ("", "harper"));
    scene.call_refused(Call::Users, refused("Enter a chatroom first"));
}

#[test]
fn one_bears_the_accounts_name() {
    let mut scene = Scene::new(Accounts::default());
    let words = "Log in or register first: here users have accounts";
    scene.call_refused(join("", "harper"), refused(words));
    let tag = scene.call(join("tech_talk", ""), ENTER);
    scene.refuses(&error("enter", "Not logged in"), tag, "Not logged in");
    let words = "Here one is called as one's account is: harper";
    harper().call_refused(join("", "ann"), refused(words));
}

#[test]
fn ones_own_message_is_the_answer() {
    let mut scene = talker();
    let first = scene.call(
        say("Hello everyone!"),
        r#"{"type":"msg","data":{"from":"harper","to":"public","text":"Hello everyone!"}}"#,
    );
    let second = scene.call(
        whisper("ann", "psst"),
        r#"{"type":"msg","data":{"from":"harper","to":"ann","text":"psst"}}"#,
    );
    let event = scene.now_in("tech_talk", message("ann", "Hello everyone!"));
    scene.tells(
        r#"{"type":"msg","status":"ok","data":{"to":"public","from":"ann","text":"Hello everyone!"}}"#,
        event,
    );
    let own = r#"{"type":"msg","status":"ok","data":{"to":"public","from":"harper","text":"Hello everyone!"}}"#;
    scene.answers(own, first, said());
    let event = scene.now_in("tech_talk", private("ann", "what?"));
    scene.tells(
        r#"{"type":"msg","status":"ok","data":{"to":"harper","from":"ann","text":"what?"}}"#,
        event,
    );
    let words = "User ann is not in this room";
    scene.refuses(&error("msg", words), second, words);
    scene.ignores(own);
}

#[test]
fn what_one_says_to_oneself_is_heard_too() {
    let mut scene = talker();
    let tag = scene.call(
        whisper("Harper", "milk"),
        r#"{"type":"msg","data":{"from":"harper","to":"Harper","text":"milk"}}"#,
    );
    scene.hear(
        r#"{"type":"msg","status":"ok","data":{"to":"harper","from":"harper","text":"milk"}}"#,
    );
    let event = scene.now_in("tech_talk", private("harper", "milk"));
    scene.heard([Heard::Answer(tag, Ok(said())), Heard::Event(event)]);
}

#[test]
fn nothing_meant_for_one_is_told_to_all() {
    let mut scene = talker();
    for to in
        ["public", " PUBLIC\t", "pub\u{200b}lic", "ｐｕｂｌｉｃ", "𝐩𝐮𝐛𝐥𝐢𝐜", "ⓟⓤⓑⓛⓘⓒ", "pᵤblic"]
    {
        scene.call_refused(whisper(to, "x"), refused(&format!("User {to} is not in this room")));
    }
    for to in ["publi", "publicc", "republic", "Сергей", "pub😀ic"] {
        assert!(
            scene
                .call(
                    whisper(to, "x"),
                    &format!(
                        r#"{{"type":"msg","data":{{"from":"harper","to":"{to}","text":"x"}}}}"#
                    )
                )
                .0
                > 0
        );
    }
}

#[test]
fn lists() {
    let mut scene = harper();
    let tag = scene.call(Call::Rooms, LIST);
    scene.answers(
        r#"{"type":"list","status":"ok","data":{"lobby":["harper"],"general":[],"tech_talk":["ann","bob"]}}"#,
        tag,
        Answer::Rooms(vec![room("general", Some(0), false), room("tech_talk", Some(2), false)]),
    );
    let mut scene = talker();
    let list = r#"{"type":"list","status":"ok","data":{"tech_talk":["ann","harper"]}}"#;
    let users = scene.call(Call::Users, LIST);
    let rooms = scene.call(Call::Rooms, LIST);
    scene.answers(list, users, Answer::Users(names(&["ann", "harper"])));
    scene.answers(list, rooms, Answer::Rooms(vec![room("tech_talk", Some(2), false)]));
    for data in ["7", r#"{"annex":[]}"#, r#"{"tech_talk":[7]}"#, r#"{"tech_talk":"ann"}"#] {
        let users = scene.call(Call::Users, LIST);
        let list = format!(r#"{{"type":"list","status":"ok","data":{data}}}"#);
        scene.refuses(&list, users, "The server's answer makes no sense");
    }
}

#[test]
fn an_account_may_be_removed() {
    let mut scene = talker();
    scene.tells(LOGGED_OUT, Event::LoggedOut { name: None });
    let tag = scene.call(Call::Leave, EXIT);
    scene.tells(LOGGED_OUT, Event::LoggedOut { name: None });
    scene.refuses(&error("exit", "Not logged in"), tag, "Not logged in");
    scene.ignores(r#"{"type":"msg","status":"ok","data":{"to":"public","from":"ann","text":"x"}}"#);
}

#[test]
fn what_the_door_does_not_have() {
    let mut scene = talker();
    let not_offered = |call| CallError::NotOffered { door: Door::Accounts, call };
    scene.call_refused(rename("ann"), not_offered("renaming"));
    scene.call_refused(Call::History { after: 0, limit: 9 }, not_offered("history"));
    scene.call_refused(Call::SetPrivate { private: true }, not_offered("private rooms"));
    let tag = scene.call(Call::Typing, "");
    scene.heard([Heard::Answer(tag, Ok(Answer::Done))]);
}

#[test]
fn a_ping_is_refused_anywhere() {
    for mut scene in [Scene::new(Accounts::default()), harper(), talker()] {
        let tag = scene.call(Call::Ping, r#"{"type":"ping"}"#);
        let pong = Answer::Pong(Duration::ZERO);
        scene.answers(&error("ping", "Unknown type"), tag, pong);
    }
}

#[test]
fn answers_to_nothing_are_ignored() {
    let mut scene = talker();
    scene.ignores(EXITED);
    scene.ignores(&error("error", "Invalid JSON"));
    let tag = scene.call(Call::Leave, EXIT);
    scene.ignores(ENTERED);
    scene.ignores(r#"{"type":"exit","status":7}"#);
    scene.ignores(
        r#"{"type":"msg","status":"ok","data":{"to":"public","from":"harper","text":"x"}}"#,
    );
    scene.refuses(&error("error", "Invalid JSON"), tag, "Invalid JSON");
}

/// Held against the server's own rule, for all that Unicode has.
#[cfg(feature = "daemon")]
#[test]
fn no_spelling_of_public_goes_unnoticed() {
    use crate::chat::Name;
    const WHOLE: &str = "public";
    let key = |name: &str| Name::new(name, 50).map(|name| name.key().to_owned()).ok();
    let mut scene = talker();
    let mut is_refused = |name: &str| {
        let words = format!("User {name} is not in this room");
        scene.call_refused(whisper(name, "x"), refused(&words));
    };
    for c in ('\u{80}'..='\u{3ffff}').chain('\u{e0000}'..='\u{e0fff}') {
        if let Some(key) = key(c.encode_utf8(&mut [0; 4])).filter(|key| WHOLE.contains(&**key)) {
            assert_eq!(key.len(), 1, "{c:?} is several letters");
            is_refused(&WHOLE.replace(&*key, &c.to_string()));
        }
        let within = format!("pub{c}lic");
        if key(&within).as_deref() == Some(WHOLE) {
            is_refused(&within);
        }
    }
}
