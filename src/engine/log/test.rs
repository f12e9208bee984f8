//! The log's format against random and damaged bytes, and the ring against a list.

use std::{
    collections::VecDeque,
    fs,
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{
    Access, Appended, Draft, Id, Kind, Log, Lsn,
    file::{self, Opened, Renewed},
    header::{Found, LogHeader, PAGE, RING_AT},
    queue::{Queue, Task},
    record::{FLAG_PAD, Header, RECORD_HEADER, align, decode_op},
};
use crate::engine::{
    error::{Code, Error},
    io::Disk,
    options::Backend,
};

pub(super) const DATABASE: Id = [7; 16];
const SEED: u32 = 1234;

pub(super) fn open(path: &Path, capacity: u64, database: Id) -> Result<Opened, Error> {
    file::open(path, database, &Access { files: Arc::new(Disk), backend: Backend::Auto, capacity })
}

/// An operation, owned: whether it deletes, number, collection, id, text.
type Owned = (bool, u32, String, String, Vec<u8>);

fn ops() -> impl Strategy<Value = Vec<Owned>> {
    let name = prop_oneof![".{0,12}", Just("x".repeat(65_535))];
    vec((any::<bool>(), any::<u32>(), name, ".{0,20}", vec(any::<u8>(), 0..200)), 0..8)
}

fn draft(ops: &[Owned]) -> Draft {
    let mut draft = Draft::default();
    draft.clear();
    for (delete, number, collection, id, value) in ops {
        let kind = if *delete { Kind::Delete } else { Kind::Upsert };
        draft.push(kind, *number, collection, id, value);
    }
    draft
}

fn owned(op: super::Op<'_>) -> Owned {
    (op.kind == Kind::Delete, op.number, op.collection.to_owned(), op.id.to_owned(), op.value.to_owned())
}

/// A record of one operation that takes about `size` bytes.
pub(super) fn one(text: &str) -> Draft {
    draft(&[(false, 0, "c".to_owned(), "id".to_owned(), text.as_bytes().to_vec())])
}

fn cheap() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(cheap())]

    #[test]
    fn a_record_is_read_as_it_was_written(ops in ops(), lsn in 0..1_u64 << 40, time in 0..1_u64 << 50) {
        let mut draft = draft(&ops);
        prop_assert_eq!(draft.iter().map(owned).collect::<Vec<_>>(), ops.clone());
        let mut bytes = draft.finish(SEED, Lsn(lsn * 8), time).to_vec();
        prop_assert_eq!(align(bytes.len() as u64), draft.len());
        bytes.extend_from_slice(b"what lies behind it");
        let (header, found) = Header::verify(&bytes, SEED, Lsn(lsn * 8)).expect("is whole");
        prop_assert_eq!((header.lsn, header.time_ms, header.ops), (Lsn(lsn * 8), time, ops.len() as u32));
        prop_assert_eq!(found.map(owned).collect::<Vec<_>>(), ops);
        // Of another place, another run, or cut off, it is none.
        prop_assert!(Header::verify(&bytes, SEED, Lsn(lsn * 8 + 8)).is_none());
        prop_assert!(Header::verify(&bytes, SEED + 1, Lsn(lsn * 8)).is_none());
        prop_assert!(Header::verify(&bytes[..header.length as usize - 1], SEED, Lsn(lsn * 8)).is_none());
    }

    #[test]
    fn garbage_is_no_record(mut bytes in vec(any::<u8>(), 0..300), length in any::<u32>(), count in any::<u32>()) {
        // With numbers that look right more often than random ones.
        for (at, number) in [(0, length % 400), (24, count % 4), (28, count % 2)] {
            if let Some(place) = bytes.get_mut(at..at + 4) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
        if bytes.len() >= 16 {
            bytes[8..16].fill(0);
        }
        prop_assert!(Header::verify(&bytes, SEED, Lsn(0)).is_none());
        prop_assert!(decode_op(&bytes, true).is_none());
        // Unchecked it may be anything, but must not lead outside.
        let _ = decode_op(&bytes, false);
    }

    #[test]
    fn a_header_is_read_as_it_was_written(numbers in [0..1_u64 << 59, 0..1_u64 << 59, 0..1_u64 << 59, 0..1_u64 << 59], capacity in 1..=1_u64 << 37, database in any::<Id>(), log in any::<Id>()) {
        let [sequence, epoch, start, synced] = numbers;
        let (start, synced, capacity) = (Lsn(start * 8), Lsn(synced), capacity * 8);
        let header = LogHeader { sequence, database, log, epoch, capacity, start, synced };
        let mut pages = vec![0; 2 * PAGE];
        let encoded = header.encode();
        pages[header.offset()..][..encoded.len()].copy_from_slice(&encoded);
        prop_assert_eq!(LogHeader::find(&pages), Found::Header(header));
    }

    #[test]
    fn garbage_is_no_header(mut pages in vec(any::<u8>(), 0..2 * PAGE), magic in any::<bool>()) {
        if magic && pages.len() > 8 {
            pages[..8].copy_from_slice(b"KIMDBLOG");
        }
        prop_assert!(!matches!(LogHeader::find(&pages), Found::Header(_)));
    }
}

