//! The lines of the log: a bounded number of them, which part is seen, and what is new.
//!
//! Who writes them, and how they look, is not known here.

use std::collections::VecDeque;

use ratatui::text::Line as Row;

use super::line::{self, Line};
use super::look::Look;

/// At most so many lines are kept; the oldest go.
pub(super) const LINES_MAX: usize = 5000;

/// Nor do they take more memory than this.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// A row of the log: a line, and which of its rows.
type Place = (usize, usize);

/// The log.
#[derive(Debug)]
pub(super) struct Log {
    lines: VecDeque<Line>,
    /// What the lines take.
    bytes: usize,
    next_id: u64,
    look: Look,
    width: usize,
    height: usize,
    /// The first row that is seen; `None`: the last ones are.
    top: Option<Place>,
    /// Whether somebody looks at the terminal.
    focused: bool,
    unread: usize,
    /// The first line that came while nobody looked.
    fresh: Option<u64>,
    /// Where the stay in the room one is in begins.
    stay: usize,
}

impl Log {
    pub(super) fn new(look: Look) -> Log {
        Log {
            lines: VecDeque::new(),
            bytes: 0,
            next_id: 0,
            look,
            width: 80,
            height: 20,
            top: None,
            focused: true,
            unread: 0,
            fresh: None,
            stay: 0,
        }
    }

