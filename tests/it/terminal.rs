//! `parlance chat` on a full screen, driven as a person would: keys in, screens out.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::skip;
use crate::support::Daemon;
use crate::terminal_pane::{Neighbour, Pane, house, house_at, is_in_state, is_state, looks_until};

/// The program, as the shell calls it.
const PARLANCE: &str = env!("CARGO_BIN_EXE_parlance");

#[test]
fn two_people_talk_through_two_doors() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 100, 16) else { return };
    let mut bob = Neighbour::come(&daemon, "bob");
    pane.sees("bob came");
    bob.says("hello alice");
    pane.sees("hello alice");
    pane.types("bo");
    pane.keys(&["Tab"]);
    pane.enters("how are you?");
    bob.hears(r#""user":"alice","text":"bob: how are you?""#);
    pane.enters("fine?");
    bob.hears(r#""user":"alice","text":"fine?""#);
    bob.sends(r#"{"type":"message","text":"psst","to":"alice"}"#);
    pane.sees("psst");
    pane.enters("/msg bob what?");
    bob.hears(r#""text":"what?","private":true"#);
    pane.pastes("two\nlines");
    pane.sees("two⏎lines");
    pane.keys(&["Enter"]);
    bob.hears(r#""text":"two\nlines""#);
    pane.shows(
        r"
                                                                            │ rooms
                                                                            │ general
─── the day│
HH:MM            · │ Tab completes, /help tells of the commands and keys,   │ 2 people
                   │ Ctrl-C quits.                                          │ alice
─────────────────────────── general · 1 person ──────────────────────────── │ bob
HH:MM            → │ bob came                                               │
HH:MM          bob │ hello alice                                            │
HH:MM        alice │ bob: how are you?                                      │
HH:MM        alice │ fine?                                                  │
HH:MM          bob │ [private] psst                                         │
HH:MM        alice │ [private to bob] what?                                 │
HH:MM        alice │ two                                                    │
                   │ lines                                                  │
 connected │ alice in general │ websocket │ 127.0.0.1
[general]
",
    );
}

#[test]
fn another_size_is_another_layout() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 100, 16) else { return };
    let mut bob = Neighbour::come(&daemon, "bob");
    bob.says("it was the best of times, it was the worst of times 日本語");
    pane.sees("best of times");
    pane.types("and so");
    pane.sees("and so");
    pane.resize(40, 12);
    pane.shows(
        r"


─── the day
HH:MM · Tab completes, /help tells of
      the commands and keys, Ctrl-C
      quits.
────────── general · 1 person ──────────
HH:MM → bob came
HH:MM bob: it was the best of times, it
      was the worst of times 日本語
 alice in general │ websocket
[general] and so
",
    );
    pane.resize(20, 5);
    pane.shows(
        r"
of times, it was the
worst of times
日本語
 alice in general
> and so
",
    );
    pane.enters(" it was");
    bob.hears(r#""text":"and so it was""#);
    pane.resize(10, 3);
    pane.sees("too small");
    pane.resize(100, 16);
    pane.sees("alice │ and so it was");
    pane.sees("│ 2 people");
}

#[test]
fn what_was_said_can_be_read_again() {
    let daemon = house();
    let mut bob = Neighbour::come(&daemon, "bob");
    for number in 1..=150 {
        bob.says(&format!("message {number};"));
    }
    bob.sends(r#"{"type":"ping","id":7}"#);
    bob.hears(r#""id":7"#);
    let Some(pane) = Pane::chatting(&daemon, "alice", 80, 24) else { return };
    // What was said before one came is there, and more of it above.
    pane.sees("message 150;");
    // The first of them comes into sight, and then there are older ones above it.
    for number in [110, 101, 60] {
        pane.presses_until("PageUp", &format!("message {number}"), |screen| {
            first_message(screen).is_some_and(|first| first <= number)
        });
    }
    pane.presses_until("C-Home", "the first message", |screen| screen.contains("message 1;"));
    pane.presses_until("C-Home", "what was before it", |screen| screen.contains("bob came"));
    bob.says("something new");
    pane.sees("↓ 1 new");
    pane.keys(&["C-End"]);
    pane.becomes("the end, with a mark", |screen| {
        let is_there = |part| screen.contains(part);
        is_there("── new messages ──") && is_there("bob │ something new") && !is_there("↓")
    });
}

/// The number of the uppermost message on the screen, unless it is just being drawn.
fn first_message(screen: &str) -> Option<u32> {
    screen.split_once("│ message ")?.1.split_once(';')?.0.parse().ok()
}

#[test]
fn a_hostile_peer_reaches_nothing_but_the_log() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 100, 24) else { return };
    let title = pane.knows("#{pane_title}");
    let evil = "\x1b]0;pwned\x07\x1b]2;pwned\x1b\\\x1b[2J\x1b[H\u{9b}31mred\x1b[31;1mred\u{202e}olleh\u{7}\r";
    // Names are cleaned by the server; texts come as they are.
    let mut mallory = Neighbour::come(&daemon, "\x1b]0;pwned\x07\x1b[5m\u{202e}mallory");
    mallory.says(evil);
    mallory.says(&format!("a{}b", "\u{301}".repeat(200)));
    mallory.says("\u{200b}\u{2066}\u{feff}the end");
    pane.sees("the end");
    // It stands above, and was drawn before.
    let screen = pane.sees("␛]0;pwned␇␛]2;pwned");
    assert!(screen.contains("[2J") && !screen.contains('\u{202e}'), "{screen}");
    let looks = pane.screen_with_looks();
    for foreign in ["\x1b[5m", "\x1b]", "\x1b[31;1m", "\u{9b}", "\u{202e}", "\u{2066}", "\x07"] {
        assert!(!looks.contains(foreign), "{foreign:?} in {looks:?}");
    }
    assert_eq!(pane.knows("#{pane_title}"), title);
    pane.enters("still fine");
    mallory.hears("still fine");
}

#[test]
fn a_password_is_not_shown() {
    let daemon = Daemon::start(&["-l", "accounts=127.0.0.1:0"]);
    let Some(pane) = Pane::open(100, 24) else { return };
    pane.runs(&format!("chat accounts://{}", daemon.address("accounts")));
    pane.sees("shows a certificate that nobody vouches for");
    pane.sees("Trust it from now on? [y/N]");
    pane.enters("y");
    pane.sees("Log in as [guest]:");
    pane.keys(&["C-u"]);
    pane.enters("/register zoe");
    pane.sees("Password of zoe:");
    pane.enters("sesame");
    let screen = pane.sees("The same again:");
    assert!(!screen.contains("sesame"), "{screen}");
    pane.enters("sesame");
    let screen = pane.sees("zoe in general");
    assert!(!screen.contains("sesame"), "{screen}");
    pane.keys(&["Up"]);
    pane.sees("] /register zoe");
    // Nothing was killed but what is no password: what is typed then stands alone.
    pane.keys(&["C-c", "C-y"]);
    pane.types("alone");
    pane.becomes("an empty line", |screen| screen.contains("[general] alone\n"));
    pane.keys(&["C-c"]);
    pane.enters("/quit");
    pane.is_back();

    // It is known now, and the account is there.
    pane.runs(&format!("chat accounts://{} -u zoe", daemon.address("accounts")));
    pane.sees("Log in as [zoe]:");
    pane.keys(&["Enter"]);
    pane.sees("Password of zoe:");
    pane.enters("wrong");
    pane.sees("Invalid username or password");
    pane.sees("Log in as [zoe]:");
    pane.keys(&["Enter"]);
    pane.sees("Password of zoe:");
    pane.enters("sesame");
    pane.sees("zoe in general");
    pane.keys(&["C-c"]);
    pane.is_back();

    // Another certificate than before is refused.
    let known = pane.folder().at("config/parlance/known_servers");
    let text = std::fs::read_to_string(&known).expect("the known servers");
    let (server, fingerprint) = text.trim().split_once(' ').expect("two words");
    assert_eq!(server, daemon.address("accounts").to_string());
    let other = fingerprint.replace(|c: char| c.is_ascii_hexdigit(), "0");
    std::fs::write(&known, format!("{server} {other}\n")).expect("a written file");
    let screen = pane.asks(&format!("{PARLANCE} chat accounts://{server}; echo exit $?"));
    assert!(screen.contains("WARNING: the server at"), "{screen}");
    assert!(screen.contains("\nexit 1\n"), "{screen}");
}

#[test]
fn the_terminal_is_as_before_on_every_way_out() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 80, 24) else { return };
    let chat = format!("chat ws://{} -u alice", daemon.address("websocket"));
    pane.types("a draft");
    pane.sees("] a draft");
    // The first empties the line.
    pane.keys(&["C-c"]);
    pane.becomes("an empty line", |screen| !screen.contains("draft"));
    pane.keys(&["C-c"]);
    pane.is_back();
    pane.runs(&chat);
    pane.sees("alice in general");
    pane.keys(&["C-d"]);
    pane.is_back();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        pane.runs(&chat);
        pane.sees("alice in general");
        kill_process(pane.child(), signal).expect("a process");
        pane.is_asked();
        let screen = pane.asks("echo exit $?");
        assert!(screen.contains("exit 0\n"), "{signal:?}: {screen}");
        pane.is_back();
    }
    drop(daemon);
    let screen = pane.asks(&format!("{PARLANCE} {chat}; echo exit $?"));
    assert!(screen.contains("nobody listens at 127.0.0.1:"), "{screen}");
    assert!(screen.contains("\nexit 1\n"), "{screen}");
}

