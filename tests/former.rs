//! What the old library named in its own way: number ids, and files of a `dbPath` that does not end in its only `.db`.

mod common;

use std::{fs, path::Path};

use common::{Home, all, check_integrity, hold, open, refused, set, try_open, value};
use kimdb::{Code, Database, Former, Options};
use md5::{Digest, Md5};
use rusqlite::{Connection, params};

fn shard_of(id: &str, shards: u32) -> u32 {
    let digest = Md5::digest(id.as_bytes());
    u32::from_be_bytes(digest[..4].try_into().expect("four bytes")) % shards
}

/// A row as the old library leaves it: the id that tells its shard, the one that is stored, and when it was changed.
struct Row<'a> {
    table: &'a str,
    given: String,
    stored: String,
    second: u32,
}

fn text<'a>(table: &'a str, id: &str) -> Row<'a> {
    Row { table, given: id.to_owned(), stored: id.to_owned(), second: 0 }
}

fn number(table: &str, number: i64) -> Row<'_> {
    Row { table, given: number.to_string(), stored: format!("{number}.0"), second: 0 }
}

/// A file with such rows; the data of each is what the program called it.
fn write_rows<'a>(path: &Path, rows: impl Iterator<Item = &'a Row<'a>>) {
    let connection = Connection::open(path).expect("opens");
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("sets");
    for Row { table, given, stored, second } in rows {
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1,
                created_at TEXT DEFAULT CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP)"
        );
        connection.execute_batch(&create).expect("creates");
        let insert = format!("INSERT INTO {table} VALUES (?, ?, 3, '2024-05-06 07:08:09', ?)");
        let time = format!("2024-05-06 07:09:{second:02}");
        connection.execute(&insert, params![stored, format!("\"{given}/{stored}\""), time]).expect("inserts");
    }
}

/// Shards as the old library leaves them.
fn write_shards(home: &Home, shards: u32, rows: &[Row<'_>]) {
    for shard in 0..shards {
        write_rows(&home.shard(shard), rows.iter().filter(|row| shard_of(&row.given, shards) == shard));
    }
}

fn numbers_and_texts() -> Vec<Row<'static>> {
    let mut rows: Vec<_> = (-20..200).filter(|i| *i != 0).map(|i| number("numbers", i)).collect();
    rows.extend((0..50).map(|i| text("numbers", &format!("id{i}"))));
    rows.extend((1..200).map(|i| text("texts", &format!("{i}.0"))));
    rows
}

fn check_numbers_and_texts(db: &Database) {
    for i in (-20..200).filter(|i| *i != 0) {
        let expected = Some((format!("\"{i}/{i}.0\""), 3));
        assert_eq!(value(db, "numbers", &i.to_string()), expected);
        assert_eq!(value(db, "numbers", &format!("{i}.0")), None, "it has one name");
    }
    for i in 1..200 {
        assert_eq!(
            value(db, "texts", &format!("{i}.0")),
            Some((format!("\"{i}.0/{i}.0\""), 3)),
            "it is a text"
        );
        assert_eq!(value(db, "texts", &i.to_string()), None);
    }
    assert_eq!((all(db, "numbers", 1000).len(), all(db, "texts", 1000).len()), (269, 199));
}

#[test]
fn number_ids_of_the_old_library_get_their_names() {
    for shards in [2, 3, 8] {
        let home = Home::new();
        write_shards(&home, shards, &numbers_and_texts());
        let options = Options { shard_count: shards, ..home.options() };
        let db = open(options.clone());
        check_numbers_and_texts(&db);
        // Once: what looks like them from now on is a text.
        set(&db, "numbers", "500.0", "1");
        db.close().expect("closes");
        let db = open(options);
        check_numbers_but(&db);
        db.close().expect("closes");
        check_integrity(&home);
    }
}

fn check_numbers_but(db: &Database) {
    assert_eq!(value(db, "numbers", "500.0"), Some(("1".to_owned(), 1)));
    assert_eq!(value(db, "numbers", "7"), Some(("\"7/7.0\"".to_owned(), 3)));
}

