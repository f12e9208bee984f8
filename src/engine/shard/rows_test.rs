//! How batches get into the rows of a table: every number of rows, texts, times and versions, triggers, failures.

use rusqlite::Connection;

use super::{
    Batch, Group, Value,
    test::{LOG, Setup, stored},
    writer::Writer,
};
use crate::engine::{
    change::{Change, Fate},
    log::Lsn,
};

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
        let table = setup.table_of(&collection);
        let group = Group { collection: &collection.name, table: &table, changes: &changes };
        setup
            .store
            .apply(&Batch { log: LOG, end: Lsn(end), side: None, groups: vec![group] })
            .expect("applies");
    };
    let found = || {
        let sql = "SELECT id, data, _version, created_at, updated_at FROM c ORDER BY id";
        setup.store.query(sql, &[], usize::MAX).expect("reads").rows
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
    assert_eq!(setup.newest("c", 99, &[]).expect("reads").len(), texts.len());
    setup.apply(16, "c", &[], &texts).expect("applies");
    assert_eq!(setup.newest("c", 99, &[]).expect("reads"), []);
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
fn a_transaction_that_a_panic_left_open_is_rolled_back() {
    let setup = Setup::new();
    setup.apply(8, "c", &[("a", "1", 1)], &[]).expect("applies");
    let mut writer = Writer::new(Connection::open(setup.file()).expect("opens"), 1).expect("looks");
    writer.connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM c").expect("deletes");
    let batch = Batch { log: LOG, end: Lsn(16), side: None, groups: Vec::new() };
    writer.apply(&batch).expect("applies");
    assert_eq!(setup.read("c", "a").0, stored("1", 1, 8).0, "nothing of it is there");
    writer.connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM c").expect("deletes");
    writer.record(&[("d".to_owned(), "d".to_owned())]).expect("records");
    assert!(writer.connection.is_autocommit());
    assert_eq!(setup.read("c", "a").0, stored("1", 1, 8).0);
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
        let found = setup.store.query("SELECT id FROM c", &[], usize::MAX).expect("reads").rows;
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
