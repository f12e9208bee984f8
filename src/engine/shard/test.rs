//! A shard as the rest of the engine sees it, and the tables that collections are given.

use std::{collections::HashSet, path::Path, sync::Arc};

use rusqlite::Connection;

use super::{
    Batch, Group, Router, Store, Stored, Value,
    collection::{Collections, Tables},
    set::{self, ShardSet},
};
use crate::engine::{
    change::{Change, Fate},
    error::{Code, Result},
    io::{Disk, FileSystem},
    log::{Id, Lsn},
};

const LOG: Id = [1; 16];

fn open_set(base: &Path, shards: u32) -> Result<ShardSet> {
    let files: Arc<dyn FileSystem> = Arc::new(Disk);
    set::open(base, shards, &files)
}

/// One shard in a folder of its own.
struct Setup {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    collections: Collections,
}

impl Setup {
    fn new() -> Setup {
        Setup::over(tempfile::tempdir().expect("a folder"), LOG)
    }

    fn over(folder: tempfile::TempDir, log: Id) -> Setup {
        let set = open_set(&folder.path().join("app"), 1).expect("opens");
        let (mut shards, collections) = set.attach(log).expect("attaches");
        Setup { store: shards.remove(0), collections, folder }
    }

    fn reopen(self, log: Id) -> Setup {
        self.store.close().expect("closes");
        Setup::over(self.folder, log)
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("app_shard0.db")
    }

    /// A batch of upserts and deletes of one collection.
    fn apply(
        &self,
        end: u64,
        collection: &str,
        upserts: &[(&str, &str, u64)],
        deletes: &[&str],
    ) -> crate::engine::Result<()> {
        let collection = self.collections.get(collection);
        let time = 1_714_979_289 + end;
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
        let changes: Vec<Change<'_>> = stored.chain(deleted).collect();
        let group = Group { collection: &collection.name, table: collection.claim(), changes: &changes };
        self.store.apply(&Batch { log: LOG, end: Lsn(end), side: None, groups: vec![group] })
    }

    fn read(&self, table: &str, id: &str) -> (Option<(String, u64)>, Lsn) {
        let mut value = Vec::new();
        let Stored { version, as_of } = self.store.read(table, id, &mut value).expect("reads");
        (version.map(|version| (String::from_utf8(value).expect("UTF-8"), version)), as_of)
    }
}

