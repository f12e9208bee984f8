//! Bringing a record that does not fit the ring to the shards, after everything that was called before it.
//!
//! It is first in the log's queue meanwhile, so later writes wait. Until it lies beside the log nothing of it counts and it
//! may fail. From then on it does count: it is tried until it is in all shards, even if its caller is told after
//! `writeTimeout` that it took too long, and if that never happens the next opening completes it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{Applier, Part, bring::reopen, lane::PATIENCE, pause::Pause, scheduler::Scheduler, syncer};
use crate::engine::{
    buffer::Frozen,
    change::Change,
    core::Core,
    error::{Code, Error, Result},
    log::{Draft, Id, Lsn, Side},
    panic::{caught, panicked},
    shard::ShardId,
};

/// The record that is first in the queue.
pub(super) struct Large {
    time_ms: u64,
    /// When it was called.
    since: Instant,
    ops: u64,
    stage: Stage,
    pause: Pause,
    /// Since when others have held a shard that it has to get to.
    busy_since: Option<Instant>,
    is_told: bool,
}

enum Stage {
    /// What was called before it is not in the shards yet.
    Waiting(Draft),
    /// It lies beside the log, and `brought` shards have it.
    Counts { side: Side, place: (Id, Lsn), parts: Vec<Part>, brought: usize },
}

impl Scheduler {
    /// Works on the large records that are first in the queue. Returns when there is none, or one has to wait.
    pub(super) fn store_large(&mut self) {
        let core = Arc::clone(&self.core);
        loop {
            let Some(mut large) = self.large.take().or_else(|| take(&core)) else { return };
            let is_due = large.pause.is_over(Instant::now());
            let result = if is_due { self.advance(&mut large) } else { Ok(false) };
            match result {
                Ok(true) => core.log.finish_large(Ok(())),
                Ok(false) => {
                    self.large = Some(large);
                    return;
                }
                Err(error) => core.log.finish_large(Err(error)),
            }
            core.drain();
        }
    }

    /// Goes on with it as far as possible now. True: it is in all shards. An error: it failed, and nothing is left of it.
    fn advance(&mut self, large: &mut Large) -> Result<bool> {
        let start = Instant::now();
        let stage = std::mem::replace(&mut large.stage, Stage::Waiting(Draft::default()));
        large.stage = match stage {
            Stage::Waiting(draft) => match self.try_to_put_beside(draft, large) {
                Ok(stage) => stage,
                Err(Delay::For(draft, error)) if !large.is_late(&self.core) => {
                    self.core.note_retry(&error);
                    large.stage = Stage::Waiting(draft);
                    large.pause.lengthen_while_busy(Instant::now());
                    return Ok(false);
                }
                Err(Delay::For(_, error) | Delay::Never(error)) => return Err(error),
            },
            stage => stage,
        };
        if let Err(error) = caught(|| self.bring_large(large)) {
            if large.note_failure(&error, Instant::now()) {
                self.core.report(&error);
            }
            self.core.note_retry(&error);
            if large.is_late(&self.core) && !std::mem::replace(&mut large.is_told, true) {
                self.core.log.tell_large(Err(error));
            }
            return Ok(false);
        }
        if let Stage::Counts { side, .. } = &large.stage {
            self.churn.add(side.log.head().0);
        }
        self.core.counters.large.fetch_add(large.ops, Ordering::Relaxed);
        self.core.counters.flushes.fetch_add(1, Ordering::Relaxed);
        let time = start.elapsed();
        self.core.figures.flush_times.note(time);
        self.core.each_observer(|observer| observer.flushed(large.ops, time));
        Ok(true)
    }

    /// As [`Scheduler::put_beside`]. A panic refuses writes from then on, and leaves nobody waiting for this one.
    fn try_to_put_beside(&mut self, draft: Draft, large: &Large) -> Result<Stage, Delay> {
        let put = catch_unwind(AssertUnwindSafe(|| self.put_beside(draft, large)));
        put.unwrap_or_else(|panic| {
            let error = panicked(&*panic);
            self.core.break_down(error.clone());
            Err(Delay::Never(error))
        })
    }

    fn put_beside(&mut self, mut draft: Draft, large: &Large) -> Result<Stage, Delay> {
        let core = Arc::clone(&self.core);
        self.flush(true);
        match self.lanes.iter().find_map(|lane| lane.error.clone()) {
            Some(error) if error.code() == Code::Busy => return Err(Delay::For(draft, error)),
            Some(error) => return Err(Delay::Never(error)),
            None => {}
        }
        if self.stuck.is_some() {
            let unknown = || Error::new(Code::Internal, "A flush could not go on without a reason.");
            return Err(Delay::Never(core.broken.why().unwrap_or_else(unknown)));
        }
        syncer::restore_file(&core).map_err(Delay::Never)?;
        syncer::reclaim(&core, self.applied()).map_err(Delay::Never)?;
        let side = Side::write(&core.log, &mut draft, large.time_ms).map_err(Delay::Never)?;
        drop(draft);
        // Readers tell by the place which state of a shard they see, so this record needs one of its own.
        let mark = core.log.mark().inspect_err(|error| core.log_failed(error));
        let (start, end) = (Lsn(0), side.log.head());
        let frozen = Frozen { claim: Arc::new(side.log.claim(start)), start, end, ops: large.ops };
        let nothing = vec![Lsn(0); self.lanes.len()];
        let divided = mark.and_then(|mark| Ok((mark, core.division().divide(&frozen, &nothing, 0)?)));
        match divided {
            Ok((mark, parts)) => Ok(Stage::Counts { side, place: (core.log.id(), mark), parts, brought: 0 }),
            Err(error) => {
                // An opening drops it anyway once the log has gone on.
                let _ = side.remove();
                Err(Delay::Never(error))
            }
        }
    }