#[test]
fn a_second_signal_ends_it_even_if_the_terminal_takes_nothing() {
    let daemon = house();
    let Some(pane) = Pane::open(80, 24) else { return };
    let code = daemon.folder().at("exit");
    let address = daemon.address("websocket");
    pane.commands(&format!("{PARLANCE} chat ws://{address} -u alice; echo $? >{code}"));
    pane.sees("alice in general");
    let (chat, tty) = (pane.child(), pane.knows("#{pane_tty}"));
    let mut bob = Neighbour::come(&daemon, "bob");
    let stuck = pane.is_stuck();
    // This is to be drawn.
    bob.says("hello");
    bob.sends(r#"{"type":"ping","id":7}"#);
    bob.hears(r#""id":7"#);
    // Two that come at once may be one.
    looks_until(|| {
        if is_in_state(chat, "Z") {
            return Ok(());
        }
        // There may be none any more.
        let _ = kill_process(chat, Signal::TERM);
        Err("it goes on".into())
    });
    drop(stuck);
    assert_eq!(exit_code(&code), "1\n");
    // What the terminal itself does is left as it is, for it takes nothing; but not what is done with keys.
    let tty = File::open(tty).expect("the terminal");
    let modes = Command::new("stty").arg("-a").stdin(tty).output().expect("stty runs");
    let modes = String::from_utf8_lossy(&modes.stdout).into_owned();
    assert!(modes.contains(" icanon") && modes.contains(" echo "), "{modes}");
}

/// What a shell has written into this file, once it has.
#[track_caller]
fn exit_code(file: &str) -> String {
    looks_until(|| {
        let code = std::fs::read_to_string(file).unwrap_or_default();
        if code.ends_with('\n') { Ok(code) } else { Err("it goes on".into()) }
    })
}

#[test]
fn much_that_is_typed_at_once_is_there_at_once() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 80, 12) else { return };
    pane.types(&"x".repeat(3000));
    pane.sees(" 3000/1000");
}

