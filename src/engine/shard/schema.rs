//! What a shard file holds besides documents, and the documents' table.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};
use serde_json::json;

use super::ShardId;
use crate::engine::log::{Id, Lsn};

/// Tables of our own start with this.
pub(super) const PREFIX: &str = "_kimdb_";

/// Whose a shard file is, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The database.
    pub database: Id,
    /// Its number.
    pub shard: ShardId,
    /// The number of shards.
    pub shards: u32,
}

/// A name as SQLite wants it quoted.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The table of a collection, as the old library makes it.
pub(super) fn create_table(table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (
            id TEXT PRIMARY KEY,
            data TEXT NOT NULL,
            _version INTEGER DEFAULT 1,
            created_at TEXT DEFAULT CURRENT_TIMESTAMP,
            updated_at TEXT DEFAULT CURRENT_TIMESTAMP
        )",
        quote(table)
    )
}

pub(super) fn create_own_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS _kimdb_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS _kimdb_log (log TEXT PRIMARY KEY, applied INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS _kimdb_collection
            (name TEXT PRIMARY KEY, \"table\" TEXT NOT NULL UNIQUE COLLATE NOCASE) WITHOUT ROWID;",
    )
}

/// Documents of the old library that two names became one of, and that were not kept under it.
pub(super) const CREATE_SET_ASIDE: &str =
    "CREATE TABLE IF NOT EXISTS _kimdb_set_aside (\"table\" TEXT, id TEXT, data, _version, updated_at)";

/// Fails if tables of our own are something else, such as a view that runs for ever, or texts are not UTF-8.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    let strange = |text: String| Err(rusqlite::Error::ToSqlConversionFailure(text.into()));
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    if encoding != "UTF-8" {
        return strange(format!("its texts are {encoding}, and kimdb's are UTF-8"));
    }
    let sql =
        "SELECT name FROM sqlite_schema WHERE name IN ('_kimdb_meta', '_kimdb_log', '_kimdb_collection')
         COLLATE NOCASE AND NOT (type = 'table' AND rootpage <> 0)";
    match connection.query_row(sql, [], |row| row.get::<_, String>(0)).optional()? {
        Some(name) => strange(format!("'{name}' in it is not an ordinary table")),
        None => Ok(()),
    }
}

/// Whose the file is; `None`: a new file, or one of the old library.
pub(super) fn owner(connection: &Connection) -> rusqlite::Result<Option<Owner>> {
    check(connection)?;
    let known: bool =
        connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = '_kimdb_meta'", [], |row| {
            row.get(0)
        })?;
    if !known {
        return Ok(None);
    }
    let mut statement = connection.prepare("SELECT value FROM _kimdb_meta WHERE key = ?")?;
    let Some(database) = statement.query_row(["database"], |row| row.get::<_, Vec<u8>>(0)).optional()? else {
        return Ok(None);
    };
    let shard = statement.query_row(["shard"], |row| row.get(0))?;
    let shards = statement.query_row(["shards"], |row| row.get(0))?;
    let database = database.try_into().map_err(|_| rusqlite::Error::InvalidQuery)?;
    Ok(Some(Owner { database, shard, shards }))
}

pub(super) fn set_owner(connection: &Connection, owner: &Owner) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("INSERT OR REPLACE INTO _kimdb_meta VALUES (?, ?)")?;
    statement.execute(rusqlite::params!["format", 1])?;
    statement.execute(rusqlite::params!["shard", owner.shard])?;
    statement.execute(rusqlite::params!["shards", owner.shards])?;
    statement.execute(rusqlite::params!["database", owner.database])?;
    Ok(())
}

/// Whether the shards of the old library are being adopted, so that others may not know yet whose they are, and the tables
/// whose doubtful ids are numbers.
pub(super) fn adopting(connection: &Connection) -> rusqlite::Result<Option<BTreeSet<String>>> {
    let sql = "SELECT CAST(value AS TEXT) FROM _kimdb_meta WHERE key = 'adopting'";
    let tables: Option<String> = connection.prepare(sql)?.query_row([], |row| row.get(0)).optional()?;
    Ok(tables.map(|tables| serde_json::from_str(&tables).unwrap_or_default()))
}

/// Notes that adopting has begun, or is over.
pub(super) fn set_adopting(
    connection: &Connection,
    tables: Option<&BTreeSet<String>>,
) -> rusqlite::Result<()> {
    match tables {
        Some(tables) => {
            let sql = "INSERT OR REPLACE INTO _kimdb_meta VALUES ('adopting', ?)";
            connection.execute(sql, [json!(tables).to_string()])
        }
        None => connection.execute("DELETE FROM _kimdb_meta WHERE key = 'adopting'", []),
    }
    .map(|_| ())
}

