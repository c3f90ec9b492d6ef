//! The integration tests: one binary, real sockets, real processes, real files.

mod daemon;
mod direction;
mod framing;
mod json_text;
mod simulation;
mod support;
