//! JSON objects and arrays back to back, with nothing that delimits them.
//!
//! Where a value ends is found by counting brackets outside strings, whatever their kind. This is
//! not a parser: a value that is balanced is a frame, and whether it is JSON is for the envelope
//! to find out. No byte is looked at twice, however the bytes arrive: a value that drips in costs
//! what it costs in one piece.

use super::{Decoded, Fault, FirstLine, Framing, HttpGuard, scan};

/// Cuts a stream into JSON objects and arrays.
///
/// - White space between values is skipped, without limit.
/// - What can begin neither an object nor an array is [`Fault::Unframed`], up to and with the next
///   newline, or all that is at hand.
/// - A value that is nested too deep is [`Fault::TooDeep`], once its end is known, and is skipped.
/// - A value that is too long is [`Fault::TooLong`], as soon as that is certain.
/// - A first line that is an HTTP request is [`Fault::Http`]: see [`HttpGuard`].
///
/// A fatal fault consumes nothing and is repeated if one asks again.
///
/// ```
/// use parlance::rpc::framing::{Decoded, Framing, JsonStream};
///
/// let mut framing = JsonStream::new(64 * 1024, 64);
/// let mut input = *br#"{"method":"ping"}{"met"#;
/// let frame = &br#"{"method":"ping"}"#[..];
/// assert_eq!(framing.decode(&mut input), Decoded::Frame { frame, used: 17 });
/// assert_eq!(framing.decode(&mut input[17..]), Decoded::Incomplete);
/// ```
#[derive(Debug, Clone)]
pub struct JsonStream {
    frame_bytes_max: u32,
    /// Bytes of the current value that have been looked at; 0 between values.
    scanned: u32,
    /// Brackets of the current value that are open.
    depth: u32,
    depth_max: u16,
    /// Whether the current value was once deeper than `depth_max`.
    too_deep: bool,
    /// Whether `scanned` stands inside a string.
    in_string: bool,
    guard: HttpGuard,
}

impl JsonStream {
    /// A framing for one connection. A value has at most `frame_bytes_max` bytes (above 4 GiB the
    /// limit is 4 GiB) and `depth_max` levels, of which the outermost is the first.
    pub fn new(frame_bytes_max: usize, depth_max: u16) -> Self {
        JsonStream {
            frame_bytes_max: u32::try_from(frame_bytes_max).unwrap_or(u32::MAX),
            scanned: 0,
            depth: 0,
            depth_max,
            too_deep: false,
            in_string: false,
            guard: HttpGuard::new(),
        }
    }

    /// Whether no value has begun that has not ended.
    #[cfg(feature = "zlib")]
    pub(super) fn is_between_values(&self) -> bool {
        self.scanned == 0
    }

    /// Takes note that the stream has begun with what is no HTTP request.
    #[cfg(feature = "zlib")]
    pub(super) fn pass_guard(&mut self) {
        self.guard.pass();
    }

