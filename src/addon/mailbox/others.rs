//! What JavaScript has to know of others that have the database open.

use super::Mailbox;
use crate::addon::raw::Epoch;

/// Whether documents that JavaScript has kept are right still, and where it looks for that.
#[derive(Default)]
pub(super) struct Others {
    /// Others have the database open in this process, and may change what is kept at any moment.
    are_there: bool,
    /// Times that others may have changed what was kept.
    changes: u32,
    epoch: Option<Epoch>,
}

impl Others {
    pub(super) fn note_presence(&mut self, are_there: bool) {
        self.changes += u32::from(self.are_there && !are_there);
        self.are_there = are_there;
        self.tell();
    }

    pub(super) fn note_change(&mut self) {
        self.changes += 1;
        self.tell();
    }

    fn tell(&self) {
        if let Some(epoch) = &self.epoch {
            epoch.set(if self.are_there { f64::NAN } else { f64::from(self.changes) });
        }
    }
}

impl Mailbox {
    /// Keeps a register right about whether others have the database open.
    pub(in crate::addon) fn watch(&self, epoch: Epoch) {
        let mut others = self.others.lock();
        others.epoch = Some(epoch);
        others.tell();
    }

    pub(in crate::addon) fn watch_no_more(&self) {
        self.others.lock().epoch = None;
    }
}
