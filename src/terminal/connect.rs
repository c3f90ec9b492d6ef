//! The way to the server: whom to trust, and what to say when there is none.

use std::env;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use crate::client::{Client, ConnectError, Door, Fingerprint, Options, Trust, Url};

use super::clean;
use super::known_servers::KnownServers;
use super::mailbox::Mailbox;

/// Why there is no connection; shown, it is a sentence for who wanted one.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is none to be had.
    Connect(Box<Url>, ConnectError),
    /// Nobody vouches for the certificate, and nobody is there to be asked.
    Unknown(Box<Url>, Fingerprint),
    /// Somebody was asked, and said no.
    Distrusted,
    /// The server showed another certificate before.
    Changed {
        /// `HOST:PORT`.
        server: String,
        /// Before.
        known: Fingerprint,
        /// Now.
        shown: Fingerprint,
        /// The file that remembers.
        file: String,
    },
    /// The file of known servers, or standard input.
    Io(String, io::Error),
}

/// Connects. `may_ask`: somebody sits at a terminal and can be asked about a certificate.
///
/// # Errors
///
/// Why there is no connection.
pub(super) fn connect(
    url: &Url,
    options: &Options,
    mailbox: &Arc<Mailbox>,
    may_ask: bool,
) -> Result<Client, Refusal> {
    let dial = |options: &Options| {
        let mailbox = Arc::clone(mailbox);
        Client::with(url, options, move |event| mailbox.put_event(event))
    };
    let refused = |error| Refusal::Connect(Box::new(url.clone()), error);
    let shown: Fingerprint = match dial(options) {
        Err(ConnectError::Untrusted { fingerprint, reason }) if options.trust == Trust::System => {
            let parsed = fingerprint.parse();
            parsed.map_err(|_| refused(ConnectError::Untrusted { fingerprint, reason }))?
        }
        result => return result.map_err(refused),
    };
    let server = url.authority();
    let file = KnownServers::find(|name| env::var_os(name));
    let io = |what: &'static str| move |error| Refusal::Io(what.into(), error);
    let known = match &file {
        Some(file) => file.fingerprint(&server).map_err(io("the known servers cannot be read"))?,
        None => None,
    };
    match (known, &file) {
        (Some(known), _) if known == shown => {}
        (Some(known), Some(file)) => {
            let file = file.path().display().to_string();
            return Err(Refusal::Changed { server, known, shown, file });
        }
        _ if !may_ask => return Err(Refusal::Unknown(Box::new(url.clone()), shown)),
        _ => {
            if !asked(&server, shown).map_err(io("no answer"))? {
                return Err(Refusal::Distrusted);
            }
            if let Some(file) = &file {
                let written = file.remember(&server, shown);
                written.map_err(io("the server cannot be remembered"))?;
            }
        }
    }
    let options = Options { trust: Trust::Fingerprint(shown), ..options.clone() };
    dial(&options).map_err(refused)
}

fn asked(server: &str, shown: Fingerprint) -> io::Result<bool> {
    let mut stderr = io::stderr();
    // In rows that are no longer than those of any terminal.
    let pairs = shown.to_string();
    let (first, second) = pairs.split_at(pairs.len().div_ceil(2));
    write!(
        stderr,
        "The server at {} shows a certificate that nobody vouches for.\n\
         Its SHA-256 fingerprint is\n  {first}\n  {second}\nTrust it from now on? [y/N] ",
        clean::line(server),
    )?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Connect(url, ConnectError::Io(error))
                if error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                let server = clean::line(&url.authority());
                write!(f, "nobody listens at {server}: start the daemon there with `parlance`, ")?;
                f.write_str("or say where it is: `parlance chat URL`")
            }
            Refusal::Connect(url, error) => {
                let server = clean::line(&url.authority());
                write!(f, "no connection to {server}: {}", clean::line(&error.to_string()))?;
                let has_path = url.door == Door::WebSocket && url.path != "/chat";
                match error {
                    ConnectError::NotThatDoor(_) if has_path => write!(
                        f,
                        " ({} is the WebSocket's path; a room is given by -r ROOM)",
                        clean::line(&url.path)
                    ),
                    // Whoever waits for the other to begin says nothing.
                    ConnectError::TimedOut => write!(f, "; is that its port for {}?", url.door),
                    _ => Ok(()),
                }
            }
            Refusal::Unknown(url, shown) => write!(
                f,
                "the server at {} shows a certificate that nobody vouches for; if it is the right \
                 one: `parlance chat --fingerprint {shown} {}`",
                clean::line(&url.authority()),
                clean::line(&url.to_string()),
            ),
            Refusal::Distrusted => f.write_str("the server is not trusted"),
            Refusal::Changed { server, known, shown, file } => write!(
                f,
                "WARNING: the server at {} shows another certificate than before: somebody may be \
                 listening in.\nbefore: {known}\nnow:    {shown}\nIf it was changed on purpose, \
                 remove its line from {file}",
                clean::line(server),
            ),
            Refusal::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}
