//! Accounts in a database: names, hashes of passwords, and what has changed since when.
//!
//! Every call blocks, those with a password for the time of a hash; none holds the database
//! meanwhile, so that hashes run side by side on as many threads as call.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::database;
use super::error::{RegisterError, StoreError};
use super::password::{Cost, Hasher};

/// Counts registrations and removals; the default is the version before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(i64);

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The text that is equal for all spellings of the name.
    pub key: String,
    /// The name as it was registered.
    pub name: String,
    /// When that was: milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// The registration, which tells this account from an earlier or later one of the same name.
    pub version: Version,
}

/// What to register.
#[derive(Clone, Copy)]
pub struct NewAccount<'a> {
    /// The key of the name.
    pub key: &'a str,
    /// The name as it is to be shown.
    pub name: &'a str,
    /// The password; whether it is long enough is the caller's affair.
    pub password: &'a str,
    /// The time, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// The accounts at one version, or those that were added up to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The version.
    pub version: Version,
    /// In the order of their registration.
    pub accounts: Vec<Account>,
    /// Whether these are all accounts. If not, they are the ones registered since the version that
    /// was asked about, and none was removed since.
    pub complete: bool,
}

/// The accounts in a folder. Clones share one connection to the database.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    database: Mutex<Connection>,
    hasher: Hasher,
}

impl Accounts {
    /// The database's name in its folder.
    pub const FILE: &str = "accounts.db";

    /// Opens the accounts in a folder that exists, and makes the database (mode 0600) if there is
    /// none. Passwords are hashed at this cost from now on.
    ///
    /// # Errors
    ///
    /// The database cannot be opened or made or is a later release's; the cost is out of range.
    pub fn open(folder: &Path, cost: Cost) -> Result<Accounts, StoreError> {
        let hasher = Hasher::new(cost)?;
        let database = Mutex::new(database::open(&folder.join(Accounts::FILE))?);
        Ok(Accounts(Arc::new(Inner { database, hasher })))
    }

    /// Registers an account. Takes a hash, unless the name is taken.
    ///
    /// # Errors
    ///
    /// The name is taken, or the store failed.
    pub fn register(&self, new: NewAccount<'_>) -> Result<Account, RegisterError> {
        if self.find(new.key)?.is_some() {
            return Err(RegisterError::Taken);
        }
        let password = self.0.hasher.hash(new.password)?;
        let mut database = self.database();
        let change = database::write(&mut database)?;
        let version = next_version(&change)?;
        let insert = "INSERT INTO accounts (key, name, password, created_ms, version) \
                      VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO NOTHING";
        let created_ms = i64::try_from(new.now_ms).unwrap_or(i64::MAX);
        let row = (new.key, new.name, password, created_ms, version.0);
        // Somebody else may have had the name registered during the hash.
        if change.execute(insert, row)? == 0 {
            return Err(RegisterError::Taken);
        }
        change.commit()?;
        Ok(Account {
            key: new.key.to_owned(),
            name: new.name.to_owned(),
            created_ms: new.now_ms,
            version,
        })
    }

    /// The account of this key, if the password is its own. Takes a hash in any case, so that an
    /// unknown name and a wrong password take the same time; a right one whose hash was made at
    /// another cost takes a second, which replaces it.
    ///
    /// # Errors
    ///
    /// The store failed, or what is stored is no hash.
    pub fn verify(&self, key: &str, password: &str) -> Result<Option<Account>, StoreError> {
        let found = self.find(key)?;
        let stored = found.as_ref().map(|(_, stored)| stored.as_str());
        let is_right = self.0.hasher.verify(password, stored)?;
        let Some((account, stored)) = found.filter(|_| is_right) else { return Ok(None) };
        if !self.0.hasher.is_current(&stored)
            && let Err(error) = self.rehash(key, password, &stored)
        {
            // The login is good all the same.
            log::warn!("a password keeps a hash of another cost: {error}");
        }
        Ok(Some(account))
    }

