//! The simulated disk: a folder in memory, and for everything in it the knowledge of what is durable.
//!
//! One lock a disk orders all calls to it, from the engine ([`super::files`]) and from SQLite ([`super::vfs`]), so
//! a photograph under that lock shows all files at one instant. Stores to mapped pages go on meanwhile; a photograph
//! may have some of them and not others, as a power cut may.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Weak},
};

use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;

use super::{
    fault::{Call, Faults},
    model::Journal,
    names::{Directory, Names},
    node::{Era, Ino, Node, ino_of},
    random::Random,
};

/// A way in which the disk, or the engine on it, is wrong: known-bad controls, which the check must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    None,
    /// From the first write on, a sync of the log or of a large record does nothing.
    LogSync,
    /// The sync of a folder does nothing.
    FolderSync,
    /// From the first write on, the sync of a shard or of SQLite's log does nothing.
    ShardSync,
    /// The sync of a log file by whoever made it does nothing.
    CreatedSync,
}

/// Everything at one instant.
pub struct Photograph {
    /// How many calls had been made.
    pub at: u64,
    pub names: Names,
    pub files: HashMap<Ino, Vec<Era>>,
    /// For each writer how many of its records were known to be durable.
    pub durable: Vec<usize>,
    /// And how many had returned.
    pub returned: Vec<usize>,
    /// Whether it was known by then what the disk held at the beginning.
    pub is_based: bool,
}

/// When to take photographs: before one call of so many, by chance.
pub struct Plan {
    pub random: Random,
    pub gap: u64,
    pub left: usize,
}

pub struct State {
    pub nodes: HashMap<Ino, Node>,
    pub names: Names,
    pub count: u64,
    pub faults: Faults,
    plan: Option<Plan>,
    photographs: Vec<Photograph>,
}

pub struct Disk {
    folder: TempDir,
    pub defect: Defect,
    /// What the program on it has been promised.
    pub journal: Arc<Journal>,
    state: Mutex<State>,
}

static DISKS: LazyLock<RwLock<HashMap<PathBuf, Weak<Disk>>>> = LazyLock::new(RwLock::default);

/// The disk that a path lies on.
pub fn disk_of(path: &Path) -> Option<Arc<Disk>> {
    DISKS.read().get(path.parent()?).and_then(Weak::upgrade)
}

/// A folder in memory, if this system has one.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

impl Disk {
    /// A disk on which all of these files are durable. Names that share a number are names of one file.
    pub fn new(
        directory: &Directory,
        files: &HashMap<Ino, Vec<u8>>,
        defect: Defect,
        journal: Journal,
    ) -> Arc<Disk> {
        super::vfs::install();
        let folder = folder();
        let mut made: HashMap<Ino, PathBuf> = HashMap::new();
        let (mut nodes, mut names) = (HashMap::new(), Directory::new());
        for (name, ino) in directory {
            let path = folder.path().join(name);
            match made.get(ino) {
                Some(first) => std::fs::hard_link(first, &path).expect("links"),
                None => std::fs::write(&path, &files[ino]).expect("writes"),
            }
            let own = ino_of(&path).expect("is there");
            nodes.entry(own).or_insert_with(|| Node::whole(&path).expect("is there"));
            names.insert(name.clone(), own);
            made.entry(*ino).or_insert(path);
        }
        let (names, faults) = (Names::whole(names), Faults::default());
        let state = State { nodes, names, count: 0, faults, plan: None, photographs: Vec::new() };
        let disk = Disk { folder, defect, journal: Arc::new(journal), state: Mutex::new(state) };
        let disk = Arc::new(disk);
        DISKS.write().insert(disk.path().to_owned(), Arc::downgrade(&disk));
        disk
    }

    pub fn empty(defect: Defect, journal: Journal) -> Arc<Disk> {
        Disk::new(&Directory::new(), &HashMap::new(), defect, journal)
    }

