//! Packages: JSON objects and arrays as text, or zlib streams (RFC 1950), back to back.
//!
//! Each package is one or the other, told by its first byte. Where a text ends is [`JsonStream`]'s
//! to say, a zlib stream says it by itself. What a stream inflates to is a frame as it is: whether
//! it is JSON is for the envelope to find out.
//!
//! A stream that arrives in pieces is inflated as it comes, so that it costs what it costs in one
//! piece. That takes a window of 32 KiB and some tables: a connection has them only while it is in
//! the middle of a package, and one set is kept by the thread for those that arrive whole.

use std::cell::{Cell, RefCell};

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Decoded, Fault, Framing, JsonStream, Switch};

/// What a zlib stream begins with here: deflate with a window of 32 KiB (RFC 1950, 2.2).
const ZLIB: u8 = 0x78;

/// The first step in which room is made for what a stream inflates to; later ones double it.
const CONTENT_STEP_BYTES: usize = 4 * 1024;

/// Memory for content, or for what is compressed, that outlives a package, at most.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// How hard the compressor tries, of 0 to 9. Below, text of a thousand bytes comes out a third longer;
/// above, it takes longer and comes out as long. Short messages gain little at any level.
const LEVEL: u32 = 3;

/// Which packages are taken as compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Those that begin like it. The first is announced with [`Switch::Compressed`].
    #[default]
    Auto,
    /// The same, but none is announced: the connection is compressed from its start.
    Always,
    /// None. What begins like one is [`Fault::Unframed`] then.
    Off,
}

/// Cuts a stream into packages.
///
/// - White space between packages is skipped, without limit.
/// - What begins with `{` or `[` is text, with the rules and faults of [`JsonStream`]. So is what
///   begins with anything else than `0x78`, and then it is [`Fault::Unframed`] or [`Fault::Http`].
/// - What begins with `0x78` is a zlib stream. One that cannot be inflated is [`Fault::Corrupt`].
///   One that inflates to more than the limit is [`Fault::TooLong`], found when it passes it; so is
///   one whose own bytes are an eighth and 1 KiB more than the limit, whatever comes of them.
/// - The first zlib stream of a connection is announced with [`Switch::Compressed`], when its end
///   has been reached. See [`Compression`].
///
/// A fatal fault consumes nothing and is repeated if one asks again.
///
/// ```
/// use parlance::rpc::framing::{Compression, Decoded, Framing, Packages, Switch};
///
/// let mut framing = Packages::new(64 * 1024, 64, Compression::Auto);
/// // `{}` as text, then as a zlib stream.
/// let mut input = *b"{}\x78\x9c\xab\xae\x05\x00\x01\x75\x00\xf9";
/// assert_eq!(framing.decode(&mut input), Decoded::Frame { frame: b"{}", used: 2 });
/// let switch = Decoded::Switch { switch: Switch::Compressed, reply: b"", used: 0 };
/// assert_eq!(framing.decode(&mut input[2..]), switch);
/// assert_eq!(framing.decode(&mut input[2..]), Decoded::Frame { frame: b"{}", used: 10 });
/// ```
#[derive(Debug)]
pub struct Packages {
    json: JsonStream,
    /// Of the zlib stream that has begun, or has just ended.
    inflater: Option<Box<Inflater>>,
    package_bytes_max: u32,
    compression: Compression,
    /// Whether the first zlib stream has been announced, or need not be.
    announced: bool,
}

impl Packages {
    /// A framing for one connection. A package has at most `package_bytes_max` bytes, inflated
    /// (above 4 GiB the limit is 4 GiB). Packages of text have at most `depth_max` levels, of which
    /// the outermost is the first.
    pub fn new(package_bytes_max: usize, depth_max: u16, compression: Compression) -> Self {
        Packages {
            json: JsonStream::new(package_bytes_max, depth_max),
            inflater: None,
            package_bytes_max: u32::try_from(package_bytes_max).unwrap_or(u32::MAX),
            compression,
            announced: compression != Compression::Auto,
        }
    }

