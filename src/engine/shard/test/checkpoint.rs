//! How long SQLite's own log gets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{Setup, open_set};
use crate::engine::shard::Store;

/// Applies some 12 MB of pages again and again, while `read` is called all the time with each id, and tells how long the log is in the end.
fn length_while(setup: &Setup, read: impl Fn(&str, &str) + Send + 'static) -> u64 {
    const DOCUMENTS: usize = 600;
    let table = setup.table_of(&setup.collections.get("c"));
    let ids: Vec<String> = (0..DOCUMENTS).map(|i| format!("id{i}")).collect();
    let text = format!("\"{}\"", "x".repeat(20_000));
    let documents: Vec<_> = ids.iter().map(|id| (id.as_str(), text.as_str(), 1)).collect();
    setup.apply(1, "c", &documents, &[]).expect("applies");

    let stop = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (stop, ids) = (Arc::clone(&stop), ids.clone());
        move || {
            let all = ids.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed));
            all.for_each(|id| read(&table, id));
        }
    });
    for end in 2..42 {
        setup.apply(end, "c", &documents, &[]).expect("applies");
        setup.store.checkpoint(false).expect("checkpoints");
        // As flushes do, which are not without a pause.
        thread::sleep(Duration::from_millis(20));
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().expect("no panic");
    setup.folder.path().join("app_shard0.db-wal").metadata().expect("is there").len()
}

fn read(store: &dyn Store, table: &str, id: &str) {
    store.read(table, id, &mut Vec::new(), false).expect("reads");
}

/// A few times of what is there when a checkpoint is due.
const LONG: u64 = 150 << 20;

#[test]
fn sqlites_log_begins_anew_while_documents_are_read() {
    let setup = Setup::new();
    let store = Arc::clone(&setup.store);
    let length = length_while(&setup, move |table, id| read(&*store, table, id));
    assert!(length < LONG, "{length} bytes");
}

#[test]
fn sqlites_log_begins_anew_while_another_process_reads_documents_that_looks_after_changes() {
    let setup = Setup::new();
    let other = open_set(&setup.folder.path().join("app"), 1).expect("opens");
    let store = other.attach([9; 16]).expect("attaches").0.remove(0);
    let looks = Arc::new(AtomicBool::new(true));
    let watch = thread::spawn({
        let (looks, store) = (Arc::clone(&looks), Arc::clone(&store));
        move || {
            while looks.load(Ordering::Relaxed) {
                store.has_outside_changes();
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let length = length_while(&setup, move |table, id| {
        read(&*store, table, id);
        thread::sleep(Duration::from_millis(1));
    });
    looks.store(false, Ordering::Relaxed);
    watch.join().expect("no panic");
    assert!(length < LONG, "{length} bytes");
}
