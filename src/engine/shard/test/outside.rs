//! What others write to the file.

use rusqlite::Connection;

use super::{Setup, tables::by_another};

#[test]
fn each_change_of_another_is_noticed_once_and_its_own_are_not() {
    let setup = Setup::new();
    setup.apply(1, "users", &[("a", "1", 1)], &[]).expect("applies");
    let has_changes = || setup.store.has_outside_changes();
    has_changes();
    let ways = [
        "",
        "PRAGMA wal_checkpoint",
        "PRAGMA wal_checkpoint(RESTART)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "VACUUM",
    ];
    for (value, way) in (10..).zip(ways) {
        assert!(!has_changes() && !has_changes(), "{way}");
        by_another(&setup, way);
        has_changes();
        by_another(&setup, &format!("UPDATE users SET data = '{value}'"));
        assert!(has_changes(), "{way}");
        assert_eq!(setup.read("users", "a").0.map(|(text, _)| text), Some(value.to_string()), "{way}");
        assert!(!has_changes(), "{way}");
        setup.apply(value, "users", &[("a", "8", 1)], &[]).expect("applies");
        assert!(!has_changes(), "{way}");
    }
}

#[test]
fn a_change_is_noticed_when_it_is_committed_however_long_it_took() {
    let setup = Setup::new();
    setup.apply(1, "users", &[("a", "1", 1)], &[]).expect("applies");
    let other = Connection::open(setup.file()).expect("opens");
    // So that pages are in the log long before the commit.
    other.execute_batch("PRAGMA cache_size = 5; BEGIN IMMEDIATE").expect("begins");
    let insert =
        "INSERT INTO users (id, data) SELECT value, zeroblob(9000) FROM json_each('[1,2,3,4,5,6,7,8,9]')";
    other.execute_batch(insert).expect("inserts");
    for _ in 0..3 {
        assert!(!setup.store.has_outside_changes());
    }
    other.execute_batch("COMMIT").expect("commits");
    assert!(setup.store.has_outside_changes());
}
