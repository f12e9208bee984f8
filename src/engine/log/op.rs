//! The bytes of an operation of a record.
//!
//! ```text
//!  0 crc u32      over number, name, id and value, four bytes each, and the three strings
//!  4 number u32   the collection's number in the process that wrote it; recovery goes by the name
//!  8 name u16     bytes of the collection's name
//! 10 id u32       bytes of the id
//! 14 value u32    bits 0..31: bytes of the JSON text; bit 31: a delete
//! 18 name, id, value
//! ```
//!
//! It has a checksum of its own so that reading one document out of a batch checks that document, not the whole batch.

use super::checksum::{crc32c_append, crc32c_of};

pub(crate) const OP_HEADER: usize = 18;
pub(super) const DELETE: u32 = 1 << 31;

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

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// One number of two.
pub(super) fn word(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[inline(always)]
pub(super) fn checksum_of_op(number: u32, name: u32, id: u32, value: u32, strings: &[u8]) -> u32 {
    crc32c_of(0, [word(number, name), word(id, value)], strings)
}

/// The operations of a record, in order, up to the first that is damaged.
#[derive(Debug, Clone)]
pub struct Ops<'a> {
    pub(super) rest: &'a [u8],
    is_checked: bool,
    /// Over the checksums so far, if they are checked.
    pub(super) chain: u32,
}

impl<'a> Ops<'a> {
    /// `is_checked`: whether each one's checksum is looked at.
    pub(super) fn new(rest: &'a [u8], is_checked: bool) -> Self {
        Ops { rest, is_checked, chain: 0 }
    }

    /// Whether all were gone through. After the last one it is false if the next is damaged.
    pub(crate) fn are_over(&self) -> bool {
        self.rest.is_empty()
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

/// What an operation's header says.
struct OpHeader {
    crc: u32,
    number: u32,
    name: u16,
    id: u32,
    /// With the bit of a delete.
    value: u32,
}

impl OpHeader {
    #[inline]
    fn of(bytes: &[u8; OP_HEADER]) -> Self {
        OpHeader {
            crc: u32_at(bytes, 0),
            number: u32_at(bytes, 4),
            name: u16_at(bytes, 8),
            id: u32_at(bytes, 10),
            value: u32_at(bytes, 14),
        }
    }

    /// Where the name, the id and the text end behind it. `None`: no memory is that large.
    #[inline]
    fn ends(&self) -> Option<[usize; 3]> {
        let name = usize::from(self.name);
        let id = name.checked_add(self.id as usize)?;
        Some([name, id, id.checked_add((self.value & !DELETE) as usize)?])
    }
}

/// Bytes of the operation at the start of `bytes`, if they are that many.
pub(super) fn length_of_op(bytes: &[u8]) -> Option<usize> {
    let (header, strings) = bytes.split_first_chunk()?;
    let [.., end] = OpHeader::of(header).ends()?;
    (end <= strings.len()).then_some(OP_HEADER + end)
}

/// The operation at the start of `bytes` and its length; `None` if it is damaged.
pub(crate) fn decode_op(bytes: &[u8], is_checked: bool) -> Option<(Op<'_>, usize)> {
    let (header, strings) = bytes.split_first_chunk()?;
    let header = OpHeader::of(header);
    let [name_end, id_end, end] = header.ends()?;
    let strings = strings.get(..end)?;
    let OpHeader { crc, number, name, id, value } = header;
    if is_checked && checksum_of_op(number, name.into(), id, value, strings) != crc {
        return None;
    }
    let kind = if value & DELETE == 0 { Kind::Upsert } else { Kind::Delete };
    let collection = str::from_utf8(&strings[..name_end]).ok()?;
    let id = str::from_utf8(&strings[name_end..id_end]).ok()?;
    Some((Op { kind, number, collection, id, value: &strings[id_end..] }, OP_HEADER + end))
}
