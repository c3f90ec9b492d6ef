//! Which keys there are, and what a key that there is not was meant to be.
//!
//! Values are not looked at here.

use std::path::Path;

use super::ConfigError;
use super::document::{Document, Key};
use super::file::File;
use crate::nearest::nearest;

/// Keys that somebody may look for though there are none, and why there are none.
const NO_KEYS: [(&str, &str); 2] = [
    ("accounts.tls", "accounts always has TLS, so there is no such key"),
    ("udp.tls", "TLS needs a stream, so datagrams cannot have it; ndjson says the same over one"),
];

/// Refuses the first key, or section, that does not exist.
pub(super) fn refuse_unknown_keys(path: &Path, document: &Document) -> Result<(), ConfigError> {
    let known = known_keys();
    let is_section = |name: &str| known.iter().any(|known| in_section(known, name));
    let is_unknown = |key: &&Key| {
        // What stands below a plain key has the wrong type, which is told with the values.
        let section = key.path.split_once('.').map(|(section, _)| section);
        let below_plain = section
            .is_some_and(|name| known.iter().any(|known| known == name) && !is_section(name));
        !known.contains(&key.path) && !below_plain
    };
    let Some(key) = document.keys.iter().filter(is_unknown).min_by_key(|key| key.line) else {
        return Ok(());
    };
    let (file, line) = (path.into(), key.line);
    // A key's section stands on an earlier line or, in JSON, on the same.
    let section = key.path.split('.').next().unwrap_or_default();
    if let Some((_, reason)) = NO_KEYS.iter().find(|(path, _)| *path == key.path) {
        let reason = (*reason).to_owned();
        return Err(ConfigError::Invalid { file, line, key: key.path.clone(), reason });
    }
    if !known.iter().any(|known| known == section) {
        let sections = known.iter().map(String::as_str).filter(|known| !known.contains('.'));
        let nearest = nearest_key(section, sections, &known);
        return Err(ConfigError::UnknownKey { file, line, key: section.into(), nearest });
    }
    let beside = known.iter().map(String::as_str).filter(|known| in_section(known, section));
    let nearest = nearest_key(&key.path, beside, &known);
    Err(ConfigError::UnknownKey { file, line, key: key.path.clone(), nearest })
}

fn in_section(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// The nearest key: the same name in another section, else among `beside`, the keys of its own.
fn nearest_key<'a>(path: &str, beside: impl Iterator<Item = &'a str>, known: &[String]) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    let elsewhere = known.iter().find(|known| known.rsplit('.').next() == Some(name));
    match elsewhere {
        Some(key) => key.clone(),
        None => nearest(path, beside).unwrap_or_default().to_owned(),
    }
}

/// Every key and section there is, as paths. The structs themselves are asked, so that none can be
/// forgotten.
pub(super) fn known_keys() -> Vec<String> {
    let mut paths = Vec::new();
    if let Ok(serde_json::Value::Object(keys)) = serde_json::to_value(File::default()) {
        for (key, value) in keys {
            if let serde_json::Value::Object(section) = value {
                paths.extend(section.keys().map(|name| format!("{key}.{name}")));
            }
            paths.push(key);
        }
    }
    paths
}
