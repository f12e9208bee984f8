//! What SQLite's connections of a shard may take of memory, and what they do take.
//!
//! A shard has one connection that writes and a few that read, each with a cache of pages of its own. With many shards
//! each gets less, so that all together take not much more than [`FULL_SHARDS`] of them may.

use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;

use super::{sqlite::SqliteShard, statement};
use crate::engine::error::Result;

/// So many shards have caches of full size.
const FULL_SHARDS: u32 = 16;

/// No cache is smaller, in KiB: SQLite holds a page of each level of a tree anyway.
const LEAST: u32 = 64;

/// Bytes in use, as they were when they could last be asked for.
#[derive(Debug, Default)]
pub(super) struct InUse {
    writer: AtomicUsize,
    reader: AtomicUsize,
    spares: AtomicUsize,
}

/// Gives a connection that was just opened what it may have as one of so many shards.
pub(super) fn moderated(connection: Connection, shards: u32) -> rusqlite::Result<Connection> {
    if shards > FULL_SHARDS {
        // Set when it was opened, and so in KiB, which SQLite tells by a minus.
        let kib: i64 = connection.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
        let kib = share(u32::try_from(-kib).unwrap_or(LEAST), shards);
        connection.execute_batch(&format!("PRAGMA cache_size = -{kib}"))?;
    }
    Ok(connection)
}

/// Prepared statements of so many collections are kept by a connection, where `most` are kept with few shards.
pub(super) fn kept_collections(most: usize, shards: u32) -> usize {
    /// A flush visits some collections at a time.
    const LEAST: usize = 4;
    kept(most, shards).max(LEAST)
}

/// What one of so many shards may keep of what it keeps `most` of with few shards.
pub(super) fn kept(most: usize, shards: u32) -> usize {
    most * FULL_SHARDS as usize / shards.max(FULL_SHARDS) as usize
}

/// What is left, in KiB, of a cache that is one among those of so many shards.
fn share(kib: u32, shards: u32) -> u32 {
    let part = u64::from(kib) * u64::from(FULL_SHARDS) / u64::from(shards.max(FULL_SHARDS));
    kib.min(LEAST.max(part as u32))
}

impl SqliteShard {
    /// A connection as one of those of this shard.
    pub(super) fn moderated(&self, connection: Connection) -> Result<Connection> {
        moderated(connection, self.shards()).map_err(|error| self.explain("open", &error))
    }

    /// Shards of the database.
    pub(super) fn shards(&self) -> u32 {
        self.owner.map_or(1, |owner| owner.shards)
    }

    /// Bytes of pages, statements and what the writer keeps in mind. A connection that is in use counts with what it had before.
    pub(super) fn bytes_in_use(&self) -> usize {
        if let Some(writer) = self.writer.try_lock() {
            let bytes = writer.as_ref().map_or(0, |writer| writer.memory());
            self.in_use.writer.store(bytes, Ordering::Relaxed);
        }
        if let Some(reader) = self.reader.try_lock()
            && let Ok(reader) = reader.try_borrow()
        {
            let bytes = reader.as_ref().map_or(0, |reader| reader.memory());
            self.in_use.reader.store(bytes, Ordering::Relaxed);
        }
        if let Some(spares) = self.spares.try_lock() {
            let bytes = spares.iter().map(|spare| statement::cached_bytes(spare)).sum();
            self.in_use.spares.store(bytes, Ordering::Relaxed);
        }
        let InUse { writer, reader, spares } = &self.in_use;
        [writer, reader, spares].iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn caches_shrink_with_many_shards() {
        assert_eq!([1, 8, 16].map(|shards| share(8192, shards)), [8192; 3]);
        assert_eq!([17, 64, 1024].map(|shards| share(8192, shards)), [7710, 2048, 128]);
        assert_eq!([64, 512, 1024].map(|shards| share(2048, shards)), [512, 64, 64]);
        assert_eq!(share(32, 1024), 32, "never more than it was");
    }

    #[test]
    fn fewer_statements_are_kept_with_many_shards() {
        assert_eq!([1, 16, 32, 1024].map(|shards| kept_collections(64, shards)), [64, 64, 32, 4]);
    }
}
