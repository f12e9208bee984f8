//! Point reads from a shard.
//!
//! The reader stays inside one read transaction from flush to flush, which halves the price of a read. It is ended after each
//! commit and each checkpoint, and now and then for other processes, so that it does not keep SQLite's log from beginning anew.

use hashlink::LruCache;
use rusqlite::Connection;

use super::{
    Stored,
    memory::kept_collections,
    schema,
    statement::{self, Param, Statement, pages_read, read_piece},
};
use crate::engine::{
    log::{Id, Lsn},
    stopwatch::Stopwatch,
};

/// Prepared statements are kept for this many collections, where there are few shards.
const KEPT_COLLECTIONS: usize = 256;

#[derive(Debug)]
pub(super) struct Reader {
    // NOTE: before the connection, so that they are finalized before it closes.
    statements: LruCache<String, Statement>,
    connection: Connection,
    /// Up to where the open read transaction sees the log applied.
    snapshot: Option<Lsn>,
}

impl Reader {
    /// A reader of one of so many shards.
    pub(super) fn new(connection: Connection, shards: u32) -> Self {
        let statements = LruCache::new(kept_collections(KEPT_COLLECTIONS, shards));
        Reader { statements, connection, snapshot: None }
    }

    /// Bytes of pages and statements.
    pub(super) fn memory(&self) -> usize {
        let statements: usize = self.statements.iter().map(|(_, statement)| statement.bytes()).sum();
        statements + statement::cached_bytes(&self.connection)
    }

    /// Reads one document. A table that does not exist has none.
    pub(super) fn read(
        &mut self,
        log: &Id,
        table: &str,
        id: &str,
        value: &mut Vec<u8>,
    ) -> rusqlite::Result<Stored> {
        let result = self.try_read(log, table, id, value);
        if result.is_err() {
            self.statements.clear();
            self.end();
        }
        result
    }

    fn try_read(&mut self, log: &Id, table: &str, id: &str, value: &mut Vec<u8>) -> rusqlite::Result<Stored> {
        let watch = Stopwatch::start();
        let as_of = match self.snapshot {
            Some(as_of) => as_of,
            None => {
                self.connection.prepare_cached("BEGIN")?.execute([])?;
                let as_of = schema::applied(&self.connection, log)?;
                self.snapshot = Some(as_of);
                as_of
            }
        };
        let mut version = None;
        // NOTE: asked of the very snapshot; a flush may make the table at any time.
        if let Some(statement) = self.statement(table)? {
            let read = statement.first(&[Param::Text(id.as_bytes())], |row| {
                value.extend_from_slice(row.bytes(0));
                version = Some(schema::version_of(row.int(1)));
            });
            match read {
                // Somebody has dropped it.
                Err(error) if schema::is_no_table(&error) => _ = self.statements.remove(table),
                read => read?,
            }
        }
        Ok(Stored { version, as_of, took: watch.took() })
    }

    fn statement(&mut self, table: &str) -> rusqlite::Result<Option<&mut Statement>> {
        if !self.statements.contains_key(table) {
            let sql = format!("SELECT data, _version FROM {} WHERE id = ?", schema::quote(table));
            match Statement::prepare(&self.connection, &sql) {
                Ok(statement) => self.statements.insert(table.to_owned(), statement),
                Err(error) if schema::is_no_table(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        Ok(self.statements.get_mut(table))
    }

    /// Pages that were not in memory when they were needed, since the connection was opened.
    pub(super) fn pages_read(&self) -> u64 {
        pages_read(&self.connection)
    }

    /// Reads any piece of the file.
    pub(super) fn sample(&self) {
        let mut place = [0; 8];
        // Without random bytes it is the first piece.
        let _ = getrandom::fill(&mut place);
        read_piece(&self.connection, u64::from_ne_bytes(place));
    }

    /// Ends the read transaction; the next read sees what was committed since.
    pub(super) fn end(&mut self) {
        if self.snapshot.take().is_some() || !self.connection.is_autocommit() {
            // NOTE: ending a transaction that only read cannot fail in a way that matters: it is over either way.
            let _ = self.connection.execute_batch("COMMIT");
        }
    }
}
