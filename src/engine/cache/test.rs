//! What the cache holds, what it lets go of, and when it must not keep what it is given.

use super::{Cache, SEGMENTS, segment::OVERHEAD};
use crate::engine::{
    change::{Change, Fate},
    log::Lsn,
};

fn read(cache: &Cache, id: &str) -> Option<(Vec<u8>, u64)> {
    let mut value = Vec::new();
    cache.read(1, id, &mut value).map(|version| (value, version))
}

fn keep(cache: &Cache, id: &str, value: &[u8], version: u64, as_of: u64) {
    cache.keep((1, id), value, (version, Lsn(as_of)), cache.origin(0), || Lsn(as_of));
}

fn change(cache: &Cache, id: &str, fate: Fate, value: &[u8], writes: u64, as_of: u64) {
    let change = Change { number: 1, fate, id, value, writes, created: 0, updated: 0 };
    cache.follow(&[change], Lsn(as_of));
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
    assert_eq!((cache.len(), cache.bytes()), (1, 2 + OVERHEAD));
    cache.clear();
    assert_eq!((read(&cache, "a"), cache.len(), cache.bytes()), (None, 0, 0));
}

#[test]
fn a_change_follows_the_flush() {
    let cache = Cache::new(1 << 20, 1);
    keep(&cache, "a", b"1", 3, 8);
    change(&cache, "a", Fate::Stored, b"22", 2, 16);
    assert_eq!((read(&cache, "a"), cache.bytes()), (document(b"22", 5), 3 + OVERHEAD));
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
        assert!(cache.bytes() <= limit);
    }
    let kept = (0..2000).filter_map(|i| read(&cache, &format!("id{i}")).map(|(text, _)| (i, text)));
    let (mut count, mut bytes) = (0, 0);
    for (i, text) in kept {
        count += 1;
        bytes += format!("id{i}").len() + text.len() + OVERHEAD;
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
fn one_document_does_not_push_out_all_others() {
    let cache = Cache::new(64 << 10, 1);
    let most = (64 << 10) / SEGMENTS / 8;
    let largest = vec![b'x'; most - OVERHEAD - 1];
    keep(&cache, "a", &largest, 1, 8);
    assert_eq!(cache.len(), 1);
    keep(&cache, "b", &[largest.clone(), vec![b'x']].concat(), 1, 8);
    assert_eq!(cache.len(), 1);
    change(&cache, "a", Fate::Stored, &[largest, vec![b'x']].concat(), 1, 16);
    assert_eq!((cache.len(), cache.bytes()), (0, 0), "grown too large");
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
    assert_eq!((cache.len(), cache.bytes()), (2, 2 * (2 + OVERHEAD)));
}
