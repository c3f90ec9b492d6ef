//! Accounts in real files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};

use crate::testing::TempFolder;

use super::{Account, Accounts, Cost, NewAccount, RegisterError, StoreError, Version};

const QUICK: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

/// A folder for accounts.
struct Folder(TempFolder);

impl Folder {
    fn new() -> Folder {
        Folder(TempFolder::new())
    }

    fn open(&self) -> Accounts {
        self.open_at(QUICK)
    }

    fn open_at(&self, cost: Cost) -> Accounts {
        Accounts::open(self.0.path(), cost).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.at(Accounts::FILE)
    }

    fn stored_password(&self, key: &str) -> String {
        let connection = Connection::open(self.file()).unwrap();
        let select = "SELECT password FROM accounts WHERE key = ?1";
        connection.query_row(select, [key], |row| row.get(0)).unwrap()
    }
}

fn new(key: &str) -> NewAccount<'_> {
    NewAccount { key, name: key, password: "sesame", now_ms: 7 }
}

fn register(accounts: &Accounts, key: &str) -> Account {
    accounts.register(new(key)).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// How long this thread has had a processor.
fn own_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn keys(accounts: &[Account]) -> Vec<&str> {
    accounts.iter().map(|account| account.key.as_str()).collect()
}

#[test]
fn an_account_lasts_and_only_its_password_opens_it() {
    let folder = Folder::new();
    let account = {
        let new = NewAccount { key: "ann", name: "Änn", password: "pässword", now_ms: u64::MAX };
        folder.open().register(new).unwrap()
    };
    assert_eq!((account.key.as_str(), account.name.as_str()), ("ann", "Änn"));
    let accounts = folder.open();
    let found = accounts.verify("ann", "pässword").unwrap().unwrap();
    assert_eq!((&found.name, found.version), (&account.name, account.version));
    for (key, password) in [("ann", "password"), ("ann", ""), ("bob", "pässword"), ("", "")] {
        assert_eq!(accounts.verify(key, password).unwrap(), None, "{key} {password}");
    }
    assert!(accounts.contains("ann").unwrap() && !accounts.contains("ANN").unwrap());
}

#[test]
fn a_key_is_registered_once() {
    let folder = Folder::new();
    let accounts = folder.open();
    register(&accounts, "ann");
    let again = NewAccount { password: "other", ..new("ann") };
    assert!(matches!(accounts.register(again), Err(RegisterError::Taken)));
    assert!(accounts.verify("ann", "sesame").unwrap().is_some());
    assert_eq!(accounts.list().unwrap().len(), 1);
}

#[test]
fn passwords_are_kept_as_argon2id_hashes_in_a_file_of_ones_own() {
    let folder = Folder::new();
    let accounts = folder.open();
    register(&accounts, "ann");
    assert!(folder.stored_password("ann").starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert_eq!(mode(&folder.file()), 0o600);
    let bytes = fs::read(folder.file()).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"sesame"));

    fs::set_permissions(folder.file(), Permissions::from_mode(0o644)).unwrap();
    folder.open();
    assert_eq!(mode(&folder.file()), 0o600);
}

#[test]
fn nothing_of_a_removed_account_stays_in_the_file() {
    let folder = Folder::new();
    let accounts = folder.open();
    register(&accounts, "ann");
    let hash = folder.stored_password("ann");
    assert!(accounts.remove("ann").unwrap());
    assert!(!accounts.remove("ann").unwrap());
    assert_eq!(accounts.verify("ann", "sesame").unwrap(), None);
    let bytes = fs::read(folder.file()).unwrap();
    assert!(!bytes.windows(hash.len()).any(|part| part == hash.as_bytes()));
}

#[test]
fn a_password_can_be_set_anew() {
    let folder = Folder::new();
    let accounts = folder.open();
    let ann = register(&accounts, "ann");
    assert!(accounts.set_password("ann", "other").unwrap());
    assert!(!accounts.set_password("bob", "other").unwrap());
    assert_eq!(accounts.verify("ann", "sesame").unwrap(), None);
    assert_eq!(accounts.verify("ann", "other").unwrap(), Some(ann));
    assert_eq!(accounts.list().unwrap().len(), 1);
}

#[test]
fn a_login_brings_a_hash_to_the_present_cost() {
    let folder = Folder::new();
    register(&folder.open(), "ann");
    let dearer = folder.open_at(Cost { passes: 2, ..QUICK });
    assert_eq!(dearer.verify("ann", "wrong").unwrap(), None);
    assert!(folder.stored_password("ann").contains("t=1"));
    assert!(dearer.verify("ann", "sesame").unwrap().is_some());
    let rehashed = folder.stored_password("ann");
    assert!(rehashed.contains("t=2"), "{rehashed}");
    assert!(dearer.verify("ann", "sesame").unwrap().is_some());
    assert_eq!(folder.stored_password("ann"), rehashed);
}

#[test]
fn unknown_names_take_as_long_as_wrong_passwords() {
    let folder = Folder::new();
    // Milliseconds: far more than all else takes. Of this thread's own time, which nobody else takes
    // a part of.
    let accounts = folder.open_at(Cost { memory_kib: 4096, ..QUICK });
    register(&accounts, "ann");
    let time = |key: &str| {
        let start = own_time();
        assert_eq!(accounts.verify(key, "wrong").unwrap(), None);
        own_time() - start
    };
    let times = (0..20).map(|_| (time("ann"), time("bob")));
    let (known, unknown): (Vec<_>, Vec<_>) = times.unzip();
    let (known, unknown) = (known.iter().min().unwrap(), unknown.iter().min().unwrap());
    assert!(*unknown < *known * 3 && *known < *unknown * 3, "{known:?} {unknown:?}");
}

