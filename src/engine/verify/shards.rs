//! The shards: each file by itself, whether they belong together, and every document.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use super::{
    Request, locate,
    report::{Finding, Report, Severity},
};
use crate::engine::{
    io::with_suffix,
    log::{self, Id, Lsn, hex},
    options::log_beside,
    registry,
    shard::{Fault, MOST_SHARDS, Owner, ReadOnlyShard, Router, ShardId, shard_path},
};

/// Most documents of a table that are named one by one.
const NAMED: u64 = 20;

/// The shards, for a look at the log.
pub(super) struct Shards {
    open: Vec<Option<ReadOnlyShard>>,
    /// Whose they are; `None`: the old library's, or nobody knows.
    pub(super) database: Option<Id>,
    /// The log that they know of.
    pub(super) log: Option<PathBuf>,
}

impl Shards {
    pub(super) fn router(&self) -> Router {
        Router::new(self.open.len().max(1) as u32)
    }

    /// Whether a log is known to be another database's.
    pub(super) fn are_not_of(&self, examined: &log::Examined) -> bool {
        self.database.zip(examined.database()).is_some_and(|(ours, owner)| ours != owner)
    }

    /// Up to where each shard has a log. What a shard that cannot be read has is not known.
    pub(super) fn applied(&self, log: Id) -> Vec<Option<Lsn>> {
        self.open.iter().map(|shard| shard.as_ref().and_then(|shard| shard.applied(log).ok())).collect()
    }
}

pub(super) fn verify(
    request: &Request,
    existing: &[ShardId],
    report: &mut Report,
    progress: &mut dyn FnMut(ShardId, u64),
) -> Shards {
    let base = &request.base;
    if let Some(count) = being_made(request, existing) {
        let text = "The database has no documents, as if its making had been interrupted; the next opening goes on with it. If it has \
                    been in use before, files of it are lost or were emptied: restore a backup.";
        report.add(Finding::new(Severity::Note, base, text));
        report.shards = count;
        return Shards { open: Vec::new(), database: None, log: None };
    }
    let opened: Vec<(ShardId, Option<ReadOnlyShard>)> =
        existing.iter().map(|shard| (*shard, open(&shard_path(base, *shard), *shard, report))).collect();
    let owners = read_owners(base, &opened, report);
    // Shard 0 is made last, so it knows; if it cannot be asked, any other.
    let known = owners.iter().find_map(|(shard, owner)| Some((*shard, (*owner)?)));
    let whose = known.map(|(_, owner)| owner);
    let count = count_shards(base, existing, known, report);
    report.shards = count;
    let open = in_order(base, opened, count, report);
    let mut shards = Shards { open, database: whose.map(|owner| owner.database), log: None };
    let router = shards.router();
    let mut tables = Tables::default();
    // What cannot be read is told of anyway.
    let first = shards.open.first().and_then(Option::as_ref);
    let is_old = first.is_some_and(|first| first.has_left_its_log(&registry::home(base)).unwrap_or(false));
    for (shard, open) in (0..).zip(&shards.open) {
        let path = shard_path(base, shard);
        if !existing.contains(&shard) {
            let text = "The shard file is missing; put it back or restore a backup.";
            report.add(Finding::new(Severity::Damage, &path, text).in_shard(shard));
        }
        let Some(file) = open else { continue };
        let one = One { file, path: &path, shard, router };
        if let (Some(whose), Some(owner)) = (whose, owners.get(&shard)) {
            one.verify_owner(&whose, owner.as_ref(), report);
        }
        one.verify_file(request.quick, report);
        one.verify_collections(&mut tables, report);
        one.verify_documents(is_old, report, progress);
    }
    if let (Some(Some(first)), Some(database)) = (shards.open.first(), shards.database) {
        shards.log = locate::log_place(base, first, database);
    }
    shards
}

