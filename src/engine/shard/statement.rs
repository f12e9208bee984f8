//! Prepared statements over SQLite's C interface.
//!
//! `rusqlite` copies every bound text; a flush binds hundreds of bytes a row that stay where they are until the
//! statement has run, so this file binds them in place. Beside `vfs.rs` the only file that knows SQLite's C functions: parameters
//! are borrowed for the whole of a call, rows only live inside a callback, so nothing can dangle.

use std::{
    ffi::{c_int, c_uint},
    ptr,
};

use rusqlite::{Connection, ffi};

/// A value bound in place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Param<'a> {
    Text(&'a [u8]),
    Int(i64),
}

/// A prepared statement. Lives beside its connection under one lock.
#[derive(Debug)]
pub(super) struct Statement {
    raw: *mut ffi::sqlite3_stmt,
    db: *mut ffi::sqlite3,
    bytes: usize,
}

// SAFETY: SQLite is built thread-safe; a connection and its statements may move between threads as long as one
// thread at a time uses them, which the lock around both guarantees.
unsafe impl Send for Statement {}

/// The row under the cursor.
pub(super) struct Row<'a>(&'a Statement);

impl Statement {
    /// A statement that reads, of a table that the file may not have: its name must not be one of SQLite's own, such as "dbstat".
    pub(super) fn prepare(connection: &Connection, sql: &str) -> rusqlite::Result<Self> {
        Self::prepare_with(connection, sql, ffi::SQLITE_PREPARE_NO_VTAB)
    }

    /// A statement that writes to a table that the file has. Triggers that somebody has made there may use virtual tables, as for a full
    /// text search.
    pub(super) fn prepare_to_write(connection: &Connection, sql: &str) -> rusqlite::Result<Self> {
        Self::prepare_with(connection, sql, 0)
    }

    fn prepare_with(connection: &Connection, sql: &str, flags: c_uint) -> rusqlite::Result<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: the handle is only used for calls that leave the connection open; `sql` is valid for its length.
        let (db, code) = unsafe {
            let db = connection.handle();
            let length = sql.len() as c_int;
            let flags = ffi::SQLITE_PREPARE_PERSISTENT | flags;
            (db, ffi::sqlite3_prepare_v3(db, sql.as_ptr().cast(), length, flags, &mut raw, ptr::null_mut()))
        };
        let mut statement = Statement { raw, db, bytes: 0 };
        statement.check(code)?;
        if !raw.is_null() {
            // SAFETY: it is a live statement. SQLite walks through all of it for this, so it is asked once.
            let bytes = unsafe { ffi::sqlite3_stmt_status(raw, ffi::SQLITE_STMTSTATUS_MEMUSED, 0) };
            statement.bytes = usize::try_from(bytes).unwrap_or(0);
        }
        Ok(statement)
    }

    /// Runs a statement without rows to its end.
    pub(super) fn execute(&mut self, params: &[Param<'_>]) -> rusqlite::Result<()> {
        self.first(params, |_| ())
    }

    /// Runs the statement up to its first row, which is the only one, and hands that over if there is one.
    pub(super) fn first(&mut self, params: &[Param<'_>], row: impl FnOnce(Row<'_>)) -> rusqlite::Result<()> {
        let _bound = Bound(self.raw);
        self.bind(params)?;
        // SAFETY: `raw` is a live statement.
        match unsafe { ffi::sqlite3_step(self.raw) } {
            ffi::SQLITE_ROW => {
                row(Row(self));
                Ok(())
            }
            ffi::SQLITE_DONE => Ok(()),
            code => self.check(code),
        }
    }

    fn bind(&mut self, params: &[Param<'_>]) -> rusqlite::Result<()> {
        for (index, param) in (1..).zip(params) {
            // SAFETY: `raw` is live; texts outlive the run because `first` unbinds them before it returns.
            let code = unsafe {
                match param {
                    Param::Int(value) => ffi::sqlite3_bind_int64(self.raw, index, *value),
                    Param::Text(text) => ffi::sqlite3_bind_text64(
                        self.raw,
                        index,
                        text.as_ptr().cast(),
                        text.len() as u64,
                        ffi::SQLITE_STATIC(),
                        ffi::SQLITE_UTF8 as u8,
                    ),
                }
            };
            self.check(code)?;
        }
        Ok(())
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn check(&self, code: c_int) -> rusqlite::Result<()> {
        if code == ffi::SQLITE_OK {
            return Ok(());
        }
        // SAFETY: the connection outlives its statements; SQLite returns a NUL-terminated text.
        let message = unsafe { std::ffi::CStr::from_ptr(ffi::sqlite3_errmsg(self.db)) };
        let message = message.to_string_lossy().into_owned();
        // SAFETY: as above.
        let extended = unsafe { ffi::sqlite3_extended_errcode(self.db) };
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(extended), Some(message)))
    }
}

