//! Verification: it finds what is damaged, in the log and in the shards, and touches nothing.

mod common;

use std::{collections::BTreeMap, fs, path::PathBuf, time::SystemTime};

use common::{Home, get, open, record, set, until, value};
use kimdb::{
    Code, Database, Former, Options,
    verify::{Finding, Report, Request, Severity, locate, verify},
};
use rusqlite::Connection;

const DOCUMENTS: u64 = 200;
const RING_AT: usize = 8192;
const PAGE: usize = 4096;

fn request(home: &Home) -> Request {
    Request { base: home.base(), log: None, quick: false }
}

fn report(home: &Home) -> Report {
    verify(&request(home), &mut |_, _| ()).expect("verifies")
}

/// A closed database.
fn closed() -> Home {
    let home = Home::new();
    let db = home.open();
    for i in 0..DOCUMENTS {
        set(&db, if i % 2 == 0 { "users" } else { "글 목록" }, &format!("id{i}"), format!("{{\"n\":{i}}}"));
    }
    db.close().expect("closes");
    home
}

/// The files of a killed process: half of the documents are in the shards, the others only in the log.
fn killed() -> (Home, std::sync::Arc<Database>) {
    let home = Home::new();
    let db = home.open();
    for i in 0..DOCUMENTS {
        set(&db, "users", &format!("id{i}"), format!("{{\"n\":{i}}}"));
        if i == DOCUMENTS / 2 - 1 {
            db.flush_wait().expect("flushes");
        }
    }
    (home, db)
}

fn of(report: &Report, severity: Severity) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.severity == severity).collect()
}

/// The only damage in a report.
fn only(report: &Report) -> &Finding {
    match of(report, Severity::Damage)[..] {
        [one] => one,
        ref all => panic!("one damage, not {all:#?}"),
    }
}

/// Everything in a folder: content and time of change, by name.
fn snapshot(home: &Home) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let changed = path.metadata().and_then(|found| found.modified()).expect("a time");
        (path.clone(), (fs::read(&path).expect("reads"), changed))
    };
    fs::read_dir(home.path()).expect("a folder").map(entry).collect()
}

fn sql(home: &Home, shard: u32, text: &str) {
    let connection = Connection::open(home.shard(shard)).expect("opens");
    connection.execute_batch(text).expect("runs");
}

#[test]
fn a_closed_database_is_whole_and_stays_as_it_is() {
    let home = closed();
    let before = snapshot(&home);
    let mut seen = 0;
    let report = verify(&request(&home), &mut |_, more| seen += more).expect("verifies");
    assert_eq!(report.findings, []);
    assert_eq!((report.shards, report.documents, seen), (4, DOCUMENTS, DOCUMENTS));
    assert_eq!((report.logs[0].path.clone(), report.logs[0].unflushed), (home.wal(), 0));
    assert!(snapshot(&home) == before, "nothing changed");
}

#[test]
fn a_killed_process_leaves_no_damage_and_its_files_stay_as_they_are() {
    let (home, db) = killed();
    let image = home.crash_image();
    db.close().expect("closes");
    assert!(image.path().join("app_shard0.db-wal").exists(), "SQLite's log is a part of it");
    let before = snapshot(&image);
    let report = report(&image);
    assert_eq!(report.findings, []);
    assert_eq!(report.documents, DOCUMENTS / 2, "what SQLite's log holds is seen");
    assert_eq!((report.logs[0].writes, report.logs[0].unflushed), (DOCUMENTS, DOCUMENTS / 2));
    assert!(snapshot(&image) == before, "nothing changed");
    // Recovery agrees.
    assert_eq!(image.open().recovered(), DOCUMENTS / 2);
}

#[test]
fn names_with_special_characters_are_no_addresses() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a?b#c%20 d&한글");
    let db = open(Options { shard_count: 2, ..Options::new(&base) });
    set(&db, "users", "u1", "1");
    db.close().expect("closes");
    let request = Request { base, log: None, quick: true };
    let report = verify(&request, &mut |_, _| ()).expect("verifies");
    assert_eq!((report.documents, &report.findings[..]), (1, &[][..]));
}

