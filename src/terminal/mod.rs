//! `parlance chat`: the client in a terminal.
//!
//! On a terminal it takes the whole screen; where stdin or stdout is none, or on demand, it is lines
//! in, lines out (`line_mode`). What happens on the screen is decided by a pure machine (`app`) and drawn by
//! `view`; `screen` joins the two to a terminal and a [`Client`]. How a server is spoken with is not
//! known here, and nothing that others send reaches a terminal but through `clean`.

mod app;
mod clean;
mod commands;
mod completion;
mod connect;
mod hearing;
mod input;
mod job;
mod known_servers;
mod line;
mod line_mode;
mod log;
mod login;
mod look;
mod mailbox;
mod names;
mod orders;
mod restore;
mod screen;
mod shape;
#[cfg(test)]
mod tests;
mod view;
mod wording;

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::client::{self, Answer, Call, CallError, Client, Door, Trust, Url};

use app::{End, Setup};
use line::Clock;
use line_mode::{Failure, Lines, Manner, complain};
use look::Look;
use mailbox::Mailbox;

/// How to chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The server and the door: a URL, or a host, maybe with a port, for its WebSocket.
    pub url: String,
    /// The name to bear; it wins over the URL's.
    pub name: Option<String>,
    /// The room to join; it wins over the URL's.
    pub room: Option<String>,
    /// The SHA-256 fingerprint of the one certificate to trust.
    pub fingerprint: Option<String>,
    /// A PEM file of certificates to trust.
    pub ca: Option<PathBuf>,
    /// The line mode, even on a terminal.
    pub line: bool,
    /// Objects instead of sentences, in the line mode.
    pub json: bool,
    /// The first line of stdin is the password of the account.
    pub password_stdin: bool,
    /// How long a lost server may stay away before the line mode ends.
    pub wait: Duration,
}

/// How long the server may take for anything. A login in a busy hour takes its time, and whoever waits here
/// sees that, and can go.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often another name is tried where the login name is taken.
const NAMES_MAX: u32 = 20;

/// Chats until somebody quits, stdin ends, or there is no server.
///
/// The exit code is that of the process: 0 after a good end, 1 when it could not be done, 2 for options
/// that make no sense; the reason is on stderr.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    let (url, client) = match settle(options) {
        Ok(settled) => settled,
        Err(why) => {
            complain(&format!("{}\nsee `parlance help`", clean::text(&why)));
            return ExitCode::from(2);
        }
    };
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    let result = match is_terminal && !is_dumb && !options.line && !options.json {
        true => on_screen(&url, &client),
        false => by_lines(&url, &client, options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            if let Some(why) = why {
                complain(&why);
            }
            ExitCode::FAILURE
        }
    }
}

/// Why it ended badly, unless that was told before.
type Ended = Result<(), Option<String>>;

fn settle(options: &Options) -> Result<(Url, client::Options), String> {
    let mut url = options.url.clone();
    if !url.contains("://") {
        // A host alone: through the door that has everything.
        url.insert_str(0, "ws://");
    }
    let mut url = Url::parse(&url).map_err(|error| error.to_string())?;
    url.name = options.name.clone().or(url.name);
    url.room = options.room.clone().or(url.room);
    let mut client = client::Options {
        connect_timeout: PATIENCE,
        call_timeout: PATIENCE,
        ..client::Options::default()
    };
    if let Some(file) = &options.ca {
        client.trust = Trust::Ca(file.clone());
    }
    if let Some(text) = &options.fingerprint {
        let fingerprint = text.parse().map_err(|error| format!("--fingerprint: {error}"))?;
        client.trust = Trust::Fingerprint(fingerprint);
    }
    Ok((url, client))
}

fn on_screen(url: &Url, options: &client::Options) -> Ended {
    let mailbox = Arc::new(Mailbox::default());
    let client = connect::connect(url, options, &mailbox, true);
    let client = client.map_err(|refusal| Some(refusal.to_string()))?;
    let setup = Setup {
        door: url.door,
        server: url.authority(),
        name: url.name.clone(),
        room: url.room.clone(),
        suggestion: login_name(),
        look: Look::new(|name| env::var(name).ok()),
        clock: clock(),
    };
    match screen::run(client, &mailbox, setup) {
        Ok(End::Quit) => Ok(()),
        Ok(End::Lost(reason)) => Err(Some(clean::line(&reason))),
        Err(error) => Err(Some(format!("the terminal is of no use: {error}"))),
    }
}

fn by_lines(url: &Url, options: &client::Options, chat: &Options) -> Ended {
    let may_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    let mailbox = Arc::new(Mailbox::default());
    let client = connect::connect(url, options, &mailbox, may_ask);
    let client = client.map_err(|refusal| Some(refusal.to_string()))?;
    let password = match (chat.password_stdin, url.door) {
        (false, Door::Accounts) if may_ask => {
            let asked = rpassword::prompt_password("Password: ");
            Some(asked.map_err(|error| Some(format!("the password cannot be read: {error}")))?)
        }
        _ => None,
    };
    let no_thread = |error| Some(format!("stdin cannot be read: {error}"));
    let lines = Lines::read(&mailbox).map_err(no_thread)?;
    let password = if chat.password_stdin { lines.first() } else { password };
    let joined = enter(&client, url, password)?;
    let manner = Manner { json: chat.json, wait: chat.wait, clock: clock() };
    let result = line_mode::run(&client, &mailbox, lines, manner, joined);
    mailbox.close();
    client.disconnect();
    match result {
        Ok(()) | Err(Failure::Unread) => Ok(()),
        Err(Failure::Refused) => Err(None),
        Err(Failure::Lost(reason)) => Err(Some(reason)),
    }
}

/// Logs in where that is wanted, and joins the room.
fn enter(client: &Client, url: &Url, password: Option<String>) -> Result<Answer, Option<String>> {
    let name = url.name.clone().unwrap_or_else(login_name);
    let told = |error: CallError| Some(clean::line(&error.to_string()));
    let room = url.room.clone();
    if let Some(password) = password {
        client.call(Call::LogIn { name, password }).map_err(told)?;
        return client.call(Call::Join { room, name: None }).map_err(told);
    }
    if url.door == Door::Accounts {
        let words = "this door wants an account: give its password as the first line of stdin, \
                     with --password-stdin";
        return Err(Some(words.into()));
    }
    let mut number = 1;
    loop {
        let tried = if number == 1 { name.clone() } else { format!("{name}{number}") };
        let join = Call::Join { room: room.clone(), name: Some(tried) };
        match client.call(join) {
            // A name that somebody chose is not changed.
            Err(CallError::Refused(words))
                if words.contains("taken") && url.name.is_none() && number < NAMES_MAX =>
            {
                number += 1;
            }
            result => return result.map_err(told),
        }
    }
}

/// The name that one has on this machine.
fn login_name() -> String {
    let name = |variable| env::var(variable).ok().filter(|name: &String| !name.trim().is_empty());
    name("LOGNAME").or_else(|| name("USER")).unwrap_or_else(|| "guest".into())
}

fn clock() -> Clock {
    Clock(TimeZone::system())
}
