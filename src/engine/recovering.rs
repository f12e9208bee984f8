//! Recovery: what earlier processes left in the logs of a database is brought to its shards, before anybody uses it.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    buffer::Frozen,
    error::{Code, Error, Result},
    flush,
    log::{self, Access, Log, Lsn, Opened, Side},
    numbered::{self, is_numbered},
    options::Options,
    registry,
    shard::{Router, ShardSet, Store, collection::Collections},
};

/// A database whose shards have everything.
pub(crate) struct Recovered {
    pub(crate) log: Arc<Log>,
    /// The log file that is not used with `safeMode: false`, and locked so that nobody else takes it.
    pub(crate) unused_log: Option<Arc<Log>>,
    pub(crate) shards: Vec<Arc<dyn Store>>,
    pub(crate) collections: Collections,
    /// Number of writes that were brought to the shards.
    pub(crate) recovered: u64,
    /// Bytes that could not be read.
    pub(crate) damaged: u64,
    /// What to tell about that.
    pub(crate) damage: Vec<Error>,
}

/// How long a recovery goes on trying while other processes hold a shard.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Recovers all logs of the database that no living process uses, and makes the one to use empty.
pub(crate) fn recover(
    options: &Options,
    files: ShardSet,
    router: Router,
    is_alone: bool,
) -> Result<Recovered> {
    let database = files.database;
    let last = if is_alone { files.log_place(&registry::key(&options.base))? } else { None };
    let (mut logs, place) = find_logs(options, database, last, is_alone)?;
    let (shards, collections) = match logs.first() {
        Some(found) => files.attach(found.log.id())?,
        None => files.attach(log::random_id()?)?,
    };
    let (mut recovered, mut damaged) = (0, 0);
    let (mut kept, mut damage) = (None, Vec::new());
    while let Some(found) = logs.pop() {
        follow(&shards, found.log.id())?;
        let lasts = shards.iter().map(|shard| shard.applied()).min().unwrap_or_default();
        let patience = if is_alone { Duration::ZERO } else { PATIENCE };
        recovered += recover_log(&found, router, &shards, &collections, patience)?;
        let (applied_beside, damaged_beside) = recover_side(&found, router, &shards, &collections, patience)?;
        recovered += applied_beside;
        damage.extend(damaged_beside);
        let applied = shards.iter().map(|shard| shard.applied()).max().unwrap_or_default();
        let is_chosen = found.log.path() == Some(&place);
        let found_damage =
            found.is_damaged.then(|| (found.content.clone(), found.log.path().map(Path::to_owned)));
        let renewed = found.renew(applied)?;
        if let (Some((content, Some(path))), Some(aside)) = (found_damage, renewed.kept) {
            damaged += content.damaged_bytes();
            damage.push(describe(&content, &path, &aside, lasts));
        }
        // A log that is not chosen is empty now, and not used.
        if let Some(path) = renewed.log.path().filter(|path| !is_chosen && is_numbered(path, options)) {
            options.files.remove(path).map_err(|error| Error::io("remove", path, &error))?;
        }
        kept = kept.or(is_chosen.then_some(renewed.log));
    }
    let (log, unused_log) = match kept {
        Some(kept) if options.safe_mode => (kept, None),
        other => (log::open_anonymous(database, log::random_id()?, options.wal_size, Lsn(0))?.log, other),
    };
    follow(&shards, log.id())?;
    if is_alone {
        if let Some(place) = log.path() {
            // IMPORTANT: after what an earlier log held is in the shards, and before this one holds anything.
            shards[0].remember_log(&registry::key(&options.base), place)?;
        }
        shards.iter().try_for_each(|shard| shard.forget_other_logs())?;
    }
    Ok(Recovered { log, unused_log, shards, collections, recovered, damaged, damage })
}

fn follow(shards: &[Arc<dyn Store>], log: log::Id) -> Result<()> {
    shards.iter().try_for_each(|shard| shard.follow(log))
}

