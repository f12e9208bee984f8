//! What the writers do, from the seed alone, what they were promised, and whether what is found can be.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use parking_lot::Mutex;

use super::random::Random;

/// Documents of a writer.
const KEYS: u64 = 14;

const COLLECTIONS: [&str; 2] = ["users", "사용자"];

/// A document's number; tells the writer, the collection and the id.
pub type Key = u64;

/// An operation: the text to store, or `None` to delete.
pub type Op = (Key, Option<String>);

/// Documents with their versions.
pub type State = BTreeMap<Key, (String, u64)>;

pub fn keys(writers: usize) -> std::ops::Range<Key> {
    0..writers as u64 * KEYS
}

pub fn collection(key: Key) -> &'static str {
    COLLECTIONS[(key % COLLECTIONS.len() as u64) as usize]
}

pub fn id(key: Key) -> String {
    format!("document-{key}")
}

/// The key of a document that was found.
pub fn key(collection_found: &str, id_found: &str) -> Option<Key> {
    let key = id_found.strip_prefix("document-")?.parse().ok()?;
    (collection(key) == collection_found).then_some(key)
}

/// A record of some operations on a writer's documents. `text` makes it different from all others.
pub fn record(random: &mut Random, keys: std::ops::Range<Key>, ops: u64, least: u64, text: &str) -> Vec<Op> {
    let op = |number: u64| {
        let key = keys.start + random.below(keys.end - keys.start);
        if least == 0 && random.one_in(5) {
            return (key, None);
        }
        let most = 1 << random.below(11);
        let size = least + random.below(most);
        (key, Some(format!("{{\"n\":\"{text}.{number}\",\"x\":\"{}\"}}", "x".repeat(size as usize))))
    };
    (0..ops).map(op).collect()
}

pub fn apply(state: &mut State, op: &Op) {
    let (key, text) = op;
    match text {
        None => drop(state.remove(key)),
        Some(text) => {
            let version = state.get(key).map_or(0, |(_, version)| *version) + 1;
            state.insert(*key, (text.clone(), version));
        }
    }
}

#[derive(Debug)]
struct Entry {
    ops: Vec<Op>,
    /// When it was called and when it returned, on the journal's clock.
    called: u64,
    returned: u64,
}

#[derive(Debug, Default)]
struct Writer {
    entries: Mutex<Vec<Entry>>,
    returned: AtomicUsize,
    durable: AtomicUsize,
}

/// What was written, by whom, and what of it was promised to be durable.
#[derive(Debug, Default)]
pub struct Journal {
    /// The documents from before.
    base: Mutex<State>,
    is_based: AtomicBool,
    writers: Vec<Writer>,
    clock: AtomicU64,
}

impl Journal {
    pub fn new(writers: usize) -> Journal {
        Journal { writers: (0..writers).map(|_| Writer::default()).collect(), ..Journal::default() }
    }

    /// The keys of a writer; all of them if there is one.
    pub fn keys(&self, writer: usize, of: usize) -> std::ops::Range<Key> {
        if self.writers.len() == 1 { keys(of) } else { writer as u64 * KEYS..(writer as u64 + 1) * KEYS }
    }

    pub fn start_from(&self, base: State) {
        *self.base.lock() = base;
        self.is_based.store(true, Ordering::SeqCst);
    }

