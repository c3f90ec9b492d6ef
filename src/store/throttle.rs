//! Who may try how often: a sliding window a key, and what logins and registrations make of it.
//!
//! Nothing here reads a clock or knows a password. What is refused is not delayed, and does not
//! count itself: who is refused may go on asking and is let in as soon as the window has moved on.
//!
//! Memory is bounded by [`KEYS_MAX`], and keys are kept as hashes, so that long names cost no more
//! than short ones. Making room for a new key lets go of the records that say the least: first
//! those whose window is empty, then those with the fewest failures, the oldest first. So a key
//! that has used up its tries is the last to be forgotten, and to have it forgotten takes
//! [`KEYS_MAX`] others that have used up theirs, all within [`WINDOW`]. Each of their tries costs
//! this process a hash, and it does not compute so many in that time. One address cannot fill the
//! table with names either, since its own tries are counted first. Tries under way are never
//! forgotten: their number is bounded by that of the workers and the queue in front of them.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// For how long a failure counts.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Keys at most that a [`Throttle`] remembers.
const KEYS_MAX: usize = 1 << 16;

/// There were too many attempts of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// A try under way, to be ended with [`Throttle::failed`] or [`Throttle::succeeded`] whatever
/// becomes of it; one that is lost counts as under way for ever.
#[derive(Debug)]
#[must_use]
pub struct Try(u64);

/// Bounds the failures of each key in any [`WINDOW`].
#[derive(Debug)]
pub struct Throttle {
    failures_max: usize,
    keys_max: usize,
    /// Random in each process, so that nobody can choose a key that shares another's record.
    hashing: RandomState,
    records: HashMap<u64, Record>,
}

#[derive(Debug, Default)]
struct Record {
    /// In the order in which they came, and no more than were allowed.
    failures: Vec<Instant>,
    under_way: usize,
}

impl Throttle {
    /// Lets a key fail so many times in any [`WINDOW`]; 0 refuses everything.
    pub fn new(failures_max: usize) -> Throttle {
        Throttle::with_keys(failures_max, KEYS_MAX)
    }

    fn with_keys(failures_max: usize, keys_max: usize) -> Throttle {
        Throttle { failures_max, keys_max, hashing: RandomState::new(), records: HashMap::new() }
    }

    /// Changes how often a key may fail. What has been counted stays.
    pub fn set_failures_max(&mut self, failures_max: usize) {
        self.failures_max = failures_max;
    }

    /// Lets a try begin.
    ///
    /// # Errors
    ///
    /// The key's failures in the window that ends now, and its tries under way, are as many as may
    /// fail. A failure counts up to, but not at, the moment one [`WINDOW`] after it.
    pub fn begin(&mut self, key: &(impl Hash + ?Sized), now: Instant) -> Result<Try, TooMany> {
        let slot = self.hashing.hash_one(key);
        if self.failures_max == 0 {
            return Err(TooMany);
        }
        if !self.records.contains_key(&slot) {
            self.make_room(now)?;
        }
        let record = self.records.entry(slot).or_default();
        record.forget(now);
        if record.failures.len() + record.under_way >= self.failures_max {
            return Err(TooMany);
        }
        record.under_way += 1;
        Ok(Try(slot))
    }

    /// Ends a try that failed: it counts from now on, not from its beginning.
    pub fn failed(&mut self, ended: Try, now: Instant) {
        let record = self.records.entry(ended.0).or_default();
        record.under_way = record.under_way.saturating_sub(1);
        record.forget(now);
        record.failures.push(now);
    }

    /// Ends a try that is not to count. Earlier failures go on counting.
    pub fn succeeded(&mut self, ended: Try) {
        let Some(record) = self.records.get_mut(&ended.0) else { return };
        record.under_way = record.under_way.saturating_sub(1);
        if record.is_empty() {
            self.records.remove(&ended.0);
        }
    }

    /// Counts something at once, whatever will become of it.
    ///
    /// # Errors
    ///
    /// As for [`begin`](Self::begin), and then it does not count.
    pub fn count(&mut self, key: &(impl Hash + ?Sized), now: Instant) -> Result<(), TooMany> {
        let counted = self.begin(key, now)?;
        self.failed(counted, now);
        Ok(())
    }

