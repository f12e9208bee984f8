//! A folder with a database, in memory where the system has such folders: thousands are made a minute.

use std::{fs, path::Path, path::PathBuf, sync::OnceLock};

use kimdb::{Database, Options};
use rusqlite::types::Value;
use tempfile::TempDir;

use super::format::{LogHeader, State};

pub const SHARDS: u32 = 2;

pub struct Home {
    folder: TempDir,
}

/// The empty database that recovery starts from.
struct Template {
    shards: Vec<Vec<u8>>,
    database: [u8; 16],
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let home = Home::empty();
        Database::open(home.options(), None).expect("opens").close().expect("closes");
        let log = fs::read(home.wal()).expect("reads");
        let shards = (0..SHARDS).map(|shard| fs::read(home.shard(shard)).expect("reads")).collect();
        Template { shards, database: LogHeader::find(&log).expect("has a header").database }
    })
}

/// The id of the databases that [`Home::with_shards`] makes.
pub fn database() -> [u8; 16] {
    template().database
}

impl Home {
    pub fn empty() -> Home {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Home { folder: folder.expect("a folder") }
    }

    /// The shard files of an empty database, without its log.
    pub fn with_shards() -> Home {
        let home = Home::empty();
        for (number, bytes) in (0..).zip(&template().shards) {
            fs::write(home.shard(number), bytes).expect("writes");
        }
        home
    }

    pub fn wal(&self) -> PathBuf {
        self.folder.path().join("app.wal")
    }

    pub fn large(&self) -> PathBuf {
        self.folder.path().join("app.wal.large")
    }

    pub fn shard(&self, number: u32) -> PathBuf {
        self.folder.path().join(format!("app_shard{number}.db"))
    }

    /// Nothing is flushed but on request.
    pub fn options(&self) -> Options {
        Options {
            shard_count: SHARDS,
            wal_size: 1 << 14,
            cache_bytes: 1 << 14,
            flush_interval_ms: 3_600_000,
            buffer_size: 1 << 40,
            ..Options::new(self.folder.path().join("app"))
        }
    }

    /// A copy of the files as a kill would leave them. Whoever calls this has seen to it that nothing is written.
    pub fn crash_image(&self) -> Home {
        let image = Home::empty();
        for entry in fs::read_dir(self.folder.path()).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name();
            let text = name.to_string_lossy();
            if !text.ends_with(".lock") && !text.ends_with("-shm") {
                fs::copy(entry.path(), image.folder.path().join(&name)).expect("copies");
            }
        }
        image
    }
}

pub fn get(db: &Database, collection: &str, id: &str) -> Option<(Vec<u8>, u64)> {
    let mut text = Vec::new();
    let found = db.get(&db.collection(collection), id, &mut text).expect("reads");
    found.map(|found| (text, found.version))
}

/// Number of documents in the shards, whatever their collection.
pub fn count(db: &Database) -> usize {
    let mut count = 0;
    for shard in 0..SHARDS {
        let sql = "SELECT \"table\" FROM _kimdb_collection";
        for table in db.shard_query(shard, sql, &[]).expect("reads").rows {
            let Value::Text(table) = &table[0] else { panic!("{table:?} is no name") };
            let sql = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
            match db.shard_query(shard, &sql, &[]).expect("reads").rows[0][0] {
                Value::Integer(rows) => count += rows as usize,
                ref other => panic!("{other:?} is no count"),
            }
        }
    }
    count
}

/// Fails unless the database holds these documents and no others.
pub fn compare(db: &Database, expected: &State) {
    for ((collection, id), document) in expected {
        assert_eq!(get(db, collection, id).as_ref(), Some(document), "{collection:?} {id:?}");
    }
    db.flush_wait().expect("flushes");
    assert_eq!(count(db), expected.len(), "no document but {:?}", expected.keys());
}
