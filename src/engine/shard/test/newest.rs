//! The documents that were updated last.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use proptest::prelude::*;
use rusqlite::Connection;

use super::Setup;
use crate::engine::error::Code;

fn outside(setup: &Setup) -> Connection {
    Connection::open(setup.file()).expect("opens")
}

fn ids(setup: &Setup, limit: u64) -> Vec<String> {
    let scanned = setup.newest("c", limit, &[]).expect("reads");
    scanned.into_iter().map(|scanned| scanned.id().to_owned()).collect()
}

/// Another program puts so many documents into the table.
fn fill(setup: &Setup, rows: u32) {
    let many = "INSERT INTO c (id, data, updated_at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT CAST(i AS TEXT), '1', '2020-01-01 00:00:00' FROM n";
    outside(setup).execute(many, [rows]).expect("writes");
}

#[test]
fn the_newest_documents_come_first() {
    let setup = Setup::new();
    assert_eq!(setup.newest("c", 5, &[]).expect("reads"), [], "no table yet");
    for end in 1..=9 {
        setup.apply(end, "c", &[(&format!("id{}", end % 5), "1", 1)], &[]).expect("applies");
    }
    setup.apply(9, "c", &[("id9", "1", 1)], &[]).expect("in the same second as id4");
    let ids = |limit| -> Vec<String> {
        let scanned = setup.newest("c", limit, &[]).expect("reads");
        scanned.into_iter().map(|scanned| format!("{} {}", scanned.id(), scanned.version)).collect()
    };
    let all = ["id9 1", "id4 2", "id3 2", "id2 2", "id1 2", "id0 1"];
    assert_eq!(ids(u64::MAX), all);
    for limit in 0..=8 {
        assert_eq!(ids(limit as u64), all[..limit.min(all.len())], "{limit}");
    }
}

#[test]
fn nobody_waits_for_a_long_scan_to_be_over_whose_end_nobody_wants() {
    let setup = Setup::new();
    setup.apply(1, "c", &[("a", "1", 1)], &[]).expect("applies");
    let outside = outside(&setup);
    let many = "INSERT INTO c (id, data) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
         SELECT i, '1' FROM n";
    outside.execute(many, []).expect("writes");
    let over = [Arc::default(), Arc::new(AtomicBool::new(true))];
    for limit in [9, u64::MAX] {
        let error = setup.newest("c", limit, &over).expect_err("nobody wants it");
        assert_eq!(error.code(), Code::Closed);
        assert_eq!(setup.newest("c", limit, &[]).expect("reads").len() as u64, limit.min(10_000));
    }
}

#[test]
fn the_newest_documents_come_first_wherever_their_rows_lie() {
    let setup = Setup::new();
    for end in 1..=9 {
        setup.apply(end, "c", &[(&format!("id{end}"), "1", 1)], &[]).expect("applies");
    }
    let outside = outside(&setup);
    let places = [(i64::MIN, 9), (-3, 8), (0, 7), (i64::MAX, 1), (i64::MAX - 1, 2), (1_i64 << 53, 3)];
    for (rows, (place, id)) in (1_u64..).zip(places) {
        let moved = "UPDATE c SET rowid = ?1 WHERE id = ?2";
        outside.execute(moved, (place, format!("id{id}"))).expect("changes");
        for limit in 0..=10_u64 {
            let found = setup.newest("c", limit, &[]).expect("reads");
            let ids: Vec<_> = found.iter().map(|scanned| scanned.id().to_owned()).collect();
            let newest: Vec<_> = (1..=9).rev().take(limit as usize).map(|end| format!("id{end}")).collect();
            assert_eq!(ids, newest, "{limit} of them, {rows} moved");
        }
    }
}

