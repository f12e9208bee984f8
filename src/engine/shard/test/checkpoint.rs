//! How long SQLite's own log gets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::Setup;

#[test]
fn sqlites_log_begins_anew_while_documents_are_read() {
    const DOCUMENTS: usize = 600;
    let setup = Setup::new();
    let table = setup.table_of(&setup.collections.get("c"));
    let ids: Vec<String> = (0..DOCUMENTS).map(|i| format!("id{i}")).collect();
    let text = format!("\"{}\"", "x".repeat(20_000));
    let documents: Vec<_> = ids.iter().map(|id| (id.as_str(), text.as_str(), 1)).collect();
    setup.apply(1, "c", &documents, &[]).expect("applies");

    let stop = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (store, stop, ids) = (Arc::clone(&setup.store), Arc::clone(&stop), ids.clone());
        move || {
            let mut text = Vec::new();
            for id in ids.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                text.clear();
                store.read(&table, id, &mut text).expect("reads");
            }
        }
    });
    // Each time more than 12 MB of pages.
    for end in 2..42 {
        setup.apply(end, "c", &documents, &[]).expect("applies");
        setup.store.checkpoint(false).expect("checkpoints");
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().expect("no panic");
    let length = setup.folder.path().join("app_shard0.db-wal").metadata().expect("is there").len();
    assert!(length < 100 << 20, "{length} bytes");
}