#[test]
fn every_flipped_bit_of_a_record_is_noticed() {
    let ops = [
        (false, 1, "users".to_owned(), "a".to_owned(), b"{\"n\":1}".to_vec()),
        (true, 2, "사용자".to_owned(), "b".to_owned(), Vec::new()),
    ];
    let bytes = draft(&ops).finish(SEED, Lsn(64), 5).to_vec();
    assert!(Header::verify(&bytes, SEED, Lsn(64)).is_some());
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Header::verify(&damaged, SEED, Lsn(64)).is_none(), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_a_header_leaves_the_other_copy() {
    let header = |sequence| LogHeader {
        sequence,
        database: DATABASE,
        log: [1; 16],
        epoch: 3,
        capacity: 4096,
        start: Lsn(sequence * 8),
        synced: Lsn(sequence * 8),
    };
    let (older, newer) = (header(4), header(5));
    let mut pages = vec![0; 2 * PAGE];
    for header in [older, newer] {
        pages[header.offset()..][..88].copy_from_slice(&header.encode());
    }
    assert_eq!(LogHeader::find(&pages), Found::Header(newer));
    for (damaged, left) in [(older, newer), (newer, older)] {
        for bit in 0..88 * 8 {
            let mut pages = pages.clone();
            pages[damaged.offset() + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(LogHeader::find(&pages), Found::Header(left), "bit {bit}");
            // Without the magic and without another copy it may be any file.
            pages[left.offset() + 70] ^= 1;
            assert_eq!(LogHeader::find(&pages), Found::Damaged, "bit {bit}");
        }
    }
}

fn anonymous(capacity: u64) -> Arc<Log> {
    file::open_anonymous(DATABASE, [1; 16], capacity, Lsn(0)).expect("memory").log
}

/// Appends what fits for certain.
pub(super) fn append(log: &Log, draft: &mut Draft) -> Lsn {
    match log.append(draft, || unreachable!("there is room")).expect("appends") {
        Appended::Logged { end, .. } => end,
        Appended::Queued => unreachable!("there is room"),
    }
}

/// The texts of all operations between the tail and the head.
pub(super) fn texts(log: &Arc<Log>) -> Vec<Vec<u8>> {
    let claim = log.claim(log.tail());
    let mut texts = Vec::new();
    let walk = claim.walk(log.tail(), log.head(), |met| {
        assert_eq!(claim.op(met.at).expect("is intact"), met.op, "found again by its place");
        texts.push(met.op.value.to_vec());
        ControlFlow::Continue(())
    });
    walk.expect("is intact");
    texts
}

#[derive(Debug, Clone)]
enum Step {
    /// A record with texts of these sizes.
    Append(Vec<usize>),
    /// So many records from the tail on.
    Reclaim(usize),
    Sync,
    /// The process is killed and another one opens what it left.
    Kill,
    /// As before, and that one ends recovery.
    Renew,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => vec(prop_oneof![0..30usize, 0..300usize], 1..4).prop_map(Step::Append),
        3 => (0..12usize).prop_map(Step::Reclaim),
        3 => Just(Step::Sync),
        2 => Just(Step::Kill),
        1 => Just(Step::Renew),
    ];
    vec(step, 1..150)
}

/// A record in the list that the ring is compared with: its end and its texts.
type Listed = (Lsn, Vec<Vec<u8>>);

struct Comparison {
    folder: tempfile::TempDir,
    kills: usize,
    opened: Option<Opened>,
    log: Arc<Log>,
    listed: VecDeque<Listed>,
    count: usize,
}

/// Several pages, and the last one is not whole: a lap does not begin where a page does.
const CAPACITY: u64 = 3 * 4096 + 1000;

impl Comparison {
    fn new() -> Comparison {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = open(&folder.path().join("0"), CAPACITY, DATABASE).expect("opens");
        let log = Arc::clone(&opened.log);
        Comparison { folder, kills: 0, opened: Some(opened), log, listed: VecDeque::new(), count: 0 }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(sizes) => self.append(sizes),
            Step::Reclaim(count) => {
                let kept = self.listed.split_off((*count).min(self.listed.len()));
                let end = self.listed.back().map(|(end, _)| *end);
                self.listed = kept;
                end.into_iter().for_each(|end| self.log.reclaim(end).expect("reclaims"));
            }
            Step::Sync => assert_eq!(self.log.sync().expect("syncs"), self.log.head()),
            Step::Kill => self.kill(),
            Step::Renew => {
                self.kill();
                let head = self.log.head();
                let opened = self.opened.take().expect("just opened");
                self.log = opened.renew(head).expect("renews").log;
                self.listed.clear();
            }
        }
    }

    fn append(&mut self, sizes: &[usize]) {
        let mut texts = Vec::new();
        for size in sizes {
            self.count += 1;
            texts.push(format!("{}:{}", self.count, "x".repeat(*size)).into_bytes());
        }
        let ops: Vec<Owned> =
            texts.iter().map(|text| (false, 0, "c".to_owned(), "id".to_owned(), text.clone())).collect();
        let mut draft = draft(&ops);
        // As the engine does before it waits: room is made first.
        let room = |log: &Log| CAPACITY - log.used() >= 2 * draft.len();
        while !room(&self.log) {
            self.step(&Step::Reclaim(3));
        }
        let end = append(&self.log, &mut draft);
        self.listed.push_back((end, texts));
    }

    /// Opens a copy of the file as it is now.
    fn kill(&mut self) {
        let name = |number: usize| self.folder.path().join(number.to_string());
        let (from, to) = (name(self.kills), name(self.kills + 1));
        fs::copy(from, &to).expect("copies");
        self.kills += 1;
        let opened = open(&to, CAPACITY, DATABASE).expect("opens");
        self.log = Arc::clone(&opened.log);
        self.opened = Some(opened);
    }

    fn check(&self) {
        let listed: Vec<Vec<u8>> = self.listed.iter().flat_map(|(_, texts)| texts.clone()).collect();
        assert_eq!(texts(&self.log), listed);
    }
}

