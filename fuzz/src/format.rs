//! The log's format, written a second time after the drawings in src/engine/log/{header,record,op}.rs and without any of
//! their code, so that the engine is compared with what it says and not with itself.

use std::collections::BTreeMap;

use kimdb::Kind;

pub const PAGE: usize = 4096;
pub const RING_AT: usize = 2 * PAGE;
pub const RECORD_HEADER: usize = 16;
const OP_HEADER: usize = 18;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHeader {
    pub sequence: u64,
    pub database: [u8; 16],
    pub log: [u8; 16],
    pub epoch: u64,
    pub capacity: u64,
    pub start: u64,
    pub synced: u64,
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
        let mut bytes = b"KIMDBLOG\x02\0\0\0\0\0\0\0".to_vec();
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(self.database);
        bytes.extend(self.log);
        for number in [self.epoch, self.capacity, self.start, self.synced] {
            bytes.extend(number.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes).to_le_bytes();
        bytes[12..16].copy_from_slice(&crc);
        bytes
    }

    /// The copy in one page, if it is whole and of this format.
    fn decode(page: &[u8]) -> Option<LogHeader> {
        let bytes = page.get(..88)?;
        let header = LogHeader {
            sequence: u64_at(bytes, 16)?,
            database: bytes[24..40].try_into().ok()?,
            log: bytes[40..56].try_into().ok()?,
            epoch: u64_at(bytes, 56)?,
            capacity: u64_at(bytes, 64)?,
            start: u64_at(bytes, 72)?,
            synced: u64_at(bytes, 80)?,
        };
        (header.encode() == bytes && header.is_possible()).then_some(header)
    }

    /// No engine writes other ones.
    fn is_possible(&self) -> bool {
        let counts = [self.sequence, self.epoch, self.start, self.synced];
        let aligned = [self.capacity, self.start].iter().all(|number| number % 8 == 0);
        aligned
            && counts.iter().all(|count| count >> 62 == 0)
            && self.capacity > 0
            && self.capacity <= 1 << 40
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
    time: u64,
    is_padding: bool,
    seed: u32,
    chain: u32,
) -> [u8; RECORD_HEADER] {
    let mut bytes = [0; RECORD_HEADER];
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[8..14].copy_from_slice(&time.to_le_bytes()[..6]);
    bytes[14..].copy_from_slice(&(mark(lsn) + if is_padding { 1 << 15 } else { 0 }).to_le_bytes());
    let crc = record_checksum(&bytes, seed, lsn, chain);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The upper 15 of the 64 bits of a product.
fn mark(lsn: u64) -> u16 {
    let product = u128::from(lsn) * 11_400_714_819_323_198_485 % (1 << 64);
    (product / (1 << 49)) as u16
}

fn record_checksum(bytes: &[u8], seed: u32, lsn: u64, chain: u32) -> u32 {
    [&lsn.to_le_bytes(), &bytes[8..RECORD_HEADER], &bytes[..4], &chain.to_le_bytes()]
        .iter()
        .fold(seed, |crc, part| crc32c::crc32c_append(crc, part))
}

fn read_op(bytes: &[u8]) -> Option<(Op, u32, usize)> {
    let (name, id, value) = (u32_at(bytes, 8)? & 0xffff, u32_at(bytes, 10)?, u32_at(bytes, 14)?);
    let (kind, length) = (value >> 31, value & 0x7fff_ffff);
    let end = OP_HEADER + name + id + length;
    let body = bytes.get(OP_HEADER..end)?;
    let crc = u32_at(bytes, 0)? as u32;
    let lengths = [name, id, value].map(|length| (length as u32).to_le_bytes()).concat();
    let covered = [&bytes[4..8], &lengths, body].concat();
    if crc32c::crc32c(&covered) != crc {
        return None;
    }
    let op = Op {
        kind: [Kind::Upsert, Kind::Delete][kind],
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
    let is_padding = record[15] >= 0x80;
    let mut rest = if is_padding { &[] } else { &record[RECORD_HEADER..] };
    let (mut ops, mut chain) = (Vec::new(), 0);
    while !rest.is_empty() {
        let (op, crc, end) = read_op(rest)?;
        chain = crc32c::crc32c_append(chain, &crc.to_le_bytes());
        ops.push(op);
        rest = &rest[end..];
    }
    let fits = u16::from_le_bytes([record[14], record[15] & 0x7f]) == mark(lsn);
    let whole = record_checksum(record, seed, lsn, chain) as usize == u32_at(record, 4)?;
    (fits && whole).then_some((length, is_padding, ops))
}

/// What recovery has to find in a ring: operations, and how many bytes that were synced are not whole.
pub fn read_ring(header: &LogHeader, ring: &[u8]) -> (Vec<Op>, u64) {
    let limit = header.start + header.capacity;
    let synced = header.synced.min(limit);
    let (mut at, mut ops, mut damaged) = (header.start, Vec::new(), 0);
    loop {
        at = read_run(header, ring, at, &mut ops);
        if at >= synced {
            return (ops, damaged);
        }
        let next = (at / 8 + 1..synced.div_ceil(8))
            .map(|word| word * 8)
            .find(|place| record_at(header, ring, *place).is_some())
            .unwrap_or(synced);
        damaged += next - at;
        at = next;
    }
}

/// Reads records from `at` on, as far as they follow each other. Returns where the next one would begin.
fn read_run(header: &LogHeader, ring: &[u8], mut at: u64, ops: &mut Vec<Op>) -> u64 {
    while at - header.start < header.capacity {
        let lap_end = at + header.capacity - at % header.capacity;
        if lap_end - at >= RECORD_HEADER as u64 {
            let Some((length, is_padding, found)) = record_at(header, ring, at) else { break };
            ops.extend(found);
            if !is_padding {
                at += length.next_multiple_of(8) as u64;
                continue;
            }
        }
        at = lap_end;
    }
    at
}

fn record_at(header: &LogHeader, ring: &[u8], at: u64) -> Option<(usize, bool, Vec<Op>)> {
    let offset = at % header.capacity;
    let end = (offset + header.capacity - (at - header.start)).min(header.capacity);
    read_record(&ring[offset as usize..end as usize], header.seed(), at)
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
