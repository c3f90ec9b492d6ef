//! A terminal to run `parlance chat` in (a tmux of its own, with one pane), and somebody at another
//! door to chat with.

use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

use crate::skip;
use crate::support::{Daemon, TempFolder};

/// How long anything may take before the test fails: much is done here by many processes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often the pane is looked at while something is waited for: tmux tells nobody that it drew.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the shell in the pane asks with: it counts how often it has asked.
const PROMPT: &str = "PS1=ready $((N=N+1))>";

/// A daemon with the doors that these tests need.
pub(crate) fn house() -> Daemon {
    house_at("127.0.0.1:0", "127.0.0.1:0")
}

/// The same at these addresses. What is to go and come again has an address of the loopback network to
/// itself, so that nobody else gets its ports meanwhile.
pub(crate) fn house_at(websocket: impl Display, ndjson: impl Display) -> Daemon {
    let (websocket, ndjson) = (format!("websocket={websocket}"), format!("ndjson={ndjson}"));
    Daemon::start(&["-l", &websocket, "-l", &ndjson])
}

/// A tmux server with one pane, which a shell runs in; ended when the value is dropped.
pub(crate) struct Pane {
    name: String,
    /// For its socket, and for the configuration of what runs in it.
    folder: TempFolder,
    /// The number of the prompt that the shell shows when it has done all it was given.
    prompt: Cell<u32>,
}

