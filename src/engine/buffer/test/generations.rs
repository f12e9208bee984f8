//! Generations: indexed, ended, merged, dropped; and who waits for that.

use super::{delete, pending, setup, write};
use crate::engine::{
    buffer::{Buffer, Lookup, MOST_FROZEN},
    log::Lsn,
};

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
        assert!(buffer.state.lock().frozen.len() <= MOST_FROZEN);
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
    for _ in 0..MOST_FROZEN {
        write(&log, "a");
        buffer.freeze().expect("not empty");
    }
    buffer.compact().expect("is intact");
    assert_eq!(buffer.state.lock().frozen.len(), MOST_FROZEN);
    assert_eq!(settled(10), Ok(Some(15)));
    buffer.forget_versions();
    assert_eq!(settled(20), Ok(Some(25)));
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
