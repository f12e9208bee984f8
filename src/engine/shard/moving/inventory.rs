//! What the shards hold, and whether all of it can be moved.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{
    super::{
        connection::explain,
        schema::{self, quote},
        tables,
    },
    refusal,
};
use crate::engine::error::Result;

/// Tables of ours that a move knows what to do with.
const OWN: [&str; 4] = ["_kimdb_meta", "_kimdb_log", "_kimdb_collection", "_kimdb_set_aside"];

/// Everything that is to be moved.
#[derive(Debug)]
pub(super) struct Inventory {
    pub(super) tables: Vec<Table>,
    /// Collections on record and their tables.
    pub(super) collections: BTreeMap<String, String>,
    /// Rows of all tables.
    pub(super) rows: u64,
}

/// A table of documents.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// The statement that makes it.
    pub(super) sql: String,
    pub(super) columns: Vec<String>,
    /// Which old shards have it.
    pub(super) sources: Vec<usize>,
    /// Indexes that somebody has put on it, by name: the statements that make them.
    pub(super) indexes: BTreeMap<String, String>,
}

/// A line of SQLite's list of what a file holds.
struct Entry {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

impl Inventory {
    /// Looks through the old shards.
    ///
    /// # Errors
    /// [`crate::Code::ShardCount`] if they hold what cannot be moved.
    pub(super) fn take(paths: &[PathBuf], sources: &[Connection]) -> Result<Inventory> {
        // By lower-case name: to SQLite, 'Users' in one shard and 'users' in another are the same.
        let mut tables = BTreeMap::new();
        let mut collections = BTreeMap::new();
        let mut rows = 0;
        for (shard, (path, source)) in paths.iter().zip(sources).enumerate() {
            let failed = |error: rusqlite::Error| explain("read from", path, shard as u32, &error);
            let documents = tables::of_documents(source).map_err(failed)?;
            let is_documents = |name: &str| documents.iter().any(|known| known.eq_ignore_ascii_case(name));
            let entries = entries(source).map_err(failed)?;
            let (own, others): (Vec<_>, Vec<_>) =
                entries.into_iter().filter(|entry| !OWN.contains(&&*entry.table)).partition(|entry| {
                    is_documents(&entry.table) && (entry.kind == "table" || entry.kind == "index")
                });
            if let Some(entry) = others.first() {
                return Err(foreign(entry, path, shard));
            }
            for entry in own.iter().filter(|entry| entry.kind == "table") {
                let columns = columns(source, &entry.name).map_err(failed)?;
                rows += count(source, &entry.name).map_err(failed)?;
                note(&mut tables, entry, columns, shard).map_err(|text| refusal(&text, path))?;
            }
            for entry in own.iter().filter(|entry| entry.kind == "index") {
                note_index(&mut tables, entry).map_err(|text| refusal(&text, path))?;
            }
            if has(source, "_kimdb_collection").map_err(failed)? {
                collections.extend(schema::collections(source).map_err(failed)?);
            }
        }
        Ok(Inventory { tables: tables.into_values().collect(), collections, rows })
    }
}

fn entries(source: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let sql =
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = source.prepare(sql)?;
    let entries = statement.query_map([], |row| {
        Ok(Entry { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    })?;
    entries.collect()
}

/// Whether a file has a table of that name.
pub(super) fn has(source: &Connection, table: &str) -> rusqlite::Result<bool> {
    source.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")?.exists([table])
}

/// The columns that rows are stored with, and whether each is the primary key, alone.
fn columns(source: &Connection, table: &str) -> rusqlite::Result<Vec<(String, bool)>> {
    // NOTE: generated columns are not among these.
    let mut statement = source.prepare(&format!("PRAGMA main.table_info({})", quote(table)))?;
    let columns: Vec<(String, i64)> = statement
        .query_map([], |row| Ok((row.get("name")?, row.get("pk")?)))?
        .collect::<rusqlite::Result<_>>()?;
    let keys = columns.iter().filter(|(_, place)| *place > 0).count();
    Ok(columns.into_iter().map(|(name, place)| (name, place == 1 && keys == 1)).collect())
}

fn count(source: &Connection, table: &str) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", quote(table));
    source.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

fn note(
    tables: &mut BTreeMap<String, Table>,
    entry: &Entry,
    columns: Vec<(String, bool)>,
    shard: usize,
) -> std::result::Result<(), String> {
    if !columns.iter().any(|(name, is_key)| *is_key && name == "id") {
        return Err(format!(
            "The documents of table '{}' cannot be moved to other shards, because 'id' is not its primary key.",
            entry.name
        ));
    }
    let columns: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let table = tables.entry(entry.name.to_ascii_lowercase()).or_insert_with(|| Table {
        name: entry.name.clone(),
        sql: entry.sql.clone().unwrap_or_default(),
        columns: columns.clone(),
        sources: Vec::new(),
        indexes: BTreeMap::new(),
    });
    let is_same =
        columns.len() == table.columns.len() && columns.iter().all(|column| table.columns.contains(column));
    if !is_same {
        return Err(format!(
            "The documents of table '{}' cannot be moved to other shards, because it has other columns in some shards \
             than in others; make them the same.",
            entry.name
        ));
    }
    table.sources.push(shard);
    Ok(())
}

fn note_index(tables: &mut BTreeMap<String, Table>, entry: &Entry) -> std::result::Result<(), String> {
    // One that belongs to a constraint is made with its table.
    let Some(sql) = &entry.sql else { return Ok(()) };
    let Some(table) = tables.get_mut(&entry.table.to_ascii_lowercase()) else { return Ok(()) };
    let known = table.indexes.entry(entry.name.to_ascii_lowercase()).or_insert_with(|| sql.clone());
    if known == sql {
        return Ok(());
    }
    Err(format!(
        "The documents cannot be moved to other shards, because the index '{}' is not the same in all shards; make it the \
         same or drop it.",
        entry.name
    ))
}

fn foreign(entry: &Entry, path: &Path, shard: usize) -> crate::engine::Error {
    let text = format!(
        "The documents cannot be moved to other shards, because '{}' also holds the {} '{}', which is not kimdb's; move \
         that to a database of its own.",
        path.display(),
        entry.kind,
        entry.name
    );
    refusal(&text, path).in_shard(shard as u32)
}
