//! JSON text that JavaScript has left in its page: see `lib/document-page.js`.

use memchr::memchr;

use super::{
    hot::{Hot, lend},
    raw::{Call, Value},
};
use crate::engine::{Code, Error, Result};

/// The page begins with numbers: where the text begins and ends, how many gaps there are, and their places in the text.
const NUMBER: usize = 4;
const FIRST_PLACE: usize = 3;

/// Between the texts of the gaps.
const BETWEEN: u8 = 0;

/// Appends the text of the page to `out` and returns its length. `texts`: a string of those of the gaps, as they are before they
/// are JSON.
pub(super) fn append(hot: &Hot, call: &Call<'_>, texts: Value<'_>, out: &mut Vec<u8>) -> Result<usize> {
    let page = Page(hot.page.bytes(call));
    let [start, end, gaps] = [page.number(0)?, page.number(1)?, page.number(2)?];
    if gaps == 0 {
        let text = page.text(start, end)?;
        out.extend_from_slice(text);
        return Ok(text.len());
    }
    lend(&hot.texts, |buffer| {
        call.scope.text(texts, buffer)?;
        let (before, mut at, mut rest) = (out.len(), start, &buffer[..]);
        for gap in 1..=gaps {
            let place = page.number(FIRST_PLACE + gap - 1)?;
            out.extend_from_slice(page.text(at, place)?);
            at = place;
            let length = if gap == gaps { Some(rest.len()) } else { memchr(BETWEEN, rest) };
            let (text, others) = rest.split_at(length.ok_or_else(uneven)?);
            quote(text, out);
            rest = others.get(1..).unwrap_or_default();
        }
        out.extend_from_slice(page.text(at, end)?);
        Ok(out.len() - before)
    })
}

struct Page<'a>(&'a [u8]);

impl<'a> Page<'a> {
    fn number(&self, index: usize) -> Result<usize> {
        let bytes = self.0.get(index * NUMBER..).and_then(<[u8]>::first_chunk).ok_or_else(uneven)?;
        Ok(u32::from_ne_bytes(*bytes) as usize)
    }

    fn text(&self, from: usize, to: usize) -> Result<&'a [u8]> {
        self.0.get(from..to).ok_or_else(uneven)
    }
}

/// Appends a text as a JSON string.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    let text = str::from_utf8(text).expect("Node-API writes UTF-8");
    serde_json::to_writer(out, text).expect("memory takes it all");
}

fn uneven() -> Error {
    Error::new(Code::Internal, "A page does not agree with the texts of its gaps.")
}
