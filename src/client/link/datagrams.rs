//! Messages as datagrams: requests are sent again until they are answered.

use std::io::{self, ErrorKind};
use std::time::Instant;

use mio::net::UdpSocket;
use serde::Deserialize;

use super::{Broken, READS_MAX};
use crate::client::udp::{Due, Retries, RetryPolicy};

/// No datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

/// A socket that hears one server alone.
#[derive(Debug)]
pub(in crate::client) struct Datagrams {
    socket: UdpSocket,
    retries: Retries,
    /// Whether one waits for the last answers only.
    closing: bool,
    /// Whether something was sent as often as may be, and not answered.
    given_up: bool,
}

/// What is of interest here of a request or an answer.
#[derive(Deserialize)]
struct Numbered {
    id: Option<u64>,
}

fn id_of(message: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Numbered>(message).ok()?.id
}

impl Datagrams {
    pub(in crate::client) fn new(socket: UdpSocket, policy: RetryPolicy) -> Datagrams {
        Datagrams { socket, retries: Retries::new(policy), closing: false, given_up: false }
    }

    /// The same socket, with nothing to be answered.
    pub(in crate::client) fn again(self, policy: RetryPolicy) -> Datagrams {
        // What lies there is of the link before, and so is an error. The way to the server may begin
        // at another address of this machine now.
        let _ = self.socket.take_error();
        if let Ok(server) = self.socket.peer_addr() {
            let _ = self.socket.connect(server);
        }
        Datagrams::new(self.socket, policy)
    }

    pub(super) fn send(&mut self, message: Vec<u8>, now: Instant) -> Result<(), Broken> {
        send(&self.socket, &message)?;
        match id_of(&message) {
            Some(id) => self
                .retries
                .send(id, message, now)
                .map_err(|error| Broken::Nonsense(error.to_string())),
            None => Ok(()),
        }
    }

    pub(super) fn flush(&mut self, now: Instant) -> Result<bool, Broken> {
        while let Some(due) = self.retries.poll(now) {
            match due {
                Due::Resend(datagram) => send(&self.socket, datagram)?,
                // Who waits for the answer has the same patience.
                Due::Failed { .. } => self.given_up = true,
            }
        }
        Ok(true)
    }

    pub(super) fn read(&mut self, hear: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        for _ in 0..READS_MAX {
            if self.closing && self.retries.outstanding() == 0 {
                return Err(Broken::Closed(String::new()));
            }
            match self.socket.recv(&mut buffer) {
                Ok(count) => {
                    let datagram = buffer.get(..count).unwrap_or_default();
                    // An answer that was sent twice is one.
                    if id_of(datagram).is_none_or(|id| self.retries.answered(id)) {
                        hear(datagram);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.retries.next_deadline()
    }
}

/// Sends a datagram. One that the kernel has no room for is lost like any other.
fn send(socket: &UdpSocket, datagram: &[u8]) -> io::Result<()> {
    match socket.send(datagram) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}
