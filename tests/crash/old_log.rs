//! The log that the old library leaves when it is killed: a JSON object a line, the last one perhaps torn.

use std::{fmt::Write, fs};

use crate::model::{self, Op};

pub fn write(path: &str, ops: &[Op], torn: usize) {
    let mut lines = String::new();
    for (key, text) in ops {
        let (data, operation) = match text {
            Some(text) => (text.as_str(), "upsert"),
            None => ("null", "delete"),
        };
        writeln!(
            lines,
            "{{\"collection\":\"{}\",\"id\":\"{}\",\"data\":{data},\"operation\":\"{operation}\",\"timestamp\":1700000000000}}",
            model::collection(*key),
            model::id(*key),
        )
        .expect("memory");
    }
    // A write that was never acknowledged, because its line was cut off before its end.
    lines.push_str(&"{\"collection\":\"users\",\"id\":\"document-0\",\"data\":1"[..torn]);
    fs::write(path, lines).expect("writes");
}
