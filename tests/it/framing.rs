//! The framings over streams of bytes against decoders that are slow and obviously right: these
//! see the whole input at once, keep no state and look at one byte at a time.

use parlance::rpc::framing::{Decoded, Fault, Framing, JsonStream, Lines, Switch};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What a stream held, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Frame(Vec<u8>),
    Binary(Vec<u8>),
    Reply(Vec<u8>, bool),
    Switch(Switch, Vec<u8>),
    Fault(Fault),
}

/// Shows `input` to a framing in the pieces that end at `cuts`, the way a connection does: what is
/// not consumed is shown again with what came after it. Also gives the bytes not consumed at the end.
pub(crate) fn decode(
    framing: &mut impl Framing,
    input: &[u8],
    cuts: &[usize],
) -> (Vec<Item>, usize) {
    let mut items = Vec::new();
    let mut inbox = Vec::new();
    let mut arrived = 0;
    for &cut in cuts.iter().chain([&input.len()]) {
        inbox.extend_from_slice(&input[arrived..cut]);
        arrived = cut;
        loop {
            let shown = inbox.len();
            let (item, used) = match framing.decode(&mut inbox) {
                Decoded::Incomplete => break,
                Decoded::Skip { used } => (None, used),
                Decoded::Frame { frame, used } => (Some(Item::Frame(frame.to_vec())), used),
                Decoded::Binary { frame, used } => (Some(Item::Binary(frame.to_vec())), used),
                Decoded::Reply { reply, used, closes } => {
                    (Some(Item::Reply(reply.to_vec(), closes)), used)
                }
                Decoded::Switch { switch, reply, used } => {
                    (Some(Item::Switch(switch, reply.to_vec())), used)
                }
                Decoded::Fault { fault, used } => (Some(Item::Fault(fault)), used),
            };
            assert!(used <= shown, "consumed {used} of {shown}");
            let ends = match item {
                Some(Item::Fault(fault)) => fault.is_fatal(),
                Some(Item::Reply(_, closes)) => closes,
                _ => false,
            };
            let switches = matches!(item, Some(Item::Switch(..)));
            items.extend(item);
            if ends {
                return (items, inbox.len() + input.len() - arrived);
            }
            assert!(used > 0 || switches, "no progress");
            inbox.drain(..used);
        }
    }
    (items, inbox.len())
}

/// Ascending places to cut an input of `len` bytes at.
pub(crate) fn cuts(indices: &[Index], len: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = indices.iter().map(|index| index.index(len + 1)).collect();
    cuts.sort_unstable();
    cuts
}

const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE", "PRI"];

/// What the first line says, where no more will come: `None` where it may become a request.
fn is_http(input: &[u8], line_bytes_max: usize) -> Option<bool> {
    let requests = METHODS.map(|method| format!("{method} ").into_bytes());
    if !requests.iter().any(|request| input.starts_with(request)) {
        return if requests.iter().any(|request| request.starts_with(input)) {
            None
        } else {
            Some(false)
        };
    }
    let end = input.iter().position(|&byte| byte == b'\n');
    if end.unwrap_or(input.len()) > line_bytes_max.min(8192) {
        return Some(true);
    }
    Some(String::from_utf8_lossy(&input[..end?]).contains(" HTTP/"))
}

fn reference_json(input: &[u8], frame_bytes_max: usize, depth_max: usize) -> (Vec<Item>, usize) {
    let mut items = Vec::new();
    let mut at = 0;
    let mut first_line = true;
    while at < input.len() {
        let rest = &input[at..];
        if b" \t\r\n".contains(&rest[0]) {
            at += 1;
            continue;
        }
        if !b"{[".contains(&rest[0]) {
            match is_http(rest, frame_bytes_max) {
                None if first_line => break,
                Some(true) if first_line => {
                    items.push(Item::Fault(Fault::Http));
                    break;
                }
                _ => {}
            }
            first_line = false;
            items.push(Item::Fault(Fault::Unframed));
            at += rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
            continue;
        }
        first_line = false;
        let (mut depth, mut deepest, mut in_string, mut escaped) = (0, 0, false, false);
        let mut end = None;
        for (place, &byte) in rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
            deepest = deepest.max(depth);
            if depth == 0 {
                end = Some(place + 1);
                break;
            }
        }
        match end {
            Some(end) if end <= frame_bytes_max => {
                items.push(if deepest > depth_max {
                    Item::Fault(Fault::TooDeep)
                } else {
                    Item::Frame(rest[..end].to_vec())
                });
                at += end;
            }
            None if rest.len() < frame_bytes_max => break,
            _ => {
                items.push(Item::Fault(Fault::TooLong));
                break;
            }
        }
    }
    (items, input.len() - at)
}