/// How many shards a database has that is not whole only because an opening was killed before it had made all of them. `None`: it has been
/// whole.
fn being_made(request: &Request, existing: &[ShardId]) -> Option<ShardId> {
    let mut known: Option<Owner> = None;
    let mut is_whole = existing.first() == Some(&0);
    let has_bytes = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() > 0);
    for shard in existing {
        let path = shard_path(&request.base, *shard);
        if fs::metadata(&path).is_ok_and(|found| found.len() == 0) {
            // What SQLite has not moved into the file yet was written when there was more of it.
            if has_bytes(&with_suffix(&path.canonicalize().ok()?, "-wal")) {
                return None;
            }
            is_whole = false;
            continue;
        }
        let file = ReadOnlyShard::open(&path, *shard).ok()?;
        let owner = file.owner().ok()?;
        // Shard 0 is the last one that is told whose it is.
        if !file.tables().ok()?.is_empty() || (*shard == 0 && owner.is_some()) {
            return None;
        }
        known = known.or(owner);
    }
    // Its log is made after that. NOTE: one that cannot be read, or where no shard says whose it would be, is taken for its own: who is told of
    // damage looks before anything is lost.
    let log = request.log.clone().unwrap_or_else(|| log_beside(&request.base));
    let is_anothers = |Owner { database, .. }| log::peek(&log).is_some_and(|(owner, _)| owner != database);
    if has_bytes(&log) && !known.is_some_and(is_anothers) {
        return None;
    }
    match known {
        Some(Owner { shards, .. }) => Some(shards),
        None => (!is_whole).then(|| existing.last().map_or(0, |last| last.saturating_add(1))),
    }
}

/// Whose each shard says that it is, as far as it can be asked.
fn read_owners(
    base: &Path,
    opened: &[(ShardId, Option<ReadOnlyShard>)],
    report: &mut Report,
) -> BTreeMap<ShardId, Option<Owner>> {
    let mut owners = BTreeMap::new();
    for (shard, file) in opened.iter().filter_map(|(shard, open)| Some((*shard, open.as_ref()?))) {
        match file.owner() {
            Ok(owner) => drop(owners.insert(shard, owner)),
            Err(error) => report.add(Finding::of(&error, &shard_path(base, shard)).in_shard(shard)),
        }
    }
    owners
}

/// How many shards the database should have. `known`: a shard that knows, and what it says.
fn count_shards(
    base: &Path,
    existing: &[ShardId],
    known: Option<(ShardId, Owner)>,
    report: &mut Report,
) -> u32 {
    let counted = existing.last().map_or(0, |last| last.saturating_add(1));
    let said = known.map_or(counted, |(_, owner)| owner.shards);
    let count = if said <= MOST_SHARDS { said } else { existing.len() as u32 };
    if count != said {
        let text =
            format!("The database cannot have {said} shards; restore the shard that says so from a backup.");
        let path = shard_path(base, known.map_or(0, |(shard, _)| shard));
        report.add(Finding::new(Severity::Damage, &path, text));
    }
    count
}

/// The shards that are to be there, each at the place of its number.
fn in_order(
    base: &Path,
    opened: Vec<(ShardId, Option<ReadOnlyShard>)>,
    count: u32,
    report: &mut Report,
) -> Vec<Option<ReadOnlyShard>> {
    let mut open = Vec::new();
    open.resize_with(count as usize, || None);
    for (shard, file) in opened {
        match open.get_mut(shard as usize) {
            Some(place) => *place = file,
            None => {
                let text = format!("The database has {count} shards, and this is none of them.");
                report.add(Finding::new(Severity::Note, &shard_path(base, shard), text).in_shard(shard));
            }
        }
    }
    open
}

fn open(path: &Path, shard: ShardId, report: &mut Report) -> Option<ReadOnlyShard> {
    // SQLite takes an empty file for a new database, and what lies beside it for nobody's.
    if fs::metadata(path).is_ok_and(|found| found.len() == 0) {
        let text = "The shard file is empty; restore it from a backup.";
        report.add(Finding::new(Severity::Damage, path, text).in_shard(shard));
        return None;
    }
    match ReadOnlyShard::open(path, shard) {
        Ok(file) => Some(file),
        Err(error) => {
            report.add(Finding::of(&error, path).in_shard(shard));
            None
        }
    }
}

/// Which table each collection has, and which collection each table, as it was read first.
#[derive(Default)]
struct Tables {
    by_collection: HashMap<String, String>,
    by_table: HashMap<String, String>,
}

struct One<'a> {
    file: &'a ReadOnlyShard,
    path: &'a Path,
    shard: ShardId,
    router: Router,
}

