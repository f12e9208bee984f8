//! Which file it is, and how long.
//!
//! Asked before every sync, and on Linux without asking for times: whoever asks for a file's times makes its next change
//! get a new one of its own, and then a sync writes the inode as well. That is one more trip to the disk for each durable
//! write.

use std::{fs::File, io, path::Path};

/// A file as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked {
    pub(crate) identity: Identity,
    pub(crate) size: u64,
}

/// Two paths lead to one file if these are the same. Where an open file can be neither removed nor replaced, all are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

pub(crate) fn look_at_file(file: &File) -> io::Result<Looked> {
    #[cfg(target_os = "linux")]
    if let Some(looked) = without_times(file, Path::new("")) {
        return Ok(looked);
    }
    file.metadata().map(|found| with_times(&found))
}

pub(crate) fn look_at_path(path: &Path) -> io::Result<Looked> {
    #[cfg(target_os = "linux")]
    if let Some(looked) = without_times(rustix::fs::CWD, path) {
        return Ok(looked);
    }
    std::fs::metadata(path).map(|found| with_times(&found))
}

/// `None`: the kernel does not know the call or refuses it, or there is no such file.
#[cfg(target_os = "linux")]
fn without_times(folder: impl std::os::fd::AsFd, path: &Path) -> Option<Looked> {
    use rustix::fs::{AtFlags, StatxFlags, makedev, statx};
    let wanted = StatxFlags::INO | StatxFlags::SIZE;
    let found = statx(folder, path, AtFlags::EMPTY_PATH, wanted).ok()?;
    let device = makedev(found.stx_dev_major, found.stx_dev_minor);
    let identity = Identity { device, inode: found.stx_ino };
    StatxFlags::from_bits_retain(found.stx_mask)
        .contains(wanted)
        .then_some(Looked { identity, size: found.stx_size })
}

/// Whether this process has the file open more than once. False where nobody can tell.
pub(crate) fn is_open_twice(file: &File) -> bool {
    #[cfg(target_os = "linux")]
    {
        let Ok(own) = look_at_file(file) else { return false };
        let Ok(handles) = std::fs::read_dir("/proc/self/fd") else { return false };
        let is_it = |handle: &std::fs::DirEntry| {
            look_at_path(&handle.path()).is_ok_and(|looked| looked.identity == own.identity)
        };
        handles.flatten().filter(is_it).count() > 1
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}

fn with_times(found: &std::fs::Metadata) -> Looked {
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt;
        Identity { device: found.dev(), inode: found.ino() }
    };
    #[cfg(not(unix))]
    let identity = Identity {};
    Looked { identity, size: found.len() }
}

/// Whether both names lead to one file.
pub(crate) fn same_path(a: &Path, b: &Path) -> bool {
    File::open(a).is_ok_and(|file| same_file(&file, b))
}

/// Whether the open file is still the one of that name.
pub(crate) fn same_file(file: &File, path: &Path) -> bool {
    match (look_at_file(file), look_at_path(path)) {
        (Ok(open), Ok(named)) => open.identity == named.identity,
        _ => false,
    }
}

#[cfg(test)]
mod test {
    use std::fs;

    use super::{look_at_file, look_at_path, same_file, with_times};

    #[test]
    fn a_file_is_known_by_each_of_its_names_and_no_other_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        fs::write(&a, "123").expect("writes");
        fs::write(&c, "123").expect("writes");
        fs::hard_link(&a, &b).expect("links");
        let file = fs::File::open(&a).expect("opens");
        let (open, named) = (look_at_file(&file).expect("looks"), look_at_path(&b).expect("looks"));
        assert_eq!((open.identity, open.size, named.size), (named.identity, 3, 3));
        // The way taken where the kernel knows no other gives the same.
        assert_eq!(with_times(&file.metadata().expect("looks")).identity, open.identity);
        assert!(same_file(&file, &b) && cfg!(not(unix)) == same_file(&file, &c));
        fs::remove_file(&b).expect("removes");
        assert!(!same_file(&file, &b) && look_at_path(&b).is_err());
    }
}