    fn bring_large(&self, large: &mut Large) -> Result<()> {
        let Stage::Counts { side, place, parts, brought } = &mut large.stage else {
            unreachable!("it lies beside the log");
        };
        let core = &*self.core;
        for (shard, (part, store)) in parts.iter().zip(&core.shards).enumerate().skip(*brought) {
            if store.is_suspect() {
                reopen(core, shard, self.frozen)?;
            }
            let follow = |changes: &[Change<'_>], end| core.follow(shard as ShardId, changes, end);
            let applier =
                Applier { log: place.0, store: &**store, collections: &core.collections, follow: &follow };
            applier.apply_side(part, side.log.id(), place.1)?;
            store.sync()?;
            *brought = shard + 1;
            core.figures.shard(shard).note_flushed(part.entries.len() as u64);
            // NOTE: not before. What a failing disk loses and is given again and again would be progress for ever.
            core.flush.note_progress();
            // Or SQLite's log grows without end where nothing else is written. The shard has the record, whatever comes of it.
            if let Err(error) = store.checkpoint(false) {
                core.report(&error);
            }
        }
        // Where this fails it does no harm: the shards know that they have it.
        if let Err(error) = side.remove() {
            core.report(&error);
        }
        Ok(())
    }
}

/// Why a record is not beside the log yet.
enum Delay {
    /// Another program holds a shard.
    For(Draft, Error),
    Never(Error),
}

fn take(core: &Core) -> Option<Large> {
    let (draft, time_ms, since) = core.log.take_large()?;
    let ops = u64::from(draft.ops());
    let (stage, pause) = (Stage::Waiting(draft), Pause::default());
    Some(Large { time_ms, since, ops, stage, pause, busy_since: None, is_told: false })
}

impl Large {
    /// A shard did not take it. Whether that is worth telling: as for a [lane](super::lane::Lane::is_worth_telling).
    fn note_failure(&mut self, error: &Error, now: Instant) -> bool {
        if error.code() != Code::Busy {
            self.busy_since = None;
            self.pause.lengthen(now);
            return true;
        }
        self.pause.lengthen_while_busy(now);
        now - *self.busy_since.get_or_insert(now) >= PATIENCE
    }

    fn is_late(&self, core: &Core) -> bool {
        self.since.elapsed() >= Duration::from_millis(core.options.write_timeout_ms)
    }
}

#[cfg(test)]
mod test {
    use std::{sync::Arc, time::Duration};

    use tempfile::TempDir;

    use crate::engine::{Database, Error, Observer, Options};

    /// In a ring of a megabyte a document of so much is too large.
    fn open(shard_count: u32, observer: Option<Arc<dyn Observer>>) -> (TempDir, Database) {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { wal_size: 1 << 20, shard_count, ..Options::new(folder.path().join("db")) };
        let db = Database::open(options, observer).expect("opens");
        (folder, db)
    }

    #[test]
    fn a_large_record_is_progress_for_those_that_wait_behind_it() {
        let (_folder, db) = open(8, None);
        let has_got_on = || db.shared_core().expect("open").flush.has_got_on(Duration::from_secs(3600));
        assert!(!has_got_on(), "nothing was written yet");
        db.set(&db.collection("files"), "f1", &[b'1'; 1 << 20]).expect("writes");
        assert!(has_got_on());
    }

    /// It panics whatever it is told.
    #[derive(Debug)]
    struct Panicking;

    impl Observer for Panicking {
        fn flushed(&self, _: u64, _: Duration) {
            panic!("the program's own");
        }

        fn failed(&self, _: &Error) {
            panic!("the program's own");
        }
    }

    #[test]
    fn an_observer_that_panics_harms_nobody() {
        let (_folder, db) = open(8, Some(Arc::new(Panicking)));
        let files = db.collection("files");
        for text in [&[b'1'; 1 << 20][..], b"1"] {
            db.set(&files, "f1", text).expect("writes");
            db.flush_wait().expect("flushes");
        }
        db.close().expect("closes");
    }

    #[test]
    fn where_nothing_else_is_written_the_log_of_a_shard_does_not_grow_without_end() {
        let (folder, db) = open(1, None);
        let files = db.collection("files");
        for i in 0..80 {
            // Other pages each time, or SQLite writes none.
            db.set(&files, "f1", &[b'1' + i % 9; 1 << 20]).expect("writes");
        }
        let log = std::fs::metadata(folder.path().join("db_shard0.db-wal")).expect("looks").len();
        assert!(log < 40 << 20, "{log}");
    }

    #[test]
    fn shards_know_the_last_large_record_only() {
        let (_folder, db) = open(2, None);
        let files = db.collection("files");
        for byte in *b"12345" {
            db.set(&files, "f1", &[byte; 1 << 20]).expect("writes");
        }
        for shard in 0..2 {
            let file = rusqlite::Connection::open(db.shard_path(shard).expect("a path")).expect("opens");
            let known: u32 =
                file.query_row("SELECT count(*) FROM _kimdb_log", [], |row| row.get(0)).expect("counts");
            assert!(known <= 2, "the log and the last record, not {known}");
        }
    }
}
