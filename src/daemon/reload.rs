//! Reading the configuration again while the daemon runs.
//!
//! What becomes of the new values is the server's business; here it is decided what they are.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::command_line::ServeOptions;

use super::{descriptors, detach};

/// Remembers how the configuration was made, and the last good one.
#[derive(Debug)]
pub(super) struct Reloader {
    current: Config,
    options: ServeOptions,
    log_file: Option<PathBuf>,
}

impl Reloader {
    /// `log_file` is the one to reopen, when stderr goes to a file.
    pub(super) fn new(
        current: Config,
        options: ServeOptions,
        log_file: Option<PathBuf>,
    ) -> Reloader {
        Reloader { current, options, log_file }
    }

    /// Reopens the log and reads the configuration again, the command line over the file as at the
    /// start. `None`, with the reason in the log, when it is no good: the last good one stays.
    pub(super) fn reload(&mut self) -> Option<Config> {
        if let Some(path) = &self.log_file
            && let Err(error) = detach::log_to(path)
        {
            log::error!("{error}");
        }
        let file = self.options.config_file.as_deref();
        let mut config = match Config::load(file, &self.options.overrides) {
            Ok(config) => config,
            Err(error) => {
                log::error!("the configuration stays as it was: {error}");
                return None;
            }
        };
        if let Err(error) = descriptors::fit(&mut config) {
            log::error!("the configuration stays as it was: {error}");
            return None;
        }
        for key in keep_for_restart(&self.current, &mut config) {
            log::warn!("a change of `{key}` needs a restart");
        }
        self.current = config.clone();
        Some(config)
    }
}

/// Puts back what cannot change while the daemon runs; gives the keys that had changed.
fn keep_for_restart(current: &Config, new: &mut Config) -> Vec<&'static str> {
    let mut kept = Vec::new();
    if new.data != current.data {
        new.data.clone_from(&current.data);
        kept.push("data");
    }
    if new.default_room != current.default_room {
        new.default_room.clone_from(&current.default_room);
        kept.push("default_room");
    }
    if new.workers != current.workers {
        new.workers = current.workers;
        kept.push("workers");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_restart_stays_and_the_rest_changes() {
        let current = Config::default();
        let mut new = Config { data: Some("elsewhere".into()), workers: 7, ..current.clone() };
        new.default_room = "lounge".into();
        new.limits.rooms = 3;
        let expected = {
            let mut expected = current.clone();
            expected.limits.rooms = 3;
            expected
        };
        assert_eq!(keep_for_restart(&current, &mut new), ["data", "default_room", "workers"]);
        assert_eq!(new, expected);
        assert!(keep_for_restart(&current, &mut new).is_empty());
    }
}
