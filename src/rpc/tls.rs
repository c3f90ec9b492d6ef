//! TLS beneath a connection: certificates, and the pump between a socket and a rustls session.
//!
//! The pump holds as little as it can: it hands the session at most one record's worth of output,
//! and only when all earlier output has left, so that what a slow peer is owed stays in the shared
//! segments of the outbox. What a peer says about its own certificate is not asked for.

use mio::net::TcpStream;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

/// Plaintext in one record at most (RFC 8446, 5.1).
const RECORD_BYTES: usize = 16 * 1024;

/// Slices joined into one record at most.
const SLICES_MAX: usize = 64;

/// A certificate with its key, for listeners to be opened with.
///
/// Clones are the same certificate: [`replace`](Tls::replace) changes all of them, for connections
/// accepted from then on.
#[derive(Clone)]
pub struct Tls {
    current: Rc<RefCell<Current>>,
}

struct Current {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

/// Why a certificate cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The text holds no certificate in PEM form.
    NoCertificate,
    /// The certificate's text is not PEM.
    Certificate(rustls::pki_types::pem::Error),
    /// The text holds no private key in PEM form, or one of a kind that is not known.
    Key(rustls::pki_types::pem::Error),
    /// The key does not belong to the certificate, or one of the two is no good.
    Unusable(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::NoCertificate => f.write_str("there is no certificate in it"),
            TlsError::Certificate(error) => write!(f, "not a certificate: {error}"),
            TlsError::Key(error) => write!(f, "not a private key: {error}"),
            TlsError::Unusable(error) => write!(f, "certificate and key cannot be used: {error}"),
        }
    }
}

impl std::error::Error for TlsError {}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// TLS 1.2 and 1.3 with a chain of certificates, the server's own first, and its private key
    /// (PKCS #8, PKCS #1 or SEC 1), both as PEM text.
    ///
    /// # Errors
    /// [`TlsError`], by its cause.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Tls, TlsError> {
        let chain = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(TlsError::Certificate)?;
        let certificate = chain.first().cloned().ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Unusable)?;
        let current = Current { config: Arc::new(config), certificate };
        Ok(Tls { current: Rc::new(RefCell::new(current)) })
    }

    /// Puts another certificate in the place of this one. Connections that are there keep theirs.
    pub fn replace(&self, other: Tls) {
        self.current.swap(&other.current);
    }

    /// The server's own certificate, in DER form.
    pub fn certificate(&self) -> Vec<u8> {
        self.current.borrow().certificate.to_vec()
    }

    /// A session for a connection that was just accepted.
    pub(super) fn accept(&self, stream: TcpStream) -> io::Result<TlsLink> {
        let config = Arc::clone(&self.current.borrow().config);
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(TlsLink { stream, session, drained: true, ended: false, held: 0 })
    }
}

/// A TCP stream with TLS on it. Never blocks.
#[derive(Debug)]
pub(super) struct TlsLink {
    pub(super) stream: TcpStream,
    session: ServerConnection,
    /// The last read from the socket came out short, so there is no more for now.
    drained: bool,
    /// The peer has announced its end (RFC 8446, 6.1); it is still to be read.
    ended: bool,
    /// About how many bytes the session holds that the socket did not take.
    held: usize,
}

impl TlsLink {
    /// Reads plaintext into `buffer`; 0 is the end of input, announced (RFC 8446, 6.1) or not.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            let mut socket = Watched { stream: &mut self.stream, short: false };
            self.session.read_tls(&mut socket)?;
            self.drained = socket.short;
            match self.session.process_new_packets() {
                Ok(state) => self.ended = state.peer_has_closed(),
                Err(error) => {
                    // The alert that says what was wrong; if it cannot go now, never mind.
                    let _ = self.session.write_tls(&mut self.stream);
                    return Err(io::Error::new(ErrorKind::InvalidData, error));
                }
            }
        }
    }

    /// Whether a read of `count` of `wanted` bytes was the last there is for now.
    pub(super) fn is_drained(&self, count: usize, wanted: usize) -> bool {
        self.drained && !self.ended && count < wanted
    }

    /// Encrypts and sends; gives how many bytes of plaintext are taken.
    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.session.is_handshaking() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.flush()?;
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut taken = 0;
        while taken < total && !self.session.wants_write() {
            let count = feed(&mut self.session, slices, taken)?;
            self.held += count;
            taken += count;
            self.flush()?;
        }
        if taken == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Sends what the session holds, as far as the socket takes it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.stream) {
                Ok(count) => self.held = self.held.saturating_sub(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.held = 0;
        Ok(())
    }

    pub(super) fn holds_output(&self) -> bool {
        self.session.wants_write()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held
    }

    pub(super) fn is_established(&self) -> bool {
        !self.session.is_handshaking()
    }

    /// Announces the end of sending (RFC 8446, 6.1).
    pub(super) fn announce_end(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        self.flush()
    }
}

/// Hands a session what lies behind the first `skip` bytes of `slices`, as one record; gives how
/// many bytes that was.
fn feed(
    session: &mut ServerConnection,
    slices: &[IoSlice<'_>],
    mut skip: usize,
) -> io::Result<usize> {
    let mut record = [IoSlice::new(&[]); SLICES_MAX];
    let (mut used, mut room) = (0, RECORD_BYTES);
    for slice in slices {
        if skip >= slice.len() {
            skip -= slice.len();
            continue;
        }
        let rest = &slice[std::mem::take(&mut skip)..];
        let part = &rest[..rest.len().min(room)];
        record[used] = IoSlice::new(part);
        used += 1;
        room -= part.len();
        if room == 0 || used == SLICES_MAX {
            break;
        }
    }
    session.writer().write_vectored(&record[..used])
}

/// A socket that is watched for short reads.
struct Watched<'a> {
    stream: &'a mut TcpStream,
    short: bool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(count) => {
                    self.short = count < buffer.len();
                    return Ok(count);
                }
                other => return other,
            }
        }
    }
}