proptest! {
    #![proptest_config(Config { cases: 60, ..cheap() })]

    #[test]
    fn the_ring_holds_what_a_list_holds_also_after_kills(steps in steps()) {
        let mut comparison = Comparison::new();
        for step in &steps {
            comparison.step(step);
            comparison.check();
        }
        comparison.step(&Step::Kill);
        comparison.check();
    }
}

#[test]
fn records_of_an_earlier_lap_and_epoch_are_not_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    // Records of one size that divides the ring: what an earlier lap left lines up exactly.
    let mut record = one("123456789");
    assert_eq!(record.len(), 64);
    for kept in 0..16 {
        let copy = folder.path().join(format!("copy {kept}"));
        let _ = fs::remove_file(&path);
        let opened = open(&path, 1024, DATABASE).expect("opens");
        for _ in 0..16 {
            append(&opened.log, &mut record);
        }
        opened.log.reclaim(opened.log.head()).expect("reclaims");
        for _ in 0..kept {
            append(&opened.log, &mut record);
        }
        fs::copy(&path, &copy).expect("copies");
        let killed = open(&copy, 1024, DATABASE).expect("opens");
        assert_eq!(texts(&killed.log).len(), kept, "of this lap");
        let Renewed { log, .. } = killed.renew(Lsn(0)).expect("renews");
        assert_eq!(texts(&log).len(), 0);
        // The new epoch continues where the old one ended; behind that lie records of the old lap.
        for _ in 0..3 {
            append(&log, &mut record);
        }
        let again = folder.path().join(format!("again {kept}"));
        fs::copy(&copy, &again).expect("copies");
        assert_eq!(texts(&open(&again, 1024, DATABASE).expect("opens").log).len(), 3, "of this epoch");
    }
}

#[test]
fn whole_records_behind_a_damaged_one_do_not_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, cut, again) =
        (folder.path().join("log"), folder.path().join("cut"), folder.path().join("again"));
    let log = open(&path, 4096, DATABASE).expect("opens").log;
    let mut record = one("123456789");
    for _ in 0..20 {
        append(&log, &mut record);
    }
    let mut bytes = fs::read(&path).expect("reads");
    // A power cut can lose a sector in the middle.
    bytes[RING_AT as usize + 5 * 64 + 20] ^= 1;
    for appended in 0..20 {
        fs::write(&cut, &bytes).expect("writes");
        let opened = open(&cut, 4096, DATABASE).expect("opens");
        assert_eq!(texts(&opened.log).len(), 5);
        let Renewed { log, .. } = opened.renew(Lsn(0)).expect("renews");
        // The new records end where old ones begin.
        for _ in 0..appended {
            append(&log, &mut record);
        }
        fs::copy(&cut, &again).expect("copies");
        drop(log);
        assert_eq!(texts(&open(&again, 4096, DATABASE).expect("opens").log).len(), appended);
    }
}

