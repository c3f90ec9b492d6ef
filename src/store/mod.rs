//! What the daemon keeps on disk.
//!
//! Nothing here is in the way of the loop: what touches a file does so on another thread.

pub mod transcript;
