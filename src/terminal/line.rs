//! One line of the log, and how it is laid out in rows.

use std::ops::Range;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line as Row, Span};

use super::clean;
use super::look::Look;

/// What stands in the log. All texts have been cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Names the line as long as it stands.
    pub(super) id: u64,
    /// The local day.
    pub(super) day: Date,
    /// The local time, as `12:34`.
    pub(super) time: String,
    /// What it says.
    pub(super) body: Body,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// Somebody said something.
    Said(Said),
    /// Something happened; the sign says what kind of thing.
    News(char, String),
    /// For who reads alone: what a command gave.
    Told(String),
    /// The same, of many lines that stand beneath each other.
    Page(String),
    /// Something went wrong.
    Trouble(String),
    /// From here on one is in this room.
    Room(String),
}

/// Something that was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// By whom.
    pub(super) from: String,
    /// What.
    pub(super) text: String,
    /// By oneself.
    pub(super) own: bool,
    /// It is for one person alone; the name is that person's where one says it oneself.
    pub(super) private: Option<String>,
    /// It has one's own name in it.
    pub(super) calls: bool,
    /// How far it has come.
    pub(super) fate: Fate,
}

impl Said {
    /// Whether who reads is meant above all others.
    pub(super) fn is_for_one(&self) -> bool {
        !self.own && (self.calls || self.private.is_some())
    }
}

/// How far one's own message has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was said.
    #[default]
    Arrived,
    /// The server has not acknowledged it yet.
    Pending,
    /// It was not said, for this reason.
    Failed(String),
}

/// Tells the local time.
#[derive(Debug, Clone)]
pub(super) struct Clock(pub(super) TimeZone);

impl Clock {
    /// The local day, and the time as `12:34`.
    pub(super) fn local(&self, at: SystemTime) -> (Date, String) {
        let at = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = at.to_zoned(self.0.clone());
        (local.date(), local.strftime("%H:%M").to_string())
    }
}

/// How lines share a width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    width: usize,
    /// For the time and a space.
    time: usize,
    /// For names, at their right end. 0: they stand before the text.
    name: usize,
}

impl Columns {
    fn of(width: usize) -> Columns {
        match width {
            0..32 => Columns { width, time: 0, name: 0 },
            32..56 => Columns { width, time: 6, name: 0 },
            56..90 => Columns { width, time: 6, name: 12 },
            _ => Columns { width, time: 6, name: 16 },
        }
    }
}

/// Parts of a text, each with its style.
type Pieces = Vec<(String, Style)>;

impl Line {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let texts = match &self.body {
            Body::Said(said) => said.from.len() + said.text.len(),
            Body::News(_, text)
            | Body::Told(text)
            | Body::Page(text)
            | Body::Trouble(text)
            | Body::Room(text) => text.len(),
        };
        size_of::<Line>() + texts
    }

    /// The rows it takes in so many columns; at least one.
    pub(super) fn rows(&self, width: usize, look: Look) -> Vec<Row<'static>> {
        let columns = Columns::of(width);
        match &self.body {
            Body::Said(said) => self.said(said, columns, look),
            Body::News(sign, text) => {
                self.sentence(&sign.to_string(), text, look.faint(), columns, look)
            }
            Body::Told(text) => self.sentence("·", text, Style::new(), columns, look),
            Body::Page(text) => {
                let rows = clean::wrap(text, width).into_iter();
                rows.filter_map(|row| Some(Row::from(text.get(row)?.to_owned()))).collect()
            }
            Body::Trouble(text) => self.sentence("!", text, look.trouble(), columns, look),
            Body::Room(text) => vec![rule(text, width, Style::new().add_modifier(Modifier::BOLD))],
        }
    }

    fn said(&self, said: &Said, columns: Columns, look: Look) -> Vec<Row<'static>> {
        let mut style = look.name(&said.from).add_modifier(Modifier::BOLD);
        if said.calls {
            style = style.add_modifier(Modifier::REVERSED);
        }
        let text_style = match said.fate {
            Fate::Pending => look.faint(),
            _ => Style::new(),
        };
        let mut pieces = Pieces::new();
        match (&said.private, said.own) {
            (None, _) => {}
            (Some(to), true) => pieces.push((format!("[private to {to}] "), look.private())),
            (Some(_), false) => pieces.push(("[private] ".into(), look.private())),
        }
        pieces.push((said.text.clone(), text_style));
        if let Fate::Failed(why) = &said.fate {
            pieces.push((format!(" [not sent: {why}]"), look.trouble()));
        }
        if columns.name == 0 {
            pieces.insert(0, (format!("{}: ", said.from), style));
            return self.flow("", style, pieces, columns, look);
        }
        self.flow(&said.from, style, pieces, columns, look)
    }

    fn sentence(
        &self,
        sign: &str,
        text: &str,
        style: Style,
        columns: Columns,
        look: Look,
    ) -> Vec<Row<'static>> {
        let mut pieces = vec![(text.to_owned(), style)];
        if columns.name == 0 {
            pieces.insert(0, (format!("{sign} "), style));
        }
        self.flow(sign, style, pieces, columns, look)
    }

    /// The time and what stands in the names' column before the first row; beneath them, nothing.
    fn flow(
        &self,
        name: &str,
        name_style: Style,
        pieces: Pieces,
        columns: Columns,
        look: Look,
    ) -> Vec<Row<'static>> {
        let bar = if columns.name > 0 { " │ " } else { "" };
        let margin = columns.time + columns.name + clean::width(bar);
        let text: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
        let mut rows = Vec::new();
        for range in clean::wrap(&text, columns.width.saturating_sub(margin)) {
            let mut spans = Vec::new();
            let is_first = rows.is_empty();
            if columns.time > 0 {
                let time = if is_first { format!("{} ", self.time) } else { " ".repeat(6) };
                spans.push(Span::styled(time, look.faint()));
            }
            if columns.name > 0 {
                let name = if is_first { clean::fit(name, columns.name) } else { String::new() };
                let blank = columns.name.saturating_sub(clean::width(&name));
                spans.push(Span::raw(" ".repeat(blank)));
                spans.push(Span::styled(name, name_style));
                spans.push(Span::styled(bar, look.faint()));
            }
            styled(&pieces, range, &mut spans);
            rows.push(Row::from(spans));
        }
        rows
    }
}

