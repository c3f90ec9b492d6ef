//! The integration tests: one binary, real sockets, real processes, real files.

mod daemon;
mod direction;
mod faults;
mod framing;
mod framing_websocket;
mod house;
mod json_text;
mod jsonrpc_bad_input;
mod jsonrpc_classic;
mod jsonrpc_names;
mod jsonrpc_settings;
mod jsonrpc_v2;
mod jsonrpc_v2_letter;
mod peer;
mod process;
mod reload;
mod rpc_deferred;
mod rpc_loop;
mod seed_000;
mod simulation;
mod skip;
mod support;
mod websocket_clients;
mod websocket_echo;
mod websocket_http;
