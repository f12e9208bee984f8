//! A record too large for the ring, in a file of its own beside the log.
//!
//! It is a log of one record. The scheduler writes it when the ring is empty, brings it to the shards, and removes it;
//! until then no later write gets into the ring. So an opening that finds one applies it after the ring, and a record
//! that is not whole was never acknowledged.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Draft, Id, Log, Lsn, file,
    header::{Found, LogHeader, RING_AT},
    recovery,
    ring::Ring,
};
use crate::engine::error::{Code, Error, Result};

/// The one-record log.
#[derive(Debug)]
pub struct Side {
    /// Its content.
    pub log: Arc<Log>,
    path: Option<PathBuf>,
}

fn path_beside(log: &Path) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(".large");
    path.into()
}

impl Side {
    /// Writes the record of `draft` beside `main`, durably, or to memory if that has no file.
    ///
    /// # Errors
    /// What the operating system says. Nothing is left then.
    pub fn write(main: &Log, draft: &mut Draft, time_ms: u64) -> Result<Side> {
        let capacity = draft.len();
        let (database, log) = (main.database(), file::random_id()?);
        let Some(main) = main.path().filter(|_| main.is_file()) else {
            let log = file::open_anonymous(database, log, capacity, Lsn(0))?.log;
            log.load(draft, time_ms);
            return Ok(Side { log, path: None });
        };
        let path = path_beside(main);
        let header = LogHeader { sequence: 0, database, log, epoch: 1, capacity, start: Lsn(0) };
        let written = file::create_over(&path, capacity, &header).and_then(|file| {
            let log = Log::new(Ring::over(file, capacity)?, Some(path.clone()), header);
            log.load(draft, time_ms);
            log.sync().map(|_| log)
        });
        match written {
            Ok(log) => Ok(Side { log: Arc::new(log), path: Some(path) }),
            Err(error) => {
                // A part of it is no whole record, so leaving it would do no harm either.
                let _ = fs::remove_file(&path);
                Err(Error::io("write the large record to", &path, &error))
            }
        }
    }

    /// The record that a process left beside the log at `main`.
    pub fn find(main: &Path, database: Id) -> Result<Option<Side>> {
        let path = path_beside(main);
        let failed = |error: io::Error| Error::io("read the large record from", &path, &error);
        let file = match fs::OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let front = file::read_front(&file).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let log = match LogHeader::find(&front) {
            Found::Header(header) if header.database == database && size == RING_AT + header.capacity => {
                let ring = Ring::over(file, header.capacity).map_err(failed)?;
                let log = Arc::new(Log::new(ring, Some(path.clone()), header));
                recovery::scan(&log);
                log
            }
            Found::Header(header) if header.database != database => return Ok(None),
            Found::Unknown(version) => {
                let text = format!(
                    "'{}' has format {version}; open the database with a newer version of kimdb.",
                    path.display()
                );
                return Err(Error::new(Code::WalMismatch, text).at(&path));
            }
            // The process ended while it wrote the file.
            _ => {
                fs::remove_file(&path).map_err(failed)?;
                return Ok(None);
            }
        };
        Ok(Some(Side { log, path: Some(path) }))
    }

    /// Ends it, once its record is durable in the shards.
    pub fn remove(self) -> Result<()> {
        let Some(path) = self.path else { return Ok(()) };
        fs::remove_file(&path)
            .and_then(|()| file::sync_folder(&path))
            .map_err(|error| Error::io("remove", &path, &error))
    }
}