    /// Makes room for one more key, and when there is none for an eighth of all, so that looking
    /// through all of them is rare.
    fn make_room(&mut self, now: Instant) -> Result<(), TooMany> {
        if self.records.len() < self.keys_max {
            return Ok(());
        }
        self.records.retain(|_, record| {
            record.forget(now);
            !record.is_empty()
        });
        let wanted = self.keys_max - (self.keys_max / 8).max(1);
        let surplus = self.records.len().saturating_sub(wanted);
        let idle = self.records.iter().filter(|(_, record)| record.under_way == 0);
        let mut idle: Vec<_> = idle
            .map(|(slot, record)| (record.failures.len(), record.failures.last().copied(), *slot))
            .collect();
        if surplus < idle.len() {
            idle.select_nth_unstable(surplus);
        }
        for (_, _, slot) in idle.iter().take(surplus) {
            self.records.remove(slot);
        }
        if self.records.len() < self.keys_max { Ok(()) } else { Err(TooMany) }
    }
}

impl Record {
    fn forget(&mut self, now: Instant) {
        self.failures.retain(|failure| now.saturating_duration_since(*failure) < WINDOW);
    }

    fn is_empty(&self) -> bool {
        self.failures.is_empty() && self.under_way == 0
    }
}

/// What addresses are throttled by: an IPv4 address by itself, an IPv6 address by its /64, which is
/// the least that one subscriber is given. An IPv4 address in an IPv6 one is that IPv4 address.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
    }
}

/// The throttle of logins, by address and by account, and of registrations, by address.
///
/// Accounts that do not exist are counted like those that do, and a success resets nothing.
#[derive(Debug)]
pub struct LoginThrottle {
    addresses: Throttle,
    accounts: Throttle,
    registrations: Throttle,
}

/// A login under way, to be ended with [`LoginThrottle::failed`] or [`LoginThrottle::succeeded`]
/// whatever becomes of it.
#[derive(Debug)]
#[must_use]
pub struct LoginTry {
    address: Try,
    account: Try,
}

impl LoginThrottle {
    /// Lets so many logins fail an address and an account, and so many registrations be tried an
    /// address, in any [`WINDOW`].
    pub fn new(login_failures: usize, registrations: usize) -> LoginThrottle {
        LoginThrottle {
            addresses: Throttle::new(login_failures),
            accounts: Throttle::new(login_failures),
            registrations: Throttle::new(registrations),
        }
    }

    /// Changes the limits. What has been counted stays.
    pub fn set_limits(&mut self, login_failures: usize, registrations: usize) {
        self.addresses.set_failures_max(login_failures);
        self.accounts.set_failures_max(login_failures);
        self.registrations.set_failures_max(registrations);
    }

    /// Lets a login to the account of this key begin.
    ///
    /// # Errors
    ///
    /// The address's network or the account has failed too often. Nothing is counted then.
    pub fn begin(&mut self, address: IpAddr, key: &str, now: Instant) -> Result<LoginTry, TooMany> {
        let address = self.addresses.begin(&network(address), now)?;
        match self.accounts.begin(key, now) {
            Ok(account) => Ok(LoginTry { address, account }),
            Err(TooMany) => {
                self.addresses.succeeded(address);
                Err(TooMany)
            }
        }
    }

    /// Ends a login with an unknown name or a wrong password.
    pub fn failed(&mut self, login: LoginTry, now: Instant) {
        self.addresses.failed(login.address, now);
        self.accounts.failed(login.account, now);
    }

    /// Ends a login that succeeded, or that ended for a reason that is not its client's.
    pub fn succeeded(&mut self, login: LoginTry) {
        self.addresses.succeeded(login.address);
        self.accounts.succeeded(login.account);
    }

    /// Counts a registration, whatever will become of it: each costs a hash.
    ///
    /// # Errors
    ///
    /// The address's network has tried too many.
    pub fn register(&mut self, address: IpAddr, now: Instant) -> Result<(), TooMany> {
        self.registrations.count(&network(address), now)
    }
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many attempts")
    }
}

