//! `parlance account`, as a process.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use parlance::store::{Accounts, Cost, NewAccount};

use crate::skip;
use crate::support::{Daemon, TempFolder, ended, parlance, run};

/// A data folder that is yet to be made.
struct Data {
    folder: TempFolder,
    path: String,
}

impl Data {
    fn new() -> Data {
        let folder = TempFolder::new();
        let path = folder.at("deep/data");
        Data { folder, path }
    }

    /// Runs `parlance account` on the folder with this stdin; gives exit code, stdout and stderr.
    fn account(&self, arguments: &[&str], stdin: &str) -> (i32, String, String) {
        let arguments = [&["account", "--data", &self.path][..], arguments].concat();
        let stdin = File::open(self.folder.write("stdin", stdin)).expect("a file");
        let output = run(parlance(&arguments).stdin(stdin));
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn done(&self, arguments: &[&str], stdin: &str) -> String {
        let (code, stdout, stderr) = self.account(arguments, stdin);
        assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
        stderr
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], stdin: &str) -> (i32, String) {
        let (code, stdout, stderr) = self.account(arguments, stdin);
        assert_eq!(stdout, "");
        assert!(stderr.starts_with("parlance: ") && stderr.ends_with('\n'), "{stderr}");
        (code, stderr)
    }

    /// The names listed.
    #[track_caller]
    fn names(&self) -> Vec<String> {
        let (code, stdout, stderr) = self.account(&["list"], "");
        assert_eq!((code, stderr.as_str()), (0, ""));
        let name = |line: &str| line.split_once('\t').expect("two fields").0.to_owned();
        stdout.lines().map(name).collect()
    }

    fn store(&self) -> Accounts {
        Accounts::open(Path::new(&self.path), Cost::default()).expect("the accounts")
    }

    fn opens(&self, key: &str, password: &str) -> bool {
        self.store().verify(key, password).expect("an answer").is_some()
    }
}

#[test]
fn accounts_are_added_listed_and_removed() {
    let data = Data::new();
    assert_eq!(data.done(&["add", "Zoë"], "sesame\n"), "parlance: account \"Zoë\" added\n");
    assert_eq!(
        data.done(&["add", "  Ann \t Lee\n"], "open\r\nignored"),
        "parlance: account \"Ann Lee\" added\n"
    );
    let (_, list, _) = data.account(&["list"], "");
    let times: Vec<_> = list.lines().map(|line| line.split_once('\t').expect("a tab")).collect();
    assert_eq!(times.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["Zoë", "Ann Lee"]);
    for (_, time) in times {
        assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 24, "{time}");
    }
    assert!(data.opens("zoë", "sesame") && data.opens("ann lee", "open"));
    let mode = |path: &str| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&data.path), 0o700);
    assert_eq!(mode(&format!("{}/{}", data.path, Accounts::FILE)), 0o600);

    assert_eq!(data.done(&["remove", "ZOË"], ""), "parlance: account \"ZOË\" removed\n");
    assert_eq!(data.names(), ["Ann Lee"]);
    let (code, stderr) = data.refused(&["remove", "Zoë"], "");
    assert_eq!((code, stderr.as_str()), (1, "parlance: there is no account \"Zoë\"\n"));
}

#[test]
fn a_password_is_set_anew_by_any_spelling_of_the_name() {
    let data = Data::new();
    data.done(&["add", "Ann"], "sesame");
    let said = data.done(&["passwd", "ＡNN", "--password-stdin"], " new one \n");
    assert_eq!(said, "parlance: account \"ＡNN\" has a new password\n");
    assert!(data.opens("ann", " new one ") && !data.opens("ann", "sesame"));
    assert_eq!(data.names(), ["Ann"]);
    let (code, stderr) = data.refused(&["passwd", "Bob"], "sesame");
    assert_eq!((code, stderr.as_str()), (1, "parlance: there is no account \"Bob\"\n"));
}

#[test]
fn a_taken_name_is_exit_1_and_one_that_nobody_may_have_is_exit_2() {
    let data = Data::new();
    data.done(&["add", "Ann"], "sesame");
    let too_long = "x".repeat(51);
    for (name, code, sentence) in [
        ("ann", 1, "there is an account \"ann\" already"),
        ("System", 2, "nobody may be called \"System\""),
        ("ｐublic", 2, "nobody may be called \"ｐublic\""),
        (" \t\u{200b}", 2, "nothing of the name can be shown"),
        (&too_long, 2, "a name has at most 50 characters"),
    ] {
        let said = format!("parlance: {sentence}\n");
        assert_eq!(data.refused(&["add", name], "sesame"), (code, said));
    }
    assert_eq!(data.names(), ["Ann"]);
    data.done(&["add", &too_long[1..]], "sesame");
}

#[test]
fn a_password_that_breaks_the_rule_changes_nothing() {
    let data = Data::new();
    for password in ["", "\n", "abc\n", "äöü\nlonger", &"é".repeat(129), &"é".repeat(100_000)]
    {
        let (code, stderr) = data.refused(&["add", "Ann"], password);
        let sentence = "parlance: a password must have 4 to 128 characters\n";
        assert_eq!((code, stderr.as_str()), (1, sentence));
    }
    assert_eq!(data.names(), [""; 0]);
    data.done(&["add", "Ann"], &"é".repeat(128));
    data.refused(&["passwd", "Ann"], "abc");
    assert!(data.opens("ann", &"é".repeat(128)));
}

