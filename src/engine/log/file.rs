//! The log's file: found, made or replaced, with real blocks under every byte and the kernel's lock on it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Id, Log, Lsn,
    header::{Found, LogHeader, PAGE, RING_AT},
    legacy, recovery,
    ring::Ring,
};
use crate::engine::error::{Code, Error, Result};

/// A log ready for recovery.
#[derive(Debug)]
pub struct Opened {
    /// The log. Its records, if any, end at its head. The old library's log is in memory here, until
    /// [`Opened::renew`] replaces it.
    pub log: Arc<Log>,
    database: Id,
    capacity: u64,
    /// Kept open for its lock.
    lock: Option<File>,
}

/// A log without a file, for `safeMode: false`; it starts at `start`.
pub fn open_anonymous(database: Id, log: Id, capacity: u64, start: Lsn) -> Result<Opened> {
    let header = LogHeader { sequence: 0, database, log, epoch: 0, capacity, start };
    let ring = Ring::anonymous(capacity).map_err(|error| {
        Error::new(Code::Io, format!("Could not reserve {capacity} bytes of memory for the buffer: {error}."))
    })?;
    let log = Arc::new(Log::new(ring, None, header));
    Ok(Opened { log, database, capacity, lock: None })
}

/// Opens the log of `database` at `path`, or makes a new one of `capacity` bytes.
///
/// # Errors
/// [`Code::WalMismatch`] if the file is another database's or no log at all, [`Code::Locked`] if another process
/// uses it, [`Code::Corrupt`] if its header is damaged, and what the operating system says.
pub fn open(path: &Path, capacity: u64, database: Id) -> Result<Opened> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    }
    loop {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let text =
                format!("'{}' is not a regular file; set walPath to a file of its own.", path.display());
            return Err(Error::new(Code::Io, text).at(path));
        }
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
                return Err(Error::io("follow the link", path, &error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path, capacity, &new_header(database, capacity)?)?;
                continue;
            }
            Err(error) => return Err(Error::io("open the log", path, &error)),
        };
        if let Err(error) = lock(&file, path) {
            let front = read_front(&file).map_err(|error| Error::io("read the log", path, &error))?;
            return match LogHeader::find(&front) {
                Found::Header(header) if header.database != database => Err(of_another_database(path)),
                _ => Err(error),
            };
        }
        // Whoever replaced the file between open and lock made this one a file without a name.
        if same_file(&file, path) {
            // What a kill left of making a log; if it is a second name of this one, one name is enough.
            let _ = fs::remove_file(beside(path, database));
            return inspect(file, path, capacity, database);
        }
    }
}

/// The first pages of a file, or less if it is shorter.
pub(super) fn read_front(mut file: &File) -> io::Result<Vec<u8>> {
    let mut front = Vec::with_capacity(RING_AT as usize);
    file.rewind()?;
    file.take(RING_AT).read_to_end(&mut front)?;
    Ok(front)
}

fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            Code::Locked,
            format!(
                "The log '{}' is in use by another process; close that one or set walPath.",
                path.display()
            ),
        )
        .at(path)),
        Err(TryLockError::Error(error)) => Err(Error::io("lock the log", path, &error)),
    }
}

fn of_another_database(path: &Path) -> Error {
    let text =
        format!("The log '{}' belongs to another database; give this one its own walPath.", path.display());
    Error::new(Code::WalMismatch, text).at(path)
}

fn inspect(file: File, path: &Path, capacity: u64, database: Id) -> Result<Opened> {
    let read = |error| Error::io("read the log", path, &error);
    let size = file.metadata().map_err(read)?.len();
    let front = read_front(&file).map_err(read)?;
    let refuse = |code, text: String| Err(Error::new(code, text).at(path));
    match LogHeader::find(&front) {
        Found::Header(header) if header.database != database => Err(of_another_database(path)),
        Found::Header(header) if size != RING_AT + header.capacity || header.capacity == 0 => refuse(
            Code::Corrupt,
            format!(
                "The log '{}' has {size} bytes and its header says {}; restore it, or move it away to open \
                 without the writes that it holds.",
                path.display(),
                RING_AT + header.capacity
            ),
        ),
        Found::Header(header) => {
            let ring = file.try_clone().and_then(|file| Ring::over(file, header.capacity));
            let ring = ring.map_err(|error| Error::io("map the log", path, &error))?;
            let log = Arc::new(Log::new(ring, Some(path.to_owned()), header));
            recovery::scan(&log);
            Ok(Opened { log, database, capacity, lock: Some(file) })
        }
        Found::Damaged => refuse(
            Code::Corrupt,
            format!(
                "Both headers of the log '{}' are damaged; restore it, or move it away to open without the writes \
                 that it holds.",
                path.display()
            ),
        ),
        Found::Unknown(version) => refuse(
            Code::WalMismatch,
            format!(
                "The log '{}' has format {version}; open it with a newer version of kimdb.",
                path.display()
            ),
        ),
        Found::Other => match legacy::read(&file, path)? {
            Some(writes) => {
                let log = legacy::load(&writes, path, database)?;
                Ok(Opened { log: Arc::new(log), database, capacity, lock: Some(file) })
            }
            None => refuse(
                Code::WalMismatch,
                format!("'{}' is not a kimdb log; set walPath to a file of its own.", path.display()),
            ),
        },
    }
}

