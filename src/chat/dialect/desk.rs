//! The desk: registering and logging in, for every dialect that has it.
//!
//! What takes a hash or the database is a worker's job, so all of this answers later. How that
//! looks is the dialect's affair; here it is decided what comes of it. A session that is logged in
//! stays so until it logs out, closes, or its account is removed.

use std::borrow::Cow;
use std::time::Duration;

use super::Fx;
use super::house::{House, form_of, now, session_of};
use crate::chat::{self, Name, SessionId};
use crate::rpc::{ConnId, Lost, Meanwhile};
use crate::store::{
    Account, Accounts, Change, Changes, LoginThrottle, LoginTry, NewAccount, PasswordRule,
    RegisterError, Roster, StoreError,
};

/// How often the database is looked at for what another process has changed in it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the desk is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskSettings {
    /// What a password that is chosen must be like. (One that is given need only be right.)
    pub password: PasswordRule,
    /// Failed logins at most in any minute, of an address and of an account.
    pub login_failures_per_minute: usize,
    /// Registrations at most in any minute, of an address.
    pub registrations_per_minute: usize,
}

impl Default for DeskSettings {
    fn default() -> DeskSettings {
        DeskSettings {
            password: PasswordRule::default(),
            login_failures_per_minute: 5,
            registrations_per_minute: 30,
        }
    }
}

/// The accounts, and who tries to get into them.
pub struct Desk {
    accounts: Accounts,
    roster: Roster,
    throttle: LoginThrottle,
    settings: DeskSettings,
    /// A look at the database has failed and that was logged; not again until one succeeds.
    complained: bool,
}

/// Why somebody was not registered or logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The name is no good, or somebody else's.
    Name(chat::Error),
    /// The password may not be chosen.
    Password(PasswordRule),
    /// There is no such account, or the password is not its own.
    Credentials,
    /// The session is logged in already, to this account or another.
    LoggedIn,
    /// The account is logged in elsewhere.
    Elsewhere,
    /// There were too many attempts of late.
    TooMany,
    /// Too many others are waiting for a worker.
    Busy,
    /// The store failed, or this server has none.
    Internal,
}

impl Refusal {
    /// What a client is told; `of_name` has the words for what is wrong with a name.
    pub(super) fn words(self, of_name: fn(chat::Error) -> Cow<'static, str>) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Refusal::Name(error) => return of_name(error),
            Refusal::Password(rule) => {
                let (least, most) = (rule.chars_min, rule.chars_max);
                return Cow::Owned(format!("Password must have {least} to {most} characters"));
            }
            Refusal::Credentials => "Invalid username or password",
            Refusal::LoggedIn => "Already logged in",
            Refusal::Elsewhere => "User already logged in",
            Refusal::TooMany => "Too many attempts",
            Refusal::Busy => "Server is busy",
            Refusal::Internal => "Internal error",
        })
    }
}

/// What becomes of it; told to the dialect if the connection still takes an answer.
pub(super) type Verdict = Result<(), Refusal>;

impl Desk {
    /// A desk over these accounts. Their names are known from now on, except to the chat: see
    /// [`House::open_desk`].
    pub fn new(accounts: Accounts, settings: DeskSettings) -> Desk {
        let (logins, registrations) =
            (settings.login_failures_per_minute, settings.registrations_per_minute);
        let throttle = LoginThrottle::new(logins, registrations);
        Desk { accounts, roster: Roster::default(), throttle, settings, complained: false }
    }

    /// Changes the settings. What the throttle has counted stays.
    pub fn set(&mut self, settings: DeskSettings) {
        self.settings = settings;
        let (logins, registrations) =
            (settings.login_failures_per_minute, settings.registrations_per_minute);
        self.throttle.set_limits(logins, registrations);
    }
}

impl House {
    /// Opens the desk: reserves the names of all accounts, and keeps an eye on the database. To be
    /// called before the loop runs.
    ///
    /// # Errors
    /// The accounts cannot be read.
    pub fn open_desk(&mut self, fx: &mut Fx, desk: Desk) -> Result<(), StoreError> {
        let changes = desk.accounts.changes_since(desk.roster.version())?;
        self.desk = Some(desk);
        self.take_in(fx, changes);
        look_later(fx);
        Ok(())
    }

    /// Changes the settings of the desk, if there is one.
    pub fn set_desk(&mut self, settings: DeskSettings) {
        if let Some(desk) = &mut self.desk {
            desk.set(settings);
        }
    }

    // ---- registering ---------------------------------------------------------------------------

