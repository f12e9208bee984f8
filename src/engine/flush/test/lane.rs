//! When a shard that fails is tried again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::Setup;
use crate::engine::{
    error::{Code, Error},
    flush::{
        Part,
        lane::{Lane, PATIENCE},
    },
    log::Lsn,
};

fn part(setup: &Setup) -> Arc<Part> {
    setup.write(&[(0, 0, Some("1".into()))]);
    Arc::new(setup.parts(1).remove(0))
}

#[test]
fn a_failing_shard_is_tried_again_with_growing_pauses() {
    let setup = Setup::new();
    let mut lane = Lane::default();
    let start = Instant::now();
    assert!(!lane.is_due(start, true), "there is nothing to do");
    let (first, second) = (part(&setup), part(&setup));
    lane.parts.extend([Arc::clone(&first), second]);
    assert!(lane.is_due(start, false));
    assert_eq!(lane.lacks_from(), Some(first.start));
    let error = || Some(Error::new(Code::Io, "failing"));
    let mut pauses = Vec::new();
    for _ in 0..12 {
        lane.settle(0, error(), false, start);
        let retry = lane.retry_at().expect("later");
        assert!(!lane.is_due(start, false) && lane.is_due(start, true) && lane.is_due(retry, false));
        pauses.push(retry - start);
    }
    assert!(pauses.is_sorted() && pauses[0] < pauses[11] && pauses[11] == pauses[10], "{pauses:?}");
    assert_eq!(lane.error.as_ref().map(Error::code), Some(Code::Io));
    lane.settle(1, error(), false, start);
    assert_eq!((lane.parts.len(), lane.lacks_from()), (1, Some(lane.parts[0].start)));
    lane.settle(1, error(), false, start);
    assert!(
        lane.error.is_none() && lane.retry_at().is_none() && lane.lacks_from().is_none(),
        "nothing is left"
    );
}

#[test]
fn a_shard_that_takes_something_now_and_then_is_not_held() {
    let setup = Setup::new();
    let mut lane = Lane::default();
    lane.parts.push_back(part(&setup));
    let error = Error::new(Code::Busy, "held");
    let mut now = Instant::now();
    for applied in (1..=5).map(Lsn) {
        lane.note_applied(applied);
        lane.settle(0, Some(error.clone()), false, now);
        now += PATIENCE - Duration::from_millis(1);
        assert!(!lane.is_worth_telling(&error, now), "others have had their turns, and it has had its own");
    }
    lane.note_applied(Lsn(5));
    lane.settle(0, Some(error.clone()), false, now);
    now += Duration::from_millis(1);
    assert!(lane.is_worth_telling(&error, now) && lane.is_held(now), "it has taken nothing for so long");
}
