//! Names within texts.

/// Whether a text has this name in it, as a word of its own, whatever its case.
pub(super) fn calls(text: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    if name.is_empty() {
        return false;
    }
    let text = text.to_lowercase();
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(&name).any(|(at, _)| {
        is_edge(text[..at].chars().next_back()) && is_edge(text[at + name.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word() {
        for (text, is_called) in [
            ("Ann: hi", true),
            ("hi ANN", true),
            ("@ann, are you there?", true),
            ("plans change", false),
            ("Annabel", false),
            ("", false),
            ("ännann ann", true),
        ] {
            assert_eq!(calls(text, "ann"), is_called, "{text}");
        }
        assert!(!calls("anything", ""));
        assert!(calls("hi Ann Lee!", "ann lee"));
    }
}