#[test]
fn a_screen_that_others_have_spoilt_is_drawn_afresh() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 80, 12) else { return };
    let mut bob = Neighbour::come(&daemon, "bob");
    pane.sees("bob came");
    pane.scribbles("\x1b[5;5Hspoilt");
    pane.sees("spoilt");
    pane.types("a draft");
    pane.sees("] a draft");
    pane.keys(&["C-l"]);
    pane.becomes("the screen as it was", |screen| {
        !screen.contains("spoilt") && screen.contains("] a draft")
    });
    pane.enters("!");
    bob.hears(r#""text":"a draft!""#);
}

/// Where nobody sends a SIGHUP: it is no job of the terminal's.
#[test]
fn a_terminal_that_is_gone_is_the_end() {
    let daemon = house();
    if !skip::has_command("setsid", "--version") {
        return;
    }
    let Some(pane) = Pane::open(80, 24) else { return };
    let chat = format!("{PARLANCE} chat ws://{} -u alice", daemon.address("websocket"));
    let code = daemon.folder().at("exit");
    let start = Instant::now();
    pane.commands(&format!("setsid -w sh -c '{chat}; echo $? >{code}'"));
    pane.sees("alice in general");
    // How far away the server is was asked at the start, and is asked again every ten seconds.
    pane.becomes("the round trip", |screen| screen.contains("ms │ alice in general"));
    daemon.signal(Signal::STOP);
    is_state(daemon.process(), "T");
    // Then nothing more comes that would have to be drawn, which is another end, with 1.
    let is_silent = start.elapsed() < Duration::from_secs(10);
    drop(pane);
    let code = exit_code(&code);
    assert!(code == "0\n" || !is_silent, "{code}");
}

#[test]
fn a_lost_server_is_come_back_to() {
    let daemon = house_at("127.0.0.2:0", "127.0.0.2:0");
    let (websocket, ndjson) = (daemon.address("websocket"), daemon.address("ndjson"));
    let Some(pane) = Pane::chatting(&daemon, "alice", 100, 24) else { return };
    pane.enters("before");
    daemon.signal(Signal::KILL);
    daemon.wait();
    pane.sees("the server is lost");
    pane.becomes("the state", |screen| {
        screen.contains(" lost, retry in") || screen.contains(" connecting …")
    });
    pane.enters("meanwhile");
    pane.sees("! │ not connected");
    pane.sees("] meanwhile");
    let daemon = house_at(websocket, ndjson);
    pane.sees("connected again");
    pane.sees("alice in general");
    let mut bob = Neighbour::come(&daemon, "bob");
    pane.sees("bob came");
    pane.keys(&["Enter"]);
    bob.hears(r#""user":"alice","text":"meanwhile""#);
    bob.says("welcome back");
    pane.sees("bob │ welcome back");
}
