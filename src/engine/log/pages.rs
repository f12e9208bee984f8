//! Which pages of a mapped log are in memory, and when they get into the mapping.
//!
//! Linux reads a mapped file ahead in ever larger pieces ("folios"), up to two megabytes, and a byte that is changed through a
//! mapping marks the whole piece as changed: each sync of a small write brought it to the disk. So the log is said to be
//! read at random, and then each page that comes through the mapping is a piece of its own. What that takes away is done here:
//! a thread reads what lies in front of the writer, which may be in no memory any more, and a bulk load has many pages
//! mapped at once.

use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapRaw;
use parking_lot::{Condvar, Mutex};

use crate::engine::io;

pub(super) const PAGE: u64 = io::PAGE as u64;

/// Bytes that are mapped at once: at most, and at least, because a few are not worth the call.
const MOST_MAPPED: u64 = 256 << 10;
const LEAST_MAPPED: u64 = 64 << 10;

/// Bytes in front of the writer that are in memory.
pub(super) const IN_MEMORY: u64 = 4 << 20;

/// Bytes that the writer uses of them before more are read.
const STEP: u64 = IN_MEMORY / 4;

/// Bytes that are read at once. Linux may read less than it is asked for where that is more.
#[cfg(target_os = "linux")]
pub(super) const PIECE: u64 = 32 << 10;

#[derive(Debug)]
pub(super) struct Pages {
    /// Up to where the writer has looked after them.
    mapped: AtomicU64,
    /// Where the writer tells the thread that reads.
    tell_at: AtomicU64,
    writer: Mutex<Writer>,
    moved: Condvar,
}

/// What the thread that reads is told.
#[derive(Debug, Default)]
struct Writer {
    at: u64,
    is_stopped: bool,
}

impl Pages {
    /// Those of memory that is no file's: nobody has to look after them.
    pub(super) fn none() -> Self {
        Self::looked_after_up_to(u64::MAX)
    }

    /// Those of a mapping.
    pub(super) fn of(map: &MmapRaw) -> Self {
        Self::split(map);
        Self::looked_after_up_to(0)
    }

    fn looked_after_up_to(mapped: u64) -> Self {
        Pages {
            mapped: AtomicU64::new(mapped),
            tell_at: AtomicU64::new(0),
            writer: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    /// Has each page of a mapping be one of its own; to be said again of what is mapped in its place.
    pub(super) fn split(map: &MmapRaw) {
        // NOTE: refused, it is slower and as right.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::Random);
        #[cfg(not(target_os = "linux"))]
        let _ = map;
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
    /// that fills many between two syncs, the last one of which was at `synced`, and only a quarter of what it has written
    /// since; for another one they come one by one.
    #[cold]
    pub(super) fn map_ahead(&self, map: &MmapRaw, offset: usize, at: u64, end: u64, room: u64, synced: u64) {
        let ahead = (at.saturating_sub(synced) / 4).min(MOST_MAPPED);
        let is_bulk = ahead >= LEAST_MAPPED;
        let to = if is_bulk { end.max((room - PAGE).min(at + ahead)) } else { end };
        // NOTE: where the system does not know that or fails, they come one by one too.
        #[cfg(target_os = "linux")]
        if is_bulk {
            let _ = map.advise_range(memmap2::Advice::PopulateWrite, offset, (to - at) as usize);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (map, offset);
        self.mapped.store(to.next_multiple_of(PAGE), Ordering::Relaxed);
        if end >= self.tell_at.load(Ordering::Relaxed) {
            self.tell_at.store(end + STEP, Ordering::Relaxed);
            self.writer.lock().at = end;
            self.moved.notify_one();
        }
    }

    /// Calls `read` with where the writer is, again and again, until [`Pages::stop`].
    pub(super) fn follow(&self, mut read: impl FnMut(u64)) {
        let mut last = 0;
        loop {
            let mut writer = self.writer.lock();
            while writer.at == last && !writer.is_stopped {
                self.moved.wait(&mut writer);
            }
            if writer.is_stopped {
                return;
            }
            last = writer.at;
            drop(writer);
            read(last);
        }
    }

    /// Ends [`Pages::follow`].
    pub(super) fn stop(&self) {
        self.writer.lock().is_stopped = true;
        self.moved.notify_all();
    }
}
