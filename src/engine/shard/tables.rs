//! The tables of a file, and which of them documents fit in.

use std::{collections::HashSet, ffi::CStr};

use rusqlite::{Connection, OptionalExtension, Row, types::ValueRef};

use super::schema::{PREFIX, quote};

/// A number that changes with the tables of the file.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA schema_version")?.query_row([], |row| row.get(0))
}

/// Everything in the file that takes a name from tables, which triggers do not, and whether it is a table that documents fit in.
pub(super) fn names(connection: &Connection) -> rusqlite::Result<Vec<(String, bool)>> {
    names_that(connection, &|_| true)
}

/// The same of those names that are wanted.
pub(super) fn names_that(
    connection: &Connection,
    is_wanted: &dyn Fn(&str) -> bool,
) -> rusqlite::Result<Vec<(String, bool)>> {
    let mut statement = connection.prepare(
        "SELECT name, type = 'table' AND rootpage <> 0 FROM sqlite_schema
         WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND type <> 'trigger'",
    )?;
    let names: rusqlite::Result<Vec<(String, bool)>> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
    let with_columns = |(name, is_table): (String, bool)| {
        let fits = is_table && takes_documents(connection, &name)?;
        Ok((name, fits))
    };
    names?.into_iter().filter(|(name, _)| is_wanted(name)).map(with_columns).collect()
}

/// The tables that documents fit in, but for our own.
pub(super) fn of_documents(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let is_meant = |(name, fits): &(String, bool)| *fits && !name.to_ascii_lowercase().starts_with(PREFIX);
    Ok(names(connection)?.into_iter().filter(is_meant).map(|(name, _)| name).collect())
}

/// Which of these names something in the file has already, in small letters: SQLite makes no difference. All at once, because each look is one at all
/// names of the file.
pub(super) fn taken<'a>(
    connection: &Connection,
    tables: impl Iterator<Item = &'a str>,
) -> rusqlite::Result<HashSet<String>> {
    let wanted: HashSet<String> = tables.map(str::to_ascii_lowercase).collect();
    let mut statement =
        connection.prepare_cached("SELECT name FROM sqlite_schema WHERE type <> 'trigger'")?;
    let mut rows = statement.query([])?;
    let mut taken = HashSet::new();
    while let Some(row) = rows.next()? {
        // One that is no UTF-8 is none of ours.
        let name = String::from_utf8_lossy(row.get_ref(0)?.as_bytes_or_null()?.unwrap_or_default())
            .to_ascii_lowercase();
        if wanted.contains(&name) {
            taken.insert(name);
        }
    }
    Ok(taken)
}

/// Whether somebody else has something of that name in the file which is no table that documents fit in.
pub(super) fn is_anothers(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT name, type = 'table' AND rootpage <> 0 FROM sqlite_schema WHERE name = ? COLLATE NOCASE
         AND type <> 'trigger'";
    let found: Option<(String, bool)> = connection
        .prepare_cached(sql)?
        .query_row([table], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((name, is_table)) = found else { return Ok(false) };
    Ok(!is_table || !takes_documents(connection, &name)?)
}

/// What a flush names in a table.
const COLUMNS: [&str; 5] = ["id", "data", "_version", "created_at", "updated_at"];

/// Whether documents fit in a table: it has their columns, its ids may be texts and are there once each, and no other column needs a value.
///
/// IMPORTANT: what a table refuses holds up its shard.
fn takes_documents(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    // NOTE: the pragma itself, because a table could be named like the function that stands for it.
    let mut statement = connection.prepare(&format!("PRAGMA main.table_info({})", quote(table)))?;
    let (mut wanted, mut needed, mut key, mut is_text_key) = (0, Vec::new(), Vec::new(), false);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        if COLUMNS.contains(&name.as_str()) {
            wanted += 1;
        } else if row.get(3)? && is_null(row.get_ref(4)?) {
            needed.push(name.clone());
        }
        if row.get::<_, i64>(5)? > 0 {
            is_text_key = name == "id" && row.get_ref(2)?.as_bytes()?.eq_ignore_ascii_case(b"TEXT");
            key.push(name);
        }
    }
    if wanted < COLUMNS.len() {
        return Ok(false);
    }
    // As ours are, of which there may be thousands.
    if needed.is_empty() && key.len() == 1 && is_text_key {
        return Ok(true);
    }
    let indexes = Indexes::of(connection, table)?;
    // A key without an index is the number of the row. SQLite gives it where none is given, and no text is one.
    let number = if indexes.have_key { None } else { key.first() };
    let is_key = number.is_none() && key == ["id"];
    let are_ids_texts = number.is_none_or(|name| name != "id");
    Ok(needed.iter().all(|name| Some(name) == number) && are_ids_texts && (is_key || indexes.have_ids))
}

