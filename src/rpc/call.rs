//! One invocation of a method, and its answer, now or later.

use serde::Serialize;
use serde::de::Deserialize;
use serde::de::value::MapDeserializer;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::ConnId;
use super::deferred::{Meanwhile, Ticket};
use super::effects::Effects;
use super::handle::Handle;
use super::reply::{CallError, Shape};
use super::worker::Lost;

/// What a handler returns: that it answered or deferred, or why the call failed.
pub type Outcome = Result<Replied, CallError>;

/// Proof that a call was answered, or that someone holds a ticket to answer it.
#[derive(Debug)]
pub struct Replied(());

/// One invocation of a method.
///
/// A handler reads [`params`](Self::params), asks [`fx`](Self::fx) for what is to happen, and ends
/// in [`answer`](Self::answer), in [`work`](Self::work), in [`defer`](Self::defer), or in an error.
pub struct Call<'a, S: 'static> {
    /// What the handler may ask of the transport.
    pub fx: &'a mut Effects<S>,
    conn: ConnId,
    params: Option<&'a str>,
    shape: Shape<&'a str>,
    batch: Option<&'a mut BatchAnswer>,
    after: &'a mut Vec<u8>,
}

impl<'a, S: 'static> Call<'a, S> {
    pub(super) fn new(
        fx: &'a mut Effects<S>,
        conn: ConnId,
        params: Option<&'a str>,
        shape: Shape<&'a str>,
        batch: Option<&'a mut BatchAnswer>,
        after: &'a mut Vec<u8>,
    ) -> Call<'a, S> {
        Call { fx, conn, params, shape, batch, after }
    }

    /// The connection that called.
    pub fn conn(&self) -> ConnId {
        self.conn
    }

    /// The parameters: an object's fields by name or, in JSON-RPC 2.0, an array's elements in the
    /// order of `T`'s fields. They may borrow from the request. None at all are an empty object.
    ///
    /// # Errors
    /// [`CallError::INVALID_PARAMS`] when they do not fit `T`, [`CallError::PARSE`] when a field of
    /// `T` is given twice.
    pub fn params<T: Deserialize<'a>>(&self) -> Result<T, CallError> {
        let Some(params) = self.params.filter(|params| *params != "{}") else {
            let none = std::iter::empty::<((), ())>();
            let none = MapDeserializer::<_, serde::de::value::Error>::new(none);
            return T::deserialize(none).map_err(|_| CallError::INVALID_PARAMS);
        };
        serde_json::from_str(params).map_err(|error| {
            // The only way serde tells; a test holds it.
            let twice = error.is_data() && error.to_string().starts_with("duplicate field");
            if twice { CallError::PARSE } else { CallError::INVALID_PARAMS }
        })
    }

    /// Answers with `value` as JSON.
    ///
    /// # Errors
    /// [`CallError::INTERNAL`] when `value` refuses to be serialized.
    pub fn answer<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.write(|_, out| serde_json::to_writer(out, value).is_ok())
    }

    /// Answers with the JSON value that `encode` appends; it may look at the transport for it.
    ///
    /// # Errors
    /// None; the type is a handler's.
    pub fn answer_with(&mut self, encode: impl FnOnce(&Effects<S>, &mut Vec<u8>)) -> Outcome {
        self.write(|fx, out| {
            encode(fx, out);
            true
        })
    }

    /// Has `encode` append bytes that are sent to the caller behind the answer; behind the whole
    /// batch's where the call stands in one.
    pub fn send_after(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(self.after);
    }

    /// Leaves the answer for later: whoever holds the ticket gives it.
    pub fn defer(&mut self) -> (CallTicket<S>, Outcome) {
        let meanwhile = if self.shape.needs_order() { Meanwhile::Wait } else { Meanwhile::Serve };
        let owed = Owed {
            ticket: self.fx.defer(self.conn, meanwhile),
            shape: self.shape.into_owned(),
            batch: self.batch.as_deref_mut().map(BatchAnswer::hold),
        };
        (CallTicket { owed: Some(owed), handle: self.fx.handle() }, Ok(Replied(())))
    }

    /// Leaves the answer to a job on a worker thread; `done` turns the job's result into it, back
    /// on the loop. `done` runs in any case: with [`Lost`] when the job panicked, and also when the
    /// caller has gone meanwhile; only the answer is dropped then.
    ///
    /// # Errors
    /// `Server is busy` when too many jobs are waiting; then neither `job` nor `done` runs.
    pub fn work<T, A>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut S, &mut Effects<S>, Result<T, Lost>) -> Result<A, CallError>
        + Send
        + 'static,
    ) -> Outcome
    where
        T: Send + 'static,
        A: Serialize,
    {
        if self.fx.workers.is_busy() {
            return Err(super::Busy.into());
        }
        let (ticket, outcome) = self.defer();
        self.fx.work(job, move |state, fx, result| {
            let answer = done(state, fx, result);
            ticket.settle(fx, answer);
        })?;
        outcome
    }

    fn write(&mut self, encode: impl FnOnce(&Effects<S>, &mut Vec<u8>) -> bool) -> Outcome {
        let mut written = true;
        let shape = self.shape;
        if shape == Shape::Silent {
            return Ok(Replied(()));
        }
        match &mut self.batch {
            Some(batch) => batch.append(|out| {
                written = shape.write_result(out, |out| encode(self.fx, out));
            }),
            None => self.fx.send_looking(self.conn, |fx, out| {
                written = shape.write_result(out, |out| encode(fx, out));
            }),
        }
        if written { Ok(Replied(())) } else { Err(CallError::INTERNAL) }
    }
}