fn reference_lines(input: &[u8], line_bytes_max: usize) -> (Vec<Item>, usize) {
    let mut items = Vec::new();
    let mut at = 0;
    let mut first_line = true;
    while at < input.len() {
        let rest = &input[at..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let content = line.strip_suffix(b"\r").unwrap_or(line);
        if !content.is_empty() {
            match is_http(rest, line_bytes_max) {
                None if first_line => break,
                Some(true) if first_line => {
                    items.push(Item::Fault(Fault::Http));
                    break;
                }
                _ => first_line = false,
            }
            if content.len() > line_bytes_max {
                items.push(Item::Fault(Fault::TooLong));
                break;
            }
        }
        let Some(end) = end else { break };
        if !content.is_empty() {
            items.push(Item::Frame(content.to_vec()));
        }
        at += end + 1;
    }
    (items, input.len() - at)
}

/// Pieces that streams are made of: dense in what the framings look for.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "a",
        "\"\\\\\"",
        "\"\\\"}\"",
        "{}",
        "[[]]",
        "{\"a\":1}",
        "G",
        "GET ",
        "GET / HTTP/1.1\r\n",
        "PRI * ",
        " HTTP/",
        "POST x\n",
        "\"a string of some length\"",
        "a\\b",
        "1,",
        "é",
    ]);
    prop_oneof![
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..12),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

/// An object or array, not always JSON but always balanced, with white space behind it.
fn balanced() -> impl Strategy<Value = Vec<u8>> {
    let string =
        vec(select(vec!["a", "{", "]", "\\\"", "\\\\", "é", "long enough for a word"]), 0..5)
            .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let leaf =
        prop_oneof![string, select(vec!["1", ":", ",", " ", "\n", "x"]).prop_map(String::from)];
    let nested = leaf.prop_recursive(6, 32, 4, |inner| {
        let brackets = (select(vec!["{", "["]), vec(inner, 0..4), select(vec!["}", "]"]));
        brackets.prop_map(|(open, inner, close)| format!("{open}{}{close}", inner.concat()))
    });
    (nested, select(vec!["", " ", "\r\n", "\t\n"]))
        .prop_map(|(value, space)| format!("[{value}]{space}").into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn json_in_one_piece_is_what_the_reference_says(
        input in stream(),
        frame_bytes_max in 8_usize..80,
        depth_max in 0_u16..6,
    ) {
        let framing = &mut JsonStream::new(frame_bytes_max, depth_max);
        let expected = reference_json(&input, frame_bytes_max, depth_max.into());
        prop_assert_eq!(decode(framing, &input, &[]), expected);
    }

    /// Balanced values alone, cut in places and cut everywhere.
    #[test]
    fn json_is_the_same_however_it_is_cut(
        values in vec(balanced(), 0..8),
        indices in vec(any::<Index>(), 0..12),
        frame_bytes_max in 8_usize..200,
        depth_max in 1_u16..8,
    ) {
        let input = values.concat();
        let expected = reference_json(&input, frame_bytes_max, depth_max.into());
        let fresh = || JsonStream::new(frame_bytes_max, depth_max);
        let some = cuts(&indices, input.len());
        prop_assert_eq!(&decode(&mut fresh(), &input, &some), &expected);
        let all: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&decode(&mut fresh(), &input, &all), &expected);
    }

    /// How much is skipped behind garbage depends on how the bytes come; what stands before it
    /// does not.
    #[test]
    fn json_is_the_same_up_to_garbage_however_it_is_cut(
        input in stream(),
        indices in vec(any::<Index>(), 0..12),
        frame_bytes_max in 8_usize..80,
        depth_max in 1_u16..6,
    ) {
        let up_to_garbage = |mut items: Vec<Item>| {
            let garbage = items.iter().position(|item| *item == Item::Fault(Fault::Unframed));
            items.truncate(garbage.map_or(items.len(), |at| at + 1));
            items
        };
        let expected = up_to_garbage(reference_json(&input, frame_bytes_max, depth_max.into()).0);
        let some = cuts(&indices, input.len());
        let (items, _) = decode(&mut JsonStream::new(frame_bytes_max, depth_max), &input, &some);
        prop_assert_eq!(up_to_garbage(items), expected);
    }

    /// An HTTP request is found, and nothing that it carries is served, however it is cut.
    #[test]
    fn http_is_the_same_however_it_is_cut(
        space in select(vec!["", "\r\n", " \n\n"]),
        method in select(METHODS.to_vec()),
        path in "[ -~]{0,40}",
        indices in vec(any::<Index>(), 0..12),
    ) {
        let input = format!("{space}{method} {path} HTTP/1.1\r\nA: b\r\n\r\n[1]\n[2]\n");
        let some = cuts(&indices, input.len());
        let http = vec![Item::Fault(Fault::Http)];
        prop_assert_eq!(decode(&mut JsonStream::new(999, 9), input.as_bytes(), &some).0, http.clone());
        let input = input.trim_start_matches(' ');
        let some = cuts(&indices, input.len());
        prop_assert_eq!(decode(&mut Lines::new(999), input.as_bytes(), &some).0, http);
    }

    #[test]
    fn json_goes_on_behind_garbage(
        garbage in "[^{\\[ \t\r\nA-Z][^\n]{0,60}",
        before in vec(balanced(), 0..3),
        value in balanced(),
    ) {
        let input = [before.concat(), garbage.into_bytes(), b"\n".to_vec(), value.clone()].concat();
        let (items, left) = decode(&mut JsonStream::new(9999, 99), &input, &[]);
        let n = before.len();
        prop_assert_eq!(&items[n], &Item::Fault(Fault::Unframed));
        prop_assert_eq!(&items[n + 1], &Item::Frame(value.trim_ascii_end().to_vec()));
        prop_assert_eq!((items.len(), left), (n + 2, 0));
    }

    /// Cut anywhere, and with garbage in it: `decode` holds the contract of the seam.
    #[test]
    fn any_bytes_keep_the_contract(
        input in prop_oneof![stream(), vec(any::<u8>(), 0..300)],
        indices in vec(any::<Index>(), 0..20),
        max in 0_usize..80,
    ) {
        let some = cuts(&indices, input.len());
        let (_, left) = decode(&mut JsonStream::new(max, 3), &input, &some);
        prop_assert!(left <= input.len());
        let (_, left) = decode(&mut Lines::new(max), &input, &some);
        prop_assert!(left <= input.len());
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut(
        input in stream(),
        indices in vec(any::<Index>(), 0..12),
        line_bytes_max in 8_usize..80,
    ) {
        let expected = reference_lines(&input, line_bytes_max);
        let fresh = || Lines::new(line_bytes_max);
        prop_assert_eq!(&decode(&mut fresh(), &input, &[]), &expected);
        let some = cuts(&indices, input.len());
        prop_assert_eq!(&decode(&mut fresh(), &input, &some), &expected);
        let all: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&decode(&mut fresh(), &input, &all), &expected);
    }
}

