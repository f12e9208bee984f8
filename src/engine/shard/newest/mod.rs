//! The documents of a table that were updated last: first which they are, and then they themselves, as of one moment.
//!
//! No index tells which they are: every write would have to keep it. A look at each row tells. From then on the writer keeps them in
//! mind (`recents.rs`), as long as somebody asks for them again and nobody else writes to the file.

mod document;
mod query;
mod recent;
mod recents;
#[cfg(test)]
mod test;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use rusqlite::ErrorCode;

pub use document::{Key, Scanned};
pub(super) use query::{id_of, text, value_of};
pub(super) use recents::{Recalled, Recents};

use self::{query::Keys, recent::Recent, recents::Ticket};
use super::{
    schema,
    spare::Snapshot,
    sqlite::SqliteShard,
    tables::{has_places, is_as_ours},
};
use crate::engine::error::{Error, Result};

/// Most documents that somebody may ask for of those that are kept in mind, and for how many it is worth it anyway.
const MOST_ASKED: usize = 1024;
const LEAST_ASKED: usize = 128;

/// How long the writer is waited for: longer than it takes for a small batch, and not for a large one or a checkpoint. A look at each row may take
/// less than these.
const PATIENCE: Duration = Duration::from_millis(2);

/// What was found.
#[derive(Debug)]
pub struct Newest<'a> {
    shard: &'a SqliteShard,
    table: String,
    found: Found<'a>,
}

/// Newest first. As long as they are to be read, the file is there as it was.
#[derive(Debug)]
enum Found<'a> {
    /// Their keys, in a table as ours, and how many rows that has if it is known.
    Keys(Snapshot<'a>, Vec<Key>, Option<usize>),
    /// Their keys, and where they lie.
    Places(Snapshot<'a>, Vec<(Key, i64)>),
    /// The documents themselves.
    Documents(Vec<Scanned>),
}

impl Newest<'_> {
    /// How many documents were found.
    pub fn len(&self) -> usize {
        match &self.found {
            Found::Keys(_, keys, _) => keys.len(),
            Found::Places(_, places) => places.len(),
            Found::Documents(documents) => documents.len(),
        }
    }

    /// When one of the documents was updated, and its id, counted from the newest. The greater is the newer, also among several shards.
    pub fn order(&self, at: usize) -> Option<(&str, &str)> {
        match &self.found {
            Found::Keys(_, keys, _) => keys.get(at).map(Key::order),
            Found::Places(_, places) => places.get(at).map(|(key, _)| key.order()),
            Found::Documents(documents) => documents.get(at).map(Scanned::order),
        }
    }

    /// The first of the documents, newest first: so many, or all.
    pub fn read(self, count: usize) -> Result<Vec<Scanned>> {
        let Newest { shard, table, found } = self;
        let read = match found {
            Found::Keys(snapshot, keys, Some(rows)) if are_most(keys.len().min(count), rows as f64) => {
                query::all(&snapshot, &table).map(|documents| truncated(documents, count))
            }
            Found::Keys(snapshot, keys, _) => query::by_id(&snapshot, &table, &truncated(keys, count)),
            Found::Places(snapshot, places) => {
                let places = truncated(places, count).into_iter().map(|(_, place)| place);
                query::by_place(&snapshot, &table, places.collect())
            }
            Found::Documents(documents) => Ok(truncated(documents, count)),
        };
        read.map_err(|error| shard.scan_failed(&error))
    }
}

