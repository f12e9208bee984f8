//! Several documents that are read by several threads and answered as one JSON array.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use parking_lot::Mutex;

use crate::engine::{
    core::Core,
    db::Document,
    error::{Error, Result},
    panic::{call_back, caught},
    read::{Attempt, Wait},
    shard::collection::Collection,
};

/// Bytes of JSON from which on the rest of the documents is left out: who asks makes values of all at once, and strings have an end.
const MOST_BYTES: usize = 1 << 20;

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

/// What one thread has read of the documents.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    texts: Vec<u8>,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    /// Of its id.
    index: usize,
    /// Where its text ends, which begins where the one before ends.
    end: usize,
    found: Found,
}

#[derive(Debug, Clone, Copy)]
enum Found {
    Document(Document),
    Nothing,
    /// There were enough bytes already.
    LeftOut,
}

impl Piece {
    /// Takes a document that was read.
    fn push(&mut self, index: usize, found: Option<Document>, text: &[u8]) {
        let found = match found {
            Some(document) => {
                self.texts.extend_from_slice(text);
                Found::Document(document)
            }
            None => Found::Nothing,
        };
        self.members.push(Member { index, end: self.texts.len(), found });
    }

    fn leave_out(&mut self, index: usize) {
        self.members.push(Member { index, end: self.texts.len(), found: Found::LeftOut });
    }

    /// Reads documents, those that `read` does not have to wait for. Returns the others, and what they wait for.
    pub(crate) fn read(
        &mut self,
        ids: &[String],
        indexes: impl Iterator<Item = usize>,
        read: impl Fn(&str, &mut Vec<u8>) -> Result<Attempt>,
    ) -> Result<(Vec<usize>, Option<Wait>)> {
        let (mut left, mut wait, mut text) = (Vec::new(), None, Vec::new());
        for index in indexes {
            if self.texts.len() >= MOST_BYTES {
                self.leave_out(index);
                continue;
            }
            match read(&ids[index], &mut text)? {
                Attempt::Done(found) => self.push(index, found, &text),
                Attempt::WouldWait(for_what) => {
                    left.push(index);
                    // What waits for the index may be in memory once that is there.
                    wait = wait.max(Some(for_what));
                }
            }
        }
        Ok((left, wait))
    }

    /// The documents of all pieces as one flat JSON array, in the order of their ids: for each its JSON text, its version or
    /// null if there is none here, and a state: 1 if it is buffered, 2 if it was left out, and else 0.
    pub(crate) fn join(pieces: &[Piece]) -> Vec<u8> {
        let mut places = Vec::new();
        for piece in pieces {
            let mut start = 0;
            for member in &piece.members {
                places.push((member.index, member.found, &piece.texts[start..member.end]));
                start = member.end;
            }
        }
        places.sort_unstable_by_key(|(index, ..)| *index);
        let bytes: usize = pieces.iter().map(|piece| piece.texts.len()).sum();
        let mut array = Vec::with_capacity(bytes + places.len() * 16 + 2);
        for (_, found, text) in places {
            array.push(if array.is_empty() { b'[' } else { b',' });
            match found {
                Found::Document(Document { version, buffered, .. }) => {
                    array.extend_from_slice(text);
                    array.push(b',');
                    serde_json::to_writer(&mut array, &version).expect("a number always becomes JSON");
                    array.extend_from_slice(if buffered { b",1" } else { b",0" });
                }
                Found::Nothing => array.extend_from_slice(b"null,null,0"),
                Found::LeftOut => array.extend_from_slice(b"null,null,2"),
            }
        }
        if array.is_empty() {
            array.push(b'[');
        }
        array.push(b']');
        array
    }
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
        let (missing, bytes) = (ids.len() - first.members.len(), AtomicUsize::new(first.texts.len()));
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
                state.missing -= piece.members.len();
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
                gather.bytes.fetch_add(piece.texts.len(), Ordering::Relaxed);
                gather.put(Ok(piece));
                gather.send(core, left, Wait::Disk);
            }
        }
    }

    pub(super) fn refuse(self, error: Error) {
        self.gather.put(Err(error));
    }
}
