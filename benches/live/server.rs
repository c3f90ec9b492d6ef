//! The server under load: the daemon's own code in a process of its own.
//!
//! That process is this very program, started again with a variable set.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parlance::rpc::{self, Tls};
use rustls::pki_types::CertificateDer;

use crate::forms::{AccountsFolder, FORMS};
use crate::{house, system};

/// Set in the environment of the process that is to serve: a certificate and its key, as PEM.
const VARIABLE: &str = "PARLANCE_BENCH_SERVER";

/// How long the server may take to go when it is asked to.
const STOP: Duration = Duration::from_secs(2);

/// Serves if this process was started to, until its standard input ends; otherwise says `false`.
pub(crate) fn serve_if_asked() -> bool {
    let Ok(pem) = std::env::var(VARIABLE) else { return false };
    if let Err(error) = serve(pem.as_bytes()) {
        eprintln!("live: the server failed: {error}");
    }
    true
}

/// Opens two listeners for each form, one of them with TLS, and prints their addresses.
fn serve(pem: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut server = rpc::Server::new(house::house(1000))?;
    let accounts = AccountsFolder::new()?;
    accounts.open(&mut server);
    let tls = Tls::from_pem(pem, pem)?;
    let fx = server.effects();
    for form in &FORMS {
        let service = (form.service)(fx);
        for tls in [None, Some(&tls)] {
            let listener = fx.listen("127.0.0.1:0", service)?;
            fx.set_tls(listener, tls);
            println!("{}", fx.listener_addr(listener).expect("a listener just opened is there"));
        }
    }
    let handle = server.handle();
    std::thread::spawn(move || {
        // Ends when the load ends, in whatever way.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        handle.stop();
    });
    Ok(server.run()?)
}

/// A running server process; dropped, it is stopped.
pub(crate) struct Server {
    child: Child,
    /// Of each form without TLS, then with it.
    addresses: Vec<SocketAddr>,
    certificate: CertificateDer<'static>,
}

impl Server {
    /// Starts a server, on the given processor.
    pub(crate) fn start(processor: Option<usize>) -> std::io::Result<Server> {
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(Error::other)?;
        let child = Command::new(std::env::current_exe()?)
            .env(VARIABLE, made.cert.pem() + &made.signing_key.serialize_pem())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let certificate = made.cert.der().clone();
        let mut server = Server { child, addresses: Vec::new(), certificate };
        if let Some(processor) = processor {
            system::pin(Some(server.pid()), processor);
        }
        let stdout = server.child.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
        for line in BufReader::new(stdout).lines().take(2 * FORMS.len()) {
            let address = line?.parse().map_err(|_| Error::other("it gave no address"))?;
            server.addresses.push(address);
        }
        if server.addresses.len() < 2 * FORMS.len() {
            return Err(Error::other("it gave no address"));
        }
        Ok(server)
    }

    /// Where the form of this index in [`FORMS`] is served.
    pub(crate) fn address(&self, form: usize, tls: bool) -> SocketAddr {
        self.addresses[2 * form + usize::from(tls)]
    }

    /// What those of its listeners show that speak TLS.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
