//! What a power cut leaves of a photograph.

use std::collections::{BTreeSet, HashMap};

use super::{
    disk::Photograph,
    names::{Directory, KeepNames},
    node::{Era, Ino},
    random::Random,
};

/// What a disk writes at once.
const SECTOR: usize = 512;

/// Which sectors of a file that differ from what is durable are kept.
#[derive(Debug, Clone, Copy)]
pub enum Keep {
    Nothing,
    Everything,
    /// Each by itself, one in so many.
    OneIn(u64),
    /// Each by itself, all but one in so many.
    AllButOneIn(u64),
    /// Those in front of some place.
    Front,
    /// Those behind some place: what was written later, without what was written earlier.
    Back,
    /// One that changed, alone.
    Single,
    /// All that changed but one.
    Hole,
    /// For each sector any content that it had since the sync.
    Any,
}

/// What a power cut keeps.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub log: Keep,
    pub shards: Keep,
    pub names: KeepNames,
}

const KEEPS: [Keep; 11] = [
    Keep::Nothing,
    Keep::Everything,
    Keep::OneIn(2),
    Keep::OneIn(8),
    Keep::AllButOneIn(8),
    Keep::Front,
    Keep::Back,
    Keep::Single,
    Keep::Hole,
    Keep::Any,
    Keep::Any,
];

impl Cut {
    /// Only what was synced.
    pub const NOTHING: Cut = Cut { log: Keep::Nothing, shards: Keep::Nothing, names: KeepNames::Nothing };

    /// Everything, as a killed process leaves it.
    pub const EVERYTHING: Cut =
        Cut { log: Keep::Everything, shards: Keep::Everything, names: KeepNames::Everything };

    /// The `number`-th kind of cut: the extreme ones first, then any.
    pub fn choose(number: u64, random: &mut Random) -> Cut {
        let names = [KeepNames::Nothing, KeepNames::Everything, KeepNames::Front, KeepNames::Any];
        let names = names[random.below(4) as usize];
        let mut any = || KEEPS[random.below(KEEPS.len() as u64) as usize];
        match number % 6 {
            0 => Cut::NOTHING,
            1 => Cut { log: Keep::Everything, shards: Keep::Nothing, names },
            2 => Cut { log: Keep::Nothing, shards: Keep::Everything, names },
            3 => Cut { names, ..Cut::EVERYTHING },
            _ => Cut { log: any(), shards: any(), names },
        }
    }

    /// The files that it leaves.
    pub fn of(self, photograph: &Photograph, random: &mut Random) -> (Directory, HashMap<Ino, Vec<u8>>) {
        let directory = photograph.names.cut(self.names, random);
        let mut files = HashMap::new();
        for (name, ino) in &directory {
            let keep = if name.contains(super::program::LOG) { self.log } else { self.shards };
            // In the order of names, so that a seed repeats.
            files.entry(*ino).or_insert_with(|| keep.of(&photograph.files[ino], random));
        }
        (directory, files)
    }
}

/// A sector, zeros where the file ends before.
fn sector(bytes: &[u8], number: usize) -> [u8; SECTOR] {
    let mut sector = [0; SECTOR];
    let start = (number * SECTOR).min(bytes.len());
    let found = &bytes[start..(start + SECTOR).min(bytes.len())];
    sector[..found.len()].copy_from_slice(found);
    sector
}

impl Keep {
    /// What is left of a file.
    fn of(self, eras: &[Era], random: &mut Random) -> Vec<u8> {
        match self {
            Keep::Nothing => eras[0].durable.to_vec(),
            Keep::Everything => eras[eras.len() - 1].now.to_vec(),
            _ => self.of_era(&eras[random.below(eras.len() as u64) as usize], random),
        }
    }

    fn of_era(self, era: &Era, random: &mut Random) -> Vec<u8> {
        let (durable, now) = (&**era.durable, &**era.now);
        let mut lengths = era.lengths.clone();
        lengths.extend([durable.len() as u64, now.len() as u64, now.len() as u64]);
        let length = lengths[random.below(lengths.len() as u64) as usize] as usize;
        let count = length.div_ceil(SECTOR);
        let mut past = self.past(era);
        let changed: Vec<usize> = (0..count)
            .filter(|number| sector(durable, *number) != sector(now, *number) || past.contains_key(number))
            .collect();
        let place = random.below(changed.len() as u64 + 1) as usize;
        let mut bytes = Vec::with_capacity(count * SECTOR);
        for number in 0..count {
            let (old, new) = (sector(durable, number), sector(now, number));
            let index = changed.binary_search(&number);
            let is_new = |index: usize, random: &mut Random| match self {
                Keep::OneIn(n) => random.one_in(n),
                Keep::AllButOneIn(n) => !random.one_in(n),
                Keep::Front => index < place,
                Keep::Back => index >= place,
                Keep::Single => index == place,
                Keep::Hole => index != place,
                Keep::Any | Keep::Nothing | Keep::Everything => random.one_in(2),
            };
            let kept = match (index, past.remove(&number)) {
                (Err(_), _) => new,
                (Ok(_), Some(past)) if !random.one_in(3) => past[random.below(past.len() as u64) as usize],
                (Ok(index), _) if is_new(index, random) => new,
                (Ok(_), _) => old,
            };
            bytes.extend_from_slice(&kept);
        }
        bytes.truncate(length);
        bytes
    }

    /// For each sector what it held for a while between the last sync and now.
    fn past(self, era: &Era) -> HashMap<usize, Vec<[u8; SECTOR]>> {
        let mut past: HashMap<usize, Vec<[u8; SECTOR]>> = HashMap::new();
        if !matches!(self, Keep::Any) {
            return past;
        }
        let mut bytes = era.durable.to_vec();
        for (at, written) in &era.written {
            let place = *at as usize..*at as usize + written.len();
            bytes.resize(bytes.len().max(place.end), 0);
            bytes[place.clone()].copy_from_slice(written);
            let touched: BTreeSet<usize> = place.map(|at| at / SECTOR).collect();
            for number in touched {
                past.entry(number).or_default().push(sector(&bytes, number));
            }
        }
        past
    }
}
