//! Why the accounts cannot be read or changed.
//!
//! The texts are for logs and for who runs the daemon. No password is ever in one.

use std::fmt;
use std::io;
use std::path::PathBuf;

use argon2::password_hash;

/// Why a call to the store failed. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The database's file cannot be made, or made its owner's alone.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be opened, or is none.
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A later release of the program has made the database.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest that is understood.
        known: i64,
    },
    /// The database failed, or another process kept it locked for too long.
    Database(rusqlite::Error),
    /// A password cannot be hashed with this cost, a stored hash is none, or the system has no
    /// random numbers.
    Hash(password_hash::Error),
}

/// Why an account cannot be registered.
#[derive(Debug)]
pub enum RegisterError {
    /// There is an account of this name.
    Taken,
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::File { path, source } => {
                write!(f, "the accounts {} cannot be kept: {source}", path.display())
            }
            StoreError::Open { path, source } => {
                write!(f, "the accounts {} cannot be opened: {source}", path.display())
            }
            StoreError::Newer { path, found, known } => write!(
                f,
                "the accounts {} are of version {found}, made by a later release; this one knows \
                 versions up to {known}",
                path.display()
            ),
            StoreError::Database(source) => write!(f, "the accounts' database failed: {source}"),
            StoreError::Hash(source) => write!(f, "hashing a password failed: {source}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError::Database(error)
    }
}

impl From<password_hash::Error> for StoreError {
    fn from(error: password_hash::Error) -> StoreError {
        StoreError::Hash(error)
    }
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Taken => f.write_str("there is an account of this name"),
            RegisterError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RegisterError {}

impl<E: Into<StoreError>> From<E> for RegisterError {
    fn from(error: E) -> RegisterError {
        RegisterError::Store(error.into())
    }
}