impl One<'_> {
    fn damage(&self, text: impl Into<String>) -> Finding {
        Finding::new(Severity::Damage, self.path, text).in_shard(self.shard)
    }

    fn verify_owner(&self, whose: &Owner, owner: Option<&Owner>, report: &mut Report) {
        let wanted = Owner { shard: self.shard, ..*whose };
        let text = match owner {
            Some(found) if *found == wanted => return,
            None => {
                "It belongs to no database although other shards belong to one; restore it from a backup."
                    .to_owned()
            }
            Some(found) => format!(
                "It says that it is shard {} of {} of database {}, not shard {} of {} of database {}; put the right file \
                 in its place.",
                found.shard,
                found.shards,
                hex(&found.database),
                wanted.shard,
                wanted.shards,
                hex(&wanted.database)
            ),
        };
        report.add(self.damage(text));
    }

    fn verify_file(&self, quick: bool, report: &mut Report) {
        match self.file.integrity(quick) {
            Ok(faults) => {
                for fault in faults {
                    report.add(self.damage(format!("SQLite says: {fault}.")));
                }
            }
            Err(error) => report.add(Finding::of(&error, self.path).in_shard(self.shard)),
        }
    }

    fn verify_collections(&self, tables: &mut Tables, report: &mut Report) {
        let names = match self.file.tables() {
            Ok(names) => names,
            // Told by what looks at the documents.
            Err(_) => return,
        };
        // The old library's files have no record of collections.
        if !matches!(self.file.owner(), Ok(Some(_))) {
            return;
        }
        let collections = match self.file.collections() {
            Ok(collections) => collections,
            Err(error) => return report.add(Finding::of(&error, self.path).in_shard(self.shard)),
        };
        for (name, table) in collections {
            let lower = table.to_ascii_lowercase();
            if !names.iter().any(|known| known.eq_ignore_ascii_case(&table)) {
                let text = format!(
                    "Its collection '{name}' should be in the table '{table}', which is not there, or is no table of documents."
                );
                report.add(self.damage(text).in_collection(&name));
            }
            let other = tables.by_collection.entry(name.clone()).or_insert_with(|| lower.clone());
            let owner = tables.by_table.entry(lower.clone()).or_insert_with(|| name.clone());
            if *other != lower || *owner != name {
                let text = format!(
                    "It keeps the collection '{name}' in the table '{table}', and other shards know that differently; \
                     restore it from a backup of the same time."
                );
                report.add(self.damage(text).in_collection(&name));
            }
        }
    }

    fn verify_documents(&self, is_old: bool, report: &mut Report, progress: &mut dyn FnMut(ShardId, u64)) {
        let tables = match self.file.tables() {
            Ok(tables) => tables,
            Err(error) => return report.add(Finding::of(&error, self.path).in_shard(self.shard)),
        };
        for table in tables {
            let mut faults = 0;
            let mut note = |id: &str, fault: Fault| {
                faults += 1;
                if faults <= NAMED {
                    let text = explain(&table, id, &fault);
                    report.findings.push(self.damage(text).in_collection(&table).about(id));
                }
            };
            let counted = self
                .file
                .documents(&table, self.router, is_old, &mut note, &mut |more| progress(self.shard, more));
            match counted {
                Ok(documents) => report.documents += documents,
                Err(error) => {
                    report.add(Finding::of(&error, self.path).in_shard(self.shard).in_collection(&table));
                }
            }
            if faults > NAMED {
                let text = format!("{} more documents in the table '{table}' are damaged.", faults - NAMED);
                report.add(self.damage(text).in_collection(&table));
            }
        }
    }
}

fn explain(table: &str, id: &str, fault: &Fault) -> String {
    match fault {
        Fault::Id => {
            format!(
                "A row of the table '{table}' has no text as its id ({id}); give it a text, or delete it."
            )
        }
        Fault::Json => {
            format!("Document '{id}' in the table '{table}' is not JSON; correct or delete its row.")
        }
        Fault::Version => {
            format!(
                "Document '{id}' in the table '{table}' has no number from 1 as its _version; correct its row."
            )
        }
        Fault::Place(shard) => format!(
            "Document '{id}' in the table '{table}' belongs in shard {shard}, so nobody finds it here; move its row there \
             or delete it, or have 'kimdb reshard' put all in their places, to another number of shards and back."
        ),
    }
}
