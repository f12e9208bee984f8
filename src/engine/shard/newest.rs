//! The documents of a table that were updated last.

use std::{borrow::Cow, cmp::Ordering};

use rusqlite::{Connection, PrepFlags, Row};

use super::schema;

/// A document met by a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// `updated_at`, the id and the JSON text in one piece: there may be millions of them.
    bytes: Box<str>,
    id: usize,
    value: usize,
    /// Its version.
    pub version: u64,
}

impl Scanned {
    fn new(updated: &str, id: &str, value: &str, version: u64) -> Self {
        let bytes = [updated, id, value].concat().into_boxed_str();
        Scanned { bytes, id: updated.len(), value: updated.len() + id.len(), version }
    }

    /// The document's id.
    pub fn id(&self) -> &str {
        &self.bytes[self.id..self.value]
    }

    /// Its JSON text.
    pub fn value(&self) -> &str {
        &self.bytes[self.value..]
    }

    /// Newest first, and of the same second the highest id first.
    pub(crate) fn newest_first(a: &Self, b: &Self) -> Ordering {
        (b.updated(), b.id()).cmp(&(a.updated(), a.id()))
    }

    fn updated(&self) -> &str {
        &self.bytes[..self.id]
    }
}

/// When a row was changed last, whatever another program has put there.
const UPDATED: &str = "coalesce(CAST(updated_at AS TEXT), '')";

/// As texts are compared here, whatever order another program has given its table.
const BY_ID: &str = "id COLLATE BINARY DESC";

/// The `limit` newest documents of a table, newest first.
pub(super) fn newest(connection: &Connection, table: &str, limit: u64) -> rusqlite::Result<Vec<Scanned>> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let has_places = has_places(connection, table);
    let table = schema::quote(table);
    // Where half of the rows are wanted or more, SQLite takes longer to choose them than all of them take to be read.
    let reads_all = limit == i64::MAX || (has_places && places(connection, &table)? <= 2.0 * limit as f64);
    // SQLite keeps the best so far, and a row that is none of them costs little. Rows lie in the order in which they were new: met from the last
    // on, nearly all are none of them, and from the first on nearly all would take another's place. `LIMIT -1` keeps SQLite from
    // leaving that order out. The documents themselves are read once it is known which.
    let chosen = if reads_all {
        "LIMIT ?1".to_owned()
    } else {
        let among = if has_places {
            format!(
                "WHERE rowid IN (SELECT place FROM (SELECT rowid AS place, id, {UPDATED} AS updated FROM {table} ORDER BY rowid DESC LIMIT -1) \
                 ORDER BY updated DESC, {BY_ID} LIMIT ?1)"
            )
        } else {
            String::new()
        };
        format!("{among} ORDER BY 4 DESC, {BY_ID} LIMIT ?1")
    };
    let sql =
        format!("SELECT id, CAST(data AS BLOB), CAST(_version AS INTEGER), {UPDATED} FROM {table} {chosen}");
    // A name that no table of the file has must not be one of SQLite's own, such as "dbstat".
    let mut statement = connection.prepare_with_flags(&sql, PrepFlags::SQLITE_PREPARE_NO_VTAB)?;
    let rows = if reads_all { i64::MAX } else { limit };
    let mut documents = statement.query_map([rows], scanned)?.collect::<rusqlite::Result<Vec<_>>>()?;
    // NOTE: this sort finds out what is in order. What is no UTF-8 SQLite may have put elsewhere than its replacement belongs.
    documents.sort_unstable_by(Scanned::newest_first);
    documents.truncate(most);
    Ok(documents)
}

/// How many rows a table can have at most, as told by the first and the last of their places.
fn places(connection: &Connection, table: &str) -> rusqlite::Result<f64> {
    let ends = [format!("SELECT max(rowid) FROM {table}"), format!("SELECT min(rowid) FROM {table}")];
    let sql = format!("SELECT coalesce(({}) - ({}) + 1.0, 0.0)", ends[0], ends[1]);
    connection.prepare_with_flags(&sql, PrepFlags::SQLITE_PREPARE_NO_VTAB)?.query_row([], |row| row.get(0))
}

/// Whether the rows of a table have places. Not in one that another program has made without them, or with a column of that name, which
/// may hold anything, and nothing.
pub(super) fn has_places(connection: &Connection, table: &str) -> bool {
    connection.column_metadata(Some("main"), table, PLACE).is_ok_and(|(_, _, _, is_key, _)| is_key)
        && has_no_column(connection, table, PLACE).unwrap_or(false)
}

const PLACE: &str = "rowid";

fn has_no_column(connection: &Connection, table: &str, name: &str) -> rusqlite::Result<bool> {
    // NOTE: the pragma itself, because a table could be named like the function that stands for it.
    let mut columns = connection.prepare(&format!("PRAGMA main.table_xinfo({})", schema::quote(table)))?;
    let names =
        columns.query_map([], |row| row.get::<_, String>(1))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(names.iter().all(|column| !column.eq_ignore_ascii_case(name)))
}

/// Whatever type another program has given a row's version and time, it is read as a point read does it.
fn scanned(row: &Row<'_>) -> rusqlite::Result<Scanned> {
    let version = schema::version_of(row.get::<_, Option<i64>>(2)?.unwrap_or(0));
    Ok(Scanned::new(&text(row.get_ref(3)?.as_bytes()?), id_of(row, 0)?, &text(value_of(row, 1)?), version))
}

/// The document in a column, as bytes. NULL is no JSON, as no text is, and whoever uses the document tells.
pub(super) fn value_of<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_bytes_or_null()?.unwrap_or_default())
}

/// The id in a column. One that is no text is an error that tells its type.
pub(super) fn id_of<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    let id = row.get_ref(column)?;
    id.as_str().map_err(|_| rusqlite::Error::InvalidColumnType(column, "id".to_owned(), id.data_type()))
}

/// Bytes that are no UTF-8 become U+FFFD.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