#[test]
fn a_new_epoch_begins_behind_what_the_shards_have() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(&folder.path().join("log"), 1024, DATABASE).expect("opens");
    append(&opened.log, &mut one("lost"));
    let Renewed { log, .. } = opened.renew(Lsn(800)).expect("renews");
    assert!(log.head() >= Lsn(800) && log.head().0.is_multiple_of(8) && log.tail() == log.head());
    append(&log, &mut one("kept"));
    assert_eq!(texts(&log), [b"kept"]);
}

#[test]
fn a_claim_keeps_its_records_in_place() {
    let log = anonymous(1024);
    append(&log, &mut one("first"));
    let second = log.head();
    append(&log, &mut one("second"));
    let claim = log.claim(second);
    let later = log.claim(log.head());
    append(&log, &mut one("third"));
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!(log.tail(), second, "the oldest claim counts");
    assert_eq!(texts(&log), [b"second".to_vec(), b"third".to_vec()]);
    drop(claim);
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!(texts(&log), [b"third"]);
    drop(later);
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!((log.used(), texts(&log).len()), (0, 0));
}

#[test]
fn a_walk_from_any_record_to_any_other_meets_those_between() {
    let log = anonymous(1024);
    let mut ends = Vec::new();
    for i in 0..40 {
        if log.used() > 600 {
            let tail = ends[ends.len() - 4];
            log.reclaim(tail).expect("reclaims");
        }
        ends.push(append(&log, &mut one(&format!("{i}{}", "x".repeat(i * 3)))));
    }
    let last: Vec<Lsn> = ends.into_iter().filter(|end| *end >= log.tail()).collect();
    let claim = log.claim(log.tail());
    for (i, from) in last.iter().enumerate() {
        for (j, to) in last.iter().enumerate().skip(i) {
            let mut met = 0;
            claim
                .walk(*from, *to, |_| {
                    met += 1;
                    ControlFlow::Continue(())
                })
                .expect("is intact");
            assert_eq!(met, j - i);
        }
    }
}

#[test]
fn a_change_from_outside_is_noticed_when_the_record_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, 1024, DATABASE).expect("opens").log;
    append(&log, &mut one("a document"));
    let mut bytes = fs::read(&path).expect("reads");
    bytes[RING_AT as usize + RECORD_HEADER + 30] ^= 1;
    // Into the same file, which is mapped.
    let file = fs::OpenOptions::new().write(true).open(&path).expect("opens");
    std::io::Write::write_all(&mut &file, &bytes).expect("writes");
    let claim = log.claim(log.tail());
    let error = claim.walk(log.tail(), log.head(), |_| ControlFlow::Continue(())).expect_err("damaged");
    assert_eq!((error.code(), error.path()), (Code::Corrupt, Some(path.as_path())));
}

#[test]
fn padding_at_the_end_of_a_lap_is_no_operation() {
    let log = anonymous(512);
    // 96 bytes each: the sixth does not fit the rest of the lap.
    for number in 0..9 {
        log.reclaim(log.head()).expect("reclaims");
        append(&log, &mut one(&format!("{number}{}", "x".repeat(40))));
        assert_eq!(texts(&log), [format!("{number}{}", "x".repeat(40)).into_bytes()]);
    }
    assert_eq!(log.position().0, 9, "padding is not counted");
    let header = Header { length: 64, lsn: Lsn(192), time_ms: 0, ops: 0, flags: FLAG_PAD };
    let bytes = [header.encode(SEED, 0).to_vec(), vec![9; 32]].concat();
    let (found, mut ops) = Header::verify(&bytes, SEED, Lsn(192)).expect("padding is a record");
    assert!(found == header && ops.next().is_none(), "whatever lies in it");
}

/// A callback that notes its name and how it ended.
fn noting(notes: &Arc<Mutex<Vec<(String, bool)>>>, name: &str) -> super::Done {
    let (notes, name) = (Arc::clone(notes), name.to_owned());
    Box::new(move |result| notes.lock().expect("no panic").push((name, result.is_ok())))
}

