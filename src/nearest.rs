//! Which known word somebody may have meant.

/// The word of `known` that takes the fewest edits (insert, delete, replace one character) to
/// become; the first of several. `None` only when nothing is known.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|candidate| edits(word, candidate))
}

/// Levenshtein's distance, one row at a time.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, wanted) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, found) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(wanted != *found);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_in_characters() {
        for (from, to, count) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("é", "e", 1), ("rooms", "rooms", 0)]
        {
            assert_eq!(edits(from, to), count, "{from} {to}");
            assert_eq!(edits(to, from), count, "{to} {from}");
        }
    }

    #[test]
    fn the_nearest_word_wins() {
        assert_eq!(nearest("room", ["connections", "rooms", "workers"]), Some("rooms"));
        assert_eq!(nearest("room", []), None);
    }
}
