//! The command line, taken apart.
//!
//! Nothing is read or opened here: whether a file exists, or an address is free, shows later.

use std::ffi::OsStr;
use std::path::PathBuf;

use getopts::{Matches, Options};

use super::address::parse_host;
use super::chat_options::chat_options;
use super::{Address, Dialect, Overrides};
use crate::nearest::nearest;

pub use super::chat_options::ChatOptions;
pub use super::usage::UsageError;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the daemon.
    Serve(ServeOptions),
    /// Look at the accounts, or change them.
    Account(AccountOptions),
    /// Chat.
    Chat(ChatOptions),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// How to run the daemon, as far as the configuration file has no say in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeOptions {
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// What wins over the file.
    pub overrides: Overrides,
    /// Leave the terminal once all listeners are open.
    pub detach: bool,
    /// Where the process id is written; `None`: in the data folder, and only when detached.
    pub pid_file: Option<PathBuf>,
    /// Only say whether the configuration is in order, and what would be listened on.
    pub check: bool,
}

/// What to do about the accounts, and where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOptions {
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// The data folder; it wins over the file's.
    pub data: Option<PathBuf>,
    /// What to do.
    pub action: AccountAction,
    /// Read the password from stdin, even from a terminal.
    pub password_stdin: bool,
}

/// What to do about the accounts. Names are as they were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountAction {
    /// Register an account of this name.
    Add(String),
    /// Set this account's password anew.
    Passwd(String),
    /// Remove this account.
    Remove(String),
    /// Print all accounts.
    List,
}

/// What `parlance help` prints.
pub const HELP: &str = "\
parlance: a small chat daemon

