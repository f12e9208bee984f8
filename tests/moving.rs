//! Another number of shards on data that is there: everything moves, or nothing does and the error says why.

mod common;

use std::{
    fs,
    sync::{Arc, Mutex},
};

use common::{
    Home, all, check_integrity, delete, get, hold, ids_of, observer::Witness, open, record, set, try_open,
    value,
};
use kimdb::{Code, Database, Error, Options, Progress};
use rusqlite::Connection;

/// Documents of a filled database: most were written twice, and some again since.
const DOCUMENTS: u32 = 200;

/// A closed database of four shards.
fn filled() -> Home {
    let home = Home::new();
    let db = home.open();
    for i in 0..DOCUMENTS {
        set(&db, "users", &format!("id{i}"), i.to_string());
        set(&db, "사용자", &format!("id{i}"), format!("\"{i}\""));
    }
    set(&db, "users", "id0", "\"again\"");
    set(&db, "a-b", "only", "1");
    set(&db, "gone", "a", "1");
    delete(&db, "gone", "a");
    db.close().expect("closes");
    home
}

fn with(home: &Home, shards: u32) -> Options {
    Options { shard_count: shards, ..home.options() }
}

/// Opens, with what was told meanwhile.
fn open_telling(options: Options) -> (Result<Arc<Database>, Error>, Vec<Progress>) {
    let mut told = Vec::new();
    let opened = Database::open_telling(options, None, &mut |progress| told.push(progress));
    (opened.map(Arc::new), told)
}

fn check_filled(db: &Database) {
    check_filled_but(db, "");
}

fn check_filled_but(db: &Database, more: &str) {
    for i in 1..DOCUMENTS {
        let id = format!("id{i}");
        assert_eq!(value(db, "users", &id), Some((i.to_string(), 1)));
        assert_eq!(value(db, "사용자", &id), Some((format!("\"{i}\""), 1)));
    }
    assert_eq!(value(db, "users", "id0"), Some(("\"again\"".to_owned(), 2)));
    assert_eq!(value(db, "a-b", "only"), Some(("1".to_owned(), 1)));
    assert_eq!(value(db, "gone", "a"), None);
    assert_eq!(all(db, "users", 10_000).len() as u32, DOCUMENTS);
    let mut names = db.collections();
    names.retain(|name| name != more);
    names.sort();
    assert_eq!(names, ["a-b", "gone", "users", "사용자"]);
}

/// The database's files but the log.
fn names(home: &Home) -> Vec<String> {
    let names =
        fs::read_dir(home.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "app.wal");
    names.sort();
    names
}

fn shard_names(shards: u32) -> Vec<String> {
    let mut names: Vec<String> = (0..shards).map(|shard| format!("app_shard{shard}.db")).collect();
    names.sort();
    names
}

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
fn what_the_log_holds_is_recovered_before_anything_moves() {
    let home = filled();
    let db = home.open();
    for i in 0..50 {
        set(&db, "users", &format!("id{i}"), "\"late\"");
    }
    set(&db, "new", "a", "1");
    delete(&db, "users", "id199");
    let image = home.crash_image();
    let (db, told) = open_telling(with(&image, 5));
    let db = db.expect("opens");
    assert_eq!(
        told,
        [
            Progress::Recovered(52),
            Progress::Moving { from: 4, to: 5 },
            Progress::Moved(u64::from(DOCUMENTS) * 2 + 1)
        ]
    );
    assert_eq!((db.recovered(), db.stats().recovered_writes), (52, 52));
    let check = |db: &Database, id1: &str, version: u64| {
        for i in 2..50 {
            assert_eq!(value(db, "users", &format!("id{i}")), Some(("\"late\"".to_owned(), 2)));
        }
        assert_eq!(value(db, "users", "id1"), Some((id1.to_owned(), version)));
        assert_eq!(value(db, "users", "id199"), None);
        assert_eq!(value(db, "users", "id198"), Some(("198".to_owned(), 1)));
        assert_eq!(value(db, "new", "a"), Some(("1".to_owned(), 1)));
    };
    check(&db, "\"late\"", 2);
    // What comes after it goes through the same log, and is recovered too; also by another move.
    set(&db, "users", "id1", "\"later\"");
    for (shards, recovered) in [(5, 1), (4, 1), (9, 1)] {
        let db = open(with(&image.crash_image(), shards));
        assert_eq!(db.recovered(), recovered);
        check(&db, "\"later\"", 3);
    }
}

