//! What is served: the listeners, from open to closed.
//!
//! Opening is separate from running, so that whatever goes wrong in it is told before `ready`.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver, Sender};

use crate::config::{Config, Dialect, Listener};

use super::error::RunError;
use super::signals::Signal;

/// Everything that is open, waiting to be run.
pub(super) struct Server {
    listeners: Vec<(Listener, TcpListener)>,
    signals: (Sender<Signal>, Receiver<Signal>),
}

impl Server {
    /// Opens every listener.
    ///
    /// # Errors
    ///
    /// The first that cannot be opened.
    pub(super) fn open(config: &Config) -> Result<Server, RunError> {
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            let socket = listener
                .address
                .resolve()
                .and_then(|at| TcpListener::bind(&at[..]));
            let socket = socket.map_err(|source| cannot_listen(listener, source))?;
            listeners.push((listener.clone(), socket));
        }
        Ok(Server {
            listeners,
            signals: mpsc::channel(),
        })
    }

    /// Where each listener is, in the order of the configuration.
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub(super) fn addresses(&self) -> Result<Vec<(Dialect, SocketAddr)>, RunError> {
        let place = |(listener, socket): &(Listener, TcpListener)| match socket.local_addr() {
            Ok(address) => Ok((listener.dialect, address)),
            Err(source) => Err(cannot_listen(listener, source)),
        };
        self.listeners.iter().map(place).collect()
    }

    /// How another thread tells this server of a signal.
    pub(super) fn on_signal(&self) -> impl FnMut(Signal) + Send + 'static {
        let sender = self.signals.0.clone();
        move |signal| {
            // Fails when the server has ended, which then needs no telling.
            let _ = sender.send(signal);
        }
    }

    /// Serves until told to stop. `reload` gives the new configuration, if there is a good one.
    pub(super) fn run(self, mut reload: impl FnMut() -> Option<Config>) {
        while let Ok(Signal::Reload) = self.signals.1.recv() {
            reload();
        }
    }
}

fn cannot_listen(listener: &Listener, source: std::io::Error) -> RunError {
    let Listener { dialect, address } = listener.clone();
    RunError::Listen {
        dialect,
        address,
        source,
    }
}
