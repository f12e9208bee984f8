//! What can go wrong, as one type: a stable code, one sentence that says what to do, and where it happened.

use std::{fmt, io, path::Path, path::PathBuf};

/// Result of every fallible engine call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stable names of the failures; [`Code::as_str`] is what JavaScript sees in `error.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The database was closed before the call.
    Closed,
    /// Another process holds the database.
    Locked,
    /// Another program holds a shard file's SQLite lock.
    Busy,
    /// No space is left on the device or in the quota.
    DiskFull,
    /// The operating system refused a file operation.
    Io,
    /// A file holds something that this engine did not write.
    Corrupt,
    /// The log file belongs to another database.
    WalMismatch,
    /// A name, document or batch is larger than the database can hold.
    TooLarge,
    /// The log stayed full for longer than `writeTimeout`.
    BufferFull,
    /// A second opener asked for other settings than the first has, or another process for another `walPath`.
    OptionConflict,
    /// The documents cannot be moved to another number of shards, or an earlier move is not complete.
    ShardCount,
    /// A statement given to a shard handle is not valid.
    Sql,
    /// A defect of the engine.
    Internal,
}

impl Code {
    /// The code as users see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Closed => "KIMDB_CLOSED",
            Code::Locked => "KIMDB_LOCKED",
            Code::Busy => "KIMDB_BUSY",
            Code::DiskFull => "KIMDB_DISK_FULL",
            Code::Io => "KIMDB_IO",
            Code::Corrupt => "KIMDB_CORRUPT",
            Code::WalMismatch => "KIMDB_WAL_MISMATCH",
            Code::TooLarge => "KIMDB_TOO_LARGE",
            Code::BufferFull => "KIMDB_BUFFER_FULL",
            Code::OptionConflict => "KIMDB_OPTION_CONFLICT",
            Code::ShardCount => "KIMDB_SHARD_COUNT",
            Code::Sql => "KIMDB_SQL",
            Code::Internal => "KIMDB_INTERNAL",
        }
    }
}

/// What to do where the disk is full.
pub(crate) const FREE_SPACE: &str = "free some space; a database that is open goes on by itself then";

#[cfg(unix)]
fn is_out_of_handles(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
fn is_out_of_handles(_: &io::Error) -> bool {
    false
}

/// A failure with everything that is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    code: Code,
    message: String,
    path: Option<PathBuf>,
    shard: Option<u32>,
    collection: Option<String>,
    cause: Option<String>,
}

impl Error {
    /// An error with a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Error(Box::new(Details { code, message, path: None, shard: None, collection: None, cause: None }))
    }

    /// The answer to every call after `close()`.
    pub fn closed() -> Self {
        Error::new(Code::Closed, "The database is closed; open it again with a new instance.")
    }

    /// An operating system error met while `doing` something to `path`.
    pub fn io(doing: &str, path: &Path, cause: &io::Error) -> Self {
        let (code, advice) = match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (Code::DiskFull, FREE_SPACE),
            io::ErrorKind::NotADirectory => {
                (Code::Io, "a file is where a folder has to be: move it away, or choose another path")
            }
            _ if is_out_of_handles(cause) => {
                (Code::Io, "raise the limit of open files ('ulimit -n'), or use fewer shards")
            }
            _ => (Code::Io, "check the folder, its permissions and the disk"),
        };
        let message = format!("Could not {doing} '{}': {cause}; {advice}.", path.display());
        Error::new(code, message).at(path).because(cause.to_string())
    }

    /// Names the file.
    pub fn at(mut self, path: &Path) -> Self {
        self.0.path = Some(path.to_owned());
        self
    }

    /// Names the shard.
    pub fn in_shard(mut self, shard: u32) -> Self {
        self.0.shard = Some(shard);
        self
    }

    /// Names the collection.
    pub fn in_collection(mut self, name: &str) -> Self {
        self.0.collection = Some(name.to_owned());
        self
    }

    /// Tells of something else that went wrong before, and that nobody tells of again.
    pub(crate) fn besides(mut self, other: &Error) -> Self {
        self.0.message = format!("{} Besides: {}", self.0.message, other.0.message);
        self
    }

    /// Keeps the text of the underlying failure.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// What kind of failure this is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The file, where known.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The shard, where known.
    pub fn shard(&self) -> Option<u32> {
        self.0.shard
    }

    /// The collection, where known.
    pub fn collection(&self) -> Option<&str> {
        self.0.collection.as_deref()
    }

    /// The underlying failure's own text, where there is one.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
