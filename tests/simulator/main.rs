//! Power cuts and failing disks, simulated.
//!
//! The engine runs on a disk of ours ([`disk`]), through its own door to files ([`files`]) and SQLite's ([`vfs`]). The
//! disk knows of every byte and every name whether it was synced. While a random program runs, photographs are taken; from
//! each, images are built as a power cut may leave them ([`image`]): some of what was not synced is there, some is
//! not, sector by sector. Each image is opened, checked against what the program was promised, used, and cut again.
//!
//! What the machine does that these images do not: SQLite's shared memory is never left; a sector is never half written;
//! a sync is all or nothing; new names are never durable before their folder is synced, although they may be there.
//!
//! `KIMDB_CUTS` sets the number of cuts (2,000), `KIMDB_SEED` the first seed (any). One seed is repeated, as far as threads
//! allow it, by `KIMDB_SEED=<seed> KIMDB_CUTS=1`. [`faults`] and [`controls`] have calls that fail and disks that lie.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod adoptions;
mod controls;
mod cuts;
mod disk;
mod fault;
mod faults;
mod files;
mod image;
mod ledger;
mod model;
mod moves;
mod names;
mod node;
mod program;
mod trial;
mod vfs;
mod watchdog;

use common::random;

#[test]
fn power_cuts_lose_nothing_that_was_promised() {
    let first = cuts::number("KIMDB_SEED").unwrap_or_else(cuts::by_time);
    let (programs, cuts, wrong) = cuts::run_all(first, cuts::number("KIMDB_CUTS").unwrap_or(2000));
    println!("{cuts} cuts of {programs} programs from KIMDB_SEED={first}");
    if let Some(wrong) = wrong {
        panic!("{wrong}");
    }
}
