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

#[derive(Debug)]
struct Statements {
    delete: Statement,
    one: Statement,
    wide: Statement,
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
            self.statements(group.table)?.apply(group)?;
        }
        if let Some(side) = &batch.side {
            schema::set_applied(&self.connection, side, Lsn(1))?;
        }
        schema::set_applied(&self.connection, &batch.log, batch.end)
    }

    fn statements(&mut self, table: &str) -> rusqlite::Result<&mut Statements> {
        if !self.statements.contains_key(table) {
            if self.statements.len() >= KEPT_COLLECTIONS {
                self.statements.clear();
            }
            let prepared = Statements::prepare(&self.connection, table)?;
            self.statements.insert(table.to_owned(), prepared);
        }
        Ok(self.statements.get_mut(table).expect("just inserted"))
    }
}

impl Statements {
    fn prepare(connection: &Connection, table: &str) -> rusqlite::Result<Self> {
        let table = schema::quote(table);
        // OR ROLLBACK: a failure ends the transaction anyway, and SQLite need not be able to undo one statement alone.
        let upsert = |rows: usize| {
            let values = vec!["(?,?,?,?,?)"; rows].join(",");
            format!(
                "INSERT OR ROLLBACK INTO {table} (id, data, _version, created_at, updated_at) VALUES {values}
                 ON CONFLICT (id) DO UPDATE SET data = excluded.data, _version = _version + excluded._version,
                     updated_at = excluded.updated_at"
            )
        };
        Ok(Statements {
            delete: Statement::prepare(connection, &format!("DELETE FROM {table} WHERE id = ?"))?,
            one: Statement::prepare(connection, &upsert(1))?,
            wide: Statement::prepare(connection, &upsert(WIDE))?,
        })
    }

    fn apply(&mut self, group: &Group<'_>) -> rusqlite::Result<()> {
        for id in &group.deletes {
            self.delete.execute(&[Param::Text(id.as_bytes())])?;
        }
        let mut rows = group.upserts.chunks_exact(WIDE);
        let mut params = Vec::with_capacity(WIDE * 5);
        for wide in &mut rows {
            params.clear();
            wide.iter().for_each(|row| push(&mut params, row));
            self.wide.execute(&params)?;
        }
        for row in rows.remainder() {
            params.clear();
            push(&mut params, row);
            self.one.execute(&params)?;
        }
        Ok(())
    }
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