#[test]
fn white_space_between_values_has_no_limit() {
    let input = [b"[1]".to_vec(), b" \r\n\t".repeat(1000), b"[2]".to_vec()].concat();
    let frames = ["[1]", "[2]"].map(|frame| Item::Frame(frame.into()));
    for cuts in [vec![], (0..input.len()).collect::<Vec<_>>()] {
        let (items, left) = decode(&mut JsonStream::new(3, 1), &input, &cuts);
        assert_eq!((&items[..], left), (&frames[..], 0));
    }
}

#[test]
fn a_line_may_have_the_longest_length_and_not_a_byte_more() {
    let lines = |input: &[u8]| decode(&mut Lines::new(4), input, &[]);
    let frame = |text: &str| Item::Frame(text.into());
    assert_eq!(
        lines(b"1234\n1234\r\n\r\r\n"),
        (vec![frame("1234"), frame("1234"), frame("\r")], 0)
    );
    assert_eq!(lines(b"1234\r"), (vec![], 5));
    assert_eq!(lines(b"12345"), (vec![Item::Fault(Fault::TooLong)], 5));
    assert_eq!(lines(b"1234\r\r\n").0, [Item::Fault(Fault::TooLong)]);
    assert_eq!(lines(b"\n\r\n12345\n").0, [Item::Fault(Fault::TooLong)]);
}

#[test]
fn a_fatal_fault_is_repeated() {
    fn assert_repeated(framing: &mut impl Framing, input: &str, fault: Fault) {
        for _ in 0..3 {
            let mut input = input.as_bytes().to_vec();
            assert_eq!(framing.decode(&mut input), Decoded::Fault { fault, used: 0 });
        }
    }
    assert_repeated(&mut JsonStream::new(8, 9), "[\"123456\"]", Fault::TooLong);
    assert_repeated(&mut Lines::new(8), "[\"123456\"]", Fault::TooLong);
    assert_repeated(&mut JsonStream::new(99, 9), "GET / HTTP/1.1\n", Fault::Http);
    assert_repeated(&mut Lines::new(99), "GET / HTTP/1.1\n", Fault::Http);
}
