//! `parlance account`: looks at the accounts or changes them, whether a daemon runs or not.
//!
//! A running daemon is not spoken to; it notices changes in the database by itself.

use std::env;
use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::chat::{Name, NameFault, Settings, Timestamp};
use crate::config::Config;
use crate::config::command_line::{AccountAction, AccountOptions};
use crate::store::{Account, Accounts, Cost, NewAccount, PasswordRule, RegisterError, StoreError};

use super::data_folder::{self, DataFolderError};

/// Does what the command line asks for. The list goes to stdout, everything else to stderr.
///
/// The exit code is that of the process: 0 when it is done, 1 when it could not be, 2 for a name
/// that no account may have.
#[must_use]
pub fn run(config: &Config, options: &AccountOptions) -> ExitCode {
    let rule = config.accounts.password_rule();
    match act(config, options, rule) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "parlance: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Why it could not be done; shown, it is a sentence for who asked for it.
#[derive(Debug)]
enum AccountError {
    Name(NameFault),
    Reserved(String),
    Taken(String),
    Unknown(String),
    Password(PasswordRule),
    Different,
    Input(io::Error),
    DataFolder(DataFolderError),
    Store(StoreError),
    Stdout(io::Error),
}

fn act(config: &Config, options: &AccountOptions, rule: PasswordRule) -> Result<(), AccountError> {
    let folder = data_folder::choose(config.data.as_deref(), |name| env::var_os(name))?;
    match &options.action {
        AccountAction::Add(name) => add(&folder, name, || password(options, rule)),
        AccountAction::Passwd(name) => passwd(&folder, name, || password(options, rule)),
        AccountAction::Remove(name) => remove(&folder, name),
        AccountAction::List => list(&folder),
    }
}

fn add(
    folder: &Path,
    name: &str,
    password: impl FnOnce() -> Result<String, AccountError>,
) -> Result<(), AccountError> {
    let chars_max = Settings::default().name_chars_max;
    let name = Name::new(name, chars_max).map_err(AccountError::Name)?;
    let shown = name.as_str();
    if name.is_reserved() {
        return Err(AccountError::Reserved(shown.to_owned()));
    }
    data_folder::make(folder)?;
    let accounts = Accounts::open(folder, Cost::default())?;
    // Before anybody thinks of a password.
    if accounts.contains(name.key())? {
        return Err(AccountError::Taken(shown.to_owned()));
    }
    let password = password()?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now_ms = u64::try_from(now_ms).unwrap_or(u64::MAX);
    let new = NewAccount { key: name.key(), name: shown, password: &password, now_ms };
    match accounts.register(new) {
        Ok(_) => done(format_args!("account {shown:?} added")),
        Err(RegisterError::Taken) => return Err(AccountError::Taken(shown.to_owned())),
        Err(RegisterError::Store(error)) => return Err(error.into()),
    }
    Ok(())
}

fn passwd(
    folder: &Path,
    name: &str,
    password: impl FnOnce() -> Result<String, AccountError>,
) -> Result<(), AccountError> {
    let (accounts, name) = existing(folder, name)?;
    let password = password()?;
    if !accounts.set_password(name.key(), &password)? {
        return Err(AccountError::Unknown(name.as_str().to_owned()));
    }
    done(format_args!("account {:?} has a new password", name.as_str()));
    Ok(())
}

fn remove(folder: &Path, name: &str) -> Result<(), AccountError> {
    let (accounts, name) = existing(folder, name)?;
    if !accounts.remove(name.key())? {
        return Err(AccountError::Unknown(name.as_str().to_owned()));
    }
    done(format_args!("account {:?} removed", name.as_str()));
    Ok(())
}

fn list(folder: &Path) -> Result<(), AccountError> {
    let accounts = match opened(folder)? {
        Some(accounts) => accounts.list()?,
        None => Vec::new(),
    };
    let mut text = Vec::new();
    for account in &accounts {
        write_line(account, &mut text);
    }
    io::stdout().write_all(&text).map_err(AccountError::Stdout)
}

/// An account's name, a tab, and when it was made. The name is escaped as in a Rust text, so that
/// it is one field of one line, and no more than text to a terminal, whatever the database holds.
fn write_line(account: &Account, out: &mut Vec<u8>) {
    let quoted = format!("{:?}", account.name);
    let escaped = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    out.extend_from_slice(escaped.unwrap_or(&quoted).as_bytes());
    out.push(b'\t');
    Timestamp(account.created_ms).write_rfc3339(out);
    out.push(b'\n');
}

/// The accounts and an account among them.
fn existing(folder: &Path, name: &str) -> Result<(Accounts, Name), AccountError> {
    // The limit on new names is none on those that exist.
    let name = Name::new(name, usize::MAX).map_err(AccountError::Name)?;
    match opened(folder)? {
        Some(accounts) if accounts.contains(name.key())? => Ok((accounts, name)),
        _ => Err(AccountError::Unknown(name.as_str().to_owned())),
    }
}

/// The accounts, if there are any yet. A folder that was mistyped is not made.
fn opened(folder: &Path) -> Result<Option<Accounts>, AccountError> {
    match folder.join(Accounts::FILE).symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => Ok(Some(Accounts::open(folder, Cost::default())?)),
    }
}

