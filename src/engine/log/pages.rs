//! Which pages of a mapped log are in memory, and when they get into the mapping.
//!
//! Linux reads a mapped file ahead in ever larger pieces ("folios"), up to two megabytes, and a byte that is changed through a
//! mapping marks the whole piece as changed: each sync of a small write brought it to the disk. So the log is said to be
//! read at random, and then each page is a piece of its own. What that takes away is done here: pages that were in no memory
//! when the log was opened are read ahead, and a bulk load has many mapped at once.

#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::{
    io,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use memmap2::MmapRaw;

use crate::engine::io::File;

/// Linux's page. Where pages are larger, less is gained.
const PAGE: u64 = 4096;

/// Bytes that are mapped at once.
const AHEAD: u64 = 256 << 10;

/// Bytes that are read at once. Linux may read less than it is asked for if that is more.
#[cfg(target_os = "linux")]
const READ: u64 = 128 << 10;

#[derive(Debug)]
pub(super) struct Pages {
    /// Up to where the writer has looked after them.
    mapped: AtomicU64,
    warming: Option<Warming>,
}

impl Pages {
    /// Those of memory that is no file's: nobody has to look after them.
    pub(super) fn none() -> Self {
        Pages { mapped: AtomicU64::new(u64::MAX), warming: None }
    }

    /// Those of a mapping.
    pub(super) fn of(map: &MmapRaw) -> Self {
        Self::split(map);
        Pages { mapped: AtomicU64::new(0), warming: None }
    }

    /// Has each page of a mapping be one of its own; to be said again of what is mapped in its place.
    pub(super) fn split(map: &MmapRaw) {
        // NOTE: refused, it is slower and as right.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::Random);
        #[cfg(not(target_os = "linux"))]
        let _ = map;
    }

    /// Reads into memory what is not there of the bytes `ring` of a log's file, from `first` on once around, while others go on.
    pub(super) fn warm(&mut self, file: Arc<dyn File>, ring: Range<u64>, first: u64) {
        // NOTE: without that thread each page is read when it is needed.
        self.warming = Warming::start(file, ring, first).ok();
    }

    /// Whether the writer, which is about to write up to `end`, has to [see](Pages::map_ahead) to its pages.
    #[inline]
    pub(super) fn lack(&self, end: u64) -> bool {
        end > self.mapped.load(Ordering::Relaxed)
    }

    /// Maps the pages from `at` on, where the mapping has `offset`: those of a record that ends at `end`, and what will come behind
    /// it, up to `room`, where the oldest records lie.
    ///
    /// Each page alone costs an interrupt. But one that is mapped to be written counts as changed, so this is for a writer
    /// that fills many between two syncs, the last one of which was at `synced`; for another one they come one by one.
    #[cold]
    pub(super) fn map_ahead(&self, map: &MmapRaw, offset: usize, at: u64, end: u64, room: u64, synced: u64) {
        let is_bulk = at.saturating_sub(synced) >= AHEAD;
        let to = if is_bulk { end.max((room - PAGE).min(at + AHEAD)) } else { end };
        // NOTE: where the system does not know that or fails, they come one by one too.
        #[cfg(target_os = "linux")]
        if is_bulk {
            let _ = map.advise_range(memmap2::Advice::PopulateWrite, offset, (to - at) as usize);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (map, offset);
        self.mapped.store(to.next_multiple_of(PAGE), Ordering::Relaxed);
    }
}

/// A thread that reads a log's file into the system's page cache. Dropped: it stops.
#[derive(Debug)]
struct Warming {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Warming {
    fn start(file: Arc<dyn File>, ring: Range<u64>, first: u64) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let work = move || read(&*file, ring, first, &is_over);
        let thread = thread::Builder::new().name("kimdb-warm".to_owned()).spawn(work)?;
        Ok(Warming { stop, thread: Some(thread) })
    }
}

impl Drop for Warming {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(target_os = "linux")]
fn read(file: &dyn File, ring: Range<u64>, first: u64, stop: &AtomicBool) {
    use rustix::fs::{Advice, fadvise};
    let pieces =
        |from: u64, to: u64| (from..to).step_by(READ as usize).map(move |at| (at, READ.min(to - at)));
    for (at, length) in pieces(first, ring.end).chain(pieces(ring.start, first)) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        // NOTE: whoever needs a page that could not be read meets the same difficulty.
        let _ = fadvise(file.handle(), at, NonZeroU64::new(length), Advice::WillNeed);
    }
}

#[cfg(not(target_os = "linux"))]
fn read(_: &dyn File, _: Range<u64>, _: u64, _: &AtomicBool) {}