    pub fn is_based(&self) -> bool {
        self.is_based.load(Ordering::SeqCst)
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// A record is about to be written.
    pub fn call(&self, writer: usize, ops: Vec<Op>) {
        let called = self.tick();
        self.writers[writer].entries.lock().push(Entry { ops, called, returned: u64::MAX });
    }

    /// It was.
    pub fn returns(&self, writer: usize, is_durable: bool) {
        let mut entries = self.writers[writer].entries.lock();
        entries.last_mut().expect("it was called").returned = self.tick();
        let count = entries.len();
        self.writers[writer].returned.store(count, Ordering::SeqCst);
        if is_durable {
            self.writers[writer].durable.fetch_max(count, Ordering::SeqCst);
        }
    }

    /// For each writer how many records have returned.
    pub fn returned(&self) -> Vec<usize> {
        self.writers.iter().map(|writer| writer.returned.load(Ordering::SeqCst)).collect()
    }

    /// For each writer how many records are durable for certain.
    pub fn durable(&self) -> Vec<usize> {
        self.writers.iter().map(|writer| writer.durable.load(Ordering::SeqCst)).collect()
    }

    pub fn promise(&self, counts: &[usize]) {
        for (writer, count) in self.writers.iter().zip(counts) {
            writer.durable.fetch_max(*count, Ordering::SeqCst);
        }
    }

    /// The documents when everything called is there.
    pub fn end(&self) -> State {
        let mut state = self.base.lock().clone();
        for writer in &self.writers {
            writer.entries.lock().iter().flat_map(|entry| &entry.ops).for_each(|op| apply(&mut state, op));
        }
        state
    }

    /// Checks that the documents found are those after the first so many records of each writer: at least those
    /// that were durable, and none without the ones that returned before it was called.
    pub fn check(&self, durable: &[usize], found: &State) -> Result<(), String> {
        let mut prefixes = Vec::new();
        for (number, writer) in self.writers.iter().enumerate() {
            let keys = if self.writers.len() == 1 { 0..u64::MAX } else { self.keys(number, 0) };
            let (base, found) = (part(&self.base.lock(), &keys), part(found, &keys));
            let entries = writer.entries.lock();
            let fitting = fitting(base.clone(), &entries, &found);
            match fitting.iter().find(|count| **count >= durable[number]) {
                Some(least) => prefixes.push((*least, *fitting.last().expect("there is one"))),
                None => {
                    let expected = entries[..durable[number]].iter().flat_map(|entry| &entry.ops);
                    let mut state = base;
                    expected.for_each(|op| apply(&mut state, op));
                    return Err(format!(
                        "writer {number}: {} records of {} were durable, and it is as after {fitting:?}\n{}",
                        durable[number],
                        entries.len(),
                        differences(&state, &found).join("\n")
                    ));
                }
            }
        }
        for (one, (least, _)) in prefixes.iter().enumerate() {
            let Some(called) = least.checked_sub(1).map(|last| self.writers[one].entries.lock()[last].called)
            else {
                continue;
            };
            for (other, (_, most)) in prefixes.iter().enumerate() {
                let entries = self.writers[other].entries.lock();
                if let Some(missing) = entries.get(*most).filter(|missing| missing.returned < called) {
                    return Err(format!(
                        "record {least} of writer {one} is there and record {} of writer {other} is not, which \
                         returned before: {} before {called}",
                        most + 1,
                        missing.returned
                    ));
                }
            }
        }
        Ok(())
    }
}

fn part(state: &State, keys: &std::ops::Range<Key>) -> State {
    state.range(keys.clone()).map(|(key, document)| (*key, document.clone())).collect()
}

/// After how many records the documents are those that were found.
fn fitting(mut state: State, entries: &[Entry], found: &State) -> Vec<usize> {
    let differs = |state: &State, key: &Key| state.get(key) != found.get(key);
    let all: BTreeSet<Key> = state.keys().chain(found.keys()).copied().collect();
    let mut wrong: BTreeSet<Key> = all.into_iter().filter(|key| differs(&state, key)).collect();
    let mut counts: Vec<usize> = wrong.is_empty().then_some(0).into_iter().collect();
    for (index, entry) in entries.iter().enumerate() {
        for op in &entry.ops {
            apply(&mut state, op);
            if differs(&state, &op.0) {
                wrong.insert(op.0)
            } else {
                wrong.remove(&op.0)
            };
        }
        counts.extend(wrong.is_empty().then_some(index + 1));
    }
    counts
}

/// How what was expected differs from what was found, in words.
pub fn differences(expected: &State, found: &State) -> Vec<String> {
    let show = |state: &State, key: &Key| match state.get(key) {
        None => "nothing".to_owned(),
        Some((text, version)) => format!("version {version}, {}", text.chars().take(30).collect::<String>()),
    };
    let keys: BTreeSet<&Key> = expected.keys().chain(found.keys()).collect();
    let differing = keys.into_iter().filter(|key| expected.get(key) != found.get(key));
    differing
        .map(|key| format!("{}: expected {}; found {}", id(*key), show(expected, key), show(found, key)))
        .collect()
}
