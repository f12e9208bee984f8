//! The engine's face: what is written is read, before and after a flush, a close and an opening.

use kimdb::{Database, Options};

fn options(folder: &tempfile::TempDir) -> Options {
    Options { wal_size: 1 << 20, ..Options::new(folder.path().join("app")) }
}

#[test]
fn reads_see_buffered_flushed_and_reopened_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(options(&folder), None).expect("opens");
    let users = db.collection("users");
    let read = |db: &Database, id: &str| {
        let mut text = Vec::new();
        let found = db.get(&db.collection("users"), id, &mut text).expect("reads");
        found.map(|found| (String::from_utf8(text).expect("UTF-8"), found.version, found.buffered))
    };
    db.set(&users, "a", b"1").expect("writes");
    assert_eq!(read(&db, "a"), Some(("1".into(), 1, true)));
    db.set(&users, "a", b"2").expect("writes");
    assert_eq!(read(&db, "a"), Some(("2".into(), 2, true)));
    db.flush_wait().expect("flushes");
    assert_eq!(read(&db, "a"), Some(("2".into(), 2, false)));
    db.set(&users, "a", b"3").expect("writes");
    assert_eq!(read(&db, "a"), Some(("3".into(), 3, true)));
    db.delete(&users, "a").expect("deletes");
    assert_eq!(read(&db, "a"), None);
    db.set(&users, "a", b"4").expect("writes");
    assert_eq!(read(&db, "a"), Some(("4".into(), 1, true)));
    db.close().expect("closes");
    let db = Database::open(options(&folder), None).expect("opens");
    assert_eq!(db.recovered(), 0);
    assert_eq!(read(&db, "a"), Some(("4".into(), 1, false)));
}

#[test]
fn many_writes_pass_through_a_small_ring() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(options(&folder), None).expect("opens");
    let bench = db.collection("bench");
    let start = std::time::Instant::now();
    for i in 0..100_000 {
        db.set(&bench, &format!("id_{i}"), format!("{{\"value\":{i}}}").as_bytes()).expect("writes");
    }
    eprintln!("append {:?}", start.elapsed());
    db.flush_wait().expect("flushes");
    eprintln!("flush {:?}", start.elapsed());
    let large = format!("\"{}\"", "x".repeat(3 << 20));
    db.set(&bench, "large", large.as_bytes()).expect("writes");
    let mut text = Vec::new();
    assert!(db.get(&bench, "large", &mut text).expect("reads").is_some());
    assert_eq!(text, large.as_bytes());
    for i in 0..100_000 {
        text.clear();
        assert!(db.get(&bench, &format!("id_{i}"), &mut text).expect("reads").is_some());
        assert_eq!(text, format!("{{\"value\":{i}}}").as_bytes());
    }
    eprintln!("read {:?}", start.elapsed());
    db.close().expect("closes");
    eprintln!("close {:?}", start.elapsed());
}
