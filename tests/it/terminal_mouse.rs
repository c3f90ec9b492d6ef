//! `parlance chat` and the mouse: the wheel scrolls where that is wanted, and makes no keys where not.

use rustix::process::{Signal, kill_process};

use crate::terminal_pane::{Neighbour, Pane, house};

/// What a terminal sends for a notch up.
const WHEEL_UP: &str = "\x1b[<64;10;10M";
const WHEEL_DOWN: &str = "\x1b[<65;10;10M";

#[track_caller]
fn has_mouse(pane: &Pane, is_so: bool) {
    let knows = if is_so { "1 1" } else { "0 0" };
    pane.comes_to_know("#{mouse_standard_flag} #{mouse_sgr_flag}", knows);
}

#[test]
fn the_wheel_scrolls_once_it_is_to() {
    let daemon = house();
    let Some(pane) = Pane::chatting(&daemon, "alice", 100, 12) else { return };
    let mut bob = Neighbour::come(&daemon, "bob");
    for number in 1..=30 {
        bob.says(&format!("message {number};"));
    }
    pane.sees("message 30;");
    has_mouse(&pane, false);
    pane.enters("/mouse");
    pane.sees("the wheel scrolls");
    has_mouse(&pane, true);
    pane.sees("message 22;");
    pane.types(WHEEL_UP);
    // What was told stands behind the last one.
    pane.becomes("three rows further up", |screen| {
        screen.contains("message 19;")
            && screen.contains("message 28;")
            && !screen.contains("message 29;")
    });
    pane.types(WHEEL_DOWN);
    pane.becomes("the end", |screen| screen.contains("message 30;") && !screen.contains("↓"));
    // A click is nothing, and no wheel is in the message.
    pane.types("\x1b[<0;10;10M\x1b[<0;10;10mstill fine");
    pane.keys(&["Enter"]);
    bob.hears(r#""user":"alice","text":"still fine""#);

    pane.keys(&["C-z"]);
    pane.is_asked();
    has_mouse(&pane, false);
    pane.is_back();
    pane.commands("fg");
    pane.sees("alice in general");
    has_mouse(&pane, true);
    pane.enters("/mouse");
    pane.sees("the mouse is the terminal's again");
    has_mouse(&pane, false);
    pane.enters("/mouse");
    has_mouse(&pane, true);
    pane.keys(&["C-c"]);
    pane.is_back();
    has_mouse(&pane, false);
}

#[test]
fn the_terminal_does_with_the_wheel_as_before_after_every_way_out() {
    let daemon = house();
    let Some(pane) = Pane::open(80, 24) else { return };
    let chat = format!("chat ws://{} -u alice", daemon.address("websocket"));
    for way_out in ["key", "signal", "stop"] {
        let record = pane.is_recorded(way_out);
        pane.runs(&chat);
        pane.sees("alice in general");
        match way_out {
            "key" => pane.keys(&["C-c"]),
            "signal" => kill_process(pane.child(), Signal::TERM).expect("a process"),
            _ => {
                pane.keys(&["C-z"]);
                pane.is_back();
                pane.commands("fg");
                pane.sees("alice in general");
                pane.keys(&["C-c"]);
            }
        }
        pane.is_back();
        let times = if way_out == "stop" { 2 } else { 1 };
        pane.becomes("what was written, in a file", |_| {
            let record = std::fs::read(&record).unwrap_or_default();
            let record = String::from_utf8_lossy(&record);
            wheel_modes(&record) == "slhr".repeat(times)
                && ["1000", "1004", "1006", "1049"].iter().all(|mode| is_off(&record, mode))
        });
    }
}

/// What is done with the wheel's own mode: saved, set, reset, restored.
fn wheel_modes(record: &str) -> String {
    record.split("\x1b[?1007").skip(1).filter_map(|rest| rest.chars().next()).collect()
}

/// Whether a mode is reset, and not set again.
fn is_off(record: &str, mode: &str) -> bool {
    let last = |end| record.rfind(&format!("\x1b[?{mode}{end}"));
    last("l") > last("h")
}
