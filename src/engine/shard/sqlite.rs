//! A shard as a SQLite file.

use std::{
    collections::HashSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, types::ValueRef};
use serde_json::Value;

use super::{
    Batch, Rows, Scanned, ShardId, Store, Stored,
    connection::{self, explain},
    reader::Reader,
    schema,
    writer::Writer,
};
use crate::engine::{
    error::{Code, Error, Result},
    log::{Id, Lsn},
};

/// Pages of SQLite's own log at which a flush moves them into the database file (16 MiB).
const CHECKPOINT_PAGES: i64 = 4096;

/// Connections for scans and queries that are kept open.
const KEPT_SPARES: usize = 2;

#[derive(Debug)]
pub(super) struct SqliteShard {
    path: PathBuf,
    shard: ShardId,
    log: RwLock<Id>,
    applied: AtomicU64,
    /// Tables that exist; grows with commits.
    tables: RwLock<HashSet<String>>,
    // Locked in this order where more than one is needed.
    writer: Mutex<Option<Writer>>,
    reader: Mutex<Option<Reader>>,
    /// For scans and queries, so that a long one delays nobody's point reads.
    spares: Mutex<Vec<Connection>>,
}

impl SqliteShard {
    /// Takes over an open writing connection whose own tables exist.
    pub(super) fn new(connection: Connection, path: PathBuf, shard: ShardId, log: Id) -> Result<Self> {
        let failed = |error: rusqlite::Error| explain("open", &path, shard, &error);
        let applied = schema::applied(&connection, &log).map_err(failed)?;
        let tables = schema::names(&connection).map_err(failed)?.into_iter().map(|(name, _)| name).collect();
        let reader = Reader::new(connection::reader(&path, shard)?);
        Ok(SqliteShard {
            shard,
            log: RwLock::new(log),
            applied: AtomicU64::new(applied.0),
            tables: RwLock::new(tables),
            writer: Mutex::new(Some(Writer::new(connection))),
            reader: Mutex::new(Some(reader)),
            spares: Mutex::default(),
            path,
        })
    }

    fn explain(&self, doing: &str, error: &rusqlite::Error) -> Error {
        explain(doing, &self.path, self.shard, error)
    }

    fn end_snapshot(&self) {
        if let Some(reader) = self.reader.lock().as_mut() {
            reader.end();
        }
    }

    fn with_spare<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if self.is_closed() {
            return Err(Error::closed());
        }
        let spare = self.spares.lock().pop();
        let spare = match spare {
            Some(spare) => spare,
            None => connection::reader(&self.path, self.shard)?,
        };
        let result = work(&spare);
        let mut spares = self.spares.lock();
        if spares.len() < KEPT_SPARES && !self.is_closed() {
            spares.push(spare);
        }
        result
    }

    fn is_closed(&self) -> bool {
        self.reader.lock().is_none()
    }

    fn run(&self, connection: &Connection, sql: &str, params: &[Value]) -> Result<Rows> {
        let bad = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ReadOnly) => Error::new(
                Code::Sql,
                "Shard handles only read; change documents through set() and delete().",
            )
            .in_shard(self.shard),
            Some(rusqlite::ErrorCode::Unknown) | None => {
                Error::new(Code::Sql, format!("The statement did not run: {error}.")).in_shard(self.shard)
            }
            Some(_) => self.explain("query", &error),
        };
        let mut statement = connection.prepare(sql).map_err(bad)?;
        let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let params = rusqlite::params_from_iter(params.iter().map(sql_value));
        let mut rows = statement.query(params).map_err(bad)?;
        let mut found = Rows::new();
        while let Some(row) = rows.next().map_err(bad)? {
            let values = (0..names.len()).map(|column| row.get_ref(column).map(json_value));
            let values = values.collect::<rusqlite::Result<Vec<_>>>().map_err(bad)?;
            found.push(names.iter().cloned().zip(values).collect());
        }
        Ok(found)
    }
}

impl Store for SqliteShard {
    fn apply(&self, batch: &Batch<'_>) -> Result<()> {
        let mut writer = self.writer.lock();
        let writer = writer.as_mut().ok_or_else(Error::closed)?;
        let exists = |table: &str| self.tables.read().contains(table);
        writer.apply(batch, exists).map_err(|error| self.explain("write to", &error))?;
        for group in &batch.groups {
            if !exists(group.table) {
                self.tables.write().insert(group.table.to_owned());
            }
        }
        self.applied.store(batch.end.0, Ordering::Release);
        self.end_snapshot();
        Ok(())
    }