/// All logs of this database that nobody uses, and the place of the one to use. They are looked for even if this opening
/// uses none, and in all places where an earlier one may have left one. `last`: where the last one was.
fn find_logs(
    options: &Options,
    database: log::Id,
    last: Option<PathBuf>,
    is_alone: bool,
) -> Result<(Vec<Opened>, PathBuf)> {
    let is_anothers = |error: &Error| error.code() == Code::WalMismatch;
    let own = options.wal_path_is_default.then(|| options.own_wal_path());
    let mut places = vec![options.wal_path.clone()];
    places.extend(own.filter(|own| *own != options.wal_path));
    let may_pass = places.len() > 1 || !options.safe_mode;
    let access = Access {
        files: Arc::clone(&options.files),
        backend: options.wal_backend,
        capacity: options.wal_size,
    };
    let mut logs = Vec::new();
    let mut chosen = None;
    // The log of this database that another process uses.
    let mut taken = None;
    // What a link names is the log, and what is replaced when it is made anew.
    let resolved =
        |place: PathBuf| if place.is_symlink() { place.canonicalize().unwrap_or(place) } else { place };
    for place in places.into_iter().map(resolved) {
        let is_wanted = options.safe_mode && chosen.is_none() && taken.is_none();
        if !is_wanted && !place.exists() && numbered::existing(&place).is_empty() {
            continue;
        }
        let mut is_ours = true;
        if is_wanted || place.exists() {
            match log::open(&place, database, &access) {
                Ok(found) => {
                    chosen.get_or_insert_with(|| place.clone());
                    logs.push(found);
                }
                Err(error) if error.code() == Code::Locked && !is_alone => {
                    _ = taken.get_or_insert(place.clone())
                }
                Err(error) if is_anothers(&error) && may_pass => is_ours = false,
                Err(error) => return Err(error),
            }
        }
        for beside in numbered::existing(&place).into_iter().filter(|_| is_ours) {
            if !log::belongs_to(&beside, database, &*options.files) {
                continue;
            }
            match log::open(&beside, database, &access) {
                Ok(found) => {
                    if options.safe_mode {
                        chosen.get_or_insert(beside);
                    }
                    logs.push(found);
                }
                Err(error) if error.code() == Code::Locked && !is_alone => {}
                Err(error) => return Err(error),
            }
        }
    }
    if let (true, None, Some(first)) = (options.safe_mode, &chosen, &taken) {
        let free =
            (1..).map(|number| numbered::path(first, number)).find(|path| path.symlink_metadata().is_err());
        let place = free.expect("numbers do not end");
        logs.push(log::open(&place, database, &access)?);
        chosen = Some(place);
    }
    let is_new = |place: &PathBuf| logs.iter().all(|found: &Opened| found.log.path() != Some(place));
    if let Some(place) = last.map(resolved).filter(is_new)
        && log::belongs_to(&place, database, &*options.files)
    {
        // What it holds is newer than what the others do; the last one is recovered first.
        logs.insert(0, log::open(&place, database, &access)?);
    }
    if options.safe_mode && chosen.is_none() {
        let text = "Both places for the log are in use by other databases; set walPath to a file of its own.";
        return Err(Error::new(Code::WalMismatch, text).at(&options.wal_path));
    }
    Ok((logs, chosen.unwrap_or_default()))
}

