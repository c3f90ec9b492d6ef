//! Which names must not be whispered to, since they may mean everybody.

use super::PUBLIC;

/// Whether the server may take this for a spelling of [`PUBLIC`]. It folds case, and letters in
/// other type to plain ones; what that makes of each this client has no table for, so each of
/// them counts as any letter.
pub(super) fn may_be_public(name: &str) -> bool {
    let letters: Vec<char> =
        name.chars().filter(|&c| c.is_alphanumeric() || is_other_type(c)).collect();
    letters.len() == PUBLIC.len()
        && letters
            .iter()
            .zip(PUBLIC.chars())
            .all(|(&letter, plain)| letter.eq_ignore_ascii_case(&plain) || is_other_type(letter))
}

/// Whether a letter is one of Unicode's that are another letter in other type: raised, lowered,
/// circled, squared, wide, mathematical.
fn is_other_type(letter: char) -> bool {
    matches!(letter,
        '\u{2b0}'..='\u{2ff}'
        | '\u{1d2c}'..='\u{1dbf}'
        | '\u{2070}'..='\u{209f}'
        | '\u{2100}'..='\u{218f}'
        | '\u{2460}'..='\u{24ff}'
        | '\u{2c7c}'..='\u{2c7d}'
        | '\u{a7f1}'..='\u{a7f9}'
        | '\u{ff21}'..='\u{ff5a}'
        | '\u{10780}'..='\u{107bf}'
        | '\u{1ccd6}'..='\u{1ccf9}'
        | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f100}'..='\u{1f1ff}')
}
