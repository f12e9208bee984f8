//! The record decoder: any bytes, and whole records with anything done to them.

use arbitrary::{Result, Unstructured};
use kimdb::{Draft, Kind, fuzzing};

use super::format::{self, Op, RECORD_HEADER};

pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    // Running out of input ends an attempt early.
    let _ = attempt(&mut u);
}

fn attempt(u: &mut Unstructured<'_>) -> Result<()> {
    let (seed, lsn) = (u.arbitrary()?, u.arbitrary()?);
    if u.ratio(1, 4)? {
        compare(u.bytes(u.len())?, seed, lsn);
        return Ok(());
    }
    let (mut draft, ops) = draft(u)?;
    let time = u.int_in_range(0..=(1 << 48) - 1)?;
    let mut bytes = fuzzing::encode(&mut draft, seed, lsn, time);
    let whole = fuzzing::decode(&bytes, seed, lsn).expect("what was encoded is whole");
    assert_eq!((whole.length, whole.time_ms, whole.is_padding), (bytes.len(), time, false));
    assert_eq!(as_ops(whole.ops), ops);
    assert_eq!(fuzzing::decode(&bytes, seed.wrapping_add(1), lsn), None, "of another log or run");
    assert_eq!(fuzzing::decode(&bytes, seed, lsn ^ 8), None, "of another place");
    compare(&bytes, seed, lsn);

    let length = bytes.len();
    while !u.is_empty() {
        change(u, &mut bytes, seed, lsn)?;
        compare(&bytes, seed, lsn);
        bytes.truncate(2 * length + 64);
    }
    Ok(())
}

/// A draft of a few operations, and what they are.
pub fn draft(u: &mut Unstructured<'_>) -> Result<(Draft, Vec<Op>)> {
    let mut draft = Draft::default();
    draft.clear();
    let mut ops = Vec::new();
    for _ in 0..u.int_in_range(1..=4)? {
        let kind = if u.ratio(3, 4)? { Kind::Upsert } else { Kind::Delete };
        let collection = if u.ratio(1, 16)? { "" } else { ["c", "d", "사용자"][u.choose_index(3)?] };
        let id =
            if u.ratio(3, 4)? { (u.arbitrary::<u8>()? % 8).to_string() } else { u.arbitrary::<String>()? };
        let value = if kind == Kind::Upsert { u.arbitrary::<Vec<u8>>()? } else { Vec::new() };
        draft.push(kind, u.arbitrary::<u8>()?.into(), collection, &id, &value);
        ops.push(Op { kind, collection: collection.to_owned(), id, value });
    }
    Ok((draft, ops))
}

fn change(u: &mut Unstructured<'_>, bytes: &mut Vec<u8>, seed: u32, lsn: u64) -> Result<()> {
    let at = u.choose_index(bytes.len().max(1))?;
    match u.int_in_range(0..=4)? {
        0 if !bytes.is_empty() => bytes[at] ^= u.arbitrary::<u8>()?,
        1 => bytes.truncate(at),
        2 => bytes.extend(u.arbitrary::<Vec<u8>>()?),
        // A length, and everything else of the header, under a checksum that fits.
        3 if bytes.len() >= RECORD_HEADER => {
            let (length, time, is_padding) = (u.arbitrary()?, u.arbitrary()?, u.arbitrary()?);
            let header = format::record_header(length, lsn, time, is_padding, seed, u.arbitrary()?);
            bytes[..RECORD_HEADER].copy_from_slice(&header);
        }
        // A part of it once more.
        _ if !bytes.is_empty() => {
            let end = at + u.choose_index(bytes.len() - at)?;
            bytes.extend_from_within(at..end);
        }
        _ => {}
    }
    Ok(())
}

fn compare(bytes: &[u8], seed: u32, lsn: u64) {
    let decoded = fuzzing::decode(bytes, seed, lsn);
    let decoded = decoded.map(|found| (found.length, found.is_padding, as_ops(found.ops)));
    assert_eq!(decoded, format::read_record(bytes, seed, lsn));
}

fn as_ops(decoded: Vec<(Kind, String, String, Vec<u8>)>) -> Vec<Op> {
    decoded.into_iter().map(|(kind, collection, id, value)| Op { kind, collection, id, value }).collect()
}
