//! One engine per database and process, whoever opens it: a second instance or a worker thread shares the first's.

use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Path, PathBuf},
    ptr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};

use super::{
    error::{Code, Error, Result},
    memory,
    opening::Engine,
    options::Options,
    progress::Tell,
    shard::shard_path,
};

/// The database at one path. Locked while it is opened or closed, so that those who come meanwhile wait.
#[derive(Debug)]
pub(crate) struct Slot {
    key: PathBuf,
    holders: Mutex<Holders>,
}

#[derive(Debug, Default)]
struct Holders {
    engine: Option<Arc<Engine>>,
    count: usize,
}

/// How long an opening waits for another thread that opens the same database, if its own is in the middle of opening another one.
const NESTED: Duration = Duration::from_secs(5);

static SLOTS: LazyLock<Mutex<HashMap<PathBuf, Arc<Slot>>>> = LazyLock::new(Mutex::default);

/// A holder's place in the registry.
pub(crate) struct Entered {
    pub(crate) slot: Arc<Slot>,
    pub(crate) engine: Arc<Engine>,
    /// Nobody else had it open.
    pub(crate) is_first: bool,
}

/// The engine for `options`, opened if nobody has it open.
pub(crate) fn enter(options: Options, tell: Tell<'_>) -> Result<Entered> {
    let folder = options.base.parent().unwrap_or(Path::new("."));
    options.files.make_folder(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    let key = home(&options.base);
    // This thread is in the middle of that very opening, which tells of its progress, and would wait for itself.
    if Opening::has(&key) {
        return Err(being_opened(&key));
    }
    loop {
        let slot = Slot::of(&key);
        let mut holders = slot.lock()?;
        // The last holder may have taken the slot out while this one waited for it.
        if !slot.is_current() {
            continue;
        }
        let is_first = holders.engine.is_none();
        let engine = match &holders.engine {
            Some(engine) => {
                check_same(&engine.core.options, &options)?;
                Arc::clone(engine)
            }
            None => slot.open(options, tell)?,
        };
        holders.engine.get_or_insert_with(|| Arc::clone(&engine));
        holders.count += 1;
        drop(holders);
        return Ok(Entered { slot, engine, is_first });
    }
}

impl Slot {
    /// That of the database at `key`, made where there is none.
    fn of(key: &Path) -> Arc<Slot> {
        let fresh = || Arc::new(Slot { key: key.to_owned(), holders: Mutex::default() });
        Arc::clone(SLOTS.lock().entry(key.to_owned()).or_insert_with(fresh))
    }

    fn is_current(&self) -> bool {
        SLOTS.lock().get(&self.key).is_some_and(|current| ptr::eq(&**current, self))
    }

    fn lock(&self) -> Result<MutexGuard<'_, Holders>> {
        // IMPORTANT: this thread is in the middle of another opening, and the one that it waits for here may wait for that.
        let locked = match Opening::has_any() {
            true => self.holders.try_lock_for(NESTED),
            false => Some(self.holders.lock()),
        };
        locked.ok_or_else(|| being_opened(&self.key))
    }

    /// Opens the database. Where that fails the slot is taken out.
    fn open(&self, options: Options, tell: Tell<'_>) -> Result<Arc<Engine>> {
        let _opening = Opening::begin(&self.key);
        let opened = Engine::open(options, tell).map(Arc::new);
        opened.inspect_err(|_| _ = SLOTS.lock().remove(&self.key))
    }
}

/// As long as it is there, this thread is opening the database at the path.
struct Opening<'a>(&'a Path);

thread_local! {
    static OPENING: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
}

impl<'a> Opening<'a> {
    fn begin(key: &'a Path) -> Self {
        OPENING.with_borrow_mut(|opening| opening.push(key.to_owned()));
        Opening(key)
    }

    fn has(key: &Path) -> bool {
        OPENING.with_borrow(|opening| opening.iter().any(|open| open == key))
    }

