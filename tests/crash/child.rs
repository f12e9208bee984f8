//! The process that gets killed.

use std::{
    panic, process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use kimdb::{Code, Database, Draft, Error, Kind, Options, Result, Submitted};

use crate::{
    model::{self, AHEAD, Habit, WRITERS},
    wire::{Message, Reporter},
};

/// The environment variable with what the child has to do.
pub const ORDERS: &str = "KIMDB_CRASH_CHILD";

pub const SHARDS: u32 = 3;

/// What the child has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    pub seed: u64,
    pub run: u64,
    pub safe_mode: bool,
    /// How long to write, then close. With 0 nothing is written.
    pub write_ms: u64,
    /// Whether to stop the writers before closing.
    pub orderly: bool,
    pub wal_size: u64,
    pub batch_size: usize,
    pub flush_interval_ms: u64,
    pub buffer_size: u64,
    /// Without `_shard<i>.db`.
    pub base: String,
}

impl Orders {
    pub fn text(&self) -> String {
        let Orders {
            seed,
            run,
            safe_mode,
            write_ms,
            orderly,
            wal_size,
            batch_size,
            flush_interval_ms,
            buffer_size,
            base,
        } = self;
        format!(
            "{seed} {run} {safe_mode} {write_ms} {orderly} {wal_size} {batch_size} {flush_interval_ms} {buffer_size} {base}"
        )
    }

    fn parse(text: &str) -> Option<Orders> {
        let mut parts = text.splitn(10, ' ');
        Some(Orders {
            seed: parts.next()?.parse().ok()?,
            run: parts.next()?.parse().ok()?,
            safe_mode: parts.next()?.parse().ok()?,
            write_ms: parts.next()?.parse().ok()?,
            orderly: parts.next()?.parse().ok()?,
            wal_size: parts.next()?.parse().ok()?,
            batch_size: parts.next()?.parse().ok()?,
            flush_interval_ms: parts.next()?.parse().ok()?,
            buffer_size: parts.next()?.parse().ok()?,
            base: parts.next()?.to_owned(),
        })
    }

    fn options(&self) -> Options {
        Options {
            shard_count: SHARDS,
            safe_mode: self.safe_mode,
            wal_size: self.wal_size,
            batch_size: self.batch_size,
            flush_interval_ms: self.flush_interval_ms,
            buffer_size: self.buffer_size,
            cache_bytes: 1 << 18,
            ..Options::new(&self.base)
        }
    }
}

struct Writer {
    db: Arc<Database>,
    reporter: Arc<Reporter>,
    orders: Arc<Orders>,
    number: usize,
}

/// Opens, tells what is there, writes, closes.
pub fn run(orders: &str) {
    let orders = Arc::new(Orders::parse(orders).expect("orders"));
    // A failure in any thread ends the child in a way that the parent notices.
    let standard = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        standard(info);
        process::exit(101);
    }));
    let reporter = Arc::new(Reporter::new());
    reporter.tell(&Message::Opening);
    let db = Arc::new(Database::open(orders.options(), None).expect("opens"));
    tell_everything(&db, &reporter);

    let stop = Arc::new(AtomicBool::new(orders.write_ms == 0));
    let start = |number| {
        let writer = Writer {
            db: Arc::clone(&db),
            reporter: Arc::clone(&reporter),
            orders: Arc::clone(&orders),
            number,
        };
        let stop = Arc::clone(&stop);
        thread::spawn(move || writer.write(&stop))
    };
    let writers: Vec<_> = (0..WRITERS.len()).map(start).collect();
    thread::sleep(Duration::from_millis(orders.write_ms));
    if orders.orderly {
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().expect("a panic ends the process");
        }
    }
    reporter.tell(&Message::Closing);
    db.close().expect("closes");
    reporter.tell(&Message::Closed);
}

fn tell_everything(db: &Database, reporter: &Reporter) {
    for key in model::keys() {
        let mut text = Vec::new();
        let id = model::id(key);
        if let Some(found) = db.get(&db.collection(model::collection(key)), &id, &mut text).expect("reads") {
            let text = String::from_utf8(text).expect("UTF-8");
            reporter.tell(&Message::Document { key, version: found.version, text });
        }
    }
    for shard in 0..db.options().shard_count {
        let verdict = db.shard_pragma(shard, "integrity_check").expect("checks");
        assert_eq!(verdict.rows, [["ok".to_owned().into()]], "shard {shard}");
    }
    reporter.tell(&Message::Found(db.recovered()));
}

impl Writer {
    fn write(&self, stop: &AtomicBool) {
        for index in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            match self.write_one(index) {
                Ok(()) => {}
                Err(error) if error.code() == Code::Closed => return,
                Err(error) => panic!("writer {}: {error}", self.number),
            }
        }
    }

    fn draft(&self, index: u64) -> Draft {
        let mut draft = Draft::default();
        draft.clear();
        for (key, text) in model::record(self.orders.seed, self.orders.run, self.number, index) {
            let collection = self.db.collection(model::collection(key));
            collection.claim();
            let kind = if text.is_some() { Kind::Upsert } else { Kind::Delete };
            let text = text.unwrap_or_default();
            draft.push(kind, collection.number, &collection.name, &model::id(key), text.as_bytes());
        }
        draft
    }

    fn write_one(&self, index: u64) -> Result<()> {
        let mut draft = self.draft(index);
        match WRITERS[self.number] {
            Habit::Single | Habit::Batches => self.db.submit_wait(&mut draft)?,
            Habit::Durable => self.db.submit_durable_wait(&mut draft)?,
            Habit::Ahead => return self.write_ahead(index, &mut draft),
        }
        self.acknowledge(index);
        Ok(())
    }

    fn acknowledge(&self, index: u64) {
        self.reporter.tell(&Message::Acknowledged { writer: self.number as u8, index });
    }

    /// Goes on while up to [`AHEAD`] writes wait for room.
    fn write_ahead(&self, index: u64, draft: &mut Draft) -> Result<()> {
        static LOGGED: AtomicU64 = AtomicU64::new(0);
        let (reporter, writer) = (Arc::clone(&self.reporter), self.number as u8);
        let done = move |result: Result<(), Error>| {
            if result.is_ok() {
                reporter.tell(&Message::Acknowledged { writer, index });
                LOGGED.fetch_max(index + 1, Ordering::Release);
            }
        };
        if self.db.submit(draft, || Box::new(done))? == Submitted::Logged {
            self.acknowledge(index);
            LOGGED.fetch_max(index + 1, Ordering::Release);
        }
        while index + 1 >= LOGGED.load(Ordering::Acquire) + AHEAD {
            self.db.barrier_wait()?;
        }
        Ok(())
    }
}
