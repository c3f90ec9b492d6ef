//! The message box: a text that is edited grapheme by grapheme, its history, and what was killed.
//!
//! What the text means, and when it is sent, is not known here. Nor are passwords: those have a box
//! of their own that forgets.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};
use unicode_width::UnicodeWidthStr;

use super::clean;

/// How many sent texts are kept.
const HISTORY_MAX: usize = 200;

/// How many characters the box holds: more than can be sent, so that a long text can be cut down.
pub(super) const HELD_CHARS_MAX: usize = 8000;

/// A text under the cursor.
#[derive(Debug, Default)]
pub(super) struct Input {
    text: String,
    /// A byte of `text`, always between two graphemes.
    cursor: usize,
    /// The oldest first.
    history: VecDeque<String>,
    /// Which of the history is shown, and what was written before.
    browsing: Option<(usize, String)>,
    killed: String,
    /// Whether the last edit was a kill, which the next one adds to.
    killing: bool,
}

/// The box as it is to be drawn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// At least one.
    pub(super) rows: Vec<String>,
    /// Where the cursor is: row and column.
    pub(super) cursor: (usize, usize),
}

impl Input {
    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor is, in bytes.
    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Replaces a part of the text and puts the cursor behind it.
    pub(super) fn replace(&mut self, range: std::ops::Range<usize>, with: &str) {
        self.text.replace_range(range.clone(), with);
        self.cursor = range.start + with.len();
        self.snap();
    }

    /// Another text altogether, with the cursor at its end.
    pub(super) fn set(&mut self, text: &str) {
        self.text = text.to_owned();
        self.cursor = self.text.len();
        self.browsing = None;
        self.killing = false;
    }

