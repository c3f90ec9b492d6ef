use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{fs, thread};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;
use crate::chat::{Audience, Content, EventKind, RoomKey, Timestamp};
use crate::testing::TempFolder;

const PATIENCE: Duration = Duration::from_secs(60);

/// What there is in a folder.
trait Files {
    fn read(&self, name: &str) -> String;

    fn names(&self) -> Vec<String>;
}

impl Files for TempFolder {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn said(text: &str) -> Event {
    Event {
        room: RoomKey::from_bits(1 << 32).unwrap(),
        room_name: "general".into(),
        subject: None,
        audience: Audience::Room,
        seq: 1,
        at: Timestamp(1_769_862_896_789),
        kind: EventKind::Message { from: "alice".into(), body: Content::Text(text.into()) },
    }
}

fn line(text: &str) -> String {
    format!("2026-01-31T12:34:56.789Z general alice: {text}\n")
}

/// The line about missing ones, without its time.
fn gap(line: &str) -> &str {
    line.get(25..).unwrap_or(line)
}

/// Waits for what the thread does on its own.
fn until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < PATIENCE, "nothing happens");
        thread::yield_now();
    }
}

fn until_holds(path: PathBuf, text: &str) {
    until(|| fs::read_to_string(&path).is_ok_and(|found| found == text));
}

/// Waits until everything up to here is dealt with.
fn until_idle(transcript: &Transcript) {
    until(|| {
        let state = transcript.shared.lock();
        state.wake_at == Some(1) && state.lines.is_empty() && !state.is_urgent()
    });
}

