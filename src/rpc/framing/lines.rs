//! Lines, ended by a newline.
//!
//! This does not look into a line: what it holds, and whether that is text, is for the envelope to
//! find out.

use super::{Decoded, Fault, FirstLine, Framing, HttpGuard, scan};

/// Cuts a stream into lines.
///
/// - A line ends in `\n`; a `\r` before it is removed.
/// - Empty lines are skipped.
/// - A line that is too long is [`Fault::TooLong`], as soon as that is certain.
/// - A first line that is an HTTP request is [`Fault::Http`]: see [`HttpGuard`].
///
/// A fatal fault consumes nothing and is repeated if one asks again.
///
/// ```
/// use parlance::rpc::framing::{Decoded, Framing, Lines};
///
/// let mut framing = Lines::new(64 * 1024);
/// let mut input = *b"one\r\ntw";
/// assert_eq!(framing.decode(&mut input), Decoded::Frame { frame: b"one", used: 5 });
/// assert_eq!(framing.decode(&mut input[5..]), Decoded::Incomplete);
/// ```
#[derive(Debug, Clone)]
pub struct Lines {
    line_bytes_max: u32,
    /// Bytes of the current line that hold no newline.
    scanned: u32,
    guard: HttpGuard,
}

impl Lines {
    /// A framing for one connection. A line has at most `line_bytes_max` bytes (above 4 GiB the
    /// limit is 4 GiB), without its `\n` or `\r\n`.
    pub fn new(line_bytes_max: usize) -> Self {
        // Two less, so that a limit and a line end always fit.
        let line_bytes_max = u32::try_from(line_bytes_max).unwrap_or(u32::MAX).min(u32::MAX - 2);
        Lines { line_bytes_max, scanned: 0, guard: HttpGuard::new() }
    }

    /// The line at the start of `input`, if it ends there.
    fn line<'a>(&mut self, input: &'a [u8]) -> Decoded<'a> {
        let line_bytes_max = self.line_bytes_max as usize;
        let too_long = Decoded::Fault { fault: Fault::TooLong, used: 0 };
        let at_hand = &input[..input.len().min(line_bytes_max + 2)];
        let Some(end) = scan::newline(at_hand, self.scanned as usize) else {
            // Lossless: the limit and a line end fit.
            self.scanned = at_hand.len() as u32;
            // A `\r` at the very end may yet turn out to be none of the line's.
            return if without_return(at_hand).len() > line_bytes_max {
                too_long
            } else {
                Decoded::Incomplete
            };
        };
        let frame = without_return(&input[..end]);
        if frame.len() > line_bytes_max {
            return too_long;
        }
        self.scanned = 0;
        Decoded::Frame { frame, used: end + 1 }
    }
}

impl Framing for Lines {
    fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Decoded<'a> {
        let input: &[u8] = input;
        let empty = empty_lines(input);
        if empty > 0 {
            self.scanned = 0;
            return Decoded::Skip { used: empty };
        }
        if self.guard.is_watching() && !matches!(input, [] | [b'\r']) {
            match self.guard.judge(input, self.line_bytes_max as usize) {
                FirstLine::Undecided => return Decoded::Incomplete,
                FirstLine::Http => {
                    return Decoded::Fault { fault: Fault::Http, used: 0 };
                }
                FirstLine::Other => {}
            }
        }
        self.line(input)
    }
}

/// How many bytes of empty lines `input` begins with.
fn empty_lines(input: &[u8]) -> usize {
    let mut rest = input;
    while let [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] = rest {
        rest = after;
    }
    input.len() - rest.len()
}

/// `line` without the `\r` that it may end in.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dripping_line_is_never_looked_at_again() {
        let mut line = b"0123456789abcde\r".repeat(4096);
        line.push(b'\n');
        let whole = line.clone();
        let mut framing = Lines::new(line.len());
        for end in 1..line.len() {
            assert_eq!(framing.decode(&mut line[..end]), Decoded::Incomplete);
            assert_eq!(framing.scanned as usize, end);
        }
        let frame = &whole[..whole.len() - 2];
        assert_eq!(framing.decode(&mut line), Decoded::Frame { frame, used: whole.len() });
        assert_eq!(framing.scanned, 0);
    }
}
