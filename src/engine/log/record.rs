//! The bytes of a record: one append, one acknowledgement, there as a whole or not at all.
//!
//! ```text
//! record  0 length u32   bytes of header and operations; the next record starts at the next multiple of 8
//!         4 crc u32      over seed (log id, epoch), where the record starts (u64), bytes 8..16, the length, and the
//!                        crcs of the operations as one
//!         8 time u48     milliseconds since 1970 (UTC) when the write was called
//!        14 mark u16     bits 0..15: see [`mark`]; bit 15: padding up to the end of the lap
//! then its operations, see `op.rs`
//! ```
//!
//! Small documents are what a log is full of, and each byte of it is written, mapped, synced and read twice.
//!
//! All numbers are little-endian.

use super::{
    Lsn,
    checksum::crc32c_of,
    op::{Ops, length_of_op, u32_at, word},
};

pub(crate) const HEADER_WORDS: usize = 2;
pub(crate) const RECORD_HEADER: usize = HEADER_WORDS * 8;
pub(crate) const ALIGN: u64 = 8;

const TIME_BITS: u32 = 48;
const LAST_TIME: u64 = (1 << TIME_BITS) - 1;
const MARK_BITS: u32 = 15;
const PADDING: u64 = 1 << 63;

pub(crate) fn align(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGN)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// What tells a record at its place from what an earlier lap, or a copy, left there, before any checksum is made: places a few
/// laps apart have the same one for hardly any size of the ring. The checksum has the place itself.
fn mark(lsn: Lsn) -> u64 {
    // Fibonacci hashing: each bit of the place counts.
    lsn.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - MARK_BITS)
}

/// The fixed part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    /// In the year 10889 time stands still.
    pub(crate) time_ms: u64,
    pub(crate) is_padding: bool,
}

impl Header {
    /// Everything but length and checksum, in one number.
    #[inline]
    fn stamp(&self, lsn: Lsn) -> u64 {
        let padding = if self.is_padding { PADDING } else { 0 };
        self.time_ms.min(LAST_TIME) | mark(lsn) << TIME_BITS | padding
    }

    #[inline(always)]
    fn checksum(&self, seed: u32, lsn: Lsn, chain: u32) -> u32 {
        crc32c_of(seed, [lsn.0, self.stamp(lsn), word(self.length, chain)], &[])
    }

    /// As it lies in the log, in words of which each is little-endian.
    #[inline]
    pub(crate) fn encode(&self, seed: u32, lsn: Lsn, chain: u32) -> [u64; HEADER_WORDS] {
        [word(self.length, self.checksum(seed, lsn, chain)), self.stamp(lsn)]
    }
}

/// What looks like a record at its place: the mark is right, and it ends where there still are bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    at: Lsn,
    pub(crate) header: Header,
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The one that `bytes`, which end where the lap ends or before, begin with.
    #[inline]
    pub(crate) fn peek(bytes: &'a [u8], at: Lsn) -> Option<Self> {
        let stamp = u64_at(bytes.get(..RECORD_HEADER)?, 8);
        let header =
            Header { length: u32_at(bytes, 0), time_ms: stamp & LAST_TIME, is_padding: stamp & PADDING != 0 };
        let bytes = bytes.get(..header.length as usize).filter(|bytes| bytes.len() >= RECORD_HEADER)?;
        (header.stamp(at) == stamp).then_some(Record { at, header, bytes })
    }

    /// Where it starts.
    pub(crate) fn at(&self) -> u64 {
        self.at.0
    }

    /// Where the next one starts.
    pub(crate) fn end(&self) -> u64 {
        self.at.0 + align(self.bytes.len() as u64)
    }

    /// Its operations, each of which is checked.
    #[inline]
    pub(crate) fn ops(&self) -> Ops<'a> {
        Ops::new(if self.header.is_padding { &[] } else { &self.bytes[RECORD_HEADER..] }, true)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.ops().rest.is_empty()
    }

    /// Where the first of these operations of it is that were not gone through.
    pub(crate) fn place(&self, ops: &Ops<'_>) -> u64 {
        self.at.0 + (self.bytes.len() - ops.rest.len()) as u64
    }

    /// Whether it is as it was written, once its operations have been gone through.
    #[inline]
    pub(crate) fn is_whole(&self, seed: u32, ops: &Ops<'_>) -> bool {
        ops.rest.is_empty() && self.header.checksum(seed, self.at, ops.chain) == u32_at(self.bytes, 4)
    }

    /// Goes through it: the number of its operations if it is as it was written. `read` grows by the bytes of those that were
    /// checked.
    pub(crate) fn verify(&self, seed: u32, read: &mut u64) -> Option<u64> {
        let mut ops = self.ops();
        let length = ops.rest.len();
        let count = ops.by_ref().count() as u64;
        // One whose checksum is wrong was gone through too.
        *read += (length - ops.rest.len() + length_of_op(ops.rest).unwrap_or(0)) as u64;
        self.is_whole(seed, &ops).then_some(count)
    }
}
