//! Section `[transcript]`: where the log of all that is said is kept, and how much of it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::violation::Violation;

/// Section `[transcript]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Transcript {
    /// As the file has it.
    path: PathBuf,
    /// The size, in bytes, that a file does not outgrow before the next one is begun.
    pub max_bytes: u64,
    /// How many old files are kept beside the one that is written.
    pub max_files: usize,
}

impl Default for Transcript {
    fn default() -> Transcript {
        Transcript { path: "logs/chat.log".into(), max_bytes: 1 << 20, max_files: 5 }
    }
}

impl Transcript {
    /// The file to write, a relative path beginning in the data folder. `None`: there is to be no
    /// transcript.
    #[must_use]
    pub fn file(&self, data_folder: &Path) -> Option<PathBuf> {
        (!self.path.as_os_str().is_empty()).then(|| data_folder.join(&self.path))
    }

    /// The first value that cannot be used.
    pub(super) fn violation(&self) -> Option<Violation> {
        let text = self.path.as_os_str();
        let names_a_folder =
            self.path.file_name().is_none() || text.as_encoded_bytes().ends_with(b"/");
        if names_a_folder && !text.is_empty() {
            let reason = format!("{:?} is a folder, not a file", self.path);
            return Some(Violation { keys: vec!["transcript.path".into()], reason });
        }
        let ranges = [
            ("max_bytes", self.max_bytes, 1 << 10..=1 << 30),
            ("max_files", self.max_files as u64, 0..=1000),
        ];
        Violation::out_of_range("transcript", ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(path: &str) -> Transcript {
        Transcript { path: path.into(), ..Transcript::default() }
    }

    #[test]
    fn a_relative_path_begins_in_the_data_folder_and_an_empty_one_is_none() {
        let data = Path::new("/data");
        assert_eq!(Transcript::default().file(data), Some("/data/logs/chat.log".into()));
        assert_eq!(transcript("/var/log/chat.log").file(data), Some("/var/log/chat.log".into()));
        assert_eq!(transcript("").file(data), None);
        assert!(transcript("").violation().is_none());
    }

    #[test]
    fn what_can_only_be_a_folder_is_refused() {
        for path in ["logs/", "/", ".", "logs/.."] {
            let violation = transcript(path).violation().expect(path);
            assert_eq!(violation.reason, format!("{path:?} is a folder, not a file"));
        }
    }
}
