//! The engine's face: what is written is read, before and after a flush, a close and an opening.

mod common;

use common::{Home, PATIENCE, all, delete, found, get, observer::Witness, open, open_observed, record, set};
use kimdb::{Code, Options, Submitted};
use rusqlite::types::Value;

#[test]
fn reads_see_buffered_flushed_and_reopened_documents() {
    let home = Home::new();
    let db = home.open();
    assert_eq!(get(&db, "users", "a"), None);
    set(&db, "users", "a", "1");
    assert_eq!(get(&db, "users", "a"), found("1", 1, true));
    set(&db, "users", "a", "2");
    assert_eq!(get(&db, "users", "a"), found("2", 2, true));
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, "users", "a"), found("2", 2, false));
    assert_eq!(get(&db, "users", "a"), found("2", 2, false), "from the cache");
    set(&db, "users", "a", "3");
    assert_eq!(get(&db, "users", "a"), found("3", 3, true));
    delete(&db, "users", "a");
    assert_eq!(get(&db, "users", "a"), None);
    set(&db, "users", "a", "4");
    assert_eq!(get(&db, "users", "a"), found("4", 1, true));
    db.close().expect("closes");
    let db = home.open();
    assert_eq!(db.recovered(), 0);
    assert_eq!(get(&db, "users", "a"), found("4", 1, false));
}

#[test]
fn a_read_replaces_what_the_callers_buffer_held() {
    let home = Home::new();
    let db = home.open();
    let users = db.collection("users");
    set(&db, "users", "a", "1");
    let mut text = b"before".to_vec();
    for place in ["buffer", "shard", "cache"] {
        db.get(&users, "a", &mut text).expect("reads");
        assert_eq!(text, b"1", "from the {place}");
        db.flush_wait().expect("flushes");
    }
    assert_eq!(db.get(&users, "missing", &mut text).expect("reads"), None);
    assert_eq!(text, b"");
}

#[test]
fn deletes_hold_in_every_place_that_a_document_can_be_in() {
    let home = Home::new();
    let db = home.open();
    for id in ["buffered", "stored", "cached", "unknown"] {
        if id != "unknown" {
            set(&db, "c", id, "1");
        }
        if matches!(id, "stored" | "cached") {
            db.flush_wait().expect("flushes");
        }
        if id == "cached" {
            assert_eq!(get(&db, "c", id), found("1", 1, false));
        }
        delete(&db, "c", id);
        assert_eq!(get(&db, "c", id), None, "{id}, buffered delete");
    }
    db.flush_wait().expect("flushes");
    for id in ["buffered", "stored", "cached", "unknown"] {
        assert_eq!(get(&db, "c", id), None, "{id}, flushed delete");
    }
    db.close().expect("closes");
    let db = home.open();
    assert_eq!(all(&db, "c", u64::MAX), []);
}

#[test]
fn versions_count_writes_since_the_document_was_created() {
    let home = Home::new();
    let db = home.open();
    for (round, buffered) in (0..6).flat_map(|round| [(round, true), (round, false)]) {
        if buffered {
            set(&db, "c", "counted", "1");
            set(&db, "c", "counted", "2");
        } else {
            db.flush_wait().expect("flushes");
        }
        assert_eq!(get(&db, "c", "counted"), found("2", 2 * round + 2, buffered), "round {round}");
    }
    delete(&db, "c", "counted");
    set(&db, "c", "counted", "3");
    assert_eq!(get(&db, "c", "counted"), found("3", 1, true), "a new life");
    db.flush_wait().expect("flushes");
    set(&db, "c", "counted", "4");
    // The version comes from the shard here: nothing was read since the flush.
    assert_eq!(get(&db, "c", "counted"), found("4", 2, true));
}

