//! A file of whole lines that makes way for a new one when it is full.
//!
//! The full file becomes `PATH.1`, what was `PATH.1` becomes `PATH.2`, and so on. Which old files
//! there are is looked up at each rotation and not remembered, since other programs move and
//! delete them. What is not a regular file (a device, a pipe) is written to and never moved.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::TranscriptError;

/// How much is written at once, unless one line is longer.
const PIECE_BYTES: usize = 256 * 1024;

/// Where to write to, and the file that is open there.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    max_files: usize,
    /// `None` at first and after an error: the next write opens it.
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    /// Its length, which is the end of a line.
    bytes: u64,
    /// Whether it may be moved away.
    regular: bool,
}

impl RotatingFile {
    /// Makes the file and its folder if need be, and sees that it can be opened. Writes nothing: an
    /// earlier value may be writing to the same file still.
    pub(super) fn new(
        path: PathBuf,
        max_bytes: u64,
        max_files: usize,
    ) -> Result<RotatingFile, TranscriptError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|source| TranscriptError::Folder { folder: folder.to_owned(), source })?;
        }
        match open(&path) {
            Ok(_) => Ok(RotatingFile { path, max_bytes, max_files, open: None }),
            Err(source) => Err(TranscriptError::Open { path, source }),
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets go of the file and opens the one that is at the path now.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.open = None;
        self.open = Some(OpenFile::open(&self.path)?);
        Ok(())
    }

    /// Appends some of the `lines`, which end in a newline each: the first ones that the file has
    /// room for, or at least the first, be it in a new file. Returns their bytes; lines are taken
    /// whole or not at all.
    ///
    /// # Errors
    /// Nothing was written: the file cannot be opened, moved or written to.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let room = match &self.open {
            Some(open) => open.room(self.max_bytes),
            None => {
                self.reopen()?;
                self.open.as_ref().map_or(0, |open| open.room(self.max_bytes))
            }
        };
        let mut piece = first_lines(lines, PIECE_BYTES.min(room));
        if piece.len() > room && self.open.as_ref().is_some_and(|open| open.bytes > 0) {
            self.rotate()?;
            let room = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
            piece = first_lines(lines, PIECE_BYTES.min(room));
        }
        let Some(open) = &mut self.open else { return Err(ErrorKind::NotFound.into()) };
        let written = open.append(piece);
        if !written.as_ref().is_ok_and(|&bytes| bytes == piece.len()) {
            // Whatever is wrong with this file, the one that is opened next may be better.
            self.open = None;
        }
        written
    }

    /// Moves the full file out of the way, and the old ones before it, and deletes the oldest.
    fn rotate(&mut self) -> io::Result<()> {
        // Up to the first free number: one that was deleted by hand leaves room for the others.
        let mut free = 0;
        while fs::symlink_metadata(self.numbered(free)).is_ok() {
            free += 1;
        }
        for number in (0..free).rev() {
            fs::rename(self.numbered(number), self.numbered(number + 1))?;
        }
        // More than one when fewer are to be kept than before. What can be renamed but not deleted
        // is a folder, and not ours.
        for number in self.max_files.saturating_add(1)..=free {
            let _ = fs::remove_file(self.numbered(number));
        }
        self.reopen()
    }

    /// The path of an old file; of the current one for 0.
    fn numbered(&self, number: usize) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

impl OpenFile {
    fn open(path: &Path) -> io::Result<OpenFile> {
        let file = open(path)?;
        let metadata = file.metadata()?;
        let mut open = OpenFile { file, bytes: 0, regular: metadata.is_file() };
        if open.regular {
            open.bytes = metadata.len();
            open.end_line()?;
        }
        Ok(open)
    }

    /// Ends the last line, should somebody have been stopped in the middle of it.
    fn end_line(&mut self) -> io::Result<()> {
        let mut last = [b'\n'];
        if let Some(at) = self.bytes.checked_sub(1) {
            self.file.read_exact_at(&mut last, at)?;
        }
        if last != *b"\n" {
            self.file.write_all(b"\n")?;
            self.bytes += 1;
        }
        Ok(())
    }

    /// How many bytes more it may get.
    fn room(&self, max_bytes: u64) -> usize {
        match self.regular {
            true => usize::try_from(max_bytes.saturating_sub(self.bytes)).unwrap_or(usize::MAX),
            false => usize::MAX,
        }
    }

    /// Appends whole lines, as many as the system takes.
    fn append(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        let error = loop {
            let rest = &lines[written..];
            if rest.is_empty() {
                break None;
            }
            match self.file.write(rest) {
                Ok(0) => break Some(ErrorKind::WriteZero.into()),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        let whole = lines[..written].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if self.regular {
            self.bytes += whole as u64;
            if whole < written {
                // Should this fail as well, opening the file again ends the line.
                let _ = self.file.set_len(self.bytes);
            }
        }
        match error {
            Some(error) if whole == 0 => Err(error),
            _ => Ok(whole),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    // For reading, too: to look at the last byte, and because a pipe is then opened without
    // waiting for somebody at its other end.
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// The first of the `lines`, as many as `bytes_max` hold, but at least one.
pub(super) fn first_lines(lines: &[u8], bytes_max: usize) -> &[u8] {
    let is_end = |&byte: &u8| byte == b'\n';
    let held = &lines[..bytes_max.min(lines.len())];
    let last = held.iter().rposition(is_end).or_else(|| lines.iter().position(is_end));
    last.map_or(lines, |last| &lines[..=last])
}
