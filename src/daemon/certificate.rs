//! The certificate of the listeners that speak TLS: the operator's own, or one made on the first
//! start.
//!
//! Nothing here knows what TLS does with it.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use sha2::{Digest, Sha256};

use crate::rpc::{Tls, TlsError};

/// What the certificate that is made here is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Its files in the data folder.
const OWN_CERTIFICATE: &str = "certificate.pem";
const OWN_KEY: &str = "key.pem";

/// Why there is no certificate to be had.
#[derive(Debug)]
pub(super) enum CertificateError {
    /// A file cannot be read.
    Read { path: PathBuf, source: io::Error },
    /// The files can be read but not used.
    Unusable { certificate: PathBuf, key: PathBuf, source: TlsError },
    /// One cannot be made.
    Make(rcgen::Error),
    /// One was made but cannot be kept.
    Write { path: PathBuf, source: io::Error },
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateError::Read { path, source } => {
                write!(f, "{} cannot be read: {source}", path.display())
            }
            CertificateError::Unusable { certificate, key, source } => {
                write!(f, "{} with {}: {source}", certificate.display(), key.display())
            }
            CertificateError::Make(source) => write!(f, "no certificate can be made: {source}"),
            CertificateError::Write { path, source } => {
                write!(f, "{} cannot be written: {source}", path.display())
            }
        }
    }
}

/// The configured certificate and key or, without them, those of the data folder, which are made
/// if they are not there yet.
///
/// # Errors
///
/// The files cannot be read, used, or made.
pub(super) fn load(
    configured: Option<(&Path, &Path)>,
    data_folder: &Path,
) -> Result<Tls, CertificateError> {
    let (certificate, key) = match configured {
        Some((certificate, key)) => (certificate.to_owned(), key.to_owned()),
        None => {
            let files = (data_folder.join(OWN_CERTIFICATE), data_folder.join(OWN_KEY));
            if !files.0.exists() {
                make(&files.0, &files.1)?;
            }
            files
        }
    };
    let tls = match Tls::from_pem(&read(&certificate)?, &read(&key)?) {
        Ok(tls) => tls,
        Err(source) => return Err(CertificateError::Unusable { certificate, key, source }),
    };
    let fingerprint = fingerprint(&tls.certificate());
    log::info!("{}: SHA-256 fingerprint {fingerprint}", certificate.display());
    Ok(tls)
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source })
}

/// Makes a self-signed certificate for this machine's own names, with the key that is there or else
/// a new one. The key is written first: whatever comes in between, the next start goes on from it.
fn make(certificate: &Path, key: &Path) -> Result<(), CertificateError> {
    let names = NAMES.map(str::to_owned);
    let mut params = CertificateParams::new(names).map_err(CertificateError::Make)?;
    params.distinguished_name.push(DnType::CommonName, "parlance");
    // Whoever trusts it does so by its fingerprint, which a renewal would change.
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2125, 1, 1);
    let pair = if key.exists() {
        let pem = fs::read_to_string(key)
            .map_err(|source| CertificateError::Read { path: key.to_owned(), source })?;
        KeyPair::from_pem(&pem).map_err(CertificateError::Make)?
    } else {
        let pair = KeyPair::generate().map_err(CertificateError::Make)?;
        write(key, 0o600, &pair.serialize_pem())?;
        pair
    };
    let signed = params.self_signed(&pair).map_err(CertificateError::Make)?;
    write(certificate, 0o644, &signed.pem())
}

/// Writes a new file, whole or not at all.
fn write(path: &Path, mode: u32, text: &str) -> Result<(), CertificateError> {
    let written = || {
        let unfinished = path.with_extension("pem.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    written().map_err(|source| CertificateError::Write { path: path.to_owned(), source })
}

/// `AB:CD:…`, as `openssl x509 -fingerprint -sha256` shows it.
fn fingerprint(certificate: &[u8]) -> String {
    let bytes = Sha256::digest(certificate);
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_the_owners_alone() {
        let folder = TempFolder::new();
        let made = load(None, folder.path()).expect("a certificate").certificate();
        let again = load(None, folder.path()).expect("the same one").certificate();
        assert_eq!(made, again);
        // Had the start ended between the two files, the next one would go on from the key.
        let key = fs::read(folder.at(OWN_KEY)).expect("a key");
        fs::remove_file(folder.at(OWN_CERTIFICATE)).expect("removed");
        load(None, folder.path()).expect("another certificate");
        assert_eq!(fs::read(folder.at(OWN_KEY)).expect("a key"), key);
        let mode = fs::metadata(folder.at(OWN_KEY)).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_missing_or_another_ones_is_named() {
        let (folder, other) = (TempFolder::new(), TempFolder::new());
        load(None, folder.path()).expect("a certificate");
        load(None, other.path()).expect("another one");
        let certificate = folder.at(OWN_CERTIFICATE);
        let of_other = other.at(OWN_KEY);
        let error = load(Some((&certificate, &of_other)), folder.path()).expect_err("not its key");
        assert!(matches!(error, CertificateError::Unusable { .. }), "{error}");
        fs::remove_file(folder.at(OWN_KEY)).expect("removed");
        let error = load(None, folder.path()).expect_err("no key");
        assert!(error.to_string().contains("key.pem cannot be read"), "{error}");
    }

    #[test]
    fn a_fingerprint_looks_as_other_tools_show_it() {
        let shown = fingerprint(b"abc");
        assert!(shown.starts_with("BA:78:16:BF:"), "{shown}");
        assert_eq!(shown.len(), 32 * 3 - 1);
    }
}