fn stored(text: &str, version: u64, as_of: u64) -> (Option<(String, u64)>, Lsn) {
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
fn every_number_of_rows_is_stored() {
    let setup = Setup::new();
    let mut end = 0;
    for count in [1_usize, 2, 31, 32, 33, 63, 64, 65, 200] {
        end += 8;
        let ids: Vec<String> = (0..count).map(|i| format!("{count}-{i:03}")).collect();
        let rows: Vec<(&str, &str, u64)> = ids.iter().map(|id| (id.as_str(), id.as_str(), 1)).collect();
        setup.apply(end, "c", &rows, &[]).expect("applies");
        for id in &ids {
            assert_eq!(setup.read("c", id), stored(id, 1, end));
        }
    }
}

#[test]
fn versions_and_times_are_stored_whichever_statement_a_row_comes_in() {
    let setup = Setup::new();
    let collection = setup.collections.get("c");
    let ids: Vec<String> = (0..100).map(|i| format!("{i:03}")).collect();
    // Thirty-two rows of one time, as many with one of another time or more writes among them, a few left over.
    let change = |(i, id): (usize, &'_ String)| {
        let (writes, created) = (if i == 50 { 7 } else { 1 }, if i == 40 { 3599 } else { 3600 });
        (id.clone(), writes, created)
    };
    let rows: Vec<(String, u64, u64)> = ids.iter().enumerate().map(change).collect();
    let store = |end: u64, later: u64| {
        let changes = rows.iter().map(|(id, writes, created)| Change {
            number: collection.number,
            fate: Fate::Stored,
            id,
            value: id.as_bytes(),
            writes: *writes,
            created: created + later,
            updated: 3600 + later,
        });
        let changes: Vec<Change<'_>> = changes.collect();
        let group = Group { collection: &collection.name, table: collection.claim(), changes: &changes };
        setup
            .store
            .apply(&Batch { log: LOG, end: Lsn(end), side: None, groups: vec![group] })
            .expect("applies");
    };
    let found = || {
        let sql = "SELECT id, data, _version, created_at, updated_at FROM c ORDER BY id";
        setup.store.query(sql, &[]).expect("reads").rows
    };
    let expected = |times: u64, updated: &str| -> Vec<Vec<Value>> {
        let row = |(id, writes, created): &(String, u64, u64)| {
            let created = if *created == 3599 { "1970-01-01 00:59:59" } else { "1970-01-01 01:00:00" };
            let text = |text: &str| Value::Text(text.to_owned());
            vec![text(id), text(id), Value::Integer((writes * times) as i64), text(created), text(updated)]
        };
        rows.iter().map(row).collect()
    };
    store(8, 0);
    assert_eq!(found(), expected(1, "1970-01-01 01:00:00"));
    store(16, 60);
    assert_eq!(found(), expected(2, "1970-01-01 01:01:00"), "when it was created stays");
}

#[test]
fn every_text_is_stored_as_it_is() {
    let setup = Setup::new();
    let long = "x".repeat(5 << 20);
    let texts =
        ["", " ", "a\0b", "\0", "é", "e\u{301}", "🦀", "'", "\"", "%", "\u{feff}", "1", "1.0", "null", &long];
    let rows: Vec<(&str, &str, u64)> = texts.iter().map(|text| (*text, *text, 1)).collect();
    setup.apply(8, "c", &rows, &[]).expect("applies");
    for text in texts {
        assert_eq!(
            setup.read("c", text),
            stored(text, 1, 8),
            "{:?}",
            text.chars().take(5).collect::<String>()
        );
    }
    assert_eq!(setup.store.newest("c", 99).expect("reads").len(), texts.len());
    setup.apply(16, "c", &[], &texts).expect("applies");
    assert_eq!(setup.store.newest("c", 99).expect("reads"), []);
}

#[test]
fn a_batch_that_fails_leaves_nothing_and_the_next_one_works() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    let other = Connection::open(setup.file()).expect("opens");
    other
        .execute_batch(
            "CREATE TRIGGER t BEFORE INSERT ON c WHEN new.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .expect("creates");
    for round in 1..4 {
        let rows = [("a", "2", 1), ("bad", "3", 1), ("c", "4", 1)];
        let error = setup.apply(16, "c", &rows, &["a"]).expect_err("the trigger refuses it");
        assert_eq!((error.shard(), error.path()), (Some(0), Some(setup.file().as_path())), "{error}");
        assert_eq!(
            (setup.read("c", "a"), setup.store.applied()),
            (stored("1", 1, 8), Lsn(8)),
            "round {round}"
        );
        assert_eq!(setup.read("c", "c"), (None, Lsn(8)));
    }
    other.execute_batch("DROP TRIGGER t").expect("drops");
    setup.apply(16, "c", &[("bad", "3", 1)], &[]).expect("applies");
    assert_eq!(setup.read("c", "bad"), stored("3", 1, 16));
}

#[test]
fn whatever_a_trigger_does_to_a_wide_batch_it_is_stored_whole_or_not_at_all() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    let other = Connection::open(setup.file()).expect("opens");
    let ids: Vec<String> = (0..80).map(|i| format!("{i:02}")).collect();
    let rows: Vec<(&str, &str, u64)> = ids.iter().map(|id| (id.as_str(), "2", 1)).collect();
    for way in ["ABORT", "FAIL", "ROLLBACK"] {
        let sql = format!(
            "DROP TRIGGER IF EXISTS t;
             CREATE TRIGGER t BEFORE INSERT ON c WHEN new.id = '40' BEGIN SELECT RAISE({way}, 'no'); END"
        );
        other.execute_batch(&sql).expect("creates");
        setup.apply(16, "c", &rows, &[]).expect_err("the trigger refuses it");
        let found = setup.store.query("SELECT id FROM c", &[]).expect("reads").rows;
        assert_eq!(found, [[Value::Text("a".to_owned())]], "{way}");
        assert_eq!(setup.store.applied(), Lsn(8));
    }
    other.execute_batch("DROP TRIGGER t").expect("drops");
    setup.apply(16, "c", &rows, &[]).expect("applies");
    assert_eq!((setup.read("c", "00"), setup.read("c", "79")), (stored("2", 1, 16), stored("2", 1, 16)));
}

