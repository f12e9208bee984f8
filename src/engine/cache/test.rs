//! What the cache holds, what it lets go of, and when it must not keep what it is given.

use std::collections::HashMap;

use proptest::prelude::*;

use super::{
    Cache, Origin, SEGMENTS,
    entry::{ALIGNMENT, HEADER, Header},
    queue::POSITIONS,
    segment::{SECOND_ROUNDS, Segment},
};
use crate::engine::{
    change::{Change, Fate},
    log::Lsn,
};

fn read(cache: &Cache, id: &str) -> Option<(Vec<u8>, u64)> {
    let mut value = Vec::new();
    cache.read(1, id, &mut value).map(|(version, _)| (value, version))
}

fn keep(cache: &Cache, id: &str, value: &[u8], version: u64, as_of: u64) {
    cache.keep((1, id), value, (version, Lsn(as_of)), cache.origin(0), || Lsn(as_of));
}

fn change(cache: &Cache, id: &str, fate: Fate, value: &[u8], writes: u64, as_of: u64) {
    let change = Change { number: 1, fate, id, value, writes, created: 0, updated: 0 };
    cache.follow(&[change], Lsn(as_of));
}

/// Bytes that a document takes.
fn size(id: &str, text: &[u8]) -> usize {
    (HEADER + id.len() + text.len()).next_multiple_of(ALIGNMENT)
}

fn document(text: &[u8], version: u64) -> Option<(Vec<u8>, u64)> {
    Some((text.to_vec(), version))
}

#[test]
fn what_was_kept_is_read() {
    let cache = Cache::new(1 << 20, 1);
    assert_eq!(cache.len(), 0);
    keep(&cache, "a", b"1", 3, 8);
    assert_eq!(read(&cache, "a"), document(b"1", 3));
    assert_eq!(cache.version(1, "a"), Some((3, Lsn(8))));
    assert_eq!(read(&cache, "b"), None);
    assert_eq!(cache.read(2, "a", &mut Vec::new()), None, "another collection");
    assert_eq!((cache.len(), cache.bytes()), (1, size("a", b"1")));
    cache.clear();
    assert_eq!((read(&cache, "a"), cache.len(), cache.bytes()), (None, 0, 0));
}

#[test]
fn a_change_follows_the_flush() {
    let cache = Cache::new(1 << 20, 1);
    keep(&cache, "a", b"1", 3, 8);
    change(&cache, "a", Fate::Stored, b"22", 2, 16);
    assert_eq!((read(&cache, "a"), cache.bytes()), (document(b"22", 5), size("a", b"22")));
    change(&cache, "a", Fate::Recreated, b"3", 1, 24);
    assert_eq!(read(&cache, "a"), document(b"3", 1));
    change(&cache, "a", Fate::Deleted, b"", 0, 32);
    assert_eq!((read(&cache, "a"), cache.len(), cache.bytes()), (None, 0, 0));
    change(&cache, "a", Fate::Stored, b"4", 1, 40);
    assert_eq!(read(&cache, "a"), None, "only what is here is changed");
}

#[test]
fn a_document_that_may_have_changed_since_it_was_read_is_not_kept() {
    let cache = Cache::new(1 << 20, 1);
    cache.keep((1, "a"), b"1", (1, Lsn(8)), cache.origin(0), || Lsn(16));
    assert_eq!(read(&cache, "a"), None);
    keep(&cache, "a", b"2", 2, 16);
    keep(&cache, "a", b"1", 1, 8);
    assert_eq!(read(&cache, "a"), document(b"2", 2), "what is here is at least as new");
}

#[test]
fn a_change_that_the_document_was_read_after_is_not_applied_again() {
    let cache = Cache::new(1 << 20, 1);
    keep(&cache, "a", b"2", 2, 16);
    change(&cache, "a", Fate::Stored, b"2", 1, 16);
    assert_eq!(read(&cache, "a"), document(b"2", 2));
    change(&cache, "a", Fate::Deleted, b"", 0, 8);
    assert_eq!(read(&cache, "a"), document(b"2", 2));
}