#[test]
fn any_string_is_an_id_of_its_own() {
    let home = Home::new();
    let db = home.open();
    let long = "x".repeat(100_000);
    let ids = [
        "", " ", "a", "A", "a ", " a", "a\0", "\0", "é", "e\u{301}", "🦀", "'", "\"", "%", "5", "5.0", "05",
        "null", "\n", &long,
    ];
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).chain([format!("{long}y")]).collect();
    for (number, id) in ids.iter().enumerate() {
        set(&db, "c", id, number.to_string());
    }
    for buffered in [true, false] {
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(
                get(&db, "c", id),
                found(number.to_string(), 1, buffered),
                "{:?}",
                id.chars().take(9).collect::<String>()
            );
        }
        db.flush_wait().expect("flushes");
    }
    let mut read: Vec<String> = all(&db, "c", u64::MAX).into_iter().map(|(id, ..)| id).collect();
    read.sort();
    let mut ids = ids;
    ids.sort();
    assert_eq!(read, ids);
}

#[test]
fn many_writes_pass_through_a_small_ring() {
    let home = Home::new();
    let db = open(Options { wal_size: 1 << 16, ..home.busy_options() });
    for i in 0..20_000 {
        set(&db, "bench", &format!("id_{i}"), format!("{{\"value\":{i}}}"));
    }
    for i in 0..20_000 {
        let (text, version, _) = get(&db, "bench", &format!("id_{i}")).expect("is there");
        assert_eq!((text, version), (format!("{{\"value\":{i}}}"), 1));
    }
    db.close().expect("closes");
    let db = home.open_with(|options| options.wal_size = 1 << 16);
    assert_eq!(all(&db, "bench", u64::MAX).len(), 20_000);
}

#[test]
fn a_record_is_applied_as_a_whole() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "old", "0");
    let ops = [("c", "a", Some("1")), ("d", "a", Some("2")), ("c", "old", None), ("c", "a", Some("3"))];
    let submitted = db.submit(&mut record(&db, &ops), || unreachable!("there is room")).expect("writes");
    assert_eq!(submitted, Submitted::Logged);
    for buffered in [true, false] {
        assert_eq!(get(&db, "c", "a"), found("3", 2, buffered));
        assert_eq!(get(&db, "d", "a"), found("2", 1, buffered));
        assert_eq!(get(&db, "c", "old"), None);
        db.flush_wait().expect("flushes");
    }
}

#[test]
fn get_many_answers_in_the_order_of_the_ids() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "stored", "[1]");
    db.flush_wait().expect("flushes");
    set(&db, "c", "quote\"d", "{\"a\":null}");
    let ids = ["quote\"d", "missing", "stored", "quote\"d"].map(str::to_owned);
    let read = |ids: &[String]| -> Vec<_> {
        let found = db.get_many(&db.collection("c"), ids).expect("reads").into_iter();
        found
            .map(|found| found.map(|read| (read.text, read.document.version, read.document.buffered)))
            .collect()
    };
    let quoted = Some((b"{\"a\":null}".to_vec(), 1, true));
    assert_eq!(read(&ids), [quoted.clone(), None, Some((b"[1]".to_vec(), 1, false)), quoted]);
    assert_eq!(read(&[]), []);
}

#[test]
fn newest_flushes_and_obeys_its_limit() {
    let home = Home::new();
    let db = home.open();
    assert_eq!(all(&db, "nothing", 10), []);
    for i in 0..50 {
        set(&db, "c", &format!("id{i:02}"), i.to_string());
    }
    assert_eq!(db.stats().buffer_size, 50);
    assert_eq!(all(&db, "c", 0), []);
    assert_eq!(db.stats().buffer_size, 0);
    for limit in [1, 7, 49, 50, 51, u64::MAX] {
        assert_eq!(all(&db, "c", limit).len() as u64, limit.min(50), "limit {limit}");
    }
}

#[test]
fn newest_starts_with_the_document_updated_last() {
    let home = Home::new();
    let db = home.open();
    for i in 0..20 {
        set(&db, "c", &format!("id{i:02}"), "1");
    }
    db.close().expect("closes");
    // The clock ticks in seconds there; a test does not wait for it.
    for shard in 0..4 {
        let connection = rusqlite::Connection::open(home.shard(shard)).expect("opens");
        let sql = "UPDATE c SET updated_at = '2024-01-01 00:00:' || printf('%02d', (substr(id, 3) * 7) % 20)";
        connection.execute(sql, []).expect("updates");
    }
    let db = home.open();
    let ids: Vec<u64> =
        all(&db, "c", 10).iter().map(|(id, ..)| id[2..].parse::<u64>().expect("a number") * 7 % 20).collect();
    assert_eq!(ids, [19, 18, 17, 16, 15, 14, 13, 12, 11, 10]);
    set(&db, "c", "id03", "2");
    assert_eq!(all(&db, "c", 1), [("id03".to_owned(), "2".to_owned(), 2)]);
}

