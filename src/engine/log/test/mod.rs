//! Tests of the log, and what they share.

#[cfg(target_os = "linux")]
mod by_call;
mod claims;
mod damage;
mod failing;
mod format;
mod ring;
mod slow;
mod waiting;

use std::{ops::ControlFlow, path::Path, sync::Arc};

use proptest::test_runner::Config;

use super::{Access, Appended, Draft, Id, Kind, Log, Lsn, Op, Opened, file, record::RECORD_HEADER};
use crate::engine::{error::Error, io::Disk, options::Backend};

const DATABASE: Id = [7; 16];
const SEED: u32 = 1234;

fn open(path: &Path, capacity: u64, database: Id) -> Result<Opened, Error> {
    file::open(path, database, &Access { files: Arc::new(Disk), backend: Backend::Auto, capacity })
}

/// An operation, owned: whether it deletes, number, collection, id, text.
type Owned = (bool, u32, String, String, Vec<u8>);

fn draft(ops: &[Owned]) -> Draft {
    let mut draft = Draft::default();
    draft.clear();
    for (delete, number, collection, id, value) in ops {
        let kind = if *delete { Kind::Delete } else { Kind::Upsert };
        draft.push(kind, *number, collection, id, value);
    }
    draft
}

fn owned(op: Op<'_>) -> Owned {
    (op.kind == Kind::Delete, op.number, op.collection.to_owned(), op.id.to_owned(), op.value.to_owned())
}

/// A record of one operation, with that text.
fn one(text: &str) -> Draft {
    draft(&[(false, 0, "c".to_owned(), "id".to_owned(), text.as_bytes().to_vec())])
}

/// A record of one operation that takes so many bytes.
fn sized(bytes: u64) -> Draft {
    let rest = RECORD_HEADER + one("").body().len();
    let draft = one(&"x".repeat(bytes as usize - rest));
    assert_eq!(draft.len(), bytes);
    draft
}

fn cheap() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

fn anonymous(capacity: u64) -> Arc<Log> {
    file::open_anonymous(DATABASE, [1; 16], capacity, Lsn(0)).expect("memory").log
}

/// Appends what fits for certain.
fn append(log: &Log, draft: &mut Draft) -> Lsn {
    match log.append(draft, || unreachable!("there is room")).expect("appends") {
        Appended::Logged { end, .. } => end,
        Appended::Queued => unreachable!("there is room"),
    }
}

/// The texts of all operations between the tail and the head.
fn texts(log: &Arc<Log>) -> Vec<Vec<u8>> {
    let claim = log.claim(log.tail());
    let mut texts = Vec::new();
    let walk = claim.walk(log.tail(), log.head(), |met| {
        assert_eq!(claim.op(met.at).expect("is intact"), met.op, "found again by its place");
        texts.push(met.op.value.to_vec());
        ControlFlow::Continue(())
    });
    walk.expect("is intact");
    texts
}
