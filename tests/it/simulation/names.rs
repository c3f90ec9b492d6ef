//! The names of the simulation: a table, so that the model needs no rule for them.

/// What names may be given, what is shown of them, and their key.
pub(crate) const NAMES: [(&str, &str, &str); 16] = [
    ("alice", "alice", "alice"),
    ("ALICE", "ALICE", "alice"),
    ("Ａlice", "Ａlice", "alice"),
    ("  alice\u{200e}\n", "alice", "alice"),
    ("Bob", "Bob", "bob"),
    ("bob", "bob", "bob"),
    ("straße", "straße", "strasse"),
    ("STRASSE", "STRASSE", "strasse"),
    ("e\u{301}mile", "e\u{301}mile", "émile"),
    ("Émile", "Émile", "émile"),
    ("carol \t c", "carol c", "carol c"),
    ("dave", "dave", "dave"),
    ("General", "General", "general"),
    ("00000010", "00000010", "00000010"),
    ("00000018", "00000018", "00000018"),
    ("SysTem", "SysTem", "system"),
];

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Name {
    pub(crate) shown: String,
    pub(crate) key: String,
}

/// A text of which nothing is left.
pub(crate) const NO_NAME: &str = " \t\u{200b}";

/// The name a text is, if it is one. Texts that are not in the table are ids.
pub(crate) fn name(input: &str) -> Option<Name> {
    let known = NAMES.iter().find(|(text, ..)| *text == input);
    let (shown, key) = known.map_or((input, input), |(_, shown, key)| (*shown, *key));
    let name = Name { shown: shown.to_owned(), key: key.to_owned() };
    (input != NO_NAME).then_some(name)
}