#[test]
fn the_shard_files_are_plain_sqlite_with_utc_times() {
    let home = Home::new();
    let db = home.open();
    let now = |shift: &str| -> String {
        let sqlite = rusqlite::Connection::open_in_memory().expect("opens");
        sqlite.query_row("SELECT datetime('now', ?)", [shift], |row| row.get(0)).expect("a time")
    };
    // The engine's clock may be a tick behind.
    let before = now("-1 second");
    set(&db, "c", "a", "{\"n\":1}");
    set(&db, "c", "a", "{\"n\":2}");
    db.close().expect("closes");
    let after = now("0 seconds");
    let shard = rusqlite::Connection::open(home.shard(shard_of("a", 4))).expect("opens");
    let row: (String, String, i64, String, String, String) = shard
        .query_row("SELECT *, typeof(data) FROM c", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .expect("a row");
    assert_eq!((row.0.as_str(), row.1.as_str(), row.2, row.5.as_str()), ("a", "{\"n\":2}", 2, "text"));
    for time in [&row.3, &row.4] {
        assert!(time.len() == 19 && before <= *time && *time <= after, "{before} {time} {after}");
    }
}

/// The rule of the old library, told again: the first four bytes of the id's MD5, big-endian, modulo the shards.
fn shard_of(id: &str, shards: u32) -> u32 {
    use md5::{Digest, Md5};
    let digest = Md5::digest(id.as_bytes());
    u32::from_be_bytes(digest[..4].try_into().expect("four bytes")) % shards
}

#[test]
fn ids_go_to_the_shard_that_the_old_library_chose() {
    let home = Home::new();
    let db = home.open();
    for id in ["a", "user1", "u001", "한글", "", "0", "with space"] {
        assert_eq!(db.shard_of(id), shard_of(id, 4), "{id:?}");
    }
    assert_eq!(db.shard_of("user1"), 0x24c9_e15e % 4);
}

#[test]
fn callbacks_tell_when_a_write_is_flushed_or_durable() {
    let home = Home::new();
    let db = home.open();
    let (tell, told) = flume::unbounded();
    let teller = |what: &'static str| {
        let tell = tell.clone();
        Box::new(move |result: kimdb::Result<()>| drop(tell.send((what, result))))
    };
    db.submit_durable(&mut record(&db, &[("c", "a", Some("1"))]), teller("durable")).expect("writes");
    assert_eq!(told.recv_timeout(PATIENCE), Ok(("durable", Ok(()))));
    assert!(db.stats().syncs > 0);
    assert_eq!(get(&db, "c", "a"), found("1", 1, true), "on the disk, in the log");
    db.flush(teller("flushed")).expect("asks");
    assert_eq!(told.recv_timeout(PATIENCE), Ok(("flushed", Ok(()))));
    assert_eq!(get(&db, "c", "a"), found("1", 1, false));
    db.submit_durable_wait(&mut record(&db, &[("c", "a", None)])).expect("writes");
    assert_eq!(get(&db, "c", "a"), None);
    assert!(!db.barrier(|| teller("never")).expect("asks"), "nothing waits");
    assert!(told.is_empty());
}