/// The right and duty to answer one call.
///
/// Settling uses it up, so that two answers are impossible. Dropped unsettled it answers
/// [`CallError::INTERNAL`]. May be sent to other threads; see [`Handle::post`] for the way back.
pub struct CallTicket<S: 'static> {
    owed: Option<Owed>,
    handle: Handle<S>,
}

impl<S: 'static> std::fmt::Debug for CallTicket<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CallTicket").field(&self.owed).finish()
    }
}

impl<S: 'static> CallTicket<S> {
    /// Answers the call. Where the caller has gone meanwhile nothing is sent.
    pub fn settle<T: Serialize>(mut self, fx: &mut Effects<S>, answer: Result<T, CallError>) {
        let Some(owed) = self.owed.take() else { return };
        owed.settle(fx, |shape, out| {
            let error = match &answer {
                Ok(value) => {
                    let encode = |out: &mut Vec<u8>| serde_json::to_writer(out, value).is_ok();
                    if shape.write_result(out, encode) || *shape == Shape::Silent {
                        return;
                    }
                    &CallError::INTERNAL
                }
                Err(error) => error,
            };
            shape.write_error(out, error);
        });
    }
}

impl<S: 'static> Drop for CallTicket<S> {
    fn drop(&mut self) {
        if let Some(owed) = self.owed.take() {
            self.handle.post(move |_, fx| {
                owed.settle(fx, |shape, out| shape.write_error(out, &CallError::INTERNAL));
            });
        }
    }
}

/// What a ticket stands for.
#[derive(Debug)]
struct Owed {
    ticket: Ticket,
    shape: Shape<String>,
    batch: Option<Arc<Mutex<HeldBatch>>>,
}

impl Owed {
    fn settle<S>(self, fx: &mut Effects<S>, write: impl FnOnce(&Shape<String>, &mut Vec<u8>)) {
        let conn = self.ticket.conn();
        let open = fx.settle(self.ticket).is_some();
        match self.batch {
            None if open => fx.send_with(conn, |out| write(&self.shape, out)),
            None => {}
            Some(batch) => {
                let mut batch = lock(&batch);
                batch.answer.append(|out| write(&self.shape, out));
                if !batch.answer.closes(fx, conn) {
                    batch.release(fx, conn);
                }
            }
        }
    }
}

/// The answers of a batch while it is dispatched: `[` and elements parted by commas.
#[derive(Debug, Default)]
pub(super) struct BatchAnswer {
    pub(super) bytes: Vec<u8>,
    held: Option<Arc<Mutex<HeldBatch>>>,
}

impl BatchAnswer {
    /// Appends one element; none where `write` appends nothing.
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.push(if start == 0 { b'[' } else { b',' });
        write(&mut self.bytes);
        if self.bytes.len() == start + 1 {
            self.bytes.truncate(start);
        }
    }

    /// Closes the connection if the answer is longer than it may owe; true then.
    pub(super) fn closes<S>(&self, fx: &mut Effects<S>, conn: ConnId) -> bool {
        let limit = fx.transport.get(conn).map(|connection| connection.limits.outbox_hard_bytes);
        let closes = limit.is_some_and(|limit| self.bytes.len() > limit);
        if closes {
            log::warn!("{conn}: a batch's answer passes the output limit; closing");
            fx.abort(conn);
        }
        closes
    }

    /// One more answer of this batch will come later.
    fn hold(&mut self) -> Arc<Mutex<HeldBatch>> {
        let held = self.held.get_or_insert_with(|| {
            // The dispatch itself counts as one, until it has come to the batch's end.
            Arc::new(Mutex::new(HeldBatch { outstanding: 1, ..HeldBatch::default() }))
        });
        lock(held).outstanding += 1;
        Arc::clone(held)
    }

    /// The batch was dispatched to its end: sends the answers and what follows them, or leaves
    /// them to the tickets that are still open.
    pub(super) fn end<S>(self, fx: &mut Effects<S>, conn: ConnId, after: &mut Vec<u8>) {
        match self.held {
            None => send_batch(fx, conn, &self.bytes, after),
            Some(held) => {
                let mut held = lock(&held);
                let settled = std::mem::replace(&mut held.answer.bytes, self.bytes);
                if let Some(elements) = settled.get(1..) {
                    held.answer.append(|out| out.extend_from_slice(elements));
                }
                held.after.append(after);
                held.release(fx, conn);
            }
        }
    }
}

/// A batch that waits for deferred answers. JSON-RPC 2.0 lets the answers of a batch stand in any
/// order, so each is appended as it comes.
#[derive(Debug, Default)]
struct HeldBatch {
    answer: BatchAnswer,
    after: Vec<u8>,
    outstanding: usize,
}

impl HeldBatch {
    fn release<S>(&mut self, fx: &mut Effects<S>, conn: ConnId) {
        self.outstanding -= 1;
        if self.outstanding == 0 {
            send_batch(fx, conn, &self.answer.bytes, &self.after);
        }
    }
}

/// Sends a batch's answers, if there are any, and what follows them.
fn send_batch<S>(fx: &mut Effects<S>, conn: ConnId, answers: &[u8], after: &[u8]) {
    fx.send_with(conn, |out| {
        if !answers.is_empty() {
            out.extend_from_slice(answers);
            out.extend_from_slice(b"]\n");
        }
        out.extend_from_slice(after);
    });
}

fn lock(held: &Mutex<HeldBatch>) -> MutexGuard<'_, HeldBatch> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
