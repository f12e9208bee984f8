//! Random sequences of calls, compared with a `BTreeMap` after every step.
//!
//! `PROPTEST_CASES` sets the number of sequences.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use common::{Home, all, check_integrity, get, observer::Witness, open_observed, record};
use kimdb::{Database, Options};
use proptest::{collection::vec, prelude::*, test_runner::Config};
use rusqlite::types::Value;

const COLLECTIONS: [&str; 4] = ["users", "user-posts", "userposts", "사용자"];
const IDS: usize = 12;

/// A document's place.
type Key = (usize, usize);

#[derive(Debug, Clone)]
enum Action {
    /// One record: the text's size, or `None` to delete.
    Write(Vec<(Key, Option<usize>)>),
    Read(Key),
    ReadMany(usize),
    Newest(usize, u64),
    Flush,
    ClearCache,
    Close,
    /// Only without flushes in the background, which would write while the files are copied.
    Kill,
}

#[derive(Debug, Clone)]
struct Settings {
    shards: u32,
    safe_mode: bool,
    batch_size: usize,
    cache_bytes: usize,
    /// Flushes all the time, through a ring of this size.
    busy: Option<u64>,
}

fn key() -> impl Strategy<Value = Key> {
    (0..COLLECTIONS.len(), 0..IDS)
}

fn write() -> impl Strategy<Value = (Key, Option<usize>)> {
    // The last size does not fit a small ring.
    let size = prop_oneof![12 => 0..40usize, 4 => 0..2000usize, 1 => 4000..9000usize];
    (key(), prop::option::weighted(0.8, size))
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        10 => write().prop_map(|write| Action::Write(vec![write])),
        3 => vec(write(), 2..12).prop_map(Action::Write),
        10 => key().prop_map(Action::Read),
        1 => (0..COLLECTIONS.len()).prop_map(Action::ReadMany),
        1 => (0..COLLECTIONS.len(), prop_oneof![0..15u64, Just(u64::MAX)]).prop_map(|(c, limit)| Action::Newest(c, limit)),
        2 => Just(Action::Flush),
        1 => Just(Action::ClearCache),
        1 => Just(Action::Close),
        1 => Just(Action::Kill),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let batch_size = prop_oneof![Just(0), 1..10usize];
    let cache_bytes = prop_oneof![Just(0), Just(30_000), Just(1 << 20)];
    let busy = prop::option::of(prop_oneof![Just(1 << 13), Just(1 << 15)]);
    (1..5u32, prop::bool::weighted(0.8), batch_size, cache_bytes, busy).prop_map(
        |(shards, safe_mode, batch_size, cache_bytes, busy)| Settings {
            shards,
            safe_mode,
            batch_size,
            cache_bytes,
            busy,
        },
    )
}

type State = BTreeMap<Key, (String, u64)>;

struct Run {
    settings: Settings,
    home: Home,
    db: Arc<Database>,
    now: State,
    /// Written since the last flush.
    dirty: BTreeSet<Key>,
    /// The state at the last flush.
    flushed: State,
    /// Makes every text different from all before.
    count: u64,
    /// Operations since the opening, and what was told of them.
    ops: u64,
    witness: Arc<Witness>,
}

impl Run {
    fn new(settings: Settings) -> Run {
        let home = Home::new();
        let witness = Witness::new();
        let db = open_observed(options(&home, &settings), &witness);
        let (now, flushed) = Default::default();
        Run { settings, home, db, now, dirty: BTreeSet::new(), flushed, count: 0, ops: 0, witness }
    }

    fn step(&mut self, action: &Action) {
        match action {
            Action::Write(ops) => self.write(ops),
            Action::Read(key) => self.check(*key),
            Action::ReadMany(collection) => self.read_many(*collection),
            Action::Newest(collection, limit) => self.newest(*collection, *limit),
            Action::Flush => {
                self.db.flush_wait().expect("flushes");
                self.note_flush();
                let stats = self.db.stats();
                assert_eq!((stats.buffered_writes, stats.flushed_writes), (self.ops, self.ops));
                assert_eq!((stats.buffer_size, stats.waiting_bytes), (0, 0));
            }
            Action::ClearCache => self.db.clear_cache(),
            Action::Close => self.close(),
            Action::Kill if self.settings.busy.is_some() => self.close(),
            Action::Kill => self.kill(),
        }
    }

    fn write(&mut self, ops: &[(Key, Option<usize>)]) {
        let mut texts = Vec::new();
        for (_, size) in ops {
            self.count += 1;
            let count = self.count;
            texts.push(size.map(|size| format!("{{\"n\":{count},\"x\":\"{}\"}}", "x".repeat(size))));
        }
        let ids: Vec<String> = ops.iter().map(|((_, id), _)| id.to_string()).collect();
        let ops: Vec<(Key, &str, Option<&str>)> = ops
            .iter()
            .zip(&ids)
            .zip(&texts)
            .map(|((op, id), text)| (op.0, id.as_str(), text.as_deref()))
            .collect();
        let drafted: Vec<_> = ops.iter().map(|(key, id, text)| (COLLECTIONS[key.0], *id, *text)).collect();
        self.db.submit_wait(&mut record(&self.db, &drafted)).expect("writes");
        for (key, _, text) in ops {
            self.ops += 1;
            self.dirty.insert(key);
            match text {
                None => drop(self.now.remove(&key)),
                Some(text) => {
                    let version = self.now.get(&key).map_or(0, |(_, version)| *version) + 1;
                    self.now.insert(key, (text.to_owned(), version));
                }
            }
        }
    }

