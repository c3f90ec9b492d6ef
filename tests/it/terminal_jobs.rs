//! `parlance chat` under job control: stopped, in the background, and back again.

use std::fs::File;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::terminal_pane::{Neighbour, Pane, house, is_state};

/// Keys are taken one by one, and pastes come in brackets.
#[track_caller]
fn is_ready(pane: &Pane) {
    pane.keys(&["C-u"]);
    pane.types("/he");
    pane.keys(&["Tab"]);
    pane.sees("] /help");
    pane.keys(&["C-u"]);
    pane.pastes("two\nlines");
    pane.sees("] two⏎lines");
    pane.keys(&["C-u"]);
    pane.becomes("an empty line", |screen| !screen.contains("two⏎lines"));
}

#[track_caller]
fn send(process: Pid, signal: Signal) {
    kill_process(process, signal).expect("a process");
}

#[test]
fn ctrl_z_leads_to_the_shell_and_fg_back() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 80, 24) else { return };
    let mut bob = Neighbour::come(&daemon, "bob");
    pane.sees("bob came");
    pane.types("a draft");
    pane.sees("] a draft");
    let chat = pane.child();
    // What is typed right behind it must never be said here.
    pane.keys(&["C-z", "r", "m", "Enter"]);
    let screen = pane.is_asked();
    assert!(screen.contains("Stopped"), "{screen}");
    is_state(chat, "T");
    pane.is_back();
    bob.says("are you there?");
    // Of which nobody tells who is stopped.
    pane.resize(60, 12);
    pane.commands("fg");
    pane.becomes("the chat", |screen| {
        let is_there = |part| screen.contains(part);
        is_there("bob │ are you there?") && is_there("\n[general] a draft") && !is_there("ready ")
    });
    pane.enters("!");
    let line = bob.hears(r#""user":"alice""#);
    assert!(line.contains(r#""text":"a draft!""#), "{line}");
    is_ready(&pane);
    pane.keys(&["C-c"]);
    pane.is_back();
}

#[test]
fn a_stop_from_outside_is_the_same() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 80, 24) else { return };
    let chat = pane.child();
    for _ in 0..2 {
        send(chat, Signal::TSTP);
        pane.is_asked();
        is_state(chat, "T");
        pane.is_back();
        pane.commands("fg");
        pane.sees("alice in general");
        is_ready(&pane);
    }
    send(chat, Signal::TSTP);
    pane.is_asked();
    // What ends it must not be put off until somebody brings it back.
    send(chat, Signal::TERM);
    send(chat, Signal::CONT);
    is_state(chat, "Z");
    pane.is_back();
}

#[test]
fn in_the_background_it_leaves_the_terminal_alone() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 80, 24) else { return };
    let mut bob = Neighbour::come(&daemon, "bob");
    pane.sees("bob came");
    let chat = pane.child();
    for text in ["by the key", "by a signal"] {
        match text {
            "by the key" => pane.keys(&["C-z"]),
            _ => send(chat, Signal::TSTP),
        }
        pane.is_asked();
        is_state(chat, "T");
        pane.commands("bg");
        pane.is_asked();
        bob.says(text);
        // What is typed here is not looked at there, which would be another stop.
        for _ in 0..10 {
            pane.commands(":");
        }
        pane.is_back();
        is_state(chat, "S");
        pane.commands("fg");
        pane.sees(&format!("bob │ {text}"));
        is_ready(&pane);
    }
    pane.keys(&["C-c"]);
    pane.is_back();
}

#[test]
fn after_a_stop_that_nobody_announced_the_terminal_is_taken_again() {
    let daemon = house();
    let Some(pane) = Pane::open(80, 24) else { return };
    pane.commands("set +m");
    pane.runs(&format!("chat ws://{} -u alice", daemon.address("websocket")));
    pane.sees("alice in general");
    // Without job control nobody would bring it back.
    pane.keys(&["C-z"]);
    pane.sees("! │ there is no shell to go back to");
    is_ready(&pane);
    let chat = pane.child();
    send(chat, Signal::STOP);
    is_state(chat, "T");
    let tty = File::open(pane.knows("#{pane_tty}")).expect("the terminal");
    let status = Command::new("stty").arg("sane").stdin(tty).status().expect("stty runs");
    assert!(status.success());
    pane.scribbles("\x1b[?2004l\x1b[?1049l\x1b[H\x1b[2Jspoilt\r\n");
    pane.becomes("another screen", |screen| screen.trim_end() == "spoilt");
    send(chat, Signal::CONT);
    pane.becomes("the chat", |screen| screen.contains("\n[general]") && !screen.contains("spoilt"));
    assert_eq!(pane.knows("#{alternate_on}"), "1");
    is_ready(&pane);
    pane.keys(&["C-c"]);
    pane.is_back();
}
