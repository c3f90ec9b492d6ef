//! Job control: whose the terminal is, and stopping until the shell brings one back.
//!
//! How the terminal is made ready and put back is `restore`'s.

use std::io;

use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use rustix::termios::tcgetpgrp;

/// Who has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The screen has.
    Foreground,
    /// Nobody has: this process is about to stop, or stopped a moment ago.
    Stopping,
    /// Others have: this process runs in the background.
    Background,
}

/// Whether there is a shell that would bring a stopped process back: it gives each job a process group
/// of its own. Elsewhere a stop would be for ever.
pub(super) fn can_stop() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}

/// Stops all that was started together, as the terminal itself would on Ctrl-Z: a shell waits for the
/// first of them, which may be another process. Stopping may take a moment longer than this call.
///
/// # Errors
///
/// There is no stop.
pub(super) fn stop() -> io::Result<()> {
    // No SIGTSTP: it is caught here, and what catches it does not stop.
    Ok(kill_current_process_group(Signal::STOP)?)
}

/// Whether the terminal is this process's. One that does not say so has no job control, and is.
pub(super) fn is_in_foreground() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |group| group == getpgrp())
}
