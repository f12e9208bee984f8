//! Going through a whole collection, a page of lines at a time, in memory that does not grow with the collection.

use std::{borrow::Cow, ops::ControlFlow, sync::Arc};

use super::{
    db::Database,
    error::{Code, Error, Result},
    json::is_json,
    shard::{Row, RowPlace, ShardId, collection::Collection},
};

/// A place on the way through a collection: shard by shard, in each in the order of its table. What is not in the shards yet
/// is not met, so flush before.
#[derive(Debug)]
pub struct Pages {
    collection: Arc<Collection>,
    shard: ShardId,
    after: Option<RowPlace>,
}

impl Database {
    /// The way through a collection, from its start.
    pub fn pages(&self, name: &str) -> Pages {
        Pages { collection: self.collection(name), shard: 0, after: None }
    }

    /// Number of documents of a collection that are in the shards.
    pub fn count(&self, collection: &Collection) -> Result<u64> {
        let Some(table) = collection.table() else { return Ok(0) };
        self.core()?.shards.iter().map(|shard| shard.count(&table)).sum()
    }
}

impl Pages {
    /// The next documents, each as a line of JSON with `collection`, `id`, `data`, `_version`, `created_at` and
    /// `updated_at`: so many that they take `bytes` or more, where there are as many. `None`: that was all.
    ///
    /// # Errors
    /// [`Code::Corrupt`] where a document is not JSON, and what the shards say.
    pub fn next(&mut self, database: &Database, bytes: usize) -> Result<Option<Vec<u8>>> {
        let core = database.core()?;
        let Some(table) = self.collection.table().map(Cow::into_owned) else { return Ok(None) };
        let mut lines = Vec::new();
        while let Some(shard) = core.shards.get(self.shard as usize) {
            let from = self.after.clone();
            shard.walk(&table, from.as_ref(), &mut |row| {
                write_line(&mut lines, &self.collection.name, &row)
                    .map_err(|error| error.at(shard.path()).in_shard(self.shard))?;
                self.after =
                    Some(row.number.map_or_else(|| RowPlace::Id(row.id.to_owned()), RowPlace::Number));
                Ok(if lines.len() < bytes { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            if lines.len() >= bytes {
                break;
            }
            (self.shard, self.after) = (self.shard + 1, None);
        }
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }
}

fn write_line(lines: &mut Vec<u8>, collection: &str, row: &Row<'_>) -> Result<()> {
    if !is_json(row.value) {
        let text = format!(
            "Document '{}' of the collection '{collection}' is not valid JSON in its shard file; correct or delete its \
             row there.",
            row.id
        );
        return Err(Error::new(Code::Corrupt, text).in_collection(collection));
    }
    let write = |lines: &mut Vec<u8>, name: &str, value: Option<&str>| {
        lines.extend_from_slice(name.as_bytes());
        serde_json::to_writer(lines, &value).expect("a string always becomes JSON");
    };
    write(lines, "{\"collection\":", Some(collection));
    write(lines, ",\"id\":", Some(row.id));
    lines.extend_from_slice(b",\"data\":");
    let start = lines.len();
    lines.extend_from_slice(row.value);
    // Between the tokens of JSON a line break is as good as a space, and inside of a string there can be none.
    lines[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    lines.extend_from_slice(format!(",\"_version\":{}", row.version).as_bytes());
    write(lines, ",\"created_at\":", row.created.as_deref());
    write(lines, ",\"updated_at\":", row.updated.as_deref());
    lines.extend_from_slice(b"}\n");
    Ok(())
}
