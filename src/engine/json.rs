//! Telling JSON from what is none, without reading what it says.

use serde_json::value::RawValue;

/// Whether a text is JSON, however deeply nested it is.
pub(super) fn is_json(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok())
}

#[cfg(test)]
mod test {
    use super::is_json;

    #[test]
    fn json_is_told_from_what_is_none() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for text in ["null", " {\"a\": [1, 2.5e300]}\n", "\"\\ud800\"", "1e999", "[1]\t", &deep] {
            assert!(is_json(text.as_bytes()), "{text:.30}");
        }
        for text in ["", "{", "[1,]", "nul", "1 2", "\"\n\"", "{a:1}", "NaN"] {
            assert!(!is_json(text.as_bytes()), "{text}");
        }
        assert!(!is_json(b"\"\xff\""));
    }
}