#[test]
fn number_ids_that_all_lie_in_one_shard_get_their_names() {
    let home = Home::new();
    let mut rows: Vec<_> = (-20..200).filter(|i| *i != 0).map(|i| number("numbers", i)).collect();
    rows.extend((0..50).map(|i| text("numbers", &format!("id{i}"))));
    // Other collections have no say in it.
    rows.extend(["5", "7.0"].map(|id| text("texts", id)));
    // One that was rounded is a number, too, but nobody knows which.
    rows.push(Row { stored: "9.00719925474099e+15".to_owned(), ..number("numbers", 9007199254740993) });
    write_shards(&home, 1, &rows);
    for _ in 0..2 {
        let db = open(Options { shard_count: 1, ..home.options() });
        for i in (-20..200).filter(|i| *i != 0) {
            assert_eq!(value(&db, "numbers", &i.to_string()), Some((format!("\"{i}/{i}.0\""), 3)));
        }
        assert!(value(&db, "numbers", "9.00719925474099e+15").is_some());
        assert!(value(&db, "texts", "7.0").is_some(), "there is a text '5'");
        assert_eq!((all(&db, "numbers", 1000).len(), all(&db, "texts", 1000).len()), (270, 2));
        db.close().expect("closes");
    }
}

#[test]
fn a_single_number_id_gets_its_name_in_whichever_shard_it_lies() {
    let home = Home::new();
    let tables: Vec<String> = (1..100).map(|i| format!("c{i}")).collect();
    let rows: Vec<_> = tables.iter().zip(1..).map(|(table, i)| number(table, i)).collect();
    assert!((1..100).any(|i: i64| shard_of(&i.to_string(), 4) == shard_of(&format!("{i}.0"), 4)));
    write_shards(&home, 4, &rows);
    let db = home.open();
    for (table, i) in tables.iter().zip(1..) {
        assert_eq!(value(&db, table, &i.to_string()), Some((format!("\"{i}/{i}.0\""), 3)));
        assert_eq!(all(&db, table, 10).len(), 1, "{table}");
    }
}

#[test]
fn ids_of_which_nothing_tells_what_they_are_keep_their_names() {
    // One shard proves nothing, and these read as what a program calls its documents.
    for other in ["5", "-3", "1.5", "5.00", "1.0.2", "1e+21"] {
        let home = Home::new();
        let rows: Vec<_> = ["5.0", "7.0", "1.0e+20", other].map(|id| text("texts", id)).into();
        write_shards(&home, 1, &rows);
        let db = open(Options { shard_count: 1, ..home.options() });
        for id in ["5.0", "7.0", "1.0e+20", other] {
            assert_eq!(value(&db, "texts", id), Some((format!("\"{id}/{id}\""), 3)), "beside {other}");
        }
    }
    // In several shards, a collection of both kinds does not tell what the doubtful ones are.
    let home = Home::new();
    let is_doubtful = |i: &i64| shard_of(&i.to_string(), 3) == shard_of(&format!("{i}.0"), 3);
    let mut rows: Vec<_> = (1..100).map(|i| number("both", i)).collect();
    rows.extend((100..200).map(|i| text("both", &format!("{i}.0"))));
    write_shards(&home, 3, &rows);
    let db = open(Options { shard_count: 3, ..home.options() });
    let name = |i: i64| if i >= 100 || is_doubtful(&i) { format!("{i}.0") } else { i.to_string() };
    assert!((1..200).any(|i| is_doubtful(&i)));
    for i in 1..200 {
        assert!(value(&db, "both", &name(i)).is_some(), "{i}");
    }
    assert_eq!(all(&db, "both", 1000).len(), 199);
}