impl SqliteShard {
    pub(super) fn find_newest(
        &self,
        table: &str,
        limit: u64,
        over: &[Arc<AtomicBool>],
    ) -> Result<Newest<'_>> {
        let snapshot = self.spare()?.begin(over).map_err(|error| self.scan_failed(&error))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = match self.find(snapshot, table, limit) {
            Err(error) if schema::is_no_table(&error) => Found::Documents(Vec::new()),
            found => found.map_err(|error| self.scan_failed(&error))?,
        };
        Ok(Newest { shard: self, table: table.to_owned(), found })
    }

    fn find<'a>(&self, snapshot: Snapshot<'a>, table: &str, limit: usize) -> rusqlite::Result<Found<'a>> {
        if limit > MOST_ASKED {
            // Or what is asked of the table's columns could be of another moment.
            snapshot.settle()?;
            return look_anywhere(snapshot, table, limit);
        }
        match self.recall(&snapshot, table, limit)? {
            Recalled::Known { keys, rows } => Ok(Found::Keys(snapshot, keys, rows)),
            Recalled::Nothing => look(snapshot, table, limit).map(|(found, _)| found),
            Recalled::Learning(ticket) => {
                let looked = look(snapshot, table, limit);
                let (found, recent) = match looked {
                    Ok((found, recent)) => (Ok(found), recent),
                    Err(error) => (Err(error), None),
                };
                self.learn(table, ticket, recent);
                found
            }
        }
    }

    /// Settles the snapshot, and asks the writer what it has in mind of a table.
    fn recall(&self, snapshot: &Snapshot<'_>, table: &str, limit: usize) -> rusqlite::Result<Recalled> {
        // IMPORTANT: under the writer's lock, so that the snapshot has what the writer has committed, and nothing more of it.
        match self.writer.try_lock_for(PATIENCE).as_deref_mut() {
            Some(Some(writer)) => writer.recall(table, limit, || snapshot.settle()),
            _ => snapshot.settle().map(|()| Recalled::Nothing),
        }
    }

    /// Has the writer keep in mind what was found. Where it has no time, it notes what it writes a little longer.
    fn learn(&self, table: &str, ticket: Ticket, found: Option<Recent>) {
        if let Some(Some(writer)) = self.writer.try_lock_for(PATIENCE).as_deref_mut() {
            writer.recents.learn(table, ticket, found);
        }
    }

    fn scan_failed(&self, error: &rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Error::closed(),
            _ => self.explain("read from", error),
        }
    }
}

/// A look at each row of a table, and what the writer may keep of it in mind.
fn look<'a>(
    snapshot: Snapshot<'a>,
    table: &str,
    limit: usize,
) -> rusqlite::Result<(Found<'a>, Option<Recent>)> {
    if !is_as_ours(&snapshot, table)? {
        return Ok((look_anywhere(snapshot, table, limit)?, None));
    }
    // Twice as many as are wanted, so that some may be deleted.
    let most = 2 * limit.max(LEAST_ASKED);
    // At once, where that does not fail for rows that are not wanted.
    if are_most(limit, query::rows(&snapshot, table)?)
        && let Ok(documents) = query::all(&snapshot, table)
    {
        let recent = Recent::of_all(documents.iter().map(Scanned::order), most);
        return Ok((Found::Documents(truncated(documents, limit)), recent));
    }
    let Keys { keys, are_exact } = query::keys(&snapshot, table, limit, most)?;
    let recent = are_exact.then(|| Recent::new(keys.clone(), most));
    let rows = recent.as_ref().and_then(Recent::rows);
    Ok((Found::Keys(snapshot, truncated(keys, limit), rows), recent))
}

/// A look at each row of any table.
fn look_anywhere<'a>(snapshot: Snapshot<'a>, table: &str, limit: usize) -> rusqlite::Result<Found<'a>> {
    let has_places = has_places(&snapshot, table);
    if limit == usize::MAX || has_places && are_most(limit, query::rows(&snapshot, table)?) {
        query::all(&snapshot, table).map(|documents| Found::Documents(truncated(documents, limit)))
    } else if has_places {
        query::places(&snapshot, table, limit).map(|places| Found::Places(snapshot, places))
    } else {
        query::any(&snapshot, table, limit).map(Found::Documents)
    }
}

/// Whether so many of so many rows are read faster as part of all than one after the other.
fn are_most(wanted: usize, rows: f64) -> bool {
    rows <= 2.0 * wanted as f64
}

fn truncated<T>(mut items: Vec<T>, length: usize) -> Vec<T> {
    items.truncate(length);
    items
}