#[test]
fn triggers_that_pass_rows_over_or_refuse_them_late_leave_versions_right() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("10", "1", 1)], &[]).expect("applies");
    let other = Connection::open(setup.file()).expect("opens");
    let ids: Vec<String> = (0..64).map(|i| format!("{i:02}")).collect();
    let rows: Vec<(&str, &str, u64)> = ids.iter().map(|id| (id.as_str(), "2", 1)).collect();
    let ignore = "CREATE TRIGGER t BEFORE INSERT ON C WHEN new.id = '03' BEGIN SELECT RAISE(IGNORE); END";
    other.execute_batch(ignore).expect("creates");
    setup.apply(16, "c", &rows, &[]).expect("applies");
    for (id, version) in [("02", Some(1)), ("03", None), ("09", Some(1)), ("10", Some(2)), ("63", Some(1))] {
        assert_eq!(setup.read("c", id).0.map(|found| found.1), version, "{id}");
    }
    let late = "DROP TRIGGER t;
        CREATE TRIGGER t AFTER INSERT ON c WHEN new.id = '73' BEGIN SELECT RAISE(FAIL, 'no'); END";
    other.execute_batch(late).expect("creates");
    let ids: Vec<String> = (42..74).map(|i| format!("{i:02}")).collect();
    let rows: Vec<(&str, &str, u64)> = ids.iter().map(|id| (id.as_str(), "3", 1)).collect();
    setup.apply(24, "c", &rows, &[]).expect_err("the trigger refuses the last one");
    assert_eq!((setup.read("c", "72").0, setup.store.applied()), (None, Lsn(16)));
}

#[test]
fn a_table_whose_ids_are_not_unique_is_refused() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    let other = Connection::open(setup.file()).expect("opens");
    other
        .execute_batch("CREATE TABLE d AS SELECT * FROM c; DROP TABLE c; ALTER TABLE d RENAME TO c")
        .expect("copies");
    drop(other);
    let setup = setup.reopen(LOG);
    let ids: Vec<String> = (0..32).map(|i| format!("{i:02}")).collect();
    let rows: Vec<(&str, &str, u64)> = ids.iter().map(|id| (id.as_str(), "2", 1)).collect();
    setup.apply(16, "c", &rows, &[]).expect_err("there is nothing to tell a document by");
    assert_eq!(setup.read("c", "00").0, None);
}

#[test]
fn documents_that_are_there_are_met_anywhere_among_new_ones() {
    let setup = Setup::new();
    let ids: Vec<String> = (0..200).map(|i| format!("{i:03}")).collect();
    let there: Vec<(&str, &str, u64)> =
        [0, 5, 31, 32, 40, 41, 127, 199].iter().map(|i| (ids[*i].as_str(), "old", 3)).collect();
    setup.apply(8, "c", &there, &[]).expect("applies");
    for round in 1..4 {
        let rows: Vec<(&str, &str, u64)> = ids.iter().map(|id| (id.as_str(), "new", 1)).collect();
        setup.apply(8 + round, "c", &rows, &[]).expect("applies");
        for id in &ids {
            let before = if there.iter().any(|(there, ..)| there == id) { 3 } else { 0 };
            assert_eq!(setup.read("c", id), stored("new", before + round, 8 + round));
        }
    }
}

#[test]
fn a_new_table_of_a_batch_that_failed_is_made_by_the_next() {
    let setup = Setup::new();
    let other = Connection::open(setup.file()).expect("opens");
    other
        .execute_batch("CREATE TRIGGER t BEFORE INSERT ON _kimdb_log BEGIN SELECT RAISE(ABORT, 'no'); END")
        .expect("creates");
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect_err("the trigger refuses it");
    assert_eq!(setup.read("c", "a"), (None, Lsn(0)));
    other.execute_batch("DROP TRIGGER t").expect("drops");
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    assert_eq!(setup.read("c", "a"), stored("1", 1, 8));
    let setup = setup.reopen(LOG);
    assert_eq!(setup.collections.names(), ["c"]);
}

#[test]
fn more_collections_than_statements_are_kept() {
    let setup = Setup::new();
    let names: Vec<String> = (0..300).map(|i| format!("collection{i}")).collect();
    for round in 1..3 {
        for (number, name) in names.iter().enumerate() {
            setup.apply(round * 10_000 + number as u64, name, &[("a", name, 1)], &[]).expect("applies");
        }
        for name in &names {
            let (found, _) = setup.read(name, "a");
            assert_eq!(found, Some((name.clone(), round)));
        }
    }
}

#[test]
fn the_newest_documents_come_first() {
    let setup = Setup::new();
    assert_eq!(setup.store.newest("c", 5).expect("reads"), [], "no table yet");
    for end in 1..=9 {
        setup.apply(end, "c", &[(&format!("id{}", end % 5), "1", 1)], &[]).expect("applies");
    }
    setup.apply(9, "c", &[("id9", "1", 1)], &[]).expect("in the same second as id4");
    let ids = |limit| -> Vec<String> {
        let scanned = setup.store.newest("c", limit).expect("reads");
        scanned.into_iter().map(|scanned| format!("{} {}", scanned.id, scanned.version)).collect()
    };
    assert_eq!(ids(99), ["id9 1", "id4 2", "id3 2", "id2 2", "id1 2", "id0 1"]);
    assert_eq!(ids(2), ["id9 1", "id4 2"]);
    assert_eq!(ids(0), [] as [&str; 0]);
}