usage:
  parlance [serve] [OPTIONS]     run the daemon
  parlance account add NAME      register an account, passwd NAME sets its password
                                 anew, remove NAME removes it, list prints all
  parlance chat [URL]            chat: [SCHEME://][NAME@]HOST[:PORT][/ROOM], SCHEME being
                                 ws, wss, jsonrpc, accounts, chatmaster, ndjson or udp,
                                 ws if none is given; localhost if no URL is. With ws and
                                 wss the room is given by -r
  parlance help                  print this
  parlance version               print the version

options:
  -c, --config FILE              read the configuration from FILE: TOML, or JSON when
                                 its name ends in .json
  -l, --listen DIALECT[=ADDR]    serve this dialect, on HOST:PORT or else where the
                                 configuration says; may be repeated, and then only
                                 what is named is served. DIALECT is jsonrpc, websocket,
                                 accounts, chatmaster, ndjson or udp
      --bind HOST                serve jsonrpc on this host
      --port PORT                serve jsonrpc on this port; 0 takes a free one
      --data DIR                 keep data in DIR, instead of $PARLANCE_DATA,
                                 $XDG_DATA_HOME/parlance or ~/.local/share/parlance
  -d, --detach                   leave the terminal once all listeners are open; the
                                 log then goes to parlance.log in the data folder
      --pid-file FILE            write the process id to FILE while running; with -d
                                 the default is parlance.pid in the data folder
      --check                    say whether the configuration is in order, and stop
      --password-stdin           account: read the password from stdin as one line, as
                                 is done anyway where stdin is no terminal; chat: the
                                 first line of stdin is the account's password
  -u, --name NAME                chat under this name
  -r, --room ROOM                chat in this room
      --fingerprint HEX          trust the server whose certificate has this SHA-256
      --ca FILE                  trust what the certificates in this PEM file vouch for
      --line                     lines in, lines out, as is done anyway where stdin or
                                 stdout is no terminal
      --json                     the same, and every line of stdout is a JSON object
      --wait SECONDS             with lines: how long a lost server may stay away, 60
  -h, --help                     print this
  -V, --version                  print the version

stdout gets `listening DIALECT ADDR` a line per listener, then `ready`; stderr gets the log
(RUST_LOG sets its level, `info` by default). SIGTERM and SIGINT end the daemon, SIGHUP makes
it read its configuration again. `account` takes -c, --data and --password-stdin, and may be
used while the daemon runs. `chat` takes the options from --password-stdin on; /help tells what
can be typed there. With lines it ends when stdin does and everything is acknowledged. Exit codes: 0 done, 1 could not, 2 wrong arguments or configuration.
";

pub(super) const COMMANDS: [&str; 5] = ["serve", "account", "chat", "help", "version"];

pub(super) const ACCOUNT_ACTIONS: [&str; 4] = ["add", "passwd", "remove", "list"];

pub(super) const SERVE_ALONE: [&str; 6] = ["listen", "bind", "port", "detach", "pid-file", "check"];

/// Of `account` and `chat`, but not of `serve`.
const SERVE_NEVER: [&str; 1] = ["password-stdin"];

/// Of `chat` alone.
const CHAT_ALONE: [&str; 7] = ["name", "room", "fingerprint", "ca", "line", "json", "wait"];

/// Takes the arguments apart, the program's name not among them.
///
/// # Errors
///
/// The first thing that cannot be understood.
pub fn parse(
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Command, UsageError> {
    let matches = options().parse(arguments).map_err(UsageError::Option)?;
    if matches.opt_present("help") {
        return Ok(Command::Help);
    }
    if matches.opt_present("version") {
        return Ok(Command::Version);
    }
    let mut free = matches.free.iter();
    let command = free.next().map_or("serve", String::as_str);
    let parsed = match command {
        "serve" => Command::Serve(serve_options(&matches)?),
        "account" => Command::Account(account_options(&matches, &mut free)?),
        "chat" => Command::Chat(chat_options(&matches, free.next())?),
        "version" => Command::Version,
        // There is one page; asking for a command's part of it is no mistake.
        "help" => {
            if let Some(topic) = free.next() {
                known_command(topic)?;
            }
            Command::Help
        }
        other => {
            known_command(other)?;
            Command::Help
        }
    };
    match free.next() {
        Some(extra) => Err(UsageError::UnexpectedArgument(extra.clone())),
        None => Ok(parsed),
    }
}

fn options() -> Options {
    let mut options = Options::new();
    options
        .optopt("c", "config", "", "FILE")
        .optmulti("l", "listen", "", "DIALECT[=ADDR]")
        .optopt("", "bind", "", "HOST")
        .optopt("", "port", "", "PORT")
        .optopt("", "data", "", "DIR")
        .optflag("d", "detach", "")
        .optopt("", "pid-file", "", "FILE")
        .optflag("", "check", "")
        .optflag("", "password-stdin", "")
        .optopt("u", "name", "", "NAME")
        .optopt("r", "room", "", "ROOM")
        .optopt("", "fingerprint", "", "HEX")
        .optopt("", "ca", "", "FILE")
        .optflag("", "line", "")
        .optflag("", "json", "")
        .optopt("", "wait", "", "SECONDS")
        .optflag("h", "help", "")
        .optflag("V", "version", "");
    options
}

fn known_command(name: &str) -> Result<(), UsageError> {
    if COMMANDS.contains(&name) {
        return Ok(());
    }
    let nearest = nearest(name, COMMANDS).unwrap_or_default();
    Err(UsageError::UnknownCommand { name: name.into(), nearest })
}

pub(super) fn refuse_options(
    matches: &Matches,
    options: &[&'static str],
    command: &'static str,
) -> Result<(), UsageError> {
    match options.iter().find(|option| matches.opt_present(option)) {
        Some(option) => Err(UsageError::OptionElsewhere { option, command }),
        None => Ok(()),
    }
}

fn account_options<'a>(
    matches: &Matches,
    free: &mut impl Iterator<Item = &'a String>,
) -> Result<AccountOptions, UsageError> {
    refuse_options(matches, &SERVE_ALONE, "account")?;
    refuse_options(matches, &CHAT_ALONE, "account")?;
    let action = free.next().map(String::as_str);
    let mut name = |action| free.next().cloned().ok_or(UsageError::NoAccountName { action });
    let action = match action {
        Some("add") => AccountAction::Add(name("add")?),
        Some("passwd") => AccountAction::Passwd(name("passwd")?),
        Some("remove") => AccountAction::Remove(name("remove")?),
        Some("list") => AccountAction::List,
        other => return Err(UsageError::AccountAction(other.map(str::to_owned))),
    };
    Ok(AccountOptions {
        config_file: matches.opt_str("config").map(PathBuf::from),
        data: matches.opt_str("data").map(PathBuf::from),
        action,
        password_stdin: matches.opt_present("password-stdin"),
    })
}

fn serve_options(matches: &Matches) -> Result<ServeOptions, UsageError> {
    refuse_options(matches, &SERVE_NEVER, "serve")?;
    refuse_options(matches, &CHAT_ALONE, "serve")?;
    let listen: Vec<_> =
        matches.opt_strs("listen").iter().map(|text| listener(text)).collect::<Result<_, _>>()?;
    let bind = match matches.opt_str("bind") {
        Some(host) => Some(parse_host(&host).map_err(|_| UsageError::Host(host))?),
        None => None,
    };
    let port = match matches.opt_str("port") {
        Some(port) => Some(parse_port(&port).ok_or(UsageError::Port(port))?),
        None => None,
    };
    if bind.is_some() || port.is_some() {
        let option = if port.is_some() { "--port" } else { "--bind" };
        refuse_beside_listen(&listen, option)?;
    }
    Ok(ServeOptions {
        config_file: matches.opt_str("config").map(PathBuf::from),
        overrides: Overrides {
            listen,
            bind,
            port,
            data: matches.opt_str("data").map(PathBuf::from),
        },
        detach: matches.opt_present("detach"),
        pid_file: matches.opt_str("pid-file").map(PathBuf::from),
        check: matches.opt_present("check"),
    })
}

fn listener(text: &str) -> Result<(Dialect, Option<Address>), UsageError> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) => (name, Some(address)),
        None => (text, None),
    };
    let dialect = name.parse().map_err(UsageError::Dialect)?;
    let address = match address {
        Some(text) => Some(text.parse().map_err(|why| UsageError::Address(text.to_owned(), why))?),
        None => None,
    };
    Ok((dialect, address))
}

