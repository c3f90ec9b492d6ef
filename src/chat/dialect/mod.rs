//! The dialects: each joins one wire protocol to the one chat.
//!
//! [`House`] is the state all of them share. It turns what the chat says happened into bytes for
//! the groups of connections that are to see them. A dialect is a file here: its methods, and its
//! forms, that is, how events look to its clients. Nothing outside this folder knows which dialect
//! a connection speaks, and within it only this file knows all of them.

pub mod accounts;
pub mod chatmaster;
mod desk;
mod fields;
mod flat;
mod form;
mod house;
pub mod jsonrpc;
pub mod ndjson;
mod room_news;
mod text;
pub mod udp;
pub mod websocket;

pub use desk::{Desk, DeskSettings};
pub use house::House;

use crate::rpc::JsonLimits;
use form::Form;

/// The effects queue of the daemon's server.
pub type Fx = crate::rpc::Effects<House>;

/// What the dialects are set to.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Bounds on the JSON that is taken in.
    pub json: JsonLimits,
    /// What `jsonrpc` is set to.
    pub jsonrpc: jsonrpc::JsonRpcSettings,
    /// What `websocket` is set to.
    pub websocket: websocket::WebSocketSettings,
    /// What `chatmaster` is set to.
    pub chatmaster: chatmaster::ChatMasterSettings,
    /// What `udp` is set to.
    pub udp: udp::UdpSettings,
}

/// What single dialects keep in the house.
#[derive(Default)]
struct Own {
    jsonrpc: jsonrpc::Own,
    websocket: websocket::Own,
    chatmaster: chatmaster::Own,
    udp: udp::Own,
}

/// All forms. A connection's form, a number kept by the transport, is an index into this table.
static FORMS: [&Form; 11] = [
    &jsonrpc::CLASSIC_FORM,
    &jsonrpc::VERSION_2_FORM,
    &accounts::FORM,
    &ndjson::FORM,
    &chatmaster::FORM,
    &chatmaster::ZLIB_FORM,
    &websocket::CLASSIC_FORM,
    &websocket::CLASSIC_DEFLATED_FORM,
    &websocket::V1_FORM,
    &websocket::V1_DEFLATED_FORM,
    &udp::FORM,
];

/// The forms' numbers, but those that `JsonRpc` gives; of `websocket`, where its four begin.
const ACCOUNTS: u8 = 2;
const NDJSON: u8 = 3;
const CHATMASTER: u8 = 4;
const CHATMASTER_ZLIB: u8 = 5;
const WEBSOCKET: u8 = 6;
const UDP: u8 = 10;
