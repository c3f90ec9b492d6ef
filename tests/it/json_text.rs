//! The helpers over JSON text against `serde_json`.

use parlance::rpc::json;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

fn compact(json: &str) -> String {
    let mut out = Vec::new();
    json::compact(json, &mut out);
    String::from_utf8(out).unwrap()
}

/// Text with much in it that has to be escaped, or looks so.
fn text() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        select(vec!['"', '\\', '\n', '\u{0}', '\u{1f}', ' ', '\u{7f}', '\u{80}', 'é', '\u{2028}']),
        any::<char>(),
        proptest::char::range(' ', '~'),
    ];
    vec(c, 0..40).prop_map(String::from_iter)
}

/// JSON with white space wherever it may stand, and its value.
fn spaced() -> impl Strategy<Value = String> {
    let space = || select(vec!["", "", " ", "\n", "\t\r\n  "]);
    let string = text().prop_map(|text| serde_json::to_string(&text).unwrap()).boxed();
    let atom = prop_oneof![
        string.clone(),
        select(vec!["1", "-0.50", "1e400", "123456789012345678901234567890", "true", "null"])
            .prop_map(String::from),
    ];
    atom.prop_recursive(4, 24, 4, move |inner| {
        let padded =
            (space(), inner, space()).prop_map(|(a, json, b)| format!("{a}{json}{b}")).boxed();
        let member = (space(), string.clone(), space(), padded.clone())
            .prop_map(|(a, key, b, json)| format!("{a}{key}{b}:{json}"));
        prop_oneof![
            vec(padded, 1..4).prop_map(|items| format!("[{}]", items.join(","))),
            vec(member, 1..4).prop_map(|members| format!("{{{}}}", members.join(","))),
            space().prop_map(|space| format!("[{space}]")),
        ]
    })
}

/// What may stand in a string: escapes, halves of pairs above all, and raw bytes.
fn string_bytes() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        "\\ud83d",
        "\\uDE00",
        "\\ud7ff",
        "\\ue000",
        "\\ud83",
        "\\u",
        "\\\\",
        "\\\"",
        "\\n",
        "\\x",
        "u",
        "d83d",
        "a",
        "é",
        "\\udbff\\udfff",
    ]);
    let part = prop_oneof![
        12 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(0x20_u8.., 1..4),
    ];
    vec(part, 0..8).prop_map(|parts| [b"\"", &parts.concat()[..], b"\""].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_string_is_written_like_serde_json_does_it(text in text(), before in "[a-z]{0,3}") {
        let mut out = before.clone().into_bytes();
        json::string(&text, &mut out);
        let expected = before + &serde_json::to_string(&text).unwrap();
        prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn compact_changes_nothing_but_white_space(spaced in spaced()) {
        let once = compact(&spaced);
        prop_assert_eq!(&compact(&once), &once);
        let ignored: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&once);
        prop_assert!(ignored.is_ok(), "{}", once);
        if let Ok(value) = serde_json::from_str::<Value>(&spaced) {
            prop_assert_eq!(serde_json::from_str::<Value>(&once).unwrap(), value);
        }
        // Outside strings no white space is left, inside them all of it.
        let mut strings = once.split('"').skip(1).step_by(2);
        prop_assert!(once.contains('\\') || strings.all(|string| spaced.contains(string)));
        let mut between = once.split('"').step_by(2);
        prop_assert!(once.contains('\\') || between.all(|json| !json.contains(char::is_whitespace)));
    }

    /// Of what is JSON, `text` takes just what can be decoded; of what is not, whatever it takes
    /// is refused by the parser all the same.
    #[test]
    fn text_is_what_serde_json_can_decode(bytes in string_bytes()) {
        let decodes = serde_json::from_slice::<String>(&bytes).is_ok();
        let passes: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&bytes);
        match json::text(&bytes) {
            Some(text) => {
                prop_assert_eq!(text.as_bytes(), &bytes[..]);
                prop_assert_eq!(decodes, passes.is_ok());
            }
            None => prop_assert!(!decodes),
        }
    }

    #[test]
    fn no_bytes_break_text_and_compact(bytes in vec(any::<u8>(), 0..64)) {
        if let Some(text) = json::text(&bytes) {
            prop_assert!(compact(text).len() <= text.len());
        }
    }

    #[test]
    fn a_number_is_written_in_digits(n in any::<u64>(), shift in 0_u32..64) {
        let mut out = Vec::new();
        json::unsigned(n >> shift, &mut out);
        prop_assert_eq!(out, (n >> shift).to_string().into_bytes());
    }
}
