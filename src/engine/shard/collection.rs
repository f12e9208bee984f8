//! Collections and the tables they are kept in.
//!
//! Any non-empty string is a collection, and two different strings never share a table. A name that the old library
//! could store keeps the table which that library used for it ('user-posts' in `userposts`), so old data is found
//! and the old library finds ours. All others get a table that is named as closely as SQLite allows.
//!
//! Which table a collection has is for good once the first shard has it on record, which happens before any document of it
//! is stored: several processes may want one table at the same time, and that shard decides. Until then a collection has a
//! wish. Every shard records the collection with the first document that it stores of it, too; what all have on record is
//! read at open.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use md5::{Digest, Md5};
use parking_lot::{Mutex, RwLock};

use super::{Recorded, Store, schema::PREFIX};
use crate::engine::error::Result;

/// Longest table name made from a collection's name as it is.
const LONGEST_PLAIN: usize = 200;

/// A collection in use by this process.
#[derive(Debug)]
pub struct Collection {
    /// Its number in this process.
    pub number: u32,
    /// Its name.
    pub name: Box<str>,
    /// Once it is on record.
    table: OnceLock<Box<str>>,
    is_claimed: AtomicBool,
    tables: Arc<Mutex<Tables>>,
}

impl Collection {
    /// To be called before the first write: no other collection of this process reads from, or gets, the table that this one
    /// wishes for.
    #[inline]
    pub fn claim(&self) {
        if !self.is_claimed.load(Ordering::Relaxed) {
            self.tables.lock().wish(&self.name);
            self.is_claimed.store(true, Ordering::Relaxed);
        }
    }

    /// The table to write to, once it is on record: see [`Collections::settle`].
    pub fn settled(&self) -> Option<&str> {
        self.table.get().map(AsRef::as_ref)
    }

    /// The table to read the collection from; `None`: it has none yet. Borrowed: it is this collection's for good;
    /// owned: a table of the old library that another collection may still take.
    pub fn table(&self) -> Option<Cow<'_, str>> {
        if let Some(table) = self.settled() {
            return Some(table.into());
        }
        let tables = self.tables.lock();
        if let Some(table) = tables.given.get(&*self.name) {
            return Some(self.table.get_or_init(|| table.as_str().into()).as_ref().into());
        }
        tables.existing(&self.name).map(|table| table.to_owned().into())
    }
}

/// All collections of a database.
#[derive(Debug)]
pub struct Collections {
    used: RwLock<Used>,
    tables: Arc<Mutex<Tables>>,
    /// The shard that decides which table is whose.
    registrar: Arc<dyn Store>,
    /// How many it had on record when it was asked last.
    recorded: AtomicUsize,
}

#[derive(Debug, Default)]
struct Used {
    numbers: HashMap<Box<str>, u32>,
    list: Vec<Arc<Collection>>,
}

/// Who has which table. SQLite compares table names without regard to (ASCII) case, so keys are lower case.
#[derive(Debug, Default)]
pub struct Tables {
    /// On record.
    given: HashMap<String, String>,
    /// What collections would like to have.
    wishes: HashMap<String, Wish>,
    /// Names that nobody else may get.
    taken: HashSet<String>,
    /// Tables of the old library that no collection has asked for yet, by lower-case name.
    unclaimed: HashMap<String, String>,
}

#[derive(Debug)]
struct Wish {
    table: String,
    /// It is a table of the old library.
    exists: bool,
}

impl Tables {
    /// Notes a collection that a shard has on record. False: the shards contradict each other.
    pub(super) fn note_given(&mut self, name: String, table: String) -> bool {
        let key = table.to_ascii_lowercase();
        self.unclaimed.remove(&key);
        match self.given.get(&name) {
            Some(known) => known.eq_ignore_ascii_case(&table),
            None => {
                self.given.insert(name, table);
                self.taken.insert(key)
            }
        }
    }

