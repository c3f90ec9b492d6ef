//! However a stream of JSON values is cut, it holds the same frames and faults. That ends where
//! something is skipped: how much of it depends on what was at hand.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlance::rpc::framing::{Fault, JsonStream};
use parlance_fuzz::{Item, Stream};

fuzz_target!(|data: &[u8]| {
    let Some((&[frame_bytes_max, depth_max], data)) = data.split_first_chunk() else {
        return;
    };
    let Some(stream) = Stream::new(data) else {
        return;
    };
    let framing = || JsonStream::new(frame_bytes_max.into(), depth_max.into());
    let (mut pieces, left_of_pieces) = stream.in_pieces(&mut framing());
    let (mut whole, left_of_whole) = stream.whole(&mut framing());
    let unframed = |item: &Item| *item == Item::Fault(Fault::Unframed);
    match whole.iter().position(unframed) {
        Some(first) => {
            whole.truncate(first + 1);
            pieces.truncate(first + 1);
        }
        None => assert_eq!(left_of_pieces, left_of_whole),
    }
    assert_eq!(pieces, whole);
});
