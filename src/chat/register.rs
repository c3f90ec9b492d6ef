//! The register of user names: who bears which, which are held, which belong to accounts.
//!
//! All names here are keys. How a name is spelled is known to the session that bears it; only an
//! account's spelling is kept here, since it outlives its sessions.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::Error;
use super::key::SessionId;
use super::name::Name;

/// Keys of the names that nobody may bear: the one notices come from, and the one that means
/// everybody.
const RESERVED: [&str; 2] = ["system", "public"];

impl Name {
    /// Whether no user may bear the name. A room may.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.key())
    }
}

#[derive(Default)]
pub(super) struct Register {
    borne: HashMap<Arc<str>, SessionId>,
    held: HashMap<Arc<str>, SessionId>,
    /// The other way round: a session holds one name at most.
    holds: HashMap<SessionId, Arc<str>>,
    /// By key, the spelling.
    accounts: HashMap<Arc<str>, Arc<str>>,
}

impl Register {
    pub(super) fn bearer(&self, key: &str) -> Option<SessionId> {
        self.borne.get(key).copied()
    }

    pub(super) fn account(&self, key: &str) -> Option<&Arc<str>> {
        self.accounts.get(key)
    }

    /// Whether the name means somebody, online or not.
    pub(super) fn is_used(&self, key: &str) -> bool {
        self.borne.contains_key(key)
            || self.held.contains_key(key)
            || self.accounts.contains_key(key)
            || RESERVED.contains(&key)
    }

    /// Whether a guest may bear the name from now on; `None`: one who is still to come. Its own name
    /// it may always keep.
    pub(super) fn check_guest(&self, session: Option<SessionId>, key: &str) -> Result<(), Error> {
        let bearer = self.bearer(key);
        if bearer.is_some() && bearer == session {
            return Ok(());
        }
        if RESERVED.contains(&key) {
            return Err(Error::NameReserved);
        }
        if self.accounts.contains_key(key) {
            return Err(Error::NameRegistered);
        }
        if bearer.is_some() || self.is_held_from(session, key) {
            return Err(Error::NameTaken);
        }
        Ok(())
    }

    /// Whether an account's name is free for its owner's session.
    pub(super) fn check_owner(&self, session: SessionId, key: &str) -> Result<(), Error> {
        if RESERVED.contains(&key) {
            return Err(Error::NameReserved);
        }
        if self.bearer(key).is_some_and(|bearer| bearer != session) {
            return Err(Error::AlreadyOnline);
        }
        if self.is_held_from(Some(session), key) {
            return Err(Error::NameTaken);
        }
        Ok(())
    }

    fn is_held_from(&self, session: Option<SessionId>, key: &str) -> bool {
        self.held.get(key).is_some_and(|holder| Some(*holder) != session)
    }

    pub(super) fn give(&mut self, key: Arc<str>, session: SessionId) {
        self.borne.insert(key, session);
    }

    pub(super) fn free(&mut self, key: &str) {
        self.borne.remove(key);
    }

    /// Holds a name that was checked, instead of the one the session may hold already.
    pub(super) fn hold(&mut self, session: SessionId, key: Arc<str>) {
        self.release(session);
        self.held.insert(key.clone(), session);
        self.holds.insert(session, key);
    }

    pub(super) fn release(&mut self, session: SessionId) {
        if let Some(key) = self.holds.remove(&session) {
            self.held.remove(&key);
        }
    }

    pub(super) fn add_account(&mut self, key: Arc<str>, spelling: Arc<str>) {
        self.accounts.insert(key, spelling);
    }

    pub(super) fn remove_account(&mut self, key: &str) {
        self.accounts.remove(key);
    }
}