/// What is bound in a live statement. Dropped also where the use of a row panics.
struct Bound(*mut ffi::sqlite3_stmt);

impl Drop for Bound {
    fn drop(&mut self) {
        // IMPORTANT: after this no pointer into the parameters is left in SQLite.
        // SAFETY: it lives no longer than the borrow of the statement.
        unsafe {
            ffi::sqlite3_reset(self.0);
            ffi::sqlite3_clear_bindings(self.0);
        }
    }
}

impl Row<'_> {
    /// The column's bytes, whatever its type.
    pub(super) fn bytes(&self, column: c_int) -> &[u8] {
        // SAFETY: the statement stands on a row; the bytes stay until the next step, which needs the borrow back.
        unsafe {
            let data = ffi::sqlite3_column_blob(self.0.raw, column).cast::<u8>();
            let length = ffi::sqlite3_column_bytes(self.0.raw, column) as usize;
            if data.is_null() || length == 0 { &[] } else { std::slice::from_raw_parts(data, length) }
        }
    }

    pub(super) fn int(&self, column: c_int) -> i64 {
        // SAFETY: the statement stands on a row.
        unsafe { ffi::sqlite3_column_int64(self.0.raw, column) }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: finalized once; a null statement (empty SQL) is allowed.
        unsafe { ffi::sqlite3_finalize(self.raw) };
    }
}

/// Pages that a connection has asked the system for, because it had not kept them itself.
pub(super) fn pages_read(connection: &Connection) -> u64 {
    status(connection, ffi::SQLITE_DBSTATUS_CACHE_MISS) as u64
}

/// Bytes of the pages that a connection keeps.
pub(super) fn cached_bytes(connection: &Connection) -> usize {
    status(connection, ffi::SQLITE_DBSTATUS_CACHE_USED) as usize
}

/// One of the figures that SQLite has of a connection. Nobody else may use it meanwhile.
fn status(connection: &Connection, figure: c_int) -> u32 {
    let (mut value, mut highest) = (0, 0);
    // SAFETY: the connection is open as long as it is borrowed, and the call writes the two numbers.
    let code = unsafe { ffi::sqlite3_db_status(connection.handle(), figure, &mut value, &mut highest, 0) };
    assert!(code == ffi::SQLITE_OK, "SQLite has known these figures since version 3.7.9");
    u32::try_from(value).unwrap_or(0)
}

/// Reads a few bytes of the database file, past the pages that the connection keeps; where is told by any number. What
/// fails here fails in a read too.
///
/// By SQLite's own file handle: closing another one would drop its locks.
pub(super) fn read_piece(connection: &Connection, number: u64) {
    const PIECE: i64 = 512;
    // SAFETY: SQLite sets the pointer to its file, which is open as long as the connection, and whose methods are there
    // once it is open; the lock around the connection keeps others away; the piece has the room that is told.
    unsafe {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        let (place, wanted) = ((&raw mut file).cast(), ffi::SQLITE_FCNTL_FILE_POINTER);
        if ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), wanted, place) != ffi::SQLITE_OK {
            return;
        }
        let Some(methods) = file.as_ref().and_then(|file| file.pMethods.as_ref()) else { return };
        let (Some(size_of), Some(read)) = (methods.xFileSize, methods.xRead) else { return };
        let mut size = 0;
        if size_of(file, &mut size) == ffi::SQLITE_OK && size >= PIECE {
            let mut piece = [0_u8; PIECE as usize];
            let at = (number % (size / PIECE) as u64) as i64 * PIECE;
            read(file, piece.as_mut_ptr().cast(), PIECE as c_int, at);
        }
    }
}

/// Turns off SQLite's memory statistics, whose lock all threads would meet at every allocation. Called before the first
/// connection is opened.
pub(super) fn configure() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: allowed before SQLite is initialised, while no other thread is in it: those of the engine wait here. Once it is initialised,
        // as by a program that uses the same SQLite itself, it answers SQLITE_MISUSE and changes nothing, which costs speed and
        // nothing else; such a program must not open its first connection at this very moment.
        unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0 as c_int) };
    });
}
