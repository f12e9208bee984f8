//! Moves to another number of shards that are cut, killed or fail at any call.
//!
//! What a program left behind is opened with another number of shards while photographs are taken or a call fails. Whatever
//! is left then is one database with all documents, for whoever asks for the new number, the old one, or none.

use std::sync::Arc;

use kimdb::{Backend, Database, Error};

use super::{
    common::{observer::Witness, random::Random},
    cuts,
    disk::{Defect, Disk, Photograph, Plan},
    fault::Fault,
    image::Cut,
    ledger::check_error,
    model::{self, Journal, State},
    program::{self, Settings},
    trial, watchdog,
};

/// Programs, photographs of the move of each, and cuts of each of those.
const PROGRAMS: u64 = 12;
const PHOTOGRAPHS: usize = 40;
const CUTS: u64 = 3;

/// What is left is cut again while it is opened.
const DEEPEST: u64 = 3;

fn settings(seed: u64, shards: u32) -> Settings {
    Settings {
        seed,
        shards,
        wal_size: 1 << 14,
        backend: if seed.is_multiple_of(2) { Backend::Mmap } else { Backend::Pwrite },
        flush_interval_ms: 3_600_000,
        buffer_size: 1 << 40,
        writers: 1,
        rounds: 1,
        steps: 20 + seed % 20,
    }
}

/// What a killed program leaves, in the shards and in the log, and what must be found of it.
fn left_behind(settings: &Settings) -> (Photograph, State) {
    let disk = Disk::empty(Defect::None, Journal::new(1));
    let db = program::open(settings.options(&disk), &Witness::new()).expect("opens");
    program::Writer::new(&db, &disk.journal, 0, settings, 0).run(settings.steps).expect("writes");
    // What follows begins with a disk that has everything: cuts before it are other tests'.
    let state = disk.journal.end();
    (disk.photograph(), state)
}

fn disk_of(photograph: &Photograph, cut: Cut, random: &mut Random, defect: Defect) -> Arc<Disk> {
    let (directory, files) = cut.of(photograph, random);
    Disk::new(&directory, &files, defect, Journal::new(1))
}

/// Opens with so many shards, or with those that there are.
fn open(settings: &Settings, disk: &Arc<Disk>, shards: Option<u32>) -> Result<Database, Error> {
    let mut options = settings.options(disk);
    options.shard_count_is_default = shards.is_none();
    options.shard_count = shards.unwrap_or(8);
    Database::open(options, None)
}

/// Nothing but the shards, each document once, is in the files of a closed database.
fn check_closed(disk: &Disk, shards: u32, state: &State) -> Result<(), String> {
    let names: Vec<String> = disk.photograph().names.now().into_keys().collect();
    let is_expected = |name: &String| {
        // NOTE: a cut while SQLite begins its log leaves an empty journal, which it ignores from then on.
        let name = name.trim_end_matches("-journal");
        name == program::LOG || (0..shards).any(|shard| name == format!("app_shard{shard}.db"))
    };
    if let Some(name) = names.iter().find(|name| !is_expected(name)) {
        return Err(format!("{name} is left of a move to {shards}: {names:?}"));
    }
    let stored = trial::stored(disk.path(), shards)?;
    let differences = model::differences(state, &stored);
    if differences.is_empty() { Ok(()) } else { Err(format!("{shards} shards:\n{}", differences.join("\n"))) }
}

/// Opens what is left in some way, and checks it.
fn check(
    settings: &Settings,
    photograph: &Photograph,
    cut: Cut,
    counts: [u32; 2],
    state: &State,
    (depth, seed): (u64, u64),
) -> Result<u64, String> {
    let mut random = Random::new(seed);
    let told = |error: String| format!("{error}\n  cut {depth} before call {}, {cut:?}", photograph.at);
    let disk = disk_of(photograph, cut, &mut random, Defect::None);
    if depth < DEEPEST && random.one_in(3) {
        let gap = [3, 15, 60, 200][random.below(4) as usize];
        disk.plan(Plan { random: random.clone(), gap, left: 2 });
    }
    let asked = [Some(counts[0]), Some(counts[1]), None][random.below(3) as usize];
    let db =
        open(settings, &disk, asked).map_err(|error| told(format!("opening with {asked:?}: {error}")))?;
    let shards = db.stats().shard_count;
    if !counts.contains(&shards) || asked.is_some_and(|asked| asked != shards) {
        return Err(told(format!("{asked:?} was asked for and there are {shards} shards")));
    }
    db.close().map_err(|error| told(format!("closing: {error}")))?;
    drop(db);
    let mut count = 1;
    for again in disk.photographs() {
        let cut = Cut::choose(random.next(), &mut random);
        count += check(settings, &again, cut, counts, state, (depth + 1, random.next())).map_err(told)?;
    }
    check_closed(&disk, shards, state).map_err(told)?;
    Ok(count)
}

