//! However a stream of lines is cut, it holds the same lines and faults.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlance::rpc::framing::Lines;
use parlance_fuzz::Stream;

fuzz_target!(|data: &[u8]| {
    let Some((&line_bytes_max, data)) = data.split_first() else {
        return;
    };
    let Some(stream) = Stream::new(data) else {
        return;
    };
    let framing = || Lines::new(line_bytes_max.into());
    assert_eq!(stream.in_pieces(&mut framing()), stream.whole(&mut framing()));
});