    /// Registers an account and logs the connection's session in to it. The connection's input
    /// waits meanwhile. Checks, in this order: that the session is not logged in, the name, the
    /// password, the throttle, that the name is free.
    pub(super) fn register(
        &mut self,
        fx: &mut Fx,
        conn: ConnId,
        (name, password): (&str, &str),
        done: impl FnOnce(&mut House, &mut Fx, ConnId, Verdict) + Send + 'static,
    ) {
        let (session, name) = match self.begin_register(fx, conn, name, password) {
            Ok(begun) => begun,
            Err(refusal) => return done(self, fx, conn, Err(refusal)),
        };
        let Some(desk) = &self.desk else { return };
        let (accounts, password) = (desk.accounts.clone(), password.to_owned());
        let (key, shown, now_ms) = (name.key().to_owned(), name.as_str().to_owned(), fx.unix_ms());
        let job = move || {
            let new = NewAccount { key: &key, name: &shown, password: &password, now_ms };
            accounts.register(new)
        };
        let end = move |house: &mut House, fx: &mut Fx, result| {
            let verdict = house.end_register(fx, session, result);
            house.chat.release_hold(session);
            verdict
        };
        House::at_worker(fx, conn, job, end, done);
    }

    fn begin_register(
        &mut self,
        fx: &Fx,
        conn: ConnId,
        name: &str,
        password: &str,
    ) -> Result<(SessionId, Name), Refusal> {
        let session = session_of(fx, conn).ok_or(Refusal::Internal)?;
        let desk = self.desk.as_mut().ok_or(Refusal::Internal)?;
        if self.chat.is_signed_in(session) {
            return Err(Refusal::LoggedIn);
        }
        let name = self.chat.user_name(name).map_err(Refusal::Name)?;
        if !desk.settings.password.allows(password) {
            return Err(Refusal::Password(desk.settings.password));
        }
        if fx.is_busy() {
            return Err(Refusal::Busy);
        }
        let address = fx.peer_addr(conn).ok_or(Refusal::Internal)?.ip();
        desk.throttle.register(address, fx.now()).map_err(|_| Refusal::TooMany)?;
        if desk.roster.get(name.key()).is_some() {
            return Err(Refusal::Name(chat::Error::NameTaken));
        }
        self.chat.hold_name(session, name.as_str()).map_err(|error| {
            Refusal::Name(match error {
                chat::Error::AlreadyOnline => chat::Error::NameTaken,
                other => other,
            })
        })?;
        Ok((session, name))
    }

    fn end_register(
        &mut self,
        fx: &Fx,
        session: SessionId,
        result: Result<Result<Account, RegisterError>, Lost>,
    ) -> Verdict {
        let account = match result {
            Ok(Ok(account)) => account,
            Ok(Err(RegisterError::Taken)) => {
                return Err(Refusal::Name(chat::Error::NameTaken));
            }
            Ok(Err(RegisterError::Store(error))) => return Err(internal(&error)),
            Err(lost) => return Err(internal(&lost)),
        };
        self.sign_in(fx, session, &account)
    }

    // ---- logging in ----------------------------------------------------------------------------

    /// Logs a connection's session in. The connection's input waits meanwhile. Checks, in this
    /// order: that the session is logged in to no other account, the name, the throttle, that the
    /// account is not logged in elsewhere; the last again when the password has been found right.
    ///
    /// The name is kept from guests meanwhile: an account's by being one's, any other by a hold, since
    /// another process may just have made an account of it.
    pub(super) fn login(
        &mut self,
        fx: &mut Fx,
        conn: ConnId,
        (name, password): (&str, &str),
        done: impl FnOnce(&mut House, &mut Fx, ConnId, Verdict) + Send + 'static,
    ) {
        let (session, key, login) = match self.begin_login(fx, conn, name) {
            Ok(begun) => begun,
            Err(refusal) => return done(self, fx, conn, Err(refusal)),
        };
        let Some(desk) = &self.desk else { return };
        let (accounts, password) = (desk.accounts.clone(), password.to_owned());
        let job = move || accounts.verify(&key, &password);
        let end = move |house: &mut House, fx: &mut Fx, result| {
            let verdict = house.end_login(fx, session, login, result);
            house.chat.release_hold(session);
            verdict
        };
        House::at_worker(fx, conn, job, end, done);
    }

    fn begin_login(
        &mut self,
        fx: &Fx,
        conn: ConnId,
        name: &str,
    ) -> Result<(SessionId, String, LoginTry), Refusal> {
        let session = session_of(fx, conn).ok_or(Refusal::Internal)?;
        let desk = self.desk.as_mut().ok_or(Refusal::Internal)?;
        let bearer = self.chat.bearer(name);
        if self.chat.is_signed_in(session) && bearer != Some(session) {
            return Err(Refusal::LoggedIn);
        }
        let name = self.chat.user_name(name).map_err(Refusal::Name)?;
        if fx.is_busy() {
            return Err(Refusal::Busy);
        }
        let address = fx.peer_addr(conn).ok_or(Refusal::Internal)?.ip();
        let login =
            desk.throttle.begin(address, name.key(), fx.now()).map_err(|_| Refusal::TooMany)?;
        let is_elsewhere = desk.roster.get(name.key()).is_some()
            && bearer.is_some_and(|bearer| bearer != session && self.chat.is_signed_in(bearer));
        if is_elsewhere {
            desk.throttle.succeeded(login);
            return Err(Refusal::Elsewhere);
        }
        if desk.roster.get(name.key()).is_none() {
            // That somebody bears or holds it shows in the end.
            let _ = self.chat.hold_name(session, name.as_str());
        }
        Ok((session, name.key().to_owned(), login))
    }