    /// Whether a zlib stream begins here.
    fn begins_compressed(&self, input: &[u8]) -> bool {
        input.first() == Some(&ZLIB)
            && self.compression != Compression::Off
            && self.json.is_between_values()
    }
}

impl Framing for Packages {
    fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a> {
        if let Some(inflater) = self.inflater.take_if(|inflater| inflater.is_lent) {
            inflater.keep();
        }
        if self.inflater.is_none() && self.begins_compressed(input) {
            self.json.pass_guard();
            self.inflater = Some(Inflater::fresh());
        }
        let Some(inflater) = &mut self.inflater else { return self.json.decode(input) };
        if inflater.ended.is_none() {
            match inflater.inflate(input, self.package_bytes_max as usize) {
                Ok(()) if inflater.ended.is_some() => {}
                Ok(()) if input.is_empty() => return Decoded::Incomplete,
                Ok(()) => return Decoded::Skip { used: input.len() },
                Err(fault) => return Decoded::Fault { fault, used: 0 },
            }
        }
        if !std::mem::replace(&mut self.announced, true) {
            return Decoded::Switch { switch: Switch::Compressed, reply: b"", used: 0 };
        }
        inflater.is_lent = true;
        Decoded::Frame { frame: &inflater.content, used: inflater.ended.unwrap_or_default() }
    }

    fn end(&mut self, rest: &[u8]) -> Option<Fault> {
        match self.inflater {
            Some(_) => None,
            None => self.json.end(rest),
        }
    }

    fn holds_part(&self) -> bool {
        self.inflater.as_ref().is_some_and(|inflater| !inflater.is_lent)
    }
}

/// One zlib stream on its way to a frame.
#[derive(Debug)]
struct Inflater {
    stream: Decompress,
    /// What the stream has inflated to so far.
    content: Vec<u8>,
    /// Once the stream has ended: how many bytes of the input shown last belong to it.
    ended: Option<usize>,
    /// Whether the content was given as a frame, so that this is done with.
    is_lent: bool,
}

thread_local! {
    /// The inflater that stays when none is needed.
    static SPARE: Cell<Option<Box<Inflater>>> = const { Cell::new(None) };
}

impl Inflater {
    /// One for a new stream.
    fn fresh() -> Box<Inflater> {
        match SPARE.take() {
            Some(mut spare) => {
                spare.stream.reset(true);
                spare.content.clear();
                spare.ended = None;
                spare.is_lent = false;
                spare
            }
            None => Box::new(Inflater {
                stream: Decompress::new(true),
                content: Vec::new(),
                ended: None,
                is_lent: false,
            }),
        }
    }

    /// Leaves this to the next stream that begins.
    fn keep(mut self: Box<Self>) {
        self.content.clear();
        self.content.shrink_to(KEPT_BYTES_MAX);
        SPARE.set(Some(self));
    }

    /// Goes on through the stream with `input`, all of which is taken in unless the stream ends in
    /// it or breaks a rule.
    fn inflate(&mut self, input: &[u8], bytes_max: usize) -> Result<(), Fault> {
        // The worst that an honest encoder makes of a content is 9 bits for 8 (RFC 1951, 3.2.6).
        // Without this bound, empty blocks could go on for ever.
        let own_bytes_max = bytes_max as u64 + bytes_max as u64 / 8 + 1024;
        let mut at = 0;
        while self.content.len() <= bytes_max {
            // A byte more than is allowed, to see whether there is one.
            self.make_room(bytes_max + 1);
            let left = own_bytes_max - self.stream.total_in();
            let end = input.len().min(at + usize::try_from(left).unwrap_or(usize::MAX - at));
            let (taken, given) = (self.stream.total_in(), self.content.len());
            let flush = FlushDecompress::None;
            let status = self.stream.decompress_vec(&input[at..end], &mut self.content, flush);
            at += (self.stream.total_in() - taken) as usize;
            match status {
                _ if self.content.len() > bytes_max => break,
                Err(_) => return Err(Fault::Corrupt),
                Ok(Status::StreamEnd) => {
                    self.ended = Some(at);
                    return Ok(());
                }
                // More room may help, or more input.
                Ok(Status::Ok | Status::BufError) if self.content.len() > given => {}
                Ok(Status::Ok | Status::BufError) if at == input.len() => return Ok(()),
                Ok(Status::Ok | Status::BufError) if self.stream.total_in() > taken => {}
                Ok(Status::Ok | Status::BufError) => break,
            }
        }
        Err(Fault::TooLong)
    }

