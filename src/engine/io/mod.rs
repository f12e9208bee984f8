//! File access of the log, of recovery and of everything that makes files durable, behind two traits, so that tests
//! can lose, tear and fail it. SQLite has its own such door, the VFS.
//!
//! [`Disk`] is the one that programs use. A log that is mapped is written through memory; the rest goes through
//! [`File`].

mod disk;
#[cfg(test)]
pub(crate) mod gated;
mod identity;
mod kind;

use std::{
    fmt::Debug,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use disk::Disk;
pub(crate) use disk::{FAST, has_holes, open_to_read};
pub(crate) use identity::{
    Identity, Looked, is_open_twice, look_at_file, look_at_path, same_file, same_path,
};
pub use kind::FileSystemKind;
pub(crate) use kind::{of_folder as kind_of_folder, readers_let_write};

/// Whether something has that name, be it a link to nothing. What cannot be looked at is not taken for missing.
///
/// # Errors
/// What the operating system says.
pub(crate) fn is_there(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// A path whose last name goes on with `suffix`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A tree of folders and files.
pub trait FileSystem: Send + Sync + Debug {
    /// Opens a file that exists, to read and to write it.
    ///
    /// # Errors
    /// What the operating system says; so for all methods of both traits.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Makes a file that only its owner can read. It must not exist; a link in its place is not followed.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Makes a folder and those above it, durably.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Gives a file a second name, which must be free.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of the file that had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes new, changed and removed names in the folder of `path` durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait File: Send + Sync + Debug {
    /// The file itself, to map and to lock it and to look at its properties.
    fn handle(&self) -> &std::fs::File;

    /// Reads as many of the bytes at `offset` as there are and as fit.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all bytes.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Puts real blocks under the first `size` bytes, without changing them. The file is at least that long then.
    fn allocate(&self, size: u64) -> io::Result<()>;

    /// Makes its content durable, and its size.
    fn sync(&self) -> io::Result<()>;

    /// Whether a write of some bytes over others is known to take microseconds: neither those who read the file hold it up nor a slow
    /// disk.
    fn takes_small_writes(&self) -> bool {
        false
    }
}

/// Takes a name away, if there is a file of that name.
pub(crate) fn remove_if_there(files: &dyn FileSystem, path: &Path) -> io::Result<()> {
    match files.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads the first `length` bytes of a file, or less if it is shorter.
pub(crate) fn read_front(file: &dyn File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut have = 0;
    while have < length {
        match file.read_at(&mut bytes[have..], have as u64)? {
            0 => break,
            read => have += read,
        }
    }
    bytes.truncate(have);
    Ok(bytes)
}

/// Linux's page. Where pages are larger, less is gained by what is done for each.
pub(crate) const PAGE: usize = 4096;

/// Writes what will be mapped: Linux keeps what is written at once in memory as one piece, and a byte that is changed through a mapping
/// marks the whole piece as changed.
pub(crate) fn write_in_pages(file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let first = bytes.len().min(PAGE - (offset % PAGE as u64) as usize);
    let (first, rest) = bytes.split_at(first);
    let mut at = offset;
    for page in std::iter::once(first).chain(rest.chunks(PAGE)) {
        file.write_at(page, at)?;
        at += page.len() as u64;
    }
    Ok(())
}

/// Writes a part of a file over itself, as far as the file goes. After a failed sync the kernel calls lost pages clean;
/// this makes them dirty again, so that the next sync tells the truth. The caller keeps other writers away.
pub(crate) fn rewrite(file: &dyn File, part: Range<u64>) -> io::Result<()> {
    let mut bytes = vec![0; 1 << 20];
    let mut at = part.start;
    while at < part.end {
        let length = (part.end - at).min(bytes.len() as u64) as usize;
        let read = file.read_at(&mut bytes[..length], at)?;
        if read == 0 {
            break;
        }
        file.write_at(&bytes[..read], at)?;
        at += read as u64;
    }
    Ok(())
}
