//! Command line, configuration, and the daemon's life as a process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use parlance::config::{Config, Overrides};
use rustix::process::{Pid, Signal, kill_process};

use crate::skip;
use crate::support::{Daemon, TempFolder, ended, parlance, run, within_patience};

const FREE_PORT: [&str; 2] = ["-l", "jsonrpc=127.0.0.1:0"];

#[test]
fn help_and_version_go_to_stdout() {
    for arguments in [["help"], ["--help"], ["-h"]] {
        let (code, stdout, stderr) = ended(&arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(stdout.starts_with("parlance: a small chat daemon\n"), "{stdout}");
    }
    let version = concat!("parlance ", env!("CARGO_PKG_VERSION"), "\n");
    for arguments in [["version"], ["--version"], ["-V"]] {
        assert_eq!(ended(&arguments), (0, version.into(), String::new()));
    }
}

#[test]
fn wrong_arguments_are_exit_2_and_a_sentence() {
    for (arguments, sentence) in [
        (&["server"][..], "there is no command \"server\"; the nearest is serve"),
        (&["--colour"], "colour"),
        (&["-l", "upd"], "there is no dialect \"upd\"; the nearest is udp"),
        (&["-l", "jsonrp"], "there is no dialect \"jsonrp\"; the nearest is jsonrpc"),
        (&["-l", "jsonrpc=127.0.0.1:1", "--port", "2"], "--port is for the one jsonrpc listener"),
        (&["-c", "/no/such/file.toml"], "/no/such/file.toml: the configuration cannot be read"),
    ] {
        let (code, stdout, stderr) = ended(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.starts_with("parlance: ") && stderr.contains(sentence), "{stderr}");
    }
}

#[test]
fn a_bad_file_is_exit_2_with_file_line_and_key() {
    let folder = TempFolder::new();
    let file = folder.write("bad.toml", "[limits]\nrooms = 5\nroom = 6\n");
    for arguments in [&["-c", &file][..], &["-c", &file, "-d"], &["-c", &file, "--check"]] {
        let (code, stdout, stderr) = ended(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        let complaint = format!(
            "parlance: {file}:3: limits.room: there is no such key; the nearest is limits.rooms\n"
        );
        assert_eq!(stderr, complaint);
    }
}

#[test]
fn check_prints_the_listeners_and_opens_nothing() {
    let folder = TempFolder::new();
    let file = folder.write("good.json", r#"{"jsonrpc":{"listen":["127.0.0.1:7","[::1]:7"]}}"#);
    let data = folder.at("data");
    let (code, stdout, _) = ended(&["-c", &file, "-l", "jsonrpc", "--check", "--data", &data]);
    assert_eq!(code, 0);
    assert_eq!(stdout, "configuration ok\njsonrpc 127.0.0.1:7\njsonrpc [::1]:7\n");
    assert!(!Path::new(&data).exists());
    let others = "websocket 127.0.0.1:8765\naccounts 127.0.0.1:7443 (TLS)\n\
                  chatmaster 127.0.0.1:9000\nndjson 127.0.0.1:7777\nudp 127.0.0.1:7777\n";
    let (_, stdout, _) = ended(&["--check"]);
    assert_eq!(stdout, format!("configuration ok\njsonrpc 127.0.0.1:65432\n{others}"));
    let (_, stdout, _) = ended(&["--check", "-c", &file, "--port", "9"]);
    assert_eq!(stdout, format!("configuration ok\njsonrpc 127.0.0.1:9\n{others}"));
    let (_, stdout, _) = ended(&["--check", "-l", "ndjson=127.0.0.1:0", "-l", "accounts"]);
    assert_eq!(stdout, "configuration ok\nndjson 127.0.0.1:0\naccounts 127.0.0.1:7443 (TLS)\n");
}

#[test]
fn the_certificate_is_looked_for_beside_the_configuration_file() {
    let folder = TempFolder::new();
    let file = folder.write("p.toml", "[tls]\ncert = 'certs/a.pem'\nkey = '/keys/a.pem'\n");
    let config = Config::load(Some(Path::new(&file)), &Overrides::default()).expect("no mistake");
    let files = config.tls.files().expect("two files");
    assert_eq!(files.cert, Path::new(&folder.at("certs/a.pem")));
    assert_eq!(files.key, Path::new("/keys/a.pem"));
}

#[test]
fn the_daemon_serves_what_it_announces_and_ends_in_order() {
    // Not every machine has IPv6.
    let second = match TcpListener::bind("[::1]:0") {
        Ok(_) => "jsonrpc=[::1]:0",
        Err(_) => {
            skip::lacks("IPv6");
            "jsonrpc=127.77.0.13:0"
        }
    };
    for signal in [Signal::TERM, Signal::INT] {
        let daemon = Daemon::start(&[FREE_PORT, ["-l", second]].concat());
        let addresses: Vec<_> = daemon.listeners().iter().map(|(_, address)| *address).collect();
        let wanted = ["127.0.0.1", second.trim_start_matches("jsonrpc=").trim_end_matches(":0")];
        for (address, wanted) in addresses.iter().zip(wanted) {
            assert!(address.to_string().starts_with(wanted), "{addresses:?}");
        }
        assert_eq!(addresses.len(), 2);
        for address in addresses {
            assert_ne!(address.port(), 0);
            TcpStream::connect(address).expect("a connection");
        }
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), Some(0));
    }
}

#[test]
fn an_address_in_use_is_exit_1_and_says_how_to_move() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = taken.local_addr().expect("its address");
    let folder = TempFolder::new();
    let data = folder.at("data");
    for (dialect, detach, how) in [
        ("jsonrpc", &[][..], "--port PORT or -l jsonrpc=HOST:PORT"),
        ("jsonrpc", &["-d"], "--port PORT or -l jsonrpc=HOST:PORT"),
        ("chatmaster", &[], "`listen` under [chatmaster] or -l chatmaster=HOST:PORT"),
    ] {
        let listen = format!("{dialect}={address}");
        let arguments = [&["-l", &listen, "--data", &data][..], detach].concat();
        let (code, stdout, stderr) = ended(&arguments);
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.contains(&format!("{dialect} cannot listen on {address}: ")), "{stderr}");
        assert!(stderr.contains(how), "{stderr}");
        assert!(!Path::new(&folder.at("data/parlance.pid")).exists());
    }
}