#[test]
fn accounts_can_be_changed_while_the_daemon_runs() {
    let data = Data::new();
    let daemon = Daemon::start(&["-l", "jsonrpc=127.0.0.1:0", "--data", &data.path]);
    data.done(&["add", "Ann"], "sesame");
    assert_eq!(data.names(), ["Ann"]);
    data.done(&["remove", "Ann"], "");
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn the_data_folder_is_found_as_the_daemon_finds_it() {
    let data = Data::new();
    data.done(&["add", "Ann"], "sesame");
    let listed = |command: &mut Command| String::from_utf8(run(command).stdout).expect("UTF-8");
    let by_variable = listed(parlance(&["account", "list"]).env("PARLANCE_DATA", &data.path));
    assert!(by_variable.starts_with("Ann\t"), "{by_variable}");
    let file = data.folder.write("a.toml", &format!("data = {:?}\n", data.path));
    assert_eq!(listed(&mut parlance(&["account", "list", "-c", &file])), by_variable);

    let elsewhere = data.folder.at("elsewhere");
    let arguments = ["account", "list", "-c", &file, "--data", &elsewhere];
    assert_eq!(ended(&arguments), (0, String::new(), String::new()));
    assert!(!Path::new(&elsewhere).exists(), "a list makes no folder");
}

#[test]
fn wrong_arguments_are_exit_2() {
    let data = Data::new();
    let bad = data.folder.write("bad.toml", "colour = 1\n");
    for (arguments, sentence) in [
        (&[][..], "account needs to be told what to do"),
        (&["ad"], "the nearest is add"),
        (&["add"], "account add needs the account's NAME"),
        (&["add", "Ann", "Lee"], "\"Lee\" is an argument too many"),
        (&["list", "-d"], "--detach is no option of account"),
        (&["list", "-c", &bad], "colour"),
    ] {
        let (code, stderr) = data.refused(arguments, "");
        assert_eq!(code, 2, "{arguments:?}");
        assert!(stderr.contains(sentence), "{stderr}");
    }
}

#[test]
fn what_the_database_holds_reaches_the_terminal_as_text() {
    let data = Data::new();
    data.done(&["add", "Ann"], "sesame");
    let now_ms = 1_769_862_896_789;
    let new = NewAccount { key: "x", name: "\x1b]0;x\x07\n\u{202e}", password: "x", now_ms };
    data.store().register(new).expect("a registration");
    let (_, list, _) = data.account(&["list"], "");
    let line = list.lines().nth(1).expect("two lines");
    assert_eq!(line, r"\u{1b}]0;x\u{7}\n\u{202e}".to_owned() + "\t2026-01-31T12:34:56.789Z");
}

#[test]
fn a_database_that_is_none_is_exit_1() {
    let data = Data::new();
    fs::create_dir_all(&data.path).expect("a folder");
    let file = format!("{}/{}", data.path, Accounts::FILE);
    fs::write(&file, "no database ".repeat(99)).expect("a file");
    for arguments in [&["add", "Ann"][..], &["passwd", "Ann"], &["remove", "Ann"], &["list"]] {
        let (code, stderr) = data.refused(arguments, "sesame");
        assert_eq!(code, 1);
        assert!(stderr.contains(&format!("the accounts {file} cannot be opened: ")), "{stderr}");
    }
}

/// Types at a terminal: argument 1 is what is typed after each prompt, the rest the command.
const TYPIST: &str = r"
import os, pty, sys, termios, time
typed = sys.argv[1].split(',')
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b''
prompts = 0
while True:
    try:
        part = os.read(terminal, 1000)
    except OSError:
        break
    if not part:
        break
    seen += part
    while seen.count(b': ') - seen.count(b'parlance: ') > prompts and typed:
        prompts += 1
        # The prompt comes before the echo goes, and no event says when it has gone.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.001)
        os.write(terminal, typed.pop(0).encode() + b'\n')
sys.stdout.write(seen.decode())
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

#[test]
fn at_a_terminal_the_password_is_asked_for_twice_without_echo() {
    if !skip::has("python3") {
        return;
    }
    let data = Data::new();
    let typist = |typed: &str, arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.args(["-c", TYPIST, typed, env!("CARGO_BIN_EXE_parlance"), "account"]);
        let output = run(command.args(["--data", &data.path]).args(arguments));
        let seen = String::from_utf8(output.stdout).expect("UTF-8").replace("\r\n", "\n");
        (output.status.code().expect("an exit code"), seen)
    };
    let prompts = "Password: \nThe same again: \n";
    let differ = format!("{prompts}parlance: the two passwords differ\n");
    assert_eq!(typist("sesame,sesane", &["add", "Ann"]), (1, differ));
    let added = format!("{prompts}parlance: account \"Ann\" added\n");
    assert_eq!(typist("sesame,sesame", &["add", "Ann"]), (0, added));
    assert!(data.opens("ann", "sesame"));
    let (code, seen) = typist("abc", &["passwd", "Ann"]);
    assert_eq!((code, seen.matches(": ").count()), (1, 2), "{seen}");
    let (code, seen) = typist("", &["add", "ANN"]);
    assert_eq!((code, seen.as_str()), (1, "parlance: there is an account \"ANN\" already\n"));
}
