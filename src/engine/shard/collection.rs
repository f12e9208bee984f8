//! Collections and the tables they are kept in.
//!
//! Any non-empty string is a collection, and two different strings never share a table. A name that the old library
//! could store keeps the table which that library used for it ('user-posts' in `userposts`), so old data is found
//! and the old library finds ours. All others get a table that is named as closely as SQLite allows.
//!
//! A shard records the collection and its table with the first document that it stores of it; what all shards have
//! on record is read at open.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use md5::{Digest, Md5};
use parking_lot::{Mutex, RwLock};

use super::schema::PREFIX;

/// Longest table name made from a collection's name as it is.
const LONGEST_PLAIN: usize = 200;

/// A collection in use by this process.
#[derive(Debug)]
pub struct Collection {
    /// Its number in this process.
    pub number: u32,
    /// Its name.
    pub name: Box<str>,
    table: OnceLock<Box<str>>,
    tables: Arc<Mutex<Tables>>,
}

impl Collection {
    /// The table to write the collection to; gives it one, for good, if it has none. Called at the first write, so
    /// that no other collection reads from a table of the old library that this one takes over.
    pub fn claim(&self) -> &str {
        self.table.get_or_init(|| {
            let mut tables = self.tables.lock();
            let table = tables.choose(&self.name);
            let fits = tables.note_given(self.name.to_string(), table.clone());
            debug_assert!(fits, "a chosen table is free");
            table.into()
        })
    }

    /// The table to read the collection from; `None`: it has none yet. Borrowed: it is this collection's for good;
    /// owned: a table of the old library that another collection may still take.
    pub fn table(&self) -> Option<Cow<'_, str>> {
        if let Some(table) = self.table.get() {
            return Some(table.as_ref().into());
        }
        let tables = self.tables.lock();
        if let Some(table) = tables.given.get(&*self.name) {
            return Some(self.table.get_or_init(|| table.as_str().into()).as_ref().into());
        }
        tables.find(&self.name).map(|table| table.to_owned().into())
    }
}

/// All collections of a database.
#[derive(Debug)]
pub struct Collections {
    used: RwLock<Used>,
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Used {
    numbers: HashMap<Box<str>, u32>,
    list: Vec<Arc<Collection>>,
}

/// Who has which table. SQLite compares table names without regard to (ASCII) case, so keys are lower case.
#[derive(Debug, Default)]
pub struct Tables {
    given: HashMap<String, String>,
    taken: HashSet<String>,
    /// Tables of the old library that no collection has asked for yet, by lower-case name.
    unclaimed: HashMap<String, String>,
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

    /// The table that holds the collection now, if any.
    fn find(&self, name: &str) -> Option<&str> {
        if let Some(table) = self.given.get(name) {
            return Some(table);
        }
        self.unclaimed.get(&old_table(name)?.to_ascii_lowercase()).map(String::as_str)
    }

    fn choose(&self, name: &str) -> String {
        if let Some(table) = self.find(name) {
            return table.to_owned();
        }
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
    pub(super) fn new(tables: Tables) -> Self {
        Collections { used: RwLock::default(), tables: Arc::new(Mutex::new(tables)) }
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
        let mut names: Vec<String> = tables.given.keys().chain(old).cloned().collect();
        names.sort_unstable();
        names
    }
}
