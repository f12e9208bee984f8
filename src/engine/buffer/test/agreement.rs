//! The index against a list of all writes, while generations end, merge and go.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, test_runner::Config};

use crate::engine::{
    buffer::{Buffer, Frozen, Lookup},
    log::{self, Appended, Draft, Kind, Log, Lsn},
};

const DOCUMENTS: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    /// A record: documents, and whether they are stored or deleted.
    Write(Vec<(usize, bool)>),
    Freeze,
    /// The shard applies a part of the oldest generation that it lacks, or all of it.
    Apply {
        whole: bool,
    },
    Retire,
    Compact,
    /// Somebody else writes a document to the shard, which others than the buffer notice.
    Outside(usize),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => vec((0..DOCUMENTS, prop::bool::weighted(0.75)), 1..4).prop_map(Step::Write),
        2 => Just(Step::Freeze),
        2 => any::<bool>().prop_map(|whole| Step::Apply { whole }),
        1 => Just(Step::Retire),
        1 => Just(Step::Compact),
        1 => (0..DOCUMENTS).prop_map(Step::Outside),
        10 => (0..DOCUMENTS).prop_map(Step::Read),
    ];
    vec(step, 1..200)
}

/// A document: text and version.
type Document = Option<(String, u64)>;

/// What a record has made of all documents.
#[derive(Clone, Default)]
struct State {
    end: Lsn,
    documents: [Document; DOCUMENTS],
    /// Those that the record deletes, whether or not it stores them anew.
    deleted: [bool; DOCUMENTS],
}

/// All writes in order, and the shard of all documents.
struct Comparison {
    log: Arc<Log>,
    buffer: Buffer,
    states: Vec<State>,
    frozen: Vec<Frozen>,
    /// Up to where the shard has the log, and up to where generations were dropped.
    applied: Lsn,
    retired: Lsn,
    /// Where the shard had the log when somebody else wrote to it last.
    changed_at: Lsn,
    written: usize,
}

impl Comparison {
    fn new() -> Comparison {
        let log = log::open_anonymous([1; 16], [2; 16], 1 << 20, Lsn(0)).expect("memory").log;
        Comparison {
            // A record or two.
            buffer: Buffer { part: 100, ..Buffer::new(&log) },
            log,
            states: vec![State::default()],
            frozen: Vec::new(),
            applied: Lsn(0),
            retired: Lsn(0),
            changed_at: Lsn(0),
            written: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Write(ops) => self.write(ops),
            Step::Freeze => self.frozen.extend(self.buffer.freeze()),
            Step::Apply { whole } => self.apply(*whole),
            Step::Retire => {
                let whole = self.frozen.iter().map(|frozen| frozen.end).filter(|end| *end <= self.applied);
                self.retired = whole.max().unwrap_or(self.retired);
                self.buffer.retire(self.applied);
            }
            Step::Compact => self.buffer.compact().expect("is intact"),
            Step::Outside(document) => self.write_outside(*document),
            Step::Read(document) => self.read(*document),
        }
    }

    fn write(&mut self, ops: &[(usize, bool)]) {
        let mut draft = Draft::default();
        draft.clear();
        let mut state =
            State { deleted: Default::default(), ..self.states.last().expect("the first").clone() };
        for (document, stored) in ops {
            let id = document.to_string();
            if *stored {
                self.written += 1;
                let text = self.written.to_string();
                draft.push(Kind::Upsert, 1, "c", &id, text.as_bytes());
                let version = state.documents[*document].as_ref().map_or(0, |(_, version)| *version) + 1;
                state.documents[*document] = Some((text, version));
            } else {
                draft.push(Kind::Delete, 1, "c", &id, b"");
                state.documents[*document] = None;
                state.deleted[*document] = true;
            }
        }
        match self.log.append(&mut draft, || unreachable!("there is room")).expect("appends") {
            Appended::Logged { end, .. } => self.states.push(State { end, ..state }),
            Appended::Queued => unreachable!("there is room"),
        }
    }

