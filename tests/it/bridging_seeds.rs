//! Clients that were written from the seed documents, each from its own and without knowledge of the
//! others, at once in one room of the daemon. With `--nocapture` it is shown what each of them saw.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use crate::bridging_client::{Client, Doors, Kind};
use crate::bridging_transcript::daemon;
use crate::skip;
use crate::support::{PATIENCE, TempFolder, lines};

/// What a client is shown of who comes and goes.
type Notice = fn(name: &str, joined: bool) -> Option<String>;

/// Who takes part.
struct Part {
    title: &'static str,
    script: &'static str,
    dialect: &'static str,
    name: &'static str,
    says: &'static str,
    /// What its program shows when it is in the room.
    arrived: fn(name: &str) -> String,
    notice: Notice,
    /// Whether it is shown its own messages.
    echoes: bool,
}

fn as_sentence(name: &str, joined: bool) -> Option<String> {
    Some(format!("* {name} has {} the chat!", if joined { "joined" } else { "left" }))
}

fn as_word(name: &str, joined: bool) -> Option<String> {
    Some(format!("* {name} {}", if joined { "joined" } else { "left" }))
}

const PARTS: [Part; 7] = [
    Part {
        title: "JSON values over TCP (jsonrpc)",
        script: "jsonrpc",
        dialect: "jsonrpc",
        name: "Alice",
        says: "Hello everyone!",
        arrived: |name| format!("* Welcome to the chat, {name}!"),
        notice: as_sentence,
        echoes: false,
    },
    Part {
        title: "WebSocket (websocket)",
        script: "websocket",
        dialect: "websocket",
        // Its name is the id that the server gives it.
        name: "",
        says: "Hi Alice! I came by WebSocket, and this number is all the name I have.",
        arrived: |_| "= Joined room 'general'".to_owned(),
        notice: |_, _| None,
        echoes: false,
    },
    Part {
        title: "an account, over TLS (accounts)",
        script: "accounts",
        dialect: "accounts",
        name: "harper",
        says: "Good evening. I had to show my password.",
        arrived: |_| "= Welcome to general".to_owned(),
        notice: |_, _| None,
        echoes: true,
    },
    Part {
        title: "packages over TCP (chatmaster)",
        script: "chatmaster",
        dialect: "chatmaster",
        name: "PythonMaster2K16",
        says: "Hello World!",
        arrived: |name| format!("* {name} joined"),
        notice: as_word,
        echoes: false,
    },
    Part {
        title: "the same, compressed (chatmaster, zlib)",
        script: "chatmaster",
        dialect: "chatmaster",
        name: "ChuckNorris",
        says: "All my packages are compressed. Can you tell?",
        arrived: |name| format!("* {name} joined"),
        notice: as_word,
        echoes: false,
    },
    Part {
        title: "a line each (ndjson)",
        script: "ndjson",
        dialect: "ndjson",
        name: "bob",
        says: "No. “Quotes”, \\backslashes\\ and 👋 arrive as well?",
        arrived: |name| format!("* {name} joined"),
        notice: as_word,
        echoes: false,
    },
    Part {
        title: "a datagram each (udp)",
        script: "udp",
        dialect: "udp",
        name: "charlie",
        says: "They do. Should one get lost on the way, I say it again.",
        arrived: |name| format!("* {name} joined"),
        notice: as_word,
        echoes: false,
    },
];

/// A running client.
struct Guest {
    part: &'static Part,
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    errors: Receiver<String>,
    /// What it has shown so far, and what it must have.
    screen: Vec<String>,
    expected: Vec<String>,
}

