//! The first two pages of a log file: whose log it is, and from where recovery has to read.
//!
//! ```text
//!  0 magic "KIMDBLOG"   8 version u32   12 crc u32 (over the whole header with this field zero)
//! 16 sequence u64      24 database id [16]   40 log id [16]   56 epoch u64   64 capacity u64   72 start u64
//! 80 synced u64
//! ```
//!
//! Two copies, in pages 0 and 1, are written in turn, so that one is whole after any crash; the intact one with
//! the higher sequence counts. A new start goes into both before the space in front of it is used again.

use super::{
    Id, Lsn,
    checksum::{crc32c, crc32c_append},
    record::ALIGN,
};

pub(crate) const PAGE: usize = 4096;
/// Where the ring begins in the file.
pub(crate) const RING_AT: u64 = 2 * PAGE as u64;
const MAGIC: &[u8; 8] = b"KIMDBLOG";
const VERSION: u32 = 2;
const LENGTH: usize = 88;

/// The largest ring that can be asked for, and a number that no log gets to.
const LARGEST_RING: u64 = 1 << 40;
const LARGEST_COUNT: u64 = 1 << 62;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogHeader {
    pub(crate) sequence: u64,
    pub(crate) database: Id,
    pub(crate) log: Id,
    /// Counts the openings; part of every record's checksum.
    pub(crate) epoch: u64,
    /// Bytes of the ring.
    pub(crate) capacity: u64,
    /// The first record that may not be in the shards yet.
    pub(crate) start: Lsn,
    /// Everything before it was on the disk when this header was written: what is not whole there is damage, not the
    /// torn end of a log whose process was killed.
    pub(crate) synced: Lsn,
}

/// What the first pages of a file say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Header(LogHeader),
    /// The magic is there, but neither copy is intact.
    Damaged,
    /// A log of a format that this version does not know. All formats have the database in one place.
    Unknown {
        version: u32,
        database: Id,
    },
    /// Not a ring log.
    Other,
}

impl Found {
    /// The database that the log belongs to.
    pub(crate) fn database(&self) -> Option<Id> {
        match self {
            Found::Header(LogHeader { database, .. }) | Found::Unknown { database, .. } => Some(*database),
            Found::Damaged | Found::Other => None,
        }
    }
}

impl LogHeader {
    /// The header of a new log, from its first byte.
    pub(crate) fn new(database: Id, log: Id, capacity: u64) -> Self {
        LogHeader { sequence: 0, database, log, epoch: 1, capacity, start: Lsn(0), synced: Lsn(0) }
    }

    pub(crate) fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.database);
        bytes[40..56].copy_from_slice(&self.log);
        bytes[56..64].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.capacity.to_le_bytes());
        bytes[72..80].copy_from_slice(&self.start.0.to_le_bytes());
        bytes[80..88].copy_from_slice(&self.synced.0.to_le_bytes());
        let crc = crc32c(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(page: &[u8]) -> Found {
        let Some(bytes) = page.get(..LENGTH) else {
            return Found::Other;
        };
        if &bytes[..8] != MAGIC {
            return Found::Other;
        }
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let id_at = |at: usize| -> Id { bytes[at..at + 16].try_into().expect("sixteen bytes") };
        let version = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
        let mut zeroed = [0; LENGTH];
        zeroed.copy_from_slice(bytes);
        zeroed[12..16].fill(0);
        if crc32c(&zeroed).to_le_bytes() != bytes[12..16] {
            return Found::Damaged;
        }
        if version != VERSION {
            return Found::Unknown { version, database: id_at(24) };
        }
        let header = LogHeader {
            sequence: u64_at(16),
            database: id_at(24),
            log: id_at(40),
            epoch: u64_at(56),
            capacity: u64_at(64),
            start: Lsn(u64_at(72)),
            synced: Lsn(u64_at(80)),
        };
        if header.is_possible() { Found::Header(header) } else { Found::Damaged }
    }

    /// Whether somebody may have written it honestly. Its checksum only proves that somebody meant it.
    fn is_possible(&self) -> bool {
        let counts = [self.sequence, self.epoch, self.start.0, self.synced.0];
        (1..=LARGEST_RING).contains(&self.capacity)
            && self.capacity.is_multiple_of(ALIGN)
            && self.start.0.is_multiple_of(ALIGN)
            && counts.iter().all(|count| *count < LARGEST_COUNT)
    }

    /// What each of the two copies says.
    pub(crate) fn copies(first_pages: &[u8]) -> [Found; 2] {
        [Self::decode(first_pages), Self::decode(first_pages.get(PAGE..).unwrap_or_default())]
    }

    /// Reads both copies.
    pub(crate) fn find(first_pages: &[u8]) -> Found {
        let [first, second] = Self::copies(first_pages);
        match (first, second) {
            (Found::Header(a), Found::Header(b)) => {
                Found::Header(if a.sequence > b.sequence { a } else { b })
            }
            (Found::Header(a), _) | (_, Found::Header(a)) => Found::Header(a),
            (unknown @ Found::Unknown { .. }, _) | (_, unknown @ Found::Unknown { .. }) => unknown,
            (Found::Damaged, _) | (_, Found::Damaged) => Found::Damaged,
            (Found::Other, Found::Other) => Found::Other,
        }
    }

    /// Where this copy belongs in the file.
    pub(crate) fn offset(&self) -> usize {
        (self.sequence % 2) as usize * PAGE
    }

    /// Start value of every record checksum: what another log or an earlier run wrote never fits it.
    pub(crate) fn seed(&self) -> u32 {
        crc32c_append(crc32c(&self.log), &self.epoch.to_le_bytes())
    }
}
