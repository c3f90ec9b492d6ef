//! What the door serves to a browser: the client of `src/web`, as it was when the program was
//! compiled, and `/healthz`.
//!
//! Nothing is read from the disk and nothing depends on the request. The files have tags of their
//! content: a browser asks each time whether what it has still counts, and mostly is told so in one
//! line, so a daemon that was updated is never met with the client of yesterday.

use std::borrow::Cow;

use crate::rpc::framing::websocket::Page;

/// What the document may do: run and show what comes from here, connect to here, and nothing else.
/// `'self'` holds for WebSockets of the same host and port (CSP 3). Trusted types are all
/// forbidden, so that no text can become markup or script even by mistake.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the client, with the header fields that all have and `more`.
macro_rules! file {
    ($name:literal, $content_type:expr $(, $more:expr)*) => {{
        const BODY: &[u8] = include_bytes!(concat!("../../../web/", $name));
        const TAG: [u8; TAG_BYTES] = tag(BODY);
        Page {
            content_type: $content_type,
            headers: &[
                ("Cache-Control", "no-cache"),
                ("ETag", text(&TAG)),
                ("Referrer-Policy", "no-referrer"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                $($more),*
            ],
            body: Cow::Borrowed(BODY),
        }
    }};
}

/// Every page and its path.
static PAGES: [(&str, Page); 23] = [
    (
        "/",
        file!(
            "index.html",
            HTML,
            ("Content-Security-Policy", POLICY),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        ),
    ),
    ("/style.css", file!("style.css", CSS)),
    ("/pages.css", file!("pages.css", CSS)),
    ("/chat.css", file!("chat.css", CSS)),
    ("/entry.css", file!("entry.css", CSS)),
    ("/app.js", file!("app.js", SCRIPT)),
    ("/chat.js", file!("chat.js", SCRIPT)),
    ("/composer.js", file!("composer.js", SCRIPT)),
    ("/connection.js", file!("connection.js", SCRIPT)),
    ("/dom.js", file!("dom.js", SCRIPT)),
    ("/entry.js", file!("entry.js", SCRIPT)),
    ("/lobby.js", file!("lobby.js", SCRIPT)),
    ("/log.js", file!("log.js", SCRIPT)),
    ("/members.js", file!("members.js", SCRIPT)),
    ("/memory.js", file!("memory.js", SCRIPT)),
    ("/room.js", file!("room.js", SCRIPT)),
    ("/session.js", file!("session.js", SCRIPT)),
    ("/text.js", file!("text.js", SCRIPT)),
    ("/timeline.js", file!("timeline.js", SCRIPT)),
    ("/welcome.js", file!("welcome.js", SCRIPT)),
    ("/icon.svg", file!("icon.svg", SVG)),
    // Browsers that do not take the icon that the document names ask for this one.
    ("/favicon.ico", file!("icon.svg", SVG)),
    (
        "/healthz",
        Page {
            content_type: "text/plain; charset=utf-8",
            headers: &[("Cache-Control", "no-store")],
            body: Cow::Borrowed(b"ok\n"),
        },
    ),
];

/// The page at a path.
pub(super) fn page(path: &str) -> Option<Page> {
    PAGES.iter().find(|(known, _)| *known == path).map(|(_, page)| page.clone())
}

// ---- tags --------------------------------------------------------------------------------------

/// A tag's length: sixteen hexadecimal digits between quotation marks.
const TAG_BYTES: usize = 18;

/// The tag of a content, made while compiling: FNV-1a of 64 bits. It tells versions of one file
/// apart, which nobody else makes; it need not withstand anyone.
const fn tag(content: &[u8]) -> [u8; TAG_BYTES] {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < content.len() {
        hash = (hash ^ content[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    let mut tag = [b'"'; TAG_BYTES];
    let mut digit = 1;
    while digit < TAG_BYTES - 1 {
        tag[digit] = b"0123456789abcdef"[(hash >> 60) as usize];
        hash <<= 4;
        digit += 1;
    }
    tag
}

const fn text(tag: &'static [u8]) -> &'static str {
    match std::str::from_utf8(tag) {
        Ok(tag) => tag,
        Err(_) => "\"\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_content() {
        // From the algorithm's published test vectors.
        assert_eq!(text(&const { tag(b"") }), "\"cbf29ce484222325\"");
        assert_eq!(text(&const { tag(b"foobar") }), "\"85944171f73967e8\"");
    }

    #[test]
    fn every_file_of_the_client_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web");
        let mut files = 0;
        for entry in std::fs::read_dir(folder).expect("the client's folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a plain name");
            let path = if name == "index.html" { String::new() } else { name };
            let page = page(&format!("/{path}")).unwrap_or_else(|| panic!("{path} is not served"));
            assert_eq!(page.body, std::fs::read(entry.path()).expect("a file"), "{path}");
            files += 1;
        }
        // All but the second name of the icon, and what is no file.
        assert_eq!(files, PAGES.len() - 2);
        assert_eq!(page("/nothing"), None);
    }
}
