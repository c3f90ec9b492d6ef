//! Section `[tls]`: the certificate of every listener that has TLS.
//!
//! The files are named here, not opened.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::violation::Violation;

/// Section `[tls]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Tls {
    /// As the file has them; both empty, or neither.
    cert: PathBuf,
    key: PathBuf,
    /// The folder of the configuration file, which relative paths begin in.
    #[serde(skip)]
    folder: PathBuf,
}

/// A certificate and its private key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemFiles {
    /// The certificate, and behind it those that lead to a known one.
    pub cert: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

impl Tls {
    /// The configured files, relative ones beginning in the folder of the configuration file.
    /// `None`: a self-signed certificate is to be used.
    #[must_use]
    pub fn files(&self) -> Option<PemFiles> {
        let cert = (!self.cert.as_os_str().is_empty()).then(|| self.folder.join(&self.cert))?;
        Some(PemFiles { cert, key: self.folder.join(&self.key) })
    }

    /// Lets relative paths begin in the folder that `file` is in.
    pub(super) fn set_configuration_file(&mut self, file: &Path) {
        self.folder = file.parent().unwrap_or(Path::new("")).to_owned();
    }

    /// The first value that cannot be used.
    pub(super) fn violation(&self) -> Option<Violation> {
        let is_empty = |path: &Path| path.as_os_str().is_empty();
        let (given, missing) = match (is_empty(&self.cert), is_empty(&self.key)) {
            (false, true) => ("cert", "key"),
            (true, false) => ("key", "cert"),
            _ => return None,
        };
        Some(Violation {
            keys: [missing, given].map(|key| format!("tls.{key}")).into(),
            reason: format!("{given} is given, and {missing} is missing; give both, or neither"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(cert: &str, key: &str, file: &str) -> Tls {
        let mut tls = Tls { cert: cert.into(), key: key.into(), ..Tls::default() };
        tls.set_configuration_file(Path::new(file));
        tls
    }

    #[test]
    fn relative_paths_begin_in_the_folder_of_the_configuration_file() {
        for (file, cert, key) in [
            ("/etc/parlance/p.toml", "/etc/parlance/certs/a.pem", "/keys/a.pem"),
            ("conf/p.toml", "conf/certs/a.pem", "/keys/a.pem"),
            ("p.toml", "certs/a.pem", "/keys/a.pem"),
        ] {
            let files = tls("certs/a.pem", "/keys/a.pem", file).files();
            assert_eq!(files, Some(PemFiles { cert: cert.into(), key: key.into() }));
        }
        assert_eq!(tls("", "", "/etc/parlance/p.toml").files(), None);
    }

    #[test]
    fn one_file_without_the_other_is_refused() {
        let blamed = |cert, key| tls(cert, key, "p.toml").violation().map(|found| found.keys);
        assert_eq!(blamed("a", ""), Some(vec!["tls.key".into(), "tls.cert".into()]));
        assert_eq!(blamed("", "a"), Some(vec!["tls.cert".into(), "tls.key".into()]));
        assert_eq!(blamed("a", "b"), None);
        assert_eq!(blamed("", ""), None);
    }
}
