//! However a stream of frames with their length in front is cut, it holds the same frames and
//! faults; and what is made of a content is that content's frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlance::rpc::framing::{LengthPrefix, length_prefix};
use parlance_fuzz::{Item, Stream};

fuzz_target!(|data: &[u8]| {
    let Some((&frame_bytes_max, data)) = data.split_first() else {
        return;
    };
    let Some(stream) = Stream::new(data) else {
        return;
    };
    let framing = || LengthPrefix::new(frame_bytes_max.into());
    assert_eq!(stream.in_pieces(&mut framing()), stream.whole(&mut framing()));

    if !data.is_empty() {
        let mut frame = data.to_vec();
        length_prefix::frame(&mut frame, 0);
        let mut stream = vec![0];
        stream.append(&mut frame);
        let stream = Stream::new(&stream).expect("a stream in one piece");
        let seen = stream.whole(&mut LengthPrefix::new(data.len()));
        assert_eq!(seen, (vec![Item::Frame(data.to_vec())], 0));
    }
});
