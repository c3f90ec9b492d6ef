//! Messages over WebSocket (RFC 6455), of the subprotocol `parlance.v1`.
//!
//! Pings are answered, and closes too, by tungstenite.

use std::io::ErrorKind;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message};

use super::{Broken, MESSAGE_BYTES_MAX, OUTBOX_BYTES_MAX, READS_MAX, Stream, TURN_BYTES_MAX};
use crate::client::url::Url;

/// The subprotocol that the server has to speak.
const SUBPROTOCOL: &str = "parlance.v1";

/// Messages that are told of in one turn at most.
const MESSAGES_MAX: usize = READS_MAX * 16;

/// A WebSocket that is not open yet.
pub(in crate::client) struct Opening(Option<MidHandshake<ClientHandshake<Stream>>>);

impl Opening {
    /// Begins with the request (RFC 6455, 4.1).
    pub(in crate::client) fn new(
        stream: Stream,
        url: &Url,
    ) -> Result<Result<WebSocket, Opening>, Broken> {
        let scheme = if url.tls { "wss" } else { "ws" };
        let address = format!("{scheme}://{}{}", url.authority(), url.path);
        let mut request = address.into_client_request().map_err(broken)?;
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_write_buffer_size(OUTBOX_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        shaken(tungstenite::client::client_with_config(request, stream, Some(config)))
    }

    /// Goes on as far as the socket lets it.
    pub(in crate::client) fn go_on(mut self) -> Result<Result<WebSocket, Opening>, Broken> {
        match self.0.take() {
            Some(middle) => shaken(middle.handshake()),
            None => Ok(Err(self)),
        }
    }
}

type Shaken = (tungstenite::WebSocket<Stream>, tungstenite::handshake::client::Response);

fn shaken(
    result: Result<Shaken, HandshakeError<ClientHandshake<Stream>>>,
) -> Result<Result<WebSocket, Opening>, Broken> {
    match result {
        Ok((socket, _)) => Ok(Ok(WebSocket { socket })),
        Err(HandshakeError::Interrupted(middle)) => Ok(Err(Opening(Some(middle)))),
        Err(HandshakeError::Failure(error)) => Err(broken(error)),
    }
}

/// An open WebSocket.
#[derive(Debug)]
pub(in crate::client) struct WebSocket {
    socket: tungstenite::WebSocket<Stream>,
}

impl WebSocket {
    pub(super) fn send(&mut self, message: Vec<u8>) -> Result<(), Broken> {
        let text = String::from_utf8(message)
            .map_err(|_| Broken::Nonsense("a message is no text".into()))?;
        match self.socket.write(Message::text(text)) {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            other => other.map_err(broken),
        }
    }

    pub(super) fn flush(&mut self) -> Result<bool, Broken> {
        match self.socket.flush() {
            Ok(()) => Ok(true),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(broken(error)),
        }
    }

    pub(super) fn read(&mut self, hear: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        let mut share = TURN_BYTES_MAX;
        for _ in 0..MESSAGES_MAX {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    hear(text.as_bytes());
                    share = share.saturating_sub(text.len());
                    if share == 0 {
                        break;
                    }
                }
                Ok(Message::Close(frame)) => {
                    // The answer to it, if there is room.
                    let _ = self.socket.flush();
                    let words = frame.map(|frame| frame.reason.to_string());
                    return Err(Broken::Closed(words.unwrap_or_default()));
                }
                Ok(Message::Binary(_)) => {
                    return Err(Broken::Nonsense("a message is no text".into()));
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(true)
    }

    pub(super) fn close(&mut self) {
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }
}

/// What went wrong, told apart by whether it is the socket or what came over it.
fn broken(error: Error) -> Broken {
    match error {
        Error::Io(error) => Broken::Io(error),
        Error::ConnectionClosed | Error::AlreadyClosed => Broken::Closed(String::new()),
        Error::Http(response) => {
            Broken::Nonsense(format!("it answers with HTTP {}", response.status()))
        }
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            Broken::Closed(String::new())
        }
        Error::Protocol(tungstenite::error::ProtocolError::HttparseError(_)) => {
            Broken::Nonsense("no WebSocket is spoken there".into())
        }
        other => Broken::Nonsense(other.to_string().escape_debug().to_string()),
    }
}
