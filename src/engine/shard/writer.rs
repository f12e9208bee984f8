//! The writing side of a shard: batches in, one transaction each.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use crate::engine::{
    change::{Change, Fate},
    clock,
    log::Lsn,
};

use super::{
    Batch, Group, schema,
    statement::{Param, Statement},
};

/// Rows of the wide insert. Fewer statements a row; beyond this the gain is lost in the noise.
const WIDE: usize = 32;

/// Values of a row.
const COLUMNS: usize = 5;

/// Prepared statements are kept for this many collections.
const KEPT_COLLECTIONS: usize = 64;

#[derive(Debug)]
pub(super) struct Writer {
    // NOTE: before the connection, so that they are finalized before it closes.
    statements: HashMap<String, Statements>,
    /// Collections on record in this shard.
    recorded: HashSet<String>,
    pub(super) connection: Connection,
}

/// The statements of one table, prepared when they are first needed.
#[derive(Debug)]
struct Statements {
    /// The table's name, quoted.
    table: String,
    delete: Option<Statement>,
    one: Option<Statement>,
    wide: Option<Statement>,
    alike: Option<Statement>,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> rusqlite::Result<Self> {
        let recorded = schema::collections(&connection)?.into_iter().map(|(name, _)| name).collect();
        Ok(Writer { statements: HashMap::new(), recorded, connection })
    }

    /// Applies a batch. On an error the transaction is rolled back and the next call starts afresh.
    pub(super) fn apply(&mut self, batch: &Batch<'_>) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let result =
            self.fill(batch).and_then(|()| self.connection.prepare_cached("COMMIT")?.execute([]).map(|_| ()));
        if result.is_err() {
            self.statements.clear();
            if !self.connection.is_autocommit() {
                // NOTE: SQLite has rolled back by itself after some errors; then there is nothing to do.
                let _ = self.connection.execute_batch("ROLLBACK");
            }
            return result;
        }
        for group in &batch.groups {
            if !self.recorded.contains(group.collection) {
                self.recorded.insert(group.collection.to_owned());
            }
        }
        result
    }

    fn fill(&mut self, batch: &Batch<'_>) -> rusqlite::Result<()> {
        for group in &batch.groups {
            // A table of the old library is there already; that it is this collection's is put on record all the same.
            if !self.recorded.contains(group.collection) {
                self.connection.execute_batch(&schema::create_table(group.table))?;
                schema::add_collection(&self.connection, group.collection, group.table)?;
            }
            let statements = statements_for(&mut self.statements, group.table);
            statements.apply(&self.connection, group)?;
        }
        if let Some(side) = &batch.side {
            schema::set_applied(&self.connection, side, Lsn(1))?;
        }
        schema::set_applied(&self.connection, &batch.log, batch.end)
    }
}

fn statements_for<'a>(kept: &'a mut HashMap<String, Statements>, table: &str) -> &'a mut Statements {
    if kept.len() >= KEPT_COLLECTIONS && !kept.contains_key(table) {
        // Any will do: a batch visits collections in turn, so the one used last is no better than another.
        let victim = kept.keys().next().cloned().expect("it is full");
        kept.remove(&victim);
    }
    kept.entry(table.to_owned()).or_insert_with(|| Statements {
        table: schema::quote(table),
        delete: None,
        one: None,
        wide: None,
        alike: None,
    })
}

impl Statements {
    fn apply(&mut self, connection: &Connection, group: &Group<'_>) -> rusqlite::Result<()> {
        let Statements { table, delete, one, wide, alike } = self;
        for change in group.changes.iter().filter(|change| change.fate != Fate::Stored) {
            let sql = || format!("DELETE FROM {table} WHERE id = ?");
            prepared(delete, connection, sql)?.execute(&[Param::Text(change.id.as_bytes())])?;
        }
        let mut rows = group.changes.iter().filter(|change| change.fate != Fate::Deleted);
        let mut chunk: Vec<&Change<'_>> = Vec::with_capacity(WIDE);
        let mut times = Times::default();
        loop {
            chunk.clear();
            chunk.extend(rows.by_ref().take(WIDE));
            if let [first, ..] = chunk[..]
                && chunk.len() == WIDE
                && chunk.iter().all(|row| row.writes == 1 && row.updated == first.updated)
            {
                let time = times.text(first.updated);
                let texts =
                    chunk.iter().flat_map(|row| [Param::Text(row.id.as_bytes()), Param::Text(row.value)]);
                let params: Vec<Param<'_>> = [Param::Text(&time)].into_iter().chain(texts).collect();
                prepared(alike, connection, || upsert_alike(table, WIDE))?.execute(&params)?;
                continue;
            }
            let texts: Vec<_> =
                chunk.iter().map(|row| (times.text(row.created), times.text(row.updated))).collect();
            let params: Vec<Param<'_>> = chunk
                .iter()
                .zip(&texts)
                .flat_map(|(row, (created, updated))| params(row, created, updated))
                .collect();
            if chunk.len() == WIDE {
                prepared(wide, connection, || upsert(table, WIDE))?.execute(&params)?;
                continue;
            }
            for row in params.chunks_exact(COLUMNS) {
                prepared(one, connection, || upsert(table, 1))?.execute(row)?;
            }
            return Ok(());
        }
    }
}

fn prepared<'a>(
    statement: &'a mut Option<Statement>,
    connection: &Connection,
    sql: impl FnOnce() -> String,
) -> rusqlite::Result<&'a mut Statement> {
    match statement {
        Some(statement) => Ok(statement),
        None => Ok(statement.insert(Statement::prepare(connection, &sql())?)),
    }
}

/// Rows of an id, a text, writes, created and updated each.
fn upsert(table: &str, rows: usize) -> String {
    upsert_of(table, &vec!["(?,?,?,?,?)"; rows].join(","))
}

/// One time for all rows, then rows of an id and a text each, written once: what a bulk load consists of. Two values to
/// bind a row instead of five.
fn upsert_alike(table: &str, rows: usize) -> String {
    let row = |row: usize| format!("(?{},?{},1,?1,?1)", 2 * row + 2, 2 * row + 3);
    upsert_of(table, &(0..rows).map(row).collect::<Vec<_>>().join(","))
}

fn upsert_of(table: &str, values: &str) -> String {
    // OR ROLLBACK: a failure ends the transaction anyway, and SQLite need not be able to undo one statement alone.
    // AS: a table that is itself called "excluded" would otherwise hide the new row.
    format!(
        "INSERT OR ROLLBACK INTO {table} AS kept (id, data, _version, created_at, updated_at) VALUES {values}
         ON CONFLICT (id) DO UPDATE SET data = excluded.data, _version = kept._version + excluded._version,
             updated_at = excluded.updated_at"
    )
}

fn params<'a>(row: &Change<'a>, created: &'a [u8], updated: &'a [u8]) -> [Param<'a>; COLUMNS] {
    [
        Param::Text(row.id.as_bytes()),
        Param::Text(row.value),
        Param::Int(row.writes as i64),
        Param::Text(created),
        Param::Text(updated),
    ]
}

/// Times as texts. Most writes of a batch were called within the same second.
#[derive(Default)]
struct Times {
    last: Option<(u64, [u8; 19])>,
}

impl Times {
    fn text(&mut self, seconds: u64) -> [u8; 19] {
        match self.last {
            Some((known, text)) if known == seconds => text,
            _ => {
                let text = clock::sql_time(seconds);
                self.last = Some((seconds, text));
                text
            }
        }
    }
}