/// Applies what a process left beside the log, after the log itself. Returns the number of writes, and what is damaged.
fn recover_side(
    found: &Opened,
    router: Router,
    shards: &[Arc<dyn Store>],
    collections: &Collections,
    patience: Duration,
) -> Result<(u64, Option<Error>)> {
    let main = &found.log;
    let Some(side) = Side::find(main, &found.content)? else { return Ok((0, None)) };
    // A record that is not whole was never written, unless it is known to have been synced or a shard has it.
    let mut is_damaged = !side.content.damaged.is_empty();
    if side.content.intact.is_empty() {
        for shard in shards {
            is_damaged |= shard.has_side(side.log.id())?;
        }
    }
    if is_damaged {
        return Ok((0, side.keep_aside()?.map(|aside| describe_side(&aside))));
    }
    let (start, end) = (side.log.tail(), side.log.head());
    let frozen = Frozen { claim: Arc::new(side.log.claim(start)), start, end, ops: 0 };
    let parts = flush::divide(&frozen, router, collections, true, &vec![start; shards.len()])?;
    let mut recovered = 0;
    for (store, part) in shards.iter().zip(&parts) {
        if !store.has_side(side.log.id())? {
            recovered += part.entries.len() as u64;
            let place = (main.id(), store.applied());
            patiently(patience, || {
                flush::apply_side(part, side.log.id(), place, &**store, collections, &|_, _| ())
            })?;
        }
        store.sync()?;
    }
    side.remove()?;
    Ok((recovered, None))
}

/// Applies what the shards do not have yet, and makes it durable. Returns the number of writes.
fn recover_log(
    found: &Opened,
    router: Router,
    shards: &[Arc<dyn Store>],
    collections: &Collections,
    patience: Duration,
) -> Result<u64> {
    let mut recovered = 0;
    if !found.content.intact.is_empty() {
        found.sync()?;
    }
    for part in &found.content.intact {
        recovered += recover_part(&found.log, part, router, shards, collections, patience)?;
    }
    if !found.content.intact.is_empty() {
        shards.iter().try_for_each(|shard| shard.sync())?;
    }
    Ok(recovered)
}

fn recover_part(
    log: &Arc<Log>,
    part: &Range<Lsn>,
    router: Router,
    shards: &[Arc<dyn Store>],
    collections: &Collections,
    patience: Duration,
) -> Result<u64> {
    let claim = Arc::new(log.claim(part.start));
    let frozen = Frozen { claim, start: part.start, end: part.end, ops: 0 };
    let applied: Vec<Lsn> = shards.iter().map(|shard| shard.applied()).collect();
    let parts = flush::divide(&frozen, router, collections, true, &applied)?;
    let recovered = parts.iter().map(|part| part.entries.len() as u64).sum();
    let log_id = log.id();
    let results = thread::scope(|scope| {
        let threads: Vec<_> = shards
            .iter()
            .zip(&parts)
            .map(|(store, part)| {
                scope.spawn(move || {
                    patiently(patience, || flush::apply(part, log_id, &**store, collections, &|_, _| (), 0))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    for result in results {
        result.unwrap_or_else(|panic| Err(flush::panicked(&*panic)))?;
    }
    Ok(recovered)
}

/// What to tell about a damaged record beside the log.
fn describe_side(aside: &Path) -> Error {
    let text = format!(
        "A write too large for the log was damaged while the database was closed and may be missing in some shards; \
         restore its documents from a backup. The damaged file is kept as '{}'.",
        aside.display()
    );
    Error::new(Code::Corrupt, text).at(aside)
}

/// What to tell about a damaged log. `applied`: up to there all shards had it.
fn describe(content: &log::Content, path: &Path, aside: &Path, applied: Lsn) -> Error {
    let what = match content.damaged.last() {
        None => {
            "It has another length than its header says, and no write that is known to have been synced is missing"
            .to_owned()
        }
        Some(last) => {
            let bytes = content.damaged_bytes();
            let places = match content.damaged.len() {
                1 => "one place".to_owned(),
                count => format!("{count} places"),
            };
            let verdict = if last.end <= applied {
                "the shards have everything that was written there"
            } else {
                "writes are lost there; restore what is missing from a backup"
            };
            format!("{bytes} bytes in {places} could not be read, and {verdict}")
        }
    };
    let text = format!(
        "The log '{}' was damaged while the database was closed. {what}. Everything else was recovered, and the \
         damaged file is kept as '{}'.",
        path.display(),
        aside.display()
    );
    Error::new(Code::Corrupt, text).at(path)
}
