//! What has been seen so far, and the line that tells it while it goes on.

use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Figures {
    /// Kills while opening, while writing, while closing.
    pub kills: [u64; 3],
    /// Those while opening that hit the recovery of an old library's log.
    pub old_log_kills: u64,
    pub closes: u64,
    pub acknowledged: u64,
    pub unacknowledged: u64,
    pub recovered: u64,
}

impl Figures {
    pub fn all_kills(&self) -> u64 {
        self.kills.iter().sum()
    }

    pub fn add(&mut self, other: &Figures) {
        self.kills.iter_mut().zip(other.kills).for_each(|(kills, more)| *kills += more);
        self.old_log_kills += other.old_log_kills;
        self.closes += other.closes;
        self.acknowledged += other.acknowledged;
        self.unacknowledged += other.unacknowledged;
        self.recovered += other.recovered;
    }

    pub fn progress(&self, kills: u64) -> String {
        format!("{} of {kills} kills, {} acknowledged records verified", self.all_kills(), self.acknowledged)
    }

    pub fn text(&self) -> String {
        let [opening, writing, closing] = self.kills;
        format!(
            "{} kills ({opening} while opening, {} of them with an old log; {writing} while writing; {closing} while closing), \
             {} clean closes; {} acknowledged records verified, {} more that were on their way; {} writes recovered",
            self.all_kills(),
            self.old_log_kills,
            self.closes,
            self.acknowledged,
            self.unacknowledged,
            self.recovered
        )
    }
}

/// Says now and then how far it is, for those who wait.
pub struct Progress {
    every: Duration,
    told: Instant,
}

impl Progress {
    pub fn new() -> Progress {
        let every = Duration::from_secs(crate::number("KIMDB_PROGRESS").unwrap_or(10));
        Progress { every, told: Instant::now() }
    }

    pub fn tell(&mut self, text: impl FnOnce() -> String) {
        if self.told.elapsed() >= self.every {
            self.told = Instant::now();
            println!("progress: {}", text());
        }
    }
}