#[test]
fn bytes_are_bounded_and_counted() {
    let limit = 64 << 10;
    let cache = Cache::new(limit, 1);
    for i in 0..2000 {
        keep(&cache, &format!("id{i}"), &vec![b'x'; i % 200], 1, 8);
        if i % 3 == 0 {
            change(&cache, &format!("id{}", i / 2), Fate::Stored, &vec![b'y'; i % 300], 1, 8 + i as u64);
        }
        if i % 7 == 0 {
            change(&cache, &format!("id{}", i / 3), Fate::Deleted, b"", 0, 8 + i as u64);
        }
        assert!(cache.bytes() <= limit && cache.memory() <= limit);
    }
    let kept = (0..2000).filter_map(|i| read(&cache, &format!("id{i}")).map(|(text, _)| (i, text)));
    let (mut count, mut bytes) = (0, 0);
    for (i, text) in kept {
        count += 1;
        bytes += size(&format!("id{i}"), &text);
    }
    assert_eq!((cache.len(), cache.bytes()), (count, bytes), "the totals are those of what is there");
    assert!(bytes > limit / 2, "the room is used");
}

#[test]
fn what_is_read_gets_a_second_round() {
    let cache = Cache::new(64 << 10, 1);
    keep(&cache, "hot", b"1", 1, 8);
    for i in 0..5000 {
        assert!(read(&cache, "hot").is_some(), "after {i}");
        keep(&cache, &format!("id{i}"), b"text", 1, 8);
    }
}

#[test]
fn what_is_read_stays_where_documents_of_all_sizes_come_and_go() {
    let cache = Cache::new(64 << 10, 1);
    let id = |i| format!("id{i}");
    let text = |i: usize| vec![i as u8; i * 7 % 300];
    keep(&cache, "hot", b"1", 1, 8);
    for i in 0..20_000 {
        keep(&cache, &id(i), &text(i), 1, 8);
        assert_eq!(read(&cache, "hot"), document(b"1", 1), "after {i}");
        let recent = i.saturating_sub(i % 50);
        assert!(
            read(&cache, &id(recent)).is_none_or(|found| found == (text(recent), 1)),
            "{recent}, after {i}"
        );
    }
}

#[test]
fn what_was_read_once_goes_in_the_end() {
    let cache = Cache::new(64 << 10, 1);
    keep(&cache, "once", b"1", 1, 8);
    assert!(read(&cache, "once").is_some());
    (0..5000).for_each(|i| keep(&cache, &format!("id{i}"), b"text", 1, 8));
    assert_eq!(cache.version(1, "once"), None);
}

