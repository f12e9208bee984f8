//! Logs of processes that have a database open together.
#![cfg(unix)]

mod common;

use std::{fs::File, sync::Arc};

use common::{
    Home,
    failing::{Failing, What},
    set, value,
};

/// The locks of another process that has the database open, by which others know that it is there.
struct Neighbour(#[allow(dead_code, reason = "held")] [File; 2]);

impl Neighbour {
    fn of(home: &Home) -> Neighbour {
        let presence = File::create(home.path().join("app.lock")).expect("makes");
        presence.lock_shared().expect("locks");
        let log = File::open(home.wal()).expect("opens");
        log.lock().expect("locks");
        Neighbour([presence, log])
    }
}

#[test]
fn a_large_record_beside_a_numbered_log_never_comes_back() {
    let home = Home::new();
    home.open().close().expect("closes");
    let disk = Failing::new(What::Removals, ".large");
    let open = || home.open_with(|options| options.files = Arc::new(disk.clone()));
    let newest = Some(("\"new\"".to_owned(), 2));
    {
        let _neighbour = Neighbour::of(&home);
        let db = open();
        assert!(db.wal_path().is_some_and(|path| path.ends_with("app.wal.1")));
        disk.switch(true);
        set(&db, "c", "id", format!("\"{}\"", "x".repeat(600_000)));
        set(&db, "c", "id", "\"new\"");
        db.close().expect("closes");
        disk.switch(false);
    }
    let db = open();
    assert_eq!(value(&db, "c", "id"), newest);
    db.close().expect("closes");
    let _neighbour = Neighbour::of(&home);
    assert_eq!(value(&open(), "c", "id"), newest);
}
