//! Parts brought to a store in memory: coalesced, in whole records, never twice, with the cache in step.

mod lane;
mod memory;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{Applier, Division, Part};
use crate::engine::{
    buffer::{Buffer, Frozen},
    cache::Cache,
    change::Change,
    error::Result,
    io::{Disk, FileSystem},
    log::{self, Appended, Draft, Id, Kind, Log, Lsn},
    shard::{self, Router, Target, collection::Collections},
    until::until,
};
use memory::Memory;

const LOG: Id = [2; 16];

/// The collections of a database without documents.
fn collections(folder: &tempfile::TempDir) -> Collections {
    let files: Arc<dyn FileSystem> = Arc::new(Disk);
    let shards = shard::open(&folder.path().join("app"), 1, true, &files).expect("opens");
    shards.attach(LOG).expect("attaches").1
}

/// A log in memory, and what is needed to bring its content to shards.
struct Setup {
    log: Arc<Log>,
    buffer: Buffer,
    collections: Collections,
    _folder: tempfile::TempDir,
}

/// An operation: collection, id, text or `None` to delete.
type Op = (usize, usize, Option<String>);

const COLLECTIONS: [&str; 2] = ["c", "사용자"];

/// They share much, little and nothing, begin with each other, and differ behind the first eight bytes.
const IDS: [&str; 10] =
    ["id0", "id1", "id2", "id10", "id1\0", "id100000000", "id1000000001", "id10000000010", "i", "사용자"];

impl Setup {
    fn new() -> Setup {
        let log = log::open_anonymous([1; 16], LOG, 1 << 20, Lsn(0)).expect("memory").log;
        let folder = tempfile::tempdir().expect("a folder");
        Setup { buffer: Buffer::new(&log), log, collections: collections(&folder), _folder: folder }
    }

    fn write(&self, ops: &[Op]) -> Lsn {
        let mut draft = Draft::default();
        draft.clear();
        for (collection, id, text) in ops {
            let collection = self.collections.get(COLLECTIONS[*collection]);
            let kind = if text.is_some() { Kind::Upsert } else { Kind::Delete };
            let text = text.as_deref().unwrap_or_default();
            draft.push(kind, collection.number, &collection.name, IDS[*id], text.as_bytes());
        }
        match self.log.append(&mut draft, || unreachable!("there is room")).expect("appends") {
            Appended::Logged { end, .. } => end,
            Appended::Queued => unreachable!("there is room"),
        }
    }

    fn parts(&self, shards: u32) -> Vec<Part> {
        self.parts_of_about(shards, 0)
    }

    fn parts_of_about(&self, shards: u32, about: u64) -> Vec<Part> {
        let frozen = self.buffer.freeze().expect("not empty");
        let nothing = vec![Lsn(0); shards as usize];
        self.division(shards).divide(&frozen, &nothing, about).expect("is intact")
    }

    fn division(&self, shards: u32) -> Division<'_> {
        Division { router: Router::new(shards), collections: &self.collections, is_foreign: false }
    }

    fn apply(&self, part: &Part, store: &dyn Target, cache: Option<&Cache>, batch_size: usize) -> Result<()> {
        let follow = |changes: &[Change<'_>], end| {
            if let Some(cache) = cache {
                cache.follow(changes, end);
            }
        };
        Applier { log: LOG, store, collections: &self.collections, follow: &follow }.apply(part, batch_size)
    }
}

