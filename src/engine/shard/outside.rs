//! What others write to a shard's file: noticed many times a second, in databases that nobody uses for hours, too.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::Connection;

use super::mending::wal_path;

/// So long after its last change a file's time has surely gone on, on every file system: a later change gives it another one.
const REST: Duration = Duration::from_secs(3);

/// What is known of the changes of others. Each goes through SQLite's log.
#[derive(Debug)]
pub(super) struct Outside {
    wal: PathBuf,
    /// SQLite's count of what other connections have written.
    version: i64,
    /// Time and length of SQLite's log when SQLite was asked last, if it had long been at rest.
    rested: Option<(SystemTime, u64)>,
}

impl Outside {
    pub(super) fn new(connection: &Connection, shard: &Path) -> rusqlite::Result<Self> {
        Ok(Outside { wal: wal_path(shard), version: data_version(connection)?, rested: None })
    }

    /// Whether another connection than this one has written since this was asked last.
    pub(super) fn has_changed(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        // Before SQLite is asked: what is written behind that has another time. The file's is a tenth of the price of SQLite's answer.
        let rested = self.rested();
        if rested.is_some() && rested == self.rested {
            return Ok(false);
        }
        let version = data_version(connection)?;
        self.rested = rested;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }

    fn rested(&self) -> Option<(SystemTime, u64)> {
        // Elsewhere the time may stand still while the file is open.
        if !cfg!(unix) {
            return None;
        }
        let found = std::fs::metadata(&self.wal).ok()?;
        let changed = found.modified().ok()?;
        let is_at_rest = SystemTime::now().duration_since(changed).is_ok_and(|rest| rest > REST);
        is_at_rest.then_some((changed, found.len()))
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
