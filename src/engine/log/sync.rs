//! How far the log is on the disk, and waiting for that.
//!
//! The sync thread calls [`Log::sync`], and a writer who blocks may do so in its place. A flush worker calls [`Log::wait_until_synced`] before it gives a shard anything:
//! the kernel writes what a shard was given whenever it likes, and after a power cut no shard may be ahead of the log.

use std::io;

use super::{Log, Lsn};
use crate::engine::sync::{Condvar, Mutex};

#[derive(Debug)]
pub(super) struct SyncProgress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    synced: Lsn,
    /// No sync is to be expected: the log's file cannot be trusted.
    is_failing: bool,
}

impl SyncProgress {
    pub(super) fn from(synced: Lsn) -> Self {
        SyncProgress { state: Mutex::new(State { synced, is_failing: false }), changed: Condvar::new() }
    }
}

impl Log {
    /// Brings the log up to its present head to the disk and returns that head. The header notes it.
    ///
    /// # Errors
    /// Also if the file was removed, replaced or cut from outside: what is written no longer reaches it.
    pub fn sync(&self) -> io::Result<Lsn> {
        let head = self.sync_without_note(false)?;
        self.note_synced()?;
        Ok(head)
    }

    /// The same without the note, which would be one more page for the next sync to write. `is_awaited`: a writer waits for it, and will
    /// perhaps write as little again and wait again.
    ///
    /// # Errors
    /// As for [`Log::sync`].
    pub fn sync_without_note(&self, is_awaited: bool) -> io::Result<Lsn> {
        let head = self.head();
        self.check_file()?;
        self.sync_ring(head, is_awaited)?;
        self.tell_synced(head);
        Ok(head)
    }

    /// Writes down how far the log is on the disk, so that a record before that place which is damaged later is not taken
    /// for one that was never finished. The note itself gets there with the next sync.
    ///
    /// # Errors
    /// The header could not be written.
    pub fn note_synced(&self) -> io::Result<()> {
        let synced = self.synced();
        {
            let header = &mut self.appender.lock().header;
            if synced <= header.synced || !self.is_file() {
                return Ok(());
            }
            header.synced = synced;
        }
        self.write_one_header()
    }

    /// Brings what was written up to `head` to the disk, and the header.
    pub(super) fn sync_ring(&self, head: Lsn, is_awaited: bool) -> io::Result<()> {
        let synced = self.synced().0;
        self.ring.let_go(synced, head.0);
        self.ring.sync(is_awaited.then(|| head.0.saturating_sub(synced)))
    }

    /// Up to where it was on the disk at the last sync.
    pub fn synced(&self) -> Lsn {
        self.progress.state.lock().synced
    }

    /// Whether the header notes all that is on the disk.
    pub fn is_noted(&self) -> bool {
        self.appender.lock().header.synced >= self.synced()
    }

    /// Tells those who wait.
    pub(super) fn tell_synced(&self, to: Lsn) {
        let mut state = self.progress.state.lock();
        state.synced = state.synced.max(to);
        self.progress.changed.notify_all();
    }

    /// Blocks until the log is on the disk up to `to`, or [fails](Log::set_failing), or has no file. Somebody has asked for
    /// that sync.
    pub fn wait_until_synced(&self, to: Lsn) {
        let mut state = self.progress.state.lock();
        while self.is_file() && state.synced < to && !state.is_failing {
            self.progress.changed.wait(&mut state);
        }
    }

    /// Whether syncs are to be expected. While none are, nobody waits for one: the shards are synced in its place.
    pub fn set_failing(&self, is_failing: bool) {
        self.progress.state.lock().is_failing = is_failing;
        self.progress.changed.notify_all();
    }
}