    /// Takes the text out, into the history.
    pub(super) fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.set("");
        if !text.trim().is_empty() && self.history.back() != Some(&text) {
            if self.history.len() == HISTORY_MAX {
                self.history.pop_front();
            }
            self.history.push_back(text.clone());
        }
        text
    }

    /// Writes at the cursor. Line breaks of any kind become `\n`; other control characters nobody
    /// types are left out.
    ///
    /// # Errors
    ///
    /// The characters there would be, if that is more than the box holds; nothing is written then.
    pub(super) fn insert(&mut self, text: &str) -> Result<(), usize> {
        let unified = text.replace("\r\n", "\n").replace('\r', "\n");
        let kept: String =
            unified.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
        let chars = self.text.chars().count() + kept.chars().count();
        if chars > HELD_CHARS_MAX {
            return Err(chars);
        }
        self.killing = false;
        self.replace(self.cursor..self.cursor, &kept);
        Ok(())
    }

    /// Edits or moves, as readline would. Whether the key was for the box.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let was_killing = std::mem::take(&mut self.killing);
        match key.code {
            KeyCode::Char('a') if ctrl => self.cursor = 0,
            KeyCode::Char('e') if ctrl => self.cursor = self.text.len(),
            KeyCode::Char('b') if ctrl => self.cursor = self.before(),
            KeyCode::Char('f') if ctrl => self.cursor = self.after(),
            KeyCode::Char('b') if alt => self.cursor = self.word_before(),
            KeyCode::Char('f') if alt => self.cursor = self.word_after(),
            KeyCode::Left if ctrl || alt => self.cursor = self.word_before(),
            KeyCode::Right if ctrl || alt => self.cursor = self.word_after(),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home if !ctrl => self.cursor = 0,
            KeyCode::End if !ctrl => self.cursor = self.text.len(),
            KeyCode::Backspace if alt => self.kill(self.word_before(), was_killing),
            KeyCode::Backspace => self.replace(self.before()..self.cursor, ""),
            KeyCode::Char('h') if ctrl => self.replace(self.before()..self.cursor, ""),
            KeyCode::Char('d') if ctrl => self.delete(),
            KeyCode::Delete => self.delete(),
            KeyCode::Char('u') if ctrl => self.kill(0, was_killing),
            KeyCode::Char('k') if ctrl => self.kill(self.text.len(), was_killing),
            KeyCode::Char('w') if ctrl => self.kill(self.blank_before(), was_killing),
            KeyCode::Char('d') if alt => self.kill(self.word_after(), was_killing),
            KeyCode::Char('y') if ctrl => {
                let killed = self.killed.clone();
                return self.insert(&killed).is_ok();
            }
            KeyCode::Enter if alt => return self.insert("\n").is_ok(),
            KeyCode::Up => self.older(),
            KeyCode::Char('p') if ctrl => self.older(),
            KeyCode::Down => self.newer(),
            KeyCode::Char('n') if ctrl => self.newer(),
            KeyCode::Char(c) if !ctrl && !alt => {
                return self.insert(c.encode_utf8(&mut [0; 4])).is_ok();
            }
            _ => return false,
        }
        true
    }

    fn delete(&mut self) {
        let start = self.cursor;
        self.replace(start..self.after(), "");
    }

    fn kill(&mut self, to: usize, adds: bool) {
        let range = self.cursor.min(to)..self.cursor.max(to);
        let killed = &self.text[range.clone()];
        self.killed = match (adds, to < self.cursor) {
            (false, _) => killed.to_owned(),
            (true, true) => format!("{killed}{}", self.killed),
            (true, false) => format!("{}{killed}", self.killed),
        };
        self.replace(range, "");
        self.killing = true;
    }

    fn older(&mut self) {
        let index = self.browsing.as_ref().map_or(self.history.len(), |(index, _)| *index);
        let Some(older) = index.checked_sub(1) else { return };
        let draft = match self.browsing.take() {
            Some((_, draft)) => draft,
            None => self.text.clone(),
        };
        if let Some(text) = self.history.get(older).cloned() {
            self.set(&text);
        }
        self.browsing = Some((older, draft));
    }

    fn newer(&mut self) {
        let Some((index, draft)) = self.browsing.take() else { return };
        match self.history.get(index + 1).cloned() {
            Some(text) => {
                self.set(&text);
                self.browsing = Some((index + 1, draft));
            }
            None => self.set(&draft),
        }
    }

    /// After an edit, what stands left and right of the cursor may have become one grapheme.
    fn snap(&mut self) {
        while !self.is_boundary(self.cursor) {
            self.cursor += 1;
        }
    }

    fn is_boundary(&self, at: usize) -> bool {
        self.text.is_char_boundary(at)
            && GraphemeCursor::new(at, self.text.len(), true)
                .is_boundary(&self.text, 0)
                .unwrap_or(true)
    }

    fn before(&self) -> usize {
        let left = self.text[..self.cursor].graphemes(true).next_back();
        self.cursor - left.map_or(0, str::len)
    }

    fn after(&self) -> usize {
        let right = self.text[self.cursor..].graphemes(true).next();
        self.cursor + right.map_or(0, str::len)
    }

    /// The beginning of the word before the cursor.
    fn word_before(&self) -> usize {
        let left = &self.text[..self.cursor];
        let end = left.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
        let start = left[..end].trim_end_matches(char::is_alphanumeric).len();
        self.boundary_below(start)
    }

    /// The end of the word after the cursor.
    fn word_after(&self) -> usize {
        let right = &self.text[self.cursor..];
        let word = right.trim_start_matches(|c: char| !c.is_alphanumeric());
        let rest = word.trim_start_matches(char::is_alphanumeric);
        let end = self.text.len() - rest.len();
        (end..=self.text.len()).find(|at| self.is_boundary(*at)).unwrap_or(self.text.len())
    }

    /// The beginning of what stands before the cursor without white space in it.
    fn blank_before(&self) -> usize {
        let left = self.text[..self.cursor].trim_end_matches(char::is_whitespace);
        self.boundary_below(left.trim_end_matches(|c: char| !c.is_whitespace()).len())
    }

    fn boundary_below(&self, at: usize) -> usize {
        (0..=at).rev().find(|at| self.is_boundary(*at)).unwrap_or(0)
    }

    /// The text in rows of so many columns, at most `rows_max` of them: those around the cursor. A
    /// single row is moved with the cursor. Line breaks are shown, not made.
    pub(super) fn shown(&self, columns: usize, rows_max: usize) -> Shown {
        let columns = columns.max(2);
        if rows_max <= 1 {
            return self.shown_in_one(columns);
        }
        let mut rows = vec![String::new()];
        let mut used = 0;
        let mut cursor = None;
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let picture = picture(grapheme);
            let width = picture.width().min(columns);
            if used + width > columns {
                rows.push(String::new());
                used = 0;
            }
            if at == self.cursor {
                cursor = Some((rows.len() - 1, used));
            }
            if let Some(row) = rows.last_mut() {
                row.push_str(&picture);
            }
            used += width;
        }
        let (row, column) = cursor.unwrap_or_else(|| {
            // The cursor's own cell behind the last character may need a row.
            if used == columns {
                rows.push(String::new());
                used = 0;
            }
            (rows.len() - 1, used)
        });
        let first = (row + 1).saturating_sub(rows_max);
        rows.drain(..first);
        rows.truncate(rows_max);
        Shown { rows, cursor: (row - first, column) }
    }

    fn shown_in_one(&self, columns: usize) -> Shown {
        let (left, right) = self.text.split_at(self.cursor);
        let mut column = 0;
        let mut before = Vec::new();
        // The cursor has a cell of its own.
        for grapheme in left.graphemes(true).rev() {
            let picture = picture(grapheme);
            if column + picture.width() >= columns {
                break;
            }
            column += picture.width();
            before.push(picture);
        }
        let mut row: String = before.into_iter().rev().collect();
        let mut used = column;
        for picture in right.graphemes(true).map(picture) {
            used += picture.width();
            if used > columns {
                break;
            }
            row.push_str(&picture);
        }
        Shown { rows: vec![row], cursor: (0, column) }
    }
}

