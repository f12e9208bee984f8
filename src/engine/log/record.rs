//! The bytes of a record: one append, one acknowledgement, there as a whole or not at all.
//!
//! ```text
//! record  0 length u32   bytes of header and operations; the next record starts at the next multiple of 8
//!         4 crc u32      over seed (log id, epoch), the crc of each operation, then bytes 8..32 and the length
//!         8 lsn u64      where the record starts
//!        16 time u64     milliseconds since 1970 (UTC) when the write was called
//!        24 ops u32      number of operations
//!        28 flags u32    bit 0: padding up to the end of the lap; the rest is reserved and zero
//! then, for each operation
//!         0 crc u32      over bytes 4..20 and the three strings
//!         4 kind u8      0 upsert, 1 delete
//!         5 flags u8     reserved, zero (expiry, compression)
//!         6 name u16     bytes of the collection's name
//!         8 number u32   the collection's number in the process that wrote it; recovery goes by the name
//!        12 id u32       bytes of the id
//!        16 value u32    bytes of the JSON text
//!        20 name, id, value
//! ```
//!
//! All numbers are little-endian. An operation has a checksum of its own so that reading one document out of a
//! batch checks that document, not the whole batch.

use super::{
    Lsn,
    checksum::{crc32c, crc32c_append, crc32c_of},
};

pub(crate) const HEADER_WORDS: usize = 4;
pub(crate) const RECORD_HEADER: usize = HEADER_WORDS * 8;
pub(crate) const OP_HEADER: usize = 20;
pub(crate) const ALIGN: u64 = 8;
pub(crate) const FLAG_PAD: u32 = 1;

/// What an operation does to its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Insert the document or replace its data.
    Upsert,
    /// Remove the document.
    Delete,
}

/// One operation as it lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op<'a> {
    /// What it does.
    pub kind: Kind,
    /// The collection's number in this process (meaningless after a restart).
    pub number: u32,
    /// The collection's name.
    pub collection: &'a str,
    /// The document's id.
    pub id: &'a str,
    /// The JSON text; empty for a delete.
    pub value: &'a [u8],
}

