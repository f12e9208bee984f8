//! What the tests share: a database in a folder of its own, ways to write to it and to look at it, copies of its
//! files as a killed process would leave them, and shards that another program holds.
#![allow(dead_code, reason = "every test file compiles this and uses a part of it")]

pub mod failing;
pub mod observer;
pub mod random;

use std::{
    fs, io, panic,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use kimdb::{Code, Database, Draft, Error, Kind, Observer, Options, Submitted};
use rusqlite::Connection;
use tempfile::TempDir;

/// Nothing takes this long unless it hangs. Waiting for a condition ends here with a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with the files of one database, removed at the end.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Home {
        Home { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn base(&self) -> PathBuf {
        self.path().join("app")
    }

    pub fn wal(&self) -> PathBuf {
        self.path().join("app.wal")
    }

    pub fn shard(&self, number: u32) -> PathBuf {
        self.path().join(format!("app_shard{number}.db"))
    }

    /// Four shards, the smallest ring that JavaScript allows, and no flush but the ones that are asked for.
    pub fn options(&self) -> Options {
        Options {
            shard_count: 4,
            shard_count_is_default: false,
            wal_size: 1 << 20,
            flush_interval_ms: 3_600_000,
            buffer_size: 1 << 40,
            ..Options::new(self.base())
        }
    }

    /// As [`Home::options`], but flushes all the time.
    pub fn busy_options(&self) -> Options {
        Options { flush_interval_ms: 2, buffer_size: 50, ..self.options() }
    }

    pub fn open(&self) -> Arc<Database> {
        open(self.options())
    }

    pub fn open_with(&self, change: impl FnOnce(&mut Options)) -> Arc<Database> {
        let mut options = self.options();
        change(&mut options);
        open(options)
    }

    pub fn open_busy(&self) -> Arc<Database> {
        open(self.busy_options())
    }

    /// A copy of the database's files, as they would be found if the process were killed now. Whoever calls this
    /// has seen to it that nothing is written meanwhile, but for files that are made and removed in vain.
    pub fn crash_image(&self) -> Home {
        const TRIES: u32 = 100;
        let mut images = (0..TRIES).map(|_| self.try_crash_image());
        let image =
            images.find(|image| !matches!(image, Err(error) if error.kind() == io::ErrorKind::NotFound));
        image.expect("a moment in which all that is listed is there").expect("copies")
    }

    fn try_crash_image(&self) -> io::Result<Home> {
        let image = Home::new();
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            let name = entry.file_name();
            // The lock is the kernel's, not the file's; SQLite makes its shared memory anew.
            let skip = name.to_string_lossy();
            if !skip.ends_with(".lock") && !skip.ends_with("-shm") {
                fs::copy(entry.path(), image.path().join(&name))?;
            }
        }
        Ok(image)
    }
}

pub fn open(options: Options) -> Arc<Database> {
    try_open(options).expect("opens")
}

pub fn try_open(options: Options) -> Result<Arc<Database>, Error> {
    Database::open(options, None).map(Arc::new)
}

pub fn open_observed(options: Options, observer: &Arc<impl Observer + 'static>) -> Arc<Database> {
    let observer = Arc::clone(observer) as Arc<dyn Observer>;
    Arc::new(Database::open(options, Some(observer)).expect("opens"))
}

/// The code with which an opening fails.
pub fn refused(options: Options) -> Code {
    match try_open(options) {
        Ok(_) => panic!("the database opened"),
        Err(error) => error.code(),
    }
}

pub fn set(db: &Database, collection: &str, id: &str, json: impl AsRef<[u8]>) {
    db.set(&db.collection(collection), id, json.as_ref()).expect("writes");
}

pub fn delete(db: &Database, collection: &str, id: &str) {
    db.delete(&db.collection(collection), id).expect("deletes");
}

/// A document: text, version, whether it is buffered.
pub type Found = Option<(String, u64, bool)>;

pub fn get(db: &Database, collection: &str, id: &str) -> Found {
    let mut text = Vec::new();
    let found = db.get(&db.collection(collection), id, &mut text).expect("reads");
    if found.is_none() {
        assert_eq!(text, b"", "a missing document has no text");
    }
    found.map(|found| (String::from_utf8(text).expect("UTF-8"), found.version, found.buffered))
}

/// A document's text and version, wherever it is.
pub fn value(db: &Database, collection: &str, id: &str) -> Option<(String, u64)> {
    get(db, collection, id).map(|(text, version, _)| (text, version))
}

/// A document as it should be read, for [`get`].
pub fn found(text: impl Into<String>, version: u64, buffered: bool) -> Found {
    Some((text.into(), version, buffered))
}