    fn check(&self, key: Key) {
        let read = get(&self.db, COLLECTIONS[key.0], &key.1.to_string());
        let expected = self.now.get(&key).map(|(text, version)| (text.clone(), *version));
        let buffered = read.as_ref().map(|(.., buffered)| *buffered);
        assert_eq!(read.map(|(text, version, _)| (text, version)), expected, "{key:?}");
        if let Some(buffered) = buffered {
            let may_be = self.dirty.contains(&key);
            assert!(
                if self.settings.busy.is_some() { may_be || !buffered } else { may_be == buffered },
                "{key:?}"
            );
        }
    }

    fn check_all(&self) {
        (0..COLLECTIONS.len()).flat_map(|c| (0..IDS).map(move |id| (c, id))).for_each(|key| self.check(key));
    }

    fn read_many(&self, collection: usize) {
        let ids: Vec<String> = (0..IDS).map(|id| id.to_string()).collect();
        let documents = self.db.get_many(&self.db.collection(COLLECTIONS[collection]), &ids).expect("reads");
        for (id, document) in documents.into_iter().enumerate() {
            let read =
                document.map(|read| (String::from_utf8(read.text).expect("UTF-8"), read.document.version));
            assert_eq!(read, self.now.get(&(collection, id)).cloned());
        }
    }

    fn newest(&mut self, collection: usize, limit: u64) {
        let read = all(&self.db, COLLECTIONS[collection], limit);
        self.note_flush();
        let mut expected = self.updated(collection);
        expected.sort();
        expected.reverse();
        expected.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(_, id)| {
                let (text, version) = self.now[&(collection, id.parse().expect("a number"))].clone();
                (id, text, version)
            })
            .collect();
        assert_eq!(read, expected);
    }

    /// When each document of a collection was updated, as the shards say.
    fn updated(&self, collection: usize) -> Vec<(String, String)> {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            other => panic!("{other:?} is no text"),
        };
        let mut rows = Vec::new();
        for shard in 0..self.settings.shards {
            let sql = "SELECT \"table\" FROM _kimdb_collection WHERE name = ?";
            let tables =
                self.db.shard_query(shard, sql, &[COLLECTIONS[collection].to_owned().into()]).expect("reads");
            let Some(table) = tables.rows.first() else { continue };
            let sql = format!("SELECT updated_at, id FROM \"{}\"", text(&table[0]));
            let found = self.db.shard_query(shard, &sql, &[]).expect("reads");
            rows.extend(found.rows.iter().map(|row| (text(&row[0]), text(&row[1]))));
        }
        let count = self.now.keys().filter(|(c, _)| *c == collection).count();
        assert_eq!(rows.len(), count, "the shards hold neither more nor less");
        rows
    }

    fn note_flush(&mut self) {
        self.dirty.clear();
        self.flushed = self.now.clone();
        assert_eq!((self.witness.flushed(), self.witness.errors()), (self.ops, Vec::new()));
    }

    fn reopen(&mut self) {
        self.witness = Witness::new();
        self.db = open_observed(options(&self.home, &self.settings), &self.witness);
        self.ops = 0;
    }

    fn close(&mut self) {
        self.db.close().expect("closes");
        self.note_flush();
        self.reopen();
        assert_eq!(self.db.recovered(), 0);
    }

    fn kill(&mut self) {
        let image = self.home.crash_image();
        self.db.close().expect("closes");
        self.home = image;
        self.reopen();
        if !self.settings.safe_mode {
            self.now = self.flushed.clone();
        }
        self.note_flush();
    }
}

fn options(home: &Home, settings: &Settings) -> Options {
    let Settings { shards, safe_mode, batch_size, cache_bytes, busy } = *settings;
    let (wal_size, flush_interval_ms, buffer_size) = match busy {
        Some(size) => (size, 1, 7),
        None => (1 << 20, 3_600_000, 1 << 40),
    };
    Options {
        shard_count: shards,
        safe_mode,
        batch_size,
        cache_bytes,
        wal_size,
        flush_interval_ms,
        buffer_size,
        ..home.options()
    }
}

fn config() -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = Config { failure_persistence: None, ..Config::default() };
    if asked { default } else { Config { cases: 60, ..default } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_sequence_of_calls_reads_as_a_map_does(settings in settings(), actions in vec(action(), 1..120)) {
        let mut run = Run::new(settings);
        for action in &actions {
            run.step(action);
        }
        run.check_all();
        run.close();
        run.check_all();
        run.db.close().expect("closes");
        check_integrity(&run.home);
    }
}
