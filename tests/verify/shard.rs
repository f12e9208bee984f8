//! Damage of the shards is found: pages, documents, collections, and files that do not belong together.

use std::{fs, path::PathBuf};

use kimdb::{Code, verify::Severity};
use rusqlite::Connection;

use crate::{
    common::{Home, refused},
    sample::{closed, killed, of, only, report},
};

fn sql(home: &Home, shard: u32, text: &str) {
    let connection = Connection::open(home.shard(shard)).expect("opens");
    connection.execute_batch(text).expect("runs");
}

#[test]
fn every_page_of_a_shard_that_is_overwritten_is_found() {
    let home = closed();
    let whole = fs::read(home.shard(1)).expect("reads");
    for page in whole.chunks(8192).enumerate().map(|(page, _)| page) {
        let mut damaged = whole.clone();
        damaged[page * 8192..(page + 1) * 8192].fill(0xa5);
        fs::write(home.shard(1), damaged).expect("writes");
        let report = report(&home);
        let damage = of(&report, Severity::Damage);
        assert!(damage.iter().any(|found| found.shard == Some(1)), "page {page}: {report:#?}");
        assert!(damage.iter().all(|found| found.shard == Some(1)), "page {page}: {report:#?}");
    }
}

#[test]
fn a_flipped_byte_in_a_document_is_found_by_its_id() {
    let home = closed();
    let mut bytes = fs::read(home.shard(2)).expect("reads");
    let at = bytes.windows(5).position(|window| window == b"{\"n\":").expect("a document");
    bytes[at + 1] = b'!';
    fs::write(home.shard(2), bytes).expect("writes");
    let report = report(&home);
    let found = only(&report);
    let id = found.id.as_deref().expect("its id");
    assert!(found.text.contains("is not JSON") && found.text.contains(id), "{found:?}");
    assert_eq!((found.shard, found.path.clone()), (Some(2), home.shard(2)));
}

#[test]
fn documents_that_are_not_as_they_should_be_are_found() {
    let home = closed();
    sql(&home, 0, "UPDATE users SET _version = 0 WHERE id = (SELECT min(id) FROM users)");
    assert!(only(&report(&home)).text.contains("_version"));

    let home = closed();
    let db = home.open();
    let id = (0..).map(|i| format!("other{i}")).find(|id| db.shard_of(id) == 3).expect("there is one");
    db.close().expect("closes");
    sql(&home, 0, &format!("INSERT INTO users (id, data) VALUES ('{id}', '1')"));
    let misplaced = report(&home);
    assert!(only(&misplaced).text.contains("belongs in shard 3"), "{misplaced:?}");
    assert_eq!(only(&misplaced).id.as_deref(), Some(&*id));

    // So many are not all named.
    let home = closed();
    sql(&home, 0, "UPDATE users SET data = '{'; INSERT INTO users (id, data) VALUES (NULL, '1')");
    let count = Connection::open(home.shard(0))
        .and_then(|shard| shard.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, u32>(0)));
    assert!(count.expect("counts") > 21);
    let many = report(&home);
    assert_eq!(of(&many, Severity::Damage).len(), 21);
    assert!(many.findings.last().expect("some").text.contains("more documents"));
}

#[test]
fn shards_that_do_not_belong_together_are_found() {
    let home = closed();
    let rename = |from: u32, to: PathBuf| fs::rename(home.shard(from), to).expect("renames");
    let aside = home.path().join("aside");
    rename(1, aside.clone());
    assert!(only(&report(&home)).text.contains("missing"));
    rename(2, home.shard(1));
    fs::rename(&aside, home.shard(2)).expect("renames");
    let swapped = report(&home);
    let wrong: Vec<_> =
        swapped.findings.iter().filter(|found| found.text.contains("put the right file")).collect();
    assert_eq!(wrong.iter().map(|found| found.shard).collect::<Vec<_>>(), [Some(1), Some(2)]);

    let (home, other) = (closed(), closed());
    fs::copy(other.shard(3), home.shard(3)).expect("copies");
    assert!(report(&home).findings.iter().any(|found| found.text.contains("of database")));

    let home = closed();
    fs::write(home.shard(3), "").expect("writes");
    assert!(only(&report(&home)).text.contains("is empty"));

    let home = closed();
    sql(&home, 2, "DELETE FROM _kimdb_meta");
    assert!(only(&report(&home)).text.contains("belongs to no database"));

    let home = closed();
    fs::copy(home.shard(3), home.shard(9)).expect("copies");
    let report = report(&home);
    assert!(of(&report, Severity::Damage).is_empty());
    assert_eq!(of(&report, Severity::Note)[0].shard, Some(9));
}

