//! The tables that collections are given.

use std::{collections::HashSet, sync::Arc};

use super::{LOG, Setup, table_of};
use crate::engine::shard::collection::{Collections, Tables};

/// The collections of a shard with these tables of documents, besides those on record.
fn collections(setup: &Setup, given: &[(&str, &str)], existing: &[&str]) -> Collections {
    let mut tables = Tables::default();
    for (name, table) in given {
        assert!(tables.note_given((*name).to_owned(), (*table).to_owned()));
    }
    existing.iter().for_each(|name| tables.note_existing((*name).to_owned(), true));
    Collections::new(tables, Arc::clone(&setup.store))
}

#[test]
fn tables_are_named_as_the_old_library_did_where_it_could() {
    let setup = Setup::new();
    let all = collections(&setup, &[], &[]);
    for (name, table) in
        [("users", "users"), ("user-posts", "userposts"), ("_x", "_x"), ("A1", "A1"), ("order", "order")]
    {
        assert_eq!(table_of(&all, &all.get(name)), table, "{name}");
    }
    assert_eq!(table_of(&all, &all.get("사용자")), "사용자", "it could not");
    assert_eq!(table_of(&all, &all.get("1st")), "1st");
}

#[test]
fn claimed_tables_differ_in_sqlites_eyes() {
    let setup = Setup::new();
    let all = collections(&setup, &[], &["legacy"]);
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
        let table = table_of(&all, &collection);
        assert!(tables.insert(table.to_ascii_lowercase()), "{name:?} got {table}");
        assert!(
            !table.to_ascii_lowercase().starts_with("sqlite_")
                && !table.starts_with("_kimdb_")
                && !table.contains('\0')
        );
        assert_eq!(table_of(&all, &collection), table, "for good");
        assert_eq!(collection.table().as_deref(), Some(table.as_str()));
    }
}

#[test]
fn an_old_table_is_read_before_it_is_claimed_and_by_its_claimer_only_after() {
    let setup = Setup::new();
    let all = collections(&setup, &[("taken", "other")], &["UserPosts", "other"]);
    assert_eq!(all.get("user-posts").table().as_deref(), Some("UserPosts"));
    assert_eq!(all.get("userposts").table().as_deref(), Some("UserPosts"));
    assert_eq!(all.get("nothing").table(), None);
    assert_eq!(all.get("taken").table().as_deref(), Some("other"));
    assert_eq!(all.get("other").table(), None, "it is on record as another's");
    all.get("user-posts").claim();
    assert_eq!(all.get("user-posts").table().as_deref(), Some("UserPosts"));
    assert_eq!(all.get("userposts").table(), None);
    assert_eq!(table_of(&all, &all.get("user-posts")), "UserPosts");
    assert_ne!(table_of(&all, &all.get("userposts")).to_ascii_lowercase(), "userposts");
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
    let setup = Setup::new();
    let all = collections(&setup, &[], &[]);
    let (a, b) = (all.get("a"), all.get("b"));
    assert_ne!(a.number, b.number);
    assert!(Arc::ptr_eq(&a, &all.get("a")) && Arc::ptr_eq(&all.by_number(b.number).expect("is known"), &b));
    assert!(all.by_number(99).is_none());
}

#[test]
fn two_processes_never_get_one_table_for_two_collections() {
    let setup = Setup::new();
    let theirs = || collections(&setup, &[], &["legacy"]);
    let (a, b) = (theirs(), theirs());
    // Both wish before either is on record.
    let wishes = [("user-posts", "user.posts"), ("x", "X"), ("legacy", "leg-acy"), ("same", "same")];
    for (mine, yours) in wishes {
        a.get(mine).claim();
        b.get(yours).claim();
    }
    let mut tables = HashSet::new();
    for (mine, yours) in wishes {
        let (mine, yours) = (table_of(&a, &a.get(mine)), table_of(&b, &b.get(yours)));
        assert!(tables.insert(mine.to_ascii_lowercase()), "{mine}");
        assert_eq!(tables.insert(yours.to_ascii_lowercase()), mine != "same", "{yours}");
    }
    // Who comes later learns what there is.
    let c = theirs();
    c.refresh().expect("reads");
    assert_eq!(c.get("user.posts").table().as_deref(), Some(&*table_of(&b, &b.get("user.posts"))));
    assert_eq!(c.get("legacy").table().as_deref(), Some("legacy"));
    assert_eq!(c.get("leg-acy").table().as_deref(), Some(&*table_of(&b, &b.get("leg-acy"))));
}

#[test]
fn a_new_collection_has_no_table_to_read_before_it_is_on_record() {
    let setup = Setup::new();
    let all = collections(&setup, &[], &[]);
    let new = all.get("new");
    new.claim();
    assert_eq!(new.table(), None, "another process may make one of that name meanwhile");
    let table = table_of(&all, &new);
    assert_eq!(new.table().as_deref(), Some(&*table));
}

/// Another program.
pub(super) fn by_another(setup: &Setup, sql: &str) {
    let other = rusqlite::Connection::open(setup.file()).expect("opens");
    other.execute_batch(sql).expect("runs");
}

#[test]
fn what_others_have_made_meanwhile_is_no_collections_table() {
    let setup = Setup::new();
    setup.apply(1, "users", &[("a", "1", 1)], &[]).expect("applies");
    by_another(
        &setup,
        "CREATE TABLE Settings (key TEXT, value TEXT); CREATE VIEW logs AS SELECT 1; CREATE INDEX orders ON users (data)",
    );
    for (end, (name, table)) in (2..).zip([("settings", "settings"), ("logs", "logs"), ("orders", "orders")])
    {
        setup.apply(end, name, &[("a", "1", 1)], &[]).expect("applies");
        assert!(!setup.table_of(&setup.collections.get(name)).eq_ignore_ascii_case(table));
    }
    let setup = setup.reopen(LOG);
    let table = setup.table_of(&setup.collections.get("settings"));
    assert_eq!(setup.read(&table, "a").0, Some(("1".to_owned(), 1)));
}

#[test]
fn a_name_that_is_no_utf8_holds_up_no_new_collection() {
    let setup = Setup::new();
    setup.apply(1, "users", &[("a", "1", 1)], &[]).expect("applies");
    by_another(
        &setup,
        "CREATE TABLE odd (x); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET name = CAST(x'ff' AS TEXT), tbl_name = CAST(x'ff' AS TEXT),
             sql = CAST(CAST('CREATE TABLE \"' AS BLOB) || x'ff' || CAST('\" (x)' AS BLOB) AS TEXT) WHERE name = 'odd'",
    );
    setup.apply(2, "orders", &[("a", "1", 1)], &[]).expect("applies");
    assert_eq!(setup.read("orders", "a").0, Some(("1".to_owned(), 1)));
}

#[test]
fn a_table_that_others_drop_is_made_anew() {
    let setup = Setup::new();
    for (end, reopened) in [(1, false), (3, true)] {
        setup.apply(end, "users", &[("a", "1", 1)], &[]).expect("applies");
        assert!(setup.read("users", "a").0.is_some(), "{reopened}");
        by_another(&setup, "DROP TABLE users");
        setup.store.has_outside_changes();
        assert_eq!(setup.read("users", "a").0, None);
        setup.apply(end + 1, "users", &[("b", "2", 1)], &[]).expect("applies");
        assert_eq!(setup.read("users", "b").0, Some(("2".to_owned(), 1)));
    }
    by_another(&setup, "DROP TABLE users");
    let setup = setup.reopen(LOG);
    setup.apply(9, "users", &[("b", "2", 1)], &[]).expect("applies");
}
