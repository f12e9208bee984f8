//! Operations, flushes, kills and held shards in any order, compared with a map.

use std::{sync::mpsc, time::Duration};

use arbitrary::{Result, Unstructured};
use kimdb::{Database, Draft, Kind, Options};
use rusqlite::Connection;

use super::{
    format::{self, Op, State},
    home::{Home, SHARDS, compare, get},
};

const COLLECTIONS: [&str; 4] = ["users", "user-posts", "userposts", "사용자"];
const RING: u64 = 1 << 16;
/// The ring flushes by itself when it is half full, which would go on while files are copied.
const CALM: u64 = RING / 4;
const PATIENCE: Duration = Duration::from_secs(60);

struct Run {
    home: Home,
    options: Options,
    db: Database,
    state: State,
    /// Another program's transactions on shards.
    held: Vec<Connection>,
    /// Bytes since the last flush.
    unflushed: u64,
    /// Makes every text different from all before.
    count: u64,
}

pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut run = Run::new(&mut u);
    // Running out of input ends the run early.
    while !u.is_empty() {
        if run.step(&mut u).is_err() {
            break;
        }
    }
    run.held.clear();
    compare(&run.db, &run.state);
    run.reopen(false);
    compare(&run.db, &run.state);
}

impl Run {
    fn new(u: &mut Unstructured<'_>) -> Run {
        let home = Home::empty();
        let options = Options {
            wal_size: RING,
            batch_size: u.int_in_range(0..=3).unwrap_or(0),
            cache_bytes: if u.arbitrary().unwrap_or(true) { 1 << 14 } else { 0 },
            ..home.options()
        };
        let db = Database::open(options.clone(), None).expect("opens");
        let held = Vec::new();
        Run { home, options, db, state: State::new(), held, unflushed: 0, count: 0 }
    }

    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=20)? {
            0..=6 => {
                let op = self.op(u)?;
                self.write(vec![op]);
            }
            7..=8 => {
                let ops = (0..u.int_in_range(2..=9)?).map(|_| self.op(u)).collect::<Result<Vec<_>>>()?;
                self.write(ops);
            }
            9 => self.write_large(u)?,
            10..=13 => {
                let (collection, id) = key(u)?;
                let found = get(&self.db, &collection, &id);
                assert_eq!(found.as_ref(), self.state.get(&(collection, id)));
            }
            14 => self.newest(u)?,
            15 => self.flush(),
            16 => self.db.clear_cache(),
            17 => self.hold(u)?,
            18 => self.held.clear(),
            19 => self.reopen(true),
            _ => self.reopen(false),
        }
        Ok(())
    }

    fn op(&mut self, u: &mut Unstructured<'_>) -> Result<Op> {
        let (collection, id) = key(u)?;
        if u.ratio(1, 5)? {
            return Ok(Op { kind: Kind::Delete, collection, id, value: Vec::new() });
        }
        let size = if u.ratio(1, 4)? { u.int_in_range(0..=2000)? } else { u.int_in_range(0..=40)? };
        Ok(Op { kind: Kind::Upsert, collection, id, value: self.text(size) })
    }

    fn text(&mut self, size: usize) -> Vec<u8> {
        self.count += 1;
        format!("[{},\"{}\"]", self.count, "x".repeat(size)).into_bytes()
    }

    fn write(&mut self, ops: Vec<Op>) {
        let mut draft = Draft::default();
        draft.clear();
        for op in &ops {
            let collection = self.db.collection(&op.collection);
            collection.claim();
            draft.push(op.kind, collection.number, &op.collection, &op.id, &op.value);
        }
        if self.unflushed + draft.len() > CALM {
            // It would wait for room, and so for a shard that is held.
            self.flush();
        }
        self.unflushed += draft.len();
        self.db.submit_wait(&mut draft).expect("writes");
        format::apply(&mut self.state, &ops);
    }

    /// A record that goes into a file of its own.
    fn write_large(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let (collection, id) = key(u)?;
        let value = self.text(u.int_in_range(RING / 4..=2 * RING)? as usize);
        let mut ops = vec![Op { kind: Kind::Upsert, collection, id, value }];
        if u.arbitrary()? {
            ops.push(self.op(u)?);
        }
        self.held.clear();
        self.write(ops);
        // The file is removed in the background.
        self.flush();
        Ok(())
    }

    fn newest(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let collection = COLLECTIONS[u.choose_index(COLLECTIONS.len())?];
        let limit = if u.arbitrary()? { u64::MAX } else { u.int_in_range(0..=5)? };
        self.held.clear();
        let (tell, told) = mpsc::channel();
        let done = move |result| drop(tell.send(result));
        self.db.newest(collection, limit, done).expect("asks");
        let texts = told.recv_timeout(PATIENCE).expect("an answer").expect("reads");
        self.unflushed = 0;
        let mut found = State::new();
        for text in texts {
            let text = text.expect("made");
            let mut flat: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a JSON array");
            let count = flat.pop().expect("how many").as_u64().expect("a number");
            assert_eq!(flat.len() as u64, 3 * count);
            for document in flat.chunks_exact(3) {
                let id = document[0].as_str().expect("an id").to_owned();
                let value = document[1].to_string().into_bytes();
                let version = document[2].as_u64().expect("a version");
                assert_eq!(found.insert((collection.to_owned(), id), (value, version)), None, "once");
            }
        }
        let all = self.state.iter().filter(|((of, _), _)| of == collection);
        assert_eq!(found.len() as u64, limit.min(all.count() as u64));
        found.iter().for_each(|(key, document)| assert_eq!(self.state.get(key), Some(document)));
        Ok(())
    }

    fn flush(&mut self) {
        self.held.clear();
        self.db.flush_wait().expect("flushes");
        self.unflushed = 0;
    }

    /// Another program begins to write to a shard; a flush that is asked for meanwhile has to come back to it.
    fn hold(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let shard = u.int_in_range(0..=SHARDS - 1)?;
        self.held.clear();
        let connection = Connection::open(self.home.shard(shard)).expect("opens");
        connection.busy_timeout(PATIENCE).expect("waits");
        connection.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
        self.held.push(connection);
        if u.arbitrary()? {
            self.db.flush(Box::new(|_| ())).expect("asks");
        }
        Ok(())
    }

    /// Closes and opens, or opens what a kill would have left. The second keeps all that was written.
    fn reopen(&mut self, is_kill: bool) {
        if is_kill && !self.held.is_empty() {
            // A flush may be waiting; it is over when this one is.
            self.flush();
        }
        self.held.clear();
        let image = is_kill.then(|| self.home.crash_image());
        self.db.close().expect("closes");
        if let Some(image) = image {
            let base = image.options().base;
            self.options = Options { wal_path: image.wal(), base, ..self.options.clone() };
            self.home = image;
        }
        self.db = Database::open(self.options.clone(), None).expect("opens");
        if !is_kill {
            assert_eq!(self.db.recovered(), 0);
        }
        // What was recovered is in the shards.
        self.unflushed = 0;
    }
}

fn key(u: &mut Unstructured<'_>) -> Result<(String, String)> {
    let collection = COLLECTIONS[u.choose_index(COLLECTIONS.len())?];
    Ok((collection.to_owned(), u.int_in_range(0..=7)?.to_string()))
}
