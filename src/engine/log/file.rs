//! The log's file: found and opened, with real blocks under every byte and the kernel's lock on it.

use std::{
    fs::{self, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use super::{
    Id, Log, Lsn, Opened, Unread,
    header::{Found, LogHeader, RING_AT},
    legacy,
    make::{beside, create, new_header},
    recovery::{self, Content},
    ring::Ring,
    shared::Location,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::{File, FileSystem, has_holes, kind_of_folder, read_front, same_file},
    options::Backend,
};

/// How a log's file is used.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where files are.
    pub files: Arc<dyn FileSystem>,
    /// How it is written.
    pub backend: Backend,
    /// Bytes of the ring of a new one.
    pub capacity: u64,
}

/// The largest ring of which a part is looked for in a file that is shorter.
pub(super) const LARGEST_CUT: u64 = 1 << 32;

/// A log without a file, for `safeMode: false`; it starts at `start`.
pub fn open_anonymous(database: Id, log: Id, capacity: u64, start: Lsn) -> Result<Opened> {
    let header = LogHeader { start, synced: start, ..LogHeader::new(database, log, capacity) };
    let ring = Ring::anonymous(capacity).map_err(|error| {
        Error::new(
            Code::Io,
            format!(
                "Could not reserve {capacity} bytes of memory for the buffer: {error}; set a smaller walSize."
            ),
        )
    })?;
    let log = Arc::new(Log::new(ring, None, header));
    let content = Content::all(&log);
    Ok(Opened { log, content, is_damaged: false, unread: Unread::default(), access: None, file: None })
}

/// Opens the log of `database` at `path`, or makes a new one.
///
/// # Errors
/// [`Code::WalMismatch`] if the file is another database's or no log at all, [`Code::Locked`] if another process
/// uses it, [`Code::Corrupt`] if its header is damaged, and what the operating system says.
pub fn open(path: &Path, database: Id, access: &Access) -> Result<Opened> {
    let files = &*access.files;
    if let Some(folder) = path.parent() {
        files.make_folder(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    }
    loop {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let text =
                format!("'{}' is not a regular file; set walPath to a file of its own.", path.display());
            return Err(Error::new(Code::Io, text).at(path));
        }
        let file = match files.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
                return Err(Error::io("follow the link", path, &error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(files, path, &new_header(database, access.capacity)?)?;
                continue;
            }
            Err(error) => return Err(Error::io("open the log", path, &error)),
        };
        if let Err(error) = lock(&*file, path) {
            let front = read_front(&*file, RING_AT as usize)
                .map_err(|error| Error::io("read the log", path, &error))?;
            return match (LogHeader::find(&front), error.code()) {
                (Found::Header(header), _) if header.database == database => Err(error),
                (Found::Unknown { version, database: owner }, _) if owner == database => {
                    Err(of_another_format(path, version))
                }
                // Whoever has locked it has it open as a log, so it is the log of their database.
                (_, Code::Locked) => Err(of_another_database(path)),
                _ => Err(error),
            };
        }
        // Whoever replaced the file between open and lock made this one a file without a name.
        if same_file(file.handle(), path) {
            // What a kill left of making a log; if it is a second name of this one, one name is enough.
            let _ = files.remove(&beside(path, database));
            return inspect(file, path, database, access);
        }
    }
}

/// Whether there is a log of the database at this place, in whatever format. Nothing is made or changed: the place may be
/// anybody's.
///
/// # Errors
/// [`Code::Corrupt`] if nothing tells whose log it is, and what the operating system says. A log that is passed over is replayed
/// later, over what is newer.
pub fn belongs_to(path: &Path, database: Id, files: &dyn FileSystem) -> Result<bool> {
    let look = || {
        if !fs::metadata(path)?.is_file() {
            return Ok(Found::Other);
        }
        files
            .open(path)
            .and_then(|file| read_front(&*file, RING_AT as usize))
            .map(|front| LogHeader::find(&front))
    };
    match look() {
        Ok(Found::Damaged) => Err(Error::new(Code::Corrupt, damaged_header(path)).at(path)),
        Ok(found) => Ok(found.database() == Some(database)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(Error::io("look at the log", path, &error)),
    }
}

pub(super) fn lock(file: &dyn File, path: &Path) -> Result<()> {
    match file.handle().try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            Code::Locked,
            format!(
                "The log '{}' is in use by another process, or another database of this one; close that one or set walPath.",
                path.display()
            ),
        )
        .at(path)),
        Err(TryLockError::Error(error)) => Err(Error::io("lock the log", path, &error)),
    }
}

