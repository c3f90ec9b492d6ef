//! What every test of the running daemon needs. Everything waits for an event and gives up after
//! [`PATIENCE`]; nothing sleeps.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// How long anything may take before the test fails. Nothing waits for it when all is well, so it is
/// long enough for a machine that is slow, and busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test of a limit in real time that its own steps have to stay below: with a short one, and
/// where that is too short for the machine, with longer ones. What is wrong fails with all of them.
pub(crate) fn at_some_pace(shortest: Duration, attempt: impl Fn(Duration)) {
    let mut limit = shortest;
    while limit < PATIENCE / 4 {
        // What it asserts is about nothing that outlives it.
        if catch_unwind(AssertUnwindSafe(|| attempt(limit))).is_ok() {
            return;
        }
        limit *= 4;
    }
    attempt(limit);
}

/// Lets this process have as many descriptors as it may: its tests run at the same time, and have
/// both ends of their connections.
pub(crate) fn raise_descriptors() {
    static RAISED: Once = Once::new();
    RAISED.call_once(|| {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // Where it cannot be raised, there may be enough.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    });
}

/// A new folder, removed with all that is in it when the value is dropped.
pub(crate) struct TempFolder(PathBuf);

impl TempFolder {
    pub(crate) fn new() -> TempFolder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("parlance-it-{}-{count}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                // Of a process that had this number before, and was ended.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => {
                    made.expect("a temporary folder");
                    return TempFolder(path);
                }
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The path of `name` in the folder, as an argument.
    pub(crate) fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a UTF-8 path").to_owned()
    }

    /// Writes a file and gives its path, as an argument.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.at(name);
        fs::write(&path, text).expect("a written file");
        path
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An address that nobody else takes, whether somebody listens there or not: on a loopback host of
/// this process's own, and at a port that the system gives to nobody who asks for any. (One that it
/// gave may be the next one's as soon as it is free.)
pub(crate) fn own_address() -> SocketAddr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 64 | high & 63, middle, low);
    let given = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut given = given.split_whitespace().map_while(|port| port.parse().ok());
    let (first, last): (u16, u16) =
        (given.next().unwrap_or(32_768), given.next().unwrap_or(60_999));
    let others = || (1024..first).rev().chain((last..=u16::MAX).skip(1));
    loop {
        let place = COUNT.fetch_add(1, Ordering::Relaxed) as usize;
        let port = others().nth(place).expect("a port that the system gives to nobody");
        let address = SocketAddr::from((host, port));
        // Somebody may listen there on all hosts.
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// Runs `work` on another thread and waits for its result, but not for ever.
pub(crate) fn within_patience<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    within(PATIENCE, work)
}

fn within<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(time).ok()
}

/// The `parlance` command with arguments, untouched by the variables of whoever runs the tests.
pub(crate) fn parlance(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["RUST_LOG", "PARLANCE_DATA", "XDG_DATA_HOME"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end. It may do many things, each of which may take a while; what outlasts
/// [`PATIENCE`] five times is killed and fails the test.
pub(crate) fn run(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    let pid = Pid::from_child(&child);
    match within(5 * PATIENCE, move || child.wait_with_output()) {
        Some(output) => output.expect("its output"),
        None => {
            let _ = kill_process(pid, Signal::KILL);
            panic!("{command:?} does not end");
        }
    }
}

/// As [`run`], and gives the exit code, stdout and stderr.
pub(crate) fn ended(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = run(&mut parlance(arguments));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

/// A running daemon, killed when the value is dropped.
pub(crate) struct Daemon {
    child: Child,
    listeners: Vec<(String, SocketAddr)>,
    log: Receiver<String>,
    /// The data folder, unless the arguments name one.
    folder: TempFolder,
}

impl Daemon {
    /// Starts the daemon and waits until it is ready. Without `--data` among the arguments it gets
    /// a new folder.
    pub(crate) fn start(arguments: &[&str]) -> Daemon {
        let folder = TempFolder::new();
        let mut command = parlance(arguments);
        if !arguments.contains(&"--data") {
            command.arg("--data").arg(folder.path());
        }
        Daemon::start_command(&mut command, folder)
    }

    /// As [`start`](Daemon::start), with a command that may have been prepared further.
    pub(crate) fn start_command(command: &mut Command, folder: TempFolder) -> Daemon {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        let stdout = lines(child.stdout.take().expect("stdout"));
        let log = lines(child.stderr.take().expect("stderr"));
        let mut daemon = Daemon { child, listeners: Vec::new(), log, folder };
        loop {
            // It may be one of many that start, on a machine that has other things to do.
            let Ok(line) = stdout.recv_timeout(3 * PATIENCE) else {
                let log: Vec<_> = daemon.log.try_iter().collect();
                panic!("the daemon is not ready: {log:#?}");
            };
            if line == "ready" {
                return daemon;
            }
            let mut words = line.split(' ');
            assert_eq!(words.next(), Some("listening"), "{line}");
            let dialect = words.next().expect("a dialect").to_owned();
            let address = words.next().expect("an address").parse().expect("an address");
            daemon.listeners.push((dialect, address));
        }
    }

    /// The first address of a dialect.
    pub(crate) fn address(&self, dialect: &str) -> SocketAddr {
        let mut listeners = self.listeners.iter();
        let found = listeners.find(|(name, _)| name == dialect);
        found.unwrap_or_else(|| panic!("{dialect} is not served")).1
    }

    /// Every listener, as announced.
    pub(crate) fn listeners(&self) -> &[(String, SocketAddr)] {
        &self.listeners
    }

    /// A folder that lives as long as the daemon; its data folder, unless it was given another.
    pub(crate) fn folder(&self) -> &TempFolder {
        &self.folder
    }

    pub(crate) fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).expect("a running daemon");
    }

    /// Waits for a line of the log that contains `part`, and gives it.
    pub(crate) fn wait_for_log(&self, part: &str) -> String {
        self.log_until(part).pop().expect("that line")
    }

    /// Waits for a line of the log that contains `part`, and gives all up to it.
    pub(crate) fn log_until(&self, part: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let is_it = line.contains(part);
                    seen.push(line);
                    if is_it {
                        return seen;
                    }
                }
                Err(_) => panic!("the log does not say {part:?}: {seen:#?}"),
            }
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        // Its log ends when it does, and that can be waited for with a bound.
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the daemon does not end"),
            }
        }
        self.child.wait().expect("an exit status")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream, read on a thread of their own until it ends.
pub(crate) fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
