//! A record before it has its place.

use super::{
    Kind, Lsn, Ops,
    checksum::crc32c_append,
    op::{DELETE, OP_HEADER, checksum_of_op, u16_at, u32_at, word},
    record::{HEADER_WORDS, Header, RECORD_HEADER, align},
};
use crate::engine::memory;

/// Builds the operations of one record; reused from call to call so that a write allocates nothing.
#[derive(Debug, Default, Clone)]
pub struct Draft {
    bytes: Vec<u8>,
    ops: u32,
    chain: u32,
}

impl Draft {
    /// One that operations can be added to at once.
    pub fn begun() -> Self {
        let mut draft = Draft::default();
        draft.clear();
        draft
    }

    /// Forgets the previous record.
    pub fn clear(&mut self) {
        memory::empty(&mut self.bytes);
        self.bytes.resize(RECORD_HEADER, 0);
        (self.ops, self.chain) = (0, 0);
    }

    /// Adds an operation. The lengths were checked by the caller ([`crate::engine::limits`]).
    pub fn push(&mut self, kind: Kind, number: u32, collection: &str, id: &str, value: &[u8]) {
        let start = self.open(number, collection);
        self.bytes.extend_from_slice(id.as_bytes());
        self.bytes.extend_from_slice(value);
        self.seal(start, kind, id.len(), value.len());
    }

    /// Starts an operation whose id and value the caller writes to [`Draft::tail`] before [`Draft::seal`].
    pub fn open(&mut self, number: u32, collection: &str) -> usize {
        let start = self.bytes.len();
        let mut header = [0; OP_HEADER];
        header[4..8].copy_from_slice(&number.to_le_bytes());
        header[8..10].copy_from_slice(&(collection.len() as u16).to_le_bytes());
        self.bytes.reserve(OP_HEADER + collection.len());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(collection.as_bytes());
        start
    }

    /// Where id and value of the opened operation are appended.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the operation that [`Draft::open`] started.
    pub fn seal(&mut self, start: usize, kind: Kind, id: usize, value: usize) {
        let (header, strings) = self.bytes[start..].split_first_chunk_mut::<OP_HEADER>().expect("it is open");
        let (number, name) = (u32_at(header, 4), u32::from(u16_at(header, 8)));
        let (id, value) = (id as u32, value as u32 | if kind == Kind::Delete { DELETE } else { 0 });
        let crc = checksum_of_op(number, name, id, value, strings);
        header[10..].copy_from_slice(&word(id, value).to_le_bytes());
        header[..4].copy_from_slice(&crc.to_le_bytes());
        self.chain = crc32c_append(self.chain, &crc.to_le_bytes());
        self.ops += 1;
    }

    /// Number of operations so far.
    pub fn ops(&self) -> u32 {
        self.ops
    }

    /// Bytes that the record takes in the log.
    pub fn len(&self) -> u64 {
        align(self.bytes.len() as u64)
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.ops == 0
    }

    /// The operations, in order.
    pub fn iter(&self) -> Ops<'_> {
        Ops::new(&self.bytes[RECORD_HEADER.min(self.bytes.len())..], false)
    }

    /// The record's header for its place.
    pub(crate) fn header(&self, seed: u32, lsn: Lsn, time_ms: u64) -> [u64; HEADER_WORDS] {
        Header { length: self.bytes.len() as u32, time_ms, is_padding: false }.encode(seed, lsn, self.chain)
    }

    /// What follows the header.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[RECORD_HEADER..]
    }

    /// The whole record for its place.
    pub(crate) fn finish(&mut self, seed: u32, lsn: Lsn, time_ms: u64) -> &[u8] {
        let header = self.header(seed, lsn, time_ms);
        self.bytes[..RECORD_HEADER].copy_from_slice(header.map(u64::to_le_bytes).as_flattened());
        &self.bytes
    }
}