impl std::error::Error for TooMany {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(throttle: &mut Throttle, key: u32, now: Instant) -> bool {
        throttle.count(&key, now).is_ok()
    }

    #[test]
    fn the_window_slides() {
        let mut throttle = Throttle::new(5);
        let start = Instant::now();
        for number in 0..5 {
            assert!(fail(&mut throttle, 1, start + SECOND * number));
        }
        assert!(!fail(&mut throttle, 1, start + SECOND * 5));
        assert!(!fail(&mut throttle, 1, start + WINDOW - Duration::from_nanos(1)));
        assert!(fail(&mut throttle, 1, start + WINDOW));
        assert!(!fail(&mut throttle, 1, start + WINDOW));
        assert!(fail(&mut throttle, 1, start + WINDOW + SECOND));
        assert!(fail(&mut throttle, 2, start + SECOND * 5), "another key");
    }

    #[test]
    fn tries_under_way_count_and_successes_reset_nothing() {
        let mut throttle = Throttle::new(2);
        let now = Instant::now();
        let first = throttle.begin("ann", now).unwrap();
        let second = throttle.begin("ann", now).unwrap();
        assert_eq!(throttle.begin("ann", now).err(), Some(TooMany));
        throttle.failed(first, now);
        assert_eq!(throttle.begin("ann", now).err(), Some(TooMany));
        throttle.succeeded(second);
        let third = throttle.begin("ann", now).unwrap();
        throttle.succeeded(third);
        let fourth = throttle.begin("ann", now).unwrap();
        throttle.failed(fourth, now);
        assert_eq!(throttle.begin("ann", now).err(), Some(TooMany));
    }

    #[test]
    fn a_failure_counts_from_its_end() {
        let mut throttle = Throttle::new(1);
        let start = Instant::now();
        let slow = throttle.begin("ann", start).unwrap();
        throttle.failed(slow, start + WINDOW);
        assert!(throttle.begin("ann", start + WINDOW * 2 - SECOND).is_err());
        assert!(throttle.begin("ann", start + WINDOW * 2).is_ok());
    }

    #[test]
    fn a_limit_can_change_and_nothing_is_a_limit_too() {
        let mut throttle = Throttle::new(0);
        let now = Instant::now();
        assert!(!fail(&mut throttle, 1, now));
        throttle.set_failures_max(2);
        assert!(fail(&mut throttle, 1, now) && fail(&mut throttle, 1, now));
        throttle.set_failures_max(1);
        assert!(!fail(&mut throttle, 1, now));
    }

    #[test]
    fn who_is_refused_is_remembered_though_many_others_come() {
        let mut throttle = Throttle::with_keys(3, 64);
        let start = Instant::now();
        for _ in 0..3 {
            assert!(fail(&mut throttle, 0, start));
        }
        let under_way = throttle.begin(&1, start).unwrap();
        for key in 2..10_000 {
            assert!(fail(&mut throttle, key, start + SECOND));
            assert!(throttle.records.len() <= 64);
        }
        assert!(!fail(&mut throttle, 0, start + SECOND));
        throttle.failed(under_way, start + SECOND);
        assert!(fail(&mut throttle, 1, start + SECOND) && fail(&mut throttle, 1, start + SECOND));
        assert!(!fail(&mut throttle, 1, start + SECOND), "its first failure is forgotten");
    }

    #[test]
    fn among_equals_the_oldest_are_forgotten() {
        let mut throttle = Throttle::with_keys(1, 16);
        let start = Instant::now();
        for key in 0..17 {
            assert!(fail(&mut throttle, key, start + SECOND * key));
        }
        // The newest first: those that are remembered make no room.
        for key in (2..17).rev() {
            assert!(!fail(&mut throttle, key, start + SECOND * 17), "{key}");
        }
        assert!(fail(&mut throttle, 1, start + SECOND * 17));
        assert!(fail(&mut throttle, 0, start + SECOND * 17));
    }

