//! Ids with halves of surrogate pairs, as the old library stored them; see [`half_pairs`](crate::engine::half_pairs).

use rusqlite::Connection;

use super::{number_ids::give_name, schema, tables};
use crate::engine::half_pairs::replaced;

/// Such ids of a table, as they are stored and as they are to be.
fn ids(connection: &Connection, table: &str) -> rusqlite::Result<Vec<(Vec<u8>, String)>> {
    // The first byte of every half. Those of Hangul syllables from '퀀' on begin so, too.
    let sql = format!(
        "SELECT id FROM {} WHERE typeof(id) = 'text' AND instr(CAST(id AS BLOB), x'ED')",
        schema::quote(table)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let stored = row.get_ref(0)?.as_bytes()?;
        ids.extend(replaced(stored).map(|name| (stored.to_vec(), name)));
    }
    Ok(ids)
}

/// Gives documents with such ids names that are texts.
pub(super) fn rename(connection: &Connection) -> rusqlite::Result<()> {
    for table in tables::of_documents(connection)? {
        for (stored, name) in ids(connection, &table)? {
            give_name(connection, &table, &stored, &name)?;
        }
    }
    Ok(())
}

/// Whether there are any.
pub(super) fn has_any(connection: &Connection) -> rusqlite::Result<bool> {
    for table in tables::of_documents(connection)? {
        if !ids(connection, &table)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
