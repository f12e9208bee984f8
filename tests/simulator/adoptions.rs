//! Shards of the old library whose adoption is cut, killed or fails at any call: every document, under its own name.

use std::{collections::HashMap, fs, sync::Arc};

use kimdb::{Backend, Database, Error};
use md5::{Digest, Md5};
use rusqlite::{Connection, params};

use super::{
    common::{random::Random, value},
    cuts,
    disk::{Defect, Disk, Photograph, Plan},
    fault::Fault,
    image::Cut,
    ledger::check_error,
    model::Journal,
    names::Directory,
    node::Ino,
    program::Settings,
    watchdog,
};

const SHARDS: u32 = 3;

/// Documents with number ids, and as many with texts that look like them, in another collection.
const DOCUMENTS: u32 = 24;

const PHOTOGRAPHS: usize = 60;

fn settings() -> Settings {
    Settings {
        seed: 0,
        shards: SHARDS,
        wal_size: 1 << 14,
        backend: Backend::Pwrite,
        flush_interval_ms: 3_600_000,
        buffer_size: 1 << 40,
        writers: 1,
        rounds: 1,
        steps: 0,
    }
}

/// The old library's files.
fn old_files() -> (Directory, HashMap<Ino, Vec<u8>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut names, mut files) = (Directory::new(), HashMap::new());
    for shard in 0..SHARDS {
        let path = folder.path().join(format!("app_shard{shard}.db"));
        let connection = Connection::open(&path).expect("opens");
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("sets");
        let is_here = |id: &str| {
            let digest = Md5::digest(id.as_bytes());
            u32::from_be_bytes(digest[..4].try_into().expect("four bytes")) % SHARDS == shard
        };
        for table in ["numbers", "texts"] {
            let create = format!(
                "CREATE TABLE {table} (id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1,
                    created_at TEXT DEFAULT CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP)"
            );
            connection.execute_batch(&create).expect("creates");
            for i in 1..=DOCUMENTS {
                let stored = format!("{i}.0");
                if is_here(&if table == "texts" { stored.clone() } else { i.to_string() }) {
                    let insert = format!("INSERT INTO {table} (id, data) VALUES (?, ?)");
                    connection.execute(&insert, params![stored, i.to_string()]).expect("inserts");
                }
            }
        }
        connection.close().expect("closes");
        let number = Ino::from(shard) + 1;
        names.insert(format!("app_shard{shard}.db"), number);
        files.insert(number, fs::read(&path).expect("reads"));
    }
    (names, files)
}

fn open(disk: &Arc<Disk>, shards: Option<u32>) -> Result<Database, Error> {
    let mut options = settings().options(disk);
    options.shard_count_is_default = shards.is_none();
    options.shard_count = shards.unwrap_or(8);
    Database::open(options, None)
}

fn check(photograph: &Photograph, cut: Cut, seed: u64) -> Result<(), String> {
    let told = |error: String| format!("{error}\n  before call {}, {cut:?}", photograph.at);
    let mut random = Random::new(seed);
    let (names, files) = cut.of(photograph, &mut random);
    let disk = Disk::new(&names, &files, Defect::None, Journal::new(1));
    let asked = [None, Some(SHARDS), Some(2)][random.below(3) as usize];
    let db = open(&disk, asked).map_err(|error| told(format!("opening with {asked:?}: {error}")))?;
    for i in 1..=DOCUMENTS {
        let expected = Some((i.to_string(), 1));
        let (number, text) = (i.to_string(), format!("{i}.0"));
        let found = [("numbers", &number), ("numbers", &text), ("texts", &number), ("texts", &text)]
            .map(|(collection, id)| value(&db, collection, id));
        if found != [expected.clone(), None, None, expected] {
            return Err(told(format!("with {asked:?}, {i} is {found:?}")));
        }
    }
    db.close().map_err(|error| told(format!("closing: {error}")))
}

#[test]
fn an_adoption_may_be_cut_anywhere() {
    let first = cuts::number("KIMDB_SEED").unwrap_or_else(cuts::by_time);
    let (names, files) = old_files();
    for seed in first..first + 6 {
        let _watched = watchdog::watch(format!("adoption, KIMDB_SEED={seed}"));
        let mut random = Random::new(seed);
        let disk = Disk::new(&names, &files, Defect::None, Journal::new(1));
        disk.plan(Plan { random: random.clone(), gap: 2 + random.below(4), left: PHOTOGRAPHS });
        let db = open(&disk, [None, Some(2)][seed as usize % 2]).expect("opens");
        for photograph in disk.photographs() {
            let cut = Cut::choose(random.next(), &mut random);
            if let Err(error) = check(&photograph, cut, random.next()) {
                panic!("{error}\n  KIMDB_SEED={seed}");
            }
        }
        db.close().expect("closes");
    }
}

#[test]
fn every_call_of_an_adoption_may_fail() {
    let (names, files) = old_files();
    let step = if std::env::var_os("KIMDB_FAULTS").is_some_and(|how| how == "all") { 1 } else { 3 };
    for at in (1 + cuts::by_time() % step..).step_by(step as usize) {
        let disk = Disk::new(&names, &files, Defect::None, Journal::new(1));
        disk.faults(|faults| faults.plan(Fault { at, count: 1, error: libc::EIO }));
        let opened = open(&disk, None);
        if let Err(error) = &opened {
            check_error(error).unwrap_or_else(|error| panic!("{error}, call {at}"));
        }
        let has_fired = disk.faults(|faults| faults.heal());
        let photograph = disk.photograph();
        for (seed, cut) in [Cut::NOTHING, Cut::EVERYTHING].into_iter().enumerate() {
            check(&photograph, cut, at * 2 + seed as u64)
                .unwrap_or_else(|error| panic!("{error}, call {at}"));
        }
        if !has_fired {
            return;
        }
    }
}
