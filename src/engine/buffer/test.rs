//! The index against a list of all writes, while generations end, merge and go.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{Buffer, Frozen, Lookup, lookup::Pending};
use crate::engine::log::{self, Appended, Draft, Kind, Log, Lsn};

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

fn write(log: &Log, id: &str) {
    let mut draft = Draft::default();
    draft.clear();
    draft.push(Kind::Upsert, 1, "c", id, b"text");
    log.append(&mut draft, || unreachable!("there is room")).expect("appends");
}

fn delete(log: &Log, id: &str) {
    let mut draft = Draft::default();
    draft.clear();
    draft.push(Kind::Delete, 1, "c", id, b"");
    log.append(&mut draft, || unreachable!("there is room")).expect("appends");
}

fn pending(buffer: &Buffer, id: &str) -> Pending {
    match buffer.read(1, id, &mut Vec::new()).expect("is intact") {
        Lookup::Unsettled(pending) => pending,
        other => panic!("{other:?}"),
    }
}

fn setup() -> (Arc<Log>, Buffer) {
    let log = log::open_anonymous([1; 16], [2; 16], 1 << 16, Lsn(0)).expect("memory").log;
    let buffer = Buffer::new(&log);
    (log, buffer)
}

#[test]
fn settling_fails_when_the_document_was_written_since() {
    let (log, buffer) = setup();
    write(&log, "a");
    let asked = pending(&buffer, "a");
    write(&log, "a");
    assert_eq!(buffer.settle((1, "a"), asked, (0, Lsn(0))), Ok(None));
    let found = buffer.read(1, "a", &mut Vec::new());
    assert!(matches!(found, Ok(Lookup::Known(2, _))), "what came before is known: {found:?}");
}

#[test]
fn settling_fails_when_the_generation_is_gone() {
    let (log, buffer) = setup();
    write(&log, "a");
    let asked = pending(&buffer, "a");
    let frozen = buffer.freeze().expect("not empty");
    buffer.retire(frozen.end);
    assert_eq!(
        buffer.settle((1, "a"), asked, (0, Lsn(0))),
        Ok(None),
        "the shard was asked before it had the write"
    );
    assert_eq!(buffer.read(1, "a", &mut Vec::new()), Ok(Lookup::Absent));
}

#[test]
fn a_shard_that_is_ahead_of_the_lookup_is_not_counted_twice() {
    let (log, buffer) = setup();
    write(&log, "a");
    let asked = pending(&buffer, "a");
    let frozen = buffer.freeze().expect("not empty");
    // The shard has it meanwhile, and nothing was dropped yet.
    assert_eq!(buffer.settle((1, "a"), asked, (1, frozen.end)), Ok(Some(1)));
}

#[test]
fn a_record_is_indexed_in_one_generation_only() {
    let (log, buffer) = setup();
    for generation in 1..8 {
        write(&log, "a");
        // Indexed before the generation ends.
        buffer.read(1, "a", &mut Vec::new()).expect("is intact");
        write(&log, "a");
        buffer.freeze().expect("not empty");
        let version = || match buffer.read(1, "a", &mut Vec::new()) {
            Ok(Lookup::Known(version, _)) => Ok(Some(version)),
            Ok(Lookup::Unsettled(pending)) => buffer.settle((1, "a"), pending, (0, Lsn(0))),
            other => panic!("generation {generation}: {other:?}"),
        };
        assert_eq!(version(), Ok(Some(2 * generation)));
        buffer.compact().expect("is intact");
        assert_eq!(version(), Ok(Some(2 * generation)), "merged");
    }
}

#[test]
fn who_must_not_wait_does_not_index_much() {
    let (log, buffer) = setup();
    let buffer = Buffer { part: 1000, ..buffer };
    let try_read = |id: &str| buffer.try_read(1, id, &mut Vec::new()).expect("is intact");
    write(&log, "a");
    assert!(matches!(try_read("a"), Lookup::Unsettled(_)), "little");
    let asked = pending(&buffer, "a");
    (0..100).for_each(|i| write(&log, &format!("id{i}")));
    assert_eq!(try_read("a"), Lookup::Behind);
    assert_eq!(buffer.try_settle((1, "a"), asked, (0, Lsn(0))), Ok(None), "nor here");
    assert_eq!(buffer.settle((1, "a"), asked, (0, Lsn(0))), Ok(Some(1)), "who waits does");
    (0..100).for_each(|i| write(&log, &format!("id{i}")));
    buffer.freeze().expect("not empty");
    write(&log, "b");
    assert!(matches!(try_read("b"), Lookup::Behind), "an older part of the history may be missing");
    let mut text = b"before ".to_vec();
    assert!(matches!(buffer.read(1, "id50", &mut text), Ok(Lookup::Unsettled(_))));
    assert_eq!(text, b"before text");
    for id in ["a", "b", "id0", "id99"] {
        assert!(!matches!(try_read(id), Lookup::Behind), "{id}: all is indexed");
    }
}

