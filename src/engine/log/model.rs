//! The ring and the buffer under loom: every order in which threads can meet, with small logs.
//!
//! `cargo test --no-default-features --features model --lib model`

use std::fmt;

use loom::cell::UnsafeCell;

/// Shows loom who touches which word of the ring, so that it fails a test in which a write meets a read.
pub(super) struct Memory(Vec<UnsafeCell<()>>);

// SAFETY: the cells hold nothing; that threads keep apart what they stand for is what loom checks.
unsafe impl Sync for Memory {}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.0.len()).finish()
    }
}

impl Memory {
    pub(super) fn new(capacity: u64) -> Self {
        Memory((0..capacity.div_ceil(8)).map(|_| UnsafeCell::new(())).collect())
    }

    fn words(&self, at: u64, bytes: usize) -> &[UnsafeCell<()>] {
        let first = at as usize / 8 % self.0.len();
        &self.0[first..][..bytes.div_ceil(8)]
    }

    pub(super) fn note_write(&self, at: u64, bytes: usize) {
        self.words(at, bytes).iter().for_each(|word| word.with_mut(|_| ()));
    }

    pub(super) fn note_read(&self, at: u64, bytes: usize) {
        self.words(at, bytes).iter().for_each(|word| word.with(|_| ()));
    }
}

