//! What kind of file system a folder is on. It decides how the log is written, and whether its promises hold.

use std::{fs::File, path::Path};

/// A kind of file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystemKind {
    /// On a disk of this machine, and written in place.
    Local,
    /// Writes elsewhere what is overwritten, so that a full disk meets a store to a mapped page: a signal that ends
    /// the process. The name is the file system's.
    CopyOnWrite(&'static str),
    /// On another machine or behind another program: what locks and syncs mean there is not known. The name is the
    /// file system's.
    Remote(&'static str),
}

impl FileSystemKind {
    /// Whether a log there may be written through a mapping.
    pub fn may_map(self) -> bool {
        self == FileSystemKind::Local
    }
}

/// The kind of the file system that holds the folder.
#[cfg(target_os = "linux")]
pub(crate) fn of_folder(folder: &Path) -> FileSystemKind {
    // Numbers from the kernel's linux/magic.h and the file systems' own headers.
    rustix::fs::statfs(folder).map_or(FileSystemKind::Local, |found| match found.f_type as u32 {
        0x9123_683e => FileSystemKind::CopyOnWrite("btrfs"),
        0xca45_1a4e => FileSystemKind::CopyOnWrite("bcachefs"),
        0x2fc1_2fc1 => FileSystemKind::CopyOnWrite("zfs"),
        0x6573_5546 => FileSystemKind::Remote("FUSE"),
        0x6969 => FileSystemKind::Remote("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => FileSystemKind::Remote("SMB"),
        0x0102_1997 => FileSystemKind::Remote("9p"),
        0x00c3_6400 => FileSystemKind::Remote("Ceph"),
        0x5346_414f => FileSystemKind::Remote("AFS"),
        0x0bd0_0bd0 => FileSystemKind::Remote("Lustre"),
        0x786f_4256 => FileSystemKind::Remote("VirtualBox shared folder"),
        0x0116_1970 => FileSystemKind::Remote("GFS2"),
        0x7461_636f => FileSystemKind::Remote("OCFS2"),
        _ => FileSystemKind::Local,
    })
}

/// The kind of the file system that holds the folder. Not looked at on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn of_folder(_: &Path) -> FileSystemKind {
    FileSystemKind::Local
}

/// Whether a write to the file never waits for those who read it. On ext4 it does not; XFS lets nobody write while somebody reads,
/// and a backup reads for long.
#[cfg(target_os = "linux")]
pub(crate) fn readers_let_write(file: &File) -> bool {
    const EXT4: u32 = 0xef53;
    rustix::fs::fstatfs(file).is_ok_and(|found| found.f_type as u32 == EXT4)
}

/// Whether a write to the file never waits for those who read it. Not known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn readers_let_write(_: &File) -> bool {
    false
}
