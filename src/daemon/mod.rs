//! The daemon as a process: the order of its start, and what it needs of the system.
//!
//! A start is, in this order: the log, the data folder and its lock, the descriptors, the
//! listeners, the signals, the pid file, `ready`. Whatever fails before `ready` is one sentence on
//! stderr and exit code 1. [`account`] is a command of its own and starts nothing. What is said on
//! a connection is not known here.

pub mod account;
mod certificate;
mod data_folder;
mod descriptors;
mod detach;
mod error;
mod logging;
mod pid_file;
mod reload;
mod serve;
mod signals;

use std::env;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::config::Config;
use crate::config::command_line::ServeOptions;

use data_folder::DataFolder;
use error::RunError;
use pid_file::PidFile;
use reload::Reloader;
use serve::Server;

/// Serves until a signal ends it, or, with `detach`, until a child does.
///
/// The exit code is that of the process: 0 after an orderly end, 1 when the daemon could not run,
/// with the reason on stderr. To be called from `main` before there are threads.
#[must_use]
pub fn run(config: Config, options: ServeOptions) -> ExitCode {
    let result = if options.detach && !detach::is_child() {
        detach::start_child()
    } else {
        serve(config, options).map(|()| ExitCode::SUCCESS)
    };
    result.unwrap_or_else(|error| {
        // Not through the log: `RUST_LOG=off` must not hide why there is no daemon.
        let _ = writeln!(io::stderr(), "parlance: {error}");
        ExitCode::FAILURE
    })
}

fn serve(mut config: Config, options: ServeOptions) -> Result<(), RunError> {
    if options.detach {
        detach::own_session()?;
    }
    logging::start();
    let folder = data_folder::choose(config.data.as_deref(), |name| env::var_os(name))?;
    let folder = DataFolder::open(folder)?;
    log::info!("the data folder is {}", folder.path().display());
    descriptors::fit(&mut config)?;

    let mut server = Server::open(&config, folder.path())?;
    let pid_path = match &options.pid_file {
        Some(path) => Some(path.clone()),
        None => options.detach.then(|| folder.path().join("parlance.pid")),
    };
    let pid_of_hasty_end = pid_path.clone();
    signals::watch(server.on_signal(), move || {
        if let Some(path) = pid_of_hasty_end {
            pid_file::remove(&path);
        }
    })?;
    // Gone before the lock on the data folder is, so that the next daemon's is not taken for it.
    let _pid_file = pid_path.map(PidFile::write).transpose()?;

    let log_file = options.detach.then(|| folder.path().join("parlance.log"));
    announce(&mut server);
    match &log_file {
        None => say(io::stdout(), format_args!("ready")),
        Some(path) => {
            let callers_stdout = detach::release_stdout()?;
            detach::log_to(path)?;
            say(callers_stdout, format_args!("ready"));
        }
    }
    let mut reloader = Reloader::new(config, options, log_file);
    server.run(|| reloader.reload())
}

fn announce(server: &mut Server) {
    for (dialect, address) in server.addresses() {
        say(io::stdout(), format_args!("listening {dialect} {address}"));
    }
}

/// A line for whoever started the daemon, at once. That nobody reads it is no reason to stop.
fn say(mut stdout: impl Write, line: fmt::Arguments<'_>) {
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