    /// Adds a line at the end and gives its id. `counts`: it is to be seen as unread.
    pub(super) fn push(&mut self, mut line: Line, counts: bool) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        line.id = id;
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            self.drop_first();
        }
        if counts && !self.is_seen() {
            self.unread += 1;
            self.fresh.get_or_insert(id);
        }
        id
    }

    fn drop_first(&mut self) {
        let Some(first) = self.lines.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(first.bytes());
        self.stay = self.stay.saturating_sub(1);
        self.top = self.top.map(|(line, row)| match line.checked_sub(1) {
            Some(line) => (line, row),
            None => (0, 0),
        });
    }

    /// From here on one is in another room.
    pub(super) fn begin_stay(&mut self) {
        self.stay = self.lines.len();
    }

    /// Puts older lines of the room at the beginning of the stay; what there is no room for, the
    /// oldest, is left out. How many there were put.
    pub(super) fn insert_older(&mut self, mut older: Vec<Line>) -> usize {
        let room = LINES_MAX.saturating_sub(self.lines.len());
        older.drain(..older.len().saturating_sub(room));
        let bytes: usize = older.iter().map(Line::bytes).sum();
        if self.bytes + bytes > BYTES_MAX {
            return 0;
        }
        self.bytes += bytes;
        let count = older.len();
        let stay = (self.stay.min(self.lines.len()), 0);
        let above_stay = self.top.filter(|top| *top < stay).map(|top| self.rows_between(top, stay));
        let rest = self.lines.split_off(self.stay.min(self.lines.len()));
        for mut line in older {
            line.id = self.next_id;
            self.next_id += 1;
            self.lines.push_back(line);
        }
        self.lines.extend(rest);
        // What is seen of the stay stands still.
        self.top = match (self.top, above_stay) {
            (None, _) => None,
            (Some(_), Some(rows)) => Some(self.above((stay.0 + count, 0), rows)),
            (Some((line, row)), None) => Some((line + count, row)),
        };
        count
    }

    fn rows_between(&self, from: Place, to: Place) -> usize {
        let rows = (from.0..to.0).map(|line| self.rows(line).len()).sum::<usize>();
        (rows + to.1).saturating_sub(from.1)
    }

    /// The line of this id, if it still stands.
    pub(super) fn line_mut(&mut self, id: u64) -> Option<&mut Line> {
        self.lines.iter_mut().rev().find(|line| line.id == id)
    }

    /// All lines, the last first.
    pub(super) fn lines_mut(&mut self) -> impl Iterator<Item = &mut Line> {
        self.lines.iter_mut().rev()
    }

    /// Forgets all lines.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.bytes = 0;
        (self.top, self.fresh, self.unread, self.stay) = (None, None, 0, 0);
    }

    /// How much of it is seen at once.
    pub(super) fn resize(&mut self, width: usize, height: usize) {
        if (self.width, self.height) == (width, height) {
            return;
        }
        (self.width, self.height) = (width, height);
        if let Some((line, row)) = self.top {
            // The same line stays on top, in other rows.
            let rows = self.rows(line).len();
            self.look_from((line, row.min(rows.saturating_sub(1))));
        }
    }

    /// Whether somebody looks at the terminal.
    pub(super) fn focus(&mut self, focused: bool) {
        if !focused && self.is_seen() {
            self.fresh = None;
        }
        self.focused = focused;
        self.see();
    }

    /// Whether somebody looks at the terminal, as far as it tells.
    pub(super) fn is_focused(&self) -> bool {
        self.focused
    }

    fn is_seen(&self) -> bool {
        self.focused && self.top.is_none()
    }

    fn see(&mut self) {
        if self.is_seen() {
            self.unread = 0;
        }
    }

    /// Nothing is new any more: whoever answers has read.
    pub(super) fn forget_fresh(&mut self) {
        if self.is_seen() {
            self.fresh = None;
        }
    }

    /// How many lines came that nobody has seen.
    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// Whether the end is seen.
    pub(super) fn is_at_end(&self) -> bool {
        self.top.is_none()
    }

    /// Whether the beginning of the stay is seen, or what was before it.
    pub(super) fn is_at_beginning(&self) -> bool {
        self.top.unwrap_or_else(|| self.top_at_end()).0 <= self.stay
    }

    /// Up by so many rows.
    pub(super) fn scroll_up(&mut self, rows: usize) {
        let top = self.top.unwrap_or_else(|| self.top_at_end());
        self.look_from(self.above(top, rows));
    }

    /// Down by so many rows.
    pub(super) fn scroll_down(&mut self, rows: usize) {
        let Some((mut line, mut row)) = self.top else { return };
        row += rows;
        while line < self.lines.len() {
            let height = self.rows(line).len();
            if row < height {
                break;
            }
            row -= height;
            line += 1;
        }
        self.look_from((line, row));
    }

    /// To the first line.
    pub(super) fn scroll_home(&mut self) {
        self.look_from((0, 0));
    }

    /// To the last line.
    pub(super) fn scroll_end(&mut self) {
        self.top = None;
        self.see();
    }

    /// To the beginning of the last line, which may be longer than what is seen at once.
    pub(super) fn scroll_to_last(&mut self) {
        self.look_from((self.lines.len().saturating_sub(1), 0));
    }

    /// One page, less a row to find one's place.
    pub(super) fn page(&self) -> usize {
        self.height.saturating_sub(1).max(1)
    }

    fn look_from(&mut self, top: Place) {
        if top >= self.top_at_end() {
            self.scroll_end();
            return;
        }
        if self.top.is_none() && self.unread == 0 {
            self.fresh = None;
        }
        self.top = Some(top);
    }

    fn top_at_end(&self) -> Place {
        self.above((self.lines.len(), 0), self.height)
    }

    fn above(&self, (mut line, mut row): Place, mut rows: usize) -> Place {
        while rows > row {
            rows -= row;
            let Some(above) = line.checked_sub(1) else { return (0, 0) };
            line = above;
            row = self.rows(line).len();
        }
        (line, row - rows)
    }

    /// The rows that are seen, at most as many as the height.
    pub(super) fn seen(&self) -> Vec<Row<'static>> {
        let (first, skip) = self.top.unwrap_or_else(|| self.top_at_end());
        let rows = (first..self.lines.len()).flat_map(|line| self.rows(line));
        rows.skip(skip).take(self.height).collect()
    }

    /// A line's rows, with what stands above it: a new day, the mark of what is new.
    fn rows(&self, index: usize) -> Vec<Row<'static>> {
        let Some(line) = self.lines.get(index) else { return Vec::new() };
        let mut rows = Vec::new();
        let before = index.checked_sub(1).and_then(|before| self.lines.get(before));
        if before.is_none_or(|before| before.day != line.day) {
            rows.push(line::day_rule(line.day, self.width, self.look));
        }
        if self.fresh == Some(line.id) {
            rows.push(line::rule("new messages", self.width, self.look.fresh()));
        }
        rows.extend(line.rows(self.width, self.look));
        rows
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::line::Body;
    use super::*;

    fn line(text: &str) -> Line {
        Line { id: 0, day: date(2026, 1, 31), time: "12:34".into(), body: Body::Told(text.into()) }
    }

    fn log(lines: std::ops::Range<usize>) -> Log {
        let mut log = Log::new(Look::plain());
        log.resize(20, 4);
        for number in lines {
            log.push(line(&number.to_string()), true);
        }
        log
    }

    /// What is seen, without its marks.
    fn seen(log: &Log) -> Vec<String> {
        let rows = log.seen();
        rows.iter().map(|row| row.to_string().replace("· ", "").replace(['─', ' '], "")).collect()
    }

    #[test]
    fn the_end_is_seen_until_one_scrolls() {
        let mut log = log(1..11);
        assert_eq!(seen(&log), ["7", "8", "9", "10"]);
        log.scroll_up(3);
        assert_eq!(seen(&log), ["4", "5", "6", "7"]);
        log.push(line("11"), true);
        assert_eq!((seen(&log), log.unread()), (["4", "5", "6", "7"].map(String::from).into(), 1));
        log.scroll_down(100);
        assert_eq!(seen(&log), ["9", "10", "newmessages", "11"]);
        assert_eq!(log.unread(), 0);
        log.scroll_home();
        assert_eq!(seen(&log), ["31January2026", "1", "2", "3"]);
        log.scroll_up(5);
        log.scroll_down(1);
        assert_eq!(seen(&log), ["1", "2", "3", "4"]);
        log.scroll_end();
        log.forget_fresh();
        assert_eq!(seen(&log), ["8", "9", "10", "11"]);
    }

    #[test]
    fn what_fits_is_not_scrolled() {
        let mut log = log(1..3);
        log.scroll_up(5);
        assert!(log.is_at_end() && log.is_at_beginning());
        assert_eq!(seen(&log), ["31January2026", "1", "2"]);
    }

    #[test]
    fn what_comes_unseen_is_marked() {
        let mut log = log(1..3);
        log.focus(false);
        for text in ["3", "4"] {
            log.push(line(text), true);
        }
        log.push(line("5"), false);
        assert_eq!(log.unread(), 2);
        log.focus(true);
        log.resize(20, 5);
        assert_eq!((log.unread(), seen(&log)[1].as_str()), (0, "newmessages"));
        log.focus(false);
        assert!(!seen(&log).contains(&"newmessages".to_owned()));
    }

    #[test]
    fn older_lines_come_above_and_nothing_jumps() {
        let mut log = log(100..101);
        log.begin_stay();
        for number in 10..20 {
            log.push(line(&number.to_string()), false);
        }
        log.scroll_up(7);
        assert_eq!(seen(&log), ["100", "10", "11", "12"]);
        assert!(log.is_at_beginning());
        log.scroll_down(1);
        assert_eq!(log.insert_older(vec![line("8"), line("9")]), 2);
        assert_eq!(seen(&log), ["10", "11", "12", "13"]);
        log.scroll_up(3);
        assert_eq!(seen(&log), ["100", "8", "9", "10"]);
        assert_eq!(log.insert_older(vec![line("6"), line("7")]), 2);
        assert_eq!(seen(&log), ["7", "8", "9", "10"]);
        log.scroll_home();
        assert_eq!(log.insert_older(vec![line("4"), line("5")]), 2);
        assert_eq!(seen(&log), ["4", "5", "6", "7"]);
    }

    #[test]
    fn the_number_of_lines_is_bounded() {
        let mut log = log(0..LINES_MAX);
        log.scroll_up(3);
        let before = seen(&log);
        log.push(line("new"), true);
        assert_eq!(log.lines.len(), LINES_MAX);
        assert_eq!(seen(&log), before);
        assert_eq!(log.insert_older(vec![line("older")]), 0);
        log.scroll_home();
        log.push(line("newer"), true);
        assert_eq!(seen(&log), ["31January2026", "2", "3", "4"]);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut log = log(0..0);
        let long = "x".repeat(100_000);
        for _ in 0..1000 {
            log.push(line(&long), false);
        }
        let held: usize = log.lines.iter().map(Line::bytes).sum();
        assert!(held == log.bytes && held <= BYTES_MAX && log.lines.len() > 100);
        assert_eq!(log.insert_older(vec![line(&long)]), 0);
        log.clear();
        assert_eq!(log.bytes, 0);
    }

    #[test]
    fn another_width_keeps_the_line_on_top() {
        let mut log = Log::new(Look::plain());
        log.resize(20, 4);
        for number in 0..9 {
            log.push(line(&format!("{number} some words to be wrapped, and more")), false);
        }
        log.scroll_up(10);
        let before = log.top;
        log.resize(80, 4);
        assert_eq!(log.top.map(|top| top.0), before.map(|top| top.0));
        log.resize(5, 2);
        log.resize(0, 0);
        assert!(log.seen().is_empty());
    }
}
