//! Thousands of power cuts.

use std::{
    env,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use super::{
    disk::{Defect, Disk},
    image::Cut,
    model::Journal,
    program::{self, Settings},
    random::Random,
    trial, watchdog,
};

/// Photographs of a program, and cuts of each.
const PHOTOGRAPHS: usize = 20;
const CUTS: u64 = 4;

/// Programs that run at a time.
const THREADS: usize = 3;

pub fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not '{text}'")))
}

/// A number that differs from run to run.
pub fn by_time() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| u64::from(now.subsec_micros()))
}

/// Runs the program of a seed and checks what cuts of it leave. Returns how many that were.
pub fn run(seed: u64, defect: Defect) -> Result<u64, String> {
    let settings = Settings::from_seed(seed);
    let told = |error: String| format!("{error}\n  {settings:?}");
    let disk = Disk::empty(defect, Journal::new(settings.writers));
    let photographs = {
        let _watched = watchdog::watch(format!("{settings:?}"));
        program::run(&settings, &disk, PHOTOGRAPHS).map_err(told)?
    };
    let mut cuts = 0;
    for (number, photograph) in photographs.iter().enumerate() {
        let mut random = Random::new(seed ^ ((number as u64) << 32));
        let kinds = random.next();
        for kind in kinds % 6..kinds % 6 + CUTS {
            let cut = (Cut::choose(kind, &mut random), random.next());
            cuts += trial::check(&settings, &disk.journal, photograph, cut, (1, defect)).map_err(told)?;
        }
    }
    Ok(cuts)
}

/// Programs of these seeds, until there were so many cuts. Returns how many programs, cuts, and what is wrong.
pub fn run_all(first: u64, most: u64) -> (u64, u64, Option<String>) {
    let (next, cuts) = (AtomicU64::new(first), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let work = || {
        while cuts.load(Ordering::Relaxed) < most && !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            match run(seed, Defect::None) {
                Ok(more) => drop(cuts.fetch_add(more, Ordering::Relaxed)),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Some(format!(
                        "{error}\n  again: KIMDB_SEED={seed} KIMDB_CUTS=1 cargo test --no-default-features \
                         --test simulator power_cuts"
                    ));
                }
            }
        }
        None
    };
    let wrong = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    (next.into_inner() - first, cuts.into_inner(), wrong.into_iter().flatten().next())
}
