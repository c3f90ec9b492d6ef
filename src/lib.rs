//! parlance: a small chat daemon, and the event loop beneath it as a library.

#[cfg(feature = "daemon")]
pub mod chat;
pub mod rpc;