    fn rehash(&self, key: &str, password: &str, stored: &str) -> Result<(), StoreError> {
        let hash = self.0.hasher.hash(password)?;
        // Not over a password that was set meanwhile.
        let update = "UPDATE accounts SET password = ?1 WHERE key = ?2 AND password = ?3";
        self.database().execute(update, (hash, key, stored))?;
        Ok(())
    }

    /// Sets an account's password; `false` if there is no such account. Takes a hash. No version
    /// comes of it.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub fn set_password(&self, key: &str, password: &str) -> Result<bool, StoreError> {
        let hash = self.0.hasher.hash(password)?;
        let update = "UPDATE accounts SET password = ?1 WHERE key = ?2";
        Ok(self.database().execute(update, (hash, key))? > 0)
    }

    /// Removes an account; `false` if there is none of this key.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub fn remove(&self, key: &str) -> Result<bool, StoreError> {
        let mut database = self.database();
        let change = database::write(&mut database)?;
        if change.execute("DELETE FROM accounts WHERE key = ?1", [key])? == 0 {
            return Ok(false);
        }
        next_version(&change)?;
        change.commit()?;
        Ok(true)
    }

    /// Whether there is an account of this key.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub fn contains(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.find(key)?.is_some())
    }

    /// All accounts, in the order of their registration.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub fn list(&self) -> Result<Vec<Account>, StoreError> {
        let mut database = self.database();
        let state = database::read(&mut database)?;
        registered_after(&state, Version::default())
    }

    /// What this process or another has changed since a version; `None` when nothing. Cheap when
    /// nothing, so that it can be asked once a second. Since the default version: all accounts.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub fn changes_since(&self, since: Version) -> Result<Option<Changes>, StoreError> {
        let mut database = self.database();
        let state = database::read(&mut database)?;
        let latest = "SELECT version FROM latest";
        let version = Version(state.prepare_cached(latest)?.query_row((), |row| row.get(0))?);
        if version == since {
            return Ok(None);
        }
        let mut accounts = registered_after(&state, since)?;
        // Each version added one account, and all of these are there: none was removed, neither of
        // these nor of the earlier ones, since that would have taken a version.
        let only_added = i64::try_from(accounts.len()).ok() == version.0.checked_sub(since.0);
        let complete = since == Version::default() || !only_added;
        if complete && since != Version::default() {
            accounts = registered_after(&state, Version::default())?;
        }
        Ok(Some(Changes { version, accounts, complete }))
    }

    fn find(&self, key: &str) -> Result<Option<(Account, String)>, StoreError> {
        let database = self.database();
        let mut select = database.prepare_cached(
            "SELECT key, name, created_ms, version, password FROM accounts WHERE key = ?1",
        )?;
        Ok(select.query_row([key], |row| Ok((account(row)?, row.get(4)?))).optional()?)
    }

    fn database(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked has rolled its transaction back.
        self.0.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the next version, for good if the change is committed.
fn next_version(change: &Transaction<'_>) -> rusqlite::Result<Version> {
    let next = "UPDATE latest SET version = version + 1 RETURNING version";
    change.query_row(next, (), |row| Ok(Version(row.get(0)?)))
}

fn registered_after(state: &Transaction<'_>, after: Version) -> Result<Vec<Account>, StoreError> {
    let mut select = state.prepare_cached(
        "SELECT key, name, created_ms, version FROM accounts WHERE version > ?1 ORDER BY version",
    )?;
    let accounts = select.query_map([after.0], account)?;
    Ok(accounts.collect::<Result<_, _>>()?)
}

/// An account of a row that begins with key, name, time and version.
fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        key: row.get(0)?,
        name: row.get(1)?,
        created_ms: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
        version: Version(row.get(3)?),
    })
}

#[cfg(test)]
impl Version {
    pub(super) fn of_test(version: i64) -> Version {
        Version(version)
    }
}