    /// Notes a name that exists in a shard; call it after all [`Tables::note_given`].
    pub(super) fn note_existing(&mut self, name: String, is_documents: bool) {
        let key = name.to_ascii_lowercase();
        if is_documents && !key.starts_with(PREFIX) && !self.taken.contains(&key) {
            self.unclaimed.insert(key, name);
        } else {
            self.unclaimed.remove(&key);
            self.taken.insert(key);
        }
    }

    /// Notes what the first shard has put on record meanwhile. Whoever else wished for that table has to wish again.
    fn learn(&mut self, known: Vec<(String, String)>) {
        let tables = known.iter().map(|(_, table)| table.to_ascii_lowercase()).collect();
        for (name, table) in known {
            self.wishes.remove(&name);
            self.given.insert(name, table);
        }
        self.take_away(tables);
    }

    /// Notes tables that no collection can have. Whoever wished for one has to wish again.
    fn refuse(&mut self, tables: Vec<String>) {
        self.take_away(tables.iter().map(|table| table.to_ascii_lowercase()).collect());
    }

    /// Nobody gets these any more, which are in lower case.
    fn take_away(&mut self, tables: HashSet<String>) {
        if tables.is_empty() {
            return;
        }
        // NOTE: once for all: there may be many thousand of both, and JavaScript may wait for this.
        self.wishes.retain(|_, wish| !tables.contains(&wish.table.to_ascii_lowercase()));
        tables.iter().for_each(|table| drop(self.unclaimed.remove(table)));
        self.taken.extend(tables);
    }

    /// The table of the old library, if any, in which a collection is that is not on record.
    fn existing(&self, name: &str) -> Option<&str> {
        match self.wishes.get(name) {
            Some(wish) => wish.exists.then_some(wish.table.as_str()),
            None => self.unclaimed.get(&old_table(name)?.to_ascii_lowercase()).map(String::as_str),
        }
    }

    /// The table that a collection which is not on record shall have.
    fn wish(&mut self, name: &str) -> &str {
        if !self.wishes.contains_key(name) {
            let wish = match self.existing(name) {
                Some(table) => Wish { table: table.to_owned(), exists: true },
                None => Wish { table: self.choose(name), exists: false },
            };
            let key = wish.table.to_ascii_lowercase();
            self.unclaimed.remove(&key);
            self.taken.insert(key);
            self.wishes.insert(name.to_owned(), wish);
        }
        &self.wishes[name].table
    }

    fn choose(&self, name: &str) -> String {
        let digest = crate::engine::log::hex(&Md5::digest(name.as_bytes()));
        let plain = match old_table(name) {
            Some(table) => table,
            None => name.to_owned(),
        };
        let lower = plain.to_ascii_lowercase();
        let usable = plain.len() <= LONGEST_PLAIN
            && !plain.contains('\0')
            && !lower.starts_with("sqlite_")
            && !lower.starts_with(PREFIX);
        let base = if usable { plain } else { format!("c_{digest}") };
        let candidates = [base.clone(), format!("{base}_{}", &digest[..8]), format!("{base}_{digest}")];
        let numbered = (2..).map(|n| format!("{base}_{digest}_{n}"));
        let free = |table: &String| {
            let key = table.to_ascii_lowercase();
            !self.taken.contains(&key) && !self.unclaimed.contains_key(&key)
        };
        candidates.into_iter().chain(numbered).find(free).expect("numbers do not end")
    }
}

/// The table in which the old library keeps a collection, if it can: it strips what is not a letter, digit or
/// underscore of ASCII and uses the rest as a bare word of SQL.
fn old_table(name: &str) -> Option<String> {
    let table: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let is_word = !table.is_empty() && !table.starts_with(|c: char| c.is_ascii_digit());
    is_word.then_some(table)
}

impl Collections {
    /// `registrar`: the first shard.
    pub(super) fn new(tables: Tables, registrar: Arc<dyn Store>) -> Self {
        let tables = Arc::new(Mutex::new(tables));
        Collections { used: RwLock::default(), tables, registrar, recorded: AtomicUsize::new(usize::MAX) }
    }

