//! A shard as the rest of the engine sees it.

mod checkpoint;
mod made_elsewhere;
mod mending;
mod newest;
mod outside;
mod tables;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use super::{
    Batch, Group, Layout, Router, Scanned, Store, Stored, Value,
    collection::{Collection, Collections},
    find,
    set::{self, ShardSet},
};
use crate::engine::{
    change::{Change, Fate},
    error::{Code, Result},
    io::{Disk, FileSystem},
    log::{Id, Lsn},
};

pub(super) const LOG: Id = [1; 16];

fn open_set(base: &Path, shards: u32) -> Result<ShardSet> {
    let files: Arc<dyn FileSystem> = Arc::new(Disk);
    set::open(base, shards, true, &files)
}

fn table_of(collections: &Collections, collection: &Collection) -> String {
    collections.settle(std::iter::once(collection)).expect("goes on record");
    collection.settled().expect("on record").to_owned()
}

/// One shard in a folder of its own.
pub(super) struct Setup {
    folder: tempfile::TempDir,
    pub(super) store: Arc<dyn Store>,
    pub(super) collections: Collections,
}

impl Setup {
    pub(super) fn new() -> Setup {
        Setup::over(tempfile::tempdir().expect("a folder"), LOG)
    }

    pub(super) fn over(folder: tempfile::TempDir, log: Id) -> Setup {
        let set = open_set(&folder.path().join("app"), 1).expect("opens");
        let (mut shards, collections) = set.attach(log).expect("attaches");
        Setup { store: shards.remove(0), collections, folder }
    }

    pub(super) fn reopen(self, log: Id) -> Setup {
        self.store.close(true).expect("closes");
        Setup::over(self.folder, log)
    }

    /// The collection's table, on record.
    pub(super) fn table_of(&self, collection: &Collection) -> String {
        table_of(&self.collections, collection)
    }

    pub(super) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("app_shard0.db")
    }

    /// A batch of upserts and deletes of one collection.
    pub(super) fn apply(
        &self,
        end: u64,
        collection: &str,
        upserts: &[(&str, &str, u64)],
        deletes: &[&str],
    ) -> Result<()> {
        self.apply_at(end, 1_714_979_289 + end, collection, upserts, deletes)
    }

    /// The same of calls at a time, in seconds since 1970.
    pub(super) fn apply_at(
        &self,
        end: u64,
        time: u64,
        collection: &str,
        upserts: &[(&str, &str, u64)],
        deletes: &[&str],
    ) -> Result<()> {
        let collection = self.collections.get(collection);
        let number = collection.number;
        let stored = upserts.iter().map(|(id, value, writes)| {
            let fate = if deletes.contains(id) { Fate::Recreated } else { Fate::Stored };
            Change {
                number,
                fate,
                id,
                value: value.as_bytes(),
                writes: *writes,
                created: time,
                updated: time,
            }
        });
        let deleted = deletes.iter().filter(|id| upserts.iter().all(|(other, ..)| other != *id));
        let deleted = deleted.map(|id| Change {
            number,
            fate: Fate::Deleted,
            id,
            value: b"",
            writes: 0,
            created: time,
            updated: time,
        });
        let mut changes: Vec<Change<'_>> = stored.chain(deleted).collect();
        changes.sort_by_key(|change| change.id);
        let table = self.table_of(&collection);
        let group = Group { collection: &collection.name, table: &table, changes: &changes };
        self.store.apply(&Batch { log: LOG, end: Lsn(end), side: None, groups: vec![group] })
    }

    pub(super) fn newest(&self, table: &str, limit: u64, over: &[Arc<AtomicBool>]) -> Result<Vec<Scanned>> {
        let found = self.store.newest(table, limit, over)?;
        let count = usize::try_from(limit).unwrap_or(usize::MAX).min(found.len());
        found.read(count)
    }

    pub(super) fn read(&self, table: &str, id: &str) -> (Option<(String, u64)>, Lsn) {
        let mut value = Vec::new();
        let Stored { version, as_of, .. } = self.store.read(table, id, &mut value, false).expect("reads");
        (version.map(|version| (String::from_utf8(value).expect("UTF-8"), version)), as_of)
    }
}

pub(super) fn stored(text: &str, version: u64, as_of: u64) -> (Option<(String, u64)>, Lsn) {
    (Some((text.to_owned(), version)), Lsn(as_of))
}

