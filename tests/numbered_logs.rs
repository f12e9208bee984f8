//! Logs of processes that have a database open together.
#![cfg(unix)]

mod common;

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    process::{Child, Command},
    sync::Arc,
};

use common::{
    Home,
    failing::{Failing, What},
    set, try_open, value,
};
use kimdb::{Code, Options};

/// Another process that has the locks of the database and of its log, by which others know that it is there.
struct Neighbour(Child);

impl Neighbour {
    fn of(home: &Home) -> Neighbour {
        Neighbour::with_log(home, &home.wal())
    }

    fn with_log(home: &Home, wal: &Path) -> Neighbour {
        let presence = File::create(home.path().join("app.lock")).expect("makes");
        presence.lock_shared().expect("locks");
        let log = File::open(wal).expect("opens");
        log.lock().expect("locks");
        // A lock belongs to whoever has the file that was opened, and this process keeps neither.
        let mut process = Command::new("sleep");
        process.arg("1000").stdin(presence).stdout(log);
        Neighbour(process.spawn().expect("runs"))
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("ends");
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

fn with_log(home: &Home, name: &str) -> Options {
    Options { wal_path: home.path().join(name), wal_path_is_default: false, ..home.options() }
}

/// Two processes use the database, with the log `name` and the one after it, and are killed. The second has written a document, and
/// flushed it or not.
fn kill_two(home: &Home, name: &str, is_flushed: bool) {
    common::open(with_log(home, name)).close().expect("closes");
    let image = {
        let _neighbour = Neighbour::with_log(home, &home.path().join(name));
        let db = common::open(with_log(home, name));
        assert_eq!(db.wal_path(), Some(&*home.path().join(format!("{name}.1"))));
        set(&db, "c", "id", "\"acknowledged\"");
        if is_flushed {
            db.flush_wait().expect("flushes");
        }
        home.crash_image()
    };
    for entry in fs::read_dir(home.path()).expect("a folder") {
        fs::remove_file(entry.expect("an entry").path()).expect("removes");
    }
    for entry in fs::read_dir(image.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), home.path().join(entry.file_name())).expect("copies");
    }
}

fn text(text: &str, version: u64) -> Option<(String, u64)> {
    Some((format!("\"{text}\""), version))
}

#[test]
fn a_numbered_log_is_recovered_once_also_where_the_next_opening_has_another_place_for_the_log() {
    for is_flushed in [false, true] {
        let home = Home::new();
        kill_two(&home, "app.wal", is_flushed);
        let db = common::open(with_log(&home, "other.wal"));
        assert_eq!(value(&db, "c", "id"), text("acknowledged", 1), "flushed: {is_flushed}");
        assert!(!home.path().join("app.wal.1").exists());
        set(&db, "c", "id", "\"newer\"");
        db.close().expect("closes");
        let db = common::open(with_log(&home, "app.wal"));
        assert_eq!(value(&db, "c", "id"), text("newer", 2), "flushed: {is_flushed}");
    }
}

#[test]
fn a_database_that_is_open_is_not_opened_by_links_to_its_shards_as_another_one() {
    let (home, elsewhere) = (Home::new(), Home::new());
    let db = home.open();
    set(&db, "c", "id", "\"flushed\"");
    db.close().expect("closes");
    for shard in 0..4 {
        let link = elsewhere.path().join(format!("link_shard{shard}.db"));
        std::os::unix::fs::symlink(home.shard(shard), link).expect("links");
    }
    let by_links = |wal_path, exclusive| Options {
        base: elsewhere.path().join("link"),
        wal_path,
        wal_path_is_default: false,
        exclusive,
        ..home.options()
    };
    {
        let _neighbour = Neighbour::of(&home);
        assert_eq!(common::refused(by_links(elsewhere.wal(), true)), Code::Locked);
        assert_eq!(common::refused(by_links(elsewhere.wal(), false)), Code::OptionConflict);
        let db = common::open(by_links(home.wal(), false));
        assert!(db.wal_path().is_some_and(|path| path.ends_with("app.wal.1")));
        db.close().expect("closes");
    }
    let db = common::open(by_links(elsewhere.wal(), false));
    // In one process, too.
    assert_eq!(common::refused(home.options()), Code::OptionConflict);
    assert_eq!(value(&db, "c", "id"), text("flushed", 1));
}

#[test]
fn the_log_of_who_came_by_links_is_recovered_also_where_the_links_are_gone() {
    let (home, links) = (Home::new(), Home::new());
    home.open().close().expect("closes");
    fs::remove_file(home.wal()).expect("removes");
    (0..4)
        .for_each(|shard| std::os::unix::fs::symlink(home.shard(shard), links.shard(shard)).expect("links"));
    let db = links.open();
    set(&db, "c", "id", "\"acknowledged\"");
    // As a killed process leaves it, in the same places.
    let (shards, logs) = (home.crash_image(), links.crash_image());
    db.close().expect("closes");
    for (image, home) in [(&shards, &home), (&logs, &links)] {
        for file in fs::read_dir(image.path()).expect("lists").map(|file| file.expect("lists")) {
            fs::copy(file.path(), home.path().join(file.file_name())).expect("copies");
        }
    }
    (0..4).for_each(|shard| fs::remove_file(links.shard(shard)).expect("removes"));
    assert_eq!(value(&home.open(), "c", "id"), text("acknowledged", 1));
}

