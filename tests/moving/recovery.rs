//! What a killed process left is brought in order before anything moves: its log, a creation, another move.

use std::fs;

use kimdb::{Code, Database, Progress};

use crate::{
    common::{self, Home, delete, get, hold, observer::Witness, open, record, set, try_open, value},
    sample::{DOCUMENTS, check_filled, check_filled_but, filled, names, open_telling, shard_names, with},
};

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
