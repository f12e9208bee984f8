//! A log that was opened: made durable, and renewed once the shards have what it holds.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Access, Content, Log, Lsn, Unread,
    file::lock,
    make::{beside, create_over, new_header},
    ring::Ring,
};
use crate::engine::{
    error::{Error, Result},
    io::{File, FileSystem, same_path, with_suffix},
    options::Backend,
};

/// A log ready for recovery.
#[derive(Debug)]
pub struct Opened {
    /// The log. Its records, if any, end at its head. The old library's log and one that has not the length it should
    /// have are in memory here, until [`Opened::renew`] replaces them.
    pub log: Arc<Log>,
    /// What it holds.
    pub content: Content,
    /// Whether it is not as it was left: it is kept aside when it is renewed.
    pub is_damaged: bool,
    /// Lines of the old library's log that nobody can read.
    pub unread: Unread,
    pub(super) access: Option<Access>,
    /// Kept open for its lock.
    pub(super) file: Option<Arc<dyn File>>,
}

impl Opened {
    /// Makes durable what was found, before the shards get any of it: whoever wrote it may have been killed before it was
    /// on the disk, or after a sync of it failed.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn sync(&self) -> Result<()> {
        let synced = match &self.file {
            Some(_) if self.log.is_file() => {
                self.log.rewrite(&self.content.intact).and_then(|()| self.log.sync().map(|_| ()))
            }
            Some(file) => file.sync(),
            None => Ok(()),
        };
        synced.map_err(|error| self.log.failed_to("sync the log", &error))
    }

    /// Ends recovery: everything that was found is durable in the shards, and from now on the log is empty. A log
    /// of another size, of the old library or that is damaged is replaced. `applied`: see [`Log::begin_epoch`]. Returns
    /// the log to use, and the name under which a damaged one was kept.
    ///
    /// # Errors
    /// What the operating system says; the log found at open is still there then.
    pub fn renew(self, applied: Lsn) -> Result<Renewed> {
        let (Some(location), Some(access)) = (self.log.location.clone(), self.access) else {
            return Ok(Renewed { log: self.log, kept: None });
        };
        let path = &location.path;
        let failed = |error| Error::io("renew the log", path, &error);
        if self.log.is_file() && self.log.capacity() == access.capacity && !self.is_damaged {
            self.log.begin_epoch(applied).map_err(failed)?;
            return Ok(Renewed { log: self.log, kept: None });
        }
        let files = &*access.files;
        let beside = beside(path, self.log.database());
        let header = new_header(self.log.database(), access.capacity)?;
        let (file, header) = create_over(files, &beside, &header).map_err(failed)?;
        lock(&*file, path)?;
        let kept = if self.is_damaged { Some(keep_aside(files, path).map_err(failed)?) } else { None };
        files.rename(&beside, path).map_err(failed)?;
        files.sync_folder(path).map_err(failed)?;
        let ring = match access.backend_for(path) {
            Backend::Pwrite => Ring::written(file, header.capacity),
            _ => Ring::mapped(file, header.capacity),
        };
        Ok(Renewed { log: Arc::new(Log::new(ring.map_err(failed)?, Some(location), header)), kept })
    }
}

/// A log after recovery.
#[derive(Debug)]
pub struct Renewed {
    /// The log to use.
    pub log: Arc<Log>,
    /// Where the damaged one is.
    pub kept: Option<PathBuf>,
}

/// Gives a damaged log the first free name `<path>.corrupt-<n>`.
pub(super) fn keep_aside(files: &dyn FileSystem, path: &Path) -> io::Result<PathBuf> {
    let name = |number: u32| with_suffix(path, &format!(".corrupt-{number}"));
    let is_it = |name: &PathBuf| same_path(name, path);
    let fits = |name: &PathBuf| fs::symlink_metadata(name).is_err() || is_it(name);
    let name = (1..).map(name).find(fits).expect("there is no end");
    if is_it(&name) {
        // An opening was killed between this and giving the name to a new log.
        return Ok(name);
    }
    match files.link(path, &name) {
        // Until the next log takes it, it keeps its name too, so that it is found again and told of again.
        Ok(()) => files.sync_folder(path)?,
        // File systems without hard links.
        Err(_) => files.rename(path, &name)?,
    }
    Ok(name)
}
