//! `parlance chat` through pipes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Daemon, TempFolder, ended, lines, parlance, run, within_patience};
use crate::terminal_pane::{Neighbour, PATIENCE, house, house_at, masked};

/// A chat whose lines go through pipes.
struct Chat {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    _folder: TempFolder,
}

impl Chat {
    fn start(arguments: &[&str]) -> Chat {
        let folder = TempFolder::new();
        let mut command = parlance(&[&["chat"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("XDG_CONFIG_HOME", folder.path()).env("LOGNAME", "guest").env("TZ", "UTC");
        let mut child = command.spawn().expect("a process");
        let stdin = child.stdin.take();
        let stdout = lines(child.stdout.take().expect("stdout"));
        let stderr = lines(child.stderr.take().expect("stderr"));
        Chat { child, stdin, stdout, stderr, _folder: folder }
    }

    fn enters(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("stdin");
        stdin.write_all(format!("{text}\n").as_bytes()).expect("a line");
    }

    /// The next line, its time masked.
    #[track_caller]
    fn prints(&mut self, expected: &str) {
        let line = self.stdout.recv_timeout(PATIENCE).expect("a line");
        assert_eq!(masked(&line).trim_end(), expected);
    }

    #[track_caller]
    fn object(&mut self) -> Value {
        let line = self.stdout.recv_timeout(PATIENCE).expect("a line");
        serde_json::from_str(&line).expect("an object")
    }

    /// The next answer, whatever happens before it.
    #[track_caller]
    fn answer(&mut self) -> Value {
        loop {
            let object = self.object();
            if object["answer"].is_string() {
                return object;
            }
        }
    }

    #[track_caller]
    fn complains(&mut self, part: &str) {
        let line = self.stderr.recv_timeout(PATIENCE).expect("a line");
        assert!(line.starts_with("parlance: ") && line.contains(part), "{line}");
    }

    /// Ends stdin and gives the exit code.
    #[track_caller]
    fn ends(mut self) -> i32 {
        drop(self.stdin.take());
        let child = std::mem::replace(&mut self.child, quiet());
        let status = within_patience(move || {
            let mut child = child;
            child.wait()
        });
        status.expect("an end").expect("a status").code().expect("an exit code")
    }
}

/// A process that does nothing, in the place of one that was moved out.
fn quiet() -> Child {
    let mut command = parlance(&["version"]);
    command.stdout(Stdio::null()).spawn().expect("a process")
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url(daemon: &Daemon, door: &str) -> String {
    let scheme = if door == "websocket" { "ws" } else { door };
    format!("{scheme}://{}", daemon.address(door))
}

#[test]
fn what_is_piped_in_is_said_and_acknowledged() {
    let daemon = house();
    let mut bob = Neighbour::come(&daemon, "bob");
    let folder = TempFolder::new();
    let many: String = (1..=300).map(|number| format!("message {number}\n")).collect();
    let input = format!("hi\n//usr is said\n\n{many}last, without an end");
    let file = folder.write("stdin", &input);
    for door in ["ndjson", "websocket"] {
        let mut command = parlance(&["chat", &url(&daemon, door), "-u", "script"]);
        command.stdin(std::fs::File::open(&file).expect("the file"));
        let output = run(command.env("TZ", "UTC"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
        let stdout = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(masked(&stdout), "HH:MM * you are script in general\n");
        bob.hears(r#""text":"hi""#);
        bob.hears(r#""text":"/usr is said""#);
        for number in [1, 150, 300] {
            bob.hears(&format!(r#""text":"message {number}""#));
        }
        bob.hears(r#""text":"last, without an end""#);
        bob.hears("script left");
    }
}

#[test]
fn the_last_answer_is_waited_for() {
    let daemon = house();
    let folder = TempFolder::new();
    let file = folder.write("stdin", "hello\n/msg nobody psst");
    let mut command = parlance(&["chat", &url(&daemon, "ndjson"), "-u", "script"]);
    let output = run(command.stdin(std::fs::File::open(&file).expect("the file")));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let sentence = "parlance: not sent: psst: User nobody is not in this room\n";
    assert_eq!((output.status.code(), &*stderr), (Some(1), sentence));
}

#[test]
fn what_happens_is_a_line_each() {
    let daemon = house();
    let mut chat = Chat::start(&[&url(&daemon, "websocket"), "-u", "alice"]);
    chat.prints("HH:MM * you are alice in general");
    let mut bob = Neighbour::come(&daemon, "bob> hi <eve");
    chat.prints("HH:MM * bob> hi <eve came");
    bob.says("one\ntwo\x1b[2J");
    chat.prints("HH:MM <bob› hi ‹eve> one⏎two␛[2J");
    bob.sends(r#"{"type":"message","text":"psst","to":"alice"}"#);
    chat.prints("HH:MM <bob› hi ‹eve> [private] psst");
    chat.enters("/users");
    chat.prints("HH:MM * 2 people here: alice, bob> hi <eve");
    chat.enters("/frobnicate");
    chat.complains("there is no /frobnicate; the nearest is");
    chat.enters("/join den");
    chat.prints("HH:MM * you are alice in den");
    chat.enters("/msg bob hello?");
    chat.complains("not sent: hello?: User bob is not in this room");
    assert_eq!(chat.ends(), 1);
}

#[test]
fn with_json_every_line_is_an_object() {
    let daemon = house();
    let mut chat = Chat::start(&[&url(&daemon, "ndjson"), "-u", "alice", "--json"]);
    let joined = chat.object();
    assert_eq!((&joined["answer"], &joined["room"]), (&"joined".into(), &"general".into()));
    let mut bob = Neighbour::come(&daemon, "bob");
    let came = chat.object();
    assert_eq!((&came["event"], &came["name"]), (&"joined".into(), &"bob".into()));
    bob.says("hi \u{9b}31m");
    let said = chat.object();
    assert_eq!((&said["event"], &said["text"]), (&"message".into(), &"hi \u{9b}31m".into()));
    assert_eq!(said["seq"].as_u64(), came["seq"].as_u64().map(|seq| seq + 1));
    assert_eq!((&said["private"], &said["own"]), (&false.into(), &false.into()));
    chat.enters("hello");
    let answer = chat.object();
    assert_eq!((&answer["answer"], answer["seq"].is_u64()), (&"said".into(), true));
    bob.hears(r#""text":"hello""#);
    assert_eq!(chat.ends(), 0);
}

#[test]
fn a_room_is_hidden_and_shown_and_its_past_looked_at() {
    let daemon = house();
    let mut bob = Neighbour::come(&daemon, "bob");
    let mut chat = Chat::start(&[&url(&daemon, "websocket"), "-u", "alice", "-r", "den", "--json"]);
    assert_eq!(chat.answer()["room"], "den");
    bob.sends(r#"{"type":"rooms","id":1}"#);
    bob.hears(r#""id":1,"rooms":["general","den"]"#);
    chat.enters("/private");
    assert_eq!(chat.answer()["answer"], "done");
    bob.sends(r#"{"type":"rooms","id":2}"#);
    bob.hears(r#""id":2,"rooms":["general"]"#);
    chat.enters("/public");
    assert_eq!(chat.answer()["answer"], "done");
    bob.sends(r#"{"type":"rooms","id":3}"#);
    bob.hears(r#""id":3,"rooms":["general","den"]"#);
    for text in ["one", "two", "three"] {
        chat.enters(text);
        assert_eq!(chat.answer()["answer"], "said");
    }
    chat.enters("/history 2");
    let history = chat.answer();
    let events = history["events"].as_array().expect("events");
    assert_eq!(events.iter().map(|event| &event["text"]).collect::<Vec<_>>(), ["two", "three"]);
    assert!(events.iter().all(|event| event["own"] == true), "{history}");
    assert_eq!(chat.ends(), 0);
}

#[test]
fn a_login_name_that_is_taken_gets_a_number() {
    let daemon = house();
    let _guest = Neighbour::come(&daemon, "guest");
    let mut chat = Chat::start(&[&url(&daemon, "websocket")]);
    chat.prints("HH:MM * you are guest2 in general");
    assert_eq!(chat.ends(), 0);
    let mut chat = Chat::start(&[&url(&daemon, "websocket"), "-u", "guest"]);
    chat.complains("taken");
    assert_eq!(chat.ends(), 1);
}

#[test]
fn where_nobody_listens_is_one_sentence() {
    let (code, stdout, stderr) = ended(&["chat", "ndjson://127.0.0.1:1"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    let sentence = "parlance: nobody listens at 127.0.0.1:1: start the daemon there with `parlance`, or \
                    say where it is: `parlance chat URL`\n";
    assert_eq!(stderr, sentence);
    for (arguments, part) in [
        (&["chat", "ftp://h"][..], "there is no scheme \"ftp\""),
        (&["chat", "wss://h", "--fingerprint", "AB"], "--fingerprint: a SHA-256 fingerprint is"),
        (&["chat", "--colour"], "colour"),
    ] {
        let (code, _, stderr) = ended(arguments);
        assert_eq!(code, 2);
        assert!(stderr.contains(part) && stderr.ends_with("see `parlance help`\n"), "{stderr}");
    }
}

#[test]
fn a_host_alone_is_a_websocket() {
    let daemon = house();
    let place = daemon.address("websocket").to_string();
    let mut chat = Chat::start(&[&format!("ann@{place}"), "-r", "den"]);
    chat.prints("HH:MM * you are ann in den");
    assert_eq!(chat.ends(), 0);
    let (code, _, stderr) = ended(&["chat", &format!("{place}/den")]);
    assert_eq!(code, 1);
    assert!(
        stderr.ends_with("(/den is the WebSocket's path; a room is given by -r ROOM)\n"),
        "{stderr}"
    );
}

#[test]
fn a_full_disk_is_no_good_end() {
    let daemon = house();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let mut chat = parlance(&["chat", &url(&daemon, "ndjson"), "--json"]);
    chat.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped());
    let child = chat.spawn().expect("a process");
    let output = within_patience(move || child.wait_with_output()).expect("an end");
    let output = output.expect("its output");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("parlance: stdout cannot be written to: "), "{stderr}");
}

#[test]
fn an_unknown_certificate_is_refused_with_the_command_that_would_do() {
    let daemon = Daemon::start(&["-l", "accounts=127.0.0.1:0", "-l", "ndjson=127.0.0.1:0"]);
    let url = url(&daemon, "accounts");
    let folder = TempFolder::new();
    let mut add = parlance(&["account", "add", "ann"]);
    let password = std::fs::File::open(folder.write("password", "sesame\n")).expect("a file");
    add.arg("--data").arg(daemon.folder().path()).stdin(password);
    assert!(run(&mut add).status.success());
    let mut chat = parlance(&["chat", &url]);
    let output = run(chat.env("XDG_CONFIG_HOME", folder.path()));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    let (_, command) = stderr.split_once("`parlance ").expect("a command");
    let (command, _) = command.split_once('`').expect("its end");
    let mut words: Vec<_> = command.split(' ').collect();
    assert_eq!((words[0], words[1], words[3]), ("chat", "--fingerprint", url.as_str()));
    words.remove(0);
    words.extend(["-u", "ann"]);
    let mut chat = Chat::start(&words);
    chat.complains("this door wants an account");
    assert_eq!(chat.ends(), 1);
    words.push("--password-stdin");
    let mut chat = Chat::start(&words);
    let mut bob = Neighbour::come(&daemon, "bob");
    chat.enters("sesame\nhello");
    chat.prints("HH:MM * you are ann in general");
    bob.hears(r#""user":"ann","text":"hello""#);
    assert_eq!(chat.ends(), 0);
}

#[test]
fn a_server_that_stays_away_is_the_end() {
    let daemon = house_at("127.0.0.3:0", "127.0.0.3:0");
    let mut chat = Chat::start(&[&url(&daemon, "ndjson"), "-u", "alice", "--wait", "1"]);
    chat.prints("HH:MM * you are alice in general");
    daemon.signal(Signal::KILL);
    chat.complains("the server is lost");
    chat.complains("the server did not come back within 1 s");
    assert_eq!(chat.ends(), 1);
}

#[test]
fn a_server_that_comes_back_is_gone_on_with() {
    let daemon = house_at("127.0.0.4:0", "127.0.0.4:0");
    let (websocket, ndjson) = (daemon.address("websocket"), daemon.address("ndjson"));
    let url = url(&daemon, "ndjson");
    let mut chat = Chat::start(&[&url, "-u", "alice", "--json", "--wait", "600"]);
    assert_eq!(chat.answer()["answer"], "joined");
    daemon.signal(Signal::KILL);
    chat.complains("the server is lost");
    chat.enters("meanwhile");
    let daemon = house_at(websocket, ndjson);
    assert_eq!(chat.answer()["answer"], "said");
    let mut bob = Neighbour::come(&daemon, "bob");
    bob.sends(r#"{"type":"history","after":0}"#);
    bob.hears(r#""user":"alice","text":"meanwhile""#);
    assert_eq!(chat.ends(), 0);
}

#[test]
fn a_reader_who_goes_ends_it_quietly() {
    let daemon = house();
    let mut command = parlance(&["chat", &url(&daemon, "ndjson"), "-u", "alice"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a process");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert!(line.ends_with("you are alice in general\n"), "{line}");
    drop(stdout);
    // Again and again: for a moment, what other tests start may hold the other end of the pipe too.
    let mut bob = Neighbour::come(&daemon, "bob");
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("a status").is_none() && Instant::now() < deadline {
        bob.says("is anybody there?");
        bob.sends(r#"{"type":"ping","id":7}"#);
        bob.hears(r#""id":7"#);
    }
    let mut stderr = child.stderr.take().expect("stderr");
    let ended = within_patience(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).expect("UTF-8");
        (child.wait().expect("a status").code(), text)
    });
    assert_eq!(ended, Some((Some(0), String::new())));
}
