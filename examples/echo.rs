//! A service over a framing of one's choice: every message goes back to who sent it.
//!
//! ```text
//! $ cargo run --release --example echo --no-default-features --features websocket,zlib -- \
//!       --framing websocket --deflate
//! listening 127.0.0.1:4000
//! ```
//!
//! This is what a protocol takes that is not JSON-RPC: a [`Service`] that names a framing, gets its
//! frames, and makes frames of what it sends. Conformance suites for WebSocket find in it what they
//! want to talk to: messages of both kinds, compressed or not, go back as they came.

use std::process::ExitCode;
#[cfg(feature = "websocket")]
use std::rc::Rc;
use std::time::Duration;

use parlance::rpc::framing::{
    Fault, Framing, JsonStream, LengthPrefix, Lines, Switch, length_prefix,
};
#[cfg(feature = "zlib")]
use parlance::rpc::framing::{Packages, zlib};
#[cfg(feature = "websocket")]
use parlance::rpc::framing::{WebSocket, WebSocketOptions, websocket};
use parlance::rpc::{Accepted, ConnId, Effects, Limits, Server, Service};

const USAGE: &str = "\
usage: echo --framing websocket|json|lines|length|zlib [--deflate] [--limit BYTES] [--listen ADDR]
  --deflate  permessage-deflate for those who offer it (websocket, with feature zlib)
  --limit    the longest message, up to 16777216 (default: 65536)
  --listen   host and port; port 0 is a free one (default: 127.0.0.1:4000)";

const LIMIT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many levels JSON may have.
const DEPTH_MAX: u16 = 64;

/// A connection's form, in the numbers of this service: how its messages are framed.
const PLAIN: u8 = 0;
const COMPRESSED: u8 = 1;

/// How bytes are cut into messages. What a feature is needed for is not there without it.
enum Cut {
    Json,
    Lines,
    Length,
    #[cfg(feature = "websocket")]
    WebSocket(Rc<WebSocketOptions>),
    #[cfg(feature = "zlib")]
    Zlib,
}

/// The protocol. It needs no state: what goes back is all in the message.
struct Echo {
    cut: Cut,
    limit: usize,
}

impl Service<()> for Echo {
    /// Each connection has a framing of its own, for it remembers how far it has looked.
    fn framing(&self, _: &(), accepted: &Accepted) -> Box<dyn Framing> {
        // Only an upgrade wants to know by which address the peer came.
        let _ = accepted;
        match &self.cut {
            Cut::Json => Box::new(JsonStream::new(self.limit, DEPTH_MAX)),
            Cut::Lines => Box::new(Lines::new(self.limit)),
            Cut::Length => Box::new(LengthPrefix::new(self.limit)),
            #[cfg(feature = "websocket")]
            Cut::WebSocket(options) => Box::new(WebSocket::new(Rc::clone(options), accepted)),
            #[cfg(feature = "zlib")]
            Cut::Zlib => Box::new(Packages::new(self.limit, DEPTH_MAX, Default::default())),
        }
    }

    /// A handshake is over, or the peer has begun to compress: from now on so do we.
    fn switched(&self, _: &mut (), fx: &mut Effects<()>, conn: ConnId, switch: Switch) {
        let compressed = match switch {
            Switch::WebSocket { deflate, .. } => deflate,
            Switch::Compressed => true,
            _ => return,
        };
        fx.set_form(conn, if compressed { COMPRESSED } else { PLAIN });
    }

    /// What is appended to `out` is framed where it lies: one copy, from the input to the output.
    fn frame(&self, _: &mut (), fx: &mut Effects<()>, conn: ConnId, message: &[u8]) {
        let form = fx.form(conn);
        fx.send_with(conn, |out| {
            let start = out.len();
            out.extend_from_slice(message);
            self.close_frame(form, out, start);
        });
    }

    /// Only WebSocket tells binary messages from text.
    #[cfg(feature = "websocket")]
    fn binary(&self, _: &mut (), fx: &mut Effects<()>, conn: ConnId, message: &[u8]) {
        let form = fx.form(conn);
        fx.send_with(conn, |out| {
            let start = out.len();
            out.extend_from_slice(message);
            match form {
                #[cfg(feature = "zlib")]
                COMPRESSED => websocket::frame_binary_deflated(out, start),
                _ => websocket::frame_binary(out, start),
            }
        });
    }