impl Opened {
    /// Ends recovery: everything that was found is durable in the shards, and from now on the log is empty. A log
    /// of another size or of the old library is replaced. `applied`: see [`Log::begin_epoch`]. Returns the log to use, and the file that keeps it locked.
    ///
    /// # Errors
    /// What the operating system says; the log found at open is still there then.
    pub fn renew(self, applied: Lsn) -> Result<(Arc<Log>, Option<File>)> {
        let Some(path) = self.log.path().map(Path::to_owned) else {
            return Ok((self.log, None));
        };
        let failed = |error| Error::io("renew the log", &path, &error);
        if self.log.is_file() && self.log.capacity() == self.capacity {
            self.log.begin_epoch(applied).map_err(failed)?;
            return Ok((self.log, self.lock));
        }
        let beside = beside(&path, self.database);
        let header = new_header(self.database, self.capacity)?;
        let file = create_over(&beside, self.capacity, &header).map_err(failed)?;
        lock(&file, &path)?;
        fs::rename(&beside, &path).map_err(failed)?;
        sync_folder(&path).map_err(failed)?;
        let ring = file.try_clone().and_then(|file| Ring::over(file, self.capacity)).map_err(failed)?;
        Ok((Arc::new(Log::new(ring, Some(path), header)), Some(file)))
    }
}

fn new_header(database: Id, capacity: u64) -> Result<LogHeader> {
    Ok(LogHeader { sequence: 0, database, log: random_id()?, epoch: 1, capacity, start: Lsn(0) })
}

/// Sixteen random bytes.
pub(crate) fn random_id() -> Result<Id> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Error::new(Code::Io, format!("The system gave no random bytes: {error}.")))?;
    Ok(id)
}

/// Where a database builds a log before it gets its name.
fn beside(path: &Path, database: Id) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", hex(&database[..4])));
    name.into()
}

/// Makes a log file whole under a name that nobody else uses, in place of one that was left there.
pub(super) fn create_over(path: &Path, capacity: u64, header: &LogHeader) -> io::Result<File> {
    // What was left there may be a second name of the live log, so it is not truncated.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    fill(&file, capacity, header)?;
    sync_folder(path)?;
    Ok(file)
}

/// Makes a log file whole before it gets its name: blocks, header, sync, name, sync of the folder. If another process
/// is faster its file stays.
fn create(path: &Path, capacity: u64, header: &LogHeader) -> Result<()> {
    let failed = |error| Error::io("make the log", path, &error);
    // One process at a time has this database open, so nobody else uses this name.
    let draft = beside(path, header.database);
    let made = (|| {
        create_over(&draft, capacity, header)?;
        match fs::hard_link(&draft, path) {
            // Another process was faster; its log is looked at instead.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // File systems without hard links.
            Err(_) if !path.exists() => fs::rename(&draft, path),
            linked => linked,
        }?;
        sync_folder(path)
    })();
    let _ = fs::remove_file(&draft);
    made.map_err(failed)
}

fn fill(mut file: &File, capacity: u64, header: &LogHeader) -> io::Result<()> {
    allocate(file, RING_AT + capacity)?;
    let mut front = vec![0; 2 * PAGE];
    let encoded = header.encode();
    front[header.offset()..][..encoded.len()].copy_from_slice(&encoded);
    file.write_all(&front)?;
    file.sync_all()
}

/// Real blocks under every byte: a store into a hole of a mapping on a full disk would kill the process.
fn allocate(mut file: &File, size: u64) -> io::Result<()> {
    // Growing beyond this limit is a signal that ends the process, not an error.
    #[cfg(unix)]
    if rustix::process::getrlimit(rustix::process::Resource::Fsize).current.is_some_and(|limit| limit < size)
    {
        return Err(rustix::io::Errno::FBIG.into());
    }
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(error.into()),
    }
    let zeros = vec![0; 1 << 20];
    let mut left = size;
    while left > 0 {
        let step = left.min(zeros.len() as u64);
        file.write_all(&zeros[..step as usize])?;
        left -= step;
    }
    file.rewind()
}

/// Makes a new or changed name durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Whether the open file is still the one of that name.
pub(crate) fn same_file(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        match (file.metadata(), fs::metadata(path)) {
            (Ok(open), Ok(named)) => open.dev() == named.dev() && open.ino() == named.ino(),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        // An open file cannot be replaced there.
        let _ = (file, path);
        true
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
