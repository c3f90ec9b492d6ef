//! The folder where the daemon keeps what it must not lose, and the lock that makes it one
//! daemon's.
//!
//! What stands in the folder besides the lock is the business of whoever puts it there.

use std::ffi::OsString;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A data folder that is this daemon's as long as the value lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    /// Locked; the system unlocks it when it is closed, however the process ends.
    _lock: File,
}

/// Why there is no data folder to be had.
#[derive(Debug)]
pub(super) enum DataFolderError {
    /// Nobody names a folder, and there is no home.
    NoHome,
    /// The folder is not there and cannot be made.
    Create { folder: PathBuf, source: io::Error },
    /// The lock file cannot be opened or locked.
    Lock { folder: PathBuf, source: io::Error },
    /// Another daemon has it.
    InUse { folder: PathBuf },
}

/// Which folder it is to be: the configured one, else `$PARLANCE_DATA`, else
/// `$XDG_DATA_HOME/parlance`, else `~/.local/share/parlance`. A variable that is empty counts as
/// not set; so does an `XDG_DATA_HOME` that is not absolute, as its specification has it.
pub(super) fn choose(
    configured: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, DataFolderError> {
    let named = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = configured {
        return Ok(folder.to_owned());
    }
    if let Some(folder) = named("PARLANCE_DATA") {
        return Ok(folder);
    }
    if let Some(shared) = named("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
        return Ok(shared.join("parlance"));
    }
    let home = named("HOME").ok_or(DataFolderError::NoHome)?;
    Ok(home.join(".local/share/parlance"))
}

/// Makes the folder, for its owner alone, if it is not there.
pub(super) fn make(path: &Path) -> Result<(), DataFolderError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DataFolderError::Create { folder: path.to_owned(), source })
}

impl DataFolder {
    /// Makes the folder, for its owner alone, if it is not there, and locks it.
    ///
    /// # Errors
    ///
    /// Another daemon has the folder, or it cannot be made or written to.
    pub(super) fn open(path: PathBuf) -> Result<DataFolder, DataFolderError> {
        make(&path)?;
        let cannot_lock = |source| DataFolderError::Lock { folder: path.clone(), source };
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("parlance.lock"))
            .map_err(cannot_lock)?;
        match lock.try_lock() {
            Ok(()) => Ok(DataFolder { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataFolderError::InUse { folder: path }),
            Err(TryLockError::Error(source)) => Err(cannot_lock(source)),
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for DataFolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataFolderError::NoHome => f.write_str(
                "there is no data folder: name one with --data DIR, or set PARLANCE_DATA or HOME",
            ),
            DataFolderError::Create { folder, source } => {
                write!(f, "the data folder {} cannot be made: {source}", folder.display())
            }
            DataFolderError::Lock { folder, source } => {
                write!(f, "the data folder {} cannot be locked: {source}", folder.display())
            }
            DataFolderError::InUse { folder } => {
                write!(f, "the data folder {} is in use by another daemon", folder.display())
            }
        }
    }
}

impl std::error::Error for DataFolderError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(configured: Option<&str>, variables: &[(&str, &str)]) -> Option<PathBuf> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        };
        choose(configured.map(Path::new), variable).ok()
    }

    #[test]
    fn the_first_that_names_a_folder_wins() {
        let all = [("PARLANCE_DATA", "/own"), ("XDG_DATA_HOME", "/shared"), ("HOME", "/home/ann")];
        assert_eq!(chosen(Some("said"), &all), Some("said".into()));
        assert_eq!(chosen(None, &all), Some("/own".into()));
        assert_eq!(chosen(None, &all[1..]), Some("/shared/parlance".into()));
        assert_eq!(chosen(None, &all[2..]), Some("/home/ann/.local/share/parlance".into()));
        assert_eq!(chosen(None, &[]), None);
    }

    #[test]
    fn empty_and_relative_variables_count_as_not_set() {
        let variables = [("PARLANCE_DATA", ""), ("XDG_DATA_HOME", "here"), ("HOME", "/home/ann")];
        assert_eq!(chosen(None, &variables), Some("/home/ann/.local/share/parlance".into()));
        assert_eq!(chosen(None, &[("HOME", "")]), None);
    }
}