fn parse_port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `--bind` and `--port` move a `jsonrpc` listener that has no address of its own on the command
/// line; beside `-l` there must be such a one and no other.
fn refuse_beside_listen(
    listen: &[(Dialect, Option<Address>)],
    option: &'static str,
) -> Result<(), UsageError> {
    let mut jsonrpc = listen.iter().filter(|(dialect, _)| *dialect == Dialect::JsonRpc);
    let movable = match jsonrpc.next() {
        None => listen.is_empty(),
        Some((_, address)) => address.is_none() && jsonrpc.next().is_none(),
    };
    if movable { Ok(()) } else { Err(UsageError::PortBesideListen { option }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(line: &str) -> ServeOptions {
        match parse(line.split_whitespace()) {
            Ok(Command::Serve(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        parse(line.split_whitespace()).expect_err(line).to_string()
    }

    #[test]
    fn nothing_at_all_is_serve() {
        assert_eq!(served(""), ServeOptions::default());
        assert_eq!(served("serve"), ServeOptions::default());
    }

    #[test]
    fn every_option_has_its_place() {
        let options = served(
            "serve -c a.toml -l jsonrpc=127.0.0.1:0 -l jsonrpc=[::1]:7 --data /d -d --pid-file p \
             --check",
        );
        let expected = ServeOptions {
            config_file: Some("a.toml".into()),
            overrides: Overrides {
                listen: vec![
                    (Dialect::JsonRpc, Some("127.0.0.1:0".parse().expect("an address"))),
                    (Dialect::JsonRpc, Some("[::1]:7".parse().expect("an address"))),
                ],
                bind: None,
                port: None,
                data: Some("/d".into()),
            },
            detach: true,
            pid_file: Some("p".into()),
            check: true,
        };
        assert_eq!(options, expected);
        let options = served("-l jsonrpc --bind [::1] --port 0 --detach --config=b.json");
        assert_eq!(options.overrides.listen, [(Dialect::JsonRpc, None)]);
        assert_eq!(options.overrides.bind.as_deref(), Some("::1"));
        assert_eq!(options.overrides.port, Some(0));
        assert_eq!(options.config_file, Some("b.json".into()));
        assert!(options.detach);
    }

    #[test]
    fn accounts_are_added_changed_removed_and_listed() {
        let name = || "Ann Lee".to_owned();
        for (action, expected) in [
            ("add", AccountAction::Add(name())),
            ("passwd", AccountAction::Passwd(name())),
            ("remove", AccountAction::Remove(name())),
        ] {
            let expected = Command::Account(AccountOptions {
                config_file: Some("a.toml".into()),
                data: Some("/d".into()),
                action: expected,
                password_stdin: action == "add",
            });
            let mut line = vec!["account", action, "--data=/d", "-c", "a.toml"];
            line.extend((action == "add").then_some("--password-stdin"));
            line.extend(["--", "Ann Lee"]);
            assert_eq!(parse(line), Ok(expected));
        }
        let Ok(Command::Account(options)) = parse(["account", "list"]) else { panic!() };
        assert_eq!((options.action, options.data), (AccountAction::List, None));
    }

    #[test]
    fn accounts_are_not_served_and_the_daemon_is_given_no_password() {
        assert!(refused("account").contains("what to do: add, passwd, remove, list"));
        assert!(refused("account delete").contains("account cannot \"delete\"; the nearest is "));
        assert_eq!(refused("account passwd"), "account passwd needs the account's NAME");
        assert!(refused("account add ann bob").contains("\"bob\" is an argument too many"));
        assert!(refused("account list ann").contains("\"ann\" is an argument too many"));
        for option in ["-l=jsonrpc", "--bind=h", "--port=1", "-d", "--pid-file=p", "--check"] {
            assert!(refused(&format!("account list {option}")).ends_with("no option of account"));
        }
        assert_eq!(refused("--password-stdin"), "--password-stdin is no option of serve");
    }

    #[test]
    fn help_and_version_are_commands_and_options() {
        for line in ["help", "help serve", "-h", "--help", "serve --help", "-d -h"] {
            assert_eq!(parse(line.split_whitespace()), Ok(Command::Help), "{line}");
        }
        for line in ["version", "-V", "--version"] {
            assert_eq!(parse(line.split_whitespace()), Ok(Command::Version), "{line}");
        }
    }

    #[test]
    fn help_tells_of_every_option() {
        let common = ["config", "data", "help", "version"];
        for name in common.iter().chain(&SERVE_ALONE).chain(&SERVE_NEVER).chain(&CHAT_ALONE) {
            assert!(HELP.contains(&format!("--{name}")), "{name}");
        }
        for action in ACCOUNT_ACTIONS {
            assert!(HELP.contains(action), "{action}");
        }
        for dialect in Dialect::ALL {
            assert!(HELP.contains(dialect.name()), "{dialect}");
        }
    }

    #[test]
    fn every_dialect_can_be_listened_for() {
        for dialect in Dialect::ALL {
            let address: Address = "127.0.0.1:0".parse().expect("an address");
            let options = served(&format!("-l {dialect} -l {dialect}={address}"));
            assert_eq!(options.overrides.listen, [(dialect, None), (dialect, Some(address))]);
        }
    }

    #[test]
    fn unknown_words_get_the_nearest_known_one() {
        assert_eq!(
            refused("server"),
            "there is no command \"server\"; the nearest is serve, of serve, account, chat, help, version"
        );
        assert!(refused("help srve").contains("the nearest is serve"));
        assert!(refused("-l jsonprc").contains("the nearest is jsonrpc"));
        assert!(refused("-l upd").contains("the nearest is udp"));
        assert!(refused("--chek").contains("chek"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(refused("serve again").contains("\"again\" is an argument too many"));
        assert!(refused("version 2").contains("too many"));
        assert!(refused("-c a -c b").contains('c'));
        assert!(refused("--data").contains("data"));
        assert!(refused("-l jsonrpc=localhost").contains("an address is written HOST:PORT"));
        assert!(refused("--bind a/b").contains("--bind: \"a/b\" is no host"));
        for port in ["65536", "-1", "+1", "x"] {
            assert!(refused(&format!("--port={port}")).contains("is no port"), "{port}");
        }
    }

    #[test]
    fn port_and_bind_need_a_jsonrpc_listener_without_address() {
        assert!(refused("--port 1 -l jsonrpc=127.0.0.1:2").starts_with("--port is for"));
        assert!(refused("--bind ::1 -l jsonrpc=127.0.0.1:2").starts_with("--bind is for"));
        assert!(refused("--port 1 -l jsonrpc -l jsonrpc").starts_with("--port is for"));
        assert!(refused("--port 1 -l ndjson").starts_with("--port is for"));
        assert_eq!(served("--port 1 -l jsonrpc").overrides.port, Some(1));
        assert_eq!(served("--port 1 -l ndjson -l jsonrpc").overrides.port, Some(1));
    }
}