    /// Goes on through the current value, which is all that `bytes` may hold of it. Says where it
    /// ends, or remembers how far it got.
    fn value_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let depth_max = u32::from(self.depth_max);
        let mut at = self.scanned as usize;
        let mut depth = self.depth;
        let mut in_string = self.in_string;
        'strings: loop {
            if in_string {
                match scan::string_end(bytes, at) {
                    Ok(end) => at = end,
                    Err(end) => {
                        at = end;
                        break;
                    }
                }
                in_string = false;
            }
            while let Some(&byte) = bytes.get(at) {
                at += 1;
                match byte {
                    b'"' => {
                        in_string = true;
                        continue 'strings;
                    }
                    b'{' | b'[' => {
                        depth += 1;
                        self.too_deep |= depth > depth_max;
                    }
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at);
                        }
                    }
                    _ => {}
                }
            }
            break;
        }
        // Lossless: `bytes` are at most `frame_bytes_max`.
        self.scanned = at as u32;
        self.depth = depth;
        self.in_string = in_string;
        None
    }

    /// Begins or goes on with the value at the start of `input`.
    fn value<'a>(&mut self, input: &'a [u8]) -> Decoded<'a> {
        let frame_bytes_max = self.frame_bytes_max as usize;
        let at_hand = &input[..input.len().min(frame_bytes_max)];
        let Some(used) = self.value_end(at_hand) else {
            // It is not over where the longest value would be.
            return if at_hand.len() == frame_bytes_max {
                Decoded::Fault { fault: Fault::TooLong, used: 0 }
            } else {
                Decoded::Incomplete
            };
        };
        self.scanned = 0;
        self.depth = 0;
        self.in_string = false;
        if std::mem::take(&mut self.too_deep) {
            return Decoded::Fault { fault: Fault::TooDeep, used };
        }
        Decoded::Frame { frame: &input[..used], used }
    }

    /// Judges bytes that begin no value.
    #[cold]
    fn unframed<'a>(&mut self, input: &[u8]) -> Decoded<'a> {
        match self.guard.judge(input, self.frame_bytes_max as usize) {
            FirstLine::Undecided => Decoded::Incomplete,
            FirstLine::Http => Decoded::Fault { fault: Fault::Http, used: 0 },
            FirstLine::Other => {
                let used = scan::newline(input, 0).map_or(input.len(), |end| end + 1);
                Decoded::Fault { fault: Fault::Unframed, used }
            }
        }
    }
}

impl Framing for JsonStream {
    fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a> {
        let input: &[u8] = input;
        if self.scanned > 0 {
            return self.value(input);
        }
        match input.first() {
            Some(b'{' | b'[') => {
                self.guard.pass();
                self.value(input)
            }
            Some(b' ' | b'\t' | b'\r' | b'\n') => Decoded::Skip { used: white_space(input) },
            Some(_) => self.unframed(input),
            None => Decoded::Incomplete,
        }
    }

    /// What was waited for because it might have become an HTTP request begins no value.
    fn end(&mut self, rest: &[u8]) -> Option<Fault> {
        (self.scanned == 0 && !rest.is_empty()).then_some(Fault::Unframed)
    }
}

