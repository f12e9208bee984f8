//! Opening SQLite connections, and SQLite's errors in our words.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
};

use super::{ShardId, checkpoint::CHECKPOINT_BYTES, memory::moderated, statement, vfs};
use crate::engine::{
    error::{Code, Error, FREE_SPACE, Result},
    io::with_suffix,
};

/// How long a statement waits for another program's lock while the database is opened or read.
const BUSY: Duration = Duration::from_secs(5);

/// So many times a flush looks whether another program's lock is free, and so long it sleeps after each. It is tried again a moment later:
/// other shards must not wait long for this one.
const LOOKS_IN_FLUSH: i32 = 50;
const LOOK_IN_FLUSH: Duration = Duration::from_millis(1);

/// Page cache of a writing and of a reading connection, in KiB.
const WRITER_CACHE: i64 = 8 << 10;
const READER_CACHE: i64 = 2 << 10;

/// SQLite's own log is cut to this when it begins anew: what it grew to while another program read in one long transaction is given back. Twice
/// what it comes to otherwise, so that it is not cut and grown again all the time.
const KEPT_LOG: i64 = 2 * CHECKPOINT_BYTES;

/// Page size of a new shard. Twice SQLite's default: ids in order come a twentieth faster into their shard, and reads from
/// the file take a twentieth longer.
const PAGE: i64 = 8192;

/// The connection that writes and checkpoints. There is one a shard and process, and it decides itself when to
/// checkpoint.
pub(super) fn writer(path: &Path, shard: ShardId) -> Result<Connection> {
    statement::configure();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<(Connection, String)> {
        let connection = Connection::open_with_flags_and_vfs(path, flags, vfs::name())?;
        connection.busy_timeout(BUSY)?;
        // Does nothing to a file that holds something.
        connection.execute_batch(&format!("PRAGMA page_size = {PAGE}"))?;
        let mode = use_wal(&connection)?;
        connection.execute_batch(&format!(
            "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{WRITER_CACHE};"
        ))?;
        connection.execute_batch(&format!(
            "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {KEPT_LOG}"
        ))?;
        Ok((connection, mode))
    };
    let (connection, mode) = open().map_err(|error| explain("open", path, shard, &error))?;
    if !mode.eq_ignore_ascii_case("wal") {
        let text = format!(
            "The file system of '{}' does not support SQLite's write-ahead log; put the database on a local disk.",
            path.display()
        );
        return Err(Error::new(Code::Io, text).at(path).in_shard(shard));
    }
    Ok(connection)
}

/// Has a writing connection wait as a flush does.
///
/// IMPORTANT: not by SQLite's own handler, which sleeps longer from look to look. Another process that uses this library lets go of the lock for
/// a few milliseconds between its transactions, and whoever sleeps through these gets nothing to the shard for seconds.
pub(super) fn wait_as_a_flush(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|looks| {
        thread::sleep(LOOK_IN_FLUSH);
        looks < LOOKS_IN_FLUSH
    }))
}

/// A connection that fills a new file, of which nothing is kept unless all of it is: without any log, and not synced.
pub(super) fn filler(path: &Path, shard: ShardId, cache_kib: i64) -> Result<Connection> {
    statement::configure();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.execute_batch(&format!(
            "PRAGMA page_size = {PAGE}; PRAGMA synchronous = OFF; PRAGMA cache_size = -{cache_kib};
             PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;"
        ))?;
        // NOTE: these two answer with a row.
        for pragma in ["PRAGMA journal_mode = OFF", "PRAGMA locking_mode = EXCLUSIVE"] {
            connection.query_row(pragma, [], |_| Ok(()))?;
        }
        Ok(connection)
    };
    open().map_err(|error| explain("open", path, shard, &error))
}

/// A connection that keeps everybody else away from a file, which has no write-ahead log from then on.
///
/// # Errors
/// [`Code::Busy`] if another program has it open.
pub(super) fn keeper(path: &Path, shard: ShardId) -> Result<Connection> {
    statement::configure();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(&format!(
            "PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{READER_CACHE};"
        ))?;
        connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        // IMPORTANT: nobody writes to the old file once the new ones are being filled.
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(connection)
    };
    open().map_err(|error| explain("take", path, shard, &error))
}

