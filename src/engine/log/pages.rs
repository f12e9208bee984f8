//! Which pages of a mapped log are in memory, and when they get into the mapping.
//!
//! Linux reads a mapped file ahead in ever larger pieces ("folios"), up to two megabytes, and a byte that is changed through a
//! mapping marks the whole piece as changed: each sync of a small write brought it to the disk. So the log is said to be
//! read at random, and then each page that comes through the mapping is a piece of its own. What that takes away is done here,
//! by a thread of its own: it reads what lies in front of the writer, which may be in no memory any more, and for a bulk load
//! maps many pages at once.
//!
//! A sync takes the right to write away from the pages that it brings to the disk. The first store to such a page afterwards is a page
//! fault, and the next sync interrupts every core to take the right away again. A writer that waits for a sync after each
//! record would pay for both each time, more than for a system call: so its records go to the file by calls.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use memmap2::MmapRaw;
use parking_lot::{Condvar, Mutex};

use crate::engine::io;

pub(super) const PAGE: u64 = io::PAGE as u64;

/// How far in front of the writer pages are mapped: at most, and at least, because a few are not worth the call.
const MOST_MAPPED: u64 = 256 << 10;
const LEAST_MAPPED: u64 = 64 << 10;

/// Bytes in front of the writer that are in memory.
pub(super) const IN_MEMORY: u64 = 4 << 20;

/// Bytes that the writer uses of them before more are read.
const STEP: u64 = IN_MEMORY / 4;

/// Bytes that are read at once. Linux may read less than it is asked for where that is more.
#[cfg(target_os = "linux")]
pub(super) const PIECE: u64 = 32 << 10;

/// Records that go by calls after a sync. A page fault costs less than many calls.
const MOST_CALLS: u32 = 8;

/// How a record gets to its place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It is copied into the mapping.
    Copied,
    /// The same once its pages are mapped, all at once.
    CopiedOnceMapped,
    /// By system calls.
    ByCall,
}

#[derive(Debug)]
pub(super) struct Pages {
    /// How many more records go by calls, of those that may.
    calls: AtomicU32,
    /// Up to where the writer need not look after them.
    seen_to: AtomicU64,
    /// Where the writer tells the thread that works ahead, whether there is something to map or not.
    tell_at: AtomicU64,
    writer: Mutex<Writer>,
    moved: Condvar,
}

/// What the thread that works ahead is told.
#[derive(Debug, Default)]
struct Writer {
    at: u64,
    /// Up to where pages are to be mapped.
    map_to: u64,
    is_stopped: bool,
}

impl Pages {
    /// Those of memory that is no file's: nobody has to look after them.
    pub(super) fn none() -> Self {
        Self::seen_up_to(u64::MAX)
    }

    /// Those of a mapping.
    pub(super) fn of(map: &MmapRaw) -> Self {
        Self::split(map);
        Self::seen_up_to(0)
    }