#[test]
fn a_full_log_queues_in_order_and_drains_in_order() {
    let log = anonymous(512);
    let notes = Arc::default();
    let mut logged = 0;
    while let Appended::Logged { .. } =
        log.append(&mut one("123456789"), || noting(&notes, "first")).expect("appends")
    {
        logged += 1;
    }
    assert_eq!(logged, 8);
    // Smaller ones do not overtake.
    let second = log.append(&mut one(""), || noting(&notes, "second")).expect("queues");
    assert_eq!(second, Appended::Queued);
    assert!(log.barrier(|| noting(&notes, "barrier")));
    assert!(log.has_waiting() && log.accepted() == (8, 2));
    assert!(!log.drain().expect("drains"), "there is no room yet");
    assert!(notes.lock().expect("no panic").is_empty());
    log.reclaim(Lsn(64)).expect("reclaims");
    log.drain().expect("drains");
    assert_eq!(*notes.lock().expect("no panic"), [("first".to_owned(), true)]);
    log.reclaim(Lsn(512)).expect("reclaims");
    log.drain().expect("drains");
    let names: Vec<String> = notes.lock().expect("no panic").iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["first", "second", "barrier"]);
    assert!(!log.has_waiting() && log.accepted() == (10, 0) && log.waiting_bytes() == 0);
    assert!(!log.barrier(|| noting(&notes, "never")), "nothing waits");
}

#[test]
fn a_record_too_large_for_the_ring_holds_up_what_comes_after() {
    let log = anonymous(1024);
    let notes = Arc::default();
    let large = "x".repeat(500);
    append(&log, &mut one("before"));
    assert_eq!(log.append(&mut one(&large), || noting(&notes, "large")), Ok(Appended::Queued));
    assert_eq!(log.append(&mut one("after"), || noting(&notes, "after")), Ok(Appended::Queued));
    assert!(log.drain().expect("drains"), "it is first in line");
    let (draft, ..) = log.take_direct().expect("it is first in line");
    assert_eq!(draft.iter().next().expect("an operation").value, large.as_bytes());
    assert_eq!(log.append(&mut one("later"), || noting(&notes, "later")), Ok(Appended::Queued));
    log.finish_direct(Ok(()));
    assert!(!log.drain().expect("drains"));
    let names: Vec<String> = notes.lock().expect("no panic").iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["large", "after", "later"]);
    assert_eq!(texts(&log), [b"before".to_vec(), b"after".to_vec(), b"later".to_vec()]);
}

#[test]
fn the_scheduler_is_woken_once_at_the_count_it_asked_for() {
    let log = anonymous(4096);
    assert!(!log.wake_at(3));
    let wakes: Vec<bool> = (0..5)
        .map(|_| {
            matches!(log.append(&mut one(""), || unreachable!()), Ok(Appended::Logged { wake: true, .. }))
        })
        .collect();
    assert_eq!(wakes, [false, false, true, false, false]);
    assert!(log.wake_at(5) && !log.wake_at(6));
}

#[test]
fn a_queue_is_bounded_expires_and_counts() {
    let notes = Arc::default();
    let mut queue = Queue::new(1000);
    let task = |size: usize| Task::Record { draft: one(&"x".repeat(size)), time_ms: 0, direct: false };
    queue.push(task(300), || noting(&notes, "a")).expect("fits");
    queue.push(task(5000), || noting(&notes, "b")).expect("one too large is taken while there is room");
    assert!(queue.is_full() && queue.ops() == 2 && queue.bytes() > 5300);
    let error = queue.push(task(1), || unreachable!("not taken")).expect_err("full");
    assert_eq!(error.code(), Code::BufferFull);
    queue.push_barrier(|| noting(&notes, "barrier"));
    assert_eq!(queue.first_length(), Some(Some(one(&"x".repeat(300)).len())));
    assert_eq!(queue.expire(Instant::now() - std::time::Duration::from_secs(60)).len(), 0);
    std::thread::sleep(std::time::Duration::from_millis(1));
    assert_eq!(queue.expire(Instant::now()).len(), 3);
    assert!(queue.is_empty() && queue.bytes() == 0 && queue.ops() == 0 && queue.first_length().is_none());
}

#[test]
fn one_process_at_a_time_has_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let opened = open(&path, 1024, DATABASE).expect("opens");
    assert_eq!(open(&path, 1024, DATABASE).expect_err("in use").code(), Code::Locked);
    assert_eq!(open(&path, 1024, [8; 16]).expect_err("in use").code(), Code::WalMismatch);
    drop(opened);
    assert_eq!(open(&path, 1024, [8; 16]).expect_err("another's").code(), Code::WalMismatch);
    open(&path, 1024, DATABASE).expect("opens");
}
