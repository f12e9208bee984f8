//! Memory that was freed goes back to the system.
//!
//! Pages and documents of all sizes come and go on several threads, and glibc keeps what is freed in each thread's arena,
//! above all after the first values of megabytes: after some minutes of writes that was more than twice of what
//! was in use. Asked for it, glibc gives back every free page; no setting of the program's allocator is changed.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::log::Lsn;

/// Between two times, in the whole process: each takes some milliseconds.
const PAUSE: Duration = Duration::from_secs(10);

/// Bytes written after which it is worth the while.
const CHURN: u64 = 64 << 20;

/// Bytes that a reused buffer keeps in any case, and at most.
const LEAST_KEPT: usize = 1 << 20;
const MOST_KEPT: usize = 16 << 20;

/// Empties a buffer that is used again and again. New memory costs a page fault for each page, so a buffer stays as large as it was
/// needed last, in bounds: what one large use took is given back once it is emptied after a small one.
pub(crate) fn empty(buffer: &mut Vec<u8>) {
    let used = buffer.len();
    buffer.clear();
    if buffer.capacity() > MOST_KEPT || used < buffer.capacity() / 4 {
        buffer.shrink_to(LEAST_KEPT);
    }
}

/// What was written since memory was given back.
#[derive(Debug)]
pub(crate) struct Churn {
    head: Lsn,
    bytes: u64,
}

impl Churn {
    pub(crate) fn new(head: Lsn) -> Self {
        Churn { head, bytes: 0 }
    }

    /// Notes a record that did not go through the ring.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Whether so much was written up to this place of the log that memory should be given back. Then it starts anew.
    pub(crate) fn is_much(&mut self, head: Lsn) -> bool {
        self.bytes += head.0 - self.head.0;
        self.head = head;
        let is_much = self.bytes >= CHURN;
        if is_much {
            self.bytes = 0;
        }
        is_much
    }
}

/// Gives free memory back to the system, unless that was done a moment ago.
pub(crate) fn give_back() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    // Whoever comes meanwhile has nothing to gain.
    let Some(mut last) = LAST.try_lock() else { return };
    if last.is_none_or(|last| last.elapsed() >= PAUSE) {
        trim();
        *last = Some(Instant::now());
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: it may be called by any thread at any time.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do it by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_buffer_stays_as_large_as_it_was_needed_last_in_bounds() {
        let mut buffer = Vec::new();
        let mut use_and_empty = |bytes: usize| {
            buffer.resize(bytes, 0);
            empty(&mut buffer);
            assert!(buffer.is_empty());
            buffer.capacity()
        };
        assert!(use_and_empty(10 << 20) >= 10 << 20);
        assert!(use_and_empty(5 << 20) >= 10 << 20, "as large is needed again and again");
        assert!(use_and_empty(100) <= LEAST_KEPT, "and then no more");
        assert!(use_and_empty(100) <= LEAST_KEPT);
        assert!(use_and_empty(MOST_KEPT + 1) <= LEAST_KEPT, "too large to keep");
    }

    #[test]
    fn churn_is_what_was_written_since_the_last_time() {
        let mut churn = Churn::new(Lsn(1000));
        assert!(!churn.is_much(Lsn(1000 + CHURN - 1)));
        assert!(churn.is_much(Lsn(1000 + CHURN)));
        assert!(!churn.is_much(Lsn(1000 + CHURN)));
        churn.add(CHURN - 8);
        assert!(!churn.is_much(Lsn(1000 + CHURN)));
        assert!(churn.is_much(Lsn(1008 + CHURN)));
    }
}
