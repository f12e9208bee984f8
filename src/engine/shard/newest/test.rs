//! Which documents are the newest, as the writer has it in mind.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rusqlite::Connection;

use super::{
    Key,
    recent::Recent,
    recents::{Recalled, Recents, Ticket, UNUSED_BATCHES},
};
use crate::engine::{
    change::{Change, Fate},
    clock::sql_time,
    shard::Group,
};

/// When each document was written last.
type Model = BTreeMap<String, u64>;

fn key(id: &str, updated: u64) -> Key {
    Key::new(str::from_utf8(&sql_time(updated)).expect("digits"), id)
}

fn newest(model: &Model, most: usize) -> Vec<Key> {
    let mut keys: Vec<_> = model.iter().map(|(id, updated)| key(id, *updated)).collect();
    keys.sort_by(Key::newest_first);
    keys.truncate(most);
    keys
}

/// A document's number, and when it is written; else it is deleted.
type Write = (u8, Option<u64>);

fn write(model: &mut Model, writes: &[Write]) -> Vec<(Box<str>, Option<u64>)> {
    let touched: BTreeMap<String, Option<u64>> =
        writes.iter().map(|(id, updated)| (format!("id{id}"), *updated)).collect();
    for (id, updated) in &touched {
        match updated {
            Some(updated) => _ = model.insert(id.clone(), *updated),
            None => _ = model.remove(id),
        }
    }
    touched.into_iter().map(|(id, updated)| (id.into(), updated)).collect()
}

fn change(id: &str, updated: Option<u64>) -> Change<'_> {
    let fate = if updated.is_some() { Fate::Stored } else { Fate::Deleted };
    let updated = updated.unwrap_or(0);
    Change { number: 1, fate, id, value: b"1", writes: 1, created: updated, updated }
}

fn follow(recents: &mut Recents, table: &str, writes: &[(&str, Option<u64>)]) {
    let changes: Vec<_> = writes.iter().map(|(id, updated)| change(id, *updated)).collect();
    recents.follow(&[Group { collection: table, table, changes: &changes }]);
}

/// A file in which somebody else can write too.
fn file() -> (tempfile::TempDir, Connection, Connection) {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Connection::open(folder.path().join("a.db")).expect("opens");
    let (writer, other) = (open(), open());
    writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").expect("runs");
    (folder, writer, other)
}

/// Asks of a snapshot that is settled without anything happening meanwhile.
fn ask(recents: &mut Recents, writer: &Connection, table: &str, limit: usize) -> Recalled {
    recents.recall(writer, table, limit, || Ok(())).expect("settles")
}

