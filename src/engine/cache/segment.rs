//! A part of the cache, with a lock of its own: entries, found by hash, and pushed out in turn.

use hashbrown::HashTable;

use super::Origin;
use crate::engine::log::Lsn;

/// What an entry takes beside its id and text: slot, table and allocator.
pub(super) const OVERHEAD: usize = 96;

/// No document may take more than this part of a segment.
const LARGEST_PART: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Segment {
    table: HashTable<usize>,
    slots: Vec<Option<Entry>>,
    free: Vec<usize>,
    hand: usize,
    bytes: usize,
    limit: usize,
}

#[derive(Debug)]
pub(super) struct Entry {
    hash: u64,
    pub(super) version: u64,
    pub(super) as_of: Lsn,
    /// The id and behind it the text: a read finds both in one place of memory.
    content: Box<[u8]>,
    pub(super) origin: Origin,
    number: u32,
    id_length: u32,
    pub(super) read: bool,
}

impl Entry {
    pub(super) fn new(
        hash: u64,
        (number, id): (u32, &str),
        value: &[u8],
        (version, as_of): (u64, Lsn),
        origin: Origin,
    ) -> Self {
        let id_length = u32::try_from(id.len()).expect("an id is shorter than the log");
        Entry { hash, version, as_of, content: content(id, value), origin, number, id_length, read: false }
    }

    fn id(&self) -> &[u8] {
        &self.content[..self.id_length as usize]
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.content[self.id_length as usize..]
    }

    pub(super) fn set_value(&mut self, id: &str, value: &[u8]) {
        self.content = content(id, value);
    }

    fn bytes(&self) -> usize {
        self.content.len() + OVERHEAD
    }
}

fn content(id: &str, value: &[u8]) -> Box<[u8]> {
    [id.as_bytes(), value].concat().into()
}

impl Segment {
    /// One of at most so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Segment { limit, ..Segment::default() }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a document of so many bytes, id and text, would push too many others out.
    pub(super) fn is_too_large(&self, length: usize) -> bool {
        length + OVERHEAD > self.limit / LARGEST_PART
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Segment::new(self.limit);
    }

    pub(super) fn find(&mut self, hash: u64, number: u32, id: &str) -> Option<&mut Entry> {
        let slots = &self.slots;
        let slot = *self.table.find(hash, |slot| is(&slots[*slot], hash, number, id))?;
        self.slots[slot].as_mut()
    }

    pub(super) fn remove(&mut self, hash: u64, number: u32, id: &str) -> Option<Entry> {
        let slots = &self.slots;
        let found = self.table.find_entry(hash, |slot| is(&slots[*slot], hash, number, id)).ok()?;
        let (slot, _) = found.remove();
        let entry = self.slots[slot].take()?;
        self.free.push(slot);
        self.bytes -= entry.bytes();
        Some(entry)
    }

    /// Keeps an entry, unless it [is too large](Segment::is_too_large).
    pub(super) fn insert(&mut self, entry: Entry) {
        if self.is_too_large(entry.content.len()) {
            return;
        }
        while self.bytes + entry.bytes() > self.limit && !self.table.is_empty() {
            self.evict_one();
        }
        self.bytes += entry.bytes();
        let hash = entry.hash;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[slot] = Some(entry);
        let slots = &self.slots;
        self.table.insert_unique(hash, slot, |slot| slots[*slot].as_ref().map_or(0, |entry| entry.hash));
    }

    fn evict_one(&mut self) {
        loop {
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(entry) = &mut self.slots[self.hand] else {
                continue;
            };
            if std::mem::take(&mut entry.read) {
                continue;
            }
            let (hash, hand) = (entry.hash, self.hand);
            if let Ok(found) = self.table.find_entry(hash, |slot| *slot == hand) {
                found.remove();
            }
            self.bytes -= self.slots[hand].take().map_or(0, |entry| entry.bytes());
            self.free.push(hand);
            return;
        }
    }
}

fn is(slot: &Option<Entry>, hash: u64, number: u32, id: &str) -> bool {
    slot.as_ref()
        .is_some_and(|entry| entry.hash == hash && entry.number == number && entry.id() == id.as_bytes())
}
