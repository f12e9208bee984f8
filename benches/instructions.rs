//! What `npm run instructions` counts: so many calls of one kind on a database that does nothing else meanwhile.
//!
//! `instructions <call> <count>`: the difference between two counts is the calls alone. The process ends without closing the
//! database, so that no flush is counted.

use std::{env, process};

use kimdb::{Collection, Database, Draft, Kind, Options, Submitted};

/// As many documents as are read in turn.
const DOCUMENTS: usize = 1000;

struct Bench {
    db: Database,
    users: std::sync::Arc<Collection>,
    ids: Vec<String>,
    json: Vec<u8>,
    draft: Draft,
    text: Vec<u8>,
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let (call, count) = match &args[..] {
        // Cargo calls it so, to run every benchmark there is.
        [] | [_] => return println!("npm run instructions runs this"),
        [call, count, ..] => (call.as_str(), count.parse().expect("a number of calls")),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::new(folder.path().join("bench"));
    // No flush but those asked for.
    (options.buffer_size, options.flush_interval_ms) = (u64::MAX >> 1, 1 << 40);
    if call == "get, stored" {
        options.cache_bytes = 0;
    }
    let db = Database::open(options, None).expect("opens");
    let users = db.collection("users");
    let ids = (0..DOCUMENTS).map(|i| format!("user_{i:06}")).collect();
    let json = format!(r#"{{"name":"{}"}}"#, "k".repeat(189)).into_bytes();
    let mut bench = Bench { db, users, ids, json, draft: Draft::default(), text: Vec::new() };
    match call {
        "set" => (0..count).for_each(|i| bench.set(i)),
        "get, buffered" => {
            (0..DOCUMENTS).for_each(|i| bench.set(i));
            (0..count + DOCUMENTS).for_each(|i| bench.get(i));
        }
        // Each read brings the index up to the write before it: a walk through one record of the log.
        "set, then get" => (0..count).for_each(|i| {
            bench.set(i);
            bench.get(i);
        }),
        "get, cached" | "get, stored" => {
            (0..DOCUMENTS).for_each(|i| bench.set(i));
            bench.db.flush_wait().expect("flushes");
            (0..count + DOCUMENTS).for_each(|i| bench.get(i));
        }
        other => panic!("there is no call '{other}'"),
    }
    drop(folder);
    process::exit(0);
}

impl Bench {
    /// As the addon does it.
    fn set(&mut self, i: usize) {
        self.draft.clear();
        let (id, users) = (&self.ids[i % DOCUMENTS], &self.users);
        users.claim();
        self.draft.push(Kind::Upsert, users.number, &users.name, id, &self.json);
        let submitted = self.db.submit(&mut self.draft, || unreachable!("there is room")).expect("writes");
        assert_eq!(submitted, Submitted::Logged);
    }

    fn get(&mut self, i: usize) {
        let found = self.db.get(&self.users, &self.ids[i % DOCUMENTS], &mut self.text).expect("reads");
        assert!(found.is_some() && self.text == self.json);
    }
}
