//! SQLite's door to the simulated disk: a VFS around the system's own, and the default for every connection.
//!
//! The only file here with `unsafe`. SQLite hands each call the memory that `xOpen` filled, a [`Shim`] with the system's
//! own file right behind it, and never two calls for one file at a time. Files that are on no simulated disk (and
//! SQLite's shared memory, which no power cut leaves) are passed through.
//!
//! As SQLite's unix VFS does it: the first sync of a journal or WAL that a connection has opened syncs the folder too,
//! and `xDelete` does so if it is asked to. Nothing is brought to the real disk.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    io,
    mem::size_of,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    ptr,
    sync::{Arc, Once},
};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use super::{
    disk::{Defect, Disk, State, disk_of, name_of},
    fault::Call,
    node::{Ino, ino_of},
};

#[repr(C)]
struct Shim {
    base: sqlite3_file,
    /// None: on no simulated disk. Owned.
    place: *mut Place,
    // The system's own file follows.
}

struct Place {
    disk: Arc<Disk>,
    ino: Ino,
    /// The first sync is one of the folder too.
    syncs_folder: bool,
}

/// What a call works on, if the file is on a simulated disk.
type On<'a> = Option<(&'a mut State, &'a mut Place)>;

/// Registers it, once.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the system's VFS lives as long as the process, and so does the leaked copy of it; its other members
        // do not look at the VFS that they are called with.
        unsafe {
            let system = ffi::sqlite3_vfs_find(ptr::null());
            let size = size_of::<Shim>() as c_int + (*system).szOsFile;
            let vfs = sqlite3_vfs {
                iVersion: 2,
                szOsFile: size,
                pNext: ptr::null_mut(),
                zName: c"simulated".as_ptr(),
                pAppData: system.cast(),
                xOpen: Some(open),
                xDelete: Some(delete),
                ..*system
            };
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1), ffi::SQLITE_OK);
        }
    });
}

/// The system's own file behind a shim.
///
/// # Safety
/// SQLite's file, which [`open`] filled.
unsafe fn system_file(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `szOsFile` asked for room for both.
    unsafe { file.cast::<Shim>().add(1).cast() }
}

/// The system's method, called for the system's file.
macro_rules! forward {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: the arguments are SQLite's own, and the system's file is open as long as the shim is.
        unsafe {
            let file = system_file($file);
            (*(*file).pMethods).$method.expect("the system has it")(file $(, $argument)*)
        }
    }};
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for `szOsFile` bytes, and the name, if there is one, ends with a zero.
    unsafe {
        let shim = file.cast::<Shim>();
        shim.write(Shim { base: sqlite3_file { pMethods: ptr::null() }, place: ptr::null_mut() });
        let system: *mut sqlite3_vfs = (*vfs).pAppData.cast();
        let inner = system_file(file);
        (*inner).pMethods = ptr::null();
        let path = path(name);
        let disk = path.as_deref().and_then(disk_of);
        let open = || (*system).xOpen.expect("the system has it")(system, name, inner, flags, out);
        let Some((disk, path)) = disk.zip(path) else {
            let code = open();
            return finish(file, code);
        };
        let mut code = ffi::SQLITE_CANTOPEN;
        let opened = disk.call(
            Call::Open,
            |state| {
                let is_new = !path.exists();
                code = open();
                if code != ffi::SQLITE_OK {
                    return Err(io::ErrorKind::Other.into());
                }
                if is_new { state.made(&path) } else { ino_of(&path) }
            },
            |_| {},
        );
        if let Ok(ino) = opened {
            let is_journal = flags & (ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL) != 0;
            let syncs_folder = is_journal && flags & ffi::SQLITE_OPEN_CREATE != 0;
            (*shim).place = Box::into_raw(Box::new(Place { disk, ino, syncs_folder }));
        }
        finish(file, code)
    }
}

/// # Safety
/// As for [`open`], after the system's file was opened or not.
unsafe fn finish(file: *mut sqlite3_file, code: c_int) -> c_int {
    if code == ffi::SQLITE_OK {
        // SAFETY: in memory that SQLite gave.
        unsafe { (*file).pMethods = &METHODS };
    // SAFETY: as above; the system's VFS says by its methods whether its file wants to be closed.
    } else if unsafe { !(*system_file(file)).pMethods.is_null() } {
        forward!(file, xClose);
    }
    code
}

/// # Safety
/// Null, or a text that ends with a zero.
unsafe fn path(name: *const c_char) -> Option<PathBuf> {
    // SAFETY: by contract.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })?;
    Some(Path::new(std::ffi::OsStr::from_bytes(name.to_bytes())).to_owned())
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: SQLite's own arguments.
    let (path, delete) = unsafe {
        let system: *mut sqlite3_vfs = (*vfs).pAppData.cast();
        (path(name), move || (*system).xDelete.expect("the system has it")(system, name, 0))
    };
    let Some((disk, path)) = path.as_deref().and_then(disk_of).zip(path) else { return delete() };
    let mut code = ffi::SQLITE_IOERR_DELETE;
    let defect = disk.defect;
    let deleted = |state: &mut State| {
        code = delete();
        if code == ffi::SQLITE_OK {
            state.names.change(vec![(name_of(&path), None)]);
            if sync & 1 != 0 {
                state.sync_names(defect);
            }
        }
        Ok(())
    };
    let _ = disk.call(Call::Remove, deleted, |_| {});
    code
}

