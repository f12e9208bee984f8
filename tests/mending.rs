//! A shard whose disk failed for a moment.

mod common;

use std::{sync::Arc, thread, time::Duration};

use common::{
    Home,
    failing::{Failing, What},
    ids_of, set, until, value,
};
use kimdb::Database;

/// A sync of the first shard, which knows the collections, fails once, and then a document waits for it.
fn fail_for_a_moment(collection: &str) {
    let home = Home::new();
    let disk = Failing::new(What::Syncs, "_shard0.db-wal");
    let db = home.open_with(|options| options.files = Arc::new(disk.clone()));
    let ids: Vec<String> = ids_of(&db, 0).take(4).collect();
    set(&db, "old", &ids[0], "1");
    db.flush_wait().expect("flushes");
    disk.switch(true);
    // More than half of the log is used, so that space is to be given back, which needs the shards on the disk.
    for id in &ids[..3] {
        set(&db, "old", id, format!("\"{}\"", "x".repeat(200_000)));
    }
    // It fails if the shard is found out before it was given everything.
    let _ = db.flush_wait();
    until("the failure", || db.stats().retries > 0);
    disk.switch(false);
    set(&db, collection, &ids[3], "2");
    until("the shard works again", || {
        thread::sleep(Duration::from_millis(20));
        db.flush_wait().is_ok()
    });
    assert_eq!(value(&db, collection, &ids[3]), Some(("2".to_owned(), 1)));
    db.close().expect("closes");
}

#[test]
fn a_shard_is_mended_while_a_document_waits_for_it() {
    fail_for_a_moment("old");
}

#[test]
fn a_shard_is_mended_while_the_first_document_of_a_collection_waits_for_it() {
    fail_for_a_moment("new");
}

/// A shard without a log in front, one document of which was read, is found out by a sync that fails.
fn fail_after_reading(home: &Home) -> (Arc<Database>, String) {
    let disk = Failing::new(What::Syncs, "_shard0.db-wal");
    let db = home.open_with(|options| {
        options.files = Arc::new(disk.clone());
        options.safe_mode = false;
    });
    let id = ids_of(&db, 0).next().expect("an id");
    set(&db, "c", &id, "1");
    db.flush_wait().expect("flushes");
    // Until it comes from the cache, so that nobody looks at the file.
    until("it is in the cache", || {
        let found = db.get(&db.collection("c"), &id, &mut Vec::new()).expect("reads").expect("is there");
        found.cached
    });
    disk.switch(true);
    set(&db, "c", &id, "2");
    db.flush_wait().expect_err("the disk is broken");
    assert_eq!(value(&db, "c", &id), Some(("2".to_owned(), 2)));
    disk.switch(false);
    set(&db, "c", &id, "3");
    db.flush_wait().expect("works again");
    (db, id)
}

#[test]
fn no_read_after_mending_is_older() {
    let home = Home::new();
    let (db, id) = fail_after_reading(&home);
    assert_eq!(value(&db, "c", &id), Some(("3".to_owned(), 3)));
}

#[test]
fn a_write_after_mending_has_the_next_version() {
    let home = Home::new();
    let (db, id) = fail_after_reading(&home);
    set(&db, "c", &id, "4");
    assert_eq!(value(&db, "c", &id), Some(("4".to_owned(), 4)));
}