    /// Puts the tables of these collections on record.
    ///
    /// # Errors
    /// What the first shard says.
    pub fn settle<'a>(&self, collections: impl Iterator<Item = &'a Collection> + Clone) -> Result<()> {
        loop {
            let mut wishes = Vec::new();
            {
                let mut tables = self.tables.lock();
                for collection in collections.clone().filter(|collection| collection.table.get().is_none()) {
                    match tables.given.get(&*collection.name) {
                        Some(table) => _ = collection.table.set(table.as_str().into()),
                        None => wishes
                            .push((collection.name.to_string(), tables.wish(&collection.name).to_owned())),
                    }
                }
            }
            if wishes.is_empty() {
                return Ok(());
            }
            // Each is on record now, or its table is another's.
            let Recorded { known, refused } = self.registrar.record(&wishes)?;
            let mut tables = self.tables.lock();
            tables.learn(known);
            tables.refuse(refused);
        }
    }

    /// Learns what other processes have put on record.
    pub fn refresh(&self) -> Result<()> {
        let Some(all) = self.registrar.recorded(self.recorded.load(Ordering::Relaxed))? else {
            return Ok(());
        };
        let recorded = all.len();
        let mut tables = self.tables.lock();
        let new = all.into_iter().filter(|(name, _)| !tables.given.contains_key(name)).collect();
        tables.learn(new);
        // IMPORTANT: behind it, or another thread would take for known what is not yet.
        self.recorded.store(recorded, Ordering::Relaxed);
        Ok(())
    }

    /// Learns which tables other programs have made in a shard.
    pub fn discover(&self, shard: &dyn Store) -> Result<()> {
        let is_new = |name: &str| {
            let (key, tables) = (name.to_ascii_lowercase(), self.tables.lock());
            !tables.taken.contains(&key) && !tables.unclaimed.contains_key(&key)
        };
        let Some((version, new)) = shard.new_names(&is_new)? else { return Ok(()) };
        // IMPORTANT: behind the names and before they are noted. Another process may have made a table for a collection that would
        // not be looked for there; it has that on record before there is the table.
        if !new.is_empty() {
            self.refresh()?;
        }
        {
            let mut tables = self.tables.lock();
            new.into_iter().for_each(|(name, is_documents)| tables.note_existing(name, is_documents));
        }
        shard.note_names(version);
        Ok(())
    }

    /// The collection of that name. Nothing is stored by this.
    pub fn get(&self, name: &str) -> Arc<Collection> {
        let used = self.used.read();
        if let Some(number) = used.numbers.get(name) {
            return Arc::clone(&used.list[*number as usize]);
        }
        drop(used);
        let mut used = self.used.write();
        if let Some(number) = used.numbers.get(name) {
            return Arc::clone(&used.list[*number as usize]);
        }
        let number = u32::try_from(used.list.len()).expect("fewer than four thousand million collections");
        let collection = Arc::new(Collection {
            number,
            name: name.into(),
            table: OnceLock::new(),
            is_claimed: AtomicBool::new(false),
            tables: Arc::clone(&self.tables),
        });
        used.numbers.insert(name.into(), number);
        used.list.push(Arc::clone(&collection));
        collection
    }

    /// The collection of a number that [`Collections::get`] gave.
    pub fn by_number(&self, number: u32) -> Option<Arc<Collection>> {
        self.used.read().list.get(number as usize).cloned()
    }

    /// Names of all collections that have a table. One that the old library made and nobody has asked for yet goes by the
    /// name of its table.
    pub fn names(&self) -> Vec<String> {
        let tables = self.tables.lock();
        let old = tables.unclaimed.values().filter(|table| old_table(table).as_ref() == Some(table));
        let mut names: Vec<String> =
            tables.given.keys().chain(tables.wishes.keys()).chain(old).cloned().collect();
        names.sort_unstable();
        names
    }
}
