//! The arguments of `parlance chat`.

use std::path::PathBuf;

use getopts::Matches;

use super::command_line::{SERVE_ALONE, refuse_options};
use super::usage::UsageError;

/// How to chat. What a URL or a fingerprint is, is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatOptions {
    /// The server and the door.
    pub url: String,
    /// The name to bear.
    pub name: Option<String>,
    /// The room to join.
    pub room: Option<String>,
    /// The fingerprint of the one certificate to trust.
    pub fingerprint: Option<String>,
    /// A file of certificates to trust.
    pub ca: Option<PathBuf>,
    /// Lines instead of the full screen.
    pub line: bool,
    /// Lines that are JSON.
    pub json: bool,
    /// The first line of stdin is the account's password.
    pub password_stdin: bool,
    /// How long a lost server may stay away before lines end, in seconds.
    pub wait_s: u32,
}

/// Where to chat unless it is said: the door that has everything, of a daemon on this machine.
const DEFAULT_URL: &str = "ws://127.0.0.1:8765/chat";

const DEFAULT_WAIT_S: u32 = 60;

/// Of `serve` and `account`, but not of `chat`.
const DAEMON_ALONE: [&str; 2] = ["config", "data"];

/// Takes the options of `chat` apart, and its one argument.
pub(super) fn chat_options(
    matches: &Matches,
    url: Option<&String>,
) -> Result<ChatOptions, UsageError> {
    refuse_options(matches, &SERVE_ALONE, "chat")?;
    refuse_options(matches, &DAEMON_ALONE, "chat")?;
    let wait_s = match matches.opt_str("wait") {
        Some(text) => text.parse().map_err(|_| UsageError::Wait(text))?,
        None => DEFAULT_WAIT_S,
    };
    let fingerprint = matches.opt_str("fingerprint");
    if fingerprint.is_some() && matches.opt_present("ca") {
        return Err(UsageError::TwoTrusts);
    }
    Ok(ChatOptions {
        url: url.map_or(DEFAULT_URL, String::as_str).to_owned(),
        name: matches.opt_str("name"),
        room: matches.opt_str("room"),
        fingerprint,
        ca: matches.opt_str("ca").map(PathBuf::from),
        line: matches.opt_present("line"),
        json: matches.opt_present("json"),
        password_stdin: matches.opt_present("password-stdin"),
        wait_s,
    })
}

#[cfg(test)]
mod tests {
    use super::super::command_line::{Command, parse};
    use super::*;

    fn refused(line: &str) -> String {
        parse(line.split_whitespace()).expect_err(line).to_string()
    }

    #[test]
    fn a_chat_has_a_place_and_a_name() {
        let chat = |line: &str| match parse(line.split_whitespace()) {
            Ok(Command::Chat(options)) => options,
            other => panic!("{line}: {other:?}"),
        };
        let plain = ChatOptions {
            url: "ws://127.0.0.1:8765/chat".into(),
            name: None,
            room: None,
            fingerprint: None,
            ca: None,
            line: false,
            json: false,
            password_stdin: false,
            wait_s: 60,
        };
        assert_eq!(chat("chat"), plain);
        let line = "chat ndjson://h -u ann -r den --fingerprint AB --line --json --wait 5 \
                    --password-stdin";
        let full = ChatOptions {
            url: "ndjson://h".into(),
            name: Some("ann".into()),
            room: Some("den".into()),
            fingerprint: Some("AB".into()),
            ca: None,
            line: true,
            json: true,
            password_stdin: true,
            wait_s: 5,
        };
        assert_eq!(chat(line), full);
        assert_eq!(chat("chat --ca a.pem"), ChatOptions { ca: Some("a.pem".into()), ..plain });
        assert_eq!(refused("chat --data /d"), "--data is no option of chat");
        assert_eq!(refused("chat --port 1"), "--port is no option of chat");
        assert_eq!(refused("--json"), "--json is no option of serve");
        assert_eq!(refused("account list -u ann"), "--name is no option of account");
        assert!(refused("chat a b").contains("\"b\" is an argument too many"));
        assert!(refused("chat --wait soon").contains("--wait: \"soon\" is no number of seconds"));
        assert!(refused("chat --ca a --fingerprint b").contains("beside each other"));
        assert!(refused("chatt").contains("the nearest is chat"));
    }
}
