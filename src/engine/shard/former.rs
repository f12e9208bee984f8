//! Where the old library kept the shards of a `dbPath` that does not end in its only `.db`.
//!
//! It made their names by putting `_shard<i>` in front of the first `.db` of the path as it was written, wherever that
//! is. Without one, all shards were one file, `dbPath` itself.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{
    connection::{self, explain},
    tables,
};
use crate::engine::{
    error::{Error, Result},
    io::with_suffix,
};

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
            Former::Files(..) => {
                let mut found = Vec::new();
                for path in self.names(u32::MAX) {
                    if !is_database(&path)? {
                        break;
                    }
                    found.push(path);
                }
                Ok(found)
            }
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
///
/// # Errors
/// What the operating system says: documents that cannot be looked at are not passed over.
fn is_database(path: &Path) -> Result<bool> {
    let look = || {
        // Opening a pipe might never end.
        if !fs::metadata(path)?.is_file() {
            return Ok(false);
        }
        let mut magic = [0; 16];
        File::open(path)?.read_exact(&mut magic).map(|()| &magic == b"SQLite format 3\0")
    };
    match look() {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::UnexpectedEof
            ) =>
        {
            Ok(false)
        }
        found => found.map_err(|error| Error::io("look at", path, &error)),
    }
}

/// A file of that name may be anybody's.
fn holds_documents(path: &Path) -> Result<bool> {
    if !is_database(path)? {
        return Ok(false);
    }
    let connection = connection::reader(path, 0)?;
    let names = tables::names(&connection).map_err(|error| explain("open", path, 0, &error))?;
    Ok(names.iter().any(|(_, is_documents)| *is_documents))
}
