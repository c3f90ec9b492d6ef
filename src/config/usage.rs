//! What is wrong with a command line, in sentences for who wrote it.

use std::fmt;

use super::address::refusal;
use super::command_line::{ACCOUNT_ACTIONS, COMMANDS};
use super::{AddressError, UnknownDialect};
use crate::nearest::nearest;

/// A command line that cannot be understood; shown, it is a sentence for who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageError {
    /// The first argument is no command.
    UnknownCommand {
        /// The argument.
        name: String,
        /// The nearest command.
        nearest: &'static str,
    },
    /// An argument too many.
    UnexpectedArgument(String),
    /// `account` without anything to do, or with something that cannot be done.
    AccountAction(Option<String>),
    /// Something to do about an account that is not named.
    NoAccountName {
        /// What to do.
        action: &'static str,
    },
    /// An option of another command.
    OptionElsewhere {
        /// The option.
        option: &'static str,
        /// The command it was given to.
        command: &'static str,
    },
    /// An option that does not exist, stands there twice, or lacks its value.
    Option(getopts::Fail),
    /// `-l` with a name that is no dialect.
    Dialect(UnknownDialect),
    /// `-l` with something that is no address.
    Address(String, AddressError),
    /// `--bind` with something that is no host.
    Host(String),
    /// `--port` with something that is no port.
    Port(String),
    /// `--wait` with something that is no number of seconds.
    Wait(String),
    /// `--fingerprint` beside `--ca`.
    TwoTrusts,
    /// `--bind` or `--port` where `-l` gives `jsonrpc` an address, or leaves it out.
    PortBesideListen {
        /// The option.
        option: &'static str,
    },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UsageError::UnknownCommand { name, nearest } => {
                let commands = COMMANDS.join(", ");
                write!(f, "there is no command {name:?}; the nearest is {nearest}, of {commands}")
            }
            UsageError::UnexpectedArgument(argument) => {
                write!(f, "{argument:?} is an argument too many")
            }
            UsageError::AccountAction(None) => {
                write!(f, "account needs to be told what to do: {}", ACCOUNT_ACTIONS.join(", "))
            }
            UsageError::AccountAction(Some(action)) => {
                let nearest = nearest(action, ACCOUNT_ACTIONS).unwrap_or_default();
                let known = ACCOUNT_ACTIONS.join(", ");
                write!(f, "account cannot {action:?}; the nearest is {nearest}, of {known}")
            }
            UsageError::NoAccountName { action } => {
                write!(f, "account {action} needs the account's NAME")
            }
            UsageError::OptionElsewhere { option, command } => {
                write!(f, "--{option} is no option of {command}")
            }
            UsageError::Option(fail) => fail.fmt(f),
            UsageError::Dialect(unknown) => write!(f, "-l: {unknown}"),
            UsageError::Address(text, why) => write!(f, "-l: {}", refusal(text, *why)),
            UsageError::Host(text) => {
                write!(f, "--bind: {text:?} is no host: {}", AddressError::BadHost)
            }
            UsageError::Port(text) => {
                write!(f, "--port: {text:?} is no port: {}", AddressError::BadPort)
            }
            UsageError::Wait(text) => write!(f, "--wait: {text:?} is no number of seconds"),
            UsageError::TwoTrusts => {
                f.write_str("--fingerprint and --ca make no sense beside each other")
            }
            UsageError::PortBesideListen { option } => write!(
                f,
                "{option} is for the one jsonrpc listener without an address; beside -l, write \
                 -l jsonrpc=HOST:PORT instead"
            ),
        }
    }
}

impl std::error::Error for UsageError {}
