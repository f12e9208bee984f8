//! What people are told of logs that were found damaged.

use std::path::Path;

use super::{
    error::{Code, Error},
    log::{Content, Lsn, Unread},
};

/// What to tell about a damaged record that was too large for the log.
pub(super) fn describe_large(aside: &Path) -> Error {
    let text = format!(
        "A write too large for the log was damaged and may be missing in some shards; \
         restore its documents from a backup. The damaged file is kept as '{}'.",
        aside.display()
    );
    Error::new(Code::Corrupt, text).at(aside)
}

/// What to tell about a damaged log. `applied`: up to there all shards had it.
pub(super) fn describe(content: &Content, unread: Unread, path: &Path, aside: &Path, applied: Lsn) -> Error {
    let what = match content.damaged.last() {
        None if unread.lines > 0 => {
            let Unread { lines, bytes } = unread;
            let lines = if lines == 1 { "One line".to_owned() } else { format!("{lines} lines") };
            format!(
                "{lines} of kimdb 7 with {bytes} bytes could not be read, and writes may be lost there; restore what \
                 is missing from a backup"
            )
        }
        None => {
            "It has another length than its header says, and no write that is known to have been synced is missing"
            .to_owned()
        }
        Some(last) => {
            let bytes = content.damaged_bytes();
            let places = match content.damaged.len() {
                1 => "one place".to_owned(),
                count => format!("{count} places"),
            };
            let verdict = if last.end <= applied {
                "the shards have everything that was written there"
            } else {
                "writes are lost there; restore what is missing from a backup"
            };
            format!("{bytes} bytes in {places} could not be read, and {verdict}")
        }
    };
    let text = format!(
        "The log '{}' was damaged. {what}. Everything else was recovered, and the \
         damaged file is kept as '{}'.",
        path.display(),
        aside.display()
    );
    Error::new(Code::Corrupt, text).at(path)
}
