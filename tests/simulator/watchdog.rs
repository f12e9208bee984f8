//! Ends the process when something hangs, and says what.

use std::{
    collections::BTreeMap,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Nothing takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Watched {
    next: u64,
    running: BTreeMap<u64, (Instant, String)>,
}

static WATCHED: LazyLock<Mutex<Watched>> = LazyLock::new(|| {
    thread::spawn(|| {
        loop {
            thread::sleep(Duration::from_secs(1));
            let watched = WATCHED.lock();
            if let Some((_, what)) = watched.running.values().find(|(since, _)| since.elapsed() > PATIENCE) {
                eprintln!("it hangs: {what}");
                std::process::abort();
            }
        }
    });
    Mutex::default()
});

/// Watches until it is dropped.
pub struct Watch(u64);

pub fn watch(what: String) -> Watch {
    let mut watched = WATCHED.lock();
    watched.next += 1;
    let number = watched.next;
    watched.running.insert(number, (Instant::now(), what));
    Watch(number)
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.lock().running.remove(&self.0);
    }
}
