//! The old library's log of JSON lines: any text, and lines of which it is known what they mean.

use std::fs;

use arbitrary::{Result, Unstructured};
use kimdb::{Code, Database, Kind};
use serde_json::json;

use super::{
    format::{self, Op, State},
    home::{Home, compare, count},
};

pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    if u.ratio(1, 3).unwrap_or(true) {
        any(u.take_rest());
    } else if let Ok((text, ops)) = lines(&mut u) {
        known(text.as_bytes(), &ops);
    }
}

/// Lines as the old library writes them, between others that it skips. The ids and texts differ in many ways.
fn lines(u: &mut Unstructured<'_>) -> Result<(String, Vec<Op>)> {
    let (mut text, mut ops) = (String::new(), Vec::new());
    for _ in 0..u.int_in_range(1..=12)? {
        if u.ratio(1, 6)? {
            text += ["\n", "not JSON\n", "[1,2]\n", "{\"collection\":\"c\"}\n", "{\"id\":1,\"data\":2}\n"]
                [u.choose_index(5)?];
            continue;
        }
        let collection = ["c", "d", "user-posts", "사용자"][u.choose_index(4)?].to_owned();
        let (id, name) = match u.int_in_range(0..=2)? {
            0 => (json!(u.arbitrary::<i32>()?), None),
            1 => (json!((u.arbitrary::<u8>()? % 4).to_string()), None),
            _ => {
                let id: String = u.arbitrary()?;
                (json!(id), Some(id))
            }
        };
        let name = name.unwrap_or_else(|| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        let is_upsert = u.ratio(3, 4)?;
        let value = match u.int_in_range(0..=2)? {
            0 => json!(u.arbitrary::<i64>()?),
            1 => json!({ "text": u.arbitrary::<String>()? }),
            _ => json!([null, u.arbitrary::<bool>()?]),
        };
        let time = if u.ratio(7, 8)? { json!(u.arbitrary::<u32>()?) } else { json!("no number") };
        let operation = if is_upsert { "upsert" } else { "delete" };
        let line = json!({ "collection": collection, "id": id, "data": value, "operation": operation, "timestamp": time });
        text += &format!("{line}\n");
        let kind = if is_upsert { Kind::Upsert } else { Kind::Delete };
        ops.push(Op { kind, collection, id: name, value: value.to_string().into_bytes() });
    }
    if u.ratio(1, 4)? {
        text += "{\"collection\":\"c\",\"id\":\"torn\",\"da";
    }
    Ok((text, ops))
}

fn known(text: &[u8], ops: &[Op]) {
    let home = Home::with_shards();
    fs::write(home.wal(), text).expect("writes");
    let opened = Database::open(home.options(), None);
    if ops.is_empty() {
        // Nothing in it tells that it is a log.
        return;
    }
    let db = opened.expect("opens");
    assert_eq!(db.recovered(), ops.len() as u64);
    let mut state = State::new();
    format::apply(&mut state, ops);
    compare(&db, &state);
    db.close().expect("closes");
    let db = Database::open(home.options(), None).expect("opens");
    assert_eq!(db.recovered(), 0);
    compare(&db, &state);
}

fn any(text: &[u8]) {
    let home = Home::with_shards();
    fs::write(home.wal(), text).expect("writes");
    match Database::open(home.options(), None) {
        Err(error) => {
            assert_ne!(error.code(), Code::Internal, "{error}");
            assert!(fs::read(home.wal()).expect("reads") == text, "what is refused is not touched");
        }
        Ok(db) => {
            let documents = count(&db);
            let lines = text.split(|byte| *byte == b'\n').count();
            assert!(documents as u64 <= db.recovered() && db.recovered() <= lines as u64, "one write a line");
            db.close().expect("closes");
            let db = Database::open(home.options(), None).expect("opens");
            assert_eq!((db.recovered(), count(&db)), (0, documents));
        }
    }
}