#[test]
fn the_data_folder_is_one_daemons_alone() {
    let folder = TempFolder::new();
    let data = folder.at("deep/data");
    let daemon = Daemon::start(&[&FREE_PORT[..], &["--data", &data]].concat());
    let mode = fs::metadata(&data).expect("the folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let second = [&FREE_PORT[..], &["--data", &data]].concat();
    let (code, stdout, stderr) = ended(&second);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains(&format!("the data folder {data} is in use by another daemon")));
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(Daemon::start(&second).stop().code(), Some(0));
}

#[test]
fn an_unusable_data_folder_is_exit_1() {
    let folder = TempFolder::new();
    let file = folder.write("file", "");
    for data in [file.clone(), format!("{file}/below")] {
        let (code, _, stderr) = ended(&[&FREE_PORT[..], &["--data", &data]].concat());
        assert_eq!(code, 1);
        assert!(stderr.contains(&format!("the data folder {data} cannot be made")), "{stderr}");
    }
    let mut homeless = parlance(&FREE_PORT);
    let output = run(homeless.env_remove("HOME"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no data folder"));
}

#[test]
fn the_environment_names_the_data_folder() {
    let folder = TempFolder::new();
    let path = folder.at("");
    let mut command = parlance(&FREE_PORT);
    command.env("XDG_DATA_HOME", &path);
    let daemon = Daemon::start_command(&mut command, folder);
    assert!(daemon.folder().path().join("parlance/parlance.lock").exists());
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn in_the_foreground_a_pid_file_is_written_only_where_asked() {
    let folder = TempFolder::new();
    let pid_file = folder.at("here.pid");
    let daemon = Daemon::start(&[&FREE_PORT[..], &["--pid-file", &pid_file]].concat());
    let pid: i32 = read_pid(&pid_file);
    assert!(!daemon.folder().path().join("parlance.pid").exists());
    kill_process(Pid::from_raw(pid).expect("a pid"), Signal::TERM).expect("a running daemon");
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!Path::new(&pid_file).exists());

    let nowhere = folder.at("no/such.pid");
    let (code, _, stderr) =
        ended(&["-l", "jsonrpc=127.0.0.1:0", "--data", &folder.at("data"), "--pid-file", &nowhere]);
    assert_eq!(code, 1);
    assert!(stderr.contains(&format!("the pid file {nowhere} cannot be written")), "{stderr}");
}

#[test]
fn a_detached_daemon_leaves_its_caller_and_its_traces() {
    let folder = TempFolder::new();
    let data = folder.at("data");
    // `ended` reads both pipes to their end, so this hangs if the daemon keeps one of them.
    let (code, stdout, stderr) = ended(&[&FREE_PORT[..], &["-d", "--data", &data]].concat());
    assert_eq!(code, 0, "{stderr}");
    let daemon = Detached(read_pid(&folder.at("data/parlance.pid")));
    let (listening, ready) = stdout.split_once('\n').expect("two lines");
    assert_eq!(ready, "ready\n");
    let address = listening.strip_prefix("listening jsonrpc ").expect("an address");
    TcpStream::connect(address).expect("a connection");
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.0)).expect("its state");
    let session = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(3));
    assert_eq!(session, Some(daemon.0.to_string().as_str()), "not in a session of its own");

    let open_as = |number: u8| fs::read_link(format!("/proc/{}/fd/{number}", daemon.0)).ok();
    assert_eq!(open_as(0), Some("/dev/null".into()));
    assert_eq!(open_as(1), Some("/dev/null".into()));
    assert_eq!(open_as(2), Some(folder.at("data/parlance.log").into()));

    daemon.signal(Signal::TERM);
    // The lock is free when the daemon has gone.
    let lock = File::open(folder.at("data/parlance.lock")).expect("the lock file");
    within_patience(move || lock.lock()).expect("the daemon's end").expect("the lock");
    assert!(!Path::new(&folder.at("data/parlance.pid")).exists());
    assert!(Path::new(&folder.at("data/parlance.log")).exists());
}

