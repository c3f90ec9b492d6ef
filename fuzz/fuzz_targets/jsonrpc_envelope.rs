//! The JSON-RPC envelope: never panics, accepts only what a full parser accepts, and keeps no more
//! of a batch than a batch may have.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| parlance::rpc::fuzz_envelope(frame));
