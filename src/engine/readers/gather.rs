//! Several documents that are read by several threads and answered as one JSON array.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use parking_lot::Mutex;

use super::piece::{MOST_BYTES, Piece};
use crate::engine::{
    core::Core,
    error::{Error, Result},
    panic::{call_back, caught},
    read::Wait,
    shard::collection::Collection,
};

/// Called once with the JSON array.
pub(crate) type GatherDone = Box<dyn FnOnce(Result<Vec<u8>>) + Send>;

/// Documents that somebody waits for, until all of them have been read.
pub(crate) struct Gather {
    collection: Arc<Collection>,
    ids: Vec<String>,
    /// Set once nobody waits any more.
    given_up: Arc<AtomicBool>,
    /// Of all texts that were read.
    bytes: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    pieces: Vec<Piece>,
    missing: usize,
    /// Gone once the answer is known.
    done: Option<GatherDone>,
}

impl Gather {
    /// `first`: what has been read so far. All other documents are [sent](Self::send) for.
    pub(crate) fn new(
        collection: &Arc<Collection>,
        ids: Vec<String>,
        first: Piece,
        given_up: &Arc<AtomicBool>,
        done: GatherDone,
    ) -> Arc<Gather> {
        let (missing, bytes) = (ids.len() - first.count(), AtomicUsize::new(first.bytes()));
        let state = Mutex::new(State { pieces: vec![first], missing, done: Some(done) });
        let (collection, given_up) = (Arc::clone(collection), Arc::clone(given_up));
        Arc::new(Gather { collection, ids, given_up, bytes, state })
    }

    /// Has reader threads read these documents, or one of them bring the buffer's index up to date before.
    pub(crate) fn send(self: &Arc<Self>, core: &Arc<Core>, indexes: Vec<usize>, wait: Wait) {
        let readers = &core.readers;
        if wait == Wait::Index {
            return readers.want_indexed(core, Part { gather: Arc::clone(self), indexes }.into());
        }
        let mut shards = vec![Vec::new(); core.shards.len()];
        for index in indexes {
            shards[core.router.shard(&self.ids[index]) as usize].push(index);
        }
        for (shard, indexes) in (0..).zip(shards) {
            if !indexes.is_empty() {
                readers.want(core, shard, Part { gather: Arc::clone(self), indexes }.into());
            }
        }
    }

    /// Takes what a thread has read. The first error is the answer to all.
    pub(crate) fn put(&self, read: Result<Piece>) {
        let mut state = self.state.lock();
        let answer = match read {
            Err(error) => Err(error),
            Ok(piece) => {
                state.missing -= piece.count();
                state.pieces.push(piece);
                if state.missing > 0 {
                    return;
                }
                Ok(std::mem::take(&mut state.pieces))
            }
        };
        let done = state.done.take();
        drop(state);
        if let Some(done) = done {
            call_back(|| done(answer.map(|pieces| Piece::join(&pieces))));
        }
    }
}

/// Documents of a [`Gather`] that belong to one lane.
pub(crate) struct Part {
    gather: Arc<Gather>,
    indexes: Vec<usize>,
}

impl Part {
    pub(super) fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Reads them in the order of their ids, so that neighbours in the file are read together.
    pub(super) fn read(mut self, core: &Core) {
        let gather = &*self.gather;
        self.indexes.sort_unstable_by(|a, b| gather.ids[*a].cmp(&gather.ids[*b]));
        let read = || {
            let (mut piece, mut text) = (Piece::default(), Vec::new());
            for index in &self.indexes {
                core.readers.check_wanted(&gather.given_up)?;
                if gather.bytes.load(Ordering::Relaxed) >= MOST_BYTES {
                    piece.leave_out(*index);
                    continue;
                }
                let found = core.read(&gather.collection, &gather.ids[*index], &mut text)?;
                piece.push(*index, found, &text);
                gather.bytes.fetch_add(text.len(), Ordering::Relaxed);
            }
            Ok(piece)
        };
        gather.put(caught(read));
    }

    /// Reads what is in memory, and hands the rest to the lanes of the shards.
    pub(super) fn read_indexed(self, core: &Arc<Core>) {
        let Part { gather, indexes } = self;
        let mut piece = Piece::default();
        let read = || {
            core.readers.check_wanted(&gather.given_up)?;
            piece.read(&gather.ids, indexes.into_iter(), |id, text| {
                core.read_memory(&gather.collection, id, text)
            })
        };
        match caught(read) {
            Err(error) => gather.put(Err(error)),
            Ok((left, _)) => {
                gather.bytes.fetch_add(piece.bytes(), Ordering::Relaxed);
                gather.put(Ok(piece));
                gather.send(core, left, Wait::Disk);
            }
        }
    }

    pub(super) fn refuse(self, error: Error) {
        self.gather.put(Err(error));
    }
}