#[test]
fn statements_of_users_only_look() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    let query = |sql: &str, params: &[Value]| setup.store.query(sql, params);
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
        "BEGIN EXCLUSIVE",
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
    setup.store.close().expect("closes");
    assert!(!wal.exists());
    assert_eq!(setup.store.read("c", "a", &mut Vec::new()).expect_err("closed").code(), Code::Closed);
    assert_eq!(setup.apply(16, "c", &[], &[]).expect_err("closed").code(), Code::Closed);
    assert_eq!(setup.store.query("SELECT 1", &[]).expect_err("closed").code(), Code::Closed);
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

/// The collections of a shard with these tables of documents, besides those on record.
fn collections(given: &[(&str, &str)], existing: &[&str]) -> Collections {
    let mut tables = Tables::default();
    for (name, table) in given {
        assert!(tables.note_given((*name).to_owned(), (*table).to_owned()));
    }
    existing.iter().for_each(|name| tables.note_existing((*name).to_owned(), true));
    Collections::new(tables)
}

#[test]
fn tables_are_named_as_the_old_library_did_where_it_could() {
    let all = collections(&[], &[]);
    for (name, table) in
        [("users", "users"), ("user-posts", "userposts"), ("_x", "_x"), ("A1", "A1"), ("order", "order")]
    {
        assert_eq!(all.get(name).claim(), table, "{name}");
    }
    assert_eq!(all.get("사용자").claim(), "사용자", "it could not");
    assert_eq!(all.get("1st").claim(), "1st");
}

#[test]
fn claimed_tables_differ_in_sqlites_eyes() {
    let all = collections(&[], &["legacy"]);
    let names = [
        "ab",
        "a-b",
        "AB",
        "Ab",
        "a.b",
        "a b",
        "사용자",
        "legacy",
        "Legacy",
        "leg-acy",
        "sqlite_a",
        "_kimdb_a",
        "",
        "\0",
    ];
    let mut tables = HashSet::new();
    for name in names {
        let collection = all.get(name);
        let table = collection.claim().to_owned();
        assert!(tables.insert(table.to_ascii_lowercase()), "{name:?} got {table}");
        assert!(
            !table.to_ascii_lowercase().starts_with("sqlite_")
                && !table.starts_with("_kimdb_")
                && !table.contains('\0')
        );
        assert_eq!(collection.claim(), table, "for good");
        assert_eq!(collection.table().as_deref(), Some(table.as_str()));
    }
}

#[test]
fn an_old_table_is_read_before_it_is_claimed_and_by_its_claimer_only_after() {
    let all = collections(&[("taken", "other")], &["UserPosts", "other"]);
    assert_eq!(all.get("user-posts").table().as_deref(), Some("UserPosts"));
    assert_eq!(all.get("userposts").table().as_deref(), Some("UserPosts"));
    assert_eq!(all.get("nothing").table(), None);
    assert_eq!(all.get("taken").table().as_deref(), Some("other"));
    assert_eq!(all.get("other").table(), None, "it is on record as another's");
    assert_eq!(all.get("user-posts").claim(), "UserPosts");
    assert_eq!(all.get("userposts").table(), None);
    assert_ne!(all.get("userposts").claim().to_ascii_lowercase(), "userposts");
}

#[test]
fn shards_that_disagree_about_a_collection_are_noticed() {
    let mut tables = Tables::default();
    assert!(tables.note_given("c".to_owned(), "c".to_owned()));
    assert!(tables.note_given("c".to_owned(), "C".to_owned()), "the same to SQLite");
    assert!(!tables.note_given("c".to_owned(), "d".to_owned()));
    assert!(!tables.note_given("d".to_owned(), "c".to_owned()), "one table for two");
}

#[test]
fn a_collection_has_one_number() {
    let all = collections(&[], &[]);
    let (a, b) = (all.get("a"), all.get("b"));
    assert_ne!(a.number, b.number);
    assert!(Arc::ptr_eq(&a, &all.get("a")) && Arc::ptr_eq(&all.by_number(b.number).expect("is known"), &b));
    assert!(all.by_number(99).is_none());
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
    assert_eq!(open_set(base, 3).expect_err("two").code(), Code::ShardCount);
}
