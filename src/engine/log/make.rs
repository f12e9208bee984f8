//! Making a log's file: whole, with real blocks under every byte, before it gets its name.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Id,
    header::{LogHeader, RING_AT},
    id::{hex, random_id},
};
use crate::engine::{
    error::{Error, Result},
    io::{File, FileSystem, read_front, remove_if_there, with_suffix},
};

/// The header of a new log.
pub(super) fn new_header(database: Id, capacity: u64) -> Result<LogHeader> {
    Ok(LogHeader::new(database, random_id()?, capacity))
}

/// Where a database builds a log before it gets its name.
pub(crate) fn beside(path: &Path, database: Id) -> PathBuf {
    with_suffix(path, &format!(".{}.new", hex(&database[..4])))
}

/// The first pages of the log of that name. `None`: there is none.
pub(super) fn first_pages(files: &dyn FileSystem, path: &Path) -> io::Result<Option<Vec<u8>>> {
    match files.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => read_front(&*file?, RING_AT as usize).map(Some),
    }
}

/// Why a file does not get a name that is another's.
pub(super) fn name_is_taken() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "another file has its name; move that away")
}

/// Makes a log file whole under a name that nobody else uses, in place of one that was left there. Returns its header too, as it was
/// written last.
pub(super) fn create_over(
    files: &dyn FileSystem,
    path: &Path,
    header: &LogHeader,
) -> io::Result<(Arc<dyn File>, LogHeader)> {
    // What was left there may be a second name of the live log, so it is not truncated.
    remove_if_there(files, path)?;
    let file = files.create(path)?;
    let make = || {
        file.allocate(RING_AT + header.capacity)?;
        let written = write_headers(&*file, *header)?;
        file.sync()?;
        files.sync_folder(path)?;
        Ok(written)
    };
    match make() {
        Ok(written) => Ok((file, written)),
        Err(error) => {
            // Half a file takes space that is needed.
            let _ = files.remove(path);
            Err(error)
        }
    }
}

/// Writes both copies of the header, and returns the newer one: what is written later has to be newer than that.
pub(super) fn write_headers(file: &dyn File, mut header: LogHeader) -> io::Result<LogHeader> {
    for _ in 0..2 {
        header.sequence += 1;
        file.write_at(&header.encode(), header.offset() as u64)?;
    }
    Ok(header)
}

/// Makes a log file whole before it gets its name: blocks, header, sync, name, sync of the folder. If another process
/// is faster its file stays.
pub(super) fn create(files: &dyn FileSystem, path: &Path, header: &LogHeader) -> Result<()> {
    let failed = |error| Error::io("make the log", path, &error);
    // Whoever makes a log is in the gate, so nobody else uses this name.
    let draft = beside(path, header.database);
    let made = (|| {
        create_over(files, &draft, header)?;
        match files.link(&draft, path) {
            // Another process was faster; its log is looked at instead.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // File systems without hard links.
            Err(_) if !path.exists() => files.rename(&draft, path),
            linked => linked,
        }?;
        files.sync_folder(path)
    })();
    let _ = files.remove(&draft);
    made.map_err(failed)
}