#[test]
fn collections_whose_tables_contradict_each_other_are_found() {
    let home = closed();
    sql(&home, 1, "DROP TABLE users");
    let found = report(&home);
    assert!(only(&found).text.contains("which is not there"), "{found:?}");
    assert_eq!(only(&found).collection.as_deref(), Some("users"));

    let home = closed();
    sql(
        &home,
        1,
        "ALTER TABLE users RENAME TO people; UPDATE _kimdb_collection SET \"table\" = 'people' WHERE name = 'users'",
    );
    assert!(only(&report(&home)).text.contains("other shards know that differently"));
}

#[test]
fn a_number_of_shards_that_no_database_has_is_damage() {
    let home = closed();
    sql(&home, 0, "UPDATE _kimdb_meta SET value = 4000000000 WHERE key = 'shards'");
    let report = report(&home);
    let damage = of(&report, Severity::Damage);
    assert!(damage.iter().any(|found| found.text.contains("cannot have 4000000000")), "{report:#?}");
    assert!(damage.len() < 10, "not one for each: {report:#?}");
    assert_eq!(refused(home.options()), Code::Corrupt);
}

#[test]
fn a_database_whose_making_was_interrupted_is_not_damaged() {
    type Unmake = (&'static str, fn(&Home));
    const UNMADE: &str = "DROP TABLE _kimdb_meta; DROP TABLE _kimdb_log; DROP TABLE _kimdb_collection";
    let unmake: [Unmake; 4] = [
        ("the first is missing", |home| fs::remove_file(home.shard(0)).expect("removes")),
        ("the first is empty", |home| fs::write(home.shard(0), "").expect("writes")),
        ("the first two belong to none", |home| (0..2).for_each(|shard| sql(home, shard, UNMADE))),
        ("all are empty, or missing", |home| {
            fs::remove_file(home.shard(0)).expect("removes");
            (1..4).for_each(|shard| fs::write(home.shard(shard), "").expect("writes"));
        }),
    ];
    for (what, unmake) in unmake {
        let home = Home::new();
        home.open().close().expect("closes");
        fs::remove_file(home.wal()).expect("removes");
        unmake(&home);
        let found = report(&home);
        assert!(of(&found, Severity::Damage).is_empty(), "{what}: {found:?}");
        assert!(of(&found, Severity::Note)[0].text.contains("interrupted"), "{what}: {found:?}");
        home.open().close().expect("closes");
        assert!(report(&home).findings.is_empty(), "{what}");

        // Where there is a log, all had been made, also where nobody can tell whose it is.
        unmake(&home);
        assert!(!of(&report(&home), Severity::Damage).is_empty(), "{what}");
        fs::write(home.wal(), vec![7; 1 << 20]).expect("writes");
        assert!(!of(&report(&home), Severity::Damage).is_empty(), "{what}");
    }
}

#[test]
fn shards_that_were_emptied_while_sqlite_had_more_of_them_are_damaged() {
    let (home, db) = killed();
    let image = home.crash_image();
    db.close().expect("closes");
    fs::remove_file(image.wal()).expect("removes");
    (0..4).for_each(|shard| fs::write(image.shard(shard), "").expect("writes"));
    assert!(!of(&report(&image), Severity::Damage).is_empty());
}
