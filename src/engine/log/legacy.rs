//! The old library's `buffer.wal`: one JSON object a line, `{ collection, id, data, operation, timestamp }`.
//!
//! Its writes are loaded into a log in memory that is named after the file's content and therefore gives every
//! write the same place each time it is read. So recovery treats it like any other log, and nothing is applied twice
//! when recovery itself is killed.

use std::{io, path::Path};

use md5::{Digest, Md5};
use serde_bytes::ByteBuf;
use serde_json::value::RawValue;

use super::{Draft, Id, Kind, Log, Lsn, header::LogHeader, ring::Ring, shared::Location};
use crate::engine::{
    error::{Code, Error, Result},
    half_pairs::replaced,
    io::{File, read_front},
    limits,
};

/// What such a file holds.
#[derive(Debug)]
pub struct Writes {
    writes: Vec<Write>,
    unread: Unread,
    name: Id,
}

/// Lines of such a file that are no writes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// How many.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Debug)]
struct Write {
    kind: Kind,
    collection: String,
    id: String,
    value: String,
    time_ms: u64,
}

impl Writes {
    /// Number of writes.
    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    /// What else it holds.
    pub(super) fn unread(&self) -> Unread {
        self.unread
    }
}

/// Bytes of a file that tell whether it is the old library's.
const FRONT: usize = 1 << 20;

/// Reads the file if it is the old library's, or empty, as that library leaves it. `None`: it is something else.
pub(super) fn read(file: &dyn File, path: &Path) -> Result<Option<Writes>> {
    let failed = |error: io::Error| Error::io("read the log", path, &error);
    let length = file.handle().metadata().map_err(failed)?.len() as usize;
    // IMPORTANT: it may be anybody's, and larger than all memory, which would end the process.
    if length > FRONT && parsed(&read_front(file, FRONT).map_err(failed)?).is_none() {
        return Ok(None);
    }
    Ok(parsed(&read_front(file, length).map_err(failed)?))
}

fn parsed(bytes: &[u8]) -> Option<Writes> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let (mut writes, mut unread) = (Vec::new(), Unread::default());
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        // A crash may tear the last line, which nothing ends then.
        let is_torn = lines.peek().is_none();
        match parse(line) {
            Some(write) => writes.push(write),
            None if is_torn || line.iter().all(u8::is_ascii_whitespace) => {}
            None => {
                unread.lines += 1;
                unread.bytes += line.len() as u64;
            }
        }
    }
    let theirs = text.iter().all(u8::is_ascii_whitespace)
        || !writes.is_empty()
        || text.starts_with(b"{\"collection\":");
    theirs.then(|| Writes { writes, unread, name: Md5::digest(bytes).into() })
}

fn parse(line: &[u8]) -> Option<Write> {
    let text = str::from_utf8(line).ok()?;
    let fields: std::collections::HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let field = |name: &str| fields.get(name).map(|value| value.get());
    // No call reaches a collection without a name, nor could the old library store one.
    let collection = text_of(field("collection")?).filter(|name| !name.is_empty())?;
    let id = match field("id")? {
        text if text.starts_with('"') => text_of(text)?,
        // As JavaScript wrote it: 1e+21, 0.000001. That is the text by which it asks for the id, too.
        number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => number.to_owned(),
        _ => return None,
    };
    // Whatever else it is was an upsert.
    let kind = match text_of(field("operation")?).as_deref() {
        Some("delete") => Kind::Delete,
        _ => Kind::Upsert,
    };
    let data = match kind {
        Kind::Upsert => field("data")?.to_owned(),
        Kind::Delete => String::new(),
    };
    limits::check(&collection, &id, data.len()).ok()?;
    let time_ms = field("timestamp").and_then(|time| serde_json::from_str(time).ok()).unwrap_or(0);
    Some(Write { kind, collection, id, value: data, time_ms })
}

/// What a JSON text stands for, with U+FFFD for each half of a surrogate pair, which are escapes there.
fn text_of(json: &str) -> Option<String> {
    // Lists of numbers would be bytes, too.
    let bytes: ByteBuf = json.starts_with('"').then(|| serde_json::from_str(json).ok())??;
    String::from_utf8(bytes.into_vec()).map_or_else(|bytes| replaced(bytes.as_bytes()), Some)
}

/// The log in memory that holds these writes, standing for the file at `location`.
pub(super) fn load(writes: &Writes, location: Location, database: Id) -> Result<Log> {
    let mut draft = Draft::default();
    let fill = |write: &Write, draft: &mut Draft| {
        draft.clear();
        draft.push(write.kind, 0, &write.collection, &write.id, write.value.as_bytes());
    };
    let mut bytes = 4096;
    for write in &writes.writes {
        fill(write, &mut draft);
        bytes += draft.len();
    }
    let failed = |error| Error::io("load the old log", &location.path, &error);
    let ring = Ring::anonymous(bytes).map_err(failed)?;
    let header = LogHeader::new(database, writes.name, bytes);
    let log = Log::new(ring, Some(location.clone()), header);
    for write in &writes.writes {
        fill(write, &mut draft);
        log.load(&mut draft, write.time_ms).map_err(failed)?;
    }
    if log.head() > Lsn(bytes) {
        return Err(Error::new(Code::Internal, "The old log did not fit the memory measured for it."));
    }
    Ok(log)
}
