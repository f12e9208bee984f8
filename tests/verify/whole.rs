//! Of what is whole nothing is reported, and no file changes.

use std::{collections::BTreeMap, fs, path::PathBuf, time::SystemTime};

use kimdb::{
    Options,
    verify::{Finding, Request, Severity, verify},
};

use crate::{
    common::{Home, get, open, set, value},
    sample::{DOCUMENTS, closed, killed, of, report, request},
};

/// Everything in a folder: content and time of change, by name.
fn snapshot(home: &Home) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let changed = path.metadata().and_then(|found| found.modified()).expect("a time");
        (path.clone(), (fs::read(&path).expect("reads"), changed))
    };
    fs::read_dir(home.path()).expect("a folder").map(entry).collect()
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
fn a_verified_database_opens_as_before() {
    let home = closed();
    assert_eq!(report(&home).findings, []);
    let db = home.open();
    assert_eq!(value(&db, "users", "id0"), Some(("{\"n\":0}".to_owned(), 1)));
    assert_eq!(get(&db, "users", "none"), None);
}
