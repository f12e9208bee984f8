//! Known-bad controls: disks, or an engine on them, that break their promise. The check must catch each.

use super::{cuts, disk::Defect};

/// Programs until one is caught.
const PROGRAMS: u64 = 60;

fn is_caught(defect: Defect) {
    for seed in 1..=PROGRAMS {
        if let Err(error) = cuts::run(seed, defect) {
            println!("{defect:?}: caught by program {seed}: {}", error.lines().next().unwrap_or_default());
            return;
        }
    }
    panic!("{PROGRAMS} programs did not catch {defect:?}");
}

#[test]
fn syncs_of_the_log_that_do_nothing_are_caught() {
    is_caught(Defect::LogSync);
}

#[test]
fn syncs_of_folders_that_do_nothing_are_caught() {
    is_caught(Defect::FolderSync);
}

#[test]
fn syncs_of_shards_that_do_nothing_are_caught() {
    is_caught(Defect::ShardSync);
}

#[test]
fn a_new_file_that_is_not_synced_is_caught() {
    is_caught(Defect::CreatedSync);
}