/// Switches the file to a write-ahead log, unless it has one. Returns the mode in force.
fn use_wal(connection: &Connection) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    // IMPORTANT: it answers before it commits, so only the end of the rows tells whether it did.
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

/// Pragmas that only tell something, although they take an argument.
const TELLING: [&str; 8] = [
    "table_info",
    "table_xinfo",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "integrity_check",
    "quick_check",
];

/// A reading connection for statements that users write: these can only look.
#[derive(Debug)]
pub(super) struct Guest {
    connection: Connection,
    may_transact: Arc<AtomicBool>,
}

impl Guest {
    /// Begins or ends a transaction, which users cannot.
    pub(super) fn transact(&self, sql: &str) -> rusqlite::Result<()> {
        // NOTE: it is judged while it is prepared, and not kept.
        self.may_transact.store(true, Ordering::Relaxed);
        let done = self.connection.execute_batch(sql);
        self.may_transact.store(false, Ordering::Relaxed);
        done
    }
}

impl Deref for Guest {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Guest {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// A guest as one of those of so many shards.
pub(super) fn guest(path: &Path, shard: ShardId, shards: u32) -> Result<Guest> {
    let mut connection =
        moderated(reader(path, shard)?, shards).map_err(|error| explain("open", path, shard, &error))?;
    let may_transact = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&may_transact);
    let judge = move |context: AuthContext<'_>| match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_value: None, .. } => Authorization::Allow,
        AuthAction::Pragma { pragma_name, .. }
            if TELLING.iter().any(|telling| telling.eq_ignore_ascii_case(pragma_name)) =>
        {
            Authorization::Allow
        }
        AuthAction::Transaction { .. } if may.load(Ordering::Relaxed) => Authorization::Allow,
        _ => Authorization::Deny,
    };
    connection.authorizer(Some(judge)).map_err(|error| explain("open", path, shard, &error))?;
    Ok(Guest { connection, may_transact })
}

/// A connection that cannot write.
pub(super) fn reader(path: &Path, shard: ShardId) -> Result<Connection> {
    statement::configure();
    // NOTE: not opened read-only, because such a connection could not recover SQLite's log after a crash.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        // What an earlier process left in SQLite's log is not moved before it is certain to be on the disk.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(&format!(
            "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{READER_CACHE};"
        ))?;
        Ok(connection)
    };
    open().map_err(|error| explain("open", path, shard, &error))
}

/// A connection to a file that nobody else uses, which changes nothing: neither the file, nor what lies beside it, nor does
/// it make anything there.
pub(super) fn onlooker(path: &Path, shard: ShardId) -> Result<Connection> {
    statement::configure();
    // SQLite's log lies beside the file that a link leads to.
    let named = path;
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_there =
        |suffix: &str| std::fs::metadata(with_suffix(path, suffix)).is_ok_and(|found| found.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        // What a transaction of SQLite's left that was to change nothing but whether the file has a log, when it was killed.
        let lost_its_log = !is_there("-wal") && has_log_mode(path);
        let connection = if (is_there("-wal") || is_there("-journal")) && !lost_its_log {
            // Without locks and alone, SQLite keeps the index of its log in memory instead of in a file.
            let connection = Connection::open_with_flags_and_vfs(path, flags, LOCKLESS)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
            connection
        } else {
            // Or it would make the log that is missing.
            Connection::open_with_flags(unchanging(path), flags | OpenFlags::SQLITE_OPEN_URI)?
        };
        connection.execute_batch(&format!(
            "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{READER_CACHE};"
        ))?;
        Ok(connection)
    };
    open().map_err(|error| match error.sqlite_error() {
        Some(found) if found.extended_code == rusqlite::ffi::SQLITE_READONLY_ROLLBACK => {
            let text = format!(
                "Shard {shard} ('{}') holds half a transaction of SQLite's, of a process that was killed; open the database, or run \
                 'kimdb recover', and look at it then.",
                named.display()
            );
            Error::new(Code::Io, text).at(named).in_shard(shard)
        }
        _ => explain("open", named, shard, &error),
    })
}

