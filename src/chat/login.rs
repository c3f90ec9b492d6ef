//! Accounts as chat knows them: names that belong to somebody, and who is logged in.
//!
//! Passwords and where accounts are kept are no affair of this module.

use super::error::Error;
use super::event::Event;
use super::key::SessionId;
use super::name::Name;
use super::server::ChatServer;
use super::time::Timestamp;

impl ChatServer {
    /// Makes a name an account's, in this spelling. A guest who bears it keeps it while it is
    /// online.
    ///
    /// # Errors
    /// [`Error::NameRequired`]. The limit on names does not apply to an account that exists.
    pub fn register_account(&mut self, name: &str) -> Result<(), Error> {
        let name = Name::new(name, usize::MAX).map_err(Error::of_user_name)?;
        self.register.add_account(name.key, name.shown);
        Ok(())
    }

    /// Makes an account's name anybody's. A session that is logged in to it stays so.
    pub fn unregister_account(&mut self, name: &str) {
        if let Ok(name) = Name::new(name, usize::MAX) {
            self.register.remove_account(name.key());
        }
    }

    /// The registered spelling of an account's name, given any spelling of it.
    pub fn account(&self, name: &str) -> Option<&str> {
        let name = Name::new(name, usize::MAX).ok()?;
        self.register.account(name.key()).map(AsRef::as_ref)
    }

    /// Keeps a name from everybody else while the session's register or login is under way.
    /// Whatever comes of that, [`release_hold`](Self::release_hold) has to follow, also when the
    /// session has closed meanwhile. A session holds one name: holding another lets go of the
    /// first.
    ///
    /// # Errors
    /// [`Error::SessionClosed`], [`Error::NameRequired`], [`Error::NameTooLong`],
    /// [`Error::NameReserved`]; [`Error::AlreadyOnline`] when another session bears it (a guest's
    /// too), [`Error::NameTaken`] when another holds it.
    pub fn hold_name(&mut self, session: SessionId, name: &str) -> Result<(), Error> {
        self.session(session)?;
        let name = Name::new(name, self.settings.name_chars_max).map_err(Error::of_user_name)?;
        self.register.check_owner(session, name.key())?;
        self.register.hold(session, name.key);
        Ok(())
    }

    /// Lets go of the name the session holds, if it holds one. The session may be closed.
    pub fn release_hold(&mut self, session: SessionId) {
        self.register.release(session);
    }

    /// Logs a session in: it bears the account's name in its registered spelling instead of the
    /// name it had, and if it is in a room that is a renaming. Lets go of the name it holds. Where
    /// it is logged in to this account already nothing changes.
    ///
    /// # Errors
    /// [`Error::SessionClosed`], [`Error::NoSuchAccount`]; [`Error::NameOfAccount`] when it is
    /// logged in to another account; [`Error::NameReserved`]; [`Error::AlreadyOnline`] when
    /// another session bears the name, [`Error::NameTaken`] when another holds it.
    pub fn sign_in(
        &mut self,
        session: SessionId,
        name: &str,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let own = self.session(session)?;
        let key = Name::new(name, usize::MAX).map_err(|_| Error::NoSuchAccount)?.key;
        let shown = self.register.account(&key).ok_or(Error::NoSuchAccount)?.clone();
        if own.signed_in && self.register.bearer(&key) != Some(session) {
            return Err(Error::NameOfAccount);
        }
        self.register.check_owner(session, &key)?;
        let (signed_in, in_room) = (own.signed_in, own.room.is_some());
        let is_new = own.name.as_ref() != Some(&shown);
        self.register.release(session);
        self.take_name(session, is_new.then_some(Name { shown, key }), now, out);
        if let Some(own) = self.sessions.get_mut(session) {
            own.signed_in = true;
        }
        if !signed_in && !in_room {
            self.enter_lobby(session);
        }
        Ok(())
    }

    /// Logs a session out: it leaves its room and has no name. For a guest it does nothing.
    pub fn sign_out(&mut self, session: SessionId, now: Timestamp, out: &mut Vec<Event>) {
        if !self.is_signed_in(session) {
            return;
        }
        self.depart(session, now, out);
        self.leave_lobby(session);
        self.drop_name(session);
        if let Some(own) = self.sessions.get_mut(session) {
            own.signed_in = false;
        }
    }

    /// Whether the session is logged in.
    pub fn is_signed_in(&self, session: SessionId) -> bool {
        self.session(session).is_ok_and(|own| own.signed_in)
    }

    /// The logged-in who are in no room, with their names, in the order in which they came there.
    pub fn logged_in_without_room(&self) -> impl Iterator<Item = (SessionId, &str)> {
        self.lobby.values().filter_map(|session| Some((*session, self.name_of(*session)?)))
    }
}
