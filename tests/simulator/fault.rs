//! Calls that fail.

use std::io;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Open,
    Create,
    Link,
    Rename,
    Remove,
    SyncFolder,
    Sync,
    Write,
    Allocate,
    Truncate,
    Read,
}

/// Which calls fail.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Option<Fault>,
    /// Calls since the plan was made.
    seen: u64,
    /// What failed.
    pub fired: Vec<Call>,
}

/// The n-th call fails, and those right after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub at: u64,
    pub count: u64,
    /// The system's number of the error.
    pub error: i32,
}

impl Faults {
    pub fn plan(&mut self, fault: Fault) {
        *self = Faults { plan: Some(fault), ..Faults::default() };
    }

    /// Whether a failing call fails for want of space.
    pub fn is_full(&self) -> bool {
        self.plan.is_some_and(|fault| fault.error == libc::ENOSPC)
    }

    /// From now on all is well. Returns whether anything had failed.
    pub fn heal(&mut self) -> bool {
        self.plan = None;
        !self.fired.is_empty()
    }

    /// The error that the next call meets.
    pub fn strike(&mut self, call: Call) -> Option<io::Error> {
        let fault = self.plan?;
        // Nothing is too full to be read, to be synced again or to lose a name.
        let needs_space = !matches!(call, Call::Read | Call::Open | Call::Remove | Call::SyncFolder);
        if fault.error == libc::ENOSPC && !needs_space {
            return None;
        }
        self.seen += 1;
        (fault.at..fault.at + fault.count).contains(&self.seen).then(|| {
            self.fired.push(call);
            io::Error::from_raw_os_error(fault.error)
        })
    }
}