/// A hash for each number; they spread over an index.
fn spread(i: u64) -> u64 {
    i.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn id(i: u64) -> String {
    format!("id{i}")
}

fn header(hash: u64, id: &str, text: &[u8]) -> Header {
    Header::new(hash, (1, id), text, (1, Lsn(8)), Origin { shard: 0, epoch: 0 }).expect("it is small")
}

#[test]
fn few_come_in_once_more_for_one_that_comes_in() {
    let mut segment = Segment::new(64 << 10);
    let text = [b'x'; 400];
    let ids: Vec<_> = (1..500).map(|i| (spread(i), id(i))).collect();
    let mut most = 0;
    for (hash, id) in &ids {
        segment.insert(&header(*hash, id, &text), id, &text);
        if segment.len() <= most {
            break;
        }
        most = segment.len();
        let found = segment.find(*hash, 1, id).unwrap();
        segment.touch(&found);
    }
    assert!((SECOND_ROUNDS + 1..ids.len()).contains(&most), "{most} found room");
    let is_here = |(hash, id): &(u64, String)| segment.find(*hash, 1, id).is_some();
    assert!(ids[..SECOND_ROUNDS].iter().all(is_here));
    assert!(!is_here(&ids[SECOND_ROUNDS]));
}

#[test]
fn positions_begin_anew_at_their_end() {
    let cache = Cache::new(64 << 10, 1);
    for segment in &cache.segments {
        let queue = &mut segment.lock().queue;
        (queue.head, queue.tail) = (POSITIONS - 2000, POSITIONS - 2000);
    }
    for i in 0..5000 {
        let (id, text) = (format!("id{i}"), format!("text {i}"));
        keep(&cache, &id, text.as_bytes(), 1, 8);
        assert_eq!(read(&cache, &id), document(text.as_bytes(), 1));
        assert!(cache.memory() <= 64 << 10);
    }
    assert!(
        cache.segments.iter().all(|segment| segment.lock().queue.head < POSITIONS / 2),
        "it came to the end"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Keep(u8, usize),
    Change(u8, usize),
    Delete(u8),
    Read(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let length = || prop_oneof![0..40usize, 0..600usize];
    prop_oneof![
        4 => (any::<u8>(), length()).prop_map(|(id, length)| Step::Keep(id, length)),
        2 => (any::<u8>(), length()).prop_map(|(id, length)| Step::Change(id, length)),
        1 => any::<u8>().prop_map(Step::Delete),
        4 => any::<u8>().prop_map(Step::Read),
    ]
}

proptest! {
    #[test]
    fn it_may_forget_but_never_tells_anything_else(steps in prop::collection::vec(step(), 1..600)) {
        let limit = 32 << 10;
        let cache = Cache::new(limit, 1);
        // What the shard has, as of a place of the log that grows with each change.
        let mut stored: HashMap<String, (Vec<u8>, u64)> = HashMap::new();
        let mut as_of = 8;
        for (i, step) in steps.iter().enumerate() {
            match *step {
                Step::Keep(id, length) => {
                    let id = format!("id{id}");
                    // A document that the shard has is kept as it is there.
                    let (text, version) =
                        stored.entry(id.clone()).or_insert_with(|| (vec![i as u8; length], 1)).clone();
                    keep(&cache, &id, &text, version, as_of);
                }
                Step::Change(id, length) => {
                    let id = format!("id{id}");
                    as_of += 8;
                    let text = vec![i as u8; length];
                    change(&cache, &id, Fate::Stored, &text, 1, as_of);
                    let (known, version) = stored.entry(id).or_insert((Vec::new(), 0));
                    (*known, *version) = (text, *version + 1);
                }
                Step::Delete(id) => {
                    let id = format!("id{id}");
                    as_of += 8;
                    change(&cache, &id, Fate::Deleted, b"", 0, as_of);
                    stored.remove(&id);
                }
                Step::Read(id) => {
                    let id = format!("id{id}");
                    if let Some(found) = read(&cache, &id) {
                        prop_assert_eq!(Some(&found), stored.get(&id));
                    }
                }
            }
            prop_assert!(cache.memory() <= limit);
        }
        let kept: Vec<_> = stored.iter().filter(|(id, _)| read(&cache, id).is_some()).collect();
        prop_assert_eq!(cache.len(), kept.len());
        prop_assert_eq!(cache.bytes(), kept.iter().map(|(id, (text, _))| size(id, text)).sum::<usize>());
    }
}

#[test]
fn one_document_does_not_push_out_all_others() {
    let cache = Cache::new(64 << 10, 1);
    let most = (64 << 10) / SEGMENTS / 8;
    let largest = vec![b'x'; most - HEADER - 1];
    keep(&cache, "a", &largest, 1, 8);
    assert_eq!(cache.len(), 1);
    keep(&cache, "b", &[largest.clone(), vec![b'x']].concat(), 1, 8);
    assert_eq!(cache.len(), 1);
    change(&cache, "a", Fate::Stored, &[largest, vec![b'x']].concat(), 1, 16);
    assert_eq!((cache.len(), cache.bytes()), (0, 0), "grown too large");
}

#[test]
fn what_changes_counts_as_read_as_before() {
    let mut segment = Segment::new(64 << 10);
    let insert = |segment: &mut Segment, i: u64, text: &[u8]| {
        segment.insert(&header(spread(i), &id(i), text), &id(i), text);
    };
    insert(&mut segment, 0, b"1");
    let found = segment.find(spread(0), 1, &id(0)).unwrap();
    segment.touch(&found);
    let found = segment.find(spread(0), 1, &id(0)).unwrap();
    // Of another size, so that it does not stay where it is.
    segment.replace(&found, &id(0), &[b'x'; 100], (2, Lsn(16)));
    // A round and a half: there is room for 220.
    (1..330).for_each(|i| insert(&mut segment, i, &[b'x'; 200]));
    assert!(segment.find(spread(0), 1, &id(0)).is_some());
    assert!(segment.find(spread(1), 1, &id(1)).is_none(), "a round is over");
}

#[test]
fn any_number_of_bytes_will_do() {
    for bytes in [0, 1, 1000, 9000, 20_000, 24_000, 100_000, 1 << 30, 1 << 40, (1 << 53) - 1] {
        let cache = Cache::new(bytes, 1);
        for i in 0..1000 {
            let id = format!("id{i}");
            keep(&cache, &id, b"text", 1, 8);
            assert!(read(&cache, &id).is_none_or(|found| found == (b"text".to_vec(), 1)));
            assert!(bytes < 100_000 || read(&cache, &id).is_some(), "{bytes} are enough");
        }
        let is_here = |i: usize| cache.version(1, &format!("id{i}")).is_some();
        // A bucket of a small index may be full by chance: one run in forty lacks a document.
        let count = (0..1000).filter(|i| is_here(*i)).count();
        assert!(bytes <= 100_000 || count >= 995, "{bytes} are enough for all, not {count}");
        assert!(cache.memory() <= bytes.min(16 << 20), "{bytes}: {}", cache.memory());
    }
}

#[test]
fn a_cache_of_no_bytes_keeps_nothing() {
    let cache = Cache::new(0, 1);
    keep(&cache, "", b"", 1, 8);
    assert_eq!((cache.len(), read(&cache, "")), (0, None));
}

#[test]
fn a_shard_that_somebody_else_wrote_to_is_forgotten() {
    let cache = Cache::new(1 << 20, 2);
    let keep = |id, shard| cache.keep((1, id), b"1", (3, Lsn(8)), cache.origin(shard), || Lsn(8));
    keep("a", 0);
    keep("b", 1);
    let before = cache.origin(0);
    cache.invalidate(0);
    assert_eq!(read(&cache, "a"), None);
    assert_eq!(cache.version(1, "a"), None);
    assert_eq!(read(&cache, "b"), document(b"1", 3), "another shard's");
    change(&cache, "a", Fate::Stored, b"2", 1, 16);
    assert_eq!(read(&cache, "a"), None, "its version is not known");
    cache.keep((1, "a"), b"1", (3, Lsn(8)), before, || Lsn(8));
    assert_eq!(read(&cache, "a"), None, "it was read before");
    keep("a", 0);
    assert_eq!(read(&cache, "a"), document(b"1", 3));
    assert_eq!((cache.len(), cache.bytes()), (2, 2 * size("a", b"1")));
}

#[test]
fn what_comes_in_once_more_takes_no_more_memory_than_there_may_be() {
    // The queue has grown to most of what it may have, and the next document does not fit behind the last one.
    let limit = (4096 + 136) * 12 / 11;
    let mut segment = Segment::new(limit);
    let insert = |segment: &mut Segment, i: u64, text: &[u8]| {
        segment.insert(&header(spread(i), &id(i), text), &id(i), text);
    };
    for i in 0..32 {
        insert(&mut segment, i, &[b'x'; 64]);
        if let Some(found) = segment.find(spread(i), 1, &id(i)) {
            segment.touch(&found);
        }
    }
    insert(&mut segment, 32, &[b'x'; 200]);
    assert!(segment.memory() <= limit, "{} of {limit}", segment.memory());
}
