//! What others write to the file.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use super::{Setup, tables::by_another};

/// Has SQLite's log look as if it had been written so long ago.
fn age(setup: &Setup, seconds: u64) -> SystemTime {
    let wal = File::options().write(true).open(setup.folder.path().join("app_shard0.db-wal")).expect("opens");
    let time = SystemTime::now() - Duration::from_secs(seconds);
    wal.set_modified(time).expect("sets");
    wal.metadata().and_then(|found| found.modified()).expect("looks")
}

#[test]
fn changes_are_noticed_however_long_there_was_none() {
    let setup = Setup::new();
    setup.apply(1, "users", &[("a", "1", 1)], &[]).expect("applies");
    let has_changes = || setup.store.has_outside_changes();
    assert!(!has_changes());
    for (value, seconds) in [(2, None), (3, None), (4, Some(60)), (5, Some(600)), (6, Some(1)), (7, None)] {
        if let Some(seconds) = seconds {
            age(&setup, seconds);
        }
        assert!(!has_changes(), "{value}");
        assert!(!has_changes(), "{value}");
        by_another(&setup, &format!("UPDATE users SET data = '{value}'"));
        assert!(has_changes(), "{value}");
        assert_eq!(setup.read("users", "a").0, Some((value.to_string(), 1)));
        assert!(!has_changes(), "{value}");
    }
    // Its own are none.
    age(&setup, 60);
    assert!(!has_changes());
    setup.apply(2, "users", &[("a", "8", 1)], &[]).expect("applies");
    assert!(!has_changes());
}

#[test]
#[cfg(unix)]
fn sqlite_is_asked_only_where_its_log_has_changed() {
    let setup = Setup::new();
    setup.apply(1, "users", &[("a", "1", 1)], &[]).expect("applies");
    // So that the log keeps its length.
    for value in ["2", "3"] {
        by_another(&setup, "PRAGMA wal_checkpoint");
        by_another(&setup, &format!("UPDATE users SET data = '{value}'"));
    }
    assert!(setup.store.has_outside_changes());
    let seconds = 60;
    let time = age(&setup, seconds);
    assert!(!setup.store.has_outside_changes());
    let wal = setup.folder.path().join("app_shard0.db-wal");
    let length = wal.metadata().expect("looks").len();
    by_another(&setup, "PRAGMA wal_checkpoint");
    by_another(&setup, "UPDATE users SET data = '4'");
    assert_eq!(wal.metadata().expect("looks").len(), length);
    File::options().write(true).open(&wal).and_then(|file| file.set_modified(time)).expect("sets");
    assert!(!setup.store.has_outside_changes(), "nothing tells of it");
    age(&setup, seconds + 1);
    assert!(setup.store.has_outside_changes());
}