/// How many bytes of JSON white space `input` begins with.
fn white_space(input: &[u8]) -> usize {
    let end = input.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    end.unwrap_or(input.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(framing: &mut JsonStream, input: &[u8]) -> Vec<String> {
        let mut input = input.to_vec();
        let mut at = 0;
        let mut seen = Vec::new();
        loop {
            let used = match framing.decode(&mut input[at..]) {
                Decoded::Frame { frame, used } => {
                    seen.push(String::from_utf8_lossy(frame).into_owned());
                    used
                }
                Decoded::Skip { used } => used,
                Decoded::Incomplete => {
                    seen.push(format!("{} left", input.len() - at));
                    return seen;
                }
                Decoded::Fault { fault, used } => {
                    seen.push(format!("{fault:?}"));
                    if fault.is_fatal() {
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
        assert!(size_of::<JsonStream>() <= 24);
    }

    #[test]
    fn values_need_nothing_between_them() {
        let seen = decode(&mut JsonStream::new(100, 9), br#"{}[{"a}":"\"]"}] {"b":"\\"}[1"#);
        assert_eq!(seen, ["{}", r#"[{"a}":"\"]"}]"#, r#"{"b":"\\"}"#, "2 left"]);
    }

    #[test]
    fn brackets_are_counted_whatever_their_kind() {
        let seen = decode(&mut JsonStream::new(100, 9), b"{]{[)}}\n[}");
        assert_eq!(seen, ["{]", "{[)}}", "[}", "0 left"]);
    }

    #[test]
    fn what_begins_no_value_is_skipped_to_the_next_line() {
        let seen = decode(&mut JsonStream::new(100, 9), b"{}1 {}\n{}}{}\r\n {} \"x");
        assert_eq!(seen, ["{}", "Unframed", "{}", "Unframed", "{}", "Unframed", "0 left"]);
    }

    #[test]
    fn the_newline_behind_garbage_goes_with_it() {
        let unframed = |used| Decoded::Fault { fault: Fault::Unframed, used };
        let mut two_lines = *b"oops {}\n{}";
        let mut framing = JsonStream::new(100, 9);
        assert_eq!(framing.decode(&mut two_lines), unframed(8));
        assert_eq!(framing.decode(&mut two_lines[..7]), unframed(7));
    }

    #[test]
    fn a_value_that_is_too_deep_is_skipped_whole() {
        let seen = decode(&mut JsonStream::new(100, 2), b"[[1]][[{},[[]]]][[2]]");
        assert_eq!(seen, ["[[1]]", "TooDeep", "[[2]]", "0 left"]);
        assert_eq!(decode(&mut JsonStream::new(100, 0), b"[]"), ["TooDeep", "0 left"]);
    }

    #[test]
    fn a_value_may_have_the_longest_length_and_not_a_byte_more() {
        assert_eq!(
            decode(&mut JsonStream::new(8, 9), b"[\"1234\"][]"),
            ["[\"1234\"]", "[]", "0 left"]
        );
        assert_eq!(decode(&mut JsonStream::new(8, 9), b"[\"123456"), ["TooLong"]);
        assert_eq!(decode(&mut JsonStream::new(8, 9), b"[\"12345"), ["7 left"]);
        assert_eq!(decode(&mut JsonStream::new(8, 9), b"[\"12345\\\"]"), ["TooLong"]);
        assert_eq!(decode(&mut JsonStream::new(8, 9), b"         []"), ["[]", "0 left"]);
    }

    #[test]
    fn an_http_request_is_told_from_garbage() {
        let http = b"\r\n  POST / HTTP/1.1\r\nHost: a\r\n\r\n{}";
        assert_eq!(decode(&mut JsonStream::new(100, 9), http), ["Http"]);
        let garbage = b"GET on with it\n{}GET / HTTP/1.1\n[]";
        let seen = decode(&mut JsonStream::new(100, 9), garbage);
        assert_eq!(seen, ["Unframed", "{}", "Unframed", "[]", "0 left"]);
        assert_eq!(decode(&mut JsonStream::new(100, 9), b"G"), ["1 left"]);
        assert_eq!(decode(&mut JsonStream::new(100, 9), b"hello"), ["Unframed", "0 left"]);
        assert_eq!(decode(&mut JsonStream::new(4, 9), b"GET /"), ["Http"]);
    }

    #[test]
    fn at_the_end_of_input_garbage_is_told_from_what_broke_off() {
        for (input, fault) in
            [(&b"G"[..], Some(Fault::Unframed)), (b"{\"a\"", None), (b"{}", None), (b"", None)]
        {
            let mut framing = JsonStream::new(100, 9);
            let left = decode(&mut framing, input).pop().unwrap_or_default();
            let left: usize = left.trim_end_matches(" left").parse().unwrap();
            assert_eq!(framing.end(&input[input.len() - left..]), fault, "{input:?}");
        }
    }

    #[test]
    fn a_dripping_value_is_never_looked_at_again() {
        let mut value = br#"{"text":""#.to_vec();
        value.extend(r#"\"}]\\ü"#.repeat(6000).as_bytes());
        value.extend(br#"","more":[1,2,{"a":[]}]}"#);
        let mut framing = JsonStream::new(64 * 1024, 64);
        let mut scanned = 0;
        for end in 1..value.len() {
            assert_eq!(framing.decode(&mut value[..end]), Decoded::Incomplete);
            // All but a backslash at the very end, which waits for the byte that it takes along.
            let open = framing.in_string && value[framing.scanned as usize..end] == *b"\\";
            assert_eq!(framing.scanned as usize + usize::from(open), end);
            assert!(framing.scanned >= scanned);
            scanned = framing.scanned;
        }
        let whole = value.clone();
        let frame = Decoded::Frame { frame: &whole, used: whole.len() };
        assert_eq!(framing.decode(&mut value), frame);
    }
}
