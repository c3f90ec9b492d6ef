//! The file that holds the daemon's process id while it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use super::error::RunError;

/// A pid file, removed when the value is dropped.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the process id and a newline, over what an earlier daemon may have left.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn write(path: PathBuf) -> Result<PidFile, RunError> {
        match fs::write(&path, own_line()) {
            Ok(()) => Ok(PidFile(path)),
            Err(source) => Err(RunError::PidFile { path, source }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes a pid file, but not one that another process has written meanwhile.
pub(super) fn remove(path: &Path) {
    if fs::read_to_string(path).is_ok_and(|line| line == own_line())
        && let Err(error) = fs::remove_file(path)
    {
        log::warn!("the pid file {} cannot be removed: {error}", path.display());
    }
}

fn own_line() -> String {
    format!("{}\n", process::id())
}
