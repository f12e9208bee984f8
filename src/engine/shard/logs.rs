//! What a shard keeps of the logs that its batches come from.

use std::{path::Path, sync::atomic::Ordering};

use rusqlite::Connection;

use super::{Logs, Store, schema, sqlite::SqliteShard};
use crate::engine::{
    error::{Error, Result},
    log::Id,
};

impl Logs for SqliteShard {
    fn follow(&self, log: Id) -> Result<()> {
        {
            let writer = self.writer.lock();
            let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
            let applied =
                schema::applied(connection, &log).map_err(|error| self.explain("read from", &error))?;
            *self.log.write() = log;
            self.applied.store(applied.0, Ordering::Release);
        }
        self.end_snapshot();
        Ok(())
    }

    fn remember_log(&self, base: &Path, log: Option<&Path>) -> Result<()> {
        {
            let writer = self.writer.lock();
            let connection = &writer.as_ref().ok_or_else(|| self.gone())?.connection;
            let failed = |error: rusqlite::Error| self.explain("write to", &error);
            // A name that is no text is not remembered.
            let places = base.to_str().zip(log.and_then(Path::to_str));
            let known = schema::places(connection).map_err(failed)?;
            if known.as_ref().map(|(base, log)| (base.as_str(), log.as_str())) == places {
                return Ok(());
            }
            let changed = match places {
                Some((base, log)) => schema::set_places(connection, base, log),
                None => schema::forget_places(connection),
            };
            changed.map_err(failed)?;
            self.note_commit();
        }
        self.end_snapshot();
        self.sync()
    }

    fn forget_other_logs(&self) -> Result<()> {
        self.forget(schema::forget_other_logs)
    }

    fn forget_log(&self) -> Result<()> {
        self.forget(schema::forget_log)
    }
}

impl SqliteShard {
    /// Has something forgotten that has to do with the log that batches come from.
    fn forget(&self, forget: fn(&Connection, &Id) -> rusqlite::Result<()>) -> Result<()> {
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
        let log = *self.log.read();
        let forgot = forget(connection, &log);
        self.note_commit();
        forgot.map_err(|error| self.explain("write to", &error))
    }
}