#[test]
fn flipped_bytes_of_the_log_are_found() {
    let home = Home::new();
    let db = home.open();
    let mut starts = Vec::new();
    for i in 0..10 {
        starts.push(db.stats().wal_bytes as usize);
        set(&db, "users", &format!("id{i}"), format!("\"{}\"", "x".repeat(40)));
    }
    let used = db.stats().wal_bytes;
    let synced = |log: &[u8], copy: usize| {
        u64::from_le_bytes(log[copy + 80..copy + 88].try_into().expect("eight bytes"))
    };
    let mut image = home.crash_image();
    until("the header tells what was synced", || {
        db.submit_durable_wait(&mut record(&db, &[("users", "last", Some("1"))])).expect("writes");
        image = home.crash_image();
        let log = fs::read(image.wal()).expect("reads");
        synced(&log, 0).max(synced(&log, PAGE)) >= used
    });
    assert_eq!(report(&image).findings, []);
    let log = fs::read(image.wal()).expect("reads");
    for start in starts {
        // Length, checksum, place, time, number of operations, an operation's checksum, kind, id and text.
        for offset in [0, 5, 9, 17, 25, 33, 36, 60, 90] {
            let mut damaged = log.clone();
            damaged[RING_AT + start + offset] ^= 0x11;
            fs::write(image.wal(), damaged).expect("writes");
            let report = report(&image);
            let found = only(&report);
            assert!(found.text.contains("not whole") && found.path == image.wal(), "{found:?}");
            assert!(report.logs[0].damaged_bytes > 0);
        }
    }
}

#[test]
fn one_damaged_header_is_a_note_and_two_are_damage() {
    let (home, db) = killed();
    let image = home.crash_image();
    db.close().expect("closes");
    let mut log = fs::read(image.wal()).expect("reads");
    log[50] ^= 1;
    fs::write(image.wal(), &log).expect("writes");
    let report = report(&image);
    assert_eq!(of(&report, Severity::Damage), Vec::<&Finding>::new());
    assert!(of(&report, Severity::Note)[0].text.contains("header"), "{report:?}");
    assert_eq!(report.logs[0].unflushed, DOCUMENTS / 2);

    log[PAGE + 50] ^= 1;
    fs::write(image.wal(), &log).expect("writes");
    assert!(only(&self::report(&image)).text.contains("Both headers"));
}

#[test]
fn a_log_of_another_length_is_damage() {
    let home = closed();
    let log = fs::read(home.wal()).expect("reads");
    fs::write(home.wal(), &log[..log.len() - 1]).expect("writes");
    assert!(only(&report(&home)).text.contains("another length"));
}

#[test]
fn a_log_that_is_not_the_database_s_is_not_checked() {
    let (home, other) = (closed(), closed());
    let wrong = Request { log: Some(other.wal()), ..request(&home) };
    let report = verify(&wrong, &mut |_, _| ()).expect("verifies");
    assert!(of(&report, Severity::Unchecked)[0].text.contains("another database"), "{report:?}");
    let missing = Request { log: Some(home.path().join("none")), ..request(&home) };
    let report = verify(&missing, &mut |_, _| ()).expect("verifies");
    assert!(report.has(Severity::Unchecked) && !report.has(Severity::Damage), "{report:?}");
}

#[test]
fn a_log_behind_its_shards_is_damage() {
    let (home, db) = killed();
    let early = fs::read(home.wal()).expect("reads");
    set(&db, "users", "later", "1");
    db.flush_wait().expect("flushes");
    let image = home.crash_image();
    db.close().expect("closes");
    // An older copy of the log in the place of the one that was there.
    fs::write(image.wal(), early).expect("writes");
    let report = report(&image);
    assert!(!of(&report, Severity::Damage).is_empty(), "{report:?}");
    assert!(of(&report, Severity::Damage).iter().all(|found| found.text.contains("the log ends at")));
}