#[test]
fn a_reload_tells_what_it_did() {
    let folder = TempFolder::new();
    let file = folder.write("p.toml", "workers = 2\n");
    let daemon = Daemon::start(&[&FREE_PORT[..], &["-c", &file]].concat());
    let reload = || daemon.signal(Signal::HUP);

    folder.write("p.toml", "workers = 3\n");
    reload();
    daemon.wait_for_log("a change of `workers` needs a restart");
    daemon.wait_for_log("the configuration was read again");

    folder.write("p.toml", "workers = 0\n");
    reload();
    let line = daemon.wait_for_log("the configuration stays as it was");
    assert!(line.contains(&format!("{file}:1: workers: 0 is not from 1 to 64")), "{line}");

    fs::remove_file(&file).expect("the file");
    reload();
    daemon.wait_for_log("the configuration stays as it was");
    TcpStream::connect(daemon.address("jsonrpc")).expect("a connection");
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_detached_daemon_reopens_its_log() {
    let folder = TempFolder::new();
    let data = folder.at("data");
    let (code, ..) = ended(&[&FREE_PORT[..], &["-d", "--data", &data]].concat());
    assert_eq!(code, 0);
    let daemon = Detached(read_pid(&folder.at("data/parlance.pid")));
    let log = folder.at("data/parlance.log");
    fs::rename(&log, folder.at("data/old.log")).expect("the log");
    // What is read from a pipe can be waited for.
    let fifo = Command::new("mkfifo").arg(&log).status().expect("mkfifo");
    assert!(fifo.success());
    daemon.signal(Signal::HUP);
    let said = within_patience(move || {
        let reopened = File::open(log).expect("the pipe");
        let mut lines = BufReader::new(reopened).lines().map_while(Result::ok);
        lines.any(|line| line.contains("the configuration was read again"))
    });
    assert_eq!(said, Some(true), "the log was not reopened");
}

#[test]
fn a_low_limit_on_descriptors_lowers_the_connections() {
    let folder = TempFolder::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 200 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_parlance")]);
    command.args(FREE_PORT).arg("--data").arg(folder.path()).env_remove("RUST_LOG");
    let daemon = Daemon::start_command(&mut command, folder);
    let line = daemon.wait_for_log("a limit of 200 open files");
    assert!(line.contains("leaves room for 136 connections, not for the configured 20000"));
    // RFC 3339, UTC, milliseconds: [2026-01-31T12:34:56.789Z WARN …
    assert_eq!((line.as_bytes()[20], line.as_bytes()[24]), (b'.', b'Z'), "{line}");
    assert_eq!(daemon.stop().code(), Some(0));
}

fn read_pid(file: &str) -> i32 {
    let line = fs::read_to_string(file).expect("a pid file");
    line.strip_suffix('\n').expect("a line").parse().expect("a number")
}

/// A daemon that is nobody's child here; killed when the value is dropped, so that a failed test
/// leaves none behind.
struct Detached(i32);

impl Detached {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0).expect("a pid");
        kill_process(pid, signal).expect("a running daemon");
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        let still_parlance = fs::read_to_string(format!("/proc/{}/comm", self.0))
            .is_ok_and(|name| name.trim() == "parlance");
        if still_parlance && let Some(pid) = Pid::from_raw(self.0) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