    /// What a killed process leaves: everything is there, and of that only a part is durable.
    pub fn after_kill(photograph: &Photograph, defect: Defect, journal: Journal) -> Arc<Disk> {
        let now = photograph.names.now();
        let content = |ino: &Ino| photograph.files[ino].last().expect("the present").now.to_vec();
        let files = now.values().map(|ino| (*ino, content(ino))).collect();
        let disk = Disk::new(&now, &files, defect, journal);
        let mut state = disk.state.lock();
        let mut numbers: HashMap<Ino, Ino> = HashMap::new();
        for (name, own) in state.names.now() {
            numbers.insert(now[&name], own);
        }
        let mut durable = Directory::new();
        for (name, ino) in photograph.names.durable() {
            let own = *numbers.entry(*ino).or_insert_with(|| {
                // Only a power cut brings its name back.
                let path = disk.path().join("removed");
                std::fs::write(&path, content(ino)).expect("writes");
                let own = ino_of(&path).expect("is there");
                state.nodes.insert(own, Node::whole(&path).expect("is there"));
                std::fs::remove_file(&path).expect("removes");
                own
            });
            durable.insert(name.clone(), own);
        }
        for (ino, own) in numbers {
            state.nodes.get_mut(&own).expect("it was made").unsync(&photograph.files[&ino]);
        }
        state.names.unsync(durable);
        drop(state);
        disk
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it has this defect now.
    pub fn suffers(&self, defect: Defect) -> bool {
        let is_written = || self.journal.returned().iter().any(|count| *count > 0);
        self.defect == defect && (defect == Defect::CreatedSync || is_written())
    }

    pub fn plan(&self, plan: Plan) {
        self.state.lock().plan = Some(plan);
    }

    pub fn photographs(&self) -> Vec<Photograph> {
        let mut state = self.state.lock();
        state.plan = None;
        std::mem::take(&mut state.photographs)
    }

    /// A photograph now.
    pub fn photograph(&self) -> Photograph {
        self.state.lock().photograph(&self.journal)
    }

    /// Changes the faults that calls meet.
    pub fn faults<T>(&self, change: impl FnOnce(&mut Faults) -> T) -> T {
        change(&mut self.state.lock().faults)
    }

    /// One call to a file: photographed, failed, or done. `failed` is what a failing one does all the same.
    pub fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut State) -> io::Result<T>,
        failed: impl FnOnce(&mut State),
    ) -> io::Result<T> {
        let mut state = self.state.lock();
        state.count += 1;
        if call != Call::Read && state.is_to_photograph() {
            let photograph = state.photograph(&self.journal);
            state.photographs.push(photograph);
        }
        if let Some(error) = state.faults.strike(call) {
            failed(&mut state);
            return Err(error);
        }
        work(&mut state)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        DISKS.write().remove(self.folder.path());
    }
}

impl State {
    fn is_to_photograph(&mut self) -> bool {
        let Some(plan) = &mut self.plan else { return false };
        let chosen = plan.left > 0 && plan.random.one_in(plan.gap);
        plan.left -= usize::from(chosen);
        chosen
    }

    fn photograph(&self, journal: &Journal) -> Photograph {
        // IMPORTANT: before the files are read; a promise given later may rest on what is written later.
        let (durable, returned, is_based) = (journal.durable(), journal.returned(), journal.is_based());
        let files = self.nodes.iter().map(|(ino, node)| (*ino, node.photograph())).collect();
        Photograph { at: self.count, names: self.names.clone(), files, durable, returned, is_based }
    }

    /// A file that was just made under this name.
    pub fn made(&mut self, path: &Path) -> io::Result<Ino> {
        let ino = ino_of(path)?;
        self.nodes.insert(ino, Node::fresh(path)?);
        self.names.change(vec![(name_of(path), Some(ino))]);
        Ok(ino)
    }

    pub fn sync_names(&mut self, defect: Defect) {
        if defect != Defect::FolderSync {
            self.names.sync();
            let names = &self.names;
            self.nodes.retain(|ino, _| names.refer_to(*ino));
        }
    }
}

pub fn name_of(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}