#[test]
fn a_batch_is_stored_with_the_place_up_to_which_it_reaches() {
    let setup = Setup::new();
    assert_eq!(setup.read("c", "a"), (None, Lsn(0)), "no table yet");
    setup.apply(8, "c", &[("a", "1", 1), ("b", "2", 3)], &["missing"]).expect("applies");
    assert_eq!((setup.read("c", "a"), setup.store.applied()), (stored("1", 1, 8), Lsn(8)));
    setup.apply(16, "c", &[("a", "3", 2)], &["b"]).expect("applies");
    assert_eq!((setup.read("c", "a"), setup.read("c", "b")), (stored("3", 3, 16), (None, Lsn(16))));
    setup.apply(24, "c", &[("a", "4", 1)], &["a"]).expect("deleted, then stored");
    assert_eq!(setup.read("c", "a"), stored("4", 1, 24));
    let setup = setup.reopen(LOG);
    assert_eq!((setup.read("c", "a"), setup.store.applied()), (stored("4", 1, 24), Lsn(24)));
    let setup = setup.reopen([2; 16]);
    assert_eq!(
        (setup.read("c", "a"), setup.store.applied()),
        (stored("4", 1, 0), Lsn(0)),
        "nothing of that log"
    );
}

#[test]
fn statements_of_users_only_look() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    // On the same connection, in a transaction.
    assert_eq!(setup.newest("c", 5, &[]).expect("reads").len(), 1);
    let query = |sql: &str, params: &[Value]| setup.store.query(sql, params, usize::MAX);
    let rows = query("SELECT ?1 AS n, x'00ff', NULL, 1.5, data FROM c", &[Value::Integer(7)]).expect("reads");
    assert_eq!(rows.columns[0], "n");
    let blob = Value::Blob(vec![0, 255]);
    assert_eq!(rows.rows, [[7.into(), blob, Value::Null, 1.5.into(), Value::Text("1".into())]]);
    let target = setup.folder.path().join("copy.db");
    let attach = format!("ATTACH '{}' AS other", target.display());
    let vacuum = format!("VACUUM INTO '{}'", target.display());
    for sql in [
        "INSERT INTO c (id, data) VALUES ('b', '1')",
        "UPDATE c SET data = '2'",
        "DELETE FROM c",
        "DROP TABLE c",
        "CREATE TABLE t (x)",
        "CREATE TEMP TABLE t (x)",
        "BEGIN",
        "BEGIN EXCLUSIVE",
        "COMMIT",
        "SAVEPOINT a",
        "VACUUM",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 3",
        "SELECT load_extension('x')",
        &attach,
        &vacuum,
        "SELECT 1; DELETE FROM c",
        "",
        "SELECT",
    ] {
        let result = query(sql, &[]);
        let refused = matches!(&result, Err(error) if error.code() == Code::Sql);
        assert!(refused || sql.is_empty() || sql.contains(';'), "{sql}: {result:?}");
    }
    for text in [
        "query_only = OFF",
        "journal_mode = DELETE",
        "wal_checkpoint; DELETE FROM c",
        "wal_checkpoint(1); DROP TABLE c",
    ] {
        assert!(setup.store.pragma(text).is_err(), "{text}");
    }
    assert_eq!(setup.read("c", "a"), stored("1", 1, 8));
    assert!(!target.exists());
    for text in [
        "journal_mode",
        "integrity_check",
        "table_info(c)",
        "wal_checkpoint",
        "wal_checkpoint(TRUNCATE)",
        " WAL_CHECKPOINT = FULL",
    ] {
        assert!(!setup.store.pragma(text).expect(text).rows.is_empty(), "{text}");
    }
}

#[test]
fn a_statement_that_ran_before_sees_what_has_become_of_its_tables() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("a", "1", 1), ("b", "2", 1)], &[]).expect("applies");
    let query = |most| setup.store.query("SELECT * FROM c ORDER BY id", &[], most).expect("reads");
    let before = query(usize::MAX);
    assert_eq!((before.rows.len(), query(1).rows, query(0).rows.len()), (2, before.rows[..1].to_vec(), 0));
    let other = rusqlite::Connection::open(setup.file()).expect("opens");
    other.execute_batch("ALTER TABLE c ADD COLUMN extra DEFAULT 7").expect("changes");
    let changed = query(1);
    assert_eq!(changed.columns.last().map(String::as_str), Some("extra"));
    assert_eq!(changed.rows[0].last(), Some(&Value::Integer(7)));
    other.execute_batch("ALTER TABLE c DROP COLUMN extra").expect("changes back");
    assert_eq!(query(usize::MAX), before);
}

