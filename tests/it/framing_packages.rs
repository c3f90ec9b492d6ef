//! The framings whose frames say how long they are, and packages, which may be compressed, against
//! decoders that are slow and obviously right: these see the whole input at once and keep no state.

use std::io::{Read, Write};

use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use parlance::rpc::framing::{
    Compression, Decoded, Fault, Framing, LengthPrefix, Packages, Switch, length_prefix, zlib,
};
use parlance::rpc::{Accepted, ConnId, Effects, Server, Service};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::time::Instant;

use crate::house::{Running, patient, until};

/// What a stream held, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Frame(Vec<u8>),
    Switch,
    Fault(Fault),
}

/// Shows `input` to a framing in the pieces that end at `cuts`, the way a connection does. Also
/// gives the bytes that were not consumed at the end; after a fatal fault that depends on the
/// pieces.
fn decode(framing: &mut impl Framing, input: &[u8], cuts: &[usize]) -> (Vec<Item>, Option<usize>) {
    let mut items = Vec::new();
    let mut inbox = Vec::new();
    let mut arrived = 0;
    for &cut in cuts.iter().chain([&input.len()]) {
        inbox.extend_from_slice(&input[arrived..cut]);
        arrived = cut;
        loop {
            let shown = inbox.len();
            let used = match framing.decode(&mut inbox) {
                Decoded::Incomplete => break,
                Decoded::Skip { used } => used,
                Decoded::Frame { frame, used } => {
                    items.push(Item::Frame(frame.to_vec()));
                    used
                }
                Decoded::Switch { switch: Switch::Compressed, reply: b"", used: 0 } => {
                    items.push(Item::Switch);
                    continue;
                }
                Decoded::Fault { fault, used } => {
                    items.push(Item::Fault(fault));
                    if fault.is_fatal() {
                        return (items, None);
                    }
                    used
                }
                other => panic!("{other:?}"),
            };
            assert!(0 < used && used <= shown, "consumed {used} of {shown}");
            inbox.drain(..used);
        }
    }
    (items, Some(inbox.len()))
}

/// Ascending places to cut an input of `len` bytes at.
fn cuts(indices: &[Index], len: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = indices.iter().map(|index| index.index(len + 1)).collect();
    cuts.sort_unstable();
    cuts
}

fn reference_lengths(input: &[u8], bytes_max: usize) -> (Vec<Item>, Option<usize>) {
    let mut items = Vec::new();
    let mut rest = input;
    while let [a, b, c, d, after @ ..] = rest {
        let length = [a, b, c, d].iter().fold(0, |length, byte| length * 256 + **byte as usize);
        if length == 0 || length > bytes_max {
            items.push(Item::Fault(Fault::BadLength));
            return (items, None);
        }
        if after.len() < length {
            break;
        }
        items.push(Item::Frame(after[..length].to_vec()));
        rest = &after[length..];
    }
    (items, Some(rest.len()))
}

/// A package as a test sends it.
#[derive(Debug, Clone)]
enum Package {
    /// Balanced text.
    Text(String),
    /// A zlib stream of this, made at this level, flushed in the middle or not.
    Stream(Vec<u8>, u32, bool),
    /// A zlib stream of this with a wrong checksum.
    Corrupt(Vec<u8>),
    /// White space.
    Space(&'static str),
}

impl Package {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Package::Text(text) => text.clone().into_bytes(),
            Package::Stream(content, level, flushed) => stream(content, *level, *flushed),
            Package::Corrupt(content) => {
                let mut bytes = stream(content, 6, false);
                *bytes.last_mut().expect("a checksum") ^= 0x55;
                bytes
            }
            Package::Space(space) => space.as_bytes().to_vec(),
        }
    }
}

fn stream(content: &[u8], level: u32, flushed: bool) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    let (front, back) = content.split_at(content.len() / 2);
    encoder.write_all(front).expect("written");
    if flushed {
        encoder.flush().expect("flushed");
    }
    encoder.write_all(back).expect("written");
    encoder.finish().expect("finished")
}

fn reference_packages(packages: &[Package], bytes_max: usize) -> (Vec<Item>, Option<usize>) {
    let mut items = Vec::new();
    let mut announced = false;
    for package in packages {
        let (content, fault) = match package {
            Package::Space(_) => continue,
            Package::Text(text) => (text.as_bytes(), None),
            Package::Stream(content, ..) => (&content[..], None),
            Package::Corrupt(content) => (&content[..], Some(Fault::Corrupt)),
        };
        let too_long = (content.len() > bytes_max).then_some(Fault::TooLong);
        if let Some(fault) = too_long.or(fault) {
            items.push(Item::Fault(fault));
            return (items, None);
        }
        if !matches!(package, Package::Text(_)) && !std::mem::replace(&mut announced, true) {
            items.push(Item::Switch);
        }
        items.push(Item::Frame(content.to_vec()));
    }
    (items, Some(0))
}

