//! Opening a database whose log, or the file of one large record beside it, holds anything: whole records, parts of
//! them, records of other places and runs, damage, garbage.
//!
//! If the header is whole, the database has to open with exactly the documents of the records that [`super::format`]
//! finds; otherwise it has to refuse, with a code.

use std::fs;

use arbitrary::{Result, Unstructured};
use kimdb::{Code, Database, Options, fuzzing};

use super::{
    format::{self, LogHeader, PAGE, RECORD_HEADER, RING_AT, State},
    home::{self, Home, compare},
    record::draft,
};

struct Image {
    file: Vec<u8>,
    is_large: bool,
    wal_size: u64,
}

pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    if let Ok(image) = image(&mut u) {
        check(&image);
    }
}

fn image(u: &mut Unstructured<'_>) -> Result<Image> {
    let is_large = u.ratio(1, 6)?;
    let wal_size = PAGE as u64 * u.int_in_range(1..=4)?;
    let capacity = match u.int_in_range(0..=7)? {
        0 => u.int_in_range(1..=20_000)?,
        2 => 8 * u.int_in_range(1..=2_500)?,
        1 => PAGE as u64 * u.int_in_range(1..=4)?,
        _ => wal_size,
    };
    let start = match u.int_in_range(0..=5)? {
        0 => u.arbitrary::<u64>()?,
        1 => 8 * u64::from(u.arbitrary::<u16>()?),
        2 => (capacity * u.int_in_range(1..=3)?).saturating_sub(8 * u.int_in_range(0..=20)?),
        _ => 0,
    };
    let database = if u.ratio(1, 32)? { u.arbitrary()? } else { home::database() };
    let header = LogHeader {
        sequence: u.arbitrary::<u8>()?.into(),
        database,
        log: [7; 16],
        epoch: u.arbitrary::<u64>()?,
        capacity,
        start,
        synced: match u.int_in_range(0..=3)? {
            0 => u.arbitrary()?,
            1 => start.saturating_add(8 * u.int_in_range(0..=400)?),
            _ => 0,
        },
    };
    let mut file = vec![0; RING_AT + capacity as usize];
    put(&mut file, PAGE * (header.sequence % 2) as usize, &header.encode());
    if u.ratio(1, 4)? {
        let older = LogHeader { sequence: u.arbitrary::<u8>()?.into(), start: u.arbitrary()?, ..header };
        let page = if u.arbitrary()? { 0 } else { PAGE };
        put(&mut file, page, &older.encode());
    }
    fill(u, &header, &mut file[RING_AT..])?;
    damage(u, &mut file)?;
    Ok(Image { file, is_large, wal_size })
}

/// Copies as much as there is room for.
fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    let Some(room) = bytes.get_mut(at..) else { return };
    let length = what.len().min(room.len());
    room[..length].copy_from_slice(&what[..length]);
}

/// Writes records one behind the other, most of them as the engine would.
fn fill(u: &mut Unstructured<'_>, header: &LogHeader, ring: &mut [u8]) -> Result<()> {
    let (mut at, mut last) = (header.start, Vec::new());
    for _ in 0..u.int_in_range(0..=24)? {
        let offset = (at % header.capacity) as usize;
        let left = ring.len() - offset;
        let seed = header.seed();
        let bytes = match u.int_in_range(0..=15)? {
            0 => last.clone(),
            1 => u.arbitrary::<Vec<u8>>()?,
            2 => fuzzing::encode(&mut draft(u)?.0, seed ^ 1, at, 0),
            3 => {
                let (length, time, is_padding) = (u.arbitrary()?, u.arbitrary()?, u.arbitrary()?);
                format::record_header(length, at, time, is_padding, seed, 0).to_vec()
            }
            _ => fuzzing::encode(&mut draft(u)?.0, seed, at, u.arbitrary()?),
        };
        if bytes.len() > left && left >= RECORD_HEADER && u.ratio(7, 8)? {
            put(ring, offset, &format::record_header(left as u32, at, 0, true, seed, 0));
            at = at.wrapping_add(left as u64);
            continue;
        }
        put(ring, offset, &bytes);
        at = at.wrapping_add(bytes.len().next_multiple_of(8) as u64);
        last = bytes;
    }
    Ok(())
}

fn damage(u: &mut Unstructured<'_>, file: &mut Vec<u8>) -> Result<()> {
    for _ in 0..u.int_in_range(0..=3)? {
        // Where something is: the headers and the first records.
        let end = file.len().clamp(1, RING_AT + 1024);
        let at = if u.ratio(3, 4)? { u.choose_index(end)? } else { u.choose_index(file.len().max(1))? };
        match u.int_in_range(0..=7)? {
            0 => file.truncate(at),
            1 => file.extend(u.arbitrary::<[u8; 8]>()?),
            2 => put(file, at, &u.arbitrary::<Vec<u8>>()?),
            _ => put(file, at, &[u.arbitrary()?]),
        }
    }
    Ok(())
}

/// What an opening has to come to.
enum Expected {
    /// Success, with these documents, and so many bytes that are reported as damaged.
    Documents(State, u64),
    /// An error.
    Refusal,
}

fn check(image: &Image) {
    let home = Home::with_shards();
    fs::write(if image.is_large { home.large() } else { home.wal() }, &image.file).expect("writes");
    let options = Options { wal_size: image.wal_size, ..home.options() };
    let opened = Database::open(options.clone(), None);
    let (mut state, damaged) = match (expected(image), &opened) {
        (Expected::Documents(..), Err(error)) => panic!("this log can be read: {error}"),
        (Expected::Refusal, Ok(_)) => panic!("this log has no header or is another's"),
        (Expected::Refusal, Err(error)) => {
            assert_ne!(error.code(), Code::Internal, "{error}");
            return;
        }
        (Expected::Documents(state, damaged), Ok(_)) => (state, damaged),
    };
    let db = opened.expect("just seen");
    assert_eq!(db.stats().damaged_bytes, damaged);
    compare(&db, &state);
    db.set(&db.collection("c"), "new", b"1").expect("writes");
    let new = state.entry(("c".to_owned(), "new".to_owned())).or_default();
    *new = (b"1".to_vec(), new.1 + 1);
    db.close().expect("closes");
    drop(db);
    let db = Database::open(options, None).expect("opens");
    assert_eq!(db.recovered(), 0);
    compare(&db, &state);
}

fn expected(image: &Image) -> Expected {
    // It was never acknowledged, so an opening goes on without one that is not whole.
    let is_whole = |header: &LogHeader| {
        !image.is_large || (header.start == 0 && image.file.len() as u64 == RING_AT as u64 + header.capacity)
    };
    let is_ours = |header: &LogHeader| header.database == home::database();
    match LogHeader::find(&image.file).filter(is_ours).filter(is_whole) {
        Some(header) => {
            // What is missing of the file is as good as zeros, what is too much is nobody's.
            let mut ring = image.file.get(RING_AT..).unwrap_or_default().to_vec();
            ring.resize(header.capacity as usize, 0);
            let (ops, damaged) = format::read_ring(&header, &ring);
            let mut state = State::new();
            if !image.is_large || damaged == 0 {
                format::apply(&mut state, &ops);
            }
            Expected::Documents(state, if image.is_large { 0 } else { damaged })
        }
        None if image.is_large => Expected::Documents(State::new(), 0),
        // As the old library leaves its log.
        None if image.file.iter().all(u8::is_ascii_whitespace) => Expected::Documents(State::new(), 0),
        None => Expected::Refusal,
    }
}