    /// The shard's transactions end with records.
    fn apply(&mut self, whole: bool) {
        let Some(frozen) = self.frozen.iter().find(|frozen| frozen.end > self.applied) else { return };
        let next =
            self.states.iter().map(|state| state.end).find(|end| *end > self.applied).expect("a record");
        self.applied = if whole { frozen.end } else { next };
    }

    /// The document gets a higher version in the shard, on which the writes count that the shard lacks.
    fn write_outside(&mut self, document: usize) {
        // NOTE: not up to where generations were to be dropped: of those that were merged all is kept until the newest can go.
        let oldest = self.buffer.oldest();
        let retired = self.states.partition_point(|state| state.end <= oldest);
        let applied = self.states.partition_point(|state| state.end <= self.applied);
        // NOTE: behind a deletion that is still in the buffer versions count from there, whatever others write.
        let is_deleted = self.states[retired..applied].iter().any(|state| state.deleted[document]);
        let (before, after) = self.states.split_at_mut(applied);
        let Some((text, _)) = before.last().expect("the first").documents[document].clone() else { return };
        if is_deleted {
            return;
        }
        self.buffer.forget_versions();
        self.changed_at = self.applied;
        // Where the shard has nothing newer, earlier states are the same.
        let same = before.iter_mut().rev().map(|state| state.documents[document].as_mut());
        let same = same.map_while(|found| found.filter(|(other, _)| *other == text));
        let later = after.iter_mut().take_while(|state| !state.deleted[document]);
        let later = later.map_while(|state| state.documents[document].as_mut());
        same.chain(later).for_each(|(_, version)| *version += 10);
    }

    fn state_at(&self, lsn: Lsn) -> &[Document; DOCUMENTS] {
        &self.states.iter().rev().find(|state| state.end <= lsn).expect("the first").documents
    }

    fn read(&mut self, document: usize) {
        let id = document.to_string();
        let expected = self.state_at(self.log.head())[document].clone();
        let mut text = Vec::new();
        let lookup = match self.buffer.try_read(1, &id, &mut text).expect("is intact") {
            Lookup::Behind => {
                text.clear();
                self.buffer.read(1, &id, &mut text).expect("is intact")
            }
            found => found,
        };
        let found = String::from_utf8(text).expect("UTF-8");
        let newest = match &lookup {
            Lookup::Deleted(newest) => Some(newest),
            Lookup::Known(_, pending) | Lookup::Unsettled(pending) => Some(&pending.newest),
            Lookup::Absent | Lookup::Behind => None,
        };
        if newest.is_some_and(|newest| newest.is_before(|| self.changed_at)) {
            // Then the shard is asked.
            return assert_eq!(self.state_at(self.applied)[document], expected);
        }
        match lookup {
            // Then what every shard has is its newest state.
            Lookup::Absent => assert_eq!(self.state_at(self.retired)[document], expected),
            Lookup::Behind => unreachable!("it waits"),
            Lookup::Deleted(_) => assert_eq!(expected, None),
            Lookup::Known(version, _) => assert_eq!(Some((found, version)), expected),
            Lookup::Unsettled(pending) => {
                let stored =
                    self.state_at(self.applied)[document].as_ref().map_or(0, |(_, version)| *version);
                let settled =
                    self.buffer.settle((1, &id), pending, (stored, self.applied)).expect("is intact");
                assert_eq!(settled.map(|version| (found, version)), expected);
                let again = self.buffer.read(1, &id, &mut Vec::new()).expect("is intact");
                assert_eq!(again, Lookup::Known(settled.expect("just so"), pending), "it is remembered");
            }
        }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 400, ..Config::default() })]

    #[test]
    fn the_index_agrees_with_the_list_of_writes(steps in steps()) {
        let mut comparison = Comparison::new();
        for step in &steps {
            comparison.step(step);
        }
        (0..DOCUMENTS).for_each(|document| comparison.read(document));
    }
}
