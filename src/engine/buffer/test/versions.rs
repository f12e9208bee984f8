//! Versions: asked for, learned, forgotten.

use super::{delete, pending, setup, write};
use crate::engine::{
    buffer::{Buffer, Lookup},
    log::Lsn,
};

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
