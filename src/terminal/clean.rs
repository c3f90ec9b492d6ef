//! What others send, made harmless for a terminal.
//!
//! Texts and names cross the wire as they were typed, so they may hold escape sequences, controls,
//! marks that turn the writing direction, characters that cannot be seen, and towers of combining
//! marks. Everything that reaches the screen, or a line of the line mode, has been through here.
//! What is taken away is shown to have been there. Who says something is not judged here.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Stands for what has no picture of its own.
const REPLACEMENT: char = '\u{fffd}';

/// What a mark without anything to stand on is set on.
const DOTTED_CIRCLE: char = '\u{25cc}';

/// At most so many characters without width follow one that has some.
const MARKS_MAX: usize = 4;

/// At most so many joiners hold one emoji together: a family of four has three.
const JOINERS_MAX: usize = 4;

/// At most so many columns are taken by what counts as one character: letters of some scripts are
/// joined, or lengthened by vowels, without an end. What is wider than a row would not be seen at all.
const COLUMNS_MAX: usize = 8;

/// At most so many line breaks of a text are kept, so that one message does not fill the screen.
const BREAKS_MAX: usize = 20;

/// At most so many characters of a text are shown. The longest that a daemon lets through, a value of
/// a WebSocket client's, has 8 KiB.
const CHARS_MAX: usize = 10_000;

/// A text of one or more lines: its line breaks stay, everything else that is no plain character is
/// replaced. Never wider than two columns for each of its characters, but for tabs, which take four.
pub(super) fn text(text: &str) -> String {
    let mut out = String::new();
    let (text, is_cut) = cut(text);
    let unified = text.replace("\r\n", "\n");
    for (index, line) in unified.split('\n').enumerate() {
        match index {
            0 => {}
            1..=BREAKS_MAX => out.push('\n'),
            _ => out.push('⏎'),
        }
        line_into(line, &mut out);
    }
    if is_cut {
        out.push('…');
    }
    narrowed(out)
}

/// A text that stands in one line: its line breaks are replaced too.
pub(super) fn line(text: &str) -> String {
    let mut out = String::new();
    let (text, is_cut) = cut(text);
    line_into(text, &mut out);
    if is_cut {
        out.push('…');
    }
    narrowed(out)
}

/// The beginning of a text, and whether there is more of it.
fn cut(text: &str) -> (&str, bool) {
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => (&text[..at], true),
        None => (text, false),
    }
}

/// Whether a character is to be seen by nobody, or does something to a terminal.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control() || is_format(c)
}

fn line_into(text: &str, out: &mut String) {
    let mut chars = text.chars().peekable();
    let mut last = None;
    let (mut marks, mut joiners) = (0, 0);
    while let Some(c) = chars.next() {
        let shown = match c {
            '\t' => {
                out.push_str("    ");
                last = Some(' ');
                marks = 0;
                continue;
            }
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(REPLACEMENT),
            '\x7f' => '\u{2421}',
            '\u{200c}' | '\u{200d}' if joins(last, chars.peek().copied()) => {
                joiners += 1;
                if joiners > JOINERS_MAX { REPLACEMENT } else { c }
            }
            c if is_hidden(c) => REPLACEMENT,
            c => c,
        };
        if is_mark(shown) {
            marks += 1;
            match last {
                None => out.push(DOTTED_CIRCLE),
                // One sign for all that are too many.
                Some(_) if marks == MARKS_MAX + 1 => {
                    out.push(REPLACEMENT);
                    last = Some(REPLACEMENT);
                    continue;
                }
                Some(_) if marks > MARKS_MAX => continue,
                Some(_) => {}
            }
        } else if shown == REPLACEMENT && last == Some(REPLACEMENT) {
            continue;
        } else {
            marks = 0;
            if !continues_emoji(last) {
                joiners = 0;
            }
        }
        out.push(shown);
        last = Some(shown);
    }
}

/// Cuts off what makes one character too wide.
fn narrowed(text: String) -> String {
    let fits = |grapheme: &str| grapheme.width() <= COLUMNS_MAX;
    if text.is_ascii() || text.graphemes(true).all(fits) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        if fits(grapheme) {
            out.push_str(grapheme);
            continue;
        }
        let mut left = COLUMNS_MAX;
        for c in grapheme.chars() {
            let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else { break };
            left = rest;
            out.push(c);
        }
        out.push(REPLACEMENT);
    }
    out
}

/// Whether a joiner between these two has a meaning: in an emoji of several parts, or between
/// letters of a script that knows it.
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let is_part =
        |c: char| matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}');
    let is_letter = |c: char| {
        matches!(c, '\u{600}'..='\u{109f}' | '\u{1780}'..='\u{18af}')
            && (c.is_alphabetic() || is_mark(c))
    };
    is_part(before) && is_part(after) || is_letter(before) && is_letter(after)
}

fn continues_emoji(last: Option<char>) -> bool {
    matches!(last, Some('\u{200c}' | '\u{200d}'))
}

/// Whether a character takes no room of its own.
fn is_mark(c: char) -> bool {
    c.width() == Some(0)
}

/// The characters of general category Cf, and others that are not seen: fillers, separators of
/// lines, the tags and other ignorable ones, noncharacters.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// How many columns a text of one line takes.
pub(super) fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// As much of a text's beginning as fits into so many columns; where something is cut off, the
/// last of them shows it.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = columns.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let Some(rest) = left.checked_sub(grapheme.width()) else { break };
        left = rest;
        out.push_str(grapheme);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// Cuts a text into rows of at most so many columns: at its line breaks, else between words, else
