//! A record too large for the ring, in a file of its own beside the log.
//!
//! It is a log of one record. The scheduler writes it when the ring is empty, brings it to the shards, and removes it;
//! until then no later write gets into the ring. So an opening that finds one applies it after the ring, and a record
//! that is not whole was never acknowledged. One that could not be written may come back all the same, if the power fails
//! before its removal is on the disk; so it says up to where the ring was written before it, and an opening drops it if
//! the ring goes on behind that place.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Draft, Id, Log, Lsn,
    file::{self, of_another_format},
    header::{Found, LogHeader, RING_AT},
    id::random_id,
    make, opened,
    recovery::{self, Content},
    ring::Ring,
    shared::Location,
};
use crate::engine::{
    error::{Error, Result},
    io::{File, FileSystem, read_front, remove_if_there, with_suffix},
};

/// Epochs below it tell nothing.
const FIRST_EPOCH: u64 = 2;

/// The one-record log.
#[derive(Debug)]
pub struct Side {
    /// The log.
    pub log: Arc<Log>,
    /// What it holds.
    pub content: Content,
}

/// Where a record lies that is too large for this log.
pub(crate) fn large_path(log: &Path) -> PathBuf {
    with_suffix(log, ".large")
}

/// The epoch of a record that follows everything up to this place of the ring.
fn epoch_behind(head: Lsn) -> u64 {
    head.0 + FIRST_EPOCH
}

/// Whether the ring was written to after a record of this epoch.
pub(super) fn goes_on_behind(main: &Arc<Log>, content: &Content, epoch: u64) -> Result<bool> {
    let Some(place) = epoch.checked_sub(FIRST_EPOCH).map(Lsn) else { return Ok(false) };
    let mut goes_on = main.tail() > place;
    for part in content.intact.iter().filter(|part| part.end > place) {
        let from = part.start.max(place);
        // The record itself has an empty one in the ring.
        main.claim(from).walk(from, part.end, |_| {
            goes_on = true;
            ControlFlow::Break(())
        })?;
    }
    Ok(goes_on)
}

/// Whether a file that begins so is something else than a record of this database, or what is left of making one.
fn is_anothers(front: &[u8], database: Id) -> bool {
    match LogHeader::find(front) {
        Found::Other => front.iter().any(|byte| *byte != 0),
        found => found.database() != Some(database),
    }
}

/// Fails if the name is another file's, such as the log of another database that is called so. What a link names stays when that is replaced.
fn check_name(path: &Path, database: Id, files: &dyn FileSystem) -> io::Result<()> {
    if path.is_symlink() {
        return Ok(());
    }
    match make::first_pages(files, path)? {
        Some(front) if is_anothers(&front, database) => Err(make::name_is_taken()),
        _ => Ok(()),
    }
}

impl Side {
    /// Writes the record of `draft` beside `main`, durably, or to memory if that has no file.
    ///
    /// # Errors
    /// What the operating system says. Nothing that counts is left then.
    pub fn write(main: &Log, draft: &mut Draft, time_ms: u64) -> Result<Side> {
        let capacity = draft.len();
        let (database, log) = (main.database(), random_id()?);
        let Some(location) = main.location.as_ref().filter(|_| main.is_file()) else {
            let log = file::open_anonymous(database, log, capacity, Lsn(0))?.log;
            log.load(draft, time_ms).map_err(|error| log.failed(&error))?;
            return Ok(Side { content: Content::all(&log), log });
        };
        // What lies beside a file that has taken the name is that one's. NOTE: only asked, so that it is the sync thread that goes over.
        if main.has_lost_its_file() {
            let lost = io::Error::new(
                io::ErrorKind::NotFound,
                "it was removed, replaced or cut off while it was open",
            );
            return Err(Error::io("write beside the log", &location.path, &lost));
        }
        let location = Location { path: large_path(&location.path), ..location.clone() };
        let (path, files) = (location.path.clone(), Arc::clone(&location.files));
        check_name(&path, database, &*files)
            .map_err(|error| Error::io("write the large record to", &path, &error))?;
        let header =
            LogHeader { epoch: epoch_behind(main.head()), ..LogHeader::new(database, log, capacity) };
        let written = make::create_over(&*files, &path, &header).and_then(|(file, header)| {
            // It is written once, so there is nothing to gain from a mapping, which a full disk could turn into a signal.
            let log = Log::new(Ring::written(file, capacity)?, Some(location), header);
            log.load(draft, time_ms)?;
            log.sync().map(|_| log)
        });
        match written {
            Ok(log) => Ok(Side { content: Content::all(&log), log: Arc::new(log) }),
            Err(error) => {
                // Where this fails it does no harm either: what is written next goes into the ring.
                let _ = files.remove(&path).and_then(|()| files.sync_folder(&path));
                Err(Error::io("write the large record to", &path, &error))
            }
        }
    }

