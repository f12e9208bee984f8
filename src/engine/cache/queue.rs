//! Entries in the order in which they came, in one piece of memory that is used around and around.

use std::iter;

use super::entry::{ALIGNMENT, Mark};

/// Positions are below this, so that an index has bits of a word left.
pub(super) const POSITIONS: u64 = 1 << 48;

/// Bytes of memory that the first entry is given.
const LEAST: usize = 4 << 10;

#[derive(Debug)]
pub(super) struct Queue {
    /// Grows up to `capacity`.
    bytes: Vec<u8>,
    capacity: usize,
    // Positions only grow, in units of the alignment. Their places in memory begin anew at each end of it. The first is not 0, which stands for
    // nothing in an index.
    pub(super) head: u64,
    pub(super) tail: u64,
    /// The place of the head.
    place: usize,
}

impl Queue {
    /// One of at most so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Queue { bytes: Vec::new(), capacity: bytes / ALIGNMENT * ALIGNMENT, head: 1, tail: 1, place: 0 }
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// The position of the oldest entry. What was below is gone.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// Whether positions come to their end, after petabytes: nothing can come in any more.
    pub(super) fn is_worn_out(&self) -> bool {
        self.head + 2 * units(self.capacity) >= POSITIONS
    }

    /// An entry, and what lies behind it.
    pub(super) fn entry(&self, at: u64) -> &[u8] {
        &self.bytes[self.place(at)..]
    }

    pub(super) fn entry_mut(&mut self, at: u64) -> &mut [u8] {
        let place = self.place(at);
        &mut self.bytes[place..]
    }

    /// The memory behind the newest entry. Once the queue is full, the oldest one begins there or a little further.
    pub(super) fn next(&self) -> &[u8] {
        self.bytes.get(self.place..).unwrap_or_default()
    }

    /// All entries, oldest first.
    pub(super) fn positions(&self) -> impl Iterator<Item = u64> {
        let here = |at: u64| (at < self.head).then_some(at);
        iter::successors(here(self.tail), move |at| here(at + units(Mark::decode(self.entry(*at)).size())))
    }

    pub(super) fn oldest(&self) -> Option<&[u8]> {
        (self.tail < self.head).then(|| self.entry(self.tail))
    }

    /// Whether an entry of so many bytes finds room.
    pub(super) fn has_room(&self, size: usize) -> bool {
        let used = (self.head - self.tail) as usize * ALIGNMENT;
        used + self.gap(size) + size <= self.capacity
    }

    /// Whether the system has memory for an entry of so many bytes, for which [there is room](Queue::has_room).
    pub(super) fn has_memory(&mut self, size: usize) -> bool {
        let end = if self.gap(size) > 0 { self.capacity } else { self.place + size };
        let known = self.bytes.capacity();
        // NOTE: by itself a vector would double beyond the capacity.
        let wanted = (2 * known).max(LEAST).clamp(end, self.capacity);
        end <= known || self.bytes.try_reserve_exact(wanted - self.bytes.len()).is_ok()
    }

    /// Room for an entry of so many bytes, for which [there is room](Queue::has_room) and [memory](Queue::has_memory).
    pub(super) fn push(&mut self, size: usize) -> u64 {
        let gap = self.gap(size);
        if gap > 0 {
            let at = self.extend(gap);
            Mark::gap(gap).encode(self.entry_mut(at));
        }
        self.extend(size)
    }

    /// Lets go of the oldest entry.
    pub(super) fn pop(&mut self) {
        self.tail += self.oldest().map_or(0, |entry| units(Mark::decode(entry).size()));
    }

    /// Makes the oldest entry the newest, or lets go of it if the system has no memory for that. There is room: it lies in front of the end
    /// of the memory, as the head does, or all from the head to that end is free.
    pub(super) fn renew(&mut self) -> Option<u64> {
        let size = Mark::decode(self.oldest()?).size();
        let from = self.place(self.tail);
        self.pop();
        if !self.has_memory(size) {
            return None;
        }
        let at = self.push(size);
        let to = self.place(at);
        self.bytes.copy_within(from..from + size, to);
        Some(at)
    }

    /// Bytes that are left in front of the end of the memory, where so many do not fit there.
    fn gap(&self, size: usize) -> usize {
        let rest = self.capacity - self.place;
        if rest < size { rest } else { 0 }
    }

    fn extend(&mut self, size: usize) -> u64 {
        let (at, end) = (self.head, self.place + size);
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        self.head += units(size);
        self.place = if end == self.capacity { 0 } else { end };
        at
    }

    /// Where in memory a position lies, from the tail up to the head.
    fn place(&self, at: u64) -> usize {
        let back = (self.head - at) as usize * ALIGNMENT;
        if back <= self.place { self.place - back } else { self.capacity + self.place - back }
    }
}

fn units(bytes: usize) -> u64 {
    (bytes / ALIGNMENT) as u64
}
