//! The documents of a collection that were updated last, out of all shards, as JSON arrays.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, binary_heap::PeekMut},
    io::Write,
    iter::{self, Peekable},
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
    vec,
};

use super::{
    core::Core,
    error::Result,
    panic::or_panicked,
    shard::{REGISTRAR, Scanned, ShardId, collection::Collection},
};

/// A text ends with the document that brings it here: the other side makes values of one after the other, which takes about a
/// millisecond, and goes on with other work in between. V8 keeps strings of more than 128 KiB apart, and collects garbage more often for
/// them; a text with a letter beyond Latin-1 takes two bytes a letter there, and may be one all the same.
const LONG_TEXT: usize = 96 << 10;

/// Where the first shard takes longer, other threads help with the rest.
const LONG: Duration = Duration::from_millis(2);

/// The `limit` documents updated last, newest first (of the same second: by id, highest first). `over`: flags that say that nobody waits for
/// them any more.
pub(super) fn newest(
    core: &Core,
    collection: &Collection,
    limit: u64,
    over: &[Arc<AtomicBool>],
) -> Result<Merged> {
    core.look_outside(REGISTRAR);
    if collection.table().is_none() {
        core.learn_collections()?;
        // Another program may have made the table only, and anywhere.
        (0..core.options.shard_count).for_each(|shard| core.look_outside(shard));
    }
    let lists = match collection.table() {
        Some(table) => of_all_shards(core, &table, limit, over)?,
        None => Vec::new(),
    };
    Ok(Merged::of(lists, limit))
}

/// Documents out of several lists, each of which has its newest first, in the order of all.
pub(super) struct Merged {
    lists: BinaryHeap<List>,
    left: u64,
}

impl Merged {
    fn of(lists: Vec<Vec<Scanned>>, limit: u64) -> Merged {
        let list = |documents: Vec<Scanned>| {
            let mut rest = documents.into_iter();
            rest.next().map(|first| List { first, rest })
        };
        Merged { lists: lists.into_iter().filter_map(list).collect(), left: limit }
    }

    /// See [`Texts`](super::scan::Texts).
    pub(super) fn texts(self) -> impl Iterator<Item = String> {
        let mut documents = self.peekable();
        iter::from_fn(move || next_text(&mut documents))
    }
}

impl Iterator for Merged {
    type Item = Scanned;

    fn next(&mut self) -> Option<Scanned> {
        self.left = self.left.checked_sub(1)?;
        let mut list = self.lists.peek_mut()?;
        Some(match list.rest.next() {
            Some(next) => mem::replace(&mut list.first, next),
            None => PeekMut::pop(list).first,
        })
    }
}

/// A list that is not empty. The greatest is the one whose first document is the newest.
struct List {
    first: Scanned,
    rest: vec::IntoIter<Scanned>,
}

impl Ord for List {
    fn cmp(&self, other: &Self) -> Ordering {
        Scanned::newest_first(&other.first, &self.first)
    }
}

impl PartialOrd for List {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for List {}

/// Those of each shard.
fn of_all_shards(
    core: &Core,
    table: &str,
    limit: u64,
    over: &[Arc<AtomicBool>],
) -> Result<Vec<Vec<Scanned>>> {
    let next = AtomicUsize::new(0);
    let read_next = || {
        let number = next.fetch_add(1, Relaxed);
        let shard = core.shards.get(number)?;
        let read = shard.newest(table, limit, over);
        // Or the next read of a document that was listed could give what another process has replaced. Not where a flush is at the
        // shard: that one looks when it is done.
        core.look_outside(number as ShardId);
        if read.is_err() {
            // Nobody needs the rest.
            next.store(core.shards.len(), Relaxed);
        }
        Some(read)
    };
    let read_rest = || iter::from_fn(read_next).collect::<Result<Vec<_>>>();
    let start = Instant::now();
    let mut parts: Vec<_> = read_next().transpose()?.into_iter().collect();
    let helpers = if start.elapsed() < LONG { 0 } else { helpers(core.shards.len() - parts.len()) };
    let rest = thread::scope(|scope| {
        let help = |_| thread::Builder::new().name("kimdb-scan".into()).spawn_scoped(scope, read_rest);
        // Without a thread more the others do its part.
        let threads: Vec<_> = (0..helpers).filter_map(|number| help(number).ok()).collect();
        let own = read_rest();
        let theirs = threads.into_iter().map(|thread| or_panicked(thread.join()));
        iter::once(own).chain(theirs.collect::<Vec<_>>()).collect::<Result<Vec<_>>>()
    });
    parts.extend(rest?.into_iter().flatten());
    Ok(parts)
}

/// Threads that so many shards and the processor can use beside this one.
fn helpers(shards: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    shards.min(cores).saturating_sub(1)
}

/// One JSON array of what comes next; none at the end.
fn next_text(documents: &mut Peekable<impl Iterator<Item = Scanned>>) -> Option<String> {
    let (mut text, mut count) = (b"[".to_vec(), 0);
    // A document of that length is alone, so that it is not the others' fault if it is too long for a JavaScript string.
    let is_alone = |document: &Scanned| document.value().len() >= LONG_TEXT;
    while let Some(document) = documents.next_if(|next| count == 0 || !is_alone(next)) {
        serde_json::to_writer(&mut text, document.id()).expect("a string always becomes JSON");
        text.push(b',');
        text.extend_from_slice(document.value().as_bytes());
        write!(text, ",{},", document.version).expect("memory takes everything");
        count += 1;
        if text.len() >= LONG_TEXT {
            break;
        }
    }
    if count == 0 {
        return None;
    }
    write!(text, "{count}]").expect("memory takes everything");
    Some(String::from_utf8(text).expect("texts, put together"))
}
