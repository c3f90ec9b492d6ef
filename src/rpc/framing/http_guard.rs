//! Tells an HTTP request from what belongs on a plain TCP door.
//!
//! A web page can make its reader's browser post any body to any port, and a server that skips
//! what it does not understand would reach that body and obey it. What a page cannot do is choose
//! the first line, so that one is looked at: if it is a request line, the connection closes.
//!
//! This does not parse HTTP: it knows the methods and the ` HTTP/` that ends a request line.

use super::scan;

/// What a request line begins with: the methods of RFC 9110 and RFC 5789, and what stands in
/// their place in the preface of RFC 9113.
const METHODS: [&[u8]; 10] = [
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"PRI ",
];

/// The longest line that is waited for, in bytes without its newline.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// [`HttpGuard::looked`] once the first line is known to be no request.
const PASSED: u16 = u16::MAX;

/// Watches the first line of one connection.
#[derive(Debug, Clone)]
pub struct HttpGuard {
    /// Bytes of the first line that hold no newline, or [`PASSED`].
    looked: u16,
}

/// What the first line of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstLine {
    /// It may become a request; the bytes at hand do not tell. Show them again with more.
    Undecided,
    /// No request. From now on this is the answer for anything.
    Other,
    /// A request, or a line that begins like one and is too long to be waited for.
    Http,
}

impl HttpGuard {
    /// A guard for a connection of which nothing has been read.
    pub fn new() -> Self {
        HttpGuard { looked: 0 }
    }

    /// Whether the first line is still to be judged.
    #[inline]
    pub fn is_watching(&self) -> bool {
        self.looked != PASSED
    }

    /// Stops watching: what the connection began with cannot be a request line.
    #[inline]
    pub fn pass(&mut self) {
        self.looked = PASSED;
    }

    /// Judges the line that `input` begins with. White space that the framing skips before the
    /// first line is not to be shown, so that it does not hide a request (RFC 9112, 2.2 lets
    /// servers skip it).
    ///
    /// `line_bytes_max` is the framing's own limit: a line that begins like a request and is
    /// longer than that, or than 8 KiB, is taken for one.
    pub fn judge(&mut self, input: &[u8], line_bytes_max: usize) -> FirstLine {
        if !self.is_watching() {
            return FirstLine::Other;
        }
        if !METHODS.iter().any(|method| input.starts_with(method)) {
            if METHODS.iter().any(|method| method.starts_with(input)) {
                return FirstLine::Undecided;
            }
            self.pass();
            return FirstLine::Other;
        }
        let line_bytes_max = line_bytes_max.min(LINE_BYTES_MAX);
        let at_hand = &input[..input.len().min(line_bytes_max + 1)];
        match scan::newline(at_hand, usize::from(self.looked)) {
            Some(end) if at_hand[..end].windows(6).any(|part| part == b" HTTP/") => FirstLine::Http,
            Some(_) => {
                self.pass();
                FirstLine::Other
            }
            None if at_hand.len() > line_bytes_max => FirstLine::Http,
            None => {
                // Lossless: a line that is waited for has at most `LINE_BYTES_MAX` bytes.
                self.looked = at_hand.len() as u16;
                FirstLine::Undecided
            }
        }
    }
}

impl Default for HttpGuard {
    fn default() -> Self {
        HttpGuard::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the guard says once the whole of `input` has been shown, a byte more each time.
    fn judge(input: &[u8]) -> FirstLine {
        let mut guard = HttpGuard::new();
        for end in 0..input.len() {
            match guard.judge(&input[..end], usize::MAX) {
                FirstLine::Undecided => {}
                decided => return decided,
            }
        }
        let said = guard.judge(input, usize::MAX);
        assert_eq!(HttpGuard::new().judge(input, usize::MAX), said);
        said
    }

    #[test]
    fn request_lines_are_known() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "POST /chat?x=1 HTTP/1.0\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n",
            "PRI * HTTP/2.0\r\n",
        ] {
            assert_eq!(judge(line.as_bytes()), FirstLine::Http, "{line:?}");
        }
    }

    #[test]
    fn other_lines_pass() {
        for line in ["hello", "G\n", "GET\n", "GET /\n", "get / HTTP/1.1\n", "GETTING on HTTP/\n"] {
            assert_eq!(judge(line.as_bytes()), FirstLine::Other, "{line:?}");
        }
    }

    #[test]
    fn what_may_become_a_request_is_waited_for() {
        for line in ["", "G", "P", "CONNECT", "GET ", "GET / HTTP/1.1\r"] {
            assert_eq!(judge(line.as_bytes()), FirstLine::Undecided, "{line:?}");
        }
    }

    #[test]
    fn a_line_over_the_limit_is_taken_for_a_request() {
        let mut line = b"GET /".to_vec();
        line.resize(LINE_BYTES_MAX, b'x');
        assert_eq!(judge(&line), FirstLine::Undecided);
        line.push(b'\n');
        assert_eq!(judge(&line), FirstLine::Other);
        line.insert(5, b'x');
        assert_eq!(judge(&line), FirstLine::Http);
        assert_eq!(HttpGuard::new().judge(b"GET /abc\n", 7), FirstLine::Http);
        assert_eq!(HttpGuard::new().judge(b"GET /abc\n", 8), FirstLine::Other);
    }

    #[test]
    fn only_the_first_line_counts() {
        let mut guard = HttpGuard::new();
        assert_eq!(guard.judge(b"hello\n", 100), FirstLine::Other);
        assert_eq!(guard.judge(b"GET / HTTP/1.1\n", 100), FirstLine::Other);
    }
}
