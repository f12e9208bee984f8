//! One file of the simulated disk: what of it would survive a power cut for certain, and what might.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    sync::Arc,
};

/// A file's number. It stays taken as long as a [`Node`] has the file open.
pub type Ino = u64;

/// What the kernel marks as clean or dirty at once.
const PAGE: usize = 4096;

pub struct Node {
    /// Open as long as a name that is durable leads here, even if the file has no name any more.
    file: File,
    durable: Arc<Vec<u8>>,
    /// Since the last sync: what it was before each time that it was cut short.
    past: Vec<Era>,
    present: Era,
    /// Pages that a failed sync has marked as clean, with what they held then. A sync passes them over until they are
    /// written again.
    lost: BTreeMap<usize, Vec<u8>>,
}

/// A file between two changes of its length downwards, which are there after a power cut or not; what was cut off
/// does not come back sector by sector.
#[derive(Clone, Default)]
pub struct Era {
    /// What is there for certain.
    pub durable: Arc<Vec<u8>>,
    /// What it was in the end.
    pub now: Arc<Vec<u8>>,
    /// As far as it went through a call: place and bytes, in order.
    pub written: Vec<(u64, Arc<[u8]>)>,
    /// Lengths that it had meanwhile.
    pub lengths: Vec<u64>,
}

pub fn ino_of(path: &Path) -> io::Result<Ino> {
    fs::symlink_metadata(path).map(|found| found.ino())
}

/// The page of that number, which may lie behind the end.
fn page(bytes: &[u8], number: usize) -> &[u8] {
    let start = (number * PAGE).min(bytes.len());
    &bytes[start..(start + PAGE).min(bytes.len())]
}

impl Node {
    /// A file that was just made: nothing of it is durable, not even that it is empty.
    pub fn fresh(path: &Path) -> io::Result<Node> {
        let file = File::open(path)?;
        let (durable, past, present, lost) = Default::default();
        Ok(Node { file, durable, past, present, lost })
    }

    /// A file that is all there on the disk.
    pub fn whole(path: &Path) -> io::Result<Node> {
        let mut node = Node::fresh(path)?;
        node.sync();
        Ok(node)
    }

    /// Takes back that it is durable: it has come to be what it is as a photograph tells.
    pub fn unsync(&mut self, eras: &[Era]) {
        let (present, past) = eras.split_last().expect("the present");
        self.durable = Arc::clone(&eras[0].durable);
        self.past = past.to_vec();
        self.present = present.clone();
    }

    /// What a program that reads the file sees, stores to mapped pages included.
    fn now(&self) -> Vec<u8> {
        let length = self.file.metadata().expect("an open file").len() as usize;
        let mut bytes = vec![0; length];
        let mut have = 0;
        while have < length {
            match self.file.read_at(&mut bytes[have..], have as u64).expect("memory can be read") {
                0 => break,
                read => have += read,
            }
        }
        bytes.truncate(have);
        bytes
    }

    /// What a power cut may leave of it.
    pub fn photograph(&self) -> Vec<Era> {
        let mut eras = self.past.clone();
        eras.push(Era { now: Arc::new(self.now()), ..self.present.clone() });
        eras
    }

    /// Notes that bytes were written there, by a call that may have failed half way.
    pub fn wrote(&mut self, at: u64, bytes: &[u8]) {
        self.present.written.push((at, bytes.into()));
        let last = (at as usize + bytes.len().max(1) - 1) / PAGE;
        (at as usize / PAGE..=last).for_each(|page| drop(self.lost.remove(&page)));
    }

    /// Notes that its length is about to change, maybe.
    pub fn grows(&mut self) {
        self.present.lengths.extend(self.file.metadata().map(|found| found.len()).ok());
    }

    /// Notes that it is about to be cut.
    pub fn shrinks(&mut self, to: u64) {
        let before = Era { now: Arc::new(self.now()), ..std::mem::take(&mut self.present) };
        let short = |bytes: &[u8]| bytes[..bytes.len().min(to as usize)].to_vec();
        let clip = |(at, bytes): &(u64, Arc<[u8]>)| {
            let length = to.saturating_sub(*at).min(bytes.len() as u64);
            (length > 0).then(|| (*at, bytes[..length as usize].into()))
        };
        self.present.durable = Arc::new(short(&before.durable));
        self.present.written = before.written.iter().filter_map(clip).collect();
        self.past.push(before);
    }

    /// A sync that succeeds.
    pub fn sync(&mut self) {
        let mut next = self.now();
        let (before, now) = (Arc::clone(&self.durable), &next);
        // A store to a mapped page is only seen by what it changes.
        self.lost.retain(|number, lost| page(now, *number) == lost);
        for number in self.lost.keys() {
            let place = number * PAGE..(number * PAGE + PAGE).min(next.len());
            for at in place {
                next[at] = before.get(at).copied().unwrap_or(0);
            }
        }
        self.durable = Arc::new(next);
        self.past.clear();
        self.present = Era { durable: Arc::clone(&self.durable), ..Era::default() };
    }

    /// A sync that fails: as ext4 does it, what should have been written counts as clean from now on.
    pub fn fail_to_sync(&mut self) {
        let now = self.now();
        for number in 0..now.len().div_ceil(PAGE) {
            let unwritten = page(&now, number);
            if unwritten != page(&self.durable, number) {
                self.lost.insert(number, unwritten.to_vec());
            }
        }
    }
}