impl Guest {
    /// Starts a client and waits until it is in the room.
    #[track_caller]
    fn start(part: &'static Part, doors: &Doors, room: &str, certificate: &str) -> Guest {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/seed_clients");
        let mut command = Command::new("python3");
        command.args(["-X", "utf8", &format!("{folder}/{}.py", part.script)]);
        command.arg(doors.at(part.dialect).port().to_string());
        match part.name {
            "" => command.arg(room),
            "harper" => command.args(["harper", certificate]),
            "ChuckNorris" => command.args(["ChuckNorris", "zlib"]),
            name => command.arg(name),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("python3");
        let input = child.stdin.take();
        let output = lines(child.stdout.take().expect("stdout"));
        let errors = lines(child.stderr.take().expect("stderr"));
        let name = part.name.to_owned();
        let (screen, expected) = Default::default();
        let mut guest = Guest { part, name, child, input, output, errors, screen, expected };
        guest.wait_for(&(part.arrived)(part.name));
        if part.name.is_empty() {
            let id = guest.screen[0].strip_prefix("= Welcome! You are ").expect("a greeting");
            guest.name = id.to_owned();
        }
        guest.expected.clone_from(&guest.screen);
        guest
    }

    #[track_caller]
    fn say(&mut self, text: &str) {
        let input = self.input.as_mut().expect("it has not gone");
        writeln!(input, "{text}").expect("sent");
    }

    /// Waits until it has shown a line.
    #[track_caller]
    fn wait_for(&mut self, line: &str) {
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(shown) => self.screen.push(shown),
                Err(_) => {
                    let errors: Vec<String> = self.errors.try_iter().collect();
                    panic!("{} has not seen {line:?}: {:#?} {errors:#?}", self.name, self.screen)
                }
            }
            if self.screen.last().is_some_and(|shown| shown == line) {
                return;
            }
        }
    }

    /// Waits for everything it must have seen, and for nothing else.
    #[track_caller]
    fn has_seen_all(&mut self) {
        while self.screen.len() < self.expected.len() {
            let next = self.expected[self.screen.len()].clone();
            self.wait_for(&next);
            assert_eq!(self.screen, self.expected[..self.screen.len()], "{}", self.name);
        }
    }

    /// Its input ends; waits until it has gone, and reads what it showed meanwhile.
    #[track_caller]
    fn go(&mut self) {
        drop(self.input.take());
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(shown) => self.screen.push(shown),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} does not go", self.name),
            }
        }
        let status = self.child.wait().expect("its end");
        let errors: Vec<String> = self.errors.iter().collect();
        assert!(status.success() && errors.is_empty(), "{}: {errors:#?}", self.name);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(name: &str, text: &str) -> String {
    format!("<{name}> {text}")
}

#[test]
fn clients_of_all_seeds_talk_in_one_room() {
    if !skip::has("python3") || !skip::has_module("websockets.asyncio.client") {
        return;
    }
    let folder = TempFolder::new();
    let (_daemon, doors) = daemon(&folder);
    let certificate = folder.at("data/certificate.pem");
    // The seed's clients know rooms by their ids, which people tell each other.
    let mut scout = Client::connect(&doors, Kind::V1, "Scout");
    scout.send(r#"{"action":"rooms"}"#);
    let rooms: serde_json::Value = serde_json::from_str(&scout.take()).expect("JSON");
    let room = rooms["rooms"][0]["room_id"].as_str().expect("an id").to_owned();
    drop(scout);

    let mut guests: Vec<Guest> = Vec::new();
    for part in &PARTS {
        let guest = Guest::start(part, &doors, &room, &certificate);
        for other in &mut guests {
            other.expected.extend((other.part.notice)(&guest.name, true));
            other.has_seen_all();
        }
        guests.push(guest);
    }

    // One after the other.
    for speaker in 0..guests.len() {
        let line = said(&guests[speaker].name, PARTS[speaker].says);
        guests[speaker].say(PARTS[speaker].says);
        for (index, guest) in guests.iter_mut().enumerate() {
            if index != speaker || guest.part.echoes {
                guest.expected.push(line.clone());
            }
            guest.has_seen_all();
        }
    }

    // All at once: everybody sees all others, in the same order.
    for guest in &mut guests {
        guest.say("Goodbye!");
    }
    let who = guests.iter().position(|guest| guest.part.echoes).expect("who sees all");
    let goodbyes: Vec<String> = guests.iter().map(|guest| said(&guest.name, "Goodbye!")).collect();
    for _ in 0..goodbyes.len() {
        let shown = guests[who].output.recv_timeout(PATIENCE).expect("a goodbye");
        assert!(goodbyes.contains(&shown), "{shown}");
        guests[who].screen.push(shown);
    }
    let before = guests[who].expected.len();
    let order = guests[who].screen[before..].to_vec();
    let mut sorted = [order.clone(), goodbyes.clone()];
    sorted.iter_mut().for_each(|lines| lines.sort());
    assert_eq!(sorted[0], sorted[1]);
    for (guest, own) in guests.iter_mut().zip(&goodbyes) {
        let others = order.iter().filter(|line| guest.part.echoes || *line != own);
        guest.expected.extend(others.cloned());
        guest.has_seen_all();
    }

    // And one goes after the other.
    for gone in 0..guests.len() {
        guests[gone].go();
        let name = guests[gone].name.clone();
        for other in &mut guests[gone + 1..] {
            other.expected.extend((other.part.notice)(&name, false));
            other.has_seen_all();
        }
    }
    for guest in &mut guests {
        let own_end: &[&str] = match guest.part.dialect {
            "accounts" => &["= Exited chatroom, returned to lobby", "= Logged out"],
            _ => &[],
        };
        guest.expected.extend(own_end.iter().map(|line| (*line).to_owned()));
        assert_eq!(guest.screen, guest.expected, "{}", guest.name);
        println!("\n{} – {}\n  {}", guest.name, guest.part.title, guest.screen.join("\n  "));
    }
}