    #[test]
    fn tries_under_way_are_never_forgotten() {
        let mut throttle = Throttle::with_keys(1, 2);
        let now = Instant::now();
        let tries = [throttle.begin(&1, now).unwrap(), throttle.begin(&2, now).unwrap()];
        assert!(throttle.begin(&3, now).is_err());
        let [first, second] = tries;
        throttle.succeeded(first);
        assert!(throttle.begin(&3, now).is_ok());
        throttle.failed(second, now);
    }

    #[test]
    fn what_no_longer_counts_is_not_kept() {
        let mut throttle = Throttle::with_keys(5, 8);
        let start = Instant::now();
        let success = throttle.begin("ann", start).unwrap();
        throttle.succeeded(success);
        assert!(throttle.records.is_empty());
        for key in 0..8 {
            assert!(fail(&mut throttle, key, start));
        }
        assert!(fail(&mut throttle, 8, start + WINDOW));
        assert_eq!(throttle.records.len(), 1);
    }

    #[test]
    fn addresses_are_throttled_by_network() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:3::"), "2001:db8:1:3::");
    }

    #[test]
    fn logins_are_throttled_by_address_and_by_account() {
        let mut throttle = LoginThrottle::new(2, 3);
        let now = Instant::now();
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        for account in ["ann", "bob"] {
            let login = throttle.begin(address(1), account, now).unwrap();
            throttle.failed(login, now);
        }
        assert!(throttle.begin(address(1), "cy", now).is_err(), "the address");
        let login = throttle.begin(address(2), "ann", now).unwrap();
        throttle.failed(login, now);
        // A try that the account's limit refuses counts for the address no more than others.
        for _ in 0..3 {
            assert!(throttle.begin(address(2), "ann", now).is_err(), "the account");
        }
        let login = throttle.begin(address(2), "cy", now).unwrap();
        throttle.succeeded(login);
        for _ in 0..3 {
            assert!(throttle.register(address(1), now).is_ok());
        }
        assert!(throttle.register(address(1), now).is_err());
        throttle.set_limits(4, 4);
        assert!(throttle.register(address(1), now).is_ok());
        assert!(throttle.begin(address(1), "ann", now).is_ok());
    }

    /// Remembers everything, and looks through all of it each time.
    #[derive(Default)]
    struct Model {
        failures: Vec<(u8, Instant)>,
        under_way: Vec<u8>,
    }

    impl Model {
        fn admits(&self, key: u8, limit: usize, now: Instant) -> bool {
            let counts = |at: Instant| at + WINDOW > now;
            let failures = self.failures.iter().filter(|(of, at)| *of == key && counts(*at));
            let under_way = self.under_way.iter().filter(|of| **of == key);
            failures.count() + under_way.count() < limit
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Wait(u64),
        Begin(u8),
        End { which: usize, failed: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..25_000u64).prop_map(Step::Wait),
            (0..4u8).prop_map(Step::Begin),
            (0..4u8).prop_map(Step::Begin),
            (any::<usize>(), any::<bool>()).prop_map(|(which, failed)| Step::End { which, failed }),
        ]
    }

    proptest! {
        #[test]
        fn it_admits_what_one_that_remembers_everything_admits(
            limit in 0..6usize,
            steps in prop::collection::vec(step(), 0..200),
        ) {
            // Room for all four keys, and one more that never comes.
            let mut throttle = Throttle::with_keys(limit, 5);
            let mut model = Model::default();
            let mut tries = Vec::new();
            let mut now = Instant::now();
            for step in steps {
                match step {
                    Step::Wait(ms) => now += Duration::from_millis(ms),
                    Step::Begin(key) => {
                        let begun = throttle.begin(&key, now);
                        prop_assert_eq!(begun.is_ok(), model.admits(key, limit, now));
                        if let Ok(begun) = begun {
                            tries.push(begun);
                            model.under_way.push(key);
                        }
                    }
                    Step::End { which, failed } if !tries.is_empty() => {
                        let which = which % tries.len();
                        let (ended, key) = (tries.remove(which), model.under_way.remove(which));
                        if failed {
                            throttle.failed(ended, now);
                            model.failures.push((key, now));
                        } else {
                            throttle.succeeded(ended);
                        }
                    }
                    Step::End { .. } => {}
                }
                prop_assert!(throttle.records.len() <= 4);
            }
        }
    }
}
