//! Records and headers against random and damaged bytes.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{
        Id, Lsn,
        header::{Found, LogHeader, PAGE},
        op::{OP_HEADER, decode_op},
        record::{RECORD_HEADER, Record, align},
    },
    DATABASE, Owned, SEED, cheap, draft, owned,
};

/// What is a whole record, and how many operations it has.
fn verified(bytes: &[u8], seed: u32, lsn: Lsn) -> Option<(Record<'_>, u64)> {
    let record = Record::peek(bytes, lsn)?;
    record.verify(seed, &mut 0).map(|count| (record, count))
}

fn ops() -> impl Strategy<Value = Vec<Owned>> {
    let name = prop_oneof![".{0,12}", Just("x".repeat(65_535))];
    vec((any::<bool>(), any::<u32>(), name, ".{0,20}", vec(any::<u8>(), 0..200)), 0..8)
}

proptest! {
    #![proptest_config(cheap())]

    #[test]
    fn a_record_is_read_as_it_was_written(ops in ops(), lsn in 0..1_u64 << 40, time in 0..1_u64 << 48) {
        let mut draft = draft(&ops);
        prop_assert_eq!(draft.iter().map(owned).collect::<Vec<_>>(), ops.clone());
        let mut bytes = draft.finish(SEED, Lsn(lsn * 8), time).to_vec();
        prop_assert_eq!(align(bytes.len() as u64), draft.len());
        bytes.extend_from_slice(b"what lies behind it");
        let (record, count) = verified(&bytes, SEED, Lsn(lsn * 8)).expect("is whole");
        let header = record.header;
        prop_assert_eq!((header.time_ms, header.is_padding, count), (time, false, ops.len() as u64));
        prop_assert_eq!(record.ops().map(owned).collect::<Vec<_>>(), ops);
        let latest = draft.finish(SEED, Lsn(lsn * 8), u64::MAX).to_vec();
        let (record, _) = verified(&latest, SEED, Lsn(lsn * 8)).expect("is whole");
        prop_assert_eq!(record.header.time_ms, (1 << 48) - 1, "time stands still at last");
        // Of another place, another run, or cut off, it is none.
        prop_assert!(verified(&bytes, SEED, Lsn(lsn * 8 + 8)).is_none());
        prop_assert!(verified(&bytes, SEED + 1, Lsn(lsn * 8)).is_none());
        prop_assert!(verified(&bytes[..header.length as usize - 1], SEED, Lsn(lsn * 8)).is_none());
    }

    #[test]
    fn garbage_is_no_record(mut bytes in vec(any::<u8>(), 0..300), length in any::<u32>(), lengths in any::<[u32; 3]>()) {
        // With numbers that look right more often than random ones: lengths, and the mark of the first place.
        let [name, id, value] = lengths.map(|length| length % 100);
        for (at, number) in [(0, length % 400), (12, 0), (24, name), (26, id), (30, value)] {
            if let Some(place) = bytes.get_mut(at..at + 4) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
        prop_assert!(verified(&bytes, SEED, Lsn(0)).is_none());
        let op = bytes.get(RECORD_HEADER..).unwrap_or_default();
        prop_assert!(decode_op(op, true).is_none());
        // Unchecked it may be anything, but must not lead outside.
        if let Some((_, length)) = decode_op(op, false) {
            prop_assert!((OP_HEADER..=op.len()).contains(&length));
        }
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
    assert!(verified(&bytes, SEED, Lsn(64)).is_some());
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(verified(&damaged, SEED, Lsn(64)).is_none(), "bit {bit}");
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