#[test]
fn of_two_documents_that_become_one_the_newer_is_kept_and_the_other_set_aside() {
    let home = Home::new();
    let mut rows: Vec<_> = (1..40).map(|i| number("c", i)).collect();
    for i in 1..40 {
        // Every other text was changed after its number, the others in the same second.
        rows.push(Row { second: i % 2, ..text("c", &i.to_string()) });
    }
    write_shards(&home, 4, &rows);
    for shards in [4, 3] {
        let db = open(Options { shard_count: shards, ..home.options() });
        for i in 1..40 {
            assert_eq!(value(&db, "c", &i.to_string()), Some((format!("\"{i}/{i}\""), 3)));
        }
        assert_eq!(all(&db, "c", 1000).len(), 39);
        db.close().expect("closes");
        let mut aside: Vec<String> = Vec::new();
        for shard in 0..shards {
            let connection = Connection::open(home.shard(shard)).expect("opens");
            if connection.table_exists(None, "_kimdb_set_aside").expect("asks") {
                let mut statement = connection
                    .prepare("SELECT \"table\" || id || data FROM _kimdb_set_aside")
                    .expect("prepares");
                let found = statement.query_map([], |row| row.get(0)).expect("reads");
                aside.extend(found.map(|row| row.expect("a text")));
            }
        }
        aside.sort();
        let mut expected: Vec<String> = (1..40).map(|i| format!("c{i}.0\"{i}/{i}.0\"")).collect();
        expected.sort();
        assert_eq!(aside, expected, "{shards} shards");
    }
}

#[test]
fn a_number_that_was_changed_after_the_text_of_the_same_name_is_kept() {
    let home = Home::new();
    let rows: Vec<_> =
        (1..40).flat_map(|i| [Row { second: 5, ..number("c", i) }, text("c", &i.to_string())]).collect();
    write_shards(&home, 4, &rows);
    let db = home.open();
    for i in 1..40 {
        assert_eq!(value(&db, "c", &i.to_string()), Some((format!("\"{i}/{i}.0\""), 3)));
    }
    assert_eq!(all(&db, "c", 1000).len(), 39);
}

#[test]
fn an_adoption_that_broke_off_is_completed() {
    // Of these, no shard proves anything: once the first ones are '5', they look like texts.
    let is_doubtful = |i: &i64| shard_of(&i.to_string(), 4) == shard_of(&format!("{i}.0"), 4);
    let doubtful: Vec<i64> = (1..200).filter(is_doubtful).collect();
    for held in 0..4 {
        let home = Home::new();
        let mut rows = numbers_and_texts();
        rows.extend(doubtful.iter().map(|i| number("doubtful", *i)));
        write_shards(&home, 4, &rows);
        let lock = hold(&home.shard(held));
        assert_eq!(refused(home.options()), Code::Busy, "the later shards are adopted now");
        drop(lock);
        let db = home.open();
        check_numbers_and_texts(&db);
        for i in &doubtful {
            assert_eq!(value(&db, "doubtful", &i.to_string()), Some((format!("\"{i}/{i}.0\""), 3)));
        }
    }
}

#[test]
fn a_lost_shard_is_still_noticed_after_an_adoption() {
    for lost in 0..4 {
        let home = Home::new();
        write_shards(&home, 4, &numbers_and_texts());
        home.open().close().expect("closes");
        fs::write(home.shard(lost), b"").expect("empties");
        assert_eq!(refused(home.options()), Code::Corrupt, "shard {lost}");
    }
}

