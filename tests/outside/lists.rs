//! What other programs write, in lists.

use kimdb::Options;
use rusqlite::Connection;

use super::{
    common::{Home, all, ids_of, open, set, value},
    document, options, other_program, read_often,
};

#[test]
fn the_newest_are_found_in_tables_whose_rows_have_no_places() {
    let home = Home::new();
    open(options(&home)).close().expect("closes");
    let columns = "id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1, created_at TEXT, updated_at TEXT";
    let tables = [
        ("without", format!("CREATE TABLE without ({columns}) WITHOUT ROWID")),
        ("one", format!("CREATE TABLE one ({columns}, RowID TEXT)")),
        ("all_names", format!("CREATE TABLE all_names ({columns}, rowid TEXT, _rowid_ TEXT, oid TEXT)")),
    ];
    for (name, make) in &tables {
        let fill = format!(
            "INSERT INTO {name} (id, data, updated_at) VALUES ('a', '1', '1'), ('b', '2', '3'), ('c', '3', '2')"
        );
        other_program(&home).execute_batch(&format!("{make}; {fill}")).expect("makes");
    }
    let db = open(options(&home));
    for (name, _) in &tables {
        let ids = |limit| all(&db, name, limit).into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
        assert_eq!(
            (ids(2), ids(u64::MAX)),
            (vec!["b".into(), "c".into()], vec!["b".into(), "c".into(), "a".into()]),
            "{name}"
        );
    }
}

#[test]
fn what_a_list_has_shown_is_not_older_in_the_next_read() {
    for cache_bytes in [0, 1 << 20] {
        let home = Home::new();
        // Not the first shard, at which each list looks anyway.
        let db = open(Options { cache_bytes, shard_count: 2, ..home.options() });
        let id = ids_of(&db, 1).next().expect("an id");
        set(&db, "c", &id, "0");
        db.flush_wait().expect("flushes");
        let other = Connection::open(home.shard(1)).expect("opens");
        for round in 1..=20 {
            read_often(&db, &id);
            other.execute_batch(&format!("UPDATE c SET data = '{round}'")).expect("writes");
            assert_eq!(all(&db, "c", 9), [(id.clone(), round.to_string(), 1)]);
            assert_eq!(value(&db, "c", &id), document(&round.to_string(), 1), "{cache_bytes} bytes of cache");
        }
    }
}