    /// The record that a process left beside the log `main`, which holds `content`.
    pub fn find(main: &Arc<Log>, content: &Content) -> Result<Option<Side>> {
        let Some(main_location) = &main.location else { return Ok(None) };
        let location = Location { path: large_path(&main_location.path), ..main_location.clone() };
        let (path, files) = (location.path.clone(), Arc::clone(&location.files));
        let database = main.database();
        let failed = |error: io::Error| Error::io("read the large record from", &path, &error);
        let file = match files.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let front = read_front(&*file, RING_AT as usize).map_err(failed)?;
        let size = file.handle().metadata().map_err(failed)?.len();
        let side = match LogHeader::find(&front) {
            Found::Header(header)
                if header.database == database
                    && size == RING_AT + header.capacity
                    && header.start == Lsn(0) =>
            {
                let side = Side::read(file, location, header).map_err(failed)?;
                if goes_on_behind(main, content, header.epoch)? {
                    side.remove()?;
                    return Ok(None);
                }
                side
            }
            found if found.database().is_some_and(|owner| owner != database) => return Ok(None),
            // Its end is gone. Whether that was so before it counted, its header or the shards know.
            Found::Header(header) if !goes_on_behind(main, content, header.epoch)? => {
                let was_whole = (header.synced > Lsn(0)).then_some(Lsn(0)..header.synced);
                let damaged = Content { damaged: was_whole.into_iter().collect(), ..Content::default() };
                Side::without_content(location, header, damaged)?
            }
            // No kill or power cut leaves that: a header lies in one sector of a file that was empty.
            Found::Damaged => {
                let damaged = Content { damaged: vec![Lsn(0)..Lsn(size)], ..Content::default() };
                Side::without_content(location, LogHeader::new(database, random_id()?, size), damaged)?
            }
            Found::Unknown { version, .. } => return Err(of_another_format(&path, version)),
            Found::Other if is_anothers(&front, database) => return Ok(None),
            // The process ended while it wrote the file.
            _ => {
                files.remove(&path).map_err(failed)?;
                return Ok(None);
            }
        };
        Ok(Some(side))
    }

    /// Reads one that has its length, and makes it durable: it counts from here on, and whoever wrote it may have been killed before
    /// it was on the disk.
    fn read(file: Arc<dyn File>, location: Location, header: LogHeader) -> io::Result<Side> {
        let ring = Ring::written(file, header.capacity)?;
        let log = Arc::new(Log::new(ring, Some(location.clone()), header));
        let content = recovery::scan(&log);
        log.rewrite(&content.intact)?;
        log.sync()?;
        location.files.sync_folder(&location.path)?;
        Ok(Side { log, content })
    }

    /// A record of which nothing can be read.
    fn without_content(location: Location, header: LogHeader, content: Content) -> Result<Side> {
        let ring = Ring::anonymous(RING_AT).map_err(|error| Error::io("read", &location.path, &error))?;
        Ok(Side { log: Arc::new(Log::new(ring, Some(location), header)), content })
    }

    /// Keeps it for the user, because its record is not whole any more.
    pub fn keep_aside(self) -> Result<Option<PathBuf>> {
        let Some(Location { path, files }) = &self.log.location else { return Ok(None) };
        let kept = opened::keep_aside(&**files, path).and_then(|kept| {
            remove_if_there(&**files, path)?;
            files.sync_folder(path).map(|()| kept)
        });
        kept.map(Some).map_err(|error| Error::io("keep a copy of", path, &error))
    }

    /// Removes the record beside a log that goes, if one was left.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn remove_beside(main: &Log) -> Result<()> {
        let Some(Location { path, files }) = &main.location else { return Ok(()) };
        let path = large_path(path);
        if file::belongs_to(&path, main.database(), &**files)? {
            files.remove(&path).map_err(|error| Error::io("remove", &path, &error))?;
        }
        Ok(())
    }

    /// Ends it, once its record is durable in the shards. Another's that has taken its name stays.
    pub fn remove(&self) -> Result<()> {
        let Some(Location { path, files }) = &self.log.location else { return Ok(()) };
        if self.log.is_file() && !self.log.has_its_name() {
            return Ok(());
        }
        files
            .remove(path)
            .and_then(|()| files.sync_folder(path))
            .map_err(|error| Error::io("remove", path, &error))
    }
}
