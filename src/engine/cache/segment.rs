//! A part of the cache, with a lock of its own: a queue of entries, and an index of where they are.
//!
//! Where the queue is full, the oldest entry goes, unless it was read since it came: then it comes in once more (CLOCK). Nothing is
//! allocated for a document, so that neither an allocator's time nor what it keeps for itself comes on top.

use super::{
    entry::{Header, Mark},
    index::Index,
    queue::Queue,
};
use crate::engine::{log::Lsn, prefetch::prefetch};

/// No document may take more than this part of a segment.
const LARGEST_PART: usize = 8;
/// The index takes this part of a segment: a slot for each 96 bytes.
const INDEX_PART: usize = 12;
/// For each entry that comes in, at most so many come in once more.
pub(super) const SECOND_ROUNDS: usize = 8;

#[derive(Debug)]
pub(super) struct Segment {
    index: Index,
    pub(super) queue: Queue,
    len: usize,
    bytes: usize,
    limit: usize,
}

/// An entry that was found. Its place is right until the segment changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    at: u64,
    pub(super) header: Header,
}

impl Segment {
    /// One of at most so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        let index = limit / INDEX_PART;
        Segment { index: Index::new(index), queue: Queue::new(limit - index), len: 0, bytes: 0, limit }
    }

    /// Number of documents.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of the documents.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.queue.memory() + self.index.memory()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Segment::new(self.limit);
    }

    pub(super) fn find(&self, hash: u64, number: u32, id: &str) -> Option<Found> {
        self.index.positions(hash, self.queue.tail()).find_map(|at| {
            let entry = self.queue.entry(at);
            let header = Header::decode(entry);
            (header.number == number && header.id(entry) == id.as_bytes()).then_some(Found { at, header })
        })
    }

    pub(super) fn value(&self, found: &Found) -> &[u8] {
        found.header.value(self.queue.entry(found.at))
    }

    /// Notes that a document was read.
    pub(super) fn touch(&mut self, found: &Found) {
        if !found.header.mark.is_read() {
            found.header.mark.as_read(true).encode(self.queue.entry_mut(found.at));
        }
    }

    pub(super) fn remove(&mut self, found: &Found) {
        self.index.remove(found.header.hash, found.at);
        self.bury(found.at);
    }

    /// Changes a document, or lets go of it where it is too large now.
    pub(super) fn replace(&mut self, found: &Found, id: &str, value: &[u8], stored: (u64, Lsn)) {
        let Header { mark, hash, number, origin, .. } = found.header;
        let header = Header::new(hash, (number, id), value, stored, origin);
        match header.map(|header| header.read_as(&found.header)) {
            Some(header) if header.mark == mark => header.encode(id, value, self.queue.entry_mut(found.at)),
            header => {
                self.remove(found);
                header.into_iter().for_each(|header| self.insert(&header, id, value));
            }
        }
    }

    /// Keeps a document that is not here, unless it would push too many others out.
    pub(super) fn insert(&mut self, header: &Header, id: &str, value: &[u8]) {
        let size = header.mark.size();
        if size > self.limit / LARGEST_PART || !self.index.has_buckets() {
            return;
        }
        if self.queue.is_worn_out() {
            self.clear();
        }
        let mut rounds = SECOND_ROUNDS;
        while !self.queue.has_room(size) {
            self.pass_oldest(&mut rounds);
        }
        let at = self.queue.push(size);
        header.encode(id, value, self.queue.entry_mut(at));
        self.note(header.hash, at, size);
        prefetch(self.queue.next());
    }

    /// Lets go of the oldest entry, or has it come in once more.
    fn pass_oldest(&mut self, rounds: &mut usize) {
        let Some(entry) = self.queue.oldest() else { return };
        let mark = Mark::decode(entry);
        if mark.is_dead() {
            self.queue.pop();
            return;
        }
        self.len -= 1;
        self.bytes -= mark.size();
        if !mark.is_read() || *rounds == 0 {
            self.queue.pop();
            return;
        }
        let hash = Header::decode(entry).hash;
        if let Some(at) = self.queue.renew() {
            *rounds -= 1;
            mark.as_read(false).encode(self.queue.entry_mut(at));
            self.note(hash, at, mark.size());
        }
    }

    fn note(&mut self, hash: u64, at: u64, size: usize) {
        self.len += 1;
        self.bytes += size;
        let Segment { index, queue, .. } = self;
        let is_read = |at| Mark::decode(queue.entry(at)).is_read();
        if let Some(pushed_out) = index.insert(hash, at, queue.tail(), is_read) {
            self.bury(pushed_out);
        }
    }

    /// What lies there is no document any more.
    fn bury(&mut self, at: u64) {
        let entry = self.queue.entry_mut(at);
        let mark = Mark::decode(entry);
        mark.as_dead().encode(entry);
        self.len -= 1;
        self.bytes -= mark.size();
    }
}