    /// Where the fault is fatal the connection closes by itself, and over WebSocket the close frame
    /// says why. An echo has nothing to add; a protocol with errors of its own would send one here.
    fn fault(&self, _: &mut (), _: &mut Effects<()>, _: ConnId, _: Fault) {}
}

impl Echo {
    /// Makes one frame of what `out` holds from `start` on.
    fn close_frame(&self, form: u8, out: &mut Vec<u8>, start: usize) {
        match (&self.cut, form) {
            (Cut::Json | Cut::Lines, _) => out.push(b'\n'),
            (Cut::Length, _) => length_prefix::frame(out, start),
            #[cfg(all(feature = "websocket", feature = "zlib"))]
            (Cut::WebSocket(_), COMPRESSED) => websocket::frame_text_deflated(out, start),
            #[cfg(feature = "websocket")]
            (Cut::WebSocket(_), _) => websocket::frame_text(out, start),
            #[cfg(feature = "zlib")]
            (Cut::Zlib, COMPRESSED) => zlib::frame(out, start),
            // JSON says by itself where it ends.
            #[cfg(feature = "zlib")]
            (Cut::Zlib, _) => {}
        }
    }
}

/// The bounds of the transport. The defaults are made for small messages: here a peer may owe the
/// longest one and some more, and has a minute to take it.
fn limits(limit: usize) -> Limits {
    Limits {
        outbox_soft: Duration::from_secs(60),
        outbox_hard_bytes: limit + Limits::default().outbox_hard_bytes,
        ..Limits::default()
    }
}

/// What the command line asks for.
struct Options {
    framing: String,
    deflate: bool,
    limit: usize,
    listen: String,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let (mut framing, mut deflate) = (None, false);
        let (mut limit, mut listen) = (64 * 1024, "127.0.0.1:4000".to_owned());
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{option} needs a value\n{USAGE}"));
            match option.as_str() {
                "--framing" => framing = Some(value()?),
                "--deflate" => deflate = true,
                "--limit" => {
                    let bytes = value()?.parse().ok();
                    limit = bytes
                        .filter(|bytes| (1..=LIMIT_BYTES_MAX).contains(bytes))
                        .ok_or(format!("--limit is 1 to {LIMIT_BYTES_MAX} bytes"))?;
                }
                "--listen" => listen = value()?,
                _ => return Err(format!("there is no option {option:?}\n{USAGE}")),
            }
        }
        let framing = framing.ok_or(format!("--framing is missing\n{USAGE}"))?;
        Ok(Options { framing, deflate, limit, listen })
    }

    fn cut(&self) -> Result<Cut, String> {
        if self.deflate && self.framing != "websocket" {
            return Err("--deflate goes with --framing websocket only".to_owned());
        }
        if self.deflate && cfg!(not(feature = "zlib")) {
            return Err("--deflate needs the feature zlib: build with --features zlib".to_owned());
        }
        match self.framing.as_str() {
            "json" => Ok(Cut::Json),
            "lines" => Ok(Cut::Lines),
            "length" => Ok(Cut::Length),
            #[cfg(feature = "websocket")]
            "websocket" => Ok(Cut::WebSocket(Rc::new(WebSocketOptions {
                message_bytes_max: self.limit,
                deflate: self.deflate,
                ..WebSocketOptions::default()
            }))),
            #[cfg(feature = "zlib")]
            "zlib" => Ok(Cut::Zlib),
            missing if ["websocket", "zlib"].contains(&missing) => Err(format!(
                "--framing {missing} needs the feature {missing}: build with --features {missing}"
            )),
            unknown => Err(format!("there is no framing {unknown:?}\n{USAGE}")),
        }
    }
}

/// Serves as the arguments say, until the process is ended.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let echo = Echo { cut: options.cut()?, limit: options.limit };
    let mut server = Server::new(()).map_err(|error| error.to_string())?;
    server.effects().set_limits(limits(options.limit));
    let address =
        server.listen(options.listen.as_str(), echo).map_err(|error| error.to_string())?;
    println!("listening {address}");
    server.run().map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("echo: {why}");
            ExitCode::from(2)
        }
    }
}
