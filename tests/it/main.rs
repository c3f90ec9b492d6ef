//! The integration tests: one binary, real sockets, real processes, real files.

mod daemon;
mod framing;
mod json_text;
mod support;
