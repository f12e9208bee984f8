//! Where the old library kept the shards of a `dbPath` that does not end in its only `.db`.
//!
//! It made their names by putting `_shard<i>` in front of the first `.db` of the path as it was written, wherever that
//! is. Without one, all shards were one file, `dbPath` itself.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    connection::{self, explain},
    schema,
};
use crate::engine::{error::Result, io::with_suffix};

/// Names of the old library that are not the ones of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Former {
    /// All shards in this file.
    OneFile(PathBuf),
    /// Shard *i* in the file that is called as these two with *i* between them.
    Files(PathBuf, String),
}

impl Former {
    /// The files that hold documents; none if the old library was never here.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        match self {
            Former::OneFile(path) => Ok(if holds_documents(path)? { vec![path.clone()] } else { Vec::new() }),
            Former::Files(..) => Ok(self.names(u32::MAX).take_while(|path| is_database(path)).collect()),
        }
    }

    /// The names of so many shards.
    pub(super) fn names(&self, count: u32) -> Box<dyn Iterator<Item = PathBuf> + '_> {
        match self {
            Former::OneFile(path) => Box::new(std::iter::once(path.clone())),
            Former::Files(before, after) => {
                Box::new((0..count).map(move |number| with_suffix(before, &format!("{number}{after}"))))
            }
        }
    }
}

/// Whether SQLite wrote the file. Whatever else bears the name of a database is none of ours.
fn is_database(path: &Path) -> bool {
    let mut magic = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"SQLite format 3\0"
}

/// A file of that name may be anybody's.
fn holds_documents(path: &Path) -> Result<bool> {
    if !is_database(path) {
        return Ok(false);
    }
    let connection = connection::reader(path, 0)?;
    let names = schema::names(&connection).map_err(|error| explain("open", path, 0, &error))?;
    Ok(names.iter().any(|(_, is_documents)| *is_documents))
}
