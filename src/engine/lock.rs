//! One process a database: a lock file held by the kernel, which lets go of it the moment the process dies.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
};

use super::{
    error::{Code, Error, Result},
    io::same_file,
};

/// Held as long as the database is open.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock of the database at `base`.
    ///
    /// # Errors
    /// [`Code::Locked`] with the holder's pid.
    pub(crate) fn take(base: &Path) -> Result<Lock> {
        let path = path_of(base);
        loop {
            let mut how = OpenOptions::new();
            how.read(true).write(true).create(true).truncate(false);
            // Its content is overwritten, so it must not be a link to somebody's file.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::custom_flags(&mut how, libc::O_NOFOLLOW);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
            let opened = how.open(&path);
            let mut file = opened.map_err(|error| Error::io("open the lock", &path, &error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held(file, base)),
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path, &error)),
            }
            // Whoever held it before may have removed it between our open and our lock.
            if same_file(&file, &path) {
                let pid = std::process::id().to_string();
                let written = file
                    .set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| file.write_all(pid.as_bytes()));
                written.map_err(|error| Error::io("write the lock", &path, &error))?;
                return Ok(Lock { path, file });
            }
        }
    }
}

fn path_of(base: &Path) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// Makes sure that nobody has the database at `base` open right now. Nothing is made or changed, and nothing held.
///
/// # Errors
/// [`Code::Locked`] with the holder's pid.
pub(crate) fn check_free(base: &Path) -> Result<()> {
    let path = path_of(base);
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file.map_err(|error| Error::io("open the lock", &path, &error))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(held(file, base)),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path, &error)),
    }
}

fn held(mut file: File, base: &Path) -> Error {
    let mut pid = String::new();
    let holder = match file.read_to_string(&mut pid) {
        Ok(_) if !pid.trim().is_empty() => format!("process {}", pid.trim()),
        _ => "another process".to_owned(),
    };
    let text = format!(
        "The database '{}' is in use by {holder}; close it there first, one process at a time can have it open.",
        base.display()
    );
    Error::new(Code::Locked, text).at(base)
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still held, so nobody can have locked this file and lose it.
        if same_file(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}
