//! Moving SQLite's own log into the database file.

use std::sync::atomic::Ordering;

use super::{Rows, sqlite::SqliteShard};
use crate::engine::{
    error::Result,
    io::{Looked, look_at_path},
};

/// Bytes of SQLite's own log at which a flush moves them into the database file. The longer that log, the more changes of a
/// page are moved as one: random ids come a fifth faster into their shard than with half of it.
pub(super) const CHECKPOINT_BYTES: i64 = 32 << 20;

impl SqliteShard {
    /// Moves SQLite's log into the database file if it is long, or always; then there is nothing left of it.
    pub(super) fn move_log(&self, always: bool) -> Result<()> {
        self.check_suspicion(false)?;
        self.end_snapshot();
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(|| self.gone())?.connection;
        let run = |mode: &str| -> rusqlite::Result<i64> {
            connection
                .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
                .query_row([], |row| row.get(1))
        };
        let is_long = |pages: i64| pages * self.page_size >= CHECKPOINT_BYTES;
        let moved = if always {
            run("TRUNCATE")
        } else {
            run("NOOP").and_then(|pages| if is_long(pages) { run("PASSIVE") } else { Ok(pages) })
        };
        moved.map_err(|error| self.note_loss(self.explain("checkpoint", &error)))?;
        drop(writer);
        // IMPORTANT: a snapshot that was begun meanwhile reads from SQLite's log, which does not begin anew while one does. The next
        // flush would add to it before it ends the snapshot, and so would all later ones.
        self.end_snapshot();
        if let Ok(Looked { size, .. }) = look_at_path(&self.path) {
            self.size.store(size, Ordering::Release);
        }
        Ok(())
    }

    /// Runs a pragma that checkpoints, as a user wrote it.
    pub(super) fn checkpoint_by(&self, sql: &str) -> Result<Rows> {
        self.check_suspicion(false)?;
        self.end_snapshot();
        let writer = self.writer.lock();
        let result = self.run(&writer.as_ref().ok_or_else(|| self.gone())?.connection, sql);
        result.map_err(|error| self.note_loss(error))
    }
}

/// Whether a pragma is `wal_checkpoint`, alone or with one word as its argument.
pub(super) fn is_checkpoint(pragma: &str) -> bool {
    let text = pragma.trim().to_ascii_lowercase();
    let Some(argument) = text.strip_prefix("wal_checkpoint") else { return false };
    argument.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '(' | ')' | '=' | ' '))
}
