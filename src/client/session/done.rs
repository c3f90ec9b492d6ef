//! Calling back, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::client::call::Answer;
use crate::client::error::CallError;

/// What is called when a call was answered; dropped uncalled, it says that the client has ended.
pub(in crate::client) struct Done {
    callback: Option<Callback>,
    /// How many there are.
    count: Arc<AtomicUsize>,
}

type Callback = Box<dyn FnOnce(Result<Answer, CallError>) + Send>;

impl Done {
    /// `None` when there are `max` already.
    pub(in crate::client) fn new(
        callback: Callback,
        count: &Arc<AtomicUsize>,
        max: usize,
    ) -> Result<Done, Callback> {
        if count.fetch_add(1, Ordering::Relaxed) >= max {
            count.fetch_sub(1, Ordering::Relaxed);
            return Err(callback);
        }
        Ok(Done { callback: Some(callback), count: Arc::clone(count) })
    }

    pub(in crate::client) fn call(mut self, result: Result<Answer, CallError>) {
        self.settle(result);
    }

    fn settle(&mut self, result: Result<Answer, CallError>) {
        if let Some(callback) = self.callback.take() {
            self.count.fetch_sub(1, Ordering::Relaxed);
            callback(result);
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        self.settle(Err(CallError::Ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn whoever_is_dropped_is_called_back_too_and_nobody_twice() {
        let (sender, results) = channel();
        let count = Arc::default();
        let done = || {
            let sender = sender.clone();
            Done::new(Box::new(move |result| sender.send(result).expect("heard")), &count, 2)
        };
        let (Ok(first), Ok(second)) = (done(), done()) else { panic!("there is room") };
        assert!(done().is_err(), "there is none");
        first.call(Ok(Answer::Done));
        drop(second);
        assert_eq!(
            results.try_iter().collect::<Vec<_>>(),
            [Ok(Answer::Done), Err(CallError::Ended)]
        );
        assert!(done().is_ok(), "there is room again");
    }
}