    /// Makes room for content if there is none left, and at the start: what there is already as
    /// often again, but not for more than `bytes_max` in all.
    fn make_room(&mut self, bytes_max: usize) {
        let len = self.content.len();
        if len == 0 || len == self.content.capacity() {
            let more = len.max(CONTENT_STEP_BYTES).min(bytes_max - len);
            self.content.reserve_exact(more);
        }
    }
}

/// A compressor, and room for what comes out of it.
struct Deflater {
    stream: Compress,
    package: Vec<u8>,
}

thread_local! {
    /// Made when the first package is compressed: it has some hundred KiB of tables.
    static DEFLATER: RefCell<Option<Deflater>> = const { RefCell::new(None) };
}

/// Makes one package of what `out` holds from `start` on: a zlib stream in its place.
///
/// ```
/// let mut out = b"before{}".to_vec();
/// parlance::rpc::framing::zlib::frame(&mut out, 6);
/// assert_eq!(out[..7], *b"before\x78");
/// ```
pub fn frame(out: &mut Vec<u8>, start: usize) {
    DEFLATER.with_borrow_mut(|deflater| {
        let deflater = deflater.get_or_insert_with(|| Deflater {
            stream: Compress::new(flate2::Compression::new(LEVEL), true),
            package: Vec::new(),
        });
        if deflater.compress(&out[start..]) {
            out.truncate(start);
            out.extend_from_slice(&deflater.package);
        }
        deflater.package.clear();
        deflater.package.shrink_to(KEPT_BYTES_MAX);
    });
}