/// How a grapheme of the text is shown.
fn picture(grapheme: &str) -> String {
    match grapheme {
        "\n" => "⏎".to_owned(),
        "\t" => "→".to_owned(),
        other => clean::line(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ctrl(c: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
    }

    fn alt(c: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT)
    }

    fn plain(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    fn typed(text: &str) -> Input {
        let mut input = Input::default();
        for c in text.chars() {
            assert!(input.key(plain(KeyCode::Char(c))));
        }
        input
    }

    /// The text with a bar at the cursor.
    fn state(input: &Input) -> String {
        let (left, right) = input.text().split_at(input.cursor());
        format!("{left}|{right}")
    }

    #[track_caller]
    fn edited(text: &str, keys: &[KeyEvent], expected: &str) {
        let mut input = typed(text);
        for key in keys {
            assert!(input.key(*key), "{key:?}");
        }
        assert_eq!(state(&input), expected);
    }

    #[test]
    fn moves_and_kills_are_those_of_readline() {
        let text = "one two-three four";
        edited(text, &[ctrl('a')], "|one two-three four");
        edited(text, &[ctrl('a'), ctrl('e')], "one two-three four|");
        edited(text, &[alt('b'), alt('b')], "one two-|three four");
        edited(text, &[ctrl('a'), alt('f'), alt('f')], "one two|-three four");
        edited(text, &[ctrl('w')], "one two-three |");
        edited(text, &[ctrl('w'), ctrl('w'), ctrl('y')], "one two-three four|");
        edited(text, &[ctrl('a'), ctrl('k'), ctrl('y'), ctrl('y')], &format!("{text}{text}|"));
        edited(text, &[alt('b'), ctrl('u')], "|four");
        edited(text, &[ctrl('a'), alt('d'), alt('d')], "|-three four");
        edited(text, &[plain(KeyCode::Left), plain(KeyCode::Delete)], "one two-three fou|");
        edited(text, &[plain(KeyCode::Left), plain(KeyCode::Backspace)], "one two-three fo|r");
        let right = KeyEvent::new(KeyCode::Right, KeyModifiers::CONTROL);
        edited(text, &[plain(KeyCode::Home), right], "one| two-three four");
        let rubout = KeyEvent::new(KeyCode::Backspace, KeyModifiers::ALT);
        edited(text, &[alt('b'), rubout], "one two-|four");
    }

    #[test]
    fn a_grapheme_is_one_step() {
        let family = "👩‍👩‍👧";
        let mut input = Input::default();
        input.insert(&format!("a{family}e\u{301}")).unwrap();
        input.key(plain(KeyCode::Left));
        assert_eq!(state(&input), format!("a{family}|e\u{301}"));
        input.key(plain(KeyCode::Backspace));
        assert_eq!(state(&input), "a|e\u{301}");
        input.key(plain(KeyCode::Delete));
        assert_eq!(state(&input), "a|");
    }

    #[test]
    fn history_goes_back_and_forth_and_keeps_the_draft() {
        let mut input = typed("first");
        assert_eq!(input.take(), "first");
        input.set("second");
        input.take();
        input.set("second");
        input.take();
        input.set("  ");
        input.take();
        input.set("draft");
        let mut seen = Vec::new();
        for code in [KeyCode::Up, KeyCode::Up, KeyCode::Up, KeyCode::Down, KeyCode::Down] {
            input.key(plain(code));
            seen.push(input.text().to_owned());
        }
        assert_eq!(seen, ["second", "first", "first", "second", "draft"]);
        for index in 0..2 * HISTORY_MAX {
            input.set(&index.to_string());
            input.take();
        }
        assert_eq!(input.history.len(), HISTORY_MAX);
    }

    #[test]
    fn a_paste_is_one_text_and_has_a_bound() {
        let mut input = Input::default();
        input.insert("one\r\ntwo\rthree\x1b[31m\tx").unwrap();
        assert_eq!(input.text(), "one\ntwo\nthree[31m\tx");
        assert_eq!(input.shown(80, 3).rows, ["one⏎two⏎three[31m→x"]);
        let before = input.text().to_owned();
        assert_eq!(input.insert(&"x".repeat(HELD_CHARS_MAX)), Err(HELD_CHARS_MAX + 19));
        assert_eq!(input.text(), before);
    }

    #[test]
    fn the_rows_around_the_cursor_are_shown() {
        let mut input = typed("abcdefgh");
        let shown = |rows: &[&str], cursor| Shown {
            rows: rows.iter().map(|row| (*row).to_owned()).collect(),
            cursor,
        };
        assert_eq!(input.shown(4, 9), shown(&["abcd", "efgh", ""], (2, 0)));
        assert_eq!(input.shown(4, 2), shown(&["efgh", ""], (1, 0)));
        input.key(ctrl('a'));
        assert_eq!(input.shown(4, 2), shown(&["abcd", "efgh"], (0, 0)));
        assert_eq!(input.shown(5, 2), shown(&["abcde", "fgh"], (0, 0)));
        input.set("日本語");
        assert_eq!(input.shown(5, 2), shown(&["日本", "語"], (1, 2)));
        input.set("");
        assert_eq!(input.shown(0, 0), shown(&[""], (0, 0)));
        input.set("abcdefgh");
        assert_eq!(input.shown(5, 1), shown(&["efgh"], (0, 4)));
        input.key(plain(KeyCode::Left));
        input.key(plain(KeyCode::Left));
        assert_eq!(input.shown(5, 1), shown(&["cdefg"], (0, 4)));
        input.key(ctrl('a'));
        assert_eq!(input.shown(5, 1), shown(&["abcde"], (0, 0)));
    }

    fn any_key() -> impl Strategy<Value = KeyEvent> {
        let code = prop_oneof![
            any::<char>().prop_map(KeyCode::Char),
            proptest::sample::select(
                "abdefhkuwy é\u{301}\u{200d}👩👍🏽🇩ㅏ가".chars().collect::<Vec<_>>()
            )
            .prop_map(KeyCode::Char),
            proptest::sample::select(vec![
                KeyCode::Left,
                KeyCode::Right,
                KeyCode::Home,
                KeyCode::End,
                KeyCode::Delete,
                KeyCode::Backspace,
                KeyCode::Up,
                KeyCode::Down,
                KeyCode::Enter,
            ]),
        ];
        (code, 0..8_u8)
            .prop_map(|(code, bits)| KeyEvent::new(code, KeyModifiers::from_bits_truncate(bits)))
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_between_graphemes(
            keys in proptest::collection::vec((any_key(), any::<bool>()), 0..60),
        ) {
            let mut input = Input::default();
            for (key, sends) in keys {
                input.key(key);
                prop_assert!(input.is_boundary(input.cursor()));
                let shown = input.shown(7, if sends { 1 } else { 3 });
                prop_assert!(shown.cursor.0 < shown.rows.len() && shown.cursor.1 <= 7);
                if sends && key.code == KeyCode::End {
                    input.take();
                }
            }
        }
    }
}