#[test]
fn a_hash_does_not_keep_others_from_the_database() {
    const LOOKS: usize = 100;
    const HASHES_MAX: usize = LOOKS / 4;
    let folder = Folder::new();
    let accounts = folder.open_at(Cost { memory_kib: 4096, passes: 32, lanes: 1 });
    register(&accounts, "ann");
    let (hashes, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let looks = thread::scope(|scope| {
        scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                assert_eq!(accounts.verify("ann", "wrong").unwrap(), None);
                hashes.fetch_add(1, Ordering::Relaxed);
            }
        });
        // All of these take as long as a few hashes. Were the database held meanwhile, each of them
        // would have to wait for the end of one, which begins while this thread is at something else.
        let looks = (0..LOOKS).take_while(|_| {
            let pause_end = own_time() + Duration::from_millis(1);
            while own_time() < pause_end {}
            let found = accounts.contains("ann").is_ok_and(|found| found);
            found && hashes.load(Ordering::Relaxed) < HASHES_MAX
        });
        let looks = looks.count();
        enough.store(true, Ordering::Relaxed);
        looks
    });
    assert_eq!(looks, LOOKS, "looks during {HASHES_MAX} hashes");
}

#[test]
fn changes_are_those_of_all_connections() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.open(), folder.open());
    let start = Version::default();
    assert_eq!(ours.changes_since(start).unwrap(), None);
    let ann = register(&ours, "ann");
    let bob = register(&theirs, "bob");
    assert!(start < ann.version && ann.version < bob.version);

    let all = ours.changes_since(start).unwrap().unwrap();
    assert_eq!((all.complete, keys(&all.accounts)), (true, vec!["ann", "bob"]));
    assert_eq!(all.version, bob.version);
    assert_eq!(theirs.changes_since(all.version).unwrap(), None);

    let added = ours.changes_since(ann.version).unwrap().unwrap();
    assert_eq!((added.complete, keys(&added.accounts)), (false, vec!["bob"]));

    theirs.set_password("ann", "other").unwrap();
    theirs.remove("nobody").unwrap();
    assert!(matches!(theirs.register(new("ann")), Err(RegisterError::Taken)));
    assert_eq!(ours.changes_since(all.version).unwrap(), None);
}

#[test]
fn a_removal_is_seen_in_a_complete_list() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.open(), folder.open());
    for key in ["ann", "bob"] {
        register(&ours, key);
    }
    let before = ours.changes_since(Version::default()).unwrap().unwrap().version;
    theirs.remove("ann").unwrap();
    let cy = register(&theirs, "cy");
    let changes = ours.changes_since(before).unwrap().unwrap();
    assert_eq!((changes.complete, keys(&changes.accounts)), (true, vec!["bob", "cy"]));

    theirs.remove("cy").unwrap();
    let again = register(&theirs, "cy");
    assert!(cy.version < again.version);
    let changes = ours.changes_since(changes.version).unwrap().unwrap();
    assert_eq!((changes.complete, keys(&changes.accounts)), (true, vec!["bob", "cy"]));
    assert_eq!(changes.version, again.version);
}

#[test]
fn many_may_open_and_register_at_once() {
    let folder = Folder::new();
    let threads = 8;
    let start = Barrier::new(threads);
    let won: usize = thread::scope(|scope| {
        let run = |number: usize| {
            let (folder, start) = (&folder, &start);
            scope.spawn(move || {
                start.wait();
                let accounts = folder.open();
                register(&accounts, &format!("own {number}"));
                match accounts.register(new("shared")) {
                    Ok(_) => 1,
                    Err(RegisterError::Taken) => 0,
                    Err(RegisterError::Store(error)) => panic!("{error}"),
                }
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
    let accounts = folder.open().list().unwrap();
    assert_eq!(accounts.len(), threads + 1);
    assert!(accounts.is_sorted_by(|one, next| one.version < next.version));
}

#[test]
fn a_later_releases_database_is_left_alone() {
    let folder = Folder::new();
    register(&folder.open(), "ann");
    Connection::open(folder.file()).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let error = Accounts::open(folder.0.path(), QUICK).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }));
    assert!(error.to_string().contains("accounts.db are of version 2, made by a later release"));
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = Folder::new();
    fs::write(folder.file(), "this is not a database, and long enough to see so".repeat(9))
        .unwrap();
    let error = Accounts::open(folder.0.path(), QUICK).err().unwrap();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    let error = Accounts::open(&folder.0.at("missing"), QUICK).err().unwrap();
    assert!(matches!(error, StoreError::File { .. }), "{error}");
}

#[test]
fn a_stored_hash_that_is_none_is_an_error_of_that_account_alone() {
    let folder = Folder::new();
    let accounts = folder.open();
    for key in ["ann", "bob"] {
        register(&accounts, key);
    }
    let connection = Connection::open(folder.file()).unwrap();
    connection.execute("UPDATE accounts SET password = 'x' WHERE key = 'ann'", ()).unwrap();
    assert!(matches!(accounts.verify("ann", "sesame"), Err(StoreError::Hash(_))));
    assert!(accounts.verify("bob", "sesame").unwrap().is_some());
    assert!(accounts.set_password("ann", "sesame").unwrap());
    assert!(accounts.verify("ann", "sesame").unwrap().is_some());
}
