//! What carries the bytes of a client: TCP, or TLS on it. Never blocks, and is watched
//! edge-triggered: whoever reads or writes goes on until it would block.

use mio::net::TcpStream;
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

/// Plaintext that is handed to TLS in one piece at most: a record's worth (RFC 8446, 5.1).
const RECORD_BYTES: usize = 16 * 1024;

/// A connected stream.
#[derive(Debug)]
pub(in crate::client) struct Stream {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Stream {
    pub(in crate::client) fn new(tcp: TcpStream, tls: Option<ClientConnection>) -> Stream {
        Stream { tcp, tls: tls.map(Box::new) }
    }

    /// Goes on with the handshake as far as the socket lets it. Says whether it is over.
    ///
    /// # Errors
    /// The socket's; one of TLS stands in it as [`rustls::Error`].
    pub(in crate::client) fn shake_hands(&mut self) -> io::Result<bool> {
        loop {
            self.push()?;
            let Some(tls) = self.tls.as_mut().filter(|tls| tls.is_handshaking()) else { break };
            match tls.read_tls(&mut self.tcp) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => self.process()?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Announces that nothing more will be sent. What was written still arrives.
    pub(in crate::client) fn shut_down_sending(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = self.push();
        }
        let _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Sends what TLS holds, as far as the socket takes it. Says whether that was all.
    fn push(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.wants_write() {
            match tls.write_tls(&mut self.tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Takes in what was read from the socket.
    fn process(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        if let Err(error) = tls.process_new_packets() {
            // The alert that says what was wrong; if it cannot go now, never mind.
            let _ = self.push();
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        self.push().map(drop)
    }
}

impl Read for Stream {
    /// 0 is the end of input, announced or not: what a frame lacks then is for the framing to miss.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(tls) = &mut self.tls else { return self.tcp.read(buffer) };
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            match tls.read_tls(&mut self.tcp) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => self.process()?,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.push()? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let Some(tls) = &mut self.tls else { return self.tcp.write(bytes) };
        let count = tls.writer().write(&bytes[..bytes.len().min(RECORD_BYTES)])?;
        self.push()?;
        if count == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.push()? {
            true => Ok(()),
            false => Err(ErrorKind::WouldBlock.into()),
        }
    }
}
