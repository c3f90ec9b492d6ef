//! The configuration file, and the way from its text to checked values.
//!
//! TOML and JSON go through the same structs. What stands in a dialect's section is told in
//! `sections.rs`; what file and command line give together is not decided here.

use std::fs;
use std::path::Path;

use crate::chat;
use serde::{Deserialize, Serialize};

use super::document::{Document, Format, json_reason, line_at, offset_of_line};
use super::known::refuse_unknown_keys;
use super::violation::Violation;
use super::{
    Accounts, Address, ChatMaster, ConfigError, Dialect, JsonRpc, Limits, Ndjson, Tls, Transcript,
    Udp, WebSocket,
};

/// Everything that a file can say. A `listen` that is an empty list turns its dialect off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of keys and sections")]
pub(super) struct File {
    /// The data folder; empty: the usual place.
    pub(super) data: String,
    pub(super) default_room: String,
    pub(super) workers: usize,
    pub(super) limits: Limits,
    pub(super) jsonrpc: JsonRpc,
    pub(super) websocket: WebSocket,
    pub(super) accounts: Accounts,
    pub(super) chatmaster: ChatMaster,
    pub(super) ndjson: Ndjson,
    pub(super) udp: Udp,
    pub(super) tls: Tls,
    pub(super) transcript: Transcript,
}

impl Default for File {
    fn default() -> File {
        File {
            data: String::new(),
            default_room: "general".into(),
            workers: 2,
            limits: Limits::default(),
            jsonrpc: JsonRpc::default(),
            websocket: WebSocket::default(),
            accounts: Accounts::default(),
            chatmaster: ChatMaster::default(),
            ndjson: Ndjson::default(),
            udp: Udp::default(),
            tls: Tls::default(),
            transcript: Transcript::default(),
        }
    }
}

/// Reads, parses and checks a file.
pub(super) fn read(path: &Path) -> Result<File, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { file: path.into(), source })?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut file = parse(path, &text, if is_json { Format::Json } else { Format::Toml })?;
    file.tls.set_configuration_file(path);
    Ok(file)
}

/// As [`read`], for a text that is in memory already; `path` is for the errors.
fn parse(path: &Path, text: &str, format: Format) -> Result<File, ConfigError> {
    let document = Document::parse(text, format).map_err(|error| ConfigError::Syntax {
        file: path.into(),
        line: error.line,
        reason: error.reason,
    })?;
    refuse_unknown_keys(path, &document)?;
    let file = values(path, text, format, &document)?;
    match file.violation() {
        None => Ok(file),
        Some(Violation { keys, reason }) => {
            // The defaults are in order, so the file has one of the keys.
            let mut lines = keys.iter().map(|key| (document.line_of(key), key));
            let found = lines.find_map(|(line, key)| Some((line?, key.clone())));
            let (line, key) = found.unwrap_or_default();
            Err(ConfigError::Invalid { file: path.into(), line, key, reason })
        }
    }
}

fn values(
    path: &Path,
    text: &str,
    format: Format,
    document: &Document,
) -> Result<File, ConfigError> {
    let (offset, line, reason) = match format {
        Format::Toml => match toml::from_str(text) {
            Ok(file) => return Ok(file),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                (offset, line_at(text, offset), error.message().to_owned())
            }
        },
        Format::Json => match serde_json::from_str(text) {
            Ok(file) => return Ok(file),
            Err(error) => {
                // The column counts from 1 and is that of the last byte read.
                let column = error.column().saturating_sub(1);
                let offset = offset_of_line(text, error.line()) + column;
                (offset, error.line(), json_reason(&error))
            }
        },
    };
    let file = path.into();
    Err(match document.key_at(offset) {
        Some(key) => ConfigError::Invalid { file, line: key.line, key: key.path.clone(), reason },
        None => ConfigError::Syntax { file, line, reason },
    })
}