#[test]
fn a_read_in_parts_counts_what_others_have_indexed_meanwhile() {
    let (log, buffer) = setup();
    let buffer = Buffer { part: 200, ..buffer };
    delete(&log, "x");
    write(&log, "x");
    (0..50).for_each(|i| write(&log, &format!("id{i}")));
    let head = log.head();
    let hash = |number, id: &str| buffer.hash(number, id);
    buffer.state.lock().current.catch_up_by(200, head, hash).expect("is intact");
    // Between two parts.
    write(&log, "x");
    buffer.freeze().expect("not empty");
    write(&log, "x");
    assert_eq!(buffer.try_read(1, "x", &mut Vec::new()), Ok(Lookup::Behind));
    let mut state = buffer.state.lock();
    buffer.catch_up_in_parts(&mut state, head).expect("is intact");
    match buffer.look_up(&mut state, head, (1, "x"), &mut Vec::new()) {
        Ok(Lookup::Known(version, _)) => assert_eq!(version, 3),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thread_that_must_not_wait_does_not_wait_for_the_lock() {
    let (log, buffer) = setup();
    write(&log, "a");
    let asked = pending(&buffer, "a");
    let held = buffer.state.lock();
    assert_eq!(buffer.try_read(1, "a", &mut Vec::new()), Ok(Lookup::Behind));
    assert_eq!(buffer.try_settle((1, "a"), asked, (0, Lsn(0))), Ok(None));
    drop(held);
    assert!(matches!(buffer.try_read(1, "a", &mut Vec::new()), Ok(Lookup::Unsettled(_))));
}

#[test]
fn many_generations_become_few_and_keep_what_they_know() {
    let (log, buffer) = setup();
    for generation in 0..40_u64 {
        write(&log, "all");
        (0..generation % 5).for_each(|i| write(&log, &format!("id{i}")));
        buffer.freeze().expect("not empty");
        buffer.compact().expect("is intact");
        assert!(buffer.state.lock().frozen.len() <= super::MOST_FROZEN);
    }
    let settled = |id| buffer.settle((1, id), pending(&buffer, id), (0, Lsn(0)));
    assert_eq!(settled("all"), Ok(Some(40)));
    assert_eq!([settled("id0"), settled("id3")], [Ok(Some(32)), Ok(Some(8))]);
    let starts: Vec<_> =
        buffer.state.lock().frozen.iter().map(|frozen| (frozen.start(), frozen.end())).collect();
    assert!(starts.windows(2).all(|pair| pair[0].1 == Some(pair[1].0)), "nothing is left out: {starts:?}");
}

#[test]
fn generations_that_are_merged_learn_versions_once_more() {
    let (log, buffer) = setup();
    let settled = |stored| buffer.settle((1, "a"), pending(&buffer, "a"), (stored, Lsn(0)));
    write(&log, "a");
    buffer.freeze().expect("not empty");
    assert_eq!(settled(0), Ok(Some(1)));
    for _ in 0..super::MOST_FROZEN {
        write(&log, "a");
        buffer.freeze().expect("not empty");
    }
    buffer.compact().expect("is intact");
    assert_eq!(buffer.state.lock().frozen.len(), super::MOST_FROZEN);
    assert_eq!(settled(10), Ok(Some(15)));
    buffer.forget_versions();
    assert_eq!(settled(20), Ok(Some(25)));
}

#[test]
fn what_was_learned_is_forgotten_whatever_came_behind() {
    let (log, buffer) = setup();
    let known = |id| match buffer.read(1, id, &mut Vec::new()).expect("is intact") {
        Lookup::Known(version, _) => version,
        other => panic!("{other:?}"),
    };
    let settled = |id, stored| buffer.settle((1, id), pending(&buffer, id), (stored, Lsn(0)));
    let ids = ["written", "deleted", "stored"];
    ids.iter().for_each(|id| write(&log, id));
    assert_eq!(ids.map(|id| settled(id, 4)), [Ok(Some(5)), Ok(Some(5)), Ok(Some(5))]);
    write(&log, "written");
    delete(&log, "deleted");
    delete(&log, "stored");
    write(&log, "stored");
    assert_eq!([known("written"), known("stored")], [6, 1]);
    buffer.forget_versions();
    assert_eq!((settled("written", 10), known("stored")), (Ok(Some(12)), 1));
    assert!(matches!(buffer.read(1, "deleted", &mut Vec::new()), Ok(Lookup::Deleted(_))));
}

#[test]
fn forgetting_versions_leaves_nothing_to_index() {
    let (log, buffer) = setup();
    let buffer = Buffer { part: 1000, ..buffer };
    (0..100).for_each(|i| write(&log, &format!("id{i}")));
    let try_read = |id: &str| buffer.try_read(1, id, &mut Vec::new()).expect("is intact");
    assert_eq!(buffer.settle((1, "id50"), pending(&buffer, "id50"), (0, Lsn(0))), Ok(Some(1)));
    assert!(matches!(try_read("id50"), Lookup::Known(1, _)));
    buffer.forget_versions();
    assert!(matches!(try_read("id50"), Lookup::Unsettled(_)));
}

#[test]
fn an_empty_generation_does_not_end() {
    let (log, buffer) = setup();
    assert!(buffer.freeze().is_none());
    write(&log, "a");
    let frozen = buffer.freeze().expect("not empty");
    assert_eq!((frozen.start, frozen.end, frozen.ops), (Lsn(0), log.head(), 1));
    assert!(buffer.freeze().is_none());
    assert_eq!(buffer.oldest(), Lsn(0));
    buffer.retire(frozen.end);
    assert_eq!(buffer.oldest(), frozen.end);
    assert_eq!(buffer.read(1, "a", &mut Vec::new()), Ok(Lookup::Absent));
}

#[test]
fn what_is_not_retired_stays_in_the_log() {
    let (log, buffer) = setup();
    write(&log, "a");
    let frozen = buffer.freeze().expect("not empty");
    let end = frozen.end;
    drop(frozen);
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!(log.tail(), Lsn(0), "the buffer still reads from it");
    buffer.retire(end);
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!(log.tail(), end);
}

#[test]
fn the_same_id_in_two_collections_is_two_documents() {
    let (log, buffer) = setup();
    write(&log, "a");
    assert_eq!(buffer.read(2, "a", &mut Vec::new()), Ok(Lookup::Absent));
}
