//! Which names lead to which files, and which of that is durable.

use std::collections::BTreeMap;

use super::{node::Ino, random::Random};

pub type Directory = BTreeMap<String, Ino>;

/// What one call does to names, at once.
type Change = Vec<(String, Option<Ino>)>;

/// The folder's names. There is one folder.
#[derive(Debug, Clone, Default)]
pub struct Names {
    durable: Directory,
    /// Since the last sync of the folder.
    changes: Vec<Change>,
}

/// What of the changes a power cut leaves.
#[derive(Debug, Clone, Copy)]
pub enum KeepNames {
    Nothing,
    Everything,
    /// All up to some change, as journals do it.
    Front,
    /// For each name what it was at some time since the sync, by itself.
    Any,
}

fn apply(directory: &mut Directory, name: &str, ino: Option<Ino>) {
    match ino {
        Some(ino) => directory.insert(name.to_owned(), ino),
        None => directory.remove(name),
    };
}

impl Names {
    /// A folder that is all there on the disk.
    pub fn whole(durable: Directory) -> Names {
        Names { durable, changes: Vec::new() }
    }

    /// What is durable of it.
    pub fn durable(&self) -> &Directory {
        &self.durable
    }

    /// Takes back that it is durable: only this is.
    pub fn unsync(&mut self, durable: Directory) {
        let now = self.now();
        let gone =
            durable.keys().filter(|name| !now.contains_key(*name)).map(|name| vec![(name.clone(), None)]);
        self.changes = gone.collect();
        let different = now.iter().filter(|(name, ino)| durable.get(*name) != Some(*ino));
        self.changes.extend(different.map(|(name, ino)| vec![(name.clone(), Some(*ino))]));
        self.durable = durable;
    }

    pub fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    pub fn now(&self) -> Directory {
        self.after(self.changes.len())
    }

    fn after(&self, changes: usize) -> Directory {
        let mut directory = self.durable.clone();
        self.changes[..changes].iter().flatten().for_each(|(name, ino)| apply(&mut directory, name, *ino));
        directory
    }

    pub fn get(&self, name: &str) -> Option<Ino> {
        let newest = self.changes.iter().rev().flatten().find(|(changed, _)| changed == name);
        newest.map_or_else(|| self.durable.get(name).copied(), |(_, ino)| *ino)
    }

    pub fn sync(&mut self) {
        self.durable = self.now();
        self.changes.clear();
    }

    /// Whether a name leads there, or may after a power cut.
    pub fn refer_to(&self, ino: Ino) -> bool {
        self.durable.values().any(|known| *known == ino)
            || self.changes.iter().flatten().any(|(_, known)| *known == Some(ino))
    }

    /// The names that a power cut leaves.
    pub fn cut(&self, keep: KeepNames, random: &mut Random) -> Directory {
        match keep {
            KeepNames::Nothing => self.durable.clone(),
            KeepNames::Everything => self.now(),
            KeepNames::Front => self.after(random.below(self.changes.len() as u64 + 1) as usize),
            KeepNames::Any => {
                let mut values: BTreeMap<&str, Vec<Option<Ino>>> = BTreeMap::new();
                for (name, ino) in self.changes.iter().flatten() {
                    let before = || vec![self.durable.get(name).copied()];
                    values.entry(name).or_insert_with(before).push(*ino);
                }
                let mut directory = self.durable.clone();
                for (name, values) in values {
                    let chosen = values[random.below(values.len() as u64) as usize];
                    apply(&mut directory, name, chosen);
                }
                directory
            }
        }
    }
}
