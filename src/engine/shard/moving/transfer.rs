//! Copying all rows to new files.
//!
//! Row by row, in the order of ids, which is the order in which the new files' indexes take them best. In memory are one row
//! and SQLite's caches.

use std::{iter, path::Path};

use rusqlite::{
    Connection, Statement,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{
    super::{
        Router, ShardId,
        connection::{self, explain},
        schema::{self, Owner, quote},
    },
    Copied,
    inventory::{Inventory, Table, has},
    refusal,
    switch::staged_path,
};
use crate::engine::{
    error::{Error, Result},
    io::FileSystem,
};

/// Page cache of all new files together, and the least of one, in KiB.
const CACHE: i64 = 64 << 10;
const LEAST_CACHE: i64 = 256;

/// Rows between two reports.
const REPORT: u64 = 1024;

/// An old shard that nobody else can open.
pub(super) struct Source<'a> {
    pub(super) shard: ShardId,
    pub(super) path: &'a Path,
    pub(super) connection: &'a Connection,
}

impl Source<'_> {
    fn explain(&self, error: &rusqlite::Error) -> Error {
        explain("read from", self.path, self.shard, error)
    }
}

/// A new shard while it is filled, in one transaction.
struct Filling<'a> {
    shard: ShardId,
    path: &'a Path,
    connection: Connection,
}

/// Fills new files with everything, and makes them durable, but not their names. Returns the number of documents.
pub(super) fn copy(
    base: &Path,
    sources: &[Source<'_>],
    inventory: &Inventory,
    shards: u32,
    files: &dyn FileSystem,
    copied: Copied<'_>,
) -> Result<u64> {
    let paths: Vec<_> = (0..shards).map(|shard| staged_path(base, shard)).collect();
    let cache = (CACHE / i64::from(shards)).max(LEAST_CACHE);
    let mut fillings = Vec::with_capacity(paths.len());
    for (shard, path) in (0..).zip(&paths) {
        files.create(path).map_err(|error| Error::io("make", path, &error).in_shard(shard))?;
        fillings.push(Filling { shard, path, connection: connection::filler(path, shard, cache)? });
    }
    let first = fillings.first().expect("a database has at least one shard");
    begin(&fillings, sources).and_then(|()| record_collections(first, inventory))?;
    let mut counted = 0;
    let mut documents = 0;
    for table in &inventory.tables {
        let count = |rows| {
            counted += rows;
            copied(counted, inventory.rows);
        };
        documents += copy_table(table, sources, &fillings, inventory, count)?;
    }
    copy_set_aside(sources, first)?;
    for Filling { shard, path, connection } in &fillings {
        connection.execute_batch("COMMIT").map_err(|error| explain("write to", path, *shard, &error))?;
    }
    drop(fillings);
    for (shard, path) in (0..).zip(&paths) {
        let synced = files.open(path).and_then(|file| file.sync());
        synced.map_err(|error| Error::io("sync", path, &error).in_shard(shard))?;
    }
    Ok(documents)
}

impl Filling<'_> {
    fn explain(&self, error: &rusqlite::Error) -> Error {
        explain("write to", self.path, self.shard, error)
    }

    /// Makes a table of documents, and puts on record whose it is.
    fn make(&self, table: &Table, inventory: &Inventory) -> rusqlite::Result<()> {
        self.connection.execute_batch(&table.sql)?;
        for (name, theirs) in &inventory.collections {
            if theirs.eq_ignore_ascii_case(&table.name) {
                schema::add_collection(&self.connection, name, theirs)?;
            }
        }
        Ok(())
    }
}

/// Says in each new file whose it is.
fn begin(fillings: &[Filling<'_>], sources: &[Source<'_>]) -> Result<()> {
    let first = &sources[0];
    let owner = schema::owner(first.connection).map_err(|error| first.explain(&error))?;
    let database = owner.expect("whoever opens a shard makes it a database's").database;
    let places = schema::places(first.connection).map_err(|error| first.explain(&error))?;
    let mut applied: Vec<(String, i64)> = Vec::new();
    for source in sources {
        applied.extend(schema::logs(source.connection).map_err(|error| source.explain(&error))?);
    }
    let shards = fillings.len() as u32;
    for filling in fillings {
        let Filling { shard, connection, .. } = filling;
        let fill = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            schema::create_own_tables(connection)?;
            schema::set_owner(connection, &Owner { database, shard: *shard, shards })?;
            // What the logs held is in all shards.
            applied.iter().try_for_each(|(log, end)| schema::raise_applied(connection, log, *end))?;
            if let Some((base, log)) = places.as_ref().filter(|_| *shard == 0) {
                schema::set_places(connection, base, log)?;
            }
            Ok(())
        };
        fill().map_err(|error| filling.explain(&error))?;
    }
    Ok(())
}

/// Shard 0 knows all collections, also those without documents.
fn record_collections(first: &Filling<'_>, inventory: &Inventory) -> Result<()> {
    inventory
        .collections
        .iter()
        .try_for_each(|(name, table)| schema::add_collection(&first.connection, name, table))
        .map_err(|error| first.explain(&error))
}

