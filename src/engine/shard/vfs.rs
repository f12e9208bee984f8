//! How a writing connection reaches its files: as SQLite does by itself, but for its log, whose [`Frames`] are gathered while a
//! transaction is [committed](commit).
//!
//! A VFS of SQLite is a table of C functions. Ours is the original one but for `xOpen`, which wraps the log's file and leaves all
//! other files as they are.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr, slice,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use rusqlite::{
    Connection,
    ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs},
};

use super::frames::{Frames, Outcome};

const NAME: &CStr = c"kimdb";

/// Bytes that SQLite's own files take by one call.
const LONGEST: usize = (128 << 10) - 1;

/// SQLite's own VFS, which is there as long as the process.
struct Original(*mut sqlite3_vfs);

// SAFETY: nobody changes it, and SQLite reads it from all threads itself.
unsafe impl Send for Original {}
// SAFETY: as above.
unsafe impl Sync for Original {}

static ORIGINAL: LazyLock<Option<Original>> = LazyLock::new(register);

/// The name of the VFS to open a writing connection with. SQLite must have been configured.
pub(super) fn name() -> &'static CStr {
    // If it could not be registered, SQLite says at the opening that there is none of this name.
    LazyLock::force(&ORIGINAL);
    NAME
}

fn register() -> Option<Original> {
    // SAFETY: null asks for the default. The copy lives for ever, as its name does, and differs only where it should: the
    // functions that it shares look at nothing else of their VFS.
    unsafe {
        let original = ffi::sqlite3_vfs_find(ptr::null());
        let mut own = *original.as_ref()?;
        own.zName = NAME.as_ptr();
        own.pNext = ptr::null_mut();
        own.szOsFile += size_of::<LogFile>() as c_int;
        own.xOpen = Some(open);
        ffi::sqlite3_vfs_register(Box::into_raw(Box::new(own)), 0);
        Some(Original(original))
    }
}

/// Has `work` commit the connection's transaction, and gathers its frames meanwhile.
pub(super) fn commit(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    struct Commit<'a>(&'a Connection);
    impl Drop for Commit<'_> {
        fn drop(&mut self) {
            with_log(self.0, Frames::end_commit);
        }
    }
    // Where SQLite moves pages when it commits, it may write frames before those of the commit, and roll them back. Another
    // program may have switched that on, so each transaction asks. The statement is not kept, because SQLite answers when it
    // prepares it.
    let auto_vacuum: i64 = connection.query_row("PRAGMA main.auto_vacuum", [], |row| row.get(0))?;
    if auto_vacuum != 0 {
        return work();
    }
    with_log(connection, Frames::begin_commit);
    let _ends = Commit(connection);
    work()
}

/// Gives the frames of the connection's log to `work`, if it has one that is ours.
fn with_log(connection: &Connection, work: impl FnOnce(&mut Frames)) {
    let mut file: *mut sqlite3_file = ptr::null_mut();
    // SAFETY: SQLite tells where its file is, which lives at least until the connection is used again. A file with our methods is
    // ours, and SQLite does nothing with it meanwhile.
    unsafe {
        let (operation, argument) = (ffi::SQLITE_FCNTL_JOURNAL_POINTER, (&raw mut file).cast());
        let code = ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), operation, argument);
        if code == ffi::SQLITE_OK && !file.is_null() && ptr::eq((*file).pMethods, &METHODS) {
            work(&mut *(*file.cast::<LogFile>()).frames);
        }
    }
}

/// What all processes have in common of the state of the log: twice a header of twelve numbers, which each commit changes when others may
/// see it.
pub(super) type IndexHeader = [u32; 24];

/// Bytes of a part of the index, as SQLite maps it.
const INDEX_PART: c_int = 32 << 10;

/// The header of the index of the connection's log. `None`: it has no log that is ours. Something must have been read by it before, so
/// that the index is there.
pub(super) fn index_header(connection: &Connection) -> Option<IndexHeader> {
    let mut has_log = false;
    with_log(connection, |_| has_log = true);
    if !has_log {
        return None;
    }
    let mut file: *mut sqlite3_file = ptr::null_mut();
    let mut part: *mut c_void = ptr::null_mut();
    // SAFETY: SQLite tells where the database's file is, as above, which has opened the index when something was read. Asking for a part
    // that is mapped only tells where. It stays mapped as long as the connection has a log, and is nobody's alone: so it is read by
    // atomic loads, for which a mapping is aligned.
    unsafe {
        let (operation, argument) = (ffi::SQLITE_FCNTL_FILE_POINTER, (&raw mut file).cast());
        let code = ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), operation, argument);
        let methods = file.as_ref()?.pMethods.as_ref()?;
        let map = methods.xShmMap.filter(|_| code == ffi::SQLITE_OK && methods.iVersion >= 2)?;
        if map(file, 0, INDEX_PART, 0, &raw mut part) != ffi::SQLITE_OK {
            return None;
        }
        let numbers = part.cast::<[AtomicU32; 24]>().as_ref()?;
        Some(std::array::from_fn(|i| numbers[i].load(Ordering::Relaxed)))
    }
}

