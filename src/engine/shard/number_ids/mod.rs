//! Number ids as the old library stored them.
//!
//! It found the shard of 5 by the text '5', but gave SQLite the number, which a column of texts keeps as '5.0'. So a row
//! '5.0' in the shard of '5', which is not that of '5.0', is a number's, and gets the name '5'. Of a row that lies where
//! both would lie, such as every row of a single shard, the others of its table tell; see [`evidence`].
//!
//! Done once, when a shard of the old library is adopted, in the transaction that does so.

mod evidence;
mod text;

use std::collections::BTreeSet;

use rusqlite::{
    Connection, OptionalExtension, ToSql, params,
    types::{ToSqlOutput, ValueRef},
};

use super::{Router, ShardId, schema, tables};

pub(super) use evidence::Evidence;
pub(super) use text::number_of;

/// Rows whose ids are looked at in one go.
const PAGE: usize = 4096;

/// Which of how many shards a row lies in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement {
    pub(super) shard: ShardId,
    pub(super) shards: u32,
}

/// What an id that reads like a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    /// Its shard is that of both.
    Doubtful,
    /// Its shard is that of neither.
    Misplaced,
}

impl Placement {
    fn kind(self, stored: &str, number: &str) -> Kind {
        let router = Router::new(self.shards);
        match (router.shard(number) == self.shard, router.shard(stored) == self.shard) {
            (true, false) => Kind::Number,
            (false, true) => Kind::Text,
            (true, true) => Kind::Doubtful,
            (false, false) => Kind::Misplaced,
        }
    }
}

/// Renames the rows that their shard proves to be numbers', and those of which it does not tell in these tables, which
/// are in lower case.
pub(super) fn rename(
    connection: &Connection,
    placement: Placement,
    tables: &BTreeSet<String>,
) -> rusqlite::Result<()> {
    for table in tables::of_documents(connection)? {
        let is_listed = tables.contains(&table.to_ascii_lowercase());
        each_id(connection, &table, |stored| {
            let Some(number) = number_of(stored) else { return Ok(()) };
            match placement.kind(stored, &number) {
                Kind::Number => give_name(connection, &table, stored.as_bytes(), &number),
                Kind::Doubtful if is_listed => give_name(connection, &table, stored.as_bytes(), &number),
                _ => Ok(()),
            }
        })?;
    }
    Ok(())
}

/// Whether the shard proves some rows to be numbers'.
pub(super) fn has_numbers(connection: &Connection, placement: Placement) -> rusqlite::Result<bool> {
    let mut has = false;
    for table in tables::of_documents(connection)? {
        each_id(connection, &table, |stored| {
            has = has
                || number_of(stored).is_some_and(|number| placement.kind(stored, &number) == Kind::Number);
            Ok(())
        })?;
    }
    Ok(has)
}

/// A text that need not be UTF-8.
#[derive(Clone, Copy)]
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// Calls with each id that begins like a number. Rows may be renamed meanwhile.
fn each_id(
    connection: &Connection,
    table: &str,
    mut work: impl FnMut(&str) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    // In the order of ids, so that it is read from the index: '-' and digits are next to each other but for '.' and '/'.
    let sql = format!(
        "SELECT id FROM {} WHERE id > ? AND id < ':' AND typeof(id) = 'text' ORDER BY id LIMIT {PAGE}",
        schema::quote(table)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut last = b"-".to_vec();
    loop {
        let ids: Vec<Vec<u8>> = statement
            .query_map([Text(&last)], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec()))?
            .collect::<rusqlite::Result<_>>()?;
        ids.iter().filter_map(|id| str::from_utf8(id).ok()).try_for_each(&mut work)?;
        match ids.into_iter().next_back() {
            Some(id) => last = id,
            None => return Ok(()),
        }
    }
}

/// Gives a row the name that it has from now on. If there is a document of that name, the one that was changed later has it from
/// now on, and the other is set aside: both were what the program meant by this id.
pub(super) fn give_name(
    connection: &Connection,
    table: &str,
    stored: &[u8],
    name: &str,
) -> rusqlite::Result<()> {
    let quoted = schema::quote(table);
    let time = format!("SELECT coalesce(updated_at, '') FROM {quoted} WHERE id = ?");
    let mut time = connection.prepare_cached(&time)?;
    let mut time = |id: Text<'_>| time.query_row([id], |row| row.get::<_, String>(0)).optional();
    let (stored, name) = (Text(stored), Text(name.as_bytes()));
    if let Some(theirs) = time(name)? {
        let older = if time(stored)?.is_some_and(|own| own > theirs) { name } else { stored };
        connection.execute_batch(schema::CREATE_SET_ASIDE)?;
        let keep = format!(
            "INSERT INTO _kimdb_set_aside SELECT ?, id, data, _version, updated_at FROM {quoted} WHERE id = ?"
        );
        connection.prepare_cached(&keep)?.execute(params![table, older])?;
        connection.prepare_cached(&format!("DELETE FROM {quoted} WHERE id = ?"))?.execute([older])?;
    }
    // Finds nothing if this is the one that was set aside.
    let rename = format!("UPDATE {quoted} SET id = ? WHERE id = ?");
    connection.prepare_cached(&rename)?.execute([name, stored]).map(|_| ())
}
