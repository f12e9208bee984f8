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

use super::{File, FileSystem, rewrite, write_in_pages};

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

/// Does it again as long as a signal comes in between.
fn uninterrupted<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Has the system put blocks under the first `size` bytes. False: the file system does not know how.
#[cfg(target_os = "linux")]
fn reserve(file: &fs::File, size: u64) -> io::Result<bool> {
    use rustix::{fs::FallocateFlags, io::Errno};
    /// Bytes of one call. On tmpfs a signal undoes all that a call has done, so that one for a large file might never end.
    const PIECE: u64 = 4 << 20;
    for at in (0..size).step_by(PIECE as usize) {
        let length = PIECE.min(size - at);
        let reserve = || rustix::fs::fallocate(file, FallocateFlags::empty(), at, length);
        match rustix::io::retry_on_intr(reserve) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// The same by writing.
fn fill(file: &dyn File, size: u64) -> io::Result<()> {
    let mut at = file.handle().metadata()?.len();
    if has_holes(file.handle())? {
        rewrite(file, 0..at.min(size))?;
    }
    let zeros = vec![0; 1 << 20];
    while at < size {
        let step = (size - at).min(zeros.len() as u64);
        write_in_pages(file, &zeros[..step as usize], at)?;
        at += step;
    }
    Ok(())
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
        uninterrupted(|| {
            #[cfg(unix)]
            return std::os::unix::fs::FileExt::read_at(&self.file, bytes, offset);
            #[cfg(windows)]
            return std::os::windows::fs::FileExt::seek_read(&self.file, bytes, offset);
        })
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
        if reserve(&self.file, size)? {
            return Ok(());
        }
        fill(self, size)
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

#[cfg(test)]
mod test {
    use std::{io, path::Path};

    use super::{Disk, File, FileSystem, fill, has_holes, uninterrupted};

    /// Bytes of a file that has holes before and behind what it holds.
    const SPARSE: u64 = 3 << 20;
    const TEXT: &[u8] = b"in the middle";
    const TEXT_AT: u64 = (1 << 20) + 12_345;

    /// Whether one with holes keeps what it holds, and has none once it was given blocks.
    fn gets_whole(path: &Path, give_blocks: impl Fn(&dyn File)) {
        let file = Disk.create(path).expect("makes");
        file.handle().set_len(SPARSE).expect("grows");
        file.write_at(TEXT, TEXT_AT).expect("writes");
        assert_eq!(has_holes(file.handle()).expect("looks"), cfg!(unix));
        give_blocks(&*file);
        assert!(!has_holes(file.handle()).expect("looks"));
        let bytes = std::fs::read(path).expect("reads");
        let (before, rest) = bytes.split_at(TEXT_AT as usize);
        let (text, behind) = rest.split_at(TEXT.len());
        assert!(text == TEXT && before.iter().chain(behind).all(|byte| *byte == 0), "what it held");
    }

    #[test]
    fn blocks_are_put_under_holes_too_whether_the_system_knows_how_or_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for size in [SPARSE, SPARSE + 5000, 10 << 20] {
            let path = |way: &str| folder.path().join(format!("{way}-{size}"));
            gets_whole(&path("known"), |file| file.allocate(size).expect("allocates"));
            gets_whole(&path("unknown"), |file| fill(file, size).expect("allocates"));
            for way in ["known", "unknown"] {
                assert_eq!(std::fs::metadata(path(way)).expect("is there").len(), size);
            }
        }
    }

    #[test]
    fn a_signal_in_between_is_no_failure() {
        let mut calls = 0;
        let read = uninterrupted(|| {
            calls += 1;
            if calls < 3 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(calls) }
        });
        assert_eq!(read.expect("reads"), 3);
        let failed: io::Result<()> = uninterrupted(|| Err(io::ErrorKind::NotFound.into()));
        assert_eq!(failed.expect_err("fails").kind(), io::ErrorKind::NotFound);
    }
}
