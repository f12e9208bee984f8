//! Frames of SQLite's own log, gathered so that many go to the file by one call.
//!
//! SQLite writes a page that a transaction has changed as a frame: a header of 24 bytes, then the page, each by a call of its own. The
//! system takes longer over such a call than over copying its bytes, most of all where the file grows. The frames of a transaction
//! follow one another, and nobody else looks at them before the last one is there, whose header says that it is the last. So they
//! wait here for each other until then, unless SQLite does anything else with the file in between.

use std::{ffi::c_int, ops::Range};

/// So many bytes are enough for one call. With another page of the usual size they are still few enough.
const ENOUGH: usize = 112 << 10;

/// Bytes of a frame's header. No page is as short.
const HEADER: usize = 24;

/// Where a header tells how many pages the database has after the transaction: none, unless it is the last one's.
const PAGES_AFTER: Range<usize> = 4..8;

/// `Err`: SQLite's code of what failed.
pub(super) type Outcome = Result<(), c_int>;

#[derive(Debug, Default)]
pub(super) struct Frames {
    /// In the file they end where the last write does.
    waiting: Vec<u8>,
    /// Where the last write ended, if that was the last thing done with the file.
    end: Option<u64>,
    /// The page of a waiting header comes next: whether it ends the transaction.
    page_is_last: Option<bool>,
}

