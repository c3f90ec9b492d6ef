//! The helpers over JSON text agree with `serde_json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlance::rpc::json;
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let decoded = serde_json::from_slice::<Value>(data);
    let Some(text) = json::text(data) else {
        assert!(decoded.is_err(), "refused what can be decoded");
        return;
    };

    let mut literal = Vec::new();
    json::string(text, &mut literal);
    assert_eq!(literal, serde_json::to_vec(text).unwrap());

    let mut compact = Vec::new();
    json::compact(text, &mut compact);
    assert!(compact.len() <= text.len());
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return;
    }
    let compact = String::from_utf8(compact).unwrap();
    assert_eq!(compact, without_white_space(text));
    serde_json::from_str::<IgnoredAny>(&compact).unwrap();
    match decoded {
        Ok(value) => assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), value),
        // What only a `Value` cannot hold says nothing about the text.
        Err(error) => {
            let error = error.to_string();
            let only_value = ["number out of range", "recursion limit exceeded"];
            assert!(
                only_value.iter().any(|known| error.starts_with(known)),
                "took {error}"
            );
        }
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
