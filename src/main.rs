//! The `parlance` command: command line, configuration, run.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use parlance::config::command_line::{
    self, AccountOptions, ChatOptions, Command, HELP, ServeOptions,
};
use parlance::config::{Config, Listener, Overrides};
use parlance::terminal;

fn main() -> ExitCode {
    match command_line::parse(std::env::args_os().skip(1)) {
        Ok(Command::Serve(options)) => serve(options),
        Ok(Command::Account(options)) => account(&options),
        Ok(Command::Chat(options)) => chat(options),
        Ok(Command::Help) => print(HELP),
        Ok(Command::Version) => print(concat!("parlance ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(error) => refuse(format_args!("{error}\nsee `parlance help`")),
    }
}

fn serve(options: ServeOptions) -> ExitCode {
    match Config::load(options.config_file.as_deref(), &options.overrides) {
        Ok(config) if options.check => print(&checked(&config)),
        Ok(config) => parlance::daemon::run(config, options),
        Err(error) => refuse(error),
    }
}

fn account(options: &AccountOptions) -> ExitCode {
    let overrides = Overrides { data: options.data.clone(), ..Overrides::default() };
    match Config::load(options.config_file.as_deref(), &overrides) {
        Ok(config) => parlance::daemon::account::run(&config, options),
        Err(error) => refuse(error),
    }
}

fn chat(options: ChatOptions) -> ExitCode {
    terminal::run(&terminal::Options {
        url: options.url,
        name: options.name,
        room: options.room,
        fingerprint: options.fingerprint,
        ca: options.ca,
        line: options.line,
        json: options.json,
        password_stdin: options.password_stdin,
        wait: Duration::from_secs(options.wait_s.into()),
    })
}

fn checked(config: &Config) -> String {
    let lines = config.listeners.iter().map(|listener| {
        let Listener { dialect, address, tls } = listener;
        format!("{dialect} {address}{}\n", if *tls { " (TLS)" } else { "" })
    });
    format!("configuration ok\n{}", lines.collect::<String>())
}

/// To stdout, which may be a pipe that nobody reads to its end.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refuse(reason: impl Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "parlance: {reason}");
    ExitCode::from(2)
}
