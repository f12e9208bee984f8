//! Pages in front of the writer: read and mapped before a record comes there.

#[cfg(target_os = "linux")]
use std::num::NonZeroU64;

use super::Ring;
use crate::engine::log::pages::{self, Way};

impl Ring {
    /// Whether the writer, before it writes up to `end`, has to [see to](Ring::see_to_pages) its pages.
    #[inline]
    pub(crate) fn lacks_pages(&self, end: u64) -> bool {
        self.pages.lack(end)
    }

    /// Tells [who follows](Ring::follow_writer) that `[at, end)` is about to be written, and to map more up to `room` if much was
    /// written since the log was `synced`. Returns how to write it there.
    pub(crate) fn see_to_pages(&self, at: u64, end: u64, room: u64, synced: u64) -> Way {
        let to_lap_end = self.to_lap_end(at);
        // IMPORTANT: a call makes a file longer again that was cut off behind our back. If it never reaches the last page, the next sync
        // still finds that something is missing.
        let may_call = end - at + pages::PAGE <= to_lap_end;
        let way = self.pages.see_to(at, end, room.min(at + to_lap_end), synced, may_call);
        if way == Way::CopiedOnceMapped {
            self.map_pages(at, end);
        }
        way
    }

    /// Maps the pages of `[from, to)` to be written, all at once.
    fn map_pages(&self, from: u64, to: u64) {
        // NOTE: where the system does not know that or fails, they come one by one.
        #[cfg(target_os = "linux")]
        if from < to {
            let length = (to - from).min(self.to_lap_end(from)) as usize;
            let _ = self.map.advise_range(memmap2::Advice::PopulateWrite, self.offset(from) as usize, length);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (from, to);
    }

    /// Has the system read what is not in memory of a mapped file, from `at` on, without waiting for that. `read`: up to where
    /// that was done; it goes on from there when a part of it was used.
    pub(crate) fn read_ahead(&self, at: u64, read: &mut u64) {
        let ahead = pages::IN_MEMORY.min(self.capacity);
        if !self.is_mapped || at + ahead - ahead / 4 < *read {
            return;
        }
        #[cfg(target_os = "linux")]
        if let Some(file) = self.mapped_file() {
            let mut from = at.max(*read);
            while from < at + ahead {
                let length = pages::PIECE.min(at + ahead - from).min(self.to_lap_end(from));
                let (offset, advice) = (self.offset(from), rustix::fs::Advice::WillNeed);
                // NOTE: whoever needs a page that could not be read meets the same difficulty.
                let _ = rustix::fs::fadvise(file.handle(), offset, NonZeroU64::new(length), advice);
                from += length;
            }
        }
        *read = at + ahead;
    }

    /// Reads and maps what lies in front of the writer, who is at `head`, until [`Ring::stop_following`].
    pub(crate) fn follow_writer(&self, head: u64) {
        let (mut read, mut mapped) = (0, 0);
        self.read_ahead(head, &mut read);
        self.pages.follow(|at, map_to| {
            // Which does not wait for the disk, as mapping may.
            self.read_ahead(at, &mut read);
            self.map_pages(at.max(mapped), map_to);
            mapped = mapped.max(map_to);
        });
    }

    /// Whether somebody should [`Ring::follow_writer`].
    pub(crate) fn wants_follower(&self) -> bool {
        cfg!(target_os = "linux") && self.mapped_file().is_some()
    }

    /// Ends [`Ring::follow_writer`].
    pub(crate) fn stop_following(&self) {
        self.pages.stop();
    }
}
