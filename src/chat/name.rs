//! Names of users and rooms: how one is cleaned, and when two are the same.
//!
//! White space becomes a space, control and format characters (Unicode Cc, Cf) go, runs of spaces
//! become one, the ends are trimmed. Two names are the same name when their keys are equal: the
//! cleaned text after NFKC and case folding. Who bears a name is not known here.

use std::borrow::Cow;
use std::sync::Arc;

use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::props::GeneralCategory;
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed};

/// A cleaned name and its key. The two share one text when they are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub(super) shown: Arc<str>,
    pub(super) key: Arc<str>,
}

/// Why a text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    /// Nothing is left of it after cleaning.
    Empty,
    /// More characters (Unicode scalar values) are left of it than allowed.
    TooLong,
}

impl Name {
    /// Cleans `input`, which may be of any length; at most `chars_max` characters may be left.
    ///
    /// # Errors
    /// [`NameFault`] when too little or too much is left.
    pub fn new(input: &str, chars_max: usize) -> Result<Name, NameFault> {
        let shown: Arc<str> = clean(input, chars_max)?.into();
        let key = match key(&shown) {
            Cow::Borrowed(_) => shown.clone(),
            Cow::Owned(key) => key.into(),
        };
        Ok(Name { shown, key })
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The text that is equal for all spellings of the name.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Cleans a name. The work is bounded by the input, what it returns by `chars_max`.
pub(super) fn clean(input: &str, chars_max: usize) -> Result<Cow<'_, str>, NameFault> {
    match clean_cut(input, chars_max) {
        (_, true) => Err(NameFault::TooLong),
        (name, false) if name.is_empty() => Err(NameFault::Empty),
        (name, false) => Ok(name),
    }
}

/// Cleans a name and cuts it after `chars_max` characters; says whether there was more.
pub(super) fn clean_cut(input: &str, chars_max: usize) -> (Cow<'_, str>, bool) {
    if input.len() <= chars_max && is_clean_ascii(input.as_bytes()) {
        return (Cow::Borrowed(input), false);
    }
    let mut name = String::new();
    let mut chars = 0;
    let mut space_before_next = false;
    for c in input.chars() {
        if c.is_whitespace() {
            space_before_next = !name.is_empty();
        } else if !is_control_or_format(c) {
            chars += 1 + usize::from(space_before_next);
            if chars > chars_max {
                return (Cow::Owned(name), true);
            }
            if space_before_next {
                name.push(' ');
                space_before_next = false;
            }
            name.push(c);
        }
    }
    (Cow::Owned(name), false)
}

/// The key of a cleaned name, borrowed if it is the name itself.
pub(super) fn key(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            false => Cow::Borrowed(name),
            true => Cow::Owned(name.to_ascii_lowercase()),
        };
    }
    // Folding can undo a normal form and normalizing can uncover a capital, so a key that is the
    // same for all its own spellings takes more than one round. The bound is a backstop.
    let mut key = fold(name);
    for _ in 0..8 {
        let next = fold(&key);
        if next == key {
            break;
        }
        key = next;
    }
    if key == name { Cow::Borrowed(name) } else { Cow::Owned(key) }
}

fn fold(text: &str) -> String {
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();
    const CASES: CaseMapperBorrowed<'static> = CaseMapper::new();
    let normal = NFKC.normalize(text);
    let folded = CASES.fold_string(&normal);
    NFKC.normalize(&folded).into_owned()
}

fn is_control_or_format(c: char) -> bool {
    const CATEGORIES: CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::new();
    match c.is_ascii() {
        true => c.is_ascii_control(),
        false => matches!(CATEGORIES.get(c), GeneralCategory::Control | GeneralCategory::Format),
    }
}

