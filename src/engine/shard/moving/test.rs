//! What a move tells while it is under way.

use std::sync::Arc;

use rusqlite::Connection;

use super::{Move, finish};
use crate::engine::{
    io::{Disk, FileSystem},
    shard::{Layout, find, layout::shard_path, open, schema},
};

#[test]
fn a_move_tells_how_far_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("app");
    let files: Arc<dyn FileSystem> = Arc::new(Disk);
    open(&base, 2, true, &files).expect("opens").close().expect("closes");
    for shard in 0..2 {
        let connection = Connection::open(shard_path(&base, shard)).expect("opens");
        connection.execute_batch(&schema::create_table("c")).expect("makes");
        let rows = "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
            INSERT INTO c (id, data) SELECT ? || i, i FROM n";
        connection.execute(rows, [format!("{shard}-")]).expect("inserts");
    }
    let mut told = Vec::new();
    let way = Move::within(&base, 2, 3, &files);
    way.check().expect("can be moved");
    assert_eq!(way.run(&mut |documents, of| told.push((documents, of))).expect("moves"), 6000);
    assert_eq!(told, [1024, 2048, 3072, 4096, 5120, 6000].map(|documents| (documents, 6000)));
    assert!(shard_path(&base, 1).exists() && !shard_path(&base, 2).exists(), "not in their places yet");
    finish(&base, None, &*files).expect("finishes");
    assert_eq!(find(&base, None).expect("looks"), Layout::Here(3));
}

#[test]
fn of_two_documents_with_one_id_the_newer_one_is_kept_whatever_the_table_is_called() {
    for table in ["c", "excluded", "kept"] {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().join("app");
        let files: Arc<dyn FileSystem> = Arc::new(Disk);
        open(&base, 2, true, &files).expect("opens").close().expect("closes");
        for (shard, time) in [(0, "2024-01-01"), (1, "2025-01-01")] {
            let connection = Connection::open(shard_path(&base, shard)).expect("opens");
            connection.execute_batch(&schema::create_table(table)).expect("makes");
            let row = format!("INSERT INTO {table} (id, data, updated_at) VALUES ('a', ?1, ?1)");
            connection.execute(&row, [time]).expect("inserts");
        }
        Move::within(&base, 2, 1, &files).run(&mut |_, _| {}).expect("moves");
        finish(&base, None, &*files).expect("finishes");
        let connection = Connection::open(shard_path(&base, 0)).expect("opens");
        let kept: String = connection
            .query_row(&format!("SELECT data FROM {table}"), [], |row| row.get(0))
            .expect("is there");
        assert_eq!(kept, "2025-01-01", "{table}");
    }
}