fn package() -> impl Strategy<Value = Package> {
    let text = select(vec!["{}", "[1]", "{\"a\":\"x}\"}", "{\"type\":\"message\",\"data\":{}}"]);
    let content = || {
        prop_oneof![
            vec(any::<u8>(), 0..120),
            vec(select(b"ab{} ".to_vec()), 0..200),
            (any::<u8>(), 0_usize..300).prop_map(|(byte, count)| vec![byte; count]),
        ]
    };
    prop_oneof![
        3 => text.prop_map(|text| Package::Text(text.to_owned())),
        6 => (content(), 0_u32..10, any::<bool>())
            .prop_map(|(content, level, flushed)| Package::Stream(content, level, flushed)),
        1 => content().prop_map(Package::Corrupt),
        2 => select(vec![" ", "\r\n", "\t \n"]).prop_map(Package::Space),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn lengths_are_the_same_however_they_are_cut(
        contents in vec(vec(any::<u8>(), 0..40), 0..8),
        tail in vec(any::<u8>(), 0..12),
        indices in vec(any::<Index>(), 0..12),
        bytes_max in 20_usize..50,
    ) {
        let mut input = Vec::new();
        for content in &contents {
            let start = input.len();
            input.extend_from_slice(content);
            length_prefix::frame(&mut input, start);
        }
        input.extend_from_slice(&tail);
        let expected = reference_lengths(&input, bytes_max);
        let fresh = || LengthPrefix::new(bytes_max);
        prop_assert_eq!(&decode(&mut fresh(), &input, &[]), &expected);
        let some = cuts(&indices, input.len());
        prop_assert_eq!(&decode(&mut fresh(), &input, &some), &expected);
        let all: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&decode(&mut fresh(), &input, &all), &expected);
    }

    #[test]
    fn packages_are_the_same_however_they_are_cut(
        packages in vec(package(), 0..8),
        indices in vec(any::<Index>(), 0..12),
        bytes_max in 40_usize..300,
    ) {
        let input: Vec<u8> = packages.iter().flat_map(Package::bytes).collect();
        let expected = reference_packages(&packages, bytes_max);
        let fresh = || Packages::new(bytes_max, 9, Compression::Auto);
        prop_assert_eq!(&decode(&mut fresh(), &input, &[]), &expected);
        let some = cuts(&indices, input.len());
        prop_assert_eq!(&decode(&mut fresh(), &input, &some), &expected);
        let all: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&decode(&mut fresh(), &input, &all), &expected);
    }

    /// Cut anywhere, and with garbage in it: `decode` holds the contract of the seam.
    #[test]
    fn any_bytes_keep_the_contract(
        packages in vec(package(), 0..4),
        garbage in vec(any::<u8>(), 0..60),
        indices in vec(any::<Index>(), 0..20),
        bytes_max in 0_usize..80,
        compression in select(vec![Compression::Auto, Compression::Always, Compression::Off]),
    ) {
        let mut input: Vec<u8> = packages.iter().flat_map(Package::bytes).collect();
        let at = input.len() / 2;
        input.splice(at..at, garbage);
        let some = cuts(&indices, input.len());
        let (_, left) = decode(&mut Packages::new(bytes_max, 3, compression), &input, &some);
        prop_assert!(left.is_none_or(|left| left <= input.len()));
    }

    #[test]
    fn what_is_made_inflates_to_what_it_was(content in vec(any::<u8>(), 0..2000)) {
        let mut out = b"before".to_vec();
        out.extend_from_slice(&content);
        zlib::frame(&mut out, 6);
        let mut inflated = Vec::new();
        ZlibDecoder::new(&out[6..]).read_to_end(&mut inflated).expect("a zlib stream");
        prop_assert_eq!(inflated, content);
    }
}

/// What drips in costs what it costs in one piece, or this takes minutes: a package of the largest
/// limit, and a stream that is long itself.
#[test]
fn the_largest_packages_cost_what_they_weigh() {
    let line: Vec<u8> = (0..=255).collect();
    for (level, bytes_max) in [(0, 1024 * 1024), (1, 16 * 1024 * 1024)] {
        let content = line.repeat(bytes_max / line.len());
        let input = stream(&content, level, true);
        let mut framing = Packages::new(bytes_max, 9, Compression::Always);
        let pieces: Vec<usize> = (0..input.len()).step_by(50).collect();
        let (items, left) = decode(&mut framing, &input, &pieces);
        assert!(items == [Item::Frame(content)]);
        assert_eq!(left, Some(0));
    }
}

/// Notes when each package came, and how long it is.
struct Clock;

impl Service<Vec<(Instant, usize)>> for Clock {
    fn framing(&self, _: &Vec<(Instant, usize)>, _: &Accepted) -> Box<dyn Framing> {
        Box::new(Packages::new(64 * 1024, 9, Compression::Always))
    }

    fn frame(
        &self,
        came: &mut Vec<(Instant, usize)>,
        fx: &mut Effects<Vec<(Instant, usize)>>,
        _: ConnId,
        frame: &[u8],
    ) {
        came.push((fx.now(), frame.len()));
    }

    fn fault(
        &self,
        _: &mut Vec<(Instant, usize)>,
        _: &mut Effects<Vec<(Instant, usize)>>,
        _: ConnId,
        fault: Fault,
    ) {
        panic!("{fault:?}");
    }
}

/// What is small on the wire and large behind it takes its turns like anything else.
#[test]
fn packages_that_inflate_to_much_do_not_hold_up_the_loop() {
    const COUNT: usize = 300;
    let house = Running::start(|| {
        let mut server = Server::new(Vec::new()).expect("a server");
        server.effects().set_limits(patient());
        let address = server.listen("127.0.0.1:0", Clock).expect("a listener");
        (server, vec![address])
    });
    let bomb = stream(&[b' '; 64 * 1024], 9, false);
    let mut peer = house.peer();
    peer.send(bomb.repeat(COUNT));
    until(|| house.ask(|came, _| came.len()) == COUNT);
    let came = house.ask(|came, _| std::mem::take(came));
    for turn in came.chunk_by(|one, other| one.0 == other.0) {
        // Two are a turn's share, and a third may have begun it.
        assert!(turn.len() <= 3, "{} in one turn", turn.len());
    }
    assert!(came.iter().all(|(_, bytes)| *bytes == 64 * 1024));
    peer.finish();
}
