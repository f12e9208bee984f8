//! The ring against a list: laps, kills, epochs.

use std::{collections::VecDeque, fs, sync::Arc};

use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{
    super::{
        Log, Lsn,
        header::RING_AT,
        opened::{Opened, Renewed},
    },
    DATABASE, Owned, append, cheap, draft, one, open, sized, texts,
};

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
    let mut record = sized(64);
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
    let mut record = sized(64);
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
