//! Two threads, each of which opens the other's database while it is told of its own opening.

use std::{
    sync::{Barrier, mpsc},
    thread,
    time::Duration,
};

use kimdb::{Database, Options};

#[test]
fn openings_that_wait_for_each_other_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = |name: &str, shards| {
        let mut options = Options::new(folder.path().join(name));
        options.wal_path = folder.path().join(format!("{name}.wal"));
        options.shard_count = shards;
        options.shard_count_is_default = false;
        options
    };
    for name in ["a", "b"] {
        Database::open(options(name, 1), None).expect("opens").close().expect("closes");
    }
    let both = &*Box::leak(Box::new(Barrier::new(2)));
    let (tell, told) = mpsc::channel();
    for (own, other) in [("a", "b"), ("b", "a")] {
        let (own, other, tell) = (options(own, 2), options(other, 2), tell.clone());
        thread::spawn(move || {
            let mut is_first = true;
            let db = Database::open_telling(own, None, &mut |_| {
                if std::mem::take(&mut is_first) {
                    both.wait();
                    let _ = Database::open(other.clone(), None);
                }
            });
            tell.send(db.expect("opens").close()).expect("is awaited");
        });
    }
    for _ in 0..2 {
        told.recv_timeout(Duration::from_secs(30)).expect("neither hangs").expect("closes");
    }
}
