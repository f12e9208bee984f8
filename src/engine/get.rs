//! Reading documents by their ids: at once, waiting for the disk, or later.

use std::sync::Arc;

use super::{
    core::Core,
    db::{Database, Document},
    error::Result,
    read::{Attempt, Wait},
    readers::{Gather, Read, ReadDone, Wanted, write_member},
    shard::collection::Collection,
};

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
        let wanted = Wanted { collection: Arc::clone(collection), id: id.into(), done, given_up };
        match wait {
            Wait::Disk => core.readers.want(core, core.router.shard(id), wanted),
            Wait::Index => core.readers.want_indexed(core, wanted),
        }
    }

    /// Reads several documents as one JSON array; `null` stands for one that does not exist.
    pub fn get_many(&self, collection: &Collection, ids: &[String]) -> Result<Vec<u8>> {
        let core = self.core()?;
        let mut out = vec![b'['];
        let mut text = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            separate(&mut out, index);
            let found = core.read(collection, id, &mut text)?;
            write_member(&mut out, id, found, &text);
        }
        out.push(b']');
        Ok(out)
    }

    /// As [`Database::get_many`], for threads that must not wait for a disk. `None`: reader threads go on with it and call
    /// what `done` returns.
    pub fn try_get_many<D>(
        &self,
        collection: &Arc<Collection>,
        ids: &[String],
        done: impl FnOnce() -> D,
    ) -> Result<Option<Vec<u8>>>
    where
        D: FnOnce(Result<Vec<u8>>) + Send + 'static,
    {
        let core = self.shared_core()?;
        let mut out = vec![b'['];
        let mut text = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            separate(&mut out, index);
            match core.try_read(collection, id, &mut text)? {
                Attempt::Done(found) => write_member(&mut out, id, found, &text),
                Attempt::WouldWait(wait) => {
                    let gather = Gather::new(out, ids[index..].to_vec(), Box::new(done()));
                    for (index, id) in gather.ids().iter().enumerate() {
                        let answer = Arc::clone(&gather);
                        self.want(core, collection, id, wait, Box::new(move |read| answer.put(index, read)));
                    }
                    return Ok(None);
                }
            }
        }
        out.push(b']');
        Ok(Some(out))
    }
}

/// Puts a comma between the members of an array.
fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}
