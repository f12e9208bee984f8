//! What an opening tells while it is under way.

/// A step of an opening that may take long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many writes were recovered before documents are moved.
    Recovered(u64),
    /// Documents are about to be moved from so many shards to another number of them.
    Moving {
        /// Shards that there are.
        from: u32,
        /// Shards that there will be.
        to: u32,
    },
    /// So many documents have been copied, of how many. Told at most once a second.
    Copied {
        /// Copied so far.
        documents: u64,
        /// To be copied.
        of: u64,
    },
    /// So many documents were moved.
    Moved(u64),
}

/// Is told of the progress, on the thread that opens.
pub type Tell<'a> = &'a mut dyn FnMut(Progress);
