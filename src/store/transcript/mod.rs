//! The transcript: every event of every room as one line of a rotating file.
//!
//! A line is `{timestamp} {room} {user}: {text}`, as `line.rs` has it. Lines are gathered in one
//! buffer and written by a thread of their own, a moment later and many at once, so that
//! [`Transcript::record`] costs its caller neither a write nor, as a rule, a wake-up. What the
//! thread cannot write in time is dropped and counted, and so is what the disk does not take; a
//! line in the transcript and one in the log say how many are missing.
//!
//! Nothing here decides what happens in a room, and nothing of it is read back.

mod line;
mod rotation;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io, mem, thread};

use crate::chat::Event;
use rotation::RotatingFile;

/// How many bytes of lines may wait, those in the thread's hands among them.
pub const QUEUE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long the thread lets lines gather, once there is one.
const GATHER: Duration = Duration::from_millis(20);

/// With so many bytes gathered it does not wait longer.
const GATHERED_BYTES: usize = 256 * 1024;

/// How much of an empty buffer is kept.
const IDLE_BYTES: usize = 64 * 1024;

/// How long dropping a [`Transcript`] waits for its last lines.
const FAREWELL: Duration = Duration::from_secs(5);

/// The transcript of all rooms. Dropped, it writes what is queued, for at most five seconds.
#[derive(Debug)]
pub struct Transcript {
    shared: Arc<Shared>,
    /// Nothing is ever sent: it disconnects when the thread ends.
    end: Receiver<()>,
}

/// Why there is no transcript.
#[derive(Debug)]
pub enum TranscriptError {
    /// The file's folder is not there and cannot be made.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be opened for writing.
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no thread to be had.
    Thread(io::Error),
}

impl Transcript {
    /// Opens the file at `path`, in which lines are appended, and starts the thread that writes
    /// them. Folders that are missing are made for their owner alone, and so is the file.
    ///
    /// A line that would make the file longer than `max_bytes` begins a new one; a longer line is
    /// alone in its file. Up to `max_files` old files are kept, as `PATH.1` (the newest), `PATH.2`
    /// and so on.
    ///
    /// # Errors
    /// The folder cannot be made, the file cannot be opened, or the thread cannot be started.
    pub fn open(
        path: impl Into<PathBuf>,
        max_bytes: u64,
        max_files: usize,
    ) -> Result<Transcript, TranscriptError> {
        let file = RotatingFile::new(path.into(), max_bytes, max_files)?;
        let shared = Arc::new(Shared::default());
        let (alive, end) = channel();
        let thread = {
            let shared = shared.clone();
            move || {
                writer::run(&shared, file);
                drop(alive);
            }
        };
        // Not joined: whether it has ended is heard through the channel, with a time limit.
        thread::Builder::new()
            .name("transcript".into())
            .spawn(thread)
            .map_err(TranscriptError::Thread)?;
        Ok(Transcript { shared, end })
    }

    /// Writes another file from now on, as [`open`](Self::open) would; what is queued still goes to
    /// the one until now. When path and bounds stay, this is [`reopen`](Self::reopen).
    ///
    /// # Errors
    /// The folder cannot be made, or the file cannot be opened: everything stays as it is.
    pub fn configure(
        &self,
        path: impl Into<PathBuf>,
        max_bytes: u64,
        max_files: usize,
    ) -> Result<(), TranscriptError> {
        let file = RotatingFile::new(path.into(), max_bytes, max_files)?;
        self.shared.order(|orders| orders.replace = Some(file));
        Ok(())
    }

    /// Opens the file at the path again, because the one that was there may have been moved away.
    /// Happens on the thread; should it fail, the log says so and the next line tries again.
    pub fn reopen(&self) {
        self.shared.order(|orders| orders.reopen = true);
    }

