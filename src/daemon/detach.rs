//! Leaving the terminal.
//!
//! The program starts itself again as a child, which makes a session of its own before it has a
//! thread, and opens everything while it still shares the caller's stderr. The caller's process
//! relays the child's stdout up to `ready` and ends; from then on the child's stdin and stdout are
//! `/dev/null`, and its stderr is the log in the data folder. The working folder stays, so that
//! relative paths mean the same at a reload.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::setsid;
use rustix::stdio::{dup2_stderr, dup2_stdout};

use super::error::RunError;
use super::say;

/// Set for the child, so that it does not start one in its turn.
const CHILD: &str = "PARLANCE_DETACHED_CHILD";

/// Whether this process is the child.
pub(super) fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

/// Starts the child with the same arguments and waits until it is ready.
///
/// # Errors
///
/// The child could not be started, or was ended by a signal. What else goes wrong, the child says
/// on the stderr it shares; its exit code is then the result.
pub(super) fn start_child() -> Result<ExitCode, RunError> {
    let mut child = Command::new(env::current_exe().map_err(RunError::Detach)?)
        .args(env::args_os().skip(1))
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(RunError::Detach)?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(RunError::Detach)?;
            say(io::stdout(), format_args!("{line}"));
            if line == "ready" {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    let status = child.wait().map_err(RunError::Detach)?;
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        None | Some(0) => Err(RunError::Child),
        Some(code) => Ok(code.into()),
    }
}

/// Makes the child the leader of a session without a terminal.
///
/// # Errors
///
/// The system's.
pub(super) fn own_session() -> Result<(), RunError> {
    setsid().map(drop).map_err(|error| RunError::Detach(error.into()))
}

/// Appends stderr, and with it the log, to a file from here on. Again at a reload, for the file may
/// have been moved away.
///
/// # Errors
///
/// The file cannot be opened.
pub(super) fn log_to(path: &Path) -> Result<(), RunError> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    opened
        .and_then(|file| Ok(dup2_stderr(file)?))
        .map_err(|source| RunError::Log { path: path.into(), source })
}

/// Turns stdout to `/dev/null`, and gives the caller's for a last word.
///
/// # Errors
///
/// `/dev/null` cannot be opened, or there is no descriptor left.
pub(super) fn release_stdout() -> Result<File, RunError> {
    let release = || {
        let callers = io::stdout().as_fd().try_clone_to_owned()?;
        dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?;
        Ok(File::from(callers))
    };
    release().map_err(RunError::Detach)
}