/// Has SQLite find out what others have made and dropped: it does where a statement reads.
pub(super) fn follow_others(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("SELECT 1 FROM _kimdb_meta LIMIT 1")?.exists([]).map(|_| ())
}

/// Whether somebody has put triggers on a table.
pub(super) fn has_triggers(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE")?
        .exists([table])
}

/// Where this database was when it was last open, and where its log was then.
pub(super) fn places(connection: &Connection) -> rusqlite::Result<Option<(String, String)>> {
    let mut statement = connection.prepare("SELECT value FROM _kimdb_meta WHERE key = ?")?;
    let mut ask = |key: &str| statement.query_row([key], |row| row.get(0)).optional();
    Ok(ask("base")?.zip(ask("log")?))
}

pub(super) fn set_places(connection: &Connection, base: &str, log: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO _kimdb_meta VALUES ('base', ?), ('log', ?)";
    connection.execute(sql, [base, log]).map(|_| ())
}

pub(super) fn forget_places(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM _kimdb_meta WHERE key IN ('base', 'log')", []).map(|_| ())
}

fn log_name(log: &Id) -> String {
    crate::engine::log::hex(log)
}

pub(super) fn applied(connection: &Connection, log: &Id) -> rusqlite::Result<Lsn> {
    let mut statement = connection.prepare_cached("SELECT applied FROM _kimdb_log WHERE log = ?")?;
    let applied: Option<i64> = statement.query_row([log_name(log)], |row| row.get(0)).optional()?;
    // No log gets there: a number from elsewhere must not push the log's own places over their end, which is at twice that.
    let applied = applied.filter(|applied| (0..1 << 61).contains(applied));
    Ok(Lsn(applied.unwrap_or(0) as u64))
}

pub(super) fn set_applied(connection: &Connection, log: &Id, end: Lsn) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO _kimdb_log VALUES (?, ?)")?;
    statement.execute(rusqlite::params![log_name(log), end.0 as i64]).map(|_| ())
}

/// The logs that the file knows, by their names here, and up to where it has them.
pub(super) fn logs(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut statement = connection.prepare("SELECT log, applied FROM _kimdb_log")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Notes that the file has a log up to `end` at least.
pub(super) fn raise_applied(connection: &Connection, log: &str, end: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO _kimdb_log VALUES (?, ?)
        ON CONFLICT (log) DO UPDATE SET applied = max(applied, excluded.applied)";
    connection.execute(sql, rusqlite::params![log, end]).map(|_| ())
}

/// Forgets logs that are gone.
pub(super) fn forget_other_logs(connection: &Connection, log: &Id) -> rusqlite::Result<()> {
    let log = log_name(log);
    // Where there is nothing to forget, another program's transaction is not waited for.
    let sql = "SELECT EXISTS (SELECT 1 FROM _kimdb_log WHERE log <> ?)";
    if connection.query_row(sql, [&log], |row| row.get(0))? {
        connection.execute("DELETE FROM _kimdb_log WHERE log <> ?", [&log])?;
    }
    Ok(())
}

/// Forgets a log that is gone.
pub(super) fn forget_log(connection: &Connection, log: &Id) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM _kimdb_log WHERE log = ?", [log_name(log)]).map(|_| ())
}

/// Collections and their tables, as this file knows them.
pub(super) fn collections(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare("SELECT name, \"table\" FROM _kimdb_collection")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

pub(super) fn count_collections(connection: &Connection) -> rusqlite::Result<usize> {
    let sql = "SELECT count(*) FROM _kimdb_collection";
    connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map(|count| count as usize)
}

/// What is on record of a collection and of a table.
pub(super) fn collections_like(
    connection: &Connection,
    name: &str,
    table: &str,
) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT name, \"table\" FROM _kimdb_collection WHERE name = ?1 OR \"table\" = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([name, table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Puts a collection on record, unless it or the table is there already.
pub(super) fn add_collection(connection: &Connection, name: &str, table: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO _kimdb_collection VALUES (?, ?)";
    connection.prepare_cached(sql)?.execute([name, table]).map(|_| ())
}

/// A document's version. What somebody else has written there is brought to where it can be counted on.
pub(super) fn version_of(column: i64) -> u64 {
    column.clamp(0, 1 << 61) as u64
}

/// Whether a statement failed because its table does not exist.
pub(super) fn is_no_table(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(_, Some(text)) if text.starts_with("no such table"))
}
