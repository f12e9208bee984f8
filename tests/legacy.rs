//! What the old library left: its `buffer.wal` of JSON lines, and shard files without tables of our own.

mod common;

use std::fs;

use common::{
    Home, all, check_integrity, delete, found, get, hold, observer::Witness, open, open_observed, refused,
    set, value,
};
use kimdb::{Code, Options};
use rusqlite::{Connection, params};

/// A line as the old library writes it.
fn line(collection: &str, id: &str, rest: &str) -> String {
    format!("{{\"collection\":{collection:?},\"id\":{id},{rest},\"timestamp\":1700000000123}}\n")
}

fn upsert(collection: &str, id: &str, data: &str) -> String {
    line(collection, id, &format!("\"data\":{data},\"operation\":\"upsert\""))
}

fn remove(collection: &str, id: &str) -> String {
    line(collection, id, "\"data\":null,\"operation\":\"delete\"")
}

/// Shard files as the old library leaves them. Rows: shard is chosen by id, table, id, data, version.
fn old_shards(home: &Home, shards: u32, rows: &[(&str, &str, &str, i64)]) {
    use md5::{Digest, Md5};
    let connections: Vec<Connection> =
        (0..shards).map(|shard| Connection::open(home.shard(shard)).expect("opens")).collect();
    for connection in &connections {
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 0").expect("sets");
    }
    for (table, id, data, version) in rows {
        let digest = Md5::digest(id.as_bytes());
        let shard = u32::from_be_bytes(digest[..4].try_into().expect("four bytes")) % shards;
        let connection = &connections[shard as usize];
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1,
                created_at TEXT DEFAULT CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP)"
        );
        connection.execute_batch(&create).expect("creates");
        let insert =
            format!("INSERT INTO {table} VALUES (?, ?, ?, '2024-05-06 07:08:09', '2024-05-06 07:08:10')");
        connection.execute(&insert, params![id, data, version]).expect("inserts");
    }
}

fn column(home: &Home, shard: u32, sql: &str) -> Vec<String> {
    let connection = Connection::open(home.shard(shard)).expect("opens");
    let mut statement = connection.prepare(sql).expect("prepares");
    let rows = statement.query_map([], |row| row.get(0)).expect("reads");
    rows.collect::<Result<_, _>>().expect("texts")
}

#[test]
fn the_old_buffer_is_recovered() {
    let home = Home::new();
    let lines = [
        upsert("users", "\"a\"", "{\"name\":\"김\",\"n\":1.50}"),
        upsert("users", "\"a\"", "{\"name\":\"Kim\"}"),
        upsert("users", "7", "[7]"),
        upsert("users", "1e+21", "\"large\""),
        upsert("users", "0.5", "\"half\""),
        upsert("users", "\"gone\"", "1"),
        upsert("사용자", "\"a\"", "\"other\""),
        "not JSON at all\n".to_owned(),
        "[1,2]\n".to_owned(),
        "{\"collection\":\"users\",\"id\":\"no operation\",\"data\":1}\n".to_owned(),
        "{\"collection\":5,\"id\":\"a\",\"data\":1,\"operation\":\"upsert\"}\n".to_owned(),
        line("users", "null", "\"data\":1,\"operation\":\"upsert\""),
        line("users", "\"no data\"", "\"operation\":\"upsert\""),
        "\n".to_owned(),
        remove("users", "\"gone\""),
        remove("users", "\"never there\""),
        upsert("users", "\"torn\"", "{\"name\":\"never finished\"}")[..60].to_owned(),
    ];
    fs::write(home.wal(), lines.concat()).expect("writes");
    let db = home.open();
    assert_eq!(db.recovered(), 9);
    let check = |db: &kimdb::Database| {
        assert_eq!(get(db, "users", "a"), found("{\"name\":\"Kim\"}", 2, false));
        assert_eq!(get(db, "users", "7"), found("[7]", 1, false));
        assert_eq!(get(db, "users", "1e+21"), found("\"large\"", 1, false));
        assert_eq!(get(db, "users", "0.5"), found("\"half\"", 1, false));
        assert_eq!(get(db, "사용자", "a"), found("\"other\"", 1, false));
        for id in ["gone", "torn", "no operation", "no data", "null"] {
            assert_eq!(get(db, "users", id), None, "{id}");
        }
        assert_eq!(all(db, "users", u64::MAX).len(), 4);
    };
    check(&db);
    let shard = db.shard_of("a");
    db.close().expect("closes");
    assert_eq!(column(&home, shard, "SELECT updated_at FROM users WHERE id = 'a'"), ["2023-11-14 22:13:20"]);
    let db = home.open();
    assert_eq!(db.recovered(), 0);
    check(&db);
}