/// Whether the file says that it is one with a write-ahead log. While a transaction with a journal is under way in it, it does not.
fn has_log_mode(path: &Path) -> bool {
    let mut front = [0; 20];
    let read =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut front));
    read.is_ok() && front[18..] == [2, 2]
}

/// SQLite's way to files without locks.
const LOCKLESS: &str = if cfg!(windows) { "win32-none" } else { "unix-none" };

/// The address of a file of which SQLite is told that nobody changes it.
fn unchanging(path: &Path) -> String {
    use std::fmt::Write;
    let mut address = String::from(if cfg!(windows) { "file:///" } else { "file:" });
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                address.push(*byte as char)
            }
            b'\\' | b':' if cfg!(windows) => address.push(if *byte == b':' { ':' } else { '/' }),
            byte => write!(address, "%{byte:02x}").expect("a string takes everything"),
        }
    }
    address + "?immutable=1"
}

/// A SQLite error met while `doing` something to a shard.
pub(super) fn explain(doing: &str, path: &Path, shard: ShardId, error: &rusqlite::Error) -> Error {
    let (code, advice) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (Code::DiskFull, FREE_SPACE),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Code::Busy, "another program holds it; end that program's transaction")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            (Code::Corrupt, "restore this file from a backup")
        }
        Some(ErrorCode::CannotOpen) if is_too_long(path) => (
            Code::Io,
            "SQLite takes paths of up to 504 bytes, with up to 247 in the last name: choose a shorter 'dbPath'",
        ),
        // SQLite does not tell why.
        Some(ErrorCode::CannotOpen) => (
            Code::Io,
            "check the folder, its permissions, the disk, and the limit of open files ('ulimit -n')",
        ),
        // What we make has no constraint that can fail.
        Some(ErrorCode::ConstraintViolation) => (
            Code::Io,
            "an index, trigger or constraint that somebody has made in it refuses a document: drop that with any SQLite tool, \
             and flushing goes on by itself",
        ),
        None if matches!(error, rusqlite::Error::InvalidColumnType(_, name, _) if name == "id") => (
            Code::Corrupt,
            "a row has no text as its id, as where kimdb 7 was given a Buffer: give it a text, or delete it, with any SQLite \
             tool; 'npx kimdb verify' names its table",
        ),
        // Tables or values that are not as we make them.
        Some(ErrorCode::Unknown) | None => (
            Code::Corrupt,
            "drop or rename what somebody has made in it, if this names that or what that needs, and flushing goes on by \
             itself, or restore this file from a backup",
        ),
        Some(ErrorCode::OutOfMemory) => {
            (Code::Io, "give the process more memory, or open the database with a smaller 'cacheBytes'")
        }
        Some(ErrorCode::TooBig) => (Code::TooLarge, "split the document into smaller ones"),
        _ => (Code::Io, "check the folder, its permissions and the disk"),
    };
    Error::new(code, format!("Could not {doing} shard {shard} ('{}'): {error}; {advice}.", path.display()))
        .at(path)
        .in_shard(shard)
        .because(error.to_string())
}

/// Whether a file of this name has no room for SQLite's `-journal` behind it.
fn is_too_long(path: &Path) -> bool {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let last = path.file_name().unwrap_or_default();
    whole.as_os_str().len() > 504 || last.len() > 247
}

#[cfg(test)]
mod test {
    use std::path::Path;

    use rusqlite::ffi;

    use super::explain;

    #[test]
    fn without_memory_nobody_is_sent_to_the_disk() {
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOMEM), None);
        let error = explain("write to", Path::new("app_shard0.db"), 0, &failure).to_string();
        assert!(error.contains("more memory") && !error.contains("disk"), "{error}");
    }

    #[test]
    fn a_path_that_is_too_long_is_told_as_that() {
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), None);
        let explained = |path: &str| explain("open", Path::new(path), 0, &failure).to_string();
        for path in ["x".repeat(248), format!("/{}", "y/".repeat(252) + "z")] {
            assert!(explained(&path).contains("shorter 'dbPath'"), "{path}");
        }
        assert!(explained("app_shard0.db").contains("permissions"));
    }
}
