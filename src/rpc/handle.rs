//! The way into a running loop from other threads.

use mio::Waker;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::effects::Effects;

/// Something to do on the loop's thread.
pub(super) type Message<S> = Box<dyn FnOnce(&mut S, &mut Effects<S>) + Send>;

/// Reaches a server's loop from any thread.
///
/// Worker threads answer through it; an embedding program uses it to stop the server or to hand it
/// events from elsewhere.
pub struct Handle<S: 'static> {
    queue: Sender<Message<S>>,
    waker: Arc<Waker>,
}

impl<S: 'static> Handle<S> {
    pub(super) fn new(queue: Sender<Message<S>>, waker: Arc<Waker>) -> Handle<S> {
        Handle { queue, waker }
    }

    /// Runs `message` on the loop's thread, in this turn or the next. The queue has no bound: its
    /// users must have one. Does nothing once the server is gone.
    pub fn post(&self, message: impl FnOnce(&mut S, &mut Effects<S>) + Send + 'static) {
        if self.queue.send(Box::new(message)).is_ok()
            && let Err(error) = self.waker.wake()
        {
            log::error!("cannot wake the loop: {error}");
        }
    }

    /// Stops the server in good order; see [`Effects::stop`].
    pub fn stop(&self) {
        self.post(|_, fx| fx.stop());
    }
}

impl<S: 'static> Clone for Handle<S> {
    fn clone(&self) -> Handle<S> {
        Handle { queue: self.queue.clone(), waker: Arc::clone(&self.waker) }
    }
}

impl<S: 'static> std::fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}