/// The file of a log as SQLite sees it. Behind it, in the same memory, lies that of the original VFS.
#[repr(C)]
struct LogFile {
    file: sqlite3_file,
    frames: *mut Frames,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Without shared memory and mappings, which belong to the database's file.
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_lock),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// A method of the original's file.
macro_rules! method {
    ($file:ident.$method:ident) => {
        (*(*$file).pMethods).$method.expect("a file of SQLite has all methods of version 1")
    };
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    opened: *mut c_int,
) -> c_int {
    let Some(Original(original)) = &*ORIGINAL else { return ffi::SQLITE_CANTOPEN };
    // SAFETY: SQLite gives `szOsFile` bytes for the file: enough for ours with the original's behind it, and aligned for both.
    unsafe {
        let Some(open) = (**original).xOpen else { return ffi::SQLITE_CANTOPEN };
        if flags & ffi::SQLITE_OPEN_WAL == 0 {
            return open(*original, path, file, flags, opened);
        }
        let code = open(*original, path, inner(file), flags, opened);
        // SQLite closes what has methods, after an error too.
        if (*inner(file)).pMethods.is_null() {
            (*file).pMethods = ptr::null();
        } else {
            (*file.cast::<LogFile>()).frames = Box::into_raw(Box::default());
            (*file).pMethods = &METHODS;
        }
        code
    }
}

/// The original's file.
///
/// # Safety
/// `file` is a [`LogFile`]: so is every file with [`METHODS`].
unsafe fn inner(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: it lies there.
    unsafe { file.cast::<LogFile>().add(1).cast() }
}

/// Gives the frames to `work`, and what writes to the original's file.
///
/// # Safety
/// As for [`inner`], between `open` and `close`; SQLite makes one call for a file at a time.
unsafe fn with_frames(
    file: *mut sqlite3_file,
    work: impl FnOnce(&mut Frames, &mut dyn FnMut(&[u8], u64) -> Outcome) -> Outcome,
) -> c_int {
    // SAFETY: the frames are those that `open` made, and nobody else has them meanwhile.
    let (frames, inner) = unsafe { (&mut *(*file.cast::<LogFile>()).frames, inner(file)) };
    let mut put = |bytes: &[u8], mut at: u64| {
        for part in bytes.chunks(LONGEST) {
            // SAFETY: the original's file is open; it reads the bytes and keeps nothing.
            let code = unsafe {
                method!(inner.xWrite)(inner, part.as_ptr().cast(), part.len() as c_int, at as sqlite3_int64)
            };
            if code != ffi::SQLITE_OK {
                return Err(code);
            }
            at += part.len() as u64;
        }
        Ok(())
    };
    work(frames, &mut put).err().unwrap_or(ffi::SQLITE_OK)
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite's promises: an open file, so many bytes.
    unsafe {
        let bytes = slice::from_raw_parts(bytes.cast::<u8>(), length as usize);
        with_frames(file, |frames, put| frames.write(bytes, at as u64, put))
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: an open file, of which this is the last call. Nothing waits outside of a commit.
    unsafe {
        drop(Box::from_raw((*file.cast::<LogFile>()).frames));
        let inner = inner(file);
        method!(inner.xClose)(inner)
    }
}

/// Methods before which all that waits is written.
macro_rules! settled {
    ($($name:ident = $method:ident($($argument:ident: $kind:ty),*);)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $kind)*) -> c_int {
            // SAFETY: an open file; the rest goes on as it came.
            unsafe {
                match with_frames(file, |frames, put| frames.settle(put)) {
                    ffi::SQLITE_OK => {
                        let inner = inner(file);
                        method!(inner.$method)(inner $(, $argument)*)
                    }
                    code => code,
                }
            }
        }
    )*};
}

settled! {
    read = xRead(bytes: *mut c_void, length: c_int, at: sqlite3_int64);
    truncate = xTruncate(length: sqlite3_int64);
    sync = xSync(flags: c_int);
    size = xFileSize(size: *mut sqlite3_int64);
    lock = xLock(level: c_int);
    unlock = xUnlock(level: c_int);
    check_lock = xCheckReservedLock(is_locked: *mut c_int);
    control = xFileControl(operation: c_int, argument: *mut c_void);
}

/// These ask nothing of the file's content, and answer with a number.
macro_rules! constant {
    ($($name:ident = $method:ident;)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file) -> c_int {
            // SAFETY: an open file.
            unsafe {
                let inner = inner(file);
                method!(inner.$method)(inner)
            }
        }
    )*};
}

constant! {
    sector_size = xSectorSize;
    characteristics = xDeviceCharacteristics;
}
