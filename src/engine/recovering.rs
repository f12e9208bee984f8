//! Recovery: what earlier processes left in the logs of a database is brought to its shards, before anybody uses it.

use std::{
    ops::Range,
    path::Path,
    sync::Arc,
    thread::{self, Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

use super::{
    buffer::Frozen,
    damage::{describe, describe_large},
    error::{Code, Error, Result},
    flush::{Applier, Division, Part},
    log::{self, Id, Log, Lsn, Opened, Side},
    log_search,
    options::Options,
    panic::or_panicked,
    registry,
    shard::{Router, ShardSet, Store, collection::Collections},
};

/// A database whose shards have everything.
pub(crate) struct Recovered {
    pub(crate) log: Arc<Log>,
    /// Whether it comes after the log of others.
    pub(crate) is_numbered: bool,
    /// The log file that is not used with `safeMode: false`, and locked so that nobody else takes it.
    pub(crate) unused_log: Option<Arc<Log>>,
    pub(crate) shards: Vec<Arc<dyn Store>>,
    pub(crate) collections: Collections,
    /// Number of writes that were brought to the shards.
    pub(crate) recovered: u64,
    /// Bytes that could not be read.
    pub(crate) damaged: u64,
}

/// How long a recovery goes on trying while other processes hold a shard.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same while only other programs can be in the way, as where a shard is opened.
const PATIENCE_ALONE: Duration = Duration::from_secs(5);

/// Tries again as long as others are in the way.
fn patiently<T>(patience: Duration, mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match work() {
            Err(error) if error.code() == Code::Busy && start.elapsed() < patience => {
                thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

/// Recovers all logs of the database that no living process uses, and makes the one to use empty. `damage`: gets what is to be told
/// about what could not be read, also where this fails: no later opening finds it again.
pub(crate) fn recover(
    options: &Options,
    files: ShardSet,
    router: Router,
    is_alone: bool,
    damage: &mut Vec<Error>,
) -> Result<Recovered> {
    let database = files.database;
    // Beside others it is where theirs are, by whatever path they have it open.
    let last = files.log_place(|base| !is_alone || registry::home(base) == registry::home(&options.base))?;
    // Beside processes that have no log, for which nothing is remembered.
    let is_first = !is_alone && last.is_none();
    let (mut logs, place) = log_search::find(options, database, last, is_alone)?;
    let (shards, collections) = match logs.first() {
        Some(found) => files.attach(found.opened.log.id())?,
        None => files.attach(log::random_id()?)?,
    };
    let patience = if is_alone { PATIENCE_ALONE } else { PATIENCE };
    let target = Target { router, shards: &shards, collections: &collections, is_alone, patience };
    let (mut recovered, mut damaged) = (0, 0);
    let mut kept = None;
    while let Some(log_search::Found { opened, place: found_at }) = logs.pop() {
        let emptied = target.empty(opened, damage)?;
        recovered += emptied.recovered;
        damaged += emptied.damaged;
        let is_chosen = found_at == place;
        // A log that is not chosen is empty now, and not used.
        if !is_chosen && found_at.first.is_some() {
            let path = &found_at.path;
            options.files.remove(path).map_err(|error| Error::io("remove", path, &error))?;
        }
        kept = kept.or(is_chosen.then_some(emptied.log));
    }
    let (log, unused_log) = match kept {
        Some(kept) if options.safe_mode => (kept, None),
        other => (log::open_anonymous(database, log::random_id()?, options.wal_size, Lsn(0))?.log, other),
    };
    target.follow(log.id())?;
    if is_alone || (is_first && log.is_file()) {
        // IMPORTANT: after what an earlier log held is in the shards, and before this one holds anything.
        // By the path of its folder that is there when links to it are not any more.
        let first = log.is_file().then(|| registry::key(place.first.as_ref().unwrap_or(&place.path)));
        patiently(patience, || shards[0].remember_log(&registry::home(&options.base), first.as_deref()))?;
    }
    if is_alone {
        shards.iter().try_for_each(|shard| patiently(patience, || shard.forget_other_logs()))?;
    }
    let is_numbered = place.first.is_some();
    Ok(Recovered { log, is_numbered, unused_log, shards, collections, recovered, damaged })
}

/// What logs are brought to.
struct Target<'a> {
    router: Router,
    shards: &'a [Arc<dyn Store>],
    collections: &'a Collections,
    /// Nobody else has the shards open.
    is_alone: bool,
    patience: Duration,
}

/// A log whose content is in the shards.
struct Emptied {
    log: Arc<Log>,
    /// Number of writes that were brought to the shards.
    recovered: u64,
    /// Bytes that could not be read.
    damaged: u64,
}

impl Target<'_> {
    /// Brings what a log holds to the shards, and makes it empty.
    fn empty(&self, found: Opened, damage: &mut Vec<Error>) -> Result<Emptied> {
        self.follow(found.log.id())?;
        let had_by_all = self.applied().min().unwrap_or_default();
        // An opening that is alone has done so.
        if !self.is_alone && !found.content.intact.is_empty() {
            self.shards.iter().try_for_each(|shard| patiently(self.patience, || shard.sync_anew()))?;
        }
        let of_log = self.bring_log(&found)?;
        let (of_side, damaged_side) = self.bring_side(&found)?;
        damage.extend(damaged_side);
        let applied = self.applied().max().unwrap_or_default();
        let found_damage = found
            .is_damaged
            .then(|| (found.content.clone(), found.unread, found.log.path().map(Path::to_owned)));
        let renewed = found.renew(applied)?;
        let mut damaged = 0;
        if let (Some((content, unread, Some(path))), Some(aside)) = (found_damage, renewed.kept) {
            damaged = content.damaged_bytes() + unread.bytes;
            damage.push(describe(&content, unread, &path, &aside, had_by_all));
        }
        Ok(Emptied { log: renewed.log, recovered: of_log + of_side, damaged })
    }

    /// From now on batches come from this log.
    fn follow(&self, log: log::Id) -> Result<()> {
        self.shards.iter().try_for_each(|shard| shard.follow(log))
    }

    /// Up to where each shard has the log.
    fn applied(&self) -> impl Iterator<Item = Lsn> {
        self.shards.iter().map(|shard| shard.applied())
    }

    fn divide(&self, frozen: &Frozen, applied: &[Lsn]) -> Result<Vec<Part>> {
        let (router, collections) = (self.router, self.collections);
        Division { router, collections, is_foreign: true }.divide(frozen, applied, 0)
    }

    fn applier<'a>(&'a self, log: Id, store: &'a dyn Store) -> Applier<'a> {
        Applier { log, store, collections: self.collections, follow: &|_, _| () }
    }

    /// Applies what a process left beside the log, after the log itself. Returns the number of writes, and what is damaged.
    fn bring_side(&self, found: &Opened) -> Result<(u64, Option<Error>)> {
        let main = &found.log;
        let Some(side) = Side::find(main, &found.content)? else { return Ok((0, None)) };
        // A record that is not whole was never written, unless it is known to have been synced or a shard has it.
        let mut is_damaged = !side.content.damaged.is_empty();
        if side.content.intact.is_empty() {
            for shard in self.shards {
                is_damaged |= shard.has_side(side.log.id())?;
            }
        }
        if is_damaged {
            return Ok((0, side.keep_aside()?.map(|aside| describe_large(&aside))));
        }
        let (start, end) = (side.log.tail(), side.log.head());
        let frozen = Frozen { claim: Arc::new(side.log.claim(start)), start, end, ops: 0 };
        let parts = self.divide(&frozen, &vec![start; self.shards.len()])?;
        let mut recovered = 0;
        for (store, part) in self.shards.iter().zip(&parts) {
            if !store.has_side(side.log.id())? {
                recovered += part.entries.len() as u64;
                let (applier, end) = (self.applier(main.id(), &**store), store.applied());
                patiently(self.patience, || applier.apply_side(part, side.log.id(), end))?;
            }
            store.sync()?;
        }
        side.remove()?;
        Ok((recovered, None))
    }

    /// Applies what the shards do not have yet, and makes it durable. Returns the number of writes.
    fn bring_log(&self, found: &Opened) -> Result<u64> {
        if found.content.intact.is_empty() {
            return Ok(0);
        }
        let applied: Vec<Lsn> = self.applied().collect();
        let divide = |part: &Range<Lsn>| {
            let claim = Arc::new(found.log.claim(part.start));
            self.divide(&Frozen { claim, start: part.start, end: part.end, ops: 0 }, &applied)
        };
        // The disk and the processor have work at the same time; no shard gets anything before both are done.
        let divided: Vec<Vec<Part>> = thread::scope(|scope| {
            let syncing = beside(scope, || found.sync());
            let divided = found.content.intact.iter().map(divide).collect::<Result<_>>();
            syncing.join()?;
            divided
        })?;
        let bring = |(number, store): (usize, &Arc<dyn Store>)| -> Result<()> {
            let applier = self.applier(found.log.id(), &**store);
            for parts in &divided {
                patiently(self.patience, || applier.apply(&parts[number], 0))?;
            }
            store.sync()
        };
        thread::scope(|scope| {
            let bring = &bring;
            let threads: Vec<_> =
                self.shards.iter().enumerate().map(|shard| beside(scope, move || bring(shard))).collect();
            let results: Vec<_> = threads.into_iter().map(Work::join).collect();
            results.into_iter().collect::<Result<()>>()
        })?;
        Ok(divided.iter().flatten().map(|part| part.entries.len() as u64).sum())
    }
}

/// Work that a thread of its own does, or that is done because the system gave none.
enum Work<'scope> {
    Begun(ScopedJoinHandle<'scope, Result<()>>),
    Done(Result<()>),
}

fn beside<'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> Result<()> + Copy + Send + 'scope,
) -> Work<'scope> {
    match thread::Builder::new().name("kimdb-recover".to_owned()).spawn_scoped(scope, work) {
        Ok(thread) => Work::Begun(thread),
        Err(_) => Work::Done(work()),
    }
}

impl Work<'_> {
    /// What it came to. A panic is an error.
    fn join(self) -> Result<()> {
        match self {
            Work::Begun(thread) => or_panicked(thread.join()),
            Work::Done(result) => result,
        }
    }
}
