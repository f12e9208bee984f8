//! The engine's door to the simulated disk.

use std::{fs, io, path::Path, sync::Arc};

use kimdb::io::{Disk as Real, File, FileSystem};

use super::{
    disk::{Defect, Disk, State, name_of},
    fault::Call,
    node::{Ino, Node, ino_of},
};

/// The files of a simulated disk.
#[derive(Clone)]
pub struct Files(pub Arc<Disk>);

struct SimulatedFile {
    disk: Arc<Disk>,
    real: Arc<dyn File>,
    ino: Ino,
    name: String,
    is_maker: bool,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Files").field(&self.0.path()).finish()
    }
}

impl std::fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SimulatedFile").field(&self.name).finish()
    }
}

fn nothing(_: &mut State) {}

impl Files {
    fn file(&self, real: Arc<dyn File>, ino: Ino, path: &Path, is_maker: bool) -> Arc<dyn File> {
        Arc::new(SimulatedFile { disk: Arc::clone(&self.0), real, ino, name: name_of(path), is_maker })
    }
}

impl FileSystem for Files {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let open = |_: &mut State| Ok((Real.open(path)?, ino_of(path)?));
        self.0.call(Call::Open, open, nothing).map(|(real, ino)| self.file(real, ino, path, false))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let create = |state: &mut State| Ok((Real.create(path)?, state.made(path)?));
        self.0.call(Call::Create, create, nothing).map(|(real, ino)| self.file(real, ino, path, true))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        // It is there and durable.
        Real.make_folder(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let link = |state: &mut State| {
            Real.link(from, to)?;
            state.names.change(vec![(name_of(to), Some(ino_of(to)?))]);
            Ok(())
        };
        self.0.call(Call::Link, link, nothing)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let rename = |state: &mut State| {
            Real.rename(from, to)?;
            state.names.change(vec![(name_of(to), Some(ino_of(to)?)), (name_of(from), None)]);
            Ok(())
        };
        self.0.call(Call::Rename, rename, nothing)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let remove = |state: &mut State| {
            Real.remove(path)?;
            state.names.change(vec![(name_of(path), None)]);
            Ok(())
        };
        self.0.call(Call::Remove, remove, nothing)
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let defect = self.0.defect;
        let sync = |state: &mut State| {
            state.sync_names(defect);
            Ok(())
        };
        self.0.call(Call::SyncFolder, sync, nothing)
    }
}

impl SimulatedFile {
    /// Does something to the file's node, unless no name leads to it any more, not even after a power cut.
    fn with_node(&self, state: &mut State, work: impl FnOnce(&mut Node)) {
        if let Some(node) = state.nodes.get_mut(&self.ino) {
            work(node);
        }
    }
}

impl File for SimulatedFile {
    fn handle(&self) -> &fs::File {
        self.real.handle()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.call(Call::Read, |_| self.real.read_at(bytes, offset), nothing)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let write = |state: &mut State, bytes: &[u8]| {
            self.with_node(state, |node| node.grows());
            self.real.write_at(bytes, offset)?;
            self.with_node(state, |node| node.wrote(offset, bytes));
            Ok(())
        };
        let half = |state: &mut State| drop(write(state, &bytes[..bytes.len() / 2]));
        self.disk.call(Call::Write, |state| write(state, bytes), half)
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        let allocate = |state: &mut State| {
            self.with_node(state, |node| node.grows());
            self.real.allocate(size)
        };
        self.disk.call(Call::Allocate, allocate, nothing)
    }

    fn sync(&self) -> io::Result<()> {
        let is_of_a_shard = self.name.ends_with("-wal");
        let fails = self.disk.suffers(if is_of_a_shard { Defect::ShardSync } else { Defect::LogSync });
        let works = !(fails || self.is_maker && self.disk.suffers(Defect::CreatedSync));
        let sync = |state: &mut State| {
            let returned = self.disk.journal.returned();
            if works {
                self.with_node(state, Node::sync);
            }
            // What a call has written before this sync of the log began is on the disk.
            if state.names.get(super::program::LOG) == Some(self.ino) {
                self.disk.journal.promise(&returned);
            }
            Ok(())
        };
        self.disk.call(Call::Sync, sync, |state| self.with_node(state, Node::fail_to_sync))
    }

    fn takes_small_writes(&self) -> bool {
        true
    }
}
