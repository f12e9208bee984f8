//! A program that uses the database, from a seed, while photographs are taken.

use std::{sync::Arc, thread};

use kimdb::{Backend, Database, Error, Options};

use super::{
    common::{observer::Witness, record as draft},
    disk::{Disk, Photograph, Plan},
    files::Files,
    model::{self, Journal, Key, Op, State},
    random::Random,
};

/// The log's name.
pub const LOG: &str = "app.wal";

/// How the database is opened and used.
#[derive(Debug, Clone)]
pub struct Settings {
    pub seed: u64,
    pub shards: u32,
    pub wal_size: u64,
    pub backend: Backend,
    pub flush_interval_ms: u64,
    pub buffer_size: u64,
    pub writers: usize,
    /// Times that it is opened, used and closed.
    pub rounds: u64,
    /// Steps of each writer in a round.
    pub steps: u64,
}

impl Settings {
    /// Every other seed has one writer and flushes only when it is told to, so that it repeats.
    pub fn from_seed(seed: u64) -> Settings {
        let mut random = Random::new(seed);
        let is_calm = seed.is_multiple_of(2);
        let flush_interval_ms =
            if is_calm { 3_600_000 } else { [1, 3, 20, 3_600_000][random.below(4) as usize] };
        Settings {
            seed,
            shards: 1 + random.below(3) as u32,
            wal_size: 4096 << random.below(5),
            backend: if random.one_in(2) { Backend::Mmap } else { Backend::Pwrite },
            flush_interval_ms,
            buffer_size: if is_calm { 1 << 40 } else { 1 << random.below(8) },
            writers: if is_calm { 1 } else { 1 + random.below(4) as usize },
            rounds: 1 + random.below(3),
            steps: 10 + random.below(60),
        }
    }

    pub fn options(&self, disk: &Arc<Disk>) -> Options {
        Options {
            shard_count: self.shards,
            wal_size: self.wal_size,
            wal_backend: self.backend,
            flush_interval_ms: self.flush_interval_ms,
            buffer_size: self.buffer_size,
            files: Arc::new(Files(Arc::clone(disk))),
            ..Options::new(disk.path().join("app"))
        }
    }
}

pub fn open(options: Options, witness: &Arc<Witness>) -> Result<Arc<Database>, Error> {
    let observer: Arc<dyn kimdb::Observer> = Arc::<Witness>::clone(witness);
    Database::open(options, Some(observer)).map(Arc::new)
}

/// Runs the whole program on an empty disk. Returns the photographs.
pub fn run(settings: &Settings, disk: &Arc<Disk>, most: usize) -> Result<Vec<Photograph>, String> {
    let mut random = Random::new(settings.seed ^ 0x5eed);
    let gap = [2, 5, 12, 30][random.below(4) as usize];
    disk.plan(Plan { random: random.clone(), gap, left: most });
    for round in 0..settings.rounds {
        let witness = Witness::new();
        let db = open(settings.options(disk), &witness).map_err(|error| format!("opening: {error}"))?;
        let writers: Vec<_> = (0..settings.writers)
            .map(|number| {
                let (db, journal, settings) = (Arc::clone(&db), Arc::clone(&disk.journal), settings.clone());
                thread::spawn(move || {
                    Writer::new(&db, &journal, number, &settings, round).run(settings.steps)
                })
            })
            .collect();
        for writer in writers {
            writer.join().map_err(|_| "a writer panicked")?.map_err(|error| format!("writing: {error}"))?;
        }
        db.close().map_err(|error| format!("closing: {error}"))?;
        disk.journal.promise(&disk.journal.returned());
        if let Some(error) = witness.errors().first() {
            return Err(format!("told: {error}"));
        }
    }
    Ok(disk.photographs())
}

/// One thread that writes, and reads what it has written.
pub struct Writer<'a> {
    db: &'a Database,
    journal: &'a Journal,
    number: usize,
    keys: std::ops::Range<Key>,
    state: State,
    random: Random,
    name: String,
    largest: u64,
}

impl<'a> Writer<'a> {
    pub fn new(
        db: &'a Database,
        journal: &'a Journal,
        number: usize,
        settings: &Settings,
        round: u64,
    ) -> Self {
        let random = Random::new(settings.seed ^ (round << 40) ^ ((number as u64) << 50));
        let keys = journal.keys(number, settings.writers);
        let state = journal.end().range(keys.clone()).map(|(key, found)| (*key, found.clone())).collect();
        let largest = settings.wal_size / 4;
        Writer { db, journal, number, keys, state, random, name: format!("{round}.{number}"), largest }
    }

    pub fn run(mut self, steps: u64) -> Result<(), String> {
        (0..steps).try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: u64) -> Result<(), String> {
        let dice = self.random.below(100);
        let (ops, least, is_durable) = match dice {
            0..50 => (1, 0, false),
            50..70 => (2 + self.random.below(8), 0, false),
            70..83 => (1 + self.random.below(3), 0, true),
            // Too large for the log: one document, or a record that goes to several shards.
            83..86 => (1, self.largest + self.random.below(3000), false),
            86..88 => (4, self.largest / 3 + 200, self.random.one_in(2)),
            88..91 => return self.db.flush_wait().map(|()| self.kept()).map_err(|error| error.to_string()),
            91..93 => return self.checkpoint(),
            _ => return self.read(),
        };
        let text = format!("{}.{step}", self.name);
        let ops = model::record(&mut self.random, self.keys.clone(), ops, least, &text);
        self.write(ops, is_durable)
    }

    /// Everything that this writer has written is durable.
    fn kept(&self) {
        let mut counts = vec![0; self.number + 1];
        counts[self.number] = self.journal.returned()[self.number];
        self.journal.promise(&counts);
    }

    fn write(&mut self, ops: Vec<Op>, is_durable: bool) -> Result<(), String> {
        ops.iter().for_each(|op| model::apply(&mut self.state, op));
        self.journal.call(self.number, ops.clone());
        let ids: Vec<String> = ops.iter().map(|(key, _)| model::id(*key)).collect();
        let drafted: Vec<_> = ops
            .iter()
            .zip(&ids)
            .map(|((key, text), id)| (model::collection(*key), id.as_str(), text.as_deref()))
            .collect();
        let mut draft = draft(self.db, &drafted);
        let written = if is_durable {
            self.db.submit_durable_wait(&mut draft)
        } else {
            self.db.submit_wait(&mut draft)
        };
        written.map_err(|error| error.to_string())?;
        self.journal.returns(self.number, is_durable);
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), String> {
        let shard = self.random.below(u64::from(self.db.stats().shard_count)) as u32;
        let mode = ["PASSIVE", "TRUNCATE", "RESTART"][self.random.below(3) as usize];
        match self.db.shard_pragma(shard, &format!("wal_checkpoint({mode})")) {
            Ok(_) => Ok(()),
            // A flush or another writer's checkpoint is under way.
            Err(error) if error.code() == kimdb::Code::Busy => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let key = self.keys.start + self.random.below(self.keys.end - self.keys.start);
        let found = read(self.db, key)?;
        if found == self.state.get(&key).cloned() {
            return Ok(());
        }
        Err(format!("read {found:?} where {:?} was written", self.state.get(&key)))
    }
}

pub fn read(db: &Database, key: Key) -> Result<Option<(String, u64)>, String> {
    let mut text = Vec::new();
    let collection = db.collection(model::collection(key));
    let found =
        db.get(&collection, &model::id(key), &mut text).map_err(|error| format!("reading: {error}"))?;
    Ok(found.map(|found| (String::from_utf8(text).expect("UTF-8"), found.version)))
}
