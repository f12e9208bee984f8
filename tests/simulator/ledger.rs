//! Writes to a disk that fails: what was asked for, accepted and promised, and whether what is found can be.
//!
//! Each write is a record of three: two new documents, there together or not at all, and a counter.

use std::collections::BTreeMap;

use kimdb::{Code, Database, Error};

use super::common::record;

const COUNTER: &str = "counter";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It failed: it may be there or not.
    Open,
    /// It must be there as long as there is power.
    Accepted,
    /// It must be there.
    Promised,
}

#[derive(Debug, Clone, Default)]
pub struct Ledger {
    fates: Vec<Fate>,
    /// Bytes of the documents of those that are large.
    sizes: BTreeMap<usize, usize>,
}

/// Fails unless the error is one that a failing disk may lead to.
pub fn check_error(error: &Error) -> Result<(), String> {
    match error.code() {
        Code::Io | Code::DiskFull => Ok(()),
        code => Err(format!("{}: {error}", code.as_str())),
    }
}

impl Ledger {
    /// Writes; whether that succeeded.
    pub fn write(&mut self, db: &Database, size: usize, is_durable: bool) -> Result<bool, String> {
        let number = self.fates.len();
        self.fates.push(Fate::Open);
        if size > 0 {
            self.sizes.insert(number, size);
        }
        let (a, b, text, count) =
            (format!("a{number}"), format!("b{number}"), self.text(number), number.to_string());
        let ops = [("c", &*a, Some(&*text)), ("d", &*b, Some(&*text)), ("c", COUNTER, Some(&*count))];
        let mut draft = record(db, &ops);
        let written =
            if is_durable { db.submit_durable_wait(&mut draft) } else { db.submit_wait(&mut draft) };
        match written {
            Ok(()) => self.fates[number] = if is_durable { Fate::Promised } else { Fate::Accepted },
            Err(error) => check_error(&error)?,
        }
        Ok(self.fates[number] != Fate::Open)
    }

    /// What was accepted is durable from now on.
    pub fn promise(&mut self) {
        self.fates.iter_mut().filter(|fate| **fate == Fate::Accepted).for_each(|fate| *fate = Fate::Promised);
    }

    fn text(&self, number: usize) -> String {
        format!("\"{number}{}\"", "x".repeat(self.sizes.get(&number).copied().unwrap_or(0)))
    }

    /// Whether the last write failed.
    pub fn is_failing(&self) -> bool {
        self.fates.last() == Some(&Fate::Open)
    }

    /// Checks what is there, if all of this fate and better must be. `ordered`: and whether the rest is there as a whole.
    pub fn check(&self, db: &Database, least: Fate, ordered: bool) -> Result<(), String> {
        let read = |collection: &str, id: &str| {
            let mut text = Vec::new();
            let found = db
                .get(&db.collection(collection), id, &mut text)
                .map_err(|error| format!("reading: {error}"))?;
            Ok::<_, String>(found.map(|found| (String::from_utf8(text).expect("UTF-8"), found.version)))
        };
        let (mut newest, mut count) = (None, 0);
        for (number, fate) in self.fates.iter().enumerate() {
            let (a, b) = (read("c", &format!("a{number}"))?, read("d", &format!("b{number}"))?);
            if a != b && (ordered || *fate >= least) {
                let (a, b) = (a.is_some(), b.is_some());
                return Err(format!("a part of record {number} is there: {a}, {b}"));
            }
            match &a {
                None if *fate >= least => return Err(format!("record {number} is lost: it was {fate:?}")),
                None => continue,
                Some((text, 1)) if *text == self.text(number) => {}
                Some((_, version)) => {
                    return Err(format!("record {number} is another, of version {version}"));
                }
            }
            (newest, count) = (Some(number), count + 1);
        }
        if !ordered {
            return Ok(());
        }
        let expected = newest.map(|newest| (newest.to_string(), count));
        let found = read("c", COUNTER)?;
        if found == expected { Ok(()) } else { Err(format!("counted {found:?} where it is {expected:?}")) }
    }
}
