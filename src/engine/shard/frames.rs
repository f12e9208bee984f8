//! Frames of SQLite's own log, gathered so that many go to the file by one call.
//!
//! SQLite writes a page that a transaction has changed as a frame: a header of 24 bytes, then the page, each by a call of its
//! own. The system takes longer over such a call than over copying its bytes, most of all where the file grows. While a
//! transaction is committed its frames wait here for each other, up to the last one, whose header says that it is. Before the
//! commit nothing waits: what SQLite writes early, because its cache is full, may be rolled back, and then another writer may
//! use that part of the file.

use std::{ffi::c_int, ops::Range};

/// So many bytes are enough for one call. With another page of the usual size they are still few enough.
const ENOUGH: usize = 112 << 10;

/// Bytes of a frame's header. Up to the last frame of a commit no other write has exactly this length.
const HEADER: usize = 24;

/// Where a header tells how many pages the database has after the transaction: none, unless it is the last one's.
const PAGES_AFTER: Range<usize> = 4..8;

/// `Err`: SQLite's code of what failed.
pub(super) type Outcome = Result<(), c_int>;

#[derive(Debug, Default)]
pub(super) struct Frames {
    /// From the start of a commit to its last frame.
    is_gathering: bool,
    waiting: Vec<u8>,
    /// Where in the file they belong.
    at: u64,
    /// The page of a waiting header comes next: whether it is the last one's.
    page_is_last: Option<bool>,
}

impl Frames {
    /// The commit of a transaction begins. Nothing but its frames is written up to the last of them.
    pub(super) fn begin_commit(&mut self) {
        self.is_gathering = true;
    }

    /// The commit has ended. Frames that still wait are those of one that failed, and nobody must write them any more.
    pub(super) fn end_commit(&mut self) {
        *self = Frames::default();
    }

    /// What SQLite writes to `at` waits, or is written behind all that waits, by `put`.
    ///
    /// # Errors
    /// What `put` says. The commit fails then, and nothing waits any more.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        at: u64,
        mut put: impl FnMut(&[u8], u64) -> Outcome,
    ) -> Outcome {
        let page_is_last = self.page_is_last.take();
        let is_of_frame = self.is_gathering && (page_is_last.is_some() || bytes.len() == HEADER);
        let has_room = is_of_frame && self.waiting.try_reserve(bytes.len()).is_ok();
        if !has_room {
            self.is_gathering &= !is_of_frame;
            self.settle(&mut put)?;
            return put(bytes, at).inspect_err(|_| self.is_gathering = false);
        }
        if at != self.at + self.waiting.len() as u64 {
            self.settle(&mut put)?;
            self.at = at;
        }
        self.waiting.extend_from_slice(bytes);
        match page_is_last {
            None => self.page_is_last = Some(bytes[PAGES_AFTER] != [0; 4]),
            Some(true) => {
                self.is_gathering = false;
                self.settle(put)?;
            }
            Some(false) if self.waiting.len() >= ENOUGH => self.settle(put)?,
            Some(false) => {}
        }
        Ok(())
    }

    /// Has all that waits written.
    pub(super) fn settle(&mut self, mut put: impl FnMut(&[u8], u64) -> Outcome) -> Outcome {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let outcome = put(&self.waiting, self.at);
        self.at += self.waiting.len() as u64;
        self.waiting.clear();
        self.is_gathering &= outcome.is_ok();
        outcome
    }
}

#[cfg(test)]
mod test {
    use proptest::prelude::*;

    use super::*;

    const PAGE: usize = 512;

    /// A file, and how often it was written to.
    #[derive(Debug, Default)]
    struct File {
        bytes: Vec<u8>,
        calls: usize,
        fails: bool,
    }

    impl File {
        fn put(&mut self, bytes: &[u8], at: u64) -> Outcome {
            self.calls += 1;
            if self.fails {
                return Err(13);
            }
            let at = at as usize;
            self.bytes.resize(self.bytes.len().max(at + bytes.len()), 0);
            self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
            Ok(())
        }
    }

    fn header(is_last: bool, fill: u8) -> [u8; HEADER] {
        let mut header = [fill; HEADER];
        header[PAGES_AFTER].copy_from_slice(&u32::from(is_last).to_be_bytes());
        header
    }

    /// A commit of so many pages to `at`, as SQLite writes it. Returns where its frames end.
    fn commit(frames: &mut Frames, at: u64, pages: u8, file: &mut File) -> Result<u64, c_int> {
        frames.begin_commit();
        let mut at = at;
        let mut write = || {
            for number in 1..=pages {
                for part in [&header(number == pages, number)[..], &[number; PAGE]] {
                    frames.write(part, at, |bytes, at| file.put(bytes, at))?;
                    at += part.len() as u64;
                }
            }
            Ok(())
        };
        let outcome = write();
        assert!(frames.waiting.is_empty(), "before SQLite goes on");
        frames.end_commit();
        outcome.map(|()| at)
    }

