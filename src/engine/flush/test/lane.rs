//! When a shard that fails is tried again.

use std::{sync::Arc, time::Instant};

use super::Setup;
use crate::engine::{
    error::{Code, Error},
    flush::{Part, lane::Lane},
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
    let error = || Some(Error::new(Code::Busy, "held"));
    let mut pauses = Vec::new();
    for _ in 0..12 {
        lane.settle(0, error(), false, start);
        let retry = lane.retry_at().expect("later");
        assert!(!lane.is_due(start, false) && lane.is_due(start, true) && lane.is_due(retry, false));
        pauses.push(retry - start);
    }
    assert!(pauses.is_sorted() && pauses[0] < pauses[11] && pauses[11] == pauses[10], "{pauses:?}");
    assert_eq!(lane.error.as_ref().map(Error::code), Some(Code::Busy));
    lane.settle(1, error(), false, start);
    assert_eq!((lane.parts.len(), lane.lacks_from()), (1, Some(lane.parts[0].start)));
    lane.settle(1, error(), false, start);
    assert!(
        lane.error.is_none() && lane.retry_at().is_none() && lane.lacks_from().is_none(),
        "nothing is left"
    );
}
