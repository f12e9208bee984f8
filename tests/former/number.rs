//! Ids that were numbers.

use std::fs;

use kimdb::{Code, Database, Options};
use rusqlite::Connection;

use crate::{
    common::{Home, all, check_integrity, hold, open, refused, set, value},
    rows::{
        Row, check_numbers_and_texts, check_undamaged, number, numbers_and_texts, shard_of, text,
        write_shards,
    },
};

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
fn number_ids_of_a_time_with_the_old_library_in_between_get_their_names() {
    for leaves_log in [false, true] {
        let home = Home::new();
        write_shards(&home, 4, &[text("users", "u1")]);
        let options = Options { shard_count: 4, ..home.options() };
        open(options.clone()).close().expect("closes");
        // As the page on migration says.
        fs::remove_file(home.wal()).expect("removes");
        write_shards(&home, 4, &numbers_and_texts());
        check_undamaged(&home);
        if leaves_log {
            fs::write(home.wal(), "").expect("writes");
        }
        for _ in 0..2 {
            let db = open(options.clone());
            for i in 1..200 {
                let (number, text) = (i.to_string(), format!("{i}.0"));
                // One that lies where a text would lie, too, is not known to be a number.
                let name = if shard_of(&number, 4) == shard_of(&text, 4) { &text } else { &number };
                assert_eq!(value(&db, "numbers", name), Some((format!("\"{i}/{i}.0\""), 3)));
                assert!(value(&db, "texts", &text).is_some());
            }
            db.close().expect("closes");
        }
        check_integrity(&home);
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