fn records() -> impl Strategy<Value = Vec<Vec<Op>>> {
    let op = (0..2usize, 0..IDS.len(), prop::option::weighted(0.7, "[a-z]{0,8}"));
    vec(vec(op, 1..5), 1..60)
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 100, ..Config::default() })]

    #[test]
    fn shards_hold_what_was_written(records in records(), shards in 1..4u32, about in 0..200u64, size in 0..9usize, failures in vec(0..6usize, 0..4)) {
        let setup = Setup::new();
        let stores: Vec<Memory> = (0..shards).map(|_| Memory::new()).collect();
        let mut expected: BTreeMap<(String, String), (String, u64)> = BTreeMap::new();
        let mut ends = Vec::new();
        for record in &records {
            ends.push(setup.write(record));
            for (collection, id, text) in record {
                let key = (COLLECTIONS[*collection].to_owned(), IDS[*id].to_owned());
                match text {
                    None => drop(expected.remove(&key)),
                    Some(text) => {
                        let version = expected.get(&key).map_or(0, |(_, version)| *version) + 1;
                        expected.insert(key, (text.clone(), version));
                    }
                }
            }
        }
        let parts = setup.parts_of_about(shards, about);
        let mut found = BTreeMap::new();
        for (part, store) in parts.iter().zip(&stores) {
            // Interrupted again and again, it goes on where it was.
            for successes in &failures {
                store.left.store(*successes, Ordering::Relaxed);
                let _ = setup.apply(part, store, None, size);
            }
            store.left.store(usize::MAX, Ordering::Relaxed);
            setup.apply(part, store, None, size).expect("applies");
            setup.apply(part, store, None, size).expect("there is nothing left to do");
            for (key, (text, version, ..)) in &*store.rows.lock().expect("no panic") {
                found.insert(key.clone(), (text.clone(), *version));
            }
            for end in &*store.ends.lock().expect("no panic") {
                prop_assert!(ends.contains(end), "a transaction ends with a record");
            }
            if !part.entries.is_empty() {
                prop_assert_eq!(store.applied(), *ends.last().expect("some"));
            }
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn what_a_shard_has_is_left_out_when_parts_are_made() {
    let setup = Setup::new();
    let first = setup.write(&[(0, 1, Some("1".into()))]);
    setup.write(&[(0, 2, Some("2".into()))]);
    let frozen = setup.buffer.freeze().expect("not empty");
    let parts = setup.division(1).divide(&frozen, &[first], 0).expect("is intact");
    assert_eq!(parts[0].entries.len(), 1);
    let Frozen { start, end, .. } = frozen;
    assert_eq!((parts[0].start, parts[0].end), (start, end));
}

#[test]
fn records_of_another_process_go_by_the_names_of_their_collections() {
    let setup = Setup::new();
    setup.collections.get("taken");
    let mut draft = Draft::default();
    draft.clear();
    // Its number 0 is 'c', ours is 'taken'.
    draft.push(Kind::Upsert, 0, "c", "id", b"1");
    setup.log.append(&mut draft, || unreachable!("there is room")).expect("appends");
    let frozen = setup.buffer.freeze().expect("not empty");
    let foreign = Division { is_foreign: true, ..setup.division(1) };
    let parts = foreign.divide(&frozen, &[Lsn(0)], 0).expect("is intact");
    let store = Memory::new();
    setup.apply(&parts[0], &store, None, 0).expect("applies");
    let rows = store.rows.lock().expect("no panic");
    assert_eq!(rows.keys().collect::<Vec<_>>(), [&("c".to_owned(), "id".to_owned())]);
}

#[test]
fn the_cache_follows_each_transaction() {
    let setup = Setup::new();
    let (cache, store) = (Cache::new(1 << 20, 1), Memory::new());
    let number = setup.collections.get("c").number;
    let read = |id: &str| {
        let mut text = Vec::new();
        let version = cache.read(number, id, &mut text).map(|(version, _)| version);
        version.map(|version| (String::from_utf8(text).expect("UTF-8"), version))
    };
    for id in ["id0", "id1", "id2"] {
        cache.keep((number, id), b"old", (5, Lsn(0)), cache.origin(0), || Lsn(0));
    }
    setup.write(&[(0, 0, Some("a".into())), (0, 0, Some("b".into())), (0, 1, None)]);
    setup.write(&[(0, 1, Some("c".into())), (0, 2, None), (0, 3, Some("d".into()))]);
    let parts = setup.parts(1);
    setup.apply(&parts[0], &store, Some(&cache), 1).expect("applies");
    assert_eq!(read("id0"), Some(("b".to_owned(), 7)));
    assert_eq!(read("id1"), None, "deleted in between, and no longer known");
    assert_eq!(read("id2"), None);
    assert_eq!(read("id3"), None, "nobody has read it");
}

/// A reader has read a document and asked for the shard's position; before it puts the document into the empty
/// cache, a flush changes the document.
#[test]
fn a_document_that_changes_while_it_is_put_into_the_cache_is_not_stale() {
    let setup = Setup::new();
    let (cache, store) = (Cache::new(1 << 20, 1), Memory::new());
    let number = setup.collections.get("c").number;
    let end = setup.write(&[(0, 0, Some("new".into()))]);
    let parts = setup.parts(1);
    thread::scope(|scope| {
        let (setup, cache, store, part) = (&setup, &cache, &store, &parts[0]);
        cache.keep((number, "id0"), b"old", (1, Lsn(0)), cache.origin(0), || {
            let position = store.applied();
            let flush = scope.spawn(move || setup.apply(part, store, Some(cache), 0).expect("applies"));
            until("the flush has applied it", || store.applied() >= end);
            // A flush that waits for this very call has to go on afterwards; give another one time to go by.
            let deadline = Instant::now() + Duration::from_millis(300);
            while !flush.is_finished() && Instant::now() < deadline {
                thread::yield_now();
            }
            position
        });
    });
    let mut text = Vec::new();
    let version = cache.read(number, "id0", &mut text).map(|(version, _)| version);
    assert!(version.is_none() || (text == b"new" && version == Some(2)), "{version:?} {text:?}");
}

#[test]
fn times_are_those_of_the_calls() {
    let setup = Setup::new();
    let store = Memory::new();
    setup.write(&[(0, 0, Some("1".into()))]);
    setup.write(&[(0, 1, Some("1".into())), (0, 1, None), (0, 1, Some("2".into()))]);
    let mut parts = setup.parts(1);
    for (second, entry) in (100..).zip(&mut parts[0].entries) {
        entry.time_ms = second * 1000 + 999;
    }
    setup.apply(&parts[0], &store, None, 0).expect("applies");
    let rows = store.rows.lock().expect("no panic");
    let times = |id: &str| rows.get(&("c".to_owned(), id.to_owned())).map(|row| (row.2, row.3));
    assert_eq!(
        (times("id0"), times("id1")),
        (Some((100, 100)), Some((103, 103))),
        "since it was created again"
    );
}
