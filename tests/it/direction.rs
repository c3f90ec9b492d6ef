//! Who may name whom: the transport knows nothing of chat, the chat's core nothing of transport,
//! sockets, clocks or wire JSON, the client nothing of the server but the transport, the client in
//! a terminal not even that, the store neither of the two, but that the transcript takes down the
//! chat's events, and no dialect another. Read from the sources, comments and texts left out.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn sources_name_only_what_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let below = |part: &str| files.iter().filter(|path| path.starts_with(root.join(part))).count();
    assert!(below("rpc") > 0 && below("chat") > 0, "the sources are not where they were");
    let mut faults = Vec::new();
    for path in &files {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let found = faults_of(&name, &fs::read_to_string(path).unwrap());
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The paths a file names although its place among the sources forbids it.
fn faults_of(file: &str, source: &str) -> Vec<String> {
    let forbidden: fn(&[String]) -> bool = if is_in(file, "rpc") {
        |path| names_own(path, &["chat", "config", "daemon"])
    } else if is_in(file, "chat") && !is_in(file, "chat/dialect") {
        |path| {
            names_own(path, &["rpc"])
                || ["mio", "serde_json"].contains(&&*path[0])
                || (path[0] == "std" && path.get(1).is_some_and(|part| part == "net"))
                || path.iter().any(|part| part == "SystemTime" || part == "Instant")
        }
    } else if is_in(file, "terminal") {
        |path| names_own(path, &["chat", "config", "daemon", "rpc", "store"]) || path[0] == "mio"
    } else if is_in(file, "client") && !is_in(file, "client/talk/tests") {
        |path| names_own(path, &["chat", "config", "daemon", "store"])
    } else if is_in(file, "store/transcript") {
        |path| names_own(path, &["config", "daemon", "rpc"]) || path[0] == "mio"
    } else if is_in(file, "store") {
        |path| names_own(path, &["chat", "config", "daemon", "rpc"]) || path[0] == "mio"
    } else {
        |_| false
    };
    let paths = paths(&tokens(source)).into_iter();
    let faults = paths.filter(|path| forbidden(path) || names_another_dialect(file, path));
    faults.map(|path| path.join("::")).collect()
}

const DIALECTS: [&str; 6] = ["jsonrpc", "websocket", "accounts", "chatmaster", "ndjson", "udp"];

/// Whether a file of one dialect, or of what all share, names another: `mod.rs`, with the table of
/// forms, is the one place that knows them all.
fn names_another_dialect(file: &str, path: &[String]) -> bool {
    let Some(file) = file.strip_prefix("chat/dialect/").filter(|file| *file != "mod.rs") else {
        return false;
    };
    let own = file.split(['/', '.']).next().unwrap_or_default();
    let outer = ["crate", "super", "parlance", "chat", "dialect"];
    let named = path.iter().find(|part| !outer.contains(&&***part));
    outer.contains(&&*path[0])
        && named.is_some_and(|named| named != own && DIALECTS.contains(&&**named))
}

fn is_in(file: &str, module: &str) -> bool {
    let rest = file.strip_prefix(module);
    rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Whether a path leads to one of these top modules of the crate.
fn names_own(path: &[String], modules: &[&str]) -> bool {
    let outer = path.iter().take_while(|part| ["crate", "super", "parlance"].contains(&&***part));
    let outer = outer.count();
    outer > 0 && path.get(outer).is_some_and(|module| modules.contains(&&**module))
}

/// Every path of two or more parts, and every import, with the braces of imports multiplied out.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(&tokens[at]) {
            let imports = at > 0 && tokens[at - 1] == "use";
            let known = paths.len();
            at = path(tokens, at, &[], &mut paths);
            if !imports && paths.len() == known + 1 && paths[known].len() == 1 {
                paths.pop();
            }
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads the path that starts at `at`, below `prefix`; returns where it ends.
fn path(
    tokens: &[String],
    mut at: usize,
    prefix: &[String],
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let mut parts = prefix.to_vec();
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    while is_word(token(at)) {
        parts.push(token(at).to_owned());
        at += 1;
        if token(at) != "::" {
            break;
        }
        at += 1;
        if token(at) == "{" {
            at += 1;
            while at < tokens.len() && token(at) != "}" {
                at = match is_word(token(at)) {
                    true => path(tokens, at, &parts, paths),
                    false => at + 1,
                };
            }
            return at + 1;
        }
    }
    paths.push(parts);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::`, and single other characters; no comments, no texts, no white space.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let used = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(used) = text_length(rest) {
            used
        } else if is_word(rest) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[used..];
    }
    tokens
}

/// The length of the text or character literal that stands here, if one does.
fn text_length(rest: &str) -> Option<usize> {
    let raw = rest.strip_prefix('b').unwrap_or(rest);
    if let Some(raw) = raw.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if let Some(inner) = raw[hashes..].strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
            return Some(rest.len() - inner.len() + length);
        }
    }
    let quote = rest.chars().next().filter(|c| ['"', '\''].contains(c))?;
    let mut chars = rest.char_indices().skip(1);
    let mut length = 0;
    while let Some((at, c)) = chars.next() {
        length += 1;
        match c {
            '\\' => drop(chars.next()),
            // A lifetime is a quote without an end close by.
            _ if quote == '\'' && length > 1 && c != quote && !rest.starts_with("'\\") => {
                return None;
            }
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[test]
fn a_wrong_direction_is_found() {
    let bad = [
        ("rpc/server.rs", "use crate::chat::ChatServer;", "crate::chat::ChatServer"),
        ("rpc/server.rs", "use crate::{rpc::A, chat};", "crate::chat"),
        ("rpc/server.rs", "fn f(x: crate::config::Config) {}", "crate::config::Config"),
        ("rpc/mod.rs", "use super::daemon;", "super::daemon"),
        ("rpc/tls/a.rs", "use super::super::super::chat::{A, B};", "super::super::super::chat::A"),
        ("chat/room.rs", "use crate::rpc::ConnId;", "crate::rpc::ConnId"),
        ("chat/room.rs", "use mio;", "mio"),
        ("chat/room.rs", "use serde_json::{self, value::RawValue};", "serde_json::self"),
        ("chat/room.rs", "use std::{fmt, net::{IpAddr}};", "std::net::IpAddr"),
        (
            "chat/room.rs",
            "fn f() { let t = std::time::Instant::now(); }",
            "std::time::Instant::now",
        ),
        ("chat/room.rs", "use std::time::{Duration, SystemTime as S};", "std::time::SystemTime"),
        ("chat/room.rs", "const Q: char = '\"'; fn f<'a>() { mio::x() } // \"", "mio::x"),
        ("chat/room.rs", "const Q: &str = r#\"\\\"#; fn f() { mio::x() }", "mio::x"),
        ("chat.rs", "use crate::rpc;", "crate::rpc"),
        ("client/session.rs", "use crate::chat::Name;", "crate::chat::Name"),
        ("store/accounts.rs", "use crate::chat::Name;", "crate::chat::Name"),
        ("store/transcript/line.rs", "use crate::rpc::json;", "crate::rpc::json"),
        ("chat/dialect/house.rs", "use super::{FORMS, jsonrpc};", "super::jsonrpc"),
        ("chat/dialect/ndjson.rs", "fn f() { super::accounts::g() }", "super::accounts::g"),
        ("chat/dialect/flat/mod.rs", "use super::ndjson::FORM;", "super::ndjson::FORM"),
        ("chat/dialect/udp/mod.rs", "use super::super::ndjson;", "super::super::ndjson"),
        (
            "chat/dialect/jsonrpc.rs",
            "use crate::chat::dialect::ndjson::FORM;",
            "crate::chat::dialect::ndjson::FORM",
        ),
        ("store/mod.rs", "use super::{config, rpc};", "super::rpc"),
        ("terminal/app.rs", "use crate::chat::Name;", "crate::chat::Name"),
    ];
    for (file, source, fault) in bad {
        let faults = faults_of(file, source);
        assert!(faults.iter().any(|found| found == fault), "{file}: {source}: {faults:?}");
    }
    let good = [
        ("rpc/server.rs", "// use crate::chat;\n/* crate::chat::x */ use crate::rpc::config::A;"),
        (
            "rpc/server.rs",
            "fn f() { let config = tls::config(); config.chat(); g(\"crate::chat::a\") }",
        ),
        ("rpc/chatter.rs", "use crate::rpc::group;"),
        ("chat/dialect/udp.rs", "use crate::rpc; use serde_json::value::RawValue;"),
        ("chat/room.rs", "//! crate::rpc::x\nuse std::time::Duration; use std::{fmt, mem};"),
        ("chat/room.rs", "fn f() -> &'static str { \"mio::x \\\" mio::y\" }"),
        ("store/transcript/mod.rs", "use crate::chat::Event;"),
        ("chat/dialect/mod.rs", "static FORMS: [&Form; 1] = [&self::jsonrpc::FORM];"),
        (
            "chat/dialect/websocket/v1.rs",
            "use super::super::websocket::x; use crate::rpc::jsonrpc;",
        ),
        ("terminal/app.rs", "use crate::client::Call;"),
        ("client/link/framed.rs", "use crate::rpc::framing::Lines;"),
        ("main.rs", "use parlance::{chat, rpc};"),
    ];
    for (file, source) in good {
        assert_eq!(faults_of(file, source), Vec::<String>::new(), "{file}: {source}");
    }
}
