//! Documents and batches of every size, also larger than the log, are stored in order and as a whole.

use kimdb::{Code, Submitted};

use crate::{
    common::{Home, all, found, get, open, record, set, value},
    ring::{RING, tiny},
};

#[test]
fn documents_of_every_size_are_stored_in_order() {
    let home = Home::new();
    let db = open(tiny(&home));
    let sizes = [RING / 8, RING / 4, RING / 4 + 100, RING / 2, RING, RING * 20, 1, RING * 3, RING / 3];
    let text = |size: u64, round: u64| format!("\"{round}{}\"", "x".repeat(size as usize));
    for round in 1..4 {
        for (number, size) in sizes.iter().enumerate() {
            // The same document in all sizes, and one of its own.
            set(&db, "c", "same", text(*size, round));
            set(&db, "c", &format!("own{number}"), text(*size, round));
        }
        for (number, size) in sizes.iter().enumerate() {
            assert_eq!(
                value(&db, "c", &format!("own{number}")),
                Some((text(*size, round), round)),
                "size {size}"
            );
        }
        let last = *sizes.last().expect("some");
        assert_eq!(value(&db, "c", "same"), Some((text(last, round), round * sizes.len() as u64)));
    }
    db.close().expect("closes");
    let db = open(tiny(&home));
    for (number, size) in sizes.iter().enumerate() {
        assert_eq!(get(&db, "c", &format!("own{number}")), found(text(*size, 3), 3, false), "size {size}");
    }
}

#[test]
fn a_large_document_waits_its_turn() {
    let home = Home::new();
    let db = open(tiny(&home));
    let large = format!("\"{}\"", "x".repeat(3 * RING as usize));
    let (tell, told) = flume::unbounded();
    let mut queued = 0;
    for (number, json) in ["1", &large, "2", "3", &large, "4"].iter().enumerate() {
        let tell = tell.clone();
        let done = move |result: kimdb::Result<()>| drop(tell.send((number, result)));
        let mut draft = record(&db, &[("c", "a", Some(json)), ("c", &format!("id{number}"), Some("0"))]);
        queued += usize::from(db.submit(&mut draft, || Box::new(done)).expect("taken") == Submitted::Queued);
    }
    db.barrier_wait().expect("all get in");
    assert!(queued >= 2, "the large ones cannot be logged at once");
    let order: Vec<usize> =
        told.try_iter().map(|(number, result)| result.map(|()| number).expect("logged")).collect();
    assert!(order.is_sorted() && order.len() == queued, "{order:?}");
    assert_eq!(value(&db, "c", "a"), Some(("4".to_owned(), 6)));
    for number in 0..6 {
        assert_eq!(value(&db, "c", &format!("id{number}")), Some(("0".to_owned(), 1)));
    }
}

#[test]
fn a_large_document_is_there_after_a_kill() {
    let home = Home::new();
    let db = open(tiny(&home));
    let large = format!("\"{}\"", "x".repeat(2 * RING as usize));
    set(&db, "c", "a", "1");
    set(&db, "c", "a", &large);
    set(&db, "c", "small", "1");
    let image = home.crash_image();
    for home in [image.crash_image(), image] {
        let db = open(tiny(&home));
        assert_eq!(get(&db, "c", "a"), found(large.clone(), 2, false));
        assert_eq!(get(&db, "c", "small"), found("1", 1, false));
    }
}

#[test]
fn a_large_batch_is_applied_as_a_whole() {
    let home = Home::new();
    let db = open(tiny(&home));
    let text = format!("\"{}\"", "x".repeat(300));
    for count in [20, 40, 60, 200, 2000] {
        let ids: Vec<String> = (0..count).map(|i| format!("{count}-{i}")).collect();
        let ops: Vec<_> = ids.iter().map(|id| ("c", id.as_str(), Some(text.as_str()))).collect();
        db.submit_wait(&mut record(&db, &ops)).expect("any size is stored");
        for id in &ids {
            assert_eq!(value(&db, "c", id), Some((text.clone(), 1)), "{id}");
        }
    }
    assert_eq!(all(&db, "c", u64::MAX).len(), 2320);
    let image = home.crash_image();
    assert_eq!(all(&open(tiny(&image)), "c", u64::MAX).len(), 2320);
}

#[test]
fn an_empty_record_is_refused() {
    let home = Home::new();
    let db = home.open();
    let error = db.submit_wait(&mut record(&db, &[])).expect_err("it says nothing");
    assert_eq!(error.code(), Code::Internal);
    assert_eq!(db.stats().wal_bytes, 0);
}
