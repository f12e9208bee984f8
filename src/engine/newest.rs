//! The documents of a collection that were updated last, out of all shards, as JSON arrays.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, binary_heap::PeekMut},
    io::Write,
    iter::{self, Peekable},
    mem,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
    vec,
};

use parking_lot::Mutex;

use super::{
    core::Core,
    error::Result,
    panic::or_panicked,
    shard::{Newest, REGISTRAR, Scanned, collection::Collection},
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
    let look_outside = || (0..core.options.shard_count).for_each(|shard| core.look_outside(shard));
    core.look_outside(REGISTRAR);
    if collection.table().is_none() {
        core.learn_collections()?;
        // Another program may have made the table only, and anywhere.
        look_outside();
    }
    let Some(table) = collection.table() else { return Ok(Merged::of(Vec::new(), limit)) };
    // IMPORTANT: one list at a time (`scan.rs`). It holds snapshots of shards while it takes those of others, and a shard that is being mended waits for
    // its snapshots: of two lists one could wait for the other.
    let found = shared_out(core.shards.iter().collect(), |shard| shard.newest(&table, limit, over))?;
    let wanted = wanted(&found, limit);
    let lists = shared_out(found.into_iter().zip(wanted).collect(), |(found, count)| found.read(count))?;
    // Or the next read of a document that is listed could give what another process has replaced. Not where a flush is at the
    // shard: that one looks when it is done.
    look_outside();
    Ok(Merged::of(lists, limit))
}

/// How many of each are among the `limit` newest of all.
fn wanted(found: &[Newest<'_>], limit: u64) -> Vec<usize> {
    let all: Vec<_> = found.iter().map(Newest::len).collect();
    if all.iter().sum::<usize>() as u64 <= limit {
        return all;
    }
    let mut wanted = vec![0; found.len()];
    let mut next = BinaryHeap::new();
    for (number, found) in found.iter().enumerate() {
        next.extend(found.order(0).map(|order| (order, number)));
    }
    for _ in 0..limit {
        let Some((_, number)) = next.pop() else { break };
        wanted[number] += 1;
        next.extend(found[number].order(wanted[number]).map(|order| (order, number)));
    }
    wanted
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

/// Does `work` to each, in any order, with the help of other threads if it takes long.
fn shared_out<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> Result<U> + Sync) -> Result<Vec<U>> {
    let left = Mutex::new(items);
    let next = || {
        let item = left.lock().pop()?;
        let done = work(item);
        if done.is_err() {
            // Nobody needs the rest.
            left.lock().clear();
        }
        Some(done)
    };
    let start = Instant::now();
    let mut all: Vec<_> = next().transpose()?.into_iter().collect();
    let helpers = if start.elapsed() < LONG { 0 } else { helpers(left.lock().len()) };
    let rest = || iter::from_fn(next).collect::<Result<Vec<_>>>();
    let others = thread::scope(|scope| {
        let help = |_| thread::Builder::new().name("kimdb-scan".into()).spawn_scoped(scope, rest);
        // Without a thread more the others do its part.
        let threads: Vec<_> = (0..helpers).filter_map(|number| help(number).ok()).collect();
        let own = rest();
        let theirs = threads.into_iter().map(|thread| or_panicked(thread.join()));
        iter::once(own).chain(theirs.collect::<Vec<_>>()).collect::<Result<Vec<_>>>()
    });
    all.extend(others?.into_iter().flatten());
    Ok(all)
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
