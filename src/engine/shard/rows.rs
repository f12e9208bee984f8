//! How changes get into the rows of one table, with as little work of SQLite's as possible.
//!
//! Most of a bulk load are new documents that were written once and in the same second: two values to bind a row, and a plain
//! insert, for which SQLite keeps no journal of the statement. Everything else is an upsert.

use rusqlite::{Connection, ErrorCode};

use super::{
    schema,
    statement::{Param, Statement},
};
use crate::engine::{
    change::{Change, Fate},
    clock,
    prefetch::prefetch,
};

/// Rows of a wide statement. Fewer statements a row; beyond this the gain is lost in the noise.
const WIDE: usize = 32;

/// Values of a row.
const COLUMNS: usize = 5;

/// After an insert met a document that was there, so many wide statements are upserts.
const UPSERTS_AFTER_CONFLICT: u32 = 64;

/// The statements of one table, prepared when they are first needed.
#[derive(Debug)]
pub(super) struct Statements {
    name: String,
    /// The table's name, quoted.
    table: String,
    delete: Option<Statement>,
    upsert: Option<Statement>,
    wide_upsert: Option<Statement>,
    alike_upsert: Option<Statement>,
    alike_insert: Option<Statement>,
    /// Wide statements until an insert is tried again.
    upserts: u32,
}

impl Statements {
    pub(super) fn new(table: &str) -> Self {
        Statements {
            name: table.to_owned(),
            table: schema::quote(table),
            delete: None,
            upsert: None,
            wide_upsert: None,
            alike_upsert: None,
            alike_insert: None,
            upserts: 0,
        }
    }

    /// Bytes of memory that they take.
    pub(super) fn bytes(&self) -> usize {
        let all = [&self.delete, &self.upsert, &self.wide_upsert, &self.alike_upsert, &self.alike_insert];
        all.into_iter().flatten().map(Statement::bytes).sum()
    }

