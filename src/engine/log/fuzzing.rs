//! A door for fuzz/: records, without a log around them. Only with the feature `fuzzing`, and no part of the API.

use super::{Draft, Kind, Lsn, record::Record};

/// A record that was found whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Its bytes, before they are filled up.
    pub length: usize,
    /// When it was written.
    pub time_ms: u64,
    /// Whether it only fills up the lap.
    pub is_padding: bool,
    /// Kind, collection, id and value of each operation.
    pub ops: Vec<(Kind, String, String, Vec<u8>)>,
}

/// The bytes of a draft as a log has them at `lsn`.
pub fn encode(draft: &mut Draft, seed: u32, lsn: u64, time_ms: u64) -> Vec<u8> {
    draft.finish(seed, Lsn(lsn), time_ms).to_vec()
}

/// What recovery would see in `bytes`, which end where the lap ends.
pub fn decode(bytes: &[u8], seed: u32, lsn: u64) -> Option<Decoded> {
    let record = Record::peek(bytes, Lsn(lsn))?;
    let count = record.verify(seed, &mut 0)?;
    let (header, ops) = (record.header, record.ops());
    assert_eq!(ops.clone().count() as u64, count);
    let ops =
        ops.map(|op| (op.kind, op.collection.to_owned(), op.id.to_owned(), op.value.to_vec())).collect();
    Some(Decoded {
        length: header.length as usize,
        time_ms: header.time_ms,
        is_padding: header.is_padding,
        ops,
    })
}
