//! Why the daemon could not run.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::config::{Address, Dialect};
use crate::store::StoreError;
use crate::store::transcript::TranscriptError;
use crate::{chat, rpc};

use super::certificate::CertificateError;
use super::data_folder::DataFolderError;

/// Why there is no daemon; shown, it is a sentence for who started it.
#[derive(Debug)]
pub(super) enum RunError {
    /// There is no data folder to be had.
    DataFolder(DataFolderError),
    /// The system allows so few descriptors that not one connection can be kept.
    TooFewDescriptors {
        /// The hard limit.
        limit: u64,
    },
    /// The chat refuses the name of its default room.
    DefaultRoom(chat::Error),
    /// The accounts cannot be opened.
    Accounts(StoreError),
    /// The transcript cannot be written.
    Transcript(TranscriptError),
    /// There is no certificate for the listeners that speak TLS.
    Certificate(CertificateError),
    /// A listener is to speak TLS, and the certificate that was read again was no good.
    NoCertificate {
        /// The listener's dialect.
        dialect: Dialect,
        /// Its address, as configured.
        address: Address,
    },
    /// The event loop cannot start, or has failed.
    Loop(rpc::Error),
    /// A listener cannot be opened.
    Listen {
        /// The listener's dialect.
        dialect: Dialect,
        /// Its address, as configured.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// The signals cannot be watched.
    Signals(io::Error),
    /// The pid file cannot be written.
    PidFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log of a detached daemon cannot be opened.
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The daemon cannot be started again as a child, or leave its terminal.
    Detach(io::Error),
    /// The child ended before it was ready; it has said why.
    Child,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::DataFolder(error) => error.fmt(f),
            RunError::TooFewDescriptors { limit } => {
                write!(f, "a limit of {limit} open files leaves no room for connections")
            }
            RunError::Listen { dialect, address, source } => {
                write!(f, "{dialect} cannot listen on {address}: {source}")?;
                if source.kind() == io::ErrorKind::AddrInUse {
                    write!(f, "; serve it elsewhere with {}", dialect.how_to_move())?;
                }
                Ok(())
            }
            RunError::DefaultRoom(error) => write!(f, "default_room: {error}"),
            RunError::Accounts(error) => error.fmt(f),
            RunError::Transcript(error) => error.fmt(f),
            RunError::Certificate(error) => error.fmt(f),
            RunError::NoCertificate { dialect, address } => {
                write!(f, "{dialect} cannot listen on {address}: there is no certificate for TLS")
            }
            RunError::Loop(error) => error.fmt(f),
            RunError::Signals(source) => write!(f, "signals cannot be watched: {source}"),
            RunError::PidFile { path, source } => {
                write!(f, "the pid file {} cannot be written: {source}", path.display())
            }
            RunError::Log { path, source } => {
                write!(f, "the log {} cannot be opened: {source}", path.display())
            }
            RunError::Detach(source) => write!(f, "the daemon cannot be detached: {source}"),
            RunError::Child => f.write_str("the detached daemon ended before it was ready"),
        }
    }
}

impl std::error::Error for RunError {}

impl From<DataFolderError> for RunError {
    fn from(error: DataFolderError) -> RunError {
        RunError::DataFolder(error)
    }
}
