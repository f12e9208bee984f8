//! The operating system's files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{File, FileSystem, write_in_pages};

/// The files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

/// A sync of a fast disk takes less, as a write does. On another one some microseconds less for a write are not worth a risk.
pub(crate) const FAST: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct DiskFile {
    file: fs::File,
    /// Its file system lets somebody write while others read.
    readers_let_write: bool,
    /// The last sync took less than [`FAST`].
    is_fast: AtomicBool,
}

impl DiskFile {
    fn shared(file: fs::File) -> Arc<dyn File> {
        let readers_let_write = super::readers_let_write(&file);
        Arc::new(DiskFile { file, readers_let_write, is_fast: AtomicBool::new(false) })
    }
}

/// How files are made that nobody else shall read.
pub(crate) fn private() -> fs::OpenOptions {
    let mut how = fs::OpenOptions::new();
    how.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    how
}

/// Opens a file to read it only, as may be the only way on a medium that cannot be written to.
pub(crate) fn open_to_read(path: &Path) -> io::Result<Arc<dyn File>> {
    Ok(DiskFile::shared(fs::File::open(path)?))
}

/// Whether a part of the file has no blocks, as in what some programs make of a copy.
pub(crate) fn has_holes(file: &fs::File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        /// Bytes of a block, as the system counts them.
        const BLOCK: u64 = 512;
        file.metadata().map(|found| found.blocks() * BLOCK < found.len())
    }
    #[cfg(not(unix))]
    file.metadata().map(|_| false)
}

impl FileSystem for Disk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(DiskFile::shared(fs::OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(DiskFile::shared(private().create_new(true).open(path)?))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<PathBuf> =
            path.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
        fs::create_dir_all(path).map_err(|error| match error.kind() {
            // What is there already is not a folder.
            io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
            _ => error,
        })?;
        missing.iter().rev().try_for_each(|folder| self.sync_folder(folder))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        #[cfg(not(unix))]
        let _ = path;
        Ok(())
    }
}

impl File for DiskFile {
    fn handle(&self) -> &fs::File {
        &self.file
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&self.file, bytes, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&self.file, bytes, offset);
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, offset);
        #[cfg(windows)]
        {
            let mut written = 0;
            while written < bytes.len() {
                let at = offset + written as u64;
                match std::os::windows::fs::FileExt::seek_write(&self.file, &bytes[written..], at)? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    more => written += more,
                }
            }
            Ok(())
        }
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        // Growing beyond this limit is a signal that ends the process, not an error.
        #[cfg(unix)]
        if rustix::process::getrlimit(rustix::process::Resource::Fsize)
            .current
            .is_some_and(|limit| limit < size)
        {
            return Err(rustix::io::Errno::FBIG.into());
        }
        #[cfg(target_os = "linux")]
        match rustix::fs::fallocate(&self.file, rustix::fs::FallocateFlags::empty(), 0, size) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
        let zeros = vec![0; 1 << 20];
        let mut at = self.file.metadata()?.len();
        while at < size {
            let step = (size - at).min(zeros.len() as u64);
            write_in_pages(self, &zeros[..step as usize], at)?;
            at += step;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let start = Instant::now();
        self.file.sync_data()?;
        self.is_fast.store(start.elapsed() < FAST, Ordering::Relaxed);
        Ok(())
    }

    fn takes_small_writes(&self) -> bool {
        self.readers_let_write && self.is_fast.load(Ordering::Relaxed)
    }
}