#[test]
fn lines_of_the_old_buffer_that_cannot_be_read_are_told_of_and_kept() {
    let strange = [
        "not JSON at all",
        "[1,2]",
        "{\"collection\":\"c\",\"id\":\"no data\",\"operation\":\"upsert\"}",
        "{\"collection\":\"c\",\"id\":null,\"data\":1,\"operation\":\"upsert\"}",
        "{\"collection\":\"\",\"id\":\"a\",\"data\":1,\"operation\":\"upsert\"}",
    ];
    for line in strange {
        let home = Home::new();
        let lines =
            [upsert("c", "\"a\"", "1"), format!("{line}\n"), "\n".to_owned(), upsert("c", "\"b\"", "2")];
        let torn = &upsert("c", "\"torn\"", "3")[..30];
        let content = lines.concat() + torn;
        fs::write(home.wal(), &content).expect("writes");
        // An opening that breaks off tells of nothing; the next one does.
        let held = hold(&home.shard(2));
        assert_eq!(refused(home.options()), Code::Busy);
        drop(held);
        let witness = Witness::new();
        let db = open_observed(home.options(), &witness);
        assert_eq!((get(&db, "c", "a"), get(&db, "c", "b")), (found("1", 1, false), found("2", 1, false)));
        assert_eq!(all(&db, "c", 10).len(), 2, "{line}");
        assert_eq!(db.stats().damaged_bytes, line.len() as u64, "{line}");
        let told = witness.errors();
        assert_eq!((told.len(), told[0].code(), told[0].path()), (1, Code::Corrupt, Some(&*home.wal())));
        let (text, lost) = (told[0].to_string(), format!("One line of kimdb 7 with {} bytes", line.len()));
        assert!(text.contains(&lost) && text.contains("app.wal.corrupt-1"), "{text}");
        let aside = home.path().join("app.wal.corrupt-1");
        assert_eq!(fs::read_to_string(&aside).expect("reads"), content, "kept as it was");
        db.close().expect("closes");
        let again = Witness::new();
        let db = open_observed(home.options(), &again);
        assert_eq!((again.errors().len(), db.stats().damaged_bytes), (0, 0), "told once");
        assert!(!home.path().join("app.wal.corrupt-2").exists());
    }
}

#[test]
fn an_old_buffer_without_such_lines_is_not_damaged() {
    let whole = upsert("c", "\"a\"", "1");
    let bom = format!("\u{feff}{whole}");
    let windows = whole.replace('\n', "\r\n");
    let torn = format!("{whole}{}", &whole[..40]);
    let zeros = format!("{whole}{}", "\0".repeat(100));
    for content in [&whole, whole.trim_end(), &bom, &windows, &torn, &zeros, &format!("\n \n{whole}\n")] {
        let home = Home::new();
        fs::write(home.wal(), content).expect("writes");
        let witness = Witness::new();
        let db = open_observed(home.options(), &witness);
        assert_eq!((db.recovered(), get(&db, "c", "a")), (1, found("1", 1, false)), "{content:?}");
        assert_eq!((witness.errors(), db.stats().damaged_bytes), (vec![], 0), "{content:?}");
        assert!(!home.path().join("app.wal.corrupt-1").exists(), "{content:?}");
    }
}

#[test]
fn an_old_buffer_of_a_collection_without_a_name_is_kept_and_makes_no_table() {
    let home = Home::new();
    fs::write(home.wal(), upsert("", "\"a\"", "1") + &upsert("", "\"b\"", "1")).expect("writes");
    let witness = Witness::new();
    let db = open_observed(home.options(), &witness);
    assert_eq!((db.recovered(), witness.saw(Code::Corrupt)), (0, true));
    assert!(witness.errors()[0].to_string().contains("2 lines of kimdb 7"), "{:?}", witness.errors());
    db.close().expect("closes");
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_kimdb%' ESCAPE '\\'";
    for shard in 0..4 {
        assert_eq!(column(&home, shard, sql), [""; 0]);
    }
}

#[test]
fn an_empty_old_buffer_is_replaced() {
    for content in ["", "\n", " \n\n"] {
        let home = Home::new();
        fs::write(home.wal(), content).expect("writes");
        let db = home.open();
        assert_eq!(db.recovered(), 0);
        set(&db, "c", "a", "1");
        let image = home.crash_image();
        assert_eq!(image.open().recovered(), 1, "it is a log of ours now");
    }
}

