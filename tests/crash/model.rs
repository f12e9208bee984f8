//! What the writers do, from the seed alone, and what the database must hold then.

use std::collections::BTreeMap;

use crate::random::Random;

/// What a writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Sets and deletes, one after the other.
    Single,
    /// Records of several operations, some too large for the log.
    Batches,
    /// Writes that return once they are on the disk, some in a record of several.
    Durable,
    /// Does not wait for one write before the next; some documents are too large for the log.
    Ahead,
}

pub const WRITERS: [Habit; 4] = [Habit::Single, Habit::Batches, Habit::Durable, Habit::Ahead];

/// Writes that [`Habit::Ahead`] has on their way at most.
pub const AHEAD: u64 = 16;

/// Documents of a writer.
const KEYS: u32 = 48;

const COLLECTIONS: [&str; 3] = ["users", "user-posts", "사용자"];

/// A document's number; tells the writer, the collection and the id.
pub type Key = u32;

pub fn keys() -> impl Iterator<Item = Key> {
    0..WRITERS.len() as u32 * KEYS
}

pub fn writer_of(key: Key) -> usize {
    (key / KEYS) as usize
}

pub fn collection(key: Key) -> &'static str {
    COLLECTIONS[key as usize % COLLECTIONS.len()]
}

pub fn id(key: Key) -> String {
    format!("document-{key}")
}

/// An operation: the text to store, or `None` to delete.
pub type Op = (Key, Option<String>);

/// The record that a writer writes as its `index`-th of a run.
pub fn record(seed: u64, run: u64, writer: usize, index: u64) -> Vec<Op> {
    let mut random = Random::new(seed);
    for part in [run, writer as u64, index] {
        random = Random::new(random.next() ^ part);
    }
    let ops = match WRITERS[writer] {
        Habit::Single | Habit::Ahead => 1,
        Habit::Batches => 1 + random.below(20),
        Habit::Durable => 1 + random.below(3),
    };
    // Some records are too large for the log: one document, or a batch that goes to several shards.
    let huge = match WRITERS[writer] {
        Habit::Single | Habit::Durable => false,
        Habit::Ahead => random.one_in(60),
        Habit::Batches => random.one_in(40),
    };
    let op = |number: u64| {
        let key = writer as u32 * KEYS + random.below(u64::from(KEYS)) as u32;
        if random.one_in(5) {
            return (key, None);
        }
        let most = if huge { 1_000_000 / ops } else { 1 << random.below(12) };
        let padding = random.below(most) + if huge { 600_000 / ops } else { 0 };
        let text = format!(
            "{{\"run\":{run},\"index\":{index},\"op\":{number},\"pad\":\"{}\"}}",
            "x".repeat(padding as usize)
        );
        (key, Some(text))
    };
    (0..ops).map(op).collect()
}

/// Documents with their versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State(BTreeMap<Key, (String, u64)>);

impl State {
    pub fn apply(&mut self, record: Vec<Op>) {
        for (key, text) in record {
            match text {
                None => {
                    self.0.remove(&key);
                }
                Some(text) => {
                    let version = self.0.get(&key).map_or(0, |(_, version)| *version) + 1;
                    self.0.insert(key, (text, version));
                }
            }
        }
    }

    pub fn extend(&mut self, other: State) {
        self.0.extend(other.0);
    }

    pub fn insert(&mut self, key: Key, text: String, version: u64) {
        self.0.insert(key, (text, version));
    }

    /// The documents of one writer.
    pub fn of(&self, writer: usize) -> State {
        let theirs = self.0.iter().filter(|(key, _)| writer_of(**key) == writer);
        State(theirs.map(|(key, document)| (*key, document.clone())).collect())
    }

    /// How this state differs from the one that was found, in words.
    pub fn differences(&self, found: &State) -> Vec<String> {
        let show = |state: &State, key: &Key| match state.0.get(key) {
            None => "nothing".to_owned(),
            Some((text, version)) => {
                let start: String = text.chars().take(40).collect();
                format!("version {version} of {} bytes, {start}", text.len())
            }
        };
        let keys: std::collections::BTreeSet<&Key> = self.0.keys().chain(found.0.keys()).collect();
        let differs = keys.into_iter().filter(|key| self.0.get(key) != found.0.get(key));
        let tell = |key: &Key| {
            format!(
                "{}/{}: expected {}; found {}",
                collection(*key),
                id(*key),
                show(self, key),
                show(found, key)
            )
        };
        differs.map(tell).collect()
    }
}