/// The error of a log, or what lies beside it, in a format that this version cannot read.
pub(super) fn of_another_format(path: &Path, version: u32) -> Error {
    let text = format!(
        "The log '{}' has format {version}; close the database with the version of kimdb that wrote it, then remove the log.",
        path.display()
    );
    Error::new(Code::WalMismatch, text).at(path)
}

fn of_another_database(path: &Path) -> Error {
    let text =
        format!("The log '{}' belongs to another database; give this one its own walPath.", path.display());
    Error::new(Code::WalMismatch, text).at(path)
}

fn inspect(file: Arc<dyn File>, path: &Path, database: Id, access: &Access) -> Result<Opened> {
    let read = |error| Error::io("read the log", path, &error);
    let size = file.handle().metadata().map_err(read)?.len();
    let front = read_front(&*file, RING_AT as usize).map_err(read)?;
    let refuse = |code, text: String| Err(Error::new(code, text).at(path));
    match LogHeader::find(&front) {
        Found::Header(header) if header.database != database => Err(of_another_database(path)),
        Found::Header(header) if header.capacity > size.max(LARGEST_CUT) => {
            refuse(Code::Corrupt, damaged_header(path))
        }
        Found::Header(header) => {
            let is_cut = size != RING_AT + header.capacity;
            let ring = match access.backend_for(path) {
                _ if is_cut => Ring::copied(&*file, header.capacity, 0..header.capacity),
                Backend::Pwrite => Ring::written(Arc::clone(&file), header.capacity),
                _ => {
                    // A store where there are none would be a signal that ends the process, once the disk is full.
                    if has_holes(file.handle()).map_err(read)? {
                        let failed = |error| Error::io("allocate the blocks of", path, &error);
                        file.allocate(size).map_err(failed)?;
                    }
                    Ring::mapped(Arc::clone(&file), header.capacity)
                }
            };
            let log = Arc::new(Log::new(ring.map_err(read)?, Some(access.location(path)), header));
            let content = recovery::scan(&log);
            let is_damaged = is_cut || !content.damaged.is_empty();
            let (access, unread) = (Some(access.clone()), Unread::default());
            Ok(Opened { log, content, is_damaged, unread, access, file: Some(file) })
        }
        Found::Damaged => refuse(Code::Corrupt, damaged_header(path)),
        Found::Unknown { version, .. } => Err(of_another_format(path, version)),
        Found::Other => match legacy::read(&*file, path)? {
            Some(writes) => {
                let log = Arc::new(legacy::load(&writes, access.location(path), database)?);
                let (content, unread) = (Content::all(&log), writes.unread());
                let (is_damaged, access) = (unread.lines > 0, Some(access.clone()));
                Ok(Opened { log, content, is_damaged, unread, access, file: Some(file) })
            }
            None => refuse(
                Code::WalMismatch,
                format!("'{}' is not a kimdb log; set walPath to a file of its own.", path.display()),
            ),
        },
    }
}

fn damaged_header(path: &Path) -> String {
    format!(
        "Both headers of the log '{}' are damaged; restore it, or move it away to open without the writes that it \
         holds.",
        path.display()
    )
}

impl Access {
    fn location(&self, path: &Path) -> Location {
        Location { path: path.to_owned(), files: Arc::clone(&self.files) }
    }

    /// How a log at `path` is written.
    pub(super) fn backend_for(&self, path: &Path) -> Backend {
        match self.backend {
            Backend::Auto if kind_of_folder(path.parent().unwrap_or(Path::new("."))).may_map() => {
                Backend::Mmap
            }
            Backend::Auto => Backend::Pwrite,
            chosen => chosen,
        }
    }
}