/// An operation of a record: collection, id and the text, or `None` to delete.
pub type Op<'a> = (&'a str, &'a str, Option<&'a str>);

/// A record of several operations, which is applied as a whole.
pub fn record(db: &Database, ops: &[Op<'_>]) -> Draft {
    let mut draft = Draft::default();
    draft.clear();
    for (name, id, json) in ops {
        let kind = if json.is_some() { Kind::Upsert } else { Kind::Delete };
        let collection = db.collection(name);
        collection.claim();
        draft.push(kind, collection.number, name, id, json.unwrap_or_default().as_bytes());
    }
    draft
}

/// Up to where the newer copy of a log's header says that it is on the disk.
pub fn noted(log: &[u8]) -> u64 {
    let number = |at: usize| u64::from_le_bytes(log[at..at + 8].try_into().expect("eight bytes"));
    let (_sequence, synced) =
        [0, 4096].map(|copy| (number(copy + 16), number(copy + 80))).into_iter().max().expect("two");
    synced
}

/// A log as one in another format would begin.
pub fn in_format(format: u32, mut log: Vec<u8>) -> Vec<u8> {
    for page in [0, 4096] {
        let header = &mut log[page..page + 88];
        header[8..12].copy_from_slice(&format.to_le_bytes());
        header[12..16].fill(0);
        let crc = crc32c::crc32c(header);
        header[12..16].copy_from_slice(&crc.to_le_bytes());
    }
    log
}

/// All documents of a collection, newest first: id, text, version.
pub fn all(db: &Database, collection: &str, limit: u64) -> Vec<(String, String, u64)> {
    let (tell, told) = flume::bounded(1);
    db.newest(collection, limit, move |result| drop(tell.send(result))).expect("asks");
    let texts = told.recv_timeout(PATIENCE).expect("an answer").expect("reads");
    let mut documents = Vec::new();
    for text in texts {
        let text = text.expect("made");
        let mut flat: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a JSON array");
        let count = flat.pop().expect("how many").as_u64().expect("a number");
        let found = flat.chunks_exact(3).map(|document| {
            let id = document[0].as_str().expect("an id").to_owned();
            (id, document[1].to_string(), document[2].as_u64().expect("a version"))
        });
        documents.extend(found);
        assert_eq!(flat.len() as u64, 3 * count);
    }
    documents
}

/// A call that runs in a thread of its own, so that a test can tell when it hangs.
pub struct Call<T>(flume::Receiver<thread::Result<T>>);

pub fn call<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Call<T> {
    let (tell, told) = flume::bounded(1);
    thread::spawn(move || drop(tell.send(panic::catch_unwind(panic::AssertUnwindSafe(work)))));
    Call(told)
}

impl<T> Call<T> {
    /// Its result; fails if it does not come.
    pub fn finish(self) -> T {
        let result = self.0.recv_timeout(PATIENCE).expect("the call returns");
        result.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    pub fn is_running(&self) -> bool {
        self.0.is_empty() && !self.0.is_disconnected()
    }
}

/// Waits until the condition holds.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "it never happened: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Another program that holds a shard's write lock until it is dropped.
pub struct Held(Connection);

pub fn hold(shard: &Path) -> Held {
    let connection = Connection::open(shard).expect("opens the shard");
    connection.busy_timeout(PATIENCE).expect("waits");
    connection.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
    Held(connection)
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").expect("lets go");
    }
}

/// Ids that belong to a shard.
pub fn ids_of(db: &Database, shard: u32) -> impl Iterator<Item = String> + '_ {
    (0..).map(|i| format!("id{i}")).filter(move |id| db.shard_of(id) == shard)
}

/// Writes until a write has to wait for room in the log. Returns the ids, the last of which waits.
pub fn fill(db: &Database, collection: &str, ids: impl Iterator<Item = String>, json: &str) -> Vec<String> {
    let mut written = Vec::new();
    for id in ids {
        let mut draft = record(db, &[(collection, &id, Some(json))]);
        let submitted = db.submit(&mut draft, || Box::new(|logged| logged.expect("logged in the end")));
        written.push(id);
        if submitted.expect("taken") == Submitted::Queued {
            return written;
        }
    }
    unreachable!("the ids do not end")
}

/// What SQLite itself thinks of the shard files, which nobody has open.
pub fn check_integrity(home: &Home) {
    for entry in fs::read_dir(home.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "db") {
            let connection = Connection::open(&path).expect("opens");
            let verdict: String =
                connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checks");
            assert_eq!(verdict, "ok", "{}", path.display());
        }
    }
}