impl Deflater {
    /// Makes one zlib stream of `content`. Says whether that worked; if ever it did not, the
    /// content is a package as it is.
    fn compress(&mut self, content: &[u8]) -> bool {
        self.stream.reset();
        loop {
            let at = self.stream.total_in() as usize;
            let room = (content.len() - at) + (content.len() - at) / 8 + 64;
            self.package.reserve(room);
            let rest = &content[at..];
            match self.stream.compress_vec(rest, &mut self.package, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return true,
                Ok(Status::Ok | Status::BufError) => {}
                Err(_) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::framing::Farewell;

    const MESSAGE: &str = r#"{"type":"message","data":{"message":"Hello World!","username":"Py"}}"#;

    fn package(content: &[u8]) -> Vec<u8> {
        let mut out = content.to_vec();
        frame(&mut out, 0);
        out
    }

    /// A zlib stream of one stored block that is not the last, with nothing in it, so often.
    fn empty_blocks(count: usize) -> Vec<u8> {
        [&b"\x78\x9c"[..], &b"\0\0\0\xff\xff".repeat(count)].concat()
    }

    fn decode(framing: &mut Packages, input: &[u8]) -> Vec<String> {
        let mut input = input.to_vec();
        let mut at = 0;
        let mut seen = Vec::new();
        loop {
            let used = match framing.decode(&mut input[at..]) {
                Decoded::Frame { frame, used } => {
                    seen.push(String::from_utf8_lossy(frame).into_owned());
                    used
                }
                Decoded::Switch { switch: Switch::Compressed, reply: b"", used: 0 } => {
                    seen.push("Compressed".to_owned());
                    continue;
                }
                Decoded::Skip { used } => used,
                Decoded::Incomplete => {
                    seen.push(format!("{} left", input.len() - at));
                    return seen;
                }
                Decoded::Fault { fault, used } => {
                    seen.push(format!("{fault:?}"));
                    if fault.is_fatal() {
                        let fault = Decoded::Fault { fault, used: 0 };
                        assert_eq!(framing.decode(&mut input[at..]), fault, "not repeated");
                        return seen;
                    }
                    used
                }
                other => panic!("{other:?}"),
            };
            assert!(used > 0, "no progress at {at}");
            at += used;
        }
    }

    #[test]
    fn a_connection_pays_little_for_its_framing() {
        assert!(size_of::<Packages>() <= 40);
    }

    #[test]
    fn text_and_streams_may_take_turns() {
        let input = [
            b"{} ",
            &package(b"{\"a\":1}")[..],
            b"\r\n\t ",
            &package(b"not JSON"),
            b"[2]",
            &package(b""),
            b" {3}",
        ]
        .concat();
        let all = ["{}", "{\"a\":1}", "not JSON", "[2]", "", "{3}", "0 left"];
        let mut announced = all.to_vec();
        announced.insert(1, "Compressed");
        let framing = |compression| Packages::new(100, 9, compression);
        assert_eq!(decode(&mut framing(Compression::Auto), &input), announced);
        assert_eq!(decode(&mut framing(Compression::Always), &input), all);
    }

    #[test]
    fn streams_are_like_anything_else_where_they_are_off() {
        let mut framing = Packages::new(100, 9, Compression::Off);
        let input = [b"x\n{}", &package(b"{}")[..]].concat();
        assert_eq!(decode(&mut framing, &input), ["Unframed", "{}", "Unframed", "0 left"]);
    }

    #[test]
    fn only_what_begins_like_one_is_a_stream() {
        let mut framing = Packages::new(100, 9, Compression::Auto);
        let small_window = b"\x68\x81";
        assert_eq!(decode(&mut framing, small_window), ["Unframed", "0 left"]);
        assert_eq!(decode(&mut framing, b"{x}\nX"), ["{x}", "Unframed", "0 left"]);
    }

    #[test]
    fn an_http_request_is_known_unless_a_stream_came_first() {
        let request = b"POST / HTTP/1.1\r\n";
        let mut framing = Packages::new(100, 9, Compression::Auto);
        assert_eq!(decode(&mut framing, &[b"\n", &request[..]].concat()), ["Http"]);
        let mut framing = Packages::new(100, 9, Compression::Always);
        let input = [&package(b"{}")[..], request].concat();
        assert_eq!(decode(&mut framing, &input), ["{}", "Unframed", "0 left"]);
        let mut framing = Packages::new(100, 9, Compression::Auto);
        assert_eq!(framing.end(b"G"), Some(Fault::Unframed));
    }

    #[test]
    fn what_cannot_be_inflated_is_corrupt() {
        let whole = package(MESSAGE.as_bytes());
        let mut wrong_sum = whole.clone();
        *wrong_sum.last_mut().unwrap() ^= 1;
        for corrupt in [
            &wrong_sum[..],
            b"\x78\x00 no header",
            b"\x78\xbb\0\0\0\0 a dictionary",
            b"\x78\x9c\x07 a reserved block type",
            b"\x78\x9c\x01\x01\0\0\0 a stored block whose lengths disagree",
        ] {
            let mut framing = Packages::new(999, 9, Compression::Auto);
            assert_eq!(decode(&mut framing, corrupt), ["Corrupt"], "{corrupt:x?}");
        }
    }

    #[test]
    fn a_package_may_have_the_longest_length_and_not_a_byte_more() {
        for bytes_max in [0, 1, 8, 4095, 4096, 4097, 65_536, 300_000] {
            let longest = "x".repeat(bytes_max);
            let mut framing = Packages::new(bytes_max, 9, Compression::Always);
            let seen = decode(&mut framing, &package(longest.as_bytes()).repeat(2));
            assert_eq!(seen, [&longest, &longest, "0 left"]);
            let longer = package(&[longest.as_bytes(), b"x"].concat());
            assert_eq!(decode(&mut framing, &longer), ["TooLong"], "{bytes_max}");
        }
    }

    #[test]
    fn what_an_earlier_stream_left_room_for_decides_nothing() {
        let mut corrupt = package(&[b'x'; 200]);
        *corrupt.last_mut().unwrap() ^= 1;
        for bytes_max in [1, 150, 9999] {
            let mut earlier = Packages::new(bytes_max, 9, Compression::Always);
            decode(&mut earlier, &package(b"x"));
            let mut framing = Packages::new(180, 9, Compression::Always);
            assert_eq!(decode(&mut framing, &corrupt), ["TooLong"]);
            let mut framing = Packages::new(200, 9, Compression::Always);
            assert_eq!(decode(&mut framing, &corrupt), ["Corrupt"]);
        }
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_the_limit() {
        let bomb = package(&vec![b' '; 32 * 1024 * 1024]);
        let mut framing = Packages::new(100_000, 9, Compression::Always);
        assert_eq!(decode(&mut framing, &bomb), ["TooLong"]);
        let content = &framing.inflater.unwrap().content;
        assert!(content.capacity() <= 100_001, "{}", content.capacity());
    }

    #[test]
    fn empty_blocks_do_not_go_on_for_ever() {
        let mut framing = Packages::new(8000, 9, Compression::Always);
        let ends = [&empty_blocks(2000)[..], b"\x03\0\0\0\0\x01"].concat();
        assert_eq!(decode(&mut framing, &ends), ["", "0 left"]);
        assert_eq!(decode(&mut framing, &empty_blocks(2004)), ["0 left"]);
        assert_eq!(framing.end(b""), None);
        assert_eq!(decode(&mut framing, b"\0\0\0\xff\xff"), ["TooLong"]);
    }

    #[test]
    fn memory_is_held_only_in_the_middle_of_a_package() {
        let mut framing = Packages::new(65_536, 9, Compression::Auto);
        let mut input = package(MESSAGE.as_bytes());
        let (front, back) = input.split_at_mut(10);
        assert_eq!(framing.decode(front), Decoded::Skip { used: 10 });
        assert_eq!(framing.decode(&mut []), Decoded::Incomplete);
        assert!(framing.inflater.is_some());
        assert_eq!(decode(&mut framing, back), ["Compressed", MESSAGE, "0 left"]);
        assert!(framing.inflater.is_none());
        let spare = SPARE.take().unwrap();
        assert!(spare.content.capacity() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn what_is_dropped_half_way_leaves_nothing_behind() {
        let mut framing = Packages::new(100, 9, Compression::Auto);
        framing.decode(&mut package(MESSAGE.as_bytes())[..20]);
        let mut out = Vec::new();
        framing.farewell(Farewell::Stop, &mut out);
        assert_eq!(out, b"");
        drop(framing);
        let mut framing = Packages::new(100, 9, Compression::Always);
        let seen = decode(&mut framing, &package(MESSAGE.as_bytes()));
        assert_eq!(seen, [MESSAGE, "0 left"]);
    }

    #[test]
    fn nothing_of_an_earlier_stream_can_be_reached() {
        let mut framing = Packages::new(65_536, 9, Compression::Always);
        let long = MESSAGE.repeat(900);
        assert_eq!(decode(&mut framing, &package(long.as_bytes())), [&long, "0 left"]);
        // 258 bytes from 32 KiB before the start, and the checksum of as many zeros.
        let reaching = b"\x78\x9c\x1b\xbd\xff\x1f\x00\x01\x02\x00\x01";
        let seen = decode(&mut framing, reaching);
        assert!(seen[0] == "Corrupt" || seen[0] == "\0".repeat(258), "{seen:?}");
    }

    #[test]
    fn what_is_made_inflates_to_what_it_was() {
        let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        for content in [&b""[..], b"{}", MESSAGE.as_bytes(), &vec![b' '; 1_000_000], &noise] {
            let mut out = b"before".to_vec();
            out.extend_from_slice(content);
            frame(&mut out, 6);
            assert_eq!(&out[..7], b"before\x78");
            let mut framing = Packages::new(content.len(), 9, Compression::Always);
            let used = out.len() - 6;
            assert_eq!(framing.decode(&mut out[6..]), Decoded::Frame { frame: content, used });
        }
    }
}