    #[test]
    fn a_transaction_is_in_the_file_with_its_last_frame_and_took_few_calls() {
        let (mut frames, mut file, mut same) = (Frames::default(), File::default(), File::default());
        for (at, pages) in [(32, 1), (32 + 536, 2), (32 + 3 * 536, 255)] {
            commit(&mut frames, at, pages, &mut file).expect("writes");
            for frame in 1..=pages {
                let at = at + u64::from(frame - 1) * 536;
                same.put(&header(frame == pages, frame), at).expect("writes");
                same.put(&[frame; PAGE], at + 24).expect("writes");
            }
            assert!(file.bytes == same.bytes, "after {pages} pages");
        }
        // 255 of them are more than is enough for one call.
        assert_eq!(file.calls, 1 + 1 + 2);
        assert_eq!(frames.waiting.capacity(), 0);
    }

    #[test]
    fn what_cannot_be_written_is_told_and_forgotten() {
        let (mut frames, mut file) = (Frames::default(), File::default());
        let end = commit(&mut frames, 32, 1, &mut file).expect("writes");
        for pages in [3, 255] {
            file.fails = true;
            assert_eq!(commit(&mut frames, end, pages, &mut file), Err(13));
            file.fails = false;
        }
        commit(&mut frames, end, 2, &mut file).expect("writes");
        assert_eq!(file.bytes.len(), end as usize + 2 * 536);
    }

    #[test]
    fn frames_that_do_not_follow_one_another_get_to_their_places() {
        let (mut frames, mut file, mut same) = (Frames::default(), File::default(), File::default());
        frames.begin_commit();
        for (at, is_last) in [(32, false), (32 + 5 * 536, false), (32 + 2 * 536, true)] {
            for (part, at) in [(&header(is_last, 1)[..], at), (&[2; PAGE], at + 24)] {
                frames.write(part, at, |bytes, at| file.put(bytes, at)).expect("writes");
                same.put(part, at).expect("writes");
            }
        }
        assert!(file.bytes == same.bytes);
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Frames that are written before the commit.
        Early(u8),
        /// A page that was written early changes where it is.
        Overwrite(u8),
        /// The rest, with so many early pages that change in between; then headers are written anew.
        Commit {
            pages: u8,
            overwritten: Vec<u8>,
            rewrites: bool,
        },
        TakeBack,
    }

    fn step() -> impl Strategy<Value = Step> {
        let commit = (1..9_u8, prop::collection::vec(any::<u8>(), 0..3), any::<bool>());
        prop_oneof![
            2 => (1..5_u8).prop_map(Step::Early),
            1 => any::<u8>().prop_map(Step::Overwrite),
            3 => commit.prop_map(|(pages, overwritten, rewrites)| Step::Commit { pages, overwritten, rewrites }),
            1 => Just(Step::TakeBack),
        ]
    }

    proptest! {
        #[test]
        fn only_a_commit_waits_and_only_for_its_end(steps in prop::collection::vec(step(), 0..40)) {
            let (mut frames, mut file, mut expected) = (Frames::default(), File::default(), File::default());
            let (mut committed, mut count) = (0_u64, 0_u64);
            let place = |frame: u64| 32 + frame * 536;
            let early = |which: u8, committed: u64, count: u64| {
                (count > committed).then(|| place(committed + u64::from(which) % (count - committed)))
            };
            for (fill, step) in (1..).zip(steps) {
                let mut write = |frames: &mut Frames, bytes: &[u8], at: u64| {
                    expected.put(bytes, at).expect("writes");
                    frames.write(bytes, at, |bytes, at| file.put(bytes, at)).expect("writes");
                };
                match step {
                    Step::Early(pages) => for _ in 0..pages {
                        write(&mut frames, &header(false, fill), place(count));
                        write(&mut frames, &[fill; PAGE], place(count) + 24);
                        count += 1;
                    }
                    Step::Overwrite(which) => if let Some(at) = early(which, committed, count) {
                        write(&mut frames, &[fill; PAGE], at + 24);
                    }
                    Step::Commit { pages, overwritten, rewrites } => {
                        frames.begin_commit();
                        let (first, mut overwritten) = (count, overwritten.into_iter());
                        for page in 1..=pages {
                            if let Some(at) = overwritten.next().and_then(|which| early(which, committed, first)) {
                                write(&mut frames, &[fill; PAGE], at + 24);
                            }
                            write(&mut frames, &header(page == pages, fill), place(count));
                            write(&mut frames, &[fill; PAGE], place(count) + 24);
                            count += 1;
                        }
                        if rewrites {
                            for frame in committed..count {
                                write(&mut frames, &header(frame + 1 == count, fill), place(frame));
                            }
                        }
                        committed = count;
                        prop_assert!(frames.waiting.is_empty());
                        frames.end_commit();
                    }
                    Step::TakeBack => count = committed,
                }
                prop_assert!(file.bytes == expected.bytes);
            }
        }
    }
}
