//! A point read: buffer, then cache, then shard.

use std::{borrow::Cow, sync::atomic::Ordering};

use super::{
    buffer::{Lookup, Newest},
    core::Core,
    db::Document,
    error::Result,
    log::Lsn,
    shard::{REGISTRAR, Store, Stored, collection::Collection},
};

impl Core {
    /// Puts the document's JSON text into `text`. Sees every write that returned before the call.
    pub(crate) fn read(
        &self,
        collection: &Collection,
        id: &str,
        text: &mut Vec<u8>,
    ) -> Result<Option<Document>> {
        let number = collection.number;
        let buffered = |newest: Newest| newest.is_buffered(|| self.shard(id).applied());
        loop {
            text.clear();
            let found = match self.buffer.read(number, id, text)? {
                Lookup::Absent => return self.read_stored(collection, id, text),
                Lookup::Deleted => None,
                Lookup::Known(version, newest) => {
                    Some(Document { version, buffered: buffered(newest), cached: false })
                }
                Lookup::Unsettled(pending) => {
                    let (stored, as_of) = self.stored_version(collection, id)?;
                    // None: a flush or a write came between.
                    let Some(version) = self.buffer.settle(number, id, pending, stored, as_of)? else {
                        continue;
                    };
                    Some(Document { version, buffered: buffered(pending.newest), cached: false })
                }
            };
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(found);
        }
    }

    fn shard(&self, id: &str) -> &dyn Store {
        &*self.shards[self.router.shard(id) as usize]
    }

    fn read_stored(&self, collection: &Collection, id: &str, text: &mut Vec<u8>) -> Result<Option<Document>> {
        if let Some(version) = self.cache.read(collection.number, id, text) {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(Document { version, buffered: false, cached: true }));
        }
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        let Some(table) = self.table_of(collection) else { return Ok(None) };
        let number = self.router.shard(id);
        let shard = &*self.shards[number as usize];
        self.watch.note_read(number);
        let origin = self.cache.origin(number);
        let Stored { version, as_of } = shard.read(&table, id, text)?;
        let Some(version) = version else { return Ok(None) };
        // What another collection may still take over is not kept.
        if let Cow::Borrowed(_) = table {
            self.cache.keep((collection.number, id), text, (version, as_of), origin, || shard.applied());
        }
        Ok(Some(Document { version, buffered: false, cached: false }))
    }

    /// The table to read a collection from.
    fn table_of<'a>(&self, collection: &'a Collection) -> Option<Cow<'a, str>> {
        // Another process may have made one; the first shard tells, and is looked at all the time from now on.
        if collection.table().is_none() && self.watch.note_read(REGISTRAR) {
            // What fails here fails in the read of any document too.
            let _ = self.collections.refresh();
        }
        collection.table()
    }

    /// What the shard, or the cache for it, says about a document's version, and as of which place.
    fn stored_version(&self, collection: &Collection, id: &str) -> Result<(u64, Lsn)> {
        if let Some(known) = self.cache.version(collection.number, id) {
            return Ok(known);
        }
        let Some(table) = self.table_of(collection) else { return Ok((0, Lsn(0))) };
        self.watch.note_read(self.router.shard(id));
        let stored = self.shard(id).read(&table, id, &mut Vec::new())?;
        Ok((stored.version.unwrap_or(0), stored.as_of))
    }
}
