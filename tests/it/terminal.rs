//! `parlance chat` on a full screen, driven as a person would: keys in, screens out.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::skip;
use crate::support::{Daemon, PATIENCE};
use crate::terminal_pane::{Neighbour, Pane, house};

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
        let deadline = Instant::now() + PATIENCE;
        while first_message(&pane.screen()).is_none_or(|first| first > number) {
            assert!(Instant::now() < deadline, "never back to {number}:\n{}", pane.screen());
            pane.keys(&["PageUp"]);
        }
    }
    pane.keys(&["C-Home"]);
    pane.sees("message 1;");
    pane.keys(&["C-Home"]);
    pane.sees("bob came");
    bob.says("something new");
    pane.sees("↓ 1 new");
    pane.keys(&["C-End"]);
    pane.sees("── new messages ──");
    let screen = pane.sees("bob │ something new");
    assert!(!screen.contains('↓'), "{screen}");
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
    mallory.says("\u{200b}\u{2066}\u{feff}end");
    pane.sees("end");
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
    pane.sees("The same again:");
    pane.types("sesame");
    pane.keys(&["Enter"]);
    let screen = pane.sees("zoe in general");
    assert!(!screen.contains("sesame"), "{screen}");
    pane.keys(&["Up"]);
    pane.sees("] /register zoe");
    pane.keys(&["C-c", "C-y"]);
    assert!(!pane.screen().contains("sesame"), "{}", pane.screen());
    pane.keys(&["C-c"]);
    pane.enters("/quit");
    pane.is_back();

    // It is known now, and the account is there.
    pane.enters("clear");
    pane.runs(&format!("chat accounts://{} -u zoe", daemon.address("accounts")));
    pane.sees("Log in as [zoe]:");
    pane.keys(&["Enter"]);
    pane.sees("Password of zoe:");
    pane.enters("wrong");
    pane.sees("Invalid username or password");
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
    pane.enters("clear");
    pane.runs(&format!("chat accounts://{server}; echo exit $?"));
    pane.sees("WARNING: the server at");
    pane.sees("exit 1");
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
    pane.enters("clear");
    pane.runs(&chat);
    pane.sees("alice in general");
    pane.keys(&["C-d"]);
    pane.is_back();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        pane.enters("clear");
        pane.runs(&format!("{chat}; echo exit $?"));
        pane.sees("alice in general");
        kill_process(child_of(&pane.knows("#{pane_pid}")), signal).expect("a process");
        pane.sees("exit 0");
        pane.is_back();
    }
    drop(daemon);
    pane.enters("clear");
    pane.runs(&format!("{chat}; echo exit $?"));
    pane.sees("nobody listens at 127.0.0.1:");
    pane.sees("exit 1");
}

/// Where nobody sends a SIGHUP: it is no job of the terminal's.
#[test]
fn a_terminal_that_is_gone_is_the_end() {
    let daemon = house();
    if !skip::has_command("setsid", "--version") {
        return;
    }
    let Some(pane) = Pane::open(80, 24) else { return };
    let chat = format!("chat ws://{} -u alice", daemon.address("websocket"));
    pane.enters(&format!("setsid -w {} {chat}", env!("CARGO_BIN_EXE_parlance")));
    pane.sees("alice in general");
    let setsid = child_of(&pane.knows("#{pane_pid}"));
    let chat = child_of(&setsid.as_raw_nonzero().to_string()).as_raw_nonzero();
    drop(pane);
    // Well before there is something to draw, which would fail.
    let deadline = Instant::now() + Duration::from_secs(5);
    // Whoever adopted it may not have waited for it yet.
    let lives = |stat: String| !stat.contains(") Z ");
    while std::fs::read_to_string(format!("/proc/{chat}/stat")).is_ok_and(lives) {
        assert!(Instant::now() < deadline, "it goes on without a terminal");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What the shell runs.
fn child_of(shell: &str) -> Pid {
    let path = format!("/proc/{shell}/task/{shell}/children");
    let children = std::fs::read_to_string(path).expect("its children");
    let child = children.split_whitespace().next().expect("a child");
    Pid::from_raw(child.parse().expect("a number")).expect("a process id")
}

#[test]
fn a_lost_server_is_come_back_to() {
    let daemon = house();
    let websocket = format!("websocket={}", daemon.address("websocket"));
    let ndjson = format!("ndjson={}", daemon.address("ndjson"));
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
    let daemon = Daemon::start(&["-l", &websocket, "-l", &ndjson]);
    pane.sees("connected again");
    pane.sees("alice in general");
    let mut bob = Neighbour::come(&daemon, "bob");
    pane.sees("bob came");
    pane.keys(&["Enter"]);
    bob.hears(r#""user":"alice","text":"meanwhile""#);
    bob.says("welcome back");
    pane.sees("bob │ welcome back");
}