/// Whether the rows of a table have places. Not in one that another program has made without them, or with a column of that name, which
/// may hold anything, and nothing.
pub(super) fn has_places(connection: &Connection, table: &str) -> bool {
    const PLACE: &str = "rowid";
    connection.column_metadata(Some("main"), table, PLACE).is_ok_and(|(_, _, _, is_key, _)| is_key)
        && has_no_column(connection, table, PLACE).unwrap_or(false)
}

fn has_no_column(connection: &Connection, table: &str, name: &str) -> rusqlite::Result<bool> {
    // NOTE: the pragma itself, because a table could be named like the function that stands for it.
    let mut columns = connection.prepare(&format!("PRAGMA main.table_xinfo({})", quote(table)))?;
    let names =
        columns.query_map([], |row| row.get::<_, String>(1))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(names.iter().all(|column| !column.eq_ignore_ascii_case(name)))
}

/// Whether somebody has put triggers on any table. What is written to one may change all others then.
fn has_triggers(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'trigger'")?.exists([])
}

/// Whether every index that keeps ids unique compares their bytes: a document is written over the one of which any of them says that it is the same.
fn are_ids_told_apart_by_bytes(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare(&format!("PRAGMA main.index_list({})", quote(table)))?;
    let mut indexes = statement.query([])?;
    while let Some(index) = indexes.next()? {
        if !index.get::<_, bool>(2)? {
            continue;
        }
        let name: String = index.get(1)?;
        let mut columns = connection.prepare(&format!("PRAGMA main.index_xinfo({})", quote(&name)))?;
        let column = |row: &Row<'_>| Ok((row.get(2)?, row.get(4)?, row.get(5)?));
        let columns = columns.query_map([], column)?.collect::<rusqlite::Result<Vec<_>>>()?;
        let keys: Vec<(Option<String>, Option<String>, bool)> =
            columns.into_iter().filter(|(_, _, is_key)| *is_key).collect();
        if let [(Some(name), Some(order), _)] = &keys[..]
            && name == "id"
            && !order.eq_ignore_ascii_case("BINARY")
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a table is as those that we make, so far that its rows change as a flush says, and in no other way: it has one row for each id,
/// compared byte by byte, no trigger changes it, and no document in it goes with that of another table.
pub(super) fn is_as_ours(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    if !has_places(connection, table) {
        return Ok(false);
    }
    let (kind, order, _, is_key, _) = connection.column_metadata(Some("main"), table, "id")?;
    let is = |found: Option<&CStr>, wanted: &[u8]| {
        found.is_some_and(|found| found.to_bytes().eq_ignore_ascii_case(wanted))
    };
    let mut statement = connection.prepare(&format!("PRAGMA main.table_info({})", quote(table)))?;
    let keys = statement.query_map([], |row| row.get(5))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    let mut others = connection.prepare(&format!("PRAGMA main.foreign_key_list({})", quote(table)))?;
    Ok(is_key
        && is(kind, b"TEXT")
        && is(order, b"BINARY")
        && keys.into_iter().filter(|key| *key > 0).count() == 1
        && are_ids_told_apart_by_bytes(connection, table)?
        && !others.exists([])?
        && !has_triggers(connection)?)
}

/// Whether a column that is given no value becomes NULL, as its default says.
fn is_null(default: ValueRef<'_>) -> bool {
    default.as_bytes_or_null().is_ok_and(|text| text.is_none_or(|text| text.eq_ignore_ascii_case(b"NULL")))
}

/// What the indexes of a table keep unique.
struct Indexes {
    /// The primary key. The number of a row needs no index.
    have_key: bool,
    /// The id by itself.
    have_ids: bool,
}

impl Indexes {
    fn of(connection: &Connection, table: &str) -> rusqlite::Result<Indexes> {
        let mut found = Indexes { have_key: false, have_ids: false };
        let mut statement = connection.prepare(&format!("PRAGMA main.index_list({})", quote(table)))?;
        let mut indexes = statement.query([])?;
        while let Some(index) = indexes.next()? {
            let name: String = index.get(1)?;
            let (is_unique, is_partial): (bool, bool) = (index.get(2)?, index.get(4)?);
            found.have_key |= index.get_ref(3)?.as_bytes()? == b"pk";
            let mut columns = connection.prepare(&format!("PRAGMA main.index_info({})", quote(&name)))?;
            let columns: Vec<Option<String>> =
                columns.query_map([], |row| row.get(2))?.collect::<rusqlite::Result<_>>()?;
            found.have_ids |= is_unique && !is_partial && columns == [Some("id".to_owned())];
        }
        Ok(found)
    }
}
