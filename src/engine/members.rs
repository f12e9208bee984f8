//! Takes JSON arrays apart that `JSON.stringify` has made: so it need not look whether they are well formed.

use std::borrow::Cow;

use memchr::memchr2;

use super::error::{Code, Error, Result};

/// The texts of an array's members, in order.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a> {
    /// From the next member on, or empty.
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    /// What is no array has none.
    pub(crate) fn of(array: &'a [u8]) -> Self {
        let inside = array.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        Members { rest: inside.unwrap_or_default() }
    }

    pub(crate) fn is_at_end(&self) -> bool {
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

/// The members of an array of strings, in order: what they say.
#[derive(Debug, Clone)]
pub(crate) struct Strings<'a>(Members<'a>);

impl<'a> Strings<'a> {
    /// As [`Members::of`].
    pub(crate) fn of(array: &'a [u8]) -> Self {
        Strings(Members::of(array))
    }

    /// The next one where it is as long in JSON as it is, as nearly all ids are: each byte is looked at once.
    fn next_plain(&mut self) -> Option<&'a [u8]> {
        let inside = self.0.rest.strip_prefix(b"\"")?;
        let end = quote_or_backslash(inside)?;
        let (text, rest) = inside.split_at(end);
        match rest {
            [b'"'] => self.0.rest = &[],
            [b'"', b',', others @ ..] => self.0.rest = others,
            _ => return None,
        }
        Some(text)
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = Result<Cow<'a, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(text) = self.next_plain() {
            return Some(Ok(Cow::Borrowed(text)));
        }
        let text = serde_json::from_slice::<String>(self.0.next()?);
        Some(match text {
            Ok(text) => Ok(Cow::Owned(text.into_bytes())),
            Err(error) => Err(Error::new(Code::Internal, format!("An id was not passed as text: {error}."))),
        })
    }
}

/// Whether a byte means something to [`length`].
const MEANS: [bool; 256] = {
    let (mut means, mut at) = ([false; 256], 0);
    while at < MEANINGFUL.len() {
        means[MEANINGFUL[at] as usize] = true;
        at += 1;
    }
    means
};
const MEANINGFUL: &[u8] = b"\"{}[],";

/// Bytes up to the comma behind the first member, or all.
fn length(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    let next = |at: usize| text.get(at..)?.iter().position(|byte| MEANS[usize::from(*byte)]);
    while let Some(found) = next(at) {
        at += found;
        match text[at] {
            b'"' => at = string_end(text, at),
            b'{' | b'[' => depth += 1,
            b',' if depth == 0 => return at,
            b',' => {}
            _ => depth = depth.saturating_sub(1),
        }
        at += 1;
    }
    text.len()
}

/// Where the string ends that begins at `start`: the place of its last quote.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = text.get(at..).and_then(quote_or_backslash) {
        at += found;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

/// The place of the first of either. Most keys and ids are so short that a search made for long texts takes twice as long.
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    /// So many words are looked at first.
    const SHORT: usize = 2;
    const WORD: usize = size_of::<u64>();
    for (index, word) in text.chunks_exact(WORD).take(SHORT).enumerate() {
        let word = u64::from_le_bytes(word.try_into().expect("of this size"));
        let found = having(word, b'"') | having(word, b'\\');
        if found != 0 {
            return Some(index * WORD + found.trailing_zeros() as usize / 8);
        }
    }
    memchr2(b'"', b'\\', text)
}

/// A word in which the lowest bit that is set lies in the first byte that is `byte`; 0 if none is.
fn having(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let others = word ^ (ONES * u64::from(byte));
    // Only a byte that was 0 borrows from the one above it, so that there is nothing wrong below the first.
    others.wrapping_sub(ONES) & !others & (ONES << 7)
}

#[cfg(test)]
mod test {
    use proptest::prelude::*;
    use serde_json::{Value, value::RawValue};

    use super::{Members, Strings, having};

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
        for text in [
            "", "[", "]", "{}", "[,]", "[\"", "[\"\\]", "[}}}]", "[1,]", "null", "[\"a\"b]", "[\"a]",
            "[\"a\",]",
        ] {
            let _ = texts(text);
            let strings = Strings::of(text.as_bytes()).count();
            assert!(strings <= texts(text).len(), "{text}");
        }
        assert!(Strings::of(b"[1]").all(|text| text.is_err()));
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
        fn strings_are_what_they_were(
            ids in prop::collection::vec(prop_oneof!["\\PC{1,40}", "[a-z]{0,40}", r#"[a-z"\\]{0,40}"#, "[가-힣\"]{0,20}", r#"["\\\x00-\x1f]{1,9}"#], 0..9),
        ) {
            let array = serde_json::to_string(&ids).expect("JSON");
            let found: Vec<String> = Strings::of(array.as_bytes())
                .map(|text| String::from_utf8(text.expect("a string").into_owned()).expect("text"))
                .collect();
            prop_assert_eq!(found, ids);
        }

        #[test]
        fn the_first_byte_of_a_word_is_found(word: u64, byte: u8, at in 0..9_u32) {
            // As it is, and with the byte in it.
            let with = word & !(0xff_u64.checked_shl(8 * at).unwrap_or(0)) | u64::from(byte).checked_shl(8 * at).unwrap_or(0);
            for word in [word, with] {
                let first = word.to_le_bytes().iter().position(|other| *other == byte);
                let found = having(word, byte);
                prop_assert_eq!((found != 0).then(|| found.trailing_zeros() as usize / 8), first);
            }
        }
    }
}