#[test]
fn what_lies_beside_the_log_is_looked_at() {
    let (home, db) = killed();
    let image = home.crash_image();
    db.close().expect("closes");
    // A log of one record has the format of any other.
    let log = fs::read(image.wal()).expect("reads");
    let large = image.path().join("app.wal.large");
    fs::write(&large, &log).expect("writes");
    fs::write(image.path().join("app.wal.corrupt-1"), "kept").expect("writes");
    let report = report(&image);
    assert_eq!(
        report.logs.iter().map(|log| log.path.clone()).collect::<Vec<_>>(),
        [image.wal(), large.clone()]
    );
    assert_eq!(of(&report, Severity::Note).len(), 1, "{report:?}");

    fs::write(&large, &log[..RING_AT / 4]).expect("writes");
    let report = self::report(&image);
    assert!(of(&report, Severity::Damage).is_empty());
    assert!(of(&report, Severity::Note).iter().any(|found| found.path == large), "{report:?}");
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
fn the_old_library_s_shards_are_verified_too() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/__test__/fixtures");
    let home = Home::new();
    for shard in [0, 1] {
        fs::copy(format!("{folder}/old_shard{shard}.db"), home.shard(shard)).expect("copies");
    }
    let log = home.path().join("old-buffer.wal");
    fs::copy(format!("{folder}/old-buffer.wal"), &log).expect("copies");
    let before = snapshot(&home);
    let report = verify(&Request { log: Some(log), ..request(&home) }, &mut |_, _| ()).expect("verifies");
    assert_eq!(of(&report, Severity::Damage), Vec::<&Finding>::new());
    assert!(report.shards == 2 && report.documents > 0 && report.logs[0].unflushed > 0, "{report:?}");
    assert!(snapshot(&home) == before, "nothing changed");
}

#[test]
fn a_database_in_use_is_not_verified() {
    let (home, db) = killed();
    let error = verify(&request(&home), &mut |_, _| ()).expect_err("refuses");
    assert_eq!(error.code(), Code::Locked);
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    assert_eq!(locate(&home.base(), None).expect_err("refuses").code(), Code::Locked);
    db.close().expect("closes");
    // Nor one that is opened meanwhile.
    let mut is_first = true;
    let meanwhile = verify(&request(&home), &mut |_, _| {
        if std::mem::take(&mut is_first) {
            let db = home.open();
            set(&db, "users", "meanwhile", "1");
            db.close().expect("closes");
        }
    });
    assert_eq!(meanwhile.expect_err("refuses").code(), Code::Busy);
}

#[test]
fn the_files_of_a_database_are_located() {
    let home = Home::new();
    assert_eq!(locate(&home.base(), None).expect("looks").shards, 0);
    assert_eq!(locate(&home.path().join("no/folder/app"), None).expect("looks").shards, 0);
    assert_eq!(verify(&request(&home), &mut |_, _| ()).expect_err("refuses").code(), Code::Io);

    let elsewhere = Home::new();
    let log = elsewhere.path().join("the.log");
    let db = home.open_with(|options| (options.wal_path, options.wal_path_is_default) = (log.clone(), false));
    db.close().expect("closes");
    let located = locate(&home.base(), None).expect("looks");
    assert_eq!((located.shards, located.log_size), (4, Some(1 << 20)));
    assert_eq!(located.log.and_then(|log| log.canonicalize().ok()), log.canonicalize().ok());

    // Of a copy it is not the original's log, but one that was copied along.
    let copy = home.crash_image();
    assert_eq!(locate(&copy.base(), None).expect("looks").log, None);
    fs::copy(&log, copy.path().join("the.log")).expect("copies");
    assert_eq!(locate(&copy.base(), None).expect("looks").log, Some(copy.path().join("the.log")));
}

#[test]
fn a_verified_database_opens_as_before() {
    let home = closed();
    assert_eq!(report(&home).findings, []);
    let db = home.open();
    assert_eq!(value(&db, "users", "id0"), Some(("{\"n\":0}".to_owned(), 1)));
    assert_eq!(get(&db, "users", "none"), None);
}

#[test]
fn an_old_file_of_all_shards_is_a_database_and_a_move_that_is_not_complete_cannot_be_verified() {
    let home = Home::new();
    let former = Former::OneFile(home.base());
    assert_eq!(locate(&home.base(), Some(&former)).expect("looks").shards, 0);
    Connection::open(home.base())
        .and_then(|connection| {
            connection.execute_batch(
                "CREATE TABLE users (id TEXT PRIMARY KEY, data TEXT, _version INTEGER, created_at TEXT, updated_at TEXT)",
            )
        })
        .expect("makes it");
    assert_eq!(locate(&home.base(), Some(&former)).expect("looks").shards, 1);
    assert_eq!(locate(&home.base(), None).expect("looks").shards, 0);

    std::fs::write(home.path().join("app.moved"), "").expect("writes");
    assert_eq!(verify(&request(&home), &mut |_, _| ()).expect_err("refuses").code(), Code::ShardCount);
    assert_eq!(locate(&home.base(), None).expect("looks").shards, 1);
}
