//! A disk that fails where a test says so.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use kimdb::io::{Disk, File, FileSystem};

/// What a failing disk refuses of the files whose names end as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Openings,
    Syncs,
    Removals,
}

/// The disk, which fails as long as it is switched on.
#[derive(Clone)]
pub struct Failing {
    what: What,
    ending: &'static str,
    is_on: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FailingFile {
    file: Arc<dyn File>,
    path: PathBuf,
    disk: Failing,
}

impl fmt::Debug for Failing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} of {} fail", self.what, self.ending)
    }
}

impl Failing {
    pub fn new(what: What, ending: &'static str) -> Failing {
        Failing { what, ending, is_on: Arc::default() }
    }

    pub fn switch(&self, on: bool) {
        self.is_on.store(on, Ordering::SeqCst);
    }

    fn check(&self, what: What, path: &Path) -> io::Result<()> {
        let is_meant = what == self.what && path.to_string_lossy().ends_with(self.ending);
        if is_meant && self.is_on.load(Ordering::SeqCst) { Err(io::Error::other("broken")) } else { Ok(()) }
    }

    fn through(&self, path: &Path, file: io::Result<Arc<dyn File>>) -> io::Result<Arc<dyn File>> {
        let through = |file| FailingFile { file, path: path.to_owned(), disk: self.clone() };
        file.map(|file| Arc::new(through(file)) as Arc<dyn File>)
    }
}

impl FileSystem for Failing {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.check(What::Openings, path)?;
        self.through(path, Disk.open(path))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.through(path, Disk.create(path))
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
        if path.exists() {
            self.check(What::Removals, path)?;
        }
        Disk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        Disk.sync_folder(path)
    }
}

impl File for FailingFile {
    fn handle(&self) -> &std::fs::File {
        self.file.handle()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        self.file.allocate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.check(What::Syncs, &self.path)?;
        self.file.sync()
    }
}