fn cut_a_program(seed: u64, defect: Defect) -> Result<u64, String> {
    let counts = [[1, 3], [3, 2], [2, 5], [4, 5 + seed as u32 % 3]][seed as usize % 4];
    let settings = settings(seed, counts[0]);
    let _watched = watchdog::watch(format!("{counts:?}, {settings:?}"));
    let (left, state) = left_behind(&settings);
    let mut random = Random::new(seed);
    let disk = disk_of(&left, Cut::EVERYTHING, &mut random, defect);
    let gap = [3, 8, 20, 50][random.below(4) as usize];
    disk.plan(Plan { random: random.clone(), gap, left: PHOTOGRAPHS });
    let told = |error: String| format!("{error}\n  {counts:?}, {settings:?}");
    let db = open(&settings, &disk, Some(counts[1])).map_err(|error| told(format!("moving: {error}")))?;
    let photographs = disk.photographs();
    db.close().map_err(|error| told(format!("closing: {error}")))?;
    check_closed(&disk, counts[1], &state).map_err(told)?;
    let mut count = 0;
    for photograph in &photographs {
        for _ in 0..CUTS {
            let cut = Cut::choose(random.next(), &mut random);
            let seed = random.next();
            count += check(&settings, photograph, cut, counts, &state, (1, seed)).map_err(told)?;
        }
    }
    Ok(count)
}

#[test]
fn a_move_may_be_cut_anywhere() {
    let first = cuts::number("KIMDB_SEED").unwrap_or_else(cuts::by_time);
    let mut count = 0;
    for seed in first..first + cuts::number("KIMDB_MOVES").unwrap_or(PROGRAMS) {
        match cut_a_program(seed, Defect::None) {
            Ok(more) => count += more,
            Err(error) => panic!(
                "{error}\n  again: KIMDB_SEED={seed} KIMDB_MOVES=1 cargo test --no-default-features --test simulator \
                 a_move_may"
            ),
        }
    }
    println!("{count} cuts of moves from KIMDB_SEED={first}");
}

/// A known-bad control: the check must catch it.
#[test]
fn a_move_on_a_disk_whose_folders_are_not_synced_is_caught() {
    let caught = (1..=60).find_map(|seed| cut_a_program(seed, Defect::FolderSync).err());
    println!(
        "{}",
        caught.expect("60 programs did not catch it").lines().take(2).collect::<Vec<_>>().join(" ")
    );
}

/// One move with a fault. Returns whether it fired.
fn fail(settings: &Settings, left: &Photograph, state: &State, fault: Fault) -> Result<bool, String> {
    let counts = [settings.shards, 3];
    let disk = disk_of(left, Cut::EVERYTHING, &mut Random::new(1), Defect::None);
    disk.faults(|faults| faults.plan(fault));
    let opened = open(settings, &disk, Some(counts[1]));
    if let Err(error) = &opened {
        check_error(error).map_err(|error| format!("moving: {error}"))?;
    }
    let fired = disk.faults(|faults| faults.heal());
    // What only a power cut leaves now, and everything.
    let photograph = disk.photograph();
    for (number, cut) in [Cut::NOTHING, Cut::EVERYTHING].into_iter().enumerate() {
        for seed in 0..3 {
            check(settings, &photograph, cut, counts, state, (DEEPEST, seed + number as u64 * 3))?;
        }
    }
    let db = match opened {
        Ok(db) => db,
        Err(_) => open(settings, &disk, Some(counts[1])).map_err(|error| format!("moving again: {error}"))?,
    };
    db.close().map_err(|error| format!("closing: {error}"))?;
    check_closed(&disk, counts[1], state)?;
    Ok(fired)
}

#[test]
fn every_call_of_a_move_may_fail() {
    let settings = settings(0, 2);
    let (left, state) = left_behind(&settings);
    let all = std::env::var_os("KIMDB_FAULTS").is_some_and(|how| how == "all");
    let mut total = 0;
    for (error, count, step) in
        [(libc::EIO, 1, 5), (libc::EIO, 5, 11), (libc::ENOSPC, 1, 5), (libc::ENOSPC, 200, 11)]
    {
        let step = if all { 1 } else { step };
        for at in (1 + cuts::by_time() % step..).step_by(step as usize) {
            let fault = Fault { at, count, error };
            let _watched = watchdog::watch(format!("move, {fault:?}"));
            match fail(&settings, &left, &state, fault) {
                Ok(true) => total += 1,
                Ok(false) => break,
                Err(error) => panic!("{error}\n  {fault:?}"),
            }
        }
    }
    println!("{total} faults of moves");
    assert!(total > 0);
}