#[test]
fn old_shards_of_any_page_size_and_with_tables_of_others_are_opened_and_moved() {
    for page in [512, 1024, 4096, 65536] {
        let home = Home::new();
        for shard in 0..4 {
            let connection = Connection::open(home.shard(shard)).expect("opens");
            connection
                .execute_batch(&format!("PRAGMA page_size = {page}; CREATE TABLE mine (x)"))
                .expect("makes");
        }
        write_shards(&home, 4, &numbers_and_texts());
        let size = |home: &Home| -> u32 {
            let connection = Connection::open(home.shard(1)).expect("opens");
            connection.query_row("PRAGMA page_size", [], |row| row.get(0)).expect("asks")
        };
        let db = home.open();
        check_numbers_and_texts(&db);
        set(&db, "numbers", "7", "1");
        db.close().expect("closes");
        assert_eq!(size(&home), page);
        assert_eq!(value(&home.open(), "numbers", "7"), Some(("1".to_owned(), 4)));
        assert_eq!(refused(Options { shard_count: 5, ..home.options() }), Code::ShardCount);
        for shard in 0..4 {
            Connection::open(home.shard(shard))
                .expect("opens")
                .execute_batch("DROP TABLE mine")
                .expect("drops");
        }
        let db = open(Options { shard_count: 5, ..home.options() });
        assert_eq!(value(&db, "numbers", "8"), Some(("\"8/8.0\"".to_owned(), 3)));
        assert_eq!((all(&db, "numbers", 1000).len(), all(&db, "texts", 1000).len()), (269, 199));
    }
}

fn one_file(home: &Home) -> Options {
    let former = Some(Former::OneFile(home.base()));
    Options { former, shard_count: 8, shard_count_is_default: true, ..home.options() }
}

#[test]
fn shards_that_were_all_one_file_are_found_with_the_writes_that_were_not_flushed() {
    let home = Home::new();
    let rows: Vec<_> = (0..100).map(|i| text("users", &format!("id{i}"))).collect();
    write_rows(&home.base(), rows.iter());
    let line = |id: u32| {
        format!(
            "{{\"collection\":\"users\",\"id\":\"id{id}\",\"data\":1,\"operation\":\"upsert\",\"timestamp\":1}}\n"
        )
    };
    fs::write(home.wal(), line(5) + &line(500) + &line(7)[..30]).expect("writes");
    let check = |db: &Database| {
        assert_eq!(db.stats().shard_count, 8);
        assert_eq!(value(db, "users", "id5"), Some(("1".to_owned(), 4)));
        assert_eq!(value(db, "users", "id500"), Some(("1".to_owned(), 1)));
        assert_eq!(value(db, "users", "id7"), Some(("\"id7/id7\"".to_owned(), 3)));
        assert_eq!(all(db, "users", 1000).len(), 101);
    };
    let db = open(one_file(&home));
    assert_eq!(db.recovered(), 2);
    check(&db);
    db.close().expect("closes");
    assert!(!home.base().exists(), "its documents are elsewhere now");
    check(&open(one_file(&home)));
    check(&open(Options { former: None, ..one_file(&home) }));
}

#[test]
fn number_ids_of_shards_that_were_all_one_file_get_their_names() {
    let home = Home::new();
    let mut rows: Vec<_> = (1..100).map(|i| number("numbers", i)).collect();
    rows.extend(["5", "5.0"].map(|id| text("texts", id)));
    write_rows(&home.base(), rows.iter());
    let line = "{\"collection\":\"numbers\",\"id\":7,\"data\":1,\"operation\":\"upsert\",\"timestamp\":1}\n";
    fs::write(home.wal(), line).expect("writes");
    let db = open(one_file(&home));
    for i in (1..100).filter(|i| *i != 7) {
        assert_eq!(value(&db, "numbers", &i.to_string()), Some((format!("\"{i}/{i}.0\""), 3)));
    }
    assert_eq!(value(&db, "numbers", "7"), Some(("1".to_owned(), 4)), "it was in the log, too");
    assert!(value(&db, "texts", "5").is_some() && value(&db, "texts", "5.0").is_some());
    assert_eq!((all(&db, "numbers", 1000).len(), all(&db, "texts", 1000).len()), (99, 2));
}

#[test]
fn files_whose_names_only_resemble_a_shards_are_not_counted() {
    let home = Home::new();
    write_shards(&home, 3, &numbers_and_texts());
    for name in ["app_shard07.db", "app_shard+5.db", "app_shard.db", "app_shard3.db.old"] {
        fs::copy(home.shard(1), home.path().join(name)).expect("copies");
    }
    let options = Options { shard_count: 8, shard_count_is_default: true, ..home.options() };
    let db = open(options);
    assert_eq!(db.stats().shard_count, 3);
    check_numbers_and_texts(&db);
}