    /// Takes down an event, if it is one that a room hears with a `seq`: messages, joins, leaves
    /// and renames. Never waits for the disk.
    pub fn record(&self, event: &Event) {
        if event.seq != 0 {
            self.shared.push(|lines| line::write(event, lines));
        }
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        self.shared.order(|orders| orders.end = true);
        if let Err(RecvTimeoutError::Timeout) = self.end.recv_timeout(FAREWELL) {
            let lines = self.shared.lock().lines.iter().filter(|&&byte| byte == b'\n').count();
            log::warn!("the transcript is not written in time: {lines} lines or more are lost");
        }
    }
}

/// What the caller and the thread share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told to the thread when it has something to do.
    work: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Lines that wait, each with its newline.
    lines: Vec<u8>,
    /// How many bytes the thread has taken and not written yet.
    taken: usize,
    /// How many lines there was no room for, all of them after `lines`.
    dropped: u64,
    orders: Orders,
    /// With how many bytes waiting the thread wants to be woken; `None`: it is awake.
    wake_at: Option<usize>,
}

/// What else the thread is to do, after what was queued before.
#[derive(Debug, Default)]
struct Orders {
    replace: Option<RotatingFile>,
    reopen: bool,
    end: bool,
}

/// What the thread takes over at once: lines (in its buffer), then a gap, then orders.
struct Taken {
    dropped: u64,
    orders: Orders,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the line that `write` appends, or counts it.
    fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        // Once a line is missing, so are the next, until the thread has taken note: then the gap
        // is in one place.
        if state.dropped == 0 {
            let before = state.lines.len();
            write(&mut state.lines);
            if state.lines.len() + state.taken <= QUEUE_BYTES_MAX {
                return self.wake(state);
            }
            state.lines.truncate(before);
        }
        state.dropped += 1;
    }

    /// Wakes the thread if it waits for no more than what is there.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if state.wake_at.is_some_and(|bytes| state.lines.len() >= bytes) {
            state.wake_at = None;
            drop(state);
            self.work.notify_one();
        }
    }

    fn order(&self, give: impl FnOnce(&mut Orders)) {
        give(&mut self.lock().orders);
        self.work.notify_one();
    }

    /// Waits for something to do, lets it gather, and takes it over. `lines` is empty and is
    /// swapped for what waits.
    fn take(&self, lines: &mut Vec<u8>) -> Taken {
        let mut state = self.lock();
        state.wake_at = Some(1);
        let idle = |state: &mut State| state.lines.is_empty() && !state.is_urgent();
        state = self.work.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state.wake_at = Some(GATHERED_BYTES);
        let gathers = |state: &mut State| !state.is_urgent();
        let gathered = self.work.wait_timeout_while(state, GATHER, gathers);
        state = gathered.unwrap_or_else(PoisonError::into_inner).0;
        state.wake_at = None;
        mem::swap(&mut state.lines, lines);
        state.taken = lines.len();
        Taken { dropped: mem::take(&mut state.dropped), orders: mem::take(&mut state.orders) }
    }

    /// So many bytes of what was taken are dealt with.
    fn done(&self, bytes: usize) {
        let mut state = self.lock();
        state.taken = state.taken.saturating_sub(bytes);
    }
}

impl State {
    fn is_urgent(&self) -> bool {
        let Orders { replace, reopen, end } = &self.orders;
        let ordered = replace.is_some() || *reopen || *end;
        ordered || self.dropped > 0 || self.lines.len() >= GATHERED_BYTES
    }
}

impl TranscriptError {
    /// The file or folder that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            TranscriptError::Folder { folder: path, .. } | TranscriptError::Open { path, .. } => {
                Some(path)
            }
            TranscriptError::Thread(_) => None,
        }
    }
}

impl fmt::Display for TranscriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TranscriptError::Folder { folder, source } => {
                write!(f, "the transcript's folder {} cannot be made: {source}", folder.display())
            }
            TranscriptError::Open { path, source } => {
                write!(f, "the transcript {} cannot be opened: {source}", path.display())
            }
            TranscriptError::Thread(source) => {
                write!(f, "the transcript's thread cannot be started: {source}")
            }
        }
    }
}

impl std::error::Error for TranscriptError {}
