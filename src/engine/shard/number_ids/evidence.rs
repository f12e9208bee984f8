//! What the ids of a table tell of those of which their shard does not.
//!
//! A table has numbers if shards prove some of its rows to be numbers' and none to be a text. Where shards prove neither,
//! it has numbers if all that reads like a number is written as only SQLite writes one: '5.0' beside '5', '1.5' or '1.0.2'
//! may be what the program called it.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;

use super::{super::tables, Kind, Placement, each_id, number_of, text::is_like_numbers};

/// What all shards show, by table in lower case.
#[derive(Debug, Default)]
pub(in crate::engine::shard) struct Evidence(HashMap<String, Seen>);

/// What there is in a table.
#[derive(Debug, Default)]
struct Seen {
    numbers: bool,
    texts: bool,
    doubtful: bool,
    /// Ids that read like numbers in a way in which SQLite writes none, or both it and JavaScript do.
    others: bool,
}

impl Evidence {
    /// Adds what a shard shows.
    pub(in crate::engine::shard) fn gather(
        &mut self,
        connection: &Connection,
        placement: Placement,
    ) -> rusqlite::Result<()> {
        for table in tables::of_documents(connection)? {
            let seen = self.0.entry(table.to_ascii_lowercase()).or_default();
            each_id(connection, &table, |id| {
                match number_of(id).map(|number| placement.kind(id, &number)) {
                    Some(Kind::Number) => seen.numbers = true,
                    Some(Kind::Text) => seen.texts = true,
                    Some(Kind::Doubtful) => seen.doubtful = true,
                    Some(Kind::Misplaced) => {}
                    None => seen.others = seen.others || is_like_numbers(id),
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The tables whose doubtful ids are numbers.
    pub(in crate::engine::shard) fn tables_of_numbers(self) -> BTreeSet<String> {
        let has_numbers = |seen: &Seen| seen.doubtful && !seen.texts && (seen.numbers || !seen.others);
        self.0.into_iter().filter(|(_, seen)| has_numbers(seen)).map(|(table, _)| table).collect()
    }
}