#[test]
fn a_numbered_log_beside_what_a_link_names_is_removed() {
    let home = Home::new();
    let (target, numbered) = (home.path().join("target.wal"), home.path().join("target.wal.1"));
    common::open(with_log(&home, "target.wal")).close().expect("closes");
    std::os::unix::fs::symlink(&target, home.path().join("link.wal")).expect("links");
    let _neighbour = Neighbour::with_log(&home, &target);
    let db = common::open(with_log(&home, "link.wal"));
    assert_eq!(db.wal_path(), Some(&*numbered));
    set(&db, "c", "id", "1");
    db.close().expect("closes");
    assert!(!numbered.exists());
}

#[test]
fn a_copy_of_the_database_that_has_its_place_keeps_its_log() {
    let outside = Home::new();
    let at = |name: &str| outside.path().join(name);
    let (folder, copy) = (at("folder"), at("copy"));
    let options =
        || Options { base: folder.join("app"), wal_path: folder.join("app.wal"), ..outside.options() };
    let db = common::open(options());
    set(&db, "c", "id", "\"flushed\"");
    db.flush_wait().expect("flushes");
    set(&db, "c", "id", "\"in the log\"");
    fs::create_dir(&copy).expect("makes");
    for file in fs::read_dir(&folder).expect("lists").map(|file| file.expect("lists")) {
        let name = file.file_name();
        let text = name.to_string_lossy();
        if !text.ends_with(".lock") && !text.ends_with("-shm") {
            fs::copy(file.path(), copy.join(&name)).expect("copies");
        }
    }
    // The log goes on, so that there is nothing left of that in it.
    for _ in 0..10 {
        (0..30).for_each(|_| set(&db, "c", "large", format!("\"{}\"", "x".repeat(20_000))));
        db.flush_wait().expect("flushes");
    }
    fs::rename(&folder, at("away")).expect("moves");
    fs::rename(&copy, &folder).expect("moves");
    let large = format!("\"{}\"", "x".repeat(2_000_000));
    assert!(db.set(&db.collection("c"), "id", large.as_bytes()).is_err());
    assert!(db.close().is_err());
    assert_eq!(value(&common::open(options()), "c", "id"), text("in the log", 2));
}

#[test]
fn a_numbered_log_that_cannot_be_looked_at_is_not_passed_over() {
    let home = Home::new();
    kill_two(&home, "app.wal", false);
    let disk = Failing::new(What::Openings, "app.wal.1");
    disk.switch(true);
    let error = try_open(Options { files: Arc::new(disk), ..home.options() }).expect_err("refused");
    assert_eq!((error.code(), error.path()), (Code::Io, Some(&*home.path().join("app.wal.1"))), "{error}");
    let db = home.open();
    assert_eq!(value(&db, "c", "id"), text("acknowledged", 1));
}

#[test]
fn a_numbered_log_whose_headers_are_damaged_is_told() {
    let home = Home::new();
    kill_two(&home, "app.wal", false);
    let path = home.path().join("app.wal.1");
    let log = fs::OpenOptions::new().write(true).open(&path).expect("opens");
    for header in [0, 4096] {
        log.write_all_at(b"X", header + 30).expect("writes");
    }
    let error = try_open(home.options()).expect_err("refused");
    assert_eq!((error.code(), error.path()), (Code::Corrupt, Some(&*path)), "{error}");
    fs::rename(&path, home.path().join("aside")).expect("moves");
    assert_eq!(value(&home.open(), "c", "id"), None);
}

#[test]
fn a_last_place_that_is_gone_is_in_nobodys_way() {
    let home = Home::new();
    let folder = home.path().join("folder");
    let open_elsewhere = |name: &str| common::open(with_log(&home, name)).close().expect("closes");
    open_elsewhere("folder/app.wal");
    fs::remove_dir_all(&folder).expect("removes");
    open_elsewhere("other.wal");
    open_elsewhere("folder/app.wal");
    fs::remove_dir_all(&folder).expect("removes");
    fs::write(&folder, "a file").expect("writes");
    open_elsewhere("other.wal");
}

#[test]
fn a_copy_of_a_log_is_not_replaced_while_another_process_uses_it() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "id", "1");
    // As where the folder is moved and copied, and the copy is opened.
    let copy = home.path().join("copy");
    fs::copy(home.wal(), &copy).and_then(|_| fs::rename(&copy, home.wal())).expect("replaces");
    let theirs = File::open(home.wal()).expect("opens");
    let is_theirs = || {
        let named = File::open(home.wal()).and_then(|file| file.metadata()).expect("looks");
        named.ino() == theirs.metadata().expect("looks").ino()
    };
    let write = || db.submit_durable_wait(&mut common::record(&db, &[("c", "id", Some("2"))]));
    {
        let _neighbour = Neighbour::of(&home);
        let error = write().expect_err("has no file");
        assert!(error.code() == Code::Io && is_theirs(), "{error}");
    }
    common::until("the log has a file again", || write().is_ok());
    assert!(!is_theirs());
}
