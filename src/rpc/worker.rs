//! Worker threads: for what would block the loop.
//!
//! The queue of waiting jobs is bounded; what comes back goes through the loop's one queue of
//! completions. Workers know nothing of connections: a job is a closure.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io, thread};

use super::handle::Handle;

/// The queue of jobs is full: the service should refuse, not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many jobs are waiting")
    }
}

impl std::error::Error for Busy {}

/// A job did not finish: it panicked, or was dropped undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the job did not finish")
    }
}

impl std::error::Error for Lost {}

type Job = Box<dyn FnOnce() + Send>;

/// The pool. Threads start with the first job and end when the pool is dropped, each with the job it
/// is at; those that wait are dropped undone.
pub(super) struct Workers {
    threads: usize,
    queue_max: usize,
    /// Jobs handed over whose completion has not come back.
    outstanding: usize,
    queue: Option<Sender<Job>>,
    ended: Arc<AtomicBool>,
}

impl Workers {
    pub(super) fn new(threads: usize, queue_max: usize) -> Workers {
        Workers {
            threads: threads.max(1),
            queue_max,
            outstanding: 0,
            queue: None,
            ended: Arc::default(),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.outstanding >= self.threads + self.queue_max
    }

    /// Hands over a job. One that cannot be run is dropped, which is a completion, too.
    pub(super) fn submit(&mut self, job: Job) {
        self.outstanding += 1;
        if self.queue.is_none() {
            match start(self.threads, &self.ended) {
                Ok(queue) => self.queue = Some(queue),
                Err(error) => log::error!("cannot start worker threads: {error}"),
            }
        }
        if let Some(queue) = &self.queue {
            // Fails only when all threads are gone.
            let _ = queue.send(job);
        }
    }

    /// A completion has come back.
    pub(super) fn completed(&mut self) {
        self.outstanding = self.outstanding.saturating_sub(1);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn start(threads: usize, ended: &Arc<AtomicBool>) -> io::Result<Sender<Job>> {
    let (sender, receiver) = channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 0..threads {
        let (receiver, ended) = (Arc::clone(&receiver), Arc::clone(ended));
        let started = thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || work(&receiver, &ended));
        match started {
            Ok(_) => {}
            Err(error) if number == 0 => return Err(error),
            Err(error) => log::warn!("only {number} worker threads: {error}"),
        }
    }
    Ok(sender)
}

fn work(queue: &Mutex<Receiver<Job>>, ended: &AtomicBool) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if ended.load(Ordering::Relaxed) {
            continue;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
            log::error!("a job panicked: {}", panic_text(&*panic));
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

/// The promise that a job's completion runs exactly once: with the result, or, when the job panics
/// or is dropped undone, with [`Lost`].
pub(super) struct Completion<S, T, D>
where
    S: 'static,
    T: Send + 'static,
    D: FnOnce(&mut S, &mut super::Effects<S>, Result<T, Lost>) + Send + 'static,
{
    handle: Handle<S>,
    done: Option<D>,
    result: Result<T, Lost>,
}

impl<S, T, D> Completion<S, T, D>
where
    S: 'static,
    T: Send + 'static,
    D: FnOnce(&mut S, &mut super::Effects<S>, Result<T, Lost>) + Send + 'static,
{
    pub(super) fn new(handle: Handle<S>, done: D) -> Self {
        Completion { handle, done: Some(done), result: Err(Lost) }
    }

    pub(super) fn finish(mut self, result: T) {
        self.result = Ok(result);
    }
}

impl<S, T, D> Drop for Completion<S, T, D>
where
    S: 'static,
    T: Send + 'static,
    D: FnOnce(&mut S, &mut super::Effects<S>, Result<T, Lost>) + Send + 'static,
{
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Err(Lost));
        if let Some(done) = self.done.take() {
            self.handle.post(move |state, fx| {
                fx.job_completed();
                done(state, fx, result);
            });
        }
    }
}
