//! Which certificates a client accepts, and what it remembers of one that it does not.
//!
//! Whether the server holds the certificate's key is verified in every case.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::ConnectError;
use super::options::Trust;

/// The SHA-256 of a certificate. Written as the daemon logs it: `AB:CD:…`, 32 pairs of hex digits; read with
/// or without the colons, in either case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    fn of(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFingerprint;

impl fmt::Display for NoFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SHA-256 fingerprint is 32 pairs of hex digits, such as AB:CD:…")
    }
}

impl std::error::Error for NoFingerprint {}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let mut digits = [0; 64];
        let mut count = 0;
        for (at, c) in text.trim().chars().enumerate() {
            if c == ':' && at % 3 == 2 {
                continue;
            }
            let digit = c.to_digit(16).ok_or(NoFingerprint)?;
            *digits.get_mut(count).ok_or(NoFingerprint)? = digit as u8;
            count += 1;
        }
        if count != digits.len() {
            return Err(NoFingerprint);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Fingerprint(bytes))
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Fingerprint {
        Fingerprint(bytes)
    }
}

/// Judges one server's certificate, and remembers why it was refused.
#[derive(Debug)]
pub(super) struct Judge {
    trusted: Trusted,
    provider: Arc<CryptoProvider>,
    refused: Mutex<Option<(Fingerprint, String)>>,
}

#[derive(Debug)]
enum Trusted {
    /// Whoever one of these certificates stands for.
    Roots(Arc<WebPkiServerVerifier>),
    /// One certificate.
    One(Fingerprint),
    /// Nobody: this machine trusts no certificate at all.
    Nobody,
}

impl Judge {
    /// One for a connection, with the settings of TLS that use it.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub(super) fn new(trust: &Trust) -> Result<(Arc<Judge>, ClientConfig), ConnectError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trusted = match trust {
            Trust::Fingerprint(fingerprint) => Trusted::One(*fingerprint),
            Trust::System => stand_for(system_roots(), &provider)?,
            Trust::Ca(file) => stand_for(roots_of(file)?, &provider)?,
        };
        let judge = Judge { trusted, provider: Arc::clone(&provider), refused: Mutex::default() };
        let judge = Arc::new(judge);
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Judge>::clone(&judge);
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::Tls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok((judge, config))
    }

    /// Why TLS failed: by the certificate, if that was refused.
    pub(super) fn explain(&self, error: &rustls::Error) -> ConnectError {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.take() {
            Some((fingerprint, reason)) => {
                ConnectError::Untrusted { fingerprint: fingerprint.to_string(), reason }
            }
            None if matches!(error, rustls::Error::InvalidMessage(_)) => {
                ConnectError::Tls("it is not spoken there".into())
            }
            None => ConnectError::Tls(error.to_string()),
        }
    }

    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        match &self.trusted {
            Trusted::Roots(roots) => {
                roots.verify_server_cert(certificate, between, name, ocsp, now).map(drop)
            }
            Trusted::One(fingerprint) if Fingerprint::of(certificate) == *fingerprint => Ok(()),
            Trusted::One(_) => {
                Err(rustls::Error::General("it is another one than expected".into()))
            }
            Trusted::Nobody => Err(rustls::CertificateError::UnknownIssuer.into()),
        }
    }
}

/// Whoever these certificates stand for.
fn stand_for(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Trusted, ConnectError> {
    if roots.is_empty() {
        return Ok(Trusted::Nobody);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map(Trusted::Roots)
        .map_err(|error| ConnectError::Tls(error.to_string()))
}

/// What this machine trusts. What cannot be read is left out: then less is trusted, not more.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!("the system's certificates: {error}");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

/// The certificates of a PEM file.
fn roots_of(file: &Path) -> Result<RootCertStore, ConnectError> {
    let of_file = |why: &dyn fmt::Display| ConnectError::Tls(format!("{}: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| of_file(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| of_file(&error))?;
        roots.add(certificate).map_err(|error| of_file(&error))?;
    }
    if roots.is_empty() {
        return Err(of_file(&"there is no certificate in it"));
    }
    Ok(roots)
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.judge(certificate, between, name, ocsp, now);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = verdict.as_ref().err().map(|error| {
            let reason = match error {
                rustls::Error::General(words) => words.clone(),
                rustls::Error::InvalidCertificate(why) => why.to_string(),
                other => other.to_string(),
            };
            // It may tell names that stand in the certificate, and so anything.
            let reason = reason.replace(char::is_control, "\u{fffd}");
            (Fingerprint::of(certificate), reason)
        });
        verdict.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_as_the_daemon_does_and_read_either_way() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = fingerprint.to_string();
        assert!(text.starts_with("BA:78:16:BF:") && text.len() == 95, "{text}");
        assert_eq!(text.parse(), Ok(fingerprint));
        assert_eq!(text.to_lowercase().parse(), Ok(fingerprint));
        assert_eq!(format!(" {}\n", text.replace(':', "")).parse(), Ok(fingerprint));
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        let text = Fingerprint::of(b"abc").to_string();
        for wrong in [
            "",
            &text[1..],
            &text[..94],
            &format!("{text}:00"),
            &text.replace(':', "-"),
            &text.replace("BA:", "B:A"),
            "sha256",
            "\u{661}",
        ] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NoFingerprint), "{wrong}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let trust = Trust::Ca("/nowhere/ca.pem".into());
        let error = Judge::new(&trust).map(drop).expect_err("no file");
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
