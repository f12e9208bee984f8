//! One engine per database and process, whoever opens it: a second instance or a worker thread shares the first's.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;

use super::{
    error::{Code, Error, Result},
    opening::Engine,
    options::Options,
};

/// The database at one path. Locked while it is opened or closed, so that those who come meanwhile wait.
type Slot = Arc<Mutex<Holders>>;

#[derive(Debug, Default)]
struct Holders {
    engine: Option<Arc<Engine>>,
    count: usize,
}

static SLOTS: LazyLock<Mutex<HashMap<PathBuf, Slot>>> = LazyLock::new(Mutex::default);

/// The engine for `options`, opened if nobody has it open. True: it was opened by this call.
pub(crate) fn enter(options: Options) -> Result<(Arc<Engine>, bool)> {
    let slot = Arc::clone(SLOTS.lock().entry(key(&options.base)).or_default());
    let mut holders = slot.lock();
    if let Some(engine) = &holders.engine {
        check_same(&engine.core.options, &options)?;
        let engine = Arc::clone(engine);
        holders.count += 1;
        return Ok((engine, false));
    }
    let engine = Arc::new(Engine::open(options)?);
    *holders = Holders { engine: Some(Arc::clone(&engine)), count: 1 };
    Ok((engine, true))
}

/// Gives the engine back; the last one closes it. True: it was the last.
pub(crate) fn leave(engine: &Arc<Engine>) -> Result<bool> {
    let slot = SLOTS.lock().get(&key(&engine.core.options.base)).cloned();
    let Some(slot) = slot else { return Ok(false) };
    let mut holders = slot.lock();
    holders.count = holders.count.saturating_sub(1);
    if holders.count > 0 {
        return Ok(false);
    }
    match holders.engine.take() {
        Some(last) => last.close().map(|()| true),
        None => Ok(false),
    }
}

/// Closes what is still open, for a process that ends without closing.
#[cfg(feature = "addon")]
pub(crate) fn close_all() {
    let slots: Vec<Slot> = SLOTS.lock().values().cloned().collect();
    for slot in slots {
        let Some(mut holders) = slot.try_lock_for(std::time::Duration::from_secs(1)) else {
            continue;
        };
        holders.count = 0;
        if let Some(engine) = holders.engine.take() {
            // Nobody is left to be told; what could not be flushed is in the log.
            let _ = engine.close();
        }
    }
}

/// The same file by whatever way its folder is named.
fn key(base: &Path) -> PathBuf {
    let folder = base.parent().and_then(|folder| {
        std::fs::create_dir_all(folder).ok();
        folder.canonicalize().ok()
    });
    match (folder, base.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => base.to_owned(),
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
    if running.shard_count != asked.shard_count {
        return conflict("shardCount", running.shard_count.to_string(), asked.shard_count.to_string());
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
