//! SQLite alone: `kimdb-bare upsert <folder> <table> <count> counted|random seed|small <threads>` writes rows like
//! those of kimdb's shards into eight files, on all threads, and prints how long that took. Rows are made and sorted
//! before the clock starts. `kimdb-bare version` prints SQLite's version.

mod rows;

use std::{
    env,
    error::Error,
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use rows::{Documents, Ids, Row};
use rusqlite::{Connection, Statement, ToSql, params_from_iter};

const FILES: usize = 8;
const ROWS_PER_STATEMENT: usize = 32;
/// Rows of all files that come together, as many as the kimdb of the benchmark buffers (`bufferSize`).
const ROWS_PER_ROUND: usize = 100_000;
const TIME: &str = "2026-01-01 00:00:00";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["version"] => println!("{{\"sqlite\":\"{}\"}}", rusqlite::version()),
        ["upsert", folder, table, count, ids, documents, threads] => {
            let rounds = rows::make(count.parse()?, Ids::parse(ids)?, Documents::parse(documents)?);
            let milliseconds = upsert(Path::new(folder), table, rounds, threads.parse()?)?;
            println!("{{\"milliseconds\":{milliseconds}}}");
        }
        _ => return Err("usage: see the first lines of benchmark/bare/src/main.rs".into()),
    }
    Ok(())
}

/// `files[file][round]` are the rows of one transaction. Gives milliseconds.
fn upsert(folder: &Path, table: &str, files: Vec<Vec<Vec<Row>>>, threads: usize) -> Outcome<f64> {
    let path = |file: usize| folder.join(format!("bare{file}.db"));
    let expected: usize = files.iter().flatten().map(Vec::len).sum();
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        let work = || -> Outcome<()> {
            loop {
                let file = next.fetch_add(1, Ordering::Relaxed);
                let Some(rounds) = files.get(file) else { return Ok(()) };
                write_file(&path(file), table, rounds)?;
            }
        };
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    let stored: usize = (0..files.len()).map(|file| count(&path(file), table)).sum::<Outcome<usize>>()?;
    if stored != expected {
        return Err(format!("{stored} of {expected} rows are there").into());
    }
    Ok(milliseconds)
}

/// One transaction a round, and a sync at the end, so that a power cut loses nothing of it.
fn write_file(path: &Path, table: &str, rounds: &[Vec<Row>]) -> Outcome<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;
         CREATE TABLE \"{table}\" (id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1,
                                   created_at TEXT, updated_at TEXT)"
    ))?;
    let mut wide = connection.prepare(&sql(table, ROWS_PER_STATEMENT))?;
    let mut single = connection.prepare(&sql(table, 1))?;
    for rows in rounds {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut chunks = rows.chunks_exact(ROWS_PER_STATEMENT);
        for chunk in &mut chunks {
            bind(&mut wide, chunk)?;
        }
        for row in chunks.remainder() {
            bind(&mut single, std::slice::from_ref(row))?;
        }
        connection.execute_batch("COMMIT")?;
    }
    let mut log = PathBuf::from(path).into_os_string();
    log.push("-wal");
    OpenOptions::new().write(true).open(log)?.sync_data()?;
    Ok(())
}

fn bind(statement: &mut Statement<'_>, rows: &[Row]) -> rusqlite::Result<usize> {
    let values = rows.iter().flat_map(|row| [&row.id as &dyn ToSql, &row.data, &TIME, &TIME]);
    statement.execute(params_from_iter(values))
}

fn sql(table: &str, rows: usize) -> String {
    let values = vec!["(?, ?, 1, ?, ?)"; rows].join(", ");
    format!(
        "INSERT INTO \"{table}\" (id, data, _version, created_at, updated_at) VALUES {values}
         ON CONFLICT (id) DO UPDATE SET data = excluded.data, _version = _version + 1, updated_at = excluded.updated_at"
    )
}

fn count(path: &Path, table: &str) -> Outcome<usize> {
    let connection = Connection::open(path)?;
    let count: i64 =
        connection.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| row.get(0))?;
    Ok(usize::try_from(count)?)
}
