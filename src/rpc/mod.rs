//! The transport: one event loop, many listeners.
pub mod framing;
pub mod json;
