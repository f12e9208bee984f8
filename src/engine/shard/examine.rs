//! Looking at a shard's file without touching it.

use std::{borrow::Cow, collections::HashMap, path::Path};

use rusqlite::{Connection, types::ValueRef};

use super::{
    Router, ShardId,
    connection::{self, explain},
    number_ids::number_of,
    schema::{self, Owner},
    set::is_log_left,
    tables,
};
use crate::engine::{
    error::Result,
    half_pairs::replaced,
    json::is_json,
    log::{Id, Lsn},
};

/// Most faults that SQLite is asked to name.
const FAULTS: u32 = 100;

/// How many documents are looked at between two reports of progress.
const STEP: u64 = 1000;

/// A shard's file, open to be looked at.
#[derive(Debug)]
pub struct ReadOnlyShard {
    connection: Connection,
    path: std::path::PathBuf,
    shard: ShardId,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Its id is no text.
    Id,
    /// Its data is not JSON.
    Json,
    /// Its version is no number from 1.
    Version,
    /// It belongs in this shard.
    Place(ShardId),
}

impl ReadOnlyShard {
    /// Opens the file. Nobody else may have it open.
    pub fn open(path: &Path, shard: ShardId) -> Result<ReadOnlyShard> {
        Ok(ReadOnlyShard { connection: connection::onlooker(path, shard)?, path: path.to_owned(), shard })
    }

    fn told<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|error| explain("read from", &self.path, self.shard, &error))
    }

    /// Whose the file is; `None`: the old library's.
    pub fn owner(&self) -> Result<Option<Owner>> {
        self.told(schema::owner(&self.connection))
    }

    /// Where the database and its log were when it was last opened.
    pub fn places(&self) -> Result<Option<(String, String)>> {
        self.told(schema::places(&self.connection))
    }

    /// Collections and their tables, by name of the collection.
    pub fn collections(&self) -> Result<HashMap<String, String>> {
        Ok(self.told(schema::collections(&self.connection))?.into_iter().collect())
    }

    /// Up to where the shard has a log.
    pub fn applied(&self, log: Id) -> Result<Lsn> {
        self.told(schema::applied(&self.connection, &log))
    }

    /// The tables that documents fit in.
    pub fn tables(&self) -> Result<Vec<String>> {
        self.told(tables::of_documents(&self.connection))
    }

    /// What SQLite finds wrong with the file, in its own words. `quick`: without comparing indexes with tables.
    pub fn integrity(&self, quick: bool) -> Result<Vec<String>> {
        let pragma = if quick { "quick_check" } else { "integrity_check" };
        let ask = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(&format!("PRAGMA main.{pragma}({FAULTS})"))?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        Ok(self.told(ask())?.into_iter().filter(|text| text != "ok").collect())
    }

    /// Whether the old library may have written to the shards whose first this is, since they were open at `base` last.
    pub fn has_left_its_log(&self, base: &Path) -> Result<bool> {
        let Some(owner) = self.owner()? else { return Ok(true) };
        Ok(is_log_left(self.places()?.as_ref(), base, owner.database))
    }

    /// Looks at every document of a table. `is_old`: the old library may have written to it. `fault` is called with the id of each
    /// document that is not as it should be, `progress` now and then with the number of documents since it was last called. Returns
    /// the number of documents.
    ///
    /// # Errors
    /// The table cannot be read to its end.
    pub fn documents(
        &self,
        table: &str,
        router: Router,
        is_old: bool,
        fault: &mut dyn FnMut(&str, Fault),
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64> {
        let is_old = is_old || self.owner()?.is_none();
        // Whoever opens shards that the old library has written to gives its ids the names that belong here.
        let is_here = |id: &str| {
            router.shard(id) == self.shard
                || is_old && number_of(id).is_some_and(|number| router.shard(&number) == self.shard)
        };
        let mut count = 0;
        let mut look = || -> rusqlite::Result<()> {
            let sql = format!("SELECT id, data, _version FROM {}", schema::quote(table));
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (id, data, version) = (row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?);
                count += 1;
                if count % STEP == 0 {
                    progress(STEP);
                }
                let Some(id) = readable(id, is_old) else {
                    fault(&format!("{:?}", id.data_type()), Fault::Id);
                    continue;
                };
                let id = &*id;
                if !data.as_bytes().is_ok_and(is_json) {
                    fault(id, Fault::Json);
                }
                if !matches!(version, ValueRef::Integer(1..)) {
                    fault(id, Fault::Version);
                }
                if !is_here(id) {
                    fault(id, Fault::Place(router.shard(id)));
                }
            }
            Ok(())
        };
        self.told(look())?;
        progress(count % STEP);
        Ok(count)
    }
}

/// The id as it is, or as it will be once the old library's shard is opened.
fn readable(id: ValueRef<'_>, is_old: bool) -> Option<Cow<'_, str>> {
    match id {
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(_) => replaced(text).filter(|_| is_old).map(Cow::Owned),
        },
        _ => None,
    }
}
