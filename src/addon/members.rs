//! Takes JSON arrays apart that `JSON.stringify` has made: so it need not look whether they are well formed.

use std::borrow::Cow;

use memchr::memchr2;

use crate::engine::{Code, Error, Result};

/// The texts of an array's members, in order.
#[derive(Debug, Clone)]
pub(super) struct Members<'a> {
    /// From the next member on, or empty.
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    /// What is no array has none.
    pub(super) fn of(array: &'a [u8]) -> Self {
        let inside = array.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        Members { rest: inside.unwrap_or_default() }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.is_at_end() {
            return None;
        }
        let (member, rest) = self.rest.split_at(length(self.rest));
        self.rest = rest.get(1..).unwrap_or_default();
        Some(member)
    }
}

/// Bytes up to the comma behind the first member, or all.
fn length(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Where the string ends that begins at `start`: the place of its last quote.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

/// What a member says that is a string.
pub(super) fn string(member: &[u8]) -> Result<Cow<'_, [u8]>> {
    match member {
        [b'"', inside @ .., b'"'] if memchr::memchr(b'\\', inside).is_none() => Ok(Cow::Borrowed(inside)),
        _ => match serde_json::from_slice::<String>(member) {
            Ok(text) => Ok(Cow::Owned(text.into_bytes())),
            Err(error) => Err(Error::new(Code::Internal, format!("An id was not passed as text: {error}."))),
        },
    }
}

#[cfg(test)]
mod test {
    use proptest::prelude::*;
    use serde_json::{Value, value::RawValue};

    use super::{Members, string};

    fn texts(array: &str) -> Vec<&str> {
        Members::of(array.as_bytes()).map(|member| str::from_utf8(member).expect("text")).collect()
    }

    #[test]
    fn members_end_at_commas_that_are_in_nothing() {
        assert_eq!(texts("[]"), [""; 0]);
        assert_eq!(texts("[1]"), ["1"]);
        assert_eq!(
            texts(r#"["",{"a":[1,2],"b":"},{"},null]"#),
            [r#""""#, r#"{"a":[1,2],"b":"},{"}"#, "null"]
        );
        assert_eq!(texts(r#"["a\",\"","\\",[[],[","]]]"#), [r#""a\",\"""#, r#""\\""#, r#"[[],[","]]"#]);
    }

    #[test]
    fn what_is_no_array_made_by_stringify_does_no_harm() {
        for text in ["", "[", "]", "{}", "[,]", "[\"", "[\"\\]", "[}}}]", "[1,]", "null"] {
            let _ = texts(text);
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            prop_oneof![r#"[\[\]{},:"\\ a]{0,9}"#, "\\PC{0,9}"].prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((r#"[\[\]{},:"\\ a]{0,4}"#, inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn members_are_those_that_a_parser_finds(values in prop::collection::vec(json(), 0..9)) {
            let array = serde_json::to_string(&values).expect("JSON");
            let raw: Vec<&RawValue> = serde_json::from_str(&array).expect("an array");
            let expected: Vec<&str> = raw.iter().map(|value| value.get()).collect();
            prop_assert_eq!(texts(&array), expected);
        }

        #[test]
        fn strings_are_what_they_were(ids in prop::collection::vec(prop_oneof!["\\PC{1,9}", r#"["\\\x00-\x1f]{1,9}"#], 0..9)) {
            let array = serde_json::to_string(&ids).expect("JSON");
            let found: Vec<String> = Members::of(array.as_bytes())
                .map(|member| String::from_utf8(string(member).expect("a string").into_owned()).expect("text"))
                .collect();
            prop_assert_eq!(found, ids);
        }
    }
}
