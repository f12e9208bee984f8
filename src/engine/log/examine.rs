//! Looking at a log without touching it: what recovery would find. It is read into memory, not locked, and not taken over.

use std::{path::Path, sync::Arc};

use super::{
    Id, Log, Lsn,
    file::LARGEST_CUT,
    header::{Found, LogHeader, RING_AT},
    legacy,
    recovery::{self, Content},
    ring::Ring,
    side,
};
use crate::engine::{
    error::{Error, Result},
    io::{File, open_to_read, read_front},
};

/// What lies at the place of a log.
#[derive(Debug)]
pub enum Examined {
    /// A log.
    Log {
        /// Its database.
        database: Id,
        /// The log, in memory.
        log: Arc<Log>,
        /// What it holds.
        content: Content,
        /// Up to here it was on the disk when its header was written.
        synced: Lsn,
        /// Whether one of the two copies of its header is not whole. The other one counts then.
        is_one_header_damaged: bool,
        /// Bytes of the file, if those are not as many as the header says.
        wrong_size: Option<u64>,
    },
    /// A log whose headers are both not whole.
    Damaged,
    /// A log of a format that this version does not know.
    Unknown {
        /// The format.
        version: u32,
        /// Its database.
        database: Id,
    },
    /// A record too large for the ring of its log, which went on behind it: an opening drops it.
    Dropped {
        /// Its database.
        database: Id,
    },
    /// A log of the old library with that many writes.
    Old(usize),
    /// Something else.
    Other,
}

impl Examined {
    /// The database that the log belongs to.
    pub fn database(&self) -> Option<Id> {
        match self {
            Examined::Log { database, .. }
            | Examined::Unknown { database, .. }
            | Examined::Dropped { database } => Some(*database),
            Examined::Damaged | Examined::Old(_) | Examined::Other => None,
        }
    }
}

/// Whose log lies at `path`, and how many bytes its ring has, if its format is known. `None`: none, or one that cannot be read.
pub fn peek(path: &Path) -> Option<(Id, Option<u64>)> {
    let front = open_to_read(path).and_then(|file| read_front(&*file, RING_AT as usize)).ok()?;
    let found = LogHeader::find(&front);
    let size = if let Found::Header(header) = found { Some(header.capacity) } else { None };
    found.database().map(|database| (database, size))
}

/// Examines the log at `path`.
///
/// # Errors
/// What the operating system says.
pub fn examine(path: &Path) -> Result<Examined> {
    let failed = |error| Error::io("read the log", path, &error);
    let file = open_to_read(path).map_err(failed)?;
    let size = file.handle().metadata().map_err(failed)?.len();
    let front = read_front(&*file, RING_AT as usize).map_err(failed)?;
    match LogHeader::find(&front) {
        Found::Header(header) if header.capacity > size.max(LARGEST_CUT) => Ok(Examined::Damaged),
        Found::Header(header) => {
            let (log, content) = read(&*file, header).map_err(failed)?;
            let is_whole = |copy: &Found| matches!(copy, Found::Header(_));
            Ok(Examined::Log {
                database: header.database,
                log,
                content,
                synced: header.synced,
                is_one_header_damaged: !LogHeader::copies(&front).iter().all(is_whole),
                wrong_size: Some(size).filter(|size| *size != RING_AT + header.capacity),
            })
        }
        Found::Damaged => Ok(Examined::Damaged),
        Found::Unknown { version, database } => Ok(Examined::Unknown { version, database }),
        Found::Other => {
            Ok(legacy::read(&*file, path)?.map_or(Examined::Other, |writes| Examined::Old(writes.len())))
        }
    }
}

/// Examines the record that is too large for the ring of the log at `path`, which is `main`, if that is known. `None`: there is none.
///
/// # Errors
/// What the operating system says.
pub fn examine_beside(path: &Path, main: Option<&Examined>) -> Result<Option<Examined>> {
    let path = side::large_path(path);
    if !path.exists() {
        return Ok(None);
    }
    let examined = examine(&path)?;
    match (&examined, main) {
        (Examined::Log { log: side, database, .. }, Some(Examined::Log { log, content, .. }))
            if side::goes_on_behind(log, content, side.header().epoch)? =>
        {
            Ok(Some(Examined::Dropped { database: *database }))
        }
        _ => Ok(Some(examined)),
    }
}

fn read(file: &dyn File, header: LogHeader) -> std::io::Result<(Arc<Log>, Content)> {
    let log = Arc::new(Log::new(Ring::copied(file, header.capacity, 0..header.capacity)?, None, header));
    let content = recovery::scan(&log);
    Ok((log, content))
}
