//! The log's file: found, made or replaced, with real blocks under every byte and the kernel's lock on it.

use std::{
    fs::{self, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Id, Log, Lsn,
    append::Place,
    header::{Found, LogHeader, RING_AT},
    legacy::{self, Unread},
    recovery::{self, Content},
    ring::Ring,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::{File, FileSystem, has_holes, kind_of_folder, read_front, same_file, same_path},
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
    access: Option<Access>,
    /// Kept open for its lock.
    file: Option<Arc<dyn File>>,
}

/// A log without a file, for `safeMode: false`; it starts at `start`.
pub fn open_anonymous(database: Id, log: Id, capacity: u64, start: Lsn) -> Result<Opened> {
    let header = LogHeader { start, synced: start, ..LogHeader::new(database, log, capacity) };
    let ring = Ring::anonymous(capacity).map_err(|error| {
        Error::new(Code::Io, format!("Could not reserve {capacity} bytes of memory for the buffer: {error}."))
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
                // Who has it locked has this log open, so it is theirs.
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

fn lock(file: &dyn File, path: &Path) -> Result<()> {
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
            let log = Arc::new(Log::new(ring.map_err(read)?, Some(access.place(path)), header));
            let content = recovery::scan(&log);
            let is_damaged = is_cut || !content.damaged.is_empty();
            let (access, unread) = (Some(access.clone()), Unread::default());
            Ok(Opened { log, content, is_damaged, unread, access, file: Some(file) })
        }
        Found::Damaged => refuse(Code::Corrupt, damaged_header(path)),
        Found::Unknown { version, .. } => Err(of_another_format(path, version)),
        Found::Other => match legacy::read(&*file, path)? {
            Some(writes) => {
                let log = Arc::new(legacy::load(&writes, access.place(path), database)?);
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
    fn place(&self, path: &Path) -> Place {
        Place { path: path.to_owned(), files: Arc::clone(&self.files) }
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
        synced.map_err(|error| Error::io("sync the log", self.log.path().unwrap_or(Path::new("")), &error))
    }

    /// Ends recovery: everything that was found is durable in the shards, and from now on the log is empty. A log
    /// of another size, of the old library or that is damaged is replaced. `applied`: see [`Log::begin_epoch`]. Returns
    /// the log to use, and the name under which a damaged one was kept.
    ///
    /// # Errors
    /// What the operating system says; the log found at open is still there then.
    pub fn renew(self, applied: Lsn) -> Result<Renewed> {
        let (Some(place), Some(access)) = (self.log.place.clone(), self.access) else {
            return Ok(Renewed { log: self.log, kept: None });
        };
        let path = &place.path;
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
        Ok(Renewed { log: Arc::new(Log::new(ring.map_err(failed)?, Some(place), header)), kept })
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
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".corrupt-{number}"));
        PathBuf::from(name)
    };
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

fn new_header(database: Id, capacity: u64) -> Result<LogHeader> {
    Ok(LogHeader::new(database, random_id()?, capacity))
}

/// Sixteen random bytes.
pub(crate) fn random_id() -> Result<Id> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Error::new(Code::Io, format!("The system gave no random bytes: {error}.")))?;
    Ok(id)
}

/// Where a database builds a log before it gets its name.
pub(super) fn beside(path: &Path, database: Id) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", hex(&database[..4])));
    name.into()
}

/// Makes a log file whole under a name that nobody else uses, in place of one that was left there. Returns its header too, as it was
/// written last.
pub(super) fn create_over(
    files: &dyn FileSystem,
    path: &Path,
    header: &LogHeader,
) -> io::Result<(Arc<dyn File>, LogHeader)> {
    // What was left there may be a second name of the live log, so it is not truncated.
    match files.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
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
fn create(files: &dyn FileSystem, path: &Path, header: &LogHeader) -> Result<()> {
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

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
