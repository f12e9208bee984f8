//! The bytes of a record: one append, one acknowledgement, there as a whole or not at all.
//!
//! ```text
//! record  0 length u32   bytes of header and operations; the next record starts at the next multiple of 8
//!         4 crc u32      over seed (log id, epoch), where the record starts (u64), bytes 8..16, the length, and the
//!                        crcs of the operations as one
//!         8 time u48     milliseconds since 1970 (UTC) when the write was called
//!        14 mark u16     bits 0..15: see [`mark`]; bit 15: padding up to the end of the lap
//! then, for each operation
//!         0 crc u32      over number, name, id and value, four bytes each, and the three strings
//!         4 number u32   the collection's number in the process that wrote it; recovery goes by the name
//!         8 name u16     bytes of the collection's name
//!        10 id u32       bytes of the id
//!        14 value u32    bits 0..30: bytes of the JSON text; bit 30: reserved, zero; bit 31: a delete
//!        18 name, id, value
//! ```
//!
//! Small documents are what a log is full of, and each byte of it is written, mapped, synced and read twice.
//!
//! All numbers are little-endian. An operation has a checksum of its own so that reading one document out of a
//! batch checks that document, not the whole batch.

use super::{
    Lsn,
    checksum::{crc32c_append, crc32c_of},
};

pub(crate) const HEADER_WORDS: usize = 2;
pub(crate) const RECORD_HEADER: usize = HEADER_WORDS * 8;
pub(crate) const OP_HEADER: usize = 18;
pub(crate) const ALIGN: u64 = 8;

const TIME_BITS: u32 = 48;
const MARK_BITS: u32 = 15;
const PADDING: u64 = 1 << 63;
const DELETE: u32 = 1 << 31;

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

/// What tells a record at its place from what an earlier lap, or a copy, left there, before any checksum is made. Places a few
/// laps apart have different ones.
fn mark(lsn: Lsn) -> u64 {
    // Fibonacci hashing: each bit of the place counts.
    lsn.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - MARK_BITS)
}

#[inline]
fn checksum_of_op(number: u32, name: u32, id: u32, value: u32, strings: &[u8]) -> u32 {
    crc32c_of(0, [word(number, name), word(id, value)], strings)
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

/// The fixed part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    /// Less than 2^48.
    pub(crate) time_ms: u64,
    pub(crate) is_padding: bool,
}

impl Header {
    /// Everything but length and checksum, in one number.
    #[inline]
    fn stamp(&self, lsn: Lsn) -> u64 {
        let padding = if self.is_padding { PADDING } else { 0 };
        self.time_ms & ((1 << TIME_BITS) - 1) | mark(lsn) << TIME_BITS | padding
    }

    #[inline]
    fn checksum(&self, seed: u32, lsn: Lsn, chain: u32) -> u32 {
        crc32c_of(seed, [lsn.0, self.stamp(lsn), word(self.length, chain)], &[])
    }

    /// As it lies in the log, in words of which each is little-endian.
    pub(crate) fn encode(&self, seed: u32, lsn: Lsn, chain: u32) -> [u64; HEADER_WORDS] {
        [word(self.length, self.checksum(seed, lsn, chain)), self.stamp(lsn)]
    }

    /// The header at the start of `bytes`, if it has the mark of that place; else unverified.
    pub(crate) fn peek(bytes: &[u8], lsn: Lsn) -> Option<Header> {
        let stamp = u64_at(bytes.get(..RECORD_HEADER)?, 8);
        let header = Header {
            length: u32_at(bytes, 0),
            time_ms: stamp & ((1 << TIME_BITS) - 1),
            is_padding: stamp & PADDING != 0,
        };
        (header.stamp(lsn) == stamp).then_some(header)
    }

    /// Header and number of operations if `bytes` begins with a whole, intact record that was written at `lsn`.
    /// `bytes` ends where the lap ends, so a length from garbage cannot lead beyond it.
    pub(crate) fn verify(bytes: &[u8], seed: u32, lsn: Lsn) -> Option<(Header, u64)> {
        let header = Header::peek(bytes, lsn)?;
        let mut ops = header.ops(bytes)?;
        let count = ops.by_ref().count() as u64;
        header.is_whole(bytes, seed, lsn, &ops).then_some((header, count))
    }

    /// The operations of the record that `bytes` begin with, each to be checked. `None`: it would be longer than they are.
    pub(crate) fn ops<'a>(&self, bytes: &'a [u8]) -> Option<Ops<'a>> {
        let body = bytes.get(RECORD_HEADER..self.length as usize)?;
        Some(Ops::new(if self.is_padding { &[] } else { body }, true))
    }

    /// Whether the record that `bytes` begin with is as it was written, once its operations have been gone through.
    pub(crate) fn is_whole(&self, bytes: &[u8], seed: u32, lsn: Lsn, ops: &Ops<'_>) -> bool {
        ops.rest.is_empty() && self.checksum(seed, lsn, ops.chain) == u32_at(bytes, 4)
    }
}

/// The operations of a record, in order, up to the first that is damaged.
#[derive(Debug, Clone)]
pub struct Ops<'a> {
    rest: &'a [u8],
    is_checked: bool,
    /// Over the checksums so far, if they are checked.
    chain: u32,
}

impl<'a> Ops<'a> {
    /// `is_checked`: whether each one's checksum is looked at.
    fn new(rest: &'a [u8], is_checked: bool) -> Self {
        Ops { rest, is_checked, chain: 0 }
    }

    /// Bytes that are still to be read: tells the offset of the next operation. At the end not 0 if there is damage.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Op<'a>;

    fn next(&mut self) -> Option<Op<'a>> {
        let (op, length) = decode_op(self.rest, self.is_checked)?;
        let (bytes, rest) = self.rest.split_at(length);
        if self.is_checked {
            self.chain = crc32c_append(self.chain, &bytes[..4]);
        }
        self.rest = rest;
        Some(op)
    }
}

/// The operation at the start of `bytes` and its length; `None` if it is damaged.
pub(crate) fn decode_op(bytes: &[u8], is_checked: bool) -> Option<(Op<'_>, usize)> {
    let (header, strings) = bytes.split_at_checked(OP_HEADER)?;
    let (number, name) = (u32_at(header, 4), u16_at(header, 8));
    let (id, value) = (u32_at(header, 10), u32_at(header, 14));
    let name_end = usize::from(name);
    let id_end = name_end.checked_add(id as usize)?;
    let end = id_end.checked_add((value & !DELETE) as usize)?;
    let strings = strings.get(..end)?;
    if is_checked && checksum_of_op(number, name.into(), id, value, strings) != u32_at(header, 0) {
        return None;
    }
    let kind = if value & DELETE == 0 { Kind::Upsert } else { Kind::Delete };
    let collection = str::from_utf8(&strings[..name_end]).ok()?;
    let id = str::from_utf8(&strings[name_end..id_end]).ok()?;
    Some((Op { kind, number, collection, id, value: &strings[id_end..] }, OP_HEADER + end))
}
