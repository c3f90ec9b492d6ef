//! Where the keys of a configuration file stand, so that an error can name line and key.
//!
//! Two levels only, as the configuration has: keys, and keys in sections. What the values mean is
//! not looked at here.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

/// The two ways of writing the same keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Toml,
    Json,
}

/// A place in the file that is not in its format.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// The keys of a file in the order found.
pub(super) struct Document {
    pub(super) keys: Vec<Key>,
}

/// One key and its place.
pub(super) struct Key {
    /// With its section: `limits.rooms`.
    pub(super) path: String,
    /// The line of the key (of the value, in JSON), from 1.
    pub(super) line: usize,
    /// Where key and value begin, in bytes.
    start: usize,
    /// Where the value ends, in bytes.
    end: usize,
}

impl Document {
    pub(super) fn parse(text: &str, format: Format) -> Result<Document, SyntaxError> {
        let keys = match format {
            Format::Toml => toml_keys(text)?,
            Format::Json => json_keys(text)?,
        };
        Ok(Document { keys })
    }

    /// The innermost key whose key or value holds the byte at `offset`.
    pub(super) fn key_at(&self, offset: usize) -> Option<&Key> {
        self.keys
            .iter()
            .filter(|key| key.start <= offset && offset <= key.end)
            .min_by_key(|key| key.end - key.start)
    }

    pub(super) fn line_of(&self, path: &str) -> Option<usize> {
        self.keys.iter().find(|key| key.path == path).map(|key| key.line)
    }
}

/// The line, from 1, that holds the byte at `offset`.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The byte at which `line` begins, from 1.
pub(super) fn offset_of_line(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
}

/// `serde_json`'s message without the position that it puts at its end.
pub(super) fn json_reason(error: &serde_json::Error) -> String {
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    message.strip_suffix(&position).unwrap_or(&message).to_owned()
}

fn toml_keys(text: &str) -> Result<Vec<Key>, SyntaxError> {
    let table = DeTable::parse(text).map_err(|error| SyntaxError {
        line: line_at(text, error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    })?;
    let mut keys = Vec::new();
    add_toml_keys(text, table.get_ref(), "", &mut keys);
    keys.sort_by_key(|key| key.start);
    Ok(keys)
}

fn add_toml_keys(text: &str, table: &DeTable<'_>, section: &str, keys: &mut Vec<Key>) {
    for (name, value) in table {
        let path = format!("{section}{}", name.get_ref());
        if let (DeValue::Table(inner), "") = (value.get_ref(), section) {
            add_toml_keys(text, inner, &format!("{path}."), keys);
        }
        let line = line_at(text, name.span().start);
        // The span of a section is that of its header, brackets and all, or of its dotted key.
        let start = name.span().start.min(value.span().start);
        let end = name.span().end.max(value.span().end);
        keys.push(Key { path, line, start, end });
    }
}

fn json_keys(text: &str) -> Result<Vec<Key>, SyntaxError> {
    let syntax_error =
        |error: serde_json::Error| SyntaxError { line: error.line(), reason: json_reason(&error) };
    // The whole text first: from here on only its shape can be wrong.
    let whole: &RawValue = serde_json::from_str(text).map_err(syntax_error)?;
    let Entries(entries) = serde_json::from_str(text).map_err(syntax_error)?;
    let mut keys = Vec::new();
    let mut start = place(text, whole).0;
    for (name, value) in entries {
        let (value_start, end) = place(text, value);
        if let Ok(Entries(inner)) = serde_json::from_str(value.get()) {
            let mut start = value_start;
            for (inner_name, value) in inner {
                let (value_start, end) = place(text, value);
                let line = line_at(text, value_start);
                keys.push(Key { path: format!("{name}.{inner_name}"), line, start, end });
                start = end + 1;
            }
        }
        keys.push(Key { path: name, line: line_at(text, value_start), start, end });
        start = end + 1;
    }
    Ok(keys)
}

/// Where in `text` a value that borrows from it begins and ends.
fn place(text: &str, value: &RawValue) -> (usize, usize) {
    let start = value.get().as_ptr().addr() - text.as_ptr().addr();
    (start, start + value.get().len())
}

/// A JSON object as its names and untouched values, duplicates and order kept.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<'a>, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of keys and sections")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries<'de>, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, format: Format) -> Vec<(String, usize)> {
        let document = Document::parse(text, format).expect("a document");
        let mut places: Vec<_> =
            document.keys.into_iter().map(|key| (key.path, key.line)).collect();
        places.sort();
        places
    }

    fn expected(places: &[(&str, usize)]) -> Vec<(String, usize)> {
        places.iter().map(|(path, line)| ((*path).to_owned(), *line)).collect()
    }

    #[test]
    fn keys_of_toml_are_found_however_they_are_written() {
        let text = "# first\nworkers = 2\nlimits.rooms = 3\n\n[jsonrpc]\nlisten = [\n 'a',\n]\n";
        let wanted = [
            ("jsonrpc", 5),
            ("jsonrpc.listen", 6),
            ("limits", 3),
            ("limits.rooms", 3),
            ("workers", 2),
        ];
        assert_eq!(places(text, Format::Toml), expected(&wanted));
    }

    #[test]
    fn keys_of_json_are_found() {
        let text = "{\n \"workers\": 2,\n \"limits\": {\"rooms\": 3,\n \"json_depth\": 4}\n}";
        let wanted = [("limits", 3), ("limits.json_depth", 4), ("limits.rooms", 3), ("workers", 2)];
        assert_eq!(places(text, Format::Json), expected(&wanted));
    }

    #[test]
    fn broken_files_say_the_line() {
        for (text, format) in [
            ("workers = 2\nrooms = = 3\n", Format::Toml),
            ("workers = 2\nworkers = 3\n", Format::Toml),
            ("{\"workers\": 2,\n \"rooms\" 3}", Format::Json),
        ] {
            let error = Document::parse(text, format).err().expect("a syntax error");
            assert_eq!(error.line, 2, "{text}: {}", error.reason);
            assert!(!error.reason.contains("line"), "{}", error.reason);
        }
        let error = Document::parse("[1]", Format::Json).err().expect("no object");
        assert!(error.reason.contains("an object of keys"), "{}", error.reason);
    }
}