/// A new password: typed twice without echo, or else one line of stdin.
fn password(options: &AccountOptions, rule: PasswordRule) -> Result<String, AccountError> {
    let is_typed = io::stdin().is_terminal() && !options.password_stdin;
    let password = if is_typed {
        let ask = |prompt| rpassword::prompt_password(prompt).map_err(AccountError::Input);
        let password = ask("Password: ")?;
        if rule.allows(&password) && ask("The same again: ")? != password {
            return Err(AccountError::Different);
        }
        password
    } else {
        // Four bytes a character, the end of the line, and one byte that is too much.
        let bytes_max = rule.chars_max.saturating_mul(4).saturating_add(3);
        line(io::stdin().lock(), bytes_max).map_err(AccountError::Input)?
    };
    if rule.allows(&password) { Ok(password) } else { Err(AccountError::Password(rule)) }
}

/// The first line without its end, and of a longer one so many bytes.
fn line(input: impl BufRead, bytes_max: usize) -> io::Result<String> {
    let mut line = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    input.take(limit).read_until(b'\n', &mut line)?;
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    } else if line.len() == bytes_max {
        // Possibly cut within a character; it is refused for its length.
        return Ok(String::from_utf8_lossy(&line).into_owned());
    }
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(line).map_err(invalid)
}

fn done(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "parlance: {what}");
}

impl AccountError {
    fn exit_code(&self) -> u8 {
        match self {
            AccountError::Name(_) | AccountError::Reserved(_) => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountError::Name(NameFault::Empty) => f.write_str("nothing of the name can be shown"),
            AccountError::Name(NameFault::TooLong) => {
                let chars_max = Settings::default().name_chars_max;
                write!(f, "a name has at most {chars_max} characters")
            }
            AccountError::Reserved(name) => write!(f, "nobody may be called {name:?}"),
            AccountError::Taken(name) => write!(f, "there is an account {name:?} already"),
            AccountError::Unknown(name) => write!(f, "there is no account {name:?}"),
            AccountError::Password(PasswordRule { chars_min, chars_max }) => {
                write!(f, "a password must have {chars_min} to {chars_max} characters")
            }
            AccountError::Different => f.write_str("the two passwords differ"),
            AccountError::Input(error) => write!(f, "the password cannot be read: {error}"),
            AccountError::DataFolder(error) => error.fmt(f),
            AccountError::Store(error) => error.fmt(f),
            AccountError::Stdout(error) => write!(f, "the list cannot be written: {error}"),
        }
    }
}

impl std::error::Error for AccountError {}

impl From<DataFolderError> for AccountError {
    fn from(error: DataFolderError) -> AccountError {
        AccountError::DataFolder(error)
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> AccountError {
        AccountError::Store(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        let read = |input: &str| line(input.as_bytes(), 12).unwrap();
        for (input, expected) in [
            ("sesame\nopen\n", "sesame"),
            ("sesame\r\n", "sesame"),
            ("sesame", "sesame"),
            ("sesame\r", "sesame\r"),
            (" se\tsame \n", " se\tsame "),
            ("\nsesame\n", ""),
            ("", ""),
            ("much too long\n", "much too lon"),
        ] {
            assert_eq!(read(input), expected, "{input:?}");
        }
        assert!(line(&b"s\xffsame\n"[..], 12).is_err());
        assert_eq!(line("éééé".as_bytes(), 5).unwrap(), "éé\u{fffd}");
    }

    #[test]
    fn a_line_of_the_list_has_two_fields_whatever_the_name() {
        let line = |name: &str| {
            let version = Default::default();
            let name = name.to_owned();
            let mut out = Vec::new();
            let account = Account { key: name.clone(), name, created_ms: 7, version };
            write_line(&account, &mut out);
            String::from_utf8(out).unwrap()
        };
        let time = "1970-01-01T00:00:00.007Z";
        assert_eq!(line("Änn O'Lee"), format!("Änn O'Lee\t{time}\n"));
        let escaped = r#"\u{1b}[2J\t\n\u{202e}\u{9b}\\\""#;
        assert_eq!(line("\x1b[2J\t\n\u{202e}\u{9b}\\\""), format!("{escaped}\t{time}\n"));
    }
}
