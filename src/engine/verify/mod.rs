//! Looking for damage in the files of a database that nobody has open. Nothing is made, changed, locked or recovered, so it
//! works on a copy that is read-only, too.

mod locate;
mod logs;
mod report;
mod shards;

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

pub use locate::{Located, locate};
pub use report::{Finding, LogFigures, Report, Severity};

use super::{
    error::{Code, Error, Result},
    io::with_suffix,
    presence, registry,
    shard::{self, ShardId, shard_path},
};

/// What to verify.
#[derive(Debug, Clone)]
pub struct Request {
    /// Common part of the file names: `dbPath` without `.db`. Absolute.
    pub base: PathBuf,
    /// The log; `None`: the one that the shards know of.
    pub log: Option<PathBuf>,
    /// Whether SQLite may leave out what takes longest, the comparison of indexes with their tables.
    pub quick: bool,
}

/// Verifies a database: each shard, each document in it, and the log. `progress` is called now and then with a shard and the
/// number of documents looked at since the last call.
///
/// # Errors
/// [`Code::Locked`] if somebody has it open, [`Code::Busy`] if somebody had it open meanwhile, [`Code::ShardCount`] if a move
/// to another number of shards is not complete, [`Code::Io`] if there is no database.
pub fn verify(request: &Request, progress: &mut dyn FnMut(ShardId, u64)) -> Result<Report> {
    let base = &request.base;
    presence::check_free(&registry::home(base))?;
    if shard::is_unfinished(base) {
        let text = format!(
            "The move of '{}' to another number of shards is not complete; open the database, or run 'kimdb recover', and \
             verify it then.",
            base.display()
        );
        return Err(Error::new(Code::ShardCount, text).at(base));
    }
    let existing = locate::existing(base)?;
    if existing.is_empty() {
        let text = format!("There is no database '{}'; check the path.", base.display());
        return Err(Error::new(Code::Io, text).at(base));
    }
    let mut report = Report::default();
    let before = states(base, &existing, request.log.as_deref());
    let shards = shards::verify(request, &existing, &mut report, progress);
    logs::verify(request, &shards, &mut report);
    presence::check_free(&registry::home(base))?;
    if states(base, &existing, request.log.as_deref()) != before {
        let text = format!(
            "The database '{}' was opened while it was verified, so nothing can be said; verify it while nobody has it open.",
            base.display()
        );
        return Err(Error::new(Code::Busy, text).at(base));
    }
    Ok(report)
}

/// Length of a file, and when it was changed.
type State = Option<(u64, Option<SystemTime>)>;

/// The states of all files by which it can be told whether somebody had the database open meanwhile.
fn states(base: &Path, shards: &[ShardId], log: Option<&Path>) -> Vec<State> {
    let state = |path: PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.len(), found.modified().ok()))
    };
    let with_its_log = |shard: &ShardId| {
        let path = shard_path(base, *shard);
        let path = path.canonicalize().unwrap_or(path);
        let its_log = with_suffix(&path, "-wal");
        [path, its_log]
    };
    shards.iter().flat_map(with_its_log).chain(log.map(Path::to_owned)).map(state).collect()
}