    fn has_any() -> bool {
        OPENING.with_borrow(|opening| !opening.is_empty())
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        OPENING.with_borrow_mut(|opening| opening.retain(|other| other != self.0));
    }
}

fn being_opened(key: &Path) -> Error {
    let text = format!("The database '{}' is being opened; open it again after that.", key.display());
    Error::new(Code::Busy, text).at(key)
}

/// Gives the engine back; the last holder closes it.
pub(crate) fn leave(slot: &Slot) -> Result<()> {
    let mut holders = slot.holders.lock();
    holders.count = holders.count.saturating_sub(1);
    if holders.count > 0 {
        return Ok(());
    }
    let closed = holders.engine.take().map_or(Ok(()), |last| last.close());
    SLOTS.lock().remove(&slot.key);
    memory::give_back();
    closed
}

/// Closes what is still open, for a process that ends without closing.
#[cfg(feature = "addon")]
pub(crate) fn close_all() {
    let slots: Vec<_> = SLOTS.lock().values().cloned().collect();
    for slot in slots {
        let Some(mut holders) = slot.holders.try_lock_for(Duration::from_secs(1)) else {
            continue;
        };
        holders.count = 0;
        if let Some(engine) = holders.engine.take() {
            // Nobody is left to be told; what could not be flushed is in the log.
            let _ = engine.close();
        }
    }
}

/// Flushes what is open, for a process that may end without closing.
#[cfg(feature = "addon")]
pub(crate) fn flush_all() {
    let slots: Vec<_> = SLOTS.lock().values().cloned().collect();
    for slot in slots {
        let engine = slot.holders.try_lock().and_then(|holders| holders.engine.clone());
        if let Some(engine) = engine {
            // Nobody is left to be told; what could not be flushed is in the log.
            let _ = super::blocking::flush_and_wait(&engine.core);
        }
    }
}

/// The same file by whatever way its folder is named.
pub(crate) fn key(file: &Path) -> PathBuf {
    match (file.parent().and_then(|folder| folder.canonicalize().ok()), file.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => file.to_owned(),
    }
}

/// Where the database with this `base` is: by whatever path its folder is named, and where its first shard is a link, as what that names.
/// Who comes by links to the shards and who comes by the shards have to meet.
pub(crate) fn home(base: &Path) -> PathBuf {
    const NAME: &str = "_shard0.db";
    let first = shard_path(base, 0);
    let named = if first.is_symlink() { first.canonicalize().ok() } else { None };
    let Some(file) = named else { return key(base) };
    match file.file_name().and_then(|name| name.to_str()?.strip_suffix(NAME)) {
        Some(name) => file.with_file_name(name),
        None => file,
    }
}

fn check_same(running: &Options, asked: &Options) -> Result<()> {
    let path = asked.base.as_path();
    let conflict = |name: &str, running: String, asked: String| {
        let text = format!(
            "The database is open in this process with {name}: {running}, and {name}: {asked} was asked for; use the \
             same value everywhere."
        );
        Err(Error::new(Code::OptionConflict, text).at(path))
    };
    if running.shard_count != asked.shard_count && !asked.shard_count_is_default {
        return conflict("shardCount", running.shard_count.to_string(), asked.shard_count.to_string());
    }
    if asked.exclusive && !running.exclusive {
        return conflict("exclusive", running.exclusive.to_string(), asked.exclusive.to_string());
    }
    if running.safe_mode != asked.safe_mode {
        return conflict("safeMode", running.safe_mode.to_string(), asked.safe_mode.to_string());
    }
    if key(&running.wal_path) != key(&asked.wal_path) {
        let show = |options: &Options| format!("'{}'", options.wal_path.display());
        return conflict("walPath", show(running), show(asked));
    }
    if running.wal_size != asked.wal_size {
        return conflict("walSize", running.wal_size.to_string(), asked.wal_size.to_string());
    }
    Ok(())
}