pub(crate) fn align(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGN)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// One number of two.
fn word(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Builds the operations of one record; reused from call to call so that a write allocates nothing.
#[derive(Debug, Default, Clone)]
pub struct Draft {
    bytes: Vec<u8>,
    ops: u32,
    chain: u32,
}

impl Draft {
    /// Forgets the previous record. Gives memory back after an unusually large one.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
        self.bytes.resize(RECORD_HEADER, 0);
        (self.ops, self.chain) = (0, 0);
    }

    /// Adds an operation. The lengths were checked by the caller ([`crate::engine::limits`]).
    pub fn push(&mut self, kind: Kind, number: u32, collection: &str, id: &str, value: &[u8]) {
        let start = self.open(kind, number, collection);
        self.bytes.extend_from_slice(id.as_bytes());
        self.bytes.extend_from_slice(value);
        self.seal(start, id.len(), value.len());
    }

    /// Starts an operation whose id and value the caller writes to [`Draft::tail`] before [`Draft::seal`].
    pub fn open(&mut self, kind: Kind, number: u32, collection: &str) -> usize {
        let start = self.bytes.len();
        let shape = kind as u32 | (collection.len() as u32) << 16;
        self.bytes.reserve(OP_HEADER + collection.len());
        self.bytes.extend_from_slice(&[0; OP_HEADER]);
        self.bytes[start + 4..start + 12].copy_from_slice(&word(shape, number).to_le_bytes());
        self.bytes.extend_from_slice(collection.as_bytes());
        start
    }

    /// Where id and value of the opened operation are appended.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the operation that [`Draft::open`] started.
    pub fn seal(&mut self, start: usize, id: usize, value: usize) {
        let (header, strings) = self.bytes[start..].split_at_mut(OP_HEADER);
        let lengths = word(id as u32, value as u32);
        let crc = crc32c_of(0, [u64_at(header, 4), lengths], strings);
        header[12..].copy_from_slice(&lengths.to_le_bytes());
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
        Ops { rest: &self.bytes[RECORD_HEADER.min(self.bytes.len())..], left: self.ops, check: false }
    }

    /// The record's header for its place.
    pub(crate) fn header(&self, seed: u32, lsn: Lsn, time_ms: u64) -> [u64; HEADER_WORDS] {
        Header { length: self.bytes.len() as u32, lsn, time_ms, ops: self.ops, flags: 0 }
            .encode(seed, self.chain)
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

/// The fixed part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    pub(crate) lsn: Lsn,
    pub(crate) time_ms: u64,
    pub(crate) ops: u32,
    pub(crate) flags: u32,
}

impl Header {
    fn checksum(&self, seed: u32, chain: u32) -> u32 {
        let words = [self.lsn.0, self.time_ms, word(self.ops, self.flags), word(self.length, chain)];
        crc32c_of(seed, words, &[])
    }

    /// As it lies in the log, in words of which each is little-endian.
    pub(crate) fn encode(&self, seed: u32, chain: u32) -> [u64; HEADER_WORDS] {
        let crc = self.checksum(seed, chain);
        [word(self.length, crc), self.lsn.0, self.time_ms, word(self.ops, self.flags)]
    }

    /// The header at the start of `bytes`, unverified.
    pub(crate) fn peek(bytes: &[u8]) -> Option<Header> {
        (bytes.len() >= RECORD_HEADER).then(|| Header {
            length: u32_at(bytes, 0),
            lsn: Lsn(u64_at(bytes, 8)),
            time_ms: u64_at(bytes, 16),
            ops: u32_at(bytes, 24),
            flags: u32_at(bytes, 28),
        })
    }

    /// Header and operations if `bytes` begins with a whole, intact record that was written at `lsn`.
    /// `bytes` ends where the lap ends, so a length from garbage cannot lead beyond it.
    pub(crate) fn verify<'a>(bytes: &'a [u8], seed: u32, lsn: Lsn) -> Option<(Header, Ops<'a>)> {
        let header = Header::peek(bytes)?;
        let length = header.length as usize;
        if header.lsn != lsn || length < RECORD_HEADER || length > bytes.len() {
            return None;
        }
        let body = if header.flags & FLAG_PAD == 0 { &bytes[RECORD_HEADER..length] } else { &[] };
        let mut chain = 0;
        let mut ops = Ops { rest: body, left: header.ops, check: true };
        while ops.left > 0 {
            let crc = body.get(body.len() - ops.rest.len()..)?.get(..4)?;
            ops.next()?;
            chain = crc32c_append(chain, crc);
        }
        if !ops.rest.is_empty() || header.checksum(seed, chain) != u32_at(bytes, 4) {
            return None;
        }
        Some((header, Ops { rest: body, left: header.ops, check: false }))
    }
}

/// The operations of a record, in order.
#[derive(Debug, Clone)]
pub struct Ops<'a> {
    rest: &'a [u8],
    left: u32,
    check: bool,
}

impl<'a> Ops<'a> {
    /// Operations that [`Header::verify`] accepted or this process wrote; checks each one's checksum if asked.
    pub(crate) fn new(body: &'a [u8], count: u32, check: bool) -> Self {
        Ops { rest: body, left: count, check }
    }

    /// Bytes that are still to be read: tells the offset of the next operation.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Op<'a>;

    fn next(&mut self) -> Option<Op<'a>> {
        if self.left == 0 {
            return None;
        }
        let (op, length) = decode_op(self.rest, self.check)?;
        self.rest = &self.rest[length..];
        self.left -= 1;
        Some(op)
    }
}

/// The operation at the start of `bytes` and its length; `None` if it is damaged.
pub(crate) fn decode_op(bytes: &[u8], check: bool) -> Option<(Op<'_>, usize)> {
    let header = bytes.get(..OP_HEADER)?;
    let (name, id, value) =
        (u16_at(header, 6) as usize, u32_at(header, 12) as usize, u32_at(header, 16) as usize);
    let id_at = OP_HEADER + name;
    let value_at = id_at.checked_add(id)?;
    let end = value_at.checked_add(value)?;
    let whole = bytes.get(..end)?;
    if check && crc32c(&whole[4..]) != u32_at(header, 0) {
        return None;
    }
    let kind = match header[4] {
        0 => Kind::Upsert,
        1 => Kind::Delete,
        _ => return None,
    };
    let collection = str::from_utf8(&whole[OP_HEADER..id_at]).ok()?;
    let id = str::from_utf8(&whole[id_at..value_at]).ok()?;
    Some((Op { kind, number: u32_at(header, 8), collection, id, value: &whole[value_at..] }, end))
}
