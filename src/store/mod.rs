//! What outlives the daemon: its accounts, and who may try their passwords how often; the
//! [`transcript`] of all that was said.
//!
//! [`Accounts`] is a database file. Its calls block, for a hash by design, so they belong on worker
//! threads; [`Roster`] and [`LoginThrottle`] are pure state for the thread that asks them. Nothing
//! here opens a socket, knows a wire form, decides what a name is (a name comes with its key) or
//! who is online.
//!
//! Other processes may change the accounts at any time. So every registration and removal takes the
//! next [`Version`], an account is told from a later one of the same name by the version it was
//! registered at, and a roster that hears of changes late or out of order still ends up right:
//!
//! ```
//! use parlance::store::{Accounts, Change, Cost, NewAccount, Roster};
//! # let folder = std::env::temp_dir().join(format!("parlance-doc-store-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
//!
//! let accounts = Accounts::open(&folder, cost)?;
//! let mut roster = Roster::default();
//!
//! // On a worker, then back on the loop.
//! let new = NewAccount { key: "ann", name: "Ann", password: "sesame", now_ms: 1_769_862_896_789 };
//! let ann = accounts.register(new)?;
//! assert!(roster.learn(&ann));
//! assert_eq!(accounts.verify("ann", "sesame")?.as_ref(), Some(&ann));
//! assert_eq!(accounts.verify("ann", "open")?, None);
//!
//! // Elsewhere: `parlance account remove ann`. Once a second the daemon asks.
//! Accounts::open(&folder, cost)?.remove("ann")?;
//! let changes = accounts.changes_since(roster.version())?.expect("a change");
//! assert_eq!(roster.apply(changes), [Change::Removed(ann)]);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accounts;
mod database;
mod error;
mod password;
mod roster;
#[cfg(test)]
mod tests;
mod throttle;
pub mod transcript;

pub use accounts::{Account, Accounts, Changes, NewAccount, Version};
pub use error::{RegisterError, StoreError};
pub use password::{Cost, PasswordRule};
pub use roster::{Change, Roster};
pub use throttle::{LoginThrottle, LoginTry, Throttle, TooMany, Try, WINDOW, network};
