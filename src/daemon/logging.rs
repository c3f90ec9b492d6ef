//! The log: on stderr, in UTC, at level `info` unless `RUST_LOG` says otherwise.

use env_logger::{Builder, Env, Target};

/// Sets the process's logger; one that an embedding program has set stays.
pub(super) fn start() {
    let started = Builder::from_env(Env::default().default_filter_or("info"))
        .target(Target::Stderr)
        .format_timestamp_millis()
        .try_init();
    if started.is_err() {
        log::debug!("the log was set up before");
    }
}
