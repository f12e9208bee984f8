//! Several reads that are answered as one JSON array.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Read;
use crate::engine::{db::Document, error::Result};

/// Called once with the JSON array.
pub(crate) type GatherDone = Box<dyn FnOnce(Result<Vec<u8>>) + Send>;

/// Waits for reads that are answered in any order.
pub(crate) struct Gather {
    ids: Vec<String>,
    state: Mutex<State>,
}

struct State {
    /// The array up to the first of the reads.
    head: Vec<u8>,
    /// The answers.
    members: Vec<Vec<u8>>,
    missing: usize,
    /// Gone once the answer is known.
    done: Option<GatherDone>,
}

impl Gather {
    /// `head`: the array up to the first read, with the bracket and all commas. `ids`: of the reads, at least one.
    pub(crate) fn new(head: Vec<u8>, ids: Vec<String>, done: GatherDone) -> Arc<Gather> {
        let (members, missing) = (vec![Vec::new(); ids.len()], ids.len());
        Arc::new(Gather { ids, state: Mutex::new(State { head, members, missing, done: Some(done) }) })
    }

    pub(crate) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Takes the answer to a read. The first error is the answer to all.
    pub(crate) fn put(&self, index: usize, answer: Result<Option<Read>>) {
        let mut state = self.state.lock();
        let answered = match answer {
            Err(error) => Err(error),
            Ok(found) => {
                let (found, text) = found.map_or((None, Vec::new()), |read| (Some(read.document), read.text));
                write_member(&mut state.members[index], &self.ids[index], found, &text);
                state.missing -= 1;
                if state.missing > 0 {
                    return;
                }
                Ok(state.join())
            }
        };
        let done = state.done.take();
        drop(state);
        if let Some(done) = done {
            done(answered);
        }
    }
}

impl State {
    fn join(&mut self) -> Vec<u8> {
        let mut array = std::mem::take(&mut self.head);
        for (index, member) in self.members.drain(..).enumerate() {
            if index > 0 {
                array.push(b',');
            }
            array.extend_from_slice(&member);
        }
        array.push(b']');
        array
    }
}

/// Appends a document that was read, `{"id":...,"data":...,"_version":...}`, or `null`.
pub(crate) fn write_member(out: &mut Vec<u8>, id: &str, found: Option<Document>, text: &[u8]) {
    let Some(Document { version, buffered, .. }) = found else { return out.extend_from_slice(b"null") };
    out.extend_from_slice(b"{\"id\":");
    serde_json::to_writer(&mut *out, id).expect("a string always becomes JSON");
    out.extend_from_slice(b",\"data\":");
    out.extend_from_slice(text);
    out.extend_from_slice(b",\"_version\":");
    out.extend_from_slice(version.to_string().as_bytes());
    out.extend_from_slice(if buffered { b",\"_buffered\":true}" } else { b"}" });
}
