//! However a stream of packages is cut, it holds the same frames and faults, up to where something
//! is skipped: how much of it depends on what was at hand. And what is made of a content is that
//! content's package.
//!
//! A checksum is hard to guess, so a selector makes a package of the data's rest, or leaves it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlance::rpc::framing::{Compression, Fault, Packages, Switch, zlib};
use parlance_fuzz::{Item, Stream};

fuzz_target!(|data: &[u8]| {
    let Some((&[selector, package_bytes_max], data)) = data.split_first_chunk() else {
        return;
    };
    let compression = match selector & 3 {
        0 => Compression::Off,
        1 => Compression::Always,
        _ => Compression::Auto,
    };
    let mut data = data.to_vec();
    if selector & 4 != 0 {
        let middle = data.len() / 2;
        let content = data[middle..].to_vec();
        zlib::frame(&mut data, middle);
        let package = [b"\0", &data[middle..]].concat();
        let package = Stream::new(&package).expect("a stream in one piece");
        let seen = package.whole(&mut Packages::new(content.len(), 64, Compression::Auto));
        assert_eq!(seen.0, [Item::Switch(Switch::Compressed, vec![]), Item::Frame(content)]);
    }
    let Some(stream) = Stream::new(&data) else {
        return;
    };
    let framing = || Packages::new(package_bytes_max.into(), 3, compression);
    let (mut pieces, left_of_pieces) = stream.in_pieces(&mut framing());
    let (mut whole, left_of_whole) = stream.whole(&mut framing());
    let unframed = |item: &Item| *item == Item::Fault(Fault::Unframed);
    match whole.iter().position(unframed) {
        Some(first) => {
            whole.truncate(first + 1);
            pieces.truncate(first + 1);
        }
        // Of a package that is no good, some may have been taken in before that was known.
        None if matches!(whole.last(), Some(Item::Fault(fault)) if fault.is_fatal()) => {}
        None => assert_eq!(left_of_pieces, left_of_whole),
    }
    assert_eq!(pieces, whole);
});
