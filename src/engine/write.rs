//! Writing documents: records to the log, which return at once, wait for room, or wait for the disk.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    blocking::{wait, waiting},
    core::Core,
    db::Database,
    error::{Code, Error, Result},
    flush::{self, Request},
    limits,
    log::{Appended, Done, Draft, Kind, Until},
    shard::collection::Collection,
};

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It is in the log.
    Logged,
    /// It waits for room; the callback tells when it is in the log.
    Queued,
}

impl Database {
    /// Appends a record. Everything in it is applied, or nothing. `done` is called only for [`Submitted::Queued`].
    ///
    /// # Errors
    /// [`Code::TooLarge`], [`Code::BufferFull`] after `write_timeout_ms` in which no shard took anything, [`Code::Io`] once the log has failed.
    pub fn submit(&self, draft: &mut Draft, done: impl FnOnce() -> Done) -> Result<Submitted> {
        self.append(draft, done).map(|appended| match appended {
            Appended::Logged { .. } => Submitted::Logged,
            Appended::Queued => Submitted::Queued,
        })
    }

    #[inline]
    fn append(&self, draft: &mut Draft, done: impl FnOnce() -> Done) -> Result<Appended> {
        let core = self.core()?;
        if draft.is_empty() {
            return Err(Error::new(Code::Internal, "A record without operations was submitted."));
        }
        limits::check_batch(draft.len() as usize)?;
        let mut done = Some(done);
        let timeout = Duration::from_millis(core.options.write_timeout_ms);
        loop {
            if let Some(error) = core.broken.why() {
                return Err(error);
            }
            let appended = core.log.append(draft, || done.take().expect("called once")());
            match &appended {
                Err(error) if matches!(error.code(), Code::Io | Code::DiskFull) => core.log_failed(error),
                Ok(Appended::Logged { wake: false, .. }) => {}
                Ok(Appended::Logged { .. }) => {
                    core.sync.note_activity();
                    core.flush.wake();
                }
                Ok(Appended::Queued) => core.note_waiting(),
                Err(error) if error.code() == Code::BufferFull => {
                    core.note_waiting();
                    if core.log.wait_for_queue(Instant::now() + timeout) || core.flush.has_got_on(timeout) {
                        continue;
                    }
                }
                Err(_) => {}
            }
            return appended;
        }
    }

    /// As [`Database::submit`], but waits for room.
    pub fn submit_wait(&self, draft: &mut Draft) -> Result<()> {
        let (done, logged) = waiting();
        match self.submit(draft, || done)? {
            Submitted::Logged => Ok(()),
            Submitted::Queued => wait(&logged),
        }
    }

    /// Appends a record and calls `done` once it is on the disk.
    pub fn submit_durable(&self, draft: &mut Draft, done: Done) -> Result<()> {
        let core = self.shared_core()?;
        let mut done = Some(done);
        let appended = self.append(draft, || {
            let (core, done) = (Arc::clone(core), done.take().expect("called once"));
            Box::new(move |logged| match logged {
                Ok(()) => when_durable(&core, done),
                Err(error) => done(Err(error)),
            })
        })?;
        if let (Appended::Logged { .. }, Some(done)) = (appended, done) {
            when_durable(core, done);
        }
        Ok(())
    }

    /// As [`Database::submit_durable`], but blocks until then.
    pub fn submit_durable_wait(&self, draft: &mut Draft) -> Result<()> {
        let (done, logged) = waiting();
        let core = self.core()?;
        let end = match self.append(draft, || done)? {
            Appended::Logged { end, .. } => end,
            Appended::Queued => {
                wait(&logged)?;
                core.log.head()
            }
        };
        if flush::sync_here(core, end) {
            return Ok(());
        }
        let (done, durable) = waiting();
        when_durable(core, done);
        wait(&durable)
    }

    /// Calls `done` once everything that is in the log now is on the disk. Writes that wait for room are not in it.
    pub fn durable(&self, done: Done) -> Result<()> {
        when_durable(self.core()?, done);
        Ok(())
    }

    /// Stores a document; blocks only while the log is full.
    pub fn set(&self, collection: &Collection, id: &str, json: &[u8]) -> Result<()> {
        self.write(Kind::Upsert, collection, id, json)
    }

    /// Removes a document; blocks only while the log is full.
    pub fn delete(&self, collection: &Collection, id: &str) -> Result<()> {
        self.write(Kind::Delete, collection, id, b"")
    }

    fn write(&self, kind: Kind, collection: &Collection, id: &str, json: &[u8]) -> Result<()> {
        limits::check(&collection.name, id, json.len())?;
        collection.claim();
        let mut draft = Draft::begun();
        draft.push(kind, collection.number, &collection.name, id, json);
        self.submit_wait(&mut draft)
    }

    /// Whether writes wait for room; then a read must wait for them (see [`Database::barrier`]).
    pub fn has_waiting(&self) -> bool {
        self.engine_core().log.has_waiting()
    }

    /// Calls `done` once every write called before is in the log or was refused, and its caller knows. False: that is so already.
    pub fn barrier(&self, done: impl FnOnce() -> Done) -> Result<bool> {
        Ok(self.core()?.log.barrier(Until::Told, done))
    }

    /// Blocks until every write called before is in the log or was refused.
    pub fn barrier_wait(&self) -> Result<()> {
        let (done, logged) = waiting();
        if self.barrier(|| done)? { wait(&logged) } else { Ok(()) }
    }
}

impl Core {
    /// Blocks until those who wait for the disk were told, while others have the database open; the last one to leave waits for the thread
    /// that tells them.
    pub(super) fn wait_for_durable(&self) {
        if self.openers.lock().are_several() {
            let (done, told) = waiting();
            when_durable(self, done);
            // What it came to was told to each.
            let _ = wait(&told);
        }
    }
}

/// Calls `done` once what is in the log now is on the disk.
fn when_durable(core: &Core, done: Done) {
    if core.log.is_file() {
        core.sync.wait(done);
    } else {
        core.flush.request(Request::new(core.log.head(), done));
    }
}