fn make_pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Reads a pipe to its end on another thread; gives each line once, waiting for it in bounds.
fn read_pipe(path: &Path) -> impl FnMut() -> String + use<> {
    let pipe = BufReader::new(fs::File::open(path).unwrap());
    let (sender, lines) = channel();
    thread::spawn(move || {
        pipe.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    move || lines.recv_timeout(PATIENCE).expect("a line in time")
}

#[test]
fn lines_are_written_a_moment_later_and_at_the_end() {
    let folder = TempFolder::new();
    let path = folder.at("a/b/chat.log");
    let transcript = Transcript::open(&path, 1000, 2).unwrap();
    transcript.record(&said("one"));
    until_holds(folder.at("a/b/chat.log"), &line("one"));
    transcript.record(&Event { seq: 0, ..said("not in a room") });
    transcript.record(&said("two"));
    drop(transcript);
    assert_eq!(folder.read("a/b/chat.log"), line("one") + &line("two"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(folder.at("a")).unwrap().permissions().mode() & 0o777, 0o700);
    // A later one goes on where this one stopped.
    Transcript::open(&path, 1000, 2).unwrap().record(&said("three"));
    assert_eq!(folder.read("a/b/chat.log"), line("one") + &line("two") + &line("three"));
}

#[test]
fn a_path_that_cannot_be_opened_is_an_error_at_once() {
    let folder = TempFolder::new();
    let error = Transcript::open(folder.path(), 1000, 2).unwrap_err();
    assert!(
        matches!(&error, TranscriptError::Open { path, .. } if path == folder.path()),
        "{error}"
    );
    fs::write(folder.at("file"), "").unwrap();
    let error = Transcript::open(folder.at("file/chat.log"), 1000, 2).unwrap_err();
    assert!(matches!(error, TranscriptError::Folder { .. }), "{error}");
    let transcript = Transcript::open(folder.at("chat.log"), 1000, 2).unwrap();
    transcript.configure(folder.path(), 1000, 2).unwrap_err();
    transcript.record(&said("still here"));
    drop(transcript);
    assert_eq!(folder.read("chat.log"), line("still here"));
}

#[test]
fn files_of_whole_lines_hold_the_newest() {
    let folder = TempFolder::new();
    let length = line("000").len();
    // Room for three lines and a bit.
    let transcript = Transcript::open(folder.at("chat.log"), 4 * length as u64 - 1, 3).unwrap();
    for number in 0..100 {
        transcript.record(&said(&format!("{number:03}")));
    }
    drop(transcript);
    let lines = |numbers: std::ops::Range<u32>| -> String {
        numbers.map(|number| line(&format!("{number:03}"))).collect()
    };
    assert_eq!(folder.names(), ["chat.log", "chat.log.1", "chat.log.2", "chat.log.3"]);
    assert_eq!(folder.read("chat.log"), lines(99..100));
    assert_eq!(folder.read("chat.log.1"), lines(96..99));
    assert_eq!(folder.read("chat.log.2"), lines(93..96));
    assert_eq!(folder.read("chat.log.3"), lines(90..93));
}

#[test]
fn a_line_that_fills_the_file_exactly_stays_and_a_longer_one_is_alone() {
    let folder = TempFolder::new();
    let length = line("a").len() as u64;
    let transcript = Transcript::open(folder.at("chat.log"), 2 * length, 9).unwrap();
    let long = "long ".repeat(60);
    for text in ["a", "b", "c", &long, "d"] {
        transcript.record(&said(text));
        until_idle(&transcript);
    }
    drop(transcript);
    assert_eq!(folder.read("chat.log.3"), line("a") + &line("b"));
    assert_eq!(folder.read("chat.log.2"), line("c"));
    assert_eq!(folder.read("chat.log.1"), line(&long));
    assert_eq!(folder.read("chat.log"), line("d"));
}

#[test]
fn no_old_files_and_fewer_old_files() {
    let folder = TempFolder::new();
    let say = |transcript: Transcript, texts: &[&str]| {
        texts.iter().for_each(|text| transcript.record(&said(text)));
    };
    let open = |max_files| Transcript::open(folder.at("chat.log"), 1, max_files).unwrap();
    say(open(3), &["a", "b", "c", "d", "e"]);
    assert_eq!(folder.names(), ["chat.log", "chat.log.1", "chat.log.2", "chat.log.3"]);
    say(open(1), &["f"]);
    assert_eq!(folder.names(), ["chat.log", "chat.log.1"]);
    assert_eq!(folder.read("chat.log.1"), line("e"));
    say(open(0), &["g"]);
    assert_eq!(folder.names(), ["chat.log"]);
    assert_eq!(folder.read("chat.log"), line("g"));
}

#[test]
fn others_may_delete_and_keep_files_beside_it() {
    let folder = TempFolder::new();
    for name in ["chat.log.20260101", "chat.log.007", "chat.log.1.gz"] {
        fs::write(folder.at(name), name).unwrap();
    }
    let transcript = Transcript::open(folder.at("chat.log"), 1, 5).unwrap();
    for text in ["a", "b", "c", "d"] {
        transcript.record(&said(text));
    }
    until_holds(folder.at("chat.log"), &line("d"));
    fs::remove_file(folder.at("chat.log.2")).unwrap();
    transcript.record(&said("e"));
    until_holds(folder.at("chat.log"), &line("e"));
    // The free number was used; what was older than it stays where it was.
    assert_eq!(folder.read("chat.log.1"), line("d"));
    assert_eq!(folder.read("chat.log.2"), line("c"));
    assert_eq!(folder.read("chat.log.3"), line("a"));
    fs::remove_file(folder.at("chat.log")).unwrap();
    transcript.record(&said("f"));
    drop(transcript);
    assert_eq!(folder.read("chat.log"), line("f"));
    for name in ["chat.log.20260101", "chat.log.007", "chat.log.1.gz"] {
        assert_eq!(folder.read(name), name);
    }
}

#[test]
fn half_a_line_is_ended_before_the_next() {
    let folder = TempFolder::new();
    fs::write(folder.at("chat.log"), "2026-01-31T12:34").unwrap();
    Transcript::open(folder.at("chat.log"), 1000, 1).unwrap().record(&said("a"));
    assert_eq!(folder.read("chat.log"), "2026-01-31T12:34\n".to_owned() + &line("a"));
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew() {
    let folder = TempFolder::new();
    let transcript = Transcript::open(folder.at("chat.log"), 1000, 1).unwrap();
    transcript.record(&said("a"));
    until_holds(folder.at("chat.log"), &line("a"));
    fs::rename(folder.at("chat.log"), folder.at("moved")).unwrap();
    // What was recorded before belongs to the old file.
    transcript.record(&said("b"));
    transcript.reopen();
    until(|| folder.at("chat.log").exists());
    transcript.record(&said("c"));
    drop(transcript);
    assert_eq!(folder.read("moved"), line("a") + &line("b"));
    assert_eq!(folder.read("chat.log"), line("c"));
}

#[test]
fn a_folder_that_was_away_costs_only_its_lines() {
    let folder = TempFolder::new();
    let path = folder.at("logs/chat.log");
    let transcript = Transcript::open(&path, 1000, 1).unwrap();
    fs::remove_dir_all(folder.at("logs")).unwrap();
    transcript.reopen();
    transcript.record(&said("a"));
    transcript.record(&said("b"));
    until_idle(&transcript);
    fs::create_dir(folder.at("logs")).unwrap();
    transcript.record(&said("c"));
    drop(transcript);
    let text = folder.read("logs/chat.log");
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!((gap(first), rest), ("- system: 2 lines are missing here", &*line("c")));
}

#[test]
fn another_file_takes_over_between_two_lines() {
    let folder = TempFolder::new();
    let transcript = Transcript::open(folder.at("one"), 1000, 1).unwrap();
    transcript.record(&said("a"));
    transcript.configure(folder.at("new/two"), 1000, 1).unwrap();
    until_holds(folder.at("one"), &line("a"));
    transcript.record(&said("b"));
    // The same path with other bounds: each line is a file now.
    until_holds(folder.at("new/two"), &line("b"));
    transcript.configure(folder.at("new/two"), 1, 1).unwrap();
    until_idle(&transcript);
    transcript.record(&said("c"));
    drop(transcript);
    assert_eq!(folder.read("one"), line("a"));
    assert_eq!(folder.read("new/two.1"), line("b"));
    assert_eq!(folder.read("new/two"), line("c"));
}

#[test]
fn what_nobody_can_write_in_time_is_counted() {
    let folder = TempFolder::new();
    make_pipe(&folder.at("pipe"));
    let transcript = Transcript::open(folder.at("pipe"), 1, 1).unwrap();
    let event = said(&"x".repeat(1000));
    let length = line(&"x".repeat(1000)).len();
    // More than the queue and the pipe hold, and nobody reads.
    let recorded = 2 * QUEUE_BYTES_MAX / length;
    for _ in 0..recorded {
        transcript.record(&event);
    }
    let state = transcript.shared.lock();
    assert!(state.dropped > 0);
    assert!(state.lines.len() + state.taken <= QUEUE_BYTES_MAX);
    assert!(state.lines.len() + state.taken > QUEUE_BYTES_MAX - length);
    drop(state);
    let mut next_line = read_pipe(&folder.at("pipe"));
    let mut whole = 0;
    let mut missing = 0;
    while whole + missing < recorded {
        let line = next_line();
        match gap(&line).strip_prefix("- system: ") {
            Some(gap) => missing += gap.split(' ').next().unwrap().parse::<usize>().unwrap(),
            None => {
                assert_eq!(line.len() + 1, length);
                whole += 1;
            }
        }
    }
    assert_eq!(whole + missing, recorded);
    assert!(missing > 0 && whole * length > QUEUE_BYTES_MAX - length, "{whole} {missing}");
    // There is room again.
    transcript.record(&said("afterwards"));
    assert_eq!(next_line() + "\n", line("afterwards"));
}

#[test]
fn a_thread_that_is_awake_or_gathers_is_not_woken_by_each_line() {
    let shared = Shared::default();
    let push = |wake_at, bytes| {
        shared.lock().wake_at = wake_at;
        shared.push(|lines| lines.resize(lines.len() + bytes, b'x'));
        shared.lock().wake_at
    };
    assert_eq!(push(Some(1), 100), None);
    assert_eq!(push(Some(GATHERED_BYTES), 100), Some(GATHERED_BYTES));
    assert_eq!(push(Some(GATHERED_BYTES), GATHERED_BYTES - 200), None);
    assert_eq!(push(None, 100), None);
}

#[test]
fn dropping_waits_only_so_long_for_a_writer_that_is_stuck() {
    let folder = TempFolder::new();
    make_pipe(&folder.at("pipe"));
    let transcript = Transcript::open(folder.at("pipe"), 1000, 1).unwrap();
    for _ in 0..200 {
        transcript.record(&said(&"x".repeat(1000)));
    }
    let start = Instant::now();
    drop(transcript);
    assert!(start.elapsed() >= FAREWELL && start.elapsed() < FAREWELL + PATIENCE);
    // Lets the thread end.
    let mut next_line = read_pipe(&folder.at("pipe"));
    (0..200).for_each(|_| drop(next_line()));
}

/// The warnings and errors that name `path`.
fn logged(path: &Path) -> Vec<String> {
    let name = path.to_str().unwrap();
    LOG.0.lock().unwrap().iter().filter(|line| line.contains(name)).cloned().collect()
}

struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_full_disk_is_logged_once_until_there_is_room_again() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let folder = TempFolder::new();
    let path = folder.at("chat.log");
    symlink("/dev/full", &path).unwrap();
    let transcript = Transcript::open(&path, 1000, 1).unwrap();
    for text in ["a", "b", "c"] {
        transcript.record(&said(text));
        until_idle(&transcript);
    }
    let log = logged(&path);
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains("cannot be written"), "{log:?}");
    fs::remove_file(&path).unwrap();
    for text in ["d", "e"] {
        transcript.record(&said(text));
        until_idle(&transcript);
    }
    let log = logged(&path);
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log[1].contains("written again; lost: 3 lines"), "{log:?}");
    drop(transcript);
    let text = folder.read("chat.log");
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!(gap(first), "- system: 3 lines are missing here");
    assert_eq!(rest, line("d") + &line("e"));
}

/// Runs itself again as a process whose files may only have a few kilobytes.
#[test]
fn half_a_line_that_a_full_disk_took_is_taken_back() {
    const FILE: &str = "PARLANCE_TEST_TRANSCRIPT";
    if let Some(path) = std::env::var_os(FILE) {
        let transcript = Transcript::open(path, 1 << 20, 1).unwrap();
        for _ in 0..200 {
            transcript.record(&said("within bounds"));
        }
        return;
    }
    let folder = TempFolder::new();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("store::transcript::tests::half_a_line_that_a_full_disk_took_is_taken_back")
        .env(FILE, folder.at("chat.log"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let text = folder.read("chat.log");
    assert!(text.len() < 200 * line("within bounds").len(), "there was no limit");
    assert_eq!(text, line("within bounds").repeat(text.lines().count()));
}
