//! Why a configuration cannot be used.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{Dialect, Listener};

/// Why there is no [`Config`](super::Config). Shown, it is one line that begins with the file and,
/// where there is one, the line and the key: `parlance.toml:12: limits.rooms: …`.
#[derive(Debug)]
pub enum ConfigError {
    /// The file is missing, may not be read, or is not UTF-8.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is neither TOML nor, with a name that ends in `.json`, JSON.
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A key, or a section, that does not exist.
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, with its section: `limits.room`.
        key: String,
        /// The nearest key that exists.
        nearest: String,
    },
    /// A value of the wrong type or outside its range.
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, with its section: `limits.rooms`.
        key: String,
        /// What the value must be.
        reason: String,
    },
    /// File and command line together ask for one address twice.
    ListenedTwice {
        /// The second of them.
        listener: Listener,
        /// The dialect that has the address already.
        earlier: Dialect,
    },
    /// The file turns every dialect off, and the command line turns none on.
    NothingToListenOn,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unreadable { file, source } => {
                write!(f, "{}: the configuration cannot be read: {source}", file.display())
            }
            ConfigError::Syntax { file, line, reason } => {
                write!(f, "{}:{line}: {reason}", file.display())
            }
            ConfigError::UnknownKey { file, line, key, nearest } => {
                let file = file.display();
                write!(f, "{file}:{line}: {key}: there is no such key; the nearest is {nearest}")
            }
            ConfigError::Invalid { file, line, key, reason } => {
                write!(f, "{}:{line}: {key}: {reason}", file.display())
            }
            ConfigError::ListenedTwice { listener, earlier } => {
                let Listener { dialect, address, .. } = listener;
                write!(f, "{dialect} {address} is to be listened on twice")?;
                if dialect != earlier {
                    let how = dialect.how_to_move();
                    write!(f, ": it is {earlier}'s already; serve {dialect} elsewhere with {how}")?;
                }
                Ok(())
            }
            ConfigError::NothingToListenOn => {
                f.write_str("there is nothing to listen on: every `listen` is an empty list")
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfigError::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}
