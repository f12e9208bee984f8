//! How tests wait for what other threads do.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Nothing that a test waits for takes that long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until it is so.
///
/// # Panics
/// It takes too long.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it hangs: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