#[test]
fn documents_that_the_old_library_wrote_after_a_move_are_not_passed_over() {
    let home = Home::new();
    let with = |former: Former| Options { former: Some(former), ..one_file(&home) };
    let formers = [
        (Former::OneFile(home.base()), home.base()),
        (Former::Files(home.path().join("old_shard"), ".dbx".to_owned()), home.path().join("old_shard0.dbx")),
    ];
    open(with(formers[0].0.clone())).close().expect("closes");
    for (former, path) in formers {
        write_rows(&path, [text("users", "later")].iter());
        let error = try_open(with(former.clone())).expect_err("there would be two truths");
        assert_eq!((error.code(), error.path()), (Code::ShardCount, Some(&*path)));
        fs::remove_file(&path).expect("removes");
        open(with(former)).close().expect("closes");
    }
}

#[test]
fn one_file_that_also_holds_what_is_not_kimdbs_is_refused_or_left_alone() {
    let home = Home::new();
    write_rows(&home.base(), [text("users", "a")].iter());
    let other = Connection::open(home.base()).expect("opens");
    other.execute_batch("CREATE TABLE mine (x)").expect("makes");
    drop(other);
    let error = try_open(one_file(&home)).expect_err("it would be lost");
    assert_eq!(error.code(), Code::ShardCount);
    assert!(error.to_string().contains("'mine'"), "{error}");
    // Without documents it has nothing to do with kimdb.
    Connection::open(home.base()).expect("opens").execute_batch("DROP TABLE users").expect("drops");
    let db = open(one_file(&home));
    assert_eq!(value(&db, "users", "a"), None);
    db.close().expect("closes");
    assert!(home.base().exists());
}

#[test]
fn shards_with_other_names_are_found_and_their_numbers_named() {
    let home = Home::new();
    let rows = numbers_and_texts();
    for shard in 0..3 {
        let path = home.path().join(format!("old_shard{shard}.dbx"));
        write_rows(&path, rows.iter().filter(|row| shard_of(&row.given, 3) == shard));
    }
    let former = Some(Former::Files(home.path().join("old_shard"), ".dbx".to_owned()));
    for shards in [None, Some(5), None] {
        let options = Options {
            former: former.clone(),
            shard_count: shards.unwrap_or(8),
            shard_count_is_default: shards.is_none(),
            ..home.options()
        };
        let db = open(options);
        assert_eq!(db.stats().shard_count, if home.shard(4).exists() { 5 } else { 3 });
        check_numbers_and_texts(&db);
        db.close().expect("closes");
        assert!(!home.path().join("old_shard0.dbx").exists());
        check_integrity(&home);
    }
}

#[cfg(unix)]
#[test]
fn a_file_of_the_old_library_that_cannot_be_looked_at_is_not_passed_over() {
    let home = Home::new();
    let name = |number: u32| home.path().join(format!("store_shard{number}.dbx"));
    for shard in 0..3 {
        let row = text("c", &format!("id{shard}"));
        write_rows(&name(shard), std::iter::once(&row));
    }
    let away = home.path().join("away");
    fs::rename(name(1), &away).expect("moves it away");
    // A link to itself cannot be followed, whoever tries.
    std::os::unix::fs::symlink(name(1), name(1)).expect("links");
    let former = Some(Former::Files(home.path().join("store_shard"), ".dbx".to_owned()));
    let options = Options { former, shard_count: 3, ..home.options() };
    assert_eq!(try_open(options.clone()).expect_err("what is in it is unknown").code(), Code::Io);
    fs::remove_file(name(1)).expect("removes");
    fs::rename(&away, name(1)).expect("puts it back");
    assert_eq!(all(&open(options), "c", 9).len(), 3);
}
