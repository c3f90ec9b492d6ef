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

    /// Whatever is checked as a string can be decoded, and the other way round.
    #[test]
    fn a_string_is_valid_if_serde_json_can_decode_it(bytes in string_bytes()) {
        let decodes = serde_json::from_slice::<String>(&bytes).is_ok();
        let checks = std::str::from_utf8(&bytes).is_ok_and(|text| json::check(text).is_ok());
        prop_assert_eq!(checks, decodes);
    }

    #[test]
    fn what_is_valid_and_one_byte_off_is_judged_as_serde_json_does(
        spaced in spaced(), at in any::<prop::sample::Index>(), byte in r#"[ \[\]{},:"0-9eE.+a-z\\-]"#,
    ) {
        prop_assert!(json::check(&spaced).is_ok(), "{}", spaced);
        let mut text: Vec<char> = spaced.chars().collect();
        let at = at.index(text.len());
        text[at] = byte.chars().next().unwrap_or(' ');
        let text: String = text.into_iter().collect();
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let halves = text.contains("\\ud") || text.contains("\\uD");
        prop_assert!(json::check(&text).is_ok() == valid || halves, "{}", text);
    }

    #[test]
    fn no_text_breaks_check_and_compact(text in any::<String>()) {
        let _ = json::check(&text);
        prop_assert!(compact(&text).len() <= text.len());
    }

    #[test]
    fn a_number_is_written_in_digits(n in any::<u64>(), shift in 0_u32..64) {
        let mut out = Vec::new();
        json::unsigned(n >> shift, &mut out);
        prop_assert_eq!(out, (n >> shift).to_string().into_bytes());
    }
}
