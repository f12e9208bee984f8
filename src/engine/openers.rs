//! Who shares an open database in this process.

use std::sync::Arc;

use super::Observer;

/// Who has the database open in this process, by number, with whom each wants to be told.
#[derive(Debug, Default)]
pub(crate) struct Openers(Vec<(u64, Option<Arc<dyn Observer>>)>);

impl Openers {
    pub(crate) fn enter(&mut self, number: u64, observer: Option<Arc<dyn Observer>>) {
        self.0.push((number, observer));
        self.tell_whether_shared();
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn leave(&mut self, number: u64) {
        self.0.retain(|(other, _)| *other != number);
        self.tell_whether_shared();
    }

    pub(crate) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// IMPORTANT: under the lock of the openers, so that nobody is told of an older state last.
    fn tell_whether_shared(&self) {
        let is_shared = self.are_several();
        self.observers().for_each(|observer| observer.shared(is_shared));
    }

    pub(super) fn observers(&self) -> impl Iterator<Item = &Arc<dyn Observer>> {
        self.0.iter().filter_map(|(_, observer)| observer.as_ref())
    }
}
