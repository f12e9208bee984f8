//! The documents of a table that were updated last.

use std::cmp::Ordering;

use rusqlite::{Connection, PrepFlags, Row};

use super::{Scanned, schema};

/// Up to so many, SQLite chooses, which holds no more of them than are wanted. More it would sort as a whole, which takes twice
/// as long as reading them.
const FEW: u64 = 1000;

/// Newest first, and of the same second the highest id first.
pub(crate) fn newest_first(a: &Scanned, b: &Scanned) -> Ordering {
    (&b.updated, &b.id).cmp(&(&a.updated, &a.id))
}

/// The `limit` newest documents of a table, newest first.
pub(super) fn newest(connection: &Connection, table: &str, limit: u64) -> rusqlite::Result<Vec<Scanned>> {
    let order = if limit <= FEW { "ORDER BY 4 DESC, id DESC LIMIT ?1" } else { "WHERE ?1 > 0" };
    let sql = format!(
        "SELECT id, CAST(data AS BLOB), _version, coalesce(updated_at, '') FROM {} {order}",
        schema::quote(table)
    );
    // A name that no table of the file has must not be one of SQLite's own, such as "dbstat".
    let mut statement = connection.prepare_with_flags(&sql, PrepFlags::SQLITE_PREPARE_NO_VTAB)?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut newest = Newest::of(usize::try_from(limit).unwrap_or(usize::MAX));
    while let Some(row) = rows.next()? {
        newest.add(scanned(row)?);
    }
    Ok(newest.in_order())
}

fn scanned(row: &Row<'_>) -> rusqlite::Result<Scanned> {
    Ok(Scanned {
        id: row.get(0)?,
        value: text(row.get_ref(1)?.as_bytes()?),
        version: row.get::<_, i64>(2)? as u64,
        updated: row.get(3)?,
    })
}

/// What is no UTF-8 is not JSON either, which JavaScript says about it.
fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Takes any number of documents and keeps the newest; never more than twice as many as are wanted.
struct Newest {
    limit: usize,
    kept: Vec<Scanned>,
}

impl Newest {
    fn of(limit: usize) -> Self {
        Newest { limit, kept: Vec::new() }
    }

    fn add(&mut self, document: Scanned) {
        self.kept.push(document);
        if self.kept.len() >= self.limit.saturating_mul(2) {
            self.choose();
        }
    }

    /// Lets go of all but the newest.
    fn choose(&mut self) {
        if self.kept.len() > self.limit {
            self.kept.select_nth_unstable_by(self.limit, newest_first);
            self.kept.truncate(self.limit);
        }
    }

    fn in_order(mut self) -> Vec<Scanned> {
        self.choose();
        self.kept.sort_unstable_by(newest_first);
        self.kept
    }
}

#[cfg(test)]
mod test {
    use proptest::prelude::*;

    use super::{Newest, Scanned, newest_first};

    fn document((second, id): (u8, u16)) -> Scanned {
        let updated = format!("2026-11-26 12:00:0{second}");
        Scanned { id: id.to_string(), value: String::new(), version: 1, updated }
    }

    proptest! {
        #[test]
        fn those_that_are_kept_are_the_first_of_all_in_order(
            places in prop::collection::vec((0..4_u8, 0..500_u16), 0..200),
            limit in 0..100_usize,
        ) {
            let mut all: Vec<Scanned> = places.into_iter().map(document).collect();
            let mut newest = Newest::of(limit);
            for document in &all {
                newest.add(document.clone());
                prop_assert!(newest.kept.len() <= 2 * limit);
            }
            all.sort_by(newest_first);
            all.truncate(limit);
            prop_assert_eq!(newest.in_order(), all);
        }
    }
}
