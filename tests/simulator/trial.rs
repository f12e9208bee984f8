//! What a power cut left is opened, checked, used, closed and checked again; and cut again meanwhile.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use super::{
    common::observer::Witness,
    disk::{Defect, Disk, Photograph, Plan},
    image::Cut,
    model::{self, Journal, State},
    program::{self, Settings, Writer},
    random::Random,
    watchdog,
};

/// A cut, a cut during the recovery from it, and one during the recovery from that.
const DEEPEST: u64 = 3;

/// Checks what one cut of the photograph leaves, and what cuts of that leave. Returns how many cuts that were.
pub fn check(
    settings: &Settings,
    journal: &Journal,
    photograph: &Photograph,
    (cut, seed): (Cut, u64),
    (depth, defect): (u64, Defect),
) -> Result<u64, String> {
    let mut random = Random::new(seed);
    // Killed instead: nothing is lost yet, and not everything is durable.
    let is_kill = depth < DEEPEST && random.one_in(5);
    let how = if is_kill { "kill".to_owned() } else { format!("{cut:?}") };
    let told = |error: String| format!("{error}\n  cut {depth}, before call {}, {how}", photograph.at);
    let _watched =
        watchdog::watch(format!("{settings:?}, cut {depth} before call {}, {cut:?}", photograph.at));
    let disk = if is_kill {
        Disk::after_kill(photograph, defect, Journal::new(1))
    } else {
        let (directory, files) = cut.of(photograph, &mut random);
        Disk::new(&directory, &files, defect, Journal::new(1))
    };
    if is_kill || depth < DEEPEST && random.one_in(3) {
        let gap = [5, 20, 50, 90][random.below(4) as usize];
        disk.plan(Plan { random: random.clone(), gap, left: 2 });
    }
    let promised = if is_kill { &photograph.returned } else { &photograph.durable };
    use_it(settings, journal, promised, &disk, seed).map_err(told)?;
    let mut cuts = 1;
    for mut again in disk.photographs() {
        let next = (Cut::choose(random.next(), &mut random), random.next());
        // While what a killed process left is recovered, a cut may still take what was not durable.
        let goes_on = if is_kill && !again.is_based {
            again.durable.clone_from(&photograph.durable);
            again.returned.clone_from(&photograph.durable);
            journal
        } else {
            &disk.journal
        };
        cuts += check(settings, goes_on, &again, next, (depth + 1, defect)).map_err(told)?;
    }
    Ok(cuts)
}

fn use_it(
    settings: &Settings,
    journal: &Journal,
    durable: &[usize],
    disk: &Arc<Disk>,
    seed: u64,
) -> Result<(), String> {
    let witness = Witness::new();
    let settings = Settings { seed, ..settings.clone() };
    let db = program::open(settings.options(disk), &witness).map_err(|error| format!("opening: {error}"))?;
    let quiet = || match witness.errors().first() {
        Some(error) => Err(format!("told: {error}")),
        None => Ok(()),
    };
    if db.stats().damaged_bytes != 0 {
        return Err(format!("{} bytes are said to be damaged", db.stats().damaged_bytes));
    }
    quiet()?;
    let mut found = State::new();
    for key in model::keys(settings.writers) {
        found.extend(program::read(&db, key)?.map(|document| (key, document)));
    }
    journal.check(durable, &found)?;
    // Whatever a cut from here on leaves starts from this state: recovery repeats.
    disk.journal.start_from(found);
    Writer::new(&db, &disk.journal, 0, &settings, 99).run(3 + seed % 8)?;
    db.close().map_err(|error| format!("closing: {error}"))?;
    disk.journal.promise(&disk.journal.returned());
    quiet()?;
    let stored = stored(disk.path(), settings.shards)?;
    let differences = model::differences(&disk.journal.end(), &stored);
    if differences.is_empty() { Ok(()) } else { Err(format!("closed:\n{}", differences.join("\n"))) }
}

/// All documents of the shard files, which nobody has open and SQLite finds no fault with.
pub fn stored(folder: &Path, shards: u32) -> Result<State, String> {
    let mut stored = State::new();
    for shard in 0..shards {
        let connection = check_integrity(folder, shard)?;
        for (name, table) in pairs(&connection, "SELECT name, \"table\" FROM _kimdb_collection")? {
            let sql = format!("SELECT id, _version || ' ' || data FROM \"{table}\"");
            for (id, document) in pairs(&connection, &sql)? {
                let key = model::key(&name, &id).ok_or_else(|| format!("nobody wrote {name}/{id}"))?;
                let (version, text) = document.split_once(' ').expect("a version and a text");
                let document = (text.to_owned(), version.parse().expect("a number"));
                if stored.insert(key, document).is_some() {
                    return Err(format!("{name}/{id} is there twice"));
                }
            }
        }
    }
    Ok(stored)
}

/// Has SQLite look at a shard file.
pub fn check_integrity(folder: &Path, shard: u32) -> Result<Connection, String> {
    let connection = Connection::open(folder.join(format!("app_shard{shard}.db"))).map_err(failed)?;
    let verdict: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(failed)?;
    if verdict == "ok" { Ok(connection) } else { Err(format!("shard {shard}: {verdict}")) }
}

fn pairs(connection: &Connection, sql: &str) -> Result<Vec<(String, String)>, String> {
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

fn failed(error: rusqlite::Error) -> String {
    format!("looking at a shard: {error}")
}
