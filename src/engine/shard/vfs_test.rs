//! The writing connection, whose log is gathered, beside connections of SQLite's own VFS: these see each transaction once it is
//! committed, and so does whoever finds the files after a kill at that moment.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use rusqlite::{Connection, params};

use super::{connection, vfs};

/// Ids and texts.
type Rows = BTreeMap<i64, Vec<u8>>;

/// Rows that are stored or, without a length, removed.
type Changes = Vec<(i64, Option<usize>)>;

#[derive(Debug, Clone)]
enum Step {
    /// A part of it may be rolled back before its end, or all of it. Somebody may look at its rows, and so read the log, before the end.
    Transaction {
        before: Changes,
        taken_back: Option<Changes>,
        after: Changes,
        looks: bool,
        commits: bool,
    },
    /// Another program's.
    Outside(Changes),
    /// Another program has pages moved at each commit, or no more.
    AutoVacuum(&'static str),
    Checkpoint(&'static str),
    Synchronous(&'static str),
}

fn changes(most: usize) -> impl Strategy<Value = Changes> {
    prop::collection::vec((0..200_i64, prop::option::weighted(0.8, 0..9000_usize)), 0..most)
}

fn step() -> impl Strategy<Value = Step> {
    let transaction = (
        changes(60),
        prop::option::weighted(0.3, changes(60)),
        changes(20),
        any::<bool>(),
        prop::bool::weighted(0.7),
    );
    prop_oneof![
        8 => transaction.prop_map(|(before, taken_back, after, looks, commits)| {
            Step::Transaction { before, taken_back, after, looks, commits }
        }),
        2 => changes(10).prop_map(Step::Outside),
        2 => prop_oneof![Just("PASSIVE"), Just("FULL"), Just("RESTART"), Just("TRUNCATE")].prop_map(Step::Checkpoint),
        1 => prop_oneof![Just("NORMAL"), Just("FULL")].prop_map(Step::Synchronous),
        1 => prop_oneof![Just("NONE"), Just("FULL")].prop_map(Step::AutoVacuum),
    ]
}

fn apply(connection: &Connection, changes: &Changes, fill: u8, rows: &mut Rows) {
    for (id, length) in changes {
        match length {
            Some(length) => {
                let text = vec![fill; *length];
                connection
                    .prepare_cached("INSERT INTO t VALUES (?, ?) ON CONFLICT DO UPDATE SET v = excluded.v")
                    .and_then(|mut statement| statement.execute(params![id, text]))
                    .expect("stores");
                rows.insert(*id, text);
            }
            None => {
                connection.execute("DELETE FROM t WHERE id = ?", [id]).expect("removes");
                rows.remove(id);
            }
        }
    }
}

fn expect_rows(connection: &Connection, expected: &Rows) {
    let mut statement = connection.prepare_cached("SELECT id, v FROM t").expect("prepares");
    let found: rusqlite::Result<Rows> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads").collect();
    assert!(found.expect("reads") == *expected, "other rows than were committed");
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checks");
    assert_eq!(check, "ok");
}

/// What a kill leaves is what lies in the files.
fn expect_rows_after_kill(file: &Path, expected: &Rows) {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        fs::copy(format!("{}{suffix}", file.display()), format!("{}{suffix}", copy.display()))
            .expect("copies");
    }
    expect_rows(&Connection::open(copy).expect("opens"), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn transactions_are_in_the_files_when_they_are_committed(steps in prop::collection::vec(step(), 1..16)) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app_shard0.db");
        let writer = connection::writer(&file, 0).expect("opens");
        // So few pages that most are written before a transaction ends, and some of them again.
        writer.execute_batch("PRAGMA cache_size = 8; CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)").expect("makes");
        let onlooker = Connection::open(&file).expect("opens");
        let mut rows = Rows::new();
        for (fill, step) in (1..).zip(steps) {
            match step {
                Step::Transaction { before, taken_back, after, looks, commits } => {
                    let mut next = rows.clone();
                    writer.execute_batch("BEGIN IMMEDIATE").expect("begins");
                    apply(&writer, &before, fill, &mut next);
                    if let Some(changes) = taken_back {
                        writer.execute_batch("SAVEPOINT s").expect("begins");
                        apply(&writer, &changes, fill + 100, &mut next.clone());
                        writer.execute_batch("ROLLBACK TO s; RELEASE s").expect("takes back");
                    }
                    apply(&writer, &after, fill + 50, &mut next);
                    if looks {
                        expect_rows(&writer, &next);
                        expect_rows(&onlooker, &rows);
                    }
                    if commits {
                        vfs::commit(&writer, || writer.execute_batch("COMMIT")).expect("commits");
                        rows = next;
                    } else {
                        writer.execute_batch("ROLLBACK").expect("takes back");
                    }
                }
                Step::Outside(changes) => apply(&onlooker, &changes, fill, &mut rows),
                Step::AutoVacuum(mode) => onlooker
                    .execute_batch(&format!("PRAGMA auto_vacuum = {mode}; VACUUM"))
                    .expect("switches"),
                Step::Checkpoint(kind) => writer
                    .query_row(&format!("PRAGMA wal_checkpoint({kind})"), [], |_| Ok(()))
                    .expect("checkpoints"),
                Step::Synchronous(level) => {
                    writer.execute_batch(&format!("PRAGMA synchronous = {level}")).expect("sets");
                }
            }
            expect_rows_after_kill(&file, &rows);
            expect_rows(&onlooker, &rows);
        }
        drop(onlooker);
        writer.close().expect("closes");
        expect_rows(&Connection::open(&file).expect("opens"), &rows);
    }
}