#[test]
fn figures_and_events_agree_with_what_was_done() {
    let home = Home::new();
    let witness = Witness::new();
    let db = open_observed(home.options(), &witness);
    for i in 0..10 {
        set(&db, "c", &format!("id{i}"), "1");
    }
    delete(&db, "c", "id0");
    let stats = db.stats();
    assert_eq!(
        (stats.buffered_writes, stats.buffer_size, stats.wal_writes, stats.flushed_writes),
        (11, 11, 11, 0)
    );
    assert!(stats.wal_bytes > 0 && stats.wal_size == 1 << 20 && stats.safe_mode && stats.shard_count == 4);
    db.flush_wait().expect("flushes");
    let stats = db.stats();
    assert_eq!((stats.buffered_writes, stats.buffer_size, stats.flushed_writes), (11, 0, 11));
    assert_eq!(witness.flushed(), 11);
    get(&db, "c", "id1");
    assert_eq!((db.stats().cache_misses, db.stats().cache_hits, db.stats().cache_size), (1, 0, 1));
    get(&db, "c", "id1");
    assert_eq!((db.stats().cache_misses, db.stats().cache_hits), (1, 1));
    db.clear_cache();
    assert_eq!((db.stats().cache_size, db.stats().cache_bytes), (0, 0));
    set(&db, "c", "last", "1");
    db.close().expect("closes");
    assert_eq!(witness.flushed(), 12, "the last flush is told too");
    assert_eq!(witness.errors(), []);
}

#[test]
fn shard_handles_read_and_do_not_write() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "[7]");
    db.flush_wait().expect("flushes");
    let shard = db.shard_of("a");
    let rows = db.shard_query(shard, "SELECT id, data AS d FROM c WHERE id = ?", &[Value::Text("a".into())]);
    let rows = rows.expect("reads");
    assert_eq!(rows.columns, ["id", "d"]);
    assert_eq!(rows.rows, [[Value::Text("a".into()), Value::Text("[7]".into())]]);
    let mode = db.shard_pragma(shard, "journal_mode").expect("reads");
    assert_eq!(mode.rows, [[Value::Text("wal".into())]]);
    db.shard_pragma(shard, "wal_checkpoint(TRUNCATE)").expect("checkpoints");
    for sql in ["DELETE FROM c", "DROP TABLE c", "not sql", "SELECT * FROM missing"] {
        let error = db.shard_query(shard, sql, &[]).expect_err(sql);
        assert_eq!(error.code(), Code::Sql, "{sql}: {error}");
    }
    assert_eq!(db.shard_query(4, "SELECT 1", &[]).expect_err("there are four").code(), Code::Sql);
    assert_eq!(get(&db, "c", "a"), found("[7]", 1, false));
    assert_eq!(db.shard_path(shard), Some(home.shard(shard).as_path()));
    assert_eq!(db.shard_path(4), None);
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_touched() {
    let home = Home::new();
    let db = home.open();
    let long = "x".repeat(70_000);
    let error = db.set(&db.collection(&long), "a", b"1").expect_err("too long a name");
    assert_eq!(error.code(), Code::TooLarge);
    assert_eq!(db.stats().buffered_writes, 0);
    let longest = "x".repeat(65_535);
    set(&db, &longest, "a", "1");
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, &longest, "a"), found("1", 1, false));
}

#[test]
fn without_safe_mode_nothing_is_logged_and_everything_else_is_the_same() {
    let home = Home::new();
    let options = Options { safe_mode: false, ..home.options() };
    let db = open(options.clone());
    assert_eq!(db.wal_path(), None);
    set(&db, "c", "a", "1");
    set(&db, "c", "a", "2");
    assert_eq!(get(&db, "c", "a"), found("2", 2, true));
    assert_eq!((db.stats().wal_writes, db.stats().safe_mode), (0, false));
    db.submit_durable_wait(&mut record(&db, &[("c", "b", Some("1"))])).expect("writes");
    assert_eq!(get(&db, "c", "b"), found("1", 1, false), "the shard is where it is durable");
    set(&db, "c", "a", "3");
    let image = home.crash_image();
    db.close().expect("closes");
    assert!(!home.wal().exists());
    let db = open(options);
    assert_eq!(get(&db, "c", "a"), found("3", 3, false));
    let killed = image.open();
    assert_eq!(killed.recovered(), 0);
    assert_eq!(get(&killed, "c", "a"), found("2", 2, false));
    assert_eq!(get(&killed, "c", "b"), found("1", 1, false));
}
