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
/// The index takes at most this part of a segment: a slot for each 88 bytes of documents.
const INDEX_PART: usize = 12;
/// It is this part of the queue's memory as long as that can grow, so that nothing is forgotten then.
const GROWING_PART: usize = 2;
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
        let queue = Queue::new(limit - limit / INDEX_PART);
        Segment { index: Index::new(0), queue, len: 0, bytes: 0, limit }
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
        if size > self.limit / LARGEST_PART {
            return;
        }
        if self.queue.is_worn_out() {
            self.clear();
        }
        let mut rounds = SECOND_ROUNDS;
        while !self.queue.has_room(size) {
            self.pass_oldest(&mut rounds);
        }
        if !self.queue.has_memory(size) || !self.has_index() {
            return;
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

    /// Whether there is an index, which grows with the memory of the queue.
    fn has_index(&mut self) -> bool {
        let bytes = (self.queue.memory() / GROWING_PART).min(self.limit / INDEX_PART);
        if self.index.is_smaller_than(bytes) {
            self.index = Index::new(bytes);
            let queue = &self.queue;
            let documents = queue.positions().filter(|at| !Mark::decode(queue.entry(*at)).is_dead());
            for at in documents.collect::<Vec<_>>() {
                self.put_into_index(Header::decode(self.queue.entry(at)).hash, at);
            }
        }
        self.index.has_buckets()
    }

    fn note(&mut self, hash: u64, at: u64, size: usize) {
        self.len += 1;
        self.bytes += size;
        self.put_into_index(hash, at);
    }

    fn put_into_index(&mut self, hash: u64, at: u64) {
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
