//! Files that the kernel locks, so that a lock ends with its process.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{
    error::{Code, Error, Result},
    io::same_file,
};

/// Longer than a look whether a lock is free.
const A_LOOK: Duration = Duration::from_millis(20);

/// A file that is locked, and removed by whoever is the last to lock it.
#[derive(Debug)]
pub(super) struct LockFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

/// With whom a lock is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Alone,
    Shared,
}

impl LockFile {
    /// `None`: others hold it.
    pub(super) fn take(path: &Path, sharing: Sharing) -> Result<Option<LockFile>> {
        loop {
            let file = open(path)?;
            let locked = match sharing {
                Sharing::Alone => file.try_lock(),
                Sharing::Shared => file.try_lock_shared(),
            };
            match locked {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, &error)),
            }
            // Whoever held it before may have removed it between our open and our lock.
            if same_file(&file, path) {
                check_content(&file, path)?;
                return Ok(Some(LockFile { path: path.to_owned(), file }));
            }
        }
    }

    /// To be called by whoever holds it alone.
    pub(super) fn remove(&self) {
        if same_file(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> Result<File> {
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(false);
    // Its content is overwritten, so it must not be a link to somebody's file.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut how, libc::O_NOFOLLOW);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    how.open(path).map_err(|error| Error::io("open the lock", path, &error))
}

/// Fails if the file holds something else than pids: it is somebody's then, such as the log of another database that is called so, and
/// would be overwritten or removed.
fn check_content(mut file: &File, path: &Path) -> Result<()> {
    let mut front = [0; 16];
    let read = file
        .rewind()
        .and_then(|()| file.read(&mut front))
        .map_err(|error| Error::io("read the lock", path, &error))?;
    // A power cut leaves zeros.
    if front[..read].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'\n' | 0)) {
        return Ok(());
    }
    let text = format!("'{}' is no lock of kimdb but in the place of one; move it away.", path.display());
    Err(Error::new(Code::Io, text).at(path))
}

/// What came of trying for a lock; `None`: somebody else holds it.
pub(super) fn if_free(locked: std::result::Result<(), TryLockError>) -> io::Result<Option<()>> {
    match locked {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Tries for a lock for a moment: who looks whether it is free holds it as long. `None`: it is not free.
pub(super) fn persistently<T, E>(
    mut attempt: impl FnMut() -> std::result::Result<Option<T>, E>,
) -> std::result::Result<Option<T>, E> {
    let start = Instant::now();
    loop {
        match attempt()? {
            Some(done) => return Ok(Some(done)),
            None if start.elapsed() > A_LOOK => return Ok(None),
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
}
