//! Another number of shards: all documents are copied to new files beside the old ones, which then take their place.
//!
//! A database has one layout at any time. Until the record of [`switch`] has its name, the old files are the database and
//! the new ones are nothing; from then on it is the other way round, and [`finish`] completes the change. Nobody
//! else has the database open, and its logs are empty: what they held is in the old shards.

mod inventory;
mod switch;
#[cfg(test)]
mod test;
mod transfer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;

use self::{inventory::Inventory, transfer::Source};
use super::{ShardId, ShardSet, connection, layout::shard_path};
use crate::engine::{
    error::{Code, Error, Result},
    io::{FileSystem, is_there},
};

pub use switch::{finish, is_unfinished};

/// Documents copied, of how many.
pub type Copied<'a> = &'a mut dyn FnMut(u64, u64);

/// A change of layout.
#[derive(Debug)]
pub struct Move {
    base: PathBuf,
    from: Vec<PathBuf>,
    to: u32,
    /// Whether the files have names of the old library's that are not ours.
    is_former: bool,
    files: Arc<dyn FileSystem>,
}

impl Move {
    /// From so many shards to another number of them.
    pub fn within(base: &Path, from: u32, to: u32, files: &Arc<dyn FileSystem>) -> Move {
        let from = (0..from).map(|shard| shard_path(base, shard)).collect();
        Move { base: base.to_owned(), from, to, is_former: false, files: Arc::clone(files) }
    }

    /// From files that the old library named in its own way.
    pub fn from_former(base: &Path, from: Vec<PathBuf>, to: u32, files: &Arc<dyn FileSystem>) -> Move {
        Move { base: base.to_owned(), from, to, is_former: true, files: Arc::clone(files) }
    }

    /// Opens the old library's files, if it is those, which makes them as ours are. `None`: they are ours.
    ///
    /// # Errors
    /// As for [`super::open`].
    pub fn open_former(&self) -> Result<Option<ShardSet>> {
        self.is_former.then(|| super::open_former(&self.from, &self.files)).transpose()
    }

    /// Fails if something would be lost or overwritten. Changes nothing.
    ///
    /// # Errors
    /// [`Code::ShardCount`].
    pub fn check(&self) -> Result<()> {
        for (shard, path) in (0..).zip(&self.from) {
            if path.is_symlink() {
                let text = format!(
                    "The documents cannot be moved to other shards while '{}' is a link; put the file itself there.",
                    path.display()
                );
                return Err(refusal(&text, path).in_shard(shard));
            }
        }
        for shard in 0..self.to {
            let path = shard_path(&self.base, shard);
            let look = |error| Error::io("look at", &path, &error).in_shard(shard);
            let is_in_the_way = !self.from.contains(&path) && is_there(&path).map_err(look)?;
            if is_in_the_way && !(self.is_former && is_empty(&path, shard)?) {
                let text = format!(
                    "'{}' is in the way of a new shard and none of the {} that the database has; move it away.",
                    path.display(),
                    self.from.len()
                );
                return Err(refusal(&text, &path).in_shard(shard));
            }
        }
        // One that is missing is reported, or made if the database never was complete, when all are opened.
        let there: Vec<PathBuf> = self.from.iter().filter(|path| path.exists()).cloned().collect();
        Inventory::take(&there, &connections(&there, connection::reader)?).map(drop)
    }

    /// Copies everything, and makes the new files the database. Returns the number of documents.
    ///
    /// # Errors
    /// [`Code::Busy`] if another program has an old file open, and what the disk says. The old files are the database then,
    /// unless a later [`finish`] finds that the new ones are.
    pub fn run(&self, copied: Copied<'_>) -> Result<u64> {
        // IMPORTANT: held until the new files are the database. What another program writes to an old one after that is too late.
        let keepers = connections(&self.from, connection::keeper)?;
        let moved = self.copy(&keepers, copied);
        if moved.is_err() {
            // They take space that is needed.
            switch::forget(&self.base, &*self.files);
        }
        let moved = moved?;
        let from = self.from.len() as u32;
        switch::decide(
            &self.base,
            &switch::Record { from, to: self.to, is_former: self.is_former },
            &*self.files,
        )
        .inspect_err(|_| switch::forget(&self.base, &*self.files))?;
        Ok(moved)
    }

    fn copy(&self, keepers: &[Connection], copied: Copied<'_>) -> Result<u64> {
        let inventory = Inventory::take(&self.from, keepers)?;
        let sources: Vec<Source<'_>> = (0..)
            .zip(self.from.iter().zip(keepers))
            .map(|(shard, (path, connection))| Source { shard, path, connection })
            .collect();
        transfer::copy(&self.base, &sources, &inventory, self.to, &*self.files, copied)
    }
}

fn connections(
    paths: &[PathBuf],
    open: impl Fn(&Path, ShardId) -> Result<Connection>,
) -> Result<Vec<Connection>> {
    (0..).zip(paths).map(|(shard, path)| open(path, shard)).collect()
}

/// Whether a file holds nothing, as making a database leaves it when it is interrupted.
fn is_empty(path: &Path, shard: ShardId) -> Result<bool> {
    let connection = connection::reader(path, shard)?;
    let found = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '\\_kimdb\\_%' ESCAPE '\\' AND type = 'table'",
        [],
        |row| row.get::<_, i64>(0),
    );
    found.map(|count| count == 0).map_err(|error| connection::explain("open", path, shard, &error))
}

/// Why documents cannot be moved.
fn refusal(text: &str, path: &Path) -> Error {
    Error::new(Code::ShardCount, text).at(path)
}