impl File {
    /// The addresses that the file gives a dialect.
    pub(super) fn listen(&self, dialect: Dialect) -> &[Address] {
        match dialect {
            Dialect::JsonRpc => &self.jsonrpc.listen,
            Dialect::WebSocket => &self.websocket.listen,
            Dialect::Accounts => &self.accounts.listen,
            Dialect::ChatMaster => &self.chatmaster.listen,
            Dialect::Ndjson => &self.ndjson.listen,
            Dialect::Udp => &self.udp.listen,
        }
    }

    /// Whether a dialect's listeners have TLS.
    pub(super) fn has_tls(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::JsonRpc => self.jsonrpc.tls,
            Dialect::WebSocket => self.websocket.tls,
            Dialect::Accounts => true,
            Dialect::ChatMaster => self.chatmaster.tls,
            Dialect::Ndjson => self.ndjson.tls,
            Dialect::Udp => false,
        }
    }

    /// The first value that has the right type and still cannot be used.
    fn violation(&self) -> Option<Violation> {
        let complain =
            |key: &str, reason: String| Some(Violation { keys: vec![key.into()], reason });
        let chars_max = chat::Settings::default().name_chars_max;
        if chat::Name::new(&self.default_room, chars_max).is_err() {
            let reason = format!("a room's name has 1 to {chars_max} characters that show");
            return complain("default_room", reason);
        }
        if !(1..=64).contains(&self.workers) {
            return complain("workers", format!("{} is not from 1 to 64", self.workers));
        }
        self.limits
            .violation()
            .or_else(|| self.websocket.violation())
            .or_else(|| self.accounts.violation())
            .or_else(|| self.udp.violation())
            .or_else(|| self.tls.violation())
            .or_else(|| self.transcript.violation())
            .or_else(|| Dialect::ALL.into_iter().find_map(|dialect| self.repeat(dialect)))
    }

    /// An address that stands a second time in one dialect's list.
    fn repeat(&self, dialect: Dialect) -> Option<Violation> {
        let listen = self.listen(dialect);
        let (_, address) = listen
            .iter()
            .enumerate()
            .find(|(place, address)| address.port != 0 && listen[..*place].contains(address))?;
        let reason = format!("{address} is in the list twice");
        Some(Violation { keys: vec![format!("{dialect}.listen")], reason })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Compression, DuplicateNames};

    use super::*;

    fn toml(text: &str) -> Result<File, String> {
        parse(Path::new("p.toml"), text, Format::Toml).map_err(|error| error.to_string())
    }

    fn json(text: &str) -> Result<File, String> {
        parse(Path::new("p.json"), text, Format::Json).map_err(|error| error.to_string())
    }

    fn refused(text: &str) -> String {
        toml(text).expect_err("an error")
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(toml(""), Ok(File::default()));
        assert_eq!(json("{}"), Ok(File::default()));
    }

    #[test]
    fn toml_and_json_have_the_same_keys() {
        let from_toml = toml(
            "default_room = 'lounge'\n[limits]\nrooms = 7\n[jsonrpc]\nlisten = ['localhost:0', \
             '[::1]:1']\nduplicate_names = 'reject'\nshow_addresses = false\n",
        )
        .expect("a file");
        let from_json = json(
            r#"{"default_room":"lounge","limits":{"rooms":7},"jsonrpc":{"listen":["localhost:0",
            "[::1]:1"],"duplicate_names":"reject","show_addresses":false}}"#,
        )
        .expect("a file");
        assert_eq!(from_toml, from_json);
        assert_eq!(from_toml.limits.rooms, 7);
        assert_eq!(from_toml.jsonrpc.listen.len(), 2);
        assert_eq!(from_toml.jsonrpc.duplicate_names, DuplicateNames::Reject);
    }

    #[test]
    fn the_sections_of_the_other_dialects_have_both_forms_too() {
        let from_toml = toml(
            "[websocket]\ntls = true\norigins = ['https://Chat.example.org:443']\nhosts = \
             ['Chat.local']\ndeflate = true\nping_s = 1\n[accounts]\npassword_min = \
             8\n[chatmaster]\ncompression = 'always'\n[ndjson]\ntls = true\n[udp]\nremembered_ids = 9\n[tls]\ncert = \
             'c.pem'\nkey = 'k.pem'\n[transcript]\npath = ''\nmax_files = 0\n",
        )
        .expect("a file");
        let from_json = json(
            r#"{"websocket":{"tls":true,"origins":["https://chat.example.org"],
            "hosts":["chat.local"],"deflate":true,"ping_s":1},"accounts":{"password_min":8},
            "chatmaster":{"compression":"always"},"ndjson":{"tls":true},"udp":{"remembered_ids":9},
            "tls":{"cert":"c.pem","key":"k.pem"},"transcript":{"path":"","max_files":0}}"#,
        )
        .expect("a file");
        assert_eq!(from_toml, from_json);
        assert_eq!(from_toml.websocket.origins[0].as_str(), "https://chat.example.org");
        assert_eq!(from_toml.websocket.hosts[0].as_str(), "chat.local");
        assert_eq!(from_toml.chatmaster.compression, Compression::Always);
        assert_eq!(
            Dialect::ALL.map(|dialect| from_toml.has_tls(dialect)),
            [false, true, true, false, true, false]
        );
        assert_eq!(from_toml.tls.files().map(|files| files.key), Some("k.pem".into()));
        assert_eq!(from_toml.transcript.file(Path::new("/data")), None);
    }

    #[test]
    fn a_lone_text_is_one_address_and_an_empty_list_none() {
        assert_eq!(toml("jsonrpc.listen = '[::1]:2'").expect("a file").jsonrpc.listen.len(), 1);
        assert_eq!(toml("jsonrpc.listen = []").expect("a file").jsonrpc.listen, []);
    }

    #[test]
    fn unknown_keys_name_their_line_and_the_nearest_known_one() {
        for (text, complaint) in [
            ("\nworker = 3", "p.toml:2: worker: there is no such key; the nearest is workers"),
            (
                "[limits]\nrooms = 5\nframes_byte = 1",
                "p.toml:3: limits.frames_byte: there is no such key; the nearest is \
                 limits.frame_bytes",
            ),
            ("[limit]\nrooms = 3", "p.toml:1: limit: there is no such key; the nearest is limits"),
            ("rooms = 3", "p.toml:1: rooms: there is no such key; the nearest is limits.rooms"),
            (
                "[jsonrpc]\nrooms = 3",
                "p.toml:2: jsonrpc.rooms: there is no such key; the nearest is limits.rooms",
            ),
            (
                "[websocket]\norigin = []",
                "p.toml:2: websocket.origin: there is no such key; the nearest is \
                 websocket.origins",
            ),
            (
                "[transcript]\nmax_byte = 1",
                "p.toml:2: transcript.max_byte: there is no such key; the nearest is \
                 transcript.max_bytes",
            ),
            (
                "[websockets]\nlisten = []",
                "p.toml:1: websockets: there is no such key; the nearest is websocket",
            ),
            (
                "tls.folder = '/'",
                "p.toml:1: tls.folder: there is no such key; the nearest is tls.cert",
            ),
            (
                "[accounts]\n\ntls = true",
                "p.toml:3: accounts.tls: accounts always has TLS, so there is no such key",
            ),
            (
                "[udp]\ntls = true",
                "p.toml:2: udp.tls: TLS needs a stream, so datagrams cannot have it; ndjson says \
                 the same over one",
            ),
            (
                "[udp]\nnew_peers_per_m = 1",
                "p.toml:2: udp.new_peers_per_m: there is no such key; the nearest is \
                 udp.new_peers_per_s",
            ),
        ] {
            assert_eq!(refused(text), complaint);
        }
        assert_eq!(
            json("{\"limits\":{\n\"rooms\":1,\n\"room\":1}}"),
            Err("p.json:3: limits.room: there is no such key; the nearest is limits.rooms".into())
        );
    }

    #[test]
    fn wrong_types_name_their_line_and_key() {
        for (text, place) in [
            ("\nworkers = 'two'", "p.toml:2: workers: "),
            ("[limits]\n\nrooms = -1", "p.toml:3: limits.rooms: "),
            ("limits = 3", "p.toml:1: limits: "),
            ("[data]", "p.toml:1: data: "),
            ("[data]\nfolder = 1", "p.toml:1: data: "),
            ("[limits.rooms]\nlow = 1", "p.toml:1: limits.rooms: "),
            ("[jsonrpc]\nduplicate_names = 'both'", "p.toml:2: jsonrpc.duplicate_names: "),
            ("[jsonrpc]\nlisten = 'here'", "p.toml:2: jsonrpc.listen: \"here\" is no address: "),
            ("[jsonrpc]\nlisten = [\n 'h:1',\n 'h:x']", "p.toml:2: jsonrpc.listen: \"h:x\" is no "),
            ("[jsonrpc]\nlisten = 3", "p.toml:2: jsonrpc.listen: "),
            ("[jsonrpc]\ntls = 'yes'", "p.toml:2: jsonrpc.tls: "),
            ("tls = true", "p.toml:1: tls: "),
            ("[tls]\ncert = 1", "p.toml:2: tls.cert: "),
            ("[websocket]\n\nping_s = 0.5", "p.toml:3: websocket.ping_s: "),
            ("[websocket]\nhosts = 'here'", "p.toml:2: websocket.hosts: "),
            ("[websocket]\nhosts = ['h:1']", "p.toml:2: websocket.hosts: \"h:1\" is no host: "),
            (
                "[websocket]\norigins = [\n 'https://h',\n 'null']",
                "p.toml:2: websocket.origins: \"null\" is no origin: any web page can take it",
            ),
            ("[chatmaster]\ncompression = 'on'", "p.toml:2: chatmaster.compression: "),
            ("[accounts]\nlisten = ''", "p.toml:2: accounts.listen: \"\" is no address: "),
            ("[transcript]\nmax_files = -1", "p.toml:2: transcript.max_files: "),
        ] {
            let complaint = refused(text);
            assert!(complaint.starts_with(place), "{complaint}");
        }
    }

    #[test]
    fn wrong_types_in_json_name_their_line_and_key() {
        for (text, place) in [
            ("{\n\"workers\": \"two\", \"data\": \"\"}", "p.json:2: workers: "),
            ("{\n\"workers\":-1,\"data\":\"\"}", "p.json:2: workers: "),
            ("{\"data\":\"\",\"workers\":1.5}", "p.json:1: workers: "),
            (
                "{\"limits\":{\"rooms\":1,\n\"json_depth\":[]},\"workers\":1}",
                "p.json:2: limits.json_depth: ",
            ),
            ("{\"limits\":\n3,\"workers\":1}", "p.json:2: limits: "),
            (
                "{\"jsonrpc\":{\"listen\":[\"h:1\",\"h\"]}}",
                "p.json:1: jsonrpc.listen: \"h\" is no ",
            ),
            ("{\"jsonrpc\":{\"listen\":\"h\"}}", "p.json:1: jsonrpc.listen: \"h\" is no "),
            (
                "{\"websocket\":{\"deflate\":true,\n\"origins\":[\"https://h/\"]}}",
                "p.json:2: websocket.origins: \"https://h/\" is no origin: ",
            ),
            ("{\"tls\":{\"cert\":\"\",\n\"key\":7}}", "p.json:2: tls.key: "),
            ("{\"workers\":1,\"workers\":1}", "p.json:1: workers: "),
            ("{\"workers\":1,", "p.json:1: "),
        ] {
            let complaint = json(text).expect_err("an error");
            assert!(complaint.starts_with(place), "{complaint}");
        }
    }

    #[test]
    fn values_that_cannot_be_used_name_their_line_and_key() {
        for (text, complaint) in [
            ("\nworkers = 0", "p.toml:2: workers: 0 is not from 1 to 64"),
            (
                "[limits]\nconnections = 0",
                "p.toml:2: limits.connections: 0 is not from 1 to 1000000",
            ),
            (
                "[limits]\nrooms = 1\noutbox_soft_bytes = 2048",
                "p.toml:3: limits.outbox_soft_bytes: outbox_low_bytes, 65536, may not be more \
                 than outbox_soft_bytes, 2048",
            ),
            (
                "[limits]\nrooms_per_account = 0\nhandshake_s = 0",
                "p.toml:2: limits.rooms_per_account: 0 is not from 1 to 1000000",
            ),
            ("limits.handshake_s = 0", "p.toml:1: limits.handshake_s: 0 is not from 1 to 3600"),
            ("[websocket]\nping_s = 0", "p.toml:2: websocket.ping_s: 0 is not from 1 to 3600"),
            (
                "[accounts]\npassword_max = 1025",
                "p.toml:2: accounts.password_max: 1025 is not from 1 to 1024",
            ),
            (
                "[accounts]\nlisten = []\npassword_min = 129",
                "p.toml:3: accounts.password_min: password_min, 129, may not be more than \
                 password_max, 128",
            ),
            (
                "[accounts]\nlogin_failures_per_minute = 0",
                "p.toml:2: accounts.login_failures_per_minute: 0 is not from 1 to 1000",
            ),
            (
                "[accounts]\nregistrations_per_minute = 0",
                "p.toml:2: accounts.registrations_per_minute: 0 is not from 1 to 1000",
            ),
            (
                "[limits]\ndatagram_bytes = 65508",
                "p.toml:2: limits.datagram_bytes: 65508 is not from 1024 to 65507",
            ),
            ("[udp]\nidle_timeout_s = 0", "p.toml:2: udp.idle_timeout_s: 0 is not from 1 to 86400"),
            ("[udp]\nlisten = ['h:1', 'h:1']", "p.toml:2: udp.listen: h:1 is in the list twice"),
            (
                "[tls]\nkey = 'k.pem'",
                "p.toml:2: tls.key: key is given, and cert is missing; give both, or neither",
            ),
            (
                "[tls]\ncert = 'c.pem'\nkey = ''",
                "p.toml:3: tls.key: cert is given, and key is missing; give both, or neither",
            ),
            (
                "[transcript]\nmax_bytes = 1023",
                "p.toml:2: transcript.max_bytes: 1023 is not from 1024 to 1073741824",
            ),
            (
                "[transcript]\nmax_files = 1001",
                "p.toml:2: transcript.max_files: 1001 is not from 0 to 1000",
            ),
            (
                "transcript.path = 'logs/'",
                "p.toml:1: transcript.path: \"logs/\" is a folder, not a file",
            ),
            (
                "[ndjson]\nlisten = ['h:1', 'h:2', 'h:1']",
                "p.toml:2: ndjson.listen: h:1 is in the list twice",
            ),
            (
                "[jsonrpc]\n\nlisten = ['h:1', 'h:1']",
                "p.toml:3: jsonrpc.listen: h:1 is in the list twice",
            ),
        ] {
            assert_eq!(refused(text), complaint);
        }
        for room in [String::new(), "  ".into(), "x".repeat(51), "\\u0007".into()] {
            let complaint = refused(&format!("default_room = \"{room}\""));
            assert!(complaint.starts_with("p.toml:1: default_room: a room's name"), "{complaint}");
        }
        let longest = format!("default_room = ' {} '", "x".repeat(50));
        assert!(toml(&longest).is_ok());
    }

    #[test]
    fn the_sample_is_the_defaults_and_has_every_key() {
        let sample = include_str!("../../parlance.toml");
        assert_eq!(toml(sample), Ok(File::default()));
        let document = Document::parse(sample, Format::Toml).expect("a document");
        for key in crate::config::known::known_keys() {
            assert!(document.line_of(&key).is_some(), "the sample lacks {key}");
        }
    }
}
