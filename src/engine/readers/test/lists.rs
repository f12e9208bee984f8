//! Lists of documents: what they answer, in what order, and how they end.

use std::sync::{Arc, mpsc};

use super::{
    super::{Gather, Piece, Read, THREADS},
    SHARDS, slow_down, stored, until_fast,
};
use crate::engine::{
    Attempt, Code, Database, Error, Result, read::Wait, shard::collection::Collection, until::PATIENCE,
};

/// Has missing documents read until every shard counts as fast.
fn until_fast_all(db: &Database, collection: &Arc<Collection>) {
    for shard in 0..SHARDS {
        let missing = (0..).map(|i| format!("missing{i}")).find(|id| db.shard_of(id) == shard);
        until_fast(db, collection, &missing.expect("there are many"));
    }
}

/// Asks for documents as an event loop does. Returns the array, and whether it was there at once.
fn many(db: &Database, users: &Arc<Collection>, ids: &[String], read_here: usize) -> (String, bool) {
    let (tell, told) = mpsc::channel();
    let now = db
        .try_get_many(users, ids.to_vec(), read_here, || {
            move |array| {
                tell.send(array).expect("somebody waits");
            }
        })
        .expect("reads");
    let is_now = now.is_some();
    let array = now.unwrap_or_else(|| told.recv_timeout(PATIENCE).expect("an answer").expect("reads"));
    assert!(told.try_recv().is_err(), "there is one answer");
    (String::from_utf8(array).expect("UTF-8"), is_now)
}

/// The same array made of documents that were read one after the other.
fn one_by_one(db: &Database, users: &Arc<Collection>, ids: &[String]) -> String {
    let member = |read: Option<Read>| match read {
        Some(Read { document, text }) => {
            let text = String::from_utf8(text).expect("UTF-8");
            format!("{text},{},{}", document.version, u8::from(document.buffered))
        }
        None => "null,null,0".to_owned(),
    };
    let members: Vec<_> = db.get_many(users, ids).expect("reads").into_iter().map(member).collect();
    format!("[{}]", members.join(","))
}

#[test]
fn many_documents_come_as_one_array_in_the_order_of_their_ids_from_wherever_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 300);
    db.set(&users, "u7", b"\"changed\"").expect("writes");
    db.delete(&users, "u8").expect("writes");
    let mut ids: Vec<String> = (0..400).rev().map(|i| format!("u{i}")).collect();
    ids.push("u7".to_owned());
    let expected = one_by_one(&db, &users, &ids);
    assert!(expected.contains("null,null,0,\"changed\",2,1,6,1,0,"), "{expected}");
    // From fast shards by threads, or at once unless the machine has too much to do, and from slow ones by threads.
    until_fast_all(&db, &users);
    for (read_here, is_slow) in [(0, false), (400, false), (400, true)] {
        db.clear_cache();
        db.get(&users, "u299", &mut Vec::new()).expect("reads");
        if is_slow {
            slow_down(&db);
        }
        let (array, is_now) = many(&db, &users, &ids, read_here);
        assert_eq!(array, expected);
        assert!(!is_now || (read_here > 0 && !is_slow));
    }
    assert_eq!(
        many(&db, &users, &ids[..1], 0),
        ("[null,null,0]".to_owned(), false),
        "a document that is not there"
    );
    assert_eq!(many(&db, &users, &ids[100..101], 0), ("[299,1,0]".to_owned(), true), "one that is cached");
    assert_eq!(many(&db, &users, &[], 0), ("[]".to_owned(), true));
}