#[test]
fn a_checkpoint_empties_sqlites_own_log() {
    let setup = Setup::new();
    let wal = setup.folder.path().join("app_shard0.db-wal");
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    setup.read("c", "a");
    assert!(std::fs::metadata(&wal).expect("is there").len() > 0);
    setup.store.sync().expect("syncs");
    setup.store.checkpoint(true).expect("checkpoints, although a reader was there");
    assert_eq!(std::fs::metadata(&wal).expect("is there").len(), 0);
    assert_eq!(setup.read("c", "a"), stored("1", 1, 8));
    setup.store.close(true).expect("closes");
    assert!(!wal.exists());
    assert_eq!(setup.store.read("c", "a", &mut Vec::new(), false).expect_err("closed").code(), Code::Closed);
    assert_eq!(setup.apply(16, "c", &[], &[]).expect_err("closed").code(), Code::Closed);
    assert_eq!(setup.store.query("SELECT 1", &[], 1).expect_err("closed").code(), Code::Closed);
}

#[test]
fn sqlites_own_log_stays_short_while_flushes_go_on() {
    let setup = Setup::new();
    let text = "x".repeat(100_000);
    for end in 1..600 {
        setup.apply(end, "c", &[("a", &text, 1), ("b", &text, 1)], &[]).expect("applies");
        setup.read("c", "a");
        setup.store.checkpoint(false).expect("checkpoints");
    }
    let bytes = std::fs::metadata(setup.folder.path().join("app_shard0.db-wal")).expect("is there").len();
    assert!(bytes < 40 << 20, "{bytes} bytes after 120 MB were written");
}

#[test]
fn a_one_record_log_is_remembered_until_it_is_forgotten() {
    let setup = Setup::new();
    let side: Id = [9; 16];
    assert_eq!(setup.store.has_side(side), Ok(false));
    let batch = Batch { log: LOG, end: Lsn(8), side: Some(side), groups: Vec::new() };
    setup.store.apply(&batch).expect("applies");
    assert_eq!((setup.store.has_side(side), setup.store.applied()), (Ok(true), Lsn(8)));
    let setup = setup.reopen(LOG);
    assert_eq!(setup.store.has_side(side), Ok(true));
    setup.store.forget_other_logs().expect("forgets");
    assert_eq!((setup.store.has_side(side), setup.store.applied()), (Ok(false), Lsn(8)));
    setup.store.follow([3; 16]).expect("follows");
    assert_eq!((setup.store.applied(), setup.read("c", "a").1), (Lsn(0), Lsn(0)));
    setup.store.forget_log().expect("forgets");
    let setup = setup.reopen(LOG);
    assert_eq!(setup.store.applied(), Lsn(8), "another log");
    setup.store.forget_log().expect("forgets");
    assert_eq!(setup.reopen(LOG).store.applied(), Lsn(0));
}

#[test]
fn the_sqlite_that_is_bundled_can_reset_its_log_with_two_connections() {
    // Versions before 3.51.3 could lose data there.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn the_router_keeps_to_the_old_rule() {
    for (id, digest) in [("user1", 0x24c9_e15e_u32), ("", 0xd41d_8cd9), ("0", 0xcfcd_2084)] {
        use md5::{Digest, Md5};
        let theirs = u32::from_be_bytes(Md5::digest(id.as_bytes())[..4].try_into().expect("four bytes"));
        assert_eq!(theirs, digest, "{id:?}");
        for shards in [1, 2, 7, 8, 1024] {
            assert_eq!(Router::new(shards).shard(id), theirs % shards);
        }
    }
}

#[test]
fn files_whose_names_only_look_like_shards_are_not_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["app_shardx.db", "app_shard1.db.bak", "app_shard.db", "other_shard3.db", "app_shard-1.db"] {
        std::fs::write(folder.path().join(name), "").expect("writes");
    }
    let base: &Path = &folder.path().join("app");
    drop(open_set(base, 2).expect("opens"));
    drop(open_set(base, 2).expect("opens again"));
    assert_eq!(find(base, None).expect("looks"), Layout::Here(2));
    assert_eq!(open_set(base, 3).expect_err("two").code(), Code::Corrupt);
}

#[test]
fn a_large_record_that_fails_once_takes_the_place_of_the_one_before_it() {
    let setup = Setup::new();
    let apply = |side: u8, end| {
        setup.store.apply(&Batch { log: LOG, end: Lsn(end), side: Some([side; 16]), groups: Vec::new() })
    };
    apply(2, 8).expect("applies");
    let other = rusqlite::Connection::open(setup.file()).expect("opens");
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON _kimdb_log WHEN NEW.applied = 16
        BEGIN SELECT RAISE(ABORT, 'not now'); END";
    other.execute_batch(trigger).expect("makes it");
    apply(3, 16).expect_err("is rolled back");
    other.execute_batch("DROP TRIGGER refuse").expect("drops it");
    assert!(setup.store.has_side([2; 16]).expect("reads"), "it is there still");
    apply(3, 16).expect("applies");
    let has = |side: u8| setup.store.has_side([side; 16]).expect("reads");
    assert_eq!((has(2), has(3)), (false, true));
}
