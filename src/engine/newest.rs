//! The documents of a collection that were updated last, out of all shards, as JSON arrays.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    core::Core,
    error::Result,
    flush::panicked,
    scan::{Fields, write_document},
    shard::{REGISTRAR, Scanned, collection::Collection, newest_first},
};

/// A text ends with the document that brings it here: the other side makes values of one after the other, and goes on
/// with other work in between.
const LONG_TEXT: usize = 1 << 20;

/// Where the first shard takes longer, other threads help with the rest.
const LONG: Duration = Duration::from_millis(2);

/// The `limit` documents updated last, newest first (of the same second: by id, highest first).
pub(super) fn newest(core: &Core, collection: &Collection, limit: u64) -> Result<Vec<String>> {
    core.look_outside(REGISTRAR);
    let Some(table) = collection.table() else {
        return Ok(Vec::new());
    };
    // NOTE: this sort finds out that each shard's are in order.
    let mut all = of_all_shards(core, &table, limit)?;
    all.sort_by(newest_first);
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(texts(&all))
}

/// Those of one shard behind those of the other.
fn of_all_shards(core: &Core, table: &str, limit: u64) -> Result<Vec<Scanned>> {
    let next = AtomicUsize::new(0);
    let read_next = || {
        let shard = core.shards.get(next.fetch_add(1, Ordering::Relaxed))?;
        let read = shard.newest(table, limit);
        if read.is_err() {
            // Nobody needs the rest.
            next.store(core.shards.len(), Ordering::Relaxed);
        }
        Some(read)
    };
    let read_rest = || std::iter::from_fn(read_next).collect::<Result<Vec<_>>>();
    let start = Instant::now();
    let mut parts: Vec<_> = read_next().transpose()?.into_iter().collect();
    let helpers = if start.elapsed() < LONG { 0 } else { helpers(core.shards.len() - parts.len()) };
    let rest = thread::scope(|scope| {
        let help = |_| thread::Builder::new().name("kimdb-scan".into()).spawn_scoped(scope, read_rest);
        // Without a thread more the others do its part.
        let threads: Vec<_> = (0..helpers).filter_map(|number| help(number).ok()).collect();
        let own = read_rest();
        let theirs =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| Err(panicked(&*panic))));
        std::iter::once(own).chain(theirs.collect::<Vec<_>>()).collect::<Result<Vec<_>>>()
    });
    parts.extend(rest?.into_iter().flatten());
    Ok(parts.into_iter().flatten().collect())
}

/// Threads that so many shards and the processor can use beside this one.
fn helpers(shards: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    shards.min(cores).saturating_sub(1)
}

fn texts(documents: &[Scanned]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut text = Vec::new();
    for Scanned { id, value, version, .. } in documents {
        text.push(if text.is_empty() { b'[' } else { b',' });
        let fields = Fields { id, value: value.as_bytes(), version: *version, buffered: false };
        write_document(&mut text, &fields);
        if text.len() >= LONG_TEXT {
            texts.push(finish(std::mem::take(&mut text)));
        }
    }
    if !text.is_empty() {
        texts.push(finish(text));
    }
    texts
}

fn finish(mut text: Vec<u8>) -> String {
    text.push(b']');
    String::from_utf8(text).expect("texts, put together")
}