impl Pane {
    /// `None`, with the reason on stdout, where there is no tmux.
    #[track_caller]
    pub(crate) fn open(width: u16, height: u16) -> Option<Pane> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !skip::has_command("tmux", "-V") {
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("parlance-{}-{count}", std::process::id());
        let pane = Pane { name, folder: TempFolder::new(), prompt: Cell::new(1) };
        let (width, height) = (width.to_string(), height.to_string());
        let config = format!("XDG_CONFIG_HOME={}", pane.folder.at("config"));
        // What is to be added to local time, as POSIX has it.
        let zone = format!("TZ=NOON{:+}", hours_since_noon());
        let shell = ["env", &zone, "LOGNAME=guest", "ENV=", "NO_COLOR=", &config, PROMPT, "sh"];
        let open = ["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height];
        pane.tmux(&[&open[..], &shell].concat());
        pane.tmux(&["select-pane", "-T", "a title"]);
        pane.is_asked();
        Some(pane)
    }

    /// Opens a pane and chats in it under a name, until one is in the room.
    #[track_caller]
    pub(crate) fn chatting(daemon: &Daemon, name: &str, width: u16, height: u16) -> Option<Pane> {
        let pane = Pane::open(width, height)?;
        pane.runs(&format!("chat ws://{} -u {name}", daemon.address("websocket")));
        pane.sees(&format!("{name} in general"));
        Some(pane)
    }

    /// Waits until the shell wants a line: everything before has ended.
    #[track_caller]
    pub(crate) fn is_asked(&self) -> String {
        let prompt = format!("ready {}>", self.prompt.get());
        self.becomes(&prompt, |screen| {
            screen.trim_end().rsplit('\n').next().is_some_and(|row| row.trim_end() == prompt)
        })
    }

    /// Gives the shell a line, as soon as it wants one.
    #[track_caller]
    pub(crate) fn commands(&self, line: &str) {
        self.is_asked();
        self.enters(line);
        self.prompt.set(self.prompt.get() + 1);
    }

    /// Runs `parlance` with these arguments in the shell.
    #[track_caller]
    pub(crate) fn runs(&self, arguments: &str) {
        self.commands(&format!("{} {arguments}", env!("CARGO_BIN_EXE_parlance")));
    }

    /// What the shell shows for a line, alone on the screen.
    #[track_caller]
    pub(crate) fn asks(&self, line: &str) -> String {
        self.commands(&format!("printf '\\033[H\\033[2J'; {line}"));
        self.is_asked()
    }

    /// Presses keys, by tmux's names for them.
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types text.
    pub(crate) fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Types a line and sends it.
    pub(crate) fn enters(&self, text: &str) {
        self.types(text);
        self.keys(&["Enter"]);
    }

    /// Pastes, in brackets where what runs in the pane asked for them.
    pub(crate) fn pastes(&self, text: &str) {
        self.tmux(&["set-buffer", text]);
        self.tmux(&["paste-buffer", "-p", "-r"]);
    }

    pub(crate) fn resize(&self, width: u16, height: u16) {
        self.tmux(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
    }

    /// What is to be seen.
    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The same, with tmux's own escape sequences for how it looks.
    pub(crate) fn screen_with_looks(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// What tmux knows of the pane, as one of its formats.
    pub(crate) fn knows(&self, format: &str) -> String {
        self.tmux(&["display-message", "-p", format]).trim_end().to_owned()
    }

    /// Waits until tmux knows this.
    #[track_caller]
    pub(crate) fn comes_to_know(&self, format: &str, expected: &str) {
        self.becomes(&format!("{format} as {expected}"), |_| self.knows(format) == expected);
    }

    /// Has all that is written to the terminal from now on written to a new file of this name.
    pub(crate) fn is_recorded(&self, name: &str) -> String {
        let path = self.folder.at(name);
        self.tmux(&["pipe-pane", "-O", &format!("exec cat >'{path}'")]);
        path
    }

    /// Waits until the screen is as wanted, and gives it.
    #[track_caller]
    pub(crate) fn becomes(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        looks_until(|| {
            let screen = self.screen();
            if is_so(&screen) { Ok(screen) } else { Err(format!("{what}\n{screen}")) }
        })
    }

    /// Presses a key at each look, until the screen is as wanted.
    #[track_caller]
    pub(crate) fn presses_until(&self, key: &str, what: &str, is_so: impl Fn(&str) -> bool) {
        self.becomes(what, |screen| {
            let is_so = is_so(screen);
            if !is_so {
                self.keys(&[key]);
            }
            is_so
        });
    }

    /// Waits until this is to be seen. It proves nothing where it may have been there before.
    #[track_caller]
    pub(crate) fn sees(&self, part: &str) -> String {
        self.becomes(part, |screen| screen.contains(part))
    }

    /// Waits until the whole screen, with times masked, is this.
    #[track_caller]
    pub(crate) fn shows(&self, expected: &str) {
        let expected = expected.strip_prefix('\n').unwrap_or(expected);
        self.becomes(expected, |screen| masked(screen) == expected);
    }

    /// Waits until the shell has the terminal again, and sees to it that all is as before.
    #[track_caller]
    pub(crate) fn is_back(&self) {
        self.is_asked();
        assert_eq!(self.knows("#{alternate_on} #{cursor_flag}"), "0 1");
        let screen = self.asks("stty -a");
        for flag in ["icanon", "echo", "isig", "icrnl", "opost"] {
            let is_set = screen.split([' ', ';', '\n']).any(|word| word == flag);
            assert!(is_set, "{flag} is off:\n{screen}");
        }
        // Brackets around a paste would be part of the word.
        self.pastes("echo it${HOME:+ is} pasted");
        self.keys(&["Enter"]);
        self.prompt.set(self.prompt.get() + 1);
        let screen = self.is_asked();
        assert!(screen.contains("\nit is pasted\n"), "{screen}");
    }

    /// The process that the shell runs.
    #[track_caller]
    pub(crate) fn child(&self) -> Pid {
        child_of(&self.knows("#{pane_pid}"))
    }

    /// Writes this to the terminal, as any other program there might.
    pub(crate) fn scribbles(&self, text: &str) {
        let path = self.knows("#{pane_tty}");
        let mut tty = File::options().write(true).open(path).expect("the terminal");
        tty.write_all(text.as_bytes()).expect("written");
    }

    /// The terminal takes nothing as long as the value lives, and is full.
    pub(crate) fn is_stuck(&self) -> Stuck {
        let path = self.knows("#{pane_tty}");
        let pid = self.knows("#{pid}").parse().expect("a number");
        let stuck = Stuck(Pid::from_raw(pid).expect("a process id"));
        kill_process(stuck.0, Signal::STOP).expect("a process");
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut tty = File::options().write(true).custom_flags(flags).open(path).expect("opened");
        while let Ok(1..) = tty.write(b"\0") {}
        stuck
    }

    pub(crate) fn folder(&self) -> &TempFolder {
        &self.folder
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.try_tmux(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn try_tmux(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.args(["-u", "-L", &self.name]).args(arguments);
        command.env("TMUX_TMPDIR", self.folder.path()).env_remove("TMUX");
        command.env("LC_ALL", "C.UTF-8");
        command.output().expect("tmux runs")
    }
}

/// A tmux server that is stopped.
pub(crate) struct Stuck(Pid);

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        let _ = self.try_tmux(&["kill-server"]);
    }
}

/// The first process that a process has started.
#[track_caller]
pub(crate) fn child_of(parent: &str) -> Pid {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(path).expect("its children");
    let child = children.split_whitespace().next().expect("a child");
    Pid::from_raw(child.parse().expect("a number")).expect("a process id")
}

/// Whether a process is in a state: `T` is stopped, `Z` has ended, though nobody asked how.
pub(crate) fn is_in_state(process: Pid, state: &str) -> bool {
    stat(process).contains(&format!(") {state} "))
}

/// Waits until it is.
#[track_caller]
pub(crate) fn is_state(process: Pid, state: &str) {
    looks_until(|| if is_in_state(process, state) { Ok(()) } else { Err(stat(process)) });
}

/// Looks again and again, where nobody tells, until there is what is looked for; an error is what is
/// there instead.
#[track_caller]
pub(crate) fn looks_until<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(Instant::now() < deadline, "it never came to that:\n{instead}"),
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn stat(process: Pid) -> String {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    // Of one that has ended, and was asked, there is nothing left.
    std::fs::read_to_string(path).unwrap_or(") Z ".into())
}

/// Hours since noon, in UTC. In a time zone so far to the west the day does not change for hours.
pub(crate) fn hours_since_noon() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    i64::try_from(now.as_secs() / 3600 % 24).expect("an hour") - 12
}

/// A screen without what differs from run to run: times, the day, the port, the round trip.
pub(crate) fn masked(screen: &str) -> String {
    let mut out = String::new();
    for line in screen.lines() {
        let line = line.trim_end();
        let is_time = |text: &str| {
            let shape = |(at, byte): (usize, u8)| match at {
                2 => byte == b':',
                _ => byte.is_ascii_digit(),
            };
            text.len() == 5 && text.bytes().enumerate().all(shape)
        };
        if line.get(..5).is_some_and(is_time) {
            out.push_str("HH:MM");
            out.push_str(&line[5..]);
        } else if line.starts_with('─') && line.contains(" 20") {
            out.push_str("─── the day");
            out.push_str(line.find('│').map_or("", |at| &line[at..]));
        } else if let Some(rest) = line.strip_prefix(" connected") {
            // The round trip is not known at once.
            let rest = rest.split_once(" │ ").map_or(rest, |(_, rest)| rest);
            let (rest, _) = rest.rsplit_once(':').unwrap_or((rest, ""));
            out.push_str(" connected │ ");
            out.push_str(rest);
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Somebody who speaks `ndjson` by hand.
pub(crate) struct Neighbour(BufReader<TcpStream>);

impl Neighbour {
    /// Comes into `general`.
    #[track_caller]
    pub(crate) fn come(daemon: &Daemon, name: &str) -> Neighbour {
        let stream = TcpStream::connect(daemon.address("ndjson")).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut neighbour = Neighbour(BufReader::new(stream));
        let name = serde_json::Value::from(name);
        neighbour.sends(&format!(r#"{{"type":"join","room":"general","user":{name},"id":1}}"#));
        neighbour.hears(r#""type":"ack""#);
        neighbour
    }

    pub(crate) fn sends(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).expect("a sent line");
    }

    pub(crate) fn says(&mut self, text: &str) {
        let text = serde_json::Value::from(text);
        self.sends(&format!(r#"{{"type":"message","text":{text}}}"#));
    }

    /// Reads until a line has this in it, and gives that line.
    #[track_caller]
    pub(crate) fn hears(&mut self, part: &str) -> String {
        let mut heard = String::new();
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(1..) if line.contains(part) => return line,
                Ok(1..) => heard.push_str(&line),
                end => panic!("never heard: {part}: {end:?}\n{heard}"),
            }
        }
    }
}