fn ticket(recents: &mut Recents, writer: &Connection, table: &str, limit: usize) -> Ticket {
    match ask(recents, writer, table, limit) {
        Recalled::Learning(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn known(recents: &mut Recents, writer: &Connection, table: &str, limit: usize) -> Vec<Key> {
    match ask(recents, writer, table, limit) {
        Recalled::Known { keys, .. } => keys,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn it_follows_what_is_written_however_the_clock_goes(
        begun in prop::collection::vec((any::<u8>(), (0..20_u64).prop_map(Some)), 0..80),
        batches in prop::collection::vec(
            prop::collection::vec((any::<u8>(), prop::option::weighted(0.7, 0..30_u64)), 0..60), 0..30),
        most in 1..30_usize,
    ) {
        let mut model = Model::new();
        write(&mut model, &begun);
        let mut recent = Recent::new(newest(&model, most), most);
        let mut knew = 0;
        for batch in &batches {
            recent.follow(&write(&mut model, batch));
            prop_assert!(recent.len() <= 2 * most);
            for limit in 0..=recent.len() + 1 {
                if let Some(keys) = recent.newest(limit) {
                    knew += 1;
                    prop_assert_eq!(keys, newest(&model, limit));
                }
            }
            if let Some(rows) = recent.rows() {
                prop_assert_eq!(rows, model.len());
            }
            prop_assert!(recent.newest(recent.len()).is_some());
        }
        prop_assert!(knew >= batches.len());
    }
}

#[test]
fn a_table_with_fewer_documents_than_are_kept_is_known_whole() {
    let mut recent = Recent::new(vec![key("b", 2), key("a", 1)], 3);
    assert_eq!((recent.rows(), recent.newest(9)), (Some(2), Some(&[key("b", 2), key("a", 1)][..])));
    recent.follow(&[(Box::from("a"), None), (Box::from("b"), None)]);
    assert_eq!((recent.rows(), recent.newest(9)), (Some(0), Some(&[][..])));
    let recent = Recent::new(vec![key("b", 2), key("a", 1)], 2);
    assert_eq!((recent.rows(), recent.newest(3)), (None, None), "there may be more");
}

#[test]
fn what_is_written_while_rows_are_looked_at_counts() {
    let (_folder, writer, _) = file();
    let mut recents = Recents::new(1);
    let asked = ticket(&mut recents, &writer, "c", 5);
    follow(&mut recents, "c", &[("a", None), ("b", Some(9)), ("d", Some(7))]);
    follow(&mut recents, "other", &[("e", Some(9))]);
    follow(&mut recents, "c", &[("d", Some(8))]);
    // As it was before all of these.
    recents.learn("c", asked, Some(Recent::new(vec![key("a", 3), key("c", 2), key("b", 1)], 10)));
    assert_eq!(known(&mut recents, &writer, "c", 5), [key("b", 9), key("d", 8), key("c", 2)]);
    follow(&mut recents, "c", &[("c", Some(10))]);
    assert_eq!(known(&mut recents, &writer, "c", 2), [key("c", 10), key("b", 9)]);
}

#[test]
fn what_is_found_too_late_is_not_kept() {
    let (_folder, writer, other) = file();
    let mut recents = Recents::new(1);
    let found = || Some(Recent::new(vec![key("a", 3)], 10));
    let first = ticket(&mut recents, &writer, "c", 5);
    let second = ticket(&mut recents, &writer, "c", 5);
    recents.learn("c", first, found());
    assert_eq!(recents.bytes(), 0, "somebody else looks at a later snapshot");
    recents.learn("c", second, None);
    let third = ticket(&mut recents, &writer, "c", 5);
    other.execute("INSERT INTO t VALUES (1)", []).expect("writes");
    let fourth = ticket(&mut recents, &writer, "d", 5);
    recents.learn("c", third, found());
    assert_eq!(recents.bytes(), 0, "somebody else has written");
    let fifth = ticket(&mut recents, &writer, "c", 5);
    recents.forget_all();
    recents.learn("c", fifth, found());
    recents.learn("d", fourth, found());
    assert_eq!(recents.bytes(), 0, "a batch has failed");
    let many: Vec<_> = (0..10_001).map(|number| format!("{number:05}")).collect();
    let last = ticket(&mut recents, &writer, "c", 5);
    let writes: Vec<_> = many.iter().map(|id| (&**id, Some(1))).collect();
    follow(&mut recents, "c", &writes);
    recents.learn("c", last, found());
    assert_eq!(recents.bytes(), 0, "too much was written meanwhile");
}

#[test]
fn nothing_is_learned_from_a_snapshot_that_somebody_has_written_beside() {
    let (_folder, writer, other) = file();
    let mut recents = Recents::new(1);
    for is_known in [false, true] {
        if is_known {
            let ticket = ticket(&mut recents, &writer, "c", 5);
            recents.learn("c", ticket, Some(Recent::new(vec![key("a", 3)], 10)));
        }
        let settle = || other.execute("INSERT INTO t VALUES (1)", []).map(|_| ());
        let recalled = recents.recall(&writer, "c", 5, settle).expect("settles");
        assert!(matches!(recalled, Recalled::Nothing), "{recalled:?}");
    }
    ticket(&mut recents, &writer, "c", 5);
}

#[test]
fn nothing_counts_once_somebody_else_has_written() {
    let (_folder, writer, other) = file();
    let mut recents = Recents::new(1);
    let know = |recents: &mut Recents| {
        let asked = ticket(recents, &writer, "c", 5);
        recents.learn("c", asked, Some(Recent::new(vec![key("a", 3)], 10)));
        assert_eq!(known(recents, &writer, "c", 5), [key("a", 3)]);
    };
    know(&mut recents);
    writer.execute("INSERT INTO t VALUES (1)", []).expect("writes");
    assert_eq!(known(&mut recents, &writer, "c", 5), [key("a", 3)], "its own");
    for _ in 0..2 {
        other.execute("INSERT INTO t VALUES (1)", []).expect("writes");
        know(&mut recents);
    }
}

#[test]
fn what_nobody_asks_for_is_forgotten_and_so_is_what_would_be_too_much() {
    let (_folder, writer, _) = file();
    let mut recents = Recents::new(1);
    let learn = |recents: &mut Recents, table: &str, keys: usize| {
        let asked = ticket(recents, &writer, table, keys);
        let keys = (0..keys).rev().map(|number| key(&format!("{number:05}"), 5)).collect();
        recents.learn(table, asked, Some(Recent::new(keys, 9999)));
    };
    learn(&mut recents, "c", 1);
    let batches = |recents: &mut Recents, count: u32| {
        (0..count).for_each(|_| follow(recents, "c", &[("00000", Some(5))]));
    };
    batches(&mut recents, UNUSED_BATCHES);
    assert_eq!(known(&mut recents, &writer, "c", 1).len(), 1);
    batches(&mut recents, UNUSED_BATCHES + 1);
    assert_eq!(recents.bytes(), 0);
    for table in ["a", "b", "c"] {
        learn(&mut recents, table, 9000);
    }
    known(&mut recents, &writer, "a", 1);
    learn(&mut recents, "d", 9000);
    for table in ["a", "c", "d"] {
        assert_eq!(known(&mut recents, &writer, table, 1).len(), 1, "{table}");
    }
    ticket(&mut recents, &writer, "b", 1);
}

#[test]
fn what_grows_to_be_too_much_goes_too_but_for_the_last() {
    let (_folder, writer, _) = file();
    let mut recents = Recents::new(1);
    for table in ["a", "b"] {
        let ticket = ticket(&mut recents, &writer, table, 1);
        recents.learn(table, ticket, Some(Recent::new(Vec::new(), 40_000)));
    }
    let many: Vec<_> = (0..20_000).map(|number| format!("{number:05}")).collect();
    let writes: Vec<_> = many.iter().map(|id| (&**id, Some(1))).collect();
    follow(&mut recents, "a", &writes);
    assert_eq!(known(&mut recents, &writer, "b", 1).len(), 0);
    follow(&mut recents, "b", &writes);
    assert_eq!(known(&mut recents, &writer, "b", 99_999).len(), 20_000);
    follow(&mut recents, "b", &[("x1", Some(1)), ("x2", Some(1))]);
    ticket(&mut recents, &writer, "a", 1);
    let mut recents = Recents::new(1024);
    let ticket = ticket(&mut recents, &writer, "a", 1);
    recents.learn("a", ticket, Some(Recent::new(Vec::new(), 40_000)));
    follow(&mut recents, "a", &writes);
    assert_eq!(known(&mut recents, &writer, "a", 99_999).len(), 20_000, "the only one");
}
