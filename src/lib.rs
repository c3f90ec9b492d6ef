//! parlance: a small chat daemon, and the event loop beneath it as a library.

#[cfg(feature = "daemon")]
pub mod chat;
#[cfg(feature = "daemon")]
pub mod config;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod rpc;
