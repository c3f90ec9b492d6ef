//! What a peer offers in `Sec-WebSocket-Extensions` (RFC 6455, 9.1; RFC 7692, 7.1), and what of it
//! is taken: permessage-deflate without context takeover.
//!
//! Offers of other extensions are passed over.

/// What is answered for the offer that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Both sides forget what they compressed before.
    Plain,
    /// Besides, the peer wanted to hear how large a window it is sent: the full one.
    Window15,
}

impl Taken {
    /// The answer's `Sec-WebSocket-Extensions`.
    pub(super) fn answer(self) -> &'static str {
        match self {
            Taken::Plain => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            }
            Taken::Window15 => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=15"
            }
        }
    }
}

/// The field is not what RFC 6455, 9.1, says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes the first offer in a header field's value that can be taken.
pub(super) fn take(value: &str) -> Result<Option<Taken>, Malformed> {
    let mut text = Text(value);
    let mut taken = None;
    loop {
        // Empty elements of a list are passed over (RFC 9110, 5.6.1.2).
        while text.skip(',') {}
        if text.is_empty() {
            return Ok(taken);
        }
        let name = text.token()?;
        let mut offer = Offer { declined: name != "permessage-deflate", ..Offer::default() };
        while text.skip(';') {
            let name = text.token()?;
            let value = if text.skip('=') { Some(text.value()?) } else { None };
            offer.parameter(name, value.as_deref());
        }
        if !text.is_empty() && !text.skip(',') {
            return Err(Malformed);
        }
        taken = taken.or(offer.taken());
    }
}

/// One offer, parameter by parameter.
#[derive(Default)]
struct Offer {
    declined: bool,
    /// Which parameters were there: none may be twice.
    seen: [bool; 4],
    window_15: bool,
}

impl Offer {
    fn parameter(&mut self, name: &str, value: Option<&str>) {
        let (place, is_taken) = match name {
            "server_no_context_takeover" => (0, value.is_none()),
            "client_no_context_takeover" => (1, value.is_none()),
            // A smaller window than the full one is not to be had.
            "server_max_window_bits" => (2, value == Some("15")),
            // A hint, which needs no answer: the full window is always taken.
            "client_max_window_bits" => (3, value.is_none_or(is_window)),
            _ => return self.declined = true,
        };
        let is_again = std::mem::replace(&mut self.seen[place], true);
        self.declined |= is_again || !is_taken;
        self.window_15 |= place == 2;
    }

    fn taken(self) -> Option<Taken> {
        match self {
            Offer { declined: true, .. } => None,
            Offer { window_15: true, .. } => Some(Taken::Window15),
            Offer { .. } => Some(Taken::Plain),
        }
    }
}

/// Whether it is a window's size: 8 to 15, without leading zeros.
fn is_window(value: &str) -> bool {
    !value.starts_with(['0', '+']) && value.parse().is_ok_and(|bits: u8| (8..=15).contains(&bits))
}

/// What is left of a field's value. White space in front of what is looked for is passed over.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn trim(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn is_empty(&mut self) -> bool {
        self.trim();
        self.0.is_empty()
    }

    fn skip(&mut self, sign: char) -> bool {
        self.trim();
        let rest = self.0.strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        self.trim();
        let end = self.0.find(|sign| !is_token(sign)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    /// A token, or one in quotes, where a backslash takes the next character as it is.
    fn value(&mut self) -> Result<String, Malformed> {
        if !self.skip('"') {
            return self.token().map(str::to_owned);
        }
        let mut value = String::new();
        let mut signs = self.0.chars();
        loop {
            match signs.next() {
                Some('"') => break,
                Some('\\') => value.push(signs.next().ok_or(Malformed)?),
                Some(sign) => value.push(sign),
                None => return Err(Malformed),
            }
        }
        self.0 = signs.as_str();
        if value.is_empty() || !value.chars().all(is_token) { Err(Malformed) } else { Ok(value) }
    }
}

/// Whether it may stand in a token (RFC 9110, 5.6.2).
fn is_token(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(sign)
}