#[test]
fn an_old_buffer_of_one_torn_line_is_replaced() {
    let home = Home::new();
    fs::write(home.wal(), "{\"collection\":\"users\",\"id\":\"a\",\"da").expect("writes");
    let db = home.open();
    assert_eq!((db.recovered(), get(&db, "users", "a")), (0, None));
}

#[test]
fn a_large_old_buffer_goes_through_a_small_ring() {
    let home = Home::new();
    let text = "x".repeat(500);
    let lines: String =
        (0..5000).map(|i| upsert("c", &format!("\"id{}\"", i % 4000), &format!("\"{text}{i}\""))).collect();
    fs::write(home.wal(), lines).expect("writes");
    let db = open(Options { wal_size: 1 << 16, ..home.options() });
    assert_eq!(db.recovered(), 5000);
    for i in [0, 999, 1000, 3999] {
        let expected = if i < 1000 { (i + 4000, 2) } else { (i, 1) };
        assert_eq!(
            value(&db, "c", &format!("id{i}")),
            Some((format!("\"{text}{}\"", expected.0), expected.1))
        );
    }
}

#[test]
fn recovering_the_old_buffer_again_after_it_broke_off_applies_nothing_twice() {
    let home = Home::new();
    let rows: Vec<String> = (0..40).map(|i| format!("id{i}")).collect();
    let rows: Vec<_> = rows.iter().map(|id| ("c", id.as_str(), "\"stored\"", 3)).collect();
    old_shards(&home, 4, &rows);
    home.open().close().expect("closes");
    let lines: String = (0..80).map(|i| upsert("c", &format!("\"id{}\"", i % 50), &i.to_string())).collect();
    fs::write(home.wal(), lines + &remove("c", "\"id30\"") + &upsert("c", "\"id30\"", "30")).expect("writes");
    let held = hold(&home.shard(2));
    assert_eq!(refused(home.options()), Code::Busy, "the other shards have their part now");
    drop(held);
    // Killed now: the same state again. It is recovered twice, to see that it ends in the same way.
    for home in [home.crash_image(), home] {
        let db = home.open();
        assert!((1..82).contains(&db.recovered()), "{} were left for the second time", db.recovered());
        for i in 0..50 {
            let before = if i < 40 { 3 } else { 0 };
            let expected = match i {
                30 => ("30".to_owned(), 1),
                0..30 => ((i + 50).to_string(), before + 2),
                _ => (i.to_string(), before + 1),
            };
            assert_eq!(value(&db, "c", &format!("id{i}")), Some(expected), "document {i}");
        }
    }
}

#[test]
fn without_safe_mode_the_old_buffer_is_recovered_too() {
    let home = Home::new();
    fs::write(home.wal(), upsert("c", "\"a\"", "1")).expect("writes");
    let options = Options { safe_mode: false, ..home.options() };
    let db = open(options.clone());
    assert_eq!((db.recovered(), get(&db, "c", "a")), (1, found("1", 1, false)));
    db.close().expect("closes");
    let db = open(options);
    assert_eq!((db.recovered(), get(&db, "c", "a")), (0, found("1", 1, false)));
}

#[test]
fn old_documents_are_read_changed_and_deleted() {
    let home = Home::new();
    let rows = [
        ("users", "a", "{\"name\":\"Kim\"}", 4),
        ("users", "b", "2", 1),
        ("userposts", "a", "\"post\"", 2),
        ("Orders", "a", "\"order\"", 1),
    ];
    old_shards(&home, 4, &rows);
    let db = home.open();
    assert_eq!(get(&db, "users", "a"), found("{\"name\":\"Kim\"}", 4, false));
    assert_eq!(
        get(&db, "user-posts", "a"),
        found("\"post\"", 2, false),
        "the old library dropped the hyphen"
    );
    assert_eq!(get(&db, "Orders", "a"), found("\"order\"", 1, false));
    set(&db, "users", "a", "5");
    assert_eq!(get(&db, "users", "a"), found("5", 5, true));
    delete(&db, "users", "b");
    set(&db, "user-posts", "b", "\"new\"");
    let shard = db.shard_of("a");
    db.close().expect("closes");
    let sql = "SELECT data || ' ' || _version || ' ' || created_at FROM users WHERE id = 'a'";
    assert_eq!(column(&home, shard, sql), ["5 5 2024-05-06 07:08:09"]);
    let db = home.open();
    assert_eq!(get(&db, "users", "a"), found("5", 5, false));
    assert_eq!(get(&db, "users", "b"), None);
    assert_eq!(all(&db, "user-posts", 10).len(), 2);
    db.close().expect("closes");
    check_integrity(&home);
}