/// Copies the documents of a table. Shard 0 gets the table in any case, the others with their first document.
fn copy_table(
    table: &Table,
    sources: &[Source<'_>],
    fillings: &[Filling<'_>],
    inventory: &Inventory,
    mut report: impl FnMut(u64),
) -> Result<u64> {
    let router = Router::new(fillings.len() as u32);
    let id_at = table.columns.iter().position(|column| column == "id").expect("documents have ids");
    let columns = list(table, "");
    let select = format!("SELECT {columns} FROM {} ORDER BY id", quote(&table.name));
    let mut inserts: Vec<Option<Insert<'_>>> = iter::repeat_with(|| None).take(fillings.len()).collect();
    inserts[0] = Some(Insert::new(&fillings[0], table, inventory)?);
    let (mut documents, mut unreported) = (0, 0);
    for shard in &table.sources {
        let source = &sources[*shard];
        let failed = |error: rusqlite::Error| source.explain(&error);
        let mut statement = source.connection.prepare(&select).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let to = match row.get_ref(id_at).map_err(failed)? {
                ValueRef::Text(id) | ValueRef::Blob(id) => router.shard_of_bytes(id) as usize,
                // Nothing of kimdb's: no text is null, and a column of texts holds no number.
                _ => 0,
            };
            let filling = &fillings[to];
            let insert = match &mut inserts[to] {
                Some(insert) => insert,
                none => none.insert(Insert::new(filling, table, inventory)?),
            };
            documents += u64::from(insert.insert(row).map_err(|error| filling.explain(&error))?);
            unreported += 1;
            if unreported == REPORT {
                report(std::mem::take(&mut unreported));
            }
        }
    }
    report(unreported);
    for (filling, _) in fillings.iter().zip(&inserts).filter(|(_, insert)| insert.is_some()) {
        make_indexes(table, filling)?;
    }
    Ok(documents)
}

/// The columns of a table, separated by commas, each after `prefix`.
fn list(table: &Table, prefix: &str) -> String {
    let columns: Vec<String> =
        table.columns.iter().map(|column| format!("{prefix}{}", quote(column))).collect();
    columns.join(", ")
}

/// How rows get into a table of one new shard.
struct Insert<'a> {
    insert: Statement<'a>,
    replace: Statement<'a>,
}

impl<'a> Insert<'a> {
    fn new(filling: &'a Filling<'_>, table: &Table, inventory: &Inventory) -> Result<Insert<'a>> {
        let new = || {
            filling.make(table, inventory)?;
            let (name, columns) = (quote(&table.name), list(table, ""));
            let marks = vec!["?"; table.columns.len()].join(", ");
            // AS: a table that is itself called "excluded" would otherwise hide the row that is to come.
            let insert = format!("INSERT INTO {name} AS kept ({columns}) VALUES ({marks})");
            // Shards that the old library opened with several counts hold one document twice; the newer one counts.
            let replace = format!(
                "{insert} ON CONFLICT (id) DO UPDATE SET ({columns}) = ({})
                 WHERE (coalesce(excluded.updated_at, ''), excluded._version)
                     > (coalesce(kept.updated_at, ''), kept._version)",
                list(table, "excluded.")
            );
            let insert = filling.connection.prepare(&format!("{insert} ON CONFLICT (id) DO NOTHING"))?;
            Ok(Insert { insert, replace: filling.connection.prepare(&replace)? })
        };
        new().map_err(|error| filling.explain(&error))
    }

    /// False: there is such a document already, and the newer of the two is kept.
    fn insert(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<bool> {
        bind(&mut self.insert, row)?;
        let is_new = self.insert.raw_execute()? > 0;
        if !is_new {
            bind(&mut self.replace, row)?;
            self.replace.raw_execute()?;
        }
        Ok(is_new)
    }
}

fn bind(statement: &mut Statement<'_>, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
    for column in 0..statement.parameter_count() {
        let value = ToSqlOutput::Borrowed(row.get_ref(column)?);
        statement.raw_bind_parameter(column + 1, value)?;
    }
    Ok(())
}

fn make_indexes(table: &Table, filling: &Filling<'_>) -> Result<()> {
    for (name, sql) in &table.indexes {
        filling.connection.execute_batch(sql).map_err(|error| {
            let text = format!(
                "The documents cannot be moved to other shards, because the index '{name}' of '{}' cannot be made there: \
                 {error}; drop it.",
                table.name
            );
            refusal(&text, filling.path).in_shard(filling.shard)
        })?;
    }
    Ok(())
}

/// What the adoption of old shards has set aside goes to shard 0.
fn copy_set_aside(sources: &[Source<'_>], first: &Filling<'_>) -> Result<()> {
    for source in sources {
        let rows = set_aside(source.connection).map_err(|error| source.explain(&error))?;
        let insert = || -> rusqlite::Result<()> {
            if rows.is_empty() {
                return Ok(());
            }
            first.connection.execute_batch(schema::CREATE_SET_ASIDE)?;
            let mut insert =
                first.connection.prepare("INSERT INTO _kimdb_set_aside VALUES (?, ?, ?, ?, ?)")?;
            rows.iter().try_for_each(|row| insert.execute(rusqlite::params_from_iter(row)).map(|_| ()))
        };
        insert().map_err(|error| first.explain(&error))?;
    }
    Ok(())
}

/// There are very few.
fn set_aside(source: &Connection) -> rusqlite::Result<Vec<Vec<Value>>> {
    if !has(source, "_kimdb_set_aside")? {
        return Ok(Vec::new());
    }
    let mut statement =
        source.prepare("SELECT \"table\", id, data, _version, updated_at FROM _kimdb_set_aside")?;
    let rows = statement.query_map([], |row| (0..5).map(|column| row.get(column)).collect())?;
    rows.collect()
}
