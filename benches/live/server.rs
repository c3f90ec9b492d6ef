//! The server under load: the daemon's own code in a process of its own.
//!
//! That process is this very program, started again with a variable set.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parlance::chat::dialect::jsonrpc;
use parlance::rpc;

use crate::{house, system};

/// Set in the environment of the process that is to serve.
const VARIABLE: &str = "PARLANCE_BENCH_SERVER";

/// How long the server may take to go when it is asked to.
const STOP: Duration = Duration::from_secs(2);

/// Serves if this process was started to, until its standard input ends; otherwise says `false`.
pub(crate) fn serve_if_asked() -> bool {
    if std::env::var_os(VARIABLE).is_none() {
        return false;
    }
    if let Err(error) = serve() {
        eprintln!("live: the server failed: {error}");
    }
    true
}

fn serve() -> Result<(), rpc::Error> {
    let mut server = rpc::Server::new(house::house(1000))?;
    let address = server.listen("127.0.0.1:0", jsonrpc::service())?;
    println!("{address}");
    let handle = server.handle();
    std::thread::spawn(move || {
        // Ends when the load ends, in whatever way.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        handle.stop();
    });
    server.run()
}

/// A running server process; dropped, it is stopped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server, on the given processor.
    pub(crate) fn start(processor: Option<usize>) -> std::io::Result<Server> {
        let child = Command::new(std::env::current_exe()?)
            .env(VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut server = Server { child, address: SocketAddr::from(([0; 4], 0)) };
        if let Some(processor) = processor {
            system::pin(Some(server.pid()), processor);
        }
        let stdout = server.child.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        server.address = line.trim().parse().map_err(|_| Error::other("it gave no address"))?;
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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
