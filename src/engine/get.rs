//! Reading documents by their ids: at once, waiting for the disk, or later.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    core::Core,
    db::{Database, Document},
    error::Result,
    read::{Attempt, Wait},
    readers::{Gather, One, Piece, Read, ReadDone},
    shard::collection::Collection,
};

/// Longest time in which a thread that must not wait goes on with a list, while reader threads may be at the same shards.
const MOST_HERE: Duration = Duration::from_millis(2);

impl Database {
    /// Reads a document: puts its JSON text into `text`. Sees every write that returned before the call.
    pub fn get(&self, collection: &Collection, id: &str, text: &mut Vec<u8>) -> Result<Option<Document>> {
        self.core()?.read(collection, id, text)
    }

    /// As [`Database::get`], for threads that must not wait for a disk. Where reads of the shard have been slow lately, or
    /// nothing was read from it yet, or much was written since the last read, it is [`Attempt::WouldWait`]; then ask
    /// [`Database::get_later`].
    pub fn try_get(&self, collection: &Collection, id: &str, text: &mut Vec<u8>) -> Result<Attempt> {
        self.core()?.try_read(collection, id, text)
    }

    /// Has a reader thread read a document. `wait`: what [`Database::try_get`] would have waited for. `done` is called once,
    /// from that thread or, where the database is being closed, this one. Sees every write that returned before the call.
    pub fn get_later(
        &self,
        collection: &Arc<Collection>,
        id: &str,
        wait: Wait,
        done: impl FnOnce(Result<Option<Read>>) + Send + 'static,
    ) -> Result<()> {
        let core = self.shared_core()?;
        self.want(core, collection, id, wait, Box::new(done));
        Ok(())
    }

    fn want(&self, core: &Arc<Core>, collection: &Arc<Collection>, id: &str, wait: Wait, done: ReadDone) {
        let given_up = Arc::clone(&self.reads_given_up);
        let one = One { collection: Arc::clone(collection), id: id.into(), done, given_up };
        match wait {
            Wait::Disk => core.readers.want(core, core.router.shard(id), one.into()),
            Wait::Index => core.readers.want_indexed(core, one.into()),
        }
    }

    /// Reads several documents, in the order of the ids.
    pub fn get_many(&self, collection: &Collection, ids: &[String]) -> Result<Vec<Option<Read>>> {
        let core = self.core()?;
        let read = |id: &String| {
            let mut text = Vec::new();
            let found = core.read(collection, id, &mut text)?;
            Ok(found.map(|document| Read { document, text }))
        };
        ids.iter().map(read).collect()
    }

    /// Reads several documents, for threads that must not wait for a disk: one flat JSON array, in the order of the ids, that has
    /// for each its JSON text, its version or null if there is none here, and a state: 1 if it is buffered, 2 if it was left out because
    /// others of the list have a megabyte already, and else 0.
    ///
    /// `None`: reader threads go on with it, several at once, and call what `done` returns. `read_here`: they do so too where more
    /// documents than this have to come from shards, or it takes long. Sees every write that returned before the call.
    pub fn try_get_many<D>(
        &self,
        collection: &Arc<Collection>,
        ids: Vec<String>,
        read_here: usize,
        done: impl FnOnce() -> D,
    ) -> Result<Option<Vec<u8>>>
    where
        D: FnOnce(Result<Vec<u8>>) + Send + 'static,
    {
        let core = self.shared_core()?;
        let mut piece = Piece::default();
        let (mut left, mut wait) =
            piece.read(&ids, 0..ids.len(), |id, text| core.read_memory(collection, id, text))?;
        if wait == Some(Wait::Disk) && left.len() <= read_here {
            let begun = Instant::now();
            (left, wait) =
                piece.read(&ids, left.into_iter(), |id, text| match begun.elapsed() < MOST_HERE {
                    true => core.try_read(collection, id, text),
                    false => Ok(Attempt::WouldWait(Wait::Disk)),
                })?;
        }
        let Some(wait) = wait else { return Ok(Some(Piece::join(&[piece]))) };
        let gather = Gather::new(collection, ids, piece, &self.reads_given_up, Box::new(done()));
        gather.send(core, left, wait);
        Ok(None)
    }
}