/// A call to a file: `work` gives SQLite's answer, `failed` the one if it is made to fail.
///
/// # Safety
/// A file that [`open`] filled.
unsafe fn call(
    file: *mut sqlite3_file,
    call: Call,
    work: impl FnOnce(On<'_>) -> c_int,
    failed: impl FnOnce(&mut State, Ino, bool) -> c_int,
) -> c_int {
    // SAFETY: the place lives until the file is closed, and SQLite makes one call at a time for a file.
    let Some(place) = (unsafe { (*file.cast::<Shim>()).place.as_mut() }) else { return work(None) };
    let (disk, ino) = (Arc::clone(&place.disk), place.ino);
    let (mut code, mut answer) = (ffi::SQLITE_OK, ffi::SQLITE_OK);
    let result = disk.call(
        call,
        |state| {
            code = work(Some((state, place)));
            Ok(())
        },
        |state| {
            let is_full = state.faults.is_full();
            answer = failed(state, ino, is_full);
        },
    );
    if result.is_ok() { code } else { answer }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the place was boxed by `open`, and this is the last call for the file.
    unsafe {
        let place = std::mem::replace(&mut (*file.cast::<Shim>()).place, ptr::null_mut());
        if !place.is_null() {
            drop(Box::from_raw(place));
        }
    }
    forward!(file, xClose)
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    to: *mut c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    let read = |_: On<'_>| forward!(file, xRead, to, length, at);
    // SAFETY: SQLite's own file.
    unsafe { call(file, Call::Read, read, |_, _, _| ffi::SQLITE_IOERR_READ) }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    let write = |state: &mut State, ino: Ino, length: c_int| {
        // SAFETY: SQLite gives so many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length as usize) };
        let Some(node) = state.nodes.get_mut(&ino) else { return forward!(file, xWrite, from, length, at) };
        node.grows();
        let code = forward!(file, xWrite, from, length, at);
        node.wrote(at as u64, bytes);
        code
    };
    let done = |on: On<'_>| match on {
        Some((state, place)) => write(state, place.ino, length),
        None => forward!(file, xWrite, from, length, at),
    };
    let failed = |state: &mut State, ino, is_full| {
        // A part of it is there.
        let _ = write(state, ino, length / 2);
        if is_full { ffi::SQLITE_FULL } else { ffi::SQLITE_IOERR_WRITE }
    };
    // SAFETY: SQLite's own file.
    unsafe { call(file, Call::Write, done, failed) }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    let truncate = |on: On<'_>| {
        if let Some(node) = on.and_then(|(state, place)| state.nodes.get_mut(&place.ino)) {
            node.shrinks(size as u64);
        }
        forward!(file, xTruncate, size)
    };
    // SAFETY: SQLite's own file.
    unsafe { call(file, Call::Truncate, truncate, |_, _, _| ffi::SQLITE_IOERR_TRUNCATE) }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    let sync = |on: On<'_>| {
        let Some((state, place)) = on else { return forward!(file, xSync, flags) };
        let defect = place.disk.defect;
        if let Some(node) = state.nodes.get_mut(&place.ino).filter(|_| !place.disk.suffers(Defect::ShardSync))
        {
            node.sync();
        }
        if std::mem::take(&mut place.syncs_folder) {
            state.sync_names(defect);
        }
        ffi::SQLITE_OK
    };
    let failed = |state: &mut State, ino: Ino, _| {
        if let Some(node) = state.nodes.get_mut(&ino) {
            node.fail_to_sync();
        }
        ffi::SQLITE_IOERR_FSYNC
    };
    // SAFETY: SQLite's own file.
    unsafe { call(file, Call::Sync, sync, failed) }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    forward!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    forward!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    forward!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, held: *mut c_int) -> c_int {
    forward!(file, xCheckReservedLock, held)
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, what: c_int, with: *mut c_void) -> c_int {
    forward!(file, xFileControl, what, with)
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    forward!(file, xSectorSize)
}

unsafe extern "C" fn characteristics(file: *mut sqlite3_file) -> c_int {
    forward!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    at: *mut *mut c_void,
) -> c_int {
    forward!(file, xShmMap, region, size, extend, at)
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    forward!(file, xShmLock, first, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    forward!(file, xShmBarrier)
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    forward!(file, xShmUnmap, delete)
}

/// Version 2: without `xFetch`, so that SQLite maps no file.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
