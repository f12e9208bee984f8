//! A slow and failing disk for tests.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::{Disk, File, FileSystem};

/// The disk, whose files are written while nobody holds the gate, and fail while it says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gated {
    pub(crate) gate: Arc<Mutex<bool>>,
    /// Where the gate begins: writes before this place of a file go on.
    pub(crate) gate_from: Arc<AtomicU64>,
    /// From where to where was to be written, whether it failed or not, and which of these calls, from 0, fails.
    pub(crate) calls: Arc<Mutex<Vec<(u64, u64)>>>,
    pub(crate) failing: Arc<Mutex<Option<usize>>>,
    /// How the names of files end that panic when they are written or synced.
    pub(crate) panicking: Arc<Mutex<Option<&'static str>>>,
    /// Files that were opened.
    pub(crate) opened: Arc<Mutex<Vec<PathBuf>>>,
    /// Whether syncs fail.
    pub(crate) is_losing: Arc<Mutex<bool>>,
    /// Whether the files that are made from now on cannot be mapped.
    pub(crate) is_unmappable: Arc<Mutex<bool>>,
}

#[derive(Debug)]
struct GatedFile {
    file: Arc<dyn File>,
    path: PathBuf,
    files: Gated,
    /// What is mapped in its place.
    handle: Option<std::fs::File>,
}

impl Gated {
    fn through(&self, file: Arc<dyn File>, path: &Path, handle: Option<std::fs::File>) -> Arc<dyn File> {
        Arc::new(GatedFile { file, path: path.to_owned(), files: self.clone(), handle })
    }
}

impl GatedFile {
    fn panic_if_told(&self) {
        let panicking = *self.files.panicking.lock();
        let name = self.path.to_string_lossy();
        assert!(!panicking.is_some_and(|end| name.ends_with(end)), "a defect of the file system");
    }
}

impl FileSystem for Gated {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.opened.lock().push(path.to_owned());
        Ok(self.through(Disk.open(path)?, path, None))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = Disk.create(path)?;
        // What may only be read cannot be mapped to be written.
        let handle = if *self.is_unmappable.lock() { Some(std::fs::File::open(path)?) } else { None };
        Ok(self.through(file, path, handle))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        Disk.make_folder(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        Disk.sync_folder(path)
    }
}

impl File for GatedFile {
    fn handle(&self) -> &std::fs::File {
        self.handle.as_ref().unwrap_or_else(|| self.file.handle())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let number = {
            let mut calls = self.files.calls.lock();
            calls.push((offset, offset + bytes.len() as u64));
            calls.len() - 1
        };
        self.panic_if_told();
        if offset >= self.files.gate_from.load(Ordering::Relaxed) && *self.files.gate.lock() {
            return Err(io::Error::other("broken"));
        }
        if *self.files.failing.lock() == Some(number) {
            self.file.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::other("broken in the middle"));
        }
        self.file.write_at(bytes, offset)
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        self.file.allocate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.panic_if_told();
        if *self.files.is_losing.lock() {
            return Err(io::Error::other("lost"));
        }
        self.file.sync()
    }

    fn takes_small_writes(&self) -> bool {
        true
    }
}
