//! The thread that writes: what it does with lines, gaps and a disk that is full.
//!
//! A failure is told to the log when it begins and when it ends, however long it lasts.

use std::io;
use std::mem;
use std::time::{Duration, Instant, SystemTime};

use super::rotation::{RotatingFile, first_lines};
use super::{IDLE_BYTES, Shared, line};
use crate::chat::Timestamp;

/// How many bytes of lines are given up when the file takes none: there is one try for so many.
const GIVEN_UP_BYTES: usize = 256 * 1024;

/// Writes until it is told to end, and then what is left.
pub(super) fn run(shared: &Shared, file: RotatingFile) {
    let mut writer = Writer { file, missing: 0, failing: false, told: None, told_end: true };
    let mut lines = Vec::new();
    loop {
        let taken = shared.take(&mut lines);
        writer.write(&lines, |bytes| shared.done(bytes));
        lines.clear();
        lines.shrink_to(IDLE_BYTES);
        if taken.dropped > 0 {
            log::warn!("the transcript's queue was full: {} lines were dropped", taken.dropped);
            writer.missing += taken.dropped;
        }
        if writer.missing > 0 && !writer.failing {
            writer.write_gap();
        }
        if let Some(file) = taken.orders.replace {
            writer.tell_loss();
            writer.file = file;
            writer.failing = false;
        }
        if taken.orders.reopen {
            writer.reopen();
        }
        if taken.orders.end {
            return writer.tell_loss();
        }
    }
}

/// How long a file that fails and works by turns is only told of once.
const TELL_EVERY: Duration = Duration::from_secs(60);

struct Writer {
    file: RotatingFile,
    /// How many lines are missing where the file ends.
    missing: u64,
    /// Whether the file takes nothing.
    failing: bool,
    /// When the log was last told of that, and whether it was told that it is over.
    told: Option<Instant>,
    told_end: bool,
}

impl Writer {
    /// Writes the lines, or counts those that cannot be written. `done` hears of each piece.
    fn write(&mut self, mut lines: &[u8], done: impl Fn(usize)) {
        while !lines.is_empty() {
            let mut written = None;
            if self.missing == 0 || self.write_gap() {
                let result = self.file.write(lines);
                written = self.note(result);
            }
            let bytes = written.unwrap_or_else(|| {
                let lost = first_lines(lines, GIVEN_UP_BYTES);
                self.missing += lost.iter().filter(|&&byte| byte == b'\n').count() as u64;
                lost.len()
            });
            lines = &lines[bytes..];
            done(bytes);
        }
    }

    /// Writes a line about those that are missing; says whether that worked.
    fn write_gap(&mut self) -> bool {
        let mut gap = Vec::new();
        line::write_gap(self.missing, now(), &mut gap);
        let written = self.file.write(&gap);
        let is_written = self.note(written).is_some();
        if is_written {
            self.missing = 0;
        }
        is_written
    }

    /// Tells the log when a failure begins or ends.
    fn note<T>(&mut self, result: io::Result<T>) -> Option<T> {
        let path = self.file.path().display();
        let failed = result.is_err();
        let recently = self.told.is_some_and(|told| told.elapsed() < TELL_EVERY);
        match (&result, mem::replace(&mut self.failing, failed)) {
            (Err(error), false) if !recently => {
                log::error!("the transcript {path} cannot be written, its lines are lost: {error}");
                self.told = Some(Instant::now());
                self.told_end = false;
            }
            (Ok(_), true) if !self.told_end => {
                self.told_end = true;
                log::warn!("the transcript {path} is written again; lost: {} lines", self.missing);
            }
            _ => {}
        }
        result.ok()
    }

    fn reopen(&mut self) {
        // That a file opens does not mean that it takes lines.
        if let Err(error) = self.file.reopen() {
            self.note::<()>(Err(error));
        }
    }

    /// What the log is told when no more is tried with a file.
    fn tell_loss(&self) {
        if self.missing > 0 {
            log::warn!("the transcript {} lost {} lines", self.file.path().display(), self.missing);
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