impl Frames {
    /// What SQLite writes to `at` waits, or is written with all that waits, by `put`.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        at: u64,
        mut put: impl FnMut(&[u8], u64) -> Outcome,
    ) -> Outcome {
        let follows = self.end == Some(at);
        let page_is_last = self.page_is_last.take().filter(|_| follows);
        if page_is_last.is_none() && !(follows && bytes.len() == HEADER) {
            self.settle(&mut put)?;
            put(bytes, at)?;
            self.end = Some(at + bytes.len() as u64);
            return Ok(());
        }
        self.waiting.extend_from_slice(bytes);
        self.end = Some(at + bytes.len() as u64);
        match page_is_last {
            None => self.page_is_last = Some(bytes[PAGES_AFTER] != [0; 4]),
            Some(true) => {
                self.put_waiting(&mut put)?;
                // IMPORTANT: the memory goes too, or each shard's connection would keep some.
                self.waiting = Vec::new();
            }
            Some(false) if self.waiting.len() >= ENOUGH => self.put_waiting(&mut put)?,
            Some(false) => {}
        }
        Ok(())
    }

    /// To be called before anything but a write is done with the file: everything is in it, and the next write is not taken for a
    /// frame that follows the last one.
    pub(super) fn settle(&mut self, put: impl FnMut(&[u8], u64) -> Outcome) -> Outcome {
        self.page_is_last = None;
        let outcome = self.put_waiting(put);
        self.end = None;
        outcome
    }

    /// Of what cannot be written nothing is kept: SQLite takes the transaction back, of which it is.
    fn put_waiting(&mut self, mut put: impl FnMut(&[u8], u64) -> Outcome) -> Outcome {
        let (false, Some(end)) = (self.waiting.is_empty(), self.end) else { return Ok(()) };
        let outcome = put(&self.waiting, end - self.waiting.len() as u64);
        self.waiting.clear();
        if outcome.is_err() {
            self.end = None;
        }
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

    /// Writes frames from `at` on as SQLite does and returns where they end.
    fn write_frames(frames: &mut Frames, at: u64, pages: u8, file: &mut File) -> Result<u64, c_int> {
        let mut at = at;
        for number in 1..=pages {
            for part in [&header(number == pages, number)[..], &[number; PAGE]] {
                frames.write(part, at, |bytes, at| file.put(bytes, at))?;
                at += part.len() as u64;
            }
        }
        Ok(at)
    }

    #[test]
    fn a_transaction_is_in_the_file_with_its_last_frame_and_took_few_calls() {
        let (mut frames, mut file, mut same) = (Frames::default(), File::default(), File::default());
        for (at, pages) in [(32, 1), (32 + 536, 2), (32 + 3 * 536, 255)] {
            write_frames(&mut frames, at, pages, &mut file).expect("writes");
            // One by one, as without any of this.
            for frame in 1..=pages {
                let at = at + u64::from(frame - 1) * 536;
                same.put(&header(frame == pages, frame), at).expect("writes");
                same.put(&[frame; PAGE], at + 24).expect("writes");
            }
            assert!(file.bytes == same.bytes, "after {pages} pages");
        }
        // The very first frame by two calls, because nothing came before it; 255 of them are more than is enough for one call.
        assert_eq!(file.calls, 2 + 1 + 2);
        assert_eq!(frames.waiting.capacity(), 0);
    }

    #[test]
    fn what_cannot_be_written_is_told_and_forgotten() {
        let (mut frames, mut file) = (Frames::default(), File::default());
        let end = write_frames(&mut frames, 32, 1, &mut file).expect("writes");
        file.fails = true;
        assert_eq!(write_frames(&mut frames, end, 3, &mut file), Err(13));
        file.fails = false;
        let before = file.bytes.clone();
        frames.settle(|bytes, at| file.put(bytes, at)).expect("nothing is to be written");
        assert!(file.bytes == before);
        write_frames(&mut frames, end, 2, &mut file).expect("writes");
        assert_eq!(file.bytes.len(), end as usize + 2 * 536);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Frames {
            pages: u8,
            ends: bool,
        },
        /// A page that was written before changes where it is.
        Overwrite(u8),
        /// Headers are written anew after they were read.
        Rewrite(u8),
        Read,
        TakeBack,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..9_u8, any::<bool>()).prop_map(|(pages, ends)| Step::Frames { pages, ends }),
            2 => any::<u8>().prop_map(Step::Overwrite),
            1 => any::<u8>().prop_map(Step::Rewrite),
            1 => Just(Step::Read),
            1 => Just(Step::TakeBack),
        ]
    }

    proptest! {
        #[test]
        fn whoever_looks_finds_what_was_written(steps in prop::collection::vec(step(), 0..40)) {
            let (mut frames, mut file, mut expected) = (Frames::default(), File::default(), File::default());
            let (mut committed, mut count, mut fill) = (0_u64, 0_u64, 0_u8);
            let place = |frame: u64| 32 + frame * 536;
            let mut write = |frames: &mut Frames, file: &mut File, bytes: &[u8], at: u64| {
                expected.put(bytes, at).expect("writes");
                frames.write(bytes, at, |bytes, at| file.put(bytes, at)).expect("writes");
                expected.bytes.clone()
            };
            for step in steps {
                fill = fill.wrapping_add(1);
                let mut looks = None;
                match step {
                    Step::Frames { pages, ends } => {
                        for page in 1..=pages {
                            let is_last = ends && page == pages;
                            write(&mut frames, &mut file, &header(is_last, fill), place(count));
                            let all = write(&mut frames, &mut file, &[fill; PAGE], place(count) + 24);
                            count += 1;
                            if is_last {
                                looks = Some(all);
                                committed = count;
                            }
                        }
                    }
                    Step::Overwrite(which) if count > committed => {
                        let frame = committed + u64::from(which) % (count - committed);
                        write(&mut frames, &mut file, &[fill; PAGE], place(frame) + 24);
                    }
                    Step::Rewrite(which) if count > committed => {
                        for frame in committed + u64::from(which) % (count - committed)..count {
                            frames.settle(|bytes, at| file.put(bytes, at)).expect("writes");
                            looks = Some(write(&mut frames, &mut file, &header(false, fill), place(frame)));
                        }
                    }
                    Step::Read => {
                        frames.settle(|bytes, at| file.put(bytes, at)).expect("writes");
                        prop_assert!(frames.waiting.is_empty());
                    }
                    Step::TakeBack => count = committed,
                    Step::Overwrite(_) | Step::Rewrite(_) => {}
                }
                if let Some(all) = looks {
                    prop_assert!(file.bytes == all);
                }
            }
        }
    }
}
