//! What one thread has read of a list of documents, and all of it together as one JSON array.

use crate::engine::{
    db::Document,
    error::Result,
    read::{Attempt, Wait},
};

/// Bytes of JSON from which on the rest of the documents is left out: who asks makes values of all at once, and strings have an end.
pub(super) const MOST_BYTES: usize = 1 << 20;

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
    pub(super) fn push(&mut self, index: usize, found: Option<Document>, text: &[u8]) {
        let found = match found {
            Some(document) => {
                self.texts.extend_from_slice(text);
                Found::Document(document)
            }
            None => Found::Nothing,
        };
        self.members.push(Member { index, end: self.texts.len(), found });
    }

    /// Notes that a document was not read.
    pub(super) fn leave_out(&mut self, index: usize) {
        self.members.push(Member { index, end: self.texts.len(), found: Found::LeftOut });
    }

    /// How many documents it has, read or left out.
    pub(super) fn count(&self) -> usize {
        self.members.len()
    }

    /// Bytes of the texts.
    pub(super) fn bytes(&self) -> usize {
        self.texts.len()
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
