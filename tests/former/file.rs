//! Files: of any page size, with other names, with tables of others, and all shards in one.

use std::fs;

use kimdb::{Code, Database, Former, Options};
use rusqlite::Connection;

use crate::{
    common::{Home, all, check_integrity, open, refused, set, try_open, value},
    rows::{check_numbers_and_texts, number, numbers_and_texts, shard_of, text, write_rows, write_shards},
};

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