    /// Applies changes inside of a transaction, which has to be rolled back if this fails.
    pub(super) fn apply(&mut self, connection: &Connection, changes: &[Change<'_>]) -> rusqlite::Result<()> {
        for change in changes.iter().filter(|change| change.fate != Fate::Stored) {
            let sql = || format!("DELETE FROM {} WHERE id = ?", self.table);
            prepared(&mut self.delete, connection, sql)?.execute(&[Param::Text(change.id.as_bytes())])?;
        }
        // What a trigger does with a row that is refused or passed over could not be told from how many were stored.
        let may_insert = changes.len() >= WIDE && !schema::has_triggers(connection, &self.name)?;
        let mut rows = changes.iter().filter(|change| change.fate != Fate::Deleted);
        let mut chunk: Vec<&Change<'_>> = Vec::with_capacity(WIDE);
        let mut times = Times::default();
        loop {
            chunk.clear();
            chunk.extend(rows.by_ref().take(WIDE));
            if chunk.len() < WIDE {
                return self.store_each(connection, &chunk, &mut times);
            }
            // The next ones: they lie here and there in the log.
            rows.clone().take(WIDE).for_each(|row| {
                prefetch(row.id.as_bytes());
                prefetch(row.value);
            });
            let time = chunk[0].updated;
            if chunk.iter().all(|row| row.writes == 1 && row.updated == time) {
                self.store_alike(connection, &chunk, &mut times, may_insert)?;
            } else {
                self.store_wide(connection, &chunk, &mut times)?;
            }
        }
    }

    /// Rows that were written once, at one time.
    fn store_alike(
        &mut self,
        connection: &Connection,
        rows: &[&Change<'_>],
        times: &mut Times,
        may_insert: bool,
    ) -> rusqlite::Result<()> {
        let time = times.text(rows[0].updated);
        let texts = rows.iter().flat_map(|row| [Param::Text(row.id.as_bytes()), Param::Text(row.value)]);
        let params: Vec<Param<'_>> = [Param::Text(&time)].into_iter().chain(texts).collect();
        if self.upserts > 0 || !may_insert {
            self.upserts = self.upserts.saturating_sub(1);
            let sql = || upsert(&self.table, &alike(WIDE));
            return prepared(&mut self.alike_upsert, connection, sql)?.execute(&params);
        }
        // A table whose ids are not unique, which is none of ours, is refused by this one alone.
        prepared(&mut self.upsert, connection, || upsert(&self.table, ROW))?;
        let sql = || insert("FAIL", &self.table, &alike(WIDE));
        match prepared(&mut self.alike_insert, connection, sql)?.execute(&params) {
            // Those before the one that was there are stored. If it is another constraint that failed, an upsert says so.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                self.upserts = UPSERTS_AFTER_CONFLICT;
                let stored = connection.changes() as usize;
                self.store_each(connection, &rows[stored..], times)
            }
            stored => stored,
        }
    }

    fn store_wide(
        &mut self,
        connection: &Connection,
        rows: &[&Change<'_>],
        times: &mut Times,
    ) -> rusqlite::Result<()> {
        let texts: Vec<_> = rows.iter().map(|row| times.of(row)).collect();
        let params: Vec<Param<'_>> =
            rows.iter().zip(&texts).flat_map(|(row, texts)| params(row, texts)).collect();
        let sql = || upsert(&self.table, &vec![ROW; WIDE].join(","));
        prepared(&mut self.wide_upsert, connection, sql)?.execute(&params)
    }

    fn store_each(
        &mut self,
        connection: &Connection,
        rows: &[&Change<'_>],
        times: &mut Times,
    ) -> rusqlite::Result<()> {
        for row in rows {
            let sql = || upsert(&self.table, ROW);
            prepared(&mut self.upsert, connection, sql)?.execute(&params(row, &times.of(row)))?;
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
        None => Ok(statement.insert(Statement::prepare_to_write(connection, &sql())?)),
    }
}

/// An id, a text, the number of writes, when created and when updated.
const ROW: &str = "(?,?,?,?,?)";

/// One time for all rows, then an id and a text of each.
fn alike(rows: usize) -> String {
    let row = |row: usize| format!("(?{},?{},1,?1,?1)", 2 * row + 2, 2 * row + 3);
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

/// `otherwise`: what SQLite does where a row breaks a constraint.
fn insert(otherwise: &str, table: &str, values: &str) -> String {
    // AS: a table that is itself called "excluded" would otherwise hide the new row of an upsert.
    format!(
        "INSERT OR {otherwise} INTO {table} AS kept (id, data, _version, created_at, updated_at) VALUES {values}"
    )
}

fn upsert(table: &str, values: &str) -> String {
    // A failure ends the transaction anyway, so SQLite need not be able to undo one statement alone.
    let insert = insert("ROLLBACK", table, values);
    format!(
        "{insert} ON CONFLICT (id) DO UPDATE SET data = excluded.data,
             _version = kept._version + excluded._version, updated_at = excluded.updated_at"
    )
}

fn params<'a>(row: &Change<'a>, (created, updated): &'a (Text, Text)) -> [Param<'a>; COLUMNS] {
    [
        Param::Text(row.id.as_bytes()),
        Param::Text(row.value),
        Param::Int(row.writes as i64),
        Param::Text(created),
        Param::Text(updated),
    ]
}

type Text = [u8; 19];

/// Times as texts. Most writes of a batch were called within the same second.
#[derive(Default)]
struct Times {
    last: Option<(u64, Text)>,
}

impl Times {
    fn text(&mut self, seconds: u64) -> Text {
        match self.last {
            Some((known, text)) if known == seconds => text,
            _ => {
                let text = clock::sql_time(seconds);
                self.last = Some((seconds, text));
                text
            }
        }
    }

    /// When a row was created and updated.
    fn of(&mut self, row: &Change<'_>) -> (Text, Text) {
        (self.text(row.created), self.text(row.updated))
    }
}
