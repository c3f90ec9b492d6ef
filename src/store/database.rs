//! The database file: who may read it, its schema, and its version.
//!
//! What its rows mean is `accounts.rs`' affair.
//!
//! Several processes may have it open: the daemon, and `parlance account`. It keeps SQLite's
//! rollback journal, for which one file is all there is between two changes (a write-ahead log
//! would save readers a wait of milliseconds, at a rate of a few changes a minute). Who finds it
//! locked waits for [`BUSY`]; a transaction that writes takes its lock at its beginning, so that no
//! two wait for each other.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::error::StoreError;

/// How long to wait for another process's lock. (The tests have many at once, on any machine.)
const BUSY: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 5 });

/// The version of [`SCHEMA`]; 0 is a database that has none yet.
const KNOWN: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE accounts (
        key TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        password TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        version INTEGER NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE latest (version INTEGER NOT NULL) STRICT;
    INSERT INTO latest (version) VALUES (0);
    PRAGMA user_version = 1;
";

/// Opens the database, making it first if it is not there. Its folder must be.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    make_private(path).map_err(|source| StoreError::File { path: path.into(), source })?;
    let failed = |source| StoreError::Open { path: path.into(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let found = prepare(&mut connection).map_err(failed)?;
    if found > KNOWN {
        return Err(StoreError::Newer { path: path.into(), found, known: KNOWN });
    }
    Ok(connection)
}

/// Makes the file its owner's alone, and an empty one if there is none; SQLite gives its journal
/// the same mode. A file that is there is not opened: closing it would let go of the locks that
/// this process holds on it through SQLite. For the same reason nobody else gets past this while the
/// file that is made is open.
fn make_private(path: &Path) -> io::Result<()> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _alone = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(drop),
    }
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Settings of the connection, and the schema if there is none. Returns the version.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(BUSY)?;
    // What is removed or replaced is overwritten: no hash stays behind in the file.
    connection.pragma_update(None, "secure_delete", true)?;
    match version(connection)? {
        0 => make_schema(connection),
        found => Ok(found),
    }
}

/// Makes the schema, unless another process has made one in the meantime. Returns the version.
fn make_schema(connection: &mut Connection) -> rusqlite::Result<i64> {
    let change = write(connection)?;
    if version(&change)? == 0 {
        change.execute_batch(SCHEMA)?;
    }
    let found = version(&change)?;
    change.commit()?;
    Ok(found)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Begins to read: one state of the database until the end.
pub(super) fn read(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Deferred)
}

/// Begins to write, once nobody else does.
pub(super) fn write(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;

    #[test]
    fn a_schema_that_another_process_makes_meanwhile_is_taken_as_it_is() {
        let folder = TempFolder::new();
        let path = folder.at("accounts.db");
        let mut late = Connection::open(&path).unwrap();
        assert_eq!(version(&late).unwrap(), 0);
        let other = open(&path).unwrap();
        other.execute("UPDATE latest SET version = 7", ()).unwrap();
        assert_eq!(make_schema(&mut late).unwrap(), KNOWN);
        let select = "SELECT version FROM latest";
        assert_eq!(late.query_row(select, (), |row| row.get::<_, i64>(0)).unwrap(), 7);
    }
}
