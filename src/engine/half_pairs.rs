//! Halves of surrogate pairs. JavaScript's texts may have them, as where an emoji was cut through, UTF-8 may not.
//!
//! No id has them now, but the old library took such ids. It gave SQLite the three bytes that such a half would be in UTF-8, and found
//! the shard by the text with U+FFFD in its place.

/// What a text with halves of pairs in the form of UTF-8 is today. `None`: it is none, or has no such halves.
pub(crate) fn replaced(text: &[u8]) -> Option<String> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(3).position(is_half) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice("\u{fffd}".as_bytes());
        rest = &rest[at + 3..];
    }
    if rest.len() == text.len() {
        return None;
    }
    replaced.extend_from_slice(rest);
    String::from_utf8(replaced).ok()
}

/// From U+D800 to U+DFFF.
fn is_half(bytes: &[u8]) -> bool {
    matches!(bytes, [0xED, 0xA0..=0xBF, 0x80..=0xBF])
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn halves_become_one_character_each_and_all_else_stays() {
        assert_eq!(replaced(b"a\xED\xA0\xBD").as_deref(), Some("a\u{fffd}"));
        assert_eq!(replaced(b"\xED\xB8\x80\xED\xA0\xBDb").as_deref(), Some("\u{fffd}\u{fffd}b"));
        assert_eq!(replaced("힣\u{d7ff}\u{e000}🦀".as_bytes()), None, "their neighbours");
        assert_eq!(replaced(b"\xED\xA0\xBD\xFF"), None, "it is no UTF-8 besides");
        assert_eq!(replaced(b"\xED\xA0"), None);
        assert_eq!(replaced(b""), None);
    }
}