#[test]
fn the_old_library_reads_and_writes_what_is_stored() {
    let home = Home::new();
    let db = home.open();
    set(&db, "user-posts", "a", "1");
    let shard = db.shard_of("a");
    db.close().expect("closes");
    // Its statement.
    let connection = Connection::open(home.shard(shard)).expect("opens");
    let upsert = "INSERT INTO userposts (id, data, _version, updated_at) VALUES (?, ?, 1, CURRENT_TIMESTAMP)
         ON CONFLICT(id) DO UPDATE SET data = excluded.data, _version = userposts._version + 1,
             updated_at = CURRENT_TIMESTAMP";
    connection.execute(upsert, ["a", "2"]).expect("writes");
    drop(connection);
    let db = home.open();
    assert_eq!(get(&db, "user-posts", "a"), found("2", 2, false));
}

#[test]
fn a_name_like_the_old_table_takes_it_even_if_another_could() {
    let home = Home::new();
    old_shards(&home, 4, &[("userposts", "a", "\"old\"", 1)]);
    let db = home.open();
    set(&db, "user-posts", "b", "1");
    set(&db, "userposts", "c", "2");
    for _ in 0..2 {
        // The names share no documents, whichever of them got the table.
        let hyphen = ["a", "b", "c"].map(|id| value(&db, "user-posts", id).is_some());
        let plain = ["a", "b", "c"].map(|id| value(&db, "userposts", id).is_some());
        assert!(
            hyphen == [true, true, false] && plain == [false, false, true]
                || hyphen == [false, true, false] && plain == [true, false, true],
            "{hyphen:?} {plain:?}"
        );
        db.flush_wait().expect("flushes");
    }
}

#[test]
fn an_old_table_belongs_to_one_collection_after_the_next_opening_too() {
    for kill in [false, true] {
        let home = Home::new();
        let rows: Vec<String> = (0..20).map(|i| format!("id{i}")).collect();
        let rows: Vec<_> = rows.iter().map(|id| ("userposts", id.as_str(), "\"old\"", 1)).collect();
        old_shards(&home, 4, &rows);
        let db = home.open();
        set(&db, "user-posts", "id0", "\"hyphen\"");
        assert_eq!(value(&db, "userposts", "id1"), None, "another collection has taken it");
        let image = home.crash_image();
        db.close().expect("closes");
        let home = if kill { image } else { home };
        let db = home.open();
        assert_eq!(value(&db, "userposts", "id0"), None, "killed: {kill}");
        set(&db, "userposts", "id0", "\"plain\"");
        db.close().expect("closes");
        let db = home.open();
        assert_eq!(value(&db, "user-posts", "id0"), Some(("\"hyphen\"".to_owned(), 2)), "killed: {kill}");
        assert_eq!(value(&db, "userposts", "id0"), Some(("\"plain\"".to_owned(), 1)), "killed: {kill}");
        assert_eq!((all(&db, "user-posts", 99).len(), all(&db, "userposts", 99).len()), (20, 1));
    }
}

#[test]
fn the_number_of_old_shards_is_counted() {
    let home = Home::new();
    old_shards(&home, 3, &[("c", "a", "1", 1)]);
    let db = open(Options { shard_count: 8, shard_count_is_default: true, ..home.options() });
    assert_eq!((db.stats().shard_count, get(&db, "c", "a")), (3, found("1", 1, false)));
}

#[test]
fn whatever_else_the_operation_of_an_old_line_is_it_is_an_upsert() {
    let home = Home::new();
    let lines: Vec<_> = ["null", "0", "\"insert\"", "[100,101,108,101,116,101]", "\"delete\""]
        .iter()
        .enumerate()
        .map(|(number, operation)| {
            format!(
                r#"{{"collection":"posts","id":{number},"data":1,"operation":{operation},"timestamp":1}}"#
            )
        })
        .collect();
    fs::write(home.wal(), lines.join("\n")).expect("writes");
    let db = open(home.options());
    for id in ["0", "1", "2", "3"] {
        assert_eq!(value(&db, "posts", id), Some(("1".to_owned(), 1)), "{id}");
    }
    assert_eq!((db.recovered(), db.stats().damaged_bytes, value(&db, "posts", "4")), (5, 0, None));
}
