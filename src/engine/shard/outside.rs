//! What others write to a shard's file: noticed many times a second, in databases that nobody uses for hours, too.

use rusqlite::Connection;

use super::vfs::{IndexHeader, index_header};

/// What is known of the changes of others.
#[derive(Debug)]
pub(super) struct Outside {
    /// SQLite's count of what other connections have written.
    version: i64,
    /// As it was when SQLite was asked for that.
    header: Option<IndexHeader>,
}

impl Outside {
    pub(super) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Outside { version: data_version(connection)?, header: None })
    }

    /// Whether another connection than this one has written since this was asked last.
    pub(super) fn has_changed(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        // IMPORTANT: before SQLite is asked, so that what is committed meanwhile is found the next time.
        let header = index_header(connection);
        // SQLite compares the same, but takes locks for it, which are calls of the system.
        if header.is_some() && header == self.header {
            return Ok(false);
        }
        let version = data_version(connection)?;
        self.header = header;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
