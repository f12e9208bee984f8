//! The writing side of a shard: batches in, one transaction each.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use crate::engine::log::Lsn;

use super::{
    Batch, Group, Upsert, schema,
    statement::{Param, Statement},
};

/// Rows of the wide insert. Fewer statements a row; beyond this the gain is lost in the noise.
const WIDE: usize = 32;

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
    })
}

impl Statements {
    fn apply(&mut self, connection: &Connection, group: &Group<'_>) -> rusqlite::Result<()> {
        let Statements { table, delete, one, wide } = self;
        for id in &group.deletes {
            let sql = || format!("DELETE FROM {table} WHERE id = ?");
            prepared(delete, connection, sql)?.execute(&[Param::Text(id.as_bytes())])?;
        }
        let mut params = Vec::with_capacity(WIDE * 5);
        let mut rows = group.upserts.chunks_exact(WIDE);
        for chunk in &mut rows {
            params.clear();
            chunk.iter().for_each(|row| push(&mut params, row));
            prepared(wide, connection, || upsert(table, WIDE))?.execute(&params)?;
        }
        for row in rows.remainder() {
            params.clear();
            push(&mut params, row);
            prepared(one, connection, || upsert(table, 1))?.execute(&params)?;
        }
        Ok(())
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

fn upsert(table: &str, rows: usize) -> String {
    let values = vec!["(?,?,?,?,?)"; rows].join(",");
    // OR ROLLBACK: a failure ends the transaction anyway, and SQLite need not be able to undo one statement alone.
    // AS: a table that is itself called "excluded" would otherwise hide the new row.
    format!(
        "INSERT OR ROLLBACK INTO {table} AS kept (id, data, _version, created_at, updated_at) VALUES {values}
         ON CONFLICT (id) DO UPDATE SET data = excluded.data, _version = kept._version + excluded._version,
             updated_at = excluded.updated_at"
    )
}

fn push<'a>(params: &mut Vec<Param<'a>>, row: &'a Upsert<'a>) {
    params.extend([
        Param::Text(row.id.as_bytes()),
        Param::Text(row.value),
        Param::Int(row.writes as i64),
        Param::Text(&row.created),
        Param::Text(&row.updated),
    ]);
}
