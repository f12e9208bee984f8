//! A database one of whose shards is mended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::engine::{
    Attempt, Database, Options, core::Core, io::gated::Gated, read::Wait, shard::collection::Collection,
    until::until,
};

struct Setup {
    // NOTE: before the folder.
    db: Database,
    core: Arc<Core>,
    collection: Arc<Collection>,
    files: Gated,
    _folder: tempfile::TempDir,
}

impl Setup {
    /// A database of one shard that flushes nothing but when it is asked to.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Gated::default();
        let options = Options {
            shard_count: 1,
            buffer_size: u64::MAX >> 1,
            flush_interval_ms: 1 << 40,
            files: Arc::new(files.clone()),
            ..Options::new(folder.path().join("app"))
        };
        let db = Database::open(options, None).expect("opens");
        let core = Arc::clone(db.shared_core().expect("open"));
        Setup { collection: db.collection("c"), db, core, files, _folder: folder }
    }

    fn set(&self, id: &str, text: &str) {
        self.db.set(&self.collection, id, text.as_bytes()).expect("writes");
    }

    fn get(&self, id: &str) -> String {
        let mut text = Vec::new();
        self.db.get(&self.collection, id, &mut text).expect("reads").expect("is there");
        String::from_utf8(text).expect("UTF-8")
    }

    /// The disk loses something of the shard, and whatever it is asked to sync until it is well again.
    fn lose(&self) {
        *self.files.is_losing.lock() = true;
        self.core.shards[0].sync().expect_err("loses");
    }

    fn is_well_again(&self) {
        *self.files.is_losing.lock() = false;
    }
}

#[test]
fn a_mended_shard_gives_nothing_older_whoever_else_asks_it_what_others_wrote() {
    let setup = Setup::new();
    setup.set("a", "1");
    setup.db.flush_wait().expect("flushes");
    assert_eq!((setup.get("a"), setup.get("a")), ("1".into(), "1".into()));
    setup.set("a", "2");
    // So that it takes a while.
    (0..2000).for_each(|i| setup.set(&format!("id{i}"), "\"some text\""));
    setup.lose();
    let stop = Arc::new(AtomicBool::new(false));
    let looks = thread::spawn({
        let (core, stop) = (Arc::clone(&setup.core), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                core.shards[0].has_outside_changes();
            }
        }
    });
    setup.is_well_again();
    setup.db.flush_wait().expect("mends and flushes");
    assert_eq!(setup.get("a"), "2");
    stop.store(true, Ordering::Relaxed);
    looks.join().expect("no panic");
}

#[test]
fn reads_that_must_not_wait_do_not_wait_for_a_shard_to_be_mended() {
    let setup = Setup::new();
    setup.set("a", "1");
    setup.db.flush_wait().expect("flushes");
    let try_get = || setup.db.try_get(&setup.collection, "none", &mut Vec::new()).expect("reads");
    until("the shard counts as fast", || {
        setup.db.get_later(&setup.collection, "none", Wait::Disk, |_| ()).expect("is wanted");
        try_get() == Attempt::Done(None)
    });
    setup.lose();
    assert_eq!(try_get(), Attempt::WouldWait(Wait::Disk));
    setup.is_well_again();
    setup.db.flush_wait().expect("mends");
    until("it counts as fast again", || try_get() == Attempt::Done(None));
}
