//! Every document moves as it is, with the users' columns and indexes, to as many shards as are asked for, and once.

use kimdb::{Code, Options, Progress};
use rusqlite::Connection;

use crate::{
    common::{Home, all, check_integrity, ids_of, open, try_open, value},
    sample::{DOCUMENTS, check_filled, filled, names, open_telling, shard_names, with},
};

#[test]
fn documents_move_to_as_many_shards_as_are_asked_for() {
    let home = filled();
    let mut from = 4;
    for to in [16, 1, 3, 8, 4] {
        let (db, told) = open_telling(with(&home, to));
        let db = db.expect("opens");
        assert_eq!(told, [Progress::Moving { from, to }, Progress::Moved(u64::from(DOCUMENTS) * 2 + 1)]);
        assert_eq!((db.stats().shard_count, db.options().shard_count), (to, to));
        check_filled(&db);
        db.close().expect("closes");
        assert_eq!(names(&home), shard_names(to), "nothing is left of {from} shards");
        check_integrity(&home);
        let (db, told) = open_telling(with(&home, to));
        check_filled(&db.expect("opens"));
        assert_eq!(told, [], "nothing moves twice");
        from = to;
    }
}

#[test]
fn rows_keep_everything_they_have_and_lie_where_they_belong() {
    let home = filled();
    let rows = |shards: u32| {
        let mut rows: Vec<(String, String, i64, String, String)> = Vec::new();
        for shard in 0..shards {
            let connection = Connection::open(home.shard(shard)).expect("opens");
            if !connection.table_exists(None, "users").expect("asks") {
                continue;
            }
            let mut statement = connection.prepare("SELECT * FROM users").expect("prepares");
            let found = statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
                .expect("reads");
            rows.extend(found.map(|row| row.expect("reads")));
        }
        rows.sort();
        rows
    };
    let sql =
        "UPDATE users SET created_at = '2020-01-01 00:00:0' || (_version % 10), updated_at = '2021-' || data";
    for shard in 0..4 {
        Connection::open(home.shard(shard)).expect("opens").execute(sql, []).expect("updates");
    }
    let before = rows(4);
    let db = open(with(&home, 7));
    for shard in 0..7 {
        let found =
            db.shard_query(shard, "SELECT id FROM users", &[]).map(|rows| rows.rows).unwrap_or_default();
        for row in found {
            let rusqlite::types::Value::Text(id) = &row[0] else { panic!("{row:?} is no id") };
            assert_eq!(db.shard_of(id), shard);
        }
    }
    db.close().expect("closes");
    assert_eq!(rows(7), before);
}

#[test]
fn the_count_of_the_data_is_used_where_none_is_asked_for() {
    let home = filled();
    let unasked = Options { shard_count: 8, shard_count_is_default: true, ..home.options() };
    let (db, told) = open_telling(unasked.clone());
    let db = db.expect("opens");
    assert_eq!((db.stats().shard_count, told), (4, vec![]));
    check_filled(&db);
    // Another opener meanwhile: without a number, with the right one, with another.
    assert_eq!(open(unasked.clone()).stats().shard_count, 4);
    assert_eq!(open(with(&home, 4)).stats().shard_count, 4);
    assert_eq!(try_open(with(&home, 8)).expect_err("it is open").code(), Code::OptionConflict);
    db.close().expect("closes");
    let fresh = Home::new();
    let options = Options { shard_count_is_default: true, shard_count: 8, ..fresh.options() };
    assert_eq!(open(options).stats().shard_count, 8);
}

#[test]
fn without_safe_mode_documents_move_too() {
    let home = filled();
    let db = open(Options { safe_mode: false, ..with(&home, 6) });
    check_filled(&db);
    db.close().expect("closes");
    check_filled(&open(with(&home, 6)));
}

#[test]
fn columns_and_indexes_of_the_users_move_along() {
    let home = filled();
    for shard in 0..4 {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        connection
            .execute_batch(
                "ALTER TABLE users ADD COLUMN mine TEXT; UPDATE users SET mine = 'm' || data;
                 CREATE INDEX \"my index\" ON users (json_extract(data, '$.name')) WHERE _version > 0;
                 CREATE UNIQUE INDEX unique_mine ON Users (mine)",
            )
            .expect("makes");
    }
    let db = open(with(&home, 5));
    check_filled(&db);
    db.close().expect("closes");
    let mut seen = 0;
    for shard in 0..5 {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        let count = |sql: &str| -> u32 { connection.query_row(sql, [], |row| row.get(0)).expect("reads") };
        assert_eq!(count("SELECT count(*) FROM users WHERE mine IS NOT 'm' || data"), 0);
        assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE name IN ('my index', 'unique_mine')"), 2);
        seen += count("SELECT count(*) FROM users");
    }
    assert_eq!(seen, DOCUMENTS);
    check_integrity(&home);
}

#[test]
fn a_document_that_is_in_two_old_shards_is_in_one_new_one() {
    let home = filled();
    let db = home.open();
    let [a, b] =
        [0, 1].map(|shard| ids_of(&db, shard).find(|id| value(&db, "users", id).is_some()).expect("one"));
    db.close().expect("closes");
    // As the old library leaves it after it was opened with another count.
    let twin = |shard: u32, id: &str, time: &str| {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        let sql = "INSERT INTO users VALUES (?, '\"twin\"', 9, '2020-01-01 00:00:00', ?)";
        connection.execute(sql, [id, time]).expect("inserts");
    };
    twin(3, &a, "2099-01-01 00:00:00");
    twin(3, &b, "2020-01-01 00:00:00");
    let (db, told) = open_telling(with(&home, 2));
    let db = db.expect("opens");
    assert_eq!(told[1], Progress::Moved(u64::from(DOCUMENTS) * 2 + 1));
    assert_eq!(value(&db, "users", &a), Some(("\"twin\"".to_owned(), 9)), "the newer one is kept");
    assert_ne!(value(&db, "users", &b), Some(("\"twin\"".to_owned(), 9)), "the newer one is kept");
    assert_eq!(all(&db, "users", 10_000).len() as u32, DOCUMENTS);
}