/// anywhere between two characters. At least one row; a character that is wider than a row has one
/// of its own. The rows are given as parts of the text.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        wrap_line(line, start, columns.max(1), &mut rows);
        start += line.len() + 1;
    }
    rows
}

fn wrap_line(line: &str, base: usize, columns: usize, rows: &mut Vec<Range<usize>>) {
    let (mut start, mut used) = (0, 0);
    // Where a next row could begin, and how much of this one stands behind that.
    let (mut word, mut behind) = (0, 0);
    let mut push = |start: usize, end: usize| {
        let end = start + line[start..end].trim_end_matches(' ').len();
        rows.push(base + start..base + end);
    };
    for (at, grapheme) in line.grapheme_indices(true) {
        let width = grapheme.width();
        if used + width > columns && at > start && grapheme != " " {
            if word > start {
                push(start, word);
                (start, used) = (word, behind);
            }
            if used + width > columns && at > start {
                push(start, at);
                (start, used, word) = (at, 0, at);
            }
        }
        used += width;
        behind += width;
        if grapheme == " " {
            (word, behind) = (at + 1, 0);
        }
    }
    push(start, line.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str, columns: usize) -> Vec<&str> {
        wrap(text, columns).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn plain_text_of_any_script_stays() {
        for plain in [
            "hello, world",
            "Grüße, Zoë",
            "日本語のテキスト",
            "नमस्ते क्ष",
            "مرحبا",
            "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 ☀️ 🇩🇪",
            "e\u{301}a\u{308}",
            "ذخيره\u{200c}سازی",
            "a\nb",
        ] {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn what_would_act_is_shown_instead() {
        for (evil, shown) in [
            ("\x1b[2J\x07", "␛[2J␇"),
            ("\x1b]0;title\x1b\\", "␛]0;title␛\\"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("a\u{7f}b\0", "a␡b␀"),
            ("abc\u{202e}cba\u{2066}", "abc\u{fffd}cba\u{fffd}"),
            ("a\u{200b}\u{200b}\u{feff}b", "a\u{fffd}b"),
            ("a\u{200d}b", "a\u{fffd}b"),
            ("\u{e0041}\u{3164}", "\u{fffd}"),
            ("one\r\ntwo\rthree", "one\ntwo␍three"),
            ("a\tb", "a    b"),
            ("\u{301}x", "◌\u{301}x"),
            ("\u{2028}", "\u{fffd}"),
        ] {
            assert_eq!(text(evil), shown, "{evil:?}");
        }
        assert_eq!(line("bob\n12:34 <al> hi"), "bob␊12:34 <al> hi");
    }

    #[test]
    fn towers_of_marks_are_cut() {
        let tower = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(text(&tower), format!("a{}\u{fffd}b", "\u{301}".repeat(4)));
        let chain = vec!["👩"; 500].join("\u{200d}");
        for grapheme in text(&chain).graphemes(true) {
            assert!(grapheme.matches('\u{200d}').count() <= JOINERS_MAX, "{grapheme}");
        }
        // Joined by viramas, and lengthened by vowels that take room: one character each.
        for endless in ["\u{915}\u{94d}".repeat(100), format!("क{}", "\u{93e}".repeat(100))] {
            let shown = text(&format!("{endless} b"));
            assert!(shown.ends_with("\u{fffd} b"), "{shown}");
            assert!(shown.graphemes(true).all(|grapheme| grapheme.width() <= COLUMNS_MAX));
        }
    }

    #[test]
    fn there_is_an_end_to_a_text() {
        let long = "ü".repeat(10 * CHARS_MAX);
        for shown in [text(&long), line(&long)] {
            assert_eq!((shown.chars().count(), shown.ends_with("ü…")), (CHARS_MAX + 1, true));
        }
        let lines = text(&"x\n".repeat(100));
        assert_eq!(lines.lines().count(), BREAKS_MAX + 1);
    }

    #[test]
    fn rows_end_between_words_where_they_can() {
        let wrap = |text, columns| cut(text, columns);
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("日本語", 1), ["日", "本", "語"]);
        assert_eq!(wrap("one\n\ntwo", 9), ["one", "", "two"]);
        assert_eq!(wrap("", 9), [""]);
        assert_eq!(wrap("ab   cd", 3), ["ab", "cd"]);
    }

    #[test]
    fn what_is_cut_off_is_marked() {
        assert_eq!(fit("alice", 5), "alice");
        assert_eq!(fit("alice", 4), "ali…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("alice", 0), "");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(input in any::<String>()) {
            let shown = text(&input);
            for c in shown.chars() {
                let joins = c == '\u{200c}' || c == '\u{200d}';
                prop_assert!(c == '\n' || joins || !is_hidden(c), "{c:?}");
            }
            prop_assert!(!line(&input).contains('\n'));
            let tabs = input.matches('\t').count();
            prop_assert!(width(&shown) <= 2 * input.chars().count() + 2 * tabs);
        }

        #[test]
        fn rows_hold_everything_and_fit(input in "[ab日 \n👍\u{301}]{0,60}", columns in 2..12_usize) {
            let rows = cut(&input, columns);
            for row in &rows {
                prop_assert!(width(row) <= columns, "{row:?}");
            }
            let joined: String = rows.concat().replace(' ', "");
            prop_assert_eq!(joined, input.replace([' ', '\n'], ""));
        }
    }
}
