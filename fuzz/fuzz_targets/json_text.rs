//! The helpers over JSON text agree with `serde_json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlance::rpc::json;
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };

    let mut literal = Vec::new();
    json::string(text, &mut literal);
    assert_eq!(literal, serde_json::to_vec(text).unwrap());

    let mut compact = Vec::new();
    json::compact(text, &mut compact);
    assert!(compact.len() <= text.len());

    // Decoding sees lone surrogates, which ignoring passes over; but it refuses numbers and depths
    // that only it cannot hold.
    let decoded = serde_json::from_str::<Value>(text);
    let beyond_a_value = decoded.as_ref().is_err_and(|error| {
        let error = error.to_string();
        ["number out of range", "recursion limit exceeded"].iter().any(|e| error.starts_with(e))
    });
    if !beyond_a_value {
        assert_eq!(json::check(text).is_ok(), decoded.is_ok());
    }
    if json::check(text).is_err() {
        return;
    }
    serde_json::from_str::<IgnoredAny>(text).unwrap();
    let compact = String::from_utf8(compact).unwrap();
    assert_eq!(compact, without_white_space(text));
    json::check(&compact).unwrap();
    if let Ok(value) = decoded {
        assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), value);
    }
});

/// `json` without the white space outside its strings, a character at a time.
fn without_white_space(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = !in_string,
                _ => {}
            }
            in_string || !" \t\r\n".contains(c)
        })
        .collect()
}
