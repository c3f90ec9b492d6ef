//! The transport: one event loop, many listeners.
pub mod framing;
