//! The statements that find the documents of a table that were updated last.

use std::borrow::Cow;

use rusqlite::{Connection, Params, PrepFlags, Row, Statement};

use super::{Key, Scanned};
use crate::engine::shard::schema;

/// When a row was changed last, whatever another program has put there.
const UPDATED: &str = "coalesce(CAST(updated_at AS TEXT), '')";

/// As texts are compared here, whatever order another program has given its table.
const BY_ID: &str = "id COLLATE BINARY DESC";

/// What there is to know of a document, as [`scanned`] takes it.
const DOCUMENT: &str = "id, CAST(data AS BLOB), CAST(_version AS INTEGER)";

/// The keys of the newest documents of a table.
pub(super) struct Keys {
    pub(super) keys: Vec<Key>,
    /// Whether each is what the row has, and nothing was left out.
    pub(super) are_exact: bool,
}

/// The keys of the `most` newest documents, newest first. Only that of the first `needed` ids each is a text matters: from another one on
/// they are left out.
pub(super) fn keys(
    connection: &Connection,
    table: &str,
    needed: usize,
    most: usize,
) -> rusqlite::Result<Keys> {
    let sql = format!(
        "SELECT id, updated FROM ({}) ORDER BY updated DESC, {BY_ID} LIMIT ?1",
        from_last_to_first("id", &schema::quote(table))
    );
    let mut statement = prepare(connection, &sql)?;
    let mut rows = statement.query([most as i64])?;
    let (mut keys, mut are_exact) = (Vec::new(), true);
    while let Some(row) = rows.next()? {
        let updated = row.get_ref(1)?.as_bytes()?;
        match id_of(row, 0) {
            Ok(id) => keys.push(Key::new(&text(updated), id)),
            Err(error) if keys.len() < needed => return Err(error),
            Err(_) => {
                are_exact = false;
                break;
            }
        }
        are_exact &= str::from_utf8(updated).is_ok();
    }
    // What is no UTF-8 SQLite may have put elsewhere than its replacement belongs.
    keys.sort_by(Key::newest_first);
    Ok(Keys { keys, are_exact })
}

/// The documents that have these keys, which are of a table of ours.
pub(super) fn by_id(connection: &Connection, table: &str, keys: &[Key]) -> rusqlite::Result<Vec<Scanned>> {
    let sql = format!("SELECT {DOCUMENT}, {UPDATED} FROM {} WHERE id = ?1", schema::quote(table));
    // Programs ask for the same again and again.
    let mut statement = connection.prepare_cached(&sql)?;
    keys.iter().map(|key| statement.query_row([key.id()], scanned)).collect()
}

/// The keys of the newest documents of a table whose rows have places, and these.
pub(super) fn places(connection: &Connection, table: &str, most: usize) -> rusqlite::Result<Vec<(Key, i64)>> {
    let sql = format!(
        "SELECT id, updated, place FROM ({}) ORDER BY updated DESC, {BY_ID} LIMIT ?1",
        from_last_to_first("rowid AS place, id", &schema::quote(table))
    );
    let mut statement = prepare(connection, &sql)?;
    let found = |row: &Row<'_>| {
        let key = Key::new(&text(row.get_ref(1)?.as_bytes()?), id_of(row, 0)?);
        Ok((key, row.get(2)?))
    };
    let mut places = statement.query_map([most as i64], found)?.collect::<rusqlite::Result<Vec<_>>>()?;
    places.sort_by(|a, b| Key::newest_first(&a.0, &b.0));
    Ok(places)
}

/// The documents at these places, newest first.
pub(super) fn by_place(
    connection: &Connection,
    table: &str,
    mut places: Vec<i64>,
) -> rusqlite::Result<Vec<Scanned>> {
    let sql = format!("SELECT {DOCUMENT}, {UPDATED} FROM {} WHERE rowid = ?1", schema::quote(table));
    let mut statement = prepare(connection, &sql)?;
    // Those that lie together are read together.
    places.sort_unstable();
    let documents = places.into_iter().map(|place| statement.query_row([place], scanned));
    in_order(documents.collect::<rusqlite::Result<_>>()?)
}

/// All documents of a table, newest first.
pub(super) fn all(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Scanned>> {
    documents(connection, table, "", [])
}

/// The `most` newest documents of a table, newest first, however it was made.
pub(super) fn any(connection: &Connection, table: &str, most: usize) -> rusqlite::Result<Vec<Scanned>> {
    documents(connection, table, &format!("ORDER BY 4 DESC, {BY_ID} LIMIT ?1"), [most as i64])
}

fn documents(
    connection: &Connection,
    table: &str,
    chosen: &str,
    params: impl Params,
) -> rusqlite::Result<Vec<Scanned>> {
    let sql = format!("SELECT {DOCUMENT}, {UPDATED} FROM {} {chosen}", schema::quote(table));
    in_order(prepare(connection, &sql)?.query_map(params, scanned)?.collect::<rusqlite::Result<_>>()?)
}

/// NOTE: this sort finds out what is in order. What is no UTF-8 SQLite may have put elsewhere than its replacement belongs.
fn in_order(mut documents: Vec<Scanned>) -> rusqlite::Result<Vec<Scanned>> {
    documents.sort_unstable_by(Scanned::newest_first);
    Ok(documents)
}

/// SQLite keeps the best so far, and a row that is none of them costs little. Rows lie in the order in which they were new: met from the last
/// on, nearly all are none of them, and from the first on nearly all would take another's place. `LIMIT -1` keeps SQLite from
/// leaving that order out.
fn from_last_to_first(columns: &str, table: &str) -> String {
    format!("SELECT {columns}, {UPDATED} AS updated FROM {table} ORDER BY rowid DESC LIMIT -1")
}

/// A name that no table of the file has must not be one of SQLite's own, such as "dbstat".
fn prepare<'a>(connection: &'a Connection, sql: &str) -> rusqlite::Result<Statement<'a>> {
    connection.prepare_with_flags(sql, PrepFlags::SQLITE_PREPARE_NO_VTAB)
}

/// How many rows a table can have at most, as told by the first and the last of their places.
pub(super) fn rows(connection: &Connection, table: &str) -> rusqlite::Result<f64> {
    let table = schema::quote(table);
    let ends = [format!("SELECT max(rowid) FROM {table}"), format!("SELECT min(rowid) FROM {table}")];
    let sql = format!("SELECT coalesce(({}) - ({}) + 1.0, 0.0)", ends[0], ends[1]);
    prepare(connection, &sql)?.query_row([], |row| row.get(0))
}

/// Whatever type another program has given a row's version and time, it is read as a point read does it.
fn scanned(row: &Row<'_>) -> rusqlite::Result<Scanned> {
    let version = schema::version_of(row.get::<_, Option<i64>>(2)?.unwrap_or(0));
    Ok(Scanned::new(&text(row.get_ref(3)?.as_bytes()?), id_of(row, 0)?, &text(value_of(row, 1)?), version))
}

/// The document in a column, as bytes. NULL is no JSON, as no text is, and whoever uses the document tells.
pub(in super::super) fn value_of<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_bytes_or_null()?.unwrap_or_default())
}

/// The id in a column. One that is no text is an error that tells its type.
pub(in super::super) fn id_of<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    let id = row.get_ref(column)?;
    id.as_str().map_err(|_| rusqlite::Error::InvalidColumnType(column, "id".to_owned(), id.data_type()))
}

/// Bytes that are no UTF-8 become U+FFFD.
pub(in super::super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