#[test]
fn rows_are_looked_at_once_and_again_when_somebody_else_has_written() {
    let setup = Setup::new();
    setup.apply(1, "c", &[("a", "1", 1)], &[]).expect("applies");
    fill(&setup, 20_000);
    // A look at so many rows would be noticed.
    let over = [Arc::new(AtomicBool::new(true))];
    let looks = |limit| match setup.newest("c", limit, &over) {
        Ok(found) => {
            assert_eq!((found[0].id(), found.len() as u64), ("a", limit));
            false
        }
        Err(error) => {
            assert_eq!(error.code(), Code::Closed);
            assert_eq!(setup.newest("c", limit, &[]).expect("reads").len() as u64, limit);
            true
        }
    };
    assert_eq!([looks(5), looks(5), looks(9)], [true, false, false]);
    setup.apply(2, "c", &[("b", "1", 1), ("a", "2", 1)], &["20000"]).expect("applies");
    setup.apply(3, "c", &[("a", "3", 1)], &["b"]).expect("applies");
    assert_eq!([looks(5), looks(9)], [false, false]);
    outside(&setup).execute("DELETE FROM c WHERE id = '7'", []).expect("writes");
    assert_eq!([looks(5), looks(5)], [true, false]);
    setup.store.reopen(&mut || Ok(())).expect("reopens");
    assert_eq!([looks(5), looks(5)], [true, false]);
    assert!(looks(1025) && looks(1025), "too many to keep");
}

/// Tells at the end of a test, however it ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_list_has_what_was_committed_before_it_whoever_wrote_that_while_others_were_made() {
    let setup = Setup::new();
    setup.apply(1, "c", &[("old", "1", 1)], &[]).expect("applies");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                ids(&setup, 1);
            }
        });
        let _over = Over(&is_over);
        let other = outside(&setup);
        for round in 2..800 {
            let (id, time) = (format!("{round:06}"), 1_800_000_000 + round);
            if round % 2 == 0 {
                // What is in mind of it has to be of the same moment as what is read then.
                let before = format!("{:06}", round - 1);
                setup.apply_at(round, time, "c", &[(&id, "1", 1)], &[&before]).expect("applies");
            } else {
                let insert =
                    "INSERT INTO c (id, data, updated_at) VALUES (?1, '1', datetime(?2, 'unixepoch'))";
                other.execute(insert, (&id, time as i64)).expect("writes");
            }
            assert_eq!(ids(&setup, 1), [id]);
        }
    });
}

