//! The registered names as the loop knows them.
//!
//! Completions of registrations, of logins and of looks at the database reach the loop in any
//! order, and another process may have removed an account at any moment. The versions in them say
//! which knows better. Nothing here reads the database or knows who is online.

use std::collections::HashMap;

use super::accounts::{Account, Changes, Version};

/// All accounts that are known to exist.
#[derive(Debug, Default)]
pub struct Roster {
    /// The last version looked at. Later accounts are here only if they were learned.
    version: Version,
    accounts: HashMap<String, Account>,
}

/// What a look at the database brought to light.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is an account more: its name is reserved.
    Added(Account),
    /// The account is gone: whoever is logged in to it is not any longer.
    Removed(Account),
}

impl Roster {
    /// The version to ask for changes since.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The account of this key.
    pub fn get(&self, key: &str) -> Option<&Account> {
        self.accounts.get(key)
    }

    /// Takes note of an account that a registration or a login has found in the database. `false`
    /// when it is known to have been removed since: then the login has failed.
    ///
    /// In place of an older account of the same name it is taken silently: whoever has just given
    /// its password may well go on.
    #[must_use]
    pub fn learn(&mut self, account: &Account) -> bool {
        match self.accounts.get(&account.key) {
            Some(known) if known.version >= account.version => known.version == account.version,
            _ if account.version <= self.version => false,
            _ => {
                self.accounts.insert(account.key.clone(), account.clone());
                true
            }
        }
    }

    /// Takes note of changes since [`version`](Self::version) and says what is new: removals
    /// first, each in no particular order. Changes that are no news are ignored.
    pub fn apply(&mut self, changes: Changes) -> Vec<Change> {
        if changes.version <= self.version {
            return Vec::new();
        }
        self.version = changes.version;
        let mut news = Vec::new();
        if changes.complete {
            self.drop_missing(&changes, &mut news);
        }
        for account in changes.accounts {
            let known = self.accounts.get(&account.key).map(|known| known.version);
            // A later one was learned after this look at the database.
            if known < Some(account.version) {
                self.accounts.insert(account.key.clone(), account.clone());
                news.push(Change::Added(account));
            }
        }
        news
    }

    /// Drops the accounts that a complete list would have if they still existed.
    fn drop_missing(&mut self, list: &Changes, news: &mut Vec<Change>) {
        let listed: HashMap<&str, Version> =
            list.accounts.iter().map(|account| (account.key.as_str(), account.version)).collect();
        let missing = self.accounts.extract_if(|key, account| {
            account.version <= list.version && listed.get(key.as_str()) != Some(&account.version)
        });
        news.extend(missing.map(|(_, account)| Change::Removed(account)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(key: &str, version: i64) -> Account {
        let version = Version::of_test(version);
        Account { key: key.into(), name: key.to_uppercase(), created_ms: 0, version }
    }

    fn all(version: i64, accounts: &[(&str, i64)]) -> Changes {
        let accounts = accounts.iter().map(|(key, version)| account(key, *version)).collect();
        Changes { version: Version::of_test(version), accounts, complete: true }
    }

    fn added(version: i64, accounts: &[(&str, i64)]) -> Changes {
        Changes { complete: false, ..all(version, accounts) }
    }

    fn roster() -> Roster {
        let mut roster = Roster::default();
        assert_eq!(roster.apply(all(2, &[("ann", 1), ("bob", 2)])).len(), 2);
        roster
    }

    #[test]
    fn added_ones_are_told_and_the_others_stay() {
        let mut roster = roster();
        assert_eq!(roster.apply(added(3, &[("cy", 3)])), [Change::Added(account("cy", 3))]);
        assert!(roster.get("ann").is_some() && roster.get("cy").is_some());
        assert_eq!(roster.version(), Version::of_test(3));
    }

    #[test]
    fn missing_ones_are_told() {
        let mut roster = roster();
        assert_eq!(roster.apply(all(3, &[("bob", 2)])), [Change::Removed(account("ann", 1))]);
        assert_eq!(roster.get("ann"), None);
    }

    #[test]
    fn one_registered_anew_is_another() {
        let mut roster = roster();
        let news = roster.apply(all(4, &[("bob", 2), ("ann", 4)]));
        assert_eq!(news, [Change::Removed(account("ann", 1)), Change::Added(account("ann", 4))]);
    }

    #[test]
    fn a_registration_outlives_an_older_list() {
        let mut roster = roster();
        assert!(roster.learn(&account("dan", 5)));
        assert_eq!(roster.apply(all(4, &[("ann", 1)])), [Change::Removed(account("bob", 2))]);
        assert!(roster.get("dan").is_some());
        assert_eq!(roster.apply(all(6, &[("ann", 1), ("dan", 5)])), []);
        assert_eq!(roster.apply(all(7, &[("ann", 1)])), [Change::Removed(account("dan", 5))]);
    }

    #[test]
    fn a_later_registration_of_the_name_outlives_an_older_one_in_a_list() {
        let mut roster = roster();
        assert!(roster.learn(&account("dan", 6)));
        assert_eq!(roster.apply(added(4, &[("cy", 3), ("dan", 4)])).len(), 1);
        assert_eq!(roster.get("dan"), Some(&account("dan", 6)));
    }

    #[test]
    fn a_login_that_ends_after_the_removal_was_seen_has_failed() {
        let mut roster = roster();
        assert!(roster.learn(&account("ann", 1)));
        roster.apply(all(3, &[("bob", 2)]));
        assert!(!roster.learn(&account("ann", 1)));
        assert!(!roster.learn(&account("bob", 1)));
        roster.apply(added(4, &[("ann", 4)]));
        assert!(!roster.learn(&account("ann", 1)));
        assert!(roster.learn(&account("ann", 4)));
    }

    #[test]
    fn a_list_that_comes_late_is_no_news() {
        let mut roster = roster();
        assert_eq!(roster.apply(all(2, &[])), []);
        assert_eq!(roster.apply(all(1, &[("ann", 1)])), []);
        assert!(roster.get("bob").is_some());
    }
}
