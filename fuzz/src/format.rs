//! The log's format, written a second time after the drawings in src/engine/log/{header,record}.rs and without any of
//! their code, so that the engine is compared with what it says and not with itself.

use std::collections::BTreeMap;

use kimdb::Kind;

pub const PAGE: usize = 4096;
pub const RING_AT: usize = 2 * PAGE;
pub const RECORD_HEADER: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHeader {
    pub sequence: u64,
    pub database: [u8; 16],
    pub log: [u8; 16],
    pub epoch: u64,
    pub capacity: u64,
    pub start: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub kind: Kind,
    pub collection: String,
    pub id: String,
    pub value: Vec<u8>,
}

/// Documents by collection and id: text and version.
pub type State = BTreeMap<(String, String), (Vec<u8>, u64)>;

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

impl LogHeader {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = b"KIMDBLOG\x01\0\0\0\0\0\0\0".to_vec();
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(self.database);
        bytes.extend(self.log);
        for number in [self.epoch, self.capacity, self.start] {
            bytes.extend(number.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes).to_le_bytes();
        bytes[12..16].copy_from_slice(&crc);
        bytes
    }

    /// The copy in one page, if it is whole and of this format.
    fn decode(page: &[u8]) -> Option<LogHeader> {
        let bytes = page.get(..80)?;
        let header = LogHeader {
            sequence: u64_at(bytes, 16)?,
            database: bytes[24..40].try_into().ok()?,
            log: bytes[40..56].try_into().ok()?,
            epoch: u64_at(bytes, 56)?,
            capacity: u64_at(bytes, 64)?,
            start: u64_at(bytes, 72)?,
        };
        (header.encode() == bytes).then_some(header)
    }

    /// The copy that counts.
    pub fn find(file: &[u8]) -> Option<LogHeader> {
        let first = Self::decode(file);
        let second = file.get(PAGE..).and_then(Self::decode);
        match (first, second) {
            (Some(first), Some(second)) => {
                Some(if first.sequence > second.sequence { first } else { second })
            }
            (first, second) => first.or(second),
        }
    }

    pub fn seed(&self) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.log), &self.epoch.to_le_bytes())
    }
}

/// The header of a record with any content and the checksum that fits it. `chain`: over the operations' checksums.
pub fn record_header(
    length: u32,
    lsn: u64,
    ops: u32,
    flags: u32,
    seed: u32,
    chain: u32,
) -> [u8; RECORD_HEADER] {
    let mut bytes = [0; RECORD_HEADER];
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[8..16].copy_from_slice(&lsn.to_le_bytes());
    bytes[24..28].copy_from_slice(&ops.to_le_bytes());
    bytes[28..].copy_from_slice(&flags.to_le_bytes());
    let crc = record_checksum(&bytes, seed, chain);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn record_checksum(bytes: &[u8], seed: u32, chain: u32) -> u32 {
    let crc = crc32c::crc32c_append(seed, &bytes[8..RECORD_HEADER]);
    crc32c::crc32c_append(crc32c::crc32c_append(crc, &bytes[..4]), &chain.to_le_bytes())
}

fn read_op(bytes: &[u8]) -> Option<(Op, u32, usize)> {
    let lengths = u32_at(bytes, 4)?;
    let (name, id, value) = (lengths >> 16, u32_at(bytes, 12)?, u32_at(bytes, 16)?);
    let end = 20 + name + id + value;
    let body = bytes.get(20..end)?;
    let crc = u32_at(bytes, 0)? as u32;
    if crc32c::crc32c(&bytes[4..end]) != crc {
        return None;
    }
    let op = Op {
        kind: [Kind::Upsert, Kind::Delete].get(lengths & 0xff).copied()?,
        collection: String::from_utf8(body[..name].to_vec()).ok()?,
        id: String::from_utf8(body[name..name + id].to_vec()).ok()?,
        value: body[name + id..].to_vec(),
    };
    Some((op, crc, end))
}

/// The record at the start of `bytes`: its length, whether it is padding, and its operations.
pub fn read_record(bytes: &[u8], seed: u32, lsn: u64) -> Option<(usize, bool, Vec<Op>)> {
    let length = u32_at(bytes, 0)?;
    let record = bytes.get(..length).filter(|record| record.len() >= RECORD_HEADER)?;
    let (count, flags) = (u32_at(record, 24)?, u32_at(record, 28)?);
    let is_padding = flags & 1 == 1;
    let mut rest = if is_padding { &[] } else { &record[RECORD_HEADER..] };
    let (mut ops, mut chain) = (Vec::new(), 0);
    for _ in 0..count {
        let (op, crc, end) = read_op(rest)?;
        chain = crc32c::crc32c_append(chain, &crc.to_le_bytes());
        ops.push(op);
        rest = &rest[end..];
    }
    let fits = u64_at(record, 8)? == lsn && rest.is_empty();
    let whole = record_checksum(record, seed, chain) as usize == u32_at(record, 4)?;
    (fits && whole).then_some((length, is_padding, ops))
}

/// All operations that recovery has to find in a ring.
pub fn read_ring(header: &LogHeader, ring: &[u8]) -> Vec<Op> {
    let capacity = header.capacity;
    let (mut at, mut ops) = (header.start, Vec::new());
    while at - header.start < capacity && at % 8 == 0 {
        let offset = (at % capacity) as usize;
        let lap_end = at + (capacity - offset as u64);
        if lap_end - at >= RECORD_HEADER as u64 {
            let end = (offset as u64 + (capacity - (at - header.start))).min(capacity) as usize;
            let Some((length, is_padding, found)) = read_record(&ring[offset..end], header.seed(), at) else {
                break;
            };
            ops.extend(found);
            if !is_padding {
                at += length.next_multiple_of(8) as u64;
                continue;
            }
        }
        at = lap_end;
    }
    ops
}

/// Applies operations as the documentation says they count.
pub fn apply(state: &mut State, ops: &[Op]) {
    for op in ops {
        let key = (op.collection.clone(), op.id.clone());
        match op.kind {
            Kind::Delete => drop(state.remove(&key)),
            Kind::Upsert => {
                let version = state.get(&key).map_or(0, |(_, version)| *version) + 1;
                state.insert(key, (op.value.clone(), version));
            }
        }
    }
}
