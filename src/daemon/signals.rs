//! The signals that end the daemon or make it read its configuration again.
//!
//! What is to be done is the callback's business; only a second ending signal is acted on here.

use std::io;
use std::process;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::error::RunError;

/// What somebody wants of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGTERM or SIGINT: come to an orderly end.
    Stop,
    /// SIGHUP: read the configuration again, reopen files.
    Reload,
}

/// Calls `on_signal` for every signal, on a thread of its own that lives as long as the process.
/// A second `Stop` is not told: `last_act` is called and the process exits at once with code 1.
///
/// # Errors
///
/// The handlers or the thread cannot be set up.
pub(super) fn watch(
    mut on_signal: impl FnMut(Signal) + Send + 'static,
    last_act: impl FnOnce() + Send + 'static,
) -> Result<(), RunError> {
    let watch = move |mut signals: Signals| {
        let mut stopping = false;
        for signal in &mut signals {
            if signal == SIGHUP {
                on_signal(Signal::Reload);
            } else if stopping {
                last_act();
                process::exit(1);
            } else {
                stopping = true;
                on_signal(Signal::Stop);
            }
        }
    };
    let started = || -> io::Result<()> {
        let signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        // A file that grows over the process's limit is to be a failed write, not the end.
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        thread::Builder::new().name("signals".into()).spawn(move || watch(signals))?;
        Ok(())
    };
    started().map_err(RunError::Signals)
}