#[test]
fn a_write_too_large_for_the_log_is_recovered_before_anything_moves() {
    let home = filled();
    let db = home.open_busy();
    let large = format!("\"{}\"", "x".repeat(600_000));
    // Nothing gets to a shard, so that an image is of one moment although its files are copied one after the other.
    let held = [0, 1, 2, 3].map(|shard| hold(&home.shard(shard)));
    let ops: Vec<_> = ["a", "b", "c", "d", "e"].map(|id| ("large", id, Some(large.as_str()))).to_vec();
    let mut draft = record(&db, &ops);
    db.submit(&mut draft, || Box::new(drop)).expect("taken");
    let mut moved = None;
    common::until("it lies beside the log as a whole", || {
        let image = home.crash_image();
        let db = open(with(&image, 3));
        let found = ["a", "b", "c", "d", "e"].map(|id| value(&db, "large", id).is_some());
        assert!(found == [true; 5] || found == [false; 5], "as a whole or not at all: {found:?}");
        moved = Some((image, db));
        found[0]
    });
    drop(held);
    let (_image, db) = moved.expect("it was opened");
    check_filled_but(&db, "large");
}

#[test]
fn damage_of_the_log_is_told_after_a_move() {
    let home = filled();
    let db = home.open();
    set(&db, "users", "id1", "\"late\"");
    let image = home.crash_image();
    let log = fs::File::options().write(true).open(image.wal()).expect("opens");
    log.set_len(log.metadata().expect("a length").len() - 1).expect("cuts");
    let witness = Witness::new();
    let db = common::open_observed(with(&image, 3), &witness);
    assert!(witness.saw(Code::Corrupt), "{:?}", witness.errors());
    assert!(image.path().join("app.wal.corrupt-1").exists());
    assert_eq!(value(&db, "users", "id1"), Some(("\"late\"".to_owned(), 2)));
}

#[test]
fn without_safe_mode_documents_move_too() {
    let home = filled();
    let db = open(Options { safe_mode: false, ..with(&home, 6) });
    check_filled(&db);
    db.close().expect("closes");
    check_filled(&open(with(&home, 6)));
}

/// Every byte of the database's files, to see that a refusal changes none.
fn contents(home: &Home) -> Vec<(String, Vec<u8>)> {
    let names = names(home).into_iter().filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal"));
    names.map(|name| (name.clone(), fs::read(home.path().join(name)).expect("reads"))).collect()
}

/// The number is refused, nothing changes, and with the number of the data all is well.
fn check_refused(home: &Home, shards: u32, words: &[&str]) {
    let before = contents(home);
    for _ in 0..2 {
        let (opened, told) = open_telling(with(home, shards));
        let error = opened.expect_err("refused");
        assert_eq!((error.code(), told), (Code::ShardCount, vec![]), "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "it says '{word}': {error}");
        }
    }
    assert!(contents(home) == before, "untouched");
    check_filled(&home.open());
}

#[test]
fn what_is_not_kimdbs_is_not_lost() {
    for (sql, words) in [
        ("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)", ["table", "'mine'"]),
        ("CREATE VIEW seen AS SELECT * FROM users", ["view", "'seen'"]),
        ("CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END", ["trigger", "'t'"]),
        ("CREATE TABLE _kimdb_later (x)", ["table", "'_kimdb_later'"]),
    ] {
        let home = filled();
        Connection::open(home.shard(2)).expect("opens").execute_batch(sql).expect("makes");
        check_refused(&home, 3, &[words[0], words[1], "app_shard2.db"]);
    }
}

#[test]
fn tables_that_differ_from_shard_to_shard_are_refused() {
    let home = filled();
    let one = Connection::open(home.shard(1)).expect("opens");
    one.execute_batch("ALTER TABLE users ADD COLUMN mine TEXT").expect("adds");
    drop(one);
    check_refused(&home, 3, &["'users'", "columns"]);
    let home = filled();
    for (shard, column) in [(0, "data"), (1, "_version")] {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        connection.execute_batch(&format!("CREATE INDEX mine ON users ({column})")).expect("makes");
    }
    check_refused(&home, 3, &["'mine'", "index"]);
}