#[test]
fn a_table_whose_rows_change_otherwise_is_looked_at_each_time() {
    for made in [
        "CREATE TRIGGER t AFTER INSERT ON c BEGIN UPDATE c SET updated_at = '2030' WHERE id = 'old'; END",
        "CREATE TRIGGER t AFTER DELETE ON c BEGIN DELETE FROM c WHERE id = 'old'; END",
        "DROP TABLE c; CREATE TABLE c (id TEXT PRIMARY KEY COLLATE NOCASE, data, _version, created_at, updated_at)",
        "DROP TABLE c; CREATE TABLE c (id TEXT PRIMARY KEY, data, _version, created_at, updated_at) WITHOUT ROWID",
        "DROP TABLE c; CREATE TABLE c (id UNIQUE, data, _version, created_at, updated_at)",
        "CREATE TABLE users (id TEXT PRIMARY KEY, data, _version, created_at, updated_at); INSERT INTO users (id) VALUES ('u');
         CREATE TRIGGER t AFTER DELETE ON users BEGIN UPDATE c SET updated_at = '2030' WHERE id = 'old'; END",
        "DROP TABLE c; CREATE TABLE c (id TEXT, data, _version, created_at, updated_at, PRIMARY KEY (id COLLATE NOCASE))",
        "CREATE UNIQUE INDEX once ON c (id COLLATE NOCASE)",
        "CREATE TABLE users (id TEXT PRIMARY KEY, data, _version, created_at, updated_at); DROP TABLE c;
         CREATE TABLE c (id TEXT PRIMARY KEY, data, _version, created_at, updated_at,
             user TEXT DEFAULT 'u' REFERENCES users ON DELETE CASCADE); INSERT INTO users (id) VALUES ('u')",
    ] {
        let setup = Setup::new();
        setup.apply(1, "c", &[("old", "1", 1)], &[]).expect("applies");
        outside(&setup).execute_batch(made).expect("runs");
        fill(&setup, 600);
        setup.apply(2, "c", &[("old", "2", 1)], &[]).expect("applies");
        assert_eq!(ids(&setup, 1), ["old"]);
        setup.apply(3, "c", &[("OLD", "3", 1), ("new", "3", 1)], &[]).expect("applies");
        setup.apply(4, "users", &[], &["u"]).expect("applies");
        let read = |sql: &str| {
            let reader = outside(&setup);
            let mut statement = reader.prepare(sql).expect("is a statement");
            let ids = statement.query_map([], |row| row.get(0)).expect("runs");
            ids.collect::<Result<Vec<String>, _>>().expect("reads")
        };
        let all = read("SELECT id FROM c ORDER BY updated_at DESC, id COLLATE BINARY DESC");
        for limit in 0..4 {
            assert_eq!(ids(&setup, limit as u64), all[..limit.min(all.len())], "{made}");
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Documents, and whether each is stored; the time of the calls.
    Write(BTreeMap<u16, bool>, u64),
    Ask(u64),
    /// Another program stores a document, at a time, or deletes one.
    StoreOutside(u16, u64),
    DeleteOutside(u16),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let time = || prop_oneof![3 => 1000..1010_u64, 1 => 0..2000_u64];
    let written = prop_oneof![
        4 => prop::collection::btree_map(0..900_u16, prop::bool::weighted(0.7), 0..20),
        1 => prop::collection::btree_map(0..900_u16, prop::bool::weighted(0.5), 200..800),
    ];
    prop_oneof![
        6 => (written, time()).prop_map(|(written, time)| Step::Write(written, time)),
        6 => prop_oneof![0..20_u64, 0..1100_u64, Just(u64::MAX)].prop_map(Step::Ask),
        1 => (0..900_u16, time()).prop_map(|(id, time)| Step::StoreOutside(id, time)),
        1 => (0..900_u16).prop_map(Step::DeleteOutside),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn they_are_those_of_the_file_whoever_has_written_them(steps in prop::collection::vec(step(), 1..40)) {
        let setup = Setup::new();
        let begun: Vec<String> = (0..700).map(|id| format!("id{id}")).collect();
        let rows: Vec<_> = begun.iter().map(|id| (id.as_str(), "1", 1)).collect();
        setup.apply_at(1, 990, "c", &rows, &[]).expect("applies");
        let other = outside(&setup);
        let name = |id: u16| format!("id{id}");
        for (end, step) in (2..).zip(&steps) {
            match step {
                Step::Write(written, time) => {
                    let of = |is_stored| -> Vec<String> {
                        let of = written.iter().filter(|(_, stored)| **stored == is_stored);
                        of.map(|(id, _)| name(*id)).collect()
                    };
                    let (stored, deleted) = (of(true), of(false));
                    let stored: Vec<_> = stored.iter().map(|id| (id.as_str(), "2", 1)).collect();
                    let deleted: Vec<_> = deleted.iter().map(String::as_str).collect();
                    setup.apply_at(end, *time, "c", &stored, &deleted).expect("applies");
                }
                Step::Ask(limit) => {
                    let most = i64::try_from(*limit).unwrap_or(-1);
                    let mut statement = other
                        .prepare_cached("SELECT id, _version FROM c ORDER BY updated_at DESC, id DESC LIMIT ?1")
                        .expect("is a statement");
                    let found = statement.query_map([most], |row| Ok((row.get(0)?, row.get(1)?)));
                    let found: Vec<(String, i64)> =
                        found.expect("runs").collect::<Result<_, _>>().expect("reads");
                    let newest = setup.newest("c", *limit, &[]).expect("reads");
                    let newest: Vec<_> =
                        newest.iter().map(|found| (found.id().to_owned(), found.version as i64)).collect();
                    prop_assert_eq!(newest, found);
                }
                Step::StoreOutside(id, time) => {
                    let store = "INSERT INTO c (id, data, updated_at) VALUES (?1, '3', datetime(?2, 'unixepoch'))
                         ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at";
                    other.execute(store, (name(*id), *time as i64)).expect("writes");
                }
                Step::DeleteOutside(id) => {
                    other.execute("DELETE FROM c WHERE id = ?1", [name(*id)]).expect("writes");
                }
                Step::Reopen => setup.store.reopen(&mut || Ok(())).expect("reopens"),
            }
        }
    }
}
