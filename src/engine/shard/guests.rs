//! Scans, and statements that users write, on connections of their own.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, ErrorCode, PrepFlags, Statement, types::Value};

use super::{
    Newest, Queries, Row, RowPlace, Rows, checkpoint::is_checkpoint, newest, schema, sqlite::SqliteShard,
    store::NewNames, tables,
};
use crate::engine::error::{Code, Error, Result};

impl SqliteShard {
    /// Runs a statement, and tells what is wrong with it.
    pub(super) fn run(&self, connection: &Connection, sql: &str) -> Result<Rows> {
        let mut statement = connection.prepare(sql).map_err(|error| self.refuse(&error))?;
        self.rows_of(&mut statement, &[], usize::MAX)
    }

    fn rows_of(&self, statement: &mut Statement<'_>, params: &[Value], most: usize) -> Result<Rows> {
        let bad = |error: rusqlite::Error| self.refuse(&error);
        let mut cursor = statement.query(rusqlite::params_from_iter(params)).map_err(bad)?;
        let mut rows = Vec::new();
        while rows.len() < most
            && let Some(row) = cursor.next().map_err(bad)?
        {
            let values = (0..row.as_ref().column_count()).map(|column| row.get(column));
            rows.push(values.collect::<rusqlite::Result<_>>().map_err(bad)?);
        }
        drop(cursor);
        // IMPORTANT: asked for now, because the tables may have changed since the statement was prepared, which SQLite
        // notices at the first row.
        Ok(Rows { columns: statement.column_names().map(str::to_owned).collect(), rows })
    }

    /// What is wrong with a statement that a user wrote.
    fn refuse(&self, error: &rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied) => {
                Error::new(Code::Sql, "Shard handles only read; change documents through set() and delete().")
                    .in_shard(self.shard)
            }
            // What rusqlite answers for a text of spaces and comments.
            Some(ErrorCode::ApiMisuse) => {
                Error::new(Code::Sql, "There is no statement in it; give one, such as SELECT.")
                    .in_shard(self.shard)
            }
            Some(ErrorCode::Unknown) | None => {
                Error::new(Code::Sql, format!("The statement did not run: {error}.")).in_shard(self.shard)
            }
            Some(_) => self.explain("query", error),
        }
    }
}

impl Queries for SqliteShard {
    fn newest(&self, table: &str, limit: u64, over: &[Arc<AtomicBool>]) -> Result<Newest<'_>> {
        self.find_newest(table, limit, over)
    }

    fn count(&self, table: &str) -> Result<u64> {
        self.with_spare(|connection| {
            let failed = |error: rusqlite::Error| self.explain("read from", &error);
            let sql = format!("SELECT count(*) FROM {}", schema::quote(table));
            // A name that no table of the file has must not be one of SQLite's own, such as "dbstat".
            match connection.prepare_with_flags(&sql, PrepFlags::SQLITE_PREPARE_NO_VTAB) {
                Err(error) if schema::is_no_table(&error) => Ok(0),
                statement => statement
                    .and_then(|mut counted| counted.query_row([], |row| row.get::<_, i64>(0)))
                    .map(|count| count as u64)
                    .map_err(failed),
            }
        })
    }

    fn walk(
        &self,
        table: &str,
        after: Option<&RowPlace>,
        visit: &mut dyn FnMut(Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.with_spare(|connection| {
            let failed = |error: rusqlite::Error| self.explain("read from", &error);
            // Where rows have no places of their own, or a column of that name hides them, the order is that of ids.
            let (place, key) =
                if tables::has_places(connection, table) { ("rowid", "rowid") } else { ("NULL", "id") };
            let behind = if after.is_some() { format!("WHERE {key} > ?1") } else { String::new() };
            // Versions and times of whatever type another program has made them, as other reads take them.
            let sql = format!(
                "SELECT {place}, id, CAST(data AS BLOB), CAST(_version AS INTEGER), CAST(created_at AS BLOB), \
                 CAST(updated_at AS BLOB) FROM {} {behind} ORDER BY {key}",
                schema::quote(table)
            );
            let mut statement = match connection.prepare_with_flags(&sql, PrepFlags::SQLITE_PREPARE_NO_VTAB) {
                Err(error) if schema::is_no_table(&error) => return Ok(()),
                statement => statement.map_err(failed)?,
            };
            let mut rows = match after {
                None => statement.query([]),
                Some(RowPlace::Number(number)) => statement.query([number]),
                Some(RowPlace::Id(id)) => statement.query([id]),
            }
            .map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let read = || -> rusqlite::Result<Row<'_>> {
                    Ok(Row {
                        number: row.get(0)?,
                        id: newest::id_of(row, 1)?,
                        value: newest::value_of(row, 2)?,
                        version: schema::version_of(row.get::<_, Option<i64>>(3)?.unwrap_or(0)),
                        created: row.get_ref(4)?.as_bytes_or_null()?.map(newest::text),
                        updated: row.get_ref(5)?.as_bytes_or_null()?.map(newest::text),
                    })
                };
                if visit(read().map_err(failed)?)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn new_names(&self, is_new: &dyn Fn(&str) -> bool) -> Result<Option<NewNames>> {
        self.with_spare(|connection| {
            let failed = |error: rusqlite::Error| self.explain("read from", &error);
            let version = tables::version(connection).map_err(failed)?;
            if self.named_as_of.load(Ordering::Acquire) == version {
                return Ok(None);
            }
            tables::names_that(connection, is_new).map(|names| Some((version, names))).map_err(failed)
        })
    }

    fn note_names(&self, version: i64) {
        self.named_as_of.store(version, Ordering::Release);
    }

    fn query(&self, sql: &str, params: &[Value], most: usize) -> Result<Rows> {
        self.with_spare(|connection| {
            // Programs ask the same again and again.
            let mut statement = connection.prepare_cached(sql).map_err(|error| self.refuse(&error))?;
            self.rows_of(&mut statement, params, most)
        })
    }

    fn pragma(&self, text: &str) -> Result<Rows> {
        let sql = format!("PRAGMA {text}");
        if is_checkpoint(text) {
            return self.checkpoint_by(&sql);
        }
        self.with_spare(|connection| self.run(connection, &sql))
    }
}