    fn end_login(
        &mut self,
        fx: &Fx,
        session: SessionId,
        login: LoginTry,
        result: Result<Result<Option<Account>, StoreError>, Lost>,
    ) -> Verdict {
        let desk = self.desk.as_mut().ok_or(Refusal::Internal)?;
        match result {
            Ok(Ok(Some(account))) => {
                desk.throttle.succeeded(login);
                self.sign_in(fx, session, &account)
            }
            Ok(Ok(None)) => {
                desk.throttle.failed(login, fx.now());
                Err(Refusal::Credentials)
            }
            Ok(Err(error)) => {
                desk.throttle.succeeded(login);
                Err(internal(&error))
            }
            Err(lost) => {
                desk.throttle.succeeded(login);
                Err(internal(&lost))
            }
        }
    }

    /// Logs a session in to an account that was just found in the database. The events wait for
    /// [`deliver`](Self::deliver).
    fn sign_in(&mut self, fx: &Fx, session: SessionId, account: &Account) -> Verdict {
        let desk = self.desk.as_mut().ok_or(Refusal::Internal)?;
        if !desk.roster.learn(account) {
            return Err(Refusal::Credentials);
        }
        self.chat.register_account(&account.name).map_err(Refusal::Name)?;
        self.chat.sign_in(session, &account.name, now(fx), &mut self.events).map_err(|error| {
            match error {
                chat::Error::AlreadyOnline | chat::Error::NameTaken => Refusal::Elsewhere,
                chat::Error::NameOfAccount => Refusal::LoggedIn,
                other => Refusal::Name(other),
            }
        })
    }

    /// Runs `job` on a worker, then `end` on what it gives, in any case, and `done` on what that gives
    /// if the connection still takes an answer. No dialect with accounts has to tell answers apart, so
    /// the input waits.
    fn at_worker<T: Send + 'static>(
        fx: &mut Fx,
        conn: ConnId,
        job: impl FnOnce() -> T + Send + 'static,
        end: impl FnOnce(&mut House, &mut Fx, Result<T, Lost>) -> Verdict + Send + 'static,
        done: impl FnOnce(&mut House, &mut Fx, ConnId, Verdict) + Send + 'static,
    ) {
        let ticket = fx.defer(conn, Meanwhile::Wait);
        let begun = fx.work(job, move |house: &mut House, fx, result| {
            let verdict = end(house, fx, result);
            if let Some(conn) = fx.settle(ticket) {
                done(house, fx, conn, verdict);
            }
            house.deliver(fx);
        });
        // Nobody else has asked for a worker since it was found that one is to be had.
        debug_assert!(begun.is_ok());
    }

    // ---- what other processes do ---------------------------------------------------------------

    /// Takes note of accounts that came or went. Whoever is logged in to one that went is logged
    /// out, and told so as its dialect has it.
    fn take_in(&mut self, fx: &mut Fx, changes: Option<Changes>) {
        let (Some(desk), Some(changes)) = (&mut self.desk, changes) else { return };
        for change in desk.roster.apply(changes) {
            match change {
                Change::Added(account) => {
                    if let Err(error) = self.chat.register_account(&account.name) {
                        log::error!("an account whose name cannot be borne: {error}");
                    }
                }
                Change::Removed(account) => self.expel(fx, &account),
            }
        }
        self.deliver(fx);
    }

    fn expel(&mut self, fx: &mut Fx, account: &Account) {
        let bearer = self.chat.bearer(&account.name);
        if let Some(session) = bearer.filter(|bearer| self.chat.is_signed_in(*bearer)) {
            self.log_out(fx, session);
            if let Some(conn) = self.conn_of(session) {
                (form_of(fx, conn).expelled)(self, fx, conn);
            }
        }
        self.chat.unregister_account(&account.name);
    }
}

/// Looks at the database on a worker, a while from now, and again and again.
fn look_later(fx: &mut Fx) {
    fx.after(LOOK_EVERY, |house: &mut House, fx| {
        let Some(desk) = &house.desk else { return };
        let (accounts, since) = (desk.accounts.clone(), desk.roster.version());
        let look = fx.work(
            move || accounts.changes_since(since),
            |house: &mut House, fx, result| {
                let Some(desk) = &mut house.desk else { return };
                let failed = result.is_err() || matches!(result, Ok(Err(_)));
                let complained = std::mem::replace(&mut desk.complained, failed);
                match result {
                    Ok(Ok(changes)) => house.take_in(fx, changes),
                    Ok(Err(error)) if !complained => log::error!("{error}"),
                    _ => {}
                }
                look_later(fx);
            },
        );
        if look.is_err() {
            look_later(fx);
        }
    });
}

fn internal(error: &dyn std::fmt::Display) -> Refusal {
    log::error!("{error}");
    Refusal::Internal
}