/// Whether cleaning would change nothing, told without a table.
fn is_clean_ascii(name: &[u8]) -> bool {
    let inner = name.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let spaced = name.first() != Some(&b' ') && name.last() != Some(&b' ');
    inner && spaced && !name.windows(2).any(|pair| pair == b"  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(input: &str) -> Result<String, NameFault> {
        clean(input, 50).map(Cow::into_owned)
    }

    fn same(one: &str, other: &str) -> bool {
        Name::new(one, 50).unwrap().key() == Name::new(other, 50).unwrap().key()
    }

    #[test]
    fn cleaning() {
        assert_eq!(cleaned("Alice").as_deref(), Ok("Alice"));
        assert_eq!(cleaned("  Al \t\r\n ice ").as_deref(), Ok("Al ice"));
        assert_eq!(cleaned("a\u{a0}\u{2003}\u{3000}\u{2028}b").as_deref(), Ok("a b"));
        assert_eq!(cleaned("a \u{200b} b").as_deref(), Ok("a b"));
        assert_eq!(cleaned("\u{202e}evil\u{200f}\u{feff}").as_deref(), Ok("evil"));
        assert_eq!(cleaned("a\u{0}\u{1b}[31m\u{7f}b\u{9b}c\u{ad}").as_deref(), Ok("a[31mbc"));
        assert_eq!(cleaned("\u{1c}x\u{85}y").as_deref(), Ok("x y"));
        assert_eq!(cleaned("e\u{301}").as_deref(), Ok("e\u{301}"));
        assert_eq!(cleaned("名前 🎉").as_deref(), Ok("名前 🎉"));
    }

    #[test]
    fn nothing_left() {
        for input in ["", " ", "\t\n\u{3000}", "\0\u{1}\u{7f}", "\u{200b}\u{200e} \u{feff}"] {
            assert_eq!(cleaned(input), Err(NameFault::Empty), "{input:?}");
        }
    }

    #[test]
    fn length_counts_what_is_left() {
        for unit in ["x", "é", "🎉"] {
            assert_eq!(cleaned(&unit.repeat(50)).as_deref(), Ok(&*unit.repeat(50)));
            assert_eq!(cleaned(&unit.repeat(51)), Err(NameFault::TooLong));
        }
        let padded = format!("{}{}\u{200b}{}", " ".repeat(60_000), "x".repeat(50), "\n".repeat(9));
        assert_eq!(cleaned(&padded).map(|name| name.len()), Ok(50));
        assert_eq!(cleaned(&format!("{} x", "x".repeat(48))).map(|name| name.len()), Ok(50));
        assert_eq!(cleaned(&format!("{} x", "x".repeat(49))), Err(NameFault::TooLong));
    }

    #[test]
    fn a_cut_name_keeps_its_start() {
        assert_eq!(clean_cut("ab  cd", 4), (Cow::from("ab c"), true));
        assert_eq!(clean_cut("ab  cd", 3), (Cow::from("ab"), true));
        assert_eq!(clean_cut("ab", 2), (Cow::from("ab"), false));
    }

    #[test]
    fn equal_names() {
        assert!(same("Alice", "ALICE"));
        assert!(same("Alice", "Ａlice"));
        assert!(same("straße", "STRASSE"));
        assert!(same("straße", "STRAẞE"));
        assert!(same("é", "e\u{301}"));
        assert!(same("É", "e\u{301}"));
        assert!(same("ﬁn", "FIN"));
        assert!(same("Σας", "ΣΑΣ"));
        assert!(same("K\u{212a}", "kk"));
        assert!(same("A\u{a0}b", "a b"));
        assert!(same("\u{3a9}", "\u{2126}"));
        assert!(!same("alice", "alicé"));
        assert!(!same("a b", "ab"));
        assert!(!same("i", "ı"));
    }

    #[test]
    fn a_key_is_its_own_key() {
        let rest = ('\u{3000}'..=char::MAX).step_by(61);
        for c in ('\u{80}'..'\u{3000}').chain('\u{fb00}'..='\u{ffff}').chain(rest) {
            let once = key(c.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(key(&once), once, "{c:?}");
            let accented = format!("{c}\u{345}\u{307}");
            let once = key(&accented).into_owned();
            assert_eq!(key(&once), once, "{accented:?}");
        }
    }

    #[test]
    fn one_text_serves_as_name_and_key_when_equal() {
        let plain = Name::new("alice", 50).unwrap();
        assert!(Arc::ptr_eq(&plain.shown, &plain.key));
        let accented = Name::new("élan", 50).unwrap();
        assert!(Arc::ptr_eq(&accented.shown, &accented.key));
        assert_eq!(Name::new("Alice", 50).unwrap().key(), "alice");
    }
}
