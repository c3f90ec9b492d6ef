//! The dialects: each joins one wire protocol to the one chat.
//!
//! [`House`] is the state all of them share. It turns what the chat says happened into bytes for
//! the groups of connections that are to see them. A dialect is a file here: its methods, and its
//! forms, that is, how events look to its clients. Nothing outside this folder knows which dialect
//! a connection speaks.

pub mod accounts;
pub mod chatmaster;
mod desk;
mod fields;
mod form;
mod house;
pub mod jsonrpc;
pub mod ndjson;
mod text;

pub use desk::{Desk, DeskSettings};
pub use house::{House, Settings};

use form::Form;

/// The effects queue of the daemon's server.
pub type Fx = crate::rpc::Effects<House>;

/// All forms. A connection's form, a number kept by the transport, is an index into this table.
static FORMS: [&Form; 6] = [
    &jsonrpc::CLASSIC_FORM,
    &jsonrpc::VERSION_2_FORM,
    &accounts::FORM,
    &ndjson::FORM,
    &chatmaster::FORM,
    &chatmaster::ZLIB_FORM,
];

/// The forms' numbers, but those that `JsonRpc` gives.
const ACCOUNTS: u8 = 2;
const NDJSON: u8 = 3;
const CHATMASTER: u8 = 4;
const CHATMASTER_ZLIB: u8 = 5;