#[test]
fn what_is_beyond_a_megabyte_is_left_out() {
    const LARGE: usize = 100_000;
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 10);
    let ids: Vec<String> =
        (0..60).map(|i| format!("large{i}")).chain(["u1".to_owned(), "nobody".to_owned()]).collect();
    for id in &ids[..60] {
        db.set(&users, id, format!("\"{}\"", "x".repeat(LARGE)).as_bytes()).expect("writes");
    }
    for is_buffered in [true, false] {
        if !is_buffered {
            db.flush_wait().expect("flushes");
            db.clear_cache();
        }
        let (array, _) = many(&db, &users, &ids, 0);
        let values: Vec<serde_json::Value> = serde_json::from_str(&array).expect("JSON");
        let states: Vec<_> = values.chunks(3).map(|of_one| of_one[2].as_u64().expect("a state")).collect();
        assert_eq!(states.len(), ids.len());
        // Each thread may be at one when there is enough.
        let most = (1 << 20) / LARGE + 1 + THREADS;
        let whole = states.iter().filter(|state| **state < 2).count();
        assert!((10..=most + 2).contains(&whole), "{states:?}");
        assert!(
            values.chunks(3).all(|of_one| of_one[2] != 2 || (of_one[0].is_null() && of_one[1].is_null()))
        );
        assert!(is_buffered || values.chunks(3).all(|of_one| of_one[2] != 1));
    }
}

#[test]
fn many_documents_behind_many_writes_come_by_way_of_the_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 10);
    (0..2000).for_each(|i| db.set(&users, &format!("v{i}"), &[b'1'; 200]).expect("writes"));
    let ids: Vec<String> = ["u1", "v5", "nobody", "v1999"].map(str::to_owned).into();
    let (array, is_now) = many(&db, &users, &ids, usize::MAX);
    assert!(!is_now);
    assert_eq!(array, one_by_one(&db, &users, &ids));
}

#[test]
fn one_failed_read_is_the_answer_to_all_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_db, users) = stored(&folder, 1);
    let (tell, told) = mpsc::channel();
    let ids = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
    let done = Box::new(move |array| tell.send(array).expect("somebody waits"));
    let gather = Gather::new(&users, ids.clone(), Piece::default(), &Arc::default(), done);
    let piece = |index| {
        let mut piece = Piece::default();
        let read = piece.read(&ids, std::iter::once(index), |_, _| Ok(Attempt::Done(None)));
        assert_eq!(read, Ok((vec![], None)));
        piece
    };
    gather.put(Ok(piece(2)));
    gather.put(Err(Error::new(Code::Io, "no more")));
    gather.put(Ok(piece(1)));
    assert_eq!(told.recv().expect("an answer").map_err(|error| error.code()), Err(Code::Io));
    drop(gather);
    assert!(told.recv().is_err(), "and there is no other answer");
}

#[test]
fn closing_answers_who_waits_for_many_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 5000);
    let (tell, told) = mpsc::channel();
    for part in 0..50 {
        let ids = (0..100).map(|i| format!("u{}", part * 100 + i)).collect();
        let tell = tell.clone();
        let done =
            || move |array: Result<Vec<u8>>| tell.send(array.map_err(|error| error.code())).expect("awaited");
        assert_eq!(db.try_get_many(&users, ids, 0, done), Ok(None));
    }
    db.close().expect("closes");
    drop(tell);
    let answers: Vec<_> = told.iter().collect();
    assert_eq!(answers.len(), 50);
    assert!(answers.iter().all(|answer| answer.is_ok() || *answer == Err(Code::Closed)));
}

#[test]
fn a_document_does_not_wait_for_a_list_that_was_asked_for_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 2000);
    let ids: Vec<String> =
        (0..2000).map(|i| format!("u{i}")).filter(|id| db.shard_of(id) == 0).take(200).collect();
    let ((hold, held), (tell, told)) = (mpsc::channel::<()>(), mpsc::channel());
    // The lane is busy until this is answered.
    db.get_later(&users, &ids[0], Wait::Disk, move |_| _ = held.recv()).expect("open");
    let one = tell.clone();
    db.get_later(&users, &ids[1], Wait::Disk, move |_| one.send("one").expect("somebody waits"))
        .expect("open");
    let list = db.try_get_many(&users, ids[2..].to_vec(), 0, || {
        move |_: Result<Vec<u8>>| tell.send("list").expect("somebody waits")
    });
    assert_eq!(list, Ok(None));
    hold.send(()).expect("it waits");
    let order = [(); 2].map(|()| told.recv_timeout(PATIENCE).expect("an answer"));
    assert_eq!(order, ["one", "list"]);
}