#[test]
fn a_file_in_the_way_and_a_link_are_refused() {
    let home = filled();
    fs::write(home.shard(6), "somebody's").expect("writes");
    check_refused(&home, 8, &["app_shard6.db", "in the way"]);
    assert_eq!(fs::read(home.shard(6)).expect("reads"), b"somebody's");
    #[cfg(unix)]
    {
        let home = filled();
        fs::rename(home.shard(1), home.path().join("elsewhere")).expect("moves");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), home.shard(1)).expect("links");
        check_refused(&home, 8, &["app_shard1.db", "link"]);
    }
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
fn an_index_that_the_new_shards_cannot_have_stops_the_move() {
    let home = filled();
    for shard in 0..4 {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        let sql = "ALTER TABLE users ADD COLUMN mine TEXT; UPDATE users SET mine = rowid;
                   CREATE UNIQUE INDEX one_a_shard ON users (mine)";
        connection.execute_batch(sql).expect("makes");
    }
    let error = try_open(with(&home, 1)).expect_err("two rows of different shards are the same");
    assert_eq!(error.code(), Code::ShardCount);
    assert!(error.to_string().contains("'one_a_shard'"), "{error}");
    assert_eq!(names(&home), shard_names(4), "nothing is left of it");
    check_filled(&home.open());
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

#[test]
fn a_program_that_has_a_shard_open_stops_the_move() {
    let home = filled();
    let held = hold(&home.shard(3));
    assert_eq!(try_open(with(&home, 2)).expect_err("it is held").code(), Code::Busy);
    drop(held);
    let reader = Connection::open(home.shard(3)).expect("opens");
    let count: u32 = reader.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).expect("reads");
    assert!(count > 0);
    assert_eq!(try_open(with(&home, 2)).expect_err("it is open").code(), Code::Busy);
    check_filled(&home.open());
    drop(reader);
    check_filled(&open(with(&home, 2)));
}

#[test]
fn a_missing_shard_is_reported_before_anything_moves() {
    let home = filled();
    fs::rename(home.shard(2), home.path().join("aside")).expect("moves");
    let error = try_open(with(&home, 2)).expect_err("refused");
    assert_eq!((error.code(), error.shard()), (Code::Corrupt, Some(2)), "{error}");
    fs::rename(home.path().join("aside"), home.shard(2)).expect("moves back");
    check_filled(&open(with(&home, 2)));
}

#[test]
fn a_creation_that_was_killed_is_completed_with_another_count() {
    let home = filled();
    let killed = Home::new();
    let empty = Home::new();
    empty.open().close().expect("closes");
    for shard in 2..4 {
        fs::copy(empty.shard(shard), killed.shard(shard)).expect("copies");
    }
    drop(home);
    let db = open(with(&killed, 6));
    set(&db, "c", "a", "1");
    db.close().expect("closes");
    assert_eq!(names(&killed), shard_names(6));
}

#[test]
fn who_is_told_cannot_open_the_database_and_does_not_hang() {
    let home = filled();
    let refused = Mutex::new(Vec::new());
    let options = with(&home, 2);
    let opened = Database::open_telling(options.clone(), None, &mut |_| {
        refused
            .lock()
            .expect("no panic")
            .push(try_open(options.clone()).map(drop).map_err(|error| error.code()));
    });
    check_filled(&opened.expect("opens"));
    assert_eq!(refused.into_inner().expect("no panic"), [Err(Code::Busy), Err(Code::Busy)]);
    check_filled(&open(options));
}

#[test]
fn what_lies_around_of_a_move_that_was_killed_is_cleared_away() {
    let home = filled();
    for name in ["app_shard0.db.moving", "app_shard31.db.moving", "app.moved.new"] {
        fs::write(home.path().join(name), "half").expect("writes");
    }
    check_filled(&home.open());
    assert_eq!(names(&home), shard_names(4));
}

#[test]
fn a_record_that_is_damaged_or_lacks_its_files_is_reported() {
    let home = filled();
    for record in ["", "{}", "{\"format\":2,\"from\":4,\"to\":6,\"former\":false}"] {
        fs::write(home.path().join("app.moved"), record).expect("writes");
        let error = try_open(home.options()).expect_err("refused");
        assert_eq!(
            (error.code(), error.path()),
            (Code::Corrupt, Some(home.path().join("app.moved").as_path()))
        );
    }
    fs::write(home.path().join("app.moved"), "{\"format\":1,\"from\":4,\"to\":6,\"former\":false}")
        .expect("writes");
    let error = try_open(home.options()).expect_err("refused");
    assert_eq!((error.code(), error.shard()), (Code::Corrupt, Some(4)), "{error}");
    fs::remove_file(home.path().join("app.moved")).expect("removes");
    check_filled(&home.open());
    assert_eq!(get(&home.open(), "users", "none"), None);
}
