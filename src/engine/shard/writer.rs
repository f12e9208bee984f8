//! The writing side of a shard: batches in, one transaction each. How rows get into a table is told in `rows.rs`.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::engine::log::{Id, Lsn};

use super::{
    Batch, Group, Recorded,
    memory::kept_collections,
    newest::{Recalled, Recents},
    outside::Outside,
    rows::Statements,
    schema, statement, tables, vfs,
};

/// Prepared statements are kept for this many collections, where there are few shards.
const KEPT_COLLECTIONS: usize = 64;

#[derive(Debug)]
pub(super) struct Writer {
    // NOTE: before the connection, so that they are finalized before it closes.
    statements: HashMap<String, Statements>,
    kept_collections: usize,
    /// Collections on record in this shard.
    recorded: HashSet<String>,
    outside: Outside,
    pub(super) recents: Recents,
    /// The log of one record that was applied last. It is gone when the next one is applied.
    side: Option<Id>,
    pub(super) connection: Connection,
}

impl Writer {
    /// A writer of one of so many shards.
    pub(super) fn new(connection: Connection, shards: u32) -> rusqlite::Result<Self> {
        let kept_collections = kept_collections(KEPT_COLLECTIONS, shards);
        let recorded = schema::collections(&connection)?.into_iter().map(|(name, _)| name).collect();
        let outside = Outside::new(&connection)?;
        let (statements, recents) = (HashMap::new(), Recents::new(shards));
        Ok(Writer { statements, kept_collections, recorded, outside, recents, side: None, connection })
    }

    /// Bytes of pages, statements and what is kept in mind.
    pub(super) fn memory(&self) -> usize {
        let statements: usize = self.statements.values().map(Statements::bytes).sum();
        statements + self.recents.bytes() + statement::cached_bytes(&self.connection)
    }

    /// Whether another connection than this one has written since this was asked last.
    pub(super) fn has_outside_changes(&mut self) -> rusqlite::Result<bool> {
        self.outside.has_changed(&self.connection)
    }

    /// See [`Recents::recall`].
    pub(super) fn recall(
        &mut self,
        table: &str,
        limit: usize,
        settle: impl FnOnce() -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Recalled> {
        self.recents.recall(&self.connection, table, limit, settle)
    }

    /// Applies a batch. On an error the transaction is rolled back and the next call starts afresh.
    pub(super) fn apply(&mut self, batch: &Batch<'_>) -> rusqlite::Result<()> {
        match self.try_apply(batch) {
            // Somebody has dropped one that is on record here: each is made anew, unless it is there.
            Err(error) if schema::is_no_table(&error) => {
                self.recorded.clear();
                self.try_apply(batch)
            }
            applied => applied,
        }
        .map_err(|error| self.explained(batch, error))
    }

    /// SQLite's error, or that a name which the batch needs is somebody else's.
    fn explained(&self, batch: &Batch<'_>, error: rusqlite::Error) -> rusqlite::Error {
        if error.sqlite_error_code() != Some(ErrorCode::Unknown) {
            return error;
        }
        let is_anothers = |table| tables::is_anothers(&self.connection, table).unwrap_or(false);
        match batch.groups.iter().find(|group| is_anothers(group.table)) {
            Some(Group { table, .. }) => {
                let text = format!("'{table}' is no table of documents there");
                rusqlite::Error::ToSqlConversionFailure(text.into())
            }
            None => error,
        }
    }

    fn try_apply(&mut self, batch: &Batch<'_>) -> rusqlite::Result<()> {
        // What a panic has left.
        self.roll_back()?;
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let result = self.fill(batch).and_then(|()| self.commit());
        if result.is_err() {
            self.statements.clear();
            // Nobody knows what a commit that failed has left.
            self.recents.forget_all();
            let _ = self.roll_back();
            return result;
        }
        self.recents.follow(&batch.groups);
        self.side = batch.side.or(self.side);
        for group in &batch.groups {
            if !self.recorded.contains(group.collection) {
                self.recorded.insert(group.collection.to_owned());
            }
        }
        result
    }

    /// Ends a transaction that is open. SQLite has done so by itself after some errors.
    fn roll_back(&self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() { Ok(()) } else { self.connection.execute_batch("ROLLBACK") }
    }

    fn commit(&self) -> rusqlite::Result<()> {
        vfs::commit(&self.connection, || self.connection.prepare_cached("COMMIT")?.execute([]).map(|_| ()))
    }

    /// See [`super::Store::record`].
    pub(super) fn record(&mut self, wishes: &[(String, String)]) -> rusqlite::Result<Recorded> {
        self.roll_back()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut recorded = Recorded::default();
        let taken = tables::taken(&transaction, wishes.iter().map(|(_, table)| &**table))?;
        for (name, table) in wishes {
            let known = schema::collections_like(&transaction, name, table)?;
            if !known.is_empty() {
                recorded.known.extend(known);
            } else if taken.contains(&table.to_ascii_lowercase()) && tables::is_anothers(&transaction, table)?
            {
                recorded.refused.push(table.clone());
            } else {
                schema::add_collection(&transaction, name, table)?;
                transaction.execute_batch(&schema::create_table(table))?;
                recorded.known.push((name.clone(), table.clone()));
            }
        }
        transaction.commit()?;
        self.recorded.extend(recorded.known.iter().map(|(name, _)| name.clone()));
        Ok(recorded)
    }

    fn fill(&mut self, batch: &Batch<'_>) -> rusqlite::Result<()> {
        if self.statements.is_empty() {
            // SQLite does not look whether a trigger that it cannot prepare is still there.
            schema::follow_others(&self.connection)?;
        }
        for group in &batch.groups {
            // A table of the old library is there already; that it is this collection's is put on record all the same.
            if !self.recorded.contains(group.collection) {
                self.connection.execute_batch(&schema::create_table(group.table))?;
                schema::add_collection(&self.connection, group.collection, group.table)?;
            }
            let statements = statements_for(&mut self.statements, self.kept_collections, group.table);
            statements.apply(&self.connection, group.changes)?;
        }
        if let Some(side) = &batch.side {
            schema::set_applied(&self.connection, side, Lsn(1))?;
            if let Some(gone) = self.side.filter(|gone| gone != side) {
                schema::forget_log(&self.connection, &gone)?;
            }
        }
        schema::set_applied(&self.connection, &batch.log, batch.end)
    }
}

fn statements_for<'a>(
    kept: &'a mut HashMap<String, Statements>,
    most: usize,
    table: &str,
) -> &'a mut Statements {
    if kept.len() >= most && !kept.contains_key(table) {
        // Any will do: a batch visits collections in turn, so the one used last is no better than another.
        let victim = kept.keys().next().cloned().expect("it is full");
        kept.remove(&victim);
    }
    kept.entry(table.to_owned()).or_insert_with(|| Statements::new(table))
}
