//! What is known of a document's history, in one number: there may be a million of these.

/// How many upserts there were, and how far back they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct History(u64);

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Only from the beginning of a generation; there may be older ones elsewhere.
    Part,
    /// All of it, so that their number is the document's version.
    Whole,
    /// All of it, because others were asked how much there is in older generations and in the shard.
    Learned,
    /// The newest operation is a delete.
    Deleted,
}

impl History {
    const PART: u64 = 0;
    const WHOLE: u64 = 1;
    const GONE: u64 = 2;
    const LEARNED: u64 = 3;
    const SEEN: u64 = 3;
    const ONE: u64 = 4;

    /// One upsert, and nothing is known of others.
    pub(super) const FIRST: History = History(Self::ONE | Self::PART);

    pub(super) const DELETED: History = History(Self::GONE);

    /// That of a document of which there is nothing older.
    fn whole(writes: u64) -> Self {
        History((writes * Self::ONE) | Self::WHOLE)
    }

    /// That of a document whose version became known.
    pub(super) fn learned(version: u64) -> Self {
        History((version * Self::ONE) | Self::LEARNED)
    }

    /// The same where it is not known any more how many of the writes are older.
    pub(super) fn without(self, older: u64) -> Self {
        History((self.writes().wrapping_sub(older) * Self::ONE) | Self::PART)
    }

    pub(super) fn seen(self) -> Seen {
        match self.0 & Self::SEEN {
            Self::PART => Seen::Part,
            Self::WHOLE => Seen::Whole,
            Self::LEARNED => Seen::Learned,
            _ => Seen::Deleted,
        }
    }

    /// Upserts, since the last delete if one is known.
    pub(super) fn writes(self) -> u64 {
        self.0 / Self::ONE
    }

    /// The same with what came next.
    pub(super) fn followed_by(self, next: History) -> History {
        match (self.seen(), next.seen()) {
            (_, Seen::Deleted | Seen::Whole | Seen::Learned) => next,
            (Seen::Deleted, Seen::Part) => History::whole(next.writes()),
            (Seen::Part | Seen::Whole | Seen::Learned, Seen::Part) => {
                History(self.0 + next.writes() * Self::ONE)
            }
        }
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn upserts_are_counted_from_where_they_are_known() {
        let two = History::FIRST.followed_by(History::FIRST);
        assert_eq!((two.seen(), two.writes()), (Seen::Part, 2));
        let five = History::learned(3).followed_by(two);
        assert_eq!(five, History::learned(5));
        assert_eq!(five.without(3), two);
        // The shard may have some of them already.
        assert_eq!(History::learned(1).without(1_u64.wrapping_sub(2)), two);
        assert_eq!(two.followed_by(five), five, "all of it is known");
        assert_eq!(five.followed_by(History::DELETED).seen(), Seen::Deleted);
        assert_eq!(History::DELETED.followed_by(two), History::whole(2), "what came after is all of it");
        assert_eq!(History::DELETED.writes(), 0);
    }
}
