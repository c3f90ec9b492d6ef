//! A client that speaks TLS, and a certificate for it to trust.

use parlance::rpc::Tls;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

pub(crate) use crate::support::PATIENCE;

/// A certificate and its key, as PEM.
pub(crate) struct Pem {
    certificate: String,
    key: String,
}

impl Pem {
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::from_pem(self.certificate.as_bytes(), self.key.as_bytes()).expect("usable")
    }
}

/// A certificate of its own for `localhost`, to be used and to be trusted.
pub(crate) fn pem() -> (Pem, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let pem = Pem { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() };
    (pem, made.cert.der().clone())
}

/// The same, ready for a listener.
pub(crate) fn certificate() -> (Tls, CertificateDer<'static>) {
    let (pem, der) = pem();
    (pem.tls(), der)
}

/// A client that trusts one certificate.
pub(crate) struct Client {
    pub(crate) session: ClientConnection,
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, trusted: &CertificateDer<'static>) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_nodelay(true).expect("set");
        Client { session, stream }
    }

    pub(crate) fn stream(&mut self) -> rustls::Stream<'_, ClientConnection, TcpStream> {
        rustls::Stream::new(&mut self.session, &mut self.stream)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream().write_all(bytes.as_ref()).expect("sent");
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let mut got = vec![0; expected.as_ref().len()];
        self.stream().read_exact(&mut got).expect("so many bytes");
        assert!(got == expected.as_ref(), "got {:?}", String::from_utf8_lossy(&got));
    }

    /// The end, announced by a close_notify.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        let mut more = [0; 16];
        assert_eq!(self.stream().read(&mut more).expect("an announced end"), 0);
    }

    /// What this session wants to send, taken out of its hands.
    pub(crate) fn records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut records).expect("written to memory");
        }
        records
    }
}
