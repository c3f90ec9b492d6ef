//! Trust on first use: which certificate a server showed when somebody said that it is the right
//! one.
//!
//! One line a server in `known_servers` in the configuration folder: `HOST:PORT FINGERPRINT`. Lines
//! that are something else are left alone. Nobody is asked here.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::client::Fingerprint;

/// The file.
#[derive(Debug)]
pub(super) struct KnownServers(PathBuf);

impl KnownServers {
    /// In `$XDG_CONFIG_HOME/parlance`, else in `~/.config/parlance`; `None` where there is no home.
    pub(super) fn find(variable: impl Fn(&str) -> Option<OsString>) -> Option<KnownServers> {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = match path("XDG_CONFIG_HOME").filter(|path| path.is_absolute()) {
            Some(folder) => folder,
            None => path("HOME")?.join(".config"),
        };
        Some(KnownServers(folder.join("parlance/known_servers")))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What a server showed, if it is known.
    ///
    /// # Errors
    ///
    /// There is a file that cannot be read.
    pub(super) fn fingerprint(&self, server: &str) -> io::Result<Option<Fingerprint>> {
        let text = match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let known = text.lines().find_map(|line| {
            let (name, fingerprint) = line.trim().split_once(' ')?;
            if name == server { fingerprint.trim().parse().ok() } else { None }
        });
        Ok(known)
    }

    /// Remembers what a server showed.
    ///
    /// # Errors
    ///
    /// The folder cannot be made, or the file not written.
    pub(super) fn remember(&self, server: &str, fingerprint: Fingerprint) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)?;
        // A last line that somebody wrote without its end must not become part of this one.
        let is_open = fs::read(&self.0)?.last().is_some_and(|last| *last != b'\n');
        let end = if is_open { "\n" } else { "" };
        // In one piece, should somebody else write at the same time.
        file.write_all(format!("{end}{server} {fingerprint}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Option<PathBuf> {
        let found = KnownServers::find(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        });
        found.map(|known| known.0)
    }

    #[test]
    fn the_folder_is_that_of_configurations() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            found(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")]),
            path("/c/parlance/known_servers")
        );
        assert_eq!(
            found(&[("XDG_CONFIG_HOME", "c"), ("HOME", "/h")]),
            path("/h/.config/parlance/known_servers")
        );
        assert_eq!(found(&[("HOME", "")]), None);
    }

    #[test]
    fn what_is_remembered_is_known() {
        let name = format!("parlance-known-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let known = KnownServers(folder.join("deep/known_servers"));
        assert_eq!(known.fingerprint("a:1").unwrap(), None);
        let (one, two) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        known.remember("a:1", one).unwrap();
        known.remember("[::1]:7443", two).unwrap();
        let mut file = OpenOptions::new().append(true).open(known.path()).unwrap();
        file.write_all(b"# a remark\nc:3 nonsense").unwrap();
        known.remember("d:4", one).unwrap();
        assert_eq!(known.fingerprint("d:4").unwrap(), Some(one));
        assert_eq!(known.fingerprint("a:1").unwrap(), Some(one));
        assert_eq!(known.fingerprint("[::1]:7443").unwrap(), Some(two));
        assert_eq!(known.fingerprint("c:3").unwrap(), None);
        assert_eq!(known.fingerprint("a").unwrap(), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