/// The part of the pieces that stands in one row.
fn styled(pieces: &Pieces, row: Range<usize>, spans: &mut Vec<Span<'static>>) {
    let mut start = 0;
    for (text, style) in pieces {
        let from = row.start.max(start) - start;
        let to = row.end.min(start + text.len()).saturating_sub(start);
        if let Some(part) = text.get(from..to).filter(|part| !part.is_empty()) {
            spans.push(Span::styled(part.to_owned(), *style));
        }
        start += text.len();
    }
}

/// A line across, with words in it.
pub(super) fn rule(words: &str, width: usize, style: Style) -> Row<'static> {
    let words = clean::fit(words, width.saturating_sub(4));
    let left = width.saturating_sub(clean::width(&words) + 2) / 2;
    let right = width.saturating_sub(clean::width(&words) + 2 + left);
    let (left, right) = ("─".repeat(left), "─".repeat(right));
    Row::from(Span::styled(format!("{left} {words} {right}"), style))
}

/// The words that stand above a day's first line.
pub(super) fn day_rule(day: Date, width: usize, look: Look) -> Row<'static> {
    let format = if width < 34 { "%-d %B %Y" } else { "%A, %-d %B %Y" };
    rule(&day.strftime(format).to_string(), width, look.faint())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(body: Body) -> Line {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (day, time) = Clock(TimeZone::UTC).local(at);
        Line { id: 0, day, time, body }
    }

    #[track_caller]
    fn laid(body: Body, width: usize, expected: &[&str]) {
        let rows = line(body).rows(width, Look::plain());
        let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
        assert_eq!(rows, expected, "{width}");
    }

    fn said(text: &str) -> Said {
        Said { from: "alice".into(), text: text.into(), ..Said::default() }
    }

    #[test]
    fn names_stand_in_a_column_where_there_is_room() {
        let body = || Body::Said(said("hello there, all of you who read what I write here"));
        laid(
            body(),
            58,
            &[
                "22:13        alice │ hello there, all of you who read what",
                "                   │ I write here",
            ],
        );
        laid(
            body(),
            36,
            &["22:13 alice: hello there, all of you", "      who read what I write here"],
        );
        laid(body(), 20, &["alice: hello there,", "all of you who read", "what I write here"]);
        let long = Said { from: "a very long name indeed".into(), ..said("hi") };
        laid(Body::Said(long), 58, &["22:13 a very long… │ hi"]);
    }

    #[test]
    fn marks_say_what_kind_of_line_it_is() {
        laid(Body::News('→', "bob came".into()), 58, &["22:13            → │ bob came"]);
        laid(Body::News('→', "bob came".into()), 40, &["22:13 → bob came"]);
        laid(Body::Trouble("no".into()), 20, &["! no"]);
        laid(
            Body::Told("one\ntwo".into()),
            58,
            &["22:13            · │ one", "                   │ two"],
        );
        let private = Said { private: Some(String::new()), ..said("psst") };
        laid(Body::Said(private), 58, &["22:13        alice │ [private] psst"]);
        let failed = Said {
            own: true,
            private: Some("bob".into()),
            fate: Fate::Failed("not connected".into()),
            ..said("psst")
        };
        laid(
            Body::Said(failed),
            58,
            &[
                "22:13        alice │ [private to bob] psst [not sent: not",
                "                   │ connected]",
            ],
        );
        laid(Body::Room("general".into()), 20, &["───── general ──────"]);
    }

    #[test]
    fn no_width_is_too_small() {
        for width in 0..60 {
            let body = Body::Said(said("日本語 👩‍👩‍👧‍👦 and more"));
            let rows = line(body).rows(width, Look::plain());
            assert!(width < 20 || rows.iter().all(|row| row.width() <= width), "{width}");
            assert!(rule("words", width, Style::new()).width() <= width.max(2));
        }
    }
}