#[cfg(test)]
mod test {
    use std::{
        ops::ControlFlow,
        sync::{
            Arc, Mutex as Serial,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use loom::{model::Builder, sync::Mutex, thread};

    use crate::engine::{
        buffer::{Buffer, Lookup},
        log::{Appended, Draft, Kind, Log, Lsn, open_anonymous},
        sync::{AtomicU64, PUBLISH_RELAXED},
    };

    /// The switch of the control is one for all tests.
    static ONE_AT_A_TIME: Serial<()> = Serial::new(());

    /// What one record of these tests takes in the log.
    const RECORD: u64 = 40;

    fn explore(test: impl Fn() + Send + Sync + 'static) {
        let mut builder = Builder::new();
        // Threads are interrupted against their will that often; the rest they do when they wait.
        builder.preemption_bound = Some(3);
        builder.max_branches = 100_000;
        builder.check(test);
    }

    /// Room for four records, the least that a ring takes one of.
    fn log() -> Arc<Log> {
        open_anonymous([1; 16], [2; 16], 4 * RECORD, Lsn(0)).expect("memory").log
    }

    fn full_log() -> Arc<Log> {
        let log = log();
        (1..=4).for_each(|text| append(&log, text));
        log
    }

    fn draft(text: u8) -> Draft {
        let mut draft = Draft::default();
        draft.clear();
        draft.push(Kind::Upsert, 1, "c", "a", &[text]);
        assert_eq!(draft.len(), RECORD);
        draft
    }

    fn append(log: &Log, text: u8) {
        let appended = log.append(&mut draft(text), || unreachable!("there is room")).expect("appends");
        assert!(matches!(appended, Appended::Logged { .. }));
    }

    /// Everything in `[from, head)`.
    fn texts(log: &Arc<Log>, from: Lsn) -> Vec<u8> {
        let claim = log.claim(from);
        let mut texts = Vec::new();
        let walk = claim.walk(from, log.head(), |met| {
            texts.push(claim.op(met.at).expect("is whole").value[0]);
            ControlFlow::Continue(())
        });
        walk.expect("is whole");
        texts
    }

    fn two_appenders_and_a_reader() {
        explore(|| {
            let log = log();
            let appenders = [1, 2].map(|text| {
                let log = Arc::clone(&log);
                thread::spawn(move || append(&log, text))
            });
            let seen = texts(&log, Lsn(0));
            appenders.into_iter().for_each(|appender| appender.join().expect("no panic"));
            let all = texts(&log, Lsn(0));
            assert!(all.starts_with(&seen), "{seen:?} was seen, {all:?} is there");
            assert!(all == [1, 2] || all == [2, 1], "{all:?}");
        });
    }

    #[test]
    fn a_reader_sees_whole_records_only() {
        let _one = ONE_AT_A_TIME.lock();
        two_appenders_and_a_reader();
    }

    /// The control: loom notices a head that is published too weakly.
    #[test]
    fn a_head_published_without_its_bytes_is_noticed() {
        let _one = ONE_AT_A_TIME.lock();
        PUBLISH_RELAXED.store(true, Ordering::Relaxed);
        let noticed = std::panic::catch_unwind(two_appenders_and_a_reader);
        PUBLISH_RELAXED.store(false, Ordering::Relaxed);
        assert!(noticed.is_err());
    }

    #[test]
    fn space_is_not_used_again_while_somebody_reads_it() {
        let _one = ONE_AT_A_TIME.lock();
        explore(|| {
            let log = full_log();
            let claim = log.claim(Lsn(2 * RECORD));
            let appender = {
                let log = Arc::clone(&log);
                thread::spawn(move || {
                    // Room for two at most; the third is not written over what is read.
                    for text in [5, 6, 7] {
                        // One that finds no room waits, or is refused if another waits already.
                        let _ = log.append(&mut draft(text), || Box::new(|_| ()));
                    }
                })
            };
            let reclaimer = {
                let log = Arc::clone(&log);
                thread::spawn(move || log.reclaim(log.head()).expect("reclaims"))
            };
            let third = claim.walk(Lsn(2 * RECORD), Lsn(3 * RECORD), |met| {
                assert_eq!(met.op.value, [3]);
                ControlFlow::Continue(())
            });
            third.expect("is whole");
            drop(claim);
            appender.join().expect("no panic");
            reclaimer.join().expect("no panic");
        });
    }

    #[test]
    fn a_write_that_waits_is_logged_once_and_told_once() {
        let _one = ONE_AT_A_TIME.lock();
        explore(|| {
            let log = full_log();
            let told = Arc::new(AtomicUsize::new(0));
            let appender = {
                let (log, told) = (Arc::clone(&log), Arc::clone(&told));
                thread::spawn(move || {
                    let tell = Arc::clone(&told);
                    let done = || -> crate::engine::log::Done {
                        Box::new(move |result| {
                            assert!(result.is_ok());
                            tell.fetch_add(1, Ordering::Relaxed);
                        })
                    };
                    match log.append(&mut draft(5), done).expect("takes it") {
                        Appended::Logged { .. } => told.fetch_add(1, Ordering::Relaxed),
                        Appended::Queued => 0,
                    };
                })
            };
            log.reclaim(Lsn(4 * RECORD)).expect("reclaims");
            log.drain().expect("drains");
            appender.join().expect("no panic");
            log.drain().expect("drains");
            assert_eq!(told.load(Ordering::Relaxed), 1);
            assert_eq!(texts(&log, Lsn(4 * RECORD)), [5]);
            assert!(!log.has_waiting());
        });
    }

    /// A shard of one document: its text and up to where it has the log.
    struct Shard(Mutex<(u8, Lsn)>);

    #[test]
    fn a_read_sees_what_was_written_before_it_wherever_that_is() {
        let _one = ONE_AT_A_TIME.lock();
        explore(|| {
            // The two writes of this test lie in two laps of the ring.
            let log = log();
            (0..3).for_each(|_| append(&log, 0));
            log.reclaim(log.head()).expect("reclaims");
            let buffer = Arc::new(Buffer::new(&log));
            let shard = Arc::new(Shard(Mutex::new((0, Lsn(0)))));
            let written = Arc::new(AtomicU64::new(0));
            let writer = {
                let (log, written) = (Arc::clone(&log), Arc::clone(&written));
                thread::spawn(move || {
                    for text in [1, 2] {
                        append(&log, text);
                        written.store(u64::from(text), Ordering::Release);
                    }
                })
            };
            let flusher = {
                let (log, buffer, shard) = (Arc::clone(&log), Arc::clone(&buffer), Arc::clone(&shard));
                thread::spawn(move || {
                    let Some(frozen) = buffer.freeze() else { return };
                    let mut newest = 0;
                    let walk = frozen.claim.walk(frozen.start, frozen.end, |met| {
                        newest = met.op.value[0];
                        ControlFlow::Continue(())
                    });
                    walk.expect("is whole");
                    *shard.0.lock().expect("no panic") = (newest, frozen.end);
                    let end = frozen.end;
                    drop(frozen);
                    buffer.retire(end);
                    log.reclaim(end).expect("reclaims");
                })
            };
            let before = written.load(Ordering::Acquire);
            let mut text = Vec::new();
            let found = match buffer.read(1, "a", &mut text).expect("is whole") {
                Lookup::Absent => shard.0.lock().expect("no panic").0,
                Lookup::Deleted(_) => 0,
                Lookup::Known(..) | Lookup::Unsettled(_) => text[0],
                Lookup::Behind => unreachable!("it waits"),
            };
            assert!(u64::from(found) >= before, "{found} was read after {before} was written");
            writer.join().expect("no panic");
            flusher.join().expect("no panic");
        });
    }
}