    fn seen_up_to(seen_to: u64) -> Self {
        Pages {
            calls: AtomicU32::new(0),
            seen_to: AtomicU64::new(seen_to),
            tell_at: AtomicU64::new(0),
            writer: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    /// Has each page of a mapping be one of its own; to be said again of what is mapped in its place.
    pub(super) fn split(map: &MmapRaw) {
        // NOTE: where the system refuses this, syncs are slower; nothing else changes.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::Random);
        #[cfg(not(target_os = "linux"))]
        let _ = map;
    }

    /// Whether the writer, which is about to write up to `end`, has to [see to](Pages::see_to) its pages.
    #[inline]
    pub(super) fn lack(&self, end: u64) -> bool {
        end > self.seen_to.load(Ordering::Relaxed)
    }

    /// Sees to the pages of a record that is about to be written from `at` to `end`: has the thread that works ahead map those behind it,
    /// up to `room`, where the oldest records lie. Returns how the record is to be written. `may_call`: if it is small, also by calls.
    ///
    /// Each page alone costs a page fault. But one that is mapped to be written counts as changed, so this is for a writer
    /// that fills many between two syncs, the last one of which was at `synced`, and only a quarter of what it has written
    /// since; for another one they come one by one. So they do where the writer is faster than the thread.
    #[cold]
    pub(super) fn see_to(&self, at: u64, end: u64, room: u64, synced: u64, may_call: bool) -> Way {
        let ahead = (at.saturating_sub(synced) / 4).min(MOST_MAPPED);
        let is_bulk = ahead >= LEAST_MAPPED;
        let map_to = if is_bulk { end.max(room.saturating_sub(PAGE).min(end + ahead)) } else { end };
        let is_by_call = may_call && end - at <= PAGE && self.take_call();
        if !is_by_call {
            // Half of them are left when the next are asked for.
            self.seen_to.store((end + (map_to - end) / 2).next_multiple_of(PAGE), Ordering::Relaxed);
        }
        if is_bulk || end >= self.tell_at.load(Ordering::Relaxed) {
            self.tell_at.store(end + STEP, Ordering::Relaxed);
            let mut writer = self.writer.lock();
            (writer.at, writer.map_to) = (end, map_to);
            drop(writer);
            self.moved.notify_one();
        }
        match (is_by_call, is_bulk && end - at >= LEAST_MAPPED) {
            (true, _) => Way::ByCall,
            (false, true) => Way::CopiedOnceMapped,
            (false, false) => Way::Copied,
        }
    }

    /// Whether one more record goes by calls. Asked by the writer alone.
    fn take_call(&self) -> bool {
        let left = self.calls.load(Ordering::Relaxed);
        self.calls.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    /// A call failed or took long, and so would those behind it. Said by the writer.
    pub(super) fn end_calls(&self) {
        self.calls.store(0, Ordering::Relaxed);
    }

    /// Before a sync: what the thread has not begun to map is not mapped any more, or it would count as changed after the sync.
    pub(super) fn cancel_mapping(&self) {
        self.writer.lock().map_to = 0;
    }

    /// After a sync. `awaited`: how many bytes were written since the one before, if their writer waited for it, and the file takes small
    /// writes. If it was less than a page, the writer is taken for one that will write as little again and wait, by calls.
    pub(super) fn note_sync(&self, awaited: Option<u64>) {
        let is_by_call = awaited.is_some_and(|written| written <= PAGE);
        // NOTE: a writer that passes at this moment may undo either store. Its records are copied then, which is as right.
        self.calls.store(if is_by_call { MOST_CALLS } else { 0 }, Ordering::Relaxed);
        if is_by_call {
            self.seen_to.store(0, Ordering::Relaxed);
        }
    }

    /// Calls `work` with where the writer is and up to where pages are to be mapped, again and again, until [`Pages::stop`].
    pub(super) fn follow(&self, mut work: impl FnMut(u64, u64)) {
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
            let map_to = writer.map_to;
            drop(writer);
            work(last, map_to);
        }
    }

    /// Ends [`Pages::follow`].
    pub(super) fn stop(&self) {
        self.writer.lock().is_stopped = true;
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod test {
    use super::{LEAST_MAPPED, MOST_CALLS, MOST_MAPPED, PAGE, Pages, STEP, Way};

    const FAR: u64 = 1 << 40;

    /// What the thread that works ahead is told first.
    fn told(pages: &Pages) -> (u64, u64) {
        let mut told = None;
        pages.follow(|at, map_to| {
            told = Some((at, map_to));
            pages.stop();
        });
        told.expect("there is something to do")
    }

    #[test]
    fn a_quarter_of_what_was_written_since_the_sync_is_mapped_in_front_of_the_writer() {
        for written in [4 * LEAST_MAPPED, 2 * MOST_MAPPED, 100 * MOST_MAPPED] {
            let pages = Pages::seen_up_to(0);
            assert_eq!(pages.see_to(written, written + 100, FAR, 0, true), Way::Copied);
            assert_eq!(told(&pages), (written + 100, written + 100 + (written / 4).min(MOST_MAPPED)));
        }
    }

    #[test]
    fn nothing_is_mapped_for_a_writer_of_little_or_where_the_oldest_records_lie() {
        let pages = Pages::seen_up_to(0);
        assert_eq!(pages.see_to(100, 200, FAR, 0, true), Way::Copied);
        assert_eq!(told(&pages), (200, 200));
        let pages = Pages::seen_up_to(0);
        assert_eq!(pages.see_to(FAR, FAR + 200, FAR + 300, 0, true), Way::Copied);
        assert_eq!(told(&pages), (FAR + 200, FAR + 200));
    }

    #[test]
    fn a_large_record_of_a_bulk_load_is_mapped_by_its_writer() {
        let pages = Pages::seen_up_to(0);
        assert_eq!(pages.see_to(FAR, FAR + LEAST_MAPPED, 2 * FAR, 0, true), Way::CopiedOnceMapped);
        assert_eq!(pages.see_to(FAR, FAR + LEAST_MAPPED, 2 * FAR, FAR, true), Way::Copied);
    }

    #[test]
    fn what_is_not_mapped_yet_at_a_sync_is_not_mapped_any_more() {
        let pages = Pages::seen_up_to(0);
        pages.see_to(FAR, FAR + 100, 2 * FAR, 0, true);
        pages.cancel_mapping();
        assert_eq!(told(&pages), (FAR + 100, 0));
    }

    #[test]
    fn after_an_awaited_sync_of_little_the_next_small_records_go_by_calls() {
        let pages = Pages::seen_up_to(0);
        assert_eq!(pages.see_to(0, 100, FAR, 0, true), Way::Copied);
        assert!(!pages.lack(PAGE));
        pages.note_sync(Some(PAGE));
        assert_eq!(pages.see_to(100, 101 + PAGE, FAR, 100, true), Way::Copied, "it is not small");
        pages.note_sync(Some(PAGE));
        assert_eq!(pages.see_to(100, 200, FAR, 100, false), Way::Copied, "it may not");
        pages.note_sync(Some(PAGE));
        for _ in 0..MOST_CALLS {
            assert!(pages.lack(100 + PAGE));
            assert_eq!(pages.see_to(100, 100 + PAGE, FAR, 100, true), Way::ByCall);
        }
        assert_eq!(pages.see_to(200, 300, FAR, 100, true), Way::Copied);
        assert!(!pages.lack(PAGE) && pages.lack(PAGE + 1));
    }

    #[test]
    fn after_another_sync_none_does() {
        let pages = Pages::seen_up_to(0);
        pages.note_sync(Some(0));
        pages.note_sync(Some(PAGE + 1));
        assert_eq!(pages.see_to(0, 100, FAR, 0, true), Way::Copied);
        pages.note_sync(Some(PAGE + 1));
        assert!(!pages.lack(PAGE), "what was seen to stays so");
        pages.note_sync(None);
        assert!(!pages.lack(PAGE), "nobody waited, or the file is slow");
    }

    #[test]
    fn the_thread_that_works_ahead_is_told_of_records_that_go_by_calls() {
        let pages = Pages::seen_up_to(0);
        pages.see_to(0, 100, FAR, 0, true);
        pages.note_sync(Some(0));
        assert_eq!(pages.see_to(STEP, STEP + 100, FAR, STEP, true), Way::ByCall);
        assert_eq!(told(&pages), (STEP + 100, STEP + 100));
    }
}