    fn read(&self, table: &str, id: &str, value: &mut Vec<u8>) -> Result<Stored> {
        let exists = self.tables.read().contains(table);
        let mut reader = self.reader.lock();
        let reader = reader.as_mut().ok_or_else(Error::closed)?;
        reader.read(&self.log.read(), table, id, value, exists).map_err(|error| self.explain("read from", &error))
    }

    fn newest(&self, table: &str, limit: u64) -> Result<Vec<Scanned>> {
        if !self.tables.read().contains(table) {
            return Ok(Vec::new());
        }
        self.with_spare(|connection| {
            let scan = || -> rusqlite::Result<Vec<Scanned>> {
                let sql = format!(
                    "SELECT id, CAST(data AS BLOB), _version, coalesce(updated_at, '') FROM {}
                     ORDER BY 4 DESC, id DESC LIMIT ?",
                    schema::quote(table)
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let rows = statement.query_map([limit], |row| {
                    let value: Vec<u8> = row.get(1)?;
                    Ok(Scanned {
                        id: row.get(0)?,
                        value: String::from_utf8_lossy(&value).into_owned(),
                        version: row.get::<_, i64>(2)? as u64,
                        updated: row.get(3)?,
                    })
                })?;
                rows.collect()
            };
            scan().map_err(|error| self.explain("read from", &error))
        })
    }

    fn follow(&self, log: Id) -> Result<()> {
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
        schema::forget_other_logs(connection, &log).map_err(|error| self.explain("write to", &error))?;
        let applied = schema::applied(connection, &log).map_err(|error| self.explain("read from", &error))?;
        *self.log.write() = log;
        self.applied.store(applied.0, Ordering::Release);
        self.end_snapshot();
        Ok(())
    }

    fn applied(&self) -> Lsn {
        Lsn(self.applied.load(Ordering::Acquire))
    }

    fn sync(&self) -> Result<()> {
        let mut name = self.path.as_os_str().to_owned();
        name.push("-wal");
        let path = Path::new(&name);
        // NOTE: SQLite's locks are on other files, so closing this handle does not drop them. Without this file
        // everything is in the database file, which the checkpoint that emptied the log has synced.
        match File::open(path).and_then(|file| file.sync_data()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("sync", path, &error).in_shard(self.shard))
            }
            _ => Ok(()),
        }
    }

    fn checkpoint(&self, always: bool) -> Result<()> {
        self.end_snapshot();
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
        let run = |mode: &str| -> rusqlite::Result<i64> {
            connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?.query_row([], |row| row.get(1))
        };
        let result = if always {
            run("TRUNCATE").map(|_| ())
        } else {
            run("NOOP").and_then(|pages| if pages < CHECKPOINT_PAGES { Ok(0) } else { run("PASSIVE") }).map(|_| ())
        };
        result.map_err(|error| self.explain("checkpoint", &error))
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Rows> {
        self.with_spare(|connection| self.run(connection, sql, params))
    }

    fn pragma(&self, text: &str) -> Result<Rows> {
        let sql = format!("PRAGMA {text}");
        if !text.trim_start().to_ascii_lowercase().starts_with("wal_checkpoint") {
            return self.query(&sql, &[]);
        }
        self.end_snapshot();
        let writer = self.writer.lock();
        self.run(&writer.as_ref().ok_or_else(Error::closed)?.connection, &sql, &[])
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn close(&self) -> Result<()> {
        let checkpointed = if self.is_closed() { Ok(()) } else { self.checkpoint(true) };
        let writer = self.writer.lock().take();
        self.reader.lock().take();
        self.spares.lock().clear();
        drop(writer);
        checkpointed
    }
}

fn sql_value(value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Sql;
    match value {
        Value::Null => Sql::Null,
        Value::Bool(value) => Sql::Integer(i64::from(*value)),
        Value::Number(value) => match value.as_i64() {
            Some(value) => Sql::Integer(value),
            None => Sql::Real(value.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(value) => Sql::Text(value.clone()),
        other => Sql::Text(other.to_string()),
    }
}

/// NULL, numbers and texts as they are, a blob as JSON writes a Node.js `Buffer`.
fn json_value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => value.into(),
        ValueRef::Real(value) => value.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => serde_json::json!({ "type": "Buffer", "data": bytes }),
    }
}
