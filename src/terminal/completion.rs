//! The tab key: commands, names and rooms that begin like what stands before the cursor.
//!
//! Each further tab gives the next that fits, as in other chat programs.

use super::commands::{COMMANDS, find, quoted};
use super::input::Input;

/// What can be meant.
pub(super) struct Known<'a> {
    /// The room's members, who spoke last first.
    pub(super) names: &'a [String],
    /// The rooms.
    pub(super) rooms: &'a [String],
}

/// The words that fit, while tab is pressed again and again.
#[derive(Debug, Default)]
pub(super) struct Completion {
    turns: Option<Turns>,
}

#[derive(Debug)]
struct Turns {
    /// Where the word begins and where the one that is shown ends.
    range: std::ops::Range<usize>,
    words: Vec<String>,
    shown: usize,
}

impl Completion {
    /// Another key than tab was pressed.
    pub(super) fn reset(&mut self) {
        self.turns = None;
    }

    /// Completes the word before the cursor, or shows the next or the previous one that fits.
    /// Whether there is any.
    pub(super) fn tab(&mut self, input: &mut Input, known: &Known<'_>, backwards: bool) -> bool {
        self.turns.take_if(|turns| !turns.stand_in(input));
        match &mut self.turns {
            Some(turns) => {
                let count = turns.words.len();
                turns.shown = (turns.shown + if backwards { count - 1 } else { 1 }) % count;
            }
            None => {
                let (start, words) = candidates(&input.text()[..input.cursor()], known);
                if words.is_empty() {
                    return false;
                }
                let shown = if backwards { words.len() - 1 } else { 0 };
                self.turns = Some(Turns { range: start..input.cursor(), words, shown });
            }
        }
        let Some(turns) = &mut self.turns else { return false };
        let Some(word) = turns.words.get(turns.shown) else { return false };
        input.replace(turns.range.clone(), word);
        turns.range.end = input.cursor();
        true
    }
}

impl Turns {
    /// Whether the word that was shown last still stands before the cursor: the box may have been
    /// emptied by something else than a key.
    fn stand_in(&self, input: &Input) -> bool {
        let there = input.text().get(self.range.clone());
        self.range.end == input.cursor() && there == self.words.get(self.shown).map(String::as_str)
    }
}

/// Where the word to complete begins, and what it may become.
fn candidates(before: &str, known: &Known<'_>) -> (usize, Vec<String>) {
    let command = before.strip_prefix('/').filter(|rest| !rest.starts_with('/'));
    let Some(rest) = command else { return name_in_text(before, known) };
    let Some((command, argument)) = rest.split_once(' ') else {
        let names = COMMANDS.iter().map(|command| command.name);
        let fits = names.filter(|name| begins(name, rest));
        return (0, fits.map(|name| format!("/{name} ")).collect());
    };
    let start = before.len() - argument.len();
    match find(command).map(|command| command.name) {
        Some("join") => (start, fitting(known.rooms, argument)),
        Some("msg") => {
            let open = argument.strip_prefix('"');
            if open.unwrap_or(argument).contains(if open.is_some() { '"' } else { ' ' }) {
                return name_in_text(before, known);
            }
            let names = fitting(known.names, open.unwrap_or(argument));
            (start, names.iter().map(|name| format!("{} ", quoted(name))).collect())
        }
        Some("help") => {
            let names = COMMANDS.iter().map(|command| command.name.to_owned());
            (start, fitting(&names.collect::<Vec<_>>(), argument))
        }
        _ => name_in_text(before, known),
    }
}

/// A member's name; who is addressed at the beginning of a text gets a colon.
fn name_in_text(before: &str, known: &Known<'_>) -> (usize, Vec<String>) {
    let start = before
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let word = &before[start..];
    let word_alone = word.strip_prefix('@').unwrap_or(word);
    if word_alone.is_empty() {
        return (start, Vec::new());
    }
    let start = start + word.len() - word_alone.len();
    let end = if start == 0 { ": " } else { " " };
    let names = fitting(known.names, word_alone);
    (start, names.iter().map(|name| format!("{name}{end}")).collect())
}

fn fitting(words: &[String], start: &str) -> Vec<String> {
    words.iter().filter(|word| begins(word, start)).cloned().collect()
}

fn begins(word: &str, start: &str) -> bool {
    let mut word = word.chars().flat_map(char::to_lowercase);
    start.chars().flat_map(char::to_lowercase).all(|c| word.next() == Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What so many tabs make of a text.
    fn tabbed(text: &str, tabs: usize, backwards: bool) -> String {
        let names = ["bob", "Ann Lee", "anna"].map(str::to_owned);
        let rooms = ["general", "game night"].map(str::to_owned);
        let known = Known { names: &names, rooms: &rooms };
        let mut input = Input::default();
        input.insert(text).unwrap();
        let mut completion = Completion::default();
        for _ in 0..tabs {
            completion.tab(&mut input, &known, backwards);
        }
        input.text().to_owned()
    }

    #[test]
    fn commands_names_and_rooms_are_completed() {
        for (text, expected) in [
            ("/jo", "/join "),
            ("/h", "/help "),
            ("/join GE", "/join general"),
            ("/join game n", "/join game night"),
            ("/msg b", "/msg bob "),
            ("/msg a", "/msg \"Ann Lee\" "),
            ("/msg \"ann l", "/msg \"Ann Lee\" "),
            ("/msg bob ask an", "/msg bob ask Ann Lee "),
            ("/help hi", "/help history"),
            ("bo", "bob: "),
            ("hello bo", "hello bob "),
            ("hello @bo", "hello @bob "),
            ("//bo", "//bo"),
            ("zz", "zz"),
            ("", ""),
            ("hello ", "hello "),
        ] {
            assert_eq!(tabbed(text, 1, false), expected, "{text}");
        }
    }

    #[test]
    fn tab_again_gives_the_next_one() {
        let shown: Vec<_> = (1..=3).map(|tabs| tabbed("an", tabs, false)).collect();
        assert_eq!(shown, ["Ann Lee: ", "anna: ", "Ann Lee: "]);
        assert_eq!(tabbed("an", 1, true), "anna: ");
        assert_eq!(tabbed("an", 2, true), "Ann Lee: ");
        assert_eq!(tabbed("/h", 2, false), "/history ");
    }

    #[test]
    fn what_follows_the_cursor_stays() {
        let names = ["bob".to_owned()];
        let mut input = Input::default();
        input.insert("bo, hi").unwrap();
        for _ in 0..4 {
            input.key(crossterm::event::KeyCode::Left.into());
        }
        Completion::default().tab(&mut input, &Known { names: &names, rooms: &[] }, false);
        assert_eq!(input.text(), "bob: , hi");
    }
}
