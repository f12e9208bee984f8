//! How a document lies in a segment's queue: a header, the id, the text, and up to seven bytes that mean nothing.

use super::Origin;
use crate::engine::log::Lsn;

/// Entries begin at multiples of this.
pub(super) const ALIGNMENT: usize = 8;

const WORD: usize = size_of::<u64>();
const WORDS: usize = 7;
pub(super) const HEADER: usize = WORDS * WORD;

/// It was read since it came in.
const READ: u32 = 1;
/// It is no document any more, or never was one.
const DEAD: u32 = 2;

/// The first word of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    size: u32,
    flags: u32,
}

impl Mark {
    /// That of so many bytes which are no document.
    pub(super) fn gap(size: usize) -> Self {
        Mark { size: u32::try_from(size).expect("a gap is shorter than an entry"), flags: DEAD }
    }

    pub(super) fn decode(entry: &[u8]) -> Self {
        let [size, flags] = halves(u64::from_ne_bytes(*entry.first_chunk().expect("an entry begins here")));
        Mark { size, flags }
    }

    pub(super) fn encode(self, entry: &mut [u8]) {
        *entry.first_chunk_mut().expect("an entry begins here") =
            whole([self.size, self.flags]).to_ne_bytes();
    }

    /// Bytes up to the next entry.
    pub(super) fn size(self) -> usize {
        self.size as usize
    }

    pub(super) fn is_dead(self) -> bool {
        self.flags & DEAD != 0
    }

    pub(super) fn is_read(self) -> bool {
        self.flags & READ != 0
    }

    pub(super) fn as_dead(self) -> Self {
        Mark { flags: self.flags | DEAD, ..self }
    }

    pub(super) fn as_read(self, is_read: bool) -> Self {
        Mark { flags: if is_read { self.flags | READ } else { self.flags & !READ }, ..self }
    }
}

/// All that is known of a document beside its id and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) mark: Mark,
    pub(super) hash: u64,
    pub(super) version: u64,
    pub(super) as_of: Lsn,
    pub(super) number: u32,
    id_length: u32,
    value_length: u32,
    pub(super) origin: Origin,
}

impl Header {
    /// `None` where the document is so large that a header cannot tell.
    pub(super) fn new(
        hash: u64,
        (number, id): (u32, &str),
        value: &[u8],
        (version, as_of): (u64, Lsn),
        origin: Origin,
    ) -> Option<Self> {
        let size = u32::try_from((HEADER + id.len() + value.len()).next_multiple_of(ALIGNMENT)).ok()?;
        let [id_length, value_length] = [id.len(), value.len()].map(|length| length as u32);
        let mark = Mark { size, flags: 0 };
        Some(Header { mark, hash, version, as_of, number, id_length, value_length, origin })
    }

    /// The same, read as often as another one.
    pub(super) fn read_as(self, other: &Self) -> Self {
        Header { mark: self.mark.as_read(other.mark.is_read()), ..self }
    }

    pub(super) fn decode(entry: &[u8]) -> Self {
        let (words, _) = entry[..HEADER].as_chunks::<WORD>();
        let word = |at: usize| u64::from_ne_bytes(words[at]);
        let [number, id_length] = halves(word(4));
        let [value_length, shard] = halves(word(5));
        let [epoch, _] = halves(word(6));
        Header {
            mark: Mark::decode(entry),
            hash: word(1),
            version: word(2),
            as_of: Lsn(word(3)),
            number,
            id_length,
            value_length,
            origin: Origin { shard, epoch },
        }
    }

    /// Writes an entry.
    pub(super) fn encode(&self, id: &str, value: &[u8], entry: &mut [u8]) {
        let (header, content) = entry[..self.mark.size()].split_at_mut(HEADER);
        let Origin { shard, epoch } = self.origin;
        let words: [u64; WORDS] = [
            whole([self.mark.size, self.mark.flags]),
            self.hash,
            self.version,
            self.as_of.0,
            whole([self.number, self.id_length]),
            whole([self.value_length, shard]),
            whole([epoch, 0]),
        ];
        let (places, _) = header.as_chunks_mut::<WORD>();
        places.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_ne_bytes());
        content[..id.len()].copy_from_slice(id.as_bytes());
        content[id.len()..][..value.len()].copy_from_slice(value);
    }

    pub(super) fn id<'a>(&self, entry: &'a [u8]) -> &'a [u8] {
        &entry[HEADER..][..self.id_length as usize]
    }

    pub(super) fn value<'a>(&self, entry: &'a [u8]) -> &'a [u8] {
        &entry[HEADER + self.id_length as usize..][..self.value_length as usize]
    }
}

fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

fn whole([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}
